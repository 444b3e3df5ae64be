"""Wall power from utilisation."""

from __future__ import annotations

from advisor.records.base import Interval
from advisor.records.machine import MachineSpec

LOW, HIGH = 0.6, 1.4
"""Measured wall power over predicted, of all six machines whose meters are published (``benchmarks/power.py``)."""
_BOARD_LIMIT_W = 60.0


def wall_power(spec: MachineSpec, utilisation: float) -> Interval:
    r"""Wall power of the box at a CPU utilisation of 0 to 1 [W].

    .. math:: P = (P_{board} + P_{idle} + (P_{limit} - P_{idle})\, u^{0.75}) / \eta

    Package idle is 0.1 of the limit (at least 1 W); supply efficiency 0.88. Mainboard, memory modules and disk of a PC
    or server take 4 W per socket plus 2 W per memory channel; of an Arm board 1 W, since its memory is soldered and its
    data sheet's limit is mostly the whole module's. The exponent below one: the first busy core wakes the package and
    runs at a higher clock. Numbers are assumed; the width is that of the few published meters. Source: shape of
    utilisation-power curves, Barroso and Hoelzle (2007), "The Case for Energy-Proportional Computing", figure 2.
    """
    limit = spec.sustained_power_w or spec.tdp_w or 3.75 * spec.cores
    idle = max(1.0, 0.1 * limit)
    soldered = spec.architecture == "aarch64" and limit <= _BOARD_LIMIT_W
    board = 1.0 if soldered else 4.0 * spec.sockets + 2.0 * (spec.memory_channels or 1)
    share = min(max(utilisation, 0.0), 1.0)
    middle = (board + idle + (limit - idle) * share**0.75) / 0.88
    return Interval(p10=LOW * middle, p50=middle, p90=HIGH * middle)
