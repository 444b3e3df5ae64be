"""Wall power from utilisation."""

from __future__ import annotations

from advisor.records.base import Interval
from advisor.records.machine import MachineSpec

LOW, HIGH = 0.6, 1.4
"""Measured wall power over predicted, of all six machines whose meters are published (``benchmarks/power.py``)."""
_BOARD_LIMIT_W = 60.0
"""Package power up to which an Arm machine is a board with soldered memory; assumed."""
_CORE_W = 3.75
"""Package power per core where neither the box nor the chip states a limit: 15 W of four cores; assumed."""
_EFFICIENCY = 0.88
"""Of the power supply; assumed."""


def wall_power(spec: MachineSpec, utilisation: float) -> Interval:
    r"""Wall power of the box at a CPU utilisation of 0 to 1 [W].

    .. math:: P = (P_{board} + P_{idle} + (P_{limit} - P_{idle})\, u^{0.75}) / \eta

    The limit is what the box holds for hours, else the chip's TDP, else 3.75 W per core. Package idle is 0.1 of the
    limit (at least 1 W); supply efficiency 0.88. Mainboard, memory modules and disk of a PC or server take 4 W per
    socket plus 2 W per memory channel (one where the number is unknown); of an Arm board 1 W, since its memory is
    soldered and its data sheet's limit is mostly the whole module's. The exponent below one: the first busy core wakes
    the package and runs at a higher clock. Numbers are assumed; the width is that of the few published meters. Source:
    shape of utilisation-power curves, Barroso and Hoelzle (2007), "The Case for Energy-Proportional Computing", figure
    2.
    """
    limit = spec.sustained_power_w or spec.tdp_w or _CORE_W * spec.cores
    idle = max(1.0, 0.1 * limit)
    soldered = spec.architecture == "aarch64" and limit <= _BOARD_LIMIT_W
    board = 1.0 if soldered else 4.0 * spec.sockets + 2.0 * (spec.memory_channels or 1)
    share = min(max(utilisation, 0.0), 1.0)
    middle = (board + idle + (limit - idle) * share**0.75) / _EFFICIENCY
    return Interval(p10=LOW * middle, p50=middle, p90=HIGH * middle)
