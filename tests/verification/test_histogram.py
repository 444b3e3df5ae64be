from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.verification.histogram import CENTRE, RESOLUTION, Histogram


def filled(values_s: list[float] | np.ndarray, edge_s: float = 1.0) -> Histogram:
    found = Histogram(edge_s)
    found.add(np.asarray(values_s, dtype=np.float64))
    return found


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.95, 0.99, 1.0])
def test_quantiles_are_those_of_the_values_to_the_stated_resolution(share) -> None:
    values_s = np.random.default_rng(1).lognormal(-3.0, 1.0, 20_000)
    whole = filled(values_s, 0.3)
    parts = filled(values_s[:7000], 0.3)
    parts.add(values_s[7000:7001])
    parts.update(filled(values_s[7001:], 0.3))
    exact = float(np.quantile(values_s, share))
    assert whole.quantile(share) == pytest.approx(exact, rel=RESOLUTION)
    assert parts.quantile(share) == pytest.approx(whole.quantile(share), rel=1e-9)
    assert parts.total == whole.total == 20_000
    assert parts.largest_s == values_s.max()


def test_equal_times_come_back_as_they_were_and_few_as_numpy_has_them() -> None:
    assert filled([0.1] * 1000).tail_ms() == pytest.approx(dict.fromkeys(("p50", "p95", "p99", "max"), 100.0))
    assert filled([0.001, 0.003]).tail_ms() == pytest.approx({"p50": 2.0, "p95": 2.9, "p99": 2.98, "max": 3.0})
    assert filled([0.0, 0.0, 1e-9]).quantile(0.5) == pytest.approx(0.0, abs=1e-9)
    assert filled([]).tail_ms() == {"p50": None, "p95": None, "p99": None, "max": None}


def test_which_side_of_the_limit_a_time_lies_on_is_exact() -> None:
    limit_s = 0.3
    just_above = math.nextafter(limit_s, 1.0)
    found = filled([limit_s] * 999 + [just_above], limit_s)
    at_limit, above = found.at(998), found.at(999)
    assert at_limit is not None
    assert above is not None
    assert at_limit <= limit_s
    assert found.bins(np.array([limit_s, just_above, 0.3000001, 0.2999999])).tolist() == [
        CENTRE, CENTRE + 1, CENTRE + 1, CENTRE,
    ]  # fmt: skip
    assert found.at(1000) is None
