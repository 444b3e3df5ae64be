from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from advisor.clock import FakeClock, RealClock
from advisor.errors import ModelRangeError
from advisor.measure.timing import harness
from advisor.measure.timing.block import Block
from advisor.measure.timing.harness import MeasureSpec, Session, measure
from advisor.records.config import LoadMode, RunConfig
from advisor.runtimes.fake import Behaviour, FakeRuntime
from advisor.runtimes.protocol import Passes
from tests.measure.fakes import Looping, Scripted, ScriptedMeter, Threaded

SPEC = MeasureSpec(min_duration_s=1.0, min_samples=30, min_blocks=8, max_duration_s=5.0, block_s=0.1, warmup_max_s=1.0)


def test_sync_latency_throughput_and_count() -> None:
    clock = FakeClock()
    timing, interference = measure(Scripted(clock, lambda n: 0.01, batch=4), LoadMode(), SPEC, clock)
    assert timing.p50.value_s == pytest.approx(0.01)
    assert timing.avg_time_s == pytest.approx(0.01)
    assert timing.throughput_per_s == pytest.approx(400)
    assert timing.samples >= 100
    assert timing.duration_s == pytest.approx(1.0, abs=0.11)
    assert timing.steady
    assert not interference.dirty
    # Little's law with one in flight
    assert timing.throughput_per_s / 4 * timing.avg_time_s == pytest.approx(1)


def test_warm_up_is_not_measured() -> None:
    clock = FakeClock()
    # The first 30 passes fall from 20 ms to 10 ms.
    timing, _ = measure(Scripted(clock, lambda n: 0.01 * (1 + max(0, 30 - n) / 30)), LoadMode(), SPEC, clock)
    assert max(timing.latencies_s) == pytest.approx(0.01, rel=0.02)
    assert timing.first_inference_s == pytest.approx(0.02)
    assert timing.steady


def test_what_never_settles_is_measured_and_marked() -> None:
    clock = FakeClock()
    timing, _ = measure(Scripted(clock, lambda n: 0.01 * 1.005**n), LoadMode(), SPEC, clock)
    assert not timing.steady


def test_slow_passes_end_at_the_maximum_with_few_samples() -> None:
    clock = FakeClock()
    timing, _ = measure(Scripted(clock, lambda n: 2.0), LoadMode(), SPEC, clock)
    assert timing.samples == 3  # 5 s are reached by the third
    assert timing.p99.upper_s is None


def test_paced_latency_counts_from_the_schedule() -> None:
    clock = FakeClock()
    rate = 20.0
    timing, _ = measure(Scripted(clock, lambda n: 0.01), LoadMode(kind="paced", rate_per_s=rate), SPEC, clock)
    assert timing.p99.value_s == pytest.approx(0.01)
    assert timing.throughput_per_s == pytest.approx(rate, rel=0.02)


def test_paced_overload_shows_the_queue_instead_of_slowing_the_schedule() -> None:
    clock = FakeClock()
    service_s, rate = 0.06, 20.0
    spec = SPEC.model_copy(update={"warmup_max_s": 0.0})
    timing, _ = measure(Scripted(clock, lambda n: service_s), LoadMode(kind="paced", rate_per_s=rate), spec, clock)
    # D/D/1 with rho > 1: request k waits k (service - period); the warm pass before the schedule is over by then.
    expected = [service_s + k * (service_s - 1 / rate) for k in range(timing.samples)]
    assert timing.latencies_s == pytest.approx(expected)


class Awaited(Scripted):
    """Waiting takes the time that passes take."""

    def wait_all(self) -> None:
        self.clock.advance(max(0.0, self.busy_until_s - self.clock.now_s()))


def test_a_rested_pass_comes_after_a_pause_that_is_not_counted() -> None:
    clock = FakeClock()
    ends: list[float] = []

    def service_s(_: int) -> float:
        # A model that forgets: what it takes grows with the time since its last pass.
        took_s = 0.01 + (clock.now_s() - ends[-1] if ends else 0.0)
        ends.append(clock.now_s() + took_s)
        return took_s

    spec = MeasureSpec(min_duration_s=1e-3, min_samples=10, min_blocks=10, warmup_max_s=0.0)
    timing, _ = measure(Awaited(clock, service_s), LoadMode(kind="rested"), spec, clock)
    assert timing.samples == 10
    assert timing.p50.value_s == pytest.approx(0.01 + harness.PAUSE_S)
    assert timing.throughput_per_s == pytest.approx(1 / timing.avg_time_s)
    # The first passes do not count: what ran before is still in the caches.
    assert len(ends) >= 10 + harness.COOLING_S / (0.06 + harness.PAUSE_S)


class LateClock(FakeClock):
    """Sleeps 3 ms longer than asked."""

    def sleep(self, duration_s: float) -> None:
        if duration_s > 0:
            super().sleep(duration_s + 0.003)


def test_paced_lateness_of_the_generator_is_not_forgiven() -> None:
    clock = LateClock()
    timing, _ = measure(Scripted(clock, lambda n: 0.01), LoadMode(kind="paced", rate_per_s=10.0), SPEC, clock)
    assert timing.p50.value_s == pytest.approx(0.013)


def test_phase_shifts_the_schedule() -> None:
    clock = FakeClock()
    model = Scripted(clock, lambda n: 0.001)
    session = Session(model, LoadMode(kind="paced", rate_per_s=10.0, phase_s=0.04), SPEC, clock)
    began_s = clock.now_s()
    session.step()
    assert session._warmup[0].starts_s[0] == pytest.approx(began_s + 0.04)


def test_paced_without_rate_is_refused() -> None:
    with pytest.raises(ModelRangeError, match="rate_per_s"):
        measure(Scripted(FakeClock(), lambda n: 0.01), LoadMode(kind="paced"), SPEC, FakeClock())


def test_async_closed_loop_keeps_n_in_flight() -> None:
    spec = MeasureSpec(min_duration_s=0.5, min_samples=20, min_blocks=3, block_s=0.1, warmup_max_s=0.2)
    for _ in range(10):  # the clock is real: a busy machine may wake the threads late in some of the tries
        timing, _ = measure(Threaded(3, 0.02), LoadMode(kind="async"), spec, RealClock())
        assert timing.throughput_per_s < 1.05 * 3 / 0.02
        assert timing.p50.value_s >= 0.02
        in_flight = timing.throughput_per_s * timing.avg_time_s
        assert in_flight < 3.3
        if timing.p50.value_s < 0.025 and in_flight == pytest.approx(3, rel=0.1):  # Little's law
            break
    else:
        pytest.skip("this machine is too busy to wake a thread in time")
    assert timing.throughput_per_s > 0.6 * 3 / 0.02


@pytest.mark.parametrize(("kind", "in_flight"), [("sync", 1), ("async", 3)])
def test_a_model_with_a_closed_loop_of_its_own_runs_the_blocks(kind: Literal["sync", "async"], in_flight: int) -> None:
    clock = FakeClock()
    model = Looping(clock, lambda n: 0.01, requests=3)
    timing, _ = measure(model, LoadMode(kind=kind), SPEC, clock)
    assert set(model.asked) == {(in_flight, kind == "sync")}
    assert timing.p50.value_s == pytest.approx(0.01)
    assert timing.throughput_per_s == pytest.approx(in_flight / 0.01)
    assert timing.duration_s == pytest.approx(1.0, abs=0.11)
    assert timing.samples == pytest.approx(in_flight * timing.duration_s / 0.01)


@pytest.mark.parametrize("in_flight", [1, 2])
def test_long_passes_run_on_without_a_break_and_their_first_ones_do_not_count(in_flight: int) -> None:
    """Where every loop starts with a slow pass, as all lanes start together, the rate is that of the others."""
    clock = FakeClock()

    class Ramp(Looping):
        begun = 0

        def loop(self, inputs: Sequence[Sequence[Any]], end_s: float, *, sync: bool) -> Passes:
            self.begun = self.passes
            return super().loop(inputs, end_s, sync=sync)

    model = Ramp(clock, lambda n: 0.15 if n == model.begun else 0.1, requests=in_flight)
    kind: Literal["sync", "async"] = "sync" if in_flight == 1 else "async"
    spec = SPEC.model_copy(update={"block_s": 0.04, "max_duration_s": 2.0})
    timing, _ = measure(model, LoadMode(kind=kind), spec, clock)
    assert timing.throughput_per_s == pytest.approx(in_flight / 0.1)
    assert max(timing.latencies_s) == pytest.approx(0.1)
    assert timing.samples == pytest.approx(in_flight * timing.duration_s / 0.1)
    assert len(timing.block_p50_s) == len(timing.block_disturbed) >= spec.min_blocks
    # About eight passes per lane between two breaks, where the block alone would have held one.
    assert len(model.asked) < 3 + timing.samples / in_flight / 6


def test_a_schedule_is_kept_by_the_harness() -> None:
    clock = FakeClock()
    model = Looping(clock, lambda n: 0.01)
    timing, _ = measure(model, LoadMode(kind="paced", rate_per_s=20.0), SPEC, clock)
    assert not model.asked
    assert timing.throughput_per_s == pytest.approx(20.0, rel=0.02)


def test_parts_of_passes_at_the_edge_of_a_block_count_in_parts() -> None:
    block = Block()
    block.begin_s, block.window_s = 0.0, 1.0
    block.starts_s, block.finishes_s = [0.0, 0.4, 0.8], [0.4, 0.8, 1.2]
    assert block.passes_in_window() == pytest.approx(2.5)


def test_blocks_of_a_run_share_its_passes_by_the_time_inside() -> None:
    run = Block(2)
    run.begin_s, run.window_s, run.cpu_s = 0.0, 1.0, 7.0
    # Two lanes, the second a little later; the last pass outlives the window.
    run.starts_s = [0.0, 0.0, 0.2, 0.25, 0.4, 0.5, 0.6, 0.75, 0.8]
    run.finishes_s = [0.2, 0.25, 0.4, 0.5, 0.6, 0.75, 0.8, 1.0, 1.1]
    parts = run.without_ramp(0.3)
    assert [part.window_s for part in parts] == pytest.approx([0.375, 0.375])
    assert parts[0].begin_s == 0.25
    assert sum(part.passes_in_window() for part in parts) == pytest.approx(0.15 / 0.2 + 2 + 0.2 / 0.3 + 3)
    assert [len(part.latencies_s()) for part in parts] == [3, 3]
    assert sum(part.cpu_s for part in parts) == pytest.approx(7.0 * 6 / 9)
    assert run.without_ramp(2.0) == []


def test_requests_that_wait_inside_the_runtime_do_not_count_until_they_are_begun() -> None:
    """Two streams of 0.4 s per pass with four requests: 2.5 passes per stream in a second, whoever waits."""
    block = Block(lanes=2)
    block.begin_s, block.window_s = 0.0, 1.0
    block.starts_s = [0.0, 0.0, 0.0, 0.0, 0.4, 0.4, 0.8, 0.8]
    block.finishes_s = [0.4, 0.4, 0.8, 0.8, 1.2, 1.2, 1.6, 1.6]
    assert block.passes_in_window() == pytest.approx(5.0)


def test_more_requests_than_streams_give_no_more_throughput() -> None:
    spec = MeasureSpec(min_duration_s=0.5, min_samples=20, min_blocks=3, block_s=0.1, warmup_max_s=0.1)
    model = FakeRuntime(Behaviour(base_s=0.04), RealClock()).compile(
        Path(__file__), RunConfig(streams=2, requests=6, threads=2)
    )
    timing, _ = measure(model, LoadMode(kind="async"), spec, RealClock())
    assert timing.throughput_per_s <= 1.03 * 2 / 0.04


def test_a_failing_pass_is_raised() -> None:
    with pytest.raises(RuntimeError, match="broken pass"):
        measure(Threaded(2, 0.005, fail_at=5), LoadMode(kind="async"), SPEC, RealClock())


def test_dirty_blocks_are_repeated_up_to_a_bound_and_then_marked() -> None:
    spec = SPEC.model_copy(update={"warmup_max_s": 0.0, "max_dirty_blocks": 2})
    clock = FakeClock()
    timing, seen = measure(
        Scripted(clock, lambda n: 0.01), LoadMode(), spec, clock, ScriptedMeter([False, True, True, False])
    )
    assert (seen.dirty, seen.blocks_repeated) == (False, 2)
    assert timing.duration_s == pytest.approx(1.0, abs=0.11)
    clock = FakeClock()
    _, seen = measure(Scripted(clock, lambda n: 0.01), LoadMode(), spec, clock, ScriptedMeter([True] * 3))
    assert (seen.dirty, seen.blocks_repeated, seen.reasons) == (True, 2, ("neighbour",))
    assert seen.other_cpu_cores is not None
    assert 0 < seen.other_cpu_cores < 0.8


def test_a_timing_remembers_which_of_its_blocks_stayed_disturbed() -> None:
    spec = SPEC.model_copy(update={"warmup_max_s": 0.0, "max_dirty_blocks": 1})
    clock = FakeClock()
    meter = ScriptedMeter([True, True, False, True])
    timing, _ = measure(Scripted(clock, lambda n: 0.01), LoadMode(), spec, clock, meter)
    assert timing.block_disturbed[:4] == (True, False, True, False)  # the first was thrown away
    assert len(timing.block_disturbed) == len(timing.block_p50_s)


def test_sessions_take_turns_and_end_on_their_own() -> None:
    clock = FakeClock()
    models = {"fast": Scripted(clock, lambda n: 0.01), "slow": Scripted(clock, lambda n: 0.03)}
    sessions = {name: Session(model, LoadMode(), SPEC, clock) for name, model in models.items()}
    sessions["paced"] = Session(Scripted(clock, lambda n: 0.01), LoadMode(kind="paced", rate_per_s=20.0), SPEC, clock)

    def broken(n: int) -> float:
        if n == 30:
            raise RuntimeError("no more")
        return 0.01

    sessions["broken"] = Session(Scripted(clock, broken), LoadMode(), SPEC, clock)
    sessions["rested"] = Session(Awaited(clock, lambda n: 0.01), LoadMode(kind="rested"), SPEC, clock)
    turns: list[str] = []
    ended: dict[str, BaseException | None] = {}
    harness.measure_in_turns(sessions, turns.append, ended.__setitem__)
    assert str(ended["broken"]) == "no more"
    assert {name for name, error in ended.items() if error is None} == {"paced", "rested", "fast", "slow"}
    last_paced, last_rested = (len(turns) - 1 - turns[::-1].index(name) for name in ("paced", "rested"))
    assert set(turns[: last_paced + 1]) == {"paced"}
    # No loop comes between passes after pauses: it would take the caches back.
    assert set(turns[last_paced + 1 : last_rested + 1]) == {"rested"}
    assert turns[last_rested + 1 : last_rested + 7] == ["fast", "slow", "broken"] * 2
    assert sessions["slow"].timing().p50.value_s == pytest.approx(0.03)
