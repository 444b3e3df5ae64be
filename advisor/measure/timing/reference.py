"""A fixed amount of arithmetic whose time shows how much processor the machine really gives at this moment.

A hypervisor may run two processors of a guest on the two threads of one core, or a neighbour's next to ours: then
nothing is stolen, no clock falls and nobody waits in our run queue, yet everything takes half as long again. Only the
time of known work shows it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, MutableMapping
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from .micro_record import figure, micro_key, to_record

if TYPE_CHECKING:  # workers import this module, and none of them a database
    from advisor.store.measurements import MeasurementStore

_PREFIX = "reference"
WIDTH = 48  # three such matrices lie in any first-level cache; OpenBLAS keeps products this small on one thread
PRODUCTS, _ROUNDS = 64, 4  # long against the time that a thread takes to wake up, so that all overlap
_LOOKS, _MORE_LOOKS = 3, 6
_NEXT_LOOK = 1.06
_MOST_THREADS = 64


class Reference:
    """Small matrix products on several threads at once, each of which has its own.

    Parameters
    ----------
    threads : int
        As many as the measurement keeps busy: two threads show what one cannot, that they share a core.
    best_s : float, optional
        Least time that this machine ever needed [s]; None: as it comes.

    Notes
    -----
    Bound by the rate of multiply-adds, as inference is; no memory beyond the second-level cache and no allocation.
    """

    def __init__(self, threads: int, best_s: float | None = None) -> None:
        self.threads = max(1, threads)
        self.best_s = best_s
        rng = np.random.default_rng(0)
        left = rng.random((WIDTH, WIDTH), dtype=np.float32)
        self._left = np.broadcast_to(left, (PRODUCTS, WIDTH, WIDTH))
        self._rights = [rng.random((WIDTH, WIDTH), dtype=np.float32) for _ in range(self.threads)]
        self._outs = [np.empty((PRODUCTS, WIDTH, WIDTH), np.float32) for _ in range(self.threads)]
        self._times_s = [0.0] * self.threads
        self._ready = threading.Barrier(self.threads)
        self._done = threading.Barrier(self.threads)
        for index in range(1, self.threads):
            threading.Thread(target=self._serve, args=(index,), daemon=True, name=f"reference-{index}").start()
        self._once()  # pages and caches

    def slowdown(self) -> float:
        """Time of the slowest thread over the least ever seen, each the median of three looks in a row.

        One look may be lucky, hit by an interrupt, or early: for their first millisecond threads that wake up share a
        processor, or a core has yet to power its wide units (seen: 2.7 times the time after a pause of 200 ms, 1.1 a
        few milliseconds later). So slow work is done again, and the fastest three in a row count; what shares a core
        with this machine slows all of them.
        """
        times_s = [self._once() for _ in range(_LOOKS)]
        time_s = median(times_s)
        for _ in range(_MORE_LOOKS):
            if self.best_s is not None and time_s <= _NEXT_LOOK * self.best_s:
                break
            times_s = [*times_s[1:], self._once()]
            time_s = min(time_s, median(times_s))
        if self.best_s is None or time_s < self.best_s:
            self.best_s = time_s
        return time_s / self.best_s

    def _once(self) -> float:
        self._ready.wait()
        self._work(0)
        self._done.wait()
        return max(self._times_s)

    def _serve(self, index: int) -> None:
        while True:
            self._ready.wait()
            self._work(index)
            self._done.wait()

    def _work(self, index: int) -> None:
        start_s = time.perf_counter()
        for _ in range(_ROUNDS):
            np.matmul(self._left, self._rights[index], out=self._outs[index])
        self._times_s[index] = time.perf_counter() - start_s


class ReferencePool:
    """The references of one worker by number of threads: each keeps its threads and what it learned."""

    def __init__(self) -> None:
        self._references: dict[int, Reference] = {}

    def reference(self, threads: int | None, best_s: Mapping[int, float]) -> Reference:
        """Return the reference for a number of threads (None: one), at most those that this process may run on."""
        count = max(1, min(threads or 1, len(os.sched_getaffinity(0)), _MOST_THREADS))
        if count not in self._references:
            self._references[count] = Reference(count, best_s.get(count))
        return self._references[count]


def lower_best(best_s: MutableMapping[int, float], seen_s: Mapping[str, float]) -> None:
    """Take over what a worker saw (number of threads as text, as JSON has it) where it is less [s]."""
    for threads, time_s in seen_s.items():
        best_s[int(threads)] = min(time_s, best_s.get(int(threads), time_s))


def load_best(store: MeasurementStore, host_fingerprint: str) -> dict[int, float]:
    """Least times that a machine needed for the reference work by number of threads [s], as its store remembers."""
    best_s: dict[int, float] = {}
    for record in store.micro(host_fingerprint, f"{_PREFIX}/"):
        if record.key == _key(int(record.parameters["threads"]), host_fingerprint):
            best_s[int(record.parameters["threads"])] = record.value
    return best_s


def save_best(
    store: MeasurementStore, host_fingerprint: str, before: MutableMapping[int, float], now: Mapping[int, float]
) -> None:
    """Keep least times that became less, in the store and in ``before``."""
    for threads, time_s in now.items():
        if time_s < before.get(threads, float("inf")):
            before[threads] = time_s
            best = figure(f"{_PREFIX}/t{threads}", [time_s], "s", threads=threads, work=_work_name())
            store.add_micro(to_record(best, _key(threads, host_fingerprint), host_fingerprint))


def _key(threads: int, host_fingerprint: str) -> str:
    """Another numpy brings another OpenBLAS with other kernels: its times are not compared."""
    return micro_key(f"{_PREFIX}/t{threads}", host_fingerprint, {"work": _work_name(), "numpy": np.__version__})


def _work_name() -> str:
    return f"{_ROUNDS}x{PRODUCTS} products {WIDTH}x{WIDTH} f32, median of {_LOOKS}"
