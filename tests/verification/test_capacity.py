from __future__ import annotations

import numpy as np
import pytest

from advisor.records.verdict import Check, ConfigPair, Verdict
from advisor.verification.capacity import PROBES_MAX, search_capacity


def probe_result(good: bool, busy: float, lost: float = 0.0, reason: str = "") -> Verdict:
    names = ("run_completed", "camera_fps", "drops", "latency_p95", "queue_growth")
    return Verdict(
        sizer_version="0", created="", scenario="s", verdict="PASS" if good else "FAIL", reason=reason,
        checks=tuple(Check(name=name, required="", measured="", ok=good or None, met=good) for name in names),
        cameras=(), stages=(), host={}, config=ConfigPair(requested={}, effective={}), predicted=None, capacity=None,
        binding=None if good else "cpu", utilisation={"cpu": min(busy, 1.0)}, interference={"lost_fraction": lost},
    )  # fmt: skip


@pytest.mark.parametrize("capacity", [0, 1, 2, 7, 8, 9, 13, 40])
@pytest.mark.parametrize("start", [1, 8, 20])
def test_the_edge_is_found_with_few_probes(capacity, start) -> None:
    asked: list[int] = []

    def probe(cameras: int) -> Verdict:
        asked.append(cameras)
        return probe_result(cameras <= capacity, 0.95 * cameras / max(capacity, 0.5))

    found = search_capacity(probe, start)
    assert found.cameras == capacity
    assert found.binding == "cpu"
    assert len(asked) == len(found.probes) <= PROBES_MAX
    assert asked.count(capacity + 1) == 2  # the edge is confirmed
    assert capacity == 0 or asked.count(capacity) == 2
    if start == 8 and 7 <= capacity <= 13:
        assert len(asked) <= 6


def test_noise_moves_the_answer_by_little_and_never_far_up() -> None:
    rng = np.random.default_rng(1)
    answers = []
    for _ in range(200):
        found = search_capacity(lambda n: probe_result(n + rng.normal(0, 0.4) <= 10.5, 0.09 * n), 8)
        answers.append(found.cameras)
    known = [answer for answer in answers if answer is not None]
    assert len(known) >= 180
    assert np.mean([9 <= answer <= 11 for answer in known]) >= 0.95
    assert max(known) <= 12


def test_a_result_outside_the_promise_is_a_broken_one() -> None:
    def found(low: float, high: float) -> bool | None:
        promise = {"p10": low, "p50": low, "p90": high}
        return search_capacity(lambda n: probe_result(n <= 10, 0.1 * n), 8, promise).broken_promise

    assert found(9, 12) is False
    assert found(10, 10) is False
    assert found(11, 14) is True
    assert found(4, 9) is True
    assert search_capacity(lambda n: probe_result(n <= 10, 0.1 * n), 8).broken_promise is None


def test_a_disturbed_probe_is_repeated_and_then_nothing_is_said() -> None:
    found = search_capacity(lambda _n: probe_result(False, 0.5, lost=0.4), 8)
    assert found.cameras is None
    assert len(found.probes) == 2


def test_a_stopped_search_says_nothing() -> None:
    found = search_capacity(lambda _n: probe_result(False, 0.5, reason="stopped by the user"), 8)
    assert found.cameras is None
    assert len(found.probes) == 1
