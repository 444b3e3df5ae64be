"""Timings that tell how fast a machine is now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from advisor.errors import Inconclusive, StoreError
from advisor.measure.campaign.present import PRESENT_SPEC, take_anew, to_take_anew
from advisor.measure.campaign.scenario_items import RESTED_SPEC, scenario_items
from advisor.measure.items.item import MeasureContext
from advisor.measure.items.throughput import TimingItem
from advisor.records.measurement import TimingMeasurement
from advisor.store.measurements import MeasurementStore
from tests.measure.campaign.test_scenario_items import MODELS, SCENARIO
from tests.measure.hosts import facts
from tests.perfmodel.makers import measurement

FACTS = facts(threads=4)
CAMPAIGN = scenario_items(SCENARIO, MODELS, FACTS, {"door": 900.0})
OLD = "2026-11-30T10:00:00Z"
FRESH = dt.datetime(2026, 11, 30, 11, tzinfo=dt.UTC)


def stored_row(item: TimingItem, started: str = OLD, time_s: float | None = None) -> TimingMeasurement:
    row = measurement(time_s or {"int8": 0.004}.get(item.config.precision, 0.01))
    assert isinstance(row, TimingMeasurement)
    changes = {
        "key": item.key(FACTS.fingerprint),
        "host_fingerprint": FACTS.fingerprint,
        "model": item.model.name,
        "model_sha256": item.model.sha256,
        "config": item.config,
        "mode": item.mode,
        "started": started,
    }
    return row.model_copy(update=changes)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MeasurementStore]:
    """All timings of the scenario, old."""
    opened = MeasurementStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    opened.put_host(FACTS)
    for entry in CAMPAIGN.entries:
        if isinstance(entry.item, TimingItem):
            opened.keep(stored_row(entry.item))
    yield opened
    opened.close()


def test_each_model_is_timed_in_its_fastest_precision_alone_with_all_cores_busy_and_after_pauses(
    store: MeasurementStore,
) -> None:
    anew = to_take_anew(CAMPAIGN, store, FACTS.fingerprint, FRESH)
    assert {
        (item.model.name, item.config.precision, item.config.batch, item.mode.kind, item.config.threads)
        for item in anew.items
    } == {
        (name, "int8", 1, kind, threads)
        for name in ("p", "r")
        for kind, threads in (("sync", 1), ("async", 4), ("rested", 1))
    }
    for row, item in zip(anew.stored, anew.items, strict=True):
        assert (row.model, row.mode, row.config) == (item.model.name, item.mode, item.config)
        assert item.spec == (RESTED_SPEC if item.mode.kind == "rested" else PRESENT_SPEC)


def test_a_model_that_was_measured_just_now_is_left_out(store: MeasurementStore) -> None:
    for entry in CAMPAIGN.entries:
        if isinstance(entry.item, TimingItem) and entry.item.model.name == "p":
            store.keep(stored_row(entry.item, "2026-11-30T11:30:00Z"))
    assert {item.model.name for item in to_take_anew(CAMPAIGN, store, FACTS.fingerprint, FRESH).items} == {"r"}


def test_of_a_model_that_was_measured_in_part_the_rest_is_taken_anew(store: MeasurementStore) -> None:
    (entry,) = (
        entry
        for entry in CAMPAIGN.entries
        if isinstance(entry.item, TimingItem)
        and (entry.item.model.name, entry.item.config.precision, entry.item.config.batch) == ("p", "int8", 1)
        and entry.item.mode.kind == "async"
    )
    assert isinstance(entry.item, TimingItem)
    store.keep(stored_row(entry.item, "2026-11-30T11:30:00Z"))
    anew = to_take_anew(CAMPAIGN, store, FACTS.fingerprint, FRESH)
    assert sorted((item.model.name, item.mode.kind) for item in anew.items) == [
        ("p", "rested"), ("p", "sync"), ("r", "async"), ("r", "rested"), ("r", "sync"),
    ]  # fmt: skip


def test_a_model_without_a_timing_is_left_out(tmp_path: Path) -> None:
    empty = MeasurementStore(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    assert not to_take_anew(CAMPAIGN, empty, FACTS.fingerprint, FRESH).items
    empty.close()


def test_what_is_taken_anew_leaves_the_store_as_it_was(
    store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew = to_take_anew(CAMPAIGN, store, FACTS.fingerprint, FRESH)
    failed = anew.items[0].key(FACTS.fingerprint)

    def measure(items: Sequence[TimingItem], context: MeasureContext) -> None:
        for item in items:
            row = stored_row(item, "2026-11-30T12:00:00Z", 0.02)
            lost = {"status": "failed", "failure": "it broke", "timing": None}
            context.keep(row.model_copy(update=lost) if row.key == failed else row)

    monkeypatch.setattr(TimingItem, "measure", measure)
    said: list[str] = []
    before = store.find(host_fingerprint=FACTS.fingerprint)
    taken = take_anew(anew, store, FACTS.fingerprint, said.append)
    assert taken[0] is None
    assert [row.timing.p50.value_s for row in taken[1:] if row is not None and row.timing] == [0.02] * 5
    assert store.find(host_fingerprint=FACTS.fingerprint) == before
    assert len(said) == 6
    assert "it broke" in said[0]


def test_a_worker_that_breaks_leaves_the_plan_to_the_stored_timings(
    store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    anew = to_take_anew(CAMPAIGN, store, FACTS.fingerprint, FRESH)
    said: list[str] = []

    def broken(items: Sequence[TimingItem], context: MeasureContext) -> None:
        raise Inconclusive("the worker ended")

    monkeypatch.setattr(TimingItem, "measure", broken)
    assert take_anew(anew, store, FACTS.fingerprint, said.append) == [None] * 6
    assert said == ["the worker ended"]


def test_a_fault_of_the_installation_is_not_hidden(store: MeasurementStore, monkeypatch: pytest.MonkeyPatch) -> None:
    anew = to_take_anew(CAMPAIGN, store, FACTS.fingerprint, FRESH)

    def broken(items: Sequence[TimingItem], context: MeasureContext) -> None:
        raise StoreError("no space left")

    monkeypatch.setattr(TimingItem, "measure", broken)
    with pytest.raises(StoreError, match="no space left"):
        take_anew(anew, store, FACTS.fingerprint, lambda _: None)
