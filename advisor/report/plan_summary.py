"""What a plan says in words, for the terminal and for the page: selections, sentences, names of figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.records.plan import MAY_HOLD, Mix, Plan, PlanOption, PredictedLoad, Rejected, Undecided

from .text import EVIDENCE_WORDS, config_line, decode_line, decodes, has_cameras, money, number, percent, remedy

UNPRICED = 5
"""Platforms that hold and have no price, of which a comparison shows so many."""
MISSES = 3
"""Nearest misses of a plan that does not rank them itself."""
_SITE_HEADINGS = {
    "tco_per_site": "TCO per site",
    "tco": "TCO",
    "energy_kwh_per_year": "energy [kWh/year]",
}


def answer_sentence(plan: Plan) -> str:
    """Say the answer in one sentence."""
    best = plan.recommended
    if best is not None:
        return (
            f"{plan.scenario}: buy {boxes(best)} ({best.platform}), {money(best.price.value, best.price.currency)}; "
            f"{holds_words(best)}{missed_words(plan)}{tied_words(plan)}"
        )
    if not plan.rejected:
        return f"{plan.scenario}: NO ANSWER: no platform could be evaluated."
    if plan.nothing_known:
        return f"{plan.scenario}: NO ANSWER: there is no evidence that would decide about these platforms."
    together = [item for item in (plan.mix, plan.split) if item is not None]
    if together:
        answer = min(together, key=lambda item: item.price)
        return f"{plan.scenario}: no single kind of box is sufficient, but different boxes together are: {answer.text}."
    if plan.unpriced:
        return f"{plan.scenario}: {without_price(plan)}."
    if plan.cannot_tell:
        return f"{plan.scenario}: {cannot_tell(plan)}."
    return f"{plan.scenario}: NOT FEASIBLE with the platforms considered. The nearest misses are below."


def without_price(plan: Plan) -> str:
    """Say of a plan without a recommendation which platforms hold and lack only a price."""
    first, *others = plan.unpriced
    more = f" and {len(others)} larger" if others else ""
    return (
        f"NO PRICE: {first.platform}{more} would hold, ranked without a price, the smallest first; put prices into "
        "candidates.prices to have one recommended"
    )


def cannot_tell(plan: Plan) -> str:
    """Say of a plan without a recommendation that some boxes may be sufficient, and which is the likeliest."""
    likeliest = max(plan.undecided, key=lambda item: item.probability)
    several = sum(item.probability >= MAY_HOLD for item in plan.undecided)
    may = "one box may be sufficient" if several == 1 else f"{several} kinds of box may be sufficient"
    return (
        f"CANNOT TELL: nothing holds as surely as is asked for, but {may}, the likeliest "
        f"{boxes_and_price(likeliest)}: {likeliest.probability * 100:.0f} % that it holds"
    )


def box_lines(mix: Mix) -> list[str]:
    """How each kind of box of a mix is configured, and how busy it will be; empty for plans without these figures."""
    lines = []
    for share in mix.boxes:
        if share.config is None or share.predicted is None:
            continue
        stages = "; ".join(f"{name}: {config_line(config)}" for name, config in share.config.stages.items())
        decode = f"; decode: {decode_line(share.config.decode)}" if decodes(share.predicted) else ""
        cameras = ", ".join(f"{count} {group}" for group, count in share.cameras.items() if count)
        busy = percent(share.predicted.utilisation.get("cpu"))
        lines.append(f"{share.platform} with cameras {cameras}, CPU {busy} busy: {stages}{decode}")
    return lines


def boxes(option: PlanOption) -> str:
    """Name of what is bought, with the number of boxes where it is more than one."""
    return f"{option.count} x {option.name}" if option.count > 1 else option.name


def carrying_boxes(plan: Plan, option: PlanOption) -> str:
    """Which of several boxes the predicted capacity is of: all, or those left when one fails (n+1); empty for one."""
    if option.count == 1:
        return ""
    if plan.asked is None or plan.asked.margin.redundancy == "none":
        return f"all {option.count}"
    return f"{option.count - 1} of {option.count}, one failed"


def together_words(plan: Plan) -> str:
    """Which boxes the capacity of a platform is of, in the picture of all."""
    spare = plan.asked is not None and plan.asked.margin.redundancy != "none"
    return "all boxes but the one that may fail together" if spare else "all boxes together"


def compared(plan: Plan) -> list[tuple[str, PlanOption | Rejected]]:
    """Pair the recommendation and what it is compared with, or the nearest misses, with a word for each."""
    shown: list[tuple[str, PlanOption | Rejected]] = []
    if plan.recommended is None:
        holding = [("holds", item) for item in plan.unpriced]
        return [
            *holding[:UNPRICED],
            *(("nearest miss", item) for item in nearest_misses(plan) if ("holds", item) not in holding),
        ]
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


def advice_lines(plan: Plan) -> list[str]:
    """What to change for the nearest misses, where the plan says which check they fail; the same advice once."""
    advised: dict[tuple[str, str], list[str]] = {}
    for item in nearest_misses(plan):
        advice = remedy(item)
        if advice and item.check is not None:
            advised.setdefault((item.check, advice), []).append(item.platform)
    return [
        f"{', '.join(names)}: {f'not known; {advice}' if check == 'evidence' else f'fails on {check}; try {advice}'}"
        for (check, advice), names in advised.items()
    ]


def batching_lines(plan: Plan) -> list[str]:
    """What automatic batching would do to each stage that may batch, and whether it is used."""
    rows = () if plan.recommended is None else plan.recommended.batching
    return [f"{row.stage}, {row.batch} requests: {row.text}" for row in rows]


def auto_lines(plan: Plan) -> list[str]:
    """What AUTO would do in place of the devices that are set, where there are any."""
    auto = None if plan.recommended is None else plan.recommended.auto
    return [] if auto is None else [auto.text]


def boxes_and_price(item: Undecided) -> str:
    """Boxes and price of a platform that is undecided."""
    count = "" if item.count == 1 else f"{item.count} x "
    return f"{count}{item.platform} for {money(item.price.value, item.price.currency)}"


def holds_words(option: PlanOption) -> str:
    """Probability that it holds, with the word for it."""
    return f"{option.probability * 100:.0f} % sure to hold (confidence {option.confidence})"


def missed_words(plan: Plan) -> str:
    """Say in the answer itself that it is less sure than was asked for; empty: it is as sure."""
    best, asked = plan.recommended, plan.asked
    if best is None or asked is None or round(100.0 * best.probability) >= asked.margin.confidence_pct:
        return ""
    return f", where {asked.margin.confidence_pct:g} % are asked for: predictions cannot tell these apart"


def tied_words(plan: Plan) -> str:
    """Say in the answer itself that cheaper boxes cannot be told from it, with what the cheapest would save."""
    cheaper = [tie for tie in plan.ties if tie.saving > 0]
    if not cheaper:
        return ""
    most = max(cheaper, key=lambda tie: tie.saving)
    count = "" if most.count == 1 else f"{most.count} x "
    over = " over the lifetime" if plan.objective == "tco" else ""
    return (
        f"; {count}{most.platform}, {money(most.saving, currency(plan))} cheaper{over}, cannot be told from it "
        f"({most.probability * 100:.0f} %)"
    )


def ladder_rows(plan: Plan) -> list[tuple[str, str, str, str]]:
    """What each layer of safety costs: layer, boxes, price, and the difference from the layer before."""
    rows = []
    before: float | None = None
    for step in () if plan.recommended is None else plan.recommended.ladder:
        count = f"{step.count} x " if step.count > 1 else ""
        more = "" if before is None or step.price is None else f"{step.price - before:+,.0f}"
        price = "-" if step.price is None else f"{step.price:,.0f}"
        rows.append(
            (step.layer, "nothing suffices" if step.platform is None else f"{count}{step.platform}", price, more)
        )
        before = step.price
    return rows


def tie_rows(plan: Plan) -> list[tuple[str, str, str, str]]:
    """Boxes that cannot be told apart from the recommendation: boxes, price, probability, what would settle it."""
    rows = []
    for tie in plan.ties:
        count = f"{tie.count} x " if tie.count > 1 else ""
        rows.append((f"{count}{tie.platform}", f"{tie.price:,.0f}", f"{tie.probability * 100:.0f}", tie.would_settle))
    return rows


def undecided_lines(plan: Plan) -> list[str]:
    """Platforms that may be sufficient, and what would settle it."""
    return [f"{boxes_and_price(item)}: {item.text}" for item in plan.undecided]


def scenario_change_lines(plan: Plan) -> list[str]:
    """Changes of the scenario that save something, then in one line those that do not."""
    lines = [f"{item.change}: {item.text}" for item in plan.scenario_changes if item.holds]
    in_vain: dict[str, list[str]] = {}
    for item in plan.scenario_changes:
        if not item.holds:
            in_vain.setdefault(item.text, []).append(item.change)
    for text, changes in in_vain.items():
        each = "tried one at a time: " if len(changes) > 1 else "tried: "
        lines.append(f"{each}{'; '.join(changes)}: {text}")
    return lines


def bill(best: PlanOption) -> str:
    """Parts of the total cost of ownership that are not zero."""
    tco = best.tco
    parts = [
        ("boxes with their memory", best.price.value),
        ("energy", tco.energy_cost_per_year.p50 * tco.lifetime_years),
        ("licences", tco.licences),
        ("storage", tco.storage),
    ]
    return " + ".join(f"{name} {money(value, tco.currency)}" for name, value in parts if value != 0) or "nothing"


def evidence_by_stage(predicted: PredictedLoad | None) -> str:
    """Evidence class of each stage's prediction, stages of one class together; a dash where the plan has none."""
    if predicted is None or not predicted.evidence:
        return "-"
    return "; ".join(
        f"{', '.join(name for name, value in predicted.evidence.items() if value is kind)}: {EVIDENCE_WORDS[kind]}"
        for kind in dict.fromkeys(predicted.evidence.values())
    )


def pareto_lines(plan: Plan) -> list[str]:
    """Boxes, price and headroom of each point of the Pareto front; empty where it has one point alone."""
    if len(plan.pareto_points) < 2:
        return []
    return [
        f"{'' if point.count == 1 else f'{point.count} x '}{point.platform} for "
        f"{money(point.price.value, point.price.currency)}: {number(point.headroom * 100.0, 2)} % headroom"
        for point in plan.pareto_points
    ]


def currency(plan: Plan) -> str:
    """Currency of the plan's prices."""
    for item in (plan.recommended, *plan.rejected):
        if item is not None and item.price is not None:
            return item.price.currency
    return "USD"


def capacity_unit(plan: Plan) -> str:
    """``cameras``, or ``requests/s`` for a scenario without cameras."""
    for item in (plan.recommended, *plan.alternatives, *plan.rejected):
        if item is not None and item.predicted is not None:
            return "cameras" if has_cameras(item.predicted) else "requests/s"
    return "cameras"


def shown_site(site: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of a row of sites; its configuration is for machines to read."""
    return {key: value for key, value in site.items() if key != "config"}


def site_heading(key: str) -> str:
    """Key of a row of sites as a person reads it."""
    return _SITE_HEADINGS.get(key, key.replace("_", " "))


def site_value(value: object) -> str:
    """A figure of a row of sites, or of the bill of all, in words; a dash if unknown."""
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{count} x {name}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
