"""Which of the platforms that hold are worth showing next to the recommendation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.judgement import Feasible
from advisor.planner.search.rank import Solution, boxes_needed, max_free_share, solutions
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.plan import ParetoPoint

ALTERNATIVES = 3
PROCESSORS = ALTERNATIVES + 1
MAX_COST_RATIO = 2.5
"""Alternatives cost at most this many times the recommendation."""
MAX_SOLUTIONS = 40
HEADROOM_STEP = 0.005
"""A smaller gain of headroom is none: it prints as the same percentage."""
MORE_ROOM = 1.5
"""An alternative is said to have more room when it has at least this many times the cores for the same demand."""


def explore(study: Study, candidates: Sequence[Candidate]) -> list[Solution]:
    """Platforms that hold, cheapest first, until there are enough different ones to compare."""
    explored: list[Solution] = []
    vendors, currency = {candidate.machine.vendor for candidate in candidates}, study.scenario.money.currency
    for solution in solutions(study, candidates):
        if len(explored) > 1 and solution.cost > MAX_COST_RATIO * explored[0].cost:
            break
        explored.append(solution)
        first = explored[0]
        best = f"{first.judged.count} x {first.candidate.platform.id}, {first.cost:,.0f} {currency}"
        study.inputs.watch(f"best so far: {best}; {len(explored) - 1} others to compare it with")
        processors = {_processor(item) for item in explored}
        other_maker = len(vendors) < 2 or any(_vendor(item) != _vendor(first) for item in explored)
        roomy = any(_roomier(item, first) for item in explored)
        if len(explored) >= MAX_SOLUTIONS or (len(processors) >= PROCESSORS and other_maker and roomy):
            break
    return explored


def choose_alternatives(explored: Sequence[Solution]) -> list[tuple[Solution, str]]:
    """Return the recommendation and up to three others, each with the reason why it is shown.

    No two have the same processor as long as there are others: four sizes of memory of one box are no choice.
    """
    if not explored:
        return []
    first, *others = explored
    shown = [(first, "recommended")]

    def take(role: str, among: Sequence[Solution]) -> None:
        taken = {_processor(item) for item, _ in shown}
        fresh = next((item for item in among if _processor(item) not in taken), None)
        if fresh is not None and len(shown) <= ALTERNATIVES:
            shown.append((fresh, role))

    take("next in price", others)
    take("another maker", [item for item in others if _vendor(item) != _vendor(first)])
    take("more room", [item for item in others if _roomier(item, first)])
    while len(shown) <= ALTERNATIVES and len(shown) < len({_processor(item) for item in explored}):
        take("next in price", others)
    left = [item for item in others if all(item is not other for other, _ in shown)]
    shown += [(item, "same processor") for item in left[: ALTERNATIVES + 1 - len(shown)]]
    return [shown[0], *sorted(shown[1:], key=lambda pair: pair[0].cost)]


def pareto_front(
    study: Study, candidates: Sequence[Candidate], explored: Sequence[Solution]
) -> tuple[ParetoPoint, ...]:
    """Platforms that hold and to which nothing that holds is both cheaper to buy and roomier, in ascending price.

    Headroom: what stays free of the binding resource at the median, growth included, in the configuration
    that was judged; the utilisation law bounds it, so that most platforms need no simulation. Price: also where the
    objective is TCO, so that the front shows what the purchase alone would cost.
    """
    front: list[ParetoPoint] = []
    highest = -math.inf
    for _, bound, candidate, count in _front_candidates(study, candidates, explored):
        if bound <= highest + HEADROOM_STEP:
            continue
        judged = judge(study, candidate, count)
        if not isinstance(judged, Feasible):
            continue
        headroom = 1.0 - max(judged.outcome.cpu, judged.outcome.bandwidth or 0.0)
        if headroom > highest + HEADROOM_STEP:
            front.append(
                ParetoPoint(
                    platform=candidate.platform.id,
                    count=count + study.case.spare_boxes,
                    price=study.price(candidate, count),
                    headroom=headroom,
                )
            )
            highest = headroom
    return tuple(front)


def _front_candidates(
    study: Study, candidates: Sequence[Candidate], explored: Sequence[Solution]
) -> list[tuple[float, float, Candidate, int]]:
    """Price, bound on the headroom, candidate and boxes of what may be on the front, in ascending price."""
    if not explored:
        return []
    by_price = study.scenario.money.objective == "price"
    counts = {solution.candidate.platform.id: solution.judged.count for solution in explored}
    points: list[tuple[float, float, Candidate, int]] = []
    for candidate in candidates:
        count = counts.get(candidate.platform.id) or boxes_needed(study, candidate)
        price = None if count is None else study.price(candidate, count).value
        if count is None or price is None:
            continue
        if by_price and price < explored[0].cost:
            continue  # were it feasible, it would have been recommended
        points.append((price, max_free_share(study, candidate, count), candidate, count))
    return sorted(points, key=lambda point: (point[0], -point[1]))


def _processor(solution: Solution) -> str:
    return solution.candidate.platform.processor


def _vendor(solution: Solution) -> str | None:
    return solution.candidate.machine.vendor


def _roomier(solution: Solution, than: Solution) -> bool:
    return solution.judged.outcome.cpu * MORE_ROOM <= than.judged.outcome.cpu
