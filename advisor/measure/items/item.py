"""What a campaign knows of a thing to measure; each kind of measurement is one file with one subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from advisor.measure.timing.reference import lower_best
from advisor.measure.worker.job import Job, JobItem, JobOutcome
from advisor.measure.worker.run import run_job
from advisor.records.measurement import Measurement, StoredResult
from advisor.store.paths import cache_dir


@dataclass
class MeasureContext:
    """What measuring needs beyond the items."""

    host_fingerprint: str
    keep: Callable[[StoredResult], None]
    """Called with each result, a failure included, as soon as it is there."""
    clip_directory: Path = field(default_factory=lambda: cache_dir() / "clips")
    """Where synthesised clips are kept."""
    best_s: MutableMapping[int, float] = field(default_factory=dict)
    """Least times of the reference work by number of threads [s]; lowered by what the workers see."""
    time_is_over: Callable[[], bool] = lambda: False
    """Whether no further item may begin."""


class Item(ABC):
    """One thing to measure.

    A subclass is hashable and immutable, such as a frozen dataclass; it may be defined anywhere, also outside of this
    package. Most kinds derive from :class:`SingleJobItem`, which needs no process handling of its own.
    """

    plural: ClassVar[str] = "other measurements"
    """What several of its kind are called where they are only counted."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What progress and error messages call it."""

    @property
    @abstractmethod
    def process(self) -> Hashable | None:
        """Items of one class with equal values may share a worker; None: this one needs a process of its own."""

    @property
    @abstractmethod
    def estimate_s(self) -> float:
        """Expected duration on a slow machine, opening included [s]; only order and progress depend on it."""

    @abstractmethod
    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        """Keys of the results that it leaves in the store: hashes of all that is requested, the machine included."""

    @classmethod
    @abstractmethod
    def measure(cls, items: Sequence[Self], context: MeasureContext) -> None:
        """Measure items that may share a process; every key gets a result through ``context.keep``, if only a failure.

        Raises
        ------
        InputError
            The store, a folder or the installation is at fault, not an item: the campaign ends.
        OutOfTimeError
            ``context.time_is_over`` said so before an item; the keys without a result are left for another time.
        SizerError
            The keys without a result could not be measured; the campaign goes on with other items.
        """

    def unfinished(self, stored: Measurement, visits: int) -> bool:  # noqa: ARG002 - for kinds that override it
        """Whether a stored result should be measured once more, at most ``visits`` times altogether, and joined."""
        return False

    def joined(self, stored: Measurement, new: Measurement) -> Measurement:  # noqa: ARG002 - as above
        """Join a further visit with the stored result, if :meth:`unfinished` says so."""
        return new

    def former_keys(
        self,
        host_fingerprint: str,  # noqa: ARG002 - as above
    ) -> Mapping[str, tuple[str, type[Measurement]]]:
        """Key under which sizer 0.1 stored a result, to the present key and record; empty if it stored none so."""
        return {}


@dataclass(frozen=True)
class WorkerSetup:
    """How the worker process of an item is started."""

    function: str
    """``module:name`` of a :class:`advisor.measure.worker.job.JobFunction`."""
    timeout_s: float
    """Most time that one key may take, summed over its turns [s]."""
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Changes to the environment before any import; None removes a variable."""
    on_import: tuple[str, ...] = ()
    """Modules loaded before the first key is announced, so that their cost is not counted as its time."""


class SingleJobItem(Item):
    """An item that one job in one worker measures, with one outcome per key."""

    @abstractmethod
    def worker(self) -> WorkerSetup:
        """How to start the worker; equal among items that may share one, but for the time-out."""

    @abstractmethod
    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        """What the worker gets for each key, as plain JSON."""

    @abstractmethod
    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> StoredResult:
        """Record of the outcome of a key (its ``id``), a failure included."""

    @classmethod
    def measure(cls, items: Sequence[Self], context: MeasureContext) -> None:
        owners: dict[str, Self] = {}
        jobs: list[JobItem] = []
        for item in items:
            for key, payload in item.payloads(context).items():
                owners[key] = item
                jobs.append(JobItem(key, payload))

        def arrived(outcome: JobOutcome) -> None:
            lower_best(context.best_s, (outcome.value or {}).get("reference_s", {}))
            context.keep(owners[outcome.id].to_result(outcome, context.host_fingerprint))

        setups = [item.worker() for item in items]
        job = Job(setups[0].function, tuple(jobs), dict(setups[0].environment), on_import=setups[0].on_import)
        run_job(job, max(setup.timeout_s for setup in setups), arrived, context.time_is_over)
