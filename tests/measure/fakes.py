"""Compiled models that behave exactly as a test says."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from advisor.clock import FakeClock
from advisor.records.config import EffectiveConfig
from advisor.records.measurement import Interference
from advisor.records.model import Kernel
from advisor.runtimes.protocol import Passes, TensorSpec


class _Base:
    def __init__(self, requests: int = 1, batch: int = 1) -> None:
        self.effective = EffectiveConfig(device="FAKE", batch=batch, runtime_version="0")
        self.inputs = (TensorSpec("x", (batch, 2), "float32"),)
        self.outputs = (TensorSpec("y", (batch, 1), "float32"),)
        self.read_s, self.compile_s, self.requests = 0.0, 0.0, requests
        self.passes = 0

    def ready(self) -> bool:
        return True

    def idle_requests(self) -> int:
        return self.requests

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        return ()

    def wait_all(self) -> None:
        pass

    def close(self) -> None:
        pass


class Scripted(_Base):
    """On a fake clock; ``service_s`` gives the time of the n-th pass. One server, so starts wait for each other."""

    def __init__(self, clock: FakeClock, service_s: Callable[[int], float], batch: int = 1) -> None:
        super().__init__(requests=1, batch=batch)
        self.clock, self.service_s = clock, service_s
        self.busy_until_s = 0.0

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        self.clock.advance(self.service_s(self.passes))
        self.passes += 1
        return []

    def start(self, inputs: Sequence[Any], token: object, done: Any) -> None:
        self.busy_until_s = max(self.busy_until_s, self.clock.now_s()) + self.service_s(self.passes)
        self.passes += 1
        done(token, None, self.busy_until_s, None)


class Threaded(_Base):
    """Real threads that sleep: ``requests`` servers side by side."""

    def __init__(self, requests: int, service_s: float, fail_at: int | None = None) -> None:
        super().__init__(requests)
        self.service_s, self.fail_at = service_s, fail_at
        self._servers = threading.Semaphore(requests)
        self._threads: list[threading.Thread] = []

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        time.sleep(self.service_s)
        return []

    def start(self, inputs: Sequence[Any], token: object, done: Any) -> None:
        self._servers.acquire()
        self.passes += 1
        error = RuntimeError("broken pass") if self.passes == self.fail_at else None

        def serve() -> None:
            time.sleep(self.service_s)
            done(token, None, time.perf_counter(), error)
            self._servers.release()

        thread = threading.Thread(target=serve)
        self._threads.append(thread)
        thread.start()

    def wait_all(self) -> None:
        for thread in self._threads:
            thread.join()
        self._threads.clear()


class Looping(Scripted):
    """Runs closed loops by itself, as many servers as sets of inputs, each in step; the rest as :class:`Scripted`."""

    def __init__(self, clock: FakeClock, service_s: Callable[[int], float], requests: int = 1) -> None:
        super().__init__(clock, service_s)
        self.requests = requests
        self.effective = self.effective.model_copy(update={"streams": requests})
        self.asked: list[tuple[int, bool]] = []

    def loop(self, inputs: Sequence[Sequence[Any]], end_s: float, *, sync: bool) -> Passes:
        self.asked.append((len(inputs), sync))
        starts_s: list[float] = []
        finishes_s: list[float] = []
        while not starts_s or self.clock.now_s() < end_s:
            now_s, time_s = self.clock.now_s(), self.service_s(self.passes)
            self.passes += len(inputs)
            starts_s += [now_s] * len(inputs)
            finishes_s += [now_s + time_s] * len(inputs)
            self.clock.advance(time_s)
        return Passes(starts_s, finishes_s, self.clock.now_s())


class ScriptedMeter:
    """Calls the n-th block dirty where the script says so."""

    def __init__(self, dirty: Sequence[bool]) -> None:
        self._dirty = list(dirty)

    def start(self) -> None:
        pass

    def stop(self) -> Interference:
        dirty = self._dirty.pop(0) if self._dirty else False
        return Interference(other_cpu_cores=0.8 if dirty else 0.0, dirty=dirty, reasons=("neighbour",) if dirty else ())
