"""Do so many boxes of a platform carry a load case, and with which configuration.

Closed-form bounds discard first (memory, shortest path, utilisation law); what they leave is simulated with growth,
least core time first: SLO and headroom must hold at the median of what is believed of the platform, the SLO alone at
the confidence asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advisor.planner.question.demand import spread
from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load

from .belief import MEDIAN
from .bounds import bound, out_of_cores
from .checks import FailedCheck
from .costs import LEAST_OF_LAW, CombinationTable, LeastCosts, frame_cores, stage_cores
from .joint import MOST_Z
from .judgement import Deployment, Failing, Feasible, Judgement
from .last_digits import SAME, less, settled
from .platform_model import PlatformModel
from .setup import Choice, decode_worker_choices, set_up
from .simulate import SimulatedOutcome, far_over
from .study import HEADROOM_CHECKS, MAX_TRIES, REDUCED_BUDGET_DIVISOR, Study

OVERLOADED = 0.97
"""Utilisation from where on whatever fails does so for want of cores: only less load could help."""
SATURATED = 0.99
"""Utilisation from where on no core was idle in a run."""
SATURATED_TRIES = MAX_TRIES // REDUCED_BUDGET_DIVISOR
"""Tries on a platform after which a saturated run stands for what is left, as where not all can be tried anyway."""
SAFELY_ABOVE = 1.001
"""Demand over that of a configuration whose simulated load was too high, above which others' load is too high too."""


def judge(study: Study, candidate: Candidate, count: int) -> Judgement:
    """Decide whether ``count`` boxes of a platform carry the case; judged once, and once for all that are alike."""
    key = ("judgement", candidate.platform.id, count, study.case.key)
    return study.once(key, lambda: _judge_alike(study, candidate, count))


def least_deployment(study: Study, candidate: Candidate, count: int) -> Deployment | None:
    """Return the configuration with least demand, without judging it; None where a stage has no option."""
    model, load = study.model(candidate), study.case.required(count)

    def least() -> Choice | None:
        table = study.table(model, load, MEDIAN)
        return None if table is None else table.choice(0)

    choice = study.once(("least choice", *model.like, load.key), least)
    if choice is None:
        return None
    return Deployment(study, model, count, set_up(model, study.scenario, choice, load))


def boxes_with_cores(study: Study, candidate: Candidate, count: int) -> int | None:
    """Fewest boxes, ``count`` or more, that have the cores at the median for some combination; None where none do.

    By bisection: the fullest of more boxes never has more to carry. Fewer boxes than that fail as :func:`judge` would
    say of each, for want of cores. Where nothing is known of any combination, ``count``.
    """
    if count > study.case.max_boxes:
        return None
    counts = range(count, study.case.max_boxes + 1)
    if not _known_models(study, candidate):
        return count
    fewest = bisect_left(counts, True, key=lambda boxes: _has_cores(study, candidate, study.case.required(boxes)))
    return counts[fewest] if fewest < len(counts) else None


def cameras_with_cores(study: Study, candidate: Candidate, at_most: int) -> int:
    """Cameras, in the shares of those that must fit, for which one box has the cores at the median; 0 to ``at_most``.

    By bisection, without simulations: more of them fail as :func:`judge` would say, for want of cores.
    """
    numbers = range(1, at_most + 1)

    def lacks(cameras: int) -> bool:
        case = study.case.with_exactly(spread(study.case.grown, cameras))
        return not _has_cores(study, candidate, case.required(1))

    return bisect_left(numbers, True, key=lacks)


def _known_models(study: Study, candidate: Candidate) -> list[PlatformModel]:
    """Models of the platform on which every stage has an option."""
    stages = study.scenario.stages
    return [model for model in study.models(candidate) if all(model.options(study.scenario, stage) for stage in stages)]


def _has_cores(study: Study, candidate: Candidate, load: Load) -> bool:
    usable = study.scenario.margin.usable_share
    # The least of each stage with the cores idle is a sum away, and mostly decides: no combination needs less.
    return any(
        (least_cores_of(study, model, load, MEDIAN) or 0.0) <= usable * model.cores * (1.0 + SAME)
        and _least_busy(study, model, load)[0] <= usable * model.cores
        for model in _known_models(study, candidate)
    )


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


def nominal_cores(deployment: Deployment) -> float:
    """Cores that a box keeps busy today at the median: what its energy is counted from."""
    return deployment.cores(deployment.nominal, MEDIAN)


@dataclass(frozen=True, eq=False)
class _Precedent:
    """A judgement on boxes that others are predicted to be like in everything."""

    judged: Judgement
    tried_before: int
    took: tuple[int, ...]
    """What it added to ``SearchCounters.judging``."""


def _judge_alike(study: Study, candidate: Candidate, count: int) -> Judgement:
    """Judge boxes as others with equal figures and memory were: boxes of one chip, but for their name and price.

    Or as another number of the same boxes, where the fullest has the same load: of like cameras, fewer than there are
    boxes, each has one. Counted as if they had been searched, too; searched where the budget of tries might
    end elsewhere by now.
    """
    models = study.models(candidate)
    memory_bytes = candidate.machine.memory_bytes
    loads = study.case.required(count).key, study.case.nominal(count).key
    # Reasons say "per box" of several.
    key = ("precedent", *(model.like for model in models), memory_bytes, count > 1, *loads, study.case.key)

    def first() -> _Precedent:
        before = study.counters.judging
        judged = _judge(study, models, count)
        took = tuple(now - then for now, then in zip(study.counters.judging, before, strict=True))
        return _Precedent(judged, before[0], took)

    judging = study.counters.judging
    precedent = study.once(key, first)
    if study.counters.judging != judging:
        return precedent.judged  # that was this very platform
    if not study.budget_is_as_before(precedent.tried_before, precedent.took[0]):
        return _judge(study, models, count)
    study.counters.count_again(precedent.took)
    return _moved(precedent.judged, models, count)


def _moved(judged: Judgement, models: Sequence[PlatformModel], count: int) -> Judgement:
    """The same judgement on so many boxes of the platform of these models."""
    model = next(model for model in models if model.like == judged.model.like)
    deployment = None if judged.deployment is None else replace(judged.deployment, model=model, count=count)
    if isinstance(judged, Failing):
        return replace(judged, model=model, count=count, deployment=deployment)
    assert deployment is not None  # what holds is configured
    return replace(judged, deployment=deployment)


def _judge(study: Study, models: Sequence[PlatformModel], count: int) -> Judgement:
    """Judge all cores together first; performance cores alone, and devices, where that fails or energy is paid."""
    whole, *others = models
    judged = _judge_placed(study, whole, count)
    for model in others:
        if isinstance(judged, Feasible) and study.scenario.money.objective == "price":
            break
        other = _judge_placed(study, model, count)
        if isinstance(other, Feasible):
            better = isinstance(judged, Failing) or _needs_less(other, judged)
        else:
            better = isinstance(judged, Failing) and _nearer(other, judged)
        judged = other if better else judged
    return judged


def _nearer(other: Failing, than: Failing) -> bool:
    """Whether what fails elsewhere comes nearer: it is known at all, or fails at the confidence asked for alone.

    A device, or engines, that lack less than the cores do is what the box would be bought for.
    """
    if than.deployment is None or other.deployment is None:
        return than.deployment is None and other.deployment is not None
    if other.model.use is not None or other.model.engines is not None:
        return other.failed.rank > than.failed.rank
    return not other.failed.at_median and than.failed.at_median


def _needs_less(judged: Feasible, than: Feasible) -> bool:
    return less(nominal_cores(judged.deployment), nominal_cores(than.deployment))


def _judge_placed(study: Study, model: PlatformModel, count: int) -> Judgement:
    scenario, load = study.scenario, study.case.required(count)
    least = _least_choice(study, model, load)
    if least is None:
        missing = next(stage for stage in scenario.stages if not model.options(scenario, stage))
        study.counters.bounded += 1
        reason = model.why_no_option(scenario, missing)
        return Failing(model, count, FailedCheck("evidence", reason, 0.0), None)
    overloaded = _overloaded(study, model, count, least)
    if overloaded is not None:
        return overloaded
    z = study.quantile(model, least, load, scenario.margin.confidence)
    table = study.table(model, load, z)
    assert table is not None  # every stage has an option
    median_cores = table.busy_under(model, scenario, study.facts(load), MEDIAN)
    workers = decode_worker_choices(model, scenario, load, z)
    study.counters.configurations += (len(table) + table.left_out) * len(workers)
    study.counters.left_out += table.left_out * len(workers)
    possible = study.possible(model, table, load, median_cores)
    failed = bound(
        model, scenario, table, load, median_cores,
        count=count, possible=possible, decode_z=study.part_quantile("decode"),
    )  # fmt: skip
    if failed is not None:
        study.counters.bounded += 1
        # What takes least of the cores puts everything on a device, which may be far too slow for it.
        device = table.device_load
        busy = median_cores if device is None else np.maximum(median_cores / model.cores, device)
        setup = set_up(model, scenario, table.choice(int(np.argmin(settled(busy)))), load)
        return Failing(model, count, failed, Deployment(study, model, count, setup))
    study.counters.judged_by_simulation += 1
    trials = _Trials(study, model, count, table, possible, workers)
    judged = trials.first()
    if isinstance(judged, Feasible) and scenario.money.objective == "tco":
        return trials.cheaper_to_run(judged)
    return judged


def _overloaded(study: Study, model: PlatformModel, count: int, least: Choice) -> Failing | None:
    """Judge boxes that have too few cores at the median for any combination, which most platforms fail on."""
    scenario, load = study.scenario, study.case.required(count)
    median_cores, choice = _least_busy(study, model, load)
    if median_cores <= scenario.margin.usable_share * model.cores:
        return None
    costs = LeastCosts(model, scenario, study.facts(load))
    z = MEDIAN
    if costs.path_s(MOST_Z) * 1000.0 > scenario.slo.latency_p95_ms:  # then the quantile of the box may decide
        z = study.quantile(model, least, load, scenario.margin.confidence)
    failed = out_of_cores(
        model, scenario, load, median_cores, (costs.path_s(z), costs.path_s(MEDIAN)),
        count=count, decode_z=study.part_quantile("decode"),
    )  # fmt: skip
    assert failed is not None  # there are too few cores
    workers = len(decode_worker_choices(model, scenario, load, z))
    study.counters.configurations += costs.combinations * workers
    study.counters.left_out += costs.left_out * workers
    study.counters.bounded += 1
    setup = set_up(model, scenario, choice, load)
    return Failing(model, count, failed, Deployment(study, model, count, setup))


def _least_busy(study: Study, model: PlatformModel, load: Load) -> tuple[float, Choice]:
    """Least of the cores that a combination keeps busy at the median, and which: known once per load."""

    def least() -> tuple[float, Choice]:
        return LeastCosts(model, study.scenario, study.facts(load)).busiest()

    return study.once(("least busy", *model.like, load.key), least)


def _least_choice(study: Study, model: PlatformModel, load: Load) -> Choice | None:
    """Option of each stage with the least core time at the median; None where a stage has none."""
    facts, choice = study.facts(load), {}
    for stage in study.scenario.stages:
        options = model.least_options(study.scenario, stage, MEDIAN)
        if not options:
            return None
        stage_load = facts.stages[stage.id]
        choice[stage.id] = min(options, key=lambda option: settled(stage_cores(option, stage_load, MEDIAN)))
    return choice


@dataclass
class _Trials:
    """Simulations of one platform's combinations, least core time first, until one holds."""

    study: Study
    model: PlatformModel
    count: int
    table: CombinationTable
    untried: NDArray[np.bool_]
    """Combinations that no closed form rules out and that were not tried yet."""
    workers: tuple[int, ...]
    """Numbers of decoder threads to try."""
    tries: int = 0

    def __post_init__(self) -> None:
        self.limit = self.study.tries_allowed(self.model)

    def first(self) -> Judgement:
        """Return the first combination that holds, or the one that came nearest."""
        nearest: Failing | None = None
        steps = 0
        while self.untried.any():
            if self.tries >= self.limit:
                self._leave_out(self.untried)
                break
            index = _next(self.table, self.untried, nearest, steps)
            steps += 1
            judged = self._try(index)
            if isinstance(judged, Feasible):
                return judged
            if nearest is None or judged.failed.rank > nearest.failed.rank:
                nearest = judged
        assert nearest is not None  # the bounds left at least one combination
        return nearest

    def cheaper_to_run(self, judged: Feasible) -> Feasible:
        """Return the combination that holds with the least core time today, which is the least energy.

        Core time at the median today decides the bill; whether a combination holds is judged with growth, so the first
        that holds need not be the cheapest to run.
        """
        facts = self.study.facts(self.study.case.nominal(self.count))
        cores = self.table.cores_under(self.model, self.study.scenario, facts, MEDIAN)
        # What was tried and failed is no longer among the untried; what costs less and was not tried still is.
        rivals = self.untried & (cores < nominal_cores(judged.deployment) * (1.0 - SAME))
        self.limit = self.tries + self.study.tries_allowed(self.model)
        for index in np.flatnonzero(rivals)[np.argsort(settled(cores[rivals]), kind="stable")]:
            if not self.untried[index]:
                continue
            if self.tries >= self.limit:
                self._leave_out(self.untried & rivals)
                break
            rival = self._try(int(index))
            if isinstance(rival, Feasible):
                return rival
        return judged

    def _try(self, index: int) -> Judgement:
        """Simulate one combination, with one number of decoder threads after another."""
        scenario, load = self.study.scenario, self.study.case.required(self.count)
        choice = self.table.choice(index)
        nearest: tuple[Failing, SimulatedOutcome] | None = None
        for workers in self.workers:
            setup = set_up(self.model, scenario, choice, load, workers)
            deployment = Deployment(self.study, self.model, self.count, setup)
            outcome, failed = self.study.assess(self.model, setup, load)
            self.tries += 1
            self.study.counters.tried += 1
            if failed is None:
                return Feasible(deployment, outcome)
            if nearest is None or failed.rank > nearest[0].failed.rank:
                nearest = Failing(self.model, self.count, failed, deployment), outcome
            if failed.check == "cpu" and failed.at_median and far_over(scenario, outcome):
                break  # fewer decoder threads take as much core time
        assert nearest is not None  # there is at least one number of threads
        self.untried[index] = False
        judged, outcome = nearest
        enough = self.tries >= SATURATED_TRIES and _is_saturated(self.model, float(self.table.demand[index]), outcome)
        if enough or self.tries + int(self.untried.sum()) * len(self.workers) > self.limit:
            self.untried &= ~_fails_likewise(self.table, index, judged.failed.check, outcome)
        return judged

    def _leave_out(self, which: np.ndarray) -> None:
        self.study.counters.left_out += int(which.sum()) * len(self.workers)


def _next(table: CombinationTable, untried: np.ndarray, nearest: Failing | None, steps: int) -> int:
    """Least demand first; where latency or queues failed before, every second try is the fastest path that is left."""
    left = np.flatnonzero(untried)
    slow = nearest is not None and nearest.failed.check not in HEADROOM_CHECKS
    if slow and steps % 2 == 1:
        return int(left[np.argmin(settled(table.path_s[left]))])
    return int(left[0])


def _is_saturated(model: PlatformModel, demand: float, outcome: SimulatedOutcome) -> bool:
    """Whether a run kept all cores busy, and as the utilisation law has it.

    The frames that were done need as many cores by the law as there are: a machine that its own load slows down so
    much that it never recovers is another matter. ``demand``: cores that all frames keep busy at least.
    """
    return outcome.cpu >= SATURATED and demand >= LEAST_OF_LAW * outcome.done_share * model.cores


def _fails_likewise(table: CombinationTable, index: int, check: str, outcome: SimulatedOutcome) -> np.ndarray:
    """Combinations that are expected to fail as ``index`` did.

    No certainty where the draw of a short run or a burst decides, so it is used only where not all can be tried anyway,
    and after several tries where a run left no core idle.
    """
    if check == "device" and table.device_load is not None:
        return np.asarray(table.device_load >= table.device_load[index] * SAFELY_ABOVE)
    if check == "memory_bandwidth":
        return np.asarray(table.traffic >= table.traffic[index] * SAFELY_ABOVE)
    if check == "cpu" or outcome.cpu > OVERLOADED:
        return np.asarray(table.likely >= table.likely[index] * SAFELY_ABOVE)
    if outcome.result.dropped > 0 and not any(stage.drops for stage in outcome.result.stages):
        # Frames were lost before decode, so no stage is to blame: only less load on the cores could help.
        return np.asarray(table.demand >= table.demand[index] / SAFELY_ABOVE)
    return table.no_faster_than(index)
