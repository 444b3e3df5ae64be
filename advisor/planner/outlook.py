"""What the scenario will look like on one platform: rates, tails, utilisation, capacity, each with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from advisor.planner.costs import choice_cores, choice_memory_bytes
from advisor.planner.evaluate import Outcome, Setup
from advisor.planner.search import Ask, Judgement, Searcher
from advisor.planner.space import Z90, PlatformModel
from advisor.records.base import Interval, Tail
from advisor.records.plan import PredictedLoad

NEVER_MS = 1.0e9
MOST_CAMERAS = 20_000
SHORT_S = 10.0
"""Simulated time for platforms that are only mentioned."""


def interval(values: list[float]) -> Interval:
    """Three figures in ascending order as P10, P50 and P90 (simulated ones may swap by chance)."""
    low, middle, high = sorted(values)
    return Interval(p10=low, p50=middle, p90=high)


@dataclass(frozen=True)
class Outlook:
    """The record for the plan, and the simulations behind it (optimistic, median, pessimistic)."""

    predicted: PredictedLoad
    outcomes: tuple[Outcome, Outcome, Outcome]


def outlook(searcher: Searcher, judged: Judgement, ask: Ask, *, exact: bool) -> Outlook:
    """Predict the scenario as it stands today (no growth) on the boxes that were judged.

    ``exact`` finds the capacity by simulation; else by the utilisation law, an upper bound that ignores queueing, and
    simulates only a short time.
    """
    model, scenario, setup, count = judged.model, ask.scenario, judged.setup, judged.count
    assert setup is not None  # callers have seen to it
    load = ask.nominal(count)
    longest_s = math.inf if exact else SHORT_S
    optimistic, median, pessimistic = (
        searcher.run(model, scenario, setup, load, z, longest_s) for z in (-Z90, 0.0, Z90)
    )
    outcomes = (optimistic, median, pessimistic)
    cameras = requests = None
    if scenario.cameras:
        cameras = _capacity(searcher, judged, ask) if exact else _fluid(searcher, model, setup, ask, count)
    else:
        offered = sum(group.rate_per_s for group in scenario.requests)
        requests = interval([fluid_factor(searcher, model, setup, ask, count, z) * offered for z in (-Z90, 0.0, Z90)])
    memory = interval([choice_memory_bytes(setup.choice, sum(load.counts.values()), z) for z in (-Z90, 0.0, Z90)])
    predicted = PredictedLoad(
        camera_fps=interval([item.camera_fps for item in outcomes]),
        drops_pct=interval([item.drops_pct for item in outcomes]),
        latency_ms=Tail(p50=_ms(median.p50_ms), p95=_ms(median.p95_ms), p99=_ms(median.p99_ms)),
        latency_p95_ms=interval([_ms(item.p95_ms) for item in outcomes]),
        utilisation=_utilisation(model, outcomes, memory),
        capacity_cameras=cameras,
        capacity_requests_per_s=requests,
        memory_bytes=memory,
        stage_load={
            name: interval([item.result.busy_core_s[name] / item.result.window_s for item in outcomes])
            for name in median.result.busy_core_s
        },
        evidence=model.evidence(scenario, setup.choice),
    )
    return Outlook(predicted, outcomes)


def _utilisation(model: PlatformModel, outcomes: tuple[Outcome, ...], memory: Interval) -> dict[str, Interval]:
    found = {"cpu": interval([item.cpu for item in outcomes])}
    shares = [item.bandwidth for item in outcomes if item.bandwidth is not None]
    if len(shares) == len(outcomes):
        found["memory_bandwidth"] = interval(shares)
    if model.machine.memory_bytes is not None:
        found["memory"] = memory.scaled(1.0 / model.machine.memory_bytes)
    return found


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


def fluid_factor(searcher: Searcher, model: PlatformModel, setup: Setup, ask: Ask, count: int, z: float) -> float:
    """Multiple of today's load that keeps all cores busy, nothing waiting: an upper bound on what is carried."""
    facts = searcher.facts(ask.scenario, Ask(ask.scenario, ask.now, ask.now, ask.objects_factor).nominal(1))
    demand = choice_cores(model, ask.scenario, setup.choice, facts, z)
    return MOST_CAMERAS / max(ask.cameras, 1) if demand <= 0 else count * model.cores / demand


def _ms(value: float | None) -> float:
    return NEVER_MS if value is None else value
