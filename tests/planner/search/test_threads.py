"""Calls on several threads: their order, their number, and what they raise."""

from __future__ import annotations

import os
import threading

import pytest

from advisor.planner.search.threads import MOST_THREADS, in_threads


def have_cores(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)))


@pytest.mark.parametrize("cores", [1, 2, 64])
def test_results_come_in_the_order_of_the_items(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    have_cores(monkeypatch, cores)
    assert in_threads(lambda item: item * item, range(9)) == [item * item for item in range(9)]
    assert in_threads(str, []) == []


def test_as_many_calls_go_on_at_once_as_there_are_cores_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    have_cores(monkeypatch, 64)
    together = threading.Barrier(MOST_THREADS, timeout=60.0)
    # Fewer threads would wait for each other for ever.
    assert sorted(in_threads(lambda _: together.wait(), range(MOST_THREADS))) == list(range(MOST_THREADS))


def test_one_core_needs_no_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    have_cores(monkeypatch, 1)
    assert set(in_threads(lambda _: threading.get_ident(), range(3))) == {threading.get_ident()}


def test_what_a_call_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    have_cores(monkeypatch, 2)
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 / item, [1, 0, 2])
