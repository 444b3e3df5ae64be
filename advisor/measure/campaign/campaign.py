"""A list of things to measure, worked off in order of what they teach per second; resumable at any instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TypeVar

from advisor.clock import Clock, RealClock
from advisor.errors import Inconclusive, SizerError
from advisor.measure.items.decode import DecodeRequest, measure_decode
from advisor.measure.items.footprint import FootprintItem, measure_footprint
from advisor.measure.items.micro import MicroItem, run_micro
from advisor.measure.items.preparation import PrepareRequest, measure_preparation
from advisor.measure.items.profile import ProfileItem, run_profiles
from advisor.measure.items.progress import NullProgress, Progress
from advisor.measure.items.throughput import MeasureItem, joined, run_items, verdict_of
from advisor.measure.timing.micro_record import to_failure
from advisor.measure.timing.reference import load_best, save_best
from advisor.records.host import HostFacts
from advisor.records.measurement import Measurement, MicroBenchmark, MicroFailure
from advisor.store.measurements import MeasurementStore
from advisor.store.paths import cache_dir

_KeyedT = TypeVar("_KeyedT", MicroItem, MeasureItem, ProfileItem)
Item = MeasureItem | MicroItem | DecodeRequest | PrepareRequest | ProfileItem | FootprintItem

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
    """Entries of one group take turns in one worker, so that the same moments meet them; empty: any company will do."""

    @property
    def density(self) -> float:
        """Information per second."""
        return self.value / max(self.estimate_s, 1e-3)


@dataclass(frozen=True)
class Campaign:
    """What is to be measured, and what whoever chose it left out in words."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()

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


def run(
    campaign: Campaign,
    store: MeasurementStore,
    facts: HostFacts,
    progress: Progress | None = None,
    *,
    budget_s: float | None = None,
    retry_failed: bool = False,
    visits: int = 1,
    clip_directory: Path | None = None,
    clock: Clock | None = None,
) -> Summary:
    """Work off a campaign.

    Parameters
    ----------
    campaign : Campaign
        Items in any order; the most information per second comes first.
    store : MeasurementStore
        Each result is committed as soon as it is there. What it already holds is not measured again, so a campaign
        that was killed continues where it stopped, and two processes may share a store.
    facts : HostFacts
        Of this machine; kept in the store beside what is measured.
    progress : Progress, optional
        Hears about each item, with an estimate of what is left.
    budget_s : float, optional
        No batch is begun that is expected to end later [s]; what is left out is listed.
    retry_failed : bool
        Take recorded failures again.
    visits : int
        Timings of models that were disturbed are taken once more as long as they hold fewer visits, and joined with
        what the store has: one visit of a shared machine sees one of its states.
    clip_directory : Path, optional
        Where synthesised clips are kept; None: sizer's cache.
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
        budget_s,
        retry_failed,
        visits,
        clip_directory if clip_directory is not None else cache_dir() / "clips",
        clock if clock is not None else RealClock(),
    ).run()


def keys_of(item: Item, host_fingerprint: str) -> tuple[str, ...]:
    """Identities of what an item leaves in the store."""
    if isinstance(item, DecodeRequest):
        return tuple(item.keys(host_fingerprint))
    return (item.key(host_fingerprint),)


def batches(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Most information per second first; items that may share a worker are taken along up to :data:`BATCH`."""
    found: list[list[Entry]] = []
    open_batches: dict[tuple[object, ...], list[Entry]] = {}
    groups: dict[object, list[Entry]] = {}
    for number, entry in enumerate(sorted(entries, key=lambda e: -e.density)):
        groups.setdefault(entry.group or number, []).append(entry)
    for group in groups.values():
        item = group[0].item
        if isinstance(item, DecodeRequest | FootprintItem):  # processes of their own
            found += [[entry] for entry in group]
            continue
        kind: tuple[object, ...] = (type(item), None if isinstance(item, PrepareRequest) else item.process)
        batch = open_batches.get(kind)
        if batch is None or len(batch) + len(group) > BATCH:
            batch = open_batches[kind] = []
            found.append(batch)
        batch += group
    return found


class _Run:
    """State of one run; see :func:`run`."""

    def __init__(
        self,
        campaign: Campaign,
        store: MeasurementStore,
        host: str,
        tell: Progress,
        budget_s: float | None,
        retry_failed: bool,
        visits: int,
        clip_directory: Path,
        clock: Clock,
    ) -> None:
        self._campaign, self._store, self._host, self._tell = campaign, store, host, tell
        self._budget_s, self._retry, self._clips, self._clock = budget_s, retry_failed, clip_directory, clock
        self._visits = visits
        self._summary = Summary()
        self._estimated_s, self._spent_s = 0.0, 0.0
        self._left_s, self._ends_s = 0.0, inf
        self._tried: set[str] = set()
        self._best_s = load_best(store, host)
        of_key = {key: entry for entry in campaign.entries for key in keys_of(entry.item, host)}
        self._labels = {key: entry.item.label for key, entry in of_key.items()}
        self._estimates_s = {key: entry.estimate_s for key, entry in of_key.items()}

    def run(self) -> Summary:
        summary, started_s = self._summary, self._clock.now_s()
        todo = self._unknown(self._campaign.entries)
        summary.known = len(self._campaign.entries) - len(todo)
        self._left_s = sum(entry.estimate_s for entry in todo)
        self._ends_s = inf if self._budget_s is None else started_s + self._budget_s
        self._tell.start(len(todo), self._remaining_s())
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
        self._tell.finish(summary.text())
        return summary

    def _batch(self, batch: list[Entry], started_s: float) -> None:
        begun_s = self._clock.now_s()
        if self._budget_s is not None:
            room_s = self._budget_s - (begun_s - started_s)
            while batch and sum(entry.estimate_s for entry in batch) * self._correction() > room_s:
                self._summary.left_out.append(batch.pop().item.label)
        if not batch:
            return
        try:
            self._measure([entry.item for entry in batch])
        except (Inconclusive, SizerError) as error:
            if isinstance(error, SizerError) and error.exit_code == 2:
                raise  # the store or the installation is at fault, not one item
            for entry in batch:
                missing = [key for key in keys_of(entry.item, self._host) if key not in self._tried]
                if missing:
                    self._failed(missing[0], str(error))
        self._estimated_s += sum(entry.estimate_s for entry in batch)
        self._spent_s += self._clock.now_s() - begun_s

    def _measure(self, items: list[Item]) -> None:
        """Measure the items of one batch, which all are of one kind."""
        first = items[0]
        if isinstance(first, DecodeRequest):
            failed_before = self._summary.failed
            measure_decode(first, self._clips, self._host, self._take, self._micro_failed)
            if self._summary.failed == failed_before:
                self._advance(first.label, next(iter(first.keys(self._host))))
        elif isinstance(first, FootprintItem):
            self._arrived(measure_footprint(first, self._host))
        elif isinstance(first, PrepareRequest):
            requests = [item for item in items if isinstance(item, PrepareRequest)]
            measure_preparation(requests, self._host, self._prepared, self._micro_failed)
        elif isinstance(first, MicroItem):
            run_micro(self._named(items, MicroItem), self._host, self._micro_arrived)
        else:
            seen_s = dict(self._best_s)
            if isinstance(first, MeasureItem):
                run_items(self._named(items, MeasureItem), self._host, self._arrived, seen_s)
            else:
                run_profiles(self._named(items, ProfileItem), self._host, self._arrived, seen_s)
            save_best(self._store, self._host, self._best_s, seen_s)

    def _named(self, items: list[Item], kind: type[_KeyedT]) -> dict[str, _KeyedT]:
        return {item.key(self._host): item for item in items if isinstance(item, kind)}

    def _arrived(self, record: Measurement) -> None:
        before = self._disturbed(record.key)
        if before is None:
            self._store.replace(record)
        elif record.timing is not None:  # a further visit that failed leaves what is known as it was
            self._store.replace(joined(before, record))
        self._tried.add(record.key)
        if record.status == "failed":
            self._failed(record.key, str(record.failure))
        else:
            self._advance(f"{self._labels[record.key]}: {verdict_of(record)}", record.key)

    def _disturbed(self, key: str) -> Measurement | None:
        """Return the timing in the store that a further visit is to be joined with; None: there is none."""
        if self._visits <= 1 or key in self._tried:
            return None
        known = self._store.get(key)
        if known is None or known.timing is None or not known.interference.dirty:
            return None
        return known if known.timing.visits < self._visits else None

    def _take(self, record: MicroBenchmark) -> None:
        self._store.add_micro(record)
        self._tried.add(record.key)

    def _prepared(self, record: MicroBenchmark) -> None:
        self._take(record)
        self._advance(f"{record.name}: {record.value:.4g} {record.unit}", record.key)

    def _micro_arrived(self, key: str, record: MicroBenchmark | None, failure: str | None) -> None:
        if record is None:
            self._micro_failed(to_failure(self._labels[key], key, self._host, str(failure)))
        else:
            self._prepared(record)

    def _micro_failed(self, failure: MicroFailure) -> None:
        self._store.add_micro_failure(failure)
        self._tried.add(failure.key)
        self._failed(failure.key, failure.failure)

    def _advance(self, what: str, key: str) -> None:
        self._summary.done += 1
        self._tick(what, key)

    def _failed(self, key: str, reason: str) -> None:
        what = self._labels[key]
        self._summary.failed += 1
        self._summary.failures.append(f"{what}: {reason}")
        self._tell.message(f"{what} failed: {reason}")
        self._tick(what, key)

    def _tick(self, what: str, key: str) -> None:
        self._left_s = max(0.0, self._left_s - self._estimates_s[key])
        self._tell.advance(self._summary.done + self._summary.failed, what, self._remaining_s())

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
        micro = {record.key for record in self._store.micro(self._host)}
        if not self._retry:
            micro |= {record.key for record in self._store.micro_failures(self._host)}
        done = self._store.known_keys(self._host, None if not self._retry else "done")
        return [
            entry
            for entry in entries
            if not all(key in micro or key in done or key in self._tried for key in keys_of(entry.item, self._host))
            or (isinstance(entry.item, MeasureItem) and self._disturbed(entry.item.key(self._host)) is not None)
        ]
