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
from .combinations import Combinations
from .costs import Places, frame_cores, stage_cores
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
        facts = self.study.facts(self.load)

        def least(stage: Stage) -> StageOption:
            options, load = self.model.least_options(self.scenario, stage, MEDIAN), facts.stages[stage.id]
            return min(options, key=lambda option: settled(stage_cores(option, load, MEDIAN)))

        choice = {stage.id: least(stage) for stage in self.scenario.stages}
        return self.study.quantile(self.model, choice, self.load, self.scenario.margin.confidence)

    def judged(self) -> Judgement | None:
        """Judge by the closed forms, by simulations where they leave a combination; None: no nearer than before."""
        overloaded = self._overloaded()
        if overloaded is not None:
            return self._failing(overloaded, lambda: least_busy(self.study, self.model, self.load)[1])
        study, model, scenario = self.study, self.model, self.scenario
        combinations = study.combinations(model, self.load)
        left = lasting(model, scenario, combinations)
        z = self.z if len(left) or self._may_be_late(combinations) else None
        workers = self._workers(z)
        study.counters.configurations += (len(combinations) + combinations.left_out) * len(workers)
        study.counters.left_out += combinations.left_out * len(workers)
        failed, possible = self._bounded(combinations, left, MEDIAN if z is None else z)
        if failed is not None:
            return self._failing(failed, lambda: self._least_full(combinations))
        study.counters.judged_by_simulation += 1
        trials = Trials(study, model, self.count, combinations.table(self.z, possible), workers)
        judged = trials.first()
        if isinstance(judged, Feasible) and scenario.money.objective == "tco":
            return trials.cheaper_to_run(judged)
        return judged

    def _overloaded(self) -> FailedCheck | None:
        """What boxes fail that have too few cores at the median for any combination, as most platforms do."""
        study, model, scenario = self.study, self.model, self.scenario
        median_cores, _ = least_busy(study, model, self.load)
        if median_cores <= scenario.margin.usable_share * model.cores:
            return None
        costs = LeastCosts(model, scenario, study.facts(self.load))
        z = MEDIAN
        if costs.path_s(MOST_Z) * 1000.0 > scenario.slo.latency_p95_ms:  # then the quantile of the box may decide
            z = self.z
        failed = out_of_cores(
            model, scenario, self.load, median_cores, (costs.path_s(z), costs.path_s(MEDIAN)),
            count=self.count, decode_z=study.part_quantile("decode"),
        )  # fmt: skip
        assert failed is not None  # there are too few cores
        workers = len(decode_worker_choices(model, scenario, self.load, z))
        study.counters.configurations += costs.combinations * workers
        study.counters.left_out += costs.left_out * workers
        return failed

    def _may_be_late(self, combinations: Combinations) -> bool:
        return combinations.least_path_s(MOST_Z) * 1000.0 > self.scenario.slo.latency_p95_ms  # else z does not matter

    def _workers(self, z: float | None) -> tuple[int, ...]:
        """Numbers of decoder threads to try; of an unknown quantile, where all quantiles there are agree on them."""
        if z is None:
            least, most = (
                decode_worker_choices(self.model, self.scenario, self.load, end) for end in (-MOST_Z, MOST_Z)
            )
            if least == most:
                return most
        return decode_worker_choices(self.model, self.scenario, self.load, self.z)

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
        least_cores, _ = least_busy(study, model, self.load)
        failed = bound(
            model, scenario, combinations, z, count=self.count, least_cores=least_cores, holds_at_median=holds_at_median
        )
        return failed, possible

    def _failing(self, failed: FailedCheck, choice: Callable[[], Choice]) -> Failing | None:
        """What fails by a closed form, with its configuration; None where it comes no nearer than what is known."""
        self.study.counters.bounded += 1
        than = self.than
        if than is not None and (isinstance(than, Feasible) or not nearer(self.model, failed, than)):
            return None
        setup = set_up(self.model, self.scenario, choice(), self.load)
        return Failing(self.model, self.count, failed, Deployment(self.study, self.model, self.count, setup))

    def _least_full(self, combinations: Combinations) -> Choice:
        """Of what takes least of the cores and the device: the cores alone would put all on a far too slow device."""
        places = combinations.least_full()
        if len(places) > 1:
            places = combinations.table(self.z, places).listed
        return combinations.choice(int(places[0]))
