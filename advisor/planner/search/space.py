"""What can be chosen on one platform: per stage runtime, precision, threads per inference stream and batch.

Dominated options of a stage are left out (a slower pass that also takes more core time per input): the simulator shares
cores by demand, so such an option can only add load and delay.
"""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

from advisor.perfmodel.resources.application import ApplicationUnit
from advisor.perfmodel.resources.cold_pass import ColdStart, plus
from advisor.perfmodel.resources.engines import HOST_SHARE, HostPath
from advisor.planner.question.inputs import Candidate, Cost, PlanInputs
from advisor.records.base import BF16_LEVELS, Evidence, Interval, Precision, RuntimeName, weakest
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork, image_layout
from advisor.records.prediction import ServiceEstimate
from advisor.records.scenario import Application, CameraGroup, Scenario, Stage

from .arm import arm_estimates
from .belief import PESSIMISTIC, QUANTILES, at
from .decoding import EngineUse
from .devices import (
    CPU,
    Beside,
    DeviceUse,
    device_estimate,
    device_precisions,
    permitted,
    slowed_by_device,
    times,
)

THREADS_PER_STREAM = (1, 2, 4, 8, 16)
Placement = Literal["all", "performance"]
"""Which cores inference may take on a chip with two kinds of them."""
Variant = tuple[str, Placement, tuple[str, Beside] | None, HostPath | None]
"""Platform, cores, the device with what goes on beside it, engines that decode: what tells the models of one plan
apart."""
_OptionsKey = tuple[str, str, tuple[Precision, ...], tuple[str, ...], Application, tuple[str, ...]]
Request = tuple[MachineSpec, ModelWork, RunConfig]
"""What the performance model is asked: this model in this configuration on this machine."""


LOADS = tuple(part / 8 for part in range(9))
"""Shares of all cores busy at which demand is worked out; in between it is taken as linear."""


def others_busy(cores: float, threads: int, load: float) -> float:
    """Share of the other cores that is busy when ``load`` of all is and a job takes ``threads`` of them."""
    return min(1.0, max(0.0, load * cores - threads) / max(cores - threads, 1e-9))


def risen(rise: tuple[float, ...], share: float) -> float:
    """Share of a full lengthening with a share of the other cores busy; ``rise``: at 1/n, 2/n, ..., empty: linear."""
    points = (0.0, *(rise or (1.0,)))
    place = share * (len(points) - 1)
    low = min(int(place), len(points) - 2)
    return points[low] + (place - low) * (points[low + 1] - points[low])


@lru_cache(maxsize=8192)
def _places(cores: float, threads: int, points: int) -> tuple[tuple[int, float], ...]:
    """Where each of :data:`LOADS` falls for a job: the point of its rise below, and the part of the way to the next.

    As :func:`risen` of :func:`others_busy`; cached, since chips with equally many cores share them.
    """
    places = (others_busy(cores, threads, load) * (points - 1) for load in LOADS)
    return tuple((low, place - low) for place in places for low in (min(int(place), points - 2),))


@dataclass(frozen=True)
class CoreCost:
    """Core time of work that is no pass, with the time to move its picture between cores."""

    core_s: Interval
    """With all cores busy [s]."""
    alone_s: Interval
    """While the others idle [s]."""
    evidence: Evidence
    notes: tuple[str, ...]

    def contention(self, z: float) -> float:
        """Added time with all other cores busy, as a share of the time alone."""
        return max(0.0, at(self.core_s, z) / at(self.alone_s, z) - 1.0)


@dataclass(frozen=True)
class StageOption:
    """One way to run one stage on one platform."""

    config: RunConfig
    """With as many streams and threads as fit; the planner lowers them to what the load needs."""
    estimate: ServiceEstimate
    preprocess: CoreCost | None
    application: CoreCost | None = None
    """The application's own work on one object; None: none, and for stages on frames."""
    busy: Interval | None = None
    """Time that one pass takes of a device, whose host's part is the estimate's core time [s]; None: on the cores."""
    _known: dict[float, tuple[float, float, float, float]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """:meth:`costs` by quantile: thousands of combinations share one option."""
    _loaded: dict[tuple[float, float], tuple[float, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """:meth:`loaded_core_s` by cores and quantile."""

    @cached_property
    def threads_per_stream(self) -> int:
        """Threads that one pass occupies; on a device the one that calls."""
        if self.busy is not None:
            return 1
        return (self.config.threads or 1) // (self.config.streams or 1)

    def at(self, z: float, preparation_z: float, pause_z: float, application_z: float) -> StageOption:
        """Return the option with its parts known to be these quantiles of what is believed."""

        def known(interval: Interval | None, quantile: float) -> Interval | None:
            return None if interval is None else Interval.exact(at(interval, quantile))

        estimate = self.estimate.model_copy(
            update={
                "latency_s": known(self.estimate.latency_s, z),
                "core_s": known(self.estimate.core_s, z),
                "alone_s": known(self.estimate.alone_s, z),
                "full_s": known(self.estimate.full_s, z),
                "cold_s": known(self.estimate.cold_s, pause_z),
            }
        )
        preprocess = None if self.preprocess is None else _known_cost(self.preprocess, preparation_z)
        application = None if self.application is None else _known_cost(self.application, application_z)
        busy = known(self.busy, z)
        return replace(self, estimate=estimate, preprocess=preprocess, application=application, busy=busy)

    def busy_s(self, z: float) -> float:
        """Time that one pass takes of its device [s]; 0 on the cores."""
        return 0.0 if self.busy is None else at(self.busy, z)

    def pass_s(self, z: float) -> float:
        """Time of one pass of ``config.batch`` inputs with all cores busy [s]."""
        return self.costs(z)[1]

    def alone_s(self, z: float) -> float:
        """Time of one pass while nothing else infers [s], or that of :meth:`pass_s` if unknown: the least it takes."""
        return self.costs(z)[0]

    def costs(self, z: float) -> tuple[float, float, float, float]:
        """Time of one pass alone and with all cores busy, and its core time in both cases [s]."""
        known = self._known.get(z)
        if known is None:
            estimate = self.estimate
            full_s = at(estimate.full_s or estimate.latency_s, z)
            alone_s = full_s if estimate.alone_s is None else min(at(estimate.alone_s, z), full_s)
            threads = at(estimate.core_s, z) / at(estimate.latency_s, z)
            core_s = full_s * min(threads, self.threads_per_stream)
            known = self._known[z] = alone_s, full_s, core_s * (alone_s / full_s), core_s
        return known

    def contention(self, z: float) -> float:
        """Added time of a pass with all cores busy, as a share of its time alone."""
        return self.pass_s(z) / self.alone_s(z) - 1.0

    def loaded_s(self, share: float, z: float) -> float:
        """Time of one pass with a share (0 to 1) of the other cores busy [s], as the simulator lengthens it."""
        alone_s, full_s = self.costs(z)[:2]
        return alone_s + risen(self.estimate.contention_rise, share) * (full_s - alone_s)

    def loaded_core_s(self, cores: float, z: float) -> tuple[float, ...]:
        """Core time of one pass [s] with each share of :data:`LOADS` of ``cores`` busy in all, its own among them."""
        key = cores, z
        known = self._loaded.get(key)
        if known is None:
            alone_s, full_s, _, core_s = self.costs(z)
            each, added_s, points = core_s / full_s, full_s - alone_s, (0.0, *(self.estimate.contention_rise or (1.0,)))
            known = self._loaded[key] = tuple(
                each * (alone_s + (points[low] + part * (points[low + 1] - points[low])) * added_s)
                for low, part in _places(cores, self.threads_per_stream, len(points))
            )
        return known

    def preprocess_s(self, z: float) -> float:
        """Core time to prepare one input, the application's work on it included, with all cores busy [s]."""
        return sum(at(cost.core_s, z) for cost in (self.preprocess, self.application) if cost is not None)

    def least_preprocess_s(self, z: float) -> float:
        """The same while all other cores idle [s]."""
        return sum(at(cost.alone_s, z) for cost in (self.preprocess, self.application) if cost is not None)

    def preprocess_contention(self, z: float) -> float:
        """Added time of a preparation with all other cores busy, as a share of its time alone."""
        alone_s = self.least_preprocess_s(z)
        return max(0.0, self.preprocess_s(z) / alone_s - 1.0) if alone_s > 0 else 0.0

    def cold_s(self, cold: ColdStart, z: float) -> float:
        """Added time of a pass after a long pause [s]: of this model where measured, else of this machine."""
        measured = self.estimate.cold_s
        return at(cold.pass_s(self.threads_per_stream) if measured is None else measured, z)

    def sigma(self, cold: ColdStart) -> float:
        """Spread of single passes (log): as measured in this configuration or after pauses, whichever is more."""
        return max(self.estimate.pass_sigma or 0.0, cold.sigma(self.threads_per_stream))

    def core_s(self, z: float) -> float:
        """Core time of one pass with all cores busy [s]."""
        return self.costs(z)[3]

    def least_core_s(self, z: float) -> float:
        """Core time of one pass at least [s]: while nothing else infers."""
        return self.costs(z)[2]


class PlatformModel:
    """One candidate with everything that the performance model predicts for it, each figure requested once."""

    def __init__(
        self,
        inputs: PlanInputs,
        candidate: Candidate,
        placement: Placement = "all",
        use: DeviceUse | None = None,
        cores_alone: PlatformModel | None = None,
        engines: EngineUse | None = None,
        twin: PlatformModel | None = None,
    ) -> None:
        """``use``: the device that stages may run on, too; ``engines``: those that decode; ``cores_alone``: the model
        without them; ``twin``: that of a platform of which everything but the installed memory is predicted alike.
        """
        self._inputs = inputs
        self.use, self.engines, self._cores_alone = use, engines, cores_alone
        self._engine_s: dict[str, Interval] = {}
        self.candidate = candidate
        self.machine = candidate.machine
        self.placement = placement
        machine = candidate.machine
        cores = float(machine.inference_cores if placement == "all" else machine.performance_cores)
        self.cold = inputs.cold(candidate.machine)
        self.cores = cores if machine.quota_cores is None else min(cores, machine.quota_cores)
        """Cores that may be used. Estimates are requested with all of them busy, so on a chip with two kinds of cores
        their times are means over both kinds; the gain of SMT siblings is neglected. Low-power cores that the runtime
        gives to no inference, and with ``performance`` all but the performance cores, are left to the system, which is
        pessimistic: decode may in fact run there."""
        self.slowing = inputs.predictor.slowing(candidate.machine)
        """Lengthening of decoding, preparation and the application's work with 1/n, ... of the other cores busy;
        empty: they have none."""
        most = self.slowing[-1] if self.slowing else 0.0
        self.core_rise = tuple(part / most for part in self.slowing) if most > 0 else ()
        """Its shape, from 0 to 1."""
        self._decode: dict[tuple[str, int, int, float | None, float], CoreCost] = {}
        self._application: dict[tuple[ApplicationUnit, float | None], CoreCost | None] = {}
        self._estimates: dict[tuple[str, str, RunConfig], ServiceEstimate] = {}
        self._requested: set[_OptionsKey] = set()
        self._options: dict[_OptionsKey, tuple[StageOption, ...]] = {}
        self._least: dict[tuple[_OptionsKey, float], tuple[StageOption, ...]] = {}
        self.like: Variant = self.variant
        """Variant of the first of its twins: models with an equal one have equal figures, installed memory aside."""
        if twin is not None:
            self.like = twin.like
            self._estimates, self._requested = twin._estimates, twin._requested
            self._options, self._least = twin._options, twin._least

    def bandwidth_bytes_per_s(self, z: float) -> float | None:
        """Memory bandwidth that the cores sustain together at quantile ``z`` [B/s]; None where no sheet states it."""
        if self.machine.memory_bandwidth_bytes_per_s is None:
            return None
        return at(self._bandwidth, -z)

    @cached_property
    def _bandwidth(self) -> Interval:
        return self._inputs.predictor.bandwidth(self.machine)

    @cached_property
    def slowed(self) -> tuple[float, ...]:
        """Part of the full lengthening of decoding and preparation at each of :data:`LOADS`."""
        return tuple(risen(self.core_rise, others_busy(self.cores, 1, load)) for load in LOADS)

    @property
    def id(self) -> str:
        """Platform id."""
        return self.candidate.platform.id

    @property
    def variant(self) -> Variant:
        """What tells the models of a plan apart."""
        use, engines = self.use, self.engines
        return self.id, self.placement, None if use is None else use.key, None if engines is None else engines.key

    @property
    def physical_threads(self) -> int:
        """Cores that inference may take as whole threads."""
        return max(1, math.floor(self.cores + 1e-9))

    def decode(self, camera: CameraGroup) -> CoreCost:
        """Cost of decoding one frame of a coded camera group: a reference picture is read and a picture written."""
        width, height = camera.size
        rate = camera.bitrate_kbps  # None where the scenario leaves it open: the usual one then, with its doubt
        key = (camera.codec, width, height, rate, camera.fps)
        if key not in self._decode:
            cost = self._inputs.predictor.decode(self.machine, camera.codec, width, height, rate, camera.fps)
            moved = self._with_transfer(cost, self.cold.picture_s(width, height, 2))
            self._decode[key] = moved if self.engines is None else _left_on_host(moved, self.engines, camera.codec)
        return self._decode[key]

    def engine_s(self, camera: CameraGroup) -> Interval:
        """Time that a frame of a coded camera group takes of the engines that decode [s]; 0: decoded on the cores."""
        if self.engines is None:
            return Interval.exact(0.0)
        return self._engine_s.get(camera.group) or self.engines.frame_s(camera)

    def application(self, unit: ApplicationUnit, stated_ms: float | None) -> CoreCost | None:
        """Cost of the application's own work on one frame or one object; None where there is none.

        ``stated_ms``: as the scenario states it; None: what is usual.
        """
        key = unit, stated_ms
        if key not in self._application:
            cost = self._inputs.predictor.application(self.machine, unit, stated_ms)
            self._application[key] = self._between_loads(cost) if cost.core_s.p50 > 0 else None
        return self._application[key]

    def frame_application(self, scenario: Scenario) -> CoreCost | None:
        """Cost of the application's own work on one frame of a camera."""
        return self.application("frame", scenario.application.overhead_ms_per_frame)

    def at(
        self, scenario: Scenario, decode_z: float, pause_z: float, bandwidth_z: float, application_z: float
    ) -> PlatformModel:
        """Return the platform with its parts known to be these quantiles of what is believed."""
        for camera in scenario.cameras:
            if camera.codec != "raw":
                self.decode(camera)
        self.frame_application(scenario)
        drawn = copy.copy(self)
        drawn._application = {
            key: None if cost is None else _known_cost(cost, application_z) for key, cost in self._application.items()
        }
        drawn._decode = {key: _known_cost(cost, decode_z) for key, cost in self._decode.items()}
        if self.engines is not None:
            drawn._engine_s = {
                camera.group: Interval.exact(at(self.engine_s(camera), decode_z))
                for camera in scenario.cameras
                if camera.codec != "raw"
            }
        drawn.cold = self.cold.at(lambda interval: at(interval, pause_z))
        if self.machine.memory_bandwidth_bytes_per_s is not None:
            drawn._bandwidth = Interval.exact(at(self._bandwidth, -bandwidth_z))
        return drawn

    def options(self, scenario: Scenario, stage: Stage) -> tuple[StageOption, ...]:
        """Every useful way to run ``stage`` here, least core time first; empty where no runtime can."""
        key = self._options_key(scenario, stage)
        if key not in self._options:
            self._options[key] = _undominated(self.every_option(scenario, stage))
        return self._options[key]

    def least_options(self, scenario: Scenario, stage: Stage, z: float) -> tuple[StageOption, ...]:
        """Per batch the option with the least core time of one pass: for any load the cheapest option is among them."""
        key = (self._options_key(scenario, stage), z)
        if key not in self._least:
            least: dict[int, StageOption] = {}
            for option in self.options(scenario, stage):
                batch = option.config.batch
                if batch not in least or option.least_core_s(z) < least[batch].least_core_s(z):
                    least[batch] = option
            self._least[key] = tuple(least.values())
        return self._least[key]

    def _options_key(self, scenario: Scenario, stage: Stage) -> _OptionsKey:
        """Everything in a scenario that the options of a stage depend on."""
        pictures = tuple(camera.resolution for camera in scenario.cameras)
        devices = permitted(scenario, stage)
        return stage.id, stage.model, scenario.accuracy.precisions, pictures, scenario.application, devices

    def every_option(self, scenario: Scenario, stage: Stage) -> list[StageOption]:
        """Every way to run ``stage`` here for which there is any evidence."""
        if self.use is not None:
            return self._beside_device(scenario, stage, self.use)
        if self._cores_alone is not None:
            return self._cores_alone.every_option(scenario, stage)
        if CPU not in permitted(scenario, stage):
            return []
        missing = self.missing_requests(scenario, stage)
        if missing:
            self.keep(scenario, stage, self._inputs.predictor.service_many(missing))
        preprocess = self._preprocess(scenario, stage)
        stated_ms = scenario.application.overhead_ms_per_object
        application = None if stage.on is None else self.application("object", stated_ms)
        every = [self._estimates[stage.id, stage.model, config] for _, _, config in self.requests(scenario, stage)]
        estimates = [estimate for estimate in every if estimate.evidence is not Evidence.UNKNOWN]
        estimates += self._on_arm(scenario, stage)
        return [StageOption(estimate.config, estimate, preprocess, application) for estimate in estimates]

    def _on_arm(self, scenario: Scenario, stage: Stage) -> list[ServiceEstimate]:
        """Passes under ncnn, where the box has Arm cores; the tables are of the fastest of them."""
        cores, inputs = self.candidate.arm_cores, self._inputs
        if cores is None or self.placement != "all":
            return []
        key, model = inputs.work_key(stage), inputs.model_of(stage)
        work = inputs.works(key, "openvino", "f32", 1)
        found = arm_estimates(
            self.id, model.name, 0.0 if work is None else work.weight_bytes, cores, device_precisions(scenario),
            lambda precision, threads: inputs.arm_answer(cores, key, precision, threads),
        )  # fmt: skip
        return [estimate.model_copy(update={"stand_in": model.stand_in}) for estimate in found]

    def _beside_device(self, scenario: Scenario, stage: Stage, use: DeviceUse) -> list[StageOption]:
        """Ways to run ``stage`` on the device, and where the cores infer, too, those on them."""
        assert self._cores_alone is not None  # whoever names a device has the model without it
        options: list[StageOption] = []
        if use.beside == "passes":
            options = self._cores_alone.every_option(scenario, stage)
            if use.is_of_chip:
                options = [replace(option, estimate=slowed_by_device(option.estimate)) for option in options]
        if use.name not in permitted(scenario, stage):
            return options
        stated_ms = scenario.application.overhead_ms_per_object
        application = None if stage.on is None else self.application("object", stated_ms)
        key = self._inputs.work_key(stage)
        work = self._inputs.works(key, "openvino", "f32", 1)
        for precision in device_precisions(scenario):
            answer = self._inputs.device_answer(use.device, key, precision)
            if answer is None:
                continue
            weight_bytes = 0.0 if work is None else work.weight_bytes
            model = self._inputs.model_of(stage)
            found = device_estimate(self.id, model.name, weight_bytes, precision, answer, use)
            if found is not None:
                estimate = found[0].model_copy(update={"stand_in": model.stand_in})
                preprocess = self._preprocess(scenario, stage)
                options.append(StageOption(estimate.config, estimate, preprocess, application, found[1]))
        return options

    def why_no_option(self, scenario: Scenario, stage: Stage) -> str:
        """Say why a stage has no option here."""
        names = permitted(scenario, stage)
        if names == (CPU,):
            return (
                f"cannot tell: no evidence of how stage {stage.id} runs on it at the permitted precisions; "
                "`sizer bench` on one would settle that"
            )
        if self.use is None and CPU not in names:
            return (
                f"cannot tell: stage {stage.id} may run on {', '.join(names)} alone, and nothing is known of that here"
            )
        where = CPU if self.use is None else self.use.name
        return (
            f"cannot tell: no evidence of how stage {stage.id} runs on its {where} at the permitted precisions; "
            f"`sizer predict --device {where}` tells what is known"
        )

    def requests(self, scenario: Scenario, stage: Stage) -> list[Request]:
        """Every estimate that ``stage`` needs on this platform."""
        return [
            (self.machine, work, config)
            for runtime in self._runtimes()
            for precision in scenario.accuracy.precisions
            if precision != "bf16" or self.machine.simd_level in BF16_LEVELS
            for batch in stage_batches(stage)
            if (work := self._inputs.works(self._inputs.work_key(stage), runtime, precision, batch)) is not None
            for config in self._configs(work, precision, batch)
        ]

    def missing_requests(self, scenario: Scenario, stage: Stage) -> list[Request]:
        """Return those of :meth:`requests` whose estimates are not kept yet."""
        if self._cores_alone is not None or CPU not in permitted(scenario, stage):
            return []
        if self._options_key(scenario, stage) in self._requested:
            return []
        return [
            request
            for request in self.requests(scenario, stage)
            if (stage.id, stage.model, request[2]) not in self._estimates
        ]

    def keep(self, scenario: Scenario, stage: Stage, estimates: Sequence[ServiceEstimate]) -> None:
        """Keep the answers to :meth:`missing_requests`: one request to the performance model serves all platforms."""
        self._requested.add(self._options_key(scenario, stage))
        for estimate in estimates:
            self._estimates[stage.id, stage.model, estimate.config] = estimate

    def evidence(self, scenario: Scenario, options: Mapping[str, StageOption]) -> dict[str, Evidence]:
        """Evidence class per stage and for decode."""
        evidence = {name: option.estimate.evidence for name, option in options.items()}
        coded = [camera for camera in scenario.cameras if camera.codec != "raw"]
        if coded:
            evidence["decode"] = weakest([self.decode(camera).evidence for camera in coded])
        return evidence

    def _runtimes(self) -> tuple[RuntimeName, ...]:
        """Runtimes to consider here; only OpenVINO has a setting for the kind of core."""
        if self.placement == "performance":
            return ("openvino",)
        return (*self._inputs.runtimes, *self._inputs.runtimes_measured.get(self.id, ()))

    def _configs(self, work: ModelWork, precision: Precision, batch: int) -> tuple[RunConfig, ...]:
        # A stream over two NUMA nodes reads half of its weights and activations from the other node's memory.
        most = max(1, self.physical_threads // self.machine.numa_nodes)
        return _configs(self.physical_threads, most, work.runtime, precision, batch, self.placement)

    def _preprocess(self, scenario: Scenario, stage: Stage) -> CoreCost | None:
        shape = self._inputs.model_of(stage).input_shape
        sizes = [camera.size for camera in scenario.cameras if camera.group in scenario.groups_of(stage)]
        if not sizes or len(shape) != 4:
            return None
        # An input without a recognisable channel dimension is costed as one with channels last.
        height, width = (shape[2], shape[3]) if image_layout(shape) == "NCHW" else (shape[1], shape[2])
        # A stage on objects scales crops of unknown size: that of the model's input is assumed.
        source = (width, height) if stage.on is not None else max(sizes, key=lambda size: size[0] * size[1])
        cost = self._inputs.predictor.preprocess(self.machine, source, (width, height))
        return self._with_transfer(cost, self.cold.prepared_s(*source))

    def _between_loads(self, cost: Cost) -> CoreCost:
        alone = 1.0 / (1.0 + self.slowing[-1]) if self.slowing else 1.0
        return CoreCost(cost.core_s, cost.core_s.scaled(alone), cost.evidence, cost.notes)

    def _with_transfer(self, cost: Cost, move_s: Interval) -> CoreCost:
        own = self._between_loads(cost)
        return replace(own, core_s=plus(own.core_s, move_s), alone_s=plus(own.alone_s, move_s))


def _left_on_host(cost: CoreCost, engines: EngineUse, codec: str) -> CoreCost:
    """Core time of software decoding -> what stays on the host while engines decode."""
    engine, share = engines.engines[codec], HOST_SHARE[engines.path]
    return CoreCost(
        times(cost.core_s, share), times(cost.alone_s, share), weakest([cost.evidence, engine.evidence]),
        (*cost.notes, f"engines of {engine.device}: {engine.source}", *engine.notes),
    )  # fmt: skip


def _known_cost(cost: CoreCost, z: float) -> CoreCost:
    """Return a cost that is known to be one of its quantiles."""
    core_s, alone_s = Interval.exact(at(cost.core_s, z)), Interval.exact(at(cost.alone_s, z))
    return CoreCost(core_s, alone_s, cost.evidence, cost.notes)


@lru_cache(maxsize=8192)
def _configs(
    cores: int, most: int, runtime: RuntimeName, precision: Precision, batch: int, placement: Placement
) -> tuple[RunConfig, ...]:
    """Every number of threads per stream up to ``most``, with as many streams as fill ``cores``.

    Cached, since chips with equally many cores share their configurations.
    """
    openvino = runtime == "openvino"
    shapes = [(threads, max(1, cores // threads)) for threads in sorted({min(n, most) for n in THREADS_PER_STREAM})]
    return tuple(
        RunConfig(
            runtime=runtime,
            precision=precision,
            streams=streams,
            threads=streams * threads,
            batch=batch,
            requests=streams,
            pinning=False if openvino else None,
            core_type="performance" if openvino and placement == "performance" else None,
        )
        for threads, streams in shapes
    )


def stage_batches(stage: Stage) -> tuple[int, ...]:
    """Batch sizes that are tried for a stage."""
    if stage.batch.max == 1:
        return (1,)
    return tuple(sorted({1, min(4, stage.batch.max), stage.batch.max}))


def _undominated(options: list[StageOption]) -> tuple[StageOption, ...]:
    """Drop options that another one of the same shape matches or beats in everything that the simulation depends on.

    Compared at all three quantiles: what is judged on one side may be predicted on the other.
    """
    kept: list[StageOption] = []
    by_shape: dict[tuple[str, int | None, int], list[list[float]]] = {}
    for option in sorted(
        options, key=lambda item: (item.core_s(PESSIMISTIC), item.threads_per_stream, item.pass_s(PESSIMISTIC))
    ):
        rivals, burdens = by_shape.setdefault(_shape(option), []), _burdens(option)
        if not any(all(map(operator.le, theirs, burdens)) for theirs in rivals):
            kept.append(option)
            rivals.append(burdens)
    return tuple(kept)


def _shape(option: StageOption) -> tuple[str, int | None, int]:
    return option.config.device, option.config.streams, option.config.batch


def _burdens(option: StageOption) -> list[float]:
    estimate = option.estimate
    burdens, between = [estimate.bandwidth_bytes, float(estimate.bottleneck == "memory_bandwidth")], []
    for z in QUANTILES:
        alone_s, full_s, least_core_s, core_s = option.costs(z)
        burdens += [full_s, alone_s, core_s, least_core_s, at(estimate.memory_bytes, z)]
        if option.busy is not None:
            burdens.append(option.busy_s(z))
        between += [alone_s + share * (full_s - alone_s) for share in estimate.contention_rise]
    return burdens + between
