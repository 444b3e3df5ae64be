"""What a plan is made from: the scenario, its models, a predictor and the candidates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from advisor.perfmodel.devices.question import DeviceAnswer
from advisor.perfmodel.resources.application import ApplicationUnit
from advisor.perfmodel.resources.cold_pass import ASSUMED, ColdStart
from advisor.records.base import Evidence, Interval, Precision, RuntimeName
from advisor.records.config import RunConfig
from advisor.records.device import DeviceSpec
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelFile, ModelWork
from advisor.records.plan import PlanBasis
from advisor.records.platform import Platform
from advisor.records.prediction import ServiceEstimate
from advisor.records.preparation import Preparation
from advisor.records.scenario import Scenario, Stage
from advisor.simulate.kept import SIMULATED, Runs


class Cost(Protocol):
    """Core time of something that is not a model."""

    @property
    def core_s(self) -> Interval: ...

    @property
    def evidence(self) -> Evidence: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def contention(self) -> float:
        """Added time with all other cores in the same work, as a share of ``core_s``, where that was measured."""
        ...

    @property
    def key_factor(self) -> float | None:
        """Decode time of a key frame over that of the others, where that was measured."""
        ...


class Predictor(Protocol):
    """The part of the performance model that the planner relies on."""

    def alike(self, machine: MachineSpec) -> Hashable:
        """Machines with equal keys get equal answers."""
        ...

    def service_many(self, requests: Sequence[tuple[MachineSpec, ModelWork, RunConfig]]) -> list[ServiceEstimate]: ...

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float | None, fps: float
    ) -> Cost: ...

    def preprocess(self, machine: MachineSpec, preparation: Preparation) -> Cost: ...

    def application(self, machine: MachineSpec, unit: ApplicationUnit, stated_ms: float | None) -> Cost: ...

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]: ...

    def stacking(self, machine: MachineSpec) -> float: ...

    def bandwidth(self, machine: MachineSpec) -> Interval: ...

    def power_w(self, machine: MachineSpec, utilisation: float) -> Interval: ...


WorkLookup = Callable[[str, RuntimeName, Precision, int], ModelWork | None]
"""Stage id (or reference of a smaller model), runtime, precision, batch -> kernels; None where the runtime cannot run
the model so."""


@dataclass(frozen=True)
class Candidate:
    """A platform that may be recommended, with what its data sheet says."""

    platform: Platform
    machine: MachineSpec
    notes: tuple[str, ...] = ()
    """What must be set on the box for the plan to hold."""
    devices: tuple[DeviceSpec, ...] = ()
    """Devices beside the cores that the scenario permits."""
    arm_cores: DeviceSpec | None = None
    """Its cores where they are Arm's, for which ncnn's tables stand; None: x86 cores, or nothing is listed."""
    bought_with: str | None = None
    """Device that is added to the box and in its price; None: the box as it is sold."""
    lacks: str | None = None
    """Why the box cannot take the added device; None: it can, or nobody knows."""
    slot_doubt: str | None = None
    """What must be checked of the slot of the added device before buying; None: nothing."""
    granted_cpus: tuple[int, ...] = ()
    """Logical CPUs that this machine grants, in the kernel's numbers, where they are fewer than it has; empty: all."""
    at_hand: int | None = None
    """Boxes that there are, which is what its price stands for: of more of them it is not known. None: it is what each
    box costs."""

    @property
    def added_w(self) -> float:
        """What the device that is bought with the box draws by itself [W]; 0: there is none, or it is not known."""
        return sum(device.power_w or 0.0 for device in self.devices if device.id == self.bought_with)


@dataclass(frozen=True)
class PlanInputs:
    """Everything a plan is made from; equal inputs give equal plans."""

    scenario: Scenario
    scenario_sha256: str
    models: Mapping[str, ModelFile]
    """Per stage id."""
    works: WorkLookup
    predictor: Predictor
    candidates: tuple[Candidate, ...]
    today: dt.date
    seed: int = 0
    runtimes: tuple[RuntimeName, ...] = ("openvino",)
    """Considered on every platform."""
    runtimes_measured: Mapping[str, tuple[RuntimeName, ...]] = field(default_factory=dict)
    """Platform id -> further runtimes, which are considered only where they were measured."""
    smaller: Mapping[str, ModelFile] = field(default_factory=dict)
    """Stage id -> a smaller model of the same family; ``works`` knows its kernels under its reference."""
    named: bool = False
    """The user named the candidates: each is predicted, also where a filter refuses it."""
    cold: Callable[[MachineSpec], ColdStart] = lambda _: ASSUMED
    """Cost of the first passes after a pause on a machine."""
    bitrate_kbps: Mapping[str, float] = field(default_factory=dict)
    """Camera group -> rate assumed where the scenario gives none [kbit/s]."""
    device_answer: Callable[[DeviceSpec, str, Precision], DeviceAnswer | None] = lambda *_: None
    """Device, name as of :meth:`work_key`, precision -> what is known of one input at a time; None: nothing."""
    arm_answer: Callable[[DeviceSpec, str, Precision, int], DeviceAnswer | None] = lambda *_: None
    """The same of Arm cores under ncnn, on so many threads."""
    probability_resolution: float = 0.05
    """Difference of two probabilities of holding that the reliability table can tell apart."""
    runs: Runs = SIMULATED
    """Who simulates; which runs are kept from another plan changes no answer."""
    watch: Callable[[str], None] = lambda _: None
    """Told what is being tried, and the best that was found so far; changes no answer."""
    assumptions: tuple[str, ...] = ()
    """Added by the caller: measurements taken or missing."""
    basis: PlanBasis | None = None
    """Versions of all of this, for the record; None: the plan does not say them."""

    def model_of(self, stage: Stage) -> ModelFile:
        """Model of a stage, which a changed scenario may have replaced by a smaller one."""
        return self.smaller[stage.id] if self.replaced(stage) else self.models[stage.id]

    def replaced(self, stage: Stage) -> bool:
        """Whether this stage of a changed scenario runs the smaller model."""
        return stage.id in self.smaller and stage.model == self.smaller[stage.id].reference

    def work_key(self, stage: Stage) -> str:
        """Name under which ``works`` knows the kernels of the stage's model."""
        return stage.model if self.replaced(stage) else stage.id
