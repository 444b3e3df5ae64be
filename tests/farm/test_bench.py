"""A matrix over boxes that answer as the test says: what is stored, what is lost, what a resume asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import InputError
from advisor.farm import bench as bench_module
from advisor.farm import work
from advisor.farm.bench import FarmBenchRequest, keep_once, run_bench
from advisor.farm.box_facts import checked_name, named
from advisor.farm.connection import Call, Outcome, SchedulerGoneError
from advisor.farm.table import campaign_table
from advisor.records.farm import FarmReport
from advisor.records.host import HostFacts
from advisor.records.measurement import TimingMeasurement
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.store.samples import measurement

from .fake_farm import FakeFarm

MATRIX = """
footprint: false
products: [{models: [net], axes: {threads: [1, 2], batch: [1, 4]}}]
"""
KEYS = ("k0", "k1", "k2", "k3")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with MeasurementStore(f"sqlite:///{tmp_path / 'desk.db'}") as opened:
        yield opened


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "matrix.yaml"
    path.write_text(MATRIX, encoding="utf-8")
    return path


def host(name: str) -> HostFacts:
    return facts().model_copy(update={"fingerprint": f"print-{name}", "box": name})


def result(name: str, key: str, **changes: Any) -> TimingMeasurement:
    return measurement().model_copy(
        update={"key": f"{name}-{key}", "host_fingerprint": f"print-{name}", "model": "net", **changes}
    )


class Boxes:
    """Answers as boxes do; a test changes what becomes of single measurements."""

    def __init__(self) -> None:
        self.fates: dict[tuple[str, str], Callable[[Outcome], Outcome]] = {}

    def __call__(self, name: str, call: Call) -> Outcome:
        if call.function == "list_cells":
            value: Any = {
                "facts": host(name).model_dump_json(by_alias=True),
                "models": [{"name": "net", "sha256": "0" * 64}],
                "cells": [
                    {"kind": "timing", "key": f"{name}-{key}", "label": key, "estimate_s": 1.0, "model": 0,
                     "config": {"batch": 1 + int(key[1])}, "mode": {"kind": "sync"}, "spec": {}}
                    for key in KEYS
                ],
            }  # fmt: skip
        else:
            value = [result(name, call.label).model_dump_json(by_alias=True)]
        outcome = Outcome(name, call, value, clock_s=time.time())
        return self.fates.pop((name, call.label), lambda one: one)(outcome)


def run(
    farm: FakeFarm, store: MeasurementStore, matrix: Path, said: list[str] | None = None, **options: Any
) -> FarmReport:
    request = FarmBenchRequest(matrix, options.pop("boxes", "all"), options.pop("wait_s", 0.0), **options)
    return run_bench(request, farm, store, (said if said is not None else []).append)


def tallies(report: FarmReport) -> dict[str, tuple[int, int, int, int]]:
    return {one.name: (one.known, one.done, one.failed, one.lost) for one in report.boxes}


def states(store: MeasurementStore, name: str) -> list[str]:
    return [row.status for row in campaign_table(store, None).rows if row.box == name]


def test_every_box_takes_the_whole_matrix_once(store: MeasurementStore, matrix: Path) -> None:
    farm = FakeFarm("abc", Boxes())
    report = run(farm, store, matrix)
    assert tallies(report) == dict.fromkeys("abc", (0, 4, 0, 0))
    assert sorted(store.known_keys()) == sorted(f"{name}-{key}" for name in "abc" for key in KEYS)
    assert [store.host(f"print-{name}").box for name in "abc"] == ["a", "b", "c"]
    again = run(farm, store, matrix)
    assert tallies(again) == dict.fromkeys("abc", (4, 0, 0, 0))
    assert not report.interrupted


def test_a_slow_box_holds_no_other_up(store: MeasurementStore, matrix: Path) -> None:
    farm = FakeFarm("abc", Boxes())
    farm.busy = {"b"}
    run(farm, store, matrix)
    order = [name for name, what in farm.begun if what != "list_cells"]
    assert set(order[:6]) == {"a", "c"}
    assert order.count("b") == 4


def test_a_lost_measurement_is_not_tried_again_but_by_a_resume(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()
    boxes.fates["b", "k1"] = lambda one: replace(one, value=None, lost=True, error="the box went")
    farm = FakeFarm("ab", boxes)
    said: list[str] = []
    report = run(farm, store, matrix, said)
    assert tallies(report) == {"a": (0, 4, 0, 0), "b": (0, 3, 0, 1)}
    assert ("b", "b-k1") in farm.begun
    assert farm.begun.count(("b", "b-k1")) == 1
    assert not any(name == "a" and what.startswith("b-") for name, what in farm.begun)
    assert "box b: lost k1 (the box went)" in said
    assert sorted(states(store, "b")) == ["lost", "success", "success", "success"]
    again = run(farm, store, matrix)
    assert tallies(again) == {"a": (4, 0, 0, 0), "b": (3, 1, 0, 0)}
    assert states(store, "b") == ["success"] * 4


def test_a_box_that_stays_away_is_given_up_and_the_others_go_on(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()
    farm = FakeFarm("ab", boxes)

    def goes(one: Outcome) -> Outcome:
        farm.roster.went("b", "2026-01-01T00:00:09Z")
        return replace(one, value=None, lost=True, error="the box went")

    boxes.fates["b", "k1"] = goes
    said: list[str] = []
    report = run(farm, store, matrix, said)
    assert tallies(report) == {"a": (0, 4, 0, 0), "b": (0, 1, 0, 1)}
    assert any("2 measurements are left for another time" in line for line in said)
    assert sorted(states(store, "b")) == ["lost", "missing", "missing", "success"]


def test_a_failure_is_a_result_and_is_repeated_only_where_asked_for(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()
    failed = result("a", "k2", status="failed", failure="crashed with SIGFPE", timing=None)
    boxes.fates["a", "k2"] = lambda one: replace(one, value=[failed.model_dump_json(by_alias=True)])
    farm = FakeFarm("a", boxes)
    assert tallies(run(farm, store, matrix)) == {"a": (0, 3, 1, 0)}
    assert tallies(run(farm, store, matrix)) == {"a": (4, 0, 0, 0)}
    assert sorted(states(store, "a")) == ["failed", "success", "success", "success"]
    assert tallies(run(farm, store, matrix, retry_failed=True)) == {"a": (3, 1, 0, 0)}


def test_a_result_that_comes_twice_is_stored_once(store: MeasurementStore) -> None:
    first, second = result("a", "k0"), result("a", "k0", started="2026-02-02T00:00:00Z")
    assert keep_once(store, first)
    assert not keep_once(store, second)
    assert store.find() == [first]
    failed = result("a", "k1", status="failed", failure="x", timing=None)
    assert keep_once(store, failed)
    assert keep_once(store, result("a", "k1"))
    assert not keep_once(store, failed), "a failure takes no success's place"
    assert store.has("a-k1", "done")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (["{}"], "cannot be read"),
        ([], "another question"),
        ([result("b", "k1").model_dump_json(by_alias=True)], "another question"),
        ([result("a", "k3").model_dump_json(by_alias=True)], "another question"),
    ],
)
def test_an_answer_to_another_question_is_not_stored(
    store: MeasurementStore, matrix: Path, answer: list[str], words: str
) -> None:
    boxes = Boxes()
    boxes.fates["a", "k1"] = lambda one: replace(one, value=answer)
    said: list[str] = []
    assert tallies(run(FakeFarm("a", boxes), store, matrix, said)) == {"a": (0, 3, 0, 1)}
    assert any(words in line for line in said)
    assert not store.has("a-k1")


def test_a_scheduler_that_comes_back_costs_nothing_that_was_stored(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()
    farm = FakeFarm("ab", boxes)

    def restarts(_: Outcome) -> Outcome:
        raise SchedulerGoneError("the scheduler has gone")

    boxes.fates["a", "k2"] = restarts
    said: list[str] = []
    # The fake forgets what was in flight, as a new scheduler does; nothing of it is lost for good.
    report = run(farm, store, matrix, said)
    assert farm.reconnected == 1
    assert "the scheduler is back" in said
    assert tallies(report) == {"a": (0, 4, 0, 0), "b": (0, 4, 0, 0)}


def test_a_scheduler_that_stays_away_ends_the_campaign_and_keeps_what_came(
    store: MeasurementStore, matrix: Path
) -> None:
    boxes = Boxes()
    farm = FakeFarm("a", boxes)

    def goes(_: Outcome) -> Outcome:
        farm.gone = 99
        raise SchedulerGoneError("the scheduler has gone")

    boxes.fates["a", "k2"] = goes
    said: list[str] = []
    report = run(farm, store, matrix, said)
    assert report.interrupted
    assert said[-1] == "gone; what has arrived is stored, run the command again"
    assert len(store.known_keys()) == 2
    farm.gone = 0
    farm.in_flight.clear()
    farm.roster.desk_went("desk")  # as the scheduler notes when the connection ends
    assert tallies(run(farm, store, matrix)) == {"a": (2, 2, 0, 0)}


def test_ctrl_c_keeps_what_came_and_frees_the_boxes(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()
    farm = FakeFarm("a", boxes)

    def interrupted(_: Outcome) -> Outcome:
        raise KeyboardInterrupt

    boxes.fates["a", "k1"] = interrupted
    report = run(farm, store, matrix)
    assert report.interrupted
    assert len(store.known_keys()) == 1
    assert farm.stopped == ["a"], "what is in flight is ended, not taken to its end"
    assert all(campaign.ended for campaign in farm.roster.campaigns.values())


def test_what_a_box_cannot_list_is_said_and_the_others_go_on(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()
    boxes.fates["b", "lists what is to be measured"] = lambda one: replace(
        one, value=None, error="runtime ncnn is not installed"
    )
    said: list[str] = []
    report = run(FakeFarm("ab", boxes), store, matrix, said)
    assert tallies(report) == {"a": (0, 4, 0, 0), "b": (0, 0, 0, 0)}
    assert report.boxes[1].total is None
    assert "box b: runtime ncnn is not installed" in said


def test_a_box_that_is_another_machine_now_is_left_out(store: MeasurementStore, matrix: Path) -> None:
    boxes = Boxes()

    def changed(one: Outcome) -> Outcome:
        text = host("a").model_copy(update={"fingerprint": "other"}).model_dump_json(by_alias=True)
        return replace(one, value={**one.value, "facts": text})

    boxes.fates["a", "lists what is to be measured"] = changed
    report = run(FakeFarm("a", boxes), store, matrix)
    assert "another machine" in str(report.boxes[0].note)
    assert store.known_keys() == set()


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ("c", "box 'c' is not there"),
        ("a,hall-1x", "did you mean 'hall-1'"),
        (",", "write names"),
        ("gone", "it has gone"),
    ],
)
def test_a_box_that_is_not_there_is_named(store: MeasurementStore, matrix: Path, boxes: str, words: str) -> None:
    farm = FakeFarm("ab", Boxes())
    farm.roster.came(farm.roster.boxes["a"].model_copy(update={"name": "hall-1"}))
    farm.roster.came(farm.roster.boxes["a"].model_copy(update={"name": "gone"}))
    farm.roster.went("gone", "")
    with pytest.raises(InputError, match=words):
        run(farm, store, matrix, boxes=boxes)
    assert store.count_runs() == 0


def test_files_are_sent_once_and_begun_again_where_a_box_has_lost_them(
    store: MeasurementStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(b"0123456789" * 10)
    monkeypatch.setattr("advisor.graph.onnx_parts.weight_files", lambda path: ())
    monkeypatch.setattr("advisor.farm.files.PART_BYTES", 40)
    matrix = tmp_path / "matrix.yaml"
    matrix.write_text(f"footprint: false\nmeasurements: [{{model: '{model}'}}]\n", encoding="utf-8")
    boxes = Boxes()
    monkeypatch.setenv("SIZER_CACHE", str(tmp_path / "cache"))
    sent: list[int] = []

    def answer(name: str, call: Call) -> Outcome:
        if call.function in {"lacking", "store_part"}:
            sent.append(call.payload.get("offset", -1))
            if len(sent) == 4:  # its disk was emptied between two parts
                (tmp_path / "cache/farm/files").rename(tmp_path / "away")
            return Outcome(name, call, getattr(work, call.function)(**call.payload))
        return boxes(name, call)

    assert tallies(run(FakeFarm("a", answer), store, matrix)) == {"a": (0, 4, 0, 0)}
    assert sent == [-1, 0, 40, 80, -1, 0, 40, 80]
    sent.clear()
    run(FakeFarm("a", answer), store, matrix)
    assert sent == [-1]


def test_two_boxes_of_one_kind_stay_two() -> None:
    one, two = named(facts(), "a"), named(facts(), "b")
    assert one.fingerprint != two.fingerprint != facts().fingerprint
    assert one == named(facts(), "a")
    assert len(one.fingerprint) == 16


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "ä", "a" * 64, "../a", "a\n"])
def test_a_box_has_a_plain_name(name: str) -> None:
    with pytest.raises(InputError, match="--name"):
        checked_name(name)


def test_a_run_is_one_document_that_is_renewed(store: MeasurementStore, matrix: Path) -> None:
    report = run(FakeFarm("ab", Boxes()), store, matrix)
    (row,) = store.runs(bench_module.RUN_KIND)
    assert row.id == report.run
    assert row.document["ended"] is not None
    assert len(row.document["cells"]) == 8
    (title,) = store.run_titles()
    assert title.title == "matrix.yaml: 8 measurements on 2 boxes"
