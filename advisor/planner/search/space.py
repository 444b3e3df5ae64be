"""What can be chosen on one platform: per stage runtime, precision, threads per inference stream and batch.

Options that are no better in any way than another one of the same stage are left out (a slower pass that also takes
more core time per input): the simulator shares cores by demand, so such an option can only add load and delay.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from advisor.errors import ModelRangeError
from advisor.perfmodel.resources.cold_pass import ColdStart, plus
from advisor.planner.question.inputs import Candidate, Cost, PlanInputs
from advisor.records.base import Evidence, Interval, Precision, RuntimeName, weakest
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import ServiceEstimate
from advisor.records.scenario import CameraGroup, Scenario, Stage

# Standard normal quantile of the P90 point: intervals are taken as log-normal between their three quantiles.
Z90 = 1.2815515655446004
BF16_LEVELS = ("avx512_bf16", "amx")
"""Chips that compute in bf16; elsewhere the runtimes refuse it."""
THREADS_PER_STREAM = (1, 2, 4, 8, 16)
Placement = Literal["all", "performance"]
"""Which cores inference may take on a chip with two kinds of them."""
_Asked = tuple[str, str, tuple[Precision, ...], tuple[str, ...]]


def at(interval: Interval, z: float) -> float:
    """Value of a positive interval at ``z`` standard deviations, log-normal on each side of the median."""
    if interval.p50 <= 0:
        return interval.p50
    side = interval.p90 if z >= 0 else interval.p10
    if side <= 0:
        raise ModelRangeError(f"interval is not positive: {interval}")
    if z == 0.0:
        return interval.p50
    if abs(z) == Z90:  # most questions are about a quantile itself
        return side
    spread = abs(math.log(side / interval.p50)) / Z90
    return interval.p50 * math.exp(spread * z)


@dataclass(frozen=True)
class StageOption:
    """One way to run one stage on one platform."""

    config: RunConfig
    """Streams and threads as many as fit; the planner lowers them to what the load needs."""
    estimate: ServiceEstimate
    preprocess: Cost | None
    slowest_s: float
    """Longest pass of all precisions with these threads and this batch [s], one standard deviation slow: streams are
    counted for it, so that a quicker precision never gets fewer of them."""

    @property
    def threads_per_stream(self) -> int:
        """Threads that one pass occupies."""
        return (self.config.threads or 1) // (self.config.streams or 1)

    def pass_s(self, z: float) -> float:
        """Time of one pass of ``config.batch`` inputs with all streams busy [s]."""
        return at(self.estimate.latency_s, z)

    def alone_s(self, z: float) -> float:
        """Time of one pass while nothing else infers [s], or that of :meth:`pass_s` if unknown: the least it takes."""
        alone = self.estimate.alone_s
        return self.pass_s(z) if alone is None else min(at(alone, z), self.pass_s(z))

    def crowding(self, z: float) -> float:
        """What a pass takes longer with all streams busy than alone, as a share of its time alone."""
        return self.pass_s(z) / self.alone_s(z) - 1.0

    def preprocess_s(self, z: float) -> float:
        """Core time to prepare one input [s]."""
        return 0.0 if self.preprocess is None else at(self.preprocess.core_s, z)

    def cold_s(self, cold: ColdStart, z: float) -> float:
        """What a pass takes longer after a long pause [s]: of this model where measured, else of this machine."""
        measured = self.estimate.cold_s
        return at(cold.pass_s(self.threads_per_stream) if measured is None else measured, z)

    def sigma(self, cold: ColdStart) -> float:
        """Spread of single passes (log): as measured in this configuration or after pauses, whichever is more."""
        return max(self.estimate.pass_sigma or 0.0, cold.sigma(self.threads_per_stream))

    def core_s(self, z: float) -> float:
        """Core time of one pass with all streams busy [s]."""
        return min(at(self.estimate.core_s, z), self.pass_s(z) * self.threads_per_stream)

    def least_core_s(self, z: float) -> float:
        """Core time of one pass at least [s]: while nothing else infers."""
        return self.core_s(z) * (self.alone_s(z) / self.pass_s(z))


class PlatformModel:
    """One candidate with everything that the performance model says of it, asked once and kept."""

    def __init__(self, inputs: PlanInputs, candidate: Candidate, placement: Placement = "all") -> None:
        self._inputs = inputs
        self.candidate = candidate
        self.machine = candidate.machine
        self.placement = placement
        cores = float(candidate.machine.cores if placement == "all" else candidate.machine.performance_cores)
        self.cold = inputs.cold(candidate.machine)
        self.cores = cores if candidate.machine.quota_cores is None else min(cores, candidate.machine.quota_cores)
        """Cores that may be used. Estimates are asked for with all of them busy, so on a chip with two kinds of cores
        their times are means over both kinds; the gain of SMT siblings is left out. With ``performance`` the others are
        left to the system, which counts against the configuration: decode may in fact run there."""
        self._decode: dict[tuple[str, int, int, float, float], Cost] = {}
        self._estimates: dict[tuple[str, str, RunConfig], ServiceEstimate] = {}
        self._options: dict[_Asked, tuple[StageOption, ...]] = {}
        self._least: dict[tuple[_Asked, float], tuple[StageOption, ...]] = {}

    @property
    def id(self) -> str:
        """Platform id."""
        return self.candidate.platform.id

    @property
    def physical_threads(self) -> int:
        """Cores that inference may take as whole threads."""
        return max(1, math.floor(self.cores + 1e-9))

    def decode(self, camera: CameraGroup) -> Cost:
        """Cost of decoding one frame of a coded camera group: a reference picture is read and a picture written."""
        width, height = camera.size
        rate = self.bitrate_kbps(camera)
        key = (camera.codec, width, height, rate, camera.fps)
        if key not in self._decode:
            cost = self._inputs.predictor.decode(self.machine, camera.codec, width, height, rate, camera.fps)
            self._decode[key] = _moved(cost, self.cold.picture_s(width, height, 2))
        return self._decode[key]

    def bitrate_kbps(self, camera: CameraGroup) -> float:
        """Return the group's bitrate, stated or assumed by the caller."""
        return camera.bitrate_kbps if camera.bitrate_kbps is not None else self._inputs.bitrate_kbps[camera.group]

    def options(self, scenario: Scenario, stage: Stage) -> tuple[StageOption, ...]:
        """Every useful way to run ``stage`` here, cheapest in core time first; empty where no runtime can."""
        key = self._asked(scenario, stage)
        if key not in self._options:
            self._options[key] = _undominated(self.every_option(scenario, stage))
        return self._options[key]

    def least_options(self, scenario: Scenario, stage: Stage, z: float) -> tuple[StageOption, ...]:
        """Per batch the option with the least core time of one pass: whatever the load, the least is among them."""
        key = (self._asked(scenario, stage), z)
        if key not in self._least:
            least: dict[int, StageOption] = {}
            for option in self.options(scenario, stage):
                batch = option.config.batch
                if batch not in least or option.least_core_s(z) < least[batch].least_core_s(z):
                    least[batch] = option
            self._least[key] = tuple(least.values())
        return self._least[key]

    def _asked(self, scenario: Scenario, stage: Stage) -> _Asked:
        """All that an answer about a stage depends on and that a changed scenario may change."""
        pictures = tuple(camera.resolution for camera in scenario.cameras)
        return stage.id, stage.model, scenario.accuracy.precisions, pictures

    def every_option(self, scenario: Scenario, stage: Stage) -> list[StageOption]:
        """Every way to run ``stage`` here of which anything is known."""
        missing = self.unanswered(scenario, stage)
        if missing:
            self.learn(stage, self._inputs.predictor.service_many(missing))
        preprocess = self._preprocess(scenario, stage)
        found = [self._estimates[stage.id, stage.model, config] for _, _, config in self.requests(scenario, stage)]
        known = [item for item in found if item.evidence is not Evidence.UNKNOWN]
        slowest: dict[tuple[int | None, int], float] = {}
        for item in known:
            shape = (item.config.streams, item.config.batch)
            slowest[shape] = max(slowest.get(shape, 0.0), at(item.latency_s, 1.0))
        return [
            StageOption(item.config, item, preprocess, slowest[item.config.streams, item.config.batch])
            for item in known
        ]

    def requests(self, scenario: Scenario, stage: Stage) -> list[tuple[MachineSpec, ModelWork, RunConfig]]:
        """Everything that the performance model must be asked about ``stage`` on this platform."""
        return [
            (self.machine, work, config)
            for runtime in self._runtimes()
            for precision in scenario.accuracy.precisions
            if precision != "bf16" or self.machine.simd_level in BF16_LEVELS
            for batch in stage_batches(stage)
            if (work := self._inputs.works(self._inputs.work_key(stage), runtime, precision, batch)) is not None
            for config in self._configs(work, precision, batch)
        ]

    def unanswered(self, scenario: Scenario, stage: Stage) -> list[tuple[MachineSpec, ModelWork, RunConfig]]:
        """Return what is still to be asked."""
        return [
            request
            for request in self.requests(scenario, stage)
            if (stage.id, stage.model, request[2]) not in self._estimates
        ]

    def learn(self, stage: Stage, estimates: Sequence[ServiceEstimate]) -> None:
        """Keep answers of the performance model, so that one question can serve all platforms."""
        for estimate in estimates:
            self._estimates[stage.id, stage.model, estimate.config] = estimate

    def evidence(self, scenario: Scenario, options: Mapping[str, StageOption]) -> dict[str, Evidence]:
        """Evidence class per stage and for decode."""
        result = {name: option.estimate.evidence for name, option in options.items()}
        coded = [camera for camera in scenario.cameras if camera.codec != "raw"]
        if coded:
            result["decode"] = weakest([self.decode(camera).evidence for camera in coded])
        return result

    def _runtimes(self) -> tuple[RuntimeName, ...]:
        """Runtimes of which anything is known here; only OpenVINO can be told which kind of core to take."""
        if self.placement == "performance":
            return ("openvino",)
        return (*self._inputs.runtimes, *self._inputs.runtimes_measured.get(self.id, ()))

    def _configs(self, work: ModelWork, precision: Precision, batch: int) -> tuple[RunConfig, ...]:
        # A stream over two NUMA nodes reads half of its weights and activations from the other node's memory.
        most = max(1, self.physical_threads // self.machine.numa_nodes)
        return _configs(self.physical_threads, most, work.runtime, precision, batch, self.placement)

    def _preprocess(self, scenario: Scenario, stage: Stage) -> Cost | None:
        shape = self._inputs.model_of(stage).input_shape
        sizes = [camera.size for camera in scenario.cameras if camera.group in scenario.groups_of(stage)]
        if not sizes or len(shape) != 4:
            return None
        channels_first = shape[1] in {1, 3, 4}
        height, width = (shape[2], shape[3]) if channels_first else (shape[1], shape[2])
        # A stage on objects scales crops, whose size is not known: one as large as the model's input is assumed.
        source = (width, height) if stage.on is not None else max(sizes, key=lambda size: size[0] * size[1])
        cost = self._inputs.predictor.preprocess(self.machine, source, (width, height))
        return _moved(cost, self.cold.prepared_s(*source))


@dataclass(frozen=True)
class _Moved:
    """A cost with the time to move its picture between cores."""

    core_s: Interval
    evidence: Evidence
    notes: tuple[str, ...]


def _moved(cost: Cost, move_s: Interval) -> Cost:
    return _Moved(plus(cost.core_s, move_s), cost.evidence, cost.notes)


@lru_cache(maxsize=8192)
def _configs(
    cores: int, most: int, runtime: RuntimeName, precision: Precision, batch: int, placement: Placement
) -> tuple[RunConfig, ...]:
    """Every number of threads per stream up to ``most``, with as many streams as fill ``cores``.

    Kept, since chips with as many cores are asked the same of every stage.
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
    """Drop options that another one of the same shape betters, or equals, in everything that the simulation looks at.

    Beliefs are compared at all three quantiles: what is judged on one side may be predicted on the other.
    """
    kept: list[tuple[StageOption, list[float]]] = []
    for option in sorted(options, key=lambda item: (item.core_s(Z90), item.threads_per_stream, item.pass_s(Z90))):
        shape, burdens = _shape(option), _burdens(option)
        if not any(_shape(other) == shape and all(map(operator.le, mine, burdens)) for other, mine in kept):
            kept.append((option, burdens))
    return tuple(option for option, _ in kept)


def _shape(option: StageOption) -> tuple[int | None, int]:
    return option.config.streams, option.config.batch


def _burdens(option: StageOption) -> list[float]:
    estimate = option.estimate
    burdens = [estimate.bandwidth_bytes, float(estimate.bottleneck == "memory_bandwidth")]
    for z in (-Z90, 0.0, Z90):
        burdens += [option.pass_s(z), option.alone_s(z), option.core_s(z), option.least_core_s(z)]
        burdens.append(at(estimate.memory_bytes, z))
    return burdens
