"""The verdict on a terminal: PASS, FAIL or INCONCLUSIVE first, then the checks and what was measured."""

from __future__ import annotations

from rich.console import Group, RenderableType

from advisor.records.verdict import Check, Verdict

from .layout import BAD, GOOD, UNSURE, Cells, Column, Table, facts, heading, paragraph, section, styled
from .question import INTERVALS, question_rows
from .text import capacity_sentence, number, predicted_figures, tail

_RESULT = {True: ("ok", GOOD), False: ("FAILED", BAD), None: ("inconclusive", UNSURE)}
_INSIDE = {True: ("inside", GOOD), False: ("OUTSIDE", BAD), None: ("not measured", UNSURE)}
_COLOUR = {"PASS": GOOD, "FAIL": BAD, "INCONCLUSIVE": UNSURE}


def render_verdict(verdict: Verdict) -> RenderableType:
    """Lay out a whole verdict."""
    limit = f"; limited by {verdict.binding}" if verdict.binding else ""
    answer = styled(
        f"{verdict.scenario}: {verdict.verdict} after {verdict.duration_s:.0f} s: {verdict.reason}{limit}", ""
    )
    answer.highlight_words([verdict.verdict], f"bold {_COLOUR[verdict.verdict]}")
    parts: list[RenderableType] = [paragraph(answer)]
    if verdict.asked is not None:
        parts.append(facts(question_rows(verdict.asked)))
    if verdict.checks:
        parts += [heading("Checks"), _checks(verdict)]
    advice = [f"{check.name}: {check.advice}" for check in verdict.checks if check.advice]
    helps = [] if verdict.change is None else [f"what helps most: {verdict.change.text}"]
    parts += section("What to do", [*helps, *advice])
    if verdict.cameras:
        parts += [heading("Cameras"), _cameras(verdict)]
    if verdict.stages:
        parts += [heading("Stages"), _stages(verdict)]
    if verdict.utilisation:
        use = [(name.replace("_", " "), f"{value * 100:.0f} %") for name, value in verdict.utilisation.items()]
        parts += [heading("Utilisation"), facts(use)]
    parts += _comparison(verdict)
    parts += section("Capacity", [line for line in (capacity_sentence(verdict),) if line])
    parts += section("Warnings", verdict.warnings)
    parts += section("Notes", verdict.notes)
    return Group(*parts)


def _checks(verdict: Verdict) -> Table:
    columns = [Column("check"), Column("result"), Column("required"), Column("measured"), Column("bound")]

    def row(check: Check) -> Cells:
        return [check.name, styled(*_RESULT[check.ok]), check.required, check.measured, check.bound or "-"]

    return Table(columns, [row(check) for check in verdict.checks], indent=2)


def _cameras(verdict: Verdict) -> Table:
    columns = [
        Column("camera"), Column("FPS", figures=True), Column("drops %", figures=True),
        Column("p50 / p95 / p99 ms", figures=True), Column("max ms", figures=True, optional=1),
        Column("longest gap ms", figures=True, optional=2), Column("done / released", figures=True, optional=3),
        Column("status"),
    ]  # fmt: skip
    rows = [
        [camera.name, number(camera.fps), number(camera.drops_pct, 2), tail(camera.latency_ms),
         number(camera.latency_ms.max), number(camera.longest_gap_ms), f"{camera.done} / {camera.released}",
         camera.status]
        for camera in verdict.cameras
    ]  # fmt: skip
    return Table(columns, rows, indent=2)


def _stages(verdict: Verdict) -> Table:
    columns = [
        Column("stage"), Column("calls/s", figures=True), Column("service p50 / p95 / p99 ms", figures=True),
        Column("waiting p50 / p95 / p99 ms", figures=True, optional=1), Column("batch", figures=True, optional=2),
        Column("cores", figures=True), Column("dropped", figures=True), Column("objects", optional=3),
    ]  # fmt: skip
    rows = [
        [stage.id, number(stage.rate_per_s), tail(stage.service_ms), tail(stage.waiting_ms),
         number(stage.batch_mean), number(stage.cpu_cores), str(stage.dropped), stage.objects]
        for stage in verdict.stages
    ]  # fmt: skip
    return Table(columns, rows, indent=2)


def _comparison(verdict: Verdict) -> list[RenderableType]:
    compared = (verdict.predicted or {}).get("compared")
    if not compared:
        return []
    columns = [
        Column("figure"), Column("predicted P50", figures=True), Column("P10 - P90", figures=True),
        Column("measured", figures=True), Column("result"),
    ]  # fmt: skip
    rows: list[Cells] = []
    for row in compared:
        middle, low, high = predicted_figures(row)
        inside = styled(*_INSIDE[row["inside"]])
        rows.append([row["figure"], middle, f"{low} - {high}", number(row["measured"]), inside])
    return [heading("Predicted and measured"), paragraph(INTERVALS, 2), Table(columns, rows, indent=2)]
