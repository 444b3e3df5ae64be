"""The surface of a plan, from the study that the plan was made with."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence

import numpy as np

from advisor.perfmodel.resources.software_decode import decode_traffic_bytes
from advisor.planner.answer.alternatives import MAX_COST_RATIO, MAX_SOLUTIONS, MORE_ROOM, PROCESSORS
from advisor.planner.answer.certainty import LEAST as LEAST_PROBABILITY
from advisor.planner.answer.certainty import MOST as MOST_PROBABILITY
from advisor.planner.answer.ties import MAX_CONTENDERS, MAX_TIES
from advisor.planner.question.demand import busy_level
from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.combination_table import EQUAL_DEMAND
from advisor.planner.search.costs import (
    LEAST_OF_LAW,
    MEMORY_OF_CAMERA_BYTES,
    MEMORY_OF_SYSTEM_BYTES,
    SHARE_THAT_DECIDES_P95,
    LoadFacts,
    load_facts,
)
from advisor.planner.search.devices import CPU
from advisor.planner.search.joint import DECODE_FULL, DRAWS, part_draws
from advisor.planner.search.least_costs import LeastCosts
from advisor.planner.search.platform_model import PlatformModel, Variant
from advisor.planner.search.setup import BURST, DECODE_SIGMA, GOP_S, SIZED_AT
from advisor.planner.search.space import stage_batches
from advisor.planner.search.study import Study
from advisor.records.base import CpuPrecision
from advisor.records.codec import KEY_FACTOR
from advisor.records.plan import Plan
from advisor.records.scenario import CameraGroup, Scenario, Stage
from advisor.records.surface import GroupSurface, PlacementSurface, StageQuestion, StagesSurface, WhatIfSurface

from .boxes import box_surface, placement_surface, rounded, that_matter
from .experiment import CAMERAS, FEWEST, MOST, OBJECTS, OTHER, RATES, SETTINGS, Place, simulate_places
from .features import FULL
from .features import LEAST as LEAST_FEATURE
from .learn import learn

MOST_WITH_DEVICE = 5
"""Ways to use the devices of one box that are on a page: those that are least full."""
TRIES_ON_DEVICE = 3
"""Configurations of a way with a device whose probability the page works out; the planner simulates eight."""
TOLD_APART = 0.02
"""Difference of a probability to one that decides, below which the page leaves the decision to simulations."""
DRAW_UNIT = 4096
"""Draws are stored as 16-bit integers of 1 / 4096: exact to 0.0002 standard deviations."""
CONSTANTS: dict[str, float] = {
    "least_of_law": LEAST_OF_LAW, "equal_demand": EQUAL_DEMAND, "decides_p95": SHARE_THAT_DECIDES_P95,
    "system_mib": MEMORY_OF_SYSTEM_BYTES / 2**20, "camera_mib": MEMORY_OF_CAMERA_BYTES / 2**20, "burst": BURST,
    "sized_at": SIZED_AT, "gop_s": GOP_S, "decode_full": DECODE_FULL, "draws": DRAWS,
    "least_probability": LEAST_PROBABILITY, "most_probability": MOST_PROBABILITY,
    "contenders": MAX_CONTENDERS, "ties": MAX_TIES, "cost_ratio": MAX_COST_RATIO,
    "processors": PROCESSORS, "solutions": MAX_SOLUTIONS, "more_room": MORE_ROOM, "draw_unit": DRAW_UNIT,
    "least_feature": LEAST_FEATURE, "full": FULL, "told_apart": TOLD_APART, "tries_on_device": TRIES_ON_DEVICE,
}  # fmt: skip
ALL_DEVICES = (CPU, "GPU", "NPU")
"""What the page permits where a scenario names no devices: those of the chip."""

WithDevices = Callable[[Scenario, Sequence[Candidate]], tuple[Candidate, ...]]
"""Candidates with those of their devices that a scenario permits."""


def build_surface(
    study: Study, candidates: Sequence[Candidate], plan: Plan, with_devices: WithDevices
) -> WhatIfSurface | None:
    """Work out the surface of a plan.

    None where the scenario says why (``Scenario.why_no_what_if``), no box has a price and a prediction, or too few
    simulations tell anything.
    """
    scenario = study.scenario
    matter = that_matter(study, candidates, plan) if scenario.why_no_what_if is None else []
    if not matter:
        return None
    fixed = any(stage.device is not None for stage in scenario.stages)
    variants = {devices: _variants(scenario, devices=devices) for devices in (False, True)}
    lowest = {group.group: _lowest_fps(scenario, group) for group in scenario.cameras}
    nodes = {group.group: _nodes(group, lowest[group.group]) for group in scenario.cameras}
    asked = scenario.names_devices
    own = [(candidate, asked) for candidate in matter]
    other: list[tuple[Candidate, bool]] = []
    if not fixed and not asked:
        other = [(item, True) for item in with_devices(variants[True][0], matter) if item.devices]
    of_each = min(MOST, max(FEWEST, SETTINGS // len({study.model(candidate).like for candidate in matter})))
    places: list[Place] = []
    surfaces: list[PlacementSurface] = []
    sets: list[StagesSurface] = []
    known: dict[Variant, int | None] = {}
    of_box: dict[str, list[int]] = {}
    for candidate, devices in (*own, *other):
        for model in _models(study, candidate, variants[devices]):
            is_device = _is_device(model)
            if devices is not asked and is_device is not devices:
                continue  # its cores alone are there already
            if model.like not in known:
                surface = placement_surface(model, variants[devices], nodes, sets, with_device=is_device)
                known[model.like] = None if surface is None else len(surfaces)
                if surface is not None:
                    first = model.placement == "all" and not is_device
                    places.append(Place(model, variants[devices], of_each if first else OTHER))
                    surfaces.append(surface)
            found = known[model.like]
            if found is not None:
                of_box.setdefault(candidate.platform.id, []).append(found)
    samples = simulate_places(study, places, lowest)
    learnt = learn(samples, len(places)) if places else None
    if learnt is None:
        return None
    infers = [bool(surface.device) for surface in surfaces]
    on_cores, on_devices = (
        learn([sample for sample in samples if infers[sample.place] is wanted], len(places)) or learnt
        for wanted in (False, True)
    )
    placements = tuple(
        surface.model_copy(
            update={
                "utilisation_offset": (on_devices if infers[place] else on_cores).utilisation_offsets[place],
                "failure_offset": (on_devices if infers[place] else on_cores).failure_offsets[place],
            }
        )
        for place, surface in enumerate(surfaces)
    )
    boxes = tuple(
        box_surface(study, candidate, of_box[candidate.platform.id])
        for candidate in matter
        if candidate.platform.id in of_box
    )
    money, margin = scenario.money, scenario.margin
    return WhatIfSurface(
        scenario=scenario.scenario,
        currency=money.currency,
        objective=money.objective,
        electricity_per_kwh=money.electricity_per_kwh,
        lifetime_years=money.lifetime_years,
        extras_per_box=money.licence_per_box + money.storage_per_box,
        cost_of_failure=money.cost_of_failure,
        latency_p95_ms=scenario.slo.latency_p95_ms,
        drops_max_pct=scenario.slo.drops_max_pct,
        camera_fps=scenario.slo.camera_fps,
        headroom_pct=margin.headroom_pct,
        confidence_pct=margin.confidence_pct,
        growth_cameras=margin.growth_cameras,
        spare_boxes=study.case.spare_boxes,
        max_boxes=scenario.candidates.max_boxes,
        precisions=variants[asked][0].accuracy.precisions,
        int8_asked="int8" in scenario.accuracy.precisions,
        devices_asked=asked,
        devices_offered=not fixed and any(place.with_device for place in placements),
        resolution=study.inputs.probability_resolution,
        groups=tuple(_group(group, nodes[group.group]) for group in scenario.cameras),
        stages=_stages(scenario),
        objects={
            name: rounded(busy_level(count, scenario.slo.load))
            for name, count in scenario.activity.objects_per_frame.items()
        },
        objects_nodes=OBJECTS,
        cameras_most=CAMERAS[1],
        draws=_draws(study, placements),
        constants=CONSTANTS,
        limits=on_cores.limits,
        device_limits=on_devices.limits if any(infers) else None,
        stage_sets=tuple(sets),
        placements=placements,
        boxes=boxes,
        left_out=len(candidates) - len(boxes),
    )


def _variants(scenario: Scenario, *, devices: bool) -> tuple[Scenario, Scenario]:
    """The scenario with int8 and without it, with its devices (or all) or without any."""
    asked = scenario.accuracy.precisions
    plain: tuple[CpuPrecision, ...] = tuple(name for name in asked if name != "int8") or ("f32",)
    names: tuple[str, ...] = ()
    if devices:
        names = scenario.candidates.devices if scenario.names_devices else ALL_DEVICES
    candidates = scenario.candidates.model_copy(update={"devices": names})

    def permitting(precisions: tuple[CpuPrecision, ...]) -> Scenario:
        accuracy = scenario.accuracy.model_copy(update={"precisions": precisions})
        return scenario.model_copy(update={"accuracy": accuracy, "candidates": candidates})

    return permitting((*plain, "int8")), permitting(plain)


def _models(study: Study, candidate: Candidate, scenarios: tuple[Scenario, Scenario]) -> list[PlatformModel]:
    """Ways to use a box that can matter, as the planner tries them: all cores, performance cores, devices."""
    studies = [study.for_scenario(scenario) for scenario in scenarios]
    for of in studies:
        of.prepare([candidate])
    models = studies[0].models(candidate)
    fullest = {id(model): _fullest(studies[0], model) for model in models}
    whole = [model for model in models if model.placement == "all" and not _is_device(model)]
    least = min((fullest[id(model)] for model in whole), default=math.inf)
    few = [model for model in models if model.placement != "all" and fullest[id(model)] < least]
    devices = [model for model in models if _is_device(model)]
    kept = {id(model) for model in sorted(devices, key=lambda model: fullest[id(model)])[:MOST_WITH_DEVICE]}
    return [*whole, *few, *(model for model in devices if id(model) in kept)]


def _is_device(model: PlatformModel) -> bool:
    return model.use is not None or model.engines is not None


def _fullest(study: Study, model: PlatformModel) -> float:
    """Least utilisation of the fuller of cores and device over all configurations, at the median."""
    load = study.case.required(1)
    if not model.has_options(study.scenario):
        return math.inf
    if not _is_device(model):
        return LeastCosts(model, study.scenario, study.facts(load)).busiest()[0] / model.cores
    combinations = study.combinations(model, load)
    busy = combinations.demand(MEDIAN) / model.cores
    if combinations.device_load is not None:
        busy = np.maximum(busy, combinations.device_load)
    return max(float(busy.min()), combinations.engine_load)


def _lowest_fps(scenario: Scenario, group: CameraGroup) -> float:
    """Least rate that the page offers: half of the scenario's, and what stages that run at a rate need."""
    rates = [stage.interval_frames(1e6) for stage in scenario.stages if stage.every and stage.every.endswith("/s")]
    return max([RATES[0] * group.fps, *(1e6 / frames for frames in rates)])


def _nodes(group: CameraGroup, lowest_fps: float) -> tuple[float, ...]:
    return tuple(sorted({lowest_fps, group.fps, RATES[1] * group.fps}))


def _group(group: CameraGroup, nodes: tuple[float, ...]) -> GroupSurface:
    coded = group.codec != "raw"
    return GroupSurface(
        group=group.group,
        count=group.count,
        fps=group.fps,
        fps_nodes=nodes,
        codec=group.codec,
        plain_sigma=DECODE_SIGMA,
        key_factor=KEY_FACTOR.get(group.codec, 1.0),
        gop_frames=group.gop_frames,
        traffic_mb=decode_traffic_bytes(group.codec, *group.size) / 1e6 if coded else 0.0,
        active_hours=group.active_hours,
    )


def _stages(scenario: Scenario) -> tuple[StageQuestion, ...]:
    counts = {group.group: 1 for group in scenario.cameras}
    at_nodes = [load_facts(scenario, Load(counts, factor), stage_batches) for factor in OBJECTS]
    empty = [_empty(scenario, factor) for factor in OBJECTS]
    return tuple(_stage(scenario, stage, at_nodes, empty) for stage in scenario.stages)


def _empty(scenario: Scenario, factor: float) -> dict[str, float]:
    from advisor.planner.question.demand import object_probabilities

    return {stage.id: object_probabilities(scenario, stage, factor)[0] for stage in scenario.stages}


def _stage(
    scenario: Scenario, stage: Stage, at_nodes: Sequence[LoadFacts], empty: Sequence[dict[str, float]]
) -> StageQuestion:
    own = [facts.stages[stage.id] for facts in at_nodes]
    every = stage.every or ""
    flat = stage.on is None

    def column(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(float(f"{value:.6g}") for value in (values[:1] if flat else values))

    return StageQuestion(
        id=stage.id,
        model=stage.model,
        on=stage.on,
        groups=scenario.groups_of(stage),
        every_frames=stage.interval_frames(1.0) if "frame" in every else None,
        every_per_s=float(every.removesuffix("/s")) if every.endswith("/s") else None,
        motion=scenario.activity.motion_duty if scenario.root(stage).trigger == "motion" else 1.0,
        mixes_frames=stage.on is None or stage.batch.timeout_ms > 0,
        items=column([load.items_per_call for load in own]),
        empty=column([item[stage.id] for item in empty]),
        passes={str(batch): column([load.passes[batch] for load in own]) for batch in stage_batches(stage)},
    )


def _draws(study: Study, placements: Sequence[PlacementSurface]) -> dict[str, str]:
    models = dict.fromkeys(stage.model for stage in study.scenario.stages)
    devices = dict.fromkeys(place.device for place in placements if place.device)
    parts = ["machine", "decode", "preparation", "pause", "memory", "application"]
    parts += [f"model {model}" for model in models]
    parts += [f"device {device}" for device in devices]
    parts += [f"model {model} on {device}" for model in models for device in devices]
    return {part: _packed(part_draws(study.inputs.seed, part)) for part in parts}


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(np.round(values * DRAW_UNIT).astype("<i2").tobytes()).decode()
