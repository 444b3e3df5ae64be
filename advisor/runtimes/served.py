"""A compiled model whose passes are served by threads of our own, one per stream, where the runtime has no queue."""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from advisor.errors import ModelRangeError, RuntimeRefusal
from advisor.records.config import EffectiveConfig, RunConfig

from .in_flight import InFlight
from .protocol import Array, CompileOptions, Done, TensorSpec


@dataclass(frozen=True)
class Compiled:
    """What every runtime tells of a model that it has compiled, and what its caller asked for."""

    config: RunConfig
    options: CompileOptions
    effective: EffectiveConfig
    """``streams`` is the number of threads that serve passes."""
    read_s: float
    compile_s: float


class ServedModel(ABC):
    """The asynchronous half of :class:`advisor.runtimes.protocol.CompiledModel`; subclasses run a pass.

    ``done`` runs on the stream's thread and must not call ``start``. A subclass ends its initialiser with
    :meth:`_begin_serving`.

    Parameters
    ----------
    compiled : Compiled
        Settings, times and wishes.
    lanes : sequence
        One object per stream, of which a pass holds one while it runs: a session, an interpreter. As many passes run at
        a time, those of synchronous callers included.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __init__(self, compiled: Compiled, lanes: Sequence[Any]) -> None:
        streams = len(lanes)
        self.effective = compiled.effective
        self.read_s = compiled.read_s
        self.compile_s = compiled.compile_s
        self.requests = compiled.config.requests or streams
        self._profiling = compiled.options.profiling
        self._want_outputs = compiled.options.want_outputs
        self._lanes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for lane in lanes:
            self._lanes.put(lane)
        self._jobs: queue.SimpleQueue[tuple[Any, object, Done, bool] | None] = queue.SimpleQueue()
        self._in_flight = InFlight(self.requests)
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(streams)]

    def _begin_serving(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    @abstractmethod
    def _pass(self, lane: Any, feed: Any) -> list[Array]:
        """Run one pass on the calling thread; RuntimeRefusal where it fails."""

    def _free(self) -> None:
        """Give back the runtime's memory; no pass is in flight any more."""
        self._lanes = queue.SimpleQueue()

    def _run(self, feed: Any) -> list[Array]:
        lane = self._lanes.get()
        try:
            return self._pass(lane, feed)
        finally:
            self._lanes.put(lane)

    def _need_profiling(self) -> None:
        if not self._profiling:
            raise RuntimeRefusal("profile: the model was compiled without profiling=True")

    def infer(self, inputs: Sequence[Array]) -> list[Array]:
        feed = self._feed(inputs)
        with self._in_flight.permits:
            return self._run(feed)

    def infer_queued(self, inputs: Sequence[Array]) -> list[Array]:
        """Hand the pass to a stream's thread, which goes on with the next one without waiting for this caller."""
        outcome: list[Any] = []
        running = threading.Lock()  # an Event costs ten times as much

        def done(_token: object, outputs: list[Array] | None, _at: float, error: BaseException | None) -> None:
            outcome[:] = outputs, error
            running.release()

        running.acquire()
        self._begin(inputs, None, done, wanted=True)
        running.acquire()
        found, failure = outcome
        if failure is not None:
            raise failure
        return list(found)

    def start(self, inputs: Sequence[Array], token: object, done: Done) -> None:
        self._begin(inputs, token, done, wanted=self._want_outputs)

    def _begin(self, inputs: Sequence[Array], token: object, done: Done, *, wanted: bool) -> None:
        feed = self._feed(inputs)
        self._in_flight.begin()
        self._jobs.put((feed, token, done, wanted))

    def wait_all(self) -> None:
        self._in_flight.wait_all()

    def ready(self) -> bool:
        return self.idle_requests() > 0

    def idle_requests(self) -> int:
        return self._in_flight.idle()

    def close(self) -> None:
        if self._closed:
            return
        try:
            self.wait_all()
        finally:
            self._closed = True
            for _ in self._threads:
                self._jobs.put(None)
            for thread in self._threads:
                if thread.is_alive():
                    thread.join()
            self._free()

    def _feed(self, inputs: Sequence[Array]) -> Any:
        """Check the arrays and give them the form that :meth:`_pass` takes; by default as they are."""
        self._check(inputs)
        return inputs

    def _check(self, inputs: Sequence[Array]) -> None:
        if self._closed:
            raise ModelRangeError("the compiled model is closed")
        if len(inputs) != len(self.inputs):
            raise ModelRangeError(f"{len(inputs)} inputs given, the model has {len(self.inputs)}")
        for array, spec in zip(inputs, self.inputs, strict=True):
            if array.dtype.name != spec.dtype or array.shape != spec.shape:
                raise ModelRangeError(
                    f"input {spec.name} takes {spec.dtype}{spec.shape}, not {array.dtype}{array.shape}"
                )

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            feed, token, done, wanted = job
            outputs: list[Array] | None = None
            failure: BaseException | None = None
            try:
                outputs = self._run(feed)
            except RuntimeRefusal as error:
                failure = error
            finish_s = time.perf_counter()
            self._in_flight.deliver(done, token, outputs if wanted else None, finish_s, failure)
