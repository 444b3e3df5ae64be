"""Which platform, and how many boxes of it, carries the case at the least cost: best first, with closed-form bounds."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load
from advisor.planner.question.money import active_fraction, total_cost
from advisor.records.base import Interval
from advisor.records.plan import Tco

from .belief import MEDIAN
from .costs import frame_cores, stage_cores
from .judgement import Deployment, Feasible
from .search import judge
from .space import PlatformModel
from .study import Study


@dataclass(frozen=True)
class Solution:
    """Boxes that carry the case, with their cost in the scenario's objective."""

    judged: Feasible
    cost: float

    @property
    def deployment(self) -> Deployment:
        """The boxes as they were judged."""
        return self.judged.deployment

    @property
    def candidate(self) -> Candidate:
        """The platform as a candidate."""
        return self.judged.model.candidate


@dataclass(frozen=True)
class _Boxes:
    """A platform and a number of boxes, not yet judged."""

    candidate: Candidate
    count: int


def least_cores(study: Study, candidate: Candidate, load: Load, z: float) -> float | None:
    """Cores that the load keeps busy with the least option of each stage; None where a stage has none."""
    demands = [_least_cores(study, model, load, z) for model in study.models(candidate)]
    return min((cores for cores in demands if cores is not None), default=None)


def _least_cores(study: Study, model: PlatformModel, load: Load, z: float) -> float | None:
    """Computed once per load: ranking, rejected platforms and the Pareto front all need it."""
    key = ("least cores", model.id, model.placement, z, load.key)
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


def boxes_needed(study: Study, candidate: Candidate) -> int | None:
    """Fewest boxes by the utilisation law at the median; None when ``candidates.max_boxes`` do not do, or no option."""
    usable = study.scenario.margin.usable_share
    for count in range(1, study.case.max_boxes + 1):
        load = study.case.required(count)
        demands = [(model, _least_cores(study, model, load, MEDIAN)) for model in study.models(candidate)]
        if all(demand is None for _, demand in demands):
            return None
        if any(demand is not None and demand <= usable * model.cores for model, demand in demands):
            return count
    return None


def max_free_share(study: Study, candidate: Candidate, count: int) -> float:
    """Largest share of the cores that can stay free in the fullest of ``count`` boxes, by the utilisation law.

    At the median. On a chip with two kinds of cores each placement is measured by its own cores.
    """
    load = study.case.required(count)
    demands = [(model, _least_cores(study, model, load, MEDIAN)) for model in study.models(candidate)]
    return max((1.0 - demand / model.cores for model, demand in demands if demand is not None), default=-math.inf)


def affordable(study: Study, candidates: Sequence[Candidate], ceiling: float) -> list[Candidate]:
    """Return those of which one box alone, without its energy, costs less than ``ceiling``."""
    if math.isinf(ceiling):
        return list(candidates)
    priced = [(candidate, study.price(candidate, 1).value) for candidate in candidates]
    return [candidate for candidate, value in priced if value is not None and value < ceiling]


def running_tco(study: Study, candidate: Candidate, count: int, cores: Interval) -> Tco:
    """TCO of ``count`` boxes and the spare one, each with so many cores busy while its cameras are active."""
    predictor = study.inputs.predictor
    model = study.model(candidate)

    def watts(busy: float) -> Interval:
        return predictor.power_w(candidate.machine, min(1.0, busy / model.cores))

    low, middle, high = watts(cores.p10), watts(cores.p50), watts(cores.p90)
    active_w = Interval(p10=min(low.p10, middle.p50), p50=middle.p50, p90=max(high.p90, middle.p50))
    idle_w = predictor.power_w(candidate.machine, 0.0)
    boxes = count + study.case.spare_boxes
    scenario = study.scenario
    return total_cost(study.price(candidate, count), boxes, scenario.money, active_w, idle_w, active_fraction(scenario))


def deployment_tco(deployment: Deployment) -> Tco:
    """TCO of boxes with the cores that their configuration keeps busy in the fullest box today."""
    low, middle, high = (deployment.cores(deployment.nominal, z) for z in deployment.quantiles(deployment.nominal))
    cores = Interval(p10=low, p50=middle, p90=high)
    return running_tco(deployment.study, deployment.candidate, deployment.count, cores)


def least_cost(study: Study, candidate: Candidate, count: int) -> float:
    """Cost that no configuration on ``count`` boxes can undercut; infinite where the price is unknown."""
    price = study.price(candidate, count).value
    if price is None:
        return math.inf
    if study.scenario.money.objective == "price":
        return price
    cores = least_cores(study, candidate, study.case.nominal(count), MEDIAN)
    if cores is None:
        return price
    tco = running_tco(study, candidate, count, Interval(p10=cores, p50=cores, p90=cores))
    assert tco.value is not None  # the price is known
    return tco.value


def deployment_cost(deployment: Deployment) -> float:
    """Cost of configured boxes in the scenario's objective; infinite where the price is unknown."""
    if deployment.scenario.money.objective == "price":
        value = deployment.study.price(deployment.candidate, deployment.count).value
    else:
        value = deployment_tco(deployment).value
    return math.inf if value is None else value


def solutions(
    study: Study, candidates: Sequence[Candidate], *, floor: float = 0.0, ceiling: float = math.inf
) -> Iterator[Solution]:
    """Yield one solution per platform that carries the case, in the order of cost.

    Parameters
    ----------
    floor, ceiling : float
        Boxes that cost less than ``floor`` are known not to suffice (for an easier case); only solutions below
        ``ceiling`` are wanted.
    """
    order = itertools.count()
    queue: list[tuple[float, int, _Boxes | Solution]] = []

    def enqueue(candidate: Candidate, count: int) -> None:
        while count <= study.case.max_boxes:
            bound = least_cost(study, candidate, count)
            if math.isinf(bound) or bound >= ceiling:
                return
            if bound >= floor:
                heapq.heappush(queue, (bound, next(order), _Boxes(candidate, count)))
                return
            count += 1

    for candidate in affordable(study, candidates, ceiling):
        needed = boxes_needed(study, candidate)
        if needed is not None:
            enqueue(candidate, needed)
    solved: set[str] = set()
    while queue:
        _, _, entry = heapq.heappop(queue)
        if isinstance(entry, Solution):
            if entry.candidate.platform.id not in solved:
                solved.add(entry.candidate.platform.id)
                yield entry
            continue
        if entry.candidate.platform.id in solved:
            continue
        judged = judge(study, entry.candidate, entry.count)
        if isinstance(judged, Feasible):
            # With TCO the configuration that holds may cost more than the bound: back into the queue at its own cost.
            solution = Solution(judged, deployment_cost(judged.deployment))
            if solution.cost < ceiling:
                heapq.heappush(queue, (solution.cost, next(order), solution))
            if study.scenario.money.objective == "tco":
                # One box more may run a cheaper configuration that the fuller boxes had no room for.
                enqueue(entry.candidate, entry.count + 1)
        elif judged.failed.check != "evidence":
            enqueue(entry.candidate, entry.count + 1)


def cheapest(
    study: Study, candidates: Sequence[Candidate], *, floor: float = 0.0, ceiling: float = math.inf
) -> Solution | None:
    """Return the cheapest solution; None where nothing carries the case below ``ceiling``."""
    return next(solutions(study, candidates, floor=floor, ceiling=ceiling), None)
