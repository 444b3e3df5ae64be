"""What the scenario will look like on one platform: rates, tails, utilisation, capacity, each with its interval."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median

from advisor.planner.search.belief import MEDIAN, QUANTILES
from advisor.planner.search.costs import MEMORY_OF_CAMERA_BYTES, choice_memory_bytes
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.simulate import SimulatedOutcome
from advisor.planner.search.study import DRAWS
from advisor.planner.search.threads import in_threads
from advisor.records.base import Interval, LatencyInterval, Tail
from advisor.records.plan import PredictedLoad

MAX_CAMERAS = 20_000
FACTOR_STEP = 0.02
"""Relative width at which the bisection for a capacity ends."""
MIN_FLUID_FACTOR = 0.5
"""Share of today's load that fits on the optimistic side, below which a short run shows all there is to see."""
OVERLOADED_S = 2.0
SHORT_S = 10.0
"""Simulated time for platforms that are only mentioned [s]."""

Draws = tuple[SimulatedOutcome, ...]
"""Independent draws at one quantile."""
BoxQuantiles = tuple[float, float, float]
"""Quantiles z at which a box as a whole is at its P10, P50 and P90."""


@dataclass(frozen=True)
class LoadPrediction:
    """The record for the plan, and the simulations behind it."""

    predicted: PredictedLoad
    outcomes: tuple[Draws, Draws, Draws]
    """Optimistic, median and pessimistic."""


def predict_load(deployment: Deployment, *, exact: bool, feasible: bool) -> LoadPrediction:
    """Predict the scenario as it stands today (no growth) on these boxes.

    Parameters
    ----------
    exact : bool
        Find the capacity by simulation, and simulate each quantile with several draws, so that the intervals cover the
        scatter of a run as well as the uncertainty of the platform's speed. Else capacity is that of the utilisation
        law, an upper bound that ignores queueing, and one short run is made.
    feasible : bool
        The boxes were judged to carry the case with its growth, which bounds the capacity from below.
    """
    longest_s = math.inf if exact else SHORT_S
    quantiles = deployment.quantiles(deployment.nominal)
    if fluid_factor(deployment, quantiles[0]) < MIN_FLUID_FACTOR:
        longest_s = OVERLOADED_S
    # In overload the backlog hides whatever is drawn.
    draws = DRAWS if exact and fluid_factor(deployment, MEDIAN) > 1.0 else 1
    outcomes = _simulated(deployment, quantiles, longest_s, draws)
    cameras = requests = None
    if deployment.scenario.cameras and exact:
        cameras = _camera_capacity(deployment, quantiles, feasible=feasible)
    elif deployment.scenario.cameras:
        cameras = _fluid_cameras(deployment, quantiles)
    else:
        requests = _request_capacity(deployment, quantiles, exact=exact)
    total = sum(deployment.nominal.counts.values())
    memory = _ordered([choice_memory_bytes(deployment.setup.choice, total, z) for z in QUANTILES])
    _, middle, _ = outcomes
    predicted = PredictedLoad(
        camera_fps=_band(outcomes, lambda outcome: outcome.camera_fps, falling=True),
        drops_pct=_band(outcomes, lambda outcome: outcome.drops_pct),
        latency_ms=Tail(
            p50=median(_ms(outcome.p50_ms) for outcome in middle),
            p95=median(_ms(outcome.p95_ms) for outcome in middle),
            p99=median(_ms(outcome.p99_ms) for outcome in middle),
        ),
        latency_p95_ms=_latency_band(outcomes),
        utilisation=_utilisation(deployment.model, outcomes, memory),
        capacity_cameras=cameras,
        capacity_requests_per_s=requests,
        memory_bytes=memory,
        stage_load={name: _band(outcomes, _cores_of(name)) for name in middle[0].result.busy_core_s},
        evidence=deployment.model.evidence(deployment.scenario, deployment.setup.choice),
    )
    return LoadPrediction(predicted, outcomes)


def capacity_factor(deployment: Deployment, z: float, *, at_least: float = 0.0) -> float:
    """Largest multiple of today's requests that meets the SLO at quantile ``z``, to 2 %.

    By bisection over simulations, below the bound of the utilisation law. ``at_least`` is known to hold.
    """

    def meets(factor: float) -> bool:
        load = replace(deployment.nominal, requests_factor=factor / deployment.count)
        return deployment.run(load, z).meets_slo

    low, high = at_least, max(fluid_factor(deployment, z), at_least)
    while high - low > FACTOR_STEP * high:
        middle = (low + high) / 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def capacity_cameras(deployment: Deployment, z: float, *, at_least: int = 0) -> int:
    """Most cameras that meet the SLO at quantile ``z`` and fit in the memory, by bisection over simulations.

    Exact to one camera up to fifty, to 2 % above. ``at_least`` cameras are known to hold.
    """
    case = deployment.case

    def meets(cameras: int) -> bool:
        return deployment.run(case.with_total(cameras, deployment.count), z).meets_slo

    limit = math.floor(min(fluid_factor(deployment, z) * max(case.cameras, 1), memory_cameras(deployment)) + 1e-9)
    low, high = at_least, max(min(limit, MAX_CAMERAS), at_least) + 1
    probe = max(low + 1, math.floor(0.9 * high))
    while high - low > max(1, FACTOR_STEP * high) and probe < high:
        if meets(probe):
            low = probe
        else:
            high = probe
        probe = (low + high) // 2
        if probe == low:
            break
    return low


def memory_cameras(deployment: Deployment) -> float:
    """Cameras that fill the memory of all boxes at the median; infinite where it is unknown."""
    installed = deployment.model.machine.memory_bytes
    if installed is None:
        return math.inf
    fixed = choice_memory_bytes(deployment.setup.choice, 0, MEDIAN)
    return max(0.0, deployment.count * (installed - fixed) / MEMORY_OF_CAMERA_BYTES)


def fluid_factor(deployment: Deployment, z: float, *, contended: bool = False, device: bool = True) -> float:
    """Multiple of today's load that fills cores or device without queueing: an upper bound on what is carried.

    ``contended``: no bound, but with every pass as long as with all streams busy. ``device``: whether one counts.
    """
    # With all cores busy every clock is that of a full machine.
    full = contended or bool(deployment.model.slowing)
    demand = deployment.cores(deployment.case.nominal(1), z, contended=full)
    most = MAX_CAMERAS / max(deployment.case.cameras, 1)
    of_cores = deployment.count * deployment.model.cores / demand if demand > 0 else most
    busy = deployment.device_load(deployment.case.nominal(1), z) if device else 0.0
    return min(of_cores, deployment.count / busy) if busy > 0 else of_cores


def _simulated(
    deployment: Deployment, quantiles: BoxQuantiles, longest_s: float, draws: int
) -> tuple[Draws, Draws, Draws]:
    study, load = deployment.study, deployment.nominal

    def run(at: tuple[float, int]) -> SimulatedOutcome:
        z, draw = at
        return study.run(deployment.model, deployment.setup, load, z, longest_s=longest_s, draw=draw)

    outcomes = iter(in_threads(run, [(z, draw) for z in quantiles for draw in range(draws)]))
    optimistic, middle, pessimistic = (tuple(itertools.islice(outcomes, draws)) for _ in quantiles)
    return optimistic, middle, pessimistic


def _ordered(values: Sequence[float]) -> Interval:
    """Three figures in ascending order as P10, P50 and P90 (simulated ones may swap by chance)."""
    low, middle, high = sorted(values)
    return Interval(p10=low, p50=middle, p90=high)


def _cores_of(name: str) -> Callable[[SimulatedOutcome], float]:
    return lambda outcome: outcome.result.busy_core_s[name] / outcome.result.window_s


def _band(
    outcomes: tuple[Draws, Draws, Draws], figure: Callable[[SimulatedOutcome], float], *, falling: bool = False
) -> Interval:
    """Least of the optimistic draws, median of the median ones, most of the pessimistic ones.

    ``falling``: the figure is better when larger.
    """
    best, worst = (max, min) if falling else (min, max)
    optimistic, middle, pessimistic = ([figure(outcome) for outcome in draws] for draws in outcomes)
    return _ordered([best(optimistic), median(middle), worst(pessimistic)])


def _latency_band(outcomes: tuple[Draws, Draws, Draws]) -> LatencyInterval:
    """:func:`_band` of the p95 latency, which may be without end."""
    optimistic, middle, pessimistic = ([_ms(outcome.p95_ms) for outcome in draws] for draws in outcomes)
    low, half, high = sorted((min(optimistic), median(middle), max(pessimistic)))
    return LatencyInterval(p10=low, p50=half, p90=high)


def _utilisation(model: PlatformModel, outcomes: tuple[Draws, Draws, Draws], memory: Interval) -> dict[str, Interval]:
    shares = {"cpu": _band(outcomes, lambda outcome: outcome.cpu)}
    if all(outcome.bandwidth is not None for draws in outcomes for outcome in draws):
        shares["memory_bandwidth"] = _band(outcomes, lambda outcome: outcome.bandwidth or 0.0)
    for name in outcomes[1][0].devices:
        shares[name] = _band(outcomes, partial(_share_of, name))
    if model.machine.memory_bytes is not None:
        shares["memory"] = memory.scaled(1.0 / model.machine.memory_bytes)
    return shares


def _share_of(name: str, outcome: SimulatedOutcome) -> float:
    return outcome.devices[name]


def _request_capacity(deployment: Deployment, quantiles: BoxQuantiles, *, exact: bool) -> Interval:
    """Requests per second that meet the SLO at the three quantiles; not ``exact``: the utilisation law's bound."""
    offered = sum(group.rate_per_s for group in deployment.scenario.requests)
    if not exact:
        return _ordered([fluid_factor(deployment, z) * offered for z in quantiles])
    optimistic, median_z, pessimistic = quantiles
    low = capacity_factor(deployment, pessimistic)
    middle = capacity_factor(deployment, median_z, at_least=low)
    high = capacity_factor(deployment, optimistic, at_least=middle)
    return Interval(p10=low * offered, p50=middle * offered, p90=high * offered)


def _camera_capacity(deployment: Deployment, quantiles: BoxQuantiles, *, feasible: bool) -> Interval:
    """Capacity at the three quantiles; more speed never carries less, which shortens the search."""
    optimistic, median_z, pessimistic = quantiles
    grown = deployment.case.grown_cameras if feasible else 0
    low = capacity_cameras(
        deployment, pessimistic, at_least=grown if deployment.scenario.margin.confidence >= 0.9 else 0
    )
    middle = capacity_cameras(deployment, median_z, at_least=max(low, grown))
    high = capacity_cameras(deployment, optimistic, at_least=middle)
    return Interval(p10=float(low), p50=float(middle), p90=float(high))


def _fluid_cameras(deployment: Deployment, quantiles: BoxQuantiles) -> Interval:
    limits = [fluid_factor(deployment, z) * deployment.case.cameras for z in quantiles]
    return _ordered([float(min(MAX_CAMERAS, math.floor(limit + 1e-9))) for limit in limits])


def _ms(value: float | None) -> float:
    """Latency [ms], infinite for frames that are never done."""
    return math.inf if value is None else value
