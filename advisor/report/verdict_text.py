"""The verdict on a terminal: PASS, FAIL or INCONCLUSIVE first, then the checks and what was seen."""

from __future__ import annotations

from advisor.records.verdict import Verdict

from .text import number, table, tail


def render_verdict(verdict: Verdict) -> str:
    """Lay out a whole verdict."""
    binding = f"; binds: {verdict.binding}" if verdict.binding else ""
    parts = [f"{verdict.scenario}: {verdict.verdict} after {verdict.duration_s:.0f} s: {verdict.reason}{binding}", ""]
    words = {True: "ok", False: "FAILED", None: "cannot say"}
    rows = [[check.name, words[check.ok], check.required, check.measured, check.bound or "-", check.advice]
            for check in verdict.checks]  # fmt: skip
    parts.append(table(["check", "", "required", "measured", "bound", "advice"], rows))
    if verdict.cameras:
        rows = [
            [camera.name, number(camera.fps), number(camera.drops_pct, 2), number(camera.longest_gap_ms),
             tail(camera.latency_ms), number(camera.latency_ms.max), f"{camera.done}/{camera.released}", camera.status]
            for camera in verdict.cameras
        ]  # fmt: skip
        heading = ["camera", "FPS", "drops %", "longest gap ms", "latency ms p50/p95/p99", "max", "done/released", ""]
        parts += ["", table(heading, rows, right=(1, 2, 3))]
    if verdict.stages:
        rows = [
            [stage.id, number(stage.rate_per_s), tail(stage.service_ms), tail(stage.waiting_ms),
             number(stage.batch_mean), number(stage.cpu_cores), str(stage.dropped), stage.objects]
            for stage in verdict.stages
        ]  # fmt: skip
        heading = ["stage", "calls/s", "service ms p50/p95/p99", "waiting ms", "batch", "cores", "dropped", "objects"]
        parts += ["", table(heading, rows, right=(1, 4, 5, 6))]
    if verdict.utilisation:
        shown = ", ".join(f"{name} {value * 100:.0f} %" for name, value in verdict.utilisation.items())
        parts += ["", f"utilisation: {shown}"]
    parts += _comparison(verdict)
    capacity = capacity_sentence(verdict)
    if capacity:
        parts.append(f"capacity: {capacity}")
    parts += [f"warning: {text}" for text in verdict.warnings]
    parts += [f"note: {text}" for text in verdict.notes]
    return "\n".join(parts)


def capacity_sentence(verdict: Verdict) -> str:
    """Result of the capacity search in a sentence; empty where none was asked for."""
    found = verdict.capacity
    if found is None:
        return ""
    cameras = "no number of cameras was found to pass" if found.cameras is None else f"{found.cameras} cameras pass"
    parts = [cameras + (f"; {found.binding} binds" if found.binding else "")]
    promised = found.predicted
    if promised is not None and {"p10", "p50", "p90"} <= promised.keys():
        parts.append(f"the plan said {promised['p50']:g} ({promised['p10']:g} - {promised['p90']:g})")
    if found.broken_promise:
        parts.append("BROKEN PROMISE: outside the plan's P10 - P90")
    return "; ".join(parts)


def _comparison(verdict: Verdict) -> list[str]:
    figures = (verdict.predicted or {}).get("compared")
    if not figures:
        return []
    rows = [
        [row["figure"], number(row["p50"]), f"{number(row['p10'])} - {number(row['p90'])}", number(row["measured"]),
         {True: "inside", False: "OUTSIDE P10-P90", None: "not measured"}[row["inside"]]]
        for row in figures
    ]  # fmt: skip
    return ["", "Predicted against measured", table(["figure", "P50", "P10 - P90", "measured", ""], rows, right=(1, 3))]
