"""The named checks: each with what is required, what was measured, how sure that is, and what to do.

Rules for delivered rate and drops, per camera and window of ``slo.window_s``:

- A window holds when its figure meets the requirement; complete windows are facts, not samples.
- A miss in two consecutive windows, or in more than a tenth of them, is a failure; a single miss leaves it open.
- In a run of fewer than two windows a failure must be beyond repair (perfect frames until the window's end would not
  save it), and to hold needs the binomial bound of :func:`advisor.verify.statistics.is_certified`.
- Where other processes took cores, a failure stands only if the same frames would have been missed had those cores
  been the cascade's own and been used in full; otherwise nothing can be said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..records.config import RunConfig
from ..records.scenario import Scenario
from ..records.verdict import Check
from .observation import Observation
from .statistics import (
    FeedFigures,
    Tally,
    effective_counts,
    is_certified,
    is_refuted,
    needed_samples,
)
from .usage import Usage

_ROUNDING = 1e-9
DISTURBED = 0.05
"""Share of the usable cores that others may take before figures count as disturbed."""
MISSED_SHARE = 0.1
DROPS_CONFIRM = 0.99
MEMORY_SLACK_BYTES = 64 * 2**20
CLOCK_LOSS = 0.05
SLOWER = 1.10
MOST_NEED_S = 86_400.0


@dataclass(frozen=True)
class Case:
    """All that the checks look at."""

    scenario: Scenario
    seen: Observation
    figures: tuple[FeedFigures, ...]
    usage: Usage
    configs: Mapping[str, RunConfig]

    @property
    def allowed_drops(self) -> float:
        """Share of frames that may be dropped."""
        return self.scenario.slo.drops_max_pct / 100.0

    def required_fps(self, figure: FeedFigures) -> float:
        """Delivered rate that a camera needs.

        The requirement itself, exactly; where it is the camera's own rate, less the drops that are permitted.
        """
        rate = figure.feed.rate_per_s
        asked = self.scenario.slo.camera_fps if self.scenario.slo.camera_fps is not None else rate
        return asked if asked > rate else min(asked, rate * (1.0 - self.allowed_drops))


def _window_rule(held: Sequence[bool]) -> bool | None:
    """Judge complete windows in order: see the head of this module. None also where there are fewer than two."""
    missed = held.count(False)
    if any(not first and not second for first, second in pairwise(held)):
        return False
    if len(held) >= 2 and missed > max(1.0, MISSED_SHARE * len(held)):
        return False
    return None if missed or len(held) < 2 else True


def _worst(results: Sequence[bool | None]) -> bool | None:
    if any(item is False for item in results):
        return False
    return None if any(item is None for item in results) else True


def run_completed(case: Case) -> Check:
    """The run must reach its end by itself."""
    seen = case.seen
    planned = f"{seen.warmup_s + seen.duration_s:.0f} s without a crash"
    if seen.failure is not None:
        return Check(
            name="run_completed", required=planned, measured=f"broke off: {seen.failure}", ok=False, met=False,
            advice="run the stage's model alone with sizer bench; check memory, model file and runtime version",
        )  # fmt: skip
    if seen.stopped:
        return Check(
            name="run_completed", required=planned, measured=f"stopped by the user after {seen.end_s:.1f} s", ok=None,
            need_s=max(seen.warmup_s + seen.duration_s - seen.end_s, 0.0), advice="let it run to the end",
        )  # fmt: skip
    return Check(name="run_completed", required=planned, measured=f"{seen.end_s:.1f} s", ok=True, met=True)


def sources(case: Case) -> Check:
    """Every camera must have delivered what it should."""
    troubles = []
    for figure in case.figures:
        reports = [text for _, text in case.seen.status.get(figure.feed.index, ()) if text != "ok"]
        expected = figure.feed.rate_per_s * case.seen.seen_s
        if reports:
            troubles.append(f"{figure.feed.name} {reports[-1]}")
        elif figure.whole.released == 0 and expected >= 2:
            troubles.append(f"{figure.feed.name} delivered nothing")
        elif figure.feed.source is not None and figure.whole.released < 0.98 * expected - 2:
            troubles.append(f"{figure.feed.name} delivered {figure.whole.released} of {expected:.0f} frames")
    return Check(
        name="sources", required=f"{len(case.figures)} of {len(case.figures)} deliver",
        measured="; ".join(troubles) if troubles else f"{len(case.figures)} deliver",
        ok=None if troubles else True, met=None if troubles else True,
        advice="mend the camera, its network or the file; what the machine can do was not tested" if troubles else "",
    )  # fmt: skip


def camera_fps(case: Case) -> Check | None:
    """The worst camera decides; None where the scenario has no cameras."""
    cameras = [figure for figure in case.figures if figure.feed.is_camera and figure.whole.offered > 0]
    if not any(figure.feed.is_camera for figure in case.figures):
        return None
    if not cameras:
        return Check(name="camera_fps", required="frames", measured="none released in the measured time", ok=None,
                     advice="run longer, mend the sources")  # fmt: skip
    results = [_fps_of(case, figure) for figure in cameras]
    worst = min(cameras, key=lambda figure: figure.fps(figure.whole) / case.required_fps(figure))
    required, fps = case.required_fps(worst), worst.fps(worst.whole)
    ok = _worst(results)
    return Check(
        name="camera_fps", required=f">= {required:.2f} FPS on every camera",
        measured=f"{fps:.2f} FPS on {worst.feed.name}",
        ok=ok, met=fps >= required - _ROUNDING, bound=_windows_text(cameras),
        advice="" if ok else "fewer cameras, a longer interval, a lighter model or a faster box; see what binds",
    )  # fmt: skip


def _windows_text(figures: Sequence[FeedFigures]) -> str:
    windows = min(len(figure.windows) for figure in figures)
    return f"{windows} complete windows" if windows else "no complete window"


def _fps_of(case: Case, figure: FeedFigures) -> bool | None:
    required = case.required_fps(figure)

    def holds(span: Tally, credit: float = 1.0) -> bool:
        return min(span.done * credit, span.offered) >= required / figure.rate(span) * span.offered - _ROUNDING

    if len(figure.windows) >= 2:
        result = _window_rule([holds(window) for window in figure.windows])
    else:
        result = True if holds(figure.whole) else None
        need = required / figure.feed.rate_per_s
        window_frames = figure.feed.rate_per_s * max(case.scenario.slo.window_s, case.seen.seen_s)
        missed = figure.whole.offered - figure.whole.done
        if missed > (1.0 - need) * window_frames + _ROUNDING:
            result = False
    if result is False and _disturbed(case):
        return False if not holds(figure.whole, _credit(case)) else None
    return result


def _disturbed(case: Case) -> bool:
    return case.usage.lost_fraction > DISTURBED


def _credit(case: Case) -> float:
    """Factor by which the frames done would have grown at most with the cores that others took."""
    return 1.0 / max(1.0 - case.usage.lost_fraction, 1e-3)


def drops(case: Case) -> Check:
    """Share of dropped frames of the worst feed."""
    limit = case.allowed_drops
    figures = [figure for figure in case.figures if figure.whole.offered > 0]
    required = f"<= {limit * 100:g} % on every camera"
    if not figures:
        return Check(name="drops", required=required, measured="no frames", ok=None, advice="run longer")
    results = [_drops_of(case, figure) for figure in figures]
    worst = max(figures, key=lambda figure: figure.whole.drops_fraction)
    ok = _worst([result for result, _ in results])
    need_s = max((need for _, need in results), default=0.0)
    share = worst.whole.drops_fraction
    advice = ""
    if ok is None and need_s > 0:
        advice = f"need {need_s:.0f} more seconds"
    elif ok is not True:
        advice = "see what binds; a longer queue hides bursts but not overload"
    return Check(
        name="drops", required=required,
        measured=f"{share * 100:.2f} % on {worst.feed.name} ({worst.whole.dropped} of {worst.whole.offered})",
        ok=ok, met=share <= limit + _ROUNDING, bound=_windows_text(figures), advice=advice,
        need_s=need_s if ok is None and need_s > 0 else None,
    )  # fmt: skip


def _drops_of(case: Case, figure: FeedFigures) -> tuple[bool | None, float]:
    limit, whole = case.allowed_drops, figure.whole
    window_s = case.scenario.slo.window_s
    result: bool | None
    need_s = max(2 * window_s - case.seen.seen_s, 0.0)
    if len(figure.windows) >= 2:
        result = _window_rule([window.dropped <= limit * window.offered + _ROUNDING for window in figure.windows])
        need_s = 0.0 if result is not None else 2 * window_s
    else:
        blocks = max(figure.block_frames, 1.0)
        dropped = math.ceil(whole.dropped / blocks - _ROUNDING)
        if whole.dropped > limit * figure.feed.rate_per_s * max(window_s, case.seen.seen_s) + _ROUNDING:
            result = False
        elif limit > 0 and is_certified(dropped, int(whole.offered / blocks), 1.0 - limit):
            result = True
        else:
            result = None
            if whole.dropped > limit * whole.offered:
                need_s = 0.0
            elif limit > 0:
                frames = needed_samples(dropped, 1.0 - limit) * blocks
                need_s = min(need_s, max(frames / figure.feed.rate_per_s - case.seen.seen_s, 1.0))
    if result is False and _disturbed(case):
        done = min(whole.done * _credit(case), whole.offered)
        if whole.offered - done <= limit * whole.offered + _ROUNDING:
            return None, 0.0
    return result, need_s


def latency(case: Case) -> Check:
    """95th percentile from scheduled release to the last answer, worst feed, proved in independent blocks."""
    limit_s = case.scenario.slo.latency_p95_ms / 1e3
    figures = [
        figure for figure in case.figures if figure.whole.offered > 0 and figure.whole.done + figure.whole.open > 0
    ]
    required = f"p95 <= {limit_s * 1e3:g} ms on every camera"
    if not figures:
        return Check(name="latency_p95", required=required, measured="no frame done", ok=None, met=False,
                     advice="see what binds")  # fmt: skip

    def p95(figure: FeedFigures) -> float:
        value = figure.whole.quantile_s(0.95)
        return math.inf if value is None else value

    worst = max(figures, key=p95)
    results = [_latency_of(case, figure, limit_s) for figure in figures]
    ok = _worst([result for result, _ in results])
    if ok is False and _disturbed(case):
        ok = None
    need_s = max(need for _, need in results)
    late, n = effective_counts(worst, limit_s)
    value = p95(worst)
    shown = f"{value * 1e3:.1f} ms" if math.isfinite(value) else "frames that never ended"
    advice = ""
    if ok is None and need_s > 0:
        advice = "more than a day would be needed: too near the limit" if need_s >= MOST_NEED_S else (
            f"need {need_s:.0f} more seconds")  # fmt: skip
    elif ok is not True:
        advice = "see what binds; fewer streams shorten a pass, fewer cameras the queue"
    return Check(
        name="latency_p95", required=required, measured=f"{shown} on {worst.feed.name}", ok=ok, met=value <= limit_s,
        bound=f"{late} of {n} independent blocks late (one block: {worst.block_frames:.1f} frames)", advice=advice,
        need_s=need_s if ok is None and need_s > 0 else None,
    )  # fmt: skip


def _latency_of(case: Case, figure: FeedFigures, limit_s: float) -> tuple[bool | None, float]:
    """Whether the limit is proved to hold or to be missed, and how many seconds more might prove it."""
    late, n = effective_counts(figure, limit_s)
    value = figure.whole.quantile_s(0.95)
    if is_certified(late, n, 0.95):
        return True, 0.0
    misses = [window.quantile_s(0.95) for window in figure.windows]
    if _window_rule([item is not None and item <= limit_s for item in misses]) is False:
        return False, 0.0
    if (value is None or value > limit_s) and is_refuted(late, n, 0.95):
        return False, 0.0
    share = late / n if n else 0.0
    if share >= 0.05:
        return None, 0.0
    needed = needed_samples(late, 0.95)
    for _ in range(40):  # late results keep coming at the same share while one waits
        grown = needed_samples(math.ceil(share * needed), 0.95)
        if grown <= needed:
            break
        needed = grown
    seconds = needed * figure.block_frames / figure.feed.rate_per_s - case.seen.seen_s
    return None, min(max(seconds, 1.0), MOST_NEED_S)


def queue_growth(case: Case) -> Check:
    """Frames in flight must not pile up: last against second quarter of the run."""
    seen = case.seen
    rows = [(row["t"], row["in_flight"]) for row in seen.samples if seen.warmup_s <= row["t"] <= seen.end_s]
    slack = float(max(len(case.figures), 2))
    required = f"<= 1.5 x + {slack:.0f} frames from the second to the last quarter"
    if len(rows) < 8:
        return Check(name="queue_growth", required=required, measured="too few samples", ok=None,
                     advice="run at least 5 s", need_s=5.0)  # fmt: skip
    counts = np.asarray([count for _, count in rows], dtype=np.float64)
    quarter = len(counts) // 4
    before, after = float(counts[quarter : 2 * quarter].mean()), float(counts[-quarter:].mean())
    ok: bool | None = after <= 1.5 * before + slack
    if not ok and _disturbed(case):
        ok = None
    return Check(
        name="queue_growth", required=required, measured=f"{before:.1f} -> {after:.1f} frames in flight", ok=ok,
        met=after <= 1.5 * before + slack, advice="" if ok else "the load is above capacity: see what binds",
    )  # fmt: skip
