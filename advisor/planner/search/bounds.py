"""Closed-form reasons why no configuration of a platform can hold: cheap, and valid for every random draw."""

from __future__ import annotations

import numpy as np

from advisor.number_format import apart
from advisor.planner.question.load_case import Load
from advisor.records.scenario import Scenario

from .belief import at
from .checks import FailedCheck
from .costs import CombinationTable
from .space import PlatformModel

DECODE_FULL = 1.02
"""Share of one core's time that one camera's frames may take to decode before some are certainly lost; above 1, since
the times that a simulation draws may be a little short."""


def admissible(model: PlatformModel, scenario: Scenario, table: CombinationTable) -> np.ndarray:
    """Combinations that no closed form rules out, as a mask over the table."""
    usable = scenario.margin.usable_share
    fits = table.demand <= usable * model.cores
    fits &= table.path_s * 1000.0 <= scenario.slo.latency_p95_ms
    fits &= table.memory <= (model.machine.memory_bytes or 0.0)
    bandwidth = model.bandwidth_bytes_per_s(table.z)
    if bandwidth is not None:
        fits &= table.traffic <= usable * bandwidth
    return fits


def bound(
    model: PlatformModel, scenario: Scenario, table: CombinationTable, load: Load, z: float, count: int
) -> FailedCheck | None:
    """Closed-form reason why no combination can hold on each of ``count`` boxes; None where one may."""
    each = " per box" if count > 1 else ""
    # Decoding and latency go first: no number of boxes makes one frame faster.
    failed = (
        _slow_decode(model, scenario, load, z)
        or _latency(scenario, table)
        or _cores(model, scenario, table, each)
        or _memory(model, table, each)
        or _bandwidth(model, scenario, table, each)
    )
    if failed is None and not admissible(model, scenario, table).any():
        return FailedCheck("latency_p95", "no configuration meets latency, memory and headroom at once", 0.9)
    return failed


def _slow_decode(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> FailedCheck | None:
    """Check that one camera's frames, decoded one after another, do not come faster than a core decodes them."""
    kept = 1.0 - scenario.slo.drops_max_pct / 100.0
    for camera in scenario.cameras:
        if camera.codec == "raw" or not load.counts.get(camera.group, 0):
            continue
        mean_s = at(model.decode(camera).alone_s, z)
        share = kept * min(camera.fps, scenario.slo.camera_fps or camera.fps) * mean_s
        if share > DECODE_FULL:
            reason = (
                f"decoding one {camera.resolution} {camera.codec} frame takes a core {mean_s * 1000.0:.3g} ms on "
                f"the pessimistic side; each camera of {camera.group} sends one every {1000.0 / camera.fps:.3g} ms; "
                "take a sub-stream or a lower rate"
            )
            return FailedCheck("camera_fps", reason, 1.0 / share)
    return None


def _latency(scenario: Scenario, table: CombinationTable) -> FailedCheck | None:
    shortest_ms = float(table.path_s.min()) * 1000.0
    if shortest_ms <= scenario.slo.latency_p95_ms:
        return None
    takes, budget = apart(shortest_ms, scenario.slo.latency_p95_ms, 3)
    reason = f"one frame takes {takes} ms with nothing else running, on the pessimistic side; the budget is {budget} ms"
    return FailedCheck("latency_p95", reason, scenario.slo.latency_p95_ms / shortest_ms)


def _cores(model: PlatformModel, scenario: Scenario, table: CombinationTable, each: str) -> FailedCheck | None:
    """Utilisation law: cores kept busy in the long run against those that the headroom leaves."""
    usable = scenario.margin.usable_share * model.cores
    demand = float(table.demand.min())
    if demand <= usable:
        return None
    needed, available = apart(demand, usable)
    reason = (
        f"needs {needed} of its {model.cores:.3g} cores{each} on the pessimistic side; "
        f"{available} may be used with {scenario.margin.headroom_pct:g} % headroom"
    )
    return FailedCheck("cpu", reason, usable / demand)


def _memory(model: PlatformModel, table: CombinationTable, each: str) -> FailedCheck | None:
    installed = model.machine.memory_bytes
    need = float(table.memory.min())
    if installed is None:
        reason = f"cannot tell: its memory is unknown and {need / 1024**3:.2g} GiB are needed"
        return FailedCheck("memory", reason, 0.0)
    if need <= installed:
        return None
    needed, available = apart(need / 1024**3, installed / 1024**3)
    return FailedCheck("memory", f"needs {needed} GiB of memory{each}, has {available} GiB", installed / need)


def _bandwidth(model: PlatformModel, scenario: Scenario, table: CombinationTable, each: str) -> FailedCheck | None:
    bandwidth = model.bandwidth_bytes_per_s(table.z)
    if bandwidth is None:
        return None
    share = scenario.margin.usable_share
    usable, traffic = share * bandwidth, float(table.traffic.min())
    if traffic <= usable:
        return None
    moved, available = apart(traffic / 1e9, usable / 1e9)
    reason = (
        f"moves {moved} GB/s{each} of the {bandwidth / 1e9:.3g} GB/s that its cores attain on the pessimistic side; "
        f"{available} GB/s ({share * 100:.0f} %) may be used"
    )
    return FailedCheck("memory_bandwidth", reason, usable / traffic)
