"""Distributions of objects per frame: fitted once per class from mean, 95 % point and maximum."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.errors import ScenarioError

from .spec import ObjectClass

Floats = NDArray[np.float64]
_STEPS = 60


def _tilted(log_base: Floats, mean: float) -> Floats:
    r"""Probabilities :math:`p_k \propto h_k \theta^k` with the given mean; the mean grows with theta, so bisection."""
    k = np.arange(log_base.size, dtype=np.float64)
    if mean <= 0 or log_base.size == 1:
        return np.asarray(k == 0, dtype=np.float64)
    if mean >= k[-1]:
        return np.asarray(k == k[-1], dtype=np.float64)
    low, high = -60.0, 60.0
    weights = k
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        exponent = log_base + k * middle
        weights = np.exp(exponent - exponent.max())
        if float(weights @ k) < mean * float(weights.sum()):
            low = middle
        else:
            high = middle
    return np.asarray(weights / weights.sum())


def _log_factorial(size: int) -> Floats:
    return np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, size, dtype=np.float64)))))


def _negative_binomial(size: int, mean: float, shape: float) -> Floats:
    k = np.arange(1, size, dtype=np.float64)
    return _tilted(np.concatenate(([0.0], np.cumsum(np.log((k + shape - 1.0) / k)))), mean)


def _narrow(size: int, mean: float, power: float) -> Floats:
    return _tilted(-power * _log_factorial(size), mean)


def _often_empty(size: int, mean: float, share: float) -> Floats:
    mixed = share * _narrow(size, mean / share, 1.0)
    mixed[0] += 1.0 - share
    return mixed


def _at_p95(pmf: Floats, p95: float) -> float:
    """Distribution function at p95, interpolated between the middles of its steps: 0.95 makes p95 the 95 % point."""
    middles = np.cumsum(pmf) - 0.5 * pmf
    return float(np.interp(p95, np.arange(pmf.size), middles))


def _match(family: str, size: int, mean: float, p95: float) -> Floats | None:
    """Member of the family with this mean whose 95 % point is p95; None if the family does not reach it."""
    make, start, end = {
        "gamma-poisson": (_negative_binomial, 1e4, 1e-3),
        "narrow": (_narrow, 1.0, 60.0),
        "often-empty": (_often_empty, 1.0, max(mean / (size - 1), 1e-6)),
    }[family]
    points = np.geomspace(start, end, 25)
    before = _at_p95(make(size, mean, float(points[0])), p95) - 0.95
    for left, right in pairwise(points):
        after = _at_p95(make(size, mean, float(right)), p95) - 0.95
        if before * after <= 0:
            low, high = float(left), float(right)
            for _ in range(30):
                middle = math.sqrt(low * high)
                if (_at_p95(make(size, mean, middle), p95) - 0.95) * before > 0:
                    low = middle
                else:
                    high = middle
            return make(size, mean, high)
        before = after
    return None


@lru_cache(maxsize=256)
def probabilities(count: ObjectClass, load: Literal["mean", "p95"]) -> tuple[float, ...]:
    r"""Probability of 0, 1, ... objects in a frame.

    Parameters
    ----------
    count : ObjectClass
        Mean, 95 % point and maximum of one class.
    load : {"mean", "p95"}
        ``p95``: the level stands, so that the *mean* is the 95 % point (at most ``max``).

    Raises
    ------
    ScenarioError
        No count between 0 and ``max`` has both this mean and this 95 % point.

    Notes
    -----
    A gamma-Poisson count (negative binomial: a Poisson count around a level that is gamma distributed; Greenwood and
    Yule 1920, https://doi.org/10.2307/2341080), truncated at ``max``, its two parameters fitted to mean and 95 % point.
    In the busy hour the level stands at the 95 % point, and the Poisson count around it remains. Where a gamma-Poisson
    cannot be as narrow, a Conway-Maxwell-Poisson (Shmueli et al. 2005, https://doi.org/10.1111/j.1467-9876.2005.00474.x,
    section 2); where it cannot be as wide, a Poisson count in a part of the frames and none in the others.
    """
    top = max(count.mean, count.p95 or 0.0)
    size = math.floor(count.max) + 1 if count.max is not None else math.ceil(6 * top + 10 * math.sqrt(top)) + 12
    if load == "p95":
        reference = probabilities(count, "mean")
        level = count.p95 if count.p95 is not None else float(np.searchsorted(np.cumsum(reference), 0.95))
        return tuple(_narrow(size, min(level, size - 1.0), 1.0).tolist())
    poisson = _narrow(size, count.mean, 1.0)
    if count.p95 is None or count.mean == 0 or count.mean >= size - 1:
        return tuple(poisson.tolist())
    wider = _at_p95(poisson, count.p95) >= 0.95
    for family in ("gamma-poisson", "often-empty") if wider else ("narrow",):
        pmf = _match(family, size, count.mean, min(count.p95, size - 1.0))
        if pmf is not None:
            return tuple(pmf.tolist())
    raise ScenarioError(
        f"activity.objects_per_frame: no count has mean {count.mean:g}, p95 {count.p95:g} and max {count.max}; "
        "at least 5 % of the frames show p95 objects or more, so raise mean or lower p95"
    )


@lru_cache(maxsize=256)
def thresholds(count: ObjectClass, load: Literal["mean", "p95"]) -> tuple[float, ...]:
    """Standard normal quantiles of the distribution function; the count is how many of them a draw exceeds."""
    quantile = NormalDist().inv_cdf
    total = np.cumsum(probabilities(count, load))
    return (*(quantile(min(max(float(p), 1e-300), 1 - 1e-16)) for p in total[:-1]), math.inf)
