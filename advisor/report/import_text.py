"""What `sizer import` made of a file, and reported figures, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType

from advisor.records.imported import ImportReport, ReportedFigure

from .layout import Column, Table, heading, paragraph, section
from .text import counted

_TITLES = (
    ("to fill in", "To be set by you"),
    ("secret removed", "Secrets that were taken out of addresses"),
    ("assumed", "Assumed"),
    ("left out", "Not carried over"),
)


def render_import(result: ImportReport) -> RenderableType:
    """What was made, then all notes by kind."""
    verb = "would hold" if result.dry_run else "holds"
    if result.scenario is not None:
        first = (
            f"{result.file}, read as {result.format}: {result.scenario} {verb} {counted(result.cameras, 'camera')} and"
            f" {counted(result.stages, 'stage')}"
        )
    else:
        kept = "nothing was stored" if result.dry_run else f"{result.added} were new to the store"
        first = f"{result.file}, read as {result.format}: {counted(len(result.figures), 'figure')}; {kept}"
    parts: list[RenderableType] = [paragraph(first)]
    if result.figures:
        parts += figures(result.figures)
        parts.append(paragraph(f"All that were imported: `sizer catalog show {result.figures[0].machine} --reported`"))
    for kind, title in _TITLES:
        lines = [
            note.reason if note.place == "-" else f"{note.place}: {note.reason}"
            for note in result.notes
            if note.kind == kind
        ]
        parts += section(title, lines)
    return Group(*parts)


def figures(found: Sequence[ReportedFigure]) -> list[RenderableType]:
    """Table of reported figures, and what they lack."""
    columns = [
        Column("model"), Column("device"), Column("precision"), Column("batch", figures=True),
        Column("requests", figures=True), Column("inputs/s", figures=True), Column("p50 ms", figures=True),
        Column("p95 ms", figures=True), Column("source", optional=1),
    ]  # fmt: skip
    rows = [
        [one.model, one.device or "?", one.precision or "?", _shown(one.batch), _shown(one.requests),
         f"{one.throughput_per_s:.4g}", _ms(one.latency_p50_s), _ms(one.latency_p95_s), one.source]
        for one in found
    ]  # fmt: skip
    lacking = dict.fromkeys(words for one in found for words in one.missing)
    words = (
        "As other programs reported them: no plan and no prediction uses these figures, for they lack "
        f"{', '.join(lacking)}. `sizer bench --export` on the machine brings all of it."
    )
    return [heading(f"Reported of {found[0].machine}"), Table(columns, rows, indent=2), paragraph(words)]


def _shown(value: int | None) -> str:
    return "?" if value is None else str(value)


def _ms(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds * 1e3:.4g}"
