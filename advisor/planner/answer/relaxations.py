"""Change the scenario instead: what would ask less of the box, what that saves, and which limit is in the way."""

from __future__ import annotations

import math
from collections.abc import Sequence

from advisor.planner.question.candidates import Refusal, refusal_of
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import Winner, affordable, cheapest, price, spare
from advisor.planner.search.search import Ask, Searcher
from advisor.records.plan import Sensitivity
from advisor.records.scenario import CameraGroup, Scenario, Stage

LONGER_BY = 2
SMALLEST_HALVED = 720


def scenario_changes(
    searcher: Searcher, chosen: Winner | None, candidates: Sequence[Candidate], ask: Ask
) -> tuple[Sensitivity, ...]:
    """Changes of the scenario that make a cheaper box enough (or any box at all), with the saving; then the others."""
    items: list[Sensitivity] = []
    in_vain: list[Sensitivity] = []
    ceiling = math.inf if chosen is None else chosen.cost
    text = "nothing holds even so" if chosen is None else "no cheaper box would do"
    for change, changed in _easier(searcher, ask.scenario):
        within = affordable(searcher, candidates, changed, ceiling)
        searcher.prepare(within, changed)
        found = cheapest(searcher, within, ask.but(scenario=changed), ceiling=ceiling)
        if found is not None:
            items.append(_item(searcher, change, changed, found, chosen))
        else:
            in_vain.append(Sensitivity(change=change, holds=False, platform=None, price=None, text=text))
    return (*items, *in_vain)


def relaxed_limits(searcher: Searcher, refused: Sequence[Refusal], ask: Ask) -> tuple[Sensitivity, ...]:
    """Where nothing within the limits holds: per filter or site limit, what would hold without it.

    So a limit that contradicts what the cameras need (power, form, price) is named, with the least that it would take.
    """
    items: list[Sensitivity] = []
    for check in dict.fromkeys(item.check for item in refused):
        free = _without(ask.scenario, check)
        today = searcher.inputs.today
        allowed = [
            item.candidate
            for item in refused
            if item.check == check and refusal_of(free, item.candidate, today) is None
        ]
        searcher.prepare(allowed, free)
        found = _least(searcher, allowed, ask.but(scenario=free), check)
        if found is not None:
            items.append(_item(searcher, _relaxed_words(ask.scenario, check, found), free, found, None))
    return tuple(items)


def _least(searcher: Searcher, candidates: Sequence[Candidate], ask: Ask, check: str) -> Winner | None:
    """Cheapest that holds; for a power limit the one that draws least."""
    if check != "site.max_power_w":
        return cheapest(searcher, candidates, ask)
    known = [(item.platform.max_power_w.value, item) for item in candidates if item.platform.max_power_w is not None]
    for _, candidate in sorted(known, key=lambda pair: pair[0]):
        found = cheapest(searcher, [candidate], ask)
        if found is not None:
            return found
    return None


def _without(scenario: Scenario, check: str) -> Scenario:
    part, name = check.split(".")
    record = getattr(scenario, part)
    return scenario.model_copy(update={part: record.model_copy(update={name: type(record)().model_dump()[name]})})


def _relaxed_words(scenario: Scenario, check: str, found: Winner) -> str:
    platform = found.judged.model.candidate.platform
    if check == "site.max_power_w" and platform.max_power_w is not None:
        return f"{check} {platform.max_power_w.value:g} instead of {scenario.site.max_power_w:g}"
    return f"without {check}"


def _item(searcher: Searcher, change: str, changed: Scenario, found: Winner, chosen: Winner | None) -> Sensitivity:
    judged = found.judged
    paid = price(searcher, judged.model.candidate, judged.count, changed)
    bought = judged.count + spare(changed)
    boxes = f"{bought} x " if bought > 1 else ""
    if chosen is None:
        text = f"{boxes}{judged.model.id} would do for {paid.value:,.0f} {paid.currency}"
    else:
        saved = chosen.cost - found.cost
        of_what = "" if changed.money.objective == "price" else " over the lifetime"
        text = f"{boxes}{judged.model.id} would do, saving {saved:,.0f} {paid.currency}{of_what}"
    return Sensitivity(change=change, holds=True, platform=judged.model.id, price=paid.value, text=text)


def _easier(searcher: Searcher, scenario: Scenario) -> list[tuple[str, Scenario]]:
    """Scenarios that ask less, each by one change."""
    found: list[tuple[str, Scenario]] = []
    for stage in scenario.stages if scenario.cameras else ():
        longer = _longer_interval(stage)
        if longer is not None:
            text = f"stage {stage.id} every {longer.every} instead of {stage.every or 'every frame'}"
            found.append((text, _with_stage(scenario, longer)))
    for stage in scenario.stages:
        smaller = searcher.inputs.smaller.get(stage.id)
        if smaller is not None:
            text = f"stage {stage.id} with {smaller.reference} instead of {stage.model} (check its accuracy first)"
            found.append((text, _with_stage(scenario, stage.model_copy(update={"model": smaller.reference}))))
    if "int8" not in scenario.accuracy.precisions:
        accuracy = scenario.accuracy.model_copy(update={"precisions": (*scenario.accuracy.precisions, "int8")})
        found.append(("int8 permitted (check its accuracy first)", scenario.model_copy(update={"accuracy": accuracy})))
    if any(_can_be_halved(group) for group in scenario.cameras):
        cameras = tuple(
            _halved(searcher, group) if _can_be_halved(group) else group for group in scenario.cameras
        )  # fmt: skip
        found.append(
            (
                "cameras' sub-streams of half the width and height for analysis",
                scenario.model_copy(update={"cameras": cameras}),
            )
        )
    return found


def _can_be_halved(group: CameraGroup) -> bool:
    return group.codec != "raw" and group.size[1] >= SMALLEST_HALVED


def _halved(searcher: Searcher, group: CameraGroup) -> CameraGroup:
    """Return the group with a quarter of the pixels and of the bitrate."""
    width, height = group.size
    assumed = searcher.inputs.bitrate_kbps
    rate = group.bitrate_kbps if group.bitrate_kbps is not None else assumed[group.group]
    return group.model_copy(update={"resolution": f"{width // 2}x{height // 2}", "bitrate_kbps": rate / 4})


def _longer_interval(stage: Stage) -> Stage | None:
    """Return the stage with two more frames between its calls; None where it follows its parent or a rate."""
    if stage.every is not None and not stage.every.endswith(("frame", "frames")):
        return None
    if stage.every is None and stage.on is not None:
        return None
    frames = int(stage.every.split()[0]) if stage.every is not None else 1
    return stage.model_copy(update={"every": f"{frames + LONGER_BY} frames"})


def _with_stage(scenario: Scenario, changed: Stage) -> Scenario:
    stages = tuple(changed if stage.id == changed.id else stage for stage in scenario.stages)
    return scenario.model_copy(update={"stages": stages})
