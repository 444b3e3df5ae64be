"""From a spec to the arrays of the event loop, and from the arrays to a result."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from . import engine as e
from .counts import thresholds
from .result import SimResult, StageResult
from .spec import DECODE, Seeds, SimSpec

OBJECT_STEP_S = 0.2
"""Counts of a camera change at most this often; less where persistence asks for it."""


def _cameras(spec: SimSpec, seeds: Seeds, warmup_s: float) -> tuple[Any, Any]:
    """Columns ``C_`` and ``K_``."""
    count = len(spec.cameras)
    real, whole = np.zeros((count, 10)), np.zeros((count, 13), dtype=np.int64)
    drawn = np.random.default_rng(seeds.phases).random(count)
    quantile = NormalDist().inv_cdf
    duty = {0.0: -math.inf, 1.0: math.inf}
    in_group: dict[str, int] = {}
    groups: dict[str, int] = {}
    for c, camera in enumerate(spec.cameras):
        if camera.motion_duty not in duty:
            duty[camera.motion_duty] = quantile(camera.motion_duty)
        if camera.group not in groups:
            groups[camera.group] = _stages_of(spec, camera.group)
        number = in_group.get(camera.group, 0)
        in_group[camera.group] = number + 1
        poisson = camera.arrivals == "poisson"
        phase = 0.0 if poisson else drawn[c] / camera.fps if camera.phase_s is None else camera.phase_s
        real[c] = (
            1.0 / camera.fps, phase, camera.jitter_s, camera.decode_core_s, camera.decode_sigma, camera.decode_bytes,
            duty[camera.motion_duty], 0.0, warmup_s, 0.0,
        )  # fmt: skip
        whole[c, e.K_POISSON] = poisson
        whole[c, e.K_STAGGER] = number if camera.stagger is None else camera.stagger
        whole[c, e.K_STAGES] = groups[camera.group]
    whole[:, e.K_STEP] = -1
    return real, whole


def _stages_of(spec: SimSpec, group: str) -> int:
    """Stages that cameras of a group feed, as bits; a stage on objects needs its parent too."""
    mask = 0
    for i, stage in enumerate(spec.stages):
        fed = not stage.groups or group in stage.groups
        if fed and (stage.parent is None or mask >> stage.parent & 1):
            mask |= 1 << i
    return mask


def _stages(spec: SimSpec) -> tuple[Any, Any, Any, Any, Any]:
    """Columns ``S_`` and ``L_``, service times and widths per batch, and the pools."""
    count = len(spec.stages)
    largest = max([stage.batch_max for stage in spec.stages], default=1)
    real, whole = np.zeros((count + 1, 10)), np.zeros((count + 1, 17), dtype=np.int64)
    service, width = np.ones((count + 1, largest + 1)), np.ones((count + 1, largest + 1))
    names = [name for name, _ in spec.partition]
    rest = spec.cores - sum(cores for _, cores in spec.partition)
    pool = np.zeros((3, len(names) + 1))
    pool[0] = [cores for _, cores in spec.partition] + [rest]
    for i, stage in enumerate(spec.stages):
        real[i, : e.S_WAIT] = (
            stage.batch_timeout_s, stage.service_sigma, stage.preprocess_core_s, stage.bandwidth_bytes,
            stage.memory_fraction,
        )  # fmt: skip
        row = whole[i]
        row[e.L_PARENT] = -1 if stage.parent is None else stage.parent
        row[e.L_FREE] = row[e.L_STREAMS] = stage.streams
        row[e.L_BATCH] = stage.batch_max
        # A queue shorter than a batch would drop what the batch waits for.
        row[e.L_LIMIT] = max(stage.queue_limit, stage.batch_max if stage.batch_timeout_s > 0 else 0)
        row[e.L_OLDEST] = stage.drop == "oldest"
        row[e.L_POOL] = names.index(stage.id) if stage.id in names else len(names)
        row[e.L_FINDS] = -1 if stage.finds is None else stage.finds
        row[e.L_MOTION] = stage.motion
        service[i, 1 : stage.batch_max + 1] = stage.service_s[1:]
        width[i] = stage.threads_per_stream
        if stage.core_s is not None:
            width[i, 1 : stage.batch_max + 1] = np.array(stage.core_s[1:]) / np.array(stage.service_s[1:])
    whole[count, e.L_POOL] = names.index(DECODE) if DECODE in names else len(names)
    whole[count, e.L_FREE] = whole[count, e.L_STREAMS] = spec.decode_workers
    return real, whole, service, width, pool


def _kinds(spec: SimSpec, camera_n: Any, service: Any, width: Any) -> dict[str, Any]:
    """Kinds of jobs: per stage pre-processing and each batch size, and decode per demand for bandwidth."""
    bandwidth = spec.memory_bandwidth_bytes_per_s
    rows: list[tuple[float, float, float, float, float]] = []
    whole: list[tuple[int, int, int, int]] = []
    kind_of = np.zeros(service.shape, dtype=np.int64)
    room = 0

    def add(stage: int, places: int, threads: float, traffic: float, memory: float) -> int:
        nonlocal room
        # Moving the traffic at full bandwidth takes its part of the time, whatever share was said to be bound by it.
        least = 0.0 if bandwidth is None else traffic / bandwidth
        rows.append((0.0, 1.0, threads, traffic, min(1.0, max(memory, least))))
        whole.append((stage, room, 0, 0))
        room += places
        return len(rows) - 1

    for i, stage in enumerate(spec.stages):
        kind_of[i, 0] = add(i, stage.streams, 1.0, 0.0, 0.0)
        for b in range(1, stage.batch_max + 1):
            traffic = stage.bandwidth_bytes * b / float(service[i, b])
            kind_of[i, b] = add(i, stage.streams, float(width[i, b]), traffic, stage.memory_fraction)
    decoders: dict[float, int] = {}
    for c, camera in enumerate(spec.cameras):
        if camera.decode_core_s > 0:
            traffic = camera.decode_bytes / camera.decode_core_s
            if traffic not in decoders:
                decoders[traffic] = add(len(spec.stages), spec.decode_workers, 1.0, traffic, 0.0)
            camera_n[c, e.K_KIND] = decoders[traffic]
    return {
        "kind": np.array(rows).reshape(-1, 5), "kind_n": np.array(whole, dtype=np.int64).reshape(-1, 4),
        "kind_of": kind_of, "active": np.zeros(len(rows) + 1, dtype=np.int64),
        "job": np.empty((room + 1, 3)), "job_n": np.empty((room + 1, 2), dtype=np.int64),
    }  # fmt: skip


def _intervals(spec: SimSpec) -> Any:
    """Frames between calls, camera x stage."""
    table = np.ones((len(spec.cameras), len(spec.stages) + 1))
    for i, stage in enumerate(spec.stages):
        table[:, i] = stage.interval_frames
    return table


def _buckets(spec: SimSpec, intervals: Any, camera_n: Any) -> Any:
    """Bucket of the frame before the first: a stage on objects has seen none, so it runs on its parent's first."""
    before = np.floor((camera_n[:, e.K_STAGGER, None] - 1) / intervals + 1e-9).astype(np.int64)
    for i, stage in enumerate(spec.stages):
        if stage.parent is not None:
            before[:, i] = np.iinfo(np.int64).min
    return before


def _frames_bound(spec: SimSpec, duration_s: float) -> int:
    """More frames than can be released; for Poisson ten standard deviations above the mean."""
    total = 0.0
    for camera in spec.cameras:
        mean = camera.fps * duration_s
        total += mean + 2 + (10 * math.sqrt(mean) + 30 if camera.arrivals == "poisson" else 0.0)
    return math.ceil(total) + 1


def build(spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds) -> e.State:
    """Lay out the arrays of one run; what may grow with a backlog is reserved, and touched only when used."""
    cameras, stages, classes = len(spec.cameras), len(spec.stages), len(spec.objects.classes)
    camera, camera_n = _cameras(spec, seeds, warmup_s)
    stage, stage_n, service, width, pool = _stages(spec)
    moving = any(s.motion for s in spec.stages)
    persistence = spec.objects.persistence_s
    step = min(OBJECT_STEP_S, persistence / 10)
    common_steps = math.ceil(duration_s / (step if step > 0 else OBJECT_STEP_S)) + 2
    rho = 2 * math.sin(math.pi * spec.objects.correlation / 6)
    bandwidth = spec.memory_bandwidth_bytes_per_s
    tables = [thresholds(count, spec.load) for count in spec.objects.classes]
    threshold = np.full((classes, max([len(t) for t in tables], default=1)), math.inf)
    for k, table in enumerate(tables):
        threshold[k, : len(table)] = table
    intervals = _intervals(spec)
    frames = _frames_bound(spec, duration_s)
    jobs = spec.decode_workers + sum(s.streams for s in spec.stages)
    nodes = frames * max(stages, 1) + jobs + 1
    total = np.zeros(15, dtype=np.int64)
    total[e.T_FREE_WORKERS] = spec.decode_workers
    return e.State(
        real=np.array(
            [
                duration_s, warmup_s, 0.5 * (warmup_s + duration_s), math.inf if bandwidth is None else bandwidth,
                spec.interference, step, math.exp(-step / persistence) if persistence > 0 else 0.0, rho, spec.cores,
            ]
        ),
        whole=np.array([seeds.arrivals, seeds.objects, seeds.service, spec.decode_workers, classes, moving], np.int64),
        camera=camera, camera_n=camera_n,
        bucket=_buckets(spec, intervals, camera_n), interval=intervals,
        level=np.zeros((cameras, classes + 1)), count=np.zeros((cameras, classes + 1), np.int64),
        common=np.zeros((classes + moving if rho > 0 else 0, common_steps)), threshold=threshold,
        stage=stage, stage_n=stage_n, service=service, width=width, pool=pool,
        heap_t=np.empty(cameras + 1), heap_c=np.empty(cameras + 1, np.int64),
        decode_queue=np.empty((cameras, e.DECODE_QUEUE), np.int32), ready=np.empty(cameras + 1, np.int32),
        slot=np.empty((frames, e.F_FIRST + stages + 1 + classes), np.int32), slot_t=np.empty(frames),
        free_slots=np.empty(frames, np.int32),
        node=np.empty((nodes, 3), np.int32), node_t=np.empty(nodes), free_nodes=np.empty(nodes, np.int32),
        **_kinds(spec, camera_n, service, width),
        total=total, sums=np.zeros(7), latency=np.empty(frames), called=np.empty(frames, np.bool_),
    )  # fmt: skip


def _mean(total: float, count: int) -> float | None:
    return float(total) / int(count) if count else None


def _stage_result(spec: SimSpec, state: e.State, i: int, window_s: float) -> StageResult:
    real, whole = state.stage[i], state.stage_n[i]
    return StageResult(
        id=spec.stages[i].id,
        calls_per_s=float(whole[e.L_CALLS]) / window_s,
        items_per_s=float(whole[e.L_SERVED]) / window_s,
        mean_batch=_mean(whole[e.L_SERVED], whole[e.L_CALLS]),
        mean_wait_s=_mean(real[e.S_WAIT], whole[e.L_STARTED]),
        mean_service_s=_mean(real[e.S_SERVICE], whole[e.L_CALLS]),
        busy_core_s=float(real[e.S_BUSY]),
        stream_utilisation=float(real[e.S_HELD]) / (window_s * int(whole[e.L_STREAMS])),
        drops=int(whole[e.L_DROPS]),
    )


def read(spec: SimSpec, state: e.State, window_s: float) -> SimResult:
    """Gather the figures of a finished run."""
    total, sums, end = state.total, state.sums, float(state.real[e.P_END])
    samples = int(total[e.T_SAMPLES])
    latencies, called = state.latency[:samples].copy(), state.called[:samples]
    names = [stage.id for stage in spec.stages] + [DECODE]
    busy = {name: float(state.stage[i, e.S_BUSY]) for i, name in enumerate(names)}
    pool_names = [name for name, _ in spec.partition] + ["shared"]
    pool_busy = dict.fromkeys(pool_names, 0.0)
    for i, name in enumerate(names):
        pool_busy[pool_names[state.stage_n[i, e.L_POOL]]] += busy[name]
    bandwidth = spec.memory_bandwidth_bytes_per_s
    traffic = float(sums[e.A_TRAFFIC]) / window_s
    gaps = np.maximum(state.camera[:, e.C_GAP], end - state.camera[:, e.C_LAST_DONE])
    return SimResult(
        released=int(total[e.T_RELEASED]),
        done=int(total[e.T_DONE]),
        dropped=int(total[e.T_DROPPED]),
        in_flight=int(total[e.T_SYSTEM]),
        window_s=window_s,
        camera_fps=state.camera_n[:, e.K_DONE] / window_s,
        camera_released=state.camera_n[:, e.K_RELEASED].copy(),
        camera_drops=state.camera_n[:, e.K_DROPPED].copy(),
        camera_longest_gap_s=gaps,
        latencies_s=latencies,
        latencies_called_s=latencies[called],
        stages=tuple(_stage_result(spec, state, i, window_s) for i in range(len(spec.stages))),
        utilisation=sum(busy.values()) / (spec.cores * window_s),
        pool_utilisation={
            name: pool_busy[name] / (float(cores) * window_s)
            for name, cores in zip(pool_names, state.pool[0], strict=True)
            if cores > 1e-9
        },
        busy_core_s=busy,
        decode_wait_s=_mean(sums[e.A_WAIT_DECODE], total[e.T_DECODES]),
        bandwidth_bytes_per_s=traffic,
        bandwidth_utilisation=None if bandwidth is None else traffic / bandwidth,
        mean_in_system=float(sums[e.A_SYSTEM_1] + sums[e.A_SYSTEM_2]) / window_s,
        queue_growth_per_s=float(sums[e.A_SYSTEM_2] - sums[e.A_SYSTEM_1]) / (0.5 * window_s) ** 2,
        oldest_in_flight_s=float(sums[e.A_OLDEST]),
    )
