"""Statistics of latencies: percentiles with distribution-free bounds, steady state, trend."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import ModelRangeError
from advisor.records.measurement import Percentile, Timing

Array = NDArray[np.float64]

CONFIDENCE = 0.95
STEADY_BLOCKS = 4
STEADY_TOLERANCE = 0.05
DRIFT_TOLERANCE = 0.03
TREND_P = 0.01
"""A trend that chance explains less often than this is one."""


@functools.lru_cache(maxsize=4096)
def order_statistic_ranks(n: int, fraction: float, confidence: float = CONFIDENCE) -> tuple[int | None, int | None]:
    r"""Ranks (1 = smallest) of the order statistics that enclose a quantile, whatever the distribution.

    Parameters
    ----------
    n : int
        Number of independent samples.
    fraction : float
        Quantile, in (0, 1).
    confidence : float
        Two-sided; half of the remaining probability is allowed at each end.

    Returns
    -------
    tuple
        Largest rank l with :math:`P(B \ge l) \ge 1 - \alpha/2` and least rank u with
        :math:`P(B < u) \ge 1 - \alpha/2`, B binomial with n and ``fraction``; None if n holds no such rank.

    Raises
    ------
    ModelRangeError
        ``n`` < 1, or ``fraction`` or ``confidence`` outside (0, 1).

    Notes
    -----
    Source: David and Nagaraja (2003), Order Statistics, section 7.1; https://doi.org/10.1002/0471722162
    Validity: independent samples. Requests of a steady loop are nearly so; :func:`block_trend` tests the steadiness.
    """
    if n < 1 or not 0 < fraction < 1 or not 0 < confidence < 1:
        raise ModelRangeError(f"order statistics need n >= 1 and fractions in (0, 1): {n}, {fraction}, {confidence}")
    from scipy.stats import binom  # takes most of a second to load, and planning needs none of it

    tail = (1.0 - confidence) / 2.0
    # binom.ppf(p) is the least k with P(B <= k) >= p. P(B >= l) = 1 - P(B <= l - 1) >= 1 - tail holds up to l = k.
    lower = int(binom.ppf(tail, n, fraction))
    upper = int(binom.ppf(1.0 - tail, n, fraction)) + 1
    return (lower if lower >= 1 else None), (upper if upper <= n else None)


def percentile(samples_s: Sequence[float] | Array, fraction: float, confidence: float = CONFIDENCE) -> Percentile:
    """Sample quantile (linear between order statistics) with its binomial bounds.

    Parameters
    ----------
    samples_s : sequence of float
        Latencies in any order [s], at least one.
    fraction : float
        0.95 for the 95th percentile.
    """
    ordered = np.sort(np.asarray(samples_s, dtype=np.float64))
    lower, upper = order_statistic_ranks(len(ordered), fraction, confidence)
    return Percentile(
        value_s=float(np.quantile(ordered, fraction)),
        lower_s=None if lower is None else float(ordered[lower - 1]),
        upper_s=None if upper is None else float(ordered[upper - 1]),
    )


def is_steady(
    block_medians_s: Sequence[float], blocks: int = STEADY_BLOCKS, tolerance: float = STEADY_TOLERANCE
) -> bool:
    """Say whether warm-up is over: the last medians lie together and no longer fall one after another.

    Parameters
    ----------
    block_medians_s : sequence of float
        Median latency of each warm-up block, oldest first [s].
    blocks : int
        How many of the latest are looked at; fewer than that is never steady.
    tolerance : float
        Largest distance of any of them from their median, relative to it.

    Notes
    -----
    Project assumption. A strictly falling run counts as warm-up while it still gains more than a third of the
    tolerance, which a pure range test would pass.
    """
    if len(block_medians_s) < blocks:
        return False
    last = np.asarray(block_medians_s[-blocks:], dtype=np.float64)
    centre = float(np.median(last))
    if centre <= 0:
        return False
    if float(np.max(np.abs(last - centre))) > tolerance * centre:
        return False
    falling = bool(np.all(np.diff(last) < 0))
    return not (falling and last[0] - last[-1] > tolerance / 3 * centre)


@dataclass(frozen=True)
class Trend:
    """Drift of block medians over a measurement."""

    drift: float
    """Theil-Sen slope times the length of the run, relative to the median; negative: became faster."""
    p_value: float
    """Probability of such a monotone run by chance (Mann-Kendall, two-sided)."""

    @property
    def steady(self) -> bool:
        """False only for a drift that is both large enough to matter and unlikely to be chance."""
        return not (abs(self.drift) > DRIFT_TOLERANCE and self.p_value < TREND_P)


def block_trend(block_medians_s: Sequence[float] | Array) -> Trend:
    """Test the measured blocks for a monotone trend.

    Parameters
    ----------
    block_medians_s : sequence of float
        Median latency of each measured block in order of time [s].

    Notes
    -----
    Source: Mann (1945), https://doi.org/10.2307/1907187; slope: Sen (1968), https://doi.org/10.1080/01621459.1968.10480934
    Validity: independent blocks; fewer than 6 never reach the 1 % level, so nothing is ever rejected there.
    """
    from scipy.stats import kendalltau, theilslopes

    medians = np.asarray(block_medians_s, dtype=np.float64)
    n = len(medians)
    centre = float(np.median(medians)) if n else 0.0
    if n < 2 or centre <= 0 or np.ptp(medians) == 0:
        return Trend(0.0, 1.0)
    slope = float(theilslopes(medians).slope)
    return Trend(slope * (n - 1) / centre, float(kendalltau(np.arange(n), medians).pvalue))


def build_timing(
    latencies_s: Sequence[float] | Array,
    duration_s: float,
    batch: int,
    block_p50_s: Sequence[float],
    *,
    passes: float | None = None,
    **optional: Any,
) -> Timing:
    """Summarise one measurement.

    Parameters
    ----------
    latencies_s : sequence of float
        One per pass, in order of issue, nothing filtered [s].
    duration_s : float
        Wall time of the measured blocks [s].
    batch : int
        Inputs per pass.
    block_p50_s : sequence of float
        Median of each block [s]; a trend in them clears ``steady``.
    passes : float, optional
        Passes done inside ``duration_s``, parts of passes included; None: as many as there are latencies.
    **optional
        Further fields of :class:`Timing`; ``steady=False`` (warm-up did not settle) is kept.

    Raises
    ------
    ModelRangeError
        No latency, or a duration that is not positive.
    """
    times = np.asarray(latencies_s, dtype=np.float64)
    if len(times) == 0 or duration_s <= 0:
        raise ModelRangeError(f"a timing needs samples and a positive duration: {len(times)} samples, {duration_s} s")
    steady = bool(optional.pop("steady", True)) and block_trend(block_p50_s).steady
    return Timing(
        samples=len(times),
        duration_s=float(duration_s),
        throughput_per_s=(len(times) if passes is None else passes) * batch / float(duration_s),
        avg_time_s=float(np.mean(times)),
        p50=percentile(times, 0.50),
        p90=percentile(times, 0.90),
        p95=percentile(times, 0.95),
        p99=percentile(times, 0.99),
        min_s=float(np.min(times)),
        steady=steady,
        block_p50_s=tuple(float(value) for value in block_p50_s),
        latencies_s=tuple(float(value) for value in times),
        **optional,
    )
