"""Change the scenario instead: what would ask less of the box, what that saves, and which limit is in the way."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from advisor.planner.question.candidates import (
    DEVICES,
    EVIDENCE,
    SLOTS,
    ExcludedCandidate,
    excluding_limit,
    wall_power_w,
)
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.search.rank import Solution, cheapest
from advisor.planner.search.study import Study
from advisor.records.plan import Sensitivity
from advisor.records.scenario import CameraGroup, Scenario, Stage

LONGER_BY = 2
"""Frames by which the interval between a stage's calls is made longer."""
WIDER_LATENCY, WIDER_DROPS = 1.5, 2.0
"""Factors by which a limit of the SLO that binds is widened, to see what that would save."""
MIN_HALVED_HEIGHT = 720
"""Cameras with fewer lines [pixels] are not halved."""


def scenario_changes(
    study: Study, chosen: Solution | None, candidates: Sequence[Candidate], binding: str | None = None
) -> tuple[Sensitivity, ...]:
    """Changes of the scenario that make a cheaper box enough (or any box at all), with the saving; then the others.

    ``binding``: check that the nearest cheaper box fails; if a limit of the SLO, a wider one is among the changes.
    """
    helpful: list[Sensitivity] = []
    in_vain: list[Sensitivity] = []
    ceiling = math.inf if chosen is None else chosen.cost
    text = "still no box suffices" if chosen is None else "still no cheaper box suffices"
    for change, scenario in (*_wider(study.scenario, binding), *_easier(study.inputs, study.scenario)):
        changed = study.for_scenario(scenario)
        solution = cheapest(changed, candidates, ceiling=ceiling)
        if solution is not None:
            helpful.append(_item(change, solution, chosen))
        else:
            in_vain.append(Sensitivity(change=change, holds=False, platform=None, price=None, text=text))
    return (*helpful, *in_vain)


def relaxed_limits(study: Study, excluded: Sequence[ExcludedCandidate]) -> tuple[Sensitivity, ...]:
    """Where nothing within the limits holds: per filter or site limit, what would hold without it.

    So a limit that contradicts what the cameras need (power, form, price) is named, with the least that it would take.
    """
    items: list[Sensitivity] = []
    for check in dict.fromkeys(item.check for item in excluded if item.check not in {DEVICES, EVIDENCE, SLOTS}):
        relaxed = study.for_scenario(_without(study.scenario, check))
        allowed = [
            item.candidate
            for item in excluded
            if item.check == check and excluding_limit(relaxed.scenario, item.candidate, study.inputs.today) is None
        ]
        relaxed.prepare(allowed)
        solution = _least(relaxed, allowed, check)
        if solution is not None:
            items.append(_item(_relaxed_words(study.scenario, check, solution), solution, None))
    return tuple(items)


def _least(study: Study, candidates: Sequence[Candidate], check: str) -> Solution | None:
    """Cheapest that holds; for a power limit the cheapest of those that draw least."""
    if check != "site.max_power_w":
        return cheapest(study, candidates)
    drawing: dict[float, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.platform.max_power_w is not None:
            drawing[wall_power_w(candidate.platform.max_power_w)[1]].append(candidate)
    solutions = (cheapest(study, drawing[watts]) for watts in sorted(drawing))
    return next((solution for solution in solutions if solution is not None), None)


def _without(scenario: Scenario, check: str) -> Scenario:
    part, name = check.split(".")
    record = getattr(scenario, part)
    return scenario.model_copy(update={part: record.model_copy(update={name: type(record)().model_dump()[name]})})


def _relaxed_words(scenario: Scenario, check: str, solution: Solution) -> str:
    platform = solution.candidate.platform
    if check == "site.max_power_w" and platform.max_power_w is not None:
        return f"{check} {wall_power_w(platform.max_power_w)[1]:g} instead of {scenario.site.max_power_w:g}"
    return f"without {check}"


def _item(change: str, solution: Solution, chosen: Solution | None) -> Sensitivity:
    study, count = solution.deployment.study, solution.judged.count
    platform = solution.candidate.platform.id
    price = study.price(solution.candidate, count)
    bought = count + study.case.spare_boxes
    boxes = f"{bought} x " if bought > 1 else ""
    if chosen is None:
        text = f"{boxes}{platform} is sufficient then, for {price.value:,.0f} {price.currency}"
    else:
        saved = chosen.cost - solution.cost
        of_what = "" if study.scenario.money.objective == "price" else " over the lifetime"
        text = f"{boxes}{platform} is sufficient then, saving {saved:,.0f} {price.currency}{of_what}"
    return Sensitivity(change=change, holds=True, platform=platform, price=price.value, text=text, count=bought)


def _wider(scenario: Scenario, binding: str | None) -> list[tuple[str, Scenario]]:
    """The limit of the SLO that binds, made half as wide again; of drops twice as wide; nothing for other checks."""
    slo = scenario.slo
    if binding == "latency_p95":
        limit = WIDER_LATENCY * slo.latency_p95_ms
        change = f"slo.latency_p95_ms {limit:g} instead of {slo.latency_p95_ms:g}"
        update: dict[str, float] = {"latency_p95_ms": limit}
    elif binding == "drops" and slo.drops_max_pct > 0:
        limit = min(100.0, WIDER_DROPS * slo.drops_max_pct)
        change = f"slo.drops_max_pct {limit:g} instead of {slo.drops_max_pct:g}"
        update = {"drops_max_pct": limit}
    else:
        return []
    return [(change, scenario.model_copy(update={"slo": slo.model_copy(update=update)}))]


def _easier(inputs: PlanInputs, scenario: Scenario) -> list[tuple[str, Scenario]]:
    """Scenarios that ask less, each by one change."""
    changes: list[tuple[str, Scenario]] = []
    for stage in scenario.stages if scenario.cameras else ():
        longer = _longer_interval(stage)
        if longer is not None:
            text = f"stage {stage.id} every {longer.every} instead of {stage.every or 'every frame'}"
            changes.append((text, _with_stage(scenario, longer)))
    for stage in scenario.stages:
        smaller = inputs.smaller.get(stage.id)
        if smaller is not None:
            text = f"stage {stage.id} with {smaller.reference} instead of {stage.model} (check its accuracy first)"
            changes.append((text, _with_stage(scenario, stage.model_copy(update={"model": smaller.reference}))))
    if "int8" not in scenario.accuracy.precisions:
        accuracy = scenario.accuracy.model_copy(update={"precisions": (*scenario.accuracy.precisions, "int8")})
        changes.append(
            ("int8 permitted (check its accuracy first)", scenario.model_copy(update={"accuracy": accuracy}))
        )
    if any(_can_be_halved(group) for group in scenario.cameras):
        cameras = tuple(_halved(inputs, group) if _can_be_halved(group) else group for group in scenario.cameras)
        change = "cameras' sub-streams of half the width and height for analysis"
        changes.append((change, scenario.model_copy(update={"cameras": cameras})))
    return changes


def _can_be_halved(group: CameraGroup) -> bool:
    return group.codec != "raw" and group.size[1] >= MIN_HALVED_HEIGHT


def _halved(inputs: PlanInputs, group: CameraGroup) -> CameraGroup:
    """Return the group with a quarter of the pixels and of the bitrate."""
    width, height = group.size
    rate = group.bitrate_kbps if group.bitrate_kbps is not None else inputs.bitrate_kbps[group.group]
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
