"""Why this box: what gives way first as the load grows, and what a change of the assumptions does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import device_loads, engine_load, stage_cores
from advisor.planner.search.judgement import Deployment, Failing, Feasible
from advisor.planner.search.rank import Solution, cheapest
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.base import Precision
from advisor.records.plan import BreaksFirst, PredictedLoad, Price, Sensitivity
from advisor.records.scenario import Scenario
from advisor.simulate.spec import APPLICATION, DECODE, ENGINE

from .predicted_load import fluid_factor, memory_cameras
from .ties import near_miss

CONSEQUENCES = {
    "camera_fps": "frames are lost",
    "drops": "frames are dropped",
    "latency_p95": "p95 latency passes its budget",
    "queue_growth": "queues grow without end",
}
"""What a failed check means, in words."""
RESOURCES = {"cpu": "the CPU", "memory_bandwidth": "memory bandwidth"}
FULL = 0.9
"""Utilisation above which a full CPU is named as the cause."""
MAX_OBJECTS_FACTOR = 8.0
PRICE_RISE = 1.2
MORE_REQUESTS = 1.05
"""Factor on the capacity for requests, which is known to 2 %, at which the SLO does not hold any more."""


def breaks_first(deployment: Deployment, predicted: PredictedLoad) -> tuple[BreaksFirst, ...]:
    """Name the limits in the order in which a growing number of cameras meets them, at the median."""
    items: list[BreaksFirst] = []
    if predicted.capacity_cameras is not None and deployment.case.cameras:
        items += _headroom(deployment)
        capacity = int(predicted.capacity_cameras.p50)
        if capacity + 1 <= memory_cameras(deployment):  # else nothing was simulated beyond what the memory holds
            items.append(_slo(deployment, capacity))
        items += _others(deployment, predicted, {item.resource for item in items})
    if predicted.capacity_requests_per_s is not None:
        items += _requests(deployment, predicted.capacity_requests_per_s.p50)
    items.sort(key=lambda item: item.at_cameras or math.inf)
    return (*items, *_objects(deployment))


def _headroom(deployment: Deployment) -> list[BreaksFirst]:
    limit = _headroom_limit(deployment, deployment.case.cameras)
    if limit is None:
        return []
    text = f"{_headroom_words(deployment)} at {limit:.0f} cameras"
    return [BreaksFirst(resource="headroom", at_cameras=float(math.floor(limit)), at_objects_factor=None, text=text)]


def _headroom_limit(deployment: Deployment, load_today: float) -> float | None:
    """Load at which the headroom of the CPU, or of a device, is used up by the utilisation law; None: none is kept."""
    usable, busy = deployment.scenario.margin.usable_share, max(_busy_shares(deployment))
    if usable >= 1.0 or busy <= 0:
        return None
    return usable / busy * load_today


def _busy_shares(deployment: Deployment) -> tuple[float, float]:
    """Shares of the cores and of the device that are busy today, by the utilisation law."""
    cores = deployment.cores(deployment.nominal, MEDIAN, contended=True) / deployment.model.cores
    return cores, deployment.device_load(deployment.nominal, MEDIAN)


def _headroom_words(deployment: Deployment) -> str:
    cores, device = _busy_shares(deployment)
    engine = engine_load(deployment.model, deployment.scenario, deployment.facts(deployment.nominal), MEDIAN)
    devices = device_loads(deployment.setup.choice, deployment.facts(deployment.nominal), MEDIAN)
    busiest = ENGINE if engine >= device or not devices else max(devices, key=lambda name: devices[name])
    what = "the CPU" if cores >= device else busiest
    return f"the {deployment.scenario.margin.headroom_pct:g} % headroom of {what} is used up"


def _slo(deployment: Deployment, capacity: int) -> BreaksFirst:
    """Simulate one camera more than fits and see what fails."""
    resource, text = _gives_way(deployment, deployment.case.with_total(capacity + 1, deployment.count))
    return BreaksFirst(
        resource=resource,
        at_cameras=float(capacity + 1),
        at_objects_factor=None,
        text=f"at {capacity + 1} cameras {text}",
    )


def _requests(deployment: Deployment, capacity_per_s: float) -> list[BreaksFirst]:
    """What a growing number of requests meets first: the headroom by the utilisation law, the SLO by simulation."""
    offered = sum(group.rate_per_s for group in deployment.scenario.requests)
    items = []
    limit = _headroom_limit(deployment, offered)
    if limit is not None:
        items.append((limit, "headroom", f"{_headroom_words(deployment)} at {limit:.3g} requests/s"))
    if capacity_per_s > 0:
        beyond = MORE_REQUESTS * capacity_per_s
        load = replace(deployment.nominal, requests_factor=beyond / offered / deployment.count)
        resource, text = _gives_way(deployment, load)
        items.append((beyond, resource, f"at {beyond:.3g} requests/s {text}"))
    return [
        BreaksFirst(resource=resource, at_cameras=None, at_objects_factor=None, at_requests_per_s=rate, text=text)
        for rate, resource, text in sorted(items)
    ]


def _gives_way(deployment: Deployment, beyond: Load) -> tuple[str, str]:
    """Resource or check that fails under a load that is known to be too much, and the words for it."""
    outcome = deployment.run(beyond, MEDIAN)
    failed = outcome.failed[0] if outcome.failed else "latency_p95"
    facts = deployment.facts(beyond)
    loads = {
        f"stage {name}": stage_cores(option, facts.stages[name], MEDIAN)
        for name, option in deployment.setup.choice.items()
    }
    for name in (DECODE, APPLICATION):
        loads[name] = outcome.result.busy_core_s.get(name, 0.0) / outcome.result.window_s
    heaviest = max(loads, key=lambda name: loads[name])
    consequence = CONSEQUENCES[failed]
    if not deployment.scenario.cameras:
        consequence = consequence.replace("frames", "requests")
    full_device = next((name for name, share in outcome.devices.items() if share > FULL), None)
    if full_device is not None and outcome.cpu <= FULL:
        return full_device, f"{consequence}: {full_device} is full"
    full = outcome.cpu > FULL
    cause = "the CPU is full" if full else f"the CPU is {outcome.cpu * 100:.0f} % busy, so queues and bursts decide"
    return "cpu" if full else failed, f"{consequence}: {cause}; {heaviest} takes most of it"


def _others(deployment: Deployment, predicted: PredictedLoad, named: set[str]) -> list[BreaksFirst]:
    """Resources that do not bind first: where they would.

    The CPU by the utilisation law: today's busy share includes waking up after pauses, which more cameras make rarer.
    """
    items = []
    shares = predicted.utilisation
    factors = {"cpu": fluid_factor(deployment, MEDIAN, contended=True, device=False)}
    devices = device_loads(deployment.setup.choice, deployment.facts(deployment.nominal), MEDIAN)
    factors |= {name: 1.0 / busy for name, busy in devices.items() if busy > 0}
    if deployment.model.engines is not None:
        busy = engine_load(deployment.model, deployment.scenario, deployment.facts(deployment.nominal), MEDIAN)
        factors |= {ENGINE: 1.0 / busy} if busy > 0 else {}
    bandwidth = shares.get("memory_bandwidth")
    if bandwidth is not None and bandwidth.p50 > 0:
        factors["memory_bandwidth"] = 1.0 / bandwidth.p50
    for name, factor in factors.items():
        if name in named or name not in shares:
            continue
        limit = deployment.case.cameras * factor
        text = f"{RESOURCES.get(name, name)} would be full at {limit:,.0f} cameras ({shares[name].p50 * 100:.2g} % now)"
        items.append(BreaksFirst(resource=name, at_cameras=limit, at_objects_factor=None, text=text))
    limit = memory_cameras(deployment)
    if math.isfinite(limit):
        text = f"memory would be full at {limit:,.0f} cameras"
        items.append(BreaksFirst(resource="memory", at_cameras=limit, at_objects_factor=None, text=text))
    return items


def _objects(deployment: Deployment) -> list[BreaksFirst]:
    if not any(stage.on is not None for stage in deployment.scenario.stages):
        return []
    factor = _objects_limit(deployment)
    if factor is None:
        confidence = deployment.scenario.margin.confidence_pct
        text = f"with growth, headroom and {confidence:g} % confidence the scenario's own objects are already too many"
    elif factor >= MAX_OBJECTS_FACTOR:
        text = f"{MAX_OBJECTS_FACTOR:g} times the objects per frame still hold, growth and headroom included"
    else:
        margin = deployment.scenario.margin
        text = (
            f"with growth, headroom and {margin.confidence_pct:g} % confidence these settings hold up to {factor:.1f} "
            "times the objects per frame"
        )
    return [BreaksFirst(resource="objects", at_cameras=None, at_objects_factor=factor, text=text)]


def _objects_limit(deployment: Deployment) -> float | None:
    """Factor on the objects per frame up to which the rule of the recommendation is met; None where today's fail."""

    def meets(factor: float) -> bool:
        return deployment.holds(replace(deployment.required, objects_factor=deployment.case.objects_factor * factor))

    if meets(MAX_OBJECTS_FACTOR):
        return MAX_OBJECTS_FACTOR
    if not meets(1.0):
        return None
    low, high = 1.0, MAX_OBJECTS_FACTOR
    for _ in range(6):
        middle = (low + high) / 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def sensitivity(
    study: Study, chosen: Solution, runner_up: Solution | None, candidates: Sequence[Candidate]
) -> tuple[Sensitivity, ...]:
    """Change one assumption at a time and see whether the recommendation still holds."""
    scenario, case = study.scenario, study.case
    changes: list[tuple[str, Study]] = []
    if any(stage.on is not None for stage in scenario.stages):
        changes.append(("objects +50 %", study.for_case(case.with_objects_factor(1.5))))
    if case.cameras:
        changes.append(("2 more cameras beyond the growth", study.for_case(case.with_extra_cameras(2))))
    if any(option.config.precision == "int8" for option in chosen.deployment.setup.choice.values()):
        kept = tuple(name for name in scenario.accuracy.precisions if name != "int8") or ("f32",)
        change = "no int8" if kept != ("f32",) else "f32 instead of int8"
        changes.append((change, study.for_scenario(_with_precisions(scenario, kept))))
    return (
        *(_changed(change, changed, chosen, candidates) for change, changed in changes),
        *_single_channel(study, chosen.judged),
        *_dearer(study, chosen, runner_up),
        _warmer(),
    )


def _changed(change: str, study: Study, chosen: Solution, candidates: Sequence[Candidate]) -> Sensitivity:
    """Judge the recommended boxes in a harder case, and name what would carry it where they do not."""
    again = judge(study, chosen.candidate, chosen.judged.count)
    deployment = again.deployment if isinstance(again, Feasible) else near_miss(again)
    if isinstance(again, Feasible) or deployment is not None:
        return _holds(change, chosen.judged, deployment)
    # What did not hold in the easier case will not hold now: nothing cheaper need be looked at.
    return _moves(change, study, again, cheapest(study, candidates, floor=chosen.cost))


def _with_precisions(scenario: Scenario, precisions: tuple[Precision, ...]) -> Scenario:
    return scenario.model_copy(update={"accuracy": scenario.accuracy.model_copy(update={"precisions": precisions})})


def _holds(change: str, judged: Feasible, again: Deployment | None = None) -> Sensitivity:
    """Say that the boxes suffice, and where they must then be set up otherwise (``again``: as judged then)."""
    text = "the recommendation holds"
    if again is not None:
        setup, other = judged.deployment.setup, again.setup
        if (setup.configs, setup.decode_workers) != (other.configs, other.decode_workers):
            text = "the recommended boxes hold, with other settings: plan again then"
    return Sensitivity(change=change, holds=True, platform=judged.model.id, price=None, text=text)


def _moves(change: str, study: Study, failing: Failing, other: Solution | None) -> Sensitivity:
    reason = failing.failed.reason
    if other is None:
        boxes = study.scenario.candidates.max_boxes
        text = f"no longer: {reason}; nothing in the catalogue holds with up to {boxes} boxes"
        return Sensitivity(change=change, holds=False, platform=None, price=None, text=text)
    judged = other.judged
    price = study.price(other.candidate, judged.count)
    boxes_text = f"{judged.count} x " if judged.count > 1 else ""
    return Sensitivity(
        change=change,
        holds=False,
        platform=judged.model.id,
        price=price.value,
        count=judged.count + study.case.spare_boxes,
        text=f"no longer: {reason}; {boxes_text}{judged.model.id} for {_cost_words(price, other)} would hold",
    )


def _cost_words(price: Price, solution: Solution) -> str:
    """Price, and the TCO where that is what is compared."""
    words = "an unknown price" if price.value is None else f"{price.value:,.0f} {price.currency}"
    if solution.deployment.scenario.money.objective == "price":
        return words
    return f"{words} (TCO {solution.cost:,.0f} {price.currency})"


def _single_channel(study: Study, judged: Feasible) -> list[Sensitivity]:
    machine = judged.model.machine
    channels = machine.memory_channels or 1
    if channels < 2 or machine.memory_bandwidth_bytes_per_s is None:
        return []
    slower = machine.model_copy(
        update={
            "id": f"{machine.id}-one-channel",
            "memory_channels": 1,
            "memory_bandwidth_bytes_per_s": machine.memory_bandwidth_bytes_per_s / channels,
        }
    )
    platform = judged.model.candidate.platform
    candidate = Candidate(platform.model_copy(update={"id": f"{platform.id}-one-channel"}), slower)
    again = judge(study, candidate, judged.count)
    change = f"one memory channel populated, not {channels}"
    deployment = again.deployment if isinstance(again, Feasible) else near_miss(again)
    if isinstance(again, Feasible) or deployment is not None:
        return [_holds(change, judged, deployment)]
    text = f"no longer: {again.failed.reason}; insist on {channels} modules"
    return [Sensitivity(change=change, holds=False, platform=None, price=None, text=text)]


def _dearer(study: Study, chosen: Solution, runner_up: Solution | None) -> list[Sensitivity]:
    change = "its price +20 %"
    price = study.price(chosen.candidate, chosen.judged.count)
    if price.value is None:
        return []
    if runner_up is None or chosen.cost + (PRICE_RISE - 1.0) * price.value <= runner_up.cost:
        return [_holds(change, chosen.judged)]
    rival = runner_up.judged
    other = study.price(runner_up.candidate, rival.count)
    text = f"{rival.model.id} for {_cost_words(other, runner_up)} would then cost less"
    return [Sensitivity(change=change, holds=False, platform=rival.model.id, price=other.value, text=text)]


def _warmer() -> Sensitivity:
    text = (
        "cannot tell: no figure says how far its clock falls in warmer air; "
        "`sizer verify --profile soak` on the box at that temperature would"
    )
    return Sensitivity(change="air 10 degrees warmer", holds=None, platform=None, price=None, text=text)
