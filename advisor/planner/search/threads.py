"""Simulations next to each other: their compiled loop lets go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

MOST_THREADS = 4
"""What surrounds a loop runs on one core at a time and takes a fifth of it."""


def in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> list[ResultT]:
    """``[function(item) for item in items]``, on as many cores as there are for it.

    ``function`` may simulate; what it returns must not depend on the other calls.
    """
    given = list(items)
    threads = min(len(given), len(os.sched_getaffinity(0)), MOST_THREADS)
    if threads < 2:
        return [function(item) for item in given]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, given))
