"""What decides a plan, in a few lines for the first screen of the terminal and of the page."""

from __future__ import annotations

import math
from dataclasses import dataclass

from advisor.number_format import amounts_apart
from advisor.records.plan import MAY_HOLD, BreaksFirst, LadderStep, Plan, PlanOption, Rejected

from .plan_summary import currency
from .text import RESOURCE_WORDS, counted, decodes, latency, latency_figures, money, percent

CHANGES = 3
"""Changes that the first screen names."""
LIMITS = 2
"""Limits that a growing load meets, of which the first screen names so many."""


def scope_sentence(plan: Plan) -> str:
    """Say which kinds of hardware the answer leaves out; empty where it leaves none out."""
    if not plan.not_considered:
        return ""
    *others, last = plan.not_considered
    left_out = f"{', '.join(others)} and {last}" if others else last
    lead = "CPUs alone were compared" if plan.asked is None or not plan.asked.names_devices else "Not all was compared"
    return f"{lead}: {left_out} are not used, which may cost less (candidates.devices)."


def runs_on(plan: Plan) -> str:
    """Device of each model, and what decodes; empty where the cores do it all and nothing else was asked for."""
    best, asked = plan.recommended, plan.asked
    if best is None:
        return ""
    by_device: dict[str, list[str]] = {}
    for name, config in best.config.stages.items():
        by_device.setdefault(f"{config.device} at {config.precision}", []).append(name)
    decoding = best.config.decode.device
    on_cores = decoding == "software" and all(config.device == "CPU" for config in best.config.stages.values())
    if on_cores and (asked is None or not asked.names_devices):
        return ""
    words = [f"{', '.join(names)} on {device}" for device, names in by_device.items()]
    if decodes(best.predicted):
        words.append(f"decoding in {decoding}")
    return "; ".join(words)


def cheaper_unknown(plan: Plan) -> str:
    """Boxes that cost less than the recommended ones and of which nothing tells whether they would do, with why."""
    unknown = _cheaper_unknown(plan)
    if not unknown:
        return ""
    price, first = unknown[0]
    many = f"{len(unknown)} cheaper platforms, the cheapest" if len(unknown) > 1 else "the cheaper"
    return f"{many} {first.platform} for {money(price, currency(plan))}: {first.reason}"


def cheaper_unknown_sentence(plan: Plan) -> str:
    """The same in a sentence beside what else was left out."""
    unknown = _cheaper_unknown(plan)
    if not unknown:
        return ""
    from_price = f"from {money(unknown[0][0], currency(plan))} on"
    return f"{counted(len(unknown), 'cheaper platform')}, {from_price}, could not be judged."


def _cheaper_unknown(plan: Plan) -> list[tuple[float, Rejected]]:
    """Price and platform, the cheapest first."""
    best = plan.recommended
    if best is None or best.price.value is None:
        return []
    prices = [
        (item.price.value, item)
        for item in plan.rejected
        if item.check == "evidence" and item.price is not None and item.price.value is not None
    ]  # fmt: skip
    return sorted((one for one in prices if one[0] < best.price.value), key=lambda one: one[0])


@dataclass(frozen=True)
class _Limit:
    """A requirement, and how much of what it allows is taken up today."""

    share: float
    text: str


def closest_limit(plan: Plan) -> str:
    """The limit that today's load comes nearest to, with its figure; empty if the plan does not hold the limits."""
    best, asked = plan.recommended, plan.asked
    if best is None or asked is None:
        return ""
    predicted, allowed_ms = best.predicted, asked.slo.latency_p95_ms
    p95 = predicted.latency_p95_ms
    limits = []
    if p95.p90 is not None:
        limits.append(_Limit(p95.p90 / allowed_ms, f"p95 latency: {latency_figures(p95)} of {latency(allowed_ms)}"))
    usable = asked.margin.usable_share
    for name, use in predicted.utilisation.items():
        share = use.p90 if name == "memory" else max(use.p90, use.p50 / usable)
        kept = "" if name == "memory" or usable >= 1 else f", {usable * 100:g} % with headroom at P50"
        limits.append(_Limit(share, f"{RESOURCE_WORDS.get(name, name)}: {percent(use)} of 100 %{kept}"))
    return max(limits, key=lambda limit: limit.share).text


def decided_by(plan: Plan) -> str:
    """The last layer of safety that made the boxes dearer, what it costs, and what would suffice without it."""
    best = plan.recommended
    if best is None or not best.ladder:
        return ""
    for before, step in reversed(list(zip(best.ladder, best.ladder[1:], strict=False))):
        more = _more(before, step)
        # By TCO a further layer may bring back boxes that are cheaper to buy.
        if more > 0 and _more(before, best.ladder[-1]) > 0:
            unit, with_layer = currency(plan), before.layer.startswith("with ")
            return (
                f"{_layer(step)}, which costs {money(more, unit)}: without it {_boxes(before)} for "
                f"{money(before.price, unit)} would do {before.layer if with_layer else f'for {before.layer}'}"
            )
    return "today's load itself: no layer of safety made it dearer"


def _more(before: LadderStep, step: LadderStep) -> float:
    return 0.0 if before.price is None or step.price is None else amounts_apart(step.price, before.price)


def _layer(step: LadderStep) -> str:
    return step.layer.removeprefix("with ")


def _boxes(step: LadderStep) -> str:
    return f"{step.count} x {step.platform}" if step.count > 1 else str(step.platform)


def why_not_cheaper(plan: Plan) -> str:
    """The cheaper boxes that come nearest, and what they lack."""
    miss = plan.just_fails
    if miss is None:
        return ""
    return f"{miss.count} x {miss.platform}: {miss.reason}" if miss.count > 1 else f"{miss.platform}: {miss.reason}"


def breaks_first_lines(best: PlanOption) -> list[str]:
    """The first limits that a growing load meets."""
    growing: list[BreaksFirst] = [item for item in best.breaks_first if item.resource != "objects"]
    return [item.text for item in growing[:LIMITS]]


def best_changes(plan: Plan) -> list[str]:
    """What would save most: changes of the scenario, then a measurement that may show a cheaper box to suffice.

    The largest saving first; where nothing is recommended, what would make a box suffice.
    """
    best = plan.recommended
    helpful = [item for item in plan.scenario_changes if item.holds]
    helpful.sort(key=lambda item: math.inf if item.price is None else item.price)
    likely = [item for item in plan.undecided if item.probability >= MAY_HOLD]
    price = None if best is None else best.price.value
    # By TCO a change may save with boxes that are dearer to buy.
    later = ", less over the lifetime" if best is not None and plan.objective == "tco" else ""
    lines = [
        f"{_instead(plan, item.platform, item.price, price, item.count, later)}: {item.change}" for item in helpful
    ]
    lines += [
        f"{_instead(plan, item.platform, item.price.value, price, item.count)}: `sizer verify` on it; "
        f"{item.probability * 100:.0f} % sure that it holds"
        for item in likely
    ]
    if best is not None and best.next_measurement is not None:
        lines.append(best.next_measurement.text)
    return lines[:CHANGES]


def _instead(
    plan: Plan, platform: str | None, price: float | None, than: float | None, count: int = 1, later: str = ""
) -> str:
    """A box that would do, with what it costs less to buy than the recommended ones, or its price and ``later``."""
    unit = currency(plan)
    boxes = f"{count} x {platform}" if count > 1 else f"{platform}"
    if price is None:
        return boxes
    less = 0.0 if than is None else amounts_apart(than, price)
    return f"{boxes}, {money(less, unit)} less" if less > 0 else f"{boxes}, {money(price, unit)}{later}"
