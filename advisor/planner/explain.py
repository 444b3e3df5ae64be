"""Why this box: what breaks first, what a change of the assumptions does, and what a change of the scenario saves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.planner.demand import camera_counts, spread
from advisor.planner.evaluate import Choice, Load, cpu_demand
from advisor.planner.inputs import Candidate
from advisor.planner.money import price_of
from advisor.planner.outlook import Outlook, stage_shares
from advisor.planner.search import Judgement, Searcher
from advisor.planner.space import PlatformModel
from advisor.records.plan import BreaksFirst, Sensitivity
from advisor.records.scenario import Scenario, Stage

FindCheapest = Callable[[Scenario, Sequence[Candidate], int, float], Judgement | None]
WORDS = {
    "camera_fps": "cameras lose frames",
    "drops": "frames are dropped",
    "latency_p95": "p95 latency passes its budget",
    "queue_growth": "queues grow without end",
}
MOST_OBJECTS_FACTOR = 8.0


def breaks_first(
    searcher: Searcher, model: PlatformModel, scenario: Scenario, choice: Choice, count: int, found: Outlook
) -> tuple[BreaksFirst, ...]:
    """Name the limits in the order in which a growing number of cameras meets them, at the median belief."""
    items: list[BreaksFirst] = []
    cameras = sum(camera_counts(scenario).values())
    predicted = found.predicted
    if predicted.capacity_cameras is not None and cameras:
        capacity = predicted.capacity_cameras.p50
        beyond = Load(
            searcher.nominal_load(scenario, count).counts
            if capacity < 1
            else {
                name: -(-value // count) for name, value in spread(camera_counts(scenario), int(capacity) + 1).items()
            }
        )
        outcome = searcher.run(model, scenario, choice, beyond, 0.0)
        failed = outcome.failed[0] if outcome.failed else "latency_p95"
        cause = "the CPU is full" if outcome.cpu > 0.9 else f"cpu at {outcome.cpu * 100:.0f} %"
        heaviest = _heaviest(scenario, choice, beyond)
        items.append(
            BreaksFirst(
                resource="cpu" if outcome.cpu > 0.9 else failed,
                at_cameras=capacity + 1,
                at_objects_factor=None,
                text=f"at {capacity + 1:.0f} cameras {WORDS[failed]}: {cause}, most of it {heaviest}",
            )
        )
    for name in ("cpu", "memory_bandwidth", "memory"):
        share = predicted.utilisation.get(name)
        if share is not None and share.p50 > 0 and cameras:
            at_cameras = cameras / share.p50
            # Models take memory whatever the number of cameras: only an indication, so said for the two others.
            if name != "memory":
                items.append(
                    BreaksFirst(
                        resource=name,
                        at_cameras=at_cameras,
                        at_objects_factor=None,
                        text=f"{name.replace('_', ' ')} would be all taken at {at_cameras:.0f} cameras "
                        f"({share.p50 * 100:.0f} % now)",
                    )
                )
    items.sort(key=lambda item: item.at_cameras or math.inf)
    factor = _objects_limit(searcher, model, scenario, choice, count)
    if factor is not None:
        more = (
            f"at {factor:.1f} times the objects" if factor < MOST_OBJECTS_FACTOR else "not before 8 times the objects"
        )
        items.append(
            BreaksFirst(
                resource="objects",
                at_cameras=None,
                at_objects_factor=factor,
                text=f"the SLO gives way {more} per frame",
            )
        )
    return tuple(items)


def sensitivity(
    searcher: Searcher, chosen: Judgement, candidates: Sequence[Candidate], cheapest: FindCheapest
) -> tuple[Sensitivity, ...]:
    """Change one assumption at a time and see whether the recommendation still holds."""
    scenario = searcher.inputs.scenario
    items: list[Sensitivity] = []

    def add(change: str, changed: Scenario, extra: int = 0, factor: float = 1.0) -> None:
        judged = searcher.judge(
            chosen.model.candidate, chosen.count, changed, extra_cameras=extra, objects_factor=factor
        )
        if judged.feasible:
            items.append(_holds(change, chosen))
            return
        other = cheapest(changed, candidates, extra, factor)
        items.append(_moves(change, judged.reason, other, searcher))

    if scenario.activity.objects_per_frame:
        add("objects +50 %", scenario, factor=1.5)
    if scenario.cameras:
        add("2 more cameras beyond the growth", scenario, extra=2)
    assert chosen.choice is not None  # a feasible judgement has one
    if any(option.config.precision == "int8" for option in chosen.choice.values()):
        kept = tuple(item for item in scenario.accuracy.precisions if item != "int8") or ("f32",)
        accuracy = scenario.accuracy.model_copy(update={"precisions": kept})
        add("no int8", scenario.model_copy(update={"accuracy": accuracy}))
    items += _single_channel(searcher, chosen)
    items += _dearer(searcher, chosen, candidates, cheapest)
    return tuple(items)


def scenario_changes(
    searcher: Searcher, chosen: Judgement | None, candidates: Sequence[Candidate], cheapest: FindCheapest
) -> tuple[Sensitivity, ...]:
    """Changes of the scenario that make a cheaper box enough (or any box at all), with the saving."""
    scenario = searcher.inputs.scenario
    items: list[Sensitivity] = []
    for change, changed in _easier(searcher, scenario):
        judged = cheapest(changed, candidates, 0, 1.0)
        if judged is None:
            continue
        price = price_of(judged.model.candidate.platform, judged.count, scenario, searcher.inputs.today)
        if chosen is None:
            text = f"{judged.model.id} would do for {price.value:,.0f} {price.currency}"
        else:
            now = price_of(chosen.model.candidate.platform, chosen.count, scenario, searcher.inputs.today)
            if price.value is None or now.value is None or price.value >= now.value:
                continue
            saved = now.value - price.value
            text = f"{judged.model.id} would do, saving {saved:,.0f} {price.currency}"
        items.append(Sensitivity(change=change, holds=True, platform=judged.model.id, price=price.value, text=text))
    return tuple(items)


def _heaviest(scenario: Scenario, choice: Choice, load: Load) -> str:
    shares = stage_shares(scenario, choice, load)
    name = max(shares, key=lambda key: shares[key])
    return f"stage {name}"


def _objects_limit(
    searcher: Searcher, model: PlatformModel, scenario: Scenario, choice: Choice, count: int
) -> float | None:
    """Factor on the objects per frame at which the SLO gives way at the median belief; None without objects."""
    if not any(stage.on is not None for stage in scenario.stages):
        return None
    nominal = searcher.nominal_load(scenario, count)

    def meets(factor: float) -> bool:
        load = replace(nominal, objects_factor=factor)
        if cpu_demand(model, scenario, choice, load, 0.0) > model.cores:
            return False
        return searcher.run(model, scenario, choice, load, 0.0).meets_slo

    if meets(MOST_OBJECTS_FACTOR):
        return MOST_OBJECTS_FACTOR
    low, high = 0.0, MOST_OBJECTS_FACTOR
    for _ in range(6):
        middle = (low + high) / 2
        low, high = (middle, high) if meets(middle) else (low, middle)
    return low


def _holds(change: str, chosen: Judgement) -> Sensitivity:
    return Sensitivity(change=change, holds=True, platform=chosen.model.id, price=None, text="the recommendation holds")


def _moves(change: str, reason: str, other: Judgement | None, searcher: Searcher) -> Sensitivity:
    if other is None:
        return Sensitivity(
            change=change, holds=False, platform=None, price=None, text=f"it {reason}; nothing in the catalogue holds"
        )
    inputs = searcher.inputs
    price = price_of(other.model.candidate.platform, other.count, inputs.scenario, inputs.today)
    boxes = f"{other.count} x " if other.count > 1 else ""
    shown = "unknown" if price.value is None else f"{price.value:,.0f} {price.currency}"
    return Sensitivity(
        change=change,
        holds=False,
        platform=other.model.id,
        price=price.value,
        text=f"it {reason}; {boxes}{other.model.id} for {shown} would hold",
    )


def _single_channel(searcher: Searcher, chosen: Judgement) -> list[Sensitivity]:
    machine = chosen.model.machine
    if (machine.memory_channels or 1) < 2 or machine.memory_bandwidth_bytes_per_s is None:
        return []
    channels = machine.memory_channels or 1
    slower = machine.model_copy(
        update={
            "id": f"{machine.id}-one-channel",
            "memory_channels": 1,
            "memory_bandwidth_bytes_per_s": machine.memory_bandwidth_bytes_per_s / channels,
        }
    )
    platform = chosen.model.candidate.platform
    candidate = Candidate(platform.model_copy(update={"id": f"{platform.id}-one-channel"}), slower)
    judged = searcher.judge(candidate, chosen.count)
    change = f"one memory channel populated, not {channels}"
    if judged.feasible:
        return [_holds(change, chosen)]
    return [Sensitivity(change=change, holds=False, platform=None, price=None, text=f"it {judged.reason}")]


def _dearer(
    searcher: Searcher, chosen: Judgement, candidates: Sequence[Candidate], cheapest: FindCheapest
) -> list[Sensitivity]:
    inputs = searcher.inputs
    price = price_of(chosen.model.candidate.platform, chosen.count, inputs.scenario, inputs.today)
    if price.value is None:
        return []
    others = [item for item in candidates if item.platform.id != chosen.model.id]
    second = cheapest(inputs.scenario, others, 0, 1.0)
    if second is None:
        return []
    rival = price_of(second.model.candidate.platform, second.count, inputs.scenario, inputs.today)
    holds = rival.value is None or price.value * 1.2 <= rival.value
    if holds:
        return [_holds("its price +20 %", chosen)]
    text = f"{second.model.id} for {rival.value:,.0f} {rival.currency} would then be cheaper"
    return [Sensitivity(change="its price +20 %", holds=False, platform=second.model.id, price=rival.value, text=text)]


def _easier(searcher: Searcher, scenario: Scenario) -> list[tuple[str, Scenario]]:
    """Scenarios that ask less, each by one change."""
    found: list[tuple[str, Scenario]] = []
    for stage in scenario.stages if scenario.cameras else ():
        longer = _longer_interval(stage)
        if longer is not None:
            found.append((f"stage {stage.id} {longer.every} instead of {stage.every or 'every frame'}",
                          _with_stage(scenario, longer)))  # fmt: skip
    if "int8" not in scenario.accuracy.precisions:
        accuracy = scenario.accuracy.model_copy(update={"precisions": (*scenario.accuracy.precisions, "int8")})
        found.append(("int8 permitted (check its accuracy first)", scenario.model_copy(update={"accuracy": accuracy})))
    coded = [group for group in scenario.cameras if group.codec != "raw" and group.size[1] >= 720]
    if coded:
        cameras = tuple(
            group.model_copy(update={"resolution": f"{group.size[0] // 2}x{group.size[1] // 2}",
                                     "bitrate_kbps": searcher_bitrate(searcher, group.group) / 4})
            if group in coded else group
            for group in scenario.cameras
        )  # fmt: skip
        found.append(("sub-streams of half the width and height for analysis",
                      scenario.model_copy(update={"cameras": cameras})))  # fmt: skip
    return found


def searcher_bitrate(searcher: Searcher, group: str) -> float:
    """Bitrate of a camera group, stated or assumed [kbit/s]."""
    camera = next(item for item in searcher.inputs.scenario.cameras if item.group == group)
    return camera.bitrate_kbps if camera.bitrate_kbps is not None else searcher.inputs.bitrate_kbps[group]


def _longer_interval(stage: Stage) -> Stage | None:
    """Return the stage with two more frames between its calls; None where it follows its parent or a rate."""
    if stage.every is not None and not stage.every.endswith(("frame", "frames")):
        return None
    if stage.every is None and stage.on is not None:
        return None
    frames = int(stage.every.split()[0]) if stage.every is not None else 1
    return stage.model_copy(update={"every": f"{frames + 2} frames"})


def _with_stage(scenario: Scenario, changed: Stage) -> Scenario:
    stages = tuple(changed if stage.id == changed.id else stage for stage in scenario.stages)
    return scenario.model_copy(update={"stages": stages})
