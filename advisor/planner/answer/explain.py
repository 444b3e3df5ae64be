"""Why this box: what gives way first as the load grows, and what a change of the assumptions does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.costs import MEMORY_OF_CAMERA_BYTES, choice_cores, choice_memory_bytes, stage_cores
from advisor.planner.search.rank import Winner, cheapest, price
from advisor.planner.search.search import Ask, Judgement, Searcher
from advisor.planner.search.simulate import Load, allowed_share
from advisor.records.plan import BreaksFirst, Price, Sensitivity
from advisor.records.scenario import Scenario

from .predicted_load import Outlook, fluid_factor

WORDS = {
    "camera_fps": "frames are lost",
    "drops": "frames are dropped",
    "latency_p95": "p95 latency passes its budget",
    "queue_growth": "queues grow without end",
}
RESOURCES = {"cpu": "the CPU", "memory_bandwidth": "memory bandwidth"}
FULL = 0.9
MOST_OBJECTS_FACTOR = 8.0
PRICE_RISE = 1.2
MORE_REQUESTS = 1.05
"""Factor on the capacity for requests, which is known to 2 %, beyond which the SLO does not hold."""


def breaks_first(searcher: Searcher, judged: Judgement, ask: Ask, found: Outlook) -> tuple[BreaksFirst, ...]:
    """Name the limits in the order in which a growing number of cameras meets them, at the median belief."""
    items: list[BreaksFirst] = []
    if found.predicted.capacity_cameras is not None and ask.cameras:
        items += _headroom(searcher, judged, ask)
        items.append(_slo(searcher, judged, ask, int(found.predicted.capacity_cameras.p50)))
        items += _others(searcher, judged, ask, found, {item.resource for item in items})
    if found.predicted.capacity_requests_per_s is not None:
        items += _requests(searcher, judged, ask, found.predicted.capacity_requests_per_s.p50)
    items.sort(key=lambda item: item.at_cameras or math.inf)
    return (*items, *_objects(searcher, judged, ask))


def _headroom(searcher: Searcher, judged: Judgement, ask: Ask) -> list[BreaksFirst]:
    allowed = allowed_share(ask.scenario)
    assert judged.setup is not None  # an outlook was made of it
    facts = searcher.facts(ask.scenario, ask.nominal(judged.count))
    demand = choice_cores(judged.model, ask.scenario, judged.setup.choice, facts, 0.0, crowded=True)
    if allowed >= 1.0 or demand <= 0:
        return []
    limit = allowed * judged.model.cores / demand * ask.cameras
    text = f"the {ask.scenario.margin.headroom_pct:g} % headroom of the CPU is used up at {limit:.0f} cameras"
    return [BreaksFirst(resource="headroom", at_cameras=float(math.floor(limit)), at_objects_factor=None, text=text)]


def _slo(searcher: Searcher, judged: Judgement, ask: Ask, capacity: int) -> BreaksFirst:
    """Simulate one camera more than fits and see what fails."""
    resource, text = _gives_way(searcher, judged, ask, ask.with_cameras(capacity + 1, judged.count))
    return BreaksFirst(
        resource=resource,
        at_cameras=float(capacity + 1),
        at_objects_factor=None,
        text=f"at {capacity + 1} cameras {text}",
    )


def _requests(searcher: Searcher, judged: Judgement, ask: Ask, capacity_per_s: float) -> list[BreaksFirst]:
    """What a growing number of requests meets first: the headroom by the utilisation law, the SLO by simulation."""
    setup, allowed = judged.setup, allowed_share(ask.scenario)
    assert setup is not None  # an outlook was made of it
    offered = sum(group.rate_per_s for group in ask.scenario.requests)
    nominal = ask.nominal(judged.count)
    facts = searcher.facts(ask.scenario, nominal)
    demand = choice_cores(judged.model, ask.scenario, setup.choice, facts, 0.0, crowded=True)
    items = []
    if allowed < 1.0 and demand > 0:
        limit = allowed * judged.model.cores / demand * offered
        text = f"the {ask.scenario.margin.headroom_pct:g} % headroom of the CPU is used up at {limit:.3g} requests/s"
        items.append((limit, "headroom", text))
    if capacity_per_s > 0:
        beyond = MORE_REQUESTS * capacity_per_s
        load = replace(nominal, requests_factor=beyond / offered / judged.count)
        resource, text = _gives_way(searcher, judged, ask, load)
        items.append((beyond, resource, f"at {beyond:.3g} requests/s {text}"))
    return [
        BreaksFirst(resource=resource, at_cameras=None, at_objects_factor=None, at_requests_per_s=rate, text=text)
        for rate, resource, text in sorted(items)
    ]


def _gives_way(searcher: Searcher, judged: Judgement, ask: Ask, beyond: Load) -> tuple[str, str]:
    """Resource or check that fails under a load that is known to be too much, and the words for it."""
    assert judged.setup is not None
    outcome = searcher.run(judged.model, ask.scenario, judged.setup, beyond, 0.0)
    failed = outcome.failed[0] if outcome.failed else "latency_p95"
    facts = searcher.facts(ask.scenario, beyond)
    loads = {
        f"stage {name}": stage_cores(option, facts.stages[name], 0.0) for name, option in judged.setup.choice.items()
    }
    loads["decode"] = outcome.result.busy_core_s.get("decode", 0.0) / outcome.result.window_s
    heaviest = max(loads, key=lambda name: loads[name])
    full = outcome.cpu > FULL
    cause = "the CPU is full" if full else f"the CPU is {outcome.cpu * 100:.0f} % busy, so queues and bursts decide"
    words = WORDS[failed] if ask.scenario.cameras else WORDS[failed].replace("frames", "requests")
    return "cpu" if full else failed, f"{words}: {cause}; {heaviest} takes most of it"


def _others(searcher: Searcher, judged: Judgement, ask: Ask, found: Outlook, named: set[str]) -> list[BreaksFirst]:
    """Resources that do not bind first: where they would.

    The CPU by the utilisation law: today's busy share holds waking up after pauses, which more cameras make rarer.
    """
    items = []
    setup = judged.setup
    assert setup is not None  # an outlook was made of it
    shares = found.predicted.utilisation
    reach = {"cpu": fluid_factor(searcher, judged.model, setup, ask, judged.count, 0.0, crowded=True)}
    bandwidth = shares.get("memory_bandwidth")
    if bandwidth is not None and bandwidth.p50 > 0:
        reach["memory_bandwidth"] = 1.0 / bandwidth.p50
    for name, factor in reach.items():
        if name in named or name not in shares:
            continue
        limit = ask.cameras * factor
        text = f"{RESOURCES[name]} would be full at {limit:,.0f} cameras ({shares[name].p50 * 100:.2g} % now)"
        items.append(BreaksFirst(resource=name, at_cameras=limit, at_objects_factor=None, text=text))
    have = judged.model.machine.memory_bytes
    if have is not None:
        fixed = choice_memory_bytes(setup.choice, 0, 0.0)
        limit = max(0.0, judged.count * (have - fixed) / MEMORY_OF_CAMERA_BYTES)
        text = f"memory would be full at {limit:,.0f} cameras"
        items.append(BreaksFirst(resource="memory", at_cameras=limit, at_objects_factor=None, text=text))
    return items


def _objects(searcher: Searcher, judged: Judgement, ask: Ask) -> list[BreaksFirst]:
    if not any(stage.on is not None for stage in ask.scenario.stages):
        return []
    factor = _objects_limit(searcher, judged, ask)
    if factor is None:
        text = "already today's objects per frame are too many for the SLO"
    elif factor >= MOST_OBJECTS_FACTOR:
        text = f"{MOST_OBJECTS_FACTOR:g} times the objects per frame still hold"
    else:
        text = f"with today's cameras the SLO gives way at {factor:.1f} times the objects per frame"
    return [BreaksFirst(resource="objects", at_cameras=None, at_objects_factor=factor, text=text)]


def _objects_limit(searcher: Searcher, judged: Judgement, ask: Ask) -> float | None:
    """Factor on the objects per frame at which the SLO gives way at the median belief; None where today's fail."""
    setup, scenario = judged.setup, ask.scenario
    assert setup is not None  # an outlook was made of it
    nominal = ask.nominal(judged.count)

    def meets(factor: float) -> bool:
        load: Load = replace(nominal, objects_factor=factor)
        facts = searcher.facts(scenario, load)
        if choice_cores(judged.model, scenario, setup.choice, facts, 0.0) > judged.model.cores:
            return False
        return searcher.run(judged.model, scenario, setup, load, 0.0).meets_slo

    if meets(MOST_OBJECTS_FACTOR):
        return MOST_OBJECTS_FACTOR
    if not meets(1.0):
        return None
    low, high = 1.0, MOST_OBJECTS_FACTOR
    for _ in range(6):
        middle = (low + high) / 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def sensitivity(
    searcher: Searcher, chosen: Winner, runner_up: Winner | None, candidates: Sequence[Candidate], ask: Ask
) -> tuple[Sensitivity, ...]:
    """Change one assumption at a time and see whether the recommendation still holds."""
    scenario = ask.scenario
    judged = chosen.judged
    items: list[Sensitivity] = []

    def add(change: str, changed: Ask) -> None:
        again = searcher.judge(judged.model.candidate, judged.count, changed)
        if again.feasible:
            items.append(_holds(change, judged, again))
            return
        # What did not hold under the easier question will not hold now: nothing cheaper need be looked at.
        other = cheapest(searcher, candidates, changed, floor=chosen.cost)
        items.append(_moves(change, again.reason, other, searcher, scenario))

    if any(stage.on is not None for stage in scenario.stages):
        add("objects +50 %", ask.but(objects_factor=1.5))
    if ask.cameras:
        add("2 more cameras beyond the growth", ask.but(extra_cameras=2))
    assert judged.setup is not None  # it holds
    used = {option.config.precision for option in judged.setup.choice.values()}
    if "int8" in used:
        kept = tuple(name for name in scenario.accuracy.precisions if name != "int8") or ("f32",)
        add(
            "no int8" if kept != ("f32",) else "f32 instead of int8", ask.but(scenario=_with_precisions(scenario, kept))
        )
    items += _single_channel(searcher, judged, ask)
    items += _dearer(searcher, chosen, runner_up, scenario)
    items.append(_warmer())
    return tuple(items)


def _with_precisions(scenario: Scenario, precisions: tuple[str, ...]) -> Scenario:
    return scenario.model_copy(update={"accuracy": scenario.accuracy.model_copy(update={"precisions": precisions})})


def _holds(change: str, judged: Judgement, again: Judgement | None = None) -> Sensitivity:
    """Say that the boxes suffice, and where they must then be set up otherwise (``again``: as judged then)."""
    text = "the recommendation holds"
    if again is not None and again.setup is not None and judged.setup is not None:
        mine, other = judged.setup, again.setup
        if (mine.configs, mine.decode_workers) != (other.configs, other.decode_workers):
            text = "the recommended boxes hold, with other settings: plan again then"
    return Sensitivity(change=change, holds=True, platform=judged.model.id, price=None, text=text)


def _moves(change: str, reason: str, other: Winner | None, searcher: Searcher, scenario: Scenario) -> Sensitivity:
    if other is None:
        boxes = scenario.candidates.max_boxes
        text = f"no longer: {reason}; nothing in the catalogue holds with up to {boxes} boxes"
        return Sensitivity(change=change, holds=False, platform=None, price=None, text=text)
    judged = other.judged
    paid = price(searcher, judged.model.candidate, judged.count, scenario)
    boxes_text = f"{judged.count} x " if judged.count > 1 else ""
    shown = _cost_words(paid, other, scenario)
    return Sensitivity(
        change=change,
        holds=False,
        platform=judged.model.id,
        price=paid.value,
        text=f"no longer: {reason}; {boxes_text}{judged.model.id} for {shown} would hold",
    )


def _cost_words(paid: Price, winner: Winner, scenario: Scenario) -> str:
    """Price, and the TCO where that is what is compared."""
    shown = "an unknown price" if paid.value is None else f"{paid.value:,.0f} {paid.currency}"
    return shown if scenario.money.objective == "price" else f"{shown} (TCO {winner.cost:,.0f} {paid.currency})"


def _single_channel(searcher: Searcher, judged: Judgement, ask: Ask) -> list[Sensitivity]:
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
    again = searcher.judge(candidate, judged.count, ask)
    change = f"one memory channel populated, not {channels}"
    if again.feasible:
        return [_holds(change, judged, again)]
    text = f"no longer: {again.reason}; insist on {channels} modules"
    return [Sensitivity(change=change, holds=False, platform=None, price=None, text=text)]


def _dearer(searcher: Searcher, chosen: Winner, runner_up: Winner | None, scenario: Scenario) -> list[Sensitivity]:
    change = "its price +20 %"
    judged = chosen.judged
    paid = price(searcher, judged.model.candidate, judged.count, scenario)
    if paid.value is None:
        return []
    if runner_up is None or chosen.cost + (PRICE_RISE - 1.0) * paid.value <= runner_up.cost:
        return [_holds(change, judged)]
    rival = runner_up.judged
    other = price(searcher, rival.model.candidate, rival.count, scenario)
    shown = _cost_words(other, runner_up, scenario)
    text = f"{rival.model.id} for {shown} would then cost less"
    return [Sensitivity(change=change, holds=False, platform=rival.model.id, price=other.value, text=text)]


def _warmer() -> Sensitivity:
    text = (
        "cannot tell: no figure says how far its clock falls in warmer air; "
        "`sizer verify --profile soak` on the box at that temperature would"
    )
    return Sensitivity(change="air 10 degrees warmer", holds=None, platform=None, price=None, text=text)
