"""Small pieces of text that all reports share: numbers, intervals, money, configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advisor.records.base import Evidence, Interval, LatencyInterval
from advisor.records.config import RunConfig
from advisor.records.plan import (
    OLD_PRICE_DAYS,
    DecodeConfig,
    Plan,
    PlanBasis,
    PlanOption,
    PredictedLoad,
    Price,
    Rejected,
)
from advisor.records.verdict import CameraTail, Verdict

EVIDENCE_WORDS = {
    Evidence.MEASURED: "measured here",
    Evidence.PUBLISHED: "published for this model and chip",
    Evidence.ANCHORED: "anchored on other models of this chip",
    Evidence.SPEC: "data sheet only",
    Evidence.UNKNOWN: "unknown",
}
RESOURCE_WORDS = {"cpu": "CPU", "memory_bandwidth": "memory bandwidth"}
"""Resources of a box as reports name them, where that is not the key itself."""
REMEDIES = {
    "cpu": "larger `every` intervals, a smaller model, int8 if your accuracy permits it (accuracy.precisions), "
    "fewer cameras per box, or more boxes (candidates.max_boxes)",
    "memory_bandwidth": "smaller models or batches, fewer streams, or all memory channels populated",
    "device": "larger `every` intervals, a smaller model, int8 if your accuracy permits it (accuracy.precisions), "
    "or CPU among candidates.devices, too",
    "memory": "more memory in the box, smaller models, or fewer streams",
    "latency_p95": "a larger slo.latency_p95_ms, a smaller model on the longest path, or faster cores rather than more",
    "drops": "a larger slo.drops_max_pct, larger `every` intervals, or fewer cameras per box",
    "camera_fps": "a lower slo.camera_fps or fewer cameras per box",
    "queue_growth": "larger `every` intervals, a smaller model, or fewer cameras per box",
    "site.max_power_w": "a larger site.max_power_w, or several smaller boxes (candidates.max_boxes)",
    "candidates.devices": "CPU among candidates.devices, or no `device:` in that stage",
    "candidates.max_price": "a larger candidates.max_price, or a quotation in candidates.prices",
    "cost": "a price in candidates.prices",
    "evidence": "measure it: `sizer bench` there, then `sizer catalog add`; or permit a precision that it has",
}
"""What to change in the scenario when a check fails, by the check's name in the plan."""


def number(value: float | None, digits: int = 3) -> str:
    """Print a number with ``digits`` significant figures and without exponent; a dash for None."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    text = f"{value:.{digits - 1}e}"
    exponent = int(text.split("e")[1])
    if exponent >= digits - 1:
        return f"{value:,.0f}"
    shown = f"{float(text):.{digits - 1 - exponent}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def span(interval: Interval | None, digits: int = 3) -> str:
    """``p50 (p10 - p90)``; one number when the interval has no visible width."""
    if interval is None:
        return "-"
    middle, low, high = (number(value, digits) for value in (interval.p50, interval.p10, interval.p90))
    return middle if low == high else f"{middle} ({low} - {high})"


NEVER = "does not keep up"
"""What is printed for a latency without end."""


def latency(value_ms: float | None) -> str:
    """A latency with its unit."""
    return NEVER if value_ms is None else f"{number(value_ms)} ms"


def predicted_figures(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """P50, P10 and P90 of one predicted figure that is compared with a measured one."""
    middle, low, high = (NEVER if row[name] is None else number(row[name]) for name in ("p50", "p10", "p90"))
    return middle, low, high


def latency_figures(interval: LatencyInterval | None) -> str:
    """:func:`span` of a latency [ms], without the unit; an end that is never reached is said in words."""
    if interval is None:
        return "-"
    if interval.p50 is None or interval.p10 is None:
        return NEVER
    middle, low = number(interval.p50), number(interval.p10)
    if interval.p90 is None:
        return f"{middle} ({low} - {NEVER})"
    high = number(interval.p90)
    return middle if low == high else f"{middle} ({low} - {high})"


def latency_span(interval: LatencyInterval | None) -> str:
    """:func:`latency_figures` with the unit."""
    figures = latency_figures(interval)
    return figures if figures in {"-", NEVER} else f"{figures} ms"


def clipped(text: str, longest: int) -> str:
    """Cut a text after a word so that it has at most ``longest`` characters, with dots where anything is left out."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 3].rsplit(" ", 1)[0].rstrip(" ,;:")
    return f"{kept} ..."


def tight(text: str) -> str:
    """Leave out the blanks around the dash of an interval, for narrow columns."""
    return text.replace(" - ", "-")


def percent(interval: Interval | None) -> str:
    """An interval of fractions as percentages."""
    return "-" if interval is None else f"{span(interval.scaled(100.0), 2)} %"


def tail(figures: CameraTail) -> str:
    """Latency as ``p50 / p95 / p99`` [ms]; one dash if all are unknown."""
    shown = [number(value) for value in (figures.p50, figures.p95, figures.p99)]
    return "-" if set(shown) == {"-"} else " / ".join(shown)


def money(value: float | None, currency: str) -> str:
    """``1,234 USD``, or ``price unknown``."""
    return "price unknown" if value is None else f"{value:,.0f} {currency}"


def search_line(search: Mapping[str, Any]) -> str:
    """How much of the space was searched, and how; empty for a plan without these figures."""
    known = search.get("configurations")
    if not known:
        return ""
    share, left_out = search.get("share_simulated"), search.get("configurations_left_out") or 0
    return (
        f"{search.get('platforms', 0):,} platforms ({search.get('refused_by_filters', 0):,} excluded by filters), "
        f"{search.get('discarded_by_bounds', 0):,} evaluations by closed-form bounds and "
        f"{search.get('judged_by_simulation', 0):,} by simulation; {search.get('configurations_simulated', 0):,} of "
        f"{known:,} configurations simulated ({number(None if share is None else share * 100.0, 2)} %), "
        + (f"{left_out:,} left out on platforms that were abandoned" if left_out else "none left out for want of time")
    )


def basis_line(basis: PlanBasis | None) -> str:
    """What the plan depends on, by the first digits of each hash; empty for a plan that does not say it."""
    if basis is None:
        return ""
    offers = f"offers {basis.offers[:12]}" if basis.offers else "no offers"
    entered = counted(len(basis.measurements), "measurement") if basis.measurements else "no measurement"
    return (
        f"scenario {basis.scenario_sha256[:12]}, catalogue {basis.catalogue[:12]}, "
        f"calibration {basis.calibration[:12]}, {offers}, seed {basis.seed}, {entered}"
    )


def without_line(plan: Plan) -> str:
    """Which measurements of this machine entered and what would be recommended without; empty where none did."""
    without = plan.without_measurements
    if without is None:
        return ""
    if without.platform is None or without.probability is None:
        answer = "no equal boxes would hold"
    else:
        price = "price unknown" if without.price is None else money(without.price.value, without.price.currency)
        same = plan.recommended is not None and plan.recommended.platform == without.platform
        boxes = f"{'the same, ' if same else ''}{without.count} x {without.platform}"
        answer = f"{boxes} for {price}, holding with a probability of {without.probability * 100:.0f} %"
    return f"measured on this machine and entered: {'; '.join(without.entered)}. Without these: {answer}"


STALE_WORDS = f", more than {OLD_PRICE_DAYS} days old"


def price_span(price: Price) -> str:
    """Price with P10 and P90 of what may be paid, where they differ."""
    if price.value is None or price.low is None or price.high is None or price.low >= price.high:
        return money(price.value, price.currency)
    return f"{price.value:,.0f} ({price.low:,.0f}-{price.high:,.0f}) {price.currency}"


def price_sort(price: Price | None) -> str:
    """Kind of offer or price, and whether it holds tax where that is stated."""
    if price is None or price.value is None:
        return "-"
    return " ".join(filter(None, (price.offer_kind or price.kind, price.basis)))


def dated_price(price: Price, bought: str = "") -> str:
    """Price with its interval, what it buys, its kind, its day and whether that is long ago."""
    stale = STALE_WORDS if price.stale else ""
    return f"{price_span(price)}{bought} [{price_sort(price)}, {price.date or 'no date'}{stale}]"


def price_line(price: Price | None) -> str:
    """Price with kind, source and date."""
    if price is None or price.value is None:
        return "price unknown"
    stale = STALE_WORDS if price.stale else ""
    return f"{price_span(price)} [{price_sort(price)}, {price.date or 'no date'}{stale}; {price.source}]"


def capacity_interval(predicted: PredictedLoad | None) -> Interval | None:
    """Most cameras, or requests per second where the scenario has no cameras; None if unknown."""
    if predicted is None or predicted.capacity_cameras is None:
        return None if predicted is None else predicted.capacity_requests_per_s
    return predicted.capacity_cameras


def capacity(predicted: PredictedLoad | None) -> str:
    """Most cameras, or requests per second where the scenario has no cameras, with the unit."""
    reach = capacity_interval(predicted)
    if predicted is None or reach is None:
        return "-"
    return f"{span(reach)} {'requests/s' if predicted.capacity_cameras is None else 'cameras'}"


def has_cameras(predicted: PredictedLoad) -> bool:
    """Whether the scenario has cameras; otherwise its load is requests."""
    return predicted.capacity_cameras is not None or predicted.capacity_requests_per_s is None


def decodes(predicted: PredictedLoad) -> bool:
    """Whether frames are decoded: not those of raw cameras, and not requests."""
    return "decode" in predicted.evidence or (has_cameras(predicted) and not predicted.evidence)


def application_row(predicted: PredictedLoad) -> tuple[str, str] | None:
    """Name and words for the application's own work on frames; None where it takes nothing."""
    busy = predicted.stage_load.get("application")
    return None if busy is None or busy.p90 == 0 else ("application", "work on frames around the models, as assumed")


def decode_line(config: DecodeConfig) -> str:
    """How cameras are decoded."""
    return f"{config.device}, {counted(config.threads, 'thread')}"


def counted(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def why(item: PlanOption | Rejected) -> str:
    """What an option buys and its note, or the reason of a rejection."""
    if isinstance(item, PlanOption):
        return "; ".join(text for text in (item.buys, item.note) if text)
    return item.reason


def remedy(item: Rejected) -> str:
    """What to change for a platform that was rejected; empty if the plan does not name the failed check."""
    if item.check == "evidence" and item.predicted is not None:
        return ""  # no measurement lacks: its reason says what else is not known
    return REMEDIES.get(item.check or "", "")


def config_line(config: RunConfig) -> str:
    """How a stage is run, in one line; what is left to the runtime is called automatic."""
    parts = [config.runtime, config.device, config.precision]
    if config.hint != "none":
        parts.append(f"hint {config.hint}")
    if config.streams is not None and config.threads is not None:
        each = config.threads / config.streams
        parts.append(f"{counted(config.streams, 'stream')} x {number(each)} {'thread' if each == 1 else 'threads'}")
    elif config.device != "CPU" and config.streams is not None:
        parts.append(counted(config.streams, "request") + " in flight")
    else:
        parts.append(f"streams {config.streams or 'automatic'}, threads {config.threads or 'automatic'}")
    if config.core_type is not None and config.core_type != "any":
        parts.append(f"{config.core_type} cores only")
    if config.batch > 1:
        parts.append(f"batch {config.batch}")
    if config.auto_batch_timeout_s is not None:
        parts.append(f"time-out {1e3 * config.auto_batch_timeout_s:.0f} ms")
    if config.requests is not None and config.requests != config.streams:
        parts.append(f"{config.requests} requests")
    return ", ".join(parts)


def capacity_sentence(verdict: Verdict) -> str:
    """Result of the capacity search in a sentence; empty where there was none."""
    found = verdict.capacity
    if found is None:
        return ""
    cameras = "no number of cameras was found to pass" if found.cameras is None else f"{found.cameras} cameras pass"
    parts = [cameras + (f"; limited by {found.binding}" if found.binding else "")]
    promised = found.predicted
    if promised is not None and {"p10", "p50", "p90"} <= promised.keys():
        parts.append(f"the plan predicted {promised['p50']:g} ({promised['p10']:g} - {promised['p90']:g})")
    if found.broken_promise:
        parts.append("OUTSIDE the predicted P10 - P90")
    return "; ".join(parts)
