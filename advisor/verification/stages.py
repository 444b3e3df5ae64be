"""One model of the cascade at work: a queue, as many callers as passes may be in flight, batches, drop policy."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from advisor.records.scenario import Stage

from .boxes import Box
from .frames import Frame, Ledger, Log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from advisor.runtimes.protocol import CompiledModel


TRIED = 3
"""Passes per stream that are tried before a run."""


def spare_passes(streams: int) -> int:
    """Count the passes that wait inside the runtime beyond those that it works on.

    Without one, an inference stream idles until this process has woken up, taken the answer and started the next pass:
    0.2 to 0.4 ms, a tenth of the pass of a small model. An application that cares keeps one waiting, too.
    """
    return 1 + streams // 8


@dataclass(frozen=True, slots=True)
class Work:
    """What must stay together in one pass: a whole frame, or objects of one frame."""

    frame: Frame
    boxes: tuple[Box | None, ...]
    """One entry per input; None: the whole picture."""
    waiting_since_s: float


def request_row(work: Work) -> tuple[int, int, int, float]:
    """What a trace tells of a request: feed and number of its frame, inputs, and when it was queued [s]."""
    return work.frame.feed.index, work.frame.sequence, len(work.boxes), work.waiting_since_s


Fill = Callable[[Work, int, "NDArray[np.generic]"], None]
"""Write the input for box number i of a work into one row of the tensor."""
Answer = Callable[[Sequence[Work], "list[NDArray[np.generic]]"], None]


class Lanes:
    """Tells when a pass that waits inside the runtime begins: first come, first served, so many at once."""

    def __init__(self, width: int) -> None:
        self._free = width
        self._waiting: deque[list[float]] = deque()
        self._lock = threading.Lock()

    def enter(self, now_s: float) -> list[float]:
        """Note a pass that is handed to the runtime; the result holds that time and, once it began, when it did."""
        flight = [now_s]
        with self._lock:
            if self._free:
                self._free -= 1
                flight.append(now_s)
            else:
                self._waiting.append(flight)
        return flight

    def leave(self, flight: list[float], now_s: float) -> float:
        """Note its end, upon which the longest waiting pass begins; returns when the ended one began."""
        with self._lock:
            if len(flight) == 1:  # overtook another: the runtime did not keep to the order
                self._waiting.remove(flight)
                return flight[0]
            if self._waiting:
                self._waiting.popleft().append(now_s)
            else:
                self._free += 1
        return flight[1]


@dataclass(frozen=True)
class Granted:
    """What the runtime granted a stage."""

    batch: int
    streams: int
    passes: int
    """Passes in flight at once."""


@dataclass(frozen=True)
class RunServices:
    """What all stages of a run share."""

    ledger: Ledger
    log: Log
    now_s: Callable[[], float]
    """Clock of the run [s]."""
    fail: Callable[[str], None]
    """Ends the run with a reason."""


class StageRunner:
    """Threads that take a batch, pre-process it, run the model and hand the answer on.

    There is one thread per pass in flight: it prepares its input and then sleeps until the runtime has finished, so
    pre-processing takes place on the submitting thread, as the scenario's semantics say. ``passes`` are in work at
    once; callers beyond (see :func:`spare_passes`) prepare the next ones, which count as waiting in the queue.
    ``picture`` is the index among ``inputs`` of the one that is filled; None: all stay as they are.
    """

    def __init__(
        self,
        stage: Stage,
        model: CompiledModel,
        granted: Granted,
        fill: Fill | None,
        answer: Answer,
        run: RunServices,
        inputs: Sequence[NDArray[np.generic]],
        picture: int | None = 0,
    ) -> None:
        self.stage = stage
        self.model = model
        self._batch = granted.batch
        self.passes = granted.passes
        self._timeout_s = stage.batch.timeout_ms / 1e3
        self._mixes = stage.on is None or self._timeout_s > 0
        """Whole frames share a batch as far as they wait, objects of different frames only with a timeout."""
        # A queue shorter than a batch would drop what the batch waits for.
        self._room = max(stage.queue_frames * granted.streams, granted.batch if self._timeout_s > 0 else 0)
        self._taken = 0
        """Works that callers hold."""
        self._lanes = Lanes(granted.passes)
        self._fill, self._answer = fill, answer
        self._inputs, self._picture = inputs, picture
        self._ledger, self._log, self._now_s, self._fail = run.ledger, run.log, run.now_s, run.fail
        self._queue: deque[Work] = deque()
        self._change = threading.Condition()
        self._closing = False
        callers = min(granted.passes + spare_passes(granted.streams), model.requests)
        self.preparing_cpu_s = [0.0] * callers
        """CPU time of each caller inside pre-processing; the rest of its thread is harness."""
        self.threads = [
            threading.Thread(target=self._serve, args=(slot,), name=f"{stage.id}-{slot}", daemon=True)
            for slot in range(callers)
        ]

    def try_out(self) -> None:
        """Run a few passes through every stream; call it before :meth:`start`."""
        tensors = [self._tensors() for _ in range(self.passes)]
        for number in range(TRIED * self.passes):
            self.model.start(tensors[number % self.passes], number, lambda *_: None)
        self.model.wait_all()

    def start(self) -> None:
        """Begin to serve."""
        for thread in self.threads:
            thread.start()

    def offer_frame(self, work: Work) -> None:
        """Queue a whole frame; where no place is free the stage's drop policy decides who goes."""
        victim: Work | None = None
        with self._change:
            if self._depth() < self._room:
                self._queue.append(work)
            elif self.stage.drop == "oldest" and self._queue:
                victim = self._queue.popleft()
                self._queue.append(work)
            else:
                victim = work
            self._change.notify()
        if victim is not None:
            self._ledger.drop(victim.frame, self.stage.id)
            self._ledger.close(victim.frame)

    def offer_objects(self, frame: Frame, boxes: Sequence[Box], now_s: float) -> int:
        """Queue objects of one frame in batches; they never drop. Returns the number of batches."""
        size = min(self._batch, self.stage.batch.max)
        works = [Work(frame, tuple(boxes[first : first + size]), now_s) for first in range(0, len(boxes), size)]
        self._ledger.expect(frame, self.stage.id, len(works))
        with self._change:
            self._queue.extend(works)
            self._change.notify(len(works))
        return len(works)

    def depth(self) -> int:
        """Requests that wait."""
        with self._change:
            return self._depth()

    def _depth(self) -> int:
        return len(self._queue) + max(self._taken - self.passes, 0)

    def close(self) -> None:
        """End after the passes in hand."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        for thread in self.threads:
            thread.join()
        self.model.close()

    def _take(self) -> list[Work] | None:
        """Wait for a batch that may start and take it; None at the end. What waits for others stays in the queue."""
        with self._change:
            while not self._closing:
                start_in_s = self._start_in_s()
                if start_in_s == 0:
                    taken = self._next_batch()
                    self._taken += 1
                    self._change.notify()  # what is left may be ready, too
                    return taken
                self._change.wait(start_in_s)
            return None

    def _start_in_s(self) -> float | None:
        """Tell how long the next batch has to wait [s]; None: until a request comes or a pass ends.

        A full batch may be prepared ahead. One that could still grow starts when a pass could begin and its oldest
        request has waited long enough: neither a caller nor an inference stream is held for it.
        """
        if not self._queue:
            return None
        full = sum(len(work.boxes) for work in islice(self._queue, self._batch)) >= self._batch
        if full or not self._mixes:
            return 0.0
        if self._taken >= self.passes:
            return None
        return max(0.0, self._queue[0].waiting_since_s + self._timeout_s - self._now_s())

    def _next_batch(self) -> list[Work]:
        """Take the requests that fit behind each other into one batch; they are never cut."""
        taken = [self._queue.popleft()]
        size = len(taken[0].boxes)
        while self._mixes and self._queue and size + len(self._queue[0].boxes) <= self._batch:
            taken.append(self._queue.popleft())
            size += len(taken[-1].boxes)
        return taken

    def _serve(self, slot: int) -> None:
        tensors = self._tensors()
        while (works := self._take()) is not None:
            started_s, cpu_s = self._now_s(), time.thread_time()
            try:
                self._prepare(works, tensors)
                self.preparing_cpu_s[slot] += time.thread_time() - cpu_s
                prepared_s = self._now_s()
                flight = self._lanes.enter(prepared_s)
                outputs = self.model.infer_queued(tensors)
                ended_s = self._now_s()
                begun_s = self._lanes.leave(flight, ended_s)
                self._answer(works, outputs)
            except Exception as error:  # whatever a runtime throws ends the run with its reason, not with a traceback
                self._fail(f"stage {self.stage.id}: {type(error).__name__}: {error}")
                return
            with self._change:
                self._taken -= 1
            size = sum(len(work.boxes) for work in works)
            waited_s = started_s - works[0].waiting_since_s + begun_s - prepared_s
            of = ([request_row(work) for work in works],) if self._log.traces(ended_s) else ()
            self._log.add("b", self.stage.id, slot, waited_s, started_s, prepared_s, begun_s, ended_s, size, *of)

    def _tensors(self) -> list[NDArray[np.generic]]:
        """Inputs of one caller: a picture of its own, and what all callers read."""
        return [np.zeros_like(item) if index == self._picture else item for index, item in enumerate(self._inputs)]

    def _prepare(self, works: Sequence[Work], tensors: Sequence[NDArray[np.generic]]) -> None:
        if self._fill is None or self._picture is None:
            return
        row = 0
        for work in works:
            for number in range(len(work.boxes)):
                self._fill(work, number, tensors[self._picture][row])
                row += 1
