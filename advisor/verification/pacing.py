"""Open-loop release: every frame leaves at its scheduled time, whatever the cascade does."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from advisor.clock import Clock

from .setup import Feed

LONGEST_SLEEP_S = 0.1
"""A stop request is seen at least this often."""


def schedule(feed: Feed, seed: int) -> Iterator[float]:
    """Endless release times of one feed, seconds after the start, never falling.

    Periodic from its phase on; ``jitter_s`` delays deliveries by the absolute value of a normal number (late, never
    early, never before the frame ahead); callers are Poisson where the scenario says so.
    """
    rng = np.random.default_rng([seed, 3, feed.index])
    period_s = 1.0 / feed.rate_per_s
    if feed.poisson:
        now_s = 0.0
        while True:
            now_s += float(rng.exponential(period_s))
            yield now_s
    latest_s = 0.0
    for number in itertools.count():
        due_s = feed.phase_s + number * period_s
        if feed.jitter_s > 0:
            due_s += abs(float(rng.normal(0.0, feed.jitter_s)))
        latest_s = max(latest_s, due_s)
        yield latest_s


class Pacer:
    """Calls ``release(feed, sequence, scheduled_s, error_s)`` for every frame of all feeds in order of time."""

    def __init__(
        self,
        feeds: Sequence[Feed],
        clock: Clock,
        release: Callable[[Feed, int, float, float], None],
        seed: int,
    ) -> None:
        self._feeds = feeds
        self._clock = clock
        self._release = release
        self._seed = seed

    def run(self, start_s: float, end_s: float, stop: threading.Event) -> None:
        """Release everything that is due in [0, ``end_s``) after ``start_s`` on the clock, or until ``stop``.

        A release is never early. One that comes late is handed on at once with its own scheduled time, so that a busy
        machine gets no rest that cameras would not give it.
        """
        feeds = {feed.index: feed for feed in self._feeds}
        times = {index: schedule(feed, self._seed) for index, feed in feeds.items()}
        heap = [(next(series), index, 0) for index, series in times.items()]
        heapq.heapify(heap)
        while heap and not stop.is_set():
            due_s, index, sequence = heap[0]
            if due_s >= end_s:
                heapq.heappop(heap)
                continue
            wait_s = start_s + due_s - self._clock.now_s()
            if wait_s > 0:
                self._clock.sleep(min(wait_s, LONGEST_SLEEP_S))
                continue
            heapq.heapreplace(heap, (next(times[index]), index, sequence + 1))
            self._release(feeds[index], sequence, due_s, -wait_s)
