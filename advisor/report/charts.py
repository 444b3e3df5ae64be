"""Small pictures as SVG text: they scale, print, follow dark and light, and need no network.

Coordinates are pixels of the view box; colours are CSS variables of the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from .text import number

WIDTH, HEIGHT = 1000, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 30, 50
LETTER, LINE = 7.0, 15.0
"""Width of a letter and height of a line of the labels, for keeping them apart."""
LONGEST_LABEL = 40
NEAR = 12
"""Places for a label that are tried without covering any mark at all."""
LOWEST = 0.5
"""Smaller capacities are drawn at the left edge: a logarithmic scale has no zero."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of something drawn."""


@dataclass(frozen=True)
class Mark:
    """One platform in the price-against-capacity picture."""

    label: str
    price: float
    low: float
    middle: float
    high: float
    kind: str
    """recommended, alternative, just fails, or other."""


_COLOURS = {"recommended": "--good", "alternative": "--mark", "just fails": "--bad"}


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
        """Round values; finer steps where the coarse ones leave the axis almost bare."""
        found: list[float] = []
        for steps in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
            found = []
            power = 10.0 ** math.floor(math.log10(self.low))
            while power <= self.high:
                found += [power * step for step in steps if self.low <= power * step <= self.high]
                power *= 10
            if len(found) >= 3:
                break
        return found


def price_against_capacity(marks: Sequence[Mark], needed: float | None, currency: str, unit: str) -> str:
    """Scatter of price over capacity, both logarithmic, with the interval of the capacity as a bar.

    Only what a buyer looks for carries a label; the names of the others show under the pointer.

    Parameters
    ----------
    marks : sequence of Mark
        Platforms; those without a price above zero are left out.
    needed : float, optional
        Capacity that the scenario needs, drawn as a vertical line; None if unknown.
    currency, unit : str
        What the axes count.
    """
    shown = [mark for mark in marks if mark.price > 0]
    if not shown:
        return "<p>No platform with a known price and a prediction.</p>"
    lines = [] if not needed else [needed]
    reach = [max(value, LOWEST) for mark in shown for value in (mark.low, mark.high)] + lines
    prices = [mark.price for mark in shown]
    across = _Scale(min(reach) * 0.8, max(reach) * 1.25, LEFT, WIDTH - RIGHT)
    upward = _Scale(min(prices) * 0.7, max(prices) * 1.3, HEIGHT - BOTTOM, TOP)
    parts = [_picture(HEIGHT, _told(shown, needed, currency, unit))]
    parts += _axes(across, upward, currency, unit)
    taken: list[Box] = []
    if needed:
        at = across.at(needed)
        side, shift = ("end", -5) if at > WIDTH * 0.8 else ("start", 5)
        parts.append(
            f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}" stroke="var(--bad)" '
            f'stroke-dasharray="5 4"/><text x="{at + shift:.1f}" y="{TOP + 12}" text-anchor="{side}">'
            f"needed: {needed:g}</text>"
        )
        reserved = 14 * LETTER
        taken.append((at - (reserved if shift < 0 else 0), TOP, at + (0 if shift < 0 else reserved), TOP + LINE))
    order = {"recommended": 3, "just fails": 2, "alternative": 1}
    ranked = sorted(shown, key=lambda item: order.get(item.kind, 0))
    parts += [_mark(mark, across, upward) for mark in ranked]
    named = [mark for mark in reversed(ranked) if mark.kind in _COLOURS]
    for mark in named:
        x, y = across.at(max(mark.middle, LOWEST)), upward.at(mark.price)
        taken.append(_around(x, y, 8.0))
    others = [_around(across.at(max(mark.middle, LOWEST)), upward.at(mark.price), 5.0) for mark in shown]
    parts += [_label(mark, across.at(max(mark.middle, LOWEST)), upward.at(mark.price), taken, others) for mark in named]
    return "".join([*parts, "</svg>"])


def _told(marks: Sequence[Mark], needed: float | None, currency: str, unit: str) -> str:
    """The picture in words: what carries a label, and how many others there are."""
    named = [mark for mark in marks if mark.kind != "other"]
    items = [
        f"{mark.kind} {mark.label}: {mark.price:,.0f} {currency}, {_figure(mark.low, mark.middle, mark.high)} {unit}"
        for mark in sorted(named, key=lambda mark: mark.price)
    ]
    items += [f"{len(marks) - len(named)} others"] if len(marks) > len(named) else []
    required = f"; {needed:g} {unit} are needed" if needed else ""
    return f"Price against capacity, P50 (P10 - P90): {'; '.join(items)}{required}."


def _axes(across: _Scale, upward: _Scale, currency: str, unit: str) -> list[str]:
    parts = []
    for tick in across.ticks():
        x = across.at(tick)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
                     f"{tick:g}{' or less' if tick == LOWEST else ''}</text>")  # fmt: skip
    for tick in upward.ticks():
        y = upward.at(tick)
        parts.append(f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,.0f}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">capacity [{escape(unit)}]</text>')
    parts.append(f'<text x="{LEFT - 60}" y="{TOP - 14}">price [{escape(currency)}]</text>')
    return parts


def _mark(mark: Mark, across: _Scale, upward: _Scale) -> str:
    colour = f"var({_COLOURS.get(mark.kind, '--other')})"
    low, x, high = (across.at(max(value, LOWEST)) for value in (mark.low, mark.middle, mark.high))
    y = upward.at(mark.price)
    fill = colour if mark.kind in ("recommended", "alternative") else "var(--back)"
    radius = {"recommended": 8, "alternative": 6, "just fails": 6}.get(mark.kind, 4)
    title = f"{mark.label}: {mark.middle:.0f} ({mark.low:.0f} - {mark.high:.0f}), {mark.price:,.0f}"
    return (
        f'<g><title>{escape(title)}</title><line x1="{low:.1f}" x2="{high:.1f}" '
        f'y1="{y:.1f}" y2="{y:.1f}" stroke="{colour}" stroke-opacity="0.6"/><circle cx="{x:.1f}" cy="{y:.1f}" '
        f'r="{radius}" fill="{fill}" stroke="{colour}" stroke-width="2"/></g>'
    )


def _label(mark: Mark, x: float, y: float, taken: list[Box], others: Sequence[Box]) -> str:
    """Put a label next to its mark, at the first place where it covers nothing; the place is added to ``taken``.

    Unnamed marks (``others``) are kept clear of as long as there is room near the mark.
    """
    text = mark.label if len(mark.label) <= LONGEST_LABEL else mark.label[: LONGEST_LABEL - 1] + "…"
    wide = len(text) * LETTER
    for step, avoided in [(step, (*taken, *others)) for step in range(NEAR)] + [(step, taken) for step in range(40)]:
        # Beside the mark first, then in turns above and below it, further and further away.
        offset = -12.0 if step == 0 else (-1) ** step * (LINE * (step // 2 + 1)) - 4
        for left in (x + 12, x - 12 - wide):
            box = (left, y + offset - LINE + 3, left + wide, y + offset + 3)
            inside = box[0] >= LEFT and box[2] <= WIDTH - 2 and box[1] >= TOP - 10 and box[3] <= HEIGHT - BOTTOM
            if inside and not any(_overlap(box, other) for other in avoided):
                taken.append(box)
                near = box[0] if left > x else box[2]
                leader = "" if abs(offset) < LINE else (
                    f'<line class="leader" x1="{x:.1f}" y1="{y:.1f}" x2="{near:.1f}" y2="{y + offset - 4:.1f}"/>'
                )  # fmt: skip
                strong = ' class="strong"' if mark.kind == "recommended" else ""
                return f'{leader}<text{strong} x="{left:.1f}" y="{y + offset:.1f}">{escape(text)}</text>'
    return ""  # nowhere left: the name shows when the pointer rests on the mark, and in the table below


def _around(x: float, y: float, radius: float) -> Box:
    return x - radius, y - radius, x + radius, y + radius


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def bars(rows: Sequence[tuple[str, float, float, float]], unit: str, title: str, limit: float | None = None) -> str:
    """Horizontal bars of P50 with a whisker from P10 to P90; ``limit`` draws an upright line.

    ``title`` and all figures are the picture's text alternative.
    """
    if not rows:
        return ""
    top = max([row[3] for row in rows] + ([limit] if limit is not None else [])) * 1.05 or 1.0
    step, left, right = 30, 190, 180
    height = step * len(rows) + 10

    def x(value: float) -> float:
        return left + value / top * (WIDTH - left - right)

    told = "; ".join(f"{name} {_figure(low, middle, high)} {unit}" for name, low, middle, high in rows)
    parts = [_picture(height, f"{title}, P50 (P10 - P90): {told}.")]
    if limit is not None:  # first, so that labels next to it stay readable
        at = f"{x(limit):.1f}"
        parts.append(f'<line x1="{at}" x2="{at}" y1="0" y2="{height}" stroke="var(--bad)" stroke-dasharray="5 4"/>')
    for index, (name, low, middle, high) in enumerate(rows):
        y = step * index + 6
        short = name if len(name) <= 24 else name[:23] + "…"
        text = _figure(low, middle, high)
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(short)}</text>')
        parts.append(
            f'<rect class="bar" x="{left}" y="{y}" width="{max(x(middle) - left, 1):.1f}" height="18" rx="2">'
            f"<title>{escape(name)}</title></rect>"
        )
        parts.append(
            f'<line class="whisker" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="{y + 9}" y2="{y + 9}"/>'
            f'<text x="{max(x(high), x(middle)) + 6:.1f}" y="{y + 14}">{text} {escape(unit)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _figure(low: float, middle: float, high: float) -> str:
    return number(middle) if number(low) == number(high) else f"{number(middle)} ({number(low)} - {number(high)})"


def _picture(height: int, told: str) -> str:
    """Start of a picture with the sentence that a screen reader says in its place."""
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(told)}">'


_NAMED_LINES = 5
_TOLD_LINES = 24
"""Lines whose ranges the text alternative tells; a table on the same page has all."""


def _round_ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within the range, at most ``most`` steps of them."""
    if high <= low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return [step * index for index in range(math.ceil(low / step), math.floor(high / step * (1 + 1e-12)) + 1)]


def lines(
    series: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    worst: Literal["lowest", "highest"] = "lowest",
) -> str:
    """Lines over time, one per name; values that are missing are left out by the caller.

    With many names, the ones that fall lowest (or rise highest) are drawn in colour and named, the others in grey.
    """
    drawn = [item for item in series if len(item[1]) > 0]
    if not drawn:
        return "<p>Nothing was seen.</p>"
    points = [(x, y) for _, xs, ys in drawn for x, y in zip(xs, ys, strict=True)]
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    y_high = max(y for _, y in points) * 1.1 or 1.0
    height, top = 300, 40

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - x_low) / ((x_high - x_low) or 1.0) * (WIDTH - LEFT - RIGHT)
        return across, height - 40 - y / y_high * (height - 40 - top)

    ranges = "; ".join(f"{name} {number(min(ys))} to {number(max(ys))}" for name, _, ys in drawn[:_TOLD_LINES])
    more = f"; and {len(drawn) - _TOLD_LINES} more" if len(drawn) > _TOLD_LINES else ""
    parts = [_picture(height, f"{y_label} over time, {number(x_low)} to {number(x_high)} s: {ranges}{more}.")]
    for tick in _round_ticks(0.0, y_high, 4):
        y = place(x_low, tick)[1]
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>')
    for tick in _round_ticks(x_low, x_high, 10):
        x = place(tick, 0.0)[0]
        parts.append(f'<text x="{x:.1f}" y="{height - 24}" text-anchor="middle">{number(tick, 6)}</text>')
    worst_first = sorted(drawn, key=lambda item: min(item[2]) if worst == "lowest" else -max(item[2]))
    colours = ("--bad", "--warn", "--mark", "--good", "--ink")
    for name, xs, ys in worst_first[_NAMED_LINES:]:
        parts.append(_line(name, [place(x, y) for x, y in zip(xs, ys, strict=True)], "--other"))
    start = float(LEFT)
    for (name, xs, ys), colour in zip(worst_first, colours, strict=False):
        parts.append(_line(name, [place(x, y) for x, y in zip(xs, ys, strict=True)], colour))
        short = name if len(name) <= 20 else name[:19] + "…"
        parts.append(
            f'<line x1="{start:.0f}" x2="{start + 18:.0f}" y1="24" y2="24" stroke="var({colour})" stroke-width="3"/>'
            f'<text x="{start + 23:.0f}" y="28">{escape(short)}</text>'
        )
        start += 34 + len(short) * LETTER
    if len(drawn) > _NAMED_LINES:
        parts.append(f'<text x="{start:.0f}" y="28">grey: {len(drawn) - _NAMED_LINES} others</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{height - 8}" text-anchor="middle">{escape(x_label)}</text>')
    parts.append(f'<text x="{LEFT - 60}" y="12">{escape(y_label)}</text>')
    return "".join([*parts, "</svg>"])


def _line(name: str, points: Sequence[tuple[float, float]], colour: str) -> str:
    title = f"<title>{escape(name)}</title>"
    if len(points) == 1:
        x, y = points[0]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="var({colour})">{title}</circle>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="var({colour})" stroke-width="1.5">{title}</polyline>'
