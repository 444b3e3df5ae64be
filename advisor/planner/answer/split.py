"""Stages split over boxes: each part of the cascade on boxes of its own, fed by its own copy of the cameras' streams.

Only whole trees are separated (a stage on frames with everything that runs on its objects), so that nothing but the
cameras' streams crosses the network. Each part is judged as a scenario of its own, with half of the permitted drops;
its results are its own, so that latency is that of each part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from advisor.planner.question.demand import dealing_order
from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import LoadCase
from advisor.planner.search.rank import Solution, boxes_needed, cheapest, least_cost
from advisor.planner.search.study import Study
from advisor.records.plan import BoxShare, Mix
from advisor.records.scenario import Scenario

from .mix import CENT, saving_words
from .options import configured_load

MAX_TREES = 5
"""With more trees each is separated from all others only; with fewer, every way to make two parts is looked at."""


def cheaper_split(study: Study, candidates: Sequence[Candidate], chosen: Solution | None) -> Mix | None:
    """Cheapest way to split the stages over two kinds of boxes, where that costs less than equal boxes with all stages.

    None if nothing is saved, for callers without cameras (their requests can be dealt out one by one), and for cascades
    of one tree.
    """
    scenario, case = study.scenario, study.case
    if not scenario.cameras or not case.cameras:
        return None
    best: tuple[Solution, Solution] | None = None
    ceiling = math.inf if chosen is None else chosen.cost
    for stages in parts(scenario):
        first, second = (study.for_case(_part(case, names)) for names in stages)
        floor = _least_cost(second, candidates)
        if _least_cost(first, candidates) + floor >= ceiling - CENT:
            continue
        one = cheapest(first, candidates, ceiling=ceiling - floor)
        other = None if one is None else cheapest(second, _left(study, candidates, one), ceiling=ceiling - one.cost)
        if one is None or other is None or one.judged.count + other.judged.count > scenario.candidates.max_boxes:
            continue
        if one.cost + other.cost < ceiling - CENT:
            best, ceiling = (one, other), one.cost + other.cost
    return None if best is None else _record(study, best, chosen)


def _left(study: Study, candidates: Sequence[Candidate], taken: Solution) -> Sequence[Candidate]:
    """Candidates of which there are boxes left beside those that are taken."""
    if study.at_hand(taken.candidate) is None:
        return candidates
    return [candidate for candidate in candidates if candidate.platform.id != taken.candidate.platform.id]


def parts(scenario: Scenario) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    """Ways to part the cascade's trees in two, as ids of stages; the tree of the first stage is in the first part."""
    trees: dict[str, set[str]] = {}
    for stage in scenario.stages:
        trees.setdefault(scenario.root(stage).id, set()).add(stage.id)
    roots = list(trees)
    everything = frozenset(stage.id for stage in scenario.stages)
    if len(roots) > MAX_TREES:
        for root in roots:
            yield everything - trees[root], frozenset(trees[root])
        return
    for mask in range(2 ** max(0, len(roots) - 1) - 1):
        chosen = [roots[0], *(root for bit, root in enumerate(roots[1:]) if mask >> bit & 1)]
        first = frozenset().union(*(trees[root] for root in chosen))
        yield first, everything - first


def _part(case: LoadCase, names: frozenset[str]) -> LoadCase:
    """Return the same cameras with some of the stages; cameras that these do not look at are left out."""
    whole = case.scenario
    stages = tuple(stage for stage in whole.stages if stage.id in names)
    groups = {group for stage in stages for group in whole.groups_of(stage)}
    slo = whole.slo.model_copy(update={"drops_max_pct": whole.slo.drops_max_pct / 2.0})
    cameras = tuple(group for group in whole.cameras if group.group in groups)
    now = {name: count for name, count in case.now.items() if name in groups}
    grown = {name: count for name, count in case.grown.items() if name in groups}
    scenario = whole.model_copy(update={"stages": stages, "cameras": cameras, "slo": slo})
    return LoadCase(scenario, now, grown, dealing_order(scenario), case.objects_factor)


def _least_cost(study: Study, candidates: Sequence[Candidate]) -> float:
    """Cost below which nothing carries a part, by the utilisation law."""
    costs = (
        least_cost(study, candidate, count)
        for candidate in candidates
        if (count := boxes_needed(study, candidate)) is not None
    )
    return min(costs, default=math.inf)


def _record(study: Study, halves: tuple[Solution, Solution], chosen: Solution | None) -> Mix:
    shares = tuple(_share(half) for half in halves)
    price = sum(share.count * share.price_per_box for share in shares)
    lead = " + ".join(f"{share.count} x {share.platform} with {', '.join(share.stages)}" for share in shares)
    saving, text = saving_words(study.scenario, f"{lead} carry it", price, sum(half.cost for half in halves), chosen)
    text += "; both decode the cameras' streams, and latency holds for the results of each"
    return Mix(boxes=shares, price=price, currency=study.scenario.money.currency, saving=saving, text=text)


def _share(half: Solution) -> BoxShare:
    deployment, candidate = half.deployment, half.candidate
    study, case = deployment.study, deployment.case
    price_per_box = study.price(candidate, deployment.count).per_box
    assert price_per_box is not None  # it was ranked by its cost
    grown = deployment.under(study.for_case(case.with_exactly(case.grown)))
    config, predicted = configured_load(grown)
    return BoxShare(
        platform=candidate.platform.id,
        name=candidate.platform.name,
        count=deployment.count + case.spare_boxes,
        cameras=dict(deployment.required.counts),
        price_per_box=price_per_box,
        stages=tuple(stage.id for stage in case.scenario.stages),
        config=config,
        predicted=predicted,
    )
