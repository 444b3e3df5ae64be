"""From a spec to the arrays of the event loop, and from the arrays to a result."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np

from . import state as s
from .counts import thresholds
from .result import SimResult, StageResult
from .spec import APPLICATION, DECODE, ENGINE, Seeds, SimCamera, SimSpec

DRIFT_STEPS = 8
"""Steps per correlation time in which a machine's speed changes."""
MOST_DECODE_KINDS, LEAST_TOLERANCE = 8, 0.02
"""Where more kinds of decode jobs would run at speeds of their own, those are taken as one that differ by this
tolerance in traffic and lengthening, or twice it, and so on, until so few are left."""
OBJECT_STEP_S = 0.2
"""Counts of a camera change at most this often; less where persistence asks for it."""

Slowed = tuple[float, float]
"""What a job moves per second of its work [B/s], and what it takes longer, as a share, with all other cores busy."""


def _cameras(spec: SimSpec, seeds: Seeds, warmup_s: float) -> Any:
    """Rows of ``CAMERA``; the kind of their decode jobs comes later."""
    rows = np.zeros(len(spec.cameras), s.CAMERA)
    rng = np.random.default_rng(seeds.phases)
    drawn, drawn_key = rng.random(len(spec.cameras)), rng.random(len(spec.cameras))
    in_group: dict[str, int] = {}
    # Most cameras of a group are one and the same object: filled in by runs of them.
    for _, run in itertools.groupby(enumerate(spec.cameras), key=lambda item: id(item[1])):
        members = list(run)
        begin, camera = members[0]
        part = rows[begin : begin + len(members)]
        number = in_group.get(camera.group, 0)
        in_group[camera.group] = number + len(members)
        poisson = camera.arrivals == "poisson"
        part["period"], part["jitter"], part["poisson"] = 1.0 / camera.fps, camera.jitter_s, poisson
        if not poisson:
            drawn_s = drawn[begin : begin + len(members)] / camera.fps
            part["phase"] = drawn_s if camera.phase_s is None else camera.phase_s
        part["decode"], part["key"] = _decode_times(camera)
        part["keys"], part["sigma"] = camera.key_frames, camera.decode_sigma
        drawn_first = np.floor(drawn_key[begin : begin + len(members)] * camera.key_frames)
        part["key_first"] = drawn_first if camera.key_first is None else camera.key_first
        part["motion"] = _motion_quantile(camera.motion_duty)
        part["stagger"] = np.arange(number, number + len(members)) if camera.stagger is None else camera.stagger
        part["stages"] = _stages_of(spec, camera.group)
        part["after"], part["engine"] = camera.application_core_s, camera.engine_s
    rows["last_done"] = warmup_s
    rows["step"] = -1
    return rows


@lru_cache(maxsize=64)
def _motion_quantile(duty: float) -> float:
    """Normal quantile below which there is motion for this share of the time."""
    return {0.0: -math.inf, 1.0: math.inf}.get(duty) or NormalDist().inv_cdf(duty)


def _decode_times(camera: SimCamera) -> tuple[float, float]:
    """Median time of a frame and of a key frame, so that the mean over both, spread included, is the camera's."""
    median_s = camera.decode_core_s * math.exp(-(camera.decode_sigma**2) / 2)
    if camera.key_frames == 0:
        return median_s, median_s
    plain_s = median_s / (1.0 + (camera.key_factor - 1.0) / camera.key_frames)
    return plain_s, plain_s * camera.key_factor


def _stages_of(spec: SimSpec, group: str) -> int:
    """Stages that cameras of a group feed, as bits; a stage on objects needs its parent too."""
    mask = 0
    for i, stage in enumerate(spec.stages):
        fed = not stage.groups or group in stage.groups
        if fed and (stage.parent is None or mask >> stage.parent & 1):
            mask |= 1 << i
    return mask


def _stages(spec: SimSpec) -> tuple[Any, Any, Any]:
    """Rows of ``STAGE``, ``TABLE`` and ``POOL``."""
    count = len(spec.stages)
    rows = np.zeros(count + 2, s.STAGE)
    helped = sum(stage.fallback is not None for stage in spec.stages)
    table = np.zeros((count + 1 + helped, max([stage.batch_max for stage in spec.stages], default=1) + 1), s.TABLE)
    names = [name for name, _ in spec.partition]
    asides = _asides(spec)
    pool = np.zeros(len(names) + 1 + len(asides), s.POOL)
    rest = spec.cores - sum(cores for _, cores in spec.partition)
    pool["cores"] = [*(cores for _, cores in spec.partition), rest, *(1.0 for _ in asides)]
    for i, stage in enumerate(spec.stages):
        row = rows[i]
        row["timeout"], row["sigma"], row["pre"] = stage.batch_timeout_s, stage.service_sigma, stage.preprocess_core_s
        row["cold"], row["settle"], row["last"] = stage.cold_s, stage.cold_settle_s, -math.inf
        row["parent"] = -1 if stage.parent is None else stage.parent
        row["free"] = row["streams"] = stage.streams
        row["batch"] = stage.batch_max
        row["collects"] = stage.collected == "by_runtime"
        # A queue shorter than a batch would drop what the batch waits for.
        row["limit"] = max(stage.queue_limit, stage.batch_max if stage.batch_timeout_s > 0 else 0)
        row["oldest"] = stage.drop == "oldest"
        row["pool"] = names.index(stage.id) if stage.id in names else len(names)
        row["finds"] = -1 if stage.finds is None else stage.finds
        row["motion"] = stage.motion
        table["service"][i, 1 : stage.batch_max + 1] = stage.service_s[1:]
    rows[count:]["pool"] = names.index(DECODE) if DECODE in names else len(names)
    rows[count + 1]["free"] = rows[count + 1]["streams"] = spec.decode_workers
    return rows, table, pool


def _asides(spec: SimSpec) -> list[str]:
    """Devices and the decoding engine, as far as there are any; their pools of one stand behind those of cores."""
    devices = dict.fromkeys(stage.device for stage in spec.stages if stage.device is not None)
    return [*devices, *([ENGINE] if any(camera.engine_s > 0 for camera in spec.cameras) else [])]


def _kinds(spec: SimSpec, stages: Any, camera: Any, table: Any, frames: int) -> tuple[Any, int]:
    """Rows of ``KIND`` and the number of jobs: pre-processing, each batch size, the application's, decode per traffic.

    ``frames``: most that the application may have under way.
    """
    bandwidth = spec.memory_bandwidth_bytes_per_s
    rows: list[tuple[float, ...]] = []
    room = 0
    helpers = itertools.count(len(spec.stages) + 1)
    # Work on one thread that is no pass; its shape stands behind those of the stages.
    single, others = 1.0 if spec.crowded_by == "all" else 0.0, len(spec.stages)

    asides = {name: len(spec.partition) + 1 + place for place, name in enumerate(_asides(spec))}

    def add(
        stage: int, places: int, threads: float, traffic: float, memory: float, gang: float = 1.0,
        *, slowed: tuple[float, float, int], aside: str | None = None,
    ) -> int:  # fmt: skip
        nonlocal room
        # Moving the traffic at full bandwidth takes its part of the time, whatever share was said to be bound by it.
        least = 0.0 if bandwidth is None else traffic / bandwidth
        bound = min(1.0, max(memory, least))
        crowds, crowding, rise = slowed
        pool = int(stages[stage]["pool"]) if aside is None else asides[aside]
        sink = 2 * stage + (aside is not None)
        rows.append((threads, gang, traffic, bound, crowds, crowding, stage, rise, room, 0, 0, pool, sink))
        room += places
        return len(rows) - 1

    for i, stage in enumerate(spec.stages):
        table["kind"][i, 0] = add(i, stage.streams, 1.0, 0.0, 0.0, slowed=(single, stage.preprocess_crowding, others))
        for b in range(1, stage.batch_max + 1):
            width = stage.threads_per_stream if stage.core_s is None else stage.core_s[b] / stage.service_s[b]
            traffic = stage.bandwidth_bytes * b / stage.service_s[b]
            on_cores = stage.device is None
            gang = stage.threads_per_stream if on_cores else 1.0
            # Passes on a device take no core from others, nor the caches of the cores.
            slowed = (width if on_cores else 0.0, stage.crowding, i)
            table["kind"][i, b] = add(
                i, stage.streams, width, traffic, stage.memory_fraction, gang, slowed=slowed, aside=stage.device
            )
        if stage.fallback is not None:
            fallback, row = stage.fallback, next(helpers)
            slowed = single, stage.preprocess_crowding, others
            table["kind"][row, 0] = add(i, fallback.streams, 1.0, 0.0, 0.0, slowed=slowed)
            for b in range(1, stage.batch_max + 1):
                time_s, gang = fallback.service_s[b], fallback.threads_per_stream
                width = gang if fallback.core_s is None else fallback.core_s[b] / time_s
                traffic, slowed = fallback.bandwidth_bytes * b / time_s, (width, fallback.crowding, i)
                table["service"][row, b] = time_s
                table["kind"][row, b] = add(
                    i, fallback.streams, width, traffic, fallback.memory_fraction, gang, slowed=slowed
                )
    decoders: dict[Slowed, int] = {}
    engines: dict[Slowed, int] = {}
    of_cameras = _decode_kinds(spec.cameras)
    for c, view in enumerate(spec.cameras):
        decoded, in_engine = of_cameras[id(view)]
        if decoded is not None:
            if decoded not in decoders:
                traffic, crowding = decoded
                decoders[decoded] = add(
                    others + 1, spec.decode_workers, 1.0, traffic, 0.0, slowed=(single, crowding, others)
                )
            camera["kind"][c] = decoders[decoded]
        if in_engine is not None:
            if in_engine not in engines:
                engines[in_engine] = add(
                    others + 1, spec.decode_workers, 1.0, in_engine[0], 0.0, slowed=(0.0, 0.0, others), aside=ENGINE
                )
            camera["engine_kind"][c] = engines[in_engine]
    applications: dict[float, int] = {}
    for c, view in enumerate(spec.cameras):
        if view.application_core_s > 0:
            crowding = view.application_crowding
            if crowding not in applications:
                applications[crowding] = add(others, frames, 1.0, 0.0, 0.0, slowed=(single, crowding, others))
            camera["after_kind"][c] = applications[crowding]
    return np.array(rows, s.KIND), room


def _decode_kinds(cameras: Sequence[SimCamera]) -> dict[int, tuple[Slowed | None, Slowed | None]]:
    """What slows decoding on the cores and on the engine, by the id of a camera; None where it has none."""
    views = {id(view): view for view in cameras}  # most cameras of a group are one and the same object
    number = Counter(map(id, cameras))
    # An engine moves the pictures that it decodes; what remains on the host is calls, and copies of them.
    on_cores = {
        key: (0.0 if view.engine_s > 0 else view.decode_bytes / view.decode_core_s, view.decode_crowding)
        for key, view in views.items()
        if view.decode_core_s > 0
    }
    on_engine = {key: (view.decode_bytes / view.engine_s, 0.0) for key, view in views.items() if view.engine_s > 0}
    frames = {key: number[key] * view.fps for key, view in views.items()}
    on_cores = _merged(on_cores, {key: frames[key] * views[key].decode_core_s for key in on_cores})
    on_engine = _merged(on_engine, {key: frames[key] * views[key].engine_s for key in on_engine})
    return {key: (on_cores.get(key), on_engine.get(key)) for key in views}


def _merged(slowed: dict[int, Slowed], busy: Mapping[int, float]) -> dict[int, Slowed]:
    """Take kinds of jobs as one that differ by a tolerance, where there are more than the loop should walk through.

    Work per event grows with the kinds that are active, and with a bit rate of its own each group of cameras would be
    one. Times of frames stay those of their cameras; only what others' work does to them becomes the mean of those that
    are taken as one, weighted by the time for which they are busy (``busy``), so that all together move as much.
    """
    tolerance = LEAST_TOLERANCE
    together: dict[tuple[float, ...], list[int]] = {}
    for key, kind in slowed.items():
        together.setdefault(kind, []).append(key)
    if len(together) <= MOST_DECODE_KINDS:
        return slowed
    while len(together) > MOST_DECODE_KINDS:
        width = math.log1p(tolerance)
        together = {}
        for key, (traffic, crowding) in slowed.items():
            place = math.floor(math.log(max(traffic, 1.0)) / width), math.floor(math.log1p(crowding) / width)
            together.setdefault(place, []).append(key)
        tolerance *= 2.0
    merged: dict[int, Slowed] = {}
    for members in together.values():
        total = sum(busy[key] for key in members)
        traffic, crowding = (sum(busy[key] * slowed[key][i] for key in members) / total for i in range(2))
        merged |= dict.fromkeys(members, (traffic, crowding))
    return merged


def _handovers(spec: SimSpec, stages: Any, table: Any) -> Any:
    """Rows of ``HANDOVER``: stages change places with what the cores do until their device is ready."""
    helped = [(i, stage.fallback) for i, stage in enumerate(spec.stages) if stage.fallback is not None]
    rows = np.zeros(len(helped), s.HANDOVER)
    for row, (i, fallback), place in zip(rows, helped, itertools.count(len(spec.stages) + 1), strict=False):
        row["stage"], row["row"], row["ready"] = i, place, fallback.until_s
        row["pre"], row["streams"] = stages[i]["pre"], stages[i]["streams"]
        stages[i]["pre"] = fallback.preprocess_core_s
        stages[i]["free"] = stages[i]["streams"] = fallback.streams
        table[[i, place]] = table[[place, i]]
    return rows


def _rises(spec: SimSpec) -> Any:
    """Rows of ``State.rise``; where no shape is given, a straight line."""
    rises = [*(stage.rise for stage in spec.stages), spec.core_rise]
    points = max([len(rise) for rise in rises], default=0) or 1
    line = tuple((point + 1) / points for point in range(points))
    return np.array([(0.0, *(rise or line)) for rise in rises])


def _calls(spec: SimSpec, camera: Any) -> Any:
    """Rows of ``CALL``: the bucket of the frame before the first; a stage on objects runs on its parent's first."""
    calls = np.ones((len(spec.cameras), len(spec.stages) + 1), s.CALL)
    for i, stage in enumerate(spec.stages):
        calls["interval"][:, i] = stage.interval_frames
        before = np.floor((camera["stagger"] - 1) / calls["interval"][:, i] + 1e-9)
        calls["bucket"][:, i] = before if stage.parent is None else np.iinfo(np.int64).min
    return calls


def _frames_bound(spec: SimSpec, duration_s: float) -> int:
    """More frames than can be released; for Poisson ten standard deviations above the mean."""
    total = 0.0
    for camera in spec.cameras:
        mean = camera.fps * duration_s
        total += mean + 2 + (10 * math.sqrt(mean) + 30 if camera.arrivals == "poisson" else 0.0)
    return math.ceil(total) + 1


def _parameters(spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds) -> Any:
    """Make the one row of ``RUN``."""
    row = np.zeros(1, s.RUN)
    persistence, bandwidth = spec.objects.persistence_s, spec.memory_bandwidth_bytes_per_s
    step = min(OBJECT_STEP_S, persistence / 10)
    row["end"], row["warm"], row["mid"] = duration_s, warmup_s, 0.5 * (warmup_s + duration_s)
    row["bandwidth"] = math.inf if bandwidth is None else bandwidth
    row["cores"] = spec.cores
    row["step"], row["keep"] = step, math.exp(-step / persistence) if persistence > 0 else 0.0
    row["common"] = 2 * math.sin(math.pi * spec.objects.correlation / 6)  # Pearson of the normals: Kruskal 1958, sec. 6
    row["seed_arrival"], row["seed_object"], row["seed_service"] = seeds.arrivals, seeds.objects, seeds.service
    row["classes"], row["motion"] = len(spec.objects.classes), any(stage.motion for stage in spec.stages)
    row["free_workers"] = spec.decode_workers
    fallbacks = [stage.fallback for stage in spec.stages if stage.fallback is not None]
    row["contended"] = (
        any(stage.crowding > 0 or stage.preprocess_crowding > 0 for stage in spec.stages)
        or any(fallback.crowding > 0 for fallback in fallbacks)
        or any(camera.decode_crowding > 0 or camera.application_crowding > 0 for camera in spec.cameras)
    )
    row["stacking"], row["core_pools"] = spec.stacking, len(spec.partition) + 1
    row["drift"], row["drift_step"] = spec.drift_sigma, spec.drift_s / DRIFT_STEPS
    row["drift_keep"] = math.exp(-1.0 / DRIFT_STEPS)
    return row


def build(spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds, events: int = 0) -> s.State:
    """Lay out the arrays of one run; what may grow with a backlog is reserved, and touched only when used.

    ``events``: rows of the trace for which there is room.
    """
    cameras, stages, classes = len(spec.cameras), len(spec.stages), len(spec.objects.classes)
    run = _parameters(spec, duration_s, warmup_s, seeds)
    camera = _cameras(spec, seeds, warmup_s)
    stage, table, pool = _stages(spec)
    frames = _frames_bound(spec, duration_s)
    kind, jobs = _kinds(spec, stage, camera, table, frames)
    handover = _handovers(spec, stage, table)
    run["gangs"], run["timed"] = np.any(kind["gang"] > 1), np.any(stage["timeout"] > 0)
    step = float(run["step"][0])
    common_steps = math.ceil(duration_s / (step if step > 0 else OBJECT_STEP_S)) + 2
    tables = [thresholds(count, spec.load) for count in spec.objects.classes]
    threshold = np.full((classes, max([len(t) for t in tables], default=1)), math.inf)
    for k, quantiles in enumerate(tables):
        threshold[k, : len(quantiles)] = quantiles
    nodes, loads = frames * max(stages, 1) + jobs + 1, len(pool) << s.LOAD_BITS
    return s.State(
        run=run, camera=camera, call=_calls(spec, camera), scene=np.zeros((cameras, classes + 1), s.SCENE),
        common=np.zeros((classes + int(run["motion"][0]) if run["common"][0] > 0 else 0, common_steps)),
        threshold=threshold, stage=stage, table=table, handover=handover, pool=pool, heap=np.zeros(cameras + 1, s.HEAP),
        decode_queue=np.empty((cameras, s.DECODE_QUEUE), np.int32), ready=np.empty(cameras + 1, np.int32),
        slot=np.empty(frames, s.SLOT), left=np.empty((frames, stages + 1), np.int32),
        seen=np.empty((frames, classes + 1), np.int32), node=np.empty(nodes, s.NODE),
        kind=kind, rise=_rises(spec), active=np.zeros(len(kind) + 1, s.ACTIVE),
        load=np.full(loads, -1, s.LOAD), speed=np.empty((loads, len(kind)), s.SPEED), busy=np.zeros(2 * len(stage)),
        job=np.empty(jobs + 1, s.JOB),
        sample=np.empty(frames, s.SAMPLE), event=np.empty(events, s.EVENT),
    )  # fmt: skip


def _mean(total: float, count: int) -> float | None:
    return float(total) / int(count) if count else None


def _stage_result(spec: SimSpec, state: s.State, i: int, window_s: float) -> StageResult:
    row, stage = state.stage[i], spec.stages[i]
    stream_s = window_s * stage.streams
    if stage.fallback is not None:
        before_s = min(max(stage.fallback.until_s - float(state.run["warm"][0]), 0.0), window_s)
        stream_s += before_s * (stage.fallback.streams - stage.streams)
    return StageResult(
        id=stage.id,
        calls_per_s=float(row["calls"]) / window_s,
        items_per_s=float(row["served"]) / window_s,
        mean_batch=_mean(row["served"], row["calls"]),
        mean_wait_s=_mean(row["wait"], row["started"]),
        mean_service_s=_mean(row["service"], row["calls"]),
        busy_core_s=float(state.busy[2 * i]),
        stream_utilisation=float(row["held"]) / stream_s,
        drops=int(row["drops"]),
    )


def _device_utilisation(spec: SimSpec, state: s.State, window_s: float) -> dict[str, float]:
    shares = dict.fromkeys(_asides(spec), 0.0)
    for i, stage in enumerate(spec.stages):
        if stage.device is not None:
            shares[stage.device] += float(state.busy[2 * i + 1]) / window_s
    if ENGINE in shares:
        shares[ENGINE] = float(state.busy[2 * len(spec.stages) + 3]) / window_s
    return shares


def read(spec: SimSpec, state: s.State, window_s: float) -> SimResult:
    """Gather the figures of a finished run."""
    run, camera = state.run[0], state.camera
    samples = state.sample[: int(run["samples"])]
    latencies = samples["latency"].copy()
    names = [stage.id for stage in spec.stages] + [APPLICATION, DECODE]
    busy = {name: float(state.busy[2 * i]) for i, name in enumerate(names)}
    pool_names = [name for name, _ in spec.partition] + ["shared"]
    pool_busy = dict.fromkeys(pool_names, 0.0)
    for i, name in enumerate(names):
        pool_busy[pool_names[state.stage[i]["pool"]]] += busy[name]
    bandwidth = spec.memory_bandwidth_bytes_per_s
    traffic = float(run["traffic"]) / window_s
    return SimResult(
        released=int(run["released"]),
        done=int(run["done"]),
        dropped=int(run["dropped"]),
        in_flight=int(run["system"]),
        window_s=window_s,
        camera_fps=camera["done"] / window_s,
        camera_released=camera["released"].copy(),
        camera_drops=camera["dropped"].copy(),
        camera_longest_gap_s=np.maximum(camera["gap"], float(run["end"]) - camera["last_done"]),
        latencies_s=latencies,
        latency_cameras=samples["camera"].copy(),
        stages=tuple(_stage_result(spec, state, i, window_s) for i in range(len(spec.stages))),
        utilisation=sum(busy.values()) / (spec.cores * window_s),
        pool_utilisation={
            name: pool_busy[name] / (float(cores) * window_s)
            for name, cores in zip(pool_names, state.pool["cores"][: len(pool_names)], strict=True)
            if cores > 1e-9
        },
        busy_core_s=busy,
        device_utilisation=_device_utilisation(spec, state, window_s),
        decode_wait_s=_mean(run["wait_decode"], run["decodes"]),
        bandwidth_bytes_per_s=traffic,
        bandwidth_utilisation=None if bandwidth is None else traffic / bandwidth,
        mean_in_system=float(run["system_1"] + run["system_2"]) / window_s,
        queue_growth_per_s=float(run["system_2"] - run["system_1"]) / (0.5 * window_s) ** 2,
        oldest_in_flight_s=float(run["oldest"]),
    )
