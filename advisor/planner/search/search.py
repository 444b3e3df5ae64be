"""Do so many boxes of a platform carry a load case, and with which configuration.

Closed-form bounds discard first (memory, shortest path, utilisation law); what they leave is simulated on the
pessimistic side of the interval, with growth and headroom, least core time first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from advisor.planner.question.inputs import Candidate

from .belief import MEDIAN, PESSIMISTIC
from .bounds import admissible, bound
from .checks import FailedCheck
from .costs import CombinationTable
from .judgement import Deployment, Failing, Feasible, Judgement
from .setup import decode_worker_choices, set_up
from .simulate import SimulatedOutcome, far_over
from .space import PlatformModel
from .study import HEADROOM_CHECKS, Study

SAFELY_ABOVE = 1.001
"""Demand over that of a configuration whose simulated load was too high, above which others' load is too high too."""


def judge(study: Study, candidate: Candidate, count: int, z: float = PESSIMISTIC) -> Judgement:
    """Decide whether ``count`` boxes of a platform carry the case at quantile ``z``, with headroom; judged once."""
    key = ("judgement", candidate.platform.id, count, study.case.key, z)
    return study.once(key, lambda: _judge(study, candidate, count, z))


def least_deployment(study: Study, candidate: Candidate, count: int) -> Deployment | None:
    """Return the configuration with least demand, without judging it; None where a stage has no option."""
    model, load = study.model(candidate), study.case.required(count)
    table = study.table(model, load, PESSIMISTIC)
    if table is None:
        return None
    return Deployment(study, model, count, set_up(model, study.scenario, table.choice(0), load))


def nominal_cores(deployment: Deployment) -> float:
    """Cores that a box keeps busy today at the median: what its energy is counted from."""
    return deployment.cores(deployment.nominal, MEDIAN)


def _judge(study: Study, candidate: Candidate, count: int, z: float) -> Judgement:
    """Judge all cores together first; the performance cores alone where that fails, or where energy is paid."""
    whole, *others = study.models(candidate)
    judged = _judge_placed(study, whole, count, z)
    for model in others:
        if isinstance(judged, Feasible) and study.scenario.money.objective == "price":
            break
        other = _judge_placed(study, model, count, z)
        if isinstance(other, Feasible) and (isinstance(judged, Failing) or _needs_less(other, judged)):
            judged = other
    return judged


def _needs_less(judged: Feasible, than: Feasible) -> bool:
    return nominal_cores(judged.deployment) < nominal_cores(than.deployment)


def _judge_placed(study: Study, model: PlatformModel, count: int, z: float) -> Judgement:
    scenario, load = study.scenario, study.case.required(count)
    table = study.table(model, load, z)
    if table is None:
        missing = next(stage.id for stage in scenario.stages if not model.options(scenario, stage))
        study.counters.bounded += 1
        reason = (
            f"cannot tell: no evidence of how stage {missing} runs on it at the permitted precisions; "
            "`sizer bench` on one would settle that"
        )
        return Failing(model, count, FailedCheck("evidence", reason, 0.0), None)
    workers = decode_worker_choices(model, scenario, load, z)
    study.counters.configurations += len(table) * len(workers)
    failed = bound(model, scenario, table, load, z, count)
    if failed is not None:
        study.counters.bounded += 1
        least = set_up(model, scenario, table.choice(int(np.argmin(table.demand))), load)
        return Failing(model, count, failed, Deployment(study, model, count, least))
    study.counters.judged_by_simulation += 1
    trials = _Trials(study, model, count, z, table, workers)
    judged = trials.first()
    if isinstance(judged, Feasible) and scenario.money.objective == "tco":
        return trials.cheaper_to_run(judged)
    return judged


@dataclass
class _Trials:
    """Simulations of one platform's combinations, least core time first, until one holds."""

    study: Study
    model: PlatformModel
    count: int
    z: float
    table: CombinationTable
    workers: tuple[int, ...]
    """Numbers of decoder threads to try."""
    tries: int = 0

    def __post_init__(self) -> None:
        self.limit = self.study.tries_allowed()
        self.untried = admissible(self.model, self.study.scenario, self.table)

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
            if nearest is None or judged.failed.closeness > nearest.failed.closeness:
                nearest = judged
        assert nearest is not None  # the bounds left at least one combination
        return nearest

    def cheaper_to_run(self, judged: Feasible) -> Feasible:
        """Return the combination that holds with the least core time today, which is the least energy.

        Core time at the median today decides the bill; whether a combination holds is judged with growth on the
        pessimistic side, so the first that holds need not be the cheapest to run.
        """
        facts = self.study.facts(self.study.case.nominal(self.count))
        cores = self.table.cores_under(self.model, self.study.scenario, facts, MEDIAN)
        # What was tried and failed is no longer among the untried; what costs less and was not tried still is.
        rivals = self.untried & (cores < nominal_cores(judged.deployment) - 1e-12)
        self.limit = self.tries + self.study.tries_allowed()
        for index in np.flatnonzero(rivals)[np.argsort(cores[rivals], kind="stable")]:
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
            outcome, failed = self.study.assess(self.model, setup, load, self.z)
            self.tries += 1
            self.study.counters.tried += 1
            if failed is None:
                return Feasible(deployment, outcome)
            if nearest is None or failed.closeness > nearest[0].failed.closeness:
                nearest = Failing(self.model, self.count, failed, deployment), outcome
            if failed.check == "cpu" and far_over(scenario, outcome):
                break  # fewer decoder threads take as much core time
        assert nearest is not None  # there is at least one number of threads
        self.untried[index] = False
        if self.tries + int(self.untried.sum()) * len(self.workers) > self.limit:
            judged, outcome = nearest
            self.untried &= ~_fails_likewise(self.table, index, judged.failed.check, outcome)
        return nearest[0]

    def _leave_out(self, which: np.ndarray) -> None:
        self.study.counters.left_out += int(which.sum()) * len(self.workers)


def _next(table: CombinationTable, untried: np.ndarray, nearest: Failing | None, steps: int) -> int:
    """Least demand first; where latency or queues failed before, every second try is the fastest path that is left."""
    left = np.flatnonzero(untried)
    slow = nearest is not None and nearest.failed.check not in HEADROOM_CHECKS
    if slow and steps % 2 == 1:
        return int(left[np.argmin(table.path_s[left])])
    return int(left[0])


def _fails_likewise(table: CombinationTable, index: int, check: str, outcome: SimulatedOutcome) -> np.ndarray:
    """Combinations that are expected to fail as ``index`` did.

    No certainty where the draw of a short run or a burst decides, so it is used only where not all can be tried anyway.
    """
    if check in HEADROOM_CHECKS:
        burden = table.likely if check == "cpu" else table.traffic
        return np.asarray(burden >= burden[index] * SAFELY_ABOVE)
    if outcome.result.dropped > 0 and not any(stage.drops for stage in outcome.result.stages):
        # Frames were lost before decode, so no stage is to blame: only less load on the cores could help.
        return np.asarray(table.demand >= table.demand[index] / SAFELY_ABOVE)
    return table.no_faster_than(index)
