from __future__ import annotations

from statistics import NormalDist

import pytest

from advisor.planner.answer.options import buys, confidence, evidence_text, make_option, probability_of_holding
from advisor.planner.plan import plan
from advisor.planner.search.judgement import Deployment
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
    assert "cameras on the pessimistic side" in dearer.buys
    assert buys(best, best) == "at the same price: nothing better is predicted"


def deployed(cores: int) -> Deployment:
    box = candidate("box", cores, 300.0)
    deployment = judge(Study.of(inputs([box])), box, 1).deployment
    assert deployment is not None
    return deployment


def test_the_probability_is_the_share_of_the_interval_on_which_the_case_holds() -> None:
    certain = probability_of_holding(deployed(16), feasible=True)
    assert certain == pytest.approx(NormalDist().cdf(2.5))
    hopeless = probability_of_holding(deployed(1), feasible=False)
    assert hopeless == pytest.approx(NormalDist().cdf(-2.5))
    # Demand is 2.2 cores at the median, of 2.1 that may be used with three: a little too slow, not by P10.
    between = probability_of_holding(deployed(3), feasible=False)
    assert 0.1 < between < 0.9


@pytest.mark.parametrize(
    ("probability", "evidence", "word"),
    [
        (0.49, Evidence.MEASURED, "unlikely"),
        (0.6, Evidence.MEASURED, "moderate"),
        (0.9, Evidence.MEASURED, "good"),
        (0.98, Evidence.MEASURED, "high"),
        (0.98, Evidence.SPEC, "good"),
    ],
)
def test_a_data_sheet_alone_gives_no_high_confidence(probability: float, evidence: Evidence, word: str) -> None:
    assert confidence(probability, evidence) == word


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
