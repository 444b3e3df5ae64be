"""The plan on a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

import textwrap

from advisor.records.plan import Plan, PlanOption, Rejected
from advisor.report.text import EVIDENCE_WORDS, config_line, money, number, percent, price_line, span, table


def render_plan(plan: Plan) -> str:
    """Lay out a whole plan."""
    parts = [heading_line(plan)]
    if plan.recommended is not None:
        parts += _recommended(plan.recommended)
    parts += _comparison(plan)
    parts += _list("What if", [f"{item.change}: {item.text}" for item in plan.sensitivity])
    parts += _list("Change the scenario instead", [f"{item.change}: {item.text}" for item in plan.scenario_changes])
    parts += _sites(plan)
    parts += _list("Warnings", list(plan.warnings))
    parts += _list("Assumptions", list(plan.assumptions))
    return "\n".join(parts)


def heading_line(plan: Plan) -> str:
    """Say the answer in one sentence."""
    best = plan.recommended
    if best is None:
        return f"{plan.scenario}: NOTHING in the catalogue carries this scenario. The nearest misses are below."
    boxes = f"{best.count} x {best.name}" if best.count > 1 else best.name
    return (
        f"{plan.scenario}: buy {boxes} ({best.platform}), {money(best.price.value, best.price.currency)}; "
        f"cpu {percent(best.predicted.utilisation['cpu'])} busy, confidence {best.confidence} "
        f"({best.probability * 100:.0f} %)"
    )


def _recommended(best: PlanOption) -> list[str]:
    predicted = best.predicted
    lines = [
        "",
        f"  price        {price_line(best.price)}",
        f"  TCO          {money(best.tco.value, best.tco.currency)} over {best.tco.lifetime_years:g} years",
        f"  energy       {span(best.tco.energy_kwh_per_year)} kWh/year, {span(best.tco.energy_cost_per_year)} "
        f"{best.tco.currency}/year at {span(best.tco.wall_w)} W average",
        f"  evidence     {EVIDENCE_WORDS[best.evidence]}: "
        + ", ".join(f"{name} {kind.value}" for name, kind in predicted.evidence.items()),
        "",
        "  Predicted, P50 (P10 - P90)" + (f", per box of {best.count}" if best.count > 1 else ""),
        f"    camera FPS   {span(predicted.camera_fps)}     drops {span(predicted.drops_pct)} %",
        f"    latency      p50 {number(predicted.latency_ms.p50)} ms, p95 {span(predicted.latency_p95_ms)} ms, "
        f"p99 {number(predicted.latency_ms.p99)} ms",
        "    utilisation  " + ", ".join(f"{name} {percent(value)}" for name, value in predicted.utilisation.items()),
        f"    capacity     {_capacity(best)}",
    ]
    if best.note:
        lines.append(f"  note         {best.note}")
    rows = [["decode", f"software, {best.config.decode.threads} threads", span(predicted.stage_load.get("decode"))]]
    rows += [[name, config_line(config), span(predicted.stage_load.get(name))]
             for name, config in best.config.stages.items()]  # fmt: skip
    lines += ["", _indent(table(["stage", "configuration", "cores kept busy"], rows))]
    lines += _list("What breaks first", [item.text for item in best.breaks_first])
    return lines


def _capacity(best: PlanOption) -> str:
    cameras = best.predicted.capacity_cameras
    if cameras is not None:
        return f"{span(cameras)} cameras"
    return f"{span(best.predicted.capacity_requests_per_s)} requests/s"


def _comparison(plan: Plan) -> list[str]:
    rows = []
    if plan.just_fails is not None:
        rows.append(_row("just fails", plan.just_fails))
    if plan.recommended is not None:
        rows.append(_row("recommended", plan.recommended))
    rows += [_row("alternative", option) for option in plan.alternatives]
    shown = {option.platform for option in plan.alternatives}
    if plan.next_dearer is not None and plan.next_dearer.platform not in shown:
        rows.append(_row("next dearer", plan.next_dearer))
    if plan.recommended is None:
        rows += [_row("miss", item) for item in plan.rejected[:3]]
    if not rows:
        return []
    heading = ["", "platform", "boxes", "price", "capacity [cameras]", "cpu", "p95 [ms]", "why"]
    lines = ["", "Compared", _indent(table(heading, rows, right=(2,)))]
    others = len(plan.rejected) - (1 if plan.just_fails is not None else 0)
    if others > 0:
        lines.append(f"  and {others} more platforms with their reasons in plan.json and the HTML page")
    return lines


def _row(kind: str, item: PlanOption | Rejected) -> list[str]:
    predicted = item.predicted
    price = item.price
    figures = ["-", "-", "-"]
    if predicted is not None:
        cpu = predicted.utilisation.get("cpu")
        figures = [
            span(predicted.capacity_cameras),
            percent(cpu) if cpu is not None else "-",
            span(predicted.latency_p95_ms),
        ]
    count = str(item.count) if isinstance(item, PlanOption) else "1"
    why = item.note if isinstance(item, PlanOption) else item.reason
    return [kind, item.platform, count, money(price.value, price.currency) if price is not None else "-", *figures, why]


def _sites(plan: Plan) -> list[str]:
    lines = []
    for site in plan.sites:
        words = ", ".join(f"{key} {value}" for key, value in site.items() if value is not None)
        lines.append(words)
    return _list("Sites", lines)


def _list(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    wrapped = [textwrap.fill(text, 116, initial_indent="  - ", subsequent_indent="    ") for text in items]
    return ["", title, *wrapped]


def _indent(text: str) -> str:
    return textwrap.indent(text, "  ")
