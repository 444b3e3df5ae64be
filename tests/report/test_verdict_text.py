from __future__ import annotations

import pytest

from advisor.records.verdict import CapacityResult
from advisor.report.layout import plain_text
from advisor.report.text import capacity_sentence
from advisor.report.verdict_text import render_verdict

from .samples import verdict


def test_the_verdict_comes_first_then_checks_and_figures() -> None:
    text = plain_text(render_verdict(verdict()))
    assert text.splitlines()[0] == "shop: FAIL after 60 s: camera aisle-2 is too slow; limited by cpu"
    for words in ("FAILED", "inconclusive", "camera_fps: fewer cameras", "OUTSIDE", "not measured", "20 / 80.5 / -",
                  "cpu     97 %", "memory  30 %", "  - governor is powersave", "  - objects are drawn",
                  "OUTSIDE the predicted P10 - P90"):  # fmt: skip
        assert words in text


@pytest.mark.parametrize("width", [30, 80, 160])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, plain_text(render_verdict(verdict()), width).splitlines())) <= width


def test_a_verdict_without_anything_is_one_line() -> None:
    bare = verdict(
        "INCONCLUSIVE", checks=(), cameras=(), stages=(), predicted=None, capacity=None, binding=None, utilisation={},
        notes=(), warnings=(),
    )  # fmt: skip
    assert plain_text(render_verdict(bare)).count("\n") == 1


def test_capacity_without_a_promise() -> None:
    assert capacity_sentence(verdict(capacity=None)) == ""
    kept = CapacityResult(cameras=12, predicted=None, binding=None)
    assert capacity_sentence(verdict(capacity=kept)) == "12 cameras pass"
    none = CapacityResult(cameras=None, predicted=None)
    assert capacity_sentence(verdict(capacity=none)) == "no number of cameras was found to pass"
