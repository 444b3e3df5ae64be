from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.planner.question.demand import (
    busy_level,
    camera_counts,
    dealing_order,
    decode_rates,
    per_box,
    spread,
    stage_demand,
)
from advisor.records.scenario import ObjectCount, Scenario
from tests.planner.fakes import scenario


def test_store_analytics_like_rates_by_hand() -> None:
    # 8 cameras at 15 FPS, detector on every third frame: 40 calls/s; four objects at the 95 % point on every fifth
    # frame: 8 x 15 / 5 x 4 = 96 crops/s.
    demand = stage_demand(scenario(), {"aisle": 6, "door": 2})
    assert demand["person"].items_per_s == pytest.approx(40.0)
    assert demand["reid"].frames_per_s == pytest.approx(24.0)
    assert demand["reid"].items_per_s == pytest.approx(96.0)


def test_a_stage_on_objects_is_never_faster_than_its_parent() -> None:
    shop = scenario(
        stages=[
            {"id": "person", "model": "a", "every": "6 frames"},
            {"id": "reid", "model": "b", "on": "person", "every": "2 frames"},
        ]
    )
    demand = stage_demand(shop, camera_counts(shop))
    assert demand["reid"].frames_per_s == pytest.approx(demand["person"].frames_per_s)


def test_groups_limit_the_rate() -> None:
    shop = scenario(stages=[{"id": "person", "model": "a", "groups": ["door"]}])
    assert stage_demand(shop, camera_counts(shop))["person"].items_per_s == pytest.approx(2 * 15.0)


def test_busy_level() -> None:
    assert busy_level(ObjectCount(mean=4.0, p95=12.0, max=25.0), "p95") == 12.0
    assert busy_level(ObjectCount(mean=4.0, p95=12.0, max=25.0), "mean") == 4.0
    # Poisson with mean 3: P(X <= 5) = 0.916, P(X <= 6) = 0.966.
    assert busy_level(ObjectCount(mean=3.0), "p95") == 6.0
    assert busy_level(ObjectCount(mean=3.0, max=4.0), "p95") == 4.0


def test_raw_cameras_need_no_decode() -> None:
    shop = scenario(cameras=[{"group": "line", "count": 1, "resolution": "1280x1024", "codec": "raw", "fps": 60.0}])
    assert decode_rates(shop, {"line": 1}) == {"line": 0.0}


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 50), min_size=1), st.integers(0, 500))
def test_spread_keeps_total_and_shares(counts: dict[str, int], total: int) -> None:
    result = spread(counts, total)
    now = sum(counts.values())
    if now == 0:
        assert result == counts
        return
    assert sum(result.values()) == total
    assert all(abs(result[name] - counts[name] * total / now) < 1 + 1e-9 for name in counts)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([5.0, 15.0, 30.0])), min_size=1, max_size=8),
    st.integers(1, 40),
)
def test_the_fullest_box_is_dealt_at_least_what_any_other_is(groups: list[tuple[int, float]], boxes: int) -> None:
    site = _site([(f"g{i}", "1280x720", fps) for i, (_, fps) in enumerate(groups)])
    counts = {f"g{i}": count for i, (count, _) in enumerate(groups)}
    fullest = per_box(dealing_order(site), counts, boxes)
    rate_of = {group.group: group.fps for group in site.cameras}
    in_turn = sorted((name for name, count in counts.items() for _ in range(count)), key=lambda name: -rate_of[name])
    dealt = [in_turn[box::boxes] for box in range(boxes)]
    assert sum(fullest.values()) == max(map(len, dealt)) == math.ceil(sum(counts.values()) / boxes)
    rates = [sum(rate_of[name] for name in box) for box in dealt]
    assert sum(rate_of[name] * count for name, count in fullest.items()) == max(rates)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 12))
def test_every_kind_of_frame_is_on_the_fullest_box(many: int, few: int, boxes: int) -> None:
    site = _site([("hall", "1280x720", 15.0), ("gate", "3840x2160", 1.0)])
    fullest = per_box(dealing_order(site), {"hall": many, "gate": few}, boxes)
    assert fullest == {"hall": math.ceil(many / boxes), "gate": math.ceil(few / boxes)}


@given(st.lists(st.integers(0, 30), min_size=3, max_size=3), st.integers(1, 40))
def test_more_boxes_leave_the_fullest_no_more_to_carry(numbers: list[int], boxes: int) -> None:
    site = _site([("a", "1280x720", 5.0), ("b", "1280x720", 30.0), ("c", "640x480", 30.0)])
    counts = dict(zip("abc", numbers, strict=True))

    def load(number: int) -> list[float]:
        dealt = per_box(dealing_order(site), counts, number)
        return [dealt["a"] + dealt["b"], 5.0 * dealt["a"] + 30.0 * dealt["b"], dealt["c"]]

    assert all(less <= more for less, more in zip(load(boxes + 1), load(boxes), strict=True))


def test_forty_groups_are_no_forty_cameras_a_box() -> None:
    site = _site([(f"g{i}", "1280x720", 10.0 + i) for i in range(40)])
    fullest = per_box(dealing_order(site), {f"g{i}": 25 for i in range(40)}, 100)
    assert sum(fullest.values()) == 10
    assert fullest["g39"] == 1  # with the most frames per second
    assert max(fullest.values()) == 1


def _site(groups: list[tuple[str, str, float]]) -> Scenario:
    return scenario(
        cameras=[{"group": name, "count": 1, "resolution": size, "fps": fps} for name, size, fps in groups],
        stages=[{"id": "person", "model": "m", "every": "3 frames"}],
    )
