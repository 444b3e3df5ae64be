"""How busy the machine is: load, CPU time by state, pressure stall information."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass

from .tree import Tree, to_int


@dataclass(frozen=True)
class CpuTimes:
    """CPU time of the whole machine since boot in seconds, by what the processors did."""

    busy_s: float
    """User, nice, system, interrupts; guests of this machine are part of user."""
    idle_s: float
    steal_s: float

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.busy_s + self.idle_s + self.steal_s


def cpu_times(tree: Tree, ticks_per_s: float | None = None) -> CpuTimes | None:
    """First line of /proc/stat; None if it is not one. Old kernels (before 2.6.11) have no steal column: 0 there.

    Source: proc_stat(5).
    """
    lines = (tree.text("proc/stat") or "").splitlines()
    words = lines[0].split() if lines else []
    ticks = [to_int(word) for word in words[1:9]]
    if not words or words[0] != "cpu" or len(ticks) < 4 or any(tick is None or tick < 0 for tick in ticks):
        return None
    rate = ticks_per_s if ticks_per_s is not None else user_hz()
    user, nice, system, idle, waiting, irq, soft_irq, steal = ([tick or 0 for tick in ticks] + [0] * 4)[:8]
    return CpuTimes((user + nice + system + irq + soft_irq) / rate, (idle + waiting) / rate, steal / rate)


def user_hz() -> float:
    """Ticks per second of /proc's CPU times on this machine; 100 on every Linux in use."""
    return float(os.sysconf("SC_CLK_TCK"))


def load_1min(tree: Tree) -> float | None:
    """Mean number of runnable or blocked tasks in the last minute."""
    words = (tree.text("proc/loadavg") or "").split()
    try:
        value = float(words[0]) if words else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def pressure_some(tree: Tree) -> tuple[float | None, float | None]:
    """Share of the last 10 s in which some task waited for a processor, and the total of such time since boot [s].

    Source: Linux, Documentation/accounting/psi.rst.
    """
    text = tree.text("proc/pressure/cpu") or ""
    found = re.search(r"^some avg10=(\d{1,3}\.\d+) .*total=(\d{1,18})\s*$", text, re.MULTILINE)
    if found is None:
        return None, None
    return min(float(found.group(1)) / 100, 1.0), int(found.group(2)) / 1e6


def steal_fraction(tree: Tree) -> float | None:
    """Share of all CPU time since boot that a hypervisor gave to others; None if nothing counts it."""
    times = cpu_times(tree, ticks_per_s=100.0)  # a ratio: the rate cancels
    return times.steal_s / times.total_s if times is not None and times.total_s > 0 else None
