"""How work lengthens with what else runs on a box, between nothing and all cores busy."""

from __future__ import annotations

from functools import lru_cache

LOADS = tuple(part / 8 for part in range(9))
"""Shares of all cores busy at which demand is worked out; in between it is taken as linear."""


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
