"""What ``sizer compare`` prints: one screen per model, failures named, gains of narrower precisions."""

from __future__ import annotations

import re

from rich.console import Group, RenderableType
from rich.text import Text

from advisor.records.comparison import Comparison, PrecisionGain, Ratio, VariantResult

from .layout import BAD, GOOD, SOFT, UNSURE, Cells, Column, Table, bullets, heading, paragraph, section, styled
from .text import clipped, counted, number

MIB = 1024.0**2
_REASON = 90
"""Longest reason of a failure in the list below a table [characters]; --details prints it whole."""


def render_comparison(comparison: Comparison, *, details: bool = False) -> RenderableType:
    """Table per model, fastest variant first, then gains, failures and remarks."""
    load = "" if comparison.load_at_start is None else f", load {comparison.load_at_start:.2f} at the start"
    parts: list[RenderableType] = [paragraph(styled(f"{comparison.machine}{load}", "bold"))]
    for model in dict.fromkeys(row.model for row in comparison.variants):
        rows = [row for row in comparison.variants if row.model == model]
        base = next((row.label for row in rows if row.baseline), "none")
        parts += [heading(f"{model}: time and memory over {base}"), _table(rows, details=details)]
    if comparison.gains:
        parts += [
            heading("What a narrower precision changes within a runtime"),
            bullets(map(gain_line, comparison.gains)),
        ]
    failures = [
        f"{row.model} {row.label}: {row.failure if details else clipped(reason(row), _REASON)}"
        for row in comparison.variants
        if row.failure is not None
    ]
    parts += section("Not measured", failures)
    parts += section("Remarks", list(comparison.notes))
    parts.append(paragraph(styled(f"measured in {comparison.took_s:.0f} s", SOFT)))
    return Group(*parts)


def _table(rows: list[VariantResult], *, details: bool) -> Table:
    columns = [
        Column("variant"), Column("ms/input", figures=True), Column("time ratio"), Column("MiB", figures=True),
        Column("memory ratio", figures=True), Column("process MiB", figures=True, optional=2),
        Column("inputs/s", figures=True, optional=3), Column("agrees with f32", optional=1),
        *([Column("p95 ms", figures=True), Column("compile s", figures=True), Column("rounds", figures=True)]
          if details else []),
        Column("state"),
    ]  # fmt: skip
    ordered = sorted(rows, key=lambda row: (row.time_ms is None, row.time_ms or 0.0))
    cells: list[Cells] = [
        [
            styled(row.label, "bold") if row.baseline else row.label,
            number(row.time_ms),
            ratio_text(row.time_ratio, baseline=row.baseline),
            number(None if row.model_bytes is None else row.model_bytes / MIB),
            "1" if row.baseline and row.memory_ratio else number(row.memory_ratio),
            number(None if row.process_bytes is None else row.process_bytes / MIB),
            number(row.throughput_per_s),
            agreement_text(row),
            *([number(row.p95_ms), number(row.compile_s), str(row.rounds)] if details else []),
            _state(row),
        ]
        for row in ordered
    ]
    return Table(columns, cells, indent=2)


def _state(row: VariantResult) -> Text:
    if row.status != "done":
        words = "cannot be capped" if row.simd == "cannot be capped" else row.status.replace("_", " ")
        return styled(words, BAD)
    if row.baseline:
        return styled("baseline", GOOD)
    if row.disturbed_rounds * 2 > row.rounds:
        return styled("disturbed", UNSURE)
    return styled("ok", GOOD)


def reason(row: VariantResult) -> str:
    """Why there are no figures, without the place of the model's file; empty where there are."""
    return re.sub(r"^model \S+: ", "", row.failure or "")


def ratio_text(ratio: Ratio | None, *, baseline: bool = False) -> str:
    """``0.58 (0.56 - 0.61)``; the interval is left out where there are too few rounds for one."""
    if ratio is None:
        return "-"
    if baseline:
        return "1"
    if ratio.lower is None or ratio.upper is None:
        return f"{number(ratio.value)} ({counted(ratio.pairs, 'round')})"
    return f"{number(ratio.value)} ({number(ratio.lower)} - {number(ratio.upper)})"


def agreement_text(row: VariantResult) -> str:
    """Share of answers that agree, with what was compared; else what is known of accuracy."""
    if row.status != "done":
        return "-"
    if row.agreement is None:
        return row.accuracy_note
    return f"{100 * row.agreement.value:.1f} % {row.agreement.kind}"


def gain_line(gain: PrecisionGain) -> str:
    """What a precision changes, in a sentence."""
    time = _change(gain.time_ratio.value)
    if gain.time_ratio.lower is not None and gain.time_ratio.upper is not None:
        time += f" ({_change(gain.time_ratio.lower)} to {_change(gain.time_ratio.upper)})"
    memory = "unknown" if gain.memory_ratio is None else _change(gain.memory_ratio)
    process = "" if gain.process_ratio is None else f" ({_change(gain.process_ratio)} of the whole process)"
    judged = (
        "accuracy not judged"
        if gain.agreement is None
        else f"{100 * gain.agreement.value:.1f} % of {gain.agreement.kind} agree on {gain.agreement.inputs} inputs"
    )
    return f"{gain.model} {gain.label} against {gain.against}: time {time}, memory {memory}{process}; {judged}"


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"
