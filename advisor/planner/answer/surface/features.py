"""What simulated utilisation and failure depend on beside the closed forms, for a configuration under a load.

``advisor/report/what_if/page.js`` works out the same figures from the surface; a test compares both.
"""

from __future__ import annotations

import numpy as np

from advisor.planner.search.belief import MEDIAN, at
from advisor.planner.search.costs import (
    LoadFacts,
    device_load,
    engine_load,
    frame_cores,
    loaded_frame_cores,
    loaded_stage_cores,
    stage_cores,
)
from advisor.planner.search.loads import LOADS, busy_cores
from advisor.planner.search.options import Options
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import Setup
from advisor.records.scenario import Scenario

FEATURES = (
    "cores", "busy", "full", "cold", "slowing", "items", "calls", "decoding", "fps", "cameras", "streams_busy",
    "streams", "workers", "path", "device_busy", "response", "burst",
)  # fmt: skip
"""Cores; closed-form utilisation with every pass cold, and with all cores as slow as when full; cores that cold passes
add, objects, calls and decoding, each per core and second; mean rate and number of cameras; utilisation of the fullest
stage's streams; streams per core; decoder threads; shortest path over the latency that is permitted; utilisation of the
device or of decoding engines; response time of a single server of that path at the larger utilisation; passes of one
frame's objects one after the other, as far as streams or the device make them wait; both over the latency permitted."""
FULL = 0.98
"""Utilisation from where on the response time of a single server is not extrapolated."""
LEAST = 1e-3
"""Smaller figures count as this one: their logarithm is taken."""


def features(model: PlatformModel, scenario: Scenario, facts: LoadFacts, setup: Setup, path_s: float) -> list[float]:
    """Values of :data:`FEATURES`; ``path_s``: shortest 95th percentile of latency [s]."""
    cores = model.cores
    cold = sum(
        facts.stages[name].calls_per_s
        * facts.stages[name].passes[option.config.batch]
        * option.cold_s(model.cold, MEDIAN)
        * option.core_s(MEDIAN)
        / option.pass_s(MEDIAN)
        for name, option in setup.choice.items()
    )
    demand = loaded_demand(model, scenario, facts, setup)
    busy = float(busy_cores(np.array([[part + cold] for part in demand]), cores)[0]) / cores
    load = min(busy, 1.0)
    streams_busy, items, calls, burst_s = 0.0, 0.0, 0.0, 0.0
    for stage in scenario.stages:
        option, offered = setup.choice[stage.id], facts.stages[stage.id]
        passes_s = offered.passes[option.config.batch] * option.loaded_s(load, MEDIAN)
        if stage.on is not None:
            in_a_row = passes_s / setup.streams[stage.id]
            if option.busy is not None:
                in_a_row = offered.passes[option.config.batch] * option.busy_s(MEDIAN)
            burst_s = max(burst_s, in_a_row)
        each_s = passes_s + offered.items_per_call * option.least_preprocess_s(MEDIAN)
        streams_busy = max(streams_busy, offered.calls_per_s * each_s / setup.streams[stage.id])
        calls += offered.calls_per_s
        items += 0.0 if stage.on is None else offered.calls_per_s * offered.items_per_call
    decoding = sum(
        facts.decode[camera.group] * at(model.decode(camera).core_s, MEDIAN)
        for camera in scenario.cameras
        if facts.decode[camera.group] > 0
    )
    device = max(device_load(setup.choice, facts, MEDIAN), engine_load(model, scenario, facts, MEDIAN))
    allowed_s = scenario.slo.latency_p95_ms / 1000.0
    values = (
        cores, busy, (demand[-1] + cold) / cores, cold / cores, model.slowing[-1] if model.slowing else 0.0,
        items / cores, calls / cores, decoding / cores, facts.frames_per_s / max(facts.cameras, 1), facts.cameras,
        streams_busy, sum(setup.streams.values()) / cores, setup.decode_workers,
        path_s / allowed_s, device, path_s / allowed_s / (1.0 - min(max(busy, device), FULL)), burst_s / allowed_s,
    )  # fmt: skip
    return [float(np.log(max(value, LEAST))) for value in values]


def loaded_demand(model: PlatformModel, scenario: Scenario, facts: LoadFacts, setup: Setup) -> list[float]:
    """Cores that a configuration keeps busy at each of ``LOADS``, at the median."""
    if not model.slowing:
        stages = sum(stage_cores(setup.choice[stage.id], facts.stages[stage.id], MEDIAN) for stage in scenario.stages)
        return [frame_cores(model, scenario, facts, MEDIAN) + stages] * len(LOADS)
    total = loaded_frame_cores(model, scenario, facts, MEDIAN)
    for stage in scenario.stages:
        total = (
            total + loaded_stage_cores(model, Options([setup.choice[stage.id]]), facts.stages[stage.id], MEDIAN)[:, 0]
        )
    return [float(part) for part in total]
