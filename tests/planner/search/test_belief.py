from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from advisor.errors import ModelRangeError
from advisor.planner.search.belief import MEDIAN, OPTIMISTIC, PESSIMISTIC, at
from advisor.records.base import Interval


def test_the_three_quantiles_are_those_of_the_interval() -> None:
    time_s = Interval(p10=1.0, p50=2.0, p90=8.0)
    assert [at(time_s, z) for z in (OPTIMISTIC, MEDIAN, PESSIMISTIC)] == [1.0, 2.0, 8.0]
    assert norm.cdf([OPTIMISTIC, MEDIAN, PESSIMISTIC]) == pytest.approx([0.1, 0.5, 0.9])


def test_between_them_it_is_log_normal_on_each_side() -> None:
    time_s = Interval(p10=1.0, p50=2.0, p90=8.0)
    # Half way to a quantile is the geometric mean of it and the median.
    assert at(time_s, PESSIMISTIC / 2) == pytest.approx(math.sqrt(2.0 * 8.0))
    assert at(time_s, OPTIMISTIC / 2) == pytest.approx(math.sqrt(2.0 * 1.0))


def test_nothing_stays_nothing_and_a_side_that_reaches_zero_is_refused() -> None:
    nothing = Interval(p10=0.0, p50=0.0, p90=0.0)
    assert at(nothing, PESSIMISTIC) == 0.0
    with pytest.raises(ModelRangeError, match="not positive"):
        at(Interval(p10=0.0, p50=1.0, p90=2.0), OPTIMISTIC)
