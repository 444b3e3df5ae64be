r"""How a pass depends on how many cores are busy, on machines that are not at hand.

Published figures are of full machines, or of one request at a time that all cores share. What lies between follows from
the physical model alone: the clock that the power limit leaves to so few cores, performance cores first, caches and
bandwidth shared by so few. With T(b) the model's time of a pass while b streams of its n threads are busy, t the
predicted time with the S streams of the configuration and :math:`B = C / n` streams on all C cores,

.. math::

    t_1 = t \frac{T(1)}{T(S)}, \qquad t_B = t \frac{T(B)}{T(S)}, \qquad
    w(s) = \frac{\max_{s' \le s} T(1 + s' (B - 1)) - T(1)}{T(B) - T(1)}, \qquad s = \tfrac18, \tfrac28, \dots, 1

What was learned of the configuration is kept as a factor: its error band, and its residual for all but the pass by
itself, which has that of published single requests (``concurrency.py``). This assumes that the physical model is wrong
by as much at any load. A pass never gets shorter because more is running: the model's small
gain of several streams over one is left out, and cores fill one socket after the other, whose bandwidth they share.
Derived here; docs/methods/pass-time.md says how far published figures of single requests bear it out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .batch import PassBatch

Array = NDArray[np.float64]

STEPS = 8
"""Points of the rise from one busy stream to all: the law is within 2 % of them, a straight line is up to 50 % off."""
_NO_RISE = 1e-3
"""Rise over the time alone (relative) below which its shape is rounding, and a straight line serves."""


@dataclass(frozen=True)
class PartialLoad:
    """One pass between a machine of its own and a full one."""

    alone: float
    """Time with all other cores idle over that with the configuration's streams busy; not above 1
    but for the small gain of several streams over one."""
    full: float
    """Time with all other cores busy over the same; at least 1, and 1 where the streams take all cores."""
    rise: tuple[float, ...]
    """Share of the difference that is reached with 1/n, 2/n, ... of the other cores busy; the last is 1."""


def partial_loads(batch: PassBatch) -> list[PartialLoad]:
    """Work out the time alone and what lies between for every pass of ``batch``."""
    shares = np.arange(STEPS + 1) / STEPS
    times: Array = np.array([batch.at_load(float(share)) for share in shares])
    stated = batch.parts.total
    growing = np.minimum(np.maximum.accumulate(times, axis=0), np.maximum(times[-1], times[0]))
    added = growing[-1] - growing[0]
    flat = added <= _NO_RISE * growing[0]
    rise = np.where(flat, shares[:, None], (growing - growing[0]) / np.where(flat, 1.0, added))
    return [
        PartialLoad(
            float(times[0, i] / stated[i]),
            float(max(1.0, times[-1, i] / stated[i])),
            tuple(float(part) for part in rise[1:, i]),
        )
        for i in range(times.shape[1])
    ]
