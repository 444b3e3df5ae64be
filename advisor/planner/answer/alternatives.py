"""Which of the platforms that hold are worth showing beside the recommendation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import Winner, boxes_needed, most_free, price, spare, winners
from advisor.planner.search.search import Ask, Searcher
from advisor.records.plan import ParetoPoint

ALTERNATIVES = 3
PROCESSORS = ALTERNATIVES + 1
DEAREST = 2.5
"""Alternatives cost at most this many times the recommendation."""
MOST_WINNERS = 40
ROOM_STEP = 0.005
"""Headroom that is no gain: it prints as the same percentage."""
ROOM = 1.5
"""An alternative is said to have more room when it has at least this many times the cores for the same demand."""


def explore(searcher: Searcher, candidates: Sequence[Candidate], ask: Ask) -> list[Winner]:
    """Platforms that hold, cheapest first, until there are enough different ones to compare."""
    found: list[Winner] = []
    vendors = {candidate.machine.vendor for candidate in candidates}
    for winner in winners(searcher, candidates, ask):
        if found and winner.cost > DEAREST * found[0].cost and len(found) > 1:
            break
        found.append(winner)
        first = found[0].judged.model.machine.vendor
        processors = {_processor(item) for item in found}
        other_maker = len(vendors) < 2 or any(item.judged.model.machine.vendor != first for item in found)
        roomy = any(_roomier(item, found[0]) for item in found)
        if len(found) >= MOST_WINNERS or (len(processors) >= PROCESSORS and other_maker and roomy):
            break
    return found


def choose_alternatives(found: Sequence[Winner]) -> list[tuple[Winner, str]]:
    """Return the recommendation and up to three others, each with the reason why it is shown.

    No two have the same processor as long as there are others: four sizes of memory of one box are no choice.
    """
    if not found:
        return []
    first = found[0]
    shown = [(first, "recommended")]

    def take(role: str, among: Sequence[Winner]) -> None:
        taken = {_processor(item) for item, _ in shown}
        fresh = next((item for item in among if _processor(item) not in taken), None)
        if fresh is not None and len(shown) <= ALTERNATIVES:
            shown.append((fresh, role))

    others = found[1:]
    vendor = first.judged.model.machine.vendor
    take("next in price", others)
    take("another maker", [item for item in others if item.judged.model.machine.vendor != vendor])
    take("more room", [item for item in others if _roomier(item, first)])
    while len(shown) <= ALTERNATIVES and len(shown) < len({_processor(item) for item in found}):
        take("next in price", others)
    rest = [item for item in others if all(item is not other for other, _ in shown)]
    shown += [(item, "same processor") for item in rest[: ALTERNATIVES + 1 - len(shown)]]
    return [shown[0], *sorted(shown[1:], key=lambda pair: pair[0].cost)]


def pareto_front(
    searcher: Searcher, candidates: Sequence[Candidate], ask: Ask, found: Sequence[Winner]
) -> tuple[ParetoPoint, ...]:
    """Platforms that hold and to which nothing that holds is both cheaper to buy and roomier, in ascending price.

    Headroom: what stays free of the binding resource on the pessimistic side, growth included, in the configuration
    that was judged; the utilisation law bounds it, so that most platforms need no simulation. Price: also where the
    objective is TCO, so that the front shows what the purchase alone would cost.
    """
    if not found:
        return ()
    by_price = ask.scenario.money.objective == "price"
    counts = {winner.judged.model.id: winner.judged.count for winner in found}
    points: list[tuple[float, float, Candidate, int]] = []
    for candidate in candidates:
        count = counts.get(candidate.platform.id) or boxes_needed(searcher, candidate, ask)
        paid = None if count is None else price(searcher, candidate, count, ask.scenario).value
        if count is None or paid is None:
            continue
        if by_price and paid < found[0].cost:
            continue  # it would have been found
        points.append((paid, most_free(searcher, candidate, ask, count), candidate, count))
    front: list[ParetoPoint] = []
    best = -math.inf
    for _, most, candidate, count in sorted(points, key=lambda point: (point[0], -point[1])):
        if most <= best + ROOM_STEP:
            continue
        judged = searcher.judge(candidate, count, ask)
        if not judged.feasible or judged.outcome is None:
            continue
        headroom = 1.0 - max(judged.outcome.cpu, judged.outcome.bandwidth or 0.0)
        if headroom > best + ROOM_STEP:
            paid_all = price(searcher, candidate, count, ask.scenario)
            bought = count + spare(ask.scenario)
            front.append(ParetoPoint(platform=candidate.platform.id, count=bought, price=paid_all, headroom=headroom))
            best = headroom
    return tuple(front)


def _processor(winner: Winner) -> str:
    return winner.judged.model.candidate.platform.processor


def _roomier(winner: Winner, than: Winner) -> bool:
    mine, other = winner.judged.outcome, than.judged.outcome
    assert mine is not None  # both hold, so both were simulated
    assert other is not None
    return mine.cpu * ROOM <= other.cpu
