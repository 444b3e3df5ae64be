r"""Price of memory over time.

Between two days of the series the price moves evenly in its logarithm; before the first and after the last day it
stands still, since nothing tells more. Several prices of one month are one point: their median, and their scatter.

.. math:: \ln p(t) = \ln p_i + \frac{t - t_i}{t_{i+1} - t_i} (\ln p_{i+1} - \ln p_i)

Source: derived here.
"""

from __future__ import annotations

import datetime as dt
import math
import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from advisor.records.base import Z90
from advisor.records.offer import MemoryPrice, Trust

LEAST_SD = 0.15
"""Deviation (log) of what one kind of module costs from another of its size on one day; assumed, from prices of one day
that lie 1.7 times apart between the cheapest and the median kit."""


@dataclass(frozen=True)
class PerGigabyte:
    """Price of one gigabyte on a day."""

    value: float
    low: float
    high: float
    """P10 and P90."""
    observed: dt.date
    """Newest day of the prices that it rests on."""


@dataclass(frozen=True)
class _Point:
    day: dt.date
    log_price: float
    sd: float


class MemorySeries:
    """Prices of memory in one currency; weak ones are used where a month has no other."""

    def __init__(self, prices: Iterable[MemoryPrice], currency: str) -> None:
        by_month: dict[tuple[int, int], list[MemoryPrice]] = defaultdict(list)
        for price in prices:
            if price.currency == currency:
                by_month[price.observed.year, price.observed.month].append(price)
        self._points = [_point(month) for _, month in sorted(by_month.items())]

    @property
    def known(self) -> bool:
        """Whether the series has any price."""
        return bool(self._points)

    def at(self, day: dt.date) -> PerGigabyte:
        """Price on a day.

        Raises
        ------
        LookupError
            The series is empty.
        """
        if not self._points:
            raise LookupError("no price of memory is known in this currency")
        after = bisect_right([point.day for point in self._points], day)
        if after == 0 or after == len(self._points):
            near = self._points[0 if after == 0 else -1]
            return _price(near.log_price, near.sd, near.day)
        left, right = self._points[after - 1], self._points[after]
        share = (day - left.day).days / (right.day - left.day).days
        log_price = left.log_price + share * (right.log_price - left.log_price)
        return _price(log_price, max(left.sd, right.sd), left.day)


def _point(month: list[MemoryPrice]) -> _Point:
    best: Trust = "weak"
    if any(price.trust != "weak" for price in month):
        best = "read"
    kept = [price for price in month if (price.trust == "weak") == (best == "weak")]
    logs = [math.log(price.price_per_gb) for price in kept]
    scatter = statistics.stdev(logs) if len(logs) > 1 else 0.0
    return _Point(max(price.observed for price in kept), statistics.median(logs), max(scatter, LEAST_SD))


def _price(log_price: float, sd: float, day: dt.date) -> PerGigabyte:
    value = math.exp(log_price)
    return PerGigabyte(value, value * math.exp(-Z90 * sd), value * math.exp(Z90 * sd), day)
