"""One configuration on one platform under one load: build the simulation, run it, and judge the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from advisor.planner.demand import Counts, decode_rates, interval_frames, object_level, stage_demand
from advisor.planner.space import PlatformModel, StageOption, at
from advisor.records.config import RunConfig
from advisor.records.scenario import Scenario, Stage
from advisor.simulate import ObjectClass, ObjectsSpec, Seeds, SimCamera, SimResult, SimSpec, SimStage, simulate

Choice = Mapping[str, StageOption]
"""Stage id -> the option chosen for it."""

FRAMES_OF_SLACK = 1.0
WARMUP_S = 5.0
DECODE_SIGMA = 0.25
SERVICE_SIGMA = 0.08
"""Spread of single decode and inference times on a quiet machine, as the standard deviation of the logarithm: key
frames against others; assumed, the interval of the median is carried separately."""
MEMORY_OF_SYSTEM_BYTES = 1.5 * 1024**3
MEMORY_OF_CAMERA_BYTES = 48 * 1024**2
"""Assumed: operating system and recorder; FFmpeg context, reference frames and queue of one 1080p camera."""


@dataclass(frozen=True)
class Load:
    """The load that a platform is judged under."""

    counts: Counts
    objects_factor: float = 1.0
    requests_factor: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """What the simulation of one configuration showed, and which checks it fails."""

    choice: Choice
    streams: Mapping[str, int]
    z: float
    result: SimResult
    camera_fps: float
    drops_pct: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    cpu: float
    bandwidth: float | None
    failed: tuple[str, ...]
    """Checks of the scenario's SLO that are not met, worst first; without headroom."""

    @property
    def meets_slo(self) -> bool:
        """Whether the SLO holds, headroom aside."""
        return not self.failed


def streams_needed(option: StageOption, calls_per_s: float, items_per_call: float) -> int:
    """Inference streams for the offered concurrency with room for bursts, at most what the option allows.

    Little's law gives the mean number of passes under way, rate x time; three times that plus one absorbs the bursts of
    cameras whose frames fall together. More streams than that cost memory and gain nothing.
    """
    passes = calls_per_s * max(1.0, math.ceil(items_per_call / option.config.batch))
    busy = passes * option.pass_s(1.0)
    return max(1, min(option.config.streams or 1, math.ceil(3.0 * busy + 1.0)))


def planned_config(option: StageOption, streams: int) -> RunConfig:
    """Return the configuration that is really asked of the runtime: the option with its streams cut to the need."""
    threads = option.threads_per_stream
    return option.config.model_copy(update={"streams": streams, "threads": streams * threads, "requests": streams})


def decode_workers(model: PlatformModel, scenario: Scenario, load: Load) -> int:
    """Decoder threads: one per core, never more than cameras."""
    cameras = sum(load.counts.get(group.group, 0) for group in scenario.cameras if group.codec != "raw")
    return max(1, min(model.physical_threads, cameras))


def build_spec(model: PlatformModel, scenario: Scenario, choice: Choice, load: Load, z: float) -> SimSpec:
    """Translate scenario, choice and belief ``z`` (standard deviations of slowness) into a simulation."""
    demands = stage_demand(scenario, load.counts, load.objects_factor)
    classes = list(scenario.activity.objects_per_frame)
    order = _parents_first(scenario)
    index_of = {stage.id: position for position, stage in enumerate(order)}
    cameras = _cameras(model, scenario, load, z)
    stages = []
    for stage in order:
        option = choice[stage.id]
        demand = demands[stage.id]
        streams = streams_needed(option, demand.frames_per_s * load.requests_factor, demand.items_per_frame)
        batch = option.config.batch
        pass_s = option.pass_s(z)
        finds = scenario.object_class(stage)
        estimate = option.estimate
        core_s = min(at(estimate.core_s, z), pass_s * option.threads_per_stream)
        stages.append(
            SimStage(
                id=stage.id,
                # A runtime compiled for a fixed batch takes the same time for a part-filled one.
                service_s=(0.0,) + (pass_s,) * batch,
                core_s=(0.0,) + (core_s,) * batch,
                parent=None if stage.on is None else index_of[stage.on],
                groups=scenario.groups_of(stage),
                interval_frames=_intervals(scenario, stage, cameras),
                motion=scenario.root(stage).trigger == "motion",
                finds=classes.index(finds) if finds in classes else None,
                batch_max=batch,
                batch_timeout_s=stage.batch.timeout_ms / 1000.0,
                streams=streams,
                threads_per_stream=float(option.threads_per_stream),
                service_sigma=SERVICE_SIGMA,
                preprocess_core_s=option.preprocess_s(z),
                bandwidth_bytes=estimate.bandwidth_bytes / batch,
                memory_fraction=1.0 if estimate.bottleneck == "memory_bandwidth" else 0.0,
                queue_limit=stage.queue_frames * streams,
                drop=stage.drop,
            )
        )
    factor = load.objects_factor
    objects = tuple(
        ObjectClass(
            mean=count.mean * factor,
            p95=None if count.p95 is None else count.p95 * factor,
            max=None if count.max is None else count.max * factor,
        )
        for count in scenario.activity.objects_per_frame.values()
    )
    return SimSpec(
        cameras=cameras,
        stages=tuple(stages),
        cores=model.cores,
        objects=ObjectsSpec(objects, scenario.activity.correlation, scenario.activity.persistence_s),
        decode_workers=decode_workers(model, scenario, load),
        memory_bandwidth_bytes_per_s=model.machine.memory_bandwidth_bytes_per_s,
        load=scenario.slo.load,
    )


def evaluate(
    model: PlatformModel, scenario: Scenario, choice: Choice, load: Load, z: float, seed: int, duration_s: float
) -> Outcome:
    """Simulate one configuration and compare it with the SLO."""
    spec = build_spec(model, scenario, choice, load, z)
    seeds = Seeds(*(4 * seed + offset for offset in (1, 2, 3, 4)))
    result = simulate(spec, duration_s + WARMUP_S, WARMUP_S, seeds)
    p95_s = result.latency_p95_s
    fps, rate_kept = _worst_camera(scenario, spec, result)
    drops_pct = 100.0 * result.drops_fraction
    failed = []
    slo = scenario.slo
    if not rate_kept:
        failed.append("camera_fps")
    if drops_pct > slo.drops_max_pct:
        failed.append("drops")
    if spec.cameras and (p95_s is None or p95_s * 1000.0 > slo.latency_p95_ms):
        failed.append("latency_p95")
    if result.oldest_in_flight_s * 1000.0 > max(10.0 * slo.latency_p95_ms, 1000.0):
        failed.append("queue_growth")
    streams = {stage.id: stage.streams for stage in spec.stages}
    return Outcome(
        choice=choice,
        streams=streams,
        z=z,
        result=result,
        camera_fps=fps,
        drops_pct=drops_pct,
        p50_ms=_ms(result.latency_p50_s),
        p95_ms=_ms(p95_s),
        p99_ms=_ms(result.latency_p99_s),
        cpu=result.utilisation,
        bandwidth=result.bandwidth_utilisation,
        failed=tuple(failed),
    )


def cpu_demand(model: PlatformModel, scenario: Scenario, choice: Choice, load: Load, z: float) -> float:
    """Core-seconds per second that the load asks for: a lower bound on utilisation x cores, no queueing needed.

    Utilisation law: busy cores = sum of rate x service demand; Denning and Buzen (1978), "The Operational Analysis of
    Queueing Network Models", https://doi.org/10.1145/356733.356735.
    """
    demands = stage_demand(scenario, load.counts, load.objects_factor)
    total = 0.0
    rates = decode_rates(scenario, load.counts)
    for camera in scenario.cameras:
        if rates[camera.group] > 0:
            total += rates[camera.group] * at(model.decode(camera).core_s, z)
    for stage in scenario.stages:
        demand = demands[stage.id]
        if demand.items_per_s > 0:
            per_item = choice[stage.id].core_s_per_item(z, max(1.0, demand.items_per_frame))
            total += demand.items_per_s * load.requests_factor * per_item
    return total


def memory_needed_bytes(choice: Choice, load: Load, z: float) -> float:
    """Memory of models, cameras and system [B]; the two latter are assumptions that the plan prints."""
    cameras = sum(load.counts.values())
    models = sum(at(option.estimate.memory_bytes, z) for option in choice.values())
    return MEMORY_OF_SYSTEM_BYTES + cameras * MEMORY_OF_CAMERA_BYTES + models


def path_latency_s(scenario: Scenario, model: PlatformModel, choice: Choice, z: float) -> float:
    """Shortest possible latency of a frame that meets the longest chain of stages, everything idle [s]."""
    coded = [camera for camera in scenario.cameras if camera.codec != "raw"]
    decode_s = max((at(model.decode(camera).core_s, z) for camera in coded), default=0.0)
    longest = 0.0
    for stage in scenario.stages:
        total, current = 0.0, stage
        while True:
            option = choice[current.id]
            items = object_level(scenario, current)
            total += option.call_s(z, max(1.0, items), option.config.streams or 1)
            if current.on is None:
                break
            current = scenario.stage(current.on)
        longest = max(longest, total)
    return decode_s + longest


def _cameras(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> tuple[SimCamera, ...]:
    cameras: list[SimCamera] = []
    for group in scenario.cameras:
        decode_s = 0.0 if group.codec == "raw" else at(model.decode(group).core_s, z)
        camera = SimCamera(
            fps=group.fps,
            group=group.group,
            decode_core_s=decode_s,
            decode_sigma=DECODE_SIGMA if decode_s > 0 else 0.0,
            jitter_s=group.jitter_ms / 1000.0,
            motion_duty=scenario.activity.motion_duty,
        )
        cameras += [camera] * load.counts.get(group.group, group.count)
    for requests in scenario.requests:
        arrivals = "poisson" if requests.arrivals == "poisson" else "periodic"
        cameras.append(
            SimCamera(fps=requests.rate_per_s * load.requests_factor, group=requests.group, arrivals=arrivals)  # type: ignore[arg-type]
        )
    return tuple(cameras)


def _parents_first(scenario: Scenario) -> list[Stage]:
    placed: list[Stage] = []
    waiting = list(scenario.stages)
    while waiting:
        names = {stage.id for stage in placed}
        ready = [stage for stage in waiting if stage.on is None or stage.on in names]
        placed += ready
        waiting = [stage for stage in waiting if stage not in ready]
    return placed


def _intervals(scenario: Scenario, stage: Stage, cameras: tuple[SimCamera, ...]) -> tuple[float, ...]:
    names = scenario.groups_of(stage)
    return tuple(
        interval_frames(scenario, stage, camera.fps) if camera.group in names and camera.arrivals == "periodic" else 1.0
        for camera in cameras
    )


def _worst_camera(scenario: Scenario, spec: SimSpec, result: SimResult) -> tuple[float, bool]:
    """Rate of the slowest camera, and whether every camera keeps its required rate.

    Drops that the SLO allows lower the required rate; one frame of slack, since the window's edges cut a frame.
    """
    if not spec.cameras:
        return 0.0, True
    allowed = 1.0 - scenario.slo.drops_max_pct / 100.0
    rates = [min(float(fps), camera.fps) for fps, camera in zip(result.camera_fps, spec.cameras, strict=True)]
    kept = True
    if scenario.cameras:
        for rate, camera in zip(rates, spec.cameras, strict=True):
            required = min(camera.fps, scenario.slo.camera_fps or camera.fps) * allowed
            kept = kept and rate * result.window_s >= required * result.window_s - FRAMES_OF_SLACK
    return min(rates), kept


def _ms(value_s: float | None) -> float | None:
    return None if value_s is None else value_s * 1000.0
