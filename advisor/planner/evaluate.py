"""One configuration on one platform under one load: build the simulation, run it, and judge the result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from advisor.planner.demand import Counts, interval_frames, object_classes, stage_demand
from advisor.planner.space import PlatformModel, StageOption, at
from advisor.records.config import RunConfig
from advisor.records.scenario import Scenario, Stage
from advisor.simulate import ObjectsSpec, Seeds, SimCamera, SimResult, SimSpec, SimStage, simulate

Choice = Mapping[str, StageOption]
"""Stage id -> the option chosen for it."""

FRAMES_OF_SLACK = 1.0
WARMUP_S = 5.0
DECODE_SIGMA = 0.25
SERVICE_SIGMA = 0.08
"""Spread of single decode and inference times on a quiet machine, as the standard deviation of the logarithm: key
frames against others; assumed, the interval of the median is carried separately."""


@dataclass(frozen=True)
class Load:
    """The load that one box is judged under."""

    counts: Counts
    objects_factor: float = 1.0
    requests_factor: float = 1.0


@dataclass(frozen=True)
class Setup:
    """Everything that is set on a box; the load may change, this stays."""

    choice: Choice
    streams: Mapping[str, int]
    decode_workers: int

    @property
    def configs(self) -> dict[str, RunConfig]:
        """Per stage what is really asked of the runtime: the option with its streams cut to the need."""
        found = {}
        for name, option in self.choice.items():
            streams = self.streams[name]
            update = {"streams": streams, "threads": streams * option.threads_per_stream, "requests": streams}
            found[name] = option.config.model_copy(update=update)
        return found


@dataclass(frozen=True)
class Outcome:
    """What the simulation of one configuration showed, and which checks it fails."""

    setup: Setup
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
    busy = passes * option.slowest_s
    return max(1, min(option.config.streams or 1, math.ceil(3.0 * busy + 1.0)))


def decode_workers(model: PlatformModel, scenario: Scenario, load: Load) -> int:
    """Decoder threads: one per core, never more than cameras."""
    cameras = sum(load.counts.get(group.group, 0) for group in scenario.cameras if group.codec != "raw")
    return max(1, min(model.physical_threads, cameras))


def set_up(model: PlatformModel, scenario: Scenario, choice: Choice, load: Load) -> Setup:
    """Fix streams and decoder threads for the load that the box is bought for (growth included)."""
    demands = stage_demand(scenario, load.counts, load.objects_factor, load.requests_factor)
    streams = {
        name: streams_needed(choice[name], demand.frames_per_s, demand.items_per_frame)
        for name, demand in demands.items()
    }
    return Setup(choice, streams, decode_workers(model, scenario, load))


def build_spec(model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float) -> SimSpec:
    """Translate scenario, setup and belief ``z`` (standard deviations of slowness) into a simulation."""
    classes = list(scenario.activity.objects_per_frame)
    order = _parents_first(scenario)
    index_of = {stage.id: position for position, stage in enumerate(order)}
    cameras = _cameras(model, scenario, load, z)
    stages = []
    for stage in order:
        option = setup.choice[stage.id]
        streams = setup.streams[stage.id]
        batch = option.config.batch
        finds = scenario.object_class(stage)
        stages.append(
            SimStage(
                id=stage.id,
                # A runtime compiled for a fixed batch takes the same time for a part-filled one.
                service_s=(0.0,) + (option.pass_s(z),) * batch,
                core_s=(0.0,) + (option.core_s(z),) * batch,
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
                bandwidth_bytes=option.estimate.bandwidth_bytes / batch,
                memory_fraction=1.0 if option.estimate.bottleneck == "memory_bandwidth" else 0.0,
                queue_limit=stage.queue_frames * streams,
                drop=stage.drop,
            )
        )
    return SimSpec(
        cameras=cameras,
        stages=tuple(stages),
        cores=model.cores,
        objects=ObjectsSpec(
            object_classes(scenario, load.objects_factor),
            scenario.activity.correlation,
            scenario.activity.persistence_s,
        ),
        decode_workers=setup.decode_workers,
        memory_bandwidth_bytes_per_s=model.machine.memory_bandwidth_bytes_per_s,
        load="mean",
    )


def evaluate(
    model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float, seed: int, duration_s: float
) -> Outcome:
    """Simulate one configuration and compare it with the SLO."""
    spec = build_spec(model, scenario, setup, load, z)
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
    if spec.cameras and result.released and (p95_s is None or p95_s * 1000.0 > slo.latency_p95_ms):
        failed.append("latency_p95")
    if result.oldest_in_flight_s * 1000.0 > max(10.0 * slo.latency_p95_ms, 1000.0):
        failed.append("queue_growth")
    return Outcome(
        setup=setup,
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


def refusal(scenario: Scenario, outcome: Outcome) -> tuple[str, str, float] | None:
    """Check, reason and closeness (what is there over what is needed) where a configuration does not hold, or None."""
    allowed = allowed_share(scenario)
    slo = scenario.slo
    if "camera_fps" in outcome.failed:
        wanted = slo.camera_fps or min(camera.fps for camera in scenario.cameras)
        reason = f"its slowest camera gets {outcome.camera_fps:.3g} of {wanted:g} FPS"
        return "camera_fps", reason, min(0.99, outcome.camera_fps / wanted)
    if "drops" in outcome.failed:
        reason = f"drops {outcome.drops_pct:.2g} % of frames, {slo.drops_max_pct:g} % are allowed"
        return "drops", reason, 1.0 - outcome.drops_pct / 100.0
    if "latency_p95" in outcome.failed:
        seen = "has no end" if outcome.p95_ms is None else f"is {outcome.p95_ms:,.3g} ms"
        reason = f"p95 latency {seen}, {slo.latency_p95_ms:g} ms are allowed"
        return "latency_p95", reason, 0.0 if outcome.p95_ms is None else slo.latency_p95_ms / outcome.p95_ms
    if "queue_growth" in outcome.failed:
        return "queue_growth", "its queues grow without end", 0.0
    if outcome.cpu > allowed + 1e-9:
        reason = f"the CPU is {outcome.cpu * 100:.0f} % busy on the pessimistic side, {allowed * 100:.0f} % may be used"
        return "cpu", reason, allowed / outcome.cpu
    if outcome.bandwidth is not None and outcome.bandwidth > allowed + 1e-9:
        reason = f"memory bandwidth is {outcome.bandwidth * 100:.0f} % busy, {allowed * 100:.0f} % may be used"
        return "memory_bandwidth", reason, allowed / outcome.bandwidth
    return None


def allowed_share(scenario: Scenario) -> float:
    """Share of a resource that may be busy, 0 to 1."""
    return 1.0 - scenario.margin.headroom_pct / 100.0


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
        cameras.append(
            SimCamera(
                fps=requests.rate_per_s * load.requests_factor,
                group=requests.group,
                arrivals="poisson" if requests.arrivals == "poisson" else "periodic",
            )
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
    per_rate: dict[float, float] = {}
    intervals = []
    for camera in cameras:
        if camera.group not in names or camera.arrivals != "periodic":
            intervals.append(1.0)
            continue
        if camera.fps not in per_rate:
            per_rate[camera.fps] = interval_frames(scenario, stage, camera.fps)
        intervals.append(per_rate[camera.fps])
    return tuple(intervals)


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
