"""Which platform, and how many boxes of it, carries the case at the least cost: best first, with closed-form bounds."""

from __future__ import annotations

import heapq
import itertools
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load
from advisor.planner.question.money import active_fraction, total_cost
from advisor.records.base import Interval
from advisor.records.plan import Tco

from .belief import MEDIAN
from .judge_model import least_cores_of
from .judgement import Deployment, Feasible
from .search import boxes_with_cores, judge
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


@dataclass(frozen=True)
class _Unsized:
    """A platform of which it is not known yet how many boxes it takes."""

    candidate: Candidate


TOGETHER = 32
"""Platforms whose estimates are requested at once when the first of them is needed."""


def least_cores(study: Study, candidate: Candidate, load: Load, z: float) -> float | None:
    """Cores that the load keeps busy with the least option of each stage; None where a stage has none."""
    demands = [least_cores_of(study, model, load, z) for model in study.models(candidate)]
    return min((cores for cores in demands if cores is not None), default=None)


def boxes_needed(study: Study, candidate: Candidate) -> int | None:
    """Fewest boxes by the utilisation law at the median; None when ``candidates.max_boxes`` do not do, or no option.

    By bisection: the fullest of more boxes never has more cameras of a kind, nor with more frames, nor more requests.
    """
    usable, models = study.scenario.margin.usable_share, study.models(candidate)

    def carry(count: int) -> bool:
        load = study.case.required(count)
        demands = ((model, least_cores_of(study, model, load, MEDIAN)) for model in models)
        return any(demand is not None and demand <= usable * model.cores for model, demand in demands)

    def fewest() -> int | None:
        counts = range(1, study.case.max_boxes + 1)
        place = bisect_left(counts, True, key=carry)
        return counts[place] if place < len(counts) else None

    return study.once(("boxes needed", study.case.key, *(model.like for model in models)), fewest)


def max_free_share(study: Study, candidate: Candidate, count: int) -> float:
    """Largest share of the cores that can stay free in the fullest of ``count`` boxes, by the utilisation law.

    At the median. On a chip with two kinds of cores each placement is measured by its own cores.
    """
    load = study.case.required(count)
    demands = [(model, least_cores_of(study, model, load, MEDIAN)) for model in study.models(candidate)]
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
        box, more = predictor.power_w(candidate.machine, min(1.0, busy / model.cores)), candidate.added_w
        return Interval(p10=box.p10 + more, p50=box.p50 + more, p90=box.p90 + more)

    low, middle, high = watts(cores.p10), watts(cores.p50), watts(cores.p90)
    active_w = Interval(p10=min(low.p10, middle.p50), p50=middle.p50, p90=max(high.p90, middle.p50))
    idle_w = watts(0.0)
    boxes = count + study.case.spare_boxes
    scenario = study.scenario
    return total_cost(study.price(candidate, count), boxes, scenario.money, active_w, idle_w, active_fraction(scenario))


def deployment_tco(deployment: Deployment) -> Tco:
    """TCO of boxes with the cores that their configuration keeps busy in the fullest box today."""
    low, middle, high = (deployment.cores(deployment.nominal, z) for z in deployment.quantiles(deployment.nominal))
    # A device of the chip that is busy draws power as that share of the cores would: assumed, nothing better is
    # published. An added one draws what its data sheet says, at all hours.
    device = deployment.device_load(deployment.nominal, MEDIAN, of_chip=True) * deployment.model.cores
    cores = Interval(p10=low + device, p50=middle + device, p90=high + device)
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


class _Queue:
    """What may carry the case, least cost first, within a floor and a ceiling of the cost."""

    def __init__(self, study: Study, candidates: Sequence[Candidate], floor: float, ceiling: float) -> None:
        by_price = study.scenario.money.objective == "price"
        # By TCO a bound below the floor says nothing: what the boxes really take may lie above it.
        self._study, self._floor, self._ceiling = study, floor if by_price else 0.0, ceiling
        self._order = itertools.count()
        # By price, one box costs least: how many of them it takes is asked when their turn comes, if it comes.
        unsized = [
            (least_cost(study, candidate, 1) if by_price else -math.inf, next(self._order), _Unsized(candidate))
            for candidate in affordable(study, candidates, ceiling)
        ]
        self._unsized = sorted(item for item in unsized if item[0] < ceiling)
        self._sized = 0
        self._heap: list[tuple[float, int, _Boxes | _Unsized | Solution]] = [*self._unsized]

    def pop(self) -> _Boxes | Solution | None:
        """Take the next off; None at the end."""
        while self._heap:
            _, place, entry = heapq.heappop(self._heap)
            if not isinstance(entry, _Unsized):
                return entry
            if self._sized % TOGETHER == 0:
                batch = self._unsized[self._sized : self._sized + TOGETHER]
                self._study.prepare([item.candidate for _, _, item in batch])
            self._sized += 1
            needed = boxes_needed(self._study, entry.candidate)
            if needed is not None:
                self.add(entry.candidate, needed, place)
        return None

    def add(self, candidate: Candidate, count: int, place: int | None = None) -> None:
        """Put so many boxes in, or as many more as reach the floor; ``place``: among what costs the same."""
        while count <= self._study.case.max_boxes:
            bound = least_cost(self._study, candidate, count)
            if math.isinf(bound) or bound >= self._ceiling:
                return
            if bound >= self._floor:
                place = next(self._order) if place is None else place
                heapq.heappush(self._heap, (bound, place, _Boxes(candidate, count)))
                return
            count += 1

    def add_solution(self, solution: Solution) -> None:
        """Put boxes back in that hold, at their own cost."""
        if solution.cost < self._ceiling:
            heapq.heappush(self._heap, (solution.cost, next(self._order), solution))


def solutions(
    study: Study, candidates: Sequence[Candidate], *, floor: float = 0.0, ceiling: float = math.inf
) -> Iterator[Solution]:
    """Yield one solution per platform that carries the case, in the order of cost.

    Parameters
    ----------
    floor, ceiling : float
        Boxes that cost less than ``floor`` are known not to suffice (for an easier case): by price they are not tried.
        Only solutions below ``ceiling`` are wanted.
    """
    queue = _Queue(study, candidates, floor, ceiling)
    solved: set[str] = set()
    while (entry := queue.pop()) is not None:
        if entry.candidate.platform.id in solved:
            continue
        if isinstance(entry, Solution):
            solved.add(entry.candidate.platform.id)
            yield entry
            continue
        study.inputs.watch(f"trying {entry.count} x {entry.candidate.platform.id}")
        judged = judge(study, entry.candidate, entry.count)
        if isinstance(judged, Feasible):
            # With TCO the configuration that holds may cost more than the bound: back into the queue at its own cost.
            queue.add_solution(Solution(judged, deployment_cost(judged.deployment)))
            if study.scenario.money.objective == "tco":
                # One box more may run a cheaper configuration that the fuller boxes had no room for.
                queue.add(entry.candidate, entry.count + 1)
        elif judged.failed.check != "evidence":
            more = boxes_with_cores(study, entry.candidate, entry.count + 1)
            if more is not None:
                queue.add(entry.candidate, more)


def cheapest(
    study: Study, candidates: Sequence[Candidate], *, floor: float = 0.0, ceiling: float = math.inf
) -> Solution | None:
    """Return the cheapest solution; None where nothing carries the case below ``ceiling``."""
    return next(solutions(study, candidates, floor=floor, ceiling=ceiling), None)
