from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from advisor.clock import FakeClock
from advisor.measure.campaign import paired
from advisor.measure.campaign.paired import Comparison, groups, run_paired
from advisor.measure.items.paired import RoundsWanted, Variant
from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import PairedMeasurement
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.measure.makers import file
from tests.measure.timing.test_pairs import turn

HOST = facts().fingerprint


def variant(threads: int) -> Variant:
    return Variant(file("net"), RunConfig(runtime="fake", threads=threads), LoadMode())


COMPARISON = Comparison(variant(1), (variant(2), variant(3)))


class Bench:
    """Stands for the workers: a turn takes a second, and variants on ``bad`` threads fail when they are opened."""

    def __init__(self, clock: FakeClock, bad: int = 0, interrupt_at: int = 0) -> None:
        self.clock, self.bad, self.interrupt_at = clock, bad, interrupt_at
        self.rounds: list[list[int]] = []

    def measure(
        self, variants: Sequence[Variant], known: dict[str, PairedMeasurement], host: str, wanted: RoundsWanted
    ) -> int:
        done = 0
        for number in range(wanted.rounds):
            if done and not wanted.may_begin(float(len(variants))):
                break
            self.rounds.append([each.config.threads or 0 for each in variants])
            for each in variants:
                self.turn(each, known, host, wanted, f"{len(self.rounds)}-{number}")
            done += 1
        return done

    def turn(
        self, each: Variant, known: dict[str, PairedMeasurement], host: str, wanted: RoundsWanted, name: str
    ) -> None:
        self.clock.sleep(1.0)
        if len(self.rounds) == self.interrupt_at:
            raise KeyboardInterrupt
        key = each.key(host)
        row = known.get(key) or PairedMeasurement(
            key=key, model="net", model_sha256="x", model_kind="file", config=each.config, effective=None,
            host_fingerprint=host, status="done", started="x", sizer_version="0", mode=each.mode,
        )  # fmt: skip
        bad = each.config.threads == self.bad
        update = {"status": "failed", "failure": "no"} if bad else {"turns": (*row.turns, turn(name, 1.0))}
        known[key] = row.model_copy(update=update)
        wanted.keep(known[key])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MeasurementStore]:
    opened = MeasurementStore(f"sqlite:///{tmp_path}/s.db")
    yield opened
    opened.close()


def bench(monkeypatch: pytest.MonkeyPatch, **options: int) -> Bench:
    found = Bench(FakeClock(), **options)
    monkeypatch.setattr(paired, "measure_rounds", found.measure)
    return found


def test_a_second_call_takes_only_what_is_missing_with_the_baseline(
    store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bench(monkeypatch)
    run_paired([Comparison(variant(1), (variant(2),))], store, facts(), rounds=2, clock=first.clock)
    assert first.rounds == [[1, 2]] * 2
    second = bench(monkeypatch)
    summary = run_paired([COMPARISON], store, facts(), rounds=2, clock=second.clock)
    assert second.rounds == [[1, 3]] * 2
    assert [len(row.turns) for row in summary.measured.values()] == [4, 2, 2]
    third = bench(monkeypatch)
    run_paired([COMPARISON], store, facts(), rounds=2, clock=third.clock)
    assert third.rounds == []
    run_paired([COMPARISON], store, facts(), rounds=2, clock=third.clock, again=True)
    assert third.rounds == [[1, 2, 3]] * 2


def test_an_interrupt_loses_the_turn_in_flight(store: MeasurementStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = bench(monkeypatch, interrupt_at=2)
    summary = run_paired([COMPARISON], store, facts(), rounds=3, clock=cut.clock)
    assert summary.interrupted
    assert [len(row.turns) for row in summary.measured.values()] == [1, 1, 1]
    rest = bench(monkeypatch)
    run_paired([COMPARISON], store, facts(), rounds=3, clock=rest.clock)
    assert rest.rounds == [[1, 2, 3]] * 2


def test_a_budget_is_shared_and_one_round_of_each_group_is_completed(
    store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = bench(monkeypatch)
    other = Comparison(
        Variant(file("other"), RunConfig(runtime="fake", threads=4), LoadMode()),
        (Variant(file("other"), RunConfig(runtime="fake", threads=5), LoadMode()),),
    )
    summary = run_paired([COMPARISON, other], store, facts(), rounds=9, budget_s=14.0, clock=short.clock)
    assert short.rounds == [[1, 2, 3]] * 2 + [[4, 5]] * 4
    assert summary.left_out == []
    assert short.clock.now_s() <= 14.0
    late = bench(monkeypatch)
    more = Comparison(variant(7), (variant(8),))
    left = run_paired([more, Comparison(variant(9), ())], store, facts(), rounds=9, budget_s=0.5, clock=late.clock)
    assert late.rounds == [[7, 8]]
    assert left.left_out == [variant(9)]


def test_failures_are_kept_and_tried_again_only_when_asked(
    store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bench(monkeypatch, bad=1)
    summary = run_paired([COMPARISON], store, facts(), rounds=1, clock=first.clock)
    assert summary.measured[variant(1).key(HOST)].failure == "no"
    second = bench(monkeypatch)
    run_paired([COMPARISON], store, facts(), rounds=1, clock=second.clock)
    assert second.rounds == []
    run_paired([COMPARISON], store, facts(), rounds=1, clock=second.clock, retry_failed=True)
    assert second.rounds == [[1, 2, 3]]


def test_groups_begin_with_the_baseline_and_hold_no_more_than_fit() -> None:
    comparison = Comparison(variant(1), tuple(variant(threads) for threads in range(2, 8)))
    assert [[each.config.threads for each in group] for group in groups(comparison, 4)] == [[1, 2, 3, 4], [1, 5, 6, 7]]
    assert groups(Comparison(variant(1), ()), 4) == [[variant(1)]]


def test_paired_measurements_are_found_by_their_kind_alone(
    store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_paired([COMPARISON], store, facts(), rounds=1, clock=bench(monkeypatch).clock)
    assert store.find() == []
    assert len(store.find(kind="paired")) == 3
