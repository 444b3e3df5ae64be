"""What several workflows need: the store, this machine, the progress of long work."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future

    from advisor.clock import Clock
    from advisor.measure.items.progress import Progress
    from advisor.records.host import HostFacts
    from advisor.store.measurements import MeasurementStore

Say = Callable[[str], None]


def silent(text: str) -> None:
    """Ignore the message."""


def phase(progress: Progress | None, what: str) -> None:
    """Name what goes on, for whoever watches."""
    if progress is not None:
        progress.activity(what)


def say_ignored_variables(say: Say) -> None:
    """Say which variables of the environment would change kernels, and are not handed to what is measured or run."""
    from advisor.runtimes.openvino_config import ignored_variables

    found = ignored_variables()
    if found:
        say(f"{', '.join(found)} in the environment: not applied, runtimes choose their instructions by the processor")


_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""Python's own 700 have it look for cycles thousands of times among the records of a plan, which are in none: a fifth
of the plan's time."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Look for unreachable cycles of objects rarely, while many are made that are needed to the end."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


SHOWN_EVERY_S = 2.0
"""Between two words on what a search tries: judging a box may take a hundredth of a second."""


def seldom(say: Say, clock: Clock | None = None) -> Say:
    """Hand on what is said, but nothing within :data:`SHOWN_EVERY_S` of what was handed on before."""
    from advisor.clock import RealClock

    clock = clock or RealClock()
    said_s = clock.now_s()

    def say_seldom(text: str) -> None:
        nonlocal said_s
        if clock.now_s() - said_s >= SHOWN_EVERY_S:
            said_s = clock.now_s()
            say(text)

    return say_seldom


@contextmanager
def open_store(url: str | None) -> Iterator[MeasurementStore]:
    """Open the measurement store and close it again; StoreError where it cannot be opened or written."""
    from advisor.store.measurements import MeasurementStore
    from advisor.store.paths import default_store_url

    store = MeasurementStore(url or default_store_url())
    try:
        yield store
    finally:
        store.close()


def local_facts(store: MeasurementStore) -> HostFacts:
    """Facts of this machine, kept in the store with its measurements."""
    from .host import probe

    facts = probe()
    store.put_host(facts)
    return facts


@contextmanager
def probing(*, runtimes: bool = True) -> Iterator[Future[HostFacts]]:
    """Read the facts of this machine during other work: most of it is waiting, for lscpu and a sample of load.

    ``runtimes``: list these too, which loads them.
    """
    from .host import probe

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(probe, runtimes=runtimes)
