"""The machine's interference meter as the harness wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from advisor.records.measurement import Interference

from .harness import Meter

_FoundT = TypeVar("_FoundT")

REPEATS = 2
"""How often a disturbed figure is taken again before it is kept with its mark."""
GIVE_UP_AFTER = 2
"""Figures in a row that stayed disturbed, after which this worker repeats none: the machine simply is busy."""
_stayed_disturbed = 0


def make_meter() -> Meter:
    """Return a meter for a worker, which has no children: looking for some would cost more than a short block."""
    from advisor.host.interference import InterferenceMeter

    return InterferenceMeter(children=False)


def undisturbed(take: Callable[[], _FoundT]) -> tuple[_FoundT, Interference]:
    """Call until a call was not disturbed, at most :data:`REPEATS` times more; the last one counts."""
    global _stayed_disturbed
    meter = make_meter()
    most = REPEATS if _stayed_disturbed < GIVE_UP_AFTER else 0
    repeated = 0
    while True:
        meter.start()
        found = take()
        seen = meter.stop()
        if not seen.dirty:
            _stayed_disturbed = 0
        elif repeated < most:
            repeated += 1
            continue
        else:
            _stayed_disturbed += 1
        return found, seen.model_copy(update={"blocks_repeated": repeated})
