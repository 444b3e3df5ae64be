"""One load case put to the planner: inputs, platform models, counters, and everything that was worked out before."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.question.load_case import Load, LoadCase
from advisor.planner.question.money import price_of
from advisor.records.plan import Price
from advisor.records.scenario import Scenario

from .belief import MEDIAN
from .bounds import Admitted
from .checks import FailedCheck
from .combination_sums import Places
from .combination_table import CombinationTable
from .combinations import Combinations
from .costs import LoadFacts, load_facts
from .decoding import EngineUse, engines_of
from .devices import DeviceUse, uses_of
from .joint import DRAWS as RANKS
from .joint import DrawnOptions, JointBelief, equivalent_quantiles, part_quantile, quantile_range
from .platform_model import PlatformModel, Variant
from .same import Same
from .setup import Choice, Setup
from .simulate import (
    SimulatedOutcome,
    evaluate,
    failed_check,
    failed_slo,
    far_over,
    near_a_limit,
    with_mean_utilisation,
)
from .space import Placement, stage_batches

T = TypeVar("T")

MAX_TRIES = 64
"""Configurations that are simulated on one platform before it is given up; the plan counts those left out."""
FULL_BUDGET_PLATFORMS, REDUCED_BUDGET_DIVISOR = 16, 8
"""After so many platforms' worth of configurations each further platform may try so many times fewer of them."""
MAX_FRAMES = 30_000
"""Frames of one simulation: four times what eight cameras send in a minute."""
MAX_SIMULATED_S, MIN_SIMULATED_S = 60.0, 10.0
HEADROOM_CHECKS = frozenset({"cpu", "memory_bandwidth", "device"})
DRAWS = 3
"""Random draws on each of which a configuration must hold where it is near a limit; elsewhere the first alone."""


@dataclass
class SearchCounters:
    """How much of the space was looked at, and how."""

    bounded: int = 0
    """Platforms, with a number of boxes each, that a closed form ruled out."""
    judged_by_simulation: int = 0
    configurations: int = 0
    tried: int = 0
    """Configurations that were simulated to judge them."""
    left_out: int = 0
    """Configurations that the budget left untried."""
    simulated: int = 0
    """Simulations, those of predictions included."""
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def judging(self) -> tuple[int, ...]:
        """What judging counts, ``tried`` first."""
        return self.tried, self.bounded, self.judged_by_simulation, self.configurations, self.left_out

    def count_again(self, judging: tuple[int, ...]) -> None:
        """Count what a judgement took for another platform, which needed none of its own."""
        tried, bounded, judged_by_simulation, configurations, left_out = judging
        self.tried += tried
        self.bounded += bounded
        self.judged_by_simulation += judged_by_simulation
        self.configurations += configurations
        self.left_out += left_out

    def count_simulation(self) -> None:
        """Count one more simulation; several threads may do so at once."""
        with self._lock:
            self.simulated += 1


@dataclass(frozen=True, eq=False)
class Study:
    """A load case with all that is needed to answer it.

    Deriving a study (:meth:`for_case`) is cheap: platform models and counters are shared by all studies of one plan,
    and what was worked out is shared by the studies of one scenario.
    """

    inputs: PlanInputs
    case: LoadCase
    max_tries: int = MAX_TRIES
    only_whether: bool = False
    """Whether it is only asked what holds, and not why the rest fails or by how much."""
    counters: SearchCounters = field(default_factory=SearchCounters)
    _models: dict[Variant, PlatformModel] = field(default_factory=dict)
    _twins: dict[Hashable, PlatformModel] = field(default_factory=dict)
    """The first model of each kind of platforms that nothing but installed memory tells apart."""
    _uses: dict[Hashable, tuple[PlatformModel, ...]] = field(default_factory=dict)
    """All models of a platform."""
    _prices: dict[Hashable, Price] = field(default_factory=dict)
    _results: dict[Hashable, Any] = field(default_factory=dict)
    """Of this scenario; the keys name figure and load."""

    @classmethod
    def of(cls, inputs: PlanInputs, max_tries: int = MAX_TRIES) -> Study:
        """Return the study of the scenario's own cameras."""
        return cls(inputs, LoadCase.of(inputs.scenario), max_tries)

    @property
    def scenario(self) -> Scenario:
        """Scenario of the case."""
        return self.case.scenario

    def for_case(self, case: LoadCase) -> Study:
        """Return the study of another case."""
        results = self._results if case.scenario is self.case.scenario else {}
        return replace(self, case=case, _results=results)

    def for_scenario(self, scenario: Scenario) -> Study:
        """Return the study of the same cameras under a changed scenario."""
        return self.for_case(self.case.with_scenario(scenario))

    def once(self, key: tuple[Hashable, ...], compute: Callable[[], T]) -> T:
        """Return a result of this scenario, computed the first time; ``key`` names everything else it depends on."""
        if key not in self._results:
            self._results[key] = compute()
        result: T = self._results[key]
        return result

    def model(self, candidate: Candidate, placement: Placement = "all") -> PlatformModel:
        """Return the candidate's platform model, made once."""
        key: Variant = (candidate.platform.id, placement, None, None)
        if key not in self._models:
            self._keep(candidate, key, None, None)
        return self._models[key]

    def _keep(self, candidate: Candidate, key: Variant, use: DeviceUse | None, engines: EngineUse | None) -> None:
        """Make a model, as the twin of one of which everything but the installed memory is predicted alike."""
        on_cores = None if use is None and engines is None else self.model(candidate)
        undecoded = None
        if engines is not None:
            undecoded = on_cores if use is None else self._with_device(candidate, use, None)
        kind: Hashable = (
            self._box_alike(candidate) if on_cores is None else on_cores.like,
            None if use is None else tuple(one.device.facts for one in use.each),
            None if engines is None else engines.device,
            key[1:],
        )
        twin = self._twins.get(kind)
        model = PlatformModel(self.inputs, candidate, key[1], use, on_cores, engines, undecoded, twin)
        self._models[key] = model
        self._twins.setdefault(kind, model)

    def _box_alike(self, candidate: Candidate) -> Hashable:
        """Key of all that passes on the cores of a box depend on."""
        arm = candidate.arm_cores
        return (
            self.inputs.predictor.alike(candidate.machine),
            self.inputs.runtimes_measured.get(candidate.platform.id),
            None if arm is None else arm.facts,
        )

    def _with_device(self, candidate: Candidate, use: DeviceUse | None, engines: EngineUse | None) -> PlatformModel:
        keys = None if use is None else use.key, None if engines is None else engines.key
        key: Variant = (candidate.platform.id, "all", *keys)
        if key not in self._models:
            self._keep(candidate, key, use, engines)
        return self._models[key]

    def _with_engines(self, candidate: Candidate, use: DeviceUse | None) -> PlatformModel | None:
        """Decoded by engines: pictures stay on the graphics where all stages infer there."""
        stays = use is not None and use.beside == "cores" and not use.others and use.device.kind == "igpu"
        engines = engines_of(candidate.devices, self.scenario, "zero-copy" if stays else "copied")
        return None if engines is None else self._with_device(candidate, use, engines)

    def models(self, candidate: Candidate) -> tuple[PlatformModel, ...]:
        """The platform with all its cores, of a chip with two kinds of them with the performance cores alone, and with
        each of its devices that the scenario permits, where the cores infer beside it and where they do not.
        """
        return self.once(("models", candidate.platform.id), lambda: self._models_of(candidate))

    def _models_of(self, candidate: Candidate) -> tuple[PlatformModel, ...]:
        """Made once for all scenarios that permit the same devices and have the same codecs."""
        scenario = self.scenario
        pinned = tuple(stage.device for stage in scenario.stages)
        codecs = frozenset(camera.codec for camera in scenario.cameras)
        key = candidate.platform.id, scenario.candidates.devices, pinned, codecs
        if key not in self._uses:
            self._uses[key] = self._each_use(candidate)
        return self._uses[key]

    def _each_use(self, candidate: Candidate) -> tuple[PlatformModel, ...]:
        whole = self.model(candidate)
        machine = candidate.machine
        alike = machine.inference_cores == machine.performance_cores
        on_cores = (whole,) if alike else (whole, self.model(candidate, "performance"))
        if not candidate.devices:
            return on_cores
        of_devices = uses_of(candidate.devices, self.scenario)
        uses = [self._with_device(candidate, use, None) for use in of_devices]
        decoded = [self._with_engines(candidate, use) for use in (None, *of_devices)]
        uses += [model for model in decoded if model is not None]
        # Nobody buys an added device to leave it idle: the box without it is a candidate of its own.
        return tuple(uses) if candidate.bought_with is not None and uses else (*on_cores, *uses)

    def prepare(self, candidates: Sequence[Candidate]) -> None:
        """Request the estimates of all candidates at once: many times faster than one by one."""
        asked = (model.on_cores for candidate in candidates for model in self.models(candidate))
        distinct = {model.like: model for model in asked}
        missing = [
            (model, stage, requests)
            for model in distinct.values()
            for stage in self.scenario.stages
            if (requests := model.missing_requests(self.scenario, stage))
        ]
        if not missing:
            return
        estimates = iter(
            self.inputs.predictor.service_many([request for _, _, requests in missing for request in requests])
        )
        for model, stage, requests in missing:
            model.keep(self.scenario, stage, list(itertools.islice(estimates, len(requests))))

    def price(self, candidate: Candidate, count: int) -> Price:
        """Price of ``count`` boxes that carry the load and the spare one."""
        bought = count + self.case.spare_boxes
        return self.once(("price", candidate.platform.id, bought), lambda: self._price(candidate, bought))

    def _price(self, candidate: Candidate, bought: int) -> Price:
        """Worked out once for all scenarios that have the same of what a price depends on, as most of one plan do."""
        scenario = self.scenario
        key = candidate.platform.id, bought, Same(scenario.money), Same(scenario.candidates), Same(scenario.sites)
        if key not in self._prices:
            today, at_hand = self.inputs.today, candidate.at_hand
            self._prices[key] = price_of(candidate.platform, bought, scenario, today, at_hand=at_hand)
        return self._prices[key]

    def at_hand(self, candidate: Candidate) -> int | None:
        """Most boxes of which the price is known; None: it is known of any number, or of none."""
        return None if candidate.platform.id in self.scenario.candidates.prices else candidate.at_hand

    def facts(self, load: Load) -> LoadFacts:
        """Offered load of the scenario's stages."""
        return self.once(("load facts", load.key), lambda: load_facts(self.scenario, load, stage_batches))

    def table(self, model: PlatformModel, load: Load, z: float) -> CombinationTable | None:
        """Every combination of the stages' options in the order to be tried; None where a stage has none."""
        if not model.has_options(self.scenario):
            return None
        return CombinationTable(model, self.scenario, self.facts(load), z)

    def combinations(self, model: PlatformModel, load: Load) -> Combinations:
        """Every combination of the stages' options, of which each has one; memory at the confidence asked for."""
        return Combinations(model, self.scenario, self.facts(load), self.part_quantile("memory"))

    def part_quantile(self, part: str) -> float:
        """Quantile z of a part that has an error of its own, at the confidence asked for."""
        return part_quantile(self.inputs.seed, part, self.scenario.margin.confidence)

    def possible(
        self, model: PlatformModel, combinations: Combinations, load: Load, z: float, admitted: Admitted
    ) -> Places:
        """Combinations that no closed form rules out, where quantile ``z`` does not decide by their draws.

        Never more of the latter than may be tried: working out the draws of thousands takes longer than all else.
        """
        certain, doubtful = admitted.certain, admitted.doubtful
        room = max(0, self.tries_allowed(model) - len(certain))
        if not room or not len(doubtful):
            return certain
        if len(doubtful) > room:
            doubtful = combinations.table(z, doubtful).listed[:room]
        drawn = DrawnOptions(self.inputs.seed, model, self.scenario, self.facts(load))
        hold = [drawn.possible(combinations.choice(int(place))) >= self.draws_asked for place in doubtful]
        return np.sort(np.concatenate((certain, doubtful[hold])))

    @property
    def draws_asked(self) -> int:
        """Joint draws in which the SLO must hold."""
        return math.ceil(round(self.scenario.margin.confidence * RANKS, 6))  # 0.55 x 1000 is a little more than 550

    def quantile(self, model: PlatformModel, choice: Choice, load: Load, share: float) -> float:
        """Quantile z at which a choice is as loaded as in that share of the joint draws of what is believed."""
        return self._quantiles(model, choice, load, (share,))[0]

    def quantile_range(self, choice: Choice) -> tuple[float, float]:
        """Ends between which :meth:`quantile` at the confidence asked for lies, which are told much sooner."""
        return quantile_range(self.inputs.seed, self.scenario, choice, self.scenario.margin.confidence)

    def box_quantiles(self, model: PlatformModel, choice: Choice, load: Load) -> tuple[float, float, float]:
        """Quantiles z at which all parts together are at the P10, P50 and P90 of their load."""
        low, high = self._quantiles(model, choice, load, (0.1, 0.9))
        return min(low, MEDIAN), MEDIAN, max(high, MEDIAN)

    def _quantiles(
        self, model: PlatformModel, choice: Choice, load: Load, shares: tuple[float, ...]
    ) -> tuple[float, ...]:
        chosen = tuple((name, option.config) for name, option in sorted(choice.items()))
        return self.once(
            ("quantiles", *model.like, chosen, load.key, shares),
            lambda: equivalent_quantiles(self.inputs.seed, model, self.scenario, choice, self.facts(load), shares),
        )

    def belief(self, model: PlatformModel, setup: Setup, load: Load) -> JointBelief:
        """Joint draws of what is believed of a configuration under a load."""
        return JointBelief.of(self.inputs.seed, model, self.scenario, setup, self.facts(load))

    def duration_s(self, load: Load) -> float:
        """Simulated time [s]: the scenario's window, shorter where many cameras give enough frames sooner."""
        scenario = self.scenario
        rate = sum(camera.fps * load.counts.get(camera.group, 0) for camera in scenario.cameras)
        rate += sum(requests.rate_per_s * load.requests_factor for requests in scenario.requests)
        window_s = min(scenario.slo.window_s, MAX_SIMULATED_S)
        return window_s if rate <= 0 else max(min(window_s, MAX_FRAMES / rate), min(window_s, MIN_SIMULATED_S))

    def run(
        self,
        model: PlatformModel,
        setup: Setup,
        load: Load,
        z: float,
        *,
        longest_s: float = MAX_SIMULATED_S,
        draw: int = 0,
    ) -> SimulatedOutcome:
        """Simulate once; ``draw`` numbers independent draws of everything that is random."""
        duration_s = min(self.duration_s(load), longest_s)

        def simulated() -> SimulatedOutcome:
            self.counters.count_simulation()
            return evaluate(model, self.scenario, setup, load, z, self.inputs.seed + draw, duration_s, self.inputs.runs)

        if not self._is_own(model):
            return simulated()  # of one joint draw, whose outcome is kept (`in_draw`)
        return self.once(("run", *model.like, setup.key, load.key, z, draw, duration_s), simulated)

    def _is_own(self, model: PlatformModel) -> bool:
        """Whether it is the platform as it is believed to be, and not as it is in one draw."""
        return self._models.get(model.variant) is model

    def assess(self, model: PlatformModel, setup: Setup, load: Load) -> tuple[SimulatedOutcome, FailedCheck | None]:
        """Judge one configuration: SLO and headroom at the median, the SLO alone at the confidence asked for.

        Returns the outcome at the median and None where both hold, else an outcome that fails with the check.
        """
        if self.only_whether and self.scenario.margin.usable_share >= 1.0:
            # Without headroom what holds at the median mostly fails at the confidence, which then decides alone.
            failing, failed = self.in_draw(self.belief(model, setup, load), load, self.draws_asked - 1)
            if failing is not None and failed is not None:
                return failing, failed._replace(at_median=False)
        outcome, failed = self._at_median(model, setup, load)
        if failed is not None:
            return outcome, failed
        belief = self.belief(model, setup, load)
        failing, failed = self.in_draw(belief, load, self.draws_asked - 1)
        if failed is None:
            return outcome, None
        reason = f"at {self.scenario.margin.confidence_pct:g} % confidence {failed.reason}"
        return failing or outcome, failed._replace(reason=reason, at_median=False)

    def carries(self, model: PlatformModel, setup: Setup, load: Load) -> bool:
        """Whether :meth:`assess` finds nothing that fails; asked at the confidence first, which mostly decides."""
        belief = self.belief(model, setup, load)
        if self.in_draw(belief, load, self.draws_asked - 1)[1] is not None:
            return False
        return self._at_median(model, setup, load)[1] is None

    def _at_median(self, model: PlatformModel, setup: Setup, load: Load) -> tuple[SimulatedOutcome, FailedCheck | None]:
        """Simulate at the median: near a limit ``DRAWS`` times, each of which must meet the SLO.

        Headroom is required of the mean over the runs: it is a margin in the long run, not of a single minute.
        """
        first = self.run(model, setup, load, MEDIAN)
        failed = failed_check(self.scenario, first)
        if failed is None and not near_a_limit(self.scenario, first, self.scenario.margin.usable_share):
            return first, None
        if failed is not None and (failed.check not in HEADROOM_CHECKS or far_over(self.scenario, first)):
            return first, failed
        draws = [first]
        for draw in range(1, DRAWS):
            outcome = self.run(model, setup, load, MEDIAN, draw=draw)
            failed = failed_check(self.scenario, outcome)
            if failed is not None and failed.check not in HEADROOM_CHECKS:
                return outcome, failed
            draws.append(outcome)
        return first, failed_check(self.scenario, with_mean_utilisation(draws))

    def in_draw(self, belief: JointBelief, load: Load, rank: int) -> tuple[SimulatedOutcome | None, FailedCheck | None]:
        """Whether the SLO holds in the joint draw of this rank: near a limit in each of ``DRAWS`` runs.

        Returns the first run, or one that fails with its check; no run where a closed form rules the draw out.
        """
        ruled_out = belief.ruled_out(rank)
        if ruled_out is not None:
            return None, ruled_out
        of = belief.model
        if not self._is_own(of):
            return self._in_draw(belief, load, rank)
        # Installed memory, which boxes of one kind differ by, rules draws out and changes nothing in a run.
        key = ("draw", *of.like, belief.setup.key, load.key, int(belief.order[rank]))
        return self.once(key, lambda: self._in_draw(belief, load, rank))

    def _in_draw(self, belief: JointBelief, load: Load, rank: int) -> tuple[SimulatedOutcome, FailedCheck | None]:
        model, setup = belief.at(rank)
        first = self.run(model, setup, load, MEDIAN)
        failed = failed_slo(self.scenario, first)
        if failed is not None or not near_a_limit(self.scenario, first, 1.0):
            return first, failed
        for draw in range(1, DRAWS):
            outcome = self.run(model, setup, load, MEDIAN, draw=draw)
            failed = failed_slo(self.scenario, outcome)
            if failed is not None:
                return outcome, failed
        return first, None

    def budget_is_as_before(self, tried_before: int, tried: int) -> bool:
        """Whether a search may still try as many as one that began at ``tried_before`` and took so many."""
        most = FULL_BUDGET_PLATFORMS * self.max_tries
        return tried_before >= most or self.counters.tried + tried < most

    def tries_allowed(self, model: PlatformModel) -> int:
        """Configurations that the next platform may try: fewer once many were tried in vain, and with a device.

        Where a tight latency budget fails nearly everything, a plan over a whole catalogue would take minutes. A box
        has several models with devices, whose wide bands leave much in doubt that the first few tries decide.
        """
        if model.use is not None or model.engines is not None:
            return max(1, self.max_tries // REDUCED_BUDGET_DIVISOR)
        if self.counters.tried < FULL_BUDGET_PLATFORMS * self.max_tries:
            return self.max_tries
        return max(1, self.max_tries // REDUCED_BUDGET_DIVISOR)
