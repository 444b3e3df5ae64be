"""What must not change a plan, and how far a service time may move it."""

from __future__ import annotations

from functools import cache

import pytest

from advisor.planner.plan import plan
from advisor.records.plan import Plan
from advisor.records.scenario import Scenario

from .fakes import FakePredictor, best_of, candidate, inputs, scenario

PRICES = {2: 220.0, 3: 280.0, 4: 340.0, 6: 460.0, 8: 580.0, 16: 1060.0}
BOXES = [candidate(f"box-{cores}", cores, price) for cores, price in PRICES.items()]
WORK_S = {"person": 0.02, "reid": 0.004}
ONE_BOX = {"max_boxes": 1}


@cache
def usual() -> Plan:
    """The plan that changes are compared with, made once."""
    return plan(inputs(BOXES, FakePredictor(WORK_S, 1.6), scenario(candidates=ONE_BOX)))


def answer(result: Plan) -> tuple[object, ...]:
    """Everything by which a buyer would be sent elsewhere."""
    best = best_of(result)
    ties = {(tie.platform, tie.count, tie.price, round(tie.probability, 9)) for tie in result.ties}
    return best.platform, best.count, best.price.value, round(best.probability, 9), ties, best.ladder


def with_stages_turned(shop: Scenario) -> Scenario:
    return shop.model_copy(update={"stages": shop.stages[::-1], "cameras": shop.cameras[::-1]})


@pytest.mark.parametrize("spread", [1.2, 2.2])
def test_the_order_of_candidates_decides_nothing(spread: float) -> None:
    shop = scenario(money={"cost_of_failure": 5000.0}, candidates=ONE_BOX)
    first, turned = (plan(inputs(boxes, FakePredictor(WORK_S, spread), shop)) for boxes in (BOXES, BOXES[::-1]))
    assert answer(first) == answer(turned)


def test_the_order_of_stages_and_cameras_decides_nothing_about_the_box() -> None:
    shop = scenario(candidates=ONE_BOX)
    turned = plan(inputs(BOXES, FakePredictor(WORK_S, 1.6), with_stages_turned(shop)))
    best, other = best_of(usual()), best_of(turned)
    assert (best.platform, best.count) == (other.platform, other.count)
    # The random numbers of a simulation go to stages and cameras in their order: the probability may differ a little.
    assert best.probability == pytest.approx(other.probability, abs=0.05)


def test_a_platform_that_nobody_would_buy_changes_nothing() -> None:
    more = [*BOXES, candidate("gold", 4, 99_000.0), candidate("gift", 4, None)]
    second = plan(inputs(more, FakePredictor(WORK_S, 1.6), scenario(candidates=ONE_BOX)))
    assert answer(usual()) == answer(second)


def test_a_slower_stage_never_makes_the_recommendation_cheaper() -> None:
    costs = []
    for factor in (0.8, 1.0, 1.2, 1.5):
        work_s = WORK_S | {"person": WORK_S["person"] * factor}
        best = best_of(plan(inputs(BOXES, FakePredictor(work_s, 1.3), scenario(candidates=ONE_BOX))))
        costs.append(best.price.value or 0.0)
    assert costs == sorted(costs)


def told(result: Plan) -> set[str]:
    """Platforms that the plan names as an answer, or as one that may be one."""
    best = best_of(result)
    return {best.platform, *(tie.platform for tie in result.ties), *(item.platform for item in result.undecided)}


@pytest.mark.parametrize("stage", ["person", "reid"])
@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_a_service_time_off_by_a_fifth_leads_to_a_box_that_was_named_or_to_the_next_one(
    stage: str, factor: float
) -> None:
    """That the new box is tied with the old one cannot be promised: the last test has an example.

    What holds: the answer moves the right way, and by one box at most where boxes lie further apart than the error; and
    that neighbour was named, as a tie, an alternative, undecided or what just fails.
    """
    shop, before = scenario(candidates=ONE_BOX), usual()
    after = plan(inputs(BOXES, FakePredictor(WORK_S | {stage: WORK_S[stage] * factor}, 1.6), shop))
    order = [box.platform.id for box in BOXES]
    moved = order.index(best_of(after).platform) - order.index(best_of(before).platform)
    assert abs(moved) <= 1
    assert moved * (factor - 1.0) >= 0
    named = told(before) | {item.platform for item in before.alternatives}
    if before.just_fails is not None:
        named.add(before.just_fails.platform)
    assert best_of(after).platform in named


def test_where_the_headroom_at_the_median_decides_the_next_box_is_no_tie() -> None:
    """A box that just keeps the headroom is as sure of its SLO as can be, and any error at the median moves the answer.

    Ties speak of the probability of the SLO and of prices, not of the headroom.
    """
    boxes = [candidate("box-4", 4, 340.0), candidate("box-6", 6, 560.0)]
    shop = scenario(
        candidates=ONE_BOX, margin={"headroom_pct": 40.0}
    )  # 2.3 cores at the median, of 2.4 that may be busy
    slower = WORK_S | {"person": WORK_S["person"] * 1.2}
    before, after = (plan(inputs(boxes, FakePredictor(work_s, 1.3), shop)) for work_s in (WORK_S, slower))
    assert (best_of(before).platform, best_of(after).platform) == ("box-4", "box-6")
    assert best_of(before).probability >= 0.97
    assert before.ties == ()
    assert "box-6" in {item.platform for item in before.alternatives}
