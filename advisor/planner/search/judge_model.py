"""Do so many boxes of a platform, seen as one of its models, carry a load: bounds first, then simulations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from advisor.planner.question.load_case import Load
from advisor.records.scenario import Scenario, Stage

from .belief import MEDIAN
from .bounds import admitted, bound, lasting, out_of_cores, slow_decode
from .checks import FailedCheck
from .combination_sums import Places, listed_options
from .combinations import SAFELY_MORE, Combinations
from .costs import busy_choice_cores, frame_cores, stage_cores
from .joint import MOST_Z
from .judgement import Deployment, Failing, Feasible, Judgement
from .last_digits import settled
from .least_costs import LeastCosts
from .platform_model import PlatformModel
from .setup import Choice, decode_worker_choices, set_up
from .stage_option import StageOption
from .study import Study
from .trials import Trials


def least_cores_of(study: Study, model: PlatformModel, load: Load, z: float) -> float | None:
    """Cores that the load keeps busy with the least option of each stage, the others idle; None where a stage has none.

    Computed once per load: ranking, rejected platforms and the Pareto front all need it.
    """
    key = ("least cores", *model.like, z, load.key)
    return study.once(key, lambda: _sum_of_least(study, model, load, z))


def _sum_of_least(study: Study, model: PlatformModel, load: Load, z: float) -> float | None:
    facts = study.facts(load)
    total = frame_cores(model, study.scenario, facts, z)
    for stage in study.scenario.stages:
        options = model.least_options(study.scenario, stage, z)
        if not options:
            return None
        total += min(stage_cores(option, facts.stages[stage.id], z) for option in options)
    return total


def least_busy(study: Study, model: PlatformModel, load: Load) -> tuple[float, Choice]:
    """Least of the cores that a combination keeps busy at the median, and which: known once per load."""

    def least() -> tuple[float, Choice]:
        return LeastCosts(model, study.scenario, study.facts(load)).busiest()

    return study.once(("least busy", *model.like, load.key), least)


def has_cores(study: Study, model: PlatformModel, load: Load) -> bool:
    """Whether a combination has the cores at the median, as :func:`least_busy` would say; of a model with options."""
    usable = study.scenario.margin.usable_share * model.cores
    # A sum over the stages, or one combination, mostly decides: only what is as close as last digits is left to all.
    if (least_cores_of(study, model, load, MEDIAN) or 0.0) > usable * SAFELY_MORE:
        return False
    choice, facts = least_choice(study, model, load), study.facts(load)
    listed, _ = listed_options(model, study.scenario, facts)
    if all(any(option is one for one in kept) for option, kept in zip(choice.values(), listed, strict=True)):
        one = busy_choice_cores(model, study.scenario, choice, facts, MEDIAN)
        if one * SAFELY_MORE <= usable:
            return True
    return least_busy(study, model, load)[0] <= usable


def least_choice(study: Study, model: PlatformModel, load: Load) -> Choice:
    """Option of each stage with the least core time at the median, the others idle."""
    facts = study.facts(load)

    def least(stage: Stage) -> StageOption:
        options, own = model.least_options(study.scenario, stage, MEDIAN), facts.stages[stage.id]
        return min(options, key=lambda option: settled(stage_cores(option, own, MEDIAN)))

    return {stage.id: least(stage) for stage in study.scenario.stages}


def nearer(model: PlatformModel, failed: FailedCheck, than: Failing) -> bool:
    """Whether what fails as a configured ``model`` comes nearer: it is known at all, or fails at the confidence alone.

    A device, or engines, that lack less than the cores do is what the box would be bought for.
    """
    if than.deployment is None:
        return True
    if model.use is not None or model.engines is not None:
        return failed.rank > than.failed.rank
    return not failed.at_median and than.failed.at_median


def judge_model(study: Study, model: PlatformModel, count: int, than: Judgement | None = None) -> Judgement | None:
    """Judge ``count`` boxes as one model of their platform.

    ``than``: what another model of it was judged to be. None: this one fails and comes no nearer than that.
    """
    scenario = study.scenario
    if not model.has_options(scenario):
        study.counters.bounded += 1
        if than is not None:
            return None
        missing = next(stage for stage in scenario.stages if not model.options(scenario, stage))
        return Failing(model, count, FailedCheck("evidence", model.why_no_option(scenario, missing), 0.0), None)
    return _Boxes(study, model, count, than).judged()


@dataclass
class _Boxes:
    """Boxes as one model of their platform, of whose stages each has an option."""

    study: Study
    model: PlatformModel
    count: int
    than: Judgement | None

    @property
    def scenario(self) -> Scenario:
        """Scenario of the study."""
        return self.study.scenario

    @cached_property
    def load(self) -> Load:
        """What the fullest box carries, with growth."""
        return self.study.case.required(self.count)

    @cached_property
    def z(self) -> float:
        """Quantile at which all parts together are as loaded as at the confidence asked for; takes long to tell."""
        return self.study.quantile(self.model, self.least_choice, self.load, self.scenario.margin.confidence)

    @cached_property
    def least_choice(self) -> Choice:
        """Option of each stage with the least core time: of which the quantiles are taken."""
        return least_choice(self.study, self.model, self.load)

    @cached_property
    def z_range(self) -> tuple[float, float]:
        """Between which :attr:`z` lies: told much sooner."""
        return self.study.quantile_range(self.least_choice)

    def _is_late(self, least_path_s: float) -> bool:
        return least_path_s * 1000.0 > self.scenario.slo.latency_p95_ms

    def judged(self) -> Judgement | None:
        """Judge by the closed forms, by simulations where they leave a combination; None: no nearer than before."""
        overloaded = self._overloaded()
        if overloaded is not None:
            return self._failing(overloaded, lambda: least_busy(self.study, self.model, self.load)[1])
        study, model, scenario = self.study, self.model, self.scenario
        combinations = study.combinations(model, self.load)
        left = lasting(model, scenario, combinations)
        z = self.z if len(left) or self._is_late(combinations.least_path_s(self.z_range[1])) else None
        self._count(len(combinations), combinations.left_out, z)
        failed, possible = self._bounded(combinations, left, MEDIAN if z is None else z)
        if failed is not None:
            return self._failing(failed, lambda: self._least_full(combinations))
        study.counters.judged_by_simulation += 1
        trials = Trials(study, model, self.count, combinations.table(self.z, possible), self._workers(self.z))
        judged = trials.first()
        if isinstance(judged, Feasible) and scenario.money.objective == "tco":
            return trials.cheaper_to_run(judged)
        return judged

    def _overloaded(self) -> FailedCheck | None:
        """What boxes fail that have too few cores at the median for any combination, as most platforms do."""
        study, model, scenario = self.study, self.model, self.scenario
        if has_cores(study, model, self.load):
            return None
        costs = LeastCosts(model, scenario, study.facts(self.load))
        z: float | None = MEDIAN
        if self._is_late(costs.path_s(MOST_Z)):  # then the quantile of the box may decide
            z = self.z if self._is_late(costs.path_s(self.z_range[1])) else None
        # Where a bound tells already that this comes no nearer than what is known, the figure itself matters no more.
        at_least = least_cores_of(study, model, self.load, MEDIAN) or 0.0
        enough = at_least > scenario.margin.usable_share * model.cores and not self._is_shown(self._short_of(at_least))
        median_cores = at_least if enough else least_busy(study, model, self.load)[0]
        shortest_s = costs.path_s(MEDIAN if z is None else z), costs.path_s(MEDIAN)
        failed = out_of_cores(
            model, scenario, self.load, median_cores, shortest_s,
            count=self.count, decode_z=study.part_quantile("decode"),
        )  # fmt: skip
        assert failed is not None  # there are too few cores
        self._count(costs.combinations - costs.left_out, costs.left_out, z)
        return failed

    def _workers(self, z: float) -> tuple[int, ...]:
        """Numbers of decoder threads to try."""
        return decode_worker_choices(self.model, self.scenario, self.load, z)

    def _count(self, listed: int, left_out: int, z: float | None) -> None:
        """Count configurations, with each number of decoder threads; of an unknown quantile the ends mostly agree."""
        if z is None:
            least, most = (len(self._workers(end)) for end in self.z_range)
            workers = most if least == most else len(self._workers(self.z))
        else:
            workers = len(self._workers(z))
        self.study.counters.configurations += (listed + left_out) * workers
        self.study.counters.left_out += left_out * workers

    def _bounded(self, combinations: Combinations, left: Places, z: float) -> tuple[FailedCheck | None, Places]:
        """Closed-form reason why none of the combinations can hold, or None; and which of them may.

        ``left``: of :func:`lasting`; ``z``: the quantile of the box, if it matters.
        """
        study, model, scenario = self.study, self.model, self.scenario
        possible, holds_at_median = left, False
        if len(left):
            found = admitted(model, scenario, combinations, left, z)
            possible, holds_at_median = study.possible(model, combinations, self.load, z, found), found.any_at_median
        failed = slow_decode(model, scenario, self.load, study.part_quantile("decode"))
        if len(possible):
            return failed, possible
        if failed is not None:
            return failed._replace(at_median=failed.at_median or not holds_at_median), possible
        return bound(model, scenario, combinations, z, count=self.count, holds_at_median=holds_at_median), possible

    def _short_of(self, median_cores: float) -> FailedCheck:
        """What boxes fail that have too few cores at the median, were it nothing else."""
        usable = self.scenario.margin.usable_share * self.model.cores
        return FailedCheck("cpu", "", usable / median_cores * SAFELY_MORE)

    def _is_shown(self, failed: FailedCheck) -> bool:
        """Whether what fails comes nearer than what is known."""
        than = self.than
        return than is None or (isinstance(than, Failing) and nearer(self.model, failed, than))

    def _failing(self, failed: FailedCheck, choice: Callable[[], Choice]) -> Failing | None:
        """What fails by a closed form, with its configuration; None where it comes no nearer than what is known."""
        self.study.counters.bounded += 1
        if not self._is_shown(failed):
            return None
        setup = set_up(self.model, self.scenario, choice(), self.load)
        return Failing(self.model, self.count, failed, Deployment(self.study, self.model, self.count, setup))

    def _least_full(self, combinations: Combinations) -> Choice:
        """Of what takes least of the cores and the device: the cores alone would put all on a far too slow device."""
        places = combinations.least_full()
        if len(places) > 1:
            places = combinations.table(self.z, places).listed
        return combinations.choice(int(places[0]))
