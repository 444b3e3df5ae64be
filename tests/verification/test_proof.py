"""The rule of windows and blocks on correlated frames: how often it is wrong, and that it does not flip."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.verification.proof import (
    counted_frames,
    judge_share,
    late_share,
    missing_share,
    need_text,
    quiet_need_s,
    windows_rule,
)
from advisor.verification.statistics import figures

from .support import DROP, observe, scenario

ALLOWED = 0.05
RUNS = 60


def bursts(share: float, length: float, rng: np.random.Generator, count: int) -> np.ndarray:
    """Bad frames in bursts of a mean length: a chain of two states with this share of bad ones."""
    leave = 1.0 / length
    enter = leave * share / (1.0 - share)
    bad = np.empty(count, dtype=bool)
    state = bool(rng.random() < share)
    for index, chance in enumerate(rng.random(count)):
        bad[index] = state
        state = chance >= leave if state else chance < enter
    return bad


def judged(share: float, length: float, rng: np.random.Generator, seconds: float) -> bool | None:
    plan = scenario(
        cameras=[{"group": "cam", "count": 1, "resolution": "320x180", "fps": 15.0}],
        stages=[{"id": "person", "model": "m"}], slo={"latency_p95_ms": 300.0, "window_s": 20.0},
    )  # fmt: skip
    bad = bursts(share, length, rng, int(seconds * 15) + 15)
    seen = observe(plan, seconds, lambda _feed, number: DROP if bad[number] else 0.05)
    (figure,) = figures(seen)
    asked = missing_share(figure, ALLOWED, lambda span: span.dropped)
    return judge_share(asked, seen.seen_s, 20.0)[0]


@pytest.mark.parametrize("length", [1.0, 5.0])
def test_good_machines_do_not_fail_and_bad_ones_do_not_pass(length) -> None:
    rng = np.random.default_rng(int(length))
    good = [judged(0.02, length, rng, 120.0) for _ in range(RUNS)]
    bad = [judged(0.15, length, rng, 120.0) for _ in range(RUNS)]
    assert good.count(False) <= 2
    assert bad.count(True) == 0
    assert bad.count(False) >= 0.8 * RUNS  # and it is not silence that saves it
    if length == 1.0:
        assert good.count(True) >= 0.8 * RUNS


@pytest.mark.parametrize("length", [1.0, 5.0])
def test_at_the_limit_nothing_is_said_rather_than_both(length) -> None:
    rng = np.random.default_rng(10 + int(length))
    at = [judged(ALLOWED, length, rng, 120.0) for _ in range(RUNS)]
    # each answer may be wrong at 1 % per look; seven looks (six windows and the whole) at each run
    assert at.count(True) <= 3
    assert at.count(False) <= 6
    assert at.count(None) >= 0.85 * RUNS


def queue_waits(load: float, rng: np.random.Generator, count: int) -> np.ndarray:
    """Waiting times of frames that come evenly and take exponential times, in periods: Lindley's recursion, settled."""
    settle = 2000
    steps = np.cumsum(rng.exponential(load, count + settle) - 1.0)
    return (steps - np.minimum(np.minimum.accumulate(steps), 0.0))[settle:] + 1e-3 * rng.random(count)


def judged_latency(waits: np.ndarray, limit: float) -> bool | None:
    plan = scenario(
        cameras=[{"group": "cam", "count": 1, "resolution": "320x180", "fps": 15.0}],
        stages=[{"id": "person", "model": "m"}], slo={"latency_p95_ms": 50.0 * limit + 1.0, "window_s": 20.0},
    )  # fmt: skip
    seen = observe(plan, 120.0, lambda _feed, number: float(0.05 * waits[number] + 1e-3))
    (figure,) = figures(seen)
    return judge_share(late_share(figure, 0.05), seen.seen_s, 20.0)[0]


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_a_queue_at_its_limit_is_left_open_and_one_far_below_passes(load) -> None:
    rng = np.random.default_rng(int(load * 100))
    limit = float(np.quantile(queue_waits(load, rng, 400_000), 0.95))
    runs = [queue_waits(load, rng, 1830) for _ in range(RUNS)]
    at = [judged_latency(waits, limit) for waits in runs]
    assert at.count(True) <= 3
    assert at.count(False) <= 6
    far = [judged_latency(waits, 20.0 * limit) for waits in runs]
    assert far.count(False) == 0
    if load == 0.5:  # nearer to full, waits hang together for so long that two minutes are few blocks
        assert far.count(True) >= 0.8 * RUNS


def test_slow_waves_far_below_the_limit_take_no_proof_away() -> None:
    rng = np.random.default_rng(7)
    wave = 1.0 + 0.3 * np.sin(np.arange(1830) / 60.0) + rng.lognormal(-2.0, 1.0, 1830)
    assert judged_latency(wave, 100.0) is True


@pytest.mark.parametrize(
    ("held", "result"),
    [
        ([True] * 5, True),
        ([True, False, True, True], None),  # one miss leaves it open
        ([True, False, False, True], False),  # two in a row do not
        ([False, True, False] + [True] * 7, False),  # a fifth of them
        ([False, True, False] + [True] * 17, None),  # a tenth
        ([False], None),
        ([], True),
    ],
)
def test_windows_in_a_row(held, result) -> None:
    assert windows_rule(held) is result


def test_the_bound_is_said_in_frames_and_the_advice_is_something_to_do() -> None:
    assert counted_frames(12, 900, 1.0) == "12 of 900 frames miss the requirement"
    assert counted_frames(2, 90, 9.96) == "2 of 90 groups of 9.96 consecutive frames miss the requirement"
    assert need_text(12.4) == "too few frames to decide: measure 12 s longer (--duration)"
    assert "leave more headroom" in need_text(0.0)
    assert "more than a day" in need_text(1e6)


def test_what_a_quiet_machine_would_need_is_counted_without_the_bad_frames() -> None:
    figure = figures(observe(scenario(), 4.0, lambda _feed, number: 9.0 if number % 2 else 0.1))[0]
    rate = figure.feed.rate_per_s
    # 90 frames with nothing late prove that a twentieth at most is.
    assert quiet_need_s(late_share(figure, 0.05), 4.0) == pytest.approx(90 / rate - 4.0)
    assert quiet_need_s(late_share(figure, 0.05), 90 / rate + 1.0) == 0.0
    assert quiet_need_s(missing_share(figure, 0.0, lambda span: span.dropped), 4.0) == 0.0  # facts need no proof
