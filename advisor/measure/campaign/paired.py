"""A comparison as a campaign: which variants lack rounds, in which groups they take turns, within which time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from advisor.clock import Clock, RealClock
from advisor.measure.items.paired import RoundsWanted, Variant, measure_rounds
from advisor.measure.items.progress import NullProgress, Progress
from advisor.measure.timing.pairs import pair_count
from advisor.measure.timing.reference import load_best, save_best
from advisor.records.host import HostFacts
from advisor.records.measurement import PairedMeasurement
from advisor.store.measurements import MeasurementStore

TOGETHER = 8
"""Most variants alive at once: with more, the turns of a round lie too far apart."""
_WORKER_BYTES = 0.4 * 2**30
_COPIES = 4.0
"""Memory of a variant over its file: the file as read, packed weights, and activations; source: project assumption."""
_MEMORY_SHARE = 0.6


@dataclass(frozen=True)
class Comparison:
    """Variants of one model with the one that the others are compared with."""

    baseline: Variant
    others: tuple[Variant, ...]


@dataclass
class PairedSummary:
    """How a comparison ended."""

    measured: dict[str, PairedMeasurement] = field(default_factory=dict)
    """By key: all that the store holds of the variants now."""
    left_out: list[Variant] = field(default_factory=list)
    """For want of time, or because of an interrupt."""
    took_s: float = 0.0
    interrupted: bool = False


def groups(comparison: Comparison, most: int) -> list[list[Variant]]:
    """Cut the variants of a model into groups of at most ``most``, each of which begins with the baseline."""
    size = max(1, most - 1)
    others = comparison.others
    cut = [others[first : first + size] for first in range(0, len(others), size)] or [()]
    return [[comparison.baseline, *part] for part in cut]


def run_paired(  # noqa: PLR0913 - options by keyword, each with a default
    comparisons: Sequence[Comparison],
    store: MeasurementStore,
    facts: HostFacts,
    progress: Progress | None = None,
    *,
    rounds: int,
    budget_s: float | None = None,
    retry_failed: bool = False,
    again: bool = False,
    clock: Clock | None = None,
) -> PairedSummary:
    """Measure what the comparisons lack.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Runtimes of all variants must be installed.
    store : MeasurementStore
        Holds each variant's turns, and gets every turn as soon as it is taken: a comparison that was killed continues.
    rounds : int
        Pairs with the baseline that each variant is to have.
    budget_s : float, optional
        Shared out evenly among the groups that are left [s]; of each that is begun one round is completed.
    retry_failed : bool
        Open variants again that failed before.
    again : bool
        Forget the turns that the store holds of these variants.
    """
    store.put_host(facts)
    run = _Run(store, facts, progress or NullProgress(), clock or RealClock(), rounds, again)
    return run.run(comparisons, budget_s, retry_failed=retry_failed)


class _Run:
    def __init__(
        self, store: MeasurementStore, facts: HostFacts, progress: Progress, clock: Clock, rounds: int, again: bool
    ) -> None:
        self._store, self._facts, self._progress, self._clock = store, facts, progress, clock
        self._rounds, self._again = rounds, again
        self._host = facts.fingerprint
        self._summary = PairedSummary()
        self._done, self._left_s = 0, 0.0
        self._labels: dict[str, str] = {}

    def run(self, comparisons: Sequence[Comparison], budget_s: float | None, *, retry_failed: bool) -> PairedSummary:
        summary, started_s = self._summary, self._clock.now_s()
        self._load(comparisons, retry_failed=retry_failed)
        waiting = [
            todo
            for comparison in comparisons
            for group in groups(comparison, self._most(comparison))
            if (todo := self._lacking(group))
        ]
        self._left_s = sum(self._estimate_s(group) for group in waiting)
        turns = sum(len(group) * self._missing(group) for group in waiting)
        ends_s = inf if budget_s is None else started_s + budget_s
        self._progress.start(turns, min(self._left_s, ends_s - started_s), unit="turns")
        group: list[Variant] = []
        try:
            while waiting:
                group = waiting[0]
                left_s = ends_s - self._clock.now_s()
                if left_s <= 0:
                    break
                self._group(group, self._clock.now_s() + left_s / len(waiting))
                waiting.pop(0)
        except KeyboardInterrupt:
            summary.interrupted = True
        summary.left_out = [variant for rest in waiting for variant in rest if self._turns(variant) == 0]
        summary.took_s = self._clock.now_s() - started_s
        words = "interrupted: " if summary.interrupted else ""
        self._progress.finish(f"{words}{self._done} turns in {summary.took_s:.0f} s")
        return summary

    def _load(self, comparisons: Sequence[Comparison], *, retry_failed: bool) -> None:
        """Read what the store holds of the variants; what is to be measured anew is left aside."""
        for variant in (each for one in comparisons for each in (one.baseline, *one.others)):
            key = variant.key(self._host)
            self._labels[key] = variant.label
            stored = None if self._again else self._store.get(key)
            if isinstance(stored, PairedMeasurement) and not (retry_failed and stored.status == "failed"):
                self._summary.measured[key] = stored

    def _lacking(self, group: Sequence[Variant]) -> list[Variant]:
        """Variants of a group that take turns: the baseline, and those with too few pairs that have not failed."""
        baseline, *others = group
        if self._failed(baseline):
            return [variant for variant in others if not self._failed(variant) and self._missing_turns(variant)]
        lacking = [
            variant for variant in others if not self._failed(variant) and self._missing_pairs(variant, baseline)
        ]
        return [baseline, *lacking] if lacking or self._missing_turns(baseline) else []

    def _missing(self, group: Sequence[Variant]) -> int:
        """Rounds that a group still needs."""
        first, *others = group
        return max([self._missing_turns(first), *(self._missing_pairs(variant, first) for variant in others)])

    def _missing_turns(self, variant: Variant) -> int:
        return max(0, self._rounds - self._turns(variant))

    def _missing_pairs(self, variant: Variant, baseline: Variant) -> int:
        found = [self._summary.measured.get(each.key(self._host)) for each in (variant, baseline)]
        if found[0] is None or found[1] is None:
            return self._rounds
        return max(0, self._rounds - pair_count(found[0].turns, found[1].turns))

    def _turns(self, variant: Variant) -> int:
        found = self._summary.measured.get(variant.key(self._host))
        return 0 if found is None else len(found.turns)

    def _failed(self, variant: Variant) -> bool:
        found = self._summary.measured.get(variant.key(self._host))
        return found is not None and found.status == "failed"

    def _most(self, comparison: Comparison) -> int:
        """Variants that fit into memory together."""
        available = self._facts.memory.available_bytes
        if available is None:
            return TOGETHER
        path = Path(comparison.baseline.model.path)
        size = path.stat().st_size if path.is_file() else 0
        return int(min(TOGETHER, max(2.0, _MEMORY_SHARE * available / (_WORKER_BYTES + _COPIES * size))))

    def _estimate_s(self, group: Sequence[Variant]) -> float:
        return sum(variant.open_s + self._missing(group) * variant.turn_s for variant in group)

    def _group(self, group: list[Variant], ends_s: float) -> None:
        best_s = load_best(self._store, self._host)
        seen_s = dict(best_s)
        turns = len(group) * self._missing(group)
        estimate_s, begun_s, taken = self._estimate_s(group), self._clock.now_s(), 0
        self._left_s -= estimate_s

        def keep(result: PairedMeasurement) -> None:
            nonlocal taken
            known = self._summary.measured.get(result.key)
            is_turn = known is not None and len(result.turns) > len(known.turns)
            self._summary.measured[result.key] = result
            self._store.replace(result)
            if result.status == "failed":
                self._progress.message(f"{self._labels[result.key]} failed: {result.failure}")
            if is_turn:
                taken += 1
                self._done += 1
                # Opening is counted with the turns: early on too long, but neither zero nor in the past.
                left_s = (turns - taken) * (self._clock.now_s() - begun_s) / taken + self._left_s
                said = f"{self._labels[result.key]}: {result.summary}"
                self._progress.advance(self._done, said, max(0.0, min(left_s, ends_s - self._clock.now_s())))

        wanted = RoundsWanted(
            self._missing(group),
            keep,
            self._progress.begin,
            lambda round_s: self._clock.now_s() + round_s <= ends_s,
            seen_s,
        )
        measure_rounds(group, dict(self._summary.measured), self._host, wanted)
        save_best(self._store, self._host, best_s, seen_s)
