"""Small pieces of text that all reports share: intervals, money, tables."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.records.base import Evidence, Interval
from advisor.records.config import RunConfig
from advisor.records.plan import Price

EVIDENCE_WORDS = {
    Evidence.MEASURED: "measured here",
    Evidence.PUBLISHED: "published for this model and chip",
    Evidence.ANCHORED: "anchored on other models of this chip",
    Evidence.SPEC: "data sheet only",
    Evidence.UNKNOWN: "unknown",
}


def number(value: float | None, digits: int = 3) -> str:
    """Print a number with ``digits`` significant figures and without exponent; a dash for None."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return f"{value:.{digits}f}" if "e" in text else text


def span(interval: Interval | None, digits: int = 3) -> str:
    """``p50 (p10-p90)``; one number when the interval has no width."""
    if interval is None:
        return "-"
    middle, low, high = (number(value, digits) for value in (interval.p50, interval.p10, interval.p90))
    return middle if low == high else f"{middle} ({low} - {high})"


def percent(interval: Interval) -> str:
    """An interval of fractions as percentages."""
    return f"{span(interval.scaled(100.0), 2)} %"


def money(value: float | None, currency: str) -> str:
    """``1,234 USD``; says so when the price is unknown."""
    return "price unknown" if value is None else f"{value:,.0f} {currency}"


def price_line(price: Price) -> str:
    """Price with kind, source and date."""
    if price.value is None:
        return "price unknown"
    stale = ", more than 12 months old" if price.stale else ""
    return f"{money(price.value, price.currency)} [{price.kind}, {price.date}{stale}; {price.source}]"


def config_line(config: RunConfig) -> str:
    """One line that says how a stage is run."""
    streams = config.streams or 1
    threads = config.threads or 1
    parts = [config.runtime, config.device, config.precision, f"{streams} streams x {threads // streams} threads"]
    if config.batch > 1:
        parts.append(f"batch {config.batch}")
    return ", ".join(parts)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int = 118, right: Sequence[int] = ()) -> str:
    """Lay out a table for a terminal; columns in ``right`` are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    for index, title in enumerate(header):
        grid.add_column(title, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*[_escape(cell) for cell in row])
    console = Console(width=width, no_color=True, highlight=False, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(grid)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _escape(cell: str) -> str:
    from rich.markup import escape

    return escape(cell)
