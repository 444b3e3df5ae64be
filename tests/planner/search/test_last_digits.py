import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.planner.search.last_digits import SAME, less, settled


@pytest.mark.parametrize("value", [1.0, 0.3, 7e-12, 123456.789, 2.0**40])
def test_sums_in_another_order_are_the_same(value: float) -> None:
    other = math.nextafter(math.nextafter(value, math.inf), math.inf)
    assert other != value
    assert settled(other) == settled(value)
    assert not less(value, other)
    assert settled(value) == pytest.approx(value, rel=SAME)


def test_what_differs_in_the_ninth_digit_is_told_apart() -> None:
    low, high = 1.0, 1.0 + 1e-9
    assert settled(low) < settled(high)
    assert less(low, high)


def test_arrays_keep_zeros_and_infinities() -> None:
    found = settled(np.array([0.0, np.inf, -0.1]))
    assert found[0] == 0.0
    assert np.isposinf(found[1])
    assert found[2] == pytest.approx(-0.1)


@given(st.one_of(st.floats(-1e300, 1e300), st.just(math.inf)))
@settings(deadline=None)
def test_a_number_by_itself_is_rounded_as_it_is_among_others(value: float) -> None:
    assert settled(value) == settled(np.array([value]))[0]


def test_the_first_of_equal_options_is_taken() -> None:
    sums = np.array([0.1 + 0.2, 0.3, 0.3])
    assert np.argmin(sums) == 1
    assert np.argmin(settled(sums)) == 0
