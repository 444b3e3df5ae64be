"""What the search says of a platform: it holds with this setup, or it fails this check."""

from __future__ import annotations

from dataclasses import dataclass, replace

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load, LoadCase
from advisor.records.scenario import Scenario

from .belief import MEDIAN
from .checks import FailedCheck
from .costs import LoadFacts, choice_cores, device_loads, engine_load
from .platform_model import PlatformModel
from .setup import Setup
from .simulate import SimulatedOutcome
from .study import Study


@dataclass(frozen=True, eq=False)
class Deployment:
    """Equal boxes of one platform with one setup, and the load case that they are looked at under."""

    study: Study
    model: PlatformModel
    count: int
    setup: Setup

    @property
    def case(self) -> LoadCase:
        """Load case of the study."""
        return self.study.case

    @property
    def scenario(self) -> Scenario:
        """Scenario of the study."""
        return self.study.scenario

    @property
    def candidate(self) -> Candidate:
        """The platform as a candidate."""
        return self.model.candidate

    @property
    def nominal(self) -> Load:
        """Load of the fullest box today."""
        return self.case.nominal(self.count)

    @property
    def required(self) -> Load:
        """Load of the fullest box with growth."""
        return self.case.required(self.count)

    def under(self, study: Study) -> Deployment:
        """Return the same boxes under another load case."""
        return replace(self, study=study)

    def with_setup(self, setup: Setup) -> Deployment:
        """Return the same boxes, set up otherwise."""
        return replace(self, setup=setup)

    def facts(self, load: Load) -> LoadFacts:
        """Offered load of the scenario's stages."""
        return self.study.facts(load)

    def cores(self, load: Load, z: float, *, contended: bool = False) -> float:
        """Cores that one box under ``load`` keeps busy, by the utilisation law."""
        return choice_cores(self.model, self.scenario, self.setup.choice, self.facts(load), z, contended=contended)

    @property
    def nominal_cores(self) -> float:
        """Cores that a box keeps busy today at the median: what its energy is counted from."""
        return self.cores(self.nominal, MEDIAN)

    def device_load(self, load: Load, z: float, *, of_chip: bool = False) -> float:
        """Share for which the device of one box, or its decoding engine, is busy under ``load``; 0 without either.

        ``of_chip``: without the device that was bought with the box.
        """
        facts = self.facts(load)
        left_out = {self.candidate.bought_with} if of_chip else set()
        busy = device_loads(self.setup.choice, facts, z)
        stages = max((share for name, share in busy.items() if name not in left_out), default=0.0)
        return max(stages, engine_load(self.model, self.scenario, facts, z))

    def quantiles(self, load: Load) -> tuple[float, float, float]:
        """Quantiles z at which the box as a whole is at its P10, P50 and P90 under ``load``."""
        return self.study.box_quantiles(self.model, self.setup.choice, load)

    def holds(self, load: Load) -> bool:
        """Whether one box holds under ``load`` by the rule of the recommendation.

        That is: headroom at the median, the SLO at the confidence asked for.
        """
        usable = self.scenario.margin.usable_share * self.model.cores
        if self.cores(load, MEDIAN) > usable:
            return False
        if self.device_load(load, MEDIAN) > self.scenario.margin.usable_share:
            return False
        return self.study.carries(self.model, self.setup, load)

    def run(self, load: Load, z: float) -> SimulatedOutcome:
        """Simulate one box under ``load``."""
        return self.study.run(self.model, self.setup, load, z)


@dataclass(frozen=True, eq=False)
class Feasible:
    """Boxes that carry the case, with growth: headroom at the median, the SLO at the confidence asked for."""

    deployment: Deployment
    outcome: SimulatedOutcome
    """The simulation at the median, with growth."""

    @property
    def model(self) -> PlatformModel:
        """Model of the platform."""
        return self.deployment.model

    @property
    def count(self) -> int:
        """Boxes that carry the load, without the spare one."""
        return self.deployment.count


@dataclass(frozen=True, eq=False)
class Failing:
    """Boxes that do not carry the case, or of which that cannot be told."""

    model: PlatformModel
    count: int
    failed: FailedCheck
    deployment: Deployment | None
    """The configuration that came nearest, or has the least demand; None where nothing is known of any."""


Judgement = Feasible | Failing
