"""What the plan's page shows, taken from the record: headline, pictures and rows."""

from __future__ import annotations

import re
from typing import Any

from advisor.records.plan import Plan, PlanOption, PredictedLoad, Rejected

from .charts import Mark, bars, price_against_capacity
from .decision import (
    best_changes,
    breaks_first_lines,
    cheaper_unknown,
    closest_limit,
    decided_by,
    runs_on,
    scope_sentence,
    why_not_cheaper,
)
from .plan_summary import (
    auto_lines,
    batching_lines,
    box_lines,
    boxes,
    cannot_tell,
    capacity_unit,
    carrying_boxes,
    compared,
    currency,
    evidence_by_stage,
    holds_words,
    ladder_rows,
    missed_words,
    nearest_misses,
    pareto_lines,
    scenario_change_lines,
    shown_site,
    site_heading,
    site_value,
    tie_rows,
    tied_words,
    together_words,
    undecided_lines,
    without_price,
)
from .question import INTERVALS, question_rows
from .text import (
    EVIDENCE_WORDS,
    RESOURCE_WORDS,
    application_row,
    basis_line,
    capacity,
    capacity_interval,
    config_line,
    dated_price,
    decode_line,
    decodes,
    has_cameras,
    latency_figures,
    latency_span,
    money,
    number,
    percent,
    price_line,
    price_sort,
    remedy,
    search_line,
    span,
    why,
    without_line,
)
from .timeline import timelines

_HOLDS = {True: ("holds", "good"), False: ("fails", "bad"), None: ("inconclusive", "warn")}


def plan_context(plan: Plan) -> dict[str, Any]:
    """Values of the template, formatted."""
    best = plan.recommended
    marks, left_out = _marks(plan)
    unit = capacity_unit(plan)
    shown = compared(plan)
    sites = [shown_site(site) for site in plan.sites]
    columns = list(dict.fromkeys(name for site in sites for name in site))
    context: dict[str, Any] = {
        "title": f"sizer plan: {plan.scenario}: {_title(plan)}",
        "plan": plan,
        "best": best,
        "headline": _headline(plan),
        "decision": _decision(plan),
        "scope": scope_sentence(plan),
        "intervals": INTERVALS,
        "asked": () if plan.asked is None else question_rows(plan.asked),
        "changes": best_changes(plan),
        "why": _why(plan),
        "capacity_chart": price_against_capacity(marks, _needed(plan), currency(plan), unit),
        "left_out": left_out,
        "together_words": together_words(plan),
        "unit": unit,
        "compared": [_compared_row(kind, item) for kind, item in shown],
        "evidence": [_evidence_row(kind, item) for kind, item in shown],
        "batching": batching_lines(plan),
        "auto": auto_lines(plan),
        "sensitivity": [(item.change, *_HOLDS[item.holds], item.text) for item in plan.sensitivity],
        "rejected": [_rejected_row(item) for item in plan.rejected],
        "site_columns": [site_heading(name) for name in columns],
        "sites": [[site_value(site.get(name)) for name in columns] for site in sites],
        "total": [(site_heading(name), site_value(value)) for name, value in plan.sites_total.items() if value],
        "pareto": pareto_lines(plan),
        "mixes": [
            (name, mix.text, box_lines(mix))
            for name, mix in (("A mix of boxes", plan.mix), ("Stages split over boxes", plan.split))
            if mix is not None
        ],
        "undecided": undecided_lines(plan),
        "ties": tie_rows(plan),
        "ladder": ladder_rows(plan),
        "scenario_changes": scenario_change_lines(plan),
        "search": search_line(plan.search),
        "basis": "; ".join(line for line in (basis_line(plan.inputs), without_line(plan)) if line),
        "seeds": ", ".join(f"{name} {value}" for name, value in plan.seeds.items()),
    }
    return context | (_of_best(plan, best) if best is not None else {})


def _title(plan: Plan) -> str:
    if plan.recommended is not None:
        return f"buy {boxes(plan.recommended)}"
    return "different boxes together" if plan.carried else "not feasible"


def _headline(plan: Plan) -> str:
    if plan.recommended is not None:
        return f"Buy {boxes(plan.recommended)}"
    if plan.carried:
        return "Different boxes together are sufficient"
    if plan.nothing_known:
        return "No answer: there is no evidence that would decide about these platforms"
    if plan.unpriced:
        return "No price: what is sufficient is ranked without one"
    return "Cannot tell yet" if plan.cannot_tell else "Not feasible with the platforms of the catalogue"


def _decision(plan: Plan) -> list[tuple[str, str]]:
    """Price, certainty and what breaks first: with the headline the decision in four lines."""
    best = plan.recommended
    if best is not None:
        bought = "all boxes" if best.count > 1 else "the box"
        return [
            ("Price", dated_price(best.price, f" for {bought} ({best.platform})")),
            ("Probability",
             f"{holds_words(best)}{missed_words(plan)}; {EVIDENCE_WORDS[best.evidence]}{tied_words(plan)}"),
            ("Breaks first", "; ".join(breaks_first_lines(best)) or "nothing was found"),
        ]  # fmt: skip
    together = [item for item in (plan.mix, plan.split) if item is not None]
    if together:
        return [("Boxes", min(together, key=lambda item: item.price).text)]
    misses = [item.name for item in nearest_misses(plan)]
    told = [("Nearest misses", ", ".join(misses) if misses else "no platform could be evaluated")]
    if plan.unpriced:
        return [("Sufficient", without_price(plan).removeprefix("NO PRICE: ")), *told]
    return [("Undecided", cannot_tell(plan).removeprefix("CANNOT TELL: ")), *told] if plan.cannot_tell else told


def _why(plan: Plan) -> list[tuple[str, str]]:
    """Why these boxes and no cheaper ones."""
    rows = [
        ("Runs on", runs_on(plan)), ("Nearest limit", closest_limit(plan)), ("Decided by", decided_by(plan)),
        ("Just fails", why_not_cheaper(plan)), ("Not known", cheaper_unknown(plan)),
    ]  # fmt: skip
    return [(name, text) for name, text in rows if text]


def _of_best(plan: Plan, best: PlanOption) -> dict[str, Any]:
    predicted = best.predicted
    load = predicted.stage_load
    cameras = has_cameras(predicted)
    per_box = " per box" if best.count > 1 else ""
    carrying = carrying_boxes(plan, best)
    tco = best.tco
    facts = [
        ("Price", money(best.price.value, best.price.currency)),
        (f"TCO, {best.tco.lifetime_years:g} years", money(best.tco.value, best.tco.currency)),
        ("Capacity" + (f" of {carrying}" if carrying else ""), capacity(predicted)),
        ("CPU busy" + per_box, percent(predicted.utilisation.get("cpu"))),
        ("Camera FPS" if cameras else "Requests/s", span(predicted.camera_fps)),
        ("Latency p95", latency_span(predicted.latency_p95_ms)),
        ("Drops", f"{span(predicted.drops_pct)} %"),
        ("Energy", f"{span(best.tco.energy_kwh_per_year)} kWh/year"),
    ]
    stages = [
        [name, config_line(config), span(load.get(name)), _evidence_of(predicted, name), plan.model_notes.get(name, "")]
        for name, config in best.config.stages.items()
    ]
    around = application_row(predicted)
    if around is not None:
        stages.insert(0, [*around, span(load.get(around[0])), _evidence_of(predicted, around[0]), ""])
    if decodes(predicted):
        line = decode_line(best.config.decode)
        stages.insert(0, ["decode", line, span(load.get("decode")), _evidence_of(predicted, "decode"), ""])
    busiest = sorted(load.items(), key=lambda entry: -entry[1].p50)
    years = tco.lifetime_years
    energy = tco.energy_cost_per_year.scaled(years)
    currency = tco.currency
    bill_rows = [
        (f"{best.count} x {best.name} with its memory", money(best.price.value, currency), price_line(best.price)),
        (f"Energy over {years:g} years", money(energy.p50, currency),
         f"{span(tco.wall_w)} W on average, {span(tco.energy_kwh_per_year)} kWh/year"),
        ("Licences", money(tco.licences, currency), "money.licence_per_box of the scenario"),
        ("Storage", money(tco.storage, currency), "money.storage_per_box of the scenario"),
        (f"Total over {years:g} years", money(tco.value, currency), ""),
    ]  # fmt: skip
    return {
        "facts": facts,
        "bill": bill_rows,
        "per_box": per_box,
        "stages": stages,
        "stage_chart": bars(
            [(name, item.p10, item.p50, item.p90) for name, item in busiest if item.p90 > 0],
            "cores",
            f"Cores busy{per_box}",
        ),
        "requests_chart": timelines(predicted.requests) if predicted.requests else "",
        "utilisation_chart": bars(
            [
                (RESOURCE_WORDS.get(name, name), item.p10 * 100, item.p50 * 100, item.p90 * 100)
                for name, item in predicted.utilisation.items()
            ],
            "%",
            f"Utilisation{per_box}",
            100.0,
        ),
    }


def _evidence_of(predicted: PredictedLoad, name: str) -> str:
    kind = predicted.evidence.get(name)
    return "-" if kind is None else EVIDENCE_WORDS[kind]


def _evidence_row(role: str, item: PlanOption | Rejected) -> list[str]:
    """Where the figures of one platform come from: prediction by stage, price by kind, source and date."""
    price = item.price
    known = price is not None and price.value is not None
    return [
        role,
        item.platform,
        evidence_by_stage(item.predicted),
        price_line(price).split(" [")[0],
        price_sort(price) if known else "-",
        ((price.date or "-") + (" (stale)" if price.stale else "")) if price is not None and known else "-",
        price.source if price is not None and known else "-",
    ]


def _needed(plan: Plan) -> float | None:
    """Capacity that the scenario requires, growth included; None if the plan does not have it."""
    name = "needed_cameras" if capacity_unit(plan) == "cameras" else "needed_requests_per_s"
    value = plan.search.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _marks(plan: Plan) -> tuple[list[Mark], str]:
    """Platforms of the picture, and a sentence about those that cannot be in it."""
    kinds: dict[str, tuple[PlanOption | Rejected, str]] = {item.platform: (item, "other") for item in plan.rejected}
    if plan.just_fails is not None:
        kinds[plan.just_fails.platform] = (plan.just_fails, "just fails")
    kinds |= {item.platform: (item, "alternative") for item in plan.alternatives}
    if plan.recommended is not None:
        kinds[plan.recommended.platform] = (plan.recommended, "recommended")
    else:
        kinds |= {item.platform: (item, "just fails") for item in nearest_misses(plan)}
    marks = []
    priceless = free = unjudged = 0
    for item, kind in kinds.values():
        price = item.price
        reach = capacity_interval(item.predicted)
        if reach is None:
            unjudged += 1
        elif price is None or price.value is None:
            priceless += 1
        elif price.value <= 0:
            free += 1
        else:
            marks.append(Mark(item.platform, price.value, reach.p10, reach.p50, reach.p90, kind))
    words = [
        f"{count} {reason}"
        for count, reason in ((unjudged, "without a prediction"), (priceless, "without a price"), (free, "at no cost"))
        if count
    ]
    return marks, f"Not in the picture: {', '.join(words)}." if words else ""


def _compared_row(kind: str, item: PlanOption | Rejected) -> list[str]:
    predicted, price = item.predicted, item.price
    return [
        kind,
        item.name if _slug(item.name) == item.platform else f"{item.name} ({item.platform})",
        str(item.count),
        "-" if price is None else money(price.value, price.currency),
        capacity(predicted),
        "-" if predicted is None else percent(predicted.utilisation.get("cpu")),
        "-" if predicted is None else latency_figures(predicted.latency_p95_ms),
        EVIDENCE_WORDS[item.evidence],
        why(item),
        remedy(item) if isinstance(item, Rejected) else "",
    ]


def _slug(name: str) -> str:
    """Id that follows from a name; any other id is printed next to the name."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def _rejected_row(item: Rejected) -> list[str]:
    price = item.price
    return [
        item.platform,
        "-" if price is None else number(price.value, 4),
        capacity(item.predicted),
        EVIDENCE_WORDS[item.evidence],
        item.reason,
    ]
