from __future__ import annotations

from advisor.planner.answer.options import buys, evidence_text, make_option
from advisor.planner.plan import plan
from advisor.planner.search.search import judge
from advisor.planner.search.study import Study
from advisor.records.base import Evidence
from tests.planner.fakes import best_of, candidate, inputs, scenario

BOXES = [candidate(f"box-{n}", n, 100.0 + 60.0 * n) for n in (2, 4, 8, 16)]


def test_a_dearer_box_says_what_it_buys() -> None:
    result = plan(inputs(BOXES, shop=scenario(candidates={"max_boxes": 1})))
    best, dearer = best_of(result), result.alternatives[0]
    assert best.buys == ""
    assert dearer.buys.startswith("240 USD more and ")
    assert "cameras at 90 % confidence" in dearer.buys
    assert buys(best, best) == "at the same price: nothing better is predicted"


def test_what_it_costs_more_is_the_difference_of_the_printed_prices() -> None:
    boxes = [candidate("cheap", 4, 312.8), candidate("dear", 16, 581.4)]
    dearer = plan(inputs(boxes, shop=scenario(candidates={"max_boxes": 1}))).alternatives[0]
    assert dearer.buys.startswith("268 USD more and ")


def test_the_weakest_evidence_is_named_first() -> None:
    text = evidence_text({"a": Evidence.MEASURED, "b": Evidence.SPEC, "c": Evidence.MEASURED})
    assert text == "b: spec (its data sheet); a, c: measured (measured on it)"


def test_decoding_on_a_box_that_nobody_touched_is_said_to_be_carried_over() -> None:
    text = evidence_text({"decode": Evidence.SPEC, "person": Evidence.PUBLISHED})
    assert text.endswith("; decode: carried over by clock, year and codec from machines whose decoding is published "
                         "or was measured by the project")  # fmt: skip
    assert "carried over" not in evidence_text({"decode": Evidence.MEASURED, "person": Evidence.SPEC})


def test_an_option_counts_the_spare_box_and_says_so() -> None:
    box = candidate("box", 8, 300.0)
    judged = judge(Study.of(inputs([box], shop=scenario(margin={"redundancy": "n+1"}))), box, 1)
    assert judged.deployment is not None
    option = make_option(judged.deployment, feasible=True)
    assert (option.count, option.price.value, option.feasible) == (2, 600.0, True)
    assert "one box more than needed (n+1)" in option.note
