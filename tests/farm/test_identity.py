from __future__ import annotations

import pytest

from advisor.farm.identity import difference, holds, proof

OWN = {"sizer": "0.2", "store": "7", "farm": "1", "distributed": "2026.8.0"}


@pytest.mark.parametrize(
    ("token", "given", "side", "asked", "expected"),
    [
        ("secret-of-the-farm", "secret-of-the-farm", "caller", "caller", True),
        (None, None, "caller", "caller", True),
        ("secret-of-the-farm", "another", "caller", "caller", False),
        ("secret-of-the-farm", None, "caller", "caller", False),
        (None, "secret-of-the-farm", "caller", "caller", False),
        # Sent back as it was received, a proof is worth nothing.
        ("secret-of-the-farm", "secret-of-the-farm", "caller", "listener", False),
    ],
)
def test_only_who_holds_the_token_can_answer(
    token: str | None, given: str | None, side: str, asked: str, expected: bool
) -> None:
    assert holds(token, asked, "challenge", "answer", proof(given, side, "challenge", "answer")) is expected


def test_a_proof_answers_one_challenge_alone_and_does_not_hold_the_token() -> None:
    one = proof("secret-of-the-farm", "caller", "1", "2")
    assert one != proof("secret-of-the-farm", "caller", "1", "3")
    assert one != proof("secret-of-the-farm", "caller", "12", "")
    assert "secret" not in one
    assert not holds("secret-of-the-farm", "caller", "1", "2", None)


@pytest.mark.parametrize("key", sorted(OWN))
def test_a_version_that_differs_is_named_with_both(key: str) -> None:
    words = difference(OWN, {**OWN, key: "9.9"})
    assert words is not None
    assert "9.9 there" in words
    assert f"{OWN[key]} here" in words
    assert "\n" not in words


def test_equal_versions_and_unknown_further_ones_are_no_difference() -> None:
    assert difference(OWN, {**OWN, "more": "1"}) is None
