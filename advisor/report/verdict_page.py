"""What the verdict's page shows, taken from the record: pictures and rows."""

from __future__ import annotations

from typing import Any

from advisor.records.verdict import CameraTail, Verdict
from advisor.report.charts import bars, lines
from advisor.report.text import number


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
             _tail(camera.latency_ms), number(camera.latency_ms.max), f"{camera.done}/{camera.released}", camera.status)
            for camera in verdict.cameras
        ],
        "stages": [
            (stage.id, number(stage.rate_per_s), _tail(stage.service_ms), _tail(stage.waiting_ms),
             number(stage.batch_mean), number(stage.cpu_cores), str(stage.dropped), stage.objects)
            for stage in verdict.stages
        ],
        "fps_chart": lines(windows, "window", "delivered FPS"),
        "utilisation_chart": bars(
            [(name, use * 100, use * 100, use * 100) for name, use in verdict.utilisation.items()], "%", 100.0
        ),
        "timeline_chart": timeline(verdict.timeline),
        "compared": (verdict.predicted or {}).get("compared", []),
        "number": number,
    }  # fmt: skip


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
        parts.append(f'<text x="{left - 6}" y="{index * row + 13}" text-anchor="end">{lane}</text>')
    for lane, start, stop in spans:
        y = lanes.index(str(lane)) * row + 3
        parts.append(
            f'<rect class="bar" x="{x(start):.1f}" y="{y}" width="{max(x(stop) - x(start), 0.8):.1f}" height="12"/>'
        )
    parts.append(f'<text x="{left}" y="{height - 6}">0 s</text>')
    parts.append(f'<text x="{width - 10}" y="{height - 6}" text-anchor="end">{end - begin:.2f} s</text>')
    return "".join([*parts, "</svg>"])


def _tail(tail: CameraTail) -> str:
    return f"{number(tail.p50)} / {number(tail.p95)} / {number(tail.p99)}"
