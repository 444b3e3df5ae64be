"""Requests of a few seconds as a picture: one row per decode worker or stream, one bar per frame or batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

from advisor.records.trace import BatchPattern, Timeline, TimelineLane, TimelinePass

WIDTH, LEFT, RIGHT, ROW, BAR = 1000, 150, 10, 18, 12
"""Pixels of the view box: picture, room for names, margin, height of a row and of a bar."""
LETTER = 7.0
"""Width of a digit that is written into a bar."""
PATTERNS: dict[BatchPattern, str] = {
    "single": "one item alone",
    "full": "full at once: as many waited as a batch holds",
    "filled": "waited until it was full",
    "timed out": "waited in vain until the time-out",
    "partial": "began with less because a stream was free",
}
"""The five ways in which a batch comes about, in words."""
LANES_MAX = 40
"""Rows of one timeline; a server's hundreds of streams would be a picture of nothing."""


def timelines(*shown: Timeline | None) -> str:
    """Timelines below each other on one scale, with a legend; those that are None are left out."""
    known = [item for item in shown if item is not None]
    if not known:
        return "<p>No timeline was recorded.</p>"
    length_s = max(item.length_s for item in known)
    heights = [ROW * (min(len(item.lanes), LANES_MAX) + 2 + (len(item.lanes) > LANES_MAX)) for item in known]
    height = sum(heights) + 26
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(_told(known))}">']
    top = 0
    for item, tall in zip(known, heights, strict=True):
        parts += _drawn(item, top, length_s)
        top += tall
    for tick in range(5):
        at_s = length_s * tick / 4
        anchor = "start" if tick == 0 else "end" if tick == 4 else "middle"
        parts.append(
            f'<line class="axis" x1="{_x(at_s, length_s):.1f}" y1="0" x2="{_x(at_s, length_s):.1f}" y2="{top}"/>'
        )
        parts.append(f'<text x="{_x(at_s, length_s):.1f}" y="{height - 8}" text-anchor="{anchor}">{at_s:.2g} s</text>')
    return "".join([*parts, "</svg>", _legend(known)])


def without_requests(data: dict[str, Any]) -> Timeline | None:
    """Read the spans of a verdict of sizer before 0.2, which do not tell how batches came about.

    ``data`` holds ``spans``: a list of ``[lane, start_s, end_s]``, with a fourth number where the inference itself
    began after preparation and waiting.
    """
    spans = data.get("spans") or []
    if not spans:
        return None
    first_s = min(float(span[1]) for span in spans)
    lanes: dict[str, list[TimelinePass]] = {}
    for lane, *times in spans:
        start_s, stop_s, begun_s = (float(at_s) - first_s for at_s in (*times[:2], times[2] if times[2:] else times[0]))
        bar = TimelinePass(begin_s=start_s, inference_s=begun_s, end_s=stop_s)
        lanes.setdefault(str(lane), []).append(bar)
    return Timeline(
        source="measured", begin_s=0.0, length_s=max(float(span[2]) for span in spans) - first_s,
        lanes=tuple(TimelineLane(name=name, passes=tuple(bars)) for name, bars in lanes.items()),
    )  # fmt: skip


def _x(at_s: float, length_s: float) -> float:
    return LEFT + min(max(at_s / length_s, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def _drawn(item: Timeline, top: float, length_s: float) -> list[str]:
    parts = [f'<text x="{LEFT}" y="{top + 13}" font-weight="600">{item.source}</text>']
    lanes = item.lanes[:LANES_MAX]
    for row, lane in enumerate(lanes, 1):
        y = top + ROW * row
        name = f"{lane.name} ({lane.device})" if lane.device not in {"", "CPU"} else lane.name
        parts.append(f'<text x="{LEFT - 6}" y="{y + 13}" text-anchor="end">{escape(name[:20])}</text>')
        for bar in lane.passes:
            parts += _bar(bar, y + 3, length_s)
    if len(item.lanes) > len(lanes):
        parts.append(f'<text x="{LEFT}" y="{top + ROW * (len(lanes) + 1) + 13}">'
                     f"and {len(item.lanes) - len(lanes)} more rows</text>")  # fmt: skip
    y = top + ROW * (len(lanes) + (len(item.lanes) > len(lanes)) + 1)
    for queue, times in item.drops.items():
        for at_s in times:
            parts.append(f'<path d="M{_x(at_s, length_s) - 4:.1f} {y + 4} l8 8 m0 -8 l-8 8" stroke="var(--bad)">'
                         f"<title>dropped: {escape(queue)}</title></path>")  # fmt: skip
    return parts


def _bar(bar: TimelinePass, y: float, length_s: float) -> list[str]:
    begin, proper, end = (_x(at_s, length_s) for at_s in (bar.begin_s, bar.inference_s, bar.end_s))
    parts = []
    if proper > begin:
        parts.append(f'<rect class="wait" x="{begin:.1f}" y="{y}" width="{proper - begin:.1f}" height="{BAR}"/>')
    width = max(end - proper, 0.8)
    told = f"{bar.items} ({bar.pattern}), {1e3 * (bar.end_s - bar.inference_s):.3g} ms"
    parts.append(f'<rect class="batch {bar.pattern.replace(" ", "-")}" x="{proper:.1f}" y="{y}" width="{width:.1f}" '
                 f'height="{BAR}"><title>{told}</title></rect>')  # fmt: skip
    if bar.items > 1 and width > LETTER * len(str(bar.items)) + 2:
        parts.append(f'<text class="count" x="{proper + width / 2:.1f}" y="{y + 10}" text-anchor="middle">'
                     f"{bar.items}</text>")  # fmt: skip
    return parts


def _counted(item: Timeline) -> Counter[BatchPattern]:
    """Batches of the stages by how they came about; decoding makes none."""
    return Counter(bar.pattern for lane in item.lanes if not lane.name.startswith("decode ") for bar in lane.passes)


def _legend(known: Sequence[Timeline]) -> str:
    seen = {pattern for item in known for pattern in _counted(item)}
    entries = [
        f'<span class="key {pattern.replace(" ", "-")}"></span> <b>{pattern}</b>: {words}'
        for pattern, words in PATTERNS.items()
        if pattern in seen
    ]
    entries.append('<span class="key wait"></span> preparation, and waiting for a stream')
    if any(item.drops for item in known):
        entries.append('<span class="bad">×</span> frames that a queue refused')
    return f'<figcaption class="soft">{"; ".join(entries)}.</figcaption>'


def _told(known: Sequence[Timeline]) -> str:
    """The picture in words."""
    told = []
    for item in known:
        counts = _counted(item)
        ways = ", ".join(f"{counts[pattern]} {pattern}" for pattern in PATTERNS if counts[pattern])
        drops = sum(len(times) for times in item.drops.values())
        told.append(
            f"{item.source}: {sum(counts.values())} passes in {item.length_s:.2g} s"
            + (f" ({ways})" if ways else "")
            + (f", {drops} frames dropped" if drops else "")
        )
    return f"Requests over time, {'; '.join(told)}."
