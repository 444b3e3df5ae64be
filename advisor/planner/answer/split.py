"""Stages split over boxes: each part of the cascade on boxes of its own, fed by its own copy of the cameras' streams.

Only whole trees are parted (a stage on frames with everything that runs on its objects), so that nothing but the
cameras' streams goes over the network. Each part is judged as a scenario of its own, with half of the permitted drops;
its results are its own, so that latency is that of each part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import Winner, boxes_needed, cheapest, least_cost, most_boxes, price, spare
from advisor.planner.search.search import Ask, Searcher
from advisor.records.plan import BoxShare, Mix
from advisor.records.scenario import Scenario

from .mix import CENT, set_up_for

MOST_TREES = 5
"""Of more trees each is parted from all others only; of fewer every way to make two parts is looked at."""


@dataclass(frozen=True)
class _Half:
    ask: Ask
    winner: Winner


def cheaper_split(searcher: Searcher, candidates: Sequence[Candidate], ask: Ask, chosen: Winner | None) -> Mix | None:
    """Cheapest way to split the stages over two kinds of boxes, where that costs less than equal boxes with all stages.

    None where there is none, for callers without cameras (their requests can be dealt out one by one), and for
    cascades of one tree.
    """
    scenario = ask.scenario
    if not scenario.cameras or not ask.cameras:
        return None
    best: tuple[_Half, _Half] | None = None
    ceiling = math.inf if chosen is None else chosen.cost
    for stages in parts(scenario):
        first, second = (_ask_of(ask, names) for names in stages)
        floor = _least(searcher, candidates, second)
        if _least(searcher, candidates, first) + floor >= ceiling - CENT:
            continue
        one = cheapest(searcher, candidates, first, ceiling=ceiling - floor)
        other = None if one is None else cheapest(searcher, candidates, second, ceiling=ceiling - one.cost)
        if one is None or other is None or one.judged.count + other.judged.count > scenario.candidates.max_boxes:
            continue
        if one.cost + other.cost < ceiling - CENT:
            best, ceiling = (_Half(first, one), _Half(second, other)), one.cost + other.cost
    return None if best is None else _record(searcher, ask, best, chosen)


def parts(scenario: Scenario) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Ways to part the cascade's trees in two, as ids of stages; the tree of the first stage is in the first part."""
    trees: dict[str, set[str]] = {}
    for stage in scenario.stages:
        trees.setdefault(scenario.root(stage).id, set()).add(stage.id)
    roots = list(trees)
    everything = frozenset(stage.id for stage in scenario.stages)
    if len(roots) > MOST_TREES:
        for root in roots:
            yield everything - trees[root], frozenset(trees[root])
        return
    for mask in range(2 ** max(0, len(roots) - 1) - 1):
        chosen = [roots[0], *(root for bit, root in enumerate(roots[1:]) if mask >> bit & 1)]
        first = frozenset().union(*(trees[root] for root in chosen))
        yield first, everything - first


def _ask_of(ask: Ask, names: frozenset[str]) -> Ask:
    """Return the same cameras with some of the stages; cameras that these do not look at are left out."""
    whole = ask.scenario
    stages = tuple(stage for stage in whole.stages if stage.id in names)
    seen = {group for stage in stages for group in whole.groups_of(stage)}
    slo = whole.slo.model_copy(update={"drops_max_pct": whole.slo.drops_max_pct / 2.0})
    update = {"stages": stages, "cameras": tuple(group for group in whole.cameras if group.group in seen), "slo": slo}
    now = {name: count for name, count in ask.now.items() if name in seen}
    grown = {name: count for name, count in ask.grown.items() if name in seen}
    return Ask(whole.model_copy(update=update), now, grown, ask.objects_factor)


def _least(searcher: Searcher, candidates: Sequence[Candidate], ask: Ask) -> float:
    """Cost below which nothing carries a part, by the utilisation law."""
    costs = (
        least_cost(searcher, candidate, count, ask)
        for candidate in candidates
        if (count := boxes_needed(searcher, candidate, ask)) is not None and count <= most_boxes(ask)
    )
    return min(costs, default=math.inf)


def _record(searcher: Searcher, ask: Ask, halves: tuple[_Half, _Half], chosen: Winner | None) -> Mix:
    money = ask.scenario.money
    shares, words, paid, cost = [], [], 0.0, 0.0
    for half in halves:
        candidate, count = half.winner.judged.model.candidate, half.winner.judged.count
        bill = price(searcher, candidate, count, half.ask.scenario)
        assert bill.value is not None  # it was ranked by its cost
        assert bill.per_box is not None
        names = tuple(stage.id for stage in half.ask.scenario.stages)
        bought = count + spare(half.ask.scenario)
        cameras = dict(half.ask.load(count).counts)
        grown = Ask(half.ask.scenario, half.ask.grown, half.ask.grown, half.ask.objects_factor)
        config, predicted = set_up_for(searcher, half.winner.judged, grown)
        shares.append(
            BoxShare(
                platform=candidate.platform.id,
                name=candidate.platform.name,
                count=bought,
                cameras=cameras,
                price_per_box=bill.per_box,
                stages=names,
                config=config,
                predicted=predicted,
            )
        )
        words.append(f"{bought} x {candidate.platform.id} with {', '.join(names)}")
        paid, cost = paid + bill.value, cost + half.winner.cost
    text = f"{' + '.join(words)} carry it for {paid:,.0f} {money.currency}"
    saving = 0.0 if chosen is None else chosen.cost - cost
    if chosen is not None:
        of_what = "" if money.objective == "price" else " over the lifetime"
        text += f", {saving:,.0f} less than the recommendation{of_what}"
    text += "; both decode the cameras' streams, and latency holds for the results of each"
    return Mix(boxes=tuple(shares), price=paid, currency=money.currency, saving=saving, text=text)
