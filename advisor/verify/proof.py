"""How a share of bad frames is judged: what counts as proof that it is small enough, or that it is not.

One rule for every requirement of the form "at most a share q of frames may be bad" (dropped, missing, late):

- Frames count in blocks as long as their correlation, late or dropped ones rounded up (``statistics``).
- Holds: the whole run certifies it at 99 % confidence, and no complete window of ``slo.window_s`` refutes it.
- Is missed: the whole run refutes it at 99 %, or two consecutive windows do, or more than a tenth of at least two.
- In between nothing is said: so a borderline machine is INCONCLUSIVE rather than PASS today and FAIL tomorrow, and a
  single bad window among good ones leaves the matter open.
- q = 0 cannot be proved by sampling: one bad frame is a miss, two complete windows without any hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .statistics import FeedFigures, Tally, is_certified, is_refuted, needed_samples

_ROUNDING = 1e-9
MISSED_SHARE = 0.1
MOST_NEED_S = 86_400.0


@dataclass(frozen=True)
class Share:
    """Bad frames of one feed."""

    figure: FeedFigures
    allowed: float
    """Largest share of bad frames."""
    block_frames: float
    count: Callable[[Tally], tuple[float, int]]
    """Span -> bad frames and all frames."""

    def blocks(self, span: Tally) -> tuple[int, int]:
        """Bad and all blocks of a span."""
        bad, total = self.count(span)
        n = int(total / self.block_frames + _ROUNDING)
        return min(math.ceil(bad / self.block_frames - _ROUNDING), n), n

    @property
    def met(self) -> bool:
        """Whether the figure of the whole run is within the allowed share, proof or not."""
        bad, total = self.count(self.figure.whole)
        return total > 0 and bad <= self.allowed * total + _ROUNDING


def refutes(share: Share, span: Tally) -> bool:
    """Say whether a span alone proves that too many frames are bad."""
    if share.allowed <= 0:
        return share.count(span)[0] > 0
    return is_refuted(*share.blocks(span), 1.0 - share.allowed)


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

    The seconds are 0 where waiting does not help: decided already, or at or beyond the limit as it stands.
    """
    whole = share.figure.whole
    windows = windows_rule([not refutes(share, window) for window in share.figure.windows])
    if windows is False or refutes(share, whole):
        return False, 0.0
    bad, total = share.count(whole)
    if share.allowed <= 0:
        enough = len(share.figure.windows) >= 2
        return (True, 0.0) if enough else (None, max(2 * window_s - seen_s, 1.0))
    late, n = share.blocks(whole)
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
    seconds = needed * share.block_frames / share.figure.feed.rate_per_s - seen_s
    return None, min(max(seconds, 1.0), MOST_NEED_S)


def worst(results: Sequence[bool | None]) -> bool | None:
    """False before None before True."""
    if any(item is False for item in results):
        return False
    return None if any(item is None for item in results) else True


def need_text(need_s: float) -> str:
    """Advice for an open matter."""
    if need_s >= MOST_NEED_S:
        return "too near the limit: more than a day of measuring would be needed"
    return f"need {need_s:.0f} more seconds" if need_s > 0 else "too near the limit to say"
