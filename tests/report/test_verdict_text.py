from __future__ import annotations

from advisor.records.verdict import CapacityResult
from advisor.report.verdict_page import timeline
from advisor.report.verdict_text import capacity_sentence, render_verdict

from .samples import verdict


def test_the_verdict_comes_first_and_no_line_is_too_long() -> None:
    text = render_verdict(verdict())
    assert text.splitlines()[0] == "shop: FAIL after 60 s: camera aisle-2 is too slow; binds: cpu"
    assert max(map(len, text.splitlines())) <= 118
    for words in ("FAILED", "cannot say", "fewer cameras", "OUTSIDE P10-P90", "not measured", "20 / 80.5 / -",
                  "utilisation: cpu 97 %, memory 30 %", "warning: governor is powersave",
                  "BROKEN PROMISE"):  # fmt: skip
        assert words in text


def test_capacity_without_a_promise() -> None:
    assert capacity_sentence(verdict(capacity=None)) == ""
    kept = CapacityResult(cameras=12, predicted=None, binding=None)
    assert capacity_sentence(verdict(capacity=kept)) == "12 cameras pass"
    none = CapacityResult(cameras=None, predicted=None)
    assert capacity_sentence(verdict(capacity=none)) == "no number of cameras was found to pass"


def test_a_timeline_has_a_bar_per_request() -> None:
    svg = timeline({"spans": [["a", 1.0, 2.0], ["b", 1.5, 3.0], ["a", 2.0, 3.0]]})
    assert svg.count("<rect") == 3
    assert "2.00 s" in svg
    prepared = timeline({"spans": [["a", 1.0, 2.0, 1.5]]})
    assert prepared.count('class="wait"') == prepared.count('class="bar"') == 1
    assert timeline({}) == "<p>No timeline was recorded.</p>"
