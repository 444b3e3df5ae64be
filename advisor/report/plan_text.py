"""The plan on a terminal: the first screen, then with ``--details`` what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from advisor.records.plan import Plan, PlanOption

from .layout import Column, Table, aligned, facts, heading, paragraph, section
from .plan_screen import first_screen
from .plan_summary import (
    advice_lines,
    auto_lines,
    batching_lines,
    bill,
    box_lines,
    carrying_boxes,
    compared,
    currency,
    evidence_by_stage,
    ladder_rows,
    scenario_change_lines,
    shown_site,
    site_heading,
    site_value,
    tie_rows,
    undecided_lines,
)
from .question import question_rows
from .text import (
    EVIDENCE_WORDS,
    RESOURCE_WORDS,
    application_row,
    basis_line,
    capacity,
    config_line,
    decode_line,
    decodes,
    has_cameras,
    latency,
    latency_span,
    money,
    number,
    percent,
    price_line,
    search_line,
    span,
    why,
    without_line,
)

SITES = 20
"""Kinds of site that a terminal shows."""


def render_plan(plan: Plan, *, details: bool = False) -> RenderableType:
    """Lay out the first screen of a plan, and with ``details`` everything that it rests on below."""
    parts = [first_screen(plan)]
    if details:
        parts += [part for lay_out in SECTIONS for part in lay_out(plan)]
    return Group(*parts)


def _recommended(plan: Plan) -> list[RenderableType]:
    best = plan.recommended
    if best is None:
        return []
    predicted, tco = best.predicted, best.tco
    about = [
        ("price", price_line(best.price)),
        ("TCO", f"{money(tco.value, tco.currency)} over {tco.lifetime_years:g} years: {bill(best)}"),
        ("energy", f"{span(tco.energy_kwh_per_year)} kWh/year, {span(tco.energy_cost_per_year)} {tco.currency}/year "
                   f"at {span(tco.wall_w)} W average"),
        ("evidence", evidence_by_stage(predicted) if predicted.evidence else EVIDENCE_WORDS[best.evidence]),
    ]  # fmt: skip
    if best.note:
        about.append(("note", best.note))
    if best.next_measurement is not None:
        about.append(("next measurement", best.next_measurement.text))
    carrying = carrying_boxes(plan, best)
    of = f", per box of {best.count}; capacity of {carrying}" if carrying else ""
    figures = [
        ("camera FPS" if has_cameras(predicted) else "requests/s", span(predicted.camera_fps)),
        ("drops", f"{span(predicted.drops_pct)} %"),
        ("latency", f"p50 {latency(predicted.latency_ms.p50)}, p95 {latency_span(predicted.latency_p95_ms)}, "
                    f"p99 {latency(predicted.latency_ms.p99)}"),
        ("capacity", capacity(predicted)),
        *[(f"{RESOURCE_WORDS.get(name, name)} used", percent(use))
          for name, use in predicted.utilisation.items()],
    ]  # fmt: skip
    return [
        Text(""),
        facts(about),
        heading(f"Predicted, P50 (P10 - P90){of}"),
        facts(figures),
        Text(""),
        _stages(best),
    ]


def _ties(plan: Plan) -> list[RenderableType]:
    rows = tie_rows(plan)
    if not rows:
        return []
    columns = [
        Column("boxes"), Column(currency(plan), figures=True), Column("sure %", figures=True),
        Column("would settle it"),
    ]  # fmt: skip
    return [
        heading("Ties: boxes whose price or probability cannot be told from that of the recommended ones"),
        Table(columns, [list(row) for row in rows], indent=2),
    ]


def _ladder(plan: Plan) -> list[RenderableType]:
    rows = ladder_rows(plan)
    if not rows:
        return []
    columns = [
        Column("cheapest boxes for"), Column("boxes"), Column(currency(plan), figures=True),
        Column("more", figures=True),
    ]  # fmt: skip
    return [heading("What safety costs"), Table(columns, [list(row) for row in rows], indent=2)]


def _limits(plan: Plan) -> list[RenderableType]:
    best = plan.recommended
    return [] if best is None else section("What breaks first", [item.text for item in best.breaks_first])


def _gain(plan: Plan) -> list[RenderableType]:
    best = plan.recommended
    gains = [] if best is None else [item.text for item in best.gain_over_default if item.hint != "auto"]
    return section("Compared with common configurations on the same boxes", gains)


def _batching(plan: Plan) -> list[RenderableType]:
    return section("Automatic batching by the runtime", batching_lines(plan))


def _auto(plan: Plan) -> list[RenderableType]:
    return section("The device AUTO instead", auto_lines(plan))


def _stages(best: PlanOption) -> Table:
    load = best.predicted.stage_load
    rows = [(name, config_line(config)) for name, config in best.config.stages.items()]
    around = application_row(best.predicted)
    if around is not None:
        rows.insert(0, around)
    if decodes(best.predicted):
        rows.insert(0, ("decode", decode_line(best.config.decode)))
    busy = aligned([span(load.get(name)) for name, _ in rows])
    columns = [Column("stage"), Column("configuration"), Column("cores busy")]
    return Table(columns, [[*row, cores] for row, cores in zip(rows, busy, strict=True)], indent=2)


def _asked(plan: Plan) -> list[RenderableType]:
    return [] if plan.asked is None else [heading("Asked"), facts(question_rows(plan.asked))]


def _reasons(plan: Plan) -> list[RenderableType]:
    return section("Reasons", [f"{item.platform}: {why(item)}" for _, item in compared(plan) if why(item)])


def _pareto(plan: Plan) -> list[RenderableType]:
    if len(plan.pareto_points) < 2:
        return []
    by = ", by purchase price" if plan.objective == "tco" else ""
    columns = [
        Column("platform"), Column("boxes", figures=True), Column(currency(plan), figures=True),
        Column("headroom %", figures=True),
    ]  # fmt: skip
    rows = [
        [point.platform, str(point.count), "unknown" if point.price.value is None else f"{point.price.value:,.0f}",
         number(point.headroom * 100.0, 2)]
        for point in plan.pareto_points
    ]  # fmt: skip
    return [
        heading("Pareto front: more headroom for more money"),
        paragraph(f"Headroom of the binding resource with growth, at the median{by}", 2),
        Table(columns, rows, indent=2),
    ]


def _sites(plan: Plan) -> list[RenderableType]:
    if not plan.sites:
        return []
    rows = [shown_site(site) for site in plan.sites[:SITES]]
    parts: list[RenderableType] = [heading("Sites"), _site_table(rows)]
    more = len(plan.sites) - SITES
    if more > 0:
        kinds = "kind of site" if more == 1 else "kinds of site"
        parts.append(paragraph(f"and {more:,} more {kinds}, in the JSON (--json, -o) and on the HTML page", 2))
    total = [(site_heading(name), site_value(value)) for name, value in plan.sites_total.items() if value]
    if total:
        parts += [heading("All sites"), facts(total)]
    return parts


def _site_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    figures = {name: all(isinstance(row.get(name), int | float | None) for row in rows) for name in names}
    columns = [Column(site_heading(name), figures=figures[name]) for name in names]
    return Table(columns, [[site_value(row.get(name)) for name in names] for row in rows], indent=2)


def _advice(plan: Plan) -> list[RenderableType]:
    return section("What would have to change", advice_lines(plan) if plan.recommended is None else [])


def _sensitivity(plan: Plan) -> list[RenderableType]:
    return section("What if", [f"{item.change}: {item.text}" for item in plan.sensitivity])


def _mixes(plan: Plan) -> list[RenderableType]:
    kind = "Cheaper" if plan.recommended is not None else "Sufficient"
    named = (("a mix of boxes", plan.mix), ("stages split over boxes", plan.split))
    return [
        part
        for name, mix in named
        if mix is not None
        for part in section(f"{kind}: {name}", [mix.text, *box_lines(mix)])
    ]


SECTIONS: tuple[Callable[[Plan], list[RenderableType]], ...] = (
    _asked,
    _recommended,
    _ties,
    _ladder,
    _limits,
    _gain,
    _batching,
    _auto,
    _reasons,
    _advice,
    _sensitivity,
    lambda plan: section("Undecided", undecided_lines(plan)),
    lambda plan: section("Change the scenario instead", scenario_change_lines(plan)),
    _mixes,
    _pareto,
    _sites,
    lambda plan: section("Warnings", plan.warnings),
    lambda plan: section("Assumptions", plan.assumptions),
    lambda plan: section("Depends on", [line for line in (basis_line(plan.inputs), without_line(plan)) if line]),
    lambda plan: section("Search", [line for line in (search_line(plan.search),) if line]),
)
"""Sections of the report in order; each is empty for a plan that has nothing for it."""
