from __future__ import annotations

import math
from dataclasses import replace

import pytest

from advisor.planner.answer.predicted_load import capacity_cameras, capacity_factor, fluid_factor, predict_load
from advisor.planner.plan import plan
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.judgement import Deployment
from advisor.planner.search.search import least_deployment
from advisor.planner.search.study import Study
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, best_of, camera, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_capacity_for_requests_is_below_the_utilisation_law_where_latency_binds() -> None:
    shop = scenario(
        cameras=[], activity={},
        requests=[{"group": "web", "rate_per_s": 20.0}],
        stages=[{"id": "person", "model": "like:person", "groups": ["web"]}],
        slo={"latency_p95_ms": 60.0, "window_s": 20.0},
    )  # fmt: skip
    best = plan(inputs([candidate("box", 2, 200.0)], shop=shop)).recommended
    assert best is not None
    capacity = best.predicted.capacity_requests_per_s
    assert capacity is not None
    # Two cores of 20 ms each could take 100 requests/s if none ever waited.
    assert 20.0 <= capacity.p10 <= capacity.p50 <= capacity.p90
    assert capacity.p50 < 0.97 * 100.0
    assert all(item.capacity_requests_per_s is not None for item in best.gain_over_default)


def test_a_stage_that_is_never_reached_needs_no_cores() -> None:
    shop = scenario(activity={"objects_per_frame": {"person": {"mean": 0.0}}})
    best = plan(inputs(BOXES, FakePredictor({"person": 0.02, "reid": 50.0}), shop)).recommended
    assert best is not None
    assert best.predicted.stage_load["reid"].p90 == 0.0


def test_more_objects_than_a_batch_takes_cost_more_passes() -> None:
    shop = scenario(activity={"objects_per_frame": {"person": {"mean": 20.0, "p95": 40.0, "max": 60.0}}})
    best = plan(inputs(BOXES, shop=shop)).recommended
    assert best is not None
    # 8 cameras x 3 looks x 40 objects = 960 crops/s of at least 4 + 1 ms; the load is that of the fullest box.
    assert best.count * best.predicted.stage_load["reid"].p50 >= 960 * 0.005 * 0.9


def deployed(cores: int = 4, shop: Scenario | None = None, count: int = 1) -> Deployment:
    """Boxes with the configuration of the least demand, whether they hold or not."""
    box = candidate("box", cores, 300.0)
    deployment = least_deployment(Study.of(inputs([box], shop=shop)), box, count)
    assert deployment is not None
    return deployment


def test_the_fluid_factor_is_cores_over_demand() -> None:
    one = deployed()
    demand = one.cores(one.nominal, MEDIAN)
    assert fluid_factor(one, MEDIAN) == pytest.approx(4.0 / demand)
    # Twice the boxes carry twice the load of today, and the pessimistic side is 1.2 times slower.
    assert fluid_factor(deployed(count=2), MEDIAN) == pytest.approx(2 * 4.0 / demand)
    assert fluid_factor(one, PESSIMISTIC) == pytest.approx(4.0 / demand / 1.2)


def test_capacity_is_at_most_what_the_utilisation_law_allows_and_exact_to_a_camera() -> None:
    one = deployed()
    capacity = capacity_cameras(one, MEDIAN)
    assert 0 < capacity <= fluid_factor(one, MEDIAN) * 8
    assert one.run(one.case.with_total(capacity, 1), MEDIAN).meets_slo
    assert not one.run(one.case.with_total(capacity + 1, 1), MEDIAN).meets_slo


def test_what_is_known_to_hold_is_not_searched_again() -> None:
    one = deployed()
    capacity = capacity_cameras(one, MEDIAN)
    before = one.study.counters.simulated
    assert capacity_cameras(one, MEDIAN, at_least=capacity) == capacity
    assert one.study.counters.simulated - before <= 2


def test_the_capacity_for_requests_is_known_to_two_percent() -> None:
    shop = scenario(
        cameras=[], activity={}, requests=[{"group": "web", "rate_per_s": 20.0}],
        stages=[{"id": "person", "model": "like:person", "groups": ["web"]}],
        slo={"latency_p95_ms": 80.0, "window_s": 60.0},
    )  # fmt: skip
    one = deployed(shop=shop)
    factor = capacity_factor(one, MEDIAN)
    assert one.run(replace(one.nominal, requests_factor=factor), MEDIAN).meets_slo
    assert not one.run(replace(one.nominal, requests_factor=factor * 1.05), MEDIAN).meets_slo


def test_without_simulated_capacity_the_utilisation_law_is_the_upper_bound() -> None:
    one = deployed()
    rough = predict_load(one, exact=False, feasible=False).predicted
    exact = predict_load(one, exact=True, feasible=False).predicted
    assert rough.capacity_cameras is not None
    assert exact.capacity_cameras is not None
    assert rough.capacity_cameras.p50 == math.floor(fluid_factor(one, MEDIAN) * 8)
    for side in ("p10", "p50", "p90"):
        assert getattr(exact.capacity_cameras, side) <= getattr(rough.capacity_cameras, side)


def test_busy_cores_follow_the_utilisation_law_at_each_quantile() -> None:
    one = deployed(cores=8)
    load = predict_load(one, exact=True, feasible=True).predicted.stage_load
    assert load["decode"].p50 == pytest.approx(120 * 0.008, rel=0.05)
    # Busy cores of decode, person, reid and preparation, each known to a factor of 1.2; half of the variance of the two
    # models is common, the rest independent. To first order their sum is known to 1.2 to the power of this share:
    decode, person, reid, preparation = 120 * 0.008, 40 * 0.02, 96 * 0.004, 40 * 0.001 + 96 * 0.001
    variance = decode**2 + person**2 + reid**2 + 2 * 0.5 * person * reid + preparation**2
    share = math.sqrt(variance) / (decode + person + reid + preparation)
    assert 0.6 < share < 0.65
    assert load["decode"].p90 == pytest.approx(decode * 1.2**share, rel=0.03)
    assert load["decode"].p10 == pytest.approx(decode / 1.2**share, rel=0.03)


def test_one_simulation_per_quantile_shows_an_overloaded_box() -> None:
    tiny = deployed(cores=1, shop=scenario(cameras=[camera(60)]))
    predicted = predict_load(tiny, exact=False, feasible=False).predicted
    assert tiny.study.counters.simulated == 3
    assert predicted.utilisation["cpu"].p10 > 0.95
    assert predicted.camera_fps.p90 < 15.0


def test_no_more_cameras_are_carried_than_the_memory_holds() -> None:
    """3,422 cameras were predicted on a line before "memory would be full at 136 cameras"."""
    slow = [{"group": "a", "count": 2, "resolution": "320x240", "fps": 0.2, "bitrate_kbps": 100.0, "codec": "raw"}]
    shop = scenario(cameras=slow, slo={"latency_p95_ms": 1000.0, "window_s": 60.0})
    best = best_of(plan(inputs([candidate("box", 8, 300.0, memory_gib=2.0)], shop=shop)))
    memory = next(item for item in best.breaks_first if item.resource == "memory")
    capacity = best.predicted.capacity_cameras
    assert capacity is not None
    assert memory.at_cameras is not None
    assert capacity.p90 == math.floor(memory.at_cameras) < 20
    assert all(item.at_cameras is None or item.at_cameras >= memory.at_cameras for item in best.breaks_first)
