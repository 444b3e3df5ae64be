"""What cannot be told apart from the cheapest box that holds, and which of them is recommended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from advisor.planner.answer.alternatives import explore
from advisor.planner.answer.ties import MAX_TIES, Contender, Decision, cost_of_failure, decide, list_ties
from advisor.planner.plan import plan
from advisor.planner.question.inputs import Candidate
from advisor.planner.search.study import Study
from advisor.records.base import Sourced
from advisor.records.plan import Plan
from tests.planner.fakes import LONG_SLO, TODAY, FakePredictor, best_of, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]
NEARLY, CLEARLY, HOLDS = 2.2, 2.4, 2.0
"""Spreads with which box-4 holds at 88 %, 85 % and 92 %; 90 % are asked for and 3 % cannot be told apart."""


def planned(spread: float, boxes: list[Candidate] = BOXES, **money: float) -> Plan:
    shop = scenario(candidates={"max_boxes": 1}, money=money, slo=LONG_SLO)
    return plan(inputs(boxes, FakePredictor({"person": 0.02, "reid": 0.004}, spread), shop))


def with_price(box: Candidate, low: float, high: float) -> Candidate:
    """The box with P10 and P90 of its price stated."""
    assert box.platform.price_usd is not None
    price = box.platform.price_usd.model_copy(update={"low": low, "high": high})
    return Candidate(box.platform.model_copy(update={"price_usd": price}), box.machine)


def test_a_near_miss_with_less_expected_cost_is_recommended_and_says_what_it_is() -> None:
    best = best_of(planned(NEARLY))
    assert best.platform == "box-4"
    assert 0.87 <= best.probability < 0.9
    # Where it fails one more box of its kind is bought.
    assert best.expected_cost == pytest.approx(340.0 + (1.0 - best.probability) * 340.0)
    assert best.note.startswith(f"{best.probability * 100:.0f} % sure where 90 % are asked for")


def test_what_misses_the_confidence_by_more_than_can_be_told_is_no_tie() -> None:
    result = planned(CLEARLY)
    assert best_of(result).platform == "box-8"
    assert result.ties == ()
    assert [item.platform for item in result.undecided] == ["box-4"]


def test_where_a_failure_is_dear_the_surer_box_is_recommended_and_the_near_miss_is_its_tie() -> None:
    # 240 USD are saved, 116 of them in doubt, and one in eight fails: from some 1,000 USD on a failure costs more.
    cheap, dear = (planned(NEARLY, cost_of_failure=cost) for cost in (800.0, 2600.0))
    assert best_of(cheap).platform == "box-4"
    assert best_of(dear).platform == "box-8"
    (tie,) = dear.ties
    assert (tie.platform, tie.count, tie.price, tie.saving) == ("box-4", 1, 340.0, 240.0)
    assert tie.expected_cost == pytest.approx(340.0 + (1.0 - tie.probability) * 2600.0)
    assert tie.expected_cost > (best_of(dear).expected_cost or 0.0)
    assert "`sizer verify`" in tie.would_settle
    assert "`sizer bench" in tie.would_settle
    assert "240 USD" in tie.would_settle


def test_a_failure_that_costs_nothing_leaves_the_cheapest() -> None:
    best = best_of(planned(NEARLY, cost_of_failure=0.0))
    assert (best.platform, best.expected_cost) == ("box-4", 340.0)


def test_a_failure_costs_one_more_box_where_the_scenario_does_not_say() -> None:
    for money, expected in (({}, 340.0), ({"cost_of_failure": 12.0}, 12.0)):
        decision = decided(BOXES[1:2], HOLDS, **money)
        assert cost_of_failure(decision.chosen.deployment) == expected


def decided(boxes: list[Candidate], spread: float = 1.2, **money: float) -> Decision:
    shop = scenario(money=money, candidates={"max_boxes": 1}, slo=LONG_SLO)
    study = Study.of(inputs(boxes, FakePredictor({"person": 0.02, "reid": 0.004}, spread), shop))
    decision = decide(study, boxes, explore(study, boxes))
    assert decision is not None
    return decision


def platforms(items: tuple[Contender, ...]) -> set[str]:
    return {item.solution.candidate.platform.id for item in items}


def test_boxes_whose_prices_overlap_are_tied_and_those_beyond_are_not() -> None:
    # An assumed price may be a fifth lower or higher: 300 reaches to 360, 440 from 352, 460 from 368.
    boxes = [candidate("cheap", 4, 300.0), candidate("close", 4, 440.0), candidate("apart", 4, 460.0)]
    decision = decided(boxes)
    assert decision.chosen.solution.candidate.platform.id == "cheap"
    assert platforms(decision.others) == {"close"}
    (tie,) = list_ties(decision)
    assert tie.saving == -140.0
    assert "an offer for each" in tie.would_settle
    quoted = [with_price(boxes[0], 300.0, 300.0), with_price(boxes[1], 440.0, 440.0)]
    assert decided(quoted).others == ()


def test_the_same_processor_for_more_money_is_no_tie() -> None:
    cheap, dear = candidate("cheap", 4, 300.0), candidate("dear", 4, 310.0)
    same = Candidate(dear.platform.model_copy(update={"processor": cheap.platform.processor}), dear.machine)
    assert platforms(decided([cheap, dear]).others) == {"dear"}
    assert decided([cheap, same]).others == ()


def test_where_nothing_holds_a_near_miss_is_recommended_all_the_same() -> None:
    result = planned(NEARLY, BOXES[:2])
    assert best_of(result).platform == "box-4"
    assert best_of(result).probability < 0.9
    assert result.ties == ()
    nothing = planned(CLEARLY, BOXES[:2])
    assert nothing.recommended is None
    assert nothing.ties == ()


def test_spare_boxes_and_several_boxes_are_counted_and_paid() -> None:
    shop = scenario(margin={"redundancy": "n+1"})
    boxes = [candidate("pair", 2, 150.0), candidate("single", 4, 240.0)]
    study = Study.of(inputs(boxes, shop=shop))
    decision = decide(study, boxes, explore(study, boxes))
    assert decision is not None
    # Two of two cores carry the load and a third one is spare; one of four cores does, and a second one is spare.
    (tie,) = list_ties(decision)
    best = decision.chosen
    assert (best.solution.candidate.platform.id, best.solution.cost) == ("pair", 450.0)
    assert (tie.platform, tie.count, tie.price) == ("single", 2, 480.0)
    assert cost_of_failure(best.deployment) == 150.0


def test_no_more_ties_are_listed_than_can_be_read_nearest_first_in_ascending_price() -> None:
    boxes = [candidate(f"rival-{n}", 4, 300.0 + n) for n in range(8)]
    decision = decided(boxes)
    ties = list_ties(decision)
    assert len(decision.others) > len(ties) == MAX_TIES
    assert [tie.price for tie in ties] == [300.0 + n for n in range(1, MAX_TIES + 1)]


def test_a_box_of_unknown_price_is_never_a_tie() -> None:
    result = planned(1.2, [*BOXES, candidate("gift", 8, None)])
    assert "gift" not in {tie.platform for tie in result.ties}


@pytest.mark.parametrize("objective", ["price", "tco"])
def test_the_recommendation_has_the_least_expected_cost_of_all_ties(objective: str) -> None:
    shop = scenario(money={"objective": objective, "licence_per_box": 20.0})
    boxes = [candidate(f"box-{n}", n, price) for n, price in ((2, 190.0), (3, 260.0), (4, 330.0), (6, 380.0))]
    result = plan(inputs(boxes, FakePredictor({"person": 0.02, "reid": 0.004}, 1.6), shop))
    assert result.ties
    best = best_of(result)
    assert all((best.expected_cost or 0.0) <= tie.expected_cost for tie in result.ties)


def test_a_price_that_was_paid_is_the_same_at_both_ends() -> None:
    box = candidate("box", 4, 300.0)
    assert box.platform.price_usd is not None
    measured = Sourced(value=300.0, kind="measured", source="bill", date=TODAY)
    known = Candidate(box.platform.model_copy(update={"price_usd": measured}), box.machine)
    assert decided([known]).chosen.overlap == (300.0, 300.0)
    assert decided([box]).chosen.overlap == pytest.approx((240.0, 360.0))


def test_equal_expected_costs_are_decided_by_name_whatever_the_order() -> None:
    boxes = [candidate("b-box", 4, 300.0), candidate("a-box", 4, 300.0)]
    for order in (boxes, boxes[::-1]):
        assert decided(order).chosen.solution.candidate.platform.id == "a-box"


def test_a_finer_reliability_table_tells_more_apart() -> None:
    given = inputs(BOXES, FakePredictor({"person": 0.02, "reid": 0.004}, NEARLY), scenario(candidates={"max_boxes": 1}))
    assert best_of(plan(given)).platform == "box-4"
    assert best_of(plan(replace(given, probability_resolution=0.005))).platform == "box-8"


def test_a_change_that_leaves_a_near_miss_what_it_was_does_not_count_against_it() -> None:
    result = planned(NEARLY)
    assert best_of(result).platform == "box-4"
    channel = next(item for item in result.sensitivity if "memory channel" in item.change)
    assert channel.holds  # bandwidth is no matter here
    more = next(item for item in result.sensitivity if item.change.startswith("2 more cameras"))
    assert more.holds is False
