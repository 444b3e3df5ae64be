"""A comparison as what its page shows: pictures and rows, all text made here."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from advisor.records.comparison import Comparison, VariantResult

from .charts import bars
from .compare_text import MIB, agreement_text, gain_line, ratio_text
from .text import number


def comparison_context(comparison: Comparison) -> dict[str, Any]:
    """Contents of ``comparison.html.j2``."""
    models = []
    for name in dict.fromkeys(row.model for row in comparison.variants):
        rows = [row for row in comparison.variants if row.model == name]
        done = sorted((row for row in rows if row.time_ms is not None), key=lambda row: row.time_ms or 0.0)
        models.append(
            {
                "name": name,
                "baseline": next((row.label for row in rows if row.baseline), "none"),
                "time": _times(name, done),
                "memory": _memory(name, done),
                "rows": [_row(row) for row in [*done, *(row for row in rows if row.time_ms is None)]],
            }
        )
    return {
        "title": "Runtimes and settings compared",
        "comparison": comparison,
        "load": number(comparison.load_at_start),
        "versions": ", ".join(f"{name} {text}" for name, text in sorted(comparison.versions.items())),
        "models": models,
        "gains": [gain_line(gain) for gain in comparison.gains],
    }


def _times(model: str, rows: list[VariantResult]) -> Markup:
    """Bars of the time per input with the interval of its median."""
    found = [
        (
            row.label,
            row.time_lower_ms or row.time_ms or 0.0,
            row.time_ms or 0.0,
            row.time_upper_ms or row.time_ms or 0.0,
        )
        for row in rows
    ]
    return Markup(bars(found, "ms", f"{model}: time per input, median with its 95 % interval"))  # noqa: S704


def _memory(model: str, rows: list[VariantResult]) -> Markup:
    """Bars of the memory that a model adds to its worker."""
    sizes = [(row.label, row.model_bytes / MIB) for row in rows if row.model_bytes is not None]
    found = [(label, size, size, size) for label, size in sizes]
    return Markup(bars(found, "MiB", f"{model}: peak memory of the model"))  # noqa: S704 - escaped in there


def _row(row: VariantResult) -> dict[str, str]:
    return {
        "label": row.label,
        "kind": "recommended" if row.baseline else "miss" if row.status != "done" else "",
        "time": number(row.time_ms),
        "ratio": ratio_text(row.time_ratio, baseline=row.baseline),
        "p95": number(row.p95_ms),
        "rate": number(row.throughput_per_s),
        "memory": number(None if row.model_bytes is None else row.model_bytes / MIB),
        "memory_ratio": number(row.memory_ratio),
        "process": number(None if row.process_bytes is None else row.process_bytes / MIB),
        "compile": number(row.compile_s),
        "rounds": f"{row.rounds} ({row.disturbed_rounds} disturbed)" if row.disturbed_rounds else str(row.rounds),
        "agreement": agreement_text(row),
        "simd": row.simd,
        "failure": row.failure or "",
    }
