"""One platform with everything that the performance model predicts for it: options of stages, costs of other work."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

from advisor.perfmodel.resources.application import ApplicationUnit
from advisor.perfmodel.resources.cold_pass import plus
from advisor.perfmodel.resources.engines import HostPath
from advisor.planner.question.inputs import Candidate, Cost, PlanInputs
from advisor.records.base import BF16_LEVELS, Evidence, Interval, Precision, RuntimeName, weakest
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork, image_layout
from advisor.records.prediction import ServiceEstimate
from advisor.records.preparation import Preparation
from advisor.records.scenario import CameraGroup, Scenario, Stage

from .belief import at
from .decoding import EngineUse, left_on_host
from .device_options import arm_passes, device_passes, options_beside, why_no_option
from .devices import CPU, Beside, DeviceUse, permitted
from .loads import LOADS, others_busy, risen
from .options import Options
from .same import Same
from .space import Placement, configurations, in_order, of_class, stage_batches, undominated
from .stage_option import CoreCost, StageOption, known_cost

Variant = tuple[str, Placement, tuple[str, Beside] | None, HostPath | None]
"""Platform, cores, the device with what goes on beside it, engines that decode: what tells the models of one plan
apart."""
Request = tuple[MachineSpec, ModelWork, RunConfig]
"""What the performance model is asked: this model in this configuration on this machine."""


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
        undecoded: PlatformModel | None = None,
        twin: PlatformModel | None = None,
    ) -> None:
        """``use``: the device that stages may run on, too; ``engines``: those that decode; ``cores_alone``: the model
        without them; ``undecoded``: that without the engines alone; ``twin``: that of a platform of which everything
        but the installed memory is predicted alike.
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
        same = cores_alone if twin is None else twin
        self.slowing: tuple[float, ...] = inputs.predictor.slowing(candidate.machine) if same is None else same.slowing
        """Lengthening of decoding, preparation and the application's work with 1/n, ... of the other cores busy;
        empty: they have none."""
        most = self.slowing[-1] if self.slowing else 0.0
        self.core_rise = tuple(part / most for part in self.slowing) if most > 0 else ()
        """Its shape, from 0 to 1."""
        self.stacking: float = inputs.predictor.stacking(machine) if same is None else same.stacking
        """Probability that work that begins while a core is idle is put on a busy one."""
        self._decode: dict[tuple[str, str, float | None, float], CoreCost] = {}
        self._application: dict[tuple[ApplicationUnit, float | None], CoreCost | None] = {}
        self._prepared: dict[Preparation, CoreCost] = {}
        self._estimates: dict[tuple[str, str, RunConfig], ServiceEstimate] = {}
        self._requested: set[str] = set()
        self._options: dict[str, Options] = {}
        self._least: dict[tuple[str, float], tuple[StageOption, ...]] = {}
        self.like: Variant = self.variant
        """Variant of the first of its twins: models with an equal one have equal figures, installed memory aside."""
        if twin is not None:
            self.like = twin.like
        if cores_alone is not None:  # of the same box
            self._application, self._prepared = cores_alone._application, cores_alone._prepared
        if twin is not None:
            self._decode, self._application, self._prepared = twin._decode, twin._application, twin._prepared
        with_options = undecoded if twin is None else twin
        if with_options is not None:
            self._estimates, self._requested = with_options._estimates, with_options._requested
            self._options, self._least = with_options._options, with_options._least

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
    def on_cores(self) -> PlatformModel:
        """The model of the same box without its devices, which asks the performance model for passes on cores."""
        return self if self._cores_alone is None else self._cores_alone

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
        rate = camera.bitrate_kbps  # None where the scenario leaves it open: the usual one then, with its doubt
        key = (camera.codec, camera.resolution, rate, camera.fps)
        if key not in self._decode:
            if self._cores_alone is not None:
                moved = self._cores_alone.decode(camera)
            else:
                width, height = camera.size
                cost = self._inputs.predictor.decode(self.machine, camera.codec, width, height, rate, camera.fps)
                moved = self._with_transfer(cost, self.cold.picture_s(width, height, 2))
            self._decode[key] = moved if self.engines is None else left_on_host(moved, self.engines, camera.codec)
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
            key: None if cost is None else known_cost(cost, application_z) for key, cost in self._application.items()
        }
        drawn._decode = {key: known_cost(cost, decode_z) for key, cost in self._decode.items()}
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

    def options(self, scenario: Scenario, stage: Stage) -> Options:
        """Every useful way to run ``stage`` here, least core time first; empty where no runtime can."""
        key = _options_keys(Same(scenario))[stage.id]
        if key not in self._options:
            use, on_cores = self.use, self._cores_alone
            if use is not None and on_cores is not None and use.beside == "passes" and not use.slows_cores:
                # It slows no pass on the cores, and options on different devices do not dominate each other.
                own = undominated(self._on_device(scenario, stage, use))
                found = in_order([*on_cores.options(scenario, stage), *own])
            else:
                found = undominated(self.every_option(scenario, stage))
            self._options[key] = Options(of_class(found, scenario.class_of(stage)))
        return self._options[key]

    def has_options(self, scenario: Scenario) -> bool:
        """Whether every stage can run here in some way."""
        return all(self.options(scenario, stage) for stage in scenario.stages)

    def least_options(self, scenario: Scenario, stage: Stage, z: float) -> tuple[StageOption, ...]:
        """Per batch the option with the least core time of one pass: for any load the cheapest option is among them."""
        key = (_options_keys(Same(scenario))[stage.id], z)
        if key not in self._least:
            least: dict[int, StageOption] = {}
            for option in self.options(scenario, stage):
                batch = option.config.batch
                if batch not in least or option.least_core_s(z) < least[batch].least_core_s(z):
                    least[batch] = option
            self._least[key] = tuple(least.values())
        return self._least[key]

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
        preprocess, application = self._before_pass(scenario, stage)
        every = [self._estimates[stage.id, stage.model, config] for _, _, config in self.requests(scenario, stage)]
        estimates = [estimate for estimate in every if estimate.evidence is not Evidence.UNKNOWN]
        if self.placement == "all":
            estimates += arm_passes(self._inputs, self.candidate, scenario, stage)
        return [StageOption(estimate.config, estimate, preprocess, application) for estimate in estimates]

    def _beside_device(self, scenario: Scenario, stage: Stage, use: DeviceUse) -> list[StageOption]:
        """Ways to run ``stage`` on the device, and where the cores infer, too, those on them."""
        assert self._cores_alone is not None  # whoever names a device has the model without it
        on_cores = []
        if use.beside == "passes":
            on_cores = options_beside(use, self._cores_alone.every_option(scenario, stage))
        return on_cores + self._on_device(scenario, stage, use)

    def _on_device(self, scenario: Scenario, stage: Stage, use: DeviceUse) -> list[StageOption]:
        """Ways to run ``stage`` on the device itself."""
        preprocess, application = self._before_pass(scenario, stage)
        return [
            StageOption(estimate.config, estimate, preprocess, application, busy_s)
            for estimate, busy_s in device_passes(self._inputs, self.id, scenario, stage, use)
        ]

    def why_no_option(self, scenario: Scenario, stage: Stage) -> str:
        """Say why a stage has no option here."""
        return why_no_option(scenario, stage, self.use)

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
        if _options_keys(Same(scenario))[stage.id] in self._requested:
            return []
        return [
            request
            for request in self.requests(scenario, stage)
            if (stage.id, stage.model, request[2]) not in self._estimates
        ]

    def keep(self, scenario: Scenario, stage: Stage, estimates: Sequence[ServiceEstimate]) -> None:
        """Keep the answers to :meth:`missing_requests`: one request to the performance model serves all platforms."""
        self._requested.add(_options_keys(Same(scenario))[stage.id])
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
        return configurations(self.physical_threads, most, work.runtime, precision, batch, self.placement)

    def _before_pass(self, scenario: Scenario, stage: Stage) -> tuple[CoreCost | None, CoreCost | None]:
        """Cost of preparing one input of a stage, and of the application's own work on it where it is an object."""
        stated_ms = scenario.application.overhead_ms_per_object
        return self._preprocess(scenario, stage), None if stage.on is None else self.application("object", stated_ms)

    def _preprocess(self, scenario: Scenario, stage: Stage) -> CoreCost | None:
        shape = self._inputs.model_of(stage).input_shape
        groups = scenario.groups_of(stage)
        feeding = [camera for camera in scenario.cameras if camera.group in groups]
        if not feeding or len(shape) != 4:
            return None
        # An input without a recognisable channel dimension is costed as one with channels last.
        height, width = (shape[2], shape[3]) if image_layout(shape) == "NCHW" else (shape[1], shape[2])
        # A stage on objects scales crops of unknown size: that of the model's input is assumed where none was measured.
        largest = max(feeding, key=lambda camera: camera.size[0] * camera.size[1])
        source = largest.size if stage.on is None else (width, height)
        cut_from = None if stage.on is None else largest.size
        asked = Preparation(source, (width, height), cut_from, raw=largest.codec == "raw")
        if asked not in self._prepared:
            cost = self._inputs.predictor.preprocess(self.machine, asked)
            self._prepared[asked] = self._with_transfer(cost, self.cold.prepared_s(*source))
        return self._prepared[asked]

    def _between_loads(self, cost: Cost) -> CoreCost:
        alone = 1.0 / (1.0 + self.slowing[-1]) if self.slowing else 1.0
        beside = cost.core_s.scaled(1.0 + cost.contention)
        return CoreCost(beside, cost.core_s.scaled(alone), cost.evidence, cost.notes, cost.key_factor)

    def _with_transfer(self, cost: Cost, move_s: Interval) -> CoreCost:
        own = self._between_loads(cost)
        return replace(own, core_s=plus(own.core_s, move_s), alone_s=plus(own.alone_s, move_s))


@lru_cache(maxsize=64)
def _options_keys(of: Same[Scenario]) -> dict[str, str]:
    """Everything in a scenario that the options of each stage depend on: as a text, whose hash is worked out once."""
    scenario = of.item
    pictures = tuple(camera.resolution for camera in scenario.cameras)
    shared = scenario.accuracy.precisions, pictures, scenario.application
    return {
        stage.id: repr((stage.id, stage.model, shared, permitted(scenario, stage), scenario.class_of(stage)))
        for stage in scenario.stages
    }
