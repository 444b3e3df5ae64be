"""Progress of long work on stderr: a live line on a terminal, one line per step elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time


class ConsoleProgress:
    """Shows what was done last, how much is done, and an estimate of what remains."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._started_s = time.monotonic()
        self._total = 0

    def start(self, total: int, estimate_s: float | None) -> None:
        """Announce ``total`` steps."""
        self._total = total
        self._started_s = time.monotonic()
        if total > 0:
            about = f", about {estimate_s:.0f} s" if estimate_s is not None else ""
            self._line(f"{total} step{'s' if total > 1 else ''}{about}")

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        """Say that ``done`` steps are finished, ``what`` being the last."""
        left = f", about {remaining_s:.0f} s left" if remaining_s is not None and done < self._total else ""
        text = f"  [{done}/{self._total}] {what} ({time.monotonic() - self._started_s:.0f} s{left})"
        if self._live:
            self._write("\r\x1b[K" + text[:118])
        else:
            self._line(text)

    def message(self, text: str) -> None:
        """Say something that stays on the screen."""
        self._line(f"  {text}")

    def finish(self, summary: str) -> None:
        """End the piece of work; where there was nothing to do, nothing is said."""
        if self._total > 0:
            self._line(summary)

    def _line(self, text: str) -> None:
        self._write(("\r\x1b[K" if self._live else "") + text + "\n")

    @staticmethod
    def _write(text: str) -> None:
        """Say it where somebody can hear it: a lost terminal or a full disk must not end hours of work."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()
