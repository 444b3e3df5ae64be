from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.verification.statistics import (
    binomial_cdf,
    correlation_frames,
    figures,
    is_certified,
    is_refuted,
    needed_samples,
)

from .support import DROP, LOSE, NEVER, observe, scenario


def test_binomial_tail_by_its_sum() -> None:
    for n, p in [(10, 0.05), (90, 0.05), (459, 0.01)]:
        for t in (0, 1, 5):
            exact = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(t + 1))
            assert binomial_cdf(t, n, p) == pytest.approx(exact, rel=1e-9)
    assert binomial_cdf(-1, 10, 0.5) == 0.0
    assert binomial_cdf(10, 10, 0.5) == 1.0


# The table of the MLPerf early-stopping rule at 99 % confidence, recomputed with exact binomial sums.
@pytest.mark.parametrize(
    ("fraction", "needed"),
    [(0.90, [44, 64, 81, 97]), (0.95, [90, 130, 165, 198]), (0.99, [459, 662, 838, 1001])],
)
def test_samples_needed_agree_with_the_published_table(fraction, needed) -> None:
    assert [needed_samples(t, fraction) for t in range(4)] == needed
    for late, n in enumerate(needed):
        assert is_certified(late, n, fraction)
        assert not is_certified(late, n - 1, fraction)  # one sample short


def test_nothing_is_proved_by_nothing() -> None:
    assert not is_certified(0, 0, 0.95)
    assert not is_refuted(0, 0, 0.95)


@pytest.mark.parametrize("share", [0.03, 0.05, 0.08])
def test_wrong_proofs_are_rarer_than_promised(share) -> None:
    rng = np.random.default_rng(5)
    late = rng.binomial(600, share, 4000)
    certified = np.mean([is_certified(int(t), 600, 0.95) for t in late])
    refuted = np.mean([is_refuted(int(t), 600, 0.95) for t in late])
    noise = 3 * math.sqrt(0.01 * 0.99 / 4000)
    if share >= 0.05:
        assert certified <= 0.01 + noise
    if share <= 0.05:
        assert refuted <= 0.01 + noise


def test_independent_frames_count_one_by_one() -> None:
    rng = np.random.default_rng(2)
    lengths = [correlation_frames(rng.lognormal(0, 1, 2000)) for _ in range(20)]
    assert np.mean(lengths) == pytest.approx(1.0, abs=0.15)


def test_dependent_frames_count_in_blocks_of_their_correlation() -> None:
    rng = np.random.default_rng(3)
    keep = 0.8
    lengths = []
    for _ in range(20):
        series = np.zeros(4000)
        for index in range(1, 4000):
            series[index] = keep * series[index - 1] + rng.standard_normal()
        lengths.append(correlation_frames(series))
    # 1 + 2 sum keep^k = (1 + keep) / (1 - keep) for the values; the ranks of a normal series are nearly as correlated
    assert np.mean(lengths) == pytest.approx((1 + keep) / (1 - keep), rel=0.15)


def test_constant_and_tiny_series_are_one_block_each() -> None:
    assert correlation_frames(np.full(100, 0.2)) == 1.0
    assert correlation_frames(np.array([1.0, 2.0])) == 1.0
    assert correlation_frames(np.array([])) == 1.0


def test_rounding_noise_on_a_constant_is_no_dependence() -> None:
    at = np.arange(300) / 15.0
    assert correlation_frames(at + 0.05 - at) == 1.0


def test_bursts_of_drops_count_by_burst() -> None:
    alone, burst = np.zeros(3000), np.zeros(3000)
    alone[::100] = 1.0
    for start in range(0, 3000, 500):
        burst[start : start + 20] = 1.0
    assert correlation_frames(alone) < 1.5
    assert 10 < correlation_frames(burst) < 30


def test_every_frame_of_a_span_is_counted_once_whatever_its_end() -> None:
    fates = {0: 0.01, 1: DROP, 2: LOSE, 3: NEVER}
    plan = scenario(slo={"latency_p95_ms": 300.0, "window_s": 5.0})
    seen = observe(plan, 20.0, lambda _feed, number: fates[number % 4], warmup_s=2.0)
    for figure in figures(seen):
        assert len(figure.windows) == 4
        assert sum(window.released for window in figure.windows) == figure.whole.released == 300
        for span in (figure.whole, *figure.windows):
            assert span.released == span.done + span.dropped + span.lost + span.open
            assert span.offered == span.released - span.lost
        assert figure.whole.lost == 75
        assert figure.fps(figure.whole) == pytest.approx(15.0 / 3)


def test_the_ends_of_a_window_change_no_rate() -> None:
    # 10.03 s hold 150 or 151 frames at 15 per second, by the phase: all done is 15.00, not 14.96
    seen = observe(scenario(), 10.03)
    assert [figure.fps(figure.whole) for figure in figures(seen)] == [15.0, 15.0]


def test_frames_that_never_end_are_later_than_any_limit() -> None:
    plan = scenario()
    seen = observe(plan, 20.0, lambda _feed, number: NEVER if number % 10 == 0 else 0.1)
    figure = figures(seen)[0]
    assert figure.whole.quantile_s(0.5) == pytest.approx(0.1)
    assert figure.whole.quantile_s(0.95) is None
    assert figure.whole.late == 30
    # In order of release, for what a proof counts: the done ones at the upper end of their bin, the others beyond any.
    badness_s = figure.whole.badness_s
    assert len(badness_s) == 300
    assert np.isinf(badness_s[::10]).all()
    assert np.delete(badness_s, np.s_[::10]) == pytest.approx(0.1, rel=2e-3)
    assert figure.whole.latencies_s == pytest.approx(0.1, rel=2e-3)
    assert figure.whole.missing.tolist() == [1.0, *[0.0] * 9] * 30


def test_what_was_in_flight_when_the_process_died_counts_for_nothing() -> None:
    seen = observe(scenario(), 10.0, lambda _feed, number: NEVER if number >= 140 else 0.1)
    seen.ended_s = None
    whole = figures(seen)[0].whole
    assert (whole.released, whole.done, whole.open) == (140, 140, 0)


def test_longest_gap_reaches_over_drops() -> None:
    seen = observe(scenario(), 10.0, lambda _feed, number: DROP if 30 <= number < 45 else 0.1)
    assert figures(seen)[0].whole.longest_gap_s == pytest.approx(16 / 15)
