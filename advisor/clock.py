"""Time as an argument: the monotonic clock of this machine, and one that tests wind by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What measuring and pacing code may know about time."""

    def now_s(self) -> float:
        """Return seconds on a monotonic scale with an arbitrary origin."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait; a duration that is not positive returns at once."""
        ...


class RealClock:
    """``time.perf_counter``: CLOCK_MONOTONIC on Linux, never set back by NTP."""

    def now_s(self) -> float:
        return time.perf_counter()

    def sleep(self, duration_s: float) -> None:
        if duration_s > 0:
            time.sleep(duration_s)


class FakeClock:
    """A clock that moves only when it is advanced; sleeping moves it."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        self.advance(max(duration_s, 0.0))

    def advance(self, duration_s: float) -> None:
        """Move time forward."""
        if duration_s < 0:
            raise ValueError(f"time cannot run backwards: {duration_s} s")
        self._now_s += duration_s


def utc_now() -> str:
    """Return the wall-clock date for records, ISO 8601 in UTC to the second; never used for durations."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
