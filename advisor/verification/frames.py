"""A frame on its way through the cascade, and the ledger that no frame escapes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .running import DONE, DROPPED, LOST
from .setup import Feed


@dataclass(eq=False, slots=True)
class Frame:
    """One released frame (or request of a caller); times are seconds after the start of the run."""

    feed: Feed
    sequence: int
    released_s: float
    picture: Any = None
    """Decoded picture: an ``av.VideoFrame``, a BGR array, or None for callers without a picture."""
    packet: Any = None
    """Live sources only: what arrived, a :class:`advisor.verification.sources.Arrival`."""
    pending: int = 0
    """Requests that must finish before the frame is done."""
    over: bool = False
    admitted: bool = False
    """Whether it counts among the decoded frames of its camera that the stages have not finished."""
    waiting: dict[str, int] = field(default_factory=dict)
    """Stage to requests of this frame that it has not finished."""
    found: dict[str, list[Any]] = field(default_factory=dict)
    """Stage to boxes that its finished requests found."""


class Log:
    """Rows for the parent process, collected by many threads and handed over now and then.

    ``list.append`` is atomic, so writers need no lock; :meth:`take` copies and cuts off the front that it has seen.
    """

    def __init__(self, traced_s: tuple[float, float] = (0.0, 0.0)) -> None:
        self._traced_s = traced_s
        self._rows: list[list[Any]] = []

    def traces(self, ended_s: float) -> bool:
        """Say whether rows of work that ended at a moment are to name the frames that it was about."""
        return self._traced_s[0] <= ended_s < self._traced_s[1]

    def add(self, *row: Any) -> None:
        """Keep one row; the first value names its kind (see :mod:`advisor.verification.observation`)."""
        self._rows.append(list(row))

    def take(self) -> list[list[Any]]:
        """Hand over what has been collected since the last call."""
        taken = self._rows[:]
        del self._rows[: len(taken)]
        return taken


class Ledger:
    """Counts frames: released = done + dropped + lost + in flight, always."""

    def __init__(self, log: Log, now_s: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._log = log
        self._now_s = now_s
        self.released = 0
        self.done = 0
        self.dropped = 0
        self.lost = 0
        self._inside: dict[int, int] = {}
        """Feed to its frames that were admitted and are not over."""

    @property
    def in_flight(self) -> int:
        """Frames released whose end is open."""
        with self._lock:
            return self.released - self.done - self.dropped - self.lost

    def release(self, frame: Frame, error_s: float) -> None:
        """Enter a frame, with how late the pacer was."""
        with self._lock:
            self.released += 1
        self._log.add("r", frame.feed.index, frame.sequence, frame.released_s, error_s)

    def complete(self, frame: Frame, at_s: float) -> None:
        """Say that a frame's picture could not be had before a later packet: its latency counts from then on.

        A decoder that reorders waits for pictures which are shown later but sent earlier; that is the stream's doing.
        """
        frame.released_s = at_s
        self._log.add("p", frame.feed.index, frame.sequence, at_s)

    def admit(self, frame: Frame, most: int) -> bool:
        """Let a decoded frame into the cascade; False where ``most`` frames of its feed are in it already."""
        with self._lock:
            inside = self._inside.get(frame.feed.index, 0)
            if inside >= most:
                return False
            self._inside[frame.feed.index] = inside + 1
            frame.admitted = True
        return True

    def drop(self, frame: Frame, where: str) -> None:
        """End a frame that found no room; later reports about it are ignored."""
        self._end(frame, DROPPED, where)

    def lose(self, frame: Frame) -> None:
        """End a frame that the source did not deliver whole: no fault of the machine."""
        self._end(frame, LOST, "source")

    def expect(self, frame: Frame, stage: str, requests: int) -> None:
        """Note requests that a frame now waits for; call it before they can finish."""
        with self._lock:
            frame.pending += requests
            frame.waiting[stage] = frame.waiting.get(stage, 0) + requests

    def answer(self, frame: Frame, stage: str) -> bool:
        """One request of a stage has ended; True when it was the stage's last for this frame.

        The request itself stays pending until :meth:`close`, so that requests that follow from it can be noted first.
        """
        with self._lock:
            frame.waiting[stage] -= 1
            return frame.waiting[stage] == 0

    def close(self, frame: Frame) -> None:
        """Give back one pending request; the last one ends the frame."""
        with self._lock:
            frame.pending -= 1
            if frame.pending > 0:
                return
        frame.picture = frame.packet = None
        self._end(frame, DONE, "")

    def _end(self, frame: Frame, kind: int, where: str) -> None:
        with self._lock:
            if frame.over:
                return
            frame.over = True
            if frame.admitted:
                self._inside[frame.feed.index] -= 1
            self.done += kind == DONE
            self.dropped += kind == DROPPED
            self.lost += kind == LOST
        self._log.add("e", frame.feed.index, frame.sequence, kind, self._now_s(), where)
