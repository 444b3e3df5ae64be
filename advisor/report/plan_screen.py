"""The first screen of a plan: what to buy, at what price, how surely, compared with what, and what breaks first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from advisor.records.plan import Plan, PlanOption, Rejected

from .decision import (
    best_changes,
    breaks_first_lines,
    cheaper_unknown_sentence,
    closest_limit,
    decided_by,
    runs_on,
    scope_sentence,
    why_not_cheaper,
)
from .layout import BAD, GOOD, SOFT, UNSURE, Cells, Column, Table, aligned, bullets, facts, heading, paragraph, styled
from .plan_summary import (
    advice_lines,
    answer_sentence,
    capacity_unit,
    carrying_boxes,
    compared,
    currency,
    evidence_by_stage,
    nearest_misses,
    site_heading,
    site_value,
)
from .question import INTERVALS, question_rows
from .text import (
    EVIDENCE_WORDS,
    capacity,
    capacity_interval,
    clipped,
    counted,
    dated_price,
    latency_figures,
    latency_span,
    money,
    percent,
    price_sort,
    span,
    tight,
)

FACT, FACTS, CHANGE, FIRST_WARNING, WARNING = 80, 162, 94, 186, 94
"""Longest texts [characters] of a fact in one line and in two, a change, the first warning and the others, which
``--details`` has whole."""
LONG = frozenset(
    {"models", "must hold", "predicted", "decided by", "just fails", "breaks first", "nearest miss", "try"}
)  # fmt: skip
"""Facts that may take two lines."""
WARNINGS = 2
"""Warnings that are shown; the others are counted."""


def first_screen(plan: Plan) -> RenderableType:
    """Lay out the decision."""
    scope = " ".join(text for text in (scope_sentence(plan), cheaper_unknown_sentence(plan)) if text)
    parts: list[RenderableType] = [paragraph(styled(answer_sentence(plan), f"bold {_colour(plan)}"))]
    if scope:
        parts.append(paragraph(styled(scope, UNSURE)))
    parts += [
        paragraph(styled(f"{of_hour.text}.", UNSURE))
        for of_hour in (plan.present, plan.disturbed)
        if of_hour is not None
    ]
    rows = [
        (name, clipped(text, FACTS if name in LONG else FACT))
        for name, text in (*_asked(plan), *_decision(plan))
        if text
    ]
    parts += [facts(rows), *comparison(plan), *_changes(plan), *_warnings(plan)]
    parts.append(paragraph(styled(f"{INTERVALS} All figures, assumptions and sources: --details, --html FILE.", SOFT)))
    return Group(*parts)


def _colour(plan: Plan) -> str:
    if plan.carried:
        return GOOD
    unsure = plan.nothing_known or plan.cannot_tell or plan.unpriced or not plan.rejected
    return UNSURE if unsure else BAD


def _asked(plan: Plan) -> list[tuple[str, str]]:
    """Load, models, requirement and margins, where the plan holds them."""
    if plan.asked is None:
        return []
    found = dict(question_rows(plan.asked))
    load = next(name for name in ("cameras", "requests") if name in found)
    return [
        (load, found[load]),
        ("models", found["models"]),
        ("must hold", f"{found['must hold']}; {found['margins']}"),
    ]


def _decision(plan: Plan) -> list[tuple[str, str]]:
    best = plan.recommended
    if best is None:
        misses = () if plan.unpriced else nearest_misses(plan)[:1]
        return [
            ("sites", _sites(plan)),
            *[("nearest miss", f"{item.platform}: {item.reason}") for item in misses],
            *[("try", line) for line in advice_lines(plan)[:1] if misses],
        ]
    predicted, tco = best.predicted, best.tco
    carrying = carrying_boxes(plan, best)
    of = f" on {carrying}" if carrying else ""
    return [
        ("price", dated_price(best.price, f", with energy over {tco.lifetime_years:g} years "
                                          f"{money(tco.value, tco.currency)}")),
        ("sites", _sites(plan)),
        ("runs on", runs_on(plan)),
        ("rests on", evidence_by_stage(predicted) if predicted.evidence else EVIDENCE_WORDS[best.evidence]),
        ("predicted", f"{capacity(predicted)}{of}; CPU {percent(predicted.utilisation.get('cpu'))}; "
                      f"p95 {latency_span(predicted.latency_p95_ms)}"),
        ("nearest limit", closest_limit(plan)),
        ("decided by", decided_by(plan)),
        ("just fails", why_not_cheaper(plan)),
        ("breaks first", "; ".join(breaks_first_lines(best))),
        ("together", "; ".join(mix.text for mix in (plan.mix, plan.split) if mix is not None)),
    ]  # fmt: skip


def _sites(plan: Plan) -> str:
    return ", ".join(f"{site_heading(name)} {site_value(value)}" for name, value in plan.sites_total.items() if value)


def comparison(plan: Plan) -> list[RenderableType]:
    """The recommendation and what it is compared with, or the nearest misses."""
    shown = compared(plan)
    if not shown:
        return []
    named = {item.platform for _, item in shown}
    others = sum(item.platform not in named for item in plan.rejected)
    more = f" (and {counted(others, 'more platform')}: --json, --html)" if others > 0 else ""
    return [heading(f"Compared{more}"), _compared_table(plan, shown)]


def _compared_table(plan: Plan, shown: Sequence[tuple[str, PlanOption | Rejected]]) -> Table:
    columns = [
        Column(""), Column("platform"), Column("boxes", figures=True), Column(currency(plan), figures=True),
        Column("price is", optional=3), Column("sure %", figures=True), Column(capacity_unit(plan)),
        Column("CPU %", optional=1), Column("p95 ms", optional=2),
    ]  # fmt: skip
    predicted = [item.predicted for _, item in shown]
    reach = aligned([tight(span(capacity_interval(load))) for load in predicted])
    cpu = [None if load is None else load.utilisation.get("cpu") for load in predicted]
    busy = aligned([tight(span(None if use is None else use.scaled(100.0), 2)) for use in cpu])
    p95 = aligned([tight(latency_figures(None if load is None else load.latency_p95_ms)) for load in predicted])
    rows: list[Cells] = []
    for index, (kind, item) in enumerate(shown):
        price = None if item.price is None else item.price.value
        sure = f"{item.probability * 100:.0f}" if isinstance(item, PlanOption) else "-"
        row: Cells = [
            kind, item.platform, str(item.count), "unknown" if price is None else f"{price:,.0f}",
            price_sort(item.price), sure,
            reach[index], busy[index], p95[index],
        ]  # fmt: skip
        rows.append([styled(cell, "bold") for cell in row] if kind == "recommended" else row)
    return Table(columns, rows, indent=2)


def _changes(plan: Plan) -> list[RenderableType]:
    lines = [clipped(line, CHANGE) for line in best_changes(plan)]
    if not lines:
        return []
    title = "Best changes" if plan.recommended is not None else "What would make a box suffice"
    return [heading(title), bullets(lines)]


def _warnings(plan: Plan) -> list[RenderableType]:
    shown = [clipped(text, WARNING if place else FIRST_WARNING) for place, text in enumerate(plan.warnings[:WARNINGS])]
    more = len(plan.warnings) - len(shown)
    if more > 0:
        shown.append(f"{counted(more, 'more warning')} (--details)")
    if not shown:
        return [Text("")]
    return [heading("Warnings"), bullets([styled(text, UNSURE) for text in shown]), Text("")]
