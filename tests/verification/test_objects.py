from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.records.scenario import Activity, ObjectCount
from advisor.verification.objects import Scene, correlated_uniforms, count_cdf, target_mean


def test_without_spread_counts_are_poisson() -> None:
    cdf = count_cdf(ObjectCount(mean=4.0))
    expected = np.cumsum([math.exp(-4.0) * 4.0**k / math.factorial(k) for k in range(20)])
    assert cdf[:20] == pytest.approx(expected, abs=1e-9)


def test_a_wide_count_has_its_mean_and_its_95_percent_point() -> None:
    cdf = count_cdf(ObjectCount(mean=4.0, p95=12.0))
    mean = float((1.0 - cdf).sum())
    assert mean == pytest.approx(4.0, rel=0.02)
    assert int(np.searchsorted(cdf, 0.95)) == 12


@pytest.mark.parametrize(
    ("count", "load", "mean"),
    [
        (ObjectCount(mean=4.0, p95=12.0, max=25.0), "p95", 12.0),
        (ObjectCount(mean=4.0, p95=12.0, max=25.0), "mean", 4.0),
        (ObjectCount(mean=1.5, p95=6.0, max=6.0), "p95", 6.0),
        (ObjectCount(mean=4.0), "p95", 8.0),  # P(Poisson(4) <= 8) = 0.979, <= 7: 0.949
        (ObjectCount(mean=0.0), "p95", 0.0),
    ],
)
def test_the_mean_over_the_run_is_the_load_that_was_asked_for(count, load, mean) -> None:
    assert target_mean(count, load) == mean
    scene = Scene(Activity(objects_per_frame={"x": count}), load, 4, 20.0, seed=3)
    for feed in range(4):  # on every camera, for a stage may look at one group only
        drawn = [scene.count("x", feed, step * 0.2 + 0.1) for step in range(100)]
        assert sum(drawn) / len(drawn) == pytest.approx(mean, abs=0.01)
    if count.max is not None:
        assert max(drawn) <= count.max


@settings(max_examples=30, deadline=None)
@given(mean=st.floats(0, 20), spread=st.floats(1, 4), seed=st.integers(0, 99))
def test_any_count_stays_within_its_bounds(mean, spread, seed) -> None:
    count = ObjectCount(mean=mean, p95=mean * spread, max=math.ceil(mean * spread) + 1.0)
    scene = Scene(Activity(objects_per_frame={"x": count}), "p95", 2, 5.0, seed)
    drawn = [scene.count("x", feed, step * 0.2 + 0.1) for feed in range(2) for step in range(25)]
    assert min(drawn) >= 0
    assert max(drawn) <= count.max
    assert sum(drawn) / 50 == pytest.approx(mean * spread, abs=0.03)


def test_uniforms_persist_and_agree_between_cameras_as_asked() -> None:
    rng = np.random.default_rng(1)
    paths = correlated_uniforms(40, 4000, 2.0, 0.6, rng)
    assert paths.mean() == pytest.approx(0.5, abs=0.05)
    assert paths.std() == pytest.approx(math.sqrt(1 / 12), rel=0.05)
    lag = np.mean([np.corrcoef(path[:-10], path[10:])[0, 1] for path in paths])
    assert lag == pytest.approx(math.exp(-1.0), abs=0.08)  # ten steps of 0.2 s at a persistence of 2 s
    between = np.corrcoef(paths)[np.triu_indices(40, 1)].mean()
    assert between == pytest.approx(0.6, abs=0.12)


def test_motion_has_the_share_that_was_asked_for_and_lasts() -> None:
    scene = Scene(Activity(motion_duty=0.25, persistence_s=5.0), "mean", 2, 200.0, seed=4)
    for feed in range(2):
        moves = [scene.motion(feed, step * 0.2 + 0.1) for step in range(1000)]
        changes = sum(before != after for before, after in itertools.pairwise(moves))
        assert sum(moves) == 250
        assert changes < 250  # independent steps would change 375 times


def test_the_seed_decides_everything() -> None:
    activity = Activity(objects_per_frame={"x": ObjectCount(mean=3.0)})
    one, same, other = (Scene(activity, "mean", 2, 10.0, seed) for seed in (1, 1, 2))
    counts = [[scene.count("x", 1, t / 5) for t in range(50)] for scene in (one, same, other)]
    assert counts[0] == counts[1] != counts[2]
    assert one.boxes(3, 0, 7) == same.boxes(3, 0, 7) != other.boxes(3, 0, 7)


def test_boxes_lie_inside_the_picture() -> None:
    scene = Scene(Activity(), "mean", 1, 1.0, seed=0)
    for left, top, right, bottom in scene.boxes(500, 0, 0):
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
    assert scene.boxes(0, 0, 0) == ()
