from __future__ import annotations

import json

from advisor.report.layout import plain_text
from advisor.report.verdict_text import render_verdict
from advisor.verification.compare import compared
from tests.report.samples import verdict


def test_a_latency_predicted_without_end_is_no_number_and_holds_any_measured_one() -> None:
    predicted = {"latency_p95_ms": {"p10": 58.2, "p50": None, "p90": None}, "drops_pct": {"p10": 0, "p50": 0, "p90": 1}}
    rows = {row["figure"]: row for row in compared(predicted, verdict())}
    assert rows["latency_p95_ms"] == {
        "figure": "latency_p95_ms", "p10": 58.2, "p50": None, "p90": None, "measured": 80.5, "inside": True,
    }  # fmt: skip
    assert rows["drops_pct"]["inside"] is False
    shown = verdict(predicted={"compared": list(rows.values())})
    json.dumps(shown.model_dump(mode="json"), allow_nan=False)
    (line,) = [text for text in plain_text(render_verdict(shown)).splitlines() if "latency_p95_ms" in text]
    assert " ".join(line.split()) == "latency_p95_ms does not keep up 58.2 - does not keep up 80.5 inside"
