"""Which platform, and how many boxes of it, holds at the least cost: best first, with bounds that cost nothing."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.money import active_fraction, price_of, total_cost
from advisor.records.base import Interval
from advisor.records.plan import Price, Tco
from advisor.records.scenario import Scenario

from .costs import choice_cores, decode_cores, stage_cores
from .search import Ask, Judgement, Searcher
from .simulate import Load, Setup, allowed_share
from .space import Z90, PlatformModel


@dataclass(frozen=True)
class Entry:
    """A platform and a number of boxes, not yet judged."""

    candidate: Candidate
    count: int


@dataclass(frozen=True)
class Winner:
    """A judgement that holds, with its cost in the scenario's objective."""

    judged: Judgement
    cost: float


def least_cores(searcher: Searcher, candidate: Candidate, ask: Ask, load: Load, z: float) -> float | None:
    """Cores that the load keeps busy with the least option of each stage; None where a stage has none."""
    found = [_least_cores(searcher, model, ask, load, z) for model in searcher.models(candidate)]
    return min((cores for cores in found if cores is not None), default=None)


def _least_cores(searcher: Searcher, model: PlatformModel, ask: Ask, load: Load, z: float) -> float | None:
    """Worked out once per question: ranking, misses and the Pareto front all ask."""
    return searcher.once(
        ("least cores", model.id, model.placement, z),
        ask.scenario,
        load,
        lambda: _least_sum(searcher, model, ask, load, z),
    )


def _least_sum(searcher: Searcher, model: PlatformModel, ask: Ask, load: Load, z: float) -> float | None:
    facts = searcher.facts(ask.scenario, load)
    total = decode_cores(model, ask.scenario, facts, z)
    for stage in ask.scenario.stages:
        options = model.least_options(ask.scenario, stage, z)
        if not options:
            return None
        total += min(stage_cores(option, facts.stages[stage.id], z) for option in options)
    return total


def most_boxes(ask: Ask) -> int:
    """Most boxes over which the load may be spread: those that are permitted, and never more than there are cameras."""
    permitted = ask.scenario.candidates.max_boxes
    return min(permitted, max(1, sum(ask.grown.values()))) if ask.cameras else permitted


def boxes_needed(searcher: Searcher, candidate: Candidate, ask: Ask) -> int | None:
    """Fewest boxes by the utilisation law; None when not even ``candidates.max_boxes`` suffice, or no option."""
    allowed = allowed_share(ask.scenario)
    for count in range(1, most_boxes(ask) + 1):
        load = ask.load(count)
        demands = [(model, _least_cores(searcher, model, ask, load, Z90)) for model in searcher.models(candidate)]
        if all(demand is None for _, demand in demands):
            return None
        if any(demand is not None and demand <= allowed * model.cores for model, demand in demands):
            return count
    return None


def most_free(searcher: Searcher, candidate: Candidate, ask: Ask, count: int) -> float:
    """Largest share of the cores that can stay free in the fullest of ``count`` boxes, by the utilisation law.

    On a chip with two kinds of cores each placement is measured by its own cores.
    """
    load = ask.load(count)
    demands = [(model, _least_cores(searcher, model, ask, load, Z90)) for model in searcher.models(candidate)]
    return max((1.0 - demand / model.cores for model, demand in demands if demand is not None), default=-math.inf)


def spare(scenario: Scenario) -> int:
    """Boxes that are bought beyond those that carry the load."""
    return 1 if scenario.margin.redundancy == "n+1" else 0


def price(searcher: Searcher, candidate: Candidate, count: int, scenario: Scenario) -> Price:
    """Price of ``count`` boxes and the spare one."""
    return price_of(candidate.platform, count + spare(scenario), scenario, searcher.inputs.today)


def affordable(
    searcher: Searcher, candidates: Sequence[Candidate], scenario: Scenario, ceiling: float
) -> list[Candidate]:
    """Return those of which one box alone, without its energy, is cheaper than ``ceiling``; all where that is none."""
    if math.isinf(ceiling):
        return list(candidates)
    paid = [(candidate, price(searcher, candidate, 1, scenario).value) for candidate in candidates]
    return [candidate for candidate, value in paid if value is not None and value < ceiling]


def running_tco(searcher: Searcher, candidate: Candidate, count: int, ask: Ask, cores: Interval) -> Tco:
    """TCO of ``count`` boxes and the spare one, each with so many cores busy while its cameras are active."""
    inputs = searcher.inputs
    model = searcher.model(candidate)

    def watts(busy: float) -> Interval:
        return inputs.predictor.power_w(candidate.machine, min(1.0, busy / model.cores))

    low, middle, high = watts(cores.p10), watts(cores.p50), watts(cores.p90)
    active_w = Interval(p10=min(low.p10, middle.p50), p50=middle.p50, p90=max(high.p90, middle.p50))
    paid = price(searcher, candidate, count, ask.scenario)
    idle_w = inputs.predictor.power_w(candidate.machine, 0.0)
    boxes = count + spare(ask.scenario)
    return total_cost(paid, boxes, ask.scenario.money, active_w, idle_w, active_fraction(ask.scenario))


def setup_cores(searcher: Searcher, candidate: Candidate, setup: Setup, ask: Ask, count: int) -> Interval:
    """Cores that a configuration keeps busy in the fullest box today, by the utilisation law."""
    model = searcher.model(candidate)
    facts = searcher.facts(ask.scenario, ask.nominal(count))
    low, middle, high = (choice_cores(model, ask.scenario, setup.choice, facts, z) for z in (-Z90, 0.0, Z90))
    return Interval(p10=low, p50=middle, p90=high)


def least_cost(searcher: Searcher, candidate: Candidate, count: int, ask: Ask) -> float:
    """Cost that no configuration on ``count`` boxes can undercut; infinite where the price is unknown."""
    paid = price(searcher, candidate, count, ask.scenario)
    if paid.value is None:
        return math.inf
    if ask.scenario.money.objective == "price":
        return paid.value
    cores = least_cores(searcher, candidate, ask, ask.nominal(count), 0.0)
    if cores is None:
        return paid.value
    tco = running_tco(searcher, candidate, count, ask, Interval(p10=cores, p50=cores, p90=cores))
    assert tco.value is not None  # the price is known
    return tco.value


def cost(searcher: Searcher, judged: Judgement, ask: Ask) -> float:
    """Cost of a judged configuration in the scenario's objective."""
    candidate = judged.model.candidate
    if ask.scenario.money.objective == "price" or judged.setup is None:
        return least_cost(searcher, candidate, judged.count, ask)
    cores = setup_cores(searcher, candidate, judged.setup, ask, judged.count)
    tco = running_tco(searcher, candidate, judged.count, ask, cores)
    return math.inf if tco.value is None else tco.value


def winners(
    searcher: Searcher,
    candidates: Sequence[Candidate],
    ask: Ask,
    *,
    floor: float = 0.0,
    ceiling: float = math.inf,
    seen: Callable[[Judgement], None] = lambda _: None,
) -> Iterator[Winner]:
    """Yield one judgement that holds per platform, in the order of cost.

    Parameters
    ----------
    floor, ceiling : float
        Costs below ``floor`` are known not to hold (under an easier question); nothing from ``ceiling`` on is wanted.
    seen : callable
        Is told every judgement, also those that fail.
    """
    order = itertools.count()
    waiting: list[tuple[float, int, Entry | Winner]] = []

    def wait(candidate: Candidate, count: int) -> None:
        while count <= most_boxes(ask):
            bound = least_cost(searcher, candidate, count, ask)
            if math.isinf(bound) or bound >= ceiling:
                return
            if bound >= floor:
                heapq.heappush(waiting, (bound, next(order), Entry(candidate, count)))
                return
            count += 1

    for candidate in affordable(searcher, candidates, ask.scenario, ceiling):
        needed = boxes_needed(searcher, candidate, ask)
        if needed is not None:
            wait(candidate, needed)
    done: set[str] = set()
    while waiting:
        _, _, entry = heapq.heappop(waiting)
        if isinstance(entry, Winner):
            if entry.judged.model.id not in done:
                done.add(entry.judged.model.id)
                yield entry
            continue
        if entry.candidate.platform.id in done:
            continue
        judged = searcher.judge(entry.candidate, entry.count, ask)
        seen(judged)
        if judged.feasible:
            # With TCO the configuration that holds may cost more than the bound: back into the queue at its own cost.
            found = Winner(judged, cost(searcher, judged, ask))
            if found.cost < ceiling:
                heapq.heappush(waiting, (found.cost, next(order), found))
            if ask.scenario.money.objective == "tco":
                # One box more may run a thriftier configuration that the fuller boxes had no room for.
                wait(entry.candidate, entry.count + 1)
        elif judged.check != "evidence":
            wait(entry.candidate, entry.count + 1)


def cheapest(
    searcher: Searcher, candidates: Sequence[Candidate], ask: Ask, *, floor: float = 0.0, ceiling: float = math.inf
) -> Winner | None:
    """Return the cheapest that holds; None where nothing does."""
    return next(winners(searcher, candidates, ask, floor=floor, ceiling=ceiling), None)
