"""From frames to figures of cameras, and how much a number of frames can prove.

Frames of a camera are not independent: what is late tends to be followed by what is late. Samples therefore count in
blocks before a bound is drawn from them: as long as late frames follow late ones (:func:`exceedance_frames`) where a
limit is to be proved kept, as long as latencies are alike at all (:func:`correlation_frames`) where it is refuted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .histogram import Floats, Histogram
from .observation import Observation
from .running import Counts
from .setup import Feed

CONFIDENCE = 0.99
LARGEST_N = 10_000_000
FINITE = float(np.finfo(np.float64).max)
"""Above it there is only what never came."""


def binomial_cdf(successes: int, n: int, probability: float) -> float:
    """P(X <= successes), X binomial."""
    from scipy.special import bdtr

    if successes < 0:
        return 0.0
    return 1.0 if successes >= n else float(bdtr(successes, n, probability))


def is_certified(over: int, n: int, fraction: float, confidence: float = CONFIDENCE) -> bool:
    r"""Say whether n samples with ``over`` above a limit prove that the quantile ``fraction`` lies below it.

    Notes
    -----
    :math:`P(B(n, 1 - p) \le t) \le 1 - c`: with the true share of late results at its limit, so few would be rare.
    Source: MLPerf LoadGen early stopping (mlcommons/inference, loadgen/early_stopping.cc). Validity: independent
    samples; callers pass blocks.
    """
    return n > 0 and binomial_cdf(over, n, 1.0 - fraction) <= 1.0 - confidence


def is_refuted(over: int, n: int, fraction: float, confidence: float = CONFIDENCE) -> bool:
    """Say whether so many samples above the limit prove that the quantile lies above it."""
    return n > 0 and 1.0 - binomial_cdf(over - 1, n, 1.0 - fraction) <= 1.0 - confidence


def needed_samples(over: int, fraction: float) -> int:
    """Least n that certifies the quantile with ``over`` late results: 90 for the 95 % quantile with none late."""
    low, high = over + 1, over + 2
    while not is_certified(over, high, fraction):
        low, high = high, high * 2
        if high > LARGEST_N:
            return LARGEST_N
    while low < high:
        middle = (low + high) // 2
        if is_certified(over, middle, fraction):
            high = middle
        else:
            low = middle + 1
    return low


def correlation_frames(series: NDArray[np.float64]) -> float:
    r"""Length of a block of frames that counts as one independent sample, at least 1.

    Notes
    -----
    Integrated autocorrelation time :math:`1 + 2 \sum_k \rho_k` of the ranks, summed up to the first pair of lags whose
    sum is not positive (Geyer 1992, "Practical Markov chain Monte Carlo", section 3.3,
    https://doi.org/10.1214/ss/1177011137). Ranks, since latencies have heavy tails. A constant series gives 1.
    """
    n = len(series)
    if n < 8:
        return 1.0
    # To the microsecond: below that differences are rounding, whose order must not look like dependence.
    _, place, counts = np.unique(np.round(series, 6), return_inverse=True, return_counts=True)
    if len(counts) == 1:
        return 1.0
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    ranks -= ranks.mean()
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(ranks, size)
    covariance = np.fft.irfft(spectrum * np.conj(spectrum), size)[: n // 2]
    rho = covariance / covariance[0]
    total = 0.0
    for lag in range(1, len(rho) - 1, 2):
        pair = float(rho[lag] + rho[lag + 1])
        if pair <= 0:
            break
        total += pair
    return float(max(1.0, 1.0 + 2.0 * total))


def exceedance_frames(badness: NDArray[np.float64], share: float, limit: float = FINITE) -> float:
    r"""Length of a block for the claim that at most ``share`` of the frames exceed ``limit``, at least 1.

    Notes
    -----
    How much such a share varies depends on how the *exceedances* follow each other, not on how all latencies do: slow
    waves far below the limit say nothing about it. Were the claim just false, the worst ``share`` of the frames would
    exceed the limit; so the block is the correlation of these, of twice as many (a few exceedances alone show too
    little of it), and of those that do exceed the limit: the longest of the three. Source: Raftery and Lewis (1992),
    "How many iterations in the Gibbs sampler?" (the 0-1 process of a quantile); doubling and maximum are our own,
    their error rates are tested in ``tests/verification/test_proof.py``.
    """
    if len(badness) == 0:
        return 1.0
    series = [badness > limit]
    badness = np.round(badness, 6)  # as in correlation_frames: rounding's order must not look like dependence
    for part in (share, min(2.0 * share, 1.0)):
        edge = float(np.quantile(badness, 1.0 - part, method="lower"))
        series.append(badness > edge if bool((badness > edge).any()) else badness >= edge)
    return max(correlation_frames(item.astype(np.float64)) for item in series)


@dataclass(frozen=True)
class Tally:
    """Counts of one feed in one span of release times."""

    start_s: float
    end_s: float
    released: int
    done: int
    dropped: int
    lost: int
    slow: int
    """Done, but above the latency limit."""

    @property
    def span_s(self) -> float:
        """Length."""
        return self.end_s - self.start_s

    @property
    def offered(self) -> int:
        """Frames that the machine was given: released and not lost by the source."""
        return self.released - self.lost

    @property
    def open(self) -> int:
        """Frames neither done nor dropped when the run ended: late by more than the drain time."""
        return self.offered - self.done - self.dropped

    @property
    def late(self) -> int:
        """Frames above the latency limit; those that never ended are."""
        return self.slow + self.open

    @property
    def drops_fraction(self) -> float:
        """Share of the offered frames that were dropped."""
        return self.dropped / self.offered if self.offered else 0.0


@dataclass(frozen=True)
class Whole(Tally):
    """The whole measured span of a feed: counts, latencies, and how its frames follow each other."""

    latencies: Histogram
    bins: NDArray[np.uint16]
    """Histogram's bin of the latency of each offered frame in order of release, 0 where it was not done."""
    longest_gap_s: float
    """Longest time between two done frames' releases, the ends of the span included."""

    @property
    def latencies_s(self) -> Floats:
        """Upper ends of the latencies' bins, of frames done in order of release."""
        return self.latencies.upper_s(self.bins[self.bins > 0].astype(np.int64))

    @property
    def missing(self) -> Floats:
        """Per offered frame in order of release: 1.0 where it was not done."""
        return np.asarray(self.bins == 0, dtype=np.float64)

    @property
    def badness_s(self) -> Floats:
        """Latency of each offered frame in order of release, infinite where it was not done."""
        return np.where(self.bins > 0, self.latencies.upper_s(self.bins.astype(np.int64)), math.inf)

    def quantile_s(self, fraction: float) -> float | None:
        """Latency quantile with unfinished frames as infinitely late; None if it falls on one of these."""
        total = self.done + self.open
        return self.latencies.at(max(math.ceil(fraction * total), 1) - 1) if total else None


@dataclass(frozen=True)
class FeedFigures:
    """One feed: the whole measured span, and its windows."""

    feed: Feed
    whole: Whole
    windows: tuple[Tally, ...]
    """Complete windows of the requirement's length, one after another from the end of warm-up."""
    block_latency: float
    """Frames that count as one when latencies are to be refuted."""
    block_missing: float
    """Frames that count as one when a share of dropped or missing ones is to be refuted."""

    def fps(self, tally: Tally) -> float:
        """Frames done per second: the share of offered frames that were done times the rate of release.

        The rate of a paced feed is its own; a live one's is what it delivered. So the ends of a window, which hold a
        part of a period, change nothing.
        """
        if tally.offered == 0:
            return 0.0
        return self.rate(tally) * tally.done / tally.offered

    def rate(self, tally: Tally) -> float:
        """Rate of release."""
        if self.feed.live and tally.span_s > 0:
            return tally.released / tally.span_s
        return self.feed.rate_per_s


def figures(seen: Observation) -> tuple[FeedFigures, ...]:
    """Figures of all feeds."""
    seen.close()
    span = seen.span
    start_s, end_s = seen.warmup_s, max(seen.end_s, seen.warmup_s)
    count = int((end_s - start_s) / span.window_s + 1e-6)
    found = []
    for feed in seen.feeds:
        log = seen.frame_log(feed.index)

        def counted(counts: Counts) -> tuple[int, int, int, int, int]:
            unknown = counts.open if seen.ended_s is None else 0  # the child died: that says nothing about the machine
            return counts.released - unknown, counts.done, counts.dropped, counts.lost, counts.late

        windows = tuple(
            Tally(start_s + place * span.window_s, start_s + (place + 1) * span.window_s, *counted(counts))
            for place, counts in enumerate(log.windows(count))
        )
        bins = np.array(log.bins, dtype=np.uint16)
        whole = Whole(start_s, end_s, *counted(log.whole()), log.histogram, bins, log.longest_gap_s)
        slow, missing = correlation_frames(whole.latencies_s), correlation_frames(whole.missing)
        found.append(FeedFigures(feed, whole, windows, slow, max(slow, missing)))
    return tuple(found)
