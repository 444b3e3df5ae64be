"""Random numbers of the event loop: a hash of (seed of the dimension, camera, frame, ...), not a sequence.

The same frame shows the same objects in every candidate, whatever happened before it (common random numbers).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import part

_NORMAL_BITS = 12


def _normal_table() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standard normal quantiles at the middles of 4096 equal parts, scaled to unit variance."""
    from statistics import NormalDist

    count = 1 << _NORMAL_BITS
    quantile = NormalDist().inv_cdf
    half = np.array([quantile((i + 0.5) / count) for i in range(count // 2)])
    table = np.concatenate((half, -half[::-1]))
    return table / float(np.sqrt(np.mean(table**2)))


NORMAL = _normal_table()


@part
def hashed(seed: int, a: int, b: int) -> Any:
    """Mix three numbers into 64 bits (finaliser of splitmix64: Steele et al. 2014, doi 10.1145/2660193.2660195)."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(a) * np.uint64(0xD1B54A32D192ED03)
    x = (x ^ (x >> np.uint64(32))) * np.uint64(0xABC98388FB8FAC03) + np.uint64(b) * np.uint64(0x8CB92BA72F3D8DD7)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@part
def normal(seed: int, a: int, b: int) -> Any:
    """Draw a standard normal number."""
    return NORMAL[np.int64(hashed(seed, a, b) >> np.uint64(64 - _NORMAL_BITS))]
