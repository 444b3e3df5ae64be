"""The decode pool: few workers for many cameras, one frame at a time, frames of one camera in order."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from advisor.addresses import hidden

from .frames import Frame, Ledger, Log
from .resources import thread_sleeps

WAITING_MAX = 8
"""Released frames of one camera that may wait for a decoder; one more is dropped."""
REORDER_MAX = 16
"""Most pictures that H.264 and H.265 hold back for the order of presentation."""
SKIPPED_MAX = 300
"""Packets of dropped frames that are kept for the decoder; beyond, its pictures are broken until the next key frame."""

BLOCKED_S = 0.3
"""A thread that has been at one frame for so long and sleeps while it reads waits for its source."""


class Source(Protocol):
    """Where the pictures of one camera come from."""

    reading: bool
    """Whether data is awaited now; a thread that sleeps otherwise waits for hardware that decodes."""

    codec: str
    """Name of what is decoded, in FFmpeg's words."""
    rate_per_s: float | None
    """Rate at which a file was recorded; None where it does not say, and of what comes by itself."""

    def decode(self, frame: Frame) -> Sequence[tuple[int, Any]]:
        """Decode the next packet (that of ``frame`` for live sources) to pictures with the numbers of their frames.

        None come while the decoder holds pictures back for reordering, several when it lets them go. A number that
        belongs to no frame is that of a picture which nobody waits for. Raises SourceError for data that cannot be
        decoded, SourceGone where nothing will come any more.
        """
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class SourceError(Exception):
    """A source could not deliver; the camera is reported, the others go on. Secrets of its address are hidden."""

    def __init__(self, text: str) -> None:
        super().__init__(hidden(text))


class SourceGone(SourceError):
    """A source will deliver nothing more."""


class DecodePool:
    """Workers that take turns at the cameras, the longest waiting first.

    A worker that is stuck reading its source is replaced, so that the other cameras go on; frames that are released
    meanwhile are lost by the source, not dropped by the machine.

    ``deliver`` is called with each decoded frame on the worker's thread. A decoder that reorders gives its pictures
    later, in order of presentation, each with the number of its frame. A frame whose turn has passed was not decodable:
    its source lost it.

    A frame of a live camera that is dropped here still reaches the decoder, with the next one: later pictures refer to
    it. Only before a key frame is what was dropped passed over.
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
        self._held: dict[int, dict[int, Frame]] = {index: {} for index in sources}
        self._skipped: dict[int, deque[Any]] = {index: deque(maxlen=SKIPPED_MAX) for index in sources}
        self._gone: set[int] = set()
        self._pictures: dict[int, tuple[str, int, int, int, float | None]] = {}
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
            stalled = index in self._stalled or index in self._gone
            queue = self._waiting[index]
            full = len(queue) >= WAITING_MAX
            if not stalled and frame.packet is not None:
                self._keep_references(index, frame, full)
            if not stalled and not full:
                queue.append(frame)
                if index not in self._busy and len(queue) == 1:
                    self._turn.append(index)
                    self._change.notify()
                return
        if stalled:
            self._ledger.lose(frame)
        else:
            self._ledger.drop(frame, "decode")

    def _keep_references(self, index: int, frame: Frame, dropped: bool) -> None:
        """Pass packets of dropped frames on to the next frame that is decoded, unless a key frame makes them void."""
        skipped = self._skipped[index]
        if frame.packet.is_key:
            skipped.clear()
        if dropped:
            skipped.extend((*frame.packet.before, frame.packet.packet))
        elif skipped:
            frame.packet.before[:0] = skipped
            skipped.clear()

    def lose_stalled(self) -> None:
        """Give up the frames that wait for cameras whose source has stopped to deliver."""
        with self._change:
            given_up = [
                frame for index in self._stalled for frame in (*self._held[index].values(), *self._waiting[index])
            ]
        for frame in given_up:
            self._ledger.lose(frame)

    def lose_held(self) -> None:
        """Give up frames whose pictures a decoder holds back, once no packet will come that lets them go.

        The packet that would have completed them comes after the end of the run, so that is when they count.
        """
        given_up: list[Frame] = []
        with self._change:
            for index, held in self._held.items():
                if index not in self._busy and not self._waiting[index]:
                    given_up += held.values()
                    held.clear()
        for frame in given_up:
            self._ledger.complete(frame, max(self._now_s(), frame.released_s))
            self._ledger.lose(frame)

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
            self._ledger.lose(frame)
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
        held[frame.sequence] = frame
        begun_s, cpu_s = self._now_s(), time.thread_time()
        try:
            pictures = self._sources[index].decode(frame)
        except SourceGone as error:
            self._end_source(index, str(error))
            return
        except SourceError as error:
            del held[frame.sequence]
            self._failures[index] += 1
            if self._failures[index] == 1:
                self._status(index, f"damaged: {error}")
            self._ledger.lose(frame)
            return
        except Exception as error:  # whatever a decoder raises, it must cost one camera and not the worker of all
            self._end_source(index, hidden(f"{type(error).__name__} in its decoder: {error}"))
            return
        finally:
            self.decoding_cpu_s[number] += time.thread_time() - cpu_s
            ended_s = self._now_s()
            of = (frame.sequence,) if self._log.traces(ended_s) else ()
            self._log.add("d", index, number, begun_s, ended_s, *of)
        if index in self._stalled:
            self._lose_all(held)
            return
        for sequence, picture in pictures:
            shown = held.pop(sequence, None)
            if shown is None:
                continue
            if shown is not frame:
                self._ledger.complete(shown, frame.released_s)
            self._describe(index, picture)
            overdue = _overdue(held, shown, frame)
            shown.picture = picture
            self._deliver(shown)
            for lost in overdue:
                del held[lost.sequence]
                self._ledger.lose(lost)

    def _describe(self, index: int, picture: Any) -> None:
        """Report what a camera's pictures are, whenever that changes."""
        components = getattr(getattr(picture, "format", None), "components", None)
        if components is None:
            return
        source, bits = self._sources[index], max(part.bits for part in components)
        found = (source.codec, int(picture.width), int(picture.height), int(bits), source.rate_per_s)
        if self._pictures.get(index) != found:
            self._pictures[index] = found
            self._log.add("v", index, *found)

    def _end_source(self, index: int, reason: str) -> None:
        """Give a camera up: nothing will come from it any more, and the machine is not to blame."""
        with self._change:
            self._gone.add(index)
            waiting = list(self._waiting[index])
            self._waiting[index].clear()
        self._status(index, f"failed: {reason}")
        self._lose_all(self._held[index])
        for frame in waiting:
            self._ledger.lose(frame)

    def _lose_all(self, held: dict[int, Frame]) -> None:
        for frame in held.values():
            self._ledger.lose(frame)
        held.clear()


def _overdue(held: Mapping[int, Frame], shown: Frame, latest: Frame) -> list[Frame]:
    """Frames that can get no picture any more, since one was shown that comes after them.

    Those of an earlier connection; those whose place in the order of presentation has passed; without time stamps,
    those that more packets have followed than any decoder holds back.
    """
    if shown.packet is None:
        return []
    late = []
    for frame in held.values():
        other_decoder = frame.packet.context is not latest.packet.context
        place, passed = frame.packet.presented, shown.packet.presented
        out_of_turn = not other_decoder and place is not None and passed is not None and place < passed
        if other_decoder or out_of_turn or latest.sequence - frame.sequence > REORDER_MAX:
            late.append(frame)
    return late
