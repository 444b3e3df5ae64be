"""How work lengthens with what else runs on a box, between nothing and all cores busy."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LOADS = tuple(part / 8 for part in range(9))
"""Shares of all cores busy at which demand is worked out; in between it is taken as linear."""
_LOADS = np.array(LOADS)[:, None]


def others_busy(cores: float, threads: int, load: float) -> float:
    """Share of the other cores that is busy when ``load`` of all is and a job takes ``threads`` of them."""
    return min(1.0, max(0.0, load * cores - threads) / max(cores - threads, 1e-9))


def risen(rise: tuple[float, ...], share: float) -> float:
    """Share of a full lengthening with a share of the other cores busy; ``rise``: at 1/n, 2/n, ..., empty: linear."""
    points = (0.0, *(rise or (1.0,)))
    place = share * (len(points) - 1)
    low = min(int(place), len(points) - 2)
    return points[low] + (place - low) * (points[low + 1] - points[low])


@lru_cache(maxsize=8192)
def places(cores: float, threads: int, points: int) -> tuple[tuple[int, float], ...]:
    """Where each of :data:`LOADS` falls for a job: the point of its rise below, and the part of the way to the next.

    As :func:`risen` of :func:`others_busy`; cached, since chips with equally many cores share them.
    """
    places = (others_busy(cores, threads, load) * (points - 1) for load in LOADS)
    return tuple((low, place - low) for place in places for low in (min(int(place), points - 2),))


def busy_cores(demands: Floats, cores: float) -> Floats:
    r"""Cores that are kept busy where work takes longer the more of them are.

    Parameters
    ----------
    demands : ndarray
        Service demand :math:`F(B)` [cores] of each combination (columns) at each load :math:`B` of :data:`LOADS`
        (rows), rising in it.
    cores : float
        Cores at the last of these loads.

    Returns
    -------
    ndarray
        The smallest solution of :math:`B = F(B)`; where there is none, all cores are busy and more: the demand then.

    Notes
    -----
    The utilisation law with service demands at the mean load. While demands are convex in it, a load that varies about
    its mean keeps more cores busy (Jensen's inequality), so that this is a lower bound; past the performance cores of a
    hybrid chip they are slightly concave, and :data:`~advisor.planner.search.costs.LEAST_OF_LAW` allows for it. Derived
    here; ``tests/planner/search/test_partial_load.py`` holds it against simulations.
    """
    gaps = demands - _LOADS * cores
    exceeded = _leading(gaps[1:] > 0.0).astype(np.intp)
    crossing = exceeded < len(LOADS) - 1
    below = np.minimum(exceeded, len(LOADS) - 2)  # the load before the first that is not exceeded
    place = below * demands.shape[1] + np.arange(demands.shape[1])
    gap_low, gap_high = gaps.ravel().take(place), gaps.ravel().take(place + demands.shape[1])
    part = gap_low / np.where(crossing, gap_low - gap_high, 1.0)
    low = _LOADS.take(below)
    solved: Floats = np.where(crossing, cores * (low + part * (_LOADS.take(below + 1) - low)), demands[-1])
    return solved


def _leading(flags: NDArray[np.bool_]) -> NDArray[np.int8]:
    """How many flags from the first row on are set, in each column; twice as fast as to accumulate them."""
    still = flags[0].copy()
    counts: NDArray[np.int8] = still.astype(np.int8)
    for row in flags[1:]:
        still &= row
        if not still.any():
            break
        counts += still.view(np.int8)
    return counts
