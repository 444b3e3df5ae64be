"""Position in what is believed of a quantity: a standard normal quantile ``z``, of which larger is slower.

Where a closed form or a simulation takes one ``z`` for all parts of a box, it is that of the box as a whole: errors
that the parts do not share partly cancel (:mod:`~advisor.planner.search.joint`).
"""

from __future__ import annotations

import math

from advisor.errors import ModelRangeError
from advisor.records.base import Z90, Interval

OPTIMISTIC, MEDIAN, PESSIMISTIC = -Z90, 0.0, Z90
"""P10, P50 and P90 of service times, as values of ``z``."""
QUANTILES = (OPTIMISTIC, MEDIAN, PESSIMISTIC)


def at(interval: Interval, z: float) -> float:
    """Value of a positive interval at quantile ``z``, log-normal on each side of the median.

    Raises
    ------
    ModelRangeError
        The interval reaches zero or below on the side asked for.
    """
    if interval.p50 <= 0:
        return interval.p50
    side = interval.p90 if z >= 0 else interval.p10
    if side <= 0:
        raise ModelRangeError(f"interval is not positive: {interval}")
    if z == MEDIAN:
        return interval.p50
    if abs(z) == Z90:  # nearly all calls ask for one of the three quantiles
        return side
    spread = abs(math.log(side / interval.p50)) / Z90
    return interval.p50 * math.exp(spread * z)
