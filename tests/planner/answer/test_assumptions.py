from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.planner.answer.around import application_words
from advisor.planner.answer.assumptions import LATENCY_RATIO, _filled_text
from advisor.planner.plan import plan
from advisor.records.machine import MachineSpec
from tests.planner.fakes import TODAY, FakePredictor, candidate, inputs, scenario


def near(budget_ms: float) -> bool:
    shop = scenario(slo={"camera_fps": 15.0, "latency_p95_ms": budget_ms, "window_s": 20.0})
    result = plan(inputs([candidate("large", 8, 500.0)], shop=shop))
    assert result.recommended is not None
    assert any("real p95 was" in text for text in result.assumptions)
    return any("latency budget" in text for text in result.warnings)


def test_a_latency_budget_that_reality_may_break_is_warned_of() -> None:
    result = plan(inputs([candidate("large", 8, 500.0)]))
    assert result.recommended is not None
    median_ms = result.recommended.predicted.latency_p95_ms.p50
    assert near(median_ms * (LATENCY_RATIO[1] - 0.3))
    assert not near(median_ms * (LATENCY_RATIO[1] + 1.5))


def test_a_plan_lists_what_its_box_does_not_state() -> None:
    result = plan(inputs([candidate("large", 8, 500.0)]))
    text = next(text for text in result.assumptions if "not stated" in text)
    assert text.startswith("large: not stated, usual values taken: all-core clock (as the boost clock), boost clock")
    assert "memory bandwidth" not in text


def test_what_an_alternative_does_not_state_is_listed_too() -> None:
    result = plan(inputs([candidate("large", 8, 500.0), candidate("larger", 12, 600.0)]))
    assert [item.platform for item in result.alternatives] == ["larger"]
    text = next(text for text in result.assumptions if text.startswith("larger: not stated"))
    assert "all-core clock (as the boost clock)" in text


def test_clocks_of_small_cores_that_are_not_stated_are_listed_with_what_is_taken() -> None:
    chip = candidate("hybrid", 8, 500.0).machine.model_copy(update={"efficiency_cores": 4, "e_core_turbo_hz": None})
    (text,) = _filled_text("hybrid", chip)
    assert "clock of the efficiency cores (as 0.77 of the boost clock)" in text
    arrays = machine_arrays([chip])
    assert arrays.e_core_hz[0] == pytest.approx(0.77 * arrays.boost_hz[0])
    assert arrays.all_core_hz[0] == arrays.boost_hz[0]


def test_where_the_figures_of_latency_come_from_is_said() -> None:
    result = plan(inputs([candidate("large", 8, 500.0)]))
    (text,) = [text for text in result.assumptions if text.startswith("latency:")]
    assert (
        "18 or 19 cascades on each of three guests of two cores, nine of which were used to build the simulator" in text
    )
    assert "no machine with more cores was tried" in text


def test_what_is_taken_of_a_scheduler_that_nobody_measured_is_said() -> None:
    class Measured(FakePredictor):
        def stacking(self, machine: MachineSpec) -> float:
            return 0.1

    asked = inputs([candidate("large", 8, 500.0)])
    known = replace(asked, predictor=Measured({"person": 0.02, "reid": 0.004}))
    said = [
        [text for text in plan(item).assumptions if "on a busy core while another idles" in text]
        for item in (asked, known)
    ]
    assert [len(texts) for texts in said] == [1, 0]
    assert said[0][0].startswith("large: ")


def test_a_cpu_share_is_put_as_a_monitor_counts_it() -> None:
    box = candidate("large", 8, 500.0)
    sibling = replace(box, machine=box.machine.model_copy(update={"threads": 16}))
    said = [
        [text for text in plan(inputs([item])).assumptions if "CPU shares are of the 8 cores" in text]
        for item in (box, sibling)
    ]
    assert said[0] == []
    assert "all 16 threads (top, task manager) shows 0.50 times as much" in said[1][0]


def test_what_must_be_set_on_the_box_is_an_assumption() -> None:
    box = replace(candidate("large", 8, 500.0), notes=("large: set its limit",))
    assert "large: set its limit" in plan(inputs([box])).assumptions


def test_a_stale_price_is_warned_of() -> None:
    old = candidate("old", 8, 500.0, price_date=TODAY - dt.timedelta(days=400))
    result = plan(inputs([old]))
    assert any("old: the price is from 2025-10-17, more than 90 days old" in text for text in result.warnings)
    fresh = plan(inputs([candidate("new", 8, 500.0)]))
    assert not any("days old" in text for text in fresh.warnings)
    quoted = {"old": {"value": 450.0, "date": "2026-11-01", "source": "offer 17"}}
    assert not any(
        "days old" in text for text in plan(inputs([old], shop=scenario(candidates={"prices": quoted}))).warnings
    )


def test_what_is_assumed_around_the_models_comes_first() -> None:
    """As a warning where it is usual, else as an assumption; no other plan of these tests states an application."""
    usual = plan(inputs([candidate("large", 8, 500.0)]))
    assert usual.warnings[0] == application_words(scenario())
    assert application_words(scenario()) not in usual.assumptions
    nothing = plan(inputs([candidate("large", 8, 500.0)], shop=scenario(application="none")))
    assert nothing.assumptions[0] == application_words(scenario(application="none"))
    assert not any("around the models" in text for text in nothing.warnings)
