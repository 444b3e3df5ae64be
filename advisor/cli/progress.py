"""Progress of long work on stderr: a live bar on a terminal, a line now and then elsewhere, nothing under --quiet."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from advisor.measure.items.progress import NullProgress
from advisor.report.printable import one_line

from .tolerant_stream import Tolerant

if TYPE_CHECKING:
    from .live_progress import LiveProgress

LINE_INTERVAL_S = 10.0
"""Least time between two lines where stderr is no terminal [s]."""
LINE_SHARE = 0.02
"""The same as a share of the time that has passed: eight hours give some 300 lines."""
_DUMB_TERMINALS = {"dumb", "unknown"}


def progress_display(activity: str, *, quiet: bool) -> QuietProgress | LineProgress | LiveProgress:
    """Choose the display for this stderr; ``activity`` says what the command does where no steps are announced."""
    stream = sys.stderr
    if quiet or stream is None:
        return QuietProgress()
    if stream.isatty() and os.environ.get("TERM", "").lower() not in _DUMB_TERMINALS:
        from .live_progress import LiveProgress

        return LiveProgress(activity, Tolerant(stream))
    return LineProgress(activity, Tolerant(stream))


def duration_text(seconds: float) -> str:
    """``45 s``, ``5 min 20 s``, ``2 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class QuietProgress(NullProgress):
    """Prints nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was begun."""


class LineProgress:
    """Prints messages at once, and how far the work is at most every few seconds, later less often.

    Where nothing is reported for so long, a line says what goes on and for how long, so that silence is never the sign
    of a hang.
    """

    def __init__(self, activity: str, stream: Tolerant) -> None:
        self._stream = stream
        self._doing, self._doing_since_s = activity, time.monotonic()
        self._total, self._unit = 0, "items"
        self._started_s = self._printed_s = time.monotonic()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._pulse = threading.Thread(target=self._beat, name="sizer-progress", daemon=True)

    def __enter__(self) -> Self:
        self._pulse.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._pulse.join()

    def _beat(self) -> None:
        while not self._ended.wait(LINE_INTERVAL_S / 4):
            self.still()

    def still(self) -> None:
        """Say what goes on, if no line was printed for a while."""
        now_s = time.monotonic()
        if now_s - self._printed_s >= self._interval_s(now_s):
            self.message(f"{self._doing} ({duration_text(now_s - self._doing_since_s)})")

    def _interval_s(self, now_s: float) -> float:
        """Least time between two lines that are not messages [s]."""
        return max(LINE_INTERVAL_S, LINE_SHARE * (now_s - self._started_s))

    def activity(self, what: str) -> None:
        """Name what the command does from now."""
        self._doing, self._doing_since_s = what, time.monotonic()

    def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None:
        """Announce ``total`` steps."""
        self._total, self._unit = total, unit
        self._started_s = self._printed_s = time.monotonic()
        if total > 0 and unit == "items":
            about = "" if estimate_s is None else f", about {duration_text(estimate_s)}"
            self.message(f"{total} item{'s' if total > 1 else ''}{about}")

    def begin(self, what: str) -> None:
        """Lines name what is finished; what has begun is named where it takes long."""
        self.activity(what)

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        """Print that ``done`` steps are finished, unless the last such line is recent; the last step always."""
        now_s = time.monotonic()
        elapsed_s = now_s - self._started_s
        if done < self._total and now_s - self._printed_s < self._interval_s(now_s):
            return
        left = ""
        if remaining_s is not None and done < self._total:
            left = f", about {duration_text(remaining_s)} left"
        unit = "" if self._unit == "items" else f" {self._unit}"
        self.message(f"[{done}/{self._total}{unit}] {what} ({duration_text(elapsed_s)}{left})")

    def message(self, text: str) -> None:
        """Print a line."""
        with self._lock:
            self._printed_s = time.monotonic()
            self._stream.write(f"{one_line(text)}\n")
            self._stream.flush()

    def finish(self, summary: str) -> None:
        """Print the summary, where there was anything to do."""
        if self._total > 0:
            self.message(summary)
