"""The comparison itself: what it finds, what it leaves alone, and how it names a difference."""

from typing import Any

import pytest

from .compare import differences

BEFORE: dict[str, Any] = {
    "created": "2026-11-29",
    "recommended": {"platform": "mini-1", "latency_ms": [10.0, 20.0], "note": "holds with room to spare", "none": None},
    "warnings": ["the price is old"],
}


def changed(**update: Any) -> dict[str, Any]:
    return BEFORE | {"recommended": BEFORE["recommended"] | update}


@pytest.mark.parametrize(
    ("after", "line"),
    [
        (changed(latency_ms=[10.0, 20.0000001]), "$.recommended.latency_ms[1]: 20.0 became 20.0000001"),
        (changed(latency_ms=[10.0]), "$.recommended.latency_ms: 2 entries became 1: [10.0, 20.0] became [10.0]"),
        (changed(platform="mini-2"), "$.recommended.platform: 'mini-1' became 'mini-2'"),
        (changed(none=0.0), "$.recommended.none: None became 0.0"),
        (changed(more=1), "$.recommended.more: nothing became 1"),
        (changed(note=None), "$.recommended.note: 'holds with room to spare' became None"),
        ({"created": "", "warnings": []}, f"$.recommended: {BEFORE['recommended']!r} became nothing"),
    ],
)
def test_a_difference_is_named_by_its_path(after: Any, line: str) -> None:
    assert list(differences(BEFORE, after)) == [line]


@pytest.mark.parametrize(
    "after",
    [
        changed(latency_ms=(10.0, 20.000000001)),
        changed(note="holds"),
        BEFORE | {"created": "2027-01-01", "warnings": ["the price is old", "the store is new"]},
    ],
)
def test_rounding_dates_and_sentences_are_left_alone(after: Any) -> None:
    assert list(differences(BEFORE, after)) == []
