"""What the verdict's page shows, taken from the record: pictures and rows."""

from __future__ import annotations

from typing import Any

from advisor.records.trace import Timeline
from advisor.records.verdict import Verdict

from .charts import bars, lines
from .question import INTERVALS, question_rows
from .text import capacity_sentence, config_line, number, predicted_figures, tail
from .timeline import timelines, without_requests

_INSIDE = {True: ("inside", "good"), False: ("outside P10 - P90", "bad"), None: ("not measured", "warn")}


def verdict_context(verdict: Verdict) -> dict[str, Any]:
    """Values of the template, formatted."""
    words = {True: "ok", False: "failed", None: "inconclusive"}
    simulated = _simulated_requests(verdict)
    classes = {True: "good", False: "bad", None: "warn"}
    return {
        "title": f"sizer verify: {verdict.scenario}: {verdict.verdict}",
        "verdict": verdict,
        "asked": () if verdict.asked is None else question_rows(verdict.asked),
        "intervals": INTERVALS,
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
        "fps_chart": lines(_over_time(verdict, 1), "seconds after the start, warm-up included", "delivered FPS"),
        "latency_chart": lines(
            _over_time(verdict, 3), "seconds after the start, warm-up included", "mean latency, ms", worst="highest"
        ),
        "trend": _trend(verdict.trend),
        "models": [
            (stage, model.name, model.kind, model.sha256) for stage, model in verdict.models.items()
        ],
        "hashes": _hashes(verdict),
        "utilisation_chart": bars(
            [(name, use * 100, use * 100, use * 100) for name, use in verdict.utilisation.items()],
            "%", "Busy share of each resource", 100.0,
        ),
        "requests_chart": timelines(simulated, verdict.requests or without_requests(verdict.timeline)),
        "simulated_requests": simulated is not None,
        "compared": [
            (row["figure"], *predicted_figures(row), number(row["measured"]), *_INSIDE[row["inside"]])
            for row in (verdict.predicted or {}).get("compared", [])
        ],
        "capacity": capacity_sentence(verdict),
        "configurations": _configurations(verdict),
        "harness": [(name.replace("_", " "), number(value)) for name, value in verdict.harness.items()],
        "interference": [(name.replace("_", " "), _value(value)) for name, value in verdict.interference.items()],
        "environment": [(name.replace("_", " "), _value(value)) for name, value in verdict.host.items()],
    }  # fmt: skip


def _simulated_requests(verdict: Verdict) -> Timeline | None:
    """The same window of the simulation, where the run was predicted."""
    found = (verdict.predicted or {}).get("requests")
    return None if found is None else Timeline.model_validate(found)


def _over_time(verdict: Verdict, column: int) -> list[tuple[str, list[float], list[float]]]:
    """One line per camera; places where it has no value are left out."""
    found = []
    for name, rows in (verdict.timeline.get("cameras") or {}).items():
        known = [(float(row[0]), float(row[column])) for row in rows if row[column] is not None]
        found.append((str(name), [at for at, _ in known], [value for _, value in known]))
    return found


def _trend(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Figures of the first and of the last tenth of the run, then the slopes."""
    first, last = found.get("first_tenth", {}), found.get("last_tenth", {})
    rows = [
        (name.replace("_", " "), _value(first[name]), _value(last.get(name)))
        for name in first
        if first[name] is not None or last.get(name) is not None
    ]
    slope = found.get("memory_mib_per_h")
    if slope:
        words = f"{slope['value']:+.1f} ({slope['low']:+.1f} to {slope['high']:+.1f})"
        rows.append(("memory, MiB per hour (95 %)", "", words))
    if "throttled" in found:
        rows.append(("slowed down for heat or power, times", "", str(found["throttled"])))
    return rows


def _hashes(verdict: Verdict) -> list[tuple[str, str]]:
    """What fixes the run: files by their SHA-256, the phases of the cameras, and the seed."""
    rows = [(f"{name} sha256", digest) for name, digest in verdict.hashes.items()]
    if verdict.signer is not None:
        rows.append(("to be signed with key (sha256)", verdict.signer))
    if verdict.phases is not None:
        rows.append(("camera phases", verdict.phases))
    return rows if verdict.seed is None else [*rows, ("seed", str(verdict.seed))]


def _configurations(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Requested and effective configuration of each stage, and of the operating system."""
    rows = []
    granted = verdict.config.effective_host
    if granted is not None:
        asked_for = verdict.config.requested_host.words or "nothing"
        rows.append(("operating system", asked_for, granted.words))
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
