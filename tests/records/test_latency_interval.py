from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from advisor.records.base import LatencyInterval, Tail
from advisor.report.text import NEVER, latency_figures, latency_span


def test_a_latency_without_end_is_null_in_json_and_words_in_text() -> None:
    never = LatencyInterval(p10=58.2, p50=101.0, p90=float("inf"))
    assert json.loads(never.model_dump_json()) == {"p10": 58.2, "p50": 101.0, "p90": None}
    assert LatencyInterval.model_validate_json(never.model_dump_json()) == never
    assert latency_figures(never) == f"101 (58.2 - {NEVER})"
    assert latency_span(LatencyInterval(p10=None, p50=None, p90=None)) == "does not keep up"
    assert latency_span(LatencyInterval(p10=1.0, p50=2.0, p90=3.0)) == "2 (1 - 3) ms"


def test_the_figure_that_stood_for_it_is_read_as_what_it_meant() -> None:
    old = '{"p50": 12.5, "p95": 1000000000.0, "p99": 1000000000.0}'
    assert Tail.model_validate_json(old) == Tail(p50=12.5, p95=None, p99=None)
    assert "1000000000" not in Tail.model_validate_json(old).model_dump_json()


def test_quantiles_are_in_order_with_what_never_ends_last() -> None:
    with pytest.raises(ValidationError, match="out of order"):
        LatencyInterval(p10=None, p50=2.0, p90=3.0)
