"""Different boxes that carry the case together: mixes of platforms by integer programming."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from advisor.planner.question.demand import Counts, spread
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.judgement import Deployment, Feasible
from advisor.planner.search.rank import Solution, deployment_cost, least_cores, least_cost, running_tco
from advisor.planner.search.search import cameras_with_cores, judge
from advisor.planner.search.study import Study
from advisor.records.base import Interval
from advisor.records.plan import BoxShare, Mix
from advisor.records.scenario import Scenario

from .options import configured_load

CENT = 0.005
"""Costs that differ by less are the same."""


@dataclass(frozen=True)
class BoxKind:
    """A platform with what one box of it carries, and what that box costs in the scenario's objective."""

    candidate: Candidate
    price: float
    cost: float
    cameras: int
    most: int | None = None
    """Boxes that can be had at this price; None: any number."""


@dataclass(frozen=True)
class _Box:
    """One box of a mix."""

    kind: BoxKind
    counts: Counts
    """Cameras per group that it is dealt."""
    fullest: Counts
    """Those that it has when it has most to carry: with n+1 any other box may be lost."""


def cheaper_mix(study: Study, candidates: Sequence[Candidate], chosen: Solution | None) -> Mix | None:
    """Find different boxes that carry the case together for less than equal ones; None where there are none.

    Integer program: least sum of costs (prices, or TCO of full boxes) subject to the cameras that the boxes carry, the
    permitted number of boxes, and with n+1 the same after the loss of any one box. Each box of the answer is then
    judged with its own cameras; its TCO is counted with growth included, so a little more is saved than is said.
    """
    scenario, case = study.scenario, study.case
    limit = scenario.candidates.max_boxes + case.spare_boxes
    if limit < 2 or case.grown_cameras < 2 or (chosen is not None and chosen.cost == 0):
        return None
    by_price = _by_price(study)
    ceiling = math.inf if chosen is None else chosen.cost - CENT
    kinds = _kinds(study, by_price, _worth_mixing(study, candidates, ceiling), ceiling)
    if not math.isinf(ceiling):
        at_least = [replace(kind, cost=_least_cost_of_one(study, kind)) for kind in kinds]
        if _least_costs(at_least, case.grown_cameras)[-1] >= ceiling:
            return None
    numbers = cheapest_numbers(kinds, case.grown_cameras, limit, spare_box=case.spare_boxes == 1)
    if numbers is None or sum(number > 0 for number in numbers) < 2:
        return None
    boxes = _deal_with_losses(
        by_price, [kind for kind, number in zip(kinds, numbers, strict=True) for _ in range(number)]
    )
    if boxes is None:
        return None
    single = _without_redundancy(study)
    cost = sum(_box_cost(single, box.kind.candidate, box.counts) for box in boxes)
    if chosen is not None and cost >= chosen.cost - 1e-9:
        return None
    price = sum(box.kind.price for box in boxes)
    shares = _shares(single, boxes)
    names = " + ".join(f"{share.count} x {share.platform}" for share in shares)
    saving, text = saving_words(scenario, f"{names} carry it", price, cost, chosen)
    return Mix(boxes=shares, price=price, currency=scenario.money.currency, saving=saving, text=text)


def saving_words(
    scenario: Scenario, lead: str, price: float, cost: float, chosen: Solution | None
) -> tuple[float, str]:
    """What boxes save over the recommendation in the scenario's objective, and the sentence that says so."""
    money = scenario.money
    text = f"{lead} for {price:,.0f} {money.currency}"
    if chosen is None:
        return 0.0, text
    saving = chosen.cost - cost
    of_what = "" if money.objective == "price" else " over the lifetime"
    return saving, f"{text}, {saving:,.0f} less than the recommendation{of_what}"


def _by_price(study: Study) -> Study:
    """Return the same case by price: whether a box holds is the same, found with fewer simulations than by TCO."""
    if study.scenario.money.objective == "price":
        return study
    money = study.scenario.money.model_copy(update={"objective": "price"})
    return study.for_scenario(study.scenario.model_copy(update={"money": money}))


def _without_redundancy(study: Study) -> Study:
    """Return the same case without redundancy: for the cost of one box of a mix."""
    margin = study.scenario.margin.model_copy(update={"redundancy": "none"})
    return study.for_scenario(study.scenario.model_copy(update={"margin": margin}))


def _box_cost(single: Study, candidate: Candidate, counts: Counts) -> float:
    """Cost of one box with these cameras, in the scenario's objective."""
    study = single.for_case(single.case.with_exactly(counts))
    deployment = judge(study, candidate, 1).deployment
    return least_cost(study, candidate, 1) if deployment is None else deployment_cost(deployment)


def _worth_mixing(study: Study, candidates: Sequence[Candidate], ceiling: float) -> list[BoxKind]:
    """Platforms that may be in a mix below ``ceiling``, with bounds: least cost of a box, most cameras it carries.

    Left out is a box that, with at least one other box and what both together do not carry, costs too much, each at its
    least cost.
    """
    total = study.case.grown_cameras
    kinds: list[BoxKind] = []
    for candidate in candidates:
        price = study.price(candidate, 1).per_box
        if price is None or price >= ceiling:
            continue
        demand = least_cores(study, candidate, study.case.required(1), MEDIAN)
        if demand is None or demand <= 0:
            continue
        most = study.scenario.margin.usable_share * study.model(candidate).cores * total / demand
        cameras = min(total, math.floor(most))
        kind = BoxKind(candidate, price, price, cameras, study.at_hand(candidate))
        kinds.append(replace(kind, cost=_least_cost_of_one(study, kind)))
    # How much longer work takes with the cores busy is worked out only of those that may be worth it without.
    closer = [
        replace(kind, cameras=cameras_with_cores(study, kind.candidate, kind.cameras))
        for kind in _below(ceiling, kinds, total)
    ]
    return _below(ceiling, [kind for kind in closer if kind.cameras], total)


def _below(ceiling: float, kinds: Sequence[BoxKind], total: int) -> list[BoxKind]:
    """Kinds of boxes that may be in a mix of these below ``ceiling``, by what they cost and carry."""
    if math.isinf(ceiling):
        return list(kinds)
    least = _least_costs(kinds, total)
    another = min((kind.cost for kind in kinds), default=0.0)
    return [kind for kind in kinds if kind.cost + max(another, least[total - kind.cameras]) < ceiling]


def _least_cost_of_one(study: Study, kind: BoxKind) -> float:
    """Cost of one box at least: its price, or its TCO when it only idles."""
    if study.scenario.money.objective == "price":
        return kind.price
    idle = Interval(p10=0.0, p50=0.0, p90=0.0)
    return running_tco(_without_redundancy(study), kind.candidate, 1, idle).value or kind.price


def _least_costs(kinds: Sequence[BoxKind], total: int) -> list[float]:
    """Least cost that carries 0, 1, ... ``total`` cameras, however many boxes that takes: a lower bound.

    Dynamic programming over the cameras, so that most plans need not load the solver of the integer program.
    """
    useful: list[BoxKind] = []
    for kind in sorted(kinds, key=lambda kind: (kind.cost, -kind.cameras)):
        if kind.cameras > (useful[-1].cameras if useful else 0):
            useful.append(kind)
    least = [0.0]
    for cameras in range(1, total + 1):
        least.append(min((kind.cost + least[max(0, cameras - kind.cameras)] for kind in useful), default=math.inf))
    return least


def _kinds(study: Study, by_price: Study, bounds: Sequence[BoxKind], ceiling: float) -> list[BoxKind]:
    """Platforms worth mixing: none is dearer than another that carries as many cameras.

    ``bounds``: candidates with the most cameras that the utilisation law gives them. None are left as soon as what was
    found out, with the bounds of the others, carries the case for ``ceiling`` at least; nor is one that costs too much
    with what these carry the rest for at least.
    """
    total = study.case.grown_cameras
    single = _without_redundancy(study)
    kinds: list[BoxKind] = []
    at_least: list[BoxKind] = []
    best = 0
    in_order = sorted(bounds, key=lambda kind: (kind.price, -kind.cameras))
    for place, bound in enumerate(in_order):
        if bound.cameras <= best:
            continue
        least = _least_costs([*at_least, *in_order[place:]], total)
        if least[-1] >= ceiling:
            return []
        if bound.cost + least[max(0, total - bound.cameras)] >= ceiling:
            continue
        carried = _carried(by_price, bound, more_than=best)
        if carried > best:
            cost = _box_cost(single, bound.candidate, spread(study.case.grown, carried))
            kinds.append(replace(bound, cost=cost, cameras=carried))
            at_least.append(replace(bound, cameras=carried))
            if bound.most is None:  # else a dearer one may be wanted beside it
                best = carried
        if best >= total:
            break
    return kinds


def _carried(study: Study, bound: BoxKind, *, more_than: int) -> int:
    """Cameras that one box carries by the rule of the recommendation, by bisection; 0 where not ``more_than`` these."""
    low, high = 0, bound.cameras + 1
    probe = bound.cameras
    while high - low > 1:
        holds = _holds(study, bound.candidate, spread(study.case.grown, probe))
        low, high = (probe, high) if holds else (low, probe)
        if high <= more_than + 1:
            return 0
        probe = (low + high) // 2
    return low


def _holds(study: Study, candidate: Candidate, counts: Counts) -> bool:
    return isinstance(judge(study.for_case(study.case.with_exactly(counts)), candidate, 1), Feasible)


def cheapest_numbers(kinds: Sequence[BoxKind], total: int, limit: int, *, spare_box: bool) -> list[int] | None:
    """Numbers of boxes per kind that carry ``total`` cameras at the least cost, at most ``limit`` of them.

    ``spare_box``: after the loss of any one of them, too. None where there are none. Variables of the integer program:
    the numbers, then one 0/1 per kind (bought or not).
    """
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    if not kinds:
        return None
    size = len(kinds)
    carried = np.array([kind.cameras for kind in kinds], dtype=np.float64)
    costs = np.array([kind.cost for kind in kinds])
    none = np.zeros(size)
    rows = [
        LinearConstraint(np.concatenate([carried, none]), total, np.inf),
        LinearConstraint(np.concatenate([np.ones(size), none]), 0, limit),
    ]
    for i in range(size):
        bought = np.zeros(2 * size)
        bought[i], bought[size + i] = 1.0, -float(limit)
        rows.append(LinearConstraint(bought, -np.inf, 0.0))
        if spare_box:
            lost = np.concatenate([carried, none])
            lost[size + i] = -carried[i]
            rows.append(LinearConstraint(lost, total, np.inf))
    most = [float(limit if kind.most is None else min(limit, kind.most)) for kind in kinds]
    bounds = Bounds(np.zeros(2 * size), np.concatenate([most, np.ones(size)]))
    integral = np.ones(2 * size, dtype=np.int64)
    answer = milp(np.concatenate([costs, none]), constraints=rows, bounds=bounds, integrality=integral)
    return None if answer.x is None else [round(value) for value in answer.x[:size]]


def _deal_with_losses(study: Study, bought: Sequence[BoxKind]) -> list[_Box] | None:
    """Deal the cameras out; with n+1 also after the loss of a box of any kind. None where a box then fails."""
    dealt = _deal(study, bought)
    if dealt is None:
        return None
    fullest = list(dealt)
    rates = {group.group: group.fps for group in study.scenario.cameras}

    def frames_per_s(counts: Mapping[str, int]) -> float:
        return sum(rates[name] * count for name, count in counts.items())

    if study.case.spare_boxes:
        for lost in {kind.candidate.platform.id: position for position, kind in enumerate(bought)}.values():
            left = [position for position in range(len(bought)) if position != lost]
            again = _deal(study, [bought[position] for position in left])
            if again is None:
                return None
            for position, counts in zip(left, again, strict=True):
                fullest[position] = max(fullest[position], counts, key=frames_per_s)
    return [_Box(*box) for box in zip(bought, dealt, fullest, strict=True)]


def _deal(study: Study, boxes: Sequence[BoxKind]) -> list[dict[str, int]] | None:
    """Deal the cameras out in proportion to what the boxes carry; None where one of them then fails."""
    left = dict(study.case.grown)
    room = sum(kind.cameras for kind in boxes)
    dealt = []
    for kind in boxes:
        cameras = sum(left.values())
        share = min(kind.cameras, math.ceil(cameras * kind.cameras / room)) if room else 0
        counts = spread(left, share)
        if not _holds(study, kind.candidate, counts):
            return None
        left = {name: left[name] - counts[name] for name in left}
        room -= kind.cameras
        dealt.append(counts)
    return dealt if not sum(left.values()) else None


def _shares(single: Study, boxes: Sequence[_Box]) -> tuple[BoxShare, ...]:
    """One record for boxes that are equal in platform and cameras."""
    shares: dict[tuple[object, ...], BoxShare] = {}
    for box in boxes:
        platform = box.kind.candidate.platform
        key = (platform.id, tuple(sorted(box.counts.items())), tuple(sorted(box.fullest.items())))
        if key in shares:
            shares[key] = shares[key].model_copy(update={"count": shares[key].count + 1})
            continue
        config, predicted = configured_load(_deployed(single, box))
        shares[key] = BoxShare(
            platform=platform.id,
            name=platform.name,
            count=1,
            cameras=dict(box.counts),
            price_per_box=box.kind.price,
            config=config,
            predicted=predicted,
        )
    return tuple(shares.values())


def _deployed(single: Study, box: _Box) -> Deployment:
    """The box as it is set up for the most that it may have to carry, with the cameras that it is dealt."""
    fullest = single.for_case(single.case.with_exactly(box.fullest))
    deployment = judge(fullest, box.kind.candidate, 1).deployment
    assert deployment is not None  # it was judged to hold when the cameras were dealt
    return deployment.under(single.for_case(single.case.with_exactly(box.counts)))
