"""The machine's interference meter as the harness wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from advisor.records.measurement import Interference

from .harness import Meter

_FigureT = TypeVar("_FigureT")

REPEATS = 2
"""How often a disturbed figure is measured again before it is kept with its mark."""
GIVE_UP_AFTER = 2
"""Figures in a row that stayed disturbed, after which a worker repeats none: the machine simply is busy."""


def make_meter() -> Meter:
    """Return a meter for a worker, which has no children: looking for some would cost more than a short block."""
    from advisor.host.interference import InterferenceMeter

    return InterferenceMeter(children=False)


class DisturbedRetry:
    """Measures again what was disturbed; one per worker, as it learns there that a machine is busy all the time."""

    def __init__(self) -> None:
        self._stayed_disturbed = 0

    def measure(self, take: Callable[[], _FigureT]) -> tuple[_FigureT, Interference]:
        """Call until a call was not disturbed, at most :data:`REPEATS` times more; the last one counts."""
        meter = make_meter()
        most = REPEATS if self._stayed_disturbed < GIVE_UP_AFTER else 0
        repeated = 0
        while True:
            meter.start()
            figure = take()
            seen = meter.stop()
            if not seen.dirty:
                self._stayed_disturbed = 0
            elif repeated < most:
                repeated += 1
                continue
            else:
                self._stayed_disturbed += 1
            return figure, seen.model_copy(update={"blocks_repeated": repeated})
