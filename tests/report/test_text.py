from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.plan import Price, Rejected
from advisor.records.verdict import CameraTail
from advisor.report.text import (
    REMEDIES,
    capacity,
    capacity_interval,
    config_line,
    has_cameras,
    money,
    number,
    percent,
    price_line,
    remedy,
    span,
    tail,
    tight,
    why,
)

from .samples import request_plan, shop_plan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (0, "0"), (0.0, "0"), (1.0, "1"), (12.34, "12.3"), (999.6, "1,000"), (123456.0, "123,456"),
        (0.000001234, "0.00000123"), (-2.5, "-2.5"), (99.96, "100"), (0.0999999, "0.1"), (10.0, "10"), (100, "100"),
    ],
)  # fmt: skip
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_number_reads_back_within_half_a_unit_of_its_last_figure(value: float) -> None:
    text = number(value, 3).replace(",", "")
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=0.0051)


def test_intervals() -> None:
    assert span(None) == "-"
    assert span(Interval(p10=1.0, p50=2.0, p90=3.5)) == "2 (1 - 3.5)"
    assert span(Interval(p10=2.0, p50=2.0, p90=2.0001)) == "2"
    assert percent(Interval(p10=0.1, p50=0.25, p90=0.5)) == "25 (10 - 50) %"
    assert percent(None) == "-"
    assert tight("2 (1 - 3.5)") == "2 (1-3.5)"
    assert tail(CameraTail(p50=1.0, p95=None, p99=2.0, max=None)) == "1 / - / 2"


def test_an_unknown_price_is_said_and_never_zero() -> None:
    unknown = Price(value=None, currency="EUR", kind="unknown", source="none", date=None, stale=False, per_box=None)
    assert money(None, "EUR") == "price unknown"
    assert price_line(unknown) == price_line(None) == "price unknown"
    old = Price(
        value=1200.0, currency="EUR", kind="vendor", source="a shop", date="2024-01-02", stale=True, per_box=600.0
    )
    assert price_line(old) == "1,200 EUR [vendor, 2024-01-02, more than 90 days old; a shop]"
    assert money(0.0, "EUR") == "0 EUR"


def test_capacity_in_the_unit_of_the_scenario() -> None:
    cameras, requests = shop_plan().recommended, request_plan().recommended
    assert cameras is not None
    assert requests is not None
    assert capacity(cameras.predicted).endswith(" cameras")
    assert has_cameras(cameras.predicted)
    assert capacity(requests.predicted).endswith(" requests/s")
    assert not has_cameras(requests.predicted)
    assert capacity(None) == "-"
    assert capacity_interval(None) is None
    assert capacity_interval(cameras.predicted) == cameras.predicted.capacity_cameras
    assert capacity_interval(requests.predicted) == requests.predicted.capacity_requests_per_s


def test_a_rejection_says_why_and_what_to_change() -> None:
    item = Rejected(platform="a", name="A", reason="too slow", check="cpu")
    assert (why(item), remedy(item)) == ("too slow", REMEDIES["cpu"])
    assert remedy(item.model_copy(update={"check": None})) == ""


def test_configurations() -> None:
    line = config_line(RunConfig(streams=2, threads=8, batch=4, requests=4, hint="throughput", precision="int8"))
    assert line == "openvino, CPU, int8, hint throughput, 2 streams x 4 threads, batch 4, 4 requests"
    assert config_line(RunConfig()) == "openvino, CPU, f32, streams automatic, threads automatic"
    assert "3 streams x 1.33 threads" in config_line(RunConfig(streams=3, threads=4))
