"""How answers of a page and of plans are compared; the comparison itself is `python -m benchmarks --only what-if`."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.what_if import Asked, summary


def chosen(box: str, p: float = 0.9, price: float = 100.0) -> dict[str, Any]:
    return {"box": box, "count": 1, "p": p, "price": price, "ties": []}


def asked(mine: dict[str, Any] | None, theirs: dict[str, Any] | None, **page: Any) -> Asked:
    answer = {"chosen": mine, "ties": [], "close": [], **page}
    return Asked("store-analytics", {}, answer, theirs, ("cameras",))


@pytest.mark.parametrize(("item", "outcome"), [
    (asked(chosen("a"), chosen("a")), "same"),
    (asked(chosen("a"), chosen("b")), "wrong"),
    (asked(chosen("a"), chosen("b"), ties=[["b", 1]]), "tie"),
    (asked(chosen("a"), chosen("b") | {"ties": [["a", 1]]}), "tie"),
    (asked(chosen("a"), chosen("b"), close=[["b", 1]]), "too close"),
    (asked(None, None), "same"),
    (asked(None, chosen("a")), "wrong"),
    (asked(chosen("a"), None, close=[["a", 1]]), "too close"),
])  # fmt: skip
def test_outcomes_are_told_apart(item: Asked, outcome: str) -> None:
    assert item.outcome == outcome


def test_only_the_same_boxes_have_probabilities_to_compare() -> None:
    assert asked(chosen("a", 0.95), chosen("a", 0.9)).points_off == pytest.approx(5.0)
    assert asked(chosen("a"), chosen("b")).points_off is None
    assert asked(chosen("a", price=110.0), chosen("a")).price_off == pytest.approx(0.1)


def test_the_summary_counts_and_lists_what_is_wrong() -> None:
    text = summary([asked(chosen("a", 0.93), chosen("a", 0.9)), asked(chosen("a"), chosen("b"))])
    row = next(line for line in text.splitlines() if line.startswith("| all "))
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "all",
        "2",
        "1",
        "0",
        "0",
        "1",
        "0",
        "3.0",
        "3.0",
        "3.0",
    ]
    assert "page 1 x a at 100, 90 %; plan 1 x b at 100, 90 %" in text
