from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import pytest

from advisor.planner.answer.baseline import whole_cores
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.rank import affordable, price
from advisor.planner.search.search import SEEDS, Ask, Searcher
from advisor.planner.search.space import Z90, PlatformModel
from advisor.records.machine import MachineSpec

from .fakes import TODAY, FakeCost, FakePredictor, candidate, inputs, model_file, scenario

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
    prices = [point.price.value or 0.0 for point in result.pareto_points]
    rooms = [point.headroom for point in result.pareto_points]
    assert prices == sorted(prices)
    assert rooms == sorted(rooms)


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
    assert throughput.ratio is not None
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


def test_a_stale_price_is_warned_of() -> None:
    old = candidate("old", 8, 500.0, price_date=TODAY - dt.timedelta(days=400))
    result = plan(inputs([old]))
    assert any("old: the price is from 2025-10-17, more than 12 months old" in text for text in result.warnings)
    fresh = plan(inputs([candidate("new", 8, 500.0)]))
    assert not any("12 months" in text for text in fresh.warnings)
    quoted = {"old": {"value": 450.0, "date": "2026-11-01", "source": "offer 17"}}
    assert not any(
        "12 months" in text for text in plan(inputs([old], shop=scenario(candidates={"prices": quoted}))).warnings
    )


def test_a_power_limit_that_contradicts_the_load_is_named_with_the_least_that_would_do() -> None:
    boxes = [candidate("thrifty", 1, 100.0, power_w=10.0), candidate("strong", 8, 500.0, power_w=65.0),
             candidate("stronger", 16, 400.0, power_w=95.0)]  # fmt: skip
    result = plan(inputs(boxes, shop=scenario(site={"max_power_w": 15.0})))
    assert result.recommended is None
    change = next(item for item in result.scenario_changes if item.change.startswith("site.max_power_w"))
    assert change.change == "site.max_power_w 65 instead of 15"
    assert change.platform == "strong"
    assert next(item for item in result.rejected if item.platform == "strong").check == "site.max_power_w"


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


def test_no_inference_stream_spans_numa_nodes() -> None:
    one = candidate("one", 16, 300.0)
    two = Candidate(one.platform, one.machine.model_copy(update={"numa_nodes": 2}))
    for box, most in ((one, 16), (two, 8)):
        model = PlatformModel(inputs([box]), box)
        options = model.every_option(scenario(), scenario().stages[0])
        assert max(option.threads_per_stream for option in options) == most


def test_a_runtime_is_considered_where_it_was_measured_only() -> None:
    box = candidate("box", 8, 300.0)
    given = replace(inputs([box]), runtimes_measured={"box": ("onnxruntime",)})
    stage = scenario().stages[0]
    assert {o.config.runtime for o in PlatformModel(inputs([box]), box).every_option(scenario(), stage)} == {"openvino"}
    found = PlatformModel(given, box).every_option(scenario(), stage)
    assert {option.config.runtime for option in found} == {"openvino", "onnxruntime"}


def test_a_smaller_model_of_the_family_saves_what_the_cheaper_box_costs_less() -> None:
    given = inputs([candidate("small", 2, 200.0), candidate("large", 8, 500.0)],
                   FakePredictor({"person": 0.05, "reid": 0.001, "small-person": 0.004}),
                   scenario(candidates={"max_boxes": 1}, cameras=[camera(4)]))  # fmt: skip
    smaller = model_file("person").model_copy(update={"reference": "small-person", "name": "small-person"})
    result = plan(replace(given, smaller={"person": smaller}))
    assert result.recommended is not None
    assert result.recommended.platform == "large"
    change = next(item for item in result.scenario_changes if "small-person" in item.change)
    assert change.platform == "small"
    assert "saving 300 USD" in change.text


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


def test_near_a_limit_every_draw_must_hold() -> None:
    ask = Ask.of(scenario())
    for seed in range(10):
        searcher = Searcher(replace(inputs(BOXES), seed=seed))
        judged = searcher.judge(BOXES[1], 1, ask)
        assert judged.setup is not None
        runs = [
            searcher.run(judged.model, ask.scenario, judged.setup, ask.load(1), Z90, draw=draw) for draw in range(SEEDS)
        ]
        p95_ms = [run.p95_ms or 0.0 for run in runs]
        if p95_ms[0] < max(p95_ms):
            break
    else:
        pytest.fail("the first of three draws is the slowest ten times in a row")
    # A budget that the first draw keeps and another one misses.
    slo = scenario().slo.model_copy(update={"latency_p95_ms": (p95_ms[0] + max(p95_ms)) / 2})
    tight = scenario().model_copy(update={"slo": slo})
    _, refused = searcher.assess(judged.model, tight, judged.setup, ask.load(1), Z90)
    assert refused is not None
    assert refused[0] == "latency_p95"


def test_a_partition_gives_the_busiest_part_most_cores() -> None:
    assert whole_cores({"a": 2.0, "b": 1.0, "decode": 0.5}, 7) == {"a": 4.0, "b": 2.0, "decode": 1.0}
    assert whole_cores({"a": 1.0, "b": 1.0}, 1) is None


def test_the_partition_and_auto_are_named_baselines() -> None:
    best = plan(inputs(BOXES)).recommended
    assert best is not None
    gains = {item.hint: item for item in best.gain_over_default}
    assert set(gains) == {"throughput", "latency", "auto", "partition"}
    assert gains["auto"].capacity_cameras == gains["latency"].capacity_cameras
    assert gains["partition"].ratio is None or gains["partition"].ratio >= 1.0


def test_zero_cameras_need_the_cheapest_box() -> None:
    best = plan(inputs(BOXES, shop=scenario(cameras=[camera(0)]))).recommended
    assert best is not None
    assert best.platform == "box-2"


def test_what_breaks_first_is_said_for_requests_too() -> None:
    shop = scenario(
        cameras=[], activity={}, requests=[{"group": "web", "rate_per_s": 20.0}],
        stages=[{"id": "person", "model": "like:person", "groups": ["web"]}],
        slo={"latency_p95_ms": 80.0, "window_s": 20.0},
    )  # fmt: skip
    best = plan(inputs([candidate("box", 4, 200.0)], shop=shop)).recommended
    assert best is not None
    rates = {item.resource: item.at_requests_per_s or 0.0 for item in best.breaks_first}
    # 70 % of four cores, each request 20 ms; two to three streams are full at 100 to 150 requests/s.
    assert rates.pop("headroom") == pytest.approx(0.7 * 4 / 0.02)
    ((resource, rate),) = rates.items()
    assert resource in {"drops", "latency_p95"}
    assert 20.0 < rate < 150.0
    assert list(best.breaks_first) == sorted(best.breaks_first, key=lambda item: item.at_requests_per_s or 0.0)


def test_a_budget_below_one_service_time_is_said_before_missing_cores() -> None:
    shop = scenario(cameras=[camera(400)], slo={"camera_fps": 15.0, "latency_p95_ms": 5.0, "window_s": 20.0})
    miss = plan(inputs(BOXES, shop=shop)).nearest_misses[0]
    assert miss.check == "latency_p95"
    assert "the budget is 5 ms" in miss.reason


class PixelPredictor(FakePredictor):
    """Preparation costs 1 ns per pixel of the picture."""

    def preprocess(self, machine: MachineSpec, source: tuple[int, int], target: tuple[int, int]) -> FakeCost:
        return FakeCost(self._interval(source[0] * source[1] * 1e-9))


def test_a_sub_stream_is_prepared_at_its_own_size() -> None:
    whole = scenario(cameras=[camera(1)])
    halved = scenario(cameras=[{**camera(1), "resolution": "960x540"}])
    model = PlatformModel(inputs([], PixelPredictor({"person": 0.02, "reid": 0.004})), BOXES[0])
    costs = [model.options(shop, shop.stage("person"))[0].preprocess_s(0.0) for shop in (whole, halved)]
    assert costs == pytest.approx([1920 * 1080e-9, 960 * 540e-9])


def test_a_box_too_dear_by_price_alone_is_not_asked_about() -> None:
    searcher = Searcher(inputs(BOXES))
    prices = [price(searcher, box, 1, searcher.inputs.scenario).value for box in BOXES]
    assert prices[1] is not None
    within = affordable(searcher, BOXES, searcher.inputs.scenario, prices[1])
    assert [box.platform.id for box in within] == ["box-2"]
    assert affordable(searcher, BOXES, searcher.inputs.scenario, math.inf) == BOXES
