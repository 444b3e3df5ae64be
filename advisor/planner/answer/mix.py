"""More than one box: mixes of platforms by integer programming, and the bill of many sites."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.planner.question.demand import camera_counts, spread
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import Winner, cheapest, least_cores, price, running_tco, setup_cores, spare
from advisor.planner.search.rank import cost as judged_cost
from advisor.planner.search.search import Ask, Judgement, Searcher
from advisor.planner.search.simulate import allowed_share
from advisor.planner.search.space import Z90
from advisor.records.base import Interval
from advisor.records.plan import BoxShare, Mix, PlanConfig, PredictedLoad, Price
from advisor.records.scenario import Scenario, SiteGroup

from .options import plan_config
from .predicted_load import outlook

ANSWERED = (
    "platform", "boxes_per_site", "price_per_site", "price", "tco_per_site", "tco", "energy_kwh_per_year", "config",
)  # fmt: skip
"""Columns that a kind of site without an answer leaves empty."""
CENT = 0.005
"""Costs that differ by less are the same."""


@dataclass(frozen=True)
class _Kind:
    """A platform with what one box of it carries, and what that box costs in the scenario's objective."""

    candidate: Candidate
    price: float
    cost: float
    cameras: int


def cheaper_mix(searcher: Searcher, candidates: Sequence[Candidate], ask: Ask, chosen: Winner | None) -> Mix | None:
    """Find different boxes that carry the scenario together for less than equal ones; None where there are none.

    Integer program: least sum of costs (prices, or TCO of full boxes) subject to the cameras that the boxes carry, the
    permitted number of boxes, and with n+1 the same after the loss of any one box. Each box of the answer is then
    judged with its own cameras; its TCO is counted with growth included, so a little more is saved than is said.
    """
    scenario = ask.scenario
    limit = scenario.candidates.max_boxes + spare(scenario)
    total = sum(ask.grown.values())
    if limit < 2 or total < 2 or (chosen is not None and chosen.cost == 0):
        return None
    plain = _by_price(ask)
    ceiling = math.inf if chosen is None else chosen.cost - CENT
    kinds = _kinds(searcher, _worth_mixing(searcher, candidates, ask, ceiling), ask, plain)
    if not math.isinf(ceiling):
        carried = [
            _Kind(kind.candidate, kind.price, _least_of_one(searcher, kind, ask), kind.cameras) for kind in kinds
        ]
        if _least_costs(carried, total)[-1] >= ceiling:
            return None
    numbers = _solve(kinds, total, limit, spare_box=spare(scenario) == 1)
    if numbers is None or sum(number > 0 for number in numbers) < 2:
        return None
    bought = [kind for kind, number in zip(kinds, numbers, strict=True) for _ in range(number)]
    dealt = _survives(searcher, plain, bought)
    if dealt is None:
        return None
    groups, fullest = dealt
    alone = _alone(ask)
    cost = sum(_box_cost(searcher, kind.candidate, alone, counts) for kind, counts in zip(bought, groups, strict=True))
    if chosen is not None and cost >= chosen.cost - 1e-9:
        return None
    paid = sum(kind.price for kind in bought)
    saving = 0.0 if chosen is None else chosen.cost - cost
    shares = _shares(searcher, alone, bought, groups, fullest)
    names = " + ".join(f"{share.count} x {share.platform}" for share in shares)
    text = f"{names} carry it for {paid:,.0f} {scenario.money.currency}"
    if chosen is not None:
        of_what = "" if scenario.money.objective == "price" else " over the lifetime"
        text += f", {saving:,.0f} less than the recommendation{of_what}"
    return Mix(boxes=shares, price=paid, currency=scenario.money.currency, saving=saving, text=text)


def _by_price(ask: Ask) -> Ask:
    """Return the same question by price: whether a box holds is the same, told with fewer simulations than by TCO."""
    if ask.scenario.money.objective == "price":
        return ask
    money = ask.scenario.money.model_copy(update={"objective": "price"})
    return ask.but(scenario=ask.scenario.model_copy(update={"money": money}))


def _alone(ask: Ask) -> Ask:
    """Return the same question without redundancy: for the cost of one box of a mix."""
    margin = ask.scenario.margin.model_copy(update={"redundancy": "none"})
    return ask.but(scenario=ask.scenario.model_copy(update={"margin": margin}))


def _box_cost(searcher: Searcher, candidate: Candidate, alone: Ask, counts: Mapping[str, int]) -> float:
    """Cost of one box with these cameras, in the scenario's objective."""
    question = Ask(alone.scenario, counts, counts, alone.objects_factor)
    return judged_cost(searcher, searcher.judge(candidate, 1, question), question)


def _worth_mixing(
    searcher: Searcher, candidates: Sequence[Candidate], ask: Ask, ceiling: float
) -> list[tuple[float, int, Candidate]]:
    """Price of a box, the most cameras that the utilisation law gives it, and the candidate.

    Left out is what cannot be in a mix below ``ceiling``: a box, beside it at least another, and what both together do
    not carry, each at what it costs at least.
    """
    total = sum(ask.grown.values())
    found: list[_Kind] = []
    for candidate in candidates:
        paid = price(searcher, candidate, 1, ask.scenario).per_box
        if paid is None or paid >= ceiling:
            continue
        demand = least_cores(searcher, candidate, ask, ask.load(1), Z90)
        if demand is None or demand <= 0:
            continue
        most = allowed_share(ask.scenario) * searcher.model(candidate).cores * total / demand
        kind = _Kind(candidate, paid, 0.0, min(total, math.floor(most)))
        found.append(_Kind(candidate, paid, _least_of_one(searcher, kind, ask), kind.cameras))
    if not math.isinf(ceiling):
        least = _least_costs(found, total)
        another = min((kind.cost for kind in found), default=0.0)
        found = [kind for kind in found if kind.cost + max(another, least[total - kind.cameras]) < ceiling]
    return [(kind.price, kind.cameras, kind.candidate) for kind in found]


def _least_of_one(searcher: Searcher, kind: _Kind, ask: Ask) -> float:
    """Cost of one box at least: its price, or its TCO when it only idles."""
    if ask.scenario.money.objective == "price":
        return kind.price
    idle = Interval(p10=0.0, p50=0.0, p90=0.0)
    return running_tco(searcher, kind.candidate, 1, _alone(ask), idle).value or kind.price


def _least_costs(kinds: Sequence[_Kind], total: int) -> list[float]:
    """Least cost that carries 0, 1, ... ``total`` cameras, however many boxes that takes: a lower bound.

    Dynamic programming over the cameras, so that most plans need not load the solver of the integer program.
    """
    useful: list[_Kind] = []
    for kind in sorted(kinds, key=lambda kind: (kind.cost, -kind.cameras)):
        if kind.cameras > (useful[-1].cameras if useful else 0):
            useful.append(kind)
    least = [0.0]
    for cameras in range(1, total + 1):
        least.append(min((kind.cost + least[max(0, cameras - kind.cameras)] for kind in useful), default=math.inf))
    return least


def _kinds(searcher: Searcher, sketched: Sequence[tuple[float, int, Candidate]], ask: Ask, plain: Ask) -> list[_Kind]:
    """Platforms worth mixing: none is dearer than another that carries as many cameras."""
    total = sum(ask.grown.values())
    kinds: list[_Kind] = []
    alone = _alone(ask)
    best = 0
    for paid, most, candidate in sorted(sketched, key=lambda row: (row[0], -row[1])):
        if most <= best:
            continue
        carried = _carried(searcher, candidate, plain, most)
        if carried > best:
            cost = _box_cost(searcher, candidate, alone, spread(ask.grown, carried))
            kinds.append(_Kind(candidate, paid, cost, carried))
            best = carried
        if best >= total:
            break
    return kinds


def _carried(searcher: Searcher, candidate: Candidate, ask: Ask, most: int) -> int:
    """Cameras that one box carries with headroom on the pessimistic side, by bisection."""

    def holds(cameras: int) -> bool:
        return _holds(searcher, candidate, ask, spread(ask.grown, cameras))

    low, high = 0, most + 1
    probe = most
    while high - low > 1:
        low, high = (probe, high) if holds(probe) else (low, probe)
        probe = (low + high) // 2
    return low


def _holds(searcher: Searcher, candidate: Candidate, ask: Ask, counts: Mapping[str, int]) -> bool:
    return searcher.judge(candidate, 1, Ask(ask.scenario, counts, counts, ask.objects_factor)).feasible


def _solve(kinds: Sequence[_Kind], total: int, limit: int, *, spare_box: bool) -> list[int] | None:
    """Numbers of boxes per kind at the least cost, or None; variables are numbers, then one 0/1 per kind (bought)."""
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
    bounds = Bounds(np.zeros(2 * size), np.concatenate([np.full(size, float(limit)), np.ones(size)]))
    answer = milp(np.concatenate([costs, none]), constraints=rows, bounds=bounds, integrality=np.ones(2 * size))
    return None if answer.x is None else [round(value) for value in answer.x[:size]]


_Groups = list[dict[str, int]]
"""Cameras per group of each box."""


def _survives(searcher: Searcher, ask: Ask, bought: Sequence[_Kind]) -> tuple[_Groups, _Groups] | None:
    """Cameras of each box, and those when it has most to carry; None where a box then fails.

    The two differ with n+1: any kind of box may be lost, and the others are then dealt its cameras.
    """
    groups = _deal(searcher, ask, bought)
    if groups is None:
        return None
    fullest = list(groups)
    rates = {group.group: group.fps for group in ask.scenario.cameras}

    def frames_per_s(counts: Mapping[str, int]) -> float:
        return sum(rates[name] * count for name, count in counts.items())

    if spare(ask.scenario):
        for lost in {kind.candidate.platform.id: position for position, kind in enumerate(bought)}.values():
            left = [position for position in range(len(bought)) if position != lost]
            again = _deal(searcher, ask, [bought[position] for position in left])
            if again is None:
                return None
            for position, counts in zip(left, again, strict=True):
                fullest[position] = max(fullest[position], counts, key=frames_per_s)
    return groups, fullest


def _deal(searcher: Searcher, ask: Ask, boxes: Sequence[_Kind]) -> _Groups | None:
    """Deal the cameras out in proportion to what the boxes carry; None where one of them then fails."""
    left = dict(ask.grown)
    room = sum(kind.cameras for kind in boxes)
    dealt = []
    for kind in boxes:
        cameras = sum(left.values())
        share = min(kind.cameras, math.ceil(cameras * kind.cameras / room)) if room else 0
        counts = spread(left, share)
        if not _holds(searcher, kind.candidate, ask, counts):
            return None
        left = {name: left[name] - counts[name] for name in left}
        room -= kind.cameras
        dealt.append(counts)
    return dealt if not sum(left.values()) else None


def _shares(
    searcher: Searcher, alone: Ask, bought: Sequence[_Kind], groups: _Groups, fullest: _Groups
) -> tuple[BoxShare, ...]:
    rows: dict[tuple[object, ...], BoxShare] = {}
    for kind, counts, most in zip(bought, groups, fullest, strict=True):
        platform = kind.candidate.platform
        key = (platform.id, tuple(sorted(counts.items())), tuple(sorted(most.items())))
        if key in rows:
            rows[key] = rows[key].model_copy(update={"count": rows[key].count + 1})
            continue
        judged = searcher.judge(kind.candidate, 1, Ask(alone.scenario, most, most, alone.objects_factor))
        config, predicted = set_up_for(searcher, judged, Ask(alone.scenario, counts, counts, alone.objects_factor))
        rows[key] = BoxShare(
            platform=platform.id,
            name=platform.name,
            count=1,
            cameras=counts,
            price_per_box=kind.price,
            config=config,
            predicted=predicted,
        )
    return tuple(rows.values())


def set_up_for(searcher: Searcher, judged: Judgement, ask: Ask) -> tuple[PlanConfig, PredictedLoad]:
    """Configuration of boxes that hold, and what they will look like with the cameras of ``ask``."""
    setup = judged.setup
    assert setup is not None  # they hold
    return plan_config(setup), outlook(searcher, judged, ask, exact=False).predicted


def site_counts(scenario: Scenario, site: SiteGroup) -> dict[str, int]:
    """Cameras per group at one site; groups that it does not name have none there."""
    return {name: site.cameras.get(name, 0) for name in camera_counts(scenario)}


def sites_ask(scenario: Scenario) -> Ask:
    """Ask for the scenario's own cameras, or for its kind of site with most frames per second."""
    if not scenario.sites:
        return Ask.of(scenario)
    rates = {group.group: group.fps for group in scenario.cameras}

    def frames(counts: Mapping[str, int]) -> float:
        return sum(rates[name] * count for name, count in counts.items())

    return Ask.of(scenario, counts=max((site_counts(scenario, site) for site in scenario.sites), key=frames))


@dataclass(frozen=True)
class SitesPlan:
    """Cheapest boxes per kind of site, and the bill for all."""

    rows: tuple[dict[str, Any], ...] = ()
    total: dict[str, Any] = field(default_factory=dict)
    paid: dict[str, Price] = field(default_factory=dict)
    """Platforms that are bought anywhere, with the price of one site's boxes: for warnings."""


def plan_sites(searcher: Searcher, candidates: Sequence[Candidate]) -> SitesPlan:
    """Cheapest boxes per kind of site, and the bill for all; equal sites are planned once."""
    scenario = searcher.inputs.scenario
    if not scenario.sites:
        return SitesPlan()
    found: dict[tuple[int, ...], Winner | None] = {}
    rows = []
    paid: dict[str, Price] = {}
    for site in scenario.sites:
        counts = site_counts(scenario, site)
        key = tuple(counts.values())
        ask = Ask.of(scenario, counts=counts)
        if key not in found:
            found[key] = cheapest(searcher, candidates, ask)
        winner = found[key]
        rows.append(_row(searcher, site, ask, winner))
        if winner is not None:
            candidate = winner.judged.model.candidate
            paid[candidate.platform.id] = price(searcher, candidate, winner.judged.count, scenario)
    return SitesPlan(tuple(rows), _bill(searcher, rows), paid)


def _row(searcher: Searcher, site: SiteGroup, ask: Ask, winner: Winner | None) -> dict[str, Any]:
    row: dict[str, Any] = {"site": site.name, "sites": site.count, "cameras": ask.cameras}
    if winner is None or winner.judged.setup is None:
        return row | dict.fromkeys(ANSWERED)
    judged, setup = winner.judged, winner.judged.setup
    scenario, candidate = searcher.inputs.scenario, judged.model.candidate
    paid = price(searcher, candidate, judged.count, scenario)
    busy = setup_cores(searcher, candidate, setup, ask, judged.count)
    tco = running_tco(searcher, candidate, judged.count, ask, busy)
    return row | {
        "platform": judged.model.id,
        "boxes_per_site": judged.count + spare(scenario),
        "price_per_site": paid.value,
        "price": None if paid.value is None else paid.value * site.count,
        "currency": paid.currency,
        "tco_per_site": tco.value,
        "tco": None if tco.value is None else tco.value * site.count,
        "energy_kwh_per_year": tco.energy_kwh_per_year.p50 * site.count,
        "config": plan_config(setup).model_dump(mode="json"),
    }


def _bill(searcher: Searcher, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Sum over all sites; no sum where a site has no answer."""
    solved = all(row["platform"] is not None for row in rows)
    boxes: dict[str, int] = {}
    for row in rows:
        if row["platform"] is not None:
            boxes[row["platform"]] = boxes.get(row["platform"], 0) + row["boxes_per_site"] * row["sites"]

    def total(name: str) -> float | None:
        return sum(row[name] for row in rows) if solved else None

    return {
        "sites": sum(row["sites"] for row in rows),
        "boxes": sum(boxes.values()) if solved else None,
        "boxes_per_platform": boxes,
        "price": total("price"),
        "tco": total("tco"),
        "energy_kwh_per_year": total("energy_kwh_per_year"),
        "currency": searcher.inputs.scenario.money.currency,
        "unsolved": [row["site"] for row in rows if row["platform"] is None],
    }
