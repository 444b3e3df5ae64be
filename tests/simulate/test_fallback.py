"""A stage that the cores carry until its device is ready (OpenVINO's AUTO): closed forms, and what must hold."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from advisor.errors import ModelRangeError
from advisor.simulate import SimCamera, SimSpec, SimStage, StartupFallback, simulate
from advisor.simulate.trace import simulate_traced

CPU_S, GPU_S = 0.05, 0.01
"""Time of a pass on the cores, and on the device."""


def _spec(until_s: float, fps: float = 10.0, cpu_s: float = CPU_S, streams: int = 1, pre_s: float = 0.0) -> SimSpec:
    stage = SimStage(
        "m", (0.0, GPU_S), device="GPU", streams=streams, queue_limit=1000, preprocess_core_s=pre_s,
        fallback=StartupFallback(until_s, (0.0, cpu_s), preprocess_core_s=pre_s),
    )  # fmt: skip
    return SimSpec((SimCamera(fps, phase_s=0.0),), (stage,), cores=4.0)


def _latencies_s(spec: SimSpec, duration_s: float) -> dict[float, float]:
    """Latency of each frame by its release [s]."""
    _, trace = simulate_traced(spec, duration_s, 0.0)
    return {
        round(frame.released_s, 6): frame.ended_s - frame.released_s
        for frame in trace.frames
        if frame.ended_s is not None
    }


def test_what_comes_before_the_switch_costs_the_cores_and_later_the_device() -> None:
    latencies_s = _latencies_s(_spec(5.03), 20.0)
    assert {at_s for at_s in latencies_s if latencies_s[at_s] == pytest.approx(CPU_S)} == {
        round(0.1 * number, 6) for number in range(51)
    }
    assert sum(latency_s == pytest.approx(GPU_S) for latency_s in latencies_s.values()) == len(latencies_s) - 51


def test_cores_and_device_are_busy_for_their_own_passes_alone() -> None:
    result = simulate(_spec(5.03, streams=3), 20.0, 0.0)
    assert result.busy_core_s["m"] == pytest.approx(51 * CPU_S)
    assert result.device_utilisation["GPU"] == pytest.approx((result.done - 51) * GPU_S / 20.0)
    # The last pass on the cores begins at 5 s; what is left of it after the switch holds no stream.
    held_s = 51 * CPU_S - 0.02 + (result.done - 51) * GPU_S
    assert result.stages[0].stream_utilisation == pytest.approx(held_s / (5.03 * 1 + (20.0 - 5.03) * 3))


@pytest.mark.parametrize("streams", [1, 4])
def test_the_device_drains_what_the_cores_left(streams: int) -> None:
    """Five of ten per second pass the cores, so 50 wait after 10 s; the device takes 100 per second, 90 of them old."""
    until_s, backlog = 10.05, 50
    latencies_s = _latencies_s(_spec(until_s, cpu_s=0.2, streams=streams), 20.0)
    assert len(latencies_s) == 200
    drained_s = until_s + backlog / (1.0 / GPU_S - 10.0)
    waited = [at_s for at_s, latency_s in latencies_s.items() if latency_s > GPU_S + 1e-9]
    assert max(waited) == pytest.approx(drained_s, abs=0.1 + GPU_S)
    assert max(latencies_s.values()) == pytest.approx(5.0, abs=0.2)


def test_a_pass_that_has_begun_ends_on_the_cores_and_holds_no_stream_of_the_device() -> None:
    """One per second, on the cores for 2.5 s: that of 2 s is there when the device takes that of 3 s, to the moment."""
    latencies_s = _latencies_s(_spec(3.0, fps=1.0, cpu_s=2.5), 10.0)
    # The first, then the second behind it; the third never begins on the cores, whose one stream is taken.
    assert latencies_s[0.0] == pytest.approx(2.5)
    assert latencies_s[1.0] == pytest.approx(4.0)
    assert latencies_s[2.0] == pytest.approx(1.0 + GPU_S)
    # The device has one stream: that of 3 s, released at the switch, goes behind that of 2 s.
    assert latencies_s[3.0] == pytest.approx(2 * GPU_S)
    assert latencies_s[4.0] == pytest.approx(GPU_S)  # while the second is on the cores until 5 s


def test_what_was_being_prepared_for_the_cores_stays_there() -> None:
    latencies_s = _latencies_s(_spec(0.01, pre_s=0.02), 1.0)
    assert latencies_s[0.0] == pytest.approx(0.02 + CPU_S)
    assert latencies_s[0.1] == pytest.approx(0.02 + GPU_S)


@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_a_device_that_is_never_ready_is_a_stage_on_the_cores(sigma: float) -> None:
    spec = replace(_spec(math.inf), cameras=(SimCamera(10.0),) * 6, cores=1.2)
    stage = replace(
        spec.stages[0], service_sigma=sigma, memory_fraction=0.5, bandwidth_bytes=1e6, crowding=0.2,
        fallback=StartupFallback(math.inf, (0.0, CPU_S), (0.0, 0.08), 3, 2.0, 0.004, 0.3, 1e6, 0.5),
    )  # fmt: skip
    on_cores = replace(
        stage, device=None, fallback=None, service_s=(0.0, CPU_S), core_s=(0.0, 0.08), streams=3,
        threads_per_stream=2.0, preprocess_core_s=0.004, crowding=0.3,
    )  # fmt: skip
    first, second = (simulate(replace(spec, stages=(item,)), 30.0) for item in (stage, on_cores))
    assert (first.latencies_s == second.latencies_s).all()
    assert first.busy_core_s == second.busy_core_s
    assert first.stages == second.stages
    assert first.device_utilisation == {"GPU": 0.0}


def test_a_device_that_is_ready_at_once_needs_no_fallback() -> None:
    spec = replace(_spec(0.0, streams=2), cameras=(SimCamera(30.0, decode_core_s=0.01),) * 3)
    plain = replace(spec, stages=(replace(spec.stages[0], fallback=None),))
    first, second = simulate(spec, 30.0), simulate(plain, 30.0)
    assert (first.latencies_s == second.latencies_s).all()
    assert (first.stages, first.device_utilisation) == (second.stages, second.device_utilisation)


def test_the_trace_names_the_switch() -> None:
    spec = _spec(2.5)
    _, trace = simulate_traced(spec, 5.0, 0.0)
    (switch,) = trace.switches
    assert (switch.stage, switch.at_s, switch.before, trace.stages["m"].device) == ("m", 2.5, "CPU", "GPU")
    took_s = {item.begun_s >= switch.at_s: item.ended_s - item.begun_s for item in trace.passes}
    assert took_s == pytest.approx({False: CPU_S, True: GPU_S})
    assert [len(trace.between(*window).switches) for window in ((0.0, 2.0), (2.0, 3.0), (3.0, 5.0))] == [0, 1, 0]
    assert simulate_traced(_spec(9.0), 5.0, 0.0)[1].switches == []


def test_two_stages_switch_each_at_its_own_time() -> None:
    stage = _spec(2.0).stages[0]
    assert stage.fallback is not None
    later = replace(stage, id="n", device="NPU", fallback=replace(stage.fallback, until_s=4.0))
    _, trace = simulate_traced(SimSpec((SimCamera(10.0, phase_s=0.05),), (stage, later), 4.0), 6.0, 0.0)
    for name, until_s in (("m", 2.0), ("n", 4.0)):
        slow = [item.begun_s for item in trace.passes if item.stage == name and item.ended_s - item.begun_s > 0.03]
        assert (min(slow), max(slow)) == pytest.approx((0.05, until_s - 0.05))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"device": None}, "needs a device"),
        ({"collected": "by_runtime", "batch_timeout_s": 0.1}, "batches that the stage makes itself"),
        ({"fallback": StartupFallback(-1.0, (0.0, 0.1))}, "(m).fallback lasts -1.0 s"),
        ({"fallback": StartupFallback(math.nan, (0.0, 0.1))}, "lasts nan s"),
        ({"fallback": StartupFallback(1.0, (0.0, 0.1), threads_per_stream=0.0)}, "with 0.0 threads"),
        ({"fallback": StartupFallback(1.0, (0.0, 0.1), streams=0)}, "fallback.streams is 0"),
        ({"fallback": StartupFallback(1.0, (0.0, 0.1), crowding=-1.0)}, "fallback.crowding is -1.0"),
        ({"fallback": StartupFallback(1.0, (0.0,))}, "fallback.service_s is (0.0,)"),
        ({"fallback": StartupFallback(1.0, (0.0, 0.1), (0.0, 0.0))}, "fallback.core_s is (0.0, 0.0)"),
    ],
)
def test_fallbacks_that_cannot_be_are_refused(changes: dict[str, object], said: str) -> None:
    spec = _spec(1.0)
    stage = replace(spec.stages[0], **changes)  # type: ignore[arg-type]
    with pytest.raises(ModelRangeError, match=re.escape(said)):
        simulate(replace(spec, stages=(stage,)), 10.0)


def test_nothing_is_lost_at_the_switch() -> None:
    """Batches, drops and several seeds: every frame is done, dropped or still inside."""
    for until_s in np.linspace(0.5, 6.0, 12):
        stage = SimStage(
            "m", (0.0, 0.02, 0.03), batch_max=2, batch_timeout_s=0.01, device="GPU", streams=2, service_sigma=0.2,
            fallback=StartupFallback(float(until_s), (0.0, 0.1, 0.15), streams=3, threads_per_stream=2.0),
        )  # fmt: skip
        spec = SimSpec((SimCamera(12.0, decode_core_s=0.003),) * 4, (stage,), cores=2.0, decode_workers=2)
        result = simulate(spec, 10.0, 1.0)
        assert result.dropped > 0
        assert result.released == result.done + result.dropped + result.in_flight
