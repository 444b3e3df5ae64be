"""The machine's interference meter as the harness wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from advisor.measure.harness import Meter
from advisor.records.measurement import Interference

_FoundT = TypeVar("_FoundT")

REPEATS = 2
"""How often a disturbed figure is taken again before it is kept with its mark."""


def make_meter() -> Meter:
    """Return a meter for a worker, which has no children: looking for some would cost more than a short block."""
    from advisor.host.interference import InterferenceMeter

    return InterferenceMeter(children=False)


def undisturbed(take: Callable[[], _FoundT]) -> tuple[_FoundT, Interference]:
    """Call until a call was not disturbed, at most :data:`REPEATS` times more; the last one counts."""
    meter = make_meter()
    repeated = 0
    while True:
        meter.start()
        found = take()
        seen = meter.stop()
        if not seen.dirty or repeated == REPEATS:
            return found, seen.model_copy(update={"blocks_repeated": repeated})
        repeated += 1
