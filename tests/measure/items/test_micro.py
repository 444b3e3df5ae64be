import os
from dataclasses import asdict
from pathlib import Path

import pytest

from advisor.errors import RuntimeRefusal
from advisor.measure.campaign.campaign import Campaign, Entry, Options, run
from advisor.measure.items.micro import siblings
from advisor.measure.items.micro import stacking as stacking_item
from advisor.measure.items.micro.decoded import decoded
from advisor.measure.items.micro.item import MicroItem
from advisor.measure.items.micro.selection import all_threads, level_bytes, micro_items, no_siblings
from advisor.measure.items.micro.stacking import Span, met, stacking
from advisor.records.measurement import COLD_DECODED
from advisor.store.measurements import MeasurementStore
from tests.measure.hosts import facts
from tests.measure.measuring import measured


def test_items_follow_the_machine() -> None:
    names = [item.name for item in micro_items(facts(threads=8))]
    assert {"peak/openvino/f32/native/t1", "peak/openvino/int8/native/t8", "bandwidth/l3/t1"} <= set(names)
    assert [name for name in names if name.startswith("barrier")] == ["barrier/t2", "barrier/t4", "barrier/t8"]
    assert names.count("stacking") == names.count(COLD_DECODED) == 1
    alone = [item.name for item in micro_items(facts(threads=1))]
    assert "stacking" not in alone
    assert COLD_DECODED in alone
    assert not any("barrier" in name or name.endswith("/t2") for name in alone)
    # A quota of 1.5 cores of 8: one thread, not two that are throttled.
    assert all_threads(facts(threads=8, quota=1.5)) == 1
    capped = [item for item in micro_items(facts(), simd_caps=(None, "avx2")) if item.simd_cap == "avx2"]
    assert {item.threads for item in capped} == {1}


def test_working_sets_fit_their_level() -> None:
    levels = level_bytes(facts(threads=4))
    assert 2 * levels["l2"] <= 524288
    assert 524288 < 2 * levels["l3"] <= 32e6
    assert 2 * levels["dram"] > 32e6
    assert "l3" not in level_bytes(facts(l3_bytes=None))


@pytest.mark.runtime
def test_figures_through_openvino() -> None:
    wanted = [
        item
        for item in micro_items(facts(), duration_s=0.05)
        if item.name
        in {"peak/openvino/f32/native/t1", "bandwidth/l2/t1", "barrier/t2", "overhead/openvino", "cold/openvino/t1"}
    ]
    found = {record.name: record for record in measured(wanted)}
    assert {record.unit for record in found.values()} == {"FLOP/s", "B/s", "s"}
    # Wide limits of any machine: between 1 GFLOP/s and 10 TFLOP/s per core, 1 us to 10 ms per call.
    assert 1e9 < found["peak/openvino/f32/native/t1"].value < 1e13
    assert 1e8 < found["bandwidth/l2/t1"].value < 1e13
    assert 0 <= found["barrier/t2"].value < 1e-2
    cold = found["cold/openvino/t1"]
    assert cold.unit == "s"
    assert 0 <= cold.value < 0.1
    assert float(cold.parameters["tight_s"]) > 0
    assert 1e-6 < found["overhead/openvino"].value < 1e-2


def test_a_figure_that_cannot_be_taken_is_kept_as_failed_until_told_to_retry(tmp_path: Path) -> None:
    item = MicroItem("peak/openvino/none", "no such kind", "openvino", duration_s=0.05)
    with MeasurementStore(tmp_path / "s.db") as store:
        todo = Campaign((Entry(item, 0.1),))
        assert run(todo, store, facts()).failed == 1
        (kept,) = store.micro_failures("test-host")
        assert (kept.name, kept.key) == (item.name, item.key("test-host"))
        assert "no such kind" in kept.failure
        assert run(todo, store, facts()).known == 1
        assert run(todo, store, facts(), options=Options(retry_failed=True)).failed == 1


def test_siblings_are_compared_only_where_a_core_has_two_threads() -> None:
    def named(per_core: int | None) -> tuple[list[str], tuple[str, ...]]:
        box = facts()
        box = box.model_copy(update={"cpu": box.cpu.model_copy(update={"threads_per_core": per_core})})
        return [item.name for item in micro_items(box) if item.kind == "siblings"], no_siblings(box)

    assert named(2) == (["siblings/openvino"], ())
    assert named(1) == ([], ("gain of SMT siblings: every core has one thread here",))
    assert named(None)[0] == []
    assert "does not report" in named(None)[1][0]
    item = MicroItem("siblings/openvino", "siblings", "openvino")
    assert item.process != MicroItem("overhead/openvino", "overhead", "openvino").process


@pytest.mark.runtime
def test_siblings_without_any_are_refused_and_two_threads_give_a_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = asdict(MicroItem("siblings/openvino", "siblings", "openvino", duration_s=0.2))
    monkeypatch.setattr(siblings, "usable_pair", lambda: None)
    with pytest.raises(RuntimeRefusal, match="no core has two threads"):
        siblings.siblings(payload, tmp_path)
    allowed = sorted(os.sched_getaffinity(0))
    monkeypatch.setattr(siblings, "usable_pair", lambda: (allowed[0], allowed[-1]))
    try:
        taken = siblings.siblings(payload, tmp_path)
    finally:
        os.sched_setaffinity(0, allowed)
    assert taken["unit"] == "1"
    assert 0.2 < taken["value"] < 4


def _span(
    called_s: float, units: int, unit_s: float = 1e-3, late_s: float = 0.0, stop: tuple[int, float] = (0, 0.0)
) -> Span:
    """Work of so many units, the one at place ``stop[0]`` lengthened by a wait of ``stop[1]``."""
    begun_s = called_s + late_s
    lengths_s = [unit_s + (stop[1] if place == stop[0] else 0.0) for place in range(units)]
    return Span(called_s, begun_s, [begun_s + sum(lengths_s[: place + 1]) for place in range(units)])


@pytest.mark.parametrize(
    ("long", "short", "found"),
    [
        (_span(0.0, 10), _span(0.003, 3), [False]),  # side by side
        (_span(0.0, 10, stop=(3, 3e-3)), _span(0.0031, 3), [True]),  # the long one waits
        (_span(0.0, 10), _span(0.003, 3, late_s=2e-3), [True]),  # the short one does
        (_span(0.0, 10), _span(0.003, 3, unit_s=1.6e-3), [False]),  # a sibling thread slows both
        (_span(0.0, 10), _span(0.008, 3), []),  # the long one ends first
        (_span(0.005, 10), _span(0.003, 3), []),  # and begins later
    ],
)
def test_works_that_meet_on_one_core_are_told_from_those_side_by_side(
    long: Span, short: Span, found: list[bool]
) -> None:
    assert met([long, _span(1.0, 10)], [short]) == found


def test_works_beside_none_or_more_than_one_say_nothing() -> None:
    assert met([], [_span(0.003, 3)]) == []
    assert met([_span(0.0, 10), _span(0.0, 10)], [_span(0.003, 3)]) == []


def test_what_decoding_costs_a_pass_is_a_share_of_what_a_pause_costs(tmp_path: Path) -> None:
    found = decoded(asdict(MicroItem(COLD_DECODED, "decoded", "openvino", duration_s=0.5)), tmp_path)
    assert (found["name"], found["unit"]) == (COLD_DECODED, "1")
    assert 0.0 <= found["value"] <= 1.0
    assert found["samples"] >= 12
    figures = {name: float(found["parameters"][name]) for name in ("picture_s", "tight_s", "short_share")}
    assert figures["picture_s"] > 0
    assert figures["tight_s"] > 0
    assert 0.0 <= figures["short_share"] <= 1.0


STACKING = asdict(MicroItem("stacking", "stacking", "openvino", duration_s=1.5))


def test_stacking_is_a_share_of_works_that_met(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    longs = [_span(0.0, 10), _span(0.1, 10, stop=(3, 3e-3)), _span(0.2, 10), _span(0.3, 10)]
    shorts = [_span(long.called_s + 0.0031, 3) for long in longs]
    alone = [_span(1.0, 3)]
    monkeypatch.setattr(stacking_item, "_record", lambda lanes, duration_s: (longs, shorts + alone))
    found = stacking(STACKING, tmp_path)
    assert (found["name"], found["unit"]) == ("stacking", "1")
    assert (found["value"], found["samples"]) == (0.25, 4)
    monkeypatch.setattr(stacking_item, "_record", lambda lanes, duration_s: (longs, alone))
    with pytest.raises(RuntimeRefusal, match="no short work began beside a long one"):
        stacking(STACKING, tmp_path)


def test_works_meet_on_this_machine(tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: nothing can be stacked")
    for attempt in range(20):  # on a busy machine no work may get through beside another in 1.5 s
        try:
            found = stacking(STACKING, tmp_path)
            break
        except RuntimeRefusal:
            if attempt == 19:
                raise
    assert 0.0 <= found["value"] <= 1.0
    assert found["samples"] > 0


def test_one_processor_stacks_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(RuntimeRefusal, match="one processor"):
        stacking(asdict(MicroItem("stacking", "stacking", "openvino")), tmp_path)
