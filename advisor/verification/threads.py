"""Which of the runtime's threads work for which stage, found by letting each stage work alone before the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

TASKS = Path("/proc/self/task")
SHARE = 0.2
"""Of the busiest thread's CPU time, from which on a thread works for the stage; callbacks stay far below."""
LEAST_S = 2e-4


def thread_times_s(proc: Path = TASKS) -> dict[int, float]:
    """CPU time of every thread of this process [s] by the scheduler's count; empty where the kernel keeps none."""
    found = {}
    for path in proc.glob("[0-9]*/schedstat"):
        try:
            found[int(path.parent.name)] = int(path.read_text().split()[0]) / 1e9
        except (OSError, ValueError, IndexError):
            continue  # a thread that has just ended, or a kernel without these counters
    return found


def working_threads(work: Callable[[], None], own: Collection[int], proc: Path = TASKS) -> frozenset[int]:
    """Do some work and return the threads that did it, without those of ``own``."""
    before = thread_times_s(proc)
    work()
    gained = {
        thread: now_s - before.get(thread, 0.0) for thread, now_s in thread_times_s(proc).items() if thread not in own
    }
    least_s = max(SHARE * max(gained.values(), default=0.0), LEAST_S)
    return frozenset(thread for thread, value in gained.items() if value >= least_s)


def exclusive(found: Mapping[str, Collection[int]]) -> dict[str, frozenset[int]]:
    """Threads that work for one stage only, by stage."""
    count = Counter(thread for threads in found.values() for thread in threads)
    return {stage: frozenset(item for item in threads if count[item] == 1) for stage, threads in found.items()}


def spent_s(threads: Iterable[int], proc: Path = TASKS) -> float:
    """CPU time of some threads together [s]."""
    times = thread_times_s(proc)
    return sum(times.get(thread, 0.0) for thread in threads)
