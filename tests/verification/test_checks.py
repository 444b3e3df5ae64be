"""The verdict's checks at their edges: bound just met, just missed, one sample short."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from advisor.records.verdict import Check
from advisor.verification import checks
from advisor.verification.observation import Observation
from advisor.verification.statistics import figures
from advisor.verification.usage import usage

from .support import DROP, LOSE, NEVER, configs, observe, scenario


def case(seen: Observation, **changes: object) -> checks.Case:
    plan = scenario(**changes)
    return checks.Case(plan, seen, figures(seen), usage(seen, 2.0), configs(plan))


def slo(**changes: object) -> dict[str, object]:
    return {"slo": {"latency_p95_ms": 300.0, "window_s": 10.0, **changes}}


def dropping(*numbers: int) -> Callable[[int, int], float | str]:
    return lambda feed, number: DROP if feed == 0 and number in numbers else 0.05


def run(check: Callable[[checks.Case], Check | None], seconds: float, fate: object = None, **changes: object) -> Check:
    plan = scenario(**changes)
    seen = observe(plan, seconds) if fate is None else observe(plan, seconds, fate)  # type: ignore[arg-type]
    found = check(case(seen, **changes))
    assert found is not None
    return found


def scattered(count: int, frames: int, first: int = 0) -> Callable[[int, int], float | str]:
    """So many drops of the first camera, at irregular places, so that they count one by one."""
    rng = np.random.default_rng(7)
    return dropping(*(first + rng.choice(frames, count, replace=False)))


def tail(t: int, n: int, p: float) -> float:
    """P(X >= t), X binomial, by its sum."""
    return 1.0 - sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(t))


def test_the_bound_for_drops_just_met_and_one_frame_short() -> None:
    # none of 459 frames dropped proves 1 % at 99 %: 30.6 s at 15 FPS, here 459 and 458 frames
    assert run(checks.drops, 30.6).ok is True
    short = run(checks.drops, 30.5)
    assert short.ok is None
    assert short.need_s == pytest.approx(1.0)
    assert "measure 1 s longer" in short.advice
    assert run(checks.drops, 10.0).need_s == pytest.approx(20.6, abs=0.1)


def test_a_drop_makes_the_proof_longer() -> None:
    # 662 frames with one dropped: 44.1 s
    assert run(checks.drops, 44.2, scattered(1, 400)).ok is True
    assert run(checks.drops, 43.9, scattered(1, 400)).ok is None


def test_drops_are_refuted_when_chance_is_ruled_out() -> None:
    # 300 frames at 1 %: nine or more in one of a hundred runs
    assert tail(8, 300, 0.01) > 0.01 >= tail(9, 300, 0.01)
    for check in (checks.drops, checks.camera_fps):
        assert run(check, 20.0, scattered(8, 300)).ok is None
        assert run(check, 20.0, scattered(9, 300)).ok is False


def test_waiting_is_not_advised_where_it_cannot_help() -> None:
    found = run(checks.drops, 20.0, scattered(5, 300))  # 1.7 % and yet no proof
    assert found.ok is None
    assert found.met is False
    assert found.need_s is None


def test_two_bad_windows_in_a_row_fail_though_the_whole_run_is_good() -> None:
    # 10 s windows hold 150 frames; six of them refute 1 %
    assert tail(5, 150, 0.01) > 0.01 >= tail(6, 150, 0.01)
    rng = np.random.default_rng(3)
    bad = [int(start + place) for start in (1500, 1650) for place in rng.choice(150, 7, replace=False)]
    apart = [number + 900 if number >= 1650 else number for number in bad]
    assert run(checks.drops, 400.0, dropping(*bad)).ok is False
    assert run(checks.drops, 400.0, dropping(*apart)).ok is not False
    assert run(checks.drops, 40.0, dropping(*(n - 1500 for n in bad[:7]), *(n - 1350 for n in bad[7:]))).ok is False


def test_an_isolated_bad_window_leaves_it_open() -> None:
    rng = np.random.default_rng(3)
    assert run(checks.drops, 400.0, dropping(*(int(n) for n in 1500 + rng.choice(150, 7, replace=False)))).ok is None


def test_without_permitted_drops_one_is_too_many_and_two_clean_windows_hold() -> None:
    exact = {"slo": {"latency_p95_ms": 300.0, "window_s": 10.0, "drops_max_pct": 0.0, "camera_fps": 15.0}}
    for check in (checks.camera_fps, checks.drops):
        assert run(check, 20.0, **exact).ok is True
        assert run(check, 19.9, **exact).ok is None
        assert run(check, 20.0, dropping(3), **exact).ok is False
    missed = run(checks.camera_fps, 20.0, dropping(3), **exact)
    assert missed.measured.startswith("14.95 FPS on cam-1")


def test_a_lower_required_rate_permits_more_missing_frames() -> None:
    lower = slo(camera_fps=10.0)  # less 1 %: 9.9 of 15, a third and a bit may be missing

    def keep(part: float) -> Callable[[int, int], float | str]:
        picks = np.random.default_rng(2).random(2000) < part
        return lambda _feed, number: 0.05 if picks[number] else DROP

    assert run(checks.camera_fps, 40.0, keep(0.75), **lower).ok is True
    assert run(checks.camera_fps, 40.0, keep(0.66), **lower).ok is None
    assert run(checks.camera_fps, 40.0, keep(0.55), **lower).ok is False
    assert run(checks.drops, 40.0, keep(0.75), **lower).ok is False


def late_fate(every: int, late_s: float = 0.4, seed: int = 1) -> Callable[[int, int], float | str]:
    """One in so many frames late, at irregular places, so that frames count as independent."""
    rng = np.random.default_rng(seed)
    late = rng.random((2, 10_000)) < 1 / every
    jitter = rng.uniform(0.01, 0.05, (2, 10_000))
    return lambda feed, number: late_s if late[feed, number] else float(jitter[feed, number])


def test_latency_is_proved_by_90_independent_frames_and_no_fewer() -> None:
    fate = late_fate(10**6, seed=4)
    fast = run(checks.latency, 20.0, fate)
    assert fast.ok is True
    short = run(checks.latency, 5.0, fate)
    assert short.ok is None
    assert short.met is True
    assert short.need_s is not None
    assert 1.0 <= short.need_s < 15


def test_latency_far_beyond_the_limit_fails_and_near_it_is_open() -> None:
    assert run(checks.latency, 8.0, lambda _feed, number: 0.4 + (number * 7919 % 97) * 1e-3).ok is False
    near = run(checks.latency, 20.0, late_fate(20))  # one in twenty: the limit itself
    assert near.ok is None


def test_correlated_latency_proves_less_than_independent_one() -> None:
    def drifting(_feed: int, number: int) -> float:
        return 0.1 + 0.05 * ((number // 60) % 3)  # the same for four seconds

    assert run(checks.latency, 20.0, drifting).ok is None
    assert run(checks.latency, 20.0, late_fate(10**6)).ok is True


def test_frames_that_never_end_fail_latency() -> None:
    found = run(checks.latency, 20.0, lambda _feed, number: NEVER if number % 3 == 0 else 0.05)
    assert found.ok is False
    assert "never ended" in found.measured


@pytest.mark.parametrize(("other", "expected"), [(0.0, False), (1.0, None)])
def test_what_others_may_have_caused_is_no_failure(other, expected) -> None:
    plan = scenario()
    # 30 % dropped: with the other half of the machine the same frames could have been done
    seen = observe(plan, 20.0, lambda _f, n: DROP if n * 7 % 10 < 3 else 0.05, other_cores=other)
    assert checks.drops(case(seen)).ok is expected
    found = checks.camera_fps(case(seen))
    assert found is not None
    assert found.ok is expected


def test_what_even_a_quiet_machine_could_not_do_fails_in_spite_of_others() -> None:
    seen = observe(scenario(), 20.0, lambda _f, n: 0.05 if n * 7 % 10 == 0 else DROP, other_cores=1.0)
    assert checks.drops(case(seen)).ok is False  # twice a tenth is still a fifth


def test_queues_that_grow_fail_and_full_ones_that_stay_do_not() -> None:
    plan = scenario()
    assert checks.queue_growth(case(observe(plan, 20.0, in_flight=lambda t: 5.0 * t))).ok is False
    assert checks.queue_growth(case(observe(plan, 20.0, in_flight=lambda _t: 40.0))).ok is True
    assert checks.queue_growth(case(observe(plan, 2.0))).ok is None


def test_queues_that_wander_at_the_limit_are_left_open_rather_than_failed() -> None:
    plan, words = scenario(), []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        depth, series = 4.0, []
        for _ in range(60):  # a walk between an empty queue and a full one
            depth = float(np.clip(depth + rng.normal(0.0, 2.5), 0.0, 14.0))
            series.append(depth)
        seen = observe(plan, 25.0, in_flight=lambda t, series=series: series[int(2 * t)])
        words.append(checks.queue_growth(case(seen)).ok)
    assert words.count(False) <= 3  # a steady climb by chance
    assert words.count(None) >= 6  # growth of the mean alone would have failed these
    short = checks.queue_growth(case(observe(plan, 6.0, in_flight=lambda t: 10.0 * t)))
    assert short.ok is None
    assert short.need_s == pytest.approx(4.0, abs=2.0)


@pytest.mark.parametrize("check", [checks.drops, checks.camera_fps])
def test_what_a_camera_misses_that_was_away_is_not_the_machines_fault(check) -> None:
    seen = observe(scenario(), 20.0, scattered(60, 300))
    assert check(case(seen)).ok is False
    seen.status[0] = [(1.0, "ok"), (5.0, "lost: no route"), (10.0, "ok")]
    others = check(case(seen))
    assert others.ok is not False
    assert "cam-1" not in others.measured
    seen.status.update({figure.feed.index: [(5.0, "lost: no route")] for figure in case(seen).figures})
    assert check(case(seen)).ok is None
    assert checks.latency(case(seen)).ok is None


def test_sources_that_failed_make_it_open_and_are_named() -> None:
    seen = observe(scenario(), 20.0)
    seen.rows([["c", 1, 3.0, "lost: connecting again"]])
    found = checks.sources(case(seen))
    assert found.ok is None
    assert "cam-2 lost" in found.measured
    assert checks.sources(case(observe(scenario(), 20.0))).ok is True


def test_a_broken_run_fails_and_a_stopped_one_is_open() -> None:
    seen = observe(scenario(), 20.0)
    seen.failure = "the cascade's process crashed with SIGSEGV"
    assert checks.run_completed(case(seen)).ok is False
    assert "SIGSEGV" in checks.run_completed(case(seen)).measured
    seen.failure, seen.stopped, seen.ended_s = None, True, 7.0
    stopped = checks.run_completed(case(seen))
    assert stopped.ok is None
    assert stopped.need_s == pytest.approx(13.0)


@pytest.mark.parametrize(
    ("fps", "said"),
    [
        (15.0, "1 deliver"),
        (30.0, "c-1 delivered 600 frames where 300 were planned"),
        (7.0, "delivered 140 of 300 frames"),
    ],
)
def test_a_live_camera_of_another_rate_than_planned_is_named(fps, said) -> None:
    group = {"group": "c", "count": 1, "resolution": "320x180", "fps": 15.0, "source": ["rtsp://camera/1"]}
    sent = observe(scenario(cameras=[{**group, "fps": fps}]), 20.0)
    seen = observe(scenario(cameras=[group]), 20.0)
    seen.frames = sent.frames
    found = checks.sources(case(seen, cameras=[group]))
    assert said in found.measured
    assert found.ok is (True if fps == 15.0 else None)


def test_a_source_that_loses_frames_is_named_and_not_the_machine() -> None:
    seen = observe(scenario(), 20.0, lambda feed, number: LOSE if feed == 0 and number % 10 == 0 else 0.05)
    found = checks.sources(case(seen))
    assert found.ok is None
    assert found.measured == "cam-1 lost 30 of 300 frames"
    assert checks.drops(case(seen)).met is True


def test_the_advice_on_a_disturbed_box_names_the_cause_and_does_not_grow() -> None:
    # bursts of drops, as a neighbour makes them: they follow each other, so that proof takes ever more frames
    needs = []
    for seconds in (20.0, 120.0):
        seen = observe(scenario(), seconds, lambda f, n: DROP if 890 <= n % 900 < 897 else 0.05, other_cores=0.6)
        found = checks.drops(case(seen))
        assert found.ok is None
        assert "stop other work and repeat: other processes took 0.60 of 2 cores" in found.advice
        needs.append(found.need_s)
    assert needs == [pytest.approx(10.6), None]  # 459 frames at 15 a second, and then only quiet helps


def test_before_the_first_frame_of_a_slow_camera_the_time_of_a_proof_is_told() -> None:
    cameras = [{"group": "c", "count": 1, "resolution": "320x180", "fps": 0.1}]
    plan = scenario(cameras=cameras)
    seen = observe(plan, 20.0)
    seen.frames.clear()
    needs = [check(case(seen, cameras=cameras)) for check in (checks.camera_fps, checks.drops, checks.latency)]
    assert [found and found.need_s for found in needs] == [4570.0, 4570.0, 880.0]
    seen.status[0] = [(0.0, "failed: no picture")]
    assert checks.drops(case(seen, cameras=cameras)).need_s is None


def test_late_frames_on_a_disturbed_box_are_put_down_to_who_disturbed_it() -> None:
    seen = observe(scenario(), 20.0, lambda _f, _n: 0.5, other_cores=0.6)
    found = checks.latency(case(seen))
    assert found.ok is None
    assert found.advice == "stop other work and repeat: other processes took 0.60 of 2 cores"
