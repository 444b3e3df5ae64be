"""The event loop against closed forms, and what must hold for every spec."""

from __future__ import annotations

import dataclasses
import math
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.errors import ModelRangeError
from advisor.simulate import (  # fmt: skip
    ObjectClass,
    ObjectsSpec,
    Seeds,
    SimCamera,
    SimSpec,
    SimStage,
    arrays,
    simulate,
)


def under_the_same_seeds(specs, duration_s):
    """Results that differ by what the specs are and not by chance."""
    return [simulate(spec, duration_s) for spec in specs]


def seeds(number):
    return Seeds(number, number + 100, number + 200, number + 300)


def callers(rate, group="text"):
    return SimCamera(rate, group, arrivals="poisson")


def over_seeds(spec, figure, duration_s=400.0, runs=8):
    """Mean of a figure over independent runs and four of its standard errors."""
    values = np.array([figure(simulate(spec, duration_s, 10.0, seeds(1000 + i))) for i in range(runs)])
    return values.mean(), 4 * values.std(ddof=1) / math.sqrt(runs)


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.8])
def test_wait_of_one_server_is_m_d_1(rho) -> None:
    service_s = 0.01
    stage = SimStage("m", (0.0, service_s), queue_limit=10_000)
    mean, error = over_seeds(SimSpec((callers(rho / service_s),), (stage,), 4.0), lambda r: r.stages[0].mean_wait_s)
    assert abs(mean - rho * service_s / (2 * (1 - rho))) <= error
    assert error < 0.1 * mean


@pytest.mark.parametrize("service_sigma", [0.0, 0.8])
def test_sojourn_under_processor_sharing_depends_on_the_mean_alone(service_sigma) -> None:
    """M/G/1-PS: s / (1 - rho) for any distribution of service (Kleinrock 1976, Queueing Systems II, eq. 4.17)."""
    median_s, rho = 0.01, 0.6
    mean_s = median_s * math.exp(service_sigma**2 / 2)
    stage = SimStage("m", (0.0, median_s), streams=500, service_sigma=service_sigma)
    spec = SimSpec((callers(rho / mean_s),), (stage,), 1.0)
    mean, error = over_seeds(spec, lambda r: r.latencies_s.mean())
    assert abs(mean - mean_s / (1 - rho)) <= error
    assert error < 0.1 * mean


def test_busy_cores_are_rate_times_core_time() -> None:
    rate, rho_service_s, threads, pre_s = 40.0, 0.01, 2.0, 0.002
    stage = SimStage("m", (0.0, rho_service_s), streams=4, threads_per_stream=threads, preprocess_core_s=pre_s)
    spec = SimSpec((callers(rate),), (stage,), 4.0)
    mean, error = over_seeds(spec, lambda r: r.utilisation)
    assert abs(mean - rate * (threads * rho_service_s + pre_s) / 4.0) <= error


def test_the_application_takes_its_time_of_every_frame_beside_the_decoder() -> None:
    """Its work is longer than a frame's period: on threads of its own nothing waits, and no decode worker is held."""
    camera = SimCamera(20.0, phase_s=0.0, decode_core_s=0.010, application_core_s=0.060)
    r = simulate(SimSpec((camera,), (SimStage("m", (0.0, 0.005)),), 4.0), 60)
    assert r.latencies_s == pytest.approx(0.075, abs=1e-9)
    assert r.busy_core_s["application"] / r.window_s == pytest.approx(20.0 * 0.060, rel=0.01)
    assert r.busy_core_s["decode"] / r.window_s == pytest.approx(20.0 * 0.010, rel=0.01)
    assert r.decode_wait_s == pytest.approx(0.0, abs=1e-9)


def test_the_application_works_on_raw_frames_too() -> None:
    camera = SimCamera(20.0, phase_s=0.0, application_core_s=0.030)
    r = simulate(SimSpec((camera,), (SimStage("m", (0.0, 0.005), interval_frames=2.0),), 4.0), 60)
    assert r.latency_p50_s == pytest.approx(0.0325, abs=3e-3)  # half of the frames have no stage due
    assert sorted({round(float(value), 6) for value in r.latencies_s}) == [0.030, 0.035]


def test_an_application_beyond_the_cores_drops_nothing_and_falls_behind() -> None:
    camera = SimCamera(20.0, decode_core_s=0.001, application_core_s=0.2)
    r = simulate(SimSpec((camera,), (SimStage("m", (0.0, 0.005)),), 2.0), 60)
    assert r.utilisation == pytest.approx(1.0, abs=0.01)
    assert r.oldest_in_flight_s > 10.0


def test_an_application_shares_the_cores_reserved_for_decoding() -> None:
    camera = SimCamera(20.0, decode_core_s=0.010, application_core_s=0.010)
    spec = SimSpec((camera,), (SimStage("m", (0.0, 0.005)),), 2.0, partition=(("decode", 1.0), ("m", 1.0)))
    r = simulate(spec, 60)
    assert r.pool_utilisation["decode"] == pytest.approx(20.0 * 0.020, rel=0.02)


def test_sojourn_on_a_shared_device_is_that_of_processor_sharing() -> None:
    """M/G/1-PS over both stages together: s / (1 - rho) each, whatever the mix (Kleinrock 1976, eq. 4.17)."""
    short_s, long_s, each = 0.005, 0.020, 24.0
    stages = tuple(
        SimStage(name, (0.0, time_s), groups=(name,), streams=500, queue_limit=10_000, device="GPU")
        for name, time_s in (("a", short_s), ("b", long_s))
    )
    spec = SimSpec((callers(each, "a"), callers(each, "b")), stages, 4.0)
    rho = each * (short_s + long_s)
    for place, time_s in ((0, short_s), (1, long_s)):
        mean, error = over_seeds(spec, lambda r, place=place: r.stages[place].mean_service_s)
        assert abs(mean - time_s / (1 - rho)) <= error
        assert error < 0.1 * mean
    mean, error = over_seeds(spec, lambda r: r.device_utilisation["GPU"])
    assert abs(mean - rho) <= error


def test_two_devices_are_two_servers() -> None:
    """M/G/1-PS on each by itself: what is on one device takes no time of the other."""
    times_s, each = {"GPU": 0.020, "NPU": 0.030}, 24.0
    stages = tuple(
        SimStage(name, (0.0, time_s), groups=(name,), streams=500, queue_limit=10_000, device=name)
        for name, time_s in times_s.items()
    )
    spec = SimSpec(tuple(callers(each, name) for name in times_s), stages, 4.0)
    for place, (name, time_s) in enumerate(times_s.items()):
        rho = each * time_s
        mean, error = over_seeds(spec, lambda r, place=place: r.stages[place].mean_service_s)
        assert abs(mean - time_s / (1 - rho)) <= error
        assert error < 0.1 * mean
        mean, error = over_seeds(spec, lambda r, name=name: r.device_utilisation[name])
        assert abs(mean - rho) <= error


def test_a_device_takes_its_time_and_the_host_the_preparation() -> None:
    stage = SimStage(
        "m", (0.0, 0.030), streams=4, core_s=(0.0, 0.010), preprocess_core_s=0.004, device="GPU", queue_limit=50
    )
    r = simulate(SimSpec((SimCamera(20.0, phase_s=0.0),), (stage,), 2.0), 60, 10)
    assert r.latencies_s == pytest.approx(0.034, abs=1e-9)
    assert r.device_utilisation == pytest.approx({"GPU": 0.2}, rel=0.01)
    assert r.busy_core_s["m"] / r.window_s == pytest.approx(20.0 * 0.004, rel=0.01)
    assert r.utilisation == pytest.approx(0.04, rel=0.01)


def test_a_device_carries_as_much_as_its_throughput() -> None:
    """Passes of 30 ms that take 10 ms each: 100 per second, as many as go out of an offer of 200."""
    stage = SimStage("m", (0.0, 0.030), streams=8, core_s=(0.0, 0.010), device="GPU")
    r = simulate(SimSpec((callers(200.0),), (stage,), 2.0), 100, 10)
    assert r.stages[0].calls_per_s == pytest.approx(100.0, rel=0.01)
    assert r.device_utilisation["GPU"] == pytest.approx(1.0, rel=0.01)
    assert r.utilisation == 0.0


def test_cores_too_busy_for_preparation_slow_no_pass_on_a_device() -> None:
    stages = (
        SimStage("cpu", (0.0, 0.5), streams=4, threads_per_stream=4, groups=("a",)),
        SimStage("gpu", (0.0, 0.010), device="GPU", groups=("b",)),
    )
    r = simulate(SimSpec((SimCamera(20.0, "a"), SimCamera(20.0, "b")), stages, 1.0), 60)
    assert r.utilisation == pytest.approx(1.0, abs=0.01)
    assert r.stages[1].mean_service_s == pytest.approx(0.010)


def test_an_engine_decodes_as_many_frames_as_its_rate() -> None:
    camera = SimCamera(30.0, decode_core_s=0.001, engine_s=0.004, phase_s=0.0)
    stage = SimStage("m", (0.0, 0.001), streams=4)
    r = simulate(SimSpec((camera,), (stage,), 4.0, decode_workers=4), 60, 10)
    assert r.latencies_s == pytest.approx(0.006, abs=1e-9)
    assert r.device_utilisation == pytest.approx({"decode engine": 0.12}, rel=0.01)
    assert r.busy_core_s["decode"] / r.window_s == pytest.approx(0.030, rel=0.01)
    full = simulate(SimSpec((camera,) * 12, (stage,), 8.0, decode_workers=8), 60, 10)
    # Eight frames that began together leave the engine together, and it idles while the host has all of them.
    assert full.camera_fps.sum() == pytest.approx(8 / (8 * 0.004 + 0.001 * 8 / 8), rel=0.03)


def test_what_an_engine_moves_counts_as_traffic() -> None:
    camera = SimCamera(20.0, decode_core_s=0.001, engine_s=0.002, decode_bytes=6e6)
    spec = SimSpec((camera,), (SimStage("m", (0.0, 0.001)),), 4.0, memory_bandwidth_bytes_per_s=20e9)
    assert simulate(spec, 60, 10).bandwidth_bytes_per_s == pytest.approx(20.0 * 6e6, rel=0.01)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (SimSpec((SimCamera(5.0, engine_s=0.01),), (SimStage("m", (0.0, 0.1)),), 1.0), "what remains on the host"),
        (
            SimSpec((SimCamera(5.0),), (SimStage("m", (0.0, 0.1), core_s=(0.0, 0.2), device="GPU"),), 1.0),
            "takes (0.0, 0.2) s of device GPU in passes",
        ),
    ],
)
def test_devices_that_cannot_be_are_refused(spec, said) -> None:
    with pytest.raises(ModelRangeError, match=re.escape(said)):
        simulate(spec, 10)


def test_core_time_of_a_call_may_be_less_than_its_threads_hold() -> None:
    stage = SimStage("m", (0.0, 0.02), streams=4, threads_per_stream=4, core_s=(0.0, 0.03))
    r = simulate(SimSpec((SimCamera(10.0),), (stage,), 4.0), 20)
    assert r.busy_core_s["m"] == pytest.approx(r.stages[0].calls_per_s * r.window_s * 0.03, rel=0.02)


def test_littles_law() -> None:
    stage = SimStage("m", (0.0, 0.01), queue_limit=10_000, service_sigma=0.5)
    spec = SimSpec((callers(70.0),), (stage,), 1.0)
    r = simulate(spec, 2000, 10)
    rate = r.camera_released.sum() / r.window_s
    assert r.mean_in_system == pytest.approx(rate * r.latencies_s.mean(), rel=0.01)


def test_periodic_arrivals_to_enough_servers_never_wait() -> None:
    """D/D/c: with c >= rate x service nothing waits and every latency is the service time."""
    stage = SimStage("m", (0.0, 0.0999), streams=3)
    r = simulate(SimSpec((SimCamera(30.0, phase_s=0.0),), (stage,), 8.0), 60)
    assert r.latencies_s == pytest.approx(0.0999, abs=1e-9)
    assert r.stages[0].mean_wait_s == pytest.approx(0.0, abs=1e-9)
    assert r.dropped == 0


def test_periodic_arrivals_to_too_few_servers_lose_the_excess() -> None:
    stage = SimStage("m", (0.0, 0.1), streams=2)
    r = simulate(SimSpec((SimCamera(30.0, phase_s=0.0),), (stage,), 8.0), 100, 10)
    assert r.stages[0].calls_per_s == pytest.approx(2 / 0.1, rel=0.01)
    assert r.drops_fraction == pytest.approx(1 - 20 / 30, rel=0.02)
    assert r.latency_s(1.0) == pytest.approx((4 + 2) / 20, rel=0.2)  # a full queue of 4 ahead of it, served at 20/s


def test_oldest_dropped_keeps_latency_short_where_newest_dropped_does_not() -> None:
    camera = (SimCamera(30.0, phase_s=0.0),)
    newest, oldest = under_the_same_seeds(
        [SimSpec(camera, (SimStage("m", (0.0, 0.1), queue_limit=8, drop=drop),), 8.0) for drop in ("newest", "oldest")],
        60,
    )
    assert newest.drops_fraction == pytest.approx(oldest.drops_fraction, abs=0.02)
    assert newest.latency_p50_s == pytest.approx(9 * 0.1, rel=0.1)
    assert oldest.latency_p50_s < 0.5 * newest.latency_p50_s


def test_full_batches_are_served_as_one() -> None:
    """Batch service: n cameras in phase and a time-out fill one batch of n, which takes the time of one call."""
    service = tuple(0.0 if b == 0 else 0.004 + 0.001 * b for b in range(9))
    stage = SimStage("m", service, batch_max=8, batch_timeout_s=0.05)
    r = simulate(SimSpec(tuple(SimCamera(10.0, phase_s=0.01) for _ in range(8)), (stage,), 8.0), 60)
    assert r.stages[0].mean_batch == 8
    assert r.latencies_s == pytest.approx(service[8], abs=1e-9)


def test_a_batch_that_does_not_fill_starts_with_its_timeout() -> None:
    service = tuple(0.0 if b == 0 else 0.004 + 0.001 * b for b in range(9))
    stage = SimStage("m", service, batch_max=8, batch_timeout_s=0.05)
    r = simulate(SimSpec(tuple(SimCamera(10.0, phase_s=0.01) for _ in range(3)), (stage,), 8.0), 60)
    assert r.stages[0].mean_batch == 3
    assert r.latencies_s == pytest.approx(0.05 + service[3], abs=1e-9)


def test_whole_frames_that_wait_share_a_batch_without_timeout() -> None:
    """Of eight frames at once the first finds the stream free; the other seven wait for it and go together."""
    stage = SimStage("m", (0.0, *[0.01] * 8), batch_max=8, queue_limit=8)
    r = simulate(SimSpec(tuple(SimCamera(10.0, phase_s=0.01) for _ in range(8)), (stage,), 8.0), 60)
    assert r.stages[0].mean_batch == 4
    assert sorted(set(np.round(r.latencies_s, 9))) == [0.01, 0.02]


def test_too_many_frames_are_served_in_full_batches() -> None:
    """Rate of a saturated stage: streams x batch / time of a batch."""
    stage = SimStage("m", (0.0, *[0.01] * 4), batch_max=4, streams=2, queue_limit=8)
    r = simulate(SimSpec(tuple(SimCamera(100.0) for _ in range(20)), (stage,), 8.0), 60)
    assert r.stages[0].items_per_s == pytest.approx(2 * 4 / 0.01, rel=0.01)


def test_objects_of_different_frames_share_no_batch_without_timeout() -> None:
    objects = ObjectsSpec((ObjectClass(2, 2, 2),))
    stages = (
        SimStage("detect", (0.0, 0.001), finds=0, streams=8),
        SimStage("embed", (0.0, *[0.01] * 8), parent=0, batch_max=8),
    )
    r = simulate(SimSpec(tuple(SimCamera(5.0, phase_s=0.0) for _ in range(4)), stages, 8.0, objects), 60)
    assert r.stages[1].mean_batch == 2


@pytest.mark.parametrize(("largest", "in_batch"), [(8, 6), (9, 9), (2, 1.5)])
def test_requests_that_share_a_batch_are_never_cut(largest, in_batch) -> None:
    """Three objects per frame: two frames fit into a batch of eight, and the third frame waits for the next one.

    A frame with more objects than a batch holds makes a full request and one of the rest, which fit together into none.
    """
    objects = ObjectsSpec((ObjectClass(3, 3, 3),))
    stages = (
        SimStage("detect", (0.0, 0.001), finds=0, streams=36),
        SimStage("embed", (0.0, *[0.001] * largest), parent=0, batch_max=largest, batch_timeout_s=0.05),
    )
    r = simulate(SimSpec(tuple(SimCamera(5.0, phase_s=0.0) for _ in range(36)), stages, 36.0, objects), 20)
    assert r.stages[1].mean_batch == in_batch


def test_objects_of_a_frame_go_in_batches_of_at_most_max() -> None:
    objects = ObjectsSpec((ObjectClass(11, 11, 11),))
    stages = (
        SimStage("detect", (0.0, 0.001), finds=0),
        SimStage("embed", (0.0, *[0.002] * 4), parent=0, batch_max=4),
    )
    r = simulate(SimSpec((SimCamera(10.0, phase_s=0.0),), stages, 8.0, objects), 60)
    assert r.stages[1].calls_per_s == pytest.approx(10 * 3, rel=0.02)
    assert r.stages[1].items_per_s == pytest.approx(10 * 11, rel=0.02)
    assert r.latencies_s == pytest.approx(0.001 + 3 * 0.002, abs=1e-9)


@pytest.mark.parametrize(("own", "expected"), [(3, 5.0), (5, 3.0), (2, 5.0)])
def test_a_stage_on_objects_keeps_its_own_rate_up_to_that_of_its_parent(own, expected) -> None:
    objects = ObjectsSpec((ObjectClass(1, 1, 1),))
    stages = (
        SimStage("detect", (0.0, 0.001), interval_frames=3.0, finds=0),
        SimStage("embed", (0.0, 0.001), parent=0, interval_frames=float(own)),
    )
    r = simulate(SimSpec(tuple(SimCamera(15.0) for _ in range(4)), stages, 8.0, objects), 100)
    assert r.stages[0].calls_per_s == pytest.approx(4 * 5, rel=0.01)
    assert r.stages[1].calls_per_s == pytest.approx(4 * expected, rel=0.01)


def test_cameras_take_turns() -> None:
    """Three cameras in phase, every third frame: their calls never meet, so one stream serves all without waiting."""
    stage = SimStage("m", (0.0, 0.06), interval_frames=3.0)
    r = simulate(SimSpec(tuple(SimCamera(15.0, phase_s=0.0) for _ in range(3)), (stage,), 8.0), 60)
    assert r.stages[0].mean_wait_s == pytest.approx(0.0, abs=1e-9)
    together = simulate(SimSpec(tuple(SimCamera(15.0, phase_s=0.0, stagger=0) for _ in range(3)), (stage,), 8.0), 60)
    assert together.stages[0].mean_wait_s == pytest.approx(0.06, rel=0.01)


def test_jobs_that_saturate_memory_are_slowed_to_its_bandwidth() -> None:
    """Two jobs, all bound by memory, that demand 3/4 of the bandwidth each: together they take 3/2 of the time."""
    stage = SimStage("m", (0.0, 0.1), streams=2, bandwidth_bytes=0.75e9, memory_fraction=1.0)
    cameras = (SimCamera(1.0, phase_s=0.0), SimCamera(1.0, phase_s=0.0))
    r = simulate(SimSpec(cameras, (stage,), 8.0, memory_bandwidth_bytes_per_s=10e9), 60)
    assert r.latencies_s == pytest.approx(0.15, rel=1e-6)
    # Half of the time bound by memory: s solves 2 x 7.5 / (0.5 + 0.5 s) = 10, so the work takes 0.5 + 0.5 x 2 = 1.5.
    wide = dataclasses.replace(stage, memory_fraction=0.5)
    half = simulate(SimSpec(cameras, (wide,), 8.0, memory_bandwidth_bytes_per_s=10e9), 60)
    assert half.latencies_s == pytest.approx(0.15, rel=1e-6)
    alone = simulate(SimSpec(cameras[:1], (stage,), 8.0, memory_bandwidth_bytes_per_s=10e9), 60)
    assert alone.latencies_s == pytest.approx(0.1, rel=1e-9)


def test_memory_traffic_slows_what_is_bound_by_memory_and_spares_the_rest() -> None:
    heavy = SimStage("heavy", (0.0, 0.1), streams=1, bandwidth_bytes=2e9, memory_fraction=1.0, groups=("a",))
    light = SimStage("light", (0.0, 0.05), streams=1, groups=("b",))
    cameras = (SimCamera(1.0, "a", phase_s=0.0), SimCamera(1.0, "b", phase_s=0.0))
    r = simulate(SimSpec(cameras, (heavy, light), 8.0, memory_bandwidth_bytes_per_s=10e9), 60)
    assert r.stages[0].mean_service_s == pytest.approx(0.2, rel=1e-6)
    assert r.stages[1].mean_service_s == pytest.approx(0.05, rel=1e-6)


def _different_cameras(number):
    """Cameras of so many bit rates: time of a frame, traffic and lengthening of each differ."""
    return tuple(
        SimCamera(
            5.0 + 10.0 * i / number, f"g{i}", 0.010 + 0.02 * i / number, 0.2, 6e6 + 12e6 * (i % 7) / 7,
            decode_crowding=0.2 + 0.3 * (i % 5) / 5,
        )
        for i in range(number)
    )  # fmt: skip


@pytest.mark.parametrize("bandwidth", [30e9, 6e9])
def test_decoding_that_is_nearly_alike_is_taken_as_one_kind(monkeypatch, bandwidth) -> None:
    """Against each camera a kind of its own: what is moved and the load stay, the rest moves by the last per cent."""
    stage = SimStage("m", (0.0, 0.004), streams=2, crowding=0.3, interval_frames=3.0)
    spec = SimSpec(
        _different_cameras(40), (stage,), 16.0, decode_workers=16, memory_bandwidth_bytes_per_s=bandwidth,
        crowded_by="all",
    )  # fmt: skip
    merged = simulate(spec, 120)
    state = arrays.build(spec, 1.0, 0.0, Seeds())
    assert 2 < len(state.kind) <= 2 + arrays.MOST_DECODE_KINDS
    monkeypatch.setattr(arrays, "MOST_DECODE_KINDS", 40)
    assert len(arrays.build(spec, 1.0, 0.0, Seeds()).kind) == 2 + 40
    apart = simulate(spec, 120)
    assert merged.utilisation == pytest.approx(apart.utilisation, rel=2e-3)
    assert merged.bandwidth_utilisation == pytest.approx(apart.bandwidth_utilisation, rel=2e-3)
    for q in (50, 95):
        alike = np.percentile(merged.latencies_s, q), np.percentile(apart.latencies_s, q)
        assert alike[0] == pytest.approx(alike[1], rel=0.03)
    assert not np.array_equal(merged.latencies_s, apart.latencies_s)


def test_few_kinds_of_decoding_stay_as_they_are() -> None:
    cameras = _different_cameras(arrays.MOST_DECODE_KINDS)
    kinds = arrays.build(SimSpec(cameras, (), 4.0), 1.0, 0.0, Seeds()).kind
    assert sorted(kinds["traffic"]) == sorted(view.decode_bytes / view.decode_core_s for view in cameras)
    assert sorted(kinds["crowding"]) == sorted(view.decode_crowding for view in cameras)


def test_a_partition_shields_a_stage_from_the_rest() -> None:
    stages = (SimStage("a", (0.0, 0.1), streams=4, groups=("a",)), SimStage("b", (0.0, 0.1), groups=("b",)))
    cameras = (*[SimCamera(1.0, "a", phase_s=0.0)] * 4, SimCamera(1.0, "b", phase_s=0.0))
    shared, split = under_the_same_seeds(
        [SimSpec(cameras, stages, 2.0), SimSpec(cameras, stages, 2.0, partition=(("b", 1.0),))], 60
    )
    # Five threads on two cores; once the work of all is done at the same moment, each took 5/2 of its time.
    assert shared.stages[1].mean_service_s == pytest.approx(0.25, rel=1e-6)
    assert split.stages[1].mean_service_s == pytest.approx(0.1, rel=1e-6)
    assert split.stages[0].mean_service_s == pytest.approx(0.4, rel=1e-6)
    assert split.pool_utilisation["b"] == pytest.approx(0.1, rel=0.02)
    assert split.pool_utilisation["shared"] == pytest.approx(0.4, rel=0.02)


def test_motion_decides_about_calls() -> None:
    stage = SimStage("m", (0.0, 0.001), motion=True)
    cameras = tuple(SimCamera(15.0, motion_duty=0.4) for _ in range(40))
    r = simulate(SimSpec(cameras, (stage,), 8.0, ObjectsSpec(persistence_s=0.2)), 200)
    assert r.stages[0].calls_per_s == pytest.approx(0.4 * 15 * 40, rel=0.03)
    assert r.done == r.released


@pytest.mark.parametrize("fps", [5.0, 20.0])
def test_a_pass_after_a_pause_takes_longer_by_the_cold_start(fps) -> None:
    """One camera, one stage: gap between passes g solves g = 1/fps - service - cold (1 - exp(-g / settle))."""
    service_s, cold_s, settle_s = 0.010, 0.004, 0.02
    gap_s = 1.0 / fps - service_s
    for _ in range(50):
        gap_s = 1.0 / fps - service_s - cold_s * (1.0 - math.exp(-gap_s / settle_s))
    stage = SimStage("m", (0.0, service_s), cold_s=cold_s, cold_settle_s=settle_s)
    r = simulate(SimSpec((SimCamera(fps, phase_s=0.0),), (stage,), 2.0), 60)
    expected_s = service_s + cold_s * (1.0 - math.exp(-gap_s / settle_s))
    assert r.latency_p50_s == pytest.approx(expected_s, rel=1e-6)
    assert r.busy_core_s["m"] == pytest.approx(fps * r.window_s * expected_s, rel=0.01)


def test_each_stream_is_cold_once_after_a_pause() -> None:
    """Three objects on two streams: the first pass of either stream is cold, the third pass is not."""
    find = SimStage("find", (0.0, 0.001), finds=0)
    each = SimStage("each", (0.0, 0.010), parent=0, streams=2, cold_s=0.004, cold_settle_s=0.0)
    objects = ObjectsSpec((ObjectClass(3.0, 3.0, 3.0),))
    r = simulate(SimSpec((SimCamera(5.0, phase_s=0.0),), (find, each), 8.0, objects), 60)
    assert r.stages[1].mean_service_s == pytest.approx((0.014 + 0.014 + 0.010) / 3, rel=0.02)


@pytest.mark.parametrize(("decoders", "speed"), [(1, 0.5), (3, (1 - 0.84) / 2 + 0.84 / 3)])
def test_a_parallel_pass_goes_as_fast_as_its_slowest_thread(decoders, speed) -> None:
    """Two threads on two cores, one of which a decoder always shares; of five threads three share one core.

    Thrown at random, two of them meet it with a chance of 1 - (1 - 3/5)^2 = 0.84.
    """
    passes = SimStage("m", (0.0, 0.020), threads_per_stream=2.0)
    busy = (SimCamera(20.0, "busy", decode_core_s=0.2, phase_s=0.0) for _ in range(decoders))
    plain = SimCamera(10.0, "plain", phase_s=0.0)
    spec = SimSpec((*busy, plain), (replace(passes, groups=("plain",)),), 2.0, decode_workers=3)
    r = simulate(spec, 60)
    assert r.stages[0].mean_service_s == pytest.approx(0.020 / speed, rel=0.03)
    alone = simulate(replace(spec, cores=2.0 + decoders), 60)
    assert alone.stages[0].mean_service_s == pytest.approx(0.020, rel=0.01)


def test_a_busy_stage_stays_warm() -> None:
    """Frames that come as fast as they are served leave no gap: no cold start but the first."""
    stage = SimStage("m", (0.0, 0.010), cold_s=0.005, cold_settle_s=0.02, queue_limit=4)
    r = simulate(SimSpec((SimCamera(200.0, phase_s=0.0),), (stage,), 2.0), 30)
    assert r.stages[0].mean_service_s == pytest.approx(0.010, rel=1e-6)


def test_key_frames_take_longer_and_leave_the_mean_as_it_is() -> None:
    camera = SimCamera(10.0, decode_core_s=0.010, key_frames=20, key_factor=5.0, phase_s=0.0)
    r = simulate(SimSpec((camera,), (), 2.0), 205, 5)
    assert r.latencies_s.mean() == pytest.approx(0.010, rel=0.002)
    plain_s = 0.010 / (1 + 4 / 20)
    assert np.quantile(r.latencies_s, [0.5, 0.99]) == pytest.approx([plain_s, 5 * plain_s])
    assert (r.latencies_s > 2 * plain_s).mean() == pytest.approx(1 / 20, abs=0.002)


def test_key_frames_of_cameras_fall_where_the_phases_are_drawn() -> None:
    """Of ten equal cameras whose key frames coincide all wait for each other; drawn, hardly any two do."""
    camera = SimCamera(10.0, decode_core_s=0.010, key_frames=20, key_factor=5.0, phase_s=0.0)
    slow_s = []
    for first in (0, None):
        spec = SimSpec((replace(camera, key_first=first),) * 10, (), 10.0, decode_workers=2)
        found = [simulate(spec, 205, 5, Seeds(phases=seed)) for seed in range(3)]
        slow_s.append(np.mean([np.quantile(r.latencies_s, 0.995) for r in found]))
    plain_s = 0.010 / (1 + 4 / 20)
    assert slow_s[0] == pytest.approx(5 * 5 * plain_s, rel=0.01)  # the last two of ten on two workers
    assert slow_s[1] < 0.6 * slow_s[0]


def test_decode_keeps_at_most_eight_frames_of_a_camera() -> None:
    """One worker at half the rate needed: a frame waits for 8 others and is decoded in 1/15 s."""
    r = simulate(SimSpec((SimCamera(30.0, decode_core_s=1 / 15, phase_s=0.0),), (), 4.0), 60)
    assert r.camera_fps[0] == pytest.approx(15, rel=0.02)
    assert r.drops_fraction == pytest.approx(0.5, rel=0.03)
    assert 8 / 15 <= r.latency_p50_s <= 9 / 15 + 1e-6


def test_jitter_delays_and_never_advances() -> None:
    r = simulate(SimSpec((SimCamera(10.0, phase_s=0.0, jitter_s=0.02),), (), 1.0), 600, 100)
    assert r.released == 6000
    assert r.camera_longest_gap_s[0] > 0.1


def test_growth_of_queues_is_seen() -> None:
    objects = ObjectsSpec((ObjectClass(10, 10, 10),))
    stages = (SimStage("d", (0.0, 0.001), finds=0), SimStage("e", (0.0, 0.02), parent=0))
    r = simulate(SimSpec((SimCamera(10.0),), stages, 4.0, objects), 60, 5)
    # 100 objects per second arrive, 50 are served: five of the ten frames per second pile up.
    assert r.queue_growth_per_s == pytest.approx(5, rel=0.05)
    assert r.oldest_in_flight_s == pytest.approx(30, rel=0.05)
    assert r.in_flight == pytest.approx(300, rel=0.05)


@pytest.mark.parametrize(("cameras", "cores", "longer"), [(1, 4.0, 0.0), (2, 4.0, 0.4 / 3), (4, 4.0, 0.4)])
def test_passes_lengthen_each_other_by_the_cores_that_they_take(cameras, cores, longer) -> None:
    stage = SimStage("m", (0.0, 0.01), streams=4, crowding=0.4)
    together = tuple(SimCamera(10.0, phase_s=0.0) for _ in range(cameras))
    found = simulate(SimSpec(together, (stage,), cores), 20)
    assert found.latency_p50_s == pytest.approx(0.01 * (1 + longer))
    # A core is taken for as long as the pass lasts.
    assert found.utilisation == pytest.approx(cameras * 10.0 * 0.01 * (1 + longer) / cores, rel=0.02)


@pytest.mark.parametrize(("cameras", "longer"), [(1, 0.0), (2, 0.4 * 0.3), (3, 0.4 * 0.7), (4, 0.4)])
def test_the_shape_of_contention_is_followed_between_its_points(cameras, longer) -> None:
    stage = SimStage("m", (0.0, 0.01), streams=4, crowding=0.4, rise=(0.3, 0.7, 1.0))
    together = tuple(SimCamera(10.0, phase_s=0.0) for _ in range(cameras))
    found = simulate(SimSpec(together, (stage,), 4.0), 20)
    assert found.latency_p50_s == pytest.approx(0.01 * (1 + longer))


def test_where_clocks_are_shared_decoding_lengthens_passes_and_is_lengthened() -> None:
    """Two cameras half a period apart: one decodes while the pass of the other runs; the third core idles."""
    stage = SimStage("m", (0.0, 0.04), streams=2, crowding=0.5)
    cameras = tuple(SimCamera(10.0, phase_s=phase, decode_core_s=0.04, decode_crowding=0.2) for phase in (0.0, 0.05))
    found = simulate(SimSpec(cameras, (stage,), 3.0, decode_workers=2, crowded_by="all", core_rise=(0.5, 1.0)), 20)
    # Overlapping, a decoder runs at 1 / 1.1 and a pass at 1 / 1.25 of its speed; they overlap for what exceeds 50 ms.
    assert found.latency_p50_s == pytest.approx(0.05 + 0.03 / (1 / 1.1 - 1 + 1 / 1.25))


@pytest.mark.parametrize("rise", [(0.5, 0.4, 1.0), (0.5, 0.9), (-0.1, 1.0)])
def test_a_shape_that_does_not_rise_to_one_is_refused(rise) -> None:
    stage = SimStage("m", (0.0, 0.01), crowding=0.4, rise=rise)
    with pytest.raises(ModelRangeError, match=r"rise.*must rise"):
        simulate(SimSpec((SimCamera(10.0),), (stage,), 4.0), 20)


def test_shapes_of_different_lengths_are_refused() -> None:
    stage = SimStage("m", (0.0, 0.01), crowding=0.4, rise=(0.5, 1.0))
    with pytest.raises(ModelRangeError, match="different lengths"):
        simulate(SimSpec((SimCamera(10.0),), (stage,), 4.0, core_rise=(1.0,)), 20)


def test_decoding_neither_lengthens_passes_nor_is_lengthened() -> None:
    """Two cameras half a period apart: one decodes while the pass of the other runs."""
    stage = SimStage("m", (0.0, 0.04), streams=2, crowding=0.5)
    cameras = tuple(SimCamera(10.0, phase_s=phase, decode_core_s=0.04) for phase in (0.0, 0.05))
    found = simulate(SimSpec(cameras, (stage,), 2.0, decode_workers=2), 20)
    assert found.latency_p95_s == pytest.approx(0.08)


def test_a_drifting_machine_is_as_often_slow_as_quick_and_stays_so_for_a_while() -> None:
    stage = SimStage("m", (0.0, 0.01))
    camera = SimCamera(10.0, phase_s=0.0)
    found = simulate(SimSpec((camera,), (stage,), 1.0, drift_sigma=0.2, drift_s=2.0), 20_000)
    times = np.log(found.latencies_s / 0.01)
    # 20,000 s hold some 5,000 independent moments: the median is known to 0.2 x 1.25 / 70.
    assert np.median(times) == pytest.approx(0.0, abs=0.012)
    assert np.std(times) == pytest.approx(0.2, rel=0.05)
    for seconds in (1, 2, 6):
        lagged = np.corrcoef(times[: -10 * seconds], times[10 * seconds :])[0, 1]
        # Steps of a quarter of a second, in which the speed stays.
        assert lagged == pytest.approx(np.exp(-seconds / 2.0), abs=0.05)


def test_slow_seconds_fill_queues_that_steady_ones_do_not() -> None:
    stage = SimStage("m", (0.0, 0.085), queue_limit=4)
    spec = SimSpec((SimCamera(10.0, phase_s=0.0),), (stage,), 1.0)
    steady, single, drifting = under_the_same_seeds(
        [spec, replace(spec, stages=(replace(stage, service_sigma=0.15),)), replace(spec, drift_sigma=0.15)], 2000
    )
    assert steady.latency_p95_s == pytest.approx(0.085)
    assert drifting.latency_p95_s > 1.3 * single.latency_p95_s
    assert drifting.dropped > single.dropped


def test_a_decoder_costs_a_pass_on_all_cores_all_of_its_time() -> None:
    """One camera's frame is decoded for 10 ms while the pass of another, of 40 ms on both cores, runs."""
    stage = SimStage("m", (0.0, 0.04), groups=("a",), threads_per_stream=2.0)
    cameras = (
        SimCamera(10.0, group="a", phase_s=0.0),
        SimCamera(10.0, group="b", phase_s=0.01, decode_core_s=0.01),
    )
    found = simulate(SimSpec(cameras, (stage,), 2.0), 20)
    # Both share one core at half speed for 20 ms; the other core waits for the pass, spinning.
    assert np.quantile(found.latencies_s[found.latency_cameras == 0], 0.5) == pytest.approx(0.05)
    assert np.quantile(found.latencies_s[found.latency_cameras == 1], 0.5) == pytest.approx(0.02)
    assert found.utilisation == pytest.approx((2 * 0.05) * 10 / 2, rel=0.01)


@pytest.mark.parametrize(
    ("cores", "gangs", "singles", "of_gang"),
    [(2.0, 1, 1, 0.75), (3.0, 2, 0, 0.75), (8.0, 5, 1, 0.75), (8.0, 2, 5, 0.9375), (4.0, 1, 5, 0.625)],
)
def test_all_cores_are_taken_when_there_are_too_many_threads(cores, gangs, singles, of_gang) -> None:
    """So many gangs of two, and single jobs, that never end: what a thread of a gang takes, counted by hand."""
    gang = SimStage("g", (0.0, 500.0), groups=("g",), streams=5, threads_per_stream=2.0)
    single = SimStage("s", (0.0, 500.0), groups=("s",), streams=7)
    cameras = tuple(SimCamera(0.01, group=name, phase_s=0.0) for name in "g" * gangs + "s" * singles)
    found = simulate(SimSpec(cameras, (gang, single), cores), 60, 10)
    assert found.utilisation == pytest.approx(1.0)
    assert found.busy_core_s["g"] / 50 == pytest.approx(2 * gangs * of_gang)


def test_a_gang_on_some_of_the_cores_is_hit_by_chance() -> None:
    """Five single passes beside one on four of eight cores: the one thread too many hits it every other time."""
    single = SimStage("s", (0.0, 1.0), groups=("s",), streams=5)
    gang = SimStage("g", (0.0, 0.01), groups=("g",), threads_per_stream=4.0)
    cameras = (SimCamera(10.0, group="g", phase_s=0.05), *(SimCamera(1.0, group="s", phase_s=0.0) for _ in range(5)))
    found = simulate(SimSpec(cameras, (single, gang), 8.0), 60, 10)
    spared = (7 / 8) * (6 / 7) * (5 / 6) * (4 / 5)
    assert np.quantile(found.latencies_s[found.latency_cameras == 0], 0.5) == pytest.approx(0.01 / ((1 + spared) / 2))


@pytest.mark.parametrize("stacking", [0.0, 0.2, 1.0])
def test_a_decoder_that_is_stacked_on_a_pass_delays_it_by_its_time(stacking) -> None:
    """A picture of 2 ms beside a pass of 20 ms, on two cores: it is done within a slice, and the pass waits for it."""
    cameras = (SimCamera(10.0, "a", phase_s=0.0), SimCamera(10.0, "b", phase_s=0.01, decode_core_s=0.002))
    stages = (SimStage("m", (0.0, 0.02), groups=("a",)),)
    found = simulate(SimSpec(cameras, stages, 2.0, stacking=stacking), 400)
    passes_s, pictures_s = (found.latencies_s[found.latency_cameras == camera] for camera in (0, 1))
    late = passes_s > 0.021
    assert passes_s[late] == pytest.approx(0.022)
    assert passes_s[~late] == pytest.approx(0.02)
    error = math.sqrt(stacking * (1 - stacking) / len(passes_s))
    assert late.mean() == pytest.approx(stacking, abs=4 * error)
    assert pictures_s == pytest.approx(0.002)
    # Who waits takes no core.
    assert found.utilisation == pytest.approx((0.02 + 0.002) * 10 / 2, rel=1e-3)


def test_two_passes_that_share_a_core_take_turns_after_a_slice() -> None:
    """Each of 10 ms, begun together: 3 ms of the second, turns in which both do 7 ms, the last 3 ms of the first."""
    cameras = tuple(SimCamera(10.0, phase_s=0.0) for _ in range(2))
    found = simulate(SimSpec(cameras, (SimStage("m", (0.0, 0.01), streams=2),), 2.0, stacking=1.0), 20)
    assert np.unique(found.latencies_s.round(6)).tolist() == [0.017, 0.02]
    assert found.utilisation == pytest.approx(2 * 0.01 * 10 / 2, rel=1e-3)


def test_who_shares_a_core_waits_no_longer_once_all_cores_are_shared() -> None:
    """Passes of 20, 10 and 2 ms that begin 1 ms apart, on two cores: the second is put on the core of the first.

    By then it has worked for 1 ms and the first has waited for as long. While there are three, all go at two thirds;
    after that the first two have a core each: 19 and 9 ms left of them, less the 2 ms done meanwhile.
    """
    works_s = {"a": 0.02, "b": 0.01, "c": 0.002}
    cameras = tuple(SimCamera(10.0, name, phase_s=0.001 * i) for i, name in enumerate(works_s))
    stages = tuple(SimStage(name, (0.0, work_s), groups=(name,)) for name, work_s in works_s.items())
    found = simulate(SimSpec(cameras, stages, 2.0, stacking=1.0), 20)
    latencies_s = [np.unique(found.latencies_s[found.latency_cameras == camera].round(6)) for camera in range(3)]
    assert [times_s.tolist() for times_s in latencies_s] == [[0.022], [0.011], [0.003]]
    for name, work_s in works_s.items():
        assert found.busy_core_s[name] == pytest.approx(work_s * 10 * found.window_s, rel=1e-3)


@pytest.mark.parametrize(
    "spec",
    [
        SimSpec((SimCamera(10.0),), (SimStage("m", (0.0, 0.01)),), 2.0),  # no other work
        SimSpec(tuple(SimCamera(10.0, phase_s=0.0) for _ in range(2)), (SimStage("m", (0.0, 0.01), streams=2),), 1.0),
        SimSpec(
            tuple(SimCamera(10.0, phase_s=0.0) for _ in range(2)),
            (SimStage("m", (0.0, 0.01), streams=2, device="GPU"),),
            2.0,
        ),
    ],
    ids=["alone", "no idle core", "on a device"],
)
def test_nothing_is_stacked_where_there_is_no_choice(spec) -> None:
    free, stacked = (simulate(replace(spec, stacking=share), 20) for share in (0.0, 1.0))
    assert np.array_equal(free.latencies_s, stacked.latencies_s)


def test_no_cameras_is_an_idle_machine() -> None:
    r = simulate(SimSpec((), (SimStage("m", (0.0, 0.01)),), 2.0), 10)
    assert (r.released, r.done, r.dropped, r.in_flight, r.utilisation) == (0, 0, 0, 0, 0.0)
    assert r.latency_p95_s is None
    assert r.stages[0].mean_batch is None


def test_a_thousand_cameras_keep_their_rate() -> None:
    stages = (SimStage("m", (0.0, 0.004), interval_frames=5.0, streams=32),)
    r = simulate(SimSpec(tuple(SimCamera(15.0, decode_core_s=0.002) for _ in range(1000)), stages, 64.0,
                         decode_workers=48), 20)  # fmt: skip
    assert r.released == 300_000
    assert r.utilisation == pytest.approx(1000 * 15 * (0.002 + 0.004 / 5) / 64, rel=0.01)
    assert r.camera_fps.min() == pytest.approx(15, abs=0.2)


numbers = st.floats(0.001, 0.08)


@st.composite
def specs(draw):
    stages, finders = [], []
    for i in range(draw(st.integers(0, 4))):
        parent = draw(st.sampled_from([None, *finders]))
        largest = draw(st.integers(1, 5))
        finds = draw(st.sampled_from([None, 0, 1]))
        stages.append(
            SimStage(
                f"s{i}", (0.0, *[draw(numbers)] * largest), parent, draw(st.sampled_from([(), ("a",), ("b",)])),
                draw(st.floats(1, 6)), draw(st.booleans()), finds, largest, draw(st.sampled_from([0.0, 0.02])),
                draw(st.integers(1, 3)), draw(st.sampled_from([0.5, 1.0, 3.0])), None,
                draw(st.sampled_from([0.0, 0.5])),
                draw(st.sampled_from([0.0, 0.002])), draw(st.sampled_from([0.0, 1e8])), draw(st.floats(0, 1)),
                draw(st.integers(1, 4)), draw(st.sampled_from(["newest", "oldest"])),
            )
        )  # fmt: skip
        if finds is not None:
            finders.append(i)
    cameras = tuple(
        SimCamera(
            draw(st.floats(1, 40)), draw(st.sampled_from(["a", "b"])), draw(st.sampled_from([0.0, 0.005, 0.05])), 0.3,
            1e6, None, draw(st.sampled_from([0.0, 0.02])), None, draw(st.sampled_from([0.0, 0.5, 1.0])),
            draw(st.sampled_from(["periodic", "poisson"])),
        )
        for _ in range(draw(st.integers(0, 6)))
    )  # fmt: skip
    return SimSpec(
        cameras, tuple(stages), draw(st.floats(0.5, 8)),
        ObjectsSpec((ObjectClass(2, 5, 9), ObjectClass(0.5)), 0.5, 1.0),
        draw(st.integers(1, 4)), (), draw(st.sampled_from([None, 1e10])), draw(st.sampled_from(["mean", "p95"])),
        draw(st.sampled_from([0.0, 0.3])), stacking=draw(st.sampled_from([0.0, 0.3, 1.0])),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(specs(), st.integers(0, 2**31))
def test_every_frame_is_accounted_for(spec, seed) -> None:
    r = simulate(spec, 6.0, 1.0, seeds(seed))
    assert r.released == r.done + r.dropped + r.in_flight
    assert min(r.done, r.dropped, r.in_flight) >= 0
    assert -1e-9 <= r.utilisation <= 1 + 1e-9
    assert (r.latencies_s >= 0).all()
    assert r.latencies_s.size <= r.done
    assert r.bandwidth_utilisation is None or r.bandwidth_utilisation <= 1 + 1e-6
    again = simulate(spec, 6.0, 1.0, seeds(seed))
    assert np.array_equal(r.latencies_s, again.latencies_s)
    per_camera = [r.latencies_s[r.latency_cameras == camera] for camera in np.unique(r.latency_cameras)]
    worst_s = max((np.quantile(part, 0.95) for part in per_camera), default=None)
    slowest_s = r.slowest_camera_latencies_s(0.95)
    assert (None if slowest_s.size == 0 else np.quantile(slowest_s, 0.95)) == pytest.approx(worst_s)
    assert any(np.array_equal(np.sort(part), slowest_s) for part in per_camera) or not per_camera


PROGRAM = """
from advisor.simulate import *
s = SimSpec(tuple(SimCamera(15.0, decode_core_s=0.003, decode_sigma=0.3, jitter_s=0.01) for _ in range(5)),
    (SimStage("d", (0.0, 0.02), finds=0, service_sigma=0.2), SimStage("e", (0.0, 0.003), parent=0)), 2.0,
    ObjectsSpec((ObjectClass(4, 12, 25),), 0.5))
r = simulate(s, 30.0)
print(r.released, r.done, r.dropped, repr(float(r.latencies_s.sum())), repr(r.utilisation))
"""


def test_equal_seeds_give_equal_results_in_another_process(capsys) -> None:
    other = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    exec(PROGRAM, {})
    assert capsys.readouterr().out == other.stdout


def test_seeds_of_service_leave_arrivals_and_objects_alone() -> None:
    stages = (
        SimStage("d", (0.0, 0.002), finds=0, service_sigma=0.2, streams=4),
        SimStage("e", (0.0, 0.0001), parent=0),
    )
    spec = SimSpec((callers(30.0),), stages, 8.0, ObjectsSpec((ObjectClass(4, 12, 25),)))
    one, other = simulate(spec, 60, 5, Seeds(1, 2, 3, 4)), simulate(spec, 60, 5, Seeds(1, 2, 3, 99))
    assert one.released == other.released
    assert one.stages[1].items_per_s == pytest.approx(other.stages[1].items_per_s, rel=0.002)
    assert not np.array_equal(one.latencies_s, other.latencies_s)
    assert simulate(spec, 60, 5, Seeds(1, 2, 9, 4)).stages[1].items_per_s != one.stages[1].items_per_s
    assert simulate(spec, 60, 5, Seeds(9, 2, 3, 4)).released != one.released


def grow(cameras):
    stage = SimStage("m", (0.0, 0.01), interval_frames=3.0)
    return SimSpec(tuple(SimCamera(15.0) for _ in range(cameras)), (stage,), 1.0)


@pytest.mark.parametrize(("cameras", "drops_any"), [(19, False), (22, True)])
def test_frames_are_dropped_from_the_camera_on_that_takes_utilisation_to_one(cameras, drops_any) -> None:
    """Each camera takes 15/3 x 10 ms = 5 % of the core and of the one stream: 20 of them fill it."""
    assert (simulate(grow(cameras), 60).drops_fraction > 0.01) == drops_any


@pytest.mark.parametrize("load", ["mean", "p95"])
def test_more_cameras_never_lower_utilisation(load) -> None:
    def spec(cameras):
        stages = (SimStage("d", (0.0, 0.01), interval_frames=3.0, finds=0), SimStage("e", (0.0, 0.001), parent=0))
        return SimSpec(
            tuple(SimCamera(15.0) for _ in range(cameras)),
            stages,
            4.0,
            ObjectsSpec((ObjectClass(4, 12, 25),)),
            load=load,
        )

    used = [r.utilisation for r in under_the_same_seeds([spec(n) for n in range(1, 12)], 30)]
    assert all(b > a for a, b in pairwise(used))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"cores": 0.0}, "cores"),
        ({"stacking": 1.1}, "stacking"),
        ({"decode_workers": 0}, "decode_workers"),
        ({"stages": (SimStage("m", (0.0, 0.01, 0.02)),)}, "service_s"),
        ({"stages": (SimStage("m", (0.0, 0.01), parent=0),)}, "parent"),
        ({"stages": (SimStage("m", (0.0, 0.01), interval_frames=0.5),)}, "interval_frames"),
        ({"stages": (SimStage("decode", (0.0, 0.01)),)}, "reserved"),
        ({"stages": tuple(SimStage(f"m{i}", (0.0, 0.01)) for i in range(32))}, "at most 30"),
        ({"partition": (("x", 1.0),)}, "partition"),
        ({"partition": (("decode", 2.0),)}, "leaves"),
        ({"cameras": (SimCamera(0.0),)}, "fps"),
        ({"cameras": (SimCamera(math.nan),)}, "fps"),
        ({"objects": ObjectsSpec(correlation=2.0)}, "correlation"),
    ],
)
def test_a_spec_that_cannot_run_is_refused_by_name(change, word) -> None:
    good = SimSpec((SimCamera(15.0),), (SimStage("m", (0.0, 0.01)),), 2.0)
    with pytest.raises(ModelRangeError, match=word):
        simulate(dataclasses.replace(good, **change), 10)


def test_what_is_kept_of_a_run_lacks_its_frames_alone() -> None:
    found = simulate(SimSpec((SimCamera(30.0, phase_s=0.0),), (SimStage("s", (0.0, 0.01)),), 8.0), 10)
    kept = found.without_samples()
    assert found.latencies_s.size > 100
    assert (kept.latencies_s.size, kept.latency_cameras.size) == (0, 0)
    for field in dataclasses.fields(found):
        if not field.name.startswith("latenc"):
            assert getattr(kept, field.name) is getattr(found, field.name), field.name


def test_the_largest_number_of_stages_runs() -> None:
    stages = tuple(SimStage(f"m{i}", (0.0, 0.0001), streams=2) for i in range(30))
    r = simulate(SimSpec((SimCamera(10.0),), stages, 4.0), 20)
    assert [stage.calls_per_s for stage in r.stages] == pytest.approx([10.0] * 30, rel=0.02)


def test_a_warmup_as_long_as_the_run_is_refused() -> None:
    with pytest.raises(ModelRangeError, match="warm-up"):
        simulate(SimSpec((), (), 1.0), 10, 10)
