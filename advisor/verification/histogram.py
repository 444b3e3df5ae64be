"""Times counted in bins of a relative width: quantiles of a run of any length in memory that hardly grows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RESOLUTION = 1e-3
"""Width of a histogram's bins, relative: quantiles are right to it."""
CENTRE = 1 << 15
"""Number of the bin that ends at the histogram's edge."""
ROUNDED = 6
"""Decimals of a second to which times are binned: below that differences are rounding."""


class Histogram:
    """Counts of times in bins of a relative width; one of the bins ends exactly at ``edge_s``.

    Notes
    -----
    Bin k holds (edge (1 + r)^(k - 1), edge (1 + r)^k], as DDSketch's (Masson et al. 2019, "DDSketch: a fast and
    fully-mergeable quantile sketch with relative-error guarantees", https://doi.org/10.14778/3352063.3352135). A bin's
    value is the mean of what it holds, so that equal times come back as they were.
    """

    def __init__(self, edge_s: float = 1.0, resolution: float = RESOLUTION) -> None:
        self.edge_s = edge_s
        self._log_width = math.log1p(resolution)
        self.largest_s = -math.inf
        self._bins: Integers = np.empty(0, np.int64)
        self._counts: Integers = np.empty(0, np.int64)
        self._sums: Floats = np.empty(0)

    @property
    def total(self) -> int:
        """How many times it holds."""
        return int(self._counts.sum())

    def bins(self, values_s: Floats) -> Integers:
        """Bin of each time; above :data:`CENTRE` if, and only if, the time is above the edge."""
        rounded = np.maximum(np.round(values_s, ROUNDED), 10.0**-ROUNDED)
        found = CENTRE + np.ceil(np.log(rounded / self.edge_s) / self._log_width).astype(np.int64)
        above = values_s > self.edge_s
        found = np.where(above, np.maximum(found, CENTRE + 1), np.minimum(found, CENTRE))
        return np.clip(found, 1, 2 * CENTRE - 1)

    def upper_s(self, bins: Integers) -> Floats:
        """Upper end of bins."""
        return np.asarray(self.edge_s * np.exp((bins - CENTRE) * self._log_width), dtype=np.float64)

    def add(self, values_s: Floats) -> None:
        """Count times."""
        if values_s.size:
            self._merge(self.bins(values_s), np.ones(values_s.size, np.int64), values_s)
            self.largest_s = max(self.largest_s, float(values_s.max()))

    def update(self, other: Histogram) -> None:
        """Count what another of the same bins holds."""
        assert (other.edge_s, other._log_width) == (self.edge_s, self._log_width)
        if other._bins.size:
            self._merge(other._bins, other._counts, other._sums)
            self.largest_s = max(self.largest_s, other.largest_s)

    def _merge(self, bins: Integers, counts: Integers, sums: Floats) -> None:
        self._bins, place = np.unique(np.concatenate((self._bins, bins)), return_inverse=True)
        held, summed = np.zeros(len(self._bins), np.int64), np.zeros(len(self._bins))
        np.add.at(held, place, np.concatenate((self._counts, counts)))
        np.add.at(summed, place, np.concatenate((self._sums, sums)))
        self._counts, self._sums = held, summed

    def at(self, rank: int) -> float | None:
        """Value of the rank, from 0 in ascending order; None where there are not so many."""
        below = np.cumsum(self._counts)
        place = int(np.searchsorted(below, rank, side="right"))
        if place >= len(below):
            return None
        mean = float(self._sums[place] / self._counts[place])
        # A sum of equal times may round to more than so many of them: never across the edge.
        return min(mean, self.edge_s) if self._bins[place] <= CENTRE else mean

    def quantile(self, fraction: float) -> float | None:
        """Quantile, between two values by how near it is to either, as ``numpy.quantile``."""
        place = (self.total - 1) * fraction
        low, high = self.at(math.floor(place)), self.at(math.ceil(place))
        if place < 0 or low is None or high is None:
            return None
        return low + (high - low) * (place - math.floor(place))

    def tail_ms(self) -> dict[str, float | None]:
        """p50, p95, p99 and maximum [ms]; None for no values."""
        found = {name: self.quantile(share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        found["max"] = self.largest_s if self._bins.size else None
        return {name: None if value is None else value * 1e3 for name, value in found.items()}
