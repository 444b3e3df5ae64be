"""What the scenario will look like on one platform: rates, tails, utilisation, capacity, each with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from advisor.planner.demand import camera_counts, per_box, spread, stage_demand
from advisor.planner.evaluate import Choice, Load, Outcome, cpu_demand, memory_needed_bytes
from advisor.planner.search import Searcher
from advisor.planner.space import Z90, PlatformModel
from advisor.records.base import Interval, Tail
from advisor.records.plan import PredictedLoad
from advisor.records.scenario import Scenario

NEVER_MS = 1.0e9
MOST_CAMERAS = 20_000


def interval(values: list[float]) -> Interval:
    """Three figures in ascending order as P10, P50 and P90 (simulated ones may swap by chance)."""
    low, middle, high = sorted(values)
    return Interval(p10=low, p50=middle, p90=high)


@dataclass(frozen=True)
class Outlook:
    """The record for the plan, and the simulations behind it (optimistic, median, pessimistic)."""

    predicted: PredictedLoad
    outcomes: tuple[Outcome, Outcome, Outcome]


def outlook(
    searcher: Searcher, model: PlatformModel, scenario: Scenario, choice: Choice, count: int, *, exact: bool
) -> Outlook:
    """Predict the scenario as it stands today (no growth) on ``count`` boxes.

    ``exact`` finds the capacity by simulation; else by the utilisation law, an upper bound that ignores queueing.
    """
    load = searcher.nominal_load(scenario, count)
    optimistic, median, pessimistic = (searcher.run(model, scenario, choice, load, z) for z in (-Z90, 0.0, Z90))
    outcomes = (optimistic, median, pessimistic)
    utilisation = {"cpu": interval([item.cpu for item in outcomes])}
    shares = [item.bandwidth for item in outcomes]
    if all(share is not None for share in shares):
        utilisation["memory_bandwidth"] = interval([share for share in shares if share is not None])
    memory = interval([memory_needed_bytes(choice, load, z) for z in (-Z90, 0.0, Z90)])
    if model.machine.memory_bytes is not None:
        utilisation["memory"] = memory.scaled(1.0 / model.machine.memory_bytes)
    cameras = requests = None
    if scenario.cameras:
        cameras = interval(
            [
                float(
                    capacity_cameras(searcher, model, scenario, choice, count, z)
                    if exact
                    else fluid_capacity(model, scenario, choice, count, z)
                )
                for z in (-Z90, 0.0, Z90)
            ]
        )
    else:
        requests = interval([_fluid_requests(model, scenario, choice, count, z) for z in (-Z90, 0.0, Z90)])
    predicted = PredictedLoad(
        camera_fps=interval([item.camera_fps for item in outcomes]),
        drops_pct=interval([item.drops_pct for item in outcomes]),
        latency_ms=Tail(p50=_ms(median.p50_ms), p95=_ms(median.p95_ms), p99=_ms(median.p99_ms)),
        latency_p95_ms=interval([_ms(item.p95_ms) for item in outcomes]),
        utilisation=utilisation,
        capacity_cameras=cameras,
        capacity_requests_per_s=requests,
        memory_bytes=memory,
        stage_load={
            name: interval([item.result.busy_core_s[name] / item.result.window_s for item in outcomes])
            for name in median.result.busy_core_s
        },
        evidence=model.evidence(scenario, choice),
    )
    return Outlook(predicted, outcomes)


def capacity_cameras(
    searcher: Searcher, model: PlatformModel, scenario: Scenario, choice: Choice, count: int, z: float
) -> int:
    """Most cameras on ``count`` boxes that meet the SLO at belief ``z``, by bisection over simulations.

    Exact to one camera up to fifty, to 2 % above.
    """
    base = camera_counts(scenario)

    def meets(cameras: int) -> bool:
        load = Load(per_box(spread(base, cameras), count), 1.0, 1.0 / count)
        return searcher.run(model, scenario, choice, load, z).meets_slo

    high = min(fluid_capacity(model, scenario, choice, count, z), MOST_CAMERAS) + 1
    low = 0
    probe = max(1, math.floor(0.9 * high))
    while high - low > max(1, 0.02 * high):
        if meets(probe):
            low = probe
        else:
            high = probe
        probe = (low + high) // 2
        if probe in (low, high):
            break
    return low


def fluid_capacity(model: PlatformModel, scenario: Scenario, choice: Choice, count: int, z: float) -> int:
    """Most cameras by the utilisation law alone: all cores busy, nothing waits. An upper bound on the capacity."""
    base = camera_counts(scenario)
    total = sum(base.values())
    if total == 0:
        return 0
    demand = cpu_demand(model, scenario, choice, Load(base), z)
    return MOST_CAMERAS if demand <= 0 else min(MOST_CAMERAS, math.floor(count * model.cores * total / demand))


def _fluid_requests(model: PlatformModel, scenario: Scenario, choice: Choice, count: int, z: float) -> float:
    demand = cpu_demand(model, scenario, choice, Load({}), z)
    offered = sum(group.rate_per_s for group in scenario.requests)
    return offered * count * model.cores / demand


def stage_shares(scenario: Scenario, choice: Choice, load: Load) -> dict[str, float]:
    """Cores that each stage keeps busy at the median, by the utilisation law."""
    demands = stage_demand(scenario, load.counts, load.objects_factor)
    return {
        stage.id: demands[stage.id].items_per_s
        * choice[stage.id].core_s_per_item(0.0, max(1.0, demands[stage.id].items_per_frame))
        for stage in scenario.stages
    }


def _ms(value: float | None) -> float:
    return NEVER_MS if value is None else value
