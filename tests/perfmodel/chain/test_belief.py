from dataclasses import replace
from math import exp, hypot, log

import pytest

from advisor.perfmodel.chain.belief import NOTHING, Belief
from advisor.records.base import Evidence

START = Belief(log(0.01), -0.3, 0.4, Evidence.SPEC, "a/b", extrapolated=True, notes=("first",))


def test_a_belief_is_an_interval_of_time() -> None:
    assert START.time_s.p10 == pytest.approx(0.01 * exp(-0.3))
    assert START.time_s.p50 == pytest.approx(0.01)
    assert START.time_s.p90 == pytest.approx(0.01 * exp(0.4))


def test_shifting_moves_the_median_and_keeps_the_width() -> None:
    moved = START.shifted(log(3.0))
    assert moved.time_s.p50 == pytest.approx(0.03)
    assert (moved.low, moved.high, moved.notes) == (START.low, START.high, START.notes)


def test_independent_errors_add_in_quadrature_whatever_their_sign() -> None:
    wider = START.widened(-0.4, 0.3)
    assert (wider.low, wider.high) == (-hypot(0.3, 0.4), hypot(0.4, 0.3))
    assert START.widened(0.4, 0.3) == wider


def test_a_further_error_brings_its_own_share_by_variance() -> None:
    """By hand: variances as 9 to 16, shares 0.5 and 1: (4.5 + 16) / 25."""
    even = replace(START, low=-0.3, high=0.3)
    assert even.machine_share == 0.5
    assert even.widened(0.4, 0.4, machine_share=1.0).machine_share == pytest.approx(20.5 / 25)


def test_notes_come_in_the_order_in_which_they_were_made() -> None:
    assert START.noted("second", "third").notes == ("first", "second", "third")


def test_a_measurement_takes_the_place_of_what_was_inferred_and_keeps_the_caveats() -> None:
    measured = START.measured_here(log(0.02), 0.1, Evidence.MEASURED, "this/x", 0.8)
    assert measured.machine_share == 0.8
    assert (measured.low, measured.high, measured.extrapolated) == (-0.1, 0.1, False)
    assert (measured.evidence, measured.nearest, measured.notes) == (Evidence.MEASURED, "this/x", ("first",))


def test_before_any_source_nothing_is_said_and_widening_says_no_more() -> None:
    assert not NOTHING.says_something
    assert not NOTHING.widened(0.1, 0.1).shifted(1.0).says_something
    assert START.says_something
