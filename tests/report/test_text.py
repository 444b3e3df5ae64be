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
    config_line,
    has_cameras,
    money,
    number,
    percent,
    price_line,
    remedy,
    span,
    table,
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
    assert price_line(old) == "1,200 EUR [vendor, 2024-01-02, more than 12 months old; a shop]"
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


def test_a_rejection_says_why_and_what_to_change() -> None:
    item = Rejected(platform="a", name="A", reason="too slow", check="cpu")
    assert (why(item), remedy(item)) == ("too slow", REMEDIES["cpu"])
    assert remedy(item.model_copy(update={"check": None})) == ""


def test_configurations() -> None:
    line = config_line(RunConfig(streams=2, threads=8, batch=4, requests=4, hint="throughput", precision="int8"))
    assert line == "openvino, CPU, int8, hint throughput, 2 streams x 4 threads, batch 4, 4 requests"
    assert config_line(RunConfig()) == "openvino, CPU, f32, streams automatic, threads automatic"
    assert "3 streams x 1.33 threads" in config_line(RunConfig(streams=3, threads=4))


def test_a_table_keeps_figures_whole_and_loses_no_word() -> None:
    reason = " ".join(f"word{index}" for index in range(60))
    text = table(["platform", "price", "why"], [["desktop-core-ultra-7-265k-32-gb", "1,200 EUR", reason]], right=(1,))
    assert max(map(len, text.splitlines())) <= 118
    assert "1,200 EUR" in text
    assert [word for word in text.split() if word.startswith("word")] == reason.split()


@given(
    st.integers(1, 9).flatmap(
        lambda n: st.lists(st.lists(st.text(max_size=60), min_size=n, max_size=n), min_size=1, max_size=5)
    )
)
def test_no_table_is_wider_than_asked(rows: list[list[str]]) -> None:
    text = table(["title"] * len(rows[0]), rows, width=80)
    assert max(map(len, text.splitlines())) <= 80


def test_a_table_shows_markup_as_it_is() -> None:
    assert "[bold]x[/bold]" in table(["a"], [["[bold]x[/bold]"]])
