"""Simulations of the combinations that no closed form rules out, until one of them holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .belief import MEDIAN
from .combination_table import CombinationTable
from .costs import LEAST_OF_LAW
from .judgement import Deployment, Failing, Feasible, Judgement
from .last_digits import SAME, settled
from .platform_model import PlatformModel
from .setup import set_up
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


@dataclass
class Trials:
    """Simulations of one platform's combinations, least core time first, until one holds."""

    study: Study
    model: PlatformModel
    count: int
    table: CombinationTable
    """Combinations that no closed form rules out."""
    workers: tuple[int, ...]
    """Numbers of decoder threads to try."""
    tries: int = 0
    untried: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.limit = self.study.tries_allowed(self.model)
        self.untried = np.ones(len(self.table), dtype=bool)

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
        rivals = self.untried & (cores < judged.deployment.nominal_cores * (1.0 - SAME))
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
