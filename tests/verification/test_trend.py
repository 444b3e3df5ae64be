from __future__ import annotations

import numpy as np
import pytest

from advisor.verification.trend import memory_slope, trend

from .support import observe, scenario

HOUR_S = 3600.0
MIB = 2.0**20


def test_the_slope_of_a_leak_is_found_in_noise() -> None:
    rng = np.random.default_rng(3)
    points = [(t, (500 + 12 * t / HOUR_S + rng.normal(0, 2)) * MIB) for t in np.arange(0, 8 * HOUR_S, 30.0)]
    found = memory_slope(points)
    assert found is not None
    value, low, high = found
    assert low <= value <= high
    assert value == pytest.approx(12, abs=0.5)


def test_bounds_of_a_steady_memory_hold_zero_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    held = 0
    for _ in range(100):
        found = memory_slope([(float(t), (500 + rng.normal(0, 3)) * MIB) for t in range(0, 600, 5)])
        assert found is not None
        held += found[1] <= 0 <= found[2]
    assert held >= 88  # 95 expected


def test_too_little_has_no_slope_and_no_tenths() -> None:
    assert memory_slope([(float(t), 1e8) for t in range(10)]) is None
    assert trend(observe(scenario(), 10.0)) == {}


def test_first_and_last_tenth_are_told_apart() -> None:
    seen = observe(
        scenario(), 100.0, lambda _feed, number: 0.05 if number < 700 else 0.2, warmup_s=2.0,
        service_s=lambda t: 0.02 if t < 50 else 0.03, hz=lambda t: 3e9 if t < 50 else 2.4e9,
        rss=lambda t: (100 + t) * MIB,
    )  # fmt: skip
    for row in seen.samples:
        row["throttled"] = 5 if row["t"] < 60 else 9
    found = trend(seen)
    first, last = found["first_tenth"], found["last_tenth"]
    assert first["latency_p95_ms"] == pytest.approx(50)
    assert last["latency_p95_ms"] == pytest.approx(200)
    assert first["frames_per_s"] == last["frames_per_s"] == pytest.approx(30, rel=0.02)
    assert first["person_pass_p50_ms"] == pytest.approx(20)
    assert last["person_pass_p50_ms"] == pytest.approx(30)
    assert (first["clock_ghz"], last["clock_ghz"]) == pytest.approx((3.0, 2.4))
    assert first["temperature_c"] is None
    assert found["memory_mib_per_h"]["value"] == pytest.approx(3600, rel=0.01)
    assert found["throttled"] == 4
