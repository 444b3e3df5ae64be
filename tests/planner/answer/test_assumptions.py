from __future__ import annotations

from advisor.planner.answer.assumptions import LATENCY_SEEN
from advisor.planner.plan import plan
from tests.planner.fakes import candidate, inputs, scenario


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
    assert near(median_ms * (LATENCY_SEEN[1] - 0.3))
    assert not near(median_ms * (LATENCY_SEEN[1] + 1.5))
