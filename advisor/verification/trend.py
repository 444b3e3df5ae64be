"""How a run changed from its first to its last tenth, and how memory grew: what a soak is run for."""

from __future__ import annotations

from typing import Any

import numpy as np

from .observation import Observation

POINTS = 300
"""Most points of a slope: medians of equal parts of the run, so that eight hours cost no more than two minutes."""
LEAST_S = 20.0
"""A shorter run has no tenths worth comparing."""


def trend(seen: Observation) -> dict[str, Any]:
    """Figures of the first and the last tenth, the slope of memory with its bounds, and throttling; {} if too short."""
    if seen.seen_s < LEAST_S:
        return {}
    seen.close()
    tenth_s = seen.seen_s / 10
    rows = [row for row in seen.samples if seen.warmup_s <= row["t"] <= seen.end_s]
    found: dict[str, Any] = {
        "first_tenth": _part(seen, rows, seen.warmup_s, seen.warmup_s + tenth_s),
        "last_tenth": _part(seen, rows, seen.end_s - tenth_s, seen.end_s),
    }
    slope = memory_slope([(row["t"], row["rss"]) for row in rows if row["rss"] is not None])
    if slope is not None:
        found["memory_mib_per_h"] = dict(zip(("value", "low", "high"), slope, strict=True))
    throttled = [row["throttled"] for row in rows if row.get("throttled") is not None]
    if throttled:
        found["throttled"] = int(throttled[-1] - throttled[0])
    return found


def memory_slope(points: list[tuple[float, float]]) -> tuple[float, float, float] | None:
    """Slope of resident memory [MiB/h] with the bounds of its 95 % interval; None for fewer than ten points.

    Notes
    -----
    Median of the slopes between all pairs (Theil-Sen), since memory grows in steps; the interval is that of Sen (1968),
    "Estimates of the Regression Coefficient Based on Kendall's Tau", https://doi.org/10.1080/01621459.1968.10480934.
    Validity: independent residuals; the first quarter is left out, while runtimes still fill their pools.
    """
    from scipy.stats import theilslopes

    late = points[len(points) // 4 :]
    if len(late) < 10:
        return None
    parts = np.array_split(np.asarray(late, dtype=np.float64), min(POINTS, len(late)))
    times_h = [float(np.median(part[:, 0])) / 3600 for part in parts]
    mib = [float(np.median(part[:, 1])) / 2**20 for part in parts]
    result = theilslopes(mib, times_h, 0.95)
    return float(result.slope), float(result.low_slope), float(result.high_slope)


def _part(seen: Observation, rows: list[dict[str, Any]], start_s: float, end_s: float) -> dict[str, float | None]:
    """Figures of one span of the run."""
    latencies, length_s = seen.latencies.part(start_s, end_s)
    p95_s = latencies.quantile(0.95)
    part: dict[str, float | None] = {
        "frames_per_s": latencies.total / length_s,
        "latency_p95_ms": None if p95_s is None else p95_s * 1e3,
    }
    for stage, passes in seen.passes.items():
        taken_s = passes.slots.part(start_s, end_s)[0].quantile(0.5)
        part[f"{stage}_pass_p50_ms"] = None if taken_s is None else taken_s * 1e3
    for name, scale in (("hz", 1e-9), ("temperature_c", 1.0), ("rss", 2.0**-20)):
        values = [row[name] for row in rows if start_s <= row["t"] < end_s and row[name] is not None]
        label = {"hz": "clock_ghz", "rss": "memory_mib"}.get(name, name)
        part[label] = float(np.mean(values)) * scale if values else None
    return part
