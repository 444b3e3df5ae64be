"""Small pieces of text that all reports share: numbers, intervals, money, configurations, tables."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.records.base import Evidence, Interval
from advisor.records.config import RunConfig
from advisor.records.plan import DecodeConfig, PlanOption, PredictedLoad, Price, Rejected
from advisor.records.verdict import CameraTail

EVIDENCE_WORDS = {
    Evidence.MEASURED: "measured here",
    Evidence.PUBLISHED: "published for this model and chip",
    Evidence.ANCHORED: "anchored on other models of this chip",
    Evidence.SPEC: "data sheet only",
    Evidence.UNKNOWN: "unknown",
}
REMEDIES = {
    "cpu": "larger `every` intervals, a smaller model, int8 if your accuracy permits it (accuracy.precisions), "
    "fewer cameras per box, or more boxes (candidates.max_boxes)",
    "memory_bandwidth": "smaller models or batches, fewer streams, or all memory channels populated",
    "memory": "more memory in the box, smaller models, or fewer streams",
    "latency_p95": "a larger slo.latency_p95_ms, a smaller model on the longest path, or faster cores rather than more",
    "drops": "a larger slo.drops_max_pct, larger `every` intervals, or fewer cameras per box",
    "camera_fps": "a lower slo.camera_fps or fewer cameras per box",
    "queue_growth": "larger `every` intervals, a smaller model, or fewer cameras per box",
    "site.max_power_w": "a larger site.max_power_w, or several smaller boxes (candidates.max_boxes)",
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


def tight(text: str) -> str:
    """Leave out the blanks around the dash of an interval, for narrow columns."""
    return text.replace(" - ", "-")


def percent(interval: Interval | None) -> str:
    """An interval of fractions as percentages."""
    return "-" if interval is None else f"{span(interval.scaled(100.0), 2)} %"


def tail(figures: CameraTail) -> str:
    """Latency as ``p50 / p95 / p99`` in milliseconds; one dash where none is known."""
    shown = [number(value) for value in (figures.p50, figures.p95, figures.p99)]
    return "-" if set(shown) == {"-"} else " / ".join(shown)


def money(value: float | None, currency: str) -> str:
    """``1,234 USD``; says so when the price is unknown."""
    return "price unknown" if value is None else f"{value:,.0f} {currency}"


def search_line(search: Mapping[str, Any]) -> str:
    """Say how much of the space was looked at, and how; empty for a plan that does not tell."""
    known = search.get("configurations")
    if not known:
        return ""
    share, left_out = search.get("share_simulated"), search.get("configurations_left_out") or 0
    return (
        f"{search.get('platforms', 0):,} platforms ({search.get('refused_by_filters', 0):,} refused by filters), "
        f"{search.get('discarded_by_bounds', 0):,} judgements by closed-form bounds and "
        f"{search.get('judged_by_simulation', 0):,} by simulation; {search.get('configurations_simulated', 0):,} of "
        f"{known:,} configurations simulated ({number(None if share is None else share * 100.0, 2)} %), "
        + (f"{left_out:,} left untried on platforms that were given up" if left_out else "none left untried")
    )


def price_line(price: Price | None) -> str:
    """Price with kind, source and date."""
    if price is None or price.value is None:
        return "price unknown"
    stale = ", more than 12 months old" if price.stale else ""
    return f"{money(price.value, price.currency)} [{price.kind}, {price.date or 'no date'}{stale}; {price.source}]"


def capacity(predicted: PredictedLoad | None) -> str:
    """Most cameras, or requests per second where the scenario has no cameras, with the unit."""
    if predicted is None:
        return "-"
    if predicted.capacity_cameras is not None:
        return f"{span(predicted.capacity_cameras)} cameras"
    if predicted.capacity_requests_per_s is not None:
        return f"{span(predicted.capacity_requests_per_s)} requests/s"
    return "-"


def has_cameras(predicted: PredictedLoad) -> bool:
    """Whether the scenario has cameras; otherwise its load is requests."""
    return predicted.capacity_cameras is not None or predicted.capacity_requests_per_s is None


def decodes(predicted: PredictedLoad) -> bool:
    """Whether frames are decoded: not those of raw cameras, and not requests."""
    return "decode" in predicted.evidence or (has_cameras(predicted) and not predicted.evidence)


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
    """What to change for a platform that was rejected; empty where the plan does not say which check failed."""
    return REMEDIES.get(item.check or "", "")


def config_line(config: RunConfig) -> str:
    """One line that says how a stage is run; what is left to the runtime is called automatic."""
    parts = [config.runtime, config.device, config.precision]
    if config.hint != "none":
        parts.append(f"hint {config.hint}")
    if config.streams is not None and config.threads is not None:
        each = config.threads / config.streams
        parts.append(f"{counted(config.streams, 'stream')} x {number(each)} {'thread' if each == 1 else 'threads'}")
    else:
        parts.append(f"streams {config.streams or 'automatic'}, threads {config.threads or 'automatic'}")
    if config.core_type is not None and config.core_type != "any":
        parts.append(f"{config.core_type} cores only")
    if config.batch > 1:
        parts.append(f"batch {config.batch}")
    if config.requests is not None and config.requests != config.streams:
        parts.append(f"{config.requests} requests")
    return ", ".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int = 118, right: Sequence[int] = ()) -> str:
    """Lay out a table for a terminal, no line longer than ``width``; columns in ``right`` are aligned to the right.

    Short cells (figures) stay whole as long as there is room; long ones are wrapped at words and dashes. Line breaks
    and runs of blanks within a cell become one blank.
    """
    cells = [[" ".join(str(cell).split()) for cell in row] for row in (header, *rows)]
    widths = _widths(list(zip(*cells, strict=True)), width - len(_GAP) * (len(header) - 1))
    lines: list[str] = []
    for index, row in enumerate(cells):
        wrapped = [textwrap.wrap(cell, widths[i]) or [""] for i, cell in enumerate(row)]
        for level in range(max(len(part) for part in wrapped)):
            texts = [part[level] if level < len(part) else "" for part in wrapped]
            padded = [text.rjust(widths[i]) if i in right else text.ljust(widths[i]) for i, text in enumerate(texts)]
            lines.append(_GAP.join(padded).rstrip())
        if index == 0:
            lines.append("─" * (sum(widths) + len(_GAP) * (len(widths) - 1)))
    return "\n".join(lines)


_GAP = "  "
_WHOLE = 22
"""Columns up to this width are not wrapped while there is room: longer ones hold texts and ids."""


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Width of each column: figures whole, the rest shared so that the shorter texts stay whole first."""
    natural = [max(1, *map(len, column)) for column in columns]
    widths = [size if size <= _WHOLE else min(size, 8) for size in natural]
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    while sum(widths) < room:
        growing = [size for i, size in enumerate(widths) if size < natural[i]]
        if not growing:
            break
        widths[next(i for i, size in enumerate(widths) if size == min(growing) and size < natural[i])] += 1
    return widths
