"""The named checks of what was required: each with its figure, how sure it is, and what to do.

Shares of frames (rate, drops, latency) are judged by the one rule of :mod:`advisor.verification.proof`. Where other
processes took cores, a miss stands only if the same frames would have been missed had those cores been the cascade's
own and been used in full; otherwise the check is undecided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.records.config import RunConfig
from advisor.records.host_settings import NOTHING_ASKED, HostSettings
from advisor.records.scenario import Scenario
from advisor.records.verdict import Check

from .observation import Observation
from .proof import (
    Share,
    counted,
    counted_frames,
    judge_share,
    late_share,
    missing_share,
    need_text,
    quiet_need_s,
    refutes,
    worst,
)
from .statistics import FeedFigures, Tally, needed_samples
from .usage import Usage

_ROUNDING = 1e-9
DISTURBED = 0.05
"""Share of the usable cores that others may take before figures count as disturbed."""
SOURCE_SLACK = 0.02
"""Share of its frames, and two, by which a source may miss or exceed the scenario's rate."""
QUEUE_FACTOR = 1.5
QUARTER_MIN = 5
"""Samples of the queues (two a second) that a quarter of a run must have before growth is proved."""


@dataclass(frozen=True)
class Case:
    """All that the checks look at."""

    scenario: Scenario
    seen: Observation
    figures: tuple[FeedFigures, ...]
    usage: Usage
    configs: Mapping[str, RunConfig]
    other_box: str | None = None
    """Why this machine is not the planned one; None: it is, or that is not to be held against it."""
    host: HostSettings = NOTHING_ASKED
    """What was requested of the operating system."""

    @property
    def allowed_drops(self) -> float:
        """Share of frames that may be dropped."""
        return self.scenario.slo.drops_max_pct / 100.0

    @property
    def disturbed(self) -> bool:
        """Whether others took so much that a miss may be their doing."""
        return self.usage.lost_fraction > DISTURBED

    @property
    def cause(self) -> str:
        """What to do about others that take cores, with what they took."""
        usage = self.usage
        taken = [
            f"{words} {cores:.2f}"
            for words, cores in (
                ("other processes took", usage.other_cores),
                ("the hypervisor took", usage.steal_cores),
            )
            if cores is not None and cores >= 0.005
        ]
        return f"stop other work and repeat: {', '.join(taken) or 'others took some'} of {usage.usable_cores:g} cores"

    def required_fps(self, figure: FeedFigures) -> float:
        """Delivered rate that a camera needs: the required rate, at most its own, less the permitted drops.

        Exact: with ``drops_max_pct: 0``, 14.95 is not 15.
        """
        rate = figure.feed.rate_per_s
        required = self.scenario.slo.camera_fps if self.scenario.slo.camera_fps is not None else rate
        return min(required, rate) * (1.0 - self.allowed_drops)

    def judge(self, share: Share) -> tuple[bool | None, float]:
        """Judge a share, in favour of the machine where others may be to blame."""
        ok, need_s = judge_share(share, self.seen.seen_s, self.scenario.slo.window_s)
        if ok is not False or not self.disturbed:
            return ok, need_s
        credit = 1.0 / max(1.0 - self.usage.lost_fraction, 1e-3)

        def credited(span: Tally) -> tuple[float, int]:
            bad, total = share.count(span)
            return max(bad - (credit - 1.0) * (total - bad), 0.0), total

        return (False if refutes(replace(share, count=credited), share.figure.whole) else None), 0.0


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


def _reports(case: Case, figure: FeedFigures) -> list[str]:
    """What a feed's source reported besides being well."""
    return [text for _, text in case.seen.status.get(figure.feed.index, ()) if text != "ok"]


def _steady(case: Case, found: Sequence[FeedFigures]) -> list[FeedFigures]:
    """Feeds whose source was well: one that was away sends what it held back at once, which is no machine's fault."""
    return [figure for figure in found if not _reports(case, figure)]


def _unjudged(name: str, required: str) -> Check:
    return Check(name=name, required=required, measured="every source was away for a time", ok=None, met=None,
                 advice="mend the sources")  # fmt: skip


def _no_frames(case: Case, name: str, required: str, allowed: float) -> Check:
    """Nothing was offered to the machine: by its sources, or because a slow camera's first frame was not yet due."""
    waiting = [figure.feed.rate_per_s for figure in _steady(case, case.figures)]
    need_s = needed_samples(0, 1.0 - allowed) / min(waiting) - case.seen.seen_s if waiting and allowed > 0 else 0.0
    if need_s <= 0:
        return Check(name=name, required=required, measured="no frames", ok=None, advice="mend the sources")
    return Check(name=name, required=required, measured="no frames", ok=None, advice=need_text(need_s), need_s=need_s)


def sources(case: Case) -> Check:
    """Every camera must have delivered what it should."""
    troubles = []
    for figure in case.figures:
        reports = _reports(case, figure)
        expected = figure.feed.rate_per_s * case.seen.seen_s
        if reports:
            troubles.append(f"{figure.feed.name} {reports[-1]}")
        elif figure.whole.released == 0 and expected >= 2:
            troubles.append(f"{figure.feed.name} delivered nothing")
        elif figure.feed.source is not None and figure.whole.released < (1.0 - SOURCE_SLACK) * expected - 2:
            troubles.append(f"{figure.feed.name} delivered {figure.whole.released} of {expected:.0f} frames")
        elif figure.feed.live and figure.whole.released > (1.0 + SOURCE_SLACK) * expected + 2:
            troubles.append(
                f"{figure.feed.name} delivered {figure.whole.released} frames where {expected:.0f} were planned"
            )
        elif figure.whole.lost > SOURCE_SLACK * figure.whole.released + 2:
            troubles.append(f"{figure.feed.name} lost {figure.whole.lost} of {figure.whole.released} frames")
    return Check(
        name="sources", required=f"{len(case.figures)} of {len(case.figures)} deliver",
        measured="; ".join(troubles) if troubles else f"{len(case.figures)} deliver",
        ok=None if troubles else True, met=None if troubles else True,
        advice="mend the camera, its network or the file; what the machine can do was not tested" if troubles else "",
    )  # fmt: skip


def camera_fps(case: Case) -> Check | None:
    """The worst camera decides; None if the scenario has no cameras."""
    if not any(figure.feed.is_camera for figure in case.figures):
        return None
    cameras = [figure for figure in case.figures if figure.feed.is_camera and figure.whole.offered > 0]
    if not cameras:
        return _no_frames(case, "camera_fps", "frames", case.allowed_drops)
    cameras = _steady(case, cameras)
    if not cameras:
        return _unjudged("camera_fps", "the rate on every camera")

    def share(figure: FeedFigures) -> Share:
        # Of its nominal rate: what a live camera did not deliver is for the check of sources.
        allowed = 1.0 - case.required_fps(figure) / figure.feed.rate_per_s
        return missing_share(figure, allowed, lambda span: span.offered - span.done)

    low = min(cameras, key=lambda figure: figure.fps(figure.whole) / case.required_fps(figure))
    required, fps = case.required_fps(low), low.fps(low.whole)
    return _check(
        case, "camera_fps", [share(figure) for figure in cameras], f">= {required:.2f} FPS on every camera",
        f"{fps:.2f} FPS on {low.feed.name}", fps >= required - _ROUNDING, share(low),
        "fewer cameras, a longer interval, a lighter model or a faster box; see what binds",
    )  # fmt: skip


def drops(case: Case) -> Check:
    """Share of dropped frames of the worst feed."""
    limit = case.allowed_drops
    figures = [figure for figure in case.figures if figure.whole.offered > 0]
    required = f"<= {limit * 100:g} % on every camera"
    if not figures:
        return _no_frames(case, "drops", required, limit)
    figures = _steady(case, figures)
    if not figures:
        return _unjudged("drops", required)

    def share(figure: FeedFigures) -> Share:
        return missing_share(figure, limit, lambda span: span.dropped)

    most = max(figures, key=lambda figure: figure.whole.drops_fraction)
    whole = most.whole
    return _check(
        case, "drops", [share(figure) for figure in figures], required,
        f"{whole.drops_fraction * 100:.2f} % on {most.feed.name} ({whole.dropped} of {whole.offered})",
        whole.drops_fraction <= limit + _ROUNDING, share(most),
        "see what binds; a longer queue hides bursts but not overload",
    )  # fmt: skip


def latency(case: Case) -> Check:
    """95th percentile from scheduled release to the last answer, worst feed."""
    limit_s = case.scenario.slo.latency_p95_ms / 1e3
    figures = [figure for figure in case.figures if figure.whole.done + figure.whole.open > 0]
    required = f"p95 <= {limit_s * 1e3:g} ms on every camera"
    if not figures and not any(figure.whole.offered for figure in case.figures):
        return _no_frames(case, "latency_p95", required, 0.05)
    if not figures:
        return Check(name="latency_p95", required=required, measured="no frame done", ok=None, met=False,
                     advice="see what binds")  # fmt: skip
    figures = _steady(case, figures)
    if not figures:
        return _unjudged("latency_p95", required)

    def p95(figure: FeedFigures) -> float:
        value = figure.whole.quantile_s(0.95)
        return math.inf if value is None else value

    def share(figure: FeedFigures) -> Share:
        return late_share(figure, 0.05)

    slow = max(figures, key=p95)
    value = p95(slow)
    shown = f"{value * 1e3:.1f} ms" if math.isfinite(value) else "frames that never ended"
    check = _check(
        case, "latency_p95", [share(figure) for figure in figures], required, f"{shown} on {slow.feed.name}",
        value <= limit_s, share(slow), "see what binds; more threads per stream shorten a pass, fewer cameras queues",
    )  # fmt: skip
    # Frames done early by a busy neighbour's leave would still be late by their own queue: no credit can be given.
    return (
        check.model_copy(update={"ok": None, "advice": case.cause}) if check.ok is False and case.disturbed else check
    )


def _check(
    case: Case, name: str, shares: Sequence[Share], required: str, measured: str, met: bool, shown: Share, advice: str
) -> Check:
    """Judge all feeds and word the result; ``shown`` is the feed whose figures are printed."""
    results = [case.judge(share) for share in shares]
    ok = worst([result for result, _ in results])
    needs = [need for result, need in results if result is None]
    need_s = max(needs) if needs and min(needs) > 0 else 0.0  # one feed that no waiting helps decides
    # A miss is reported in the blocks that refute, everything else in those that would prove.
    frames = shown.alike_frames if ok is False else shown.proof_frames
    bad, n = shown.blocks(shown.figure.whole, frames)
    bound = f"{counted_frames(bad, n, frames)}, {counted(len(shown.figure.windows), 'full window')}"
    if ok is None:
        advice = need_text(need_s)
        if case.disturbed:
            # Bad luck with neighbours is not mended by patience: only what a quiet machine would need is asked for.
            need_s = max((quiet_need_s(share, case.seen.seen_s) for share in shares), default=0.0)
            advice = f"{need_text(need_s)}, and {case.cause}" if need_s > 0 else case.cause
    return Check(
        name=name, required=required, measured=measured, ok=ok, met=met, bound=bound, advice="" if ok else advice,
        need_s=need_s if ok is None and need_s > 0 else None,
    )  # fmt: skip


def queue_growth(case: Case) -> Check:
    """Frames in flight must not pile up: last against second quarter of the run.

    A mean that has grown is a miss only where it grew from quarter to quarter by more than these wander, each with
    enough samples: near its limit a machine's queues wander, and a lucky quarter before an unlucky one proves nothing.
    """
    seen = case.seen
    rows = [row["in_flight"] for row in seen.samples if seen.warmup_s <= row["t"] <= seen.end_s]
    slack = float(max(len(case.figures), 2))
    required = f"<= {QUEUE_FACTOR:g} x + {slack:.0f} frames from the second to the last quarter"
    if len(rows) < 8:
        return Check(name="queue_growth", required=required, measured="too few samples", ok=None,
                     advice="run at least 5 s", need_s=5.0)  # fmt: skip
    counts = np.asarray(rows, dtype=np.float64)
    quarter = len(counts) // 4
    first, middle, last = counts[quarter : 2 * quarter], counts[-2 * quarter : -quarter], counts[-quarter:]
    before, after = float(first.mean()), float(last.mean())
    met = after <= QUEUE_FACTOR * before + slack
    steady = float(middle.mean()) > float(first.max()) and after > float(middle.max())
    proved = quarter >= QUARTER_MIN and steady and float(last.min()) > float(first.max())
    need_s = max(seen.seen_s * (QUARTER_MIN / quarter - 1.0), 1.0) if quarter < QUARTER_MIN else seen.seen_s
    ok = True if met else (False if proved and not case.disturbed else None)
    advice = "the load is above capacity: see what binds"
    if ok is None:
        advice = case.cause if case.disturbed else need_text(need_s)
    return Check(
        name="queue_growth", required=required, measured=f"{before:.1f} -> {after:.1f} frames in flight", ok=ok,
        met=met, bound=f"{quarter} samples per quarter", advice="" if met else advice,
        need_s=need_s if ok is None and not case.disturbed else None,
    )  # fmt: skip
