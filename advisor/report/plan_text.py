"""The plan on a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from advisor.records.plan import Mix, Plan, PlanOption, Rejected, Undecided

from .text import (
    EVIDENCE_WORDS,
    capacity,
    config_line,
    decode_line,
    decodes,
    has_cameras,
    money,
    number,
    percent,
    price_line,
    remedy,
    search_line,
    span,
    table,
    tight,
    why,
)

MISSES = 3
SITES = 20
"""Kinds of site that a terminal shows."""
WIDTH = 118


def render_plan(plan: Plan) -> str:
    """Lay out a whole plan."""
    parts = [textwrap.fill(heading_line(plan), WIDTH)]
    if plan.recommended is not None:
        parts += _recommended(plan.recommended)
    parts += _comparison(plan)
    if plan.recommended is None:
        parts += _list("What would have to change", changes(plan))
    parts += _list("What if", [f"{item.change}: {item.text}" for item in plan.sensitivity])
    parts += _list("Cannot tell", [f"{option_words(item)}: {item.text}" for item in plan.undecided])
    parts += _list("Change the scenario instead", change_lines(plan))
    cheaper = "Cheaper by" if plan.recommended is not None else "Carried by"
    if plan.mix is not None:
        parts += _list(f"{cheaper} a mix of boxes", [plan.mix.text, *share_lines(plan.mix)])
    if plan.split is not None:
        parts += _list(f"{cheaper} splitting the stages over boxes", [plan.split.text, *share_lines(plan.split)])
    by = ", by purchase price" if plan.objective == "tco" else ""
    front = f"More room for more money (Pareto front{by}; headroom with growth, on the pessimistic side)"
    parts += _list(front, pareto_lines(plan))
    parts += _sites(plan)
    parts += _list("Warnings", list(plan.warnings))
    parts += _list("Assumptions", list(plan.assumptions))
    parts += _list("Search", [line for line in (search_line(plan.search),) if line])
    return "\n".join(parts)


def heading_line(plan: Plan) -> str:
    """Say the answer in one sentence."""
    best = plan.recommended
    if best is None:
        if not plan.rejected:
            return f"{plan.scenario}: NOTHING carries this scenario, and no platform could be judged."
        if plan.nothing_known:
            return f"{plan.scenario}: CANNOT TELL. Nothing is known of how its models run on these platforms."
        together = [item for item in (plan.mix, plan.split) if item is not None]
        if together:
            answer = min(together, key=lambda item: item.price)
            return f"{plan.scenario}: no equal boxes carry this scenario, but different ones do: {answer.text}."
        doubt = f" Of {len(plan.undecided)} it cannot be told: they may hold." if plan.undecided else ""
        return f"{plan.scenario}: NOTHING in the catalogue carries this scenario.{doubt} The nearest misses are below."
    return (
        f"{plan.scenario}: buy {boxes(best)} ({best.platform}), {money(best.price.value, best.price.currency)}; "
        f"cpu {percent(best.predicted.utilisation.get('cpu'))} busy, confidence {best.confidence} "
        f"({best.probability * 100:.0f} %)"
    )


def share_lines(mix: Mix) -> list[str]:
    """How each kind of box of a mix is set up, and how busy it will be; nothing for plans that do not say."""
    lines = []
    for share in mix.boxes:
        if share.config is None or share.predicted is None:
            continue
        stages = "; ".join(f"{name}: {config_line(config)}" for name, config in share.config.stages.items())
        decode = f"; decode: {decode_line(share.config.decode)}" if decodes(share.predicted) else ""
        cameras = ", ".join(f"{count} {group}" for group, count in share.cameras.items() if count)
        busy = percent(share.predicted.utilisation.get("cpu"))
        lines.append(f"{share.platform} with cameras {cameras}, cpu {busy} busy: {stages}{decode}")
    return lines


def boxes(option: PlanOption) -> str:
    """Name of what is bought, with the number of boxes where it is more than one."""
    return f"{option.count} x {option.name}" if option.count > 1 else option.name


def compared(plan: Plan) -> list[tuple[str, PlanOption | Rejected]]:
    """What stands beside the recommendation, or the nearest misses where nothing holds, with a word for each."""
    shown: list[tuple[str, PlanOption | Rejected]] = []
    if plan.recommended is None:
        return [("miss", item) for item in nearest_misses(plan)]
    if plan.just_fails is not None:
        shown.append(("just fails", plan.just_fails))
    shown.append(("recommended", plan.recommended))
    shown += [("alternative", option) for option in plan.alternatives]
    known = {option.platform for option in plan.alternatives}
    if plan.next_dearer is not None and plan.next_dearer.platform not in known:
        shown.append(("next dearer", plan.next_dearer))
    return shown


def nearest_misses(plan: Plan) -> tuple[Rejected, ...]:
    """What came closest, as the planner ranks it; of a plan without that ranking the first that were rejected."""
    known = {item.platform for item in plan.rejected}
    return tuple(item for item in plan.nearest_misses if item.platform in known) or plan.rejected[:MISSES]


def changes(plan: Plan) -> list[str]:
    """What to change for the nearest misses, where the plan says which check they fail; the same advice once."""
    advised: dict[tuple[str, str], list[str]] = {}
    for item in nearest_misses(plan):
        words = remedy(item)
        if words and item.check is not None:
            advised.setdefault((item.check, words), []).append(item.platform)
    return [f"{', '.join(names)}: fails on {check}; try {words}" for (check, words), names in advised.items()]


def option_words(item: Undecided) -> str:
    """Boxes and price of a platform of which it cannot be told whether it holds."""
    number_of = "" if item.count == 1 else f"{item.count} x "
    return f"{number_of}{item.platform} for {money(item.price.value, item.price.currency)}"


def change_lines(plan: Plan) -> list[str]:
    """Changes of the scenario that save something, then in one line those that do not."""
    lines = [f"{item.change}: {item.text}" for item in plan.scenario_changes if item.holds]
    in_vain: dict[str, list[str]] = {}
    for item in plan.scenario_changes:
        if not item.holds:
            in_vain.setdefault(item.text, []).append(item.change)
    return lines + [f"{text} with: {'; '.join(changes)}" for text, changes in in_vain.items()]


def bill(best: PlanOption) -> str:
    """Parts of the total cost of ownership: what is nought is left out."""
    tco = best.tco
    parts = [
        ("boxes with their memory", best.price.value),
        ("energy", tco.energy_cost_per_year.p50 * tco.lifetime_years),
        ("licences", tco.licences),
        ("storage", tco.storage),
    ]
    return " + ".join(f"{name} {money(value, tco.currency)}" for name, value in parts if value != 0) or "nothing"


def pareto_lines(plan: Plan) -> list[str]:
    """Platforms to which nothing is both cheaper and roomier, with boxes, price and headroom."""
    if len(plan.pareto_points) < 2:
        return []
    return [
        f"{'' if point.count == 1 else f'{point.count} x '}{point.platform} for "
        f"{money(point.price.value, point.price.currency)}: {number(point.headroom * 100.0, 2)} % headroom"
        for point in plan.pareto_points
    ]


def _recommended(best: PlanOption) -> list[str]:
    predicted = best.predicted
    tco = best.tco
    facts = [
        ("price", price_line(best.price)),
        ("TCO", f"{money(tco.value, tco.currency)} over {tco.lifetime_years:g} years: {bill(best)}"),
        ("energy", f"{span(tco.energy_kwh_per_year)} kWh/year, {span(tco.energy_cost_per_year)} {tco.currency}/year "
                   f"at {span(tco.wall_w)} W average"),
        ("evidence", f"{EVIDENCE_WORDS[best.evidence]}: "
                     + ", ".join(f"{name} {kind.value}" for name, kind in predicted.evidence.items())),
    ]  # fmt: skip
    if best.note:
        facts.append(("note", best.note))
    if best.next_measurement is not None:
        facts.append(("to know more", best.next_measurement.text))
    of = f", per box of {best.count}; capacity of all together" if best.count > 1 else ""
    rate = "camera FPS" if has_cameras(predicted) else "requests/s"
    figures = [
        (rate, f"{span(predicted.camera_fps)}     drops {span(predicted.drops_pct)} %"),
        ("latency", f"p50 {number(predicted.latency_ms.p50)} ms, p95 {span(predicted.latency_p95_ms)} ms, "
                    f"p99 {number(predicted.latency_ms.p99)} ms"),
        ("utilisation", ", ".join(f"{name.replace('_', ' ')} {percent(value)}"
                                  for name, value in predicted.utilisation.items())),
        ("capacity", capacity(predicted)),
    ]  # fmt: skip
    rows = [[name, config_line(config), span(predicted.stage_load.get(name))]
            for name, config in best.config.stages.items()]  # fmt: skip
    if decodes(predicted):
        rows.insert(0, ["decode", decode_line(best.config.decode), span(predicted.stage_load.get("decode"))])
    return [
        "",
        *[_fact(name, text, 2) for name, text in facts],
        "",
        f"  Predicted, P50 (P10 - P90){of}",
        *[_fact(name, text, 4) for name, text in figures],
        "",
        _indent(table(["stage", "configuration", "cores kept busy"], rows, WIDTH - 2)),
        *_list("What breaks first", [item.text for item in best.breaks_first]),
        *_list(
            "Against usual configurations on the same boxes",
            [item.text for item in best.gain_over_default if item.hint != "auto"],
        ),
    ]


def _fact(name: str, text: str, indent: int) -> str:
    lead = " " * indent + f"{name:13s}"
    return textwrap.fill(text, WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead))


def _comparison(plan: Plan) -> list[str]:
    shown = compared(plan)
    if not shown:
        return []
    heading = ["", "platform", "boxes", "price", "capacity", "cpu busy", "p95 ms", "evidence"]
    lines = ["", "Compared", _indent(table(heading, [_row(*item) for item in shown], WIDTH - 2, right=(2, 3)))]
    reasons = [f"{item.platform}: {why(item)}" for _, item in shown if why(item)]
    lines += _list("Why", reasons)
    named = {item.platform for _, item in shown}
    others = sum(item.platform not in named for item in plan.rejected)
    if others > 0:
        plural = "s" if others > 1 else ""
        lines.append(f"  and {others} more platform{plural}, with the reason in plan.json and on the HTML page")
    return lines


def _row(kind: str, item: PlanOption | Rejected) -> list[str]:
    predicted, price = item.predicted, item.price
    return [
        kind,
        item.platform,
        str(item.count),
        "-" if price is None else money(price.value, price.currency),
        tight(capacity(predicted)),
        "-" if predicted is None else tight(percent(predicted.utilisation.get("cpu"))),
        "-" if predicted is None else tight(span(predicted.latency_p95_ms)),
        item.evidence.value,
    ]


def _sites(plan: Plan) -> list[str]:
    rows = [shown_site(site) for site in (*plan.sites[:SITES], *_total(plan))]
    lines = [
        ", ".join(f"{site_word(key)} {plain(value)}" for key, value in row.items() if value is not None) for row in rows
    ]
    more = len(plan.sites) - SITES
    if more > 0:
        kinds = "kind of site" if more == 1 else "kinds of site"
        lines.insert(SITES, f"and {more:,} more {kinds}, in plan.json and on the HTML page")
    return _list("Sites", lines)


def shown_site(site: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of a row of sites; its configuration is for machines to read."""
    return {key: value for key, value in site.items() if key != "config"}


def site_word(key: str) -> str:
    """Key of a row of sites as a person reads it."""
    return {"tco_per_site": "TCO per site", "tco": "TCO", "energy_kwh_per_year": "energy [kWh/year]"}.get(
        key, key.replace("_", " ")
    )


def plain(value: object) -> str:
    """A figure of a row of sites, or of the bill of all, in words."""
    if isinstance(value, dict):
        return ", ".join(f"{count} x {name}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:,.0f}" if isinstance(value, float) else str(value)


def _total(plan: Plan) -> list[dict[str, Any]]:
    """Bill of all sites as one more row."""
    if not plan.sites_total:
        return []
    return [{"site": "all together"} | {key: value for key, value in plan.sites_total.items() if value not in ([], {})}]


def _list(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    wrapped = [textwrap.fill(text, WIDTH, initial_indent="  - ", subsequent_indent="    ") for text in items]
    return ["", title, *wrapped]


def _indent(text: str) -> str:
    return textwrap.indent(text, "  ")
