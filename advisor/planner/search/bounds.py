"""Closed-form reasons why no configuration of a platform can hold: cheap, and valid for every random draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.number_format import apart
from advisor.planner.question.load_case import Load
from advisor.records.scenario import Scenario
from advisor.simulate.spec import ENGINE

from .belief import MEDIAN, at
from .checks import FailedCheck
from .costs import CombinationTable, Floats
from .joint import DECODE_FULL
from .platform_model import PlatformModel


def admissible(
    model: PlatformModel,
    scenario: Scenario,
    table: CombinationTable,
    median_cores: Floats,
    *,
    at_median: bool = False,
) -> NDArray[np.bool_]:
    """Combinations that no closed form rules out, as a mask over the table: at its quantile, or at the median alone.

    The table's quantile is that of one combination. Those that only it rules out may hold all the same where the
    errors of their own parts cancel: their draws decide (:class:`~advisor.planner.search.joint.DrawnOptions`).
    ``median_cores``: what each keeps busy at the median, of which the headroom must stay free.
    """
    usable = scenario.margin.usable_share
    fits = median_cores <= usable * model.cores
    if not at_median:
        fits &= table.demand <= model.cores
    path_s = table.median_path_s if at_median else table.path_s
    fits &= path_s * 1000.0 <= scenario.slo.latency_p95_ms
    fits &= table.memory <= (model.machine.memory_bytes or 0.0)
    bandwidth = model.bandwidth_bytes_per_s(MEDIAN)
    if bandwidth is not None:
        fits &= table.traffic <= usable * bandwidth
    if table.device_load is not None:
        fits &= table.device_load <= usable
    fits &= table.engine_load <= usable
    return fits


def out_of_cores(
    model: PlatformModel,
    scenario: Scenario,
    load: Load,
    median_cores: float,
    shortest_s: tuple[float, float],
    *,
    count: int,
    decode_z: float,
) -> FailedCheck | None:
    """Closed-form reason where even the least of ``median_cores`` is too much; None where it is not.

    Decides as :func:`bound` does, without a table. ``shortest_s``: least 95th percentile of latency [s], without
    queueing, at the quantile of the confidence asked for and at the median.
    """
    if median_cores <= scenario.margin.usable_share * model.cores:
        return None
    failed = (
        _slow_decode(model, scenario, load, decode_z)
        or _latency(scenario, *shortest_s)
        or _cores(model, scenario, median_cores, median_cores, _each(count))
    )
    return None if failed is None else failed._replace(at_median=True)


def bound(
    model: PlatformModel,
    scenario: Scenario,
    table: CombinationTable,
    load: Load,
    median_cores: Floats,
    *,
    count: int,
    possible: NDArray[np.bool_],
    decode_z: float,
) -> FailedCheck | None:
    """Closed-form reason why no combination can hold on each of ``count`` boxes; None where one may.

    ``table``: at the quantile of the confidence asked for; ``median_cores``: of its combinations at the median;
    ``possible``: those that neither the table nor their draws rule out; ``decode_z``: quantile of decoding alone.
    """
    # Decoding and latency go first: no number of boxes makes one frame faster.
    slow_decode = _slow_decode(model, scenario, load, decode_z)
    if possible.any():
        return slow_decode
    holds_at_median = bool(admissible(model, scenario, table, median_cores, at_median=True).any())
    if slow_decode is not None:
        return slow_decode._replace(at_median=slow_decode.at_median or not holds_at_median)
    each = _each(count)
    cores = _cores(model, scenario, float(median_cores.min()), float(table.demand.min()), each)
    # Cores that lack at the confidence asked for alone say nothing of a box whose device is too slow at the median.
    failed = (
        _engine(scenario, table, each)
        or _latency(scenario, float(table.path_s.min()), float(table.median_path_s.min()))
        or (cores if cores is not None and cores.at_median else None)
        or _memory(model, scenario, table, each)
        or _bandwidth(model, scenario, table, each)
        or _device(model, scenario, table, each)
        or cores
    )
    if failed is not None and (failed.at_median or holds_at_median):
        return failed
    reason = "no configuration meets latency, memory and headroom at once"
    return FailedCheck("latency_p95", reason, 0.9, not holds_at_median)


def _each(count: int) -> str:
    return " per box" if count > 1 else ""


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
                f"decoding one {camera.resolution} {camera.codec} frame takes a core {mean_s * 1000.0:.3g} ms at "
                f"{scenario.margin.confidence_pct:g} % confidence; each camera of {camera.group} sends one every "
                f"{1000.0 / camera.fps:.3g} ms; "
                "take a sub-stream or a lower rate"
            )
            at_median = share * at(model.decode(camera).core_s, MEDIAN) / mean_s > DECODE_FULL
            return FailedCheck("camera_fps", reason, 1.0 / share, at_median)
    return None


def _latency(scenario: Scenario, shortest_s: float, median_shortest_s: float) -> FailedCheck | None:
    shortest_ms = shortest_s * 1000.0
    if shortest_ms <= scenario.slo.latency_p95_ms:
        return None
    takes, budget = apart(shortest_ms, scenario.slo.latency_p95_ms, 3)
    reason = (
        f"one frame takes {takes} ms with nothing else running, at {scenario.margin.confidence_pct:g} % confidence; "
        f"the budget is {budget} ms"
    )
    at_median = median_shortest_s * 1000.0 > scenario.slo.latency_p95_ms
    return FailedCheck("latency_p95", reason, scenario.slo.latency_p95_ms / shortest_ms, at_median)


def _cores(
    model: PlatformModel, scenario: Scenario, median: float, pessimistic: float, each: str
) -> FailedCheck | None:
    """Utilisation law: cores kept busy in the long run against those that the headroom leaves, and against all."""
    usable = scenario.margin.usable_share * model.cores
    if median > usable:
        needed, available = apart(median, usable)
        reason = (
            f"needs {needed} of its {model.cores:.3g} cores{each} at the median; "
            f"{available} may be used with {scenario.margin.headroom_pct:g} % headroom"
        )
        return FailedCheck("cpu", reason, usable / median)
    if pessimistic > model.cores:
        needed, available = apart(pessimistic, model.cores)
        reason = f"at {scenario.margin.confidence_pct:g} % confidence it needs {needed} cores{each} and has {available}"
        return FailedCheck("cpu", reason, model.cores / pessimistic, at_median=False)
    return None


def _memory(model: PlatformModel, scenario: Scenario, table: CombinationTable, each: str) -> FailedCheck | None:
    installed = model.machine.memory_bytes
    need = float(table.memory.min())
    if installed is None:
        reason = f"cannot tell: its memory is unknown and {need / 1024**3:.2g} GiB are needed"
        return FailedCheck("memory", reason, 0.0)
    if need <= installed:
        return None
    needed, available = apart(need / 1024**3, installed / 1024**3)
    reason = (
        f"at {scenario.margin.confidence_pct:g} % confidence it needs {needed} GiB of memory{each} and has "
        f"{available} GiB"
    )
    return FailedCheck("memory", reason, installed / need)


def _bandwidth(model: PlatformModel, scenario: Scenario, table: CombinationTable, each: str) -> FailedCheck | None:
    bandwidth = model.bandwidth_bytes_per_s(MEDIAN)
    if bandwidth is None:
        return None
    share = scenario.margin.usable_share
    usable, traffic = share * bandwidth, float(table.traffic.min())
    if traffic <= usable:
        return None
    moved, available = apart(traffic / 1e9, usable / 1e9)
    reason = (
        f"moves {moved} GB/s{each} of the {bandwidth / 1e9:.3g} GB/s that its cores attain at the median; "
        f"{available} GB/s ({share * 100:.0f} %) may be used"
    )
    return FailedCheck("memory_bandwidth", reason, usable / traffic)


def _device(model: PlatformModel, scenario: Scenario, table: CombinationTable, each: str) -> FailedCheck | None:
    """Utilisation law on the busiest device: all stages that are on it share its time."""
    if model.use is None or table.device_load is None:
        return None
    share, busy = scenario.margin.usable_share, float(table.device_load.min())
    if busy <= share:
        return None
    needed, available = apart(busy * 100.0, share * 100.0)
    reason = f"{model.use.names} would be {needed} % busy{each} at the median, {available} % may be used"
    return FailedCheck("device", reason, share / busy)


def _engine(scenario: Scenario, table: CombinationTable, each: str) -> FailedCheck | None:
    """Utilisation law on the engines that decode, by pixels or by sessions."""
    share, busy = scenario.margin.usable_share, table.engine_load
    if busy <= share:
        return None
    needed, available = apart(busy * 100.0, share * 100.0)
    reason = f"{ENGINE} would be {needed} % busy{each} at the median, {available} % may be used"
    return FailedCheck("device", reason, share / busy)
