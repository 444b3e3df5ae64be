from __future__ import annotations

import math

import pytest

from advisor.planner.question.inputs import Candidate
from advisor.planner.question.load_case import Load
from advisor.planner.search import rank
from advisor.planner.search.belief import MEDIAN, PESSIMISTIC
from advisor.planner.search.judge_model import least_cores_of
from advisor.planner.search.judgement import Failing, Feasible
from advisor.planner.search.last_digits import SAME
from advisor.planner.search.least_costs import LeastCosts
from advisor.planner.search.rank import (
    affordable,
    boxes_needed,
    cheapest,
    deployment_cost,
    deployment_tco,
    least_cores,
    least_cost,
    max_free_share,
    running_tco,
    solutions,
)
from advisor.planner.search.search import boxes_with_cores, cameras_with_cores, judge
from advisor.planner.search.study import Study
from advisor.records.base import Interval
from advisor.records.machine import MachineSpec
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]
TCO = {"objective": "tco", "electricity_per_kwh": 0.5, "lifetime_years": 10.0, "licence_per_box": 30.0}


def test_least_cores_sum_the_cheapest_option_of_each_stage() -> None:
    # One camera: decode 15/s x 8 ms, person 5/s x 21 ms; nobody is there to be recognised.
    shop = scenario(activity={"objects_per_frame": {"person": {"mean": 0.0}}})
    study = Study.of(inputs(BOXES, shop=shop))
    load = Load({"aisle": 1, "door": 0})
    assert least_cores(study, BOXES[1], load, MEDIAN) == pytest.approx(15 * 0.008 + 5 * 0.021)
    assert least_cores(study, BOXES[1], load, PESSIMISTIC) == pytest.approx(1.2 * (15 * 0.008 + 5 * 0.021))


def test_boxes_needed_are_demand_over_usable_cores() -> None:
    study = Study.of(inputs(BOXES, shop=scenario(candidates={"max_boxes": 8})))
    for box in BOXES:
        demands = [least_cores(study, box, study.case.required(count), MEDIAN) or 0.0 for count in range(1, 9)]
        usable = 0.7 * box.machine.performance_cores
        assert boxes_needed(study, box) == next(n for n, demand in enumerate(demands, 1) if demand <= usable)
    hopeless = Study.of(inputs(BOXES, shop=scenario(margin={"headroom_pct": 99.0})))
    assert boxes_needed(hopeless, BOXES[0]) is None


class SlowingCores(FakePredictor):
    """With all cores busy decoding and preparation take four times as long as by themselves."""

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return (1.5, 3.0)

    def stacking(self, machine: MachineSpec) -> float:
        return 0.0


def of_many_cameras() -> tuple[Candidate, Study]:
    """1,000 cameras on boxes that take many times more of them than the least demand would need."""
    box = candidate("box-4", 4, 500.0)
    many = scenario(cameras=[camera(1000)], candidates={"max_boxes": 400}, margin={"headroom_pct": 10.0})
    return box, Study.of(inputs([box], SlowingCores({"person": 0.02, "reid": 0.004}), many))


def test_boxes_that_lack_cores_are_passed_over_by_bisection() -> None:
    box, study = of_many_cameras()
    needed = boxes_needed(study, box)
    assert needed is not None
    found = list(solutions(study, [box]))
    fewer = range(needed, found[0].judged.count)
    assert len(fewer) > 20
    assert study.counters.bounded <= len(fewer) // 2
    for count in fewer:
        assert isinstance(judge(study, box, count), Failing)


def test_boxes_with_cores_are_the_fewest_that_a_closed_form_leaves() -> None:
    box, study = of_many_cameras()
    fewest = boxes_with_cores(study, box, 1)
    assert fewest is not None
    failing = judge(study, box, fewest - 1)
    assert isinstance(failing, Failing)
    assert failing.failed.check == "cpu"
    assert study.counters.simulated == 0
    assert boxes_with_cores(study, box, fewest) == fewest
    assert boxes_with_cores(study, box, fewest + 7) == fewest + 7
    assert boxes_with_cores(study, box, 401) is None


def test_no_combination_keeps_fewer_cores_busy_than_the_least_option_of_each_stage() -> None:
    box, study = of_many_cameras()
    model = study.model(box)
    for count in (1, 20, 60, 130, 400):
        load = study.case.required(count)
        least = least_cores_of(study, model, load, MEDIAN)
        assert least is not None
        assert least <= LeastCosts(model, study.scenario, study.facts(load)).busiest()[0] * (1.0 + SAME)


def test_cameras_with_cores_are_the_most_that_a_closed_form_leaves_one_box() -> None:
    box, study = of_many_cameras()
    most = cameras_with_cores(study, box, 500)
    assert 0 < most < 500
    assert cameras_with_cores(study, box, most) == most
    assert cameras_with_cores(study, box, most - 1) == most - 1
    more = study.for_case(study.case.with_exactly({"aisle": most + 1}))
    failing = judge(more, box, 1)
    assert isinstance(failing, Failing)
    assert failing.failed.check == "cpu"
    assert study.counters.simulated == 0


def test_free_cores_are_what_the_least_demand_leaves() -> None:
    study = Study.of(inputs(BOXES))
    demand = least_cores(study, BOXES[2], study.case.required(1), MEDIAN)
    assert demand is not None
    assert max_free_share(study, BOXES[2], 1) == pytest.approx(1.0 - demand / 8.0)


def test_energy_is_paid_for_the_cores_that_are_busy() -> None:
    study = Study.of(inputs(BOXES, shop=scenario(money=TCO)))
    half = Interval(p10=4.0, p50=4.0, p90=4.0)
    tco = running_tco(study, BOXES[2], 1, half)
    # 8 W + 30 W x 4/8 = 23 W all year, 10 years of 0.5 per kWh, price 580 and licence 30.
    assert tco.value == pytest.approx(580.0 + 30.0 + 23.0 * 8.76 * 0.5 * 10.0)
    # Wall power is known to a factor of 1.2.
    assert tco.wall_w.p10 == pytest.approx(23.0 * 0.8)
    assert tco.wall_w.p90 == pytest.approx(23.0 * 1.2)


def test_no_configuration_undercuts_the_least_cost() -> None:
    for shop in (scenario(), scenario(money=TCO)):
        study = Study.of(inputs(BOXES, shop=shop))
        judged = judge(study, BOXES[2], 1)
        assert isinstance(judged, Feasible)
        assert least_cost(study, BOXES[2], 1) <= deployment_cost(judged.deployment) + 1e-9
    assert deployment_cost(judged.deployment) == deployment_tco(judged.deployment).value


def test_by_tco_a_bound_below_the_floor_leaves_no_boxes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes that suffice with all that is asked for were said not to suffice with a part of it (the ladder)."""
    study = Study.of(inputs(BOXES, shop=scenario(money=TCO, candidates={"max_boxes": 3})))
    found = cheapest(study, BOXES)
    assert found is not None
    monkeypatch.setattr(rank, "least_cost", lambda *question: 0.9 * least_cost(*question))
    again = cheapest(study, BOXES, floor=found.cost)
    assert again is not None
    assert (again.candidate, again.judged.count, again.cost) == (found.candidate, found.judged.count, found.cost)


def test_an_unknown_price_is_infinitely_dear_and_never_a_solution() -> None:
    gift = candidate("gift", 16, None)
    study = Study.of(inputs([gift]))
    assert least_cost(study, gift, 1) == math.inf
    assert list(solutions(study, [gift])) == []


def test_solutions_come_in_the_order_of_cost_one_per_platform() -> None:
    study = Study.of(inputs(BOXES, shop=scenario(candidates={"max_boxes": 3})))
    found = list(solutions(study, BOXES))
    assert [(item.candidate.platform.id, item.judged.count, item.cost) for item in found] == [
        ("box-4", 1, 340.0), ("box-2", 2, 440.0), ("box-8", 1, 580.0), ("box-16", 1, 1060.0),
    ]  # fmt: skip


def test_floor_and_ceiling_bound_the_costs() -> None:
    study = Study.of(inputs(BOXES))
    above = cheapest(study, BOXES, floor=341.0)
    assert above is not None
    assert above.cost == 440.0
    assert cheapest(study, BOXES, ceiling=340.0) is None
    assert [item.cost for item in solutions(study, BOXES, floor=341.0, ceiling=600.0)] == [440.0, 580.0]


def test_boxes_beyond_the_ceiling_are_not_affordable() -> None:
    study = Study.of(inputs(BOXES))
    assert [box.platform.id for box in affordable(study, BOXES, 340.0)] == ["box-2"]
    assert affordable(study, BOXES, math.inf) == BOXES
