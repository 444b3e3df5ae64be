"""How a share of bad frames is judged: what counts as proof that it is small enough, or that it is not.

One rule for every requirement of the form "at most a share q of frames may be bad" (dropped, missing, late):

- Frames count in blocks, late or dropped ones rounded up (``statistics``): for a proof as long as the worst frames
  follow each other, for a refutation as long as any latencies do, if that is longer.
- Holds: the whole run certifies it at 99 % confidence, and no complete window of ``slo.window_s`` refutes it.
- Is missed: the whole run refutes it at 99 %, or two consecutive windows do, or more than a tenth of at least two.
- In between there is no verdict: a borderline machine is INCONCLUSIVE rather than PASS today and FAIL tomorrow, and a
  single bad window among good ones leaves the matter open.
- q = 0 cannot be proved by sampling: one bad frame is a miss, two complete windows without any hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .statistics import FeedFigures, Tally, exceedance_frames, is_certified, is_refuted, needed_samples

_ROUNDING = 1e-9
MISSED_SHARE = 0.1
MOST_NEED_S = 86_400.0


@dataclass(frozen=True)
class Share:
    """Bad frames of one feed."""

    figure: FeedFigures
    allowed: float
    """Largest share of bad frames."""
    proof_frames: float
    """Frames that count as one when the share is to be proved kept."""
    alike_frames: float
    """Frames that count as one when it is to be refuted; never fewer than ``proof_frames``."""
    count: Callable[[Tally], tuple[float, int]]
    """Span -> bad frames and all frames."""

    def blocks(self, span: Tally, block_frames: float) -> tuple[int, int]:
        """Bad and all blocks of a span."""
        bad, total = self.count(span)
        n = int(total / block_frames + _ROUNDING)
        return min(math.ceil(bad / block_frames - _ROUNDING), n), n

    @property
    def met(self) -> bool:
        """Whether the figure of the whole run is within the allowed share, proof or not."""
        bad, total = self.count(self.figure.whole)
        return total > 0 and bad <= self.allowed * total + _ROUNDING


def late_share(figure: FeedFigures, allowed: float) -> Share:
    """Frames above the latency limit, among those not dropped."""
    whole = figure.whole
    proof = exceedance_frames(whole.latencies_s, allowed, whole.latencies.edge_s)
    return Share(figure, allowed, proof, max(proof, figure.block_latency),
                 lambda span: (span.late, span.done + span.open))  # fmt: skip


def missing_share(figure: FeedFigures, allowed: float, bad: Callable[[Tally], float]) -> Share:
    """Frames that ``bad`` counts, among those offered; slow frames foretell dropped ones."""
    proof = exceedance_frames(figure.whole.badness_s, allowed)
    return Share(figure, allowed, proof, max(proof, figure.block_missing), lambda span: (bad(span), span.offered))


def refutes(share: Share, span: Tally) -> bool:
    """Say whether a span alone proves that too many frames are bad."""
    if share.allowed <= 0:
        return share.count(span)[0] > 0
    return is_refuted(*share.blocks(span, share.alike_frames), 1.0 - share.allowed)


def windows_rule(held: Sequence[bool]) -> bool | None:
    """Complete windows in order: False for a miss by rule, None for an isolated miss, else True."""
    missed = held.count(False)
    if any(not first and not second for first, second in pairwise(held)):
        return False
    if len(held) >= 2 and missed > max(1.0, MISSED_SHARE * len(held)):
        return False
    return None if missed else True


def judge_share(share: Share, seen_s: float, window_s: float) -> tuple[bool | None, float]:
    """Whether the share holds (True), is missed (False) or is open (None), and the seconds that may decide it.

    The seconds are 0 where waiting does not help: decided already, or at or beyond the limit as it is.
    """
    whole = share.figure.whole
    windows = windows_rule([not refutes(share, window) for window in share.figure.windows])
    if windows is False or refutes(share, whole):
        return False, 0.0
    bad, total = share.count(whole)
    if share.allowed <= 0:
        enough = len(share.figure.windows) >= 2
        return (True, 0.0) if enough else (None, max(2 * window_s - seen_s, 1.0))
    late, n = share.blocks(whole, share.proof_frames)
    if is_certified(late, n, 1.0 - share.allowed):
        return (True, 0.0) if windows else (None, window_s)
    if total > 0 and bad >= share.allowed * total:
        return None, 0.0
    needed = needed_samples(late, 1.0 - share.allowed)
    for _ in range(40):  # bad ones keep coming at the same share while one waits
        grown = needed_samples(math.ceil(late / n * needed) if n else 0, 1.0 - share.allowed)
        if grown <= needed:
            break
        needed = grown
    seconds = needed * share.proof_frames / share.figure.feed.rate_per_s - seen_s
    return None, min(max(seconds, 1.0), MOST_NEED_S)


def quiet_need_s(share: Share, seen_s: float) -> float:
    """Further seconds [s] that even a run without any bad frame would take to prove the share; 0: none."""
    if share.allowed <= 0:
        return 0.0
    return max(needed_samples(0, 1.0 - share.allowed) / share.figure.feed.rate_per_s - seen_s, 0.0)


def worst(results: Sequence[bool | None]) -> bool | None:
    """False before None before True."""
    if any(item is False for item in results):
        return False
    return None if any(item is None for item in results) else True


def need_text(need_s: float) -> str:
    """Advice for an open matter."""
    if need_s >= MOST_NEED_S:
        return "too near the limit: more than a day of measuring would be needed to decide"
    if need_s > 0:
        return f"too few frames to decide: measure {need_s:.0f} s longer (--duration)"
    return "too near the limit: measuring longer would not decide it; leave more headroom"


def counted(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def counted_frames(bad: int, n: int, block_frames: float) -> str:
    """Say how many frames were bad, or how many runs of frames where neighbours share their fate."""
    if block_frames < 1.05:  # rounds to single frames
        return f"{bad} of {counted(n, 'frame')} miss the requirement"
    return f"{bad} of {counted(n, 'group')} of {block_frames:.3g} consecutive frames miss the requirement"
