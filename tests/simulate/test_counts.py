"""Objects per frame: fitted distributions, and what the event loop draws from them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.errors import ScenarioError
from advisor.simulate import ObjectClass, ObjectsSpec, Seeds, SimCamera, SimSpec, SimStage, simulate
from advisor.simulate.counts import probabilities


def moments(count, load):
    pmf = np.array(probabilities(count, load))
    k = np.arange(pmf.size)
    return pmf, float(pmf @ k), int(np.searchsorted(np.cumsum(pmf), 0.95))


@pytest.mark.parametrize(
    "count",
    [
        ObjectClass(4, 12, 25),
        ObjectClass(1.5, 6, 10),
        ObjectClass(4, 6, 25),  # narrower than Poisson
        ObjectClass(1, 9, 12),  # crowds now and then
        ObjectClass(0.3, 2, None),
        ObjectClass(40, 90, 200),
    ],
)
def test_mean_and_95_percent_point_are_met(count) -> None:
    pmf, mean, p95 = moments(count, "mean")
    assert pmf.sum() == pytest.approx(1)
    assert (pmf >= 0).all()
    assert mean == pytest.approx(count.mean, rel=1e-6)
    assert p95 == count.p95
    assert count.max is None or pmf.size == count.max + 1


@pytest.mark.parametrize("count", [ObjectClass(4, 12, 25), ObjectClass(1.5, 6, 10), ObjectClass(3, 5, 5)])
def test_in_the_busy_hour_the_mean_is_the_95_percent_point(count) -> None:
    pmf, mean, _ = moments(count, "p95")
    assert mean == pytest.approx(count.p95, rel=1e-6)
    assert pmf.size == count.max + 1


def test_without_p95_counts_are_poisson() -> None:
    pmf, mean, p95 = moments(ObjectClass(2.0), "mean")
    assert mean == pytest.approx(2.0)
    assert pmf[:6] == pytest.approx([math.exp(-2) * 2**k / math.factorial(k) for k in range(6)], rel=1e-6)
    assert moments(ObjectClass(2.0), "p95")[1] == pytest.approx(p95, rel=1e-6)


def test_an_impossible_pair_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no count has mean"):
        probabilities(ObjectClass(0.1, 9, 12), "mean")


def objects_per_frame(count, load, persistence_s, correlation=0.0, cameras=60, seed=5):
    """Objects per second of a stage on objects, divided by its parent's rate."""
    stages = (SimStage("d", (0.0, 1e-5), finds=0, streams=64), SimStage("e", (0.0, 1e-6), parent=0, streams=64))
    spec = SimSpec(
        tuple(SimCamera(5.0) for _ in range(cameras)), stages, 128.0,
        ObjectsSpec((count,), correlation, persistence_s), load=load,
    )  # fmt: skip
    r = simulate(spec, 200, 10, Seeds(1, 2, seed, 4))
    return r.stages[1].items_per_s / r.stages[0].calls_per_s


@pytest.mark.parametrize(("load", "expected"), [("mean", 4.0), ("p95", 12.0)])
def test_the_loop_draws_from_the_distribution(load, expected) -> None:
    assert objects_per_frame(ObjectClass(4, 12, 25), load, 0.0) == pytest.approx(expected, rel=0.02)
    assert objects_per_frame(ObjectClass(4, 12, 25), load, 1.0) == pytest.approx(expected, rel=0.04)


def test_correlated_cameras_make_a_wider_total() -> None:
    """The mean over many cameras scatters little when they are independent and much when they rise together."""
    count = ObjectClass(4, 12, 25)
    apart = np.std([objects_per_frame(count, "mean", 20.0, 0.0, 30, seed) for seed in range(8)])
    together = np.std([objects_per_frame(count, "mean", 20.0, 0.9, 30, seed) for seed in range(8)])
    assert together > 2 * apart
