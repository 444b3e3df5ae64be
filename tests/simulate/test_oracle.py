"""The event loop against an independent SimPy model of the same cascade."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.simulate import (  # fmt: skip
    ObjectClass,
    ObjectsSpec,
    Seeds,
    SimCamera,
    SimSpec,
    SimStage,
    StartupFallback,
    simulate,
)

from .oracle import Oracle

PHASES = [0.013, 0.0301, 0.0502, 0.0207]


def steady(samples, warmup_s):
    return float(np.mean([value for moment, value in samples if moment >= warmup_s]))


def fallback(startup):
    """What the cores do until the device is ready, as the engine is told."""
    if startup is None:
        return None
    return StartupFallback(
        startup["until"], startup["service"], streams=startup["streams"], threads_per_stream=startup["threads"],
        preprocess_core_s=startup["pre"], crowding=startup.get("crowding", 0.0),
    )  # fmt: skip


def both(stages, *, cameras, cores, workers, means=(), duration_s=40.0, runs=4, warmup_s=4.0, stacking=0.0):
    """Figures of several seeds from either side: rows are runs."""
    ours, theirs = [], []
    for seed in range(runs):
        spec = SimSpec(
            tuple(
                SimCamera(
                    c["fps"], c["group"], decode_core_s=c["decode"], decode_sigma=c["sigma"], phase_s=c["phase"],
                    stagger=c["number"], key_frames=c.get("keys", 0), key_factor=c.get("key_factor", 1.0),
                    key_first=c.get("key_first"),
                    decode_crowding=c.get("decode_crowding", 0.0), application_core_s=c.get("application", 0.0),
                    application_crowding=c.get("application_crowding", 0.0), engine_s=c.get("engine", 0.0),
                )
                for c in cameras
            ),
            tuple(
                SimStage(
                    s["id"], s["service"], parent=s.get("parent"), groups=s.get("groups", ()),
                    interval_frames=float(s["interval"]), finds=s.get("finds"), batch_max=s["batch"],
                    batch_timeout_s=s.get("timeout", 0.0), streams=s["streams"], threads_per_stream=s["threads"],
                    service_sigma=s.get("sigma", 0.0), preprocess_core_s=s.get("pre", 0.0), queue_limit=s["limit"],
                    drop=s["drop"], cold_s=s.get("cold", 0.0), cold_settle_s=s.get("settle", 0.0),
                    crowding=s.get("crowding", 0.0), rise=s.get("rise", ()),
                    preprocess_crowding=s.get("pre_crowding", 0.0), device=s.get("device"), core_s=s.get("taken"),
                    fallback=fallback(s.get("startup")),
                )
                for s in stages
            ),
            cores,
            ObjectsSpec(tuple(ObjectClass(m) for m in means), persistence_s=0.0),
            workers,
            crowded_by="all" if "core_rise" in cameras[0] else "passes",
            core_rise=cameras[0].get("core_rise", ()),
            stacking=stacking,
        )  # fmt: skip
        r = simulate(spec, duration_s, warmup_s, Seeds(11 + seed, 1, 31 + seed, 51 + seed))
        ours.append(
            [r.released, r.dropped, r.latency_p50_s, r.latency_p95_s, r.latencies_s.mean(), r.utilisation]
            + [stage.mean_wait_s for stage in r.stages]
            + [stage.mean_batch for stage in r.stages]
        )
        o = Oracle(cameras, stages, cores, workers, means, seed, stacking).run(duration_s)
        late = np.array([latency for released, latency in o.latencies if released >= warmup_s])
        theirs.append(
            [o.released, o.dropped, *np.quantile(late, [0.5, 0.95]), late.mean(), o.cores.busy_s / cores / duration_s]
            + [steady(o.waits[i], warmup_s) for i in range(len(stages))]
            + [steady(o.batches[i], warmup_s) for i in range(len(stages))]
        )
    return np.array(ours), np.array(theirs)


def agree(ours, theirs, floor) -> None:
    """Means equal within four standard errors of their difference, and a floor for what hardly scatters."""
    error = np.sqrt((ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / len(ours))
    difference = np.abs(ours.mean(axis=0) - theirs.mean(axis=0))
    assert (difference <= 4 * error + floor * np.abs(theirs.mean(axis=0)) + 1e-9).all(), (ours, theirs)


def camera_set(count, fps=15.0, decode=0.003, sigma=0.2):
    return [
        {
            "group": "a" if c < 2 else "b",
            "number": c % 2,
            "fps": fps,
            "phase": PHASES[c],
            "decode": decode,
            "sigma": sigma,
        }
        for c in range(count)
    ]


def stage(name, service, **more):
    base = {"id": name, "service": service, "interval": 1, "batch": len(service) - 1, "streams": 1, "threads": 1.0,
            "limit": 4, "drop": "newest"}  # fmt: skip
    return base | more


def batches(alpha, beta, largest):
    return (0.0, *(alpha + beta * b for b in range(1, largest + 1)))


@pytest.mark.parametrize("cores", [4.0, 1.3])
def test_cascade_with_fan_out_agrees(cores) -> None:
    stages = [
        stage("person", (0.0, 0.012), interval=3, finds=0, streams=2, threads=1.5, pre=0.001, sigma=0.15),
        stage("face", (0.0, 0.008), interval=3, groups=("b",), finds=1),
        stage("reid", batches(0.002, 0.001, 4), parent=0, interval=5, sigma=0.1),
        stage("age", batches(0.001, 0.0005, 8), parent=1, interval=3, pre=0.0002),
    ]
    agree(*both(stages, cameras=camera_set(4), cores=cores, workers=2, means=(4.0, 1.5)), floor=0.03)


@pytest.mark.parametrize("drop", ["newest", "oldest"])
def test_overload_drops_as_many_and_as_late(drop) -> None:
    stages = [stage("slow", (0.0, 0.030), interval=1, sigma=0.1, drop=drop, limit=3)]
    ours, theirs = both(stages, cameras=camera_set(4), cores=2.0, workers=2)
    assert ours[:, 1].min() > 300
    agree(ours, theirs, floor=0.03)


def test_batches_across_frames_agree() -> None:
    stages = [
        stage("detect", (0.0, 0.004), interval=2, finds=0, streams=2),
        stage("embed", batches(0.004, 0.001, 8), parent=0, interval=2, timeout=0.03),
    ]
    agree(*both(stages, cameras=camera_set(4), cores=2.0, workers=2, means=(1.2,)), floor=0.03)


@pytest.mark.parametrize("timeout", [0.0, 0.02])
def test_batches_of_whole_frames_agree(timeout) -> None:
    stages = [stage("detect", batches(0.020, 0.002, 4), timeout=timeout, limit=6, sigma=0.1)]
    agree(*both(stages, cameras=camera_set(4), cores=2.0, workers=2), floor=0.03)


def test_long_lists_of_objects_agree() -> None:
    stages = [
        stage("detect", (0.0, 0.004), interval=2, finds=0, streams=2),
        stage("embed", batches(0.004, 0.001, 4), parent=0, interval=2, timeout=0.03, streams=2),
    ]
    agree(*both(stages, cameras=camera_set(4), cores=4.0, workers=2, means=(5.0,)), floor=0.03)


@pytest.mark.parametrize("cores", [4.0, 1.3])
def test_an_application_around_the_models_agrees(cores) -> None:
    """Every frame passes it, also where no stage is due; frames of one camera may overlap in it."""
    stages = [
        stage("person", (0.0, 0.012), interval=3, finds=0, streams=2, sigma=0.15),
        stage("reid", batches(0.002, 0.001, 4), parent=0, interval=5, pre=0.0015),
    ]
    cameras = [camera | {"application": 0.005 if camera["group"] == "a" else 0.008} for camera in camera_set(4)]
    agree(*both(stages, cameras=cameras, cores=cores, workers=2, means=(3.0,)), floor=0.03)


def test_an_application_that_others_slow_down_agrees() -> None:
    more = {"application": 0.02, "application_crowding": 0.6, "decode_crowding": 0.4, "core_rise": (0.2, 0.5, 1.0)}
    stages = [stage("person", (0.0, 0.012), interval=2, streams=2, sigma=0.1, crowding=0.3, rise=(0.4, 0.7, 1.0))]
    cameras = [camera | more for camera in camera_set(4)]
    agree(*both(stages, cameras=cameras, cores=3.0, workers=2), floor=0.03)


def test_decode_overload_loses_frames_before_decode() -> None:
    ours, theirs = both(
        [stage("light", (0.0, 0.001), interval=5)], cameras=camera_set(4, decode=0.02), cores=1.0, workers=2
    )
    assert ours[:, 1].min() > 200
    agree(ours, theirs, floor=0.03)


def test_key_frames_and_cold_passes_agree() -> None:
    cameras = [
        camera | {"keys": 10, "key_factor": 6.0, "key_first": 3 * place % 10}
        for place, camera in enumerate(camera_set(4, decode=0.006))
    ]
    stages = [
        stage("detect", (0.0, 0.004), interval=2, finds=0, streams=2, cold=0.006, settle=0.01),
        stage("embed", batches(0.001, 0.001, 4), parent=0, interval=2, cold=0.003, settle=0.02, sigma=0.1),
    ]
    agree(*both(stages, cameras=cameras, cores=2.0, workers=2, means=(1.2,)), floor=0.03)


def test_passes_that_slow_each_other_down_agree() -> None:
    stages = [
        stage("detect", (0.0, 0.016), interval=2, finds=0, streams=3, crowding=0.5, sigma=0.1),
        stage("embed", batches(0.002, 0.001, 4), parent=0, interval=2, threads=2.0, crowding=0.8, pre=0.001),
    ]
    agree(*both(stages, cameras=camera_set(4), cores=4.0, workers=2, means=(1.2,)), floor=0.03)


def test_work_that_slows_down_as_cores_fill_agrees() -> None:
    """Shapes of a hybrid chip: little at first, then steeply; decoding and preparation take part."""
    shared = {"core_rise": (0.05, 0.2, 0.6, 1.0)}
    cameras = [camera | shared | {"decode_crowding": 0.9} for camera in camera_set(4, decode=0.008)]
    stages = [
        stage(
            "detect", (0.0, 0.016), interval=2, finds=0, streams=3, crowding=1.5, sigma=0.1, rise=(0.0, 0.1, 0.7, 1.0),
        ),
        stage(
            "embed", batches(0.002, 0.001, 4), parent=0, interval=2, threads=2.0, crowding=0.8, pre=0.001,
            rise=(0.3, 0.6, 0.9, 1.0), pre_crowding=0.9, **shared,
        ),
    ]  # fmt: skip
    ours, theirs = both(stages, cameras=cameras, cores=4.0, workers=2, means=(1.2,))
    agree(ours, theirs, floor=0.03)
    # The law shows: with cores of one speed there is less work.
    plain, _ = both(
        [item | {"crowding": 0.0, "pre_crowding": 0.0} for item in stages],
        cameras=[camera | {"decode_crowding": 0.0} for camera in cameras], cores=4.0, workers=2, means=(1.2,), runs=2,
    )  # fmt: skip
    assert ours[:, 5].mean() > 1.06 * plain[:, 5].mean()


@pytest.mark.parametrize(("cores", "threads", "decode"), [(2.0, 1.0, 0.003), (4.0, 2.0, 0.003), (2.0, 1.0, 0.02)])
def test_work_that_is_stacked_on_busy_cores_agrees(cores, threads, decode) -> None:
    stages = [
        stage("person", (0.0, 0.012), interval=3, finds=0, streams=2, threads=threads, pre=0.001, sigma=0.15),
        stage("reid", batches(0.002, 0.001, 4), parent=0, interval=5, sigma=0.1, streams=2),
    ]
    more = {"cameras": camera_set(4, decode=decode), "cores": cores, "workers": 2, "means": (3.0,)}
    ours, theirs = both(stages, stacking=0.4, **more)
    agree(ours, theirs, floor=0.02)
    # Medians scatter less than tails: waiting that goes on beside more threads than cores makes 5 % of them.
    assert ours[:, 2].mean() == pytest.approx(theirs[:, 2].mean(), rel=0.03)
    spared, _ = both(stages, **more)
    assert ours[:, 3].mean() > 1.03 * spared[:, 3].mean()


def test_the_comparison_can_fail() -> None:
    stages = [stage("person", (0.0, 0.012), interval=3, sigma=0.15)]
    ours, theirs = both(stages, cameras=camera_set(4), cores=2.0, workers=2)
    with pytest.raises(AssertionError):
        agree(ours * 1.1, theirs, floor=0.03)
    assert math.isfinite(ours.sum())


@pytest.mark.parametrize("cores", [4.0, 0.5])
def test_stages_that_share_a_device_agree(cores) -> None:
    """One detector pipelines its passes on the device, the other holds it; a third stage stays on the cores."""
    stages = [
        stage("person", (0.0, 0.016), interval=1, finds=0, streams=3, pre=0.002, sigma=0.1, device="GPU",
              taken=(0.0, 0.008)),
        stage("face", (0.0, 0.009), interval=2, groups=("b",), device="GPU", taken=(0.0, 0.009), pre=0.001),
        stage("reid", (0.0, 0.002), parent=0, interval=5),
    ]  # fmt: skip
    agree(*both(stages, cameras=camera_set(4), cores=cores, workers=2, means=(2.0,)), floor=0.03)


@pytest.mark.parametrize("cores", [4.0, 0.5])
def test_stages_on_two_devices_agree(cores) -> None:
    """Graphics detect, a neural processor classifies what they found, and a third stage stays on the cores."""
    stages = [
        stage("person", (0.0, 0.016), interval=1, finds=0, streams=3, pre=0.002, sigma=0.1, device="GPU",
              taken=(0.0, 0.008)),
        stage("reid", batches(0.006, 0.003, 2), parent=0, interval=2, streams=2, pre=0.001, device="NPU",
              taken=batches(0.004, 0.003, 2)),
        stage("face", (0.0, 0.004), interval=5, groups=("b",)),
    ]  # fmt: skip
    agree(*both(stages, cameras=camera_set(4), cores=cores, workers=2, means=(2.0,)), floor=0.03)


@pytest.mark.parametrize("engine_s", [0.004, 0.016])
def test_an_engine_that_decodes_agrees(engine_s) -> None:
    """Below its rate and close to it: 60 frames per second hold it for 24 and 96 % of the time."""
    cameras = [camera | {"engine": engine_s} for camera in camera_set(4, decode=0.001)]
    stages = [stage("person", (0.0, 0.012), interval=3, streams=2, pre=0.001)]
    agree(*both(stages, cameras=cameras, cores=1.0, workers=4), floor=0.03)


@pytest.mark.parametrize("until", [12.0, 39.0])
def test_a_device_that_is_ready_later_agrees(until) -> None:
    """The cores are too slow for all, so that frames are lost until the device takes over."""
    startup = {"until": until, "service": batches(0.030, 0.020, 2), "streams": 1, "threads": 2.0, "pre": 0.001}
    stages = [
        stage("person", batches(0.010, 0.004, 2), interval=1, finds=0, streams=3, pre=0.002, sigma=0.1, device="GPU",
              taken=batches(0.006, 0.003, 2), startup=startup),
        stage("reid", (0.0, 0.002), parent=0, interval=5),
    ]  # fmt: skip
    ours, theirs = both(stages, cameras=camera_set(4), cores=4.0, workers=2, means=(2.0,), warmup_s=0.0)
    agree(ours, theirs, floor=0.03)
    assert ours[:, 1].min() > 100
    # It shows: from the start on the device nothing is lost.
    ready, _ = both(
        [{name: value for name, value in item.items() if name != "startup"} for item in stages],
        cameras=camera_set(4), cores=4.0, workers=2, means=(2.0,), runs=2,
    )  # fmt: skip
    assert ready[:, 1].max() == 0
