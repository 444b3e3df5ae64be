"""What goes to a worker process and what comes back: a job of items, one outcome each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from advisor.addresses import hidden
from advisor.errors import SizerError

JobStatus = Literal["done", "failed"]


@dataclass(frozen=True)
class JobItem:
    """One thing to do; ``payload`` is plain JSON."""

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """Items that one fresh interpreter works through.

    A crash costs only the item that the worker had announced; the others go to a new worker.
    """

    function: str
    """``module:name`` of a :class:`JobFunction`."""
    items: tuple[JobItem, ...]
    environment: dict[str, str | None] = field(default_factory=dict)
    """Changes to the worker's environment before any import, e.g. the SIMD cap; None takes a variable away."""
    memory_limit_bytes: int | None = None
    """Address space that the worker may take above what it has after start; None: no limit."""
    on_import: tuple[str, ...] = ()
    """Modules to import before the first item is announced, so that their cost is not counted as its time."""


@dataclass(frozen=True)
class JobOutcome:
    """How one item ended. A failure carries its reason in one line."""

    id: str
    status: JobStatus
    value: dict[str, Any] | None = None
    failure: str | None = None
    wall_s: float = 0.0
    """Time from the item's first announcement to its outcome, as the parent saw it."""


class OutOfTimeError(SizerError):
    """A job was ended before the next of its items began, because its time was over."""


@dataclass(frozen=True)
class JobResult:
    """Outcomes in the order of the job's items, and how many processes it took."""

    outcomes: tuple[JobOutcome, ...]
    workers: int

    def outcome(self, item_id: str) -> JobOutcome:
        """Return the outcome of one item; KeyError if the job has no item of that id."""
        for outcome in self.outcomes:
            if outcome.id == item_id:
                return outcome
        raise KeyError(item_id)


class Reporter(Protocol):
    """What a job function inside the worker uses to speak to the parent."""

    def on(self, item_id: str) -> None:
        """Announce that what happens from now on is done for this item: a crash or hang is recorded as its failure."""
        ...

    def done(self, item_id: str, value: dict[str, Any]) -> None:
        """Deliver an item's result; it is safe in the parent when this returns."""
        ...

    def failed(self, item_id: str, failure: str) -> None:
        """Deliver why an item cannot be done."""
        ...


class JobFunction(Protocol):
    """Runs inside the worker over all items; may work on them in turns."""

    def __call__(self, items: list[JobItem], report: Reporter) -> None: ...


def each(function: Callable[[dict[str, Any]], dict[str, Any]]) -> JobFunction:
    """Make a job function that works on one item after the other; an exception is that item's failure."""

    def run(items: list[JobItem], report: Reporter) -> None:
        for item in items:
            report.on(item.id)
            try:
                value = function(item.payload)
            except Exception as error:  # every failure of foreign code is a result here, with its reason
                report.failed(item.id, describe(error))
            else:
                report.done(item.id, value)

    return run


def describe(error: BaseException) -> str:
    """Turn an exception into one line: our own errors speak for themselves, others name their class."""
    text = hidden(" ".join(str(error).split()))
    if isinstance(error, SizerError):
        return text
    if isinstance(error, MemoryError):
        return f"out of memory: {text}" if text else "out of memory"
    return f"{type(error).__name__}: {text}"
