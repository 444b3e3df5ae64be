"""A list of things to measure, done in order of information per second; resumable at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from advisor.clock import Clock, RealClock
from advisor.errors import SizerError
from advisor.measure.items.item import Item, MeasureContext
from advisor.measure.items.progress import NullProgress, Progress
from advisor.measure.timing.reference import load_best, save_best
from advisor.measure.worker.job import OutOfTimeError
from advisor.records.host import HostFacts
from advisor.records.measurement import Measurement, MicroBenchmark, MicroFailure, StoredResult
from advisor.store.measurements import MeasurementStore

BATCH = 12
"""Most items that share a worker: few enough that a budget is kept, enough that its start is paid once."""
_CORRECTION = (0.3, 5.0)


@dataclass(frozen=True)
class Entry:
    """One item, what it is expected to take and what it is worth."""

    item: Item
    estimate_s: float
    value: float = 1.0
    """Information in units of one ordinary measurement; only ratios matter."""
    group: str = ""
    """Entries of one group take turns in one worker, so that they see the machine at the same times; empty: none."""

    @property
    def density(self) -> float:
        """Information per second."""
        return self.value / max(self.estimate_s, 1e-3)


@dataclass(frozen=True)
class Campaign:
    """What is to be measured, and what was left out by whoever chose it, in words."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()
    dropped: tuple[Entry, ...] = ()
    """Those of ``left_out`` that are items for which there was no time."""

    @property
    def estimate_s(self) -> float:
        """Expected duration where nothing is known yet [s]."""
        return sum(entry.estimate_s for entry in self.entries)


@dataclass
class Summary:
    """How a campaign ended."""

    done: int = 0
    failed: int = 0
    known: int = 0
    """Already in the store."""
    left_out: list[str] = field(default_factory=list)
    """Not measured, for lack of time or because of an interrupt; what the campaign itself left out is not repeated."""
    failures: list[str] = field(default_factory=list)
    took_s: float = 0.0
    interrupted: bool = False

    def text(self) -> str:
        """One line for people."""
        parts = [f"{self.done} measured", f"{self.known} known before", f"{self.failed} failed"]
        if self.left_out:
            parts.append(f"{len(self.left_out)} left out")
        return ("interrupted: " if self.interrupted else "") + ", ".join(parts) + f" in {self.took_s:.0f} s"


@dataclass(frozen=True)
class Options:
    """What of a campaign is measured, and for how long."""

    budget_s: float | None = None
    """No batch is begun that is expected to end later [s], and once it is over none of its items: only the item in
    flight, or those that take turns with it, are completed. What is left out is listed. None: until all is done."""
    retry_failed: bool = False
    """Whether recorded failures are taken again."""
    visits: int = 1
    """Timings of models that were disturbed are taken once more as long as they hold fewer visits, and joined with what
    the store has: one visit of a shared machine sees one of its states."""
    again: bool = False
    """Whether everything is taken anew; each result takes the place of what the store has."""


MISSING = Options()
"""All that the store lacks, once."""


def run(
    campaign: Campaign,
    store: MeasurementStore,
    facts: HostFacts,
    progress: Progress | None = None,
    *,
    options: Options = MISSING,
    clock: Clock | None = None,
) -> Summary:
    """Measure what a campaign lists and the store lacks.

    Parameters
    ----------
    campaign : Campaign
        Items in any order; the most information per second comes first.
    store : MeasurementStore
        Each result is committed as soon as it is there. What it already holds is not measured again, so a campaign
        that was killed continues where it stopped, and two processes may share a store.
    facts : HostFacts
        Of this machine; kept in the store together with what is measured.
    progress : Progress, optional
        Receives each result, with an estimate of what is left.
    options : Options
        Of what is measured.
    clock : Clock, optional
        For budget and estimates.

    Returns
    -------
    Summary
        Also after Ctrl-C: then ``interrupted`` is set and only the item in flight is lost.
    """
    store.put_host(facts)
    return _Run(
        campaign,
        store,
        facts.fingerprint,
        progress if progress is not None else NullProgress(),
        clock if clock is not None else RealClock(),
        options,
    ).run()


def batches(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Most information per second first; items that may share a worker are taken along up to :data:`BATCH`."""
    filled: list[list[Entry]] = []
    open_batches: dict[tuple[object, ...], list[Entry]] = {}
    groups: dict[object, list[Entry]] = {}
    for number, entry in enumerate(sorted(entries, key=lambda e: -e.density)):
        groups.setdefault(entry.group or number, []).append(entry)
    for group in groups.values():
        item = group[0].item
        if item.process is None:
            filled += [[entry] for entry in group]
            continue
        kind = (type(item), item.process)
        batch = open_batches.get(kind)
        if batch is None or len(batch) + len(group) > BATCH:
            batch = open_batches[kind] = []
            filled.append(batch)
        batch += group
    return filled


class _Run:
    """State of one run; see :func:`run`."""

    def __init__(
        self,
        campaign: Campaign,
        store: MeasurementStore,
        host: str,
        progress: Progress,
        clock: Clock,
        options: Options,
    ) -> None:
        self._campaign, self._store, self._host = campaign, store, host
        self._progress, self._clock, self._options = progress, clock, options
        self._summary = Summary()
        self._estimated_s, self._spent_s = 0.0, 0.0
        self._left_s, self._ends_s = 0.0, inf
        self._tried: set[str] = set()
        self._current: list[tuple[str, tuple[str, ...]]] = []
        self._best_s = load_best(store, host)
        self._owners = {key: entry for entry in campaign.entries for key in entry.item.keys(host)}
        self._succeeded: set[str] = set()

    def run(self) -> Summary:
        summary, started_s = self._summary, self._clock.now_s()
        self._adopt_former()
        todo = self._unknown(self._campaign.entries)
        summary.known = len(self._campaign.entries) - len(todo)
        self._left_s = sum(entry.estimate_s for entry in todo)
        self._ends_s = inf if self._options.budget_s is None else started_s + self._options.budget_s
        self._progress.start(len(todo), self._remaining_s())
        waiting = batches(todo)
        batch: list[Entry] = []
        try:
            while waiting:
                batch = self._unknown(waiting.pop(0))  # another process may have been quicker
                self._batch(batch, started_s)
        except KeyboardInterrupt:
            summary.interrupted = True
            summary.left_out += [entry.item.label for entry in self._unknown(batch)]
            summary.left_out += [entry.item.label for rest in waiting for entry in self._unknown(rest)]
        summary.took_s = self._clock.now_s() - started_s
        self._progress.finish(summary.text())
        return summary

    def _batch(self, batch: list[Entry], started_s: float) -> None:
        begun_s = self._clock.now_s()
        if self._options.budget_s is not None:
            room_s = self._options.budget_s - (begun_s - started_s)
            while batch and sum(entry.estimate_s for entry in batch) * self._correction() > room_s:
                self._summary.left_out.append(batch.pop().item.label)
        if not batch:
            return
        self._current = [(entry.item.label, entry.item.keys(self._host)) for entry in batch]
        self._begin_next()
        try:
            self._measure([entry.item for entry in batch])
        except OutOfTimeError:
            cut = self._unknown(batch)
            self._summary.left_out += [entry.item.label for entry in cut]
            batch = [entry for entry in batch if entry not in cut]
        except SizerError as error:
            if error.exit_code == 2:
                raise  # the store or the installation is at fault, not one item
            for entry in batch:
                missing = [key for key in entry.item.keys(self._host) if key not in self._tried]
                if missing:
                    self._failed(missing[0], str(error))
        self._estimated_s += sum(entry.estimate_s for entry in batch)
        self._spent_s += self._clock.now_s() - begun_s

    def _measure(self, items: list[Item]) -> None:
        """Measure the items of one batch, which all are of one kind."""
        seen_s = dict(self._best_s)
        context = MeasureContext(
            self._host,
            self._arrived,
            best_s=seen_s,
            time_is_over=lambda: self._clock.now_s() >= self._ends_s,
        )
        type(items[0]).measure(items, context)
        save_best(self._store, self._host, self._best_s, seen_s)

    def _arrived(self, result: StoredResult) -> None:
        """Store a result at once, and count its item when all keys of it have one."""
        item = self._owners[result.key].item
        stored = self._to_be_joined(item, result.key)
        if stored is None:
            self._store.keep(result)
        elif not isinstance(result, MicroBenchmark | MicroFailure):
            self._store.keep(item.joined(stored, result))
        self._tried.add(result.key)
        if result.failure is not None:
            self._failed(result.key, result.failure)
            return
        keys = item.keys(self._host)
        self._succeeded.add(result.key)
        if self._succeeded.issuperset(keys):
            self._advance(f"{item.label}: {result.summary}" if len(keys) == 1 else item.label, result.key)

    def _to_be_joined(self, item: Item, key: str) -> Measurement | None:
        """Return the stored result that a further visit is to be joined with; None if there is none."""
        if self._options.visits <= 1 or self._options.again or key in self._tried:
            return None
        stored = self._store.get(key)
        return stored if stored is not None and item.unfinished(stored, self._options.visits) else None

    def _adopt_former(self) -> None:
        """Recognise what sizer 0.1 measured for the items of this campaign under keys of its own."""
        known = self._store.known_keys(self._host)
        for entry in self._campaign.entries:
            for former, (key, record_type) in entry.item.former_keys(self._host).items():
                if former in known and key not in known:
                    self._store.adopt(former, key, record_type)

    def _advance(self, what: str, key: str) -> None:
        self._summary.done += 1
        self._tick(what, key)

    def _failed(self, key: str, reason: str) -> None:
        what = self._owners[key].item.label
        self._summary.failed += 1
        self._summary.failures.append(f"{what}: {reason}")
        self._progress.message(f"{what} failed: {reason}")
        self._tick(what, key)

    def _tick(self, what: str, key: str) -> None:
        self._left_s = max(0.0, self._left_s - self._owners[key].estimate_s)
        self._progress.advance(self._summary.done + self._summary.failed, what, self._remaining_s())
        self._begin_next()

    def _begin_next(self) -> None:
        """Name the first item of the batch that has not ended: a worker takes them in order."""
        for label, keys in self._current:
            if self._tried.isdisjoint(keys):
                self._progress.begin(label)
                return

    def _remaining_s(self) -> float:
        """Expected time to the end: of what is left, or of the budget."""
        return min(self._left_s * self._correction(), max(0.0, self._ends_s - self._clock.now_s()))

    def _correction(self) -> float:
        """How much longer than estimated things took so far."""
        if self._estimated_s == 0:
            return 1.0
        return min(max(self._spent_s / self._estimated_s, _CORRECTION[0]), _CORRECTION[1])

    def _unknown(self, entries: Sequence[Entry]) -> list[Entry]:
        """Entries that the store lacks, holds as failed where these are to be tried again, or as disturbed."""
        if self._options.again:
            return [entry for entry in entries if not self._tried.issuperset(entry.item.keys(self._host))]
        micro = {record.key for record in self._store.micro(self._host)}
        if not self._options.retry_failed:
            micro |= {record.key for record in self._store.micro_failures(self._host)}
        done = self._store.known_keys(self._host, None if not self._options.retry_failed else "done")
        return [
            entry
            for entry in entries
            for keys in [entry.item.keys(self._host)]
            if not all(key in micro or key in done or key in self._tried for key in keys)
            or any(self._to_be_joined(entry.item, key) is not None for key in keys)
        ]
