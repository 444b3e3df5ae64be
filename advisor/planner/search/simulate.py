"""One configuration on one platform under one load: build the simulation, run it, and judge the result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

import numpy as np

from advisor.number_format import apart
from advisor.planner.question.demand import Counts, interval_frames, object_classes, stage_demand
from advisor.records.config import RunConfig
from advisor.records.scenario import CameraGroup, Scenario, Stage
from advisor.simulate import ObjectsSpec, Seeds, SimCamera, SimResult, SimSpec, SimStage, simulate

from .space import PlatformModel, StageOption, at

Choice = Mapping[str, StageOption]
"""Stage id -> the option chosen for it."""

Refusal = tuple[str, str, float]
"""Check, reason, and closeness: what is there over what is needed, 0 to 1."""

FRAMES_OF_SLACK = 1.0
NEAR_LATENCY, NEAR_DROPS, NEAR_SHARE = 0.8, 0.5, 0.97
"""Shares of the latency budget, the drops that are allowed, and the usable part of a resource, from which on the chance
of one draw may decide: p95 of one run of a loaded cascade scatters by 5 to 15 %, utilisation by 1 to 2 %."""
WARMUP_S = 5.0
DECODE_ROOM = 1.5
DECODE_SIGMA = 0.25
"""Spread of single decode times in a paced cascade, key frames aside, as the standard deviation of the logarithm: 0.27
was seen (docs/accuracy.md); the interval of the middle is carried separately."""
KEY_FACTOR = {"h264": 4.5, "h265": 4.5, "mjpeg": 1.0}
"""Decode time of a key frame over that of the others: 4.3 to 5.4 in the synthesised clips at usual bit rates."""
GOP_S = 2.0
"""Time between key frames where the scenario gives none: what the synthesised clips have, and cameras usually."""


DRIFT_SHARE, DRIFT_S = 0.2, 1.5
"""Share of the variance between moments of a shared machine that lasts, and its correlation time: see
docs/methods/drift.md."""


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
    partition: tuple[tuple[str, float], ...] = ()
    """Cores that a stage or decode has to itself; empty: all share one pool."""

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


def decode_choices(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> tuple[int, ...]:
    """Numbers of decoder threads worth trying: all that are of use, then just enough to keep up with the cameras.

    Fewer threads keep a burst of frames from taking every core at once. Enough: half as many again as decoding keeps
    busy, by the utilisation law.
    """
    most = decode_workers(model, scenario, load)
    busy = sum(
        camera.fps * load.counts.get(camera.group, 0) * at(model.decode(camera).core_s, z)
        for camera in scenario.cameras
        if camera.codec != "raw" and load.counts.get(camera.group, 0)
    )
    return tuple(dict.fromkeys((most, max(1, min(most, math.ceil(DECODE_ROOM * busy))))))


def set_up(model: PlatformModel, scenario: Scenario, choice: Choice, load: Load, workers: int | None = None) -> Setup:
    """Fix streams for the load that the box is bought for (growth included); ``workers`` None: all that are of use."""
    demands = stage_demand(scenario, load.counts, load.objects_factor, load.requests_factor)
    streams = {
        name: streams_needed(choice[name], demand.frames_per_s, demand.items_per_frame)
        for name, demand in demands.items()
    }
    return Setup(choice, streams, decode_workers(model, scenario, load) if workers is None else workers)


def build_spec(model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float) -> SimSpec:
    """Translate scenario, setup and belief ``z`` (standard deviations of slowness) into a simulation."""
    classes = list(scenario.activity.objects_per_frame)
    order = _parents_first(scenario)
    index_of = {stage.id: position for position, stage in enumerate(order)}
    cameras = _cameras(model, scenario, load, z)
    drift_sigma = _drift_sigma(setup.choice)
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
                service_s=(0.0,) + (option.alone_s(z),) * batch,
                core_s=(0.0,) + (option.least_core_s(z),) * batch,
                crowding=option.crowding(z),
                parent=None if stage.on is None else index_of[stage.on],
                groups=scenario.groups_of(stage),
                interval_frames=_intervals(scenario, stage, cameras),
                motion=scenario.root(stage).trigger == "motion",
                finds=classes.index(finds) if finds in classes else None,
                batch_max=batch,
                batch_timeout_s=stage.batch.timeout_ms / 1000.0,
                streams=streams,
                threads_per_stream=float(option.threads_per_stream),
                # What the machine's own drift does is no spread of single passes.
                service_sigma=math.sqrt(max(option.sigma(model.cold) ** 2 - drift_sigma**2, 0.0)),
                cold_s=option.cold_s(model.cold, z),
                cold_settle_s=model.cold.settle_s,
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
        partition=setup.partition,
        memory_bandwidth_bytes_per_s=model.machine.memory_bandwidth_bytes_per_s,
        load="mean",
        drift_sigma=drift_sigma,
        drift_s=DRIFT_S,
    )


def _drift_sigma(choice: Choice) -> float:
    """Spread of the machine's own speed (log), as its passes showed it; 0 where it was not watched for long enough."""
    seen = [option.estimate.moment_sigma for option in choice.values()]
    known = [sigma for sigma in seen if sigma is not None]
    return math.sqrt(DRIFT_SHARE) * median(known) if known else 0.0


def evaluate(
    model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float, seed: int, duration_s: float
) -> Outcome:
    """Simulate one configuration and compare it with the SLO."""
    spec = build_spec(model, scenario, setup, load, z)
    seeds = Seeds(*(4 * seed + offset for offset in (1, 2, 3, 4)))
    result = simulate(spec, duration_s + WARMUP_S, WARMUP_S, seeds)
    p50_ms, p95_ms, p99_ms = _percentiles_ms(result)
    fps, rate_kept = _worst_camera(scenario, spec, result)
    drops_pct = 100.0 * result.drops_fraction
    failed = []
    slo = scenario.slo
    if not rate_kept:
        failed.append("camera_fps")
    if drops_pct > slo.drops_max_pct:
        failed.append("drops")
    if spec.cameras and result.released and (p95_ms is None or p95_ms > slo.latency_p95_ms):
        failed.append("latency_p95")
    if result.oldest_in_flight_s * 1000.0 > max(10.0 * slo.latency_p95_ms, 1000.0):
        failed.append("queue_growth")
    return Outcome(
        setup=setup,
        z=z,
        result=result,
        camera_fps=fps,
        drops_pct=drops_pct,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        cpu=result.utilisation,
        bandwidth=result.bandwidth_utilisation,
        failed=tuple(failed),
    )


def refusal(scenario: Scenario, outcome: Outcome) -> Refusal | None:
    """Why a configuration does not hold, or None."""
    allowed = allowed_share(scenario)
    slo = scenario.slo
    if "camera_fps" in outcome.failed:
        wanted = slo.camera_fps or min(camera.fps for camera in scenario.cameras)
        got, needed = apart(outcome.camera_fps, wanted, 3)
        reason = f"its slowest camera gets {got} of {needed} FPS"
        return "camera_fps", reason, min(0.99, outcome.camera_fps / wanted)
    if "drops" in outcome.failed:
        dropped, may = apart(outcome.drops_pct, slo.drops_max_pct)
        reason = f"drops {dropped} % of frames, {may} % are allowed"
        return "drops", reason, 1.0 - outcome.drops_pct / 100.0
    if "latency_p95" in outcome.failed:
        if outcome.p95_ms is None:
            return "latency_p95", f"p95 latency has no end, {slo.latency_p95_ms:g} ms are allowed", 0.0
        seen, may = apart(outcome.p95_ms, slo.latency_p95_ms, 3)
        reason = f"p95 latency is {seen} ms, {may} ms are allowed"
        return "latency_p95", reason, slo.latency_p95_ms / outcome.p95_ms
    if "queue_growth" in outcome.failed:
        return "queue_growth", "its queues grow without end", 0.0
    if outcome.cpu > allowed + 1e-9:
        busy, may = apart(outcome.cpu * 100, allowed * 100)
        reason = f"the CPU is {busy} % busy on the pessimistic side, {may} % may be used"
        return "cpu", reason, allowed / outcome.cpu
    if outcome.bandwidth is not None and outcome.bandwidth > allowed + 1e-9:
        busy, may = apart(outcome.bandwidth * 100, allowed * 100)
        reason = f"memory bandwidth is {busy} % busy, {may} % may be used"
        return "memory_bandwidth", reason, allowed / outcome.bandwidth
    return None


def near_a_limit(scenario: Scenario, outcome: Outcome) -> bool:
    """Whether another draw of arrivals, objects and service times might turn a configuration that holds into a miss."""
    allowed, slo = allowed_share(scenario), scenario.slo
    wanted = min((min(slo.camera_fps or camera.fps, camera.fps) for camera in scenario.cameras), default=0.0)
    cut_frame_per_s = FRAMES_OF_SLACK / outcome.result.window_s
    return (
        (outcome.p95_ms is not None and outcome.p95_ms > NEAR_LATENCY * slo.latency_p95_ms)
        or outcome.drops_pct > NEAR_DROPS * slo.drops_max_pct
        or outcome.camera_fps < wanted * (1.0 - NEAR_DROPS * slo.drops_max_pct / 100.0) - cut_frame_per_s
        or max(outcome.cpu, outcome.bandwidth or 0.0) > NEAR_SHARE * allowed
    )


def far_over(scenario: Scenario, outcome: Outcome) -> bool:
    """Whether a resource is used so far beyond its share that no other draw would bring it back."""
    return max(outcome.cpu, outcome.bandwidth or 0.0) > (2.0 - NEAR_SHARE) * allowed_share(scenario)


def mean_use(draws: Sequence[Outcome]) -> Outcome:
    """Return the first draw with the use of the resources that all of them have on average."""
    bandwidth = [draw.bandwidth for draw in draws if draw.bandwidth is not None]
    return replace(
        draws[0],
        cpu=fmean(draw.cpu for draw in draws),
        bandwidth=fmean(bandwidth) if len(bandwidth) == len(draws) else None,
    )


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
            key_frames=gop_frames(group) if decode_s > 0 else 0,
            key_factor=KEY_FACTOR.get(group.codec, 1.0),
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


def gop_frames(group: CameraGroup) -> int:
    """Frames from one key frame to the next."""
    return group.gop_frames or max(1, round(GOP_S * group.fps))


def plain_decode_share(group: CameraGroup) -> float:
    """Median time of a frame between key frames over the mean of all frames."""
    factor = KEY_FACTOR.get(group.codec, 1.0)
    return math.exp(-(DECODE_SIGMA**2) / 2) / (1.0 + (factor - 1.0) / gop_frames(group))


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


def _percentiles_ms(result: SimResult) -> tuple[float, float, float] | tuple[None, None, None]:
    """P50, P95, P99 of the camera with the largest P95 [ms], since the SLO binds every camera; None: no frame done."""
    latencies_s = result.slowest_camera_latencies_s(0.95)
    if latencies_s.size == 0:
        return None, None, None
    p50, p95, p99 = (float(value) * 1000.0 for value in np.quantile(latencies_s, (0.50, 0.95, 0.99)))
    return p50, p95, p99
