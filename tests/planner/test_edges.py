from __future__ import annotations

import pytest

from advisor.planner.inputs import Candidate
from advisor.planner.plan import plan

from .fakes import FakePredictor, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def camera(count: int, group: str = "aisle") -> dict[str, object]:
    return {"group": group, "count": count, "resolution": "1920x1080", "fps": 15.0, "bitrate_kbps": 4000.0}


def test_an_empty_group_costs_nothing() -> None:
    best = plan(inputs(BOXES, shop=scenario(cameras=[camera(2), camera(0, "door")]))).recommended
    alone = plan(inputs(BOXES, shop=scenario(cameras=[camera(2)]))).recommended
    assert best is not None
    assert alone is not None
    assert best.price == alone.price


def test_ten_thousand_cameras_are_too_many_and_the_misses_are_named() -> None:
    result = plan(inputs(BOXES, shop=scenario(cameras=[camera(10_000)])))
    assert result.recommended is None
    assert result.nearest_misses[0].platform == "box-16"
    assert "not even 4 boxes" in result.nearest_misses[0].reason
    assert len(result.nearest_misses) == 3


def test_a_stage_that_is_never_reached_needs_no_cores() -> None:
    shop = scenario(activity={"objects_per_frame": {"person": {"mean": 0.0}}})
    best = plan(inputs(BOXES, FakePredictor({"person": 0.02, "reid": 50.0}), shop)).recommended
    assert best is not None
    assert best.predicted.stage_load["reid"].p90 == 0.0


def test_more_objects_than_a_batch_takes_cost_more_passes() -> None:
    shop = scenario(activity={"objects_per_frame": {"person": {"mean": 20.0, "p95": 40.0, "max": 60.0}}})
    best = plan(inputs(BOXES, shop=shop)).recommended
    assert best is not None
    # 8 cameras x 3 looks x 40 objects = 960 crops/s of at least 4 + 1 ms.
    assert best.predicted.stage_load["reid"].p50 >= 960 * 0.005 * 0.9


def test_a_platform_of_unknown_memory_is_refused_with_the_need() -> None:
    known = candidate("mystery", 16, 50.0)
    unknown = Candidate(known.platform, known.machine.model_copy(update={"memory_bytes": None}))
    result = plan(inputs([unknown, *BOXES]))
    refused = next(item for item in result.rejected if item.platform == "mystery")
    assert refused.check == "memory"
    assert "unknown" in refused.reason


def test_a_camera_that_one_core_cannot_decode_is_said() -> None:
    shop = scenario(cameras=[camera(1) | {"resolution": "7680x4320", "fps": 60.0}])
    result = plan(inputs(BOXES, shop=shop))
    assert result.recommended is None
    assert result.nearest_misses[0].check == "camera_fps"
    assert "sub-stream" in result.nearest_misses[0].reason


def test_alternatives_are_no_variants_of_one_box() -> None:
    twins = [candidate(f"box-8-{gib}", 8, 300.0 + gib, memory_gib=gib) for gib in (8, 16, 32, 64)]
    same = [Candidate(t.platform.model_copy(update={"processor": "one-chip"}), t.machine) for t in twins]
    result = plan(inputs([*same, candidate("other", 8, 500.0), candidate("big", 16, 700.0)]))
    assert result.recommended is not None
    assert result.recommended.platform == "box-8-8"
    assert {item.platform for item in result.alternatives[1:]} >= {"other"} or result.alternatives[
        0
    ].platform == "other"


def test_the_pareto_front_gains_headroom_with_price() -> None:
    result = plan(inputs(BOXES))
    assert result.pareto == ("box-4", "box-8", "box-16")


def test_just_fails_is_judged_cheaper_and_exact() -> None:
    result = plan(inputs(BOXES, shop=scenario(candidates={"max_boxes": 1})))
    assert result.recommended is not None
    assert result.just_fails is not None
    assert result.just_fails.platform == "box-2"
    assert result.just_fails.capacity_exact
    assert result.just_fails.price is not None
    assert (result.just_fails.price.value or 0) < (result.recommended.price.value or 0)


def test_the_gain_over_openvinos_default_is_a_ratio_of_capacities() -> None:
    best = plan(inputs(BOXES, shop=scenario(accuracy={"precisions": ["f32", "int8"]}))).recommended
    assert best is not None
    throughput = next(item for item in best.gain_over_default if item.hint == "throughput")
    capacity = best.predicted.capacity_cameras
    assert capacity is not None
    assert throughput.capacity_cameras
    assert throughput.ratio == pytest.approx(capacity.p50 / throughput.capacity_cameras)
    assert throughput.ratio > 1.2  # int8 takes 0.4 of the time in the fake


def test_tco_may_choose_the_dearer_box() -> None:
    money = {"objective": "tco", "electricity_per_kwh": 0.5, "lifetime_years": 10.0, "licence_per_box": 300.0}
    pair = [candidate("small", 3, 150.0), candidate("large", 8, 400.0)]
    by_price = plan(inputs(pair)).recommended
    by_tco = plan(inputs(pair, shop=scenario(money=money))).recommended
    assert by_price is not None
    assert by_tco is not None
    # Two small boxes cost 300, but two licences and two idle draws more than eat the difference.
    assert (by_price.platform, by_price.count) == ("small", 2)
    assert by_tco.platform == "large"
