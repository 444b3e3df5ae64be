"""What is kept of a run while it goes: the same figures as from every frame, in memory that does not grow with them."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

from advisor.records.config import EffectiveConfig
from advisor.records.scenario import Scenario
from advisor.records.verdict import Verdict
from advisor.verification import observation, running
from advisor.verification.histogram import RESOLUTION
from advisor.verification.observation import Observation
from advisor.verification.running import DONE, DROPPED, LOST, Slots, Span
from advisor.verification.setup import feeds_of
from advisor.verification.statistics import figures
from advisor.verification.trace import trace_of, window_s
from advisor.verification.verdict import judge

from .support import configs, facts, scenario

UNFOLDED = 10**9


def test_a_part_of_a_run_takes_whole_hundredths() -> None:
    slots = Slots(Span(2.0, 50.0, 10.0, 0.3))
    at_s = np.arange(0.0, 52.0, 0.25)
    slots.add(at_s, at_s)
    tenth, length_s = slots.part(2.0, 7.0)
    assert (tenth.total, length_s) == (20, pytest.approx(5.0))
    assert (tenth.quantile(0.0), tenth.largest_s) == (2.0, 6.75)
    short, length_s = slots.part(10.1, 10.2)  # less than one of them
    assert (short.total, length_s) == (2, pytest.approx(0.2))


def soak(
    plan: Scenario,
    seconds: float,
    rng: np.random.Generator,
    *,
    traced: bool = True,
    latencies_s: tuple[float, ...] = (),
) -> Observation:
    """A run as its child reports it: pictures out of order, frames dropped, lost, late, or never done."""
    warmup_s = 2.0
    span = Span(warmup_s, seconds, plan.slo.window_s, plan.slo.latency_p95_ms / 1e3,
                window_s(warmup_s, seconds) if traced else (0.0, -1.0))  # fmt: skip
    seen = Observation(feeds_of(plan), span, 2)
    seen.started = True
    for stage in plan.stages:
        seen.effective[stage.id] = EffectiveConfig(
            device="CPU", precision="f32", streams=1, threads=1, batch=1, runtime_version="1"
        )
        seen.slots[stage.id], seen.objects[stage.id] = 1, "none"
        seen.rows([["n", stage.id, ""]])
    rate = plan.cameras[0].fps
    ends: list[tuple[float, int, list[Any]]] = []
    sampled_s = 0.0
    for number in range(int((seconds + warmup_s) * rate)):
        for feed in seen.feeds:
            at_s = number / rate + feed.index * 1e-3
            seen.rows([["r", feed.index, number, at_s, abs(float(rng.normal())) * 1e-4]])
            if number % 4 == 1:  # complete with the packet after it
                at_s += 1.5 / rate
                seen.rows([["p", feed.index, number, at_s]])
            ended_s = at_s + (
                latencies_s[number % len(latencies_s)] if latencies_s else float(rng.lognormal(-2.5, 0.7))
            )
            fate = DONE if (kind := rng.random()) > 0.02 else DROPPED if kind > 0.01 else LOST
            if kind > 0.0002:
                ends.append((ended_s, number, ["e", feed.index, number, fate, ended_s, "person"]))
            elif kind > 0.0001:
                ends.append((ended_s + 100.0, number, ["e", feed.index, number, DONE, ended_s + 100.0, ""]))
            seen.rows([["d", feed.index, feed.index % 2, at_s, at_s + 0.002]])
            for stage in plan.stages:
                begun_s = at_s + 0.01
                seen.rows([["b", stage.id, 0, 0.001, begun_s, begun_s + 0.001, begun_s + 0.001, ended_s, 1],
                           ["o", stage.id, at_s, number % 3]])  # fmt: skip
        now_s = number / rate
        if number % 32 == 31:
            ends.sort()
            seen.rows([row for at, _, row in ends if at <= now_s])
            ends = [item for item in ends if item[0] > now_s]
        while sampled_s <= now_s:
            seen.rows([["s", sample(sampled_s, plan)]])
            sampled_s += 0.5
    seen.rows([row for *_, row in sorted(ends)])
    seen.ended_s = warmup_s + seconds
    return seen


def sample(at_s: float, plan: Scenario) -> dict[str, Any]:
    return {
        "t": at_s, "cpu_s": 0.5 * at_s, "parent_cpu_s": 0.0, "own_threads_s": 0.1 * at_s, "machine_s": 0.5 * at_s,
        "steal_s": 0.0, "rss": 1e8 + 1e4 * (int(at_s) % 7), "hz": 2e9, "temperature_c": None, "energy_j": None,
        "throttled": None, "stage_s": {}, "decode_s": 0.05 * at_s,
        "prepare_s": {stage.id: 0.0 for stage in plan.stages}, "in_flight": int(at_s) % 3, "queues": {},
    }  # fmt: skip


def small(cameras: int = 3, fps: float = 15.0) -> Scenario:
    return scenario(
        cameras=[{"group": "cam", "count": cameras, "resolution": "320x180", "fps": fps}],
        stages=[{"id": "person", "model": "m"}],
    )


def judged(seen: Observation, plan: Scenario) -> Verdict:
    return judge(plan, seen, configs(plan), facts())


def test_what_was_folded_early_gives_the_verdict_of_what_was_held_to_the_end(monkeypatch) -> None:
    plan = small()
    monkeypatch.setattr(running, "FOLD_ROWS", UNFOLDED)
    held = soak(plan, 120.0, np.random.default_rng(3))
    assert sum(log.waiting for log in held.frames.values()) == sum(held.counts)
    monkeypatch.setattr(running, "FOLD_ROWS", 50)
    folded = soak(plan, 120.0, np.random.default_rng(3))
    assert sum(log.waiting for log in folded.frames.values()) < 0.5 * sum(held.counts)
    first, second = (judged(seen, plan).model_dump(exclude={"created"}) for seen in (held, folded))
    one, other = (seen.frames[0] for seen in (held, folded))
    assert one.windows(12) == other.windows(12)
    assert one.whole() == other.whole()
    assert one.whole().open > 0
    for check, same in zip(first.pop("checks"), second.pop("checks"), strict=True):
        # A frame that took minutes stands in the order of frames where it ended: blocks differ by a hair.
        assert_alike({**check, "bound": "", "need_s": None}, {**same, "bound": "", "need_s": None})
    assert_alike(first, second)


def assert_alike(one: Any, other: Any) -> None:
    """Equal but for the rounding of sums."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_alike(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            assert_alike(mine, its)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9)
    else:
        assert one == other


def test_figures_are_those_of_every_single_frame() -> None:
    plan = small(1)
    seen = soak(plan, 100.0, np.random.default_rng(5))
    log = seen.frame_log(0)
    released, ended = np.array(log._released_s), np.array(log._ended_s)
    kind = np.array(log._kind)
    inside = (released >= 2.0) & (released < 102.0)
    latency_s = (ended - released)[inside & (kind == DONE)]
    (figure,) = figures(seen)
    whole = figure.whole
    assert whole.released == int(inside.sum())
    assert [whole.done, whole.dropped, whole.lost] == [
        int((kind[inside] == word).sum()) for word in (DONE, DROPPED, LOST)
    ]
    assert whole.slow == int((latency_s > 0.3).sum()) > 0
    assert whole.quantile_s(0.95) == pytest.approx(np.quantile(latency_s, 0.95, method="inverted_cdf"), rel=RESOLUTION)
    order = np.argsort(released[inside & (kind == DONE)], kind="stable")
    assert whole.latencies_s == pytest.approx(latency_s[order], rel=1.1 * RESOLUTION)
    for place, window in enumerate(figure.windows):
        within = (released >= window.start_s) & (released < window.end_s)
        assert window.released == int(within.sum()), place
        assert window.done == int((within & (kind == DONE)).sum()), place


def grown_bytes(seconds: float, plan: Scenario) -> tuple[int, int]:
    """Memory that an observation holds after so long, and the most that judging it takes on top."""
    gc.collect()
    tracemalloc.start()
    seen = soak(plan, seconds, np.random.default_rng(1), traced=False, latencies_s=(0.05, 0.051, 0.06, 0.4))
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    judged(seen, plan)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held, peak - held


def test_memory_is_flat_however_long_the_run(monkeypatch) -> None:
    monkeypatch.setattr(observation, "SAMPLES_MAX", 20)
    monkeypatch.setattr(running, "FOLD_ROWS", 256)
    monkeypatch.setattr(running, "SEQUENCE_MAX", 512)
    monkeypatch.setattr(running, "STRAGGLER_S", 2.0)
    plan = small(2, 50.0)
    grown_bytes(2.0, plan)  # what is imported and cached once
    short, short_judged = grown_bytes(30.0, plan)  # reaches all bounds
    long, long_judged = grown_bytes(110.0, plan)
    frames = 2 * 50 * 80
    # 185 and as much again when every frame and pass was kept; the points of the curves, of which there are at most
    # 600, are what grows
    assert (long - short) / frames < 10.0
    assert (long_judged - short_judged) / frames < 10.0


def test_the_order_of_frames_is_that_of_the_latest(monkeypatch) -> None:
    monkeypatch.setattr(running, "SEQUENCE_MAX", 300)
    monkeypatch.setattr(running, "FOLD_ROWS", 20)
    seen = soak(small(1), 100.0, np.random.default_rng(5))
    (figure,) = figures(seen)
    assert 300 <= len(figure.whole.bins) <= 600 < figure.whole.offered
    assert figure.whole.latencies_s[-1] == pytest.approx(seen.frame_log(0).histogram.upper_s(
        np.array([seen.frame_log(0).bins[-1]]))[0])  # fmt: skip


def test_samples_of_a_long_run_are_evenly_spread_and_end_with_the_latest(monkeypatch) -> None:
    monkeypatch.setattr(observation, "SAMPLES_MAX", 10)
    plan = small(1)
    seen = Observation(feeds_of(plan), Span(0.0, 100.0, 10.0, 0.3), 1)
    for number in range(100):
        seen.rows([["s", sample(number / 2, plan)]])
        assert len(seen.samples) <= 11
        assert seen.samples[-1]["t"] == number / 2
        assert seen.samples[0]["t"] == 0.0
    steps = np.diff([row["t"] for row in seen.samples])
    assert len(set(steps[:-1].tolist())) == 1
    assert steps[-1] <= steps[0]


def test_a_trace_of_a_soak_names_the_frames_of_its_span_alone(monkeypatch) -> None:
    monkeypatch.setattr(running, "FOLD_ROWS", 50)
    plan = small(1)
    seen = soak(plan, 60.0, np.random.default_rng(2))
    begin_s, end_s = window_s(2.0, 60.0)
    found = trace_of(plan, seen, configs(plan), (begin_s, end_s))
    assert 25 <= len(found.frames) <= 40
    assert all(
        frame.released_s < end_s and (frame.ended_s is None or frame.ended_s > begin_s) for frame in found.frames
    )
