"""Whether the runtime should make the batches of a stage: weighed at the boxes that the search has found.

Closed forms rule out what cannot help (``search/collecting.py``); the rest is simulated under the rule of the
recommendation. What holds and spares a notable part of the cores is set. The search for boxes is without it, so that
its space does not grow: no box is recommended that holds with it alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.collecting import DEFAULT_TIMEOUT_S, collecting_options
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.stage_option import StageOption
from advisor.records.plan import StageBatching
from advisor.records.scenario import Stage

NOTABLE = 0.05
"""Share of a box's cores that must be spared at the median: less is no reason to answer later and in another order, and
within what estimates of batches are off."""


@dataclass(frozen=True)
class Weighed:
    """A deployment with the batches that its runtime makes, and what was weighed for each stage."""

    deployment: Deployment
    stages: tuple[StageBatching, ...]


def weigh(deployment: Deployment, *, feasible: bool) -> Weighed:
    """Set automatic batching where it holds and spares cores; stage by stage, each on top of those before it.

    Only stages that the scenario lets batch are looked at. ``feasible``: the boxes carry the case; others keep what
    they have.
    """
    rows: list[StageBatching] = []
    for stage in deployment.scenario.stages:
        option = deployment.setup.choice[stage.id]
        if deployment.scenario.class_of(stage) == "latency":
            continue  # it waits for no other request
        if stage.batch.max > 1 and option.config.runtime == "openvino" and option.busy is None:
            deployment, found = _weigh_stage(deployment, stage, option, feasible=feasible)
            rows += found
    return Weighed(deployment, tuple(rows))


def _weigh_stage(
    deployment: Deployment, stage: Stage, option: StageOption, *, feasible: bool
) -> tuple[Deployment, list[StageBatching]]:
    load = deployment.facts(deployment.nominal).stages[stage.id]
    items_per_s = load.calls_per_s * load.items_per_call
    if items_per_s == 0:
        return deployment, []
    options, ruled_out = collecting_options(deployment.model, deployment.scenario, stage, option, items_per_s)
    rows = [
        StageBatching(
            stage=stage.id, batch=item.batch, timeout_ms=1e3 * item.timeout_s, used=False, cores_spared=None,
            text=f"not used: {item.reason}",
        )
        for item in ruled_out
    ]  # fmt: skip
    changed = [_changed(deployment, stage, other, items_per_s, feasible=feasible) for other in options]
    # Of several that hold, the one that spares most is used.
    best = max(changed, key=lambda item: (item[1].used, item[1].cores_spared), default=None)
    for _, row in changed:
        beaten = best is not None and row.used and row is not best[1]
        update = {"used": False, "text": "not used: another batch spares more"}
        rows.append(row.model_copy(update=update) if beaten else row)
    return (best[0] if best is not None and best[1].used else deployment), rows


def _changed(
    deployment: Deployment, stage: Stage, option: StageOption, items_per_s: float, *, feasible: bool
) -> tuple[Deployment, StageBatching]:
    """Boxes on which the runtime batches, simulated beside those as they are."""
    collected = option.collected
    assert collected is not None
    now = deployment.setup
    streams = {**now.streams, stage.id: option.config.streams or 1}
    changed = deployment.with_setup(replace(now, choice={**now.choice, stage.id: option}, streams=streams))
    before, after = deployment.run(deployment.nominal, MEDIAN), changed.run(deployment.nominal, MEDIAN)
    spared, timeout_ms = (before.cpu - after.cpu) * deployment.model.cores, 1e3 * collected.timeout_s
    p95 = f"p95 goes from {_latency(before.p95_ms)} to {_latency(after.p95_ms)}"
    burst = f"the last requests of a burst wait the time-out of {timeout_ms:.0f} ms out"
    used = feasible and spared >= NOTABLE * deployment.model.cores and changed.holds(deployment.required)
    if used:
        text = (
            f"used: {items_per_s:.3g} requests/s fill it; it spares {spared:.2g} of {deployment.model.cores:g} cores "
            f"at the median, {p95}, {burst}, answers come in another order. Set the time-out: OpenVINO's own is "
            f"{1e3 * DEFAULT_TIMEOUT_S:,.0f} ms"
        )
    elif spared < NOTABLE * deployment.model.cores:
        text = f"not used: it spares {max(0.0, spared):.2g} of {deployment.model.cores:g} cores, {p95}, and {burst}"
    else:
        text = f"not used: it would spare {spared:.2g} cores but does not keep what is asked for: {p95}, and {burst}"
    row = StageBatching(
        stage=stage.id, batch=collected.most, timeout_ms=timeout_ms, used=used, cores_spared=spared, text=text
    )
    return changed, row


def _latency(value_ms: float | None) -> str:
    return "no end" if value_ms is None else f"{value_ms:.3g} ms"
