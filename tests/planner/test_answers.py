"""What the plan says beyond yes and no: doubt and what would settle it, what more money buys, what breaks first."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from advisor.planner.answer.options import buys
from advisor.planner.plan import plan
from advisor.planner.search.rank import most_boxes, most_free
from advisor.planner.search.search import Ask, Searcher
from advisor.records.model import ModelWork
from advisor.records.plan import Plan, PlanOption

from .fakes import TODAY, FakePredictor, candidate, inputs, scenario, work

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def best_of(result: Plan) -> PlanOption:
    assert result.recommended is not None
    return result.recommended


def doubtful(spread: float = 1.6) -> Plan:
    """A catalogue in which box-4 holds at the median and only box-8 on the pessimistic side."""
    predictor = FakePredictor({"person": 0.02, "reid": 0.004}, spread)
    return plan(inputs(BOXES, predictor, scenario(candidates={"max_boxes": 1})))


def test_what_holds_at_the_median_only_cannot_be_told() -> None:
    result = doubtful()
    assert best_of(result).platform == "box-8"
    (item,) = result.undecided
    assert (item.platform, item.count) == ("box-4", 1)
    assert item.price.value == pytest.approx(340.0)
    assert 0.5 <= item.probability < 0.9
    assert "`sizer verify` on it would settle that" in item.text
    # With less doubt the smaller box holds and nothing cheaper is left to doubt.
    sure = doubtful(1.05)
    assert best_of(sure).platform == "box-4"
    assert sure.undecided == ()


def test_the_measurement_named_is_that_of_the_largest_doubt() -> None:
    heavy_objects = FakePredictor({"person": 0.002, "reid": 0.02}, 1.6)
    shop = scenario(cameras=[dict(scenario().cameras[0].model_dump(), codec="raw")], candidates={"max_boxes": 1})
    best = best_of(plan(inputs(BOXES, heavy_objects, shop)))
    assert best.next_measurement is not None
    assert best.next_measurement.part == "reid"
    assert best.next_measurement.command == "sizer bench like:reid"
    assert 0.5 < best.next_measurement.share <= 1.0


def test_without_evidence_nothing_can_be_told() -> None:
    def nothing_runs(stage: str, runtime: str, precision: str, batch: int) -> ModelWork | None:
        return None if stage == "reid" else work(stage, runtime, precision, batch)

    result = plan(replace(inputs(BOXES), works=nothing_runs))
    assert result.recommended is None
    assert result.nothing_known
    assert not plan(inputs(BOXES, shop=scenario(margin={"headroom_pct": 99.0}))).nothing_known
    assert all(item.check == "evidence" for item in result.rejected)
    assert "cannot tell" in result.rejected[0].reason
    assert "`sizer bench`" in result.rejected[0].reason


def test_a_dearer_box_says_what_it_buys() -> None:
    result = plan(inputs(BOXES, shop=scenario(candidates={"max_boxes": 1})))
    best, dearer = best_of(result), result.alternatives[0]
    assert best.buys == ""
    assert dearer.buys.startswith("240 USD more and ")
    assert "cameras on the pessimistic side" in dearer.buys
    assert buys(best, best) == "at the same price: nothing better is predicted"


def test_headroom_is_counted_in_the_cores_that_are_used() -> None:
    # Two performance cores among ten: what they do quicker must not be held against all ten.
    hybrid = candidate("hybrid", 2, 300.0, efficiency_cores=8)
    given = inputs([hybrid])
    searcher, ask = Searcher(given), Ask.of(given.scenario)
    searcher.prepare([hybrid])
    whole, quick = searcher.models(hybrid)
    assert (whole.cores, quick.cores) == (10.0, 2.0)
    free = most_free(searcher, hybrid, ask, 1)
    alone = Searcher(inputs([candidate("alone", 2, 300.0)]))
    assert free >= most_free(alone, alone.inputs.candidates[0], ask, 1)
    (point,) = plan(given).pareto_points
    assert point.headroom <= free + 0.02


def test_the_front_is_by_price_whatever_the_objective_and_headroom_is_what_was_simulated() -> None:
    money = {"objective": "tco", "electricity_per_kwh": 0.5, "lifetime_years": 10.0}
    for shop in (scenario(), scenario(money=money)):
        result = plan(inputs(BOXES, shop=shop))
        prices = [point.price.value or 0.0 for point in result.pareto_points]
        assert prices == sorted(prices)
        assert best_of(result).platform in result.pareto
        assert result.pareto_points[0].headroom >= 0.3  # the margin that the scenario asks


def test_a_change_that_saves_nothing_is_said() -> None:
    only = plan(inputs([candidate("only", 8, 500.0)]))
    assert only.scenario_changes
    assert all(not item.holds and "no cheaper box" in item.text for item in only.scenario_changes)
    heavy = FakePredictor({"person": 0.1, "reid": 0.004})
    found = plan(inputs(BOXES, heavy, scenario(candidates={"max_boxes": 1}))).scenario_changes
    assert any(item.holds and "saving" in item.text for item in found)


def test_permitting_int8_is_tried_and_its_saving_said() -> None:
    result = plan(inputs(BOXES, FakePredictor({"person": 0.05, "reid": 0.002})))
    (change,) = [item for item in result.scenario_changes if item.change.startswith("int8 permitted")]
    # In f32 two boxes or large ones are needed; int8 takes 0.4 of the time.
    assert change.holds
    saved = (best_of(result).price.value or 0.0) - (change.price or 0.0)
    assert saved > 0
    assert f"saving {saved:,.0f} USD" in change.text


def test_a_change_under_which_the_boxes_need_other_settings_says_so() -> None:
    result = plan(inputs([candidate("box", 16, 500.0)], shop=scenario(accuracy={"precisions": ["f32", "int8"]})))
    without = next(item for item in result.sensitivity if item.change == "f32 instead of int8")
    assert without.holds
    assert "with other settings" in without.text


def test_no_more_boxes_than_cameras() -> None:
    shop = scenario(cameras=[dict(scenario().cameras[0].model_dump(), count=2)], candidates={"max_boxes": 9})
    assert most_boxes(Ask.of(shop)) == 2
    assert most_boxes(Ask.of(shop, extra_cameras=3)) == 5
    slow = plan(inputs(BOXES, FakePredictor({"person": 9.0, "reid": 0.1}), shop))
    assert slow.recommended is None
    assert all(item.count == 1 for item in slow.rejected)


def test_too_few_of_the_recommended_box_may_be_what_just_fails() -> None:
    result = plan(inputs([candidate("small", 4, 100.0)], shop=scenario(margin={"headroom_pct": 60.0})))
    best = best_of(result)
    assert (best.platform, best.count) == ("small", 2)
    assert result.just_fails is not None
    assert (result.just_fails.platform, result.just_fails.count) == ("small", 1)
    assert result.just_fails.check == "cpu"


def test_the_cpu_is_full_where_the_utilisation_law_says() -> None:
    best = best_of(plan(inputs([candidate("box", 16, 500.0)], shop=scenario(slo={"latency_p95_ms": 60.0}))))
    limits = {item.resource: item.at_cameras or 0.0 for item in best.breaks_first}
    if "cpu" in limits and "headroom" in limits:
        assert limits["headroom"] == pytest.approx(0.7 * limits["cpu"], abs=1.0)


def test_the_bill_of_all_sites_holds_tco_and_energy_and_warns_of_their_prices() -> None:
    old = candidate("small", 4, 100.0, price_date=TODAY - dt.timedelta(days=400))
    sites = [
        {"name": "large", "count": 2, "cameras": {"aisle": 12, "door": 2}},
        {"name": "tiny", "count": 10, "cameras": {"aisle": 1}},
    ]
    result = plan(inputs([old, candidate("big", 32, 900.0)], shop=scenario(sites=sites, candidates={"max_boxes": 1})))
    rows = {row["site"]: row for row in result.sites}
    assert (rows["large"]["platform"], rows["tiny"]["platform"]) == ("big", "small")
    total = result.sites_total
    assert total["price"] == pytest.approx(2 * 900.0 + 10 * 100.0)
    assert total["tco"] == pytest.approx(2 * rows["large"]["tco_per_site"] + 10 * rows["tiny"]["tco_per_site"])
    assert total["tco"] > total["price"]
    assert total["energy_kwh_per_year"] > 0
    assert any(text.startswith("small: the price is from") for text in result.warnings)


def test_patience_ends_after_many_configurations_and_never_for_a_search_without_limit() -> None:
    searcher = Searcher(inputs(BOXES))
    assert searcher.patience() == searcher.most_simulations
    searcher.counted.tried = 10_000
    assert 1 <= searcher.patience() <= searcher.most_simulations // 4
    assert Searcher(inputs(BOXES), most_simulations=10**9).patience() == 10**9
