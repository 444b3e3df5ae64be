"""How often the system puts a thread that wakes up on a core that works, although another idles."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.errors import RuntimeRefusal
from advisor.measure.timing.micro_record import figure
from advisor.measure.timing.reference import PRODUCTS, WIDTH

_LONG_S, _SHORT_S = 10e-3, 2.5e-3
"""Work of a thread that stands for a pass, and for the decoding of a picture [s]."""
_PAUSE_S, _GAP_S = 20e-3, 10e-3
"""Mean pause between two of the former, and between two of the latter [s]."""
_MOST_LANES = 4  # more threads than that would wait for the interpreter's lock
_STACKED = 0.35
"""A core that two threads share gives each a half at most, one whose sibling works 0.6 and more: below this share of
its speed, a long work waits."""
_LATE_S = 1e-3
"""So long a way from the call to the first of its work is that of a thread that waits, not of one that wakes up."""


@dataclass
class Span:
    """One work: called, begun and ended, and when each unit of it was done, on one clock [s]."""

    called_s: float
    begun_s: float = 0.0
    ends_s: list[float] = field(default_factory=list)


def stacking(payload: dict[str, Any], _folder: Path) -> dict[str, Any]:
    """Share of short works, begun while some cores work and others idle, that were put on a core that works.

    Threads with long work, one for every other core and at most four, and two with short work are woken at random
    moments, as streams and decoders are.

    Raises
    ------
    RuntimeRefusal
        This process may use one processor alone, or no short work met a long one.
    """
    usable = len(os.sched_getaffinity(0))
    if usable < 2:
        raise RuntimeRefusal("only one processor may be used: every thread runs there")
    longs, shorts = _record(min(usable // 2, _MOST_LANES), payload["duration_s"])
    found = met(longs, shorts)
    if not found:
        raise RuntimeRefusal("no short work began beside a long one")
    share = float(np.mean(found))
    return figure(payload["name"], [float(hit) for hit in found], "1", value=share, long_s=_LONG_S, short_s=_SHORT_S)


def met(longs: Sequence[Span], shorts: Sequence[Span]) -> list[bool]:
    """For each short work that was called while a single long one ran: whether either of them waited."""
    if not longs:
        return []
    unit_s = float(np.median(np.concatenate([np.diff([span.begun_s, *span.ends_s]) for span in longs])))
    found = []
    for short in shorts:
        beside = [span for span in longs if span.begun_s < short.called_s and span.ends_s[-1] > short.ends_s[-1]]
        if len(beside) != 1:
            continue  # beside none, or every core was taken, or the long one ended before it
        done = sum(short.begun_s < end_s <= short.ends_s[-1] for end_s in beside[0].ends_s)
        share = done * unit_s / (short.ends_s[-1] - short.begun_s)
        found.append(share < _STACKED or short.begun_s - short.called_s > _LATE_S)
    return found


def _record(lanes: int, duration_s: float) -> tuple[list[Span], list[Span]]:
    """Let long and short works come at random for so long."""
    rng = np.random.default_rng(0)
    left = np.broadcast_to(rng.random((WIDTH, WIDTH), dtype=np.float32), (PRODUCTS, WIDTH, WIDTH))
    right = rng.random((WIDTH, WIDTH), dtype=np.float32)
    unit_s = _unit_s(left, right)
    long_units, short_units = (max(1, round(work_s / unit_s)) for work_s in (_LONG_S, _SHORT_S))
    longs: list[Span] = []
    shorts: list[Span] = []
    works: queue.SimpleQueue[tuple[Span, int] | None] = queue.SimpleQueue()
    passes: queue.SimpleQueue[tuple[Span, int] | None] = queue.SimpleQueue()

    def serve(waiting: queue.SimpleQueue[tuple[Span, int] | None], done: list[Span]) -> None:
        out = np.empty_like(left, subok=False)
        while (item := waiting.get()) is not None:
            span, units = item
            span.begun_s = time.perf_counter()
            for _ in range(units):
                np.matmul(left, right, out=out)
                span.ends_s.append(time.perf_counter())
            done.append(span)

    threads = [threading.Thread(target=serve, args=(passes, longs), daemon=True) for _ in range(lanes)]
    threads += [threading.Thread(target=serve, args=(works, shorts), daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    now_s = time.perf_counter()
    end_s, next_long_s, next_short_s = now_s + duration_s, now_s, now_s
    while (due_s := min(next_long_s, next_short_s)) < end_s:
        time.sleep(max(0.0, due_s - time.perf_counter()))
        if next_long_s <= next_short_s:
            passes.put((Span(time.perf_counter()), long_units))
            next_long_s += (_LONG_S + rng.exponential(_PAUSE_S)) / lanes
        else:
            works.put((Span(time.perf_counter()), short_units))
            next_short_s += _SHORT_S + rng.exponential(_GAP_S)
    for _ in threads:
        passes.put(None)
        works.put(None)
    for thread in threads:
        thread.join()
    return longs, shorts


def _unit_s(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """Usual time of one unit of work, some 0.1 ms in which the interpreter's lock is let go [s]."""
    out, times_s = np.empty_like(left, subok=False), []
    for _ in range(100):
        start_s = time.perf_counter()
        np.matmul(left, right, out=out)
        times_s.append(time.perf_counter() - start_s)
    return float(np.median(times_s))
