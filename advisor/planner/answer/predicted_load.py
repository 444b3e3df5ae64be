"""What the scenario will look like on one platform: rates, tails, utilisation, capacity, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from advisor.planner.search.costs import choice_cores, choice_memory_bytes
from advisor.planner.search.search import SEEDS, Ask, Judgement, Searcher
from advisor.planner.search.simulate import Outcome, Setup
from advisor.planner.search.space import Z90, PlatformModel
from advisor.records.base import Interval, Tail
from advisor.records.plan import PredictedLoad

NEVER_MS = 1.0e9
MOST_CAMERAS = 20_000
FACTOR_STEP = 0.02
HOPELESS = 0.5
"""Share of today's load that fits at the optimistic belief, below which a short run shows all there is to see."""
OVERLOADED_S = 2.0
SHORT_S = 10.0
"""Simulated time for platforms that are only mentioned."""


Outcomes = tuple[Outcome, ...]


def interval(values: list[float]) -> Interval:
    """Three figures in ascending order as P10, P50 and P90 (simulated ones may swap by chance)."""
    low, middle, high = sorted(values)
    return Interval(p10=low, p50=middle, p90=high)


@dataclass(frozen=True)
class Outlook:
    """The record for the plan, and the simulations behind it."""

    predicted: PredictedLoad
    outcomes: tuple[Outcomes, Outcomes, Outcomes]
    """Optimistic, median and pessimistic belief; per belief one outcome per draw."""


def outlook(searcher: Searcher, judged: Judgement, ask: Ask, *, exact: bool) -> Outlook:
    """Predict the scenario as it stands today (no growth) on the boxes that were judged.

    ``exact`` finds the capacity by simulation, and simulates each belief with several draws, so that the intervals hold
    the scatter of a run beside the doubt about the platform's speed; else capacity is the utilisation law's, an upper
    bound that ignores queueing, and one short run is made.
    """
    model, scenario, setup, count = judged.model, ask.scenario, judged.setup, judged.count
    assert setup is not None  # callers have seen to it
    load = ask.nominal(count)
    longest_s = math.inf if exact else SHORT_S
    if fluid_factor(searcher, model, setup, ask, count, -Z90) < HOPELESS:
        longest_s = OVERLOADED_S
    # In overload the backlog hides whatever is drawn.
    draws = SEEDS if exact and fluid_factor(searcher, model, setup, ask, count, 0.0) > 1.0 else 1
    optimistic, middle, pessimistic = (
        tuple(searcher.run(model, scenario, setup, load, z, longest_s, draw) for draw in range(draws))
        for z in (-Z90, 0.0, Z90)
    )
    outcomes = (optimistic, middle, pessimistic)
    cameras = requests = None
    if scenario.cameras:
        cameras = _capacity(searcher, judged, ask) if exact else _fluid(searcher, model, setup, ask, count)
    else:
        requests = _request_capacity(searcher, judged, ask, exact=exact)
    memory = interval([choice_memory_bytes(setup.choice, sum(load.counts.values()), z) for z in (-Z90, 0.0, Z90)])
    predicted = PredictedLoad(
        camera_fps=_band(outcomes, lambda item: item.camera_fps, falling=True),
        drops_pct=_band(outcomes, lambda item: item.drops_pct),
        latency_ms=Tail(
            p50=median(_ms(item.p50_ms) for item in middle),
            p95=median(_ms(item.p95_ms) for item in middle),
            p99=median(_ms(item.p99_ms) for item in middle),
        ),
        latency_p95_ms=_band(outcomes, lambda item: _ms(item.p95_ms)),
        utilisation=_utilisation(model, outcomes, memory),
        capacity_cameras=cameras,
        capacity_requests_per_s=requests,
        memory_bytes=memory,
        stage_load={name: _band(outcomes, _cores_of(name)) for name in middle[0].result.busy_core_s},
        evidence=model.evidence(scenario, setup.choice),
    )
    return Outlook(predicted, outcomes)


def _cores_of(name: str) -> Callable[[Outcome], float]:
    return lambda item: item.result.busy_core_s[name] / item.result.window_s


def _band(
    outcomes: tuple[Outcomes, Outcomes, Outcomes], figure: Callable[[Outcome], float], *, falling: bool = False
) -> Interval:
    """Least of the optimistic draws, median of the median ones, most of the pessimistic ones.

    ``falling``: the figure is better when larger.
    """
    best, worst = (max, min) if falling else (min, max)
    optimistic, middle, pessimistic = ([figure(item) for item in draws] for draws in outcomes)
    return interval([best(optimistic), median(middle), worst(pessimistic)])


def _utilisation(
    model: PlatformModel, outcomes: tuple[Outcomes, Outcomes, Outcomes], memory: Interval
) -> dict[str, Interval]:
    found = {"cpu": _band(outcomes, lambda item: item.cpu)}
    if all(item.bandwidth is not None for draws in outcomes for item in draws):
        found["memory_bandwidth"] = _band(outcomes, lambda item: item.bandwidth or 0.0)
    if model.machine.memory_bytes is not None:
        found["memory"] = memory.scaled(1.0 / model.machine.memory_bytes)
    return found


def _request_capacity(searcher: Searcher, judged: Judgement, ask: Ask, *, exact: bool) -> Interval:
    """Requests per second that meet the SLO at the three beliefs; not ``exact``: the utilisation law's upper bound."""
    model, count, setup = judged.model, judged.count, judged.setup
    assert setup is not None
    offered = sum(group.rate_per_s for group in ask.scenario.requests)
    if not exact:
        return interval([fluid_factor(searcher, model, setup, ask, count, z) * offered for z in (-Z90, 0.0, Z90)])
    low = capacity_factor(searcher, model, setup, ask, count, Z90)
    middle = capacity_factor(searcher, model, setup, ask, count, 0.0, at_least=low)
    high = capacity_factor(searcher, model, setup, ask, count, -Z90, at_least=middle)
    return Interval(p10=low * offered, p50=middle * offered, p90=high * offered)


def capacity_factor(
    searcher: Searcher, model: PlatformModel, setup: Setup, ask: Ask, count: int, z: float, *, at_least: float = 0.0
) -> float:
    """Largest multiple of today's requests that meets the SLO on ``count`` boxes at belief ``z``, to 2 %.

    By bisection over simulations, below the bound of the utilisation law. ``at_least`` is known to hold.
    """

    def meets(factor: float) -> bool:
        load = replace(ask.nominal(count), requests_factor=factor / count)
        return searcher.run(model, ask.scenario, setup, load, z).meets_slo

    low, high = at_least, max(fluid_factor(searcher, model, setup, ask, count, z), at_least)
    while high - low > FACTOR_STEP * high:
        middle = (low + high) / 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def _capacity(searcher: Searcher, judged: Judgement, ask: Ask) -> Interval:
    """Capacity at the three beliefs; more speed never carries less, which shortens the search."""
    model, count = judged.model, judged.count
    assert judged.setup is not None
    known = sum(ask.grown.values()) if judged.feasible else 0
    low = capacity_cameras(searcher, model, judged.setup, ask, count, Z90, at_least=known)
    middle = capacity_cameras(searcher, model, judged.setup, ask, count, 0.0, at_least=low)
    high = capacity_cameras(searcher, model, judged.setup, ask, count, -Z90, at_least=middle)
    return Interval(p10=float(low), p50=float(middle), p90=float(high))


def capacity_cameras(
    searcher: Searcher, model: PlatformModel, setup: Setup, ask: Ask, count: int, z: float, *, at_least: int = 0
) -> int:
    """Most cameras on ``count`` boxes that meet the SLO at belief ``z``, by bisection over simulations.

    Exact to one camera up to fifty, to 2 % above. ``at_least`` cameras are known to hold.
    """

    def meets(cameras: int) -> bool:
        return searcher.run(model, ask.scenario, setup, ask.with_cameras(cameras, count), z).meets_slo

    limit = math.floor(fluid_factor(searcher, model, setup, ask, count, z) * max(ask.cameras, 1) + 1e-9)
    low, high = at_least, max(min(limit, MOST_CAMERAS), at_least) + 1
    probe = max(low + 1, math.floor(0.9 * high))
    while high - low > max(1, 0.02 * high) and probe < high:
        if meets(probe):
            low = probe
        else:
            high = probe
        probe = (low + high) // 2
        if probe == low:
            break
    return low


def _fluid(searcher: Searcher, model: PlatformModel, setup: Setup, ask: Ask, count: int) -> Interval:
    limits = [fluid_factor(searcher, model, setup, ask, count, z) * ask.cameras for z in (-Z90, 0.0, Z90)]
    return interval([float(min(MOST_CAMERAS, math.floor(limit + 1e-9))) for limit in limits])


def fluid_factor(
    searcher: Searcher, model: PlatformModel, setup: Setup, ask: Ask, count: int, z: float, *, crowded: bool = False
) -> float:
    """Multiple of today's load that keeps all cores busy, nothing waiting: an upper bound on what is carried.

    ``crowded``: no bound, but with every pass as long as beside others.
    """
    facts = searcher.facts(ask.scenario, Ask(ask.scenario, ask.now, ask.now, ask.objects_factor).nominal(1))
    demand = choice_cores(model, ask.scenario, setup.choice, facts, z, crowded=crowded)
    return MOST_CAMERAS / max(ask.cameras, 1) if demand <= 0 else count * model.cores / demand


def _ms(value: float | None) -> float:
    return NEVER_MS if value is None else value
