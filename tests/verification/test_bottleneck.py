"""Which change helps most, on made figures; the real one is in benchmarks/bottleneck.py."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.verification.bottleneck import most_useful_change
from advisor.verification.usage import Usage


def _usage(**changes: Any) -> Usage:
    base: dict[str, Any] = {
        "usable_cores": 4.0, "cpu_cores": 1.5, "decode_cores": 1.0, "application_cores": 0.0,
        "stage_cores": {"person": 0.4}, "harness_cores": 0.1, "other_cores": 0.0, "steal_cores": 0.0,
        "busy": {"decode": 0.5, "person": 0.3}, "power_w": None,
    }  # fmt: skip
    return Usage(**{**base, **changes})


def test_a_full_decoder_beside_idle_cores_gets_more_workers() -> None:
    found = most_useful_change(_usage(busy={"decode": 0.99, "person": 0.3}), {"decode": 1, "person": 2})
    assert found is not None
    assert found.resource == "decode threads"
    # 0.9 of four cores over 1.5 cores: room for 2.4 times the load, which three workers carry.
    assert found.load_factor == pytest.approx(0.9 * 4.0 / 1.5)
    assert found.text.startswith("3 decode threads instead of 1: it is busy 99 % of the time while 2.5 of 4 cores")


def test_cores_that_others_take_are_not_idle() -> None:
    found = most_useful_change(_usage(busy={"decode": 0.99}, other_cores=1.0), {"decode": 1})
    assert found is not None
    assert found.load_factor == pytest.approx(0.9 * 3.0 / 1.5)


def test_a_full_stage_gets_more_streams() -> None:
    found = most_useful_change(_usage(busy={"decode": 0.2, "person": 0.95}), {"decode": 1, "person": 2})
    assert found is not None
    assert found.resource == "streams of stage person"
    assert found.text.startswith("4 streams of stage person instead of 2")
    assert found.load_factor == 2.0


@pytest.mark.parametrize(
    ("decode", "person", "words", "factor"),
    [
        (3.0, 0.8, "cameras at half the width and height", 1.0 / (1.0 - 0.75 * 3.0 / 3.9)),
        (0.8, 3.0, "stage person on every second of its frames", 1.0 / (1.0 - 0.5 * 3.0 / 3.9)),
    ],
)
def test_full_cores_are_relieved_of_what_takes_most(decode: float, person: float, words: str, factor: float) -> None:
    found = most_useful_change(_usage(cpu_cores=3.9, decode_cores=decode, stage_cores={"person": person}), {})
    assert found is not None
    assert words in found.text
    assert found.load_factor == pytest.approx(factor)


def test_nothing_is_proposed_where_nothing_is_full_or_others_are_to_blame() -> None:
    assert most_useful_change(_usage(), {}) is None
    assert most_useful_change(_usage(cpu_cores=None), {}) is None
    assert most_useful_change(_usage(cpu_cores=1.0, other_cores=2.9), {}) is None
    spread = {f"stage {number}": 0.3 for number in range(12)}
    assert most_useful_change(_usage(cpu_cores=3.9, decode_cores=0.1, stage_cores=spread), {}) is None
