from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import pytest

from advisor.planner.plan import plan
from advisor.planner.question.inputs import PlanInputs
from advisor.planner.search import trials
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.judgement import Failing, Feasible
from advisor.planner.search.search import judge, least_deployment
from advisor.planner.search.study import Study
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.scenario import Scenario
from tests.planner.fakes import FakePredictor, camera, candidate, inputs, scenario, work

SMALL, ENOUGH = candidate("small", 2, 200.0), candidate("enough", 4, 340.0)
WORK_S = {"person": 0.02, "reid": 0.004}


def given(shop: Scenario | None = None, predictor: FakePredictor | None = None) -> PlanInputs:
    return inputs([SMALL, ENOUGH], predictor or FakePredictor(WORK_S), shop)


def test_boxes_that_hold_come_with_setup_and_outcome() -> None:
    study = Study.of(given())
    judged = judge(study, ENOUGH, 1)
    assert isinstance(judged, Feasible)
    assert judged.outcome.meets_slo
    assert judged.outcome.cpu <= 0.7
    assert set(judged.deployment.setup.choice) == {"person", "reid"}
    assert judged.deployment.study is study
    assert study.counters.judged_by_simulation == 1


def test_boxes_that_a_closed_form_rules_out_are_not_simulated() -> None:
    study = Study.of(given())
    judged = judge(study, SMALL, 1)
    assert isinstance(judged, Failing)
    assert judged.failed.check == "cpu"
    assert judged.deployment is not None
    assert (study.counters.bounded, study.counters.simulated) == (1, 0)
    # The configuration that is kept has the least demand.
    least = least_deployment(study, SMALL, 1)
    assert least is not None
    assert judged.deployment.cores(study.case.required(1), MEDIAN) <= least.cores(study.case.required(1), MEDIAN)


def test_a_stage_without_evidence_cannot_be_judged() -> None:
    def nothing_runs(stage: str, runtime: str, precision: str, batch: int) -> ModelWork | None:
        return None if stage == "reid" else work(stage, runtime, precision, batch)

    study = Study.of(replace(given(), works=nothing_runs))
    judged = judge(study, ENOUGH, 1)
    assert isinstance(judged, Failing)
    assert (judged.failed.check, judged.deployment) == ("evidence", None)
    assert "stage reid" in judged.failed.reason
    assert least_deployment(study, ENOUGH, 1) is None


def test_equal_cases_are_judged_once_and_others_anew() -> None:
    study = Study.of(given())
    first = judge(study, ENOUGH, 1)
    assert judge(study.for_case(study.case.with_extra_cameras(0)), ENOUGH, 1) is first
    assert judge(study, ENOUGH, 2) is not first
    surer = scenario(margin={"confidence_pct": 95.0})
    assert judge(study.for_scenario(surer), ENOUGH, 1) is not first
    assert judge(study.for_case(study.case.with_extra_cameras(1)), ENOUGH, 1) is not first


def test_a_faster_platform_is_never_judged_worse() -> None:
    box = candidate("box", 3, 100.0)
    verdicts = [
        isinstance(judge(Study.of(inputs([box], FakePredictor(WORK_S, speeds={"box": speed}))), box, 1), Feasible)
        for speed in (0.5, 0.8, 1.25, 2.0)
    ]
    assert verdicts == sorted(verdicts)
    assert verdicts[0] != verdicts[-1]


def test_more_confidence_is_never_held_more_easily() -> None:
    box = candidate("box", 4, 100.0)
    wide = FakePredictor(WORK_S, spread=2.2)
    failures = []
    for confidence_pct in (50.0, 80.0, 99.0):
        shop = scenario(margin={"confidence_pct": confidence_pct, "headroom_pct": 0.0})
        judged = judge(Study.of(inputs([box], wide, shop)), box, 1)
        failures.append(None if isinstance(judged, Feasible) else judged.failed.at_median)
    # Demand is 2.2 of four cores at the median and 4.9 where every part is at its P90.
    assert failures == [None, None, False]


def test_by_tco_the_configuration_with_the_least_core_time_today_is_taken() -> None:
    money = {"objective": "tco", "electricity_per_kwh": 1.0}
    box = candidate("box", 16, 500.0)
    by_price, by_tco = (
        judge(Study.of(inputs([box], FakePredictor(WORK_S), shop), max_tries=10_000), box, 1)
        for shop in (scenario(), scenario(money=money))
    )
    assert isinstance(by_price, Feasible)
    assert isinstance(by_tco, Feasible)
    assert by_tco.deployment.nominal_cores <= by_price.deployment.nominal_cores


def test_what_the_budget_leaves_untried_is_counted() -> None:
    # Every configuration misses the budget by its queueing, so all would have to be tried.
    shop = scenario(slo={"camera_fps": 15.0, "latency_p95_ms": 62.0, "window_s": 5.0}, margin={"headroom_pct": 0.0})
    study = Study.of(given(shop), max_tries=2)
    judged = judge(study, candidate("tight", 3, 100.0), 1)
    assert isinstance(judged, Failing)
    assert study.counters.tried <= 4
    assert study.counters.left_out > 0
    assert study.counters.tried + study.counters.left_out <= study.counters.configurations


class Slowing(FakePredictor):
    """Decoding and preparation take a tenth longer with all cores busy, of which the law counts a part as certain."""

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        return (0.05, 0.1)

    def stacking(self, machine: MachineSpec) -> float:
        return 0.0


@pytest.mark.parametrize("cameras", [23, 24, 25])
def test_boxes_too_small_by_a_little_are_given_up_after_several_saturated_runs(
    cameras: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = candidate("box", 8, 100.0)
    shop = scenario(
        cameras=[camera(cameras)],
        stages=[
            {"id": "person", "model": "like:person", "every": "3 frames", "batch": {"max": 16}},
            {"id": "reid", "model": "like:reid", "on": "person", "every": "5 frames", "batch": {"max": 16}},
        ],
        margin={"headroom_pct": 0.0},
        slo={"camera_fps": 15.0, "latency_p95_ms": 3000.0, "window_s": 5.0},
    )

    def judged() -> tuple[type, int]:
        study = Study.of(given(shop, Slowing(WORK_S, spread=1.25)))
        return type(judge(study, box, 1)), study.counters.tried

    verdict, tried = judged()
    monkeypatch.setattr(trials, "SATURATED", 2.0)
    assert verdict is judged()[0]
    assert tried <= 3 * trials.SATURATED_TRIES


class OneKind(FakePredictor):
    """Boxes of as many cores and as much bandwidth are alike, whatever their names."""

    def alike(self, machine: MachineSpec) -> Hashable:
        return machine.performance_cores, machine.memory_bandwidth_bytes_per_s


def test_boxes_that_are_alike_get_the_same_plan_as_if_each_had_been_judged() -> None:
    boxes = [
        candidate(f"box-{cores}-{gib:.0f}-{price:.0f}", cores, price, memory_gib=gib)
        for cores in (1, 2, 4)
        for gib, price in ((2.0, 90.0), (16.0, 100.0), (16.0, 101.0))
    ]
    each, together = FakePredictor({"person": 0.02, "reid": 0.004}), OneKind({"person": 0.02, "reid": 0.004})
    apart, joint = plan(inputs(boxes, each)), plan(inputs(boxes, together))
    unlike = {"created", "search"}
    assert joint.model_dump(exclude=unlike) == apart.model_dump(exclude=unlike)
    counted = ("judged", "configurations", "configurations_simulated")
    assert [joint.search[name] for name in counted] == [apart.search[name] for name in counted]
    assert joint.search["simulations"] < apart.search["simulations"]
    assert together.asked < each.asked / 2


def test_more_boxes_than_cameras_of_a_group_are_judged_as_fewer_were() -> None:
    """Two cameras in the aisle and two smaller ones at the door: of 3 boxes as of 4 the fullest has one of each."""
    few = [camera(2, "aisle"), camera(2, "door") | {"resolution": "1280x720"}]
    study = Study.of(given(scenario(cameras=few)))
    three = judge(study, SMALL, 3)
    counted, simulated = study.counters.judging, study.counters.simulated
    four = judge(study, SMALL, 4)
    assert (three.count, four.count) == (3, 4)
    assert study.counters.simulated == simulated
    assert study.counters.judging == tuple(2 * count for count in counted)
    # As if they had been judged by themselves.
    alone = judge(Study.of(given(scenario(cameras=few))), SMALL, 4)
    assert isinstance(four, Feasible)
    assert isinstance(alone, Feasible)
    assert four.outcome.p95_ms == alone.outcome.p95_ms
    assert four.deployment.setup.key == alone.deployment.setup.key
    assert four.deployment.count == alone.deployment.count
