"""Intervals from the errors on machines that were left out (split conformal, grouped by machine)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..records.base import Interval
from ..records.calibration import ErrorBand

Array = NDArray[np.float64]
_NARROWEST = 0.03
"""Repeats of published figures differ by this much (log): no honest interval across machines is narrower."""


def weighted_quantile(values: Array, weights: Array, q: float) -> float:
    """Smallest value whose share of the total weight reaches ``q``."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(values[order][min(int(np.searchsorted(share, q)), len(values) - 1)])


def band(key: str, errors: Array, machines: Sequence[str], level: float = 0.8) -> ErrorBand:
    """Quantiles of held-out log errors in which every machine has one vote, widened for the number of machines.

    With m machines the tail probability (1 - level) / 2 is divided by (1 + 1/m): the finite-sample correction of split
    conformal prediction with the machine as the exchangeable unit. Source: Vovk, Gammerman and Shafer (2005),
    Algorithmic Learning in a Random World, section 2.2; Dunn, Wasserman and Ramdas (2023) for groups.
    """
    names, index, counts = np.unique(list(machines), return_inverse=True, return_counts=True)
    weights = 1.0 / np.sqrt(counts[index])
    tail = (1.0 - level) / 2.0 / (1.0 + 1.0 / len(names))
    low = weighted_quantile(errors, weights, tail)
    high = weighted_quantile(errors, weights, 1.0 - tail)
    return ErrorBand(
        key=key, low=min(low, -_NARROWEST), high=max(high, _NARROWEST), machines=len(names), rows=len(errors)
    )


class Bands:
    """Looks up the narrowest group with enough machines."""

    def __init__(self, bands: Sequence[ErrorBand], least_machines: int = 3) -> None:
        self._bands = {item.key: item for item in bands}
        self._least = least_machines

    def find(self, simd: str, precision: str, mode: str) -> tuple[float, float]:
        """Low and high log error; a group with fewer machines than needed is the hull of itself and its parent."""
        parents = [f"{simd}/{precision}/{mode}", f"*/{precision}/{mode}", "*/*/*"]
        low, high = 0.0, 0.0
        for key in parents:
            item = self._bands.get(key)
            if item is None:
                continue
            low, high = min(low, item.low), max(high, item.high)
            if item.machines >= self._least:
                break
        return low, high

    def unseen(self, precision: str) -> tuple[float, float]:
        """Low and high log error of models that no fitted row knows."""
        item = self._bands.get(f"unseen/{precision}") or self._bands["unseen/f32"]
        return item.low, item.high


def around(median: float, low: float, high: float) -> Interval:
    """Interval of a positive quantity from log distances ``low`` <= 0 <= ``high``."""
    return Interval(
        p10=float(median * np.exp(min(low, 0.0))), p50=float(median), p90=float(median * np.exp(max(high, 0.0)))
    )
