"""The decode pool: few workers for many cameras, one frame at a time, frames of one camera in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from advisor.addresses import hidden

from .frames import Frame, Ledger, Log
from .resources import thread_sleeps

WAITING_MAX = 8
"""Released frames of one camera that may wait for a decoder; one more is dropped."""


BLOCKED_S = 0.3
"""A thread that has been at one frame for so long and sleeps while it reads waits for its source."""


class Source(Protocol):
    """Where the pictures of one camera come from."""

    reading: bool
    """Whether data is awaited now; a thread that sleeps otherwise waits for hardware that decodes."""

    def decode(self, packet: Any) -> Any:
        """Decode the next frame (of ``packet`` for live sources).

        Returns None while the decoder holds pictures back for reordering. Raises SourceError for data that cannot be
        decoded.
        """
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class SourceError(Exception):
    """A source could not deliver; the camera is reported, the others go on. Secrets of its address are hidden."""

    def __init__(self, text: str) -> None:
        super().__init__(hidden(text))


class DecodePool:
    """Workers that take turns at the cameras, the longest waiting first.

    A worker that is stuck reading its source is replaced, so that the other cameras go on; frames that are released
    meanwhile are lost by the source, not dropped by the machine.

    ``deliver`` is called with each decoded frame on the worker's thread. A decoder that reorders gives its pictures
    later: they go to the oldest frame that still has none.
    """

    def __init__(
        self,
        sources: Mapping[int, Source],
        workers: int,
        ledger: Ledger,
        log: Log,
        deliver: Callable[[Frame], None],
        now_s: Callable[[], float],
        status: Callable[[int, str], None],
    ) -> None:
        self._sources = sources
        self._ledger, self._log, self._deliver = ledger, log, deliver
        self._now_s, self._status = now_s, status
        self._waiting: dict[int, deque[Frame]] = {index: deque() for index in sources}
        self._held: dict[int, deque[Frame]] = {index: deque() for index in sources}
        self._turn: deque[int] = deque()
        self._busy: set[int] = set()
        self._at_work: dict[int, tuple[float, threading.Thread]] = {}
        self._stalled: set[int] = set()
        self._failures = dict.fromkeys(sources, 0)
        self._change = threading.Condition()
        self._closing = False
        self.decoding_cpu_s = [0.0] * workers
        """CPU time of each worker inside the decoder; the rest of its thread is harness."""
        self.threads = [
            threading.Thread(target=self._work, args=(number,), name=f"decode-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Begin to work."""
        for thread in self.threads:
            thread.start()

    def offer(self, frame: Frame) -> None:
        """Take a released frame, or drop it where its camera already has all places taken."""
        index = frame.feed.index
        with self._change:
            self._find_stalled()
            stalled = index in self._stalled
            queue = self._waiting[index]
            if not stalled and len(queue) < WAITING_MAX:
                queue.append(frame)
                if index not in self._busy and len(queue) == 1:
                    self._turn.append(index)
                    self._change.notify()
                return
        if stalled:
            self._ledger.lose(frame, "source")
        else:
            self._ledger.drop(frame, "decode")

    def lose_stalled(self) -> None:
        """Give up the frames that wait for cameras whose source has stopped to deliver."""
        with self._change:
            given_up = [frame for index in self._stalled for frame in (*self._held[index], *self._waiting[index])]
        for frame in given_up:
            self._ledger.lose(frame, "source")

    def _find_stalled(self) -> None:
        """Notice workers that sleep inside their source, and put others in their place."""
        now_s = self._now_s()
        for index, (begun_s, thread) in self._at_work.items():
            if now_s - begun_s <= BLOCKED_S or index in self._stalled or not self._sources[index].reading:
                continue
            if not thread_sleeps(thread.native_id or 0):
                continue
            self._stalled.add(index)
            self._status(index, f"stalled: reading has taken more than {now_s - begun_s:.1f} s")
            number = len(self.threads)
            self.decoding_cpu_s.append(0.0)
            self.threads.append(
                threading.Thread(target=self._work, args=(number,), name=f"decode-{number}", daemon=True)
            )
            self.threads[-1].start()

    def depth(self) -> int:
        """Frames waiting in front of the decoders."""
        with self._change:
            return sum(len(queue) for queue in self._waiting.values())

    def close(self) -> None:
        """Finish the frame in hand and end the workers."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        for thread in self.threads:
            thread.join()
        for source in self._sources.values():
            source.close()

    def _take(self) -> tuple[int, Frame] | None:
        with self._change:
            while not self._turn and not self._closing:
                self._change.wait()
            if self._closing:
                return None
            index = self._turn.popleft()
            self._busy.add(index)
            self._at_work[index] = self._now_s(), threading.current_thread()
            return index, self._waiting[index].popleft()

    def _give_back(self, index: int) -> bool:
        """Let the next frame of a camera have its turn; True where the worker had stalled and was replaced."""
        late: list[Frame] = []
        with self._change:
            self._busy.discard(index)
            del self._at_work[index]
            replaced = index in self._stalled
            if replaced:
                self._stalled.discard(index)
                late = list(self._waiting[index])
                self._waiting[index].clear()
                self._status(index, "ok")
            if self._waiting[index]:
                self._turn.append(index)
                self._change.notify()
        for frame in late:
            self._ledger.lose(frame, "source")
        return replaced

    def _work(self, number: int) -> None:
        while (taken := self._take()) is not None:
            index, frame = taken
            try:
                self._decode(number, index, frame)
            finally:
                replaced = self._give_back(index)
            if replaced:
                return

    def _decode(self, number: int, index: int, frame: Frame) -> None:
        held = self._held[index]
        held.append(frame)
        begun_s, cpu_s = self._now_s(), time.thread_time()
        try:
            picture = self._sources[index].decode(frame.packet)
        except SourceError as error:
            held.remove(frame)
            self._failures[index] += 1
            if self._failures[index] == 1:
                self._status(index, f"damaged: {error}")
            self._ledger.lose(frame, "source")
            return
        finally:
            self.decoding_cpu_s[number] += time.thread_time() - cpu_s
            self._log.add("d", index, number, begun_s, self._now_s())
        if index in self._stalled:
            held.clear()
            self._ledger.lose(frame, "source")
        elif picture is not None and held:
            oldest = held.popleft()
            oldest.picture = picture
            self._deliver(oldest)
