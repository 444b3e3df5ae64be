"""Closed-form reasons why no configuration of a platform can hold: cheap, and right whatever is drawn."""

from __future__ import annotations

import numpy as np

from advisor.number_format import apart
from advisor.records.scenario import Scenario

from .costs import Table
from .simulate import Load, Refusal, allowed_share
from .space import PlatformModel, at

DECODE_FULL = 1.02
"""Share of one core's time for one camera's frames beyond which they are lost for certain; above 1 for the draw."""


def admissible(model: PlatformModel, scenario: Scenario, table: Table) -> np.ndarray:
    """Combinations that no closed form rules out, as a mask over the table."""
    allowed = allowed_share(scenario)
    fits = table.demand <= allowed * model.cores
    fits &= table.path_s * 1000.0 <= scenario.slo.latency_p95_ms
    fits &= table.memory <= (model.machine.memory_bytes or 0.0)
    bandwidth = model.machine.memory_bandwidth_bytes_per_s
    if bandwidth is not None:
        fits &= table.traffic <= allowed * bandwidth
    return fits


def bound(model: PlatformModel, scenario: Scenario, table: Table, load: Load, z: float, count: int) -> Refusal | None:
    """Closed-form reasons why no combination can hold, with closeness, or None."""
    each = " per box" if count > 1 else ""
    allowed = allowed_share(scenario)
    slow = _slow_decode(model, scenario, load, z)
    if slow is not None:
        return slow
    # Before the cores: no number of boxes makes one frame quicker.
    shortest_ms = float(table.path_s.min()) * 1000.0
    if shortest_ms > scenario.slo.latency_p95_ms:
        takes, budget = apart(shortest_ms, scenario.slo.latency_p95_ms, 3)
        return (
            "latency_p95",
            f"one frame takes {takes} ms with nothing else running, on the pessimistic side; the budget is {budget} ms",
            scenario.slo.latency_p95_ms / shortest_ms,
        )
    demand = float(table.demand.min())
    if demand > allowed * model.cores:
        needs, usable = apart(demand, allowed * model.cores)
        return (
            "cpu",
            (
                f"needs {needs} of its {model.cores:.3g} cores{each} on the pessimistic side; "
                f"{usable} may be used with {scenario.margin.headroom_pct:g} % headroom"
            ),
            allowed * model.cores / demand,
        )
    have = model.machine.memory_bytes
    need = float(table.memory.min())
    if have is None:
        return "memory", f"cannot tell: its memory is unknown and {need / 1024**3:.2g} GiB are needed", 0.0
    if need > have:
        needs, there = apart(need / 1024**3, have / 1024**3)
        return "memory", f"needs {needs} GiB of memory{each}, has {there} GiB", have / need
    bandwidth = model.machine.memory_bandwidth_bytes_per_s
    if bandwidth is not None and float(table.traffic.min()) > allowed * bandwidth:
        moves, usable = apart(float(table.traffic.min()) / 1e9, allowed * bandwidth / 1e9)
        return (
            "memory_bandwidth",
            (
                f"moves {moves} GB/s{each} of its {bandwidth / 1e9:.3g} GB/s; "
                f"{usable} GB/s ({allowed * 100:.0f} %) may be used"
            ),
            allowed * bandwidth / float(table.traffic.min()),
        )
    if not admissible(model, scenario, table).any():
        return "latency_p95", "no configuration meets latency, memory and headroom at once", 0.9
    return None


def _slow_decode(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> Refusal | None:
    """Refuse where one camera's frames, decoded one after another, come faster than a core decodes them."""
    kept = 1.0 - scenario.slo.drops_max_pct / 100.0
    for camera in scenario.cameras:
        if camera.codec == "raw" or not load.counts.get(camera.group, 0):
            continue
        mean_s = at(model.decode(camera).core_s, z)
        share = kept * min(camera.fps, scenario.slo.camera_fps or camera.fps) * mean_s
        if share > DECODE_FULL:
            return (
                "camera_fps",
                (
                    f"decoding one {camera.resolution} {camera.codec} frame takes a core {mean_s * 1000.0:.3g} ms on "
                    f"the pessimistic side; each camera of {camera.group} sends one every "
                    f"{1000.0 / camera.fps:.3g} ms; "
                    "take a sub-stream or a lower rate"
                ),
                1.0 / share,
            )
    return None
