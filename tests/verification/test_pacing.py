from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

from advisor.clock import FakeClock
from advisor.verification.pacing import Pacer, schedule
from advisor.verification.setup import Feed, feeds_of

from .support import scenario


def feed(**changes: object) -> Feed:
    base = {"index": 0, "name": "a", "group": "a", "rate_per_s": 10.0, "phase_s": 0.03, "stagger": 0}
    return Feed(**(base | changes))  # type: ignore[arg-type]


def test_frames_leave_at_their_time_in_order_whoever_releases_them() -> None:
    clock = FakeClock(100.0)
    seen: list[tuple[int, int, float, float]] = []
    plan = scenario(cameras=[{"group": "cam", "count": 3, "resolution": "320x180", "fps": 15.0}])

    def release(source: Feed, number: int, due_s: float, error_s: float) -> None:
        seen.append((source.index, number, due_s, error_s))
        assert clock.now_s() >= 100.0 + due_s - 1e-9

    feeds = feeds_of(plan)
    Pacer(feeds[1:], clock, release, seed=1).run(100.0, 2.0, threading.Event())  # also where a camera is missing
    assert [row[2] for row in seen] == sorted(row[2] for row in seen)
    for camera in feeds[1:]:
        own = [(number, due) for index, number, due, _ in seen if index == camera.index]
        assert [number for number, _ in own] == list(range(30))
        assert [due for _, due in own] == pytest.approx([camera.phase_s + n / 15 for n in range(30)])
    assert max(abs(row[3]) for row in seen) < 1e-6


def test_a_slow_receiver_gets_no_rest_and_latency_still_counts_from_the_schedule() -> None:
    clock = FakeClock()
    dues, errors = [], []

    def release(_feed: Feed, _number: int, due_s: float, error_s: float) -> None:
        dues.append(due_s)
        errors.append(error_s)
        clock.advance(0.25)  # five releases at 0.1 s take 0.25 s each

    Pacer([feed(phase_s=0.0)], clock, release, 0).run(0.0, 0.5, threading.Event())
    assert dues == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert errors == pytest.approx([0.0, 0.15, 0.3, 0.45, 0.6])


def test_a_stop_ends_it() -> None:
    stop, count = threading.Event(), itertools.count()

    def release(*_: object) -> None:
        if next(count) == 4:
            stop.set()

    Pacer([feed()], FakeClock(), release, 0).run(0.0, 1e9, stop)
    assert next(count) == 5


def test_jitter_delivers_late_never_early_and_in_order() -> None:
    due = list(itertools.islice(schedule(feed(jitter_s=0.05), 1), 4000))
    late = np.array(due) - (0.03 + np.arange(4000) / 10)
    assert min(late) >= -1e-9
    assert all(before <= after for before, after in itertools.pairwise(due))
    assert late.mean() == pytest.approx(0.05 * np.sqrt(2 / np.pi), rel=0.1)  # mean of a half-normal number


def test_callers_are_poisson() -> None:
    gaps = np.diff(list(itertools.islice(schedule(feed(poisson=True), 1), 5000)))
    assert gaps.mean() == pytest.approx(0.1, rel=4 / np.sqrt(5000))
    assert gaps.std() == pytest.approx(0.1, rel=0.08)


def test_seeds_decide_arrivals() -> None:
    one, same, other = (list(itertools.islice(schedule(feed(poisson=True), seed), 20)) for seed in (1, 1, 2))
    assert one == same != other
