from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.planner.answer.relaxations import scenario_changes
from advisor.planner.plan import plan
from advisor.planner.search.rank import cheapest
from advisor.planner.search.study import Study
from advisor.report.decision import best_changes
from advisor.report.plan_summary import scenario_change_lines
from tests.planner.fakes import FakePredictor, best_of, camera, candidate, inputs, model_file, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_a_power_limit_that_contradicts_the_load_is_named_with_the_least_that_would_do() -> None:
    boxes = [candidate("thrifty", 1, 100.0, power_w=10.0), candidate("strong", 8, 500.0, power_w=65.0),
             candidate("stronger", 16, 400.0, power_w=95.0)]  # fmt: skip
    result = plan(inputs(boxes, shop=scenario(site={"max_power_w": 15.0}, candidates={"max_boxes": 1})))
    assert result.recommended is None
    change = next(item for item in result.scenario_changes if item.change.startswith("site.max_power_w"))
    assert change.change == "site.max_power_w 65 instead of 15"
    assert change.platform == "strong"
    assert next(item for item in result.rejected if item.platform == "strong").check == "site.max_power_w"


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


def test_a_change_that_saves_nothing_is_said() -> None:
    only = plan(inputs([candidate("only", 8, 500.0)]))
    assert only.scenario_changes
    assert all(not item.holds and "still no cheaper box suffices" in item.text for item in only.scenario_changes)
    lines = scenario_change_lines(only)
    assert lines[0].startswith("tried one at a time: stage person every")
    assert lines[0].endswith(": still no cheaper box suffices")
    heavy = FakePredictor({"person": 0.12, "reid": 0.004})
    found = plan(inputs(BOXES, heavy, scenario(candidates={"max_boxes": 1}))).scenario_changes
    assert found
    assert any(item.holds and "saving" in item.text for item in found)


def test_permitting_int8_is_tried_and_its_saving_said() -> None:
    result = plan(inputs(BOXES, FakePredictor({"person": 0.05, "reid": 0.002})))
    (change,) = [item for item in result.scenario_changes if item.change.startswith("int8 permitted")]
    # In f32 two boxes or large ones are needed; int8 takes 0.4 of the time.
    assert change.holds
    saved = (best_of(result).price.value or 0.0) - (change.price or 0.0)
    assert saved > 0
    assert f"saving {saved:,.0f} USD" in change.text


@pytest.mark.parametrize(
    ("binding", "change"),
    [
        ("latency_p95", "slo.latency_p95_ms 450 instead of 300"),
        ("drops", "slo.drops_max_pct 2 instead of 1"),
        ("cpu", None),
        (None, None),
    ],
)
def test_the_limit_that_binds_is_widened_to_see_what_that_saves(binding: str | None, change: str | None) -> None:
    study = Study.of(inputs(BOXES, shop=scenario(slo={"latency_p95_ms": 300.0, "drops_max_pct": 1.0})))
    found = [item.change for item in scenario_changes(study, cheapest(study, BOXES), BOXES, binding)]
    widened = [text for text in found if text.startswith("slo.")]
    assert widened == ([] if change is None else [change])


def test_of_boxes_that_draw_as_much_the_cheapest_is_named_with_how_many_it_takes() -> None:
    boxes = [candidate("thrifty", 1, 10.0, power_w=10.0), candidate("dear", 8, 700.0, power_w=65.0),
             candidate("kind", 8, 300.0, power_w=65.0)]  # fmt: skip
    shop = scenario(site={"max_power_w": 15.0}, cameras=[camera(20)], candidates={"max_boxes": 2})
    result = plan(inputs(boxes, shop=shop))
    (change,) = [item for item in result.scenario_changes if item.change.startswith("site.max_power_w")]
    assert (change.platform, change.count, change.price) == ("kind", 2, 600.0)
    assert any(line.startswith("2 x kind, 600 USD: site.max_power_w 65") for line in best_changes(result))


def test_a_box_without_the_slot_is_no_limit_that_could_be_relaxed() -> None:
    """`sizer plan` stopped with an internal error where nothing else held."""
    lacking = replace(candidate("board", 8, 100.0), lacks="it has no slot for hailo-8")
    result = plan(inputs([lacking, candidate("small", 1, 100.0)], shop=scenario(candidates={"max_boxes": 1})))
    assert result.recommended is None
    assert next(item for item in result.rejected if item.platform == "board").reason == lacking.lacks


def test_a_change_that_saves_over_the_lifetime_is_not_said_to_save_on_purchase() -> None:
    """By TCO boxes that are as dear or dearer to buy were among the best changes, with their price alone."""
    boxes = [candidate("hungry", 16, 400.0, power_w=300.0)]
    money = {"objective": "tco", "electricity_per_kwh": 1.0}
    result = plan(inputs(boxes, FakePredictor({"person": 0.03, "reid": 0.004}), scenario(money=money)))
    (change, *_) = best_changes(result)
    assert change == "hungry, 400 USD, less over the lifetime: stage person every 5 frames instead of 3 frames"
