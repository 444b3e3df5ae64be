"""Simulate one configuration on one platform under one load, and compare what came out with the SLO."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, median

from advisor.number_format import apart
from advisor.perfmodel.resources.software_decode import decode_traffic_bytes
from advisor.planner.question.demand import interval_frames, object_classes
from advisor.planner.question.load_case import Load
from advisor.records.codec import KEY_FACTOR
from advisor.records.scenario import Scenario, Stage
from advisor.records.trace import Trace
from advisor.simulate import ObjectsSpec, Seeds, SimCamera, SimResult, SimSpec, SimStage, StartupFallback, simulate
from advisor.simulate.kept import SIMULATED, Run, Runs
from advisor.simulate.trace import simulate_traced

from .belief import at
from .checks import FailedCheck
from .platform_model import PlatformModel
from .setup import DECODE_SIGMA, Choice, Setup, gop_frames
from .stage_option import StageOption

FRAMES_OF_SLACK = 1.0
"""Frames that a camera may lack at the end of a simulation, whose window cuts one in two."""
NEAR_LATENCY, NEAR_DROPS, NEAR_SHARE = 0.8, 0.5, 0.97
"""Shares of the latency budget, of the allowed drops and of the usable part of a resource above which a single draw may
decide: p95 of one run of a loaded cascade scatters by 5 to 15 %, utilisation by 1 to 2 %."""
WARMUP_S = 5.0
"""Simulated time before anything is counted [s]."""
DRIFT_SHARE, DRIFT_S = 0.2, 1.5
"""Share of the variance between moments of a shared machine that persists, and its correlation time [s]: see
docs/methods/drift.md."""


@dataclass(frozen=True)
class SimulatedOutcome:
    """What the simulation of one configuration showed, and which requirements it fails."""

    result: SimResult
    """Without the figures of single frames."""
    camera_fps: float
    drops_pct: float
    done_share: float
    """Frames done in the window over those released in it on schedule."""
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    cpu: float
    bandwidth: float | None
    failed: tuple[str, ...]
    """Checks of the scenario's SLO that are not met, worst first; without headroom."""
    devices: Mapping[str, float] = field(default_factory=dict)
    """Mean share of each device that is busy; empty without any."""

    @property
    def busiest(self) -> float:
        """Largest share of a resource that is busy."""
        return max((self.cpu, self.bandwidth or 0.0, *self.devices.values()))

    @property
    def meets_slo(self) -> bool:
        """Whether the SLO holds, headroom aside."""
        return not self.failed


def build_spec(model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float) -> SimSpec:
    """Translate scenario and setup into a simulation at quantile ``z`` of the platform's speed."""
    cameras = _cameras(model, scenario, load, z)
    drift_sigma = _drift_sigma(setup.choice)
    order = _parents_first(scenario)
    index_of = {stage.id: position for position, stage in enumerate(order)}
    return SimSpec(
        cameras=cameras,
        stages=tuple(
            _sim_stage(
                model,
                scenario,
                stage,
                setup,
                z,
                drift_sigma=drift_sigma,
                parent=None if stage.on is None else index_of[stage.on],
                intervals=_intervals(scenario, stage, cameras),
            )
            for stage in order
        ),
        cores=model.cores,
        objects=ObjectsSpec(
            object_classes(scenario, load.objects_factor),
            scenario.activity.correlation,
            scenario.activity.persistence_s,
        ),
        decode_workers=setup.decode_workers,
        partition=setup.partition,
        memory_bandwidth_bytes_per_s=model.bandwidth_bytes_per_s(z),
        load="mean",
        # A clock that falls as cores fill, and performance cores taken by others, lengthen whatever runs; so does what
        # decoders were seen to do to each other.
        crowded_by="all" if model.slowing or any(camera.decode_crowding > 0 for camera in cameras) else "passes",
        core_rise=model.core_rise,
        stacking=model.stacking,
        drift_sigma=drift_sigma,
        drift_s=DRIFT_S,
    )


def _sim_stage(
    model: PlatformModel,
    scenario: Scenario,
    stage: Stage,
    setup: Setup,
    z: float,
    *,
    drift_sigma: float,
    parent: int | None,
    intervals: tuple[float, ...],
) -> SimStage:
    option, streams = setup.choice[stage.id], setup.streams[stage.id]
    batch, on_cores, collected = option.config.batch, option.busy is None, option.collected
    # What a pause throws out is caches of the cores; what it costs a device is in no figure.
    whole_s = option.cold_s(model.cold, z) if on_cores else 0.0
    behind_pictures = option.estimate.cold_s is not None and _work_between(scenario)
    always_s = model.cold.decoded_share * whole_s if behind_pictures else 0.0
    cold_s = whole_s - always_s
    # A runtime compiled for a fixed batch takes the same time for a part-filled one.
    service_s = (0.0,) + (option.alone_s(z) + always_s,) * batch
    core_s = (0.0,) + (_core_s(option, z, always_s) if on_cores else min(option.busy_s(z), option.alone_s(z)),) * batch
    if collected is not None:  # the estimate's core time is that of one of the inputs of a full pass
        batch, single = collected.most, collected.single
        service_s = (0.0, *(single.alone_s(z) + always_s,) * (batch - 1), option.alone_s(z) + always_s)
        core_s = (0.0, *(_core_s(single, z, always_s),) * (batch - 1), batch * _core_s(option, z, always_s))
    classes = list(scenario.activity.objects_per_frame)
    finds = scenario.object_class(stage)
    return SimStage(
        id=stage.id,
        service_s=service_s,
        core_s=core_s,
        # What crowds a pass is what throws out its caches: whichever takes more, not both (docs/methods/cold-pass.md).
        crowding=max(0.0, option.pass_s(z) / (option.alone_s(z) + always_s) - 1.0),
        rise=option.estimate.contention_rise,
        parent=parent,
        groups=scenario.groups_of(stage),
        interval_frames=intervals,
        motion=scenario.root(stage).trigger == "motion",
        finds=classes.index(finds) if finds in classes else None,
        batch_max=batch,
        batch_timeout_s=stage.batch.timeout_ms / 1000.0 if collected is None else collected.timeout_s,
        collected="by_stage" if collected is None else "by_runtime",
        streams=streams,
        threads_per_stream=float(option.threads_per_stream),
        # The drift of the whole machine is simulated as such, so it is not part of the spread of passes.
        service_sigma=math.sqrt(max(option.sigma(model.cold) ** 2 - drift_sigma**2, 0.0)),
        cold_s=cold_s,
        cold_settle_s=model.cold.settle_s,
        # The host prepares a request for a device, calls and copies, before the device has it.
        preprocess_core_s=option.least_preprocess_s(z) + (0.0 if on_cores else option.least_core_s(z)),
        preprocess_crowding=option.preprocess_contention(z),
        bandwidth_bytes=option.estimate.bandwidth_bytes / option.config.batch,
        memory_fraction=1.0 if option.estimate.bottleneck == "memory_bandwidth" else 0.0,
        # Requests that wait in the runtime for their batch wait in no queue of the application.
        queue_limit=stage.queue_frames * streams + (0 if collected is None else collected.most),
        drop=stage.drop,
        device=None if on_cores else option.config.device,
    )


def _core_s(option: StageOption, z: float, longer_s: float) -> float:
    """Core time of one pass that takes so much longer than in a loop [s], at least."""
    return option.least_core_s(z) * (1.0 + longer_s / option.alone_s(z))


def _work_between(scenario: Scenario) -> bool:
    """Whether pictures are decoded between the passes of any stage, which throw out what a loop of passes keeps.

    A picture throws out a part of it whatever the gap (docs/methods/cold-pass.md).
    """
    return any(camera.codec != "raw" for camera in scenario.cameras)


def _drift_sigma(choice: Choice) -> float:
    """Spread of the machine's own speed (log), from that of its passes; 0 where it was not measured for long enough."""
    sigmas = [option.estimate.moment_sigma for option in choice.values()]
    measured = [sigma for sigma in sigmas if sigma is not None]
    return math.sqrt(DRIFT_SHARE) * median(measured) if measured else 0.0


def evaluate(
    model: PlatformModel,
    scenario: Scenario,
    setup: Setup,
    load: Load,
    z: float,
    seed: int,
    duration_s: float,
    runs: Runs = SIMULATED,
) -> SimulatedOutcome:
    """Simulate one configuration for ``duration_s`` after the warm-up and compare it with the SLO."""
    spec = build_spec(model, scenario, setup, load, z)
    return _compare(scenario, spec, runs.run(spec, duration_s + WARMUP_S, WARMUP_S, _seeds(seed)))


def started(
    model: PlatformModel,
    scenario: Scenario,
    setup: Setup,
    on_cores: Setup,
    ready_s: Mapping[str, float],
    load: Load,
    z: float,
    seed: int,
) -> SimResult:
    """Simulate the start of boxes whose cores do the work of a device until it is ready, and not a moment longer.

    ``on_cores``: the same boxes without the device; ``ready_s``: stage -> when the device has compiled its model [s].
    """
    spec, before = build_spec(model, scenario, setup, load, z), build_spec(model, scenario, on_cores, load, z)
    stages = tuple(
        replace(stage, rise=cores.rise, fallback=_fallback(cores, ready_s[stage.id])) if stage.id in ready_s else stage
        for stage, cores in zip(spec.stages, before.stages, strict=True)
    )
    return simulate(replace(spec, stages=stages), max(ready_s.values()), 0.0, _seeds(seed))


def _fallback(cores: SimStage, ready_s: float) -> StartupFallback:
    return StartupFallback(
        ready_s, cores.service_s, cores.core_s, cores.streams, cores.threads_per_stream, cores.preprocess_core_s,
        cores.crowding, cores.bandwidth_bytes, cores.memory_fraction,
    )  # fmt: skip


def _compare(scenario: Scenario, spec: SimSpec, run: Run) -> SimulatedOutcome:
    """Say what of the SLO a run fails."""
    result = run.result
    # Of the camera with the largest P95, since the SLO binds every camera.
    p50_s, p95_s, p99_s = (None, None, None) if run.slowest_s is None else run.slowest_s
    p95_ms = None if p95_s is None else p95_s * 1000.0
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
    return SimulatedOutcome(
        result=result,
        camera_fps=fps,
        drops_pct=drops_pct,
        done_share=_done_share(spec, result),
        p50_ms=None if p50_s is None else p50_s * 1000.0,
        p95_ms=p95_ms,
        p99_ms=None if p99_s is None else p99_s * 1000.0,
        cpu=result.utilisation,
        bandwidth=result.bandwidth_utilisation,
        devices=result.device_utilisation,
        failed=tuple(failed),
    )


def trace_requests(
    model: PlatformModel, scenario: Scenario, setup: Setup, load: Load, z: float, seed: int, duration_s: float
) -> Trace:
    """Simulate one configuration from the start to ``duration_s`` and tell what happened to each request."""
    spec = build_spec(model, scenario, setup, load, z)
    return simulate_traced(spec, duration_s, 0.0, _seeds(seed), scenario.scenario)[1]


def _seeds(seed: int) -> Seeds:
    return Seeds(*(4 * seed + offset for offset in (1, 2, 3, 4)))


def failed_check(scenario: Scenario, outcome: SimulatedOutcome) -> FailedCheck | None:
    """Return the first requirement that a configuration fails: of the SLO, then the headroom; None where it holds."""
    return failed_slo(scenario, outcome) or _failed_headroom(scenario, outcome)


def failed_slo(scenario: Scenario, outcome: SimulatedOutcome) -> FailedCheck | None:
    """Return the first requirement of the SLO that a configuration fails, headroom aside; None where it holds."""
    slo = scenario.slo
    if "camera_fps" in outcome.failed:
        wanted = slo.camera_fps or min(camera.fps for camera in scenario.cameras)
        got, needed = apart(outcome.camera_fps, wanted, 3)
        reason = f"its slowest camera gets {got} of {needed} FPS"
        return FailedCheck("camera_fps", reason, min(0.99, outcome.camera_fps / wanted))
    if "drops" in outcome.failed:
        dropped, allowed = apart(outcome.drops_pct, slo.drops_max_pct)
        reason = f"drops {dropped} % of frames, {allowed} % are allowed"
        return FailedCheck("drops", reason, 1.0 - outcome.drops_pct / 100.0)
    if "latency_p95" in outcome.failed:
        if outcome.p95_ms is None:
            reason = f"p95 latency has no end, {slo.latency_p95_ms:g} ms are allowed"
            return FailedCheck("latency_p95", reason, 0.0)
        simulated, allowed = apart(outcome.p95_ms, slo.latency_p95_ms, 3)
        reason = f"p95 latency is {simulated} ms, {allowed} ms are allowed"
        return FailedCheck("latency_p95", reason, slo.latency_p95_ms / outcome.p95_ms)
    if "queue_growth" in outcome.failed:
        return FailedCheck("queue_growth", "its queues grow without end", 0.0)
    return None


def _failed_headroom(scenario: Scenario, outcome: SimulatedOutcome) -> FailedCheck | None:
    usable = scenario.margin.usable_share
    if outcome.cpu > usable + 1e-9:
        busy, allowed = apart(outcome.cpu * 100, usable * 100)
        reason = f"the CPU is {busy} % busy at the median, {allowed} % may be used"
        return FailedCheck("cpu", reason, usable / outcome.cpu)
    if outcome.bandwidth is not None and outcome.bandwidth > usable + 1e-9:
        busy, allowed = apart(outcome.bandwidth * 100, usable * 100)
        reason = f"memory bandwidth is {busy} % busy at the median, {allowed} % may be used"
        return FailedCheck("memory_bandwidth", reason, usable / outcome.bandwidth)
    for name, share in outcome.devices.items():
        if share > usable + 1e-9:
            busy, allowed = apart(share * 100, usable * 100)
            reason = f"{name} is {busy} % busy at the median, {allowed} % may be used"
            return FailedCheck("device", reason, usable / share)
    return None


def near_a_limit(scenario: Scenario, outcome: SimulatedOutcome, usable: float) -> bool:
    """Whether another draw of arrivals, objects and service times might turn a configuration that holds into a miss.

    ``usable``: share of a resource that may be busy, 0 to 1.
    """
    slo = scenario.slo
    wanted = min((min(slo.camera_fps or camera.fps, camera.fps) for camera in scenario.cameras), default=0.0)
    cut_frame_per_s = FRAMES_OF_SLACK / outcome.result.window_s
    return (
        (outcome.p95_ms is not None and outcome.p95_ms > NEAR_LATENCY * slo.latency_p95_ms)
        or outcome.drops_pct > NEAR_DROPS * slo.drops_max_pct
        or outcome.camera_fps < wanted * (1.0 - NEAR_DROPS * slo.drops_max_pct / 100.0) - cut_frame_per_s
        or outcome.busiest > NEAR_SHARE * usable
    )


def far_over(scenario: Scenario, outcome: SimulatedOutcome) -> bool:
    """Whether a resource is used so far beyond its share that no other draw would bring it back."""
    return outcome.busiest > (2.0 - NEAR_SHARE) * scenario.margin.usable_share


def with_mean_utilisation(draws: Sequence[SimulatedOutcome]) -> SimulatedOutcome:
    """Return the first draw with the utilisation of the resources averaged over all draws."""
    bandwidth = [draw.bandwidth for draw in draws if draw.bandwidth is not None]
    return replace(
        draws[0],
        cpu=fmean(draw.cpu for draw in draws),
        bandwidth=fmean(bandwidth) if len(bandwidth) == len(draws) else None,
        devices={name: fmean(draw.devices[name] for draw in draws) for name in draws[0].devices},
    )


def _cameras(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> tuple[SimCamera, ...]:
    cameras: list[SimCamera] = []
    application = model.frame_application(scenario)
    for group in scenario.cameras:
        cost = None if group.codec == "raw" else model.decode(group)
        decode_s = 0.0 if cost is None else at(cost.alone_s, z)
        camera = SimCamera(
            fps=group.fps,
            group=group.group,
            decode_core_s=decode_s,
            decode_sigma=DECODE_SIGMA if decode_s > 0 else 0.0,
            engine_s=0.0 if cost is None else at(model.engine_s(group), z),
            decode_bytes=decode_traffic_bytes(group.codec, *group.size),
            decode_crowding=0.0 if cost is None else cost.contention(z),
            application_core_s=0.0 if application is None else at(application.alone_s, z),
            application_crowding=0.0 if application is None else application.contention(z),
            key_frames=gop_frames(group) if decode_s > 0 else 0,
            key_factor=(cost and cost.key_factor) or KEY_FACTOR.get(group.codec, 1.0),
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
        names |= {stage.id for stage in ready}
        waiting = [stage for stage in waiting if stage.id not in names]
    return placed


def _intervals(scenario: Scenario, stage: Stage, cameras: tuple[SimCamera, ...]) -> tuple[float, ...]:
    names = frozenset(scenario.groups_of(stage))
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


def _done_share(spec: SimSpec, result: SimResult) -> float:
    """Frames done over those that all cameras release by their rates; 1 without cameras."""
    released = sum(camera.fps for camera in spec.cameras)
    return float(result.camera_fps.sum()) / released if released else 1.0
