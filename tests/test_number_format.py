from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.number_format import amounts_apart, apart


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        (4.21, 4.19, ("4.21", "4.19")),
        (4.204, 4.2, ("4.204", "4.2")),
        (12.0, 5.6, ("12", "5.6")),
        (1234.0, 999.0, ("1,234", "999")),
        (70.0, 70.0, ("70", "70")),
    ],
)
def test_figures_differ_in_print_where_they_differ(first: float, second: float, shown: tuple[str, str]) -> None:
    assert apart(first, second) == shown


@given(st.floats(1e-3, 1e6), st.floats(1e-6, 1.0))
def test_what_differs_by_a_millionth_reads_differently(value: float, by: float) -> None:
    first, second = apart(value, value * (1.0 + by))
    assert first != second


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_difference_of_amounts_is_that_of_the_printed_ones(first: float, second: float) -> None:
    assert f"{amounts_apart(first, second):,.0f}" == f"{float(f'{first:.0f}') - float(f'{second:.0f}'):,.0f}"
