"""Small pictures as SVG text: they scale, print, follow dark and light, and need no network.

Coordinates are pixels of the view box; colours are CSS variables of the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 1000, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 20, 50


@dataclass(frozen=True)
class Mark:
    """One platform in the price-against-capacity picture."""

    label: str
    price: float
    low: float
    middle: float
    high: float
    kind: str
    """recommended, alternative, holds, fails or other."""


@dataclass(frozen=True)
class _Scale:
    """Logarithmic scale from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (math.log(max(value, self.low)) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        found = []
        power = 10 ** math.floor(math.log10(self.low))
        while power <= self.high:
            found += [power * step for step in (1, 2, 5) if self.low <= power * step <= self.high]
            power *= 10
        return found


def price_against_capacity(marks: Sequence[Mark], needed: float, currency: str) -> str:
    """Scatter of price over capacity, both logarithmic, with the interval of the capacity as a bar."""
    shown = [mark for mark in marks if mark.middle > 0 and mark.price > 0]
    if not shown:
        return "<p>No platform with a known price and a prediction.</p>"
    reach = [value for mark in shown for value in (max(mark.low, 0.5), mark.high)] + [max(needed, 1.0)]
    prices = [mark.price for mark in shown]
    across = _Scale(min(reach) * 0.8, max(reach) * 1.25, LEFT, WIDTH - RIGHT)
    upward = _Scale(min(prices) * 0.8, max(prices) * 1.25, HEIGHT - BOTTOM, TOP)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Price against capacity">']
    for tick in across.ticks():
        x = across.at(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    for tick in upward.ticks():
        y = upward.at(tick)
        parts.append(f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,.0f}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">capacity [cameras]</text>')
    parts.append(f'<text x="{LEFT - 60}" y="{TOP - 6}">price [{escape(currency)}]</text>')
    line = across.at(max(needed, 1.0))
    parts.append(
        f'<line x1="{line:.1f}" y1="{TOP}" x2="{line:.1f}" y2="{HEIGHT - BOTTOM}" stroke="var(--bad)" '
        f'stroke-dasharray="5 4"/><text x="{line + 5:.1f}" y="{TOP + 12}">needed: {needed:g}</text>'
    )
    order = {"recommended": 3, "alternative": 2}
    parts += [_mark(mark, across, upward) for mark in sorted(shown, key=lambda item: order.get(item.kind, 1))]
    return "".join([*parts, "</svg>"])


def _mark(mark: Mark, across: _Scale, upward: _Scale) -> str:
    colour = {"recommended": "--good", "alternative": "--mark"}.get(mark.kind, "--other")
    x, y = across.at(mark.middle), upward.at(mark.price)
    low, high = across.at(max(mark.low, 0.5)), across.at(mark.high)
    fill = f"var({colour})" if mark.kind in ("recommended", "alternative") else "var(--back)"
    radius = 7 if mark.kind == "recommended" else 5
    title = f"{mark.label}: {mark.middle:.0f} ({mark.low:.0f} - {mark.high:.0f}) cameras, {mark.price:,.0f}"
    label = ""
    if mark.kind in ("recommended", "alternative"):
        anchor, shift = ("end", -10) if x > WIDTH * 0.7 else ("start", 10)
        label = f'<text x="{x + shift:.1f}" y="{y - 8:.1f}" text-anchor="{anchor}">{escape(mark.label)}</text>'
    return (
        f'<g><title>{escape(title)}</title><line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" '
        f'stroke="var({colour})" stroke-opacity="0.6"/><circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}" '
        f'stroke="var({colour})" stroke-width="2"/>{label}</g>'
    )


def bars(rows: Sequence[tuple[str, float, float, float]], unit: str, limit: float | None = None) -> str:
    """Horizontal bars of P50 with a whisker from P10 to P90; ``limit`` draws an upright line."""
    if not rows:
        return ""
    top = max([row[3] for row in rows] + ([limit] if limit is not None else [])) * 1.05 or 1.0
    step, left, right = 30, 170, 110
    height = step * len(rows) + 10

    def x(value: float) -> float:
        return left + value / top * (WIDTH - left - right)

    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(unit)}">']
    for index, (name, low, middle, high) in enumerate(rows):
        y = step * index + 6
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<rect class="bar" x="{left}" y="{y}" width="{max(x(middle) - left, 1):.1f}" height="18" rx="2"/>'
        )
        parts.append(f'<line x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y + 9}" y2="{y + 9}" stroke="var(--ink)"/>')
        parts.append(f'<text x="{x(high) + 6:.1f}" y="{y + 14}">{middle:.3g} {escape(unit)}</text>')
    if limit is not None:
        at = f"{x(limit):.1f}"
        dash = 'stroke="var(--bad)" stroke-dasharray="5 4"'
        parts.append(f'<line x1="{at}" x2="{at}" y1="0" y2="{height}" {dash}/>')
    return "".join([*parts, "</svg>"])


def lines(series: Sequence[tuple[str, Sequence[float], Sequence[float]]], x_label: str, y_label: str) -> str:
    """Lines over time, one per name; values that are missing are left out by the caller."""
    points = [(x, y) for _, xs, ys in series for x, y in zip(xs, ys, strict=True)]
    if not points:
        return "<p>Nothing was seen.</p>"
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    y_high = max(y for _, y in points) * 1.1 or 1.0
    height = 260

    def place(x: float, y: float) -> str:
        across = LEFT + (x - x_low) / ((x_high - x_low) or 1.0) * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{height - 40 - y / y_high * (height - 60):.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(y_label)}">']
    for share in (0.0, 0.5, 1.0):
        y = height - 40 - share / 1.1 * (height - 60)
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * y_high / 1.1:.3g}</text>')
    colours = ("--mark", "--good", "--bad", "--warn", "--other")
    for index, (name, xs, ys) in enumerate(series):
        path = " ".join(place(x, y) for x, y in zip(xs, ys, strict=True))
        colour = colours[index % len(colours)]
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="var({colour})" stroke-width="1.5"><title>{escape(name)}'
            "</title></polyline>"
        )
    parts.append(f'<text x="{WIDTH / 2}" y="{height - 8}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(f'<text x="{LEFT - 60}" y="14">{escape(y_label)}</text>')
    return "".join([*parts, "</svg>"])
