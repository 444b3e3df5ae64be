from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from advisor.errors import CatalogueError, Infeasible
from advisor.planner.plan import configure, plan
from advisor.planner.question.demand import stage_demand
from advisor.planner.search.draw_costs import _known_frame_rows
from advisor.records.machine import MachineSpec
from advisor.records.plan import Plan
from advisor.records.scenario import Scenario

from .fakes import FakePredictor, camera, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (1, 2, 4, 6, 8, 16)]


@cache
def usual() -> Plan:
    """The plan of the fakes' shop, made once."""
    return plan(inputs(BOXES))


def test_recommends_the_cheapest_that_holds_and_names_the_rest() -> None:
    result = usual()
    best = result.recommended
    assert best is not None
    # By hand, pessimistic side (x 1.2): decode 120/s x 9.6 ms = 1.15 cores, person 40/s x 25 ms = 1.0,
    # reid 96/s x 6 ms = 0.58 -> 2.7 of 4 cores, 70 % of which are allowed; two cores cannot do.
    assert best.platform == "box-4"
    assert best.price.value == 340.0
    assert len(result.alternatives) >= 2
    assert all((option.price.value or 0) >= 340.0 for option in result.alternatives)
    named = {best.platform, *(item.platform for item in result.alternatives), *(r.platform for r in result.rejected)}
    assert named == {box.platform.id for box in BOXES}


def test_the_utilisation_law_holds_in_the_prediction() -> None:
    result = usual()
    assert result.recommended is not None
    load = result.recommended.predicted.stage_load
    demand = stage_demand(scenario(), {"aisle": 6, "door": 2})
    preprocess = 0.001
    # A fixed batch of the size chosen is paid whole, so the load is at least that of the items.
    assert load["decode"].p50 == pytest.approx(120 * 0.008, rel=0.08)
    assert load["person"].p50 == pytest.approx(demand["person"].items_per_s * (0.02 + preprocess), rel=0.08)
    assert load["reid"].p50 >= demand["reid"].items_per_s * (0.004 + preprocess) * 0.9


def test_the_cheaper_box_that_just_fails_says_why() -> None:
    result = plan(inputs([candidate("small", 2, 200.0), candidate("large", 8, 500.0)], shop=one_box()))
    assert result.recommended is not None
    assert result.recommended.platform == "large"
    assert result.just_fails is not None
    assert result.just_fails.platform == "small"
    assert result.just_fails.check == "cpu"
    assert "cores" in result.just_fails.reason


def test_nothing_feasible_gives_no_recommendation_but_the_nearest_misses_first() -> None:
    result = plan(inputs([candidate("tiny", 1, 90.0), candidate("small", 2, 200.0)], shop=one_box()))
    assert result.recommended is None
    assert [item.platform for item in result.rejected] == ["small", "tiny"]


def test_more_boxes_are_counted_and_paid() -> None:
    shop = scenario(candidates={"max_boxes": 4})
    result = plan(inputs([candidate("small", 2, 200.0)], shop=shop))
    best = result.recommended
    assert best is not None
    assert best.count == 2
    assert best.price.value == 400.0


def test_redundancy_adds_a_box() -> None:
    shop = scenario(margin={"redundancy": "n+1", "headroom_pct": 30.0})
    result = plan(inputs([candidate("large", 8, 500.0)], shop=shop))
    assert result.recommended is not None
    assert result.recommended.count == 2
    assert result.recommended.price.value == 1000.0


def test_too_little_memory_is_never_recommended() -> None:
    result = plan(inputs([candidate("starved", 16, 100.0, memory_gib=1.0), candidate("large", 8, 500.0)]))
    assert result.recommended is not None
    assert result.recommended.platform == "large"
    starved = next(item for item in result.rejected if item.platform == "starved")
    assert starved.check == "memory"


def test_a_latency_budget_below_one_service_time_is_said_with_the_number() -> None:
    shop = scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 5.0, "window_s": 20.0})
    result = plan(inputs([candidate("large", 8, 500.0)], shop=shop))
    assert result.recommended is None
    assert result.rejected[0].check == "latency_p95"
    assert "5 ms" in result.rejected[0].reason


def test_an_unknown_price_is_not_ranked_but_predicted() -> None:
    result = plan(inputs([candidate("gift", 16, None), candidate("large", 8, 500.0)]))
    assert result.recommended is not None
    assert result.recommended.platform == "large"
    gift = next(item for item in result.rejected if item.platform == "gift")
    assert gift.predicted is not None
    assert "price is unknown" in gift.reason


def test_int8_is_never_assumed() -> None:
    f32 = usual().recommended
    int8 = plan(inputs(BOXES, shop=scenario(accuracy={"precisions": ["f32", "int8"]}))).recommended
    assert f32 is not None
    assert int8 is not None
    assert {config.precision for config in f32.config.stages.values()} == {"f32"}
    assert {config.precision for config in int8.config.stages.values()} == {"int8"}
    assert int8.predicted.utilisation["cpu"].p50 * (int8.price.value or 0) < f32.predicted.utilisation["cpu"].p50 * 340


def test_filters_that_leave_nothing_are_infeasible() -> None:
    with pytest.raises(Infeasible, match="max_price"):
        plan(inputs(BOXES, shop=scenario(candidates={"max_price": 10.0})))


def test_a_price_for_no_platform_names_the_nearest() -> None:
    shop = scenario(candidates={"prices": {"boks-4": {"value": 1.0, "date": "2026-01-01", "source": "offer"}}})
    with pytest.raises(CatalogueError, match="box-4"):
        plan(inputs(BOXES, shop=shop))


def test_site_power_refuses_hungry_boxes() -> None:
    shop = scenario(site={"max_power_w": 50.0})
    result = plan(inputs([candidate("hot", 8, 300.0, power_w=120.0), candidate("cool", 8, 500.0)], shop=shop))
    assert result.recommended is not None
    assert result.recommended.platform == "cool"


def test_equal_inputs_give_equal_plans() -> None:
    again = plan(inputs(BOXES))
    assert again.model_dump(exclude={"created"}) == usual().model_dump(exclude={"created"})


def test_what_is_kept_of_the_draws_is_dropped_with_the_plan() -> None:
    kept_meanwhile: list[int] = []
    plan(
        inputs([candidate("large", 8, 500.0)], shop=one_box()),
        keep=lambda *_: kept_meanwhile.append(_known_frame_rows.cache_info().currsize),
    )
    assert kept_meanwhile[0] > 0
    assert _known_frame_rows.cache_info().currsize == 0


def test_a_slower_belief_never_gives_more_capacity() -> None:
    best = plan(inputs(BOXES, FakePredictor({"person": 0.02, "reid": 0.004}, spread=1.5))).recommended
    assert best is not None
    capacity = best.predicted.capacity_cameras
    assert capacity is not None
    assert capacity.p10 < capacity.p50 < capacity.p90
    assert capacity.p10 >= 8 + 0


def test_configure_answers_even_when_the_machine_is_too_small() -> None:
    option = configure(inputs([candidate("tiny", 1, 90.0)]))
    assert not option.feasible
    assert option.platform == "tiny"
    assert option.config.stages["person"].streams == 1
    assert option.probability < 0.1


def one_box() -> Scenario:
    return scenario(candidates={"max_boxes": 1})


def test_an_empty_group_costs_nothing() -> None:
    best = plan(inputs(BOXES, shop=scenario(cameras=[camera(2), camera(0, "door")]))).recommended
    alone = plan(inputs(BOXES, shop=scenario(cameras=[camera(2)]))).recommended
    assert best is not None
    assert alone is not None
    assert best.price == alone.price


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


def test_a_named_platform_that_a_filter_refuses_is_predicted_all_the_same() -> None:
    given = replace(inputs([candidate("dear", 8, 5000.0)], shop=scenario(candidates={"max_price": 100.0})), named=True)
    result = plan(given)
    assert result.recommended is None
    refused = result.rejected[0]
    assert (refused.check, refused.platform) == ("candidates.max_price", "dear")
    assert "5,000" in refused.reason
    assert refused.predicted is not None
    assert refused.predicted.capacity_cameras is not None
    assert refused.predicted.capacity_cameras.p50 >= 8


def test_performance_cores_alone_are_taken_where_the_slower_ones_miss_the_budget() -> None:
    # 80 ms of work: 12 ms on eight performance cores, 17 ms (half as slow again) on all nine, before decode and spread.
    hybrid = candidate("hybrid", 8, 300.0, efficiency_cores=1)
    tight = {"camera_fps": 15.0, "latency_p95_ms": 33.0, "window_s": 20.0}
    predictor = FakePredictor({"person": 0.08, "reid": 0.004})
    stages = [{"id": "person", "model": "like:person", "every": "3 frames"}]
    answers = [
        plan(inputs([hybrid], predictor, scenario(slo=tight | {"latency_p95_ms": budget}, cameras=[camera(1)],
                                                  stages=stages)))
        for budget in (300.0, 33.0)
    ]  # fmt: skip
    kinds = []
    for answer in answers:
        assert answer.recommended is not None
        kinds.append(answer.recommended.config.stages["person"].core_type)
    assert kinds == [None, "performance"]


def test_zero_cameras_need_the_cheapest_box() -> None:
    best = plan(inputs(BOXES, shop=scenario(cameras=[camera(0)]))).recommended
    assert best is not None
    assert best.platform == "box-1"


def test_no_more_boxes_than_cameras_are_tried() -> None:
    shop = scenario(cameras=[dict(scenario().cameras[0].model_dump(), count=2)], candidates={"max_boxes": 9})
    slow = plan(inputs(BOXES, FakePredictor({"person": 9.0, "reid": 0.1}), shop))
    assert slow.recommended is None
    assert all(item.count == 1 for item in slow.rejected)


class SlowedByLoad(FakePredictor):
    """Decoding and preparation take twice as long with all cores busy."""

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return (0.5, 1.0)

    def stacking(self, machine: MachineSpec) -> float:
        return 0.0


def test_a_thousand_cameras_in_forty_equal_groups_take_few_simulations() -> None:
    boxes = [candidate(f"box-{cores}", cores, 100.0 + 55.0 * cores) for cores in (4, 16)]
    shop = scenario(
        cameras=[camera(25, f"g{number}") for number in range(40)],
        candidates={"max_boxes": 400},
        slo={"camera_fps": 15.0, "latency_p95_ms": 300.0, "window_s": 10.0},
    )
    result = plan(inputs(boxes, SlowedByLoad({"person": 0.02, "reid": 0.004}), shop))
    assert result.recommended is not None
    assert result.mix is not None
    simulations, judged = result.search["simulations"], result.search["judged"]
    assert simulations is not None
    assert judged is not None
    # It is 219 with 76 numbers of boxes judged, of up to 400 for each question (the plan, its ladder, what-ifs, a mix).
    assert simulations <= 260
    assert judged <= 100
