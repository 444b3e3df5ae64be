"""Joint draws: each standard normal, correlated by what the machine shares."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.perfmodel.joint import joint_z, log_error_at
from advisor.planner.search.belief import at
from advisor.planner.search.draw_costs import at_each
from advisor.records.base import Interval


def test_each_is_standard_normal_and_pairs_correlate_by_their_shares() -> None:
    shares = [0.81, 0.36, 0.0]
    z = joint_z(shares, np.random.default_rng(3), 40_000)
    assert z.shape == (40_000, 3)
    assert np.allclose(z.mean(0), 0.0, atol=0.02)
    assert np.allclose(z.std(0), 1.0, atol=0.02)
    found = np.asarray(np.corrcoef(z.T))
    assert np.allclose(found[0, 1], 0.9 * 0.6, atol=0.02)
    assert np.allclose(found[0, 2], 0.0, atol=0.02)


def test_a_share_of_one_is_one_quantile_for_all_and_of_none_is_independent() -> None:
    same = joint_z([1.0, 1.0], np.random.default_rng(1), 100)
    assert np.array_equal(same[:, 0], same[:, 1])
    apart = joint_z([0.0, 0.0], np.random.default_rng(1), 20_000)
    assert abs(np.asarray(np.corrcoef(apart.T))[0, 1]) < 0.02


def test_further_models_leave_the_draws_of_the_first_as_they_were() -> None:
    short = joint_z([0.3, 0.6], np.random.default_rng(5), 50)
    longer = joint_z([0.3, 0.6, 0.9], np.random.default_rng(5), 50)
    assert np.array_equal(short, longer[:, :2])


@pytest.mark.parametrize("share", [-0.01, 1.01, float("nan")])
def test_shares_outside_their_range_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        joint_z([0.5, share], np.random.default_rng(0), 3)


def test_the_planner_reads_intervals_at_quantiles_as_the_proof_does() -> None:
    interval = Interval(p10=0.008, p50=0.01, p90=0.015)
    z = np.linspace(-3.0, 3.0, 61)
    low, high = np.log(interval.p10 / interval.p50), np.log(interval.p90 / interval.p50)
    proved = interval.p50 * np.exp(log_error_at(np.array(low), np.array(high), z))
    assert np.allclose(at_each(interval, z), proved, rtol=1e-12)
    assert np.allclose([at(interval, float(x)) for x in z], proved, rtol=1e-12)
