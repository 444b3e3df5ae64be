"""What is in front of the cameras where no real detector says it: seeded counts, boxes and motion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from advisor.records.scenario import Activity, ObjectCount

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP_S = 0.2
"""Counts are constant over such a step; persistence is seconds."""
_TABLE = 4096


def _poisson_cdf(mean: float, largest: int) -> NDArray[np.float64]:
    """P(X <= k) for k = 0 .. largest."""
    if mean <= 0:
        return np.ones(largest + 1)
    k = np.arange(largest + 1, dtype=np.float64)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.maximum(k[1:], 1.0)))))
    return np.asarray(np.minimum(np.cumsum(np.exp(k * math.log(mean) - mean - log_factorial)), 1.0))


def _negative_binomial_cdf(mean: float, shape: float, largest: int) -> NDArray[np.float64]:
    """P(X <= k) of a Poisson count whose rate is gamma distributed with this shape; wide for a small shape."""
    k = np.arange(largest + 1, dtype=np.float64)
    success = shape / (shape + mean)
    log_terms = np.concatenate(([0.0], np.cumsum(np.log((k[1:] + shape - 1.0) / k[1:]))))
    terms = np.exp(shape * math.log(success) + log_terms + k * math.log1p(-success))
    return np.asarray(np.minimum(np.cumsum(terms), 1.0))


def _p95(cdf: NDArray[np.float64]) -> int:
    return min(int(np.searchsorted(cdf, 0.95)), len(cdf) - 1)


def count_cdf(count: ObjectCount) -> NDArray[np.float64]:
    """Distribution of objects per frame: P(X <= k), k = 0, 1, ...

    Poisson around ``mean``; where ``p95`` lies above Poisson's own 95 % point, the negative binomial with that mean
    whose 95 % point comes nearest; cut at ``max``.
    """
    largest = min(_TABLE, math.ceil(max(count.mean, count.p95 or 0.0) * 4 + 40))
    cdf = _poisson_cdf(count.mean, largest)
    if count.p95 is not None and count.mean > 0 and count.p95 > _p95(cdf):
        shapes = np.geomspace(0.05, 200.0, 60)
        wide = [_negative_binomial_cdf(count.mean, float(shape), largest) for shape in shapes]
        cdf = min(wide, key=lambda item: abs(_p95(item) - float(count.p95 or 0.0)))
    if count.max is not None:
        cdf = cdf[: int(count.max) + 1].copy()
    cdf[-1] = 1.0
    return cdf


def target_mean(count: ObjectCount, load: str) -> float:
    """Mean number of objects over a run: the distribution's mean, or its 95 % point in the busy hour, at most max."""
    if load == "mean":
        return count.mean
    point = count.p95 if count.p95 is not None else float(_p95(count_cdf(count)))
    return min(point, count.max) if count.max is not None else point


def correlated_uniforms(
    cameras: int, steps: int, persistence_s: float, correlation: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    r"""Uniform numbers, shape (cameras, steps), alike in time and between cameras (a Gaussian copula).

    Notes
    -----
    .. math:: z_{t+1} = a z_t + \sqrt{1 - a^2}\,\epsilon, \quad a = e^{-\Delta t / \tau}

    with :math:`\tau` = ``persistence_s``. A rank correlation :math:`\rho` between cameras needs the correlation
    :math:`2 \sin(\pi \rho / 6)` of the normal numbers (Kruskal 1958, https://doi.org/10.2307/2281954, section 6).
    """
    keep = math.exp(-STEP_S / persistence_s) if persistence_s > 0 else 0.0
    shared = 2.0 * math.sin(math.pi * correlation / 6.0)
    noise = rng.standard_normal((cameras + 1, steps))
    paths = np.empty_like(noise)
    paths[:, 0] = noise[:, 0]
    for step in range(1, steps):
        paths[:, step] = keep * paths[:, step - 1] + math.sqrt(1.0 - keep * keep) * noise[:, step]
    normal = math.sqrt(shared) * paths[:1] + math.sqrt(1.0 - shared) * paths[1:]
    cdf = np.vectorize(NormalDist().cdf, otypes=[np.float64])
    return np.asarray(cdf(normal), dtype=np.float64)


def draw_counts(
    count: ObjectCount, load: str, uniforms: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Objects per camera and step; on every camera their mean over the run is :func:`target_mean`, limited by ``max``.

    In the busy hour the counts are drawn from the same family around the 95 % point; single objects are then added or
    taken away at random places until the total is right, so that the load of a short run does not rest on luck.
    """
    target = target_mean(count, load)
    family = count if load == "mean" else ObjectCount(mean=target, max=count.max)
    drawn = np.searchsorted(count_cdf(family), uniforms).astype(np.int64)
    largest = np.iinfo(np.int64).max if count.max is None else int(count.max)
    for row in drawn:
        _shift_mean(row, target, largest, rng)
    return drawn


def _shift_mean(row: NDArray[np.int64], target: float, largest: int, rng: np.random.Generator) -> None:
    """Add or take away single objects until the sum is that of the target."""
    missing = round(target * row.size) - int(row.sum())
    while missing != 0:
        open_places = np.flatnonzero(row < largest) if missing > 0 else np.flatnonzero(row > 0)
        if open_places.size == 0:
            break  # every step already shows the largest number: the mean cannot be higher
        chosen = rng.choice(open_places, size=min(abs(missing), open_places.size), replace=False)
        row[chosen] += 1 if missing > 0 else -1
        missing += -len(chosen) if missing > 0 else len(chosen)


class Scene:
    """Counts, boxes and motion of a whole run, fixed by the seed before it begins."""

    def __init__(self, activity: Activity, load: str, feeds: int, duration_s: float, seed: int) -> None:
        steps = max(1, math.ceil(duration_s / STEP_S))
        rng = np.random.default_rng([seed, 1])
        self._seed = seed
        self._counts = {
            name: draw_counts(
                count,
                load,
                correlated_uniforms(feeds, steps, activity.persistence_s, activity.correlation, rng),
                rng,
            )
            for name, count in sorted(activity.objects_per_frame.items())
        }
        motion = correlated_uniforms(feeds, steps, activity.persistence_s, activity.correlation, rng)
        self._motion = np.argsort(np.argsort(motion, axis=1), axis=1) < round(activity.motion_duty * steps)

    def _step(self, table: NDArray[np.generic], time_s: float) -> int:
        return int(min(max(int(time_s / STEP_S), 0), table.shape[1] - 1))

    def count(self, name: str, feed: int, time_s: float) -> int:
        """Objects of a class on one feed at a time of the run; 0 where the scenario names no such class."""
        table = self._counts.get(name)
        return 0 if table is None else int(table[feed, self._step(table, time_s)])

    def motion(self, feed: int, time_s: float) -> bool:
        """Say whether something moves; the share over the run is the scenario's ``motion_duty``."""
        return bool(self._motion[feed, self._step(self._motion, time_s)])

    def boxes(self, count: int, feed: int, sequence: int) -> Sequence[tuple[float, float, float, float]]:
        """Places of drawn objects as fractions (left, top, right, bottom): heights of 15 to 50 % of the picture."""
        if count == 0:
            return ()
        rng = np.random.default_rng([self._seed, 2, feed, sequence])
        height = rng.uniform(0.15, 0.5, count)
        width = height * rng.uniform(0.25, 0.6, count)
        left = rng.uniform(0.0, 1.0, count) * (1.0 - width)
        top = rng.uniform(0.0, 1.0, count) * (1.0 - height)
        return [
            (float(x), float(y), float(x + w), float(y + h))
            for x, y, w, h in zip(left, top, width, height, strict=True)
        ]
