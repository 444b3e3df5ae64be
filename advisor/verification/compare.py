"""Predicted figures next to measured ones; figures only, this module knows no rule of prediction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from advisor.records.verdict import Verdict

RESOLUTION = 0.02
"""What counters of CPU time and their attribution to stages can tell apart, in cores or as a share of the machine."""


def compared(predicted: Mapping[str, Any], verdict: Verdict) -> list[dict[str, Any]]:
    """Rows of figure, p10, p50, p90, measured and inside (None: not measured), from a plan's ``predicted``."""
    offered = sum(camera.released for camera in verdict.cameras)
    dropped = sum(camera.dropped for camera in verdict.cameras)
    p95 = [camera.latency_ms.p95 for camera in verdict.cameras if camera.latency_ms.p95 is not None]
    measured: dict[str, float | None] = {
        "camera_fps": min((camera.fps for camera in verdict.cameras), default=None),
        "drops_pct": 100.0 * dropped / offered if offered else None,
        "latency_p95_ms": max(p95, default=None),
        "utilisation/cpu": verdict.utilisation.get("cpu"),
    }
    for stage in verdict.stages:
        measured[f"stage_load/{stage.id}"] = stage.cpu_cores
    if verdict.capacity is not None and verdict.capacity.cameras is not None:
        measured["capacity_cameras"] = float(verdict.capacity.cameras)
    rows = []
    for figure, value in measured.items():
        group, _, key = figure.partition("/")
        interval = predicted.get(group)
        if key and isinstance(interval, Mapping):
            interval = interval.get(key)
        if not isinstance(interval, Mapping) or not {"p10", "p50", "p90"} <= set(interval):
            continue
        # A latency may be predicted to have no end, which a document says by None.
        low, high = (math.inf if interval[name] is None else float(interval[name]) for name in ("p10", "p90"))
        slack = RESOLUTION if key else 1e-9
        inside = None if value is None else low - slack <= value <= high + slack
        ends = {name: interval[name] for name in ("p10", "p50", "p90")}
        rows.append({"figure": figure, **ends, "measured": value, "inside": inside})
    return rows
