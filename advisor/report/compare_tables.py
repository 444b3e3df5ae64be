"""A comparison as CSV: one line per variant, figures in the units that the column names say."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from advisor.records.comparison import Comparison, VariantResult

_Cell = Callable[[VariantResult], object]
_COLUMNS: dict[str, _Cell] = {
    "model": lambda row: row.model,
    "variant": lambda row: row.label,
    "baseline": lambda row: row.baseline,
    "status": lambda row: row.status,
    "failure": lambda row: row.failure,
    "runtime": lambda row: row.config.runtime,
    "runtime_version": lambda row: None if row.effective is None else row.effective.runtime_version,
    "precision": lambda row: row.config.precision,
    "dynamic_shapes": lambda row: row.config.dynamic_shapes is True,
    "hint": lambda row: row.config.hint,
    "batch": lambda row: row.config.batch,
    "streams_requested": lambda row: row.config.streams,
    "streams_effective": lambda row: None if row.effective is None else row.effective.streams,
    "threads_requested": lambda row: row.config.threads,
    "threads_effective": lambda row: None if row.effective is None else row.effective.threads,
    "simd": lambda row: row.simd,
    "mode": lambda row: row.mode,
    "rounds": lambda row: row.rounds,
    "disturbed_rounds": lambda row: row.disturbed_rounds,
    "time_ms": lambda row: row.time_ms,
    "time_lower_ms": lambda row: row.time_lower_ms,
    "time_upper_ms": lambda row: row.time_upper_ms,
    "p95_ms": lambda row: row.p95_ms,
    "throughput_per_s": lambda row: row.throughput_per_s,
    "time_ratio": lambda row: None if row.time_ratio is None else row.time_ratio.value,
    "time_ratio_lower": lambda row: None if row.time_ratio is None else row.time_ratio.lower,
    "time_ratio_upper": lambda row: None if row.time_ratio is None else row.time_ratio.upper,
    "pairs": lambda row: None if row.time_ratio is None else row.time_ratio.pairs,
    "model_bytes": lambda row: row.model_bytes,
    "process_bytes": lambda row: row.process_bytes,
    "memory_ratio": lambda row: row.memory_ratio,
    "process_ratio": lambda row: row.process_ratio,
    "compile_s": lambda row: row.compile_s,
    "agreement_kind": lambda row: None if row.agreement is None else row.agreement.kind,
    "agreement": lambda row: None if row.agreement is None else row.agreement.value,
    "accuracy": lambda row: row.accuracy_note,
}


def comparison_csv(comparison: Comparison) -> str:
    """One line per variant, failures included; empty cells are unknown."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in comparison.variants:
        writer.writerow(["" if (value := cell(row)) is None else value for cell in _COLUMNS.values()])
    return out.getvalue()
