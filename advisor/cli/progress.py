"""Progress of long work on stderr: a live line on a terminal, one line per step elsewhere."""

from __future__ import annotations

import sys
import time


class ConsoleProgress:
    """Shows what runs now, how much is done, and an estimate of what remains."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._started = time.monotonic()
        self._title = ""
        self._done = 0
        self._total = 0
        self._estimate_s: float | None = None

    def start(self, title: str, total: int, estimate_s: float | None = None) -> None:
        """Begin a piece of work of ``total`` steps."""
        self._title, self._total, self._done = title, total, 0
        self._estimate_s = estimate_s
        self._started = time.monotonic()
        about = f", about {estimate_s:.0f} s" if estimate_s is not None else ""
        self._line(f"{title}: {total} steps{about}")

    def advance(self, text: str, steps: int = 1) -> None:
        """Say that ``steps`` more are done, the last one being ``text``."""
        self._done += steps
        elapsed_s = time.monotonic() - self._started
        remaining = ""
        if 0 < self._done < self._total:
            remaining = f", about {elapsed_s * (self._total - self._done) / self._done:.0f} s left"
        self._show(f"  [{self._done}/{self._total}] {text} ({elapsed_s:.0f} s{remaining})")

    def message(self, text: str) -> None:
        """Say something that stays on the screen."""
        self._line(f"  {text}")

    def finish(self, text: str = "") -> None:
        """End the piece of work."""
        if self._live and not self._quiet:
            sys.stderr.write("\r\x1b[K")
        elapsed_s = time.monotonic() - self._started
        self._line(f"{self._title}: done in {elapsed_s:.1f} s{'; ' + text if text else ''}")

    def _show(self, text: str) -> None:
        if self._quiet:
            return
        if self._live:
            sys.stderr.write("\r\x1b[K" + text[:118])
            sys.stderr.flush()
        else:
            self._line(text)

    def _line(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(("\r\x1b[K" if self._live else "") + text + "\n")
            sys.stderr.flush()
