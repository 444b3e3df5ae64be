"""Figures of a run are taken from its samples as numpy would take them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.simulate.result import quantile


@given(
    st.lists(st.floats(0.0, 1e4, allow_nan=False), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]),
)
def test_a_quantile_of_numbers_in_order_is_that_of_numpy(values: list[float], share: float) -> None:
    ascending = np.sort(np.array(values))
    assert quantile(ascending, share) == float(np.quantile(ascending, share))


@pytest.mark.parametrize("count", [1, 2, 900, 901])
def test_a_quantile_of_many_latencies_is_that_of_numpy(count: int) -> None:
    ascending = np.sort(np.random.default_rng(count).lognormal(-3.0, 0.7, count))
    assert [quantile(ascending, share) for share in (0.5, 0.95, 0.99)] == list(
        np.quantile(ascending, (0.5, 0.95, 0.99))
    )
