from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.planner.question.demand import busy_level, camera_counts, decode_rates, per_box, spread, stage_demand
from advisor.records.scenario import ObjectCount
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


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 50), min_size=1), st.integers(1, 6))
def test_the_fullest_box_carries_its_share(counts: dict[str, int], boxes: int) -> None:
    assert per_box(counts, boxes) == {name: math.ceil(count / boxes) for name, count in counts.items()}
