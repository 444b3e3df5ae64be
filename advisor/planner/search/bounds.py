"""Closed-form reasons why no configuration of a platform can hold: cheap, and valid for every random draw."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from advisor.number_format import apart
from advisor.planner.question.load_case import Load
from advisor.records.scenario import Scenario
from advisor.simulate.spec import ENGINE

from .belief import MEDIAN, at
from .checks import FailedCheck
from .combination_sums import Places
from .combinations import Combinations
from .joint import DECODE_FULL
from .platform_model import PlatformModel

LOAD_IN_DOUBT, PATH_IN_DOUBT = 1.1, 1.2
"""Factors within which the table's load and path may lie above those of a combination's own draws: over 60 random
configurations of wide intervals they did by at most 1.055 and 1.16."""


def lasting(model: PlatformModel, scenario: Scenario, combinations: Combinations) -> Places:
    """Where those combinations are listed that keep every limit which the confidence asked for does not touch.

    Memory, and at the median the headroom of bandwidth, devices and cores: all but latency, and the cores at the
    confidence. The cores, which take longest to tell, are asked of what the others leave.
    """
    usable = scenario.margin.usable_share
    fits = combinations.memory <= (model.machine.memory_bytes or 0.0)
    bandwidth = model.bandwidth_bytes_per_s(MEDIAN)
    if bandwidth is not None:
        fits &= combinations.traffic <= usable * bandwidth
    if combinations.device_load is not None:
        fits &= combinations.device_load <= usable
    fits &= combinations.engine_load <= usable
    return combinations.keep_cores(usable * model.cores, np.flatnonzero(fits))


class Admitted(NamedTuple):
    """Combinations that no closed form rules out, by where they are listed."""

    certain: Places
    """At the quantile of one combination, which stands for all of them."""
    doubtful: Places
    """Ruled out by that quantile alone: they may hold all the same where the errors of their own parts cancel, which
    their draws decide (:class:`~advisor.planner.search.joint.DrawnOptions`)."""
    any_at_median: bool
    """Whether one keeps latency at the median, too."""


def admitted(
    model: PlatformModel, scenario: Scenario, combinations: Combinations, lasting: Places, z: float
) -> Admitted:
    """Those of :func:`lasting` combinations that keep latency, and the cores at quantile ``z``, and which may."""
    budget_ms = scenario.slo.latency_p95_ms
    path_ms = combinations.path_s(z)[lasting] * 1000.0
    at_median = combinations.path_s(MEDIAN)[lasting] * 1000.0 <= budget_ms
    demand = combinations.demand(z, lasting)
    certain = (demand <= model.cores) & (path_ms <= budget_ms)
    doubtful = at_median & ~certain & (demand <= LOAD_IN_DOUBT * model.cores) & (path_ms <= PATH_IN_DOUBT * budget_ms)
    return Admitted(lasting[certain], lasting[doubtful], bool(at_median.any()))


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

    Decides as :func:`bound` does, without listing the combinations. ``shortest_s``: least 95th percentile of latency
    [s], without queueing, at the quantile of the confidence asked for and at the median.
    """
    if median_cores <= scenario.margin.usable_share * model.cores:
        return None
    failed = (
        slow_decode(model, scenario, load, decode_z)
        or _latency(scenario, *shortest_s)
        or _cores_at_median(model, scenario, median_cores, _each(count))
    )
    return None if failed is None else failed._replace(at_median=True)


def bound(
    model: PlatformModel,
    scenario: Scenario,
    combinations: Combinations,
    z: float,
    *,
    count: int,
    holds_at_median: bool,
) -> FailedCheck:
    """Closed-form reason why no combination can hold on each of ``count`` boxes, where neither they nor draws let one.

    Some have the cores at the median, or :func:`out_of_cores` decides. ``z``: quantile of the confidence asked for;
    ``holds_at_median``: whether a combination holds at the median. Latency goes first, after decoding
    (:func:`slow_decode`): no number of boxes makes one frame faster.
    """
    each = _each(count)
    # Cores that lack at the confidence asked for alone say nothing of a box whose device is too slow at the median.
    failed = (
        _engine(scenario, combinations, each)
        or _latency(scenario, combinations.least_path_s(z), combinations.least_path_s(MEDIAN))
        or _memory(model, scenario, combinations, each)
        or _bandwidth(model, scenario, combinations, each)
        or _device(model, scenario, combinations, each)
    )
    if failed is None and holds_at_median:
        failed = _cores_at_confidence(model, scenario, float(combinations.demand(z).min()), each)
    if failed is not None and (failed.at_median or holds_at_median):
        return failed
    reason = "no configuration meets latency, memory and headroom at once"
    return FailedCheck("latency_p95", reason, 0.9, not holds_at_median)


def _each(count: int) -> str:
    return " per box" if count > 1 else ""


def slow_decode(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> FailedCheck | None:
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


def _grown(scenario: Scenario) -> str:
    """Say that growth is counted, where there is any: what is shown beside the reason is the load of today."""
    return "with growth " if scenario.margin.growth_cameras or scenario.margin.growth_requests_pct else ""


def _cores_at_median(model: PlatformModel, scenario: Scenario, least: float, each: str) -> FailedCheck | None:
    """Utilisation law: cores kept busy in the long run against those that the headroom leaves."""
    usable = scenario.margin.usable_share * model.cores
    if least <= usable:
        return None
    needed, available = apart(least, usable)
    reason = (
        f"needs {needed} of its {model.cores:.3g} cores{each} {_grown(scenario)}at the median; "
        f"{available} may be used with {scenario.margin.headroom_pct:g} % headroom"
    )
    return FailedCheck("cpu", reason, usable / least)


def _cores_at_confidence(model: PlatformModel, scenario: Scenario, least: float, each: str) -> FailedCheck | None:
    """The same at the confidence asked for, against all cores."""
    if least <= model.cores:
        return None
    needed, available = apart(least, model.cores)
    reason = (
        f"{_grown(scenario)}at {scenario.margin.confidence_pct:g} % confidence it needs {needed} cores{each} and has "
        f"{available}"
    )
    return FailedCheck("cpu", reason, model.cores / least, at_median=False)


def _memory(model: PlatformModel, scenario: Scenario, combinations: Combinations, each: str) -> FailedCheck | None:
    installed = model.machine.memory_bytes
    need = float(combinations.memory.min())
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


def _bandwidth(model: PlatformModel, scenario: Scenario, combinations: Combinations, each: str) -> FailedCheck | None:
    bandwidth = model.bandwidth_bytes_per_s(MEDIAN)
    if bandwidth is None:
        return None
    share = scenario.margin.usable_share
    usable, traffic = share * bandwidth, float(combinations.traffic.min())
    if traffic <= usable:
        return None
    moved, available = apart(traffic / 1e9, usable / 1e9)
    reason = (
        f"moves {moved} GB/s{each} of the {bandwidth / 1e9:.3g} GB/s that its cores attain at the median; "
        f"{available} GB/s ({share * 100:.0f} %) may be used"
    )
    return FailedCheck("memory_bandwidth", reason, usable / traffic)


def _device(model: PlatformModel, scenario: Scenario, combinations: Combinations, each: str) -> FailedCheck | None:
    """Utilisation law on the busiest device: all stages that are on it share its time."""
    if model.use is None or combinations.device_load is None:
        return None
    share, busy = scenario.margin.usable_share, float(combinations.device_load.min())
    if busy <= share:
        return None
    needed, available = apart(busy * 100.0, share * 100.0)
    reason = f"{model.use.names} would be {needed} % busy{each} at the median, {available} % may be used"
    return FailedCheck("device", reason, share / busy)


def _engine(scenario: Scenario, combinations: Combinations, each: str) -> FailedCheck | None:
    """Utilisation law on the engines that decode, by pixels or by sessions."""
    share, busy = scenario.margin.usable_share, combinations.engine_load
    if busy <= share:
        return None
    needed, available = apart(busy * 100.0, share * 100.0)
    reason = f"{ENGINE} would be {needed} % busy{each} at the median, {available} % may be used"
    return FailedCheck("device", reason, share / busy)
