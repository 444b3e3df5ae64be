"""What the verdict's page shows, taken from the record: pictures and rows."""

from __future__ import annotations

from html import escape
from typing import Any

from advisor.records.verdict import Verdict
from advisor.report.charts import bars, lines
from advisor.report.text import config_line, number, tail
from advisor.report.verdict_text import capacity_sentence

_INSIDE = {True: ("inside", "good"), False: ("outside P10 - P90", "bad"), None: ("not measured", "warn")}


def verdict_context(verdict: Verdict) -> dict[str, Any]:
    """Values of the template, formatted."""
    words = {True: "ok", False: "failed", None: "cannot say"}
    classes = {True: "good", False: "bad", None: "warn"}
    windows = [
        (camera.name, [float(index) for index in range(len(camera.windows_fps))], list(camera.windows_fps))
        for camera in verdict.cameras
        if camera.windows_fps
    ]
    return {
        "title": f"sizer verify: {verdict.scenario}: {verdict.verdict}",
        "verdict": verdict,
        "verdict_class": {"PASS": "good", "FAIL": "bad", "INCONCLUSIVE": "warn"}[verdict.verdict],
        "checks": [
            (check.name, words[check.ok], classes[check.ok], check.required, check.measured, check.bound or "-",
             check.advice)
            for check in verdict.checks
        ],
        "cameras": [
            (camera.name, number(camera.fps), number(camera.drops_pct, 2), number(camera.longest_gap_ms),
             tail(camera.latency_ms), number(camera.latency_ms.max), f"{camera.done}/{camera.released}", camera.status)
            for camera in verdict.cameras
        ],
        "stages": [
            (stage.id, number(stage.rate_per_s), tail(stage.service_ms), tail(stage.waiting_ms),
             number(stage.batch_mean), number(stage.cpu_cores), str(stage.dropped), stage.objects)
            for stage in verdict.stages
        ],
        "fps_chart": lines(windows, "window", "delivered FPS"),
        "utilisation_chart": bars(
            [(name, use * 100, use * 100, use * 100) for name, use in verdict.utilisation.items()], "%", 100.0
        ),
        "timeline_chart": timeline(verdict.timeline),
        "compared": [
            (row["figure"], number(row["p50"]), number(row["p10"]), number(row["p90"]), number(row["measured"]),
             *_INSIDE[row["inside"]])
            for row in (verdict.predicted or {}).get("compared", [])
        ],
        "capacity": capacity_sentence(verdict),
        "configurations": _configurations(verdict),
        "harness": [(name.replace("_", " "), number(value)) for name, value in verdict.harness.items()],
        "interference": [(name.replace("_", " "), _value(value)) for name, value in verdict.interference.items()],
        "environment": [(name.replace("_", " "), _value(value)) for name, value in verdict.host.items()],
    }  # fmt: skip


def _configurations(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Requested beside effective, by stage."""
    rows = []
    for name, asked in verdict.config.requested.items():
        got = verdict.config.effective.get(name)
        words = "unknown"
        if got is not None:
            figures = {"precision": got.precision, "streams": got.streams, "threads": got.threads, "batch": got.batch}
            told = [f"{key} {value}" for key, value in figures.items() if value is not None]
            words = ", ".join([got.device, *told, f"version {got.runtime_version}"])
        rows.append((name, config_line(asked), words))
    return rows


def _value(value: Any) -> str:
    """A value of a free mapping as text; nested ones by name."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value)
    if value is None:
        return "unknown"
    return number(value) if isinstance(value, float) else str(value)


def timeline(data: dict[str, Any]) -> str:
    """Requests of a few seconds: one row per lane, one bar per request.

    ``data`` holds ``spans``: a list of ``[lane, start_s, end_s]``; anything else gives an empty picture.
    """
    spans = data.get("spans") or []
    if not spans:
        return "<p>No timeline was recorded.</p>"
    lanes = list(dict.fromkeys(str(lane) for lane, _, _ in spans))
    begin = min(float(start) for _, start, _ in spans)
    end = max(float(stop) for _, _, stop in spans)
    width, left, row = 1000, 130, 18
    height = row * len(lanes) + 26

    def x(value: float) -> float:
        return left + (value - begin) / ((end - begin) or 1.0) * (width - left - 10)

    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Requests over time">']
    for index, lane in enumerate(lanes):
        parts.append(f'<text x="{left - 6}" y="{index * row + 13}" text-anchor="end">{escape(lane[:18])}</text>')
    for lane, start, stop in spans:
        y = lanes.index(str(lane)) * row + 3
        parts.append(
            f'<rect class="bar" x="{x(start):.1f}" y="{y}" width="{max(x(stop) - x(start), 0.8):.1f}" height="12"/>'
        )
    parts.append(f'<text x="{left}" y="{height - 6}">0 s</text>')
    parts.append(f'<text x="{width - 10}" y="{height - 6}" text-anchor="end">{end - begin:.2f} s</text>')
    return "".join([*parts, "</svg>"])
