"""Self-contained pages: one file, no network, readable in dark and light, made to be printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from advisor.errors import InputError
from advisor.records.measurement import Measurement
from advisor.records.plan import Plan, PlanOption, Rejected
from advisor.records.verdict import Verdict
from advisor.report.charts import Mark, bars, price_against_capacity
from advisor.report.text import EVIDENCE_WORDS, config_line, money, number, percent, price_line, span

if TYPE_CHECKING:
    from jinja2 import Environment


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("advisor.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_plan_html(plan: Plan) -> str:
    """Lay out a plan as a page."""
    from advisor.report.plan_text import heading_line

    best = plan.recommended
    context: dict[str, Any] = {
        "title": f"sizer plan: {plan.scenario}",
        "plan": plan,
        "best": best,
        "heading": heading_line(plan),
        "capacity_chart": price_against_capacity(_marks(plan), _needed(plan), _currency(plan)),
        "compared": _compared(plan),
        "rejected": [_rejected_row(item) for item in plan.rejected],
        "sites": plan.sites,
        "search": ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in plan.search.items()),
    }
    if best is not None:
        context |= _of_best(plan, best)
    return _environment().get_template("plan.html.j2").render(context)


def render_verdict_html(verdict: Verdict) -> str:
    """Lay out a verdict as a page."""
    from advisor.report.verdict_page import verdict_context

    return _environment().get_template("verdict.html.j2").render(verdict_context(verdict))


def render_measurements_html(measurements: Sequence[Measurement]) -> str:
    """Lay out a campaign: models as rows; device, precision, mode and batch as columns."""
    from advisor.report.tables import campaign_table

    columns, rows = campaign_table(measurements)
    context = {"title": "sizer measurements", "columns": columns, "rows": rows, "count": len(measurements)}
    return _environment().get_template("measurements.html.j2").render(context)


def render_document_html(document: BaseModel) -> str:
    """Lay out whichever stored document it is.

    Raises
    ------
    InputError
        There is no page for this kind.
    """
    if isinstance(document, Plan):
        return render_plan_html(document)
    if isinstance(document, Verdict):
        return render_verdict_html(document)
    raise InputError(f"there is no page for a {type(document).__name__}; use --json")


def _of_best(plan: Plan, best: PlanOption) -> dict[str, Any]:
    predicted = best.predicted
    load = predicted.stage_load
    capacity = f"{span(predicted.capacity_cameras)} cameras"
    if predicted.capacity_cameras is None:
        capacity = f"{span(predicted.capacity_requests_per_s)} requests/s"
    facts = [
        ("Price", money(best.price.value, best.price.currency)),
        (f"TCO, {best.tco.lifetime_years:g} years", money(best.tco.value, best.tco.currency)),
        ("Capacity", capacity),
        ("CPU", percent(predicted.utilisation["cpu"])),
        ("Camera FPS", span(predicted.camera_fps)),
        ("Latency p95", f"{span(predicted.latency_p95_ms)} ms"),
        ("Drops", f"{span(predicted.drops_pct)} %"),
        ("Energy", f"{span(best.tco.energy_kwh_per_year)} kWh/year"),
        ("Confidence", f"{best.confidence} ({best.probability * 100:.0f} %)"),
    ]
    stages = [["decode", f"software, {best.config.decode.threads} threads", span(load.get("decode")),
               _evidence_of(best, "decode"), ""]]  # fmt: skip
    stages += [
        [name, config_line(config), span(load.get(name)), _evidence_of(best, name), plan.model_notes.get(name, "")]
        for name, config in best.config.stages.items()
    ]
    return {
        "facts": facts,
        "price_line": price_line(best.price),
        "evidence": ", ".join(f"{name}: {EVIDENCE_WORDS[kind]}" for name, kind in predicted.evidence.items()),
        "stages": stages,
        "stage_chart": bars([(name, item.p10, item.p50, item.p90) for name, item in load.items()], "cores"),
        "utilisation_chart": bars(
            [(name.replace("_", " "), item.p10 * 100, item.p50 * 100, item.p90 * 100)
             for name, item in predicted.utilisation.items()], "%", 100.0,
        ),
    }  # fmt: skip


def _evidence_of(best: PlanOption, name: str) -> str:
    kind = best.predicted.evidence.get(name)
    return "-" if kind is None else kind.value


def _currency(plan: Plan) -> str:
    for item in (plan.recommended, *plan.rejected):
        if item is not None and item.price is not None:
            return item.price.currency
    return "USD"


def _needed(plan: Plan) -> float:
    return float(plan.search.get("needed_cameras", 0))


def _marks(plan: Plan) -> list[Mark]:
    marks = []
    shown: list[tuple[PlanOption | Rejected, str]] = [(item, "fails") for item in plan.rejected]
    shown += [(item, "alternative") for item in plan.alternatives]
    if plan.recommended is not None:
        shown.append((plan.recommended, "recommended"))
    for item, kind in shown:
        price = item.price
        capacity = item.predicted.capacity_cameras if item.predicted is not None else None
        if price is None or price.value is None or capacity is None:
            continue
        marks.append(Mark(item.platform, price.value, capacity.p10, capacity.p50, capacity.p90, kind))
    return marks


def _compared(plan: Plan) -> list[list[str]]:
    shown: list[tuple[str, PlanOption | Rejected]] = []
    if plan.just_fails is not None:
        shown.append(("just fails", plan.just_fails))
    if plan.recommended is not None:
        shown.append(("recommended", plan.recommended))
    else:
        shown += [("miss", item) for item in plan.rejected[:3]]
    shown += [("alternative", item) for item in plan.alternatives]
    rows = []
    for kind, item in shown:
        predicted, price = item.predicted, item.price
        cpu = None if predicted is None else predicted.utilisation.get("cpu")
        rows.append(
            [
                kind,
                f"{item.name} ({item.platform})",
                str(item.count) if isinstance(item, PlanOption) else "1",
                "-" if price is None else money(price.value, price.currency),
                "-" if predicted is None else span(predicted.capacity_cameras),
                "-" if cpu is None else percent(cpu),
                "-" if predicted is None else span(predicted.latency_p95_ms),
                EVIDENCE_WORDS[item.evidence],
                item.note if isinstance(item, PlanOption) else item.reason,
            ]
        )
    return rows


def _rejected_row(item: Rejected) -> list[str]:
    price, predicted = item.price, item.predicted
    return [
        item.platform,
        "-" if price is None else number(price.value, 4),
        "-" if predicted is None else span(predicted.capacity_cameras),
        item.evidence.value,
        item.reason,
    ]
