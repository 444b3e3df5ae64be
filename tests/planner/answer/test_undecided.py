from __future__ import annotations

import pytest

from advisor.planner.plan import plan
from advisor.records.base import Interval
from advisor.records.machine import MachineSpec
from advisor.records.plan import Plan
from tests.planner.fakes import LONG_SLO, FakeCost, FakePredictor, best_of, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def uncertain(spread: float = 2.4) -> Plan:
    """A catalogue in which box-4 holds at the median and only box-8 at 90 % confidence."""
    predictor = FakePredictor({"person": 0.02, "reid": 0.004}, spread)
    return plan(inputs(BOXES, predictor, scenario(candidates={"max_boxes": 1}, slo=LONG_SLO)))


def test_what_holds_at_the_median_only_cannot_be_told() -> None:
    result = uncertain()
    assert best_of(result).platform == "box-8"
    (item,) = result.undecided
    assert (item.platform, item.count) == ("box-4", 1)
    assert item.price.value == pytest.approx(340.0)
    assert 0.5 <= item.probability < 0.87  # else it would be a tie
    assert "`sizer verify` on it would settle that" in item.text
    # With narrower intervals the smaller box holds and nothing cheaper is left undecided.
    sure = uncertain(1.05)
    assert best_of(sure).platform == "box-4"
    assert sure.undecided == ()


def test_the_measurement_named_is_that_of_the_widest_part() -> None:
    heavy_objects = FakePredictor({"person": 0.002, "reid": 0.02}, 1.6)
    shop = scenario(cameras=[dict(scenario().cameras[0].model_dump(), codec="raw")], candidates={"max_boxes": 1})
    best = best_of(plan(inputs(BOXES, heavy_objects, shop)))
    assert best.next_measurement is not None
    assert best.next_measurement.part == "reid"
    assert best.next_measurement.command == "sizer bench like:reid"
    assert 0.5 < best.next_measurement.share <= 1.0


def test_the_application_goes_first_where_it_makes_most_of_the_doubt() -> None:
    """A measurement of the box "would narrow this most" stood there beside an application that made four times more."""

    class Around(FakePredictor):
        def application(self, machine: MachineSpec, unit: str, stated_ms: float | None) -> FakeCost:
            return FakeCost(Interval(p10=0.0005, p50=0.002, p90=0.02 if unit == "frame" else 0.003))

    best = best_of(plan(inputs(BOXES, Around({"person": 0.002, "reid": 0.002}, 1.1), scenario())))
    assert best.next_measurement is not None
    text = best.next_measurement.text
    assert text.startswith("state in `application:` what yours takes around the models, which makes ")
    assert "would narrow the rest most" in text
    assert "narrow this most" not in text
