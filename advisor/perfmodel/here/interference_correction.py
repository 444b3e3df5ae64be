"""What other load did to a measurement, by reference work (measure/timing/reference.py) and system counters."""

from __future__ import annotations

from math import hypot, log

from advisor.records.measurement import Interference

USUAL_SLOWDOWN = 1.06
"""Time of the reference work during undisturbed measurements over the least it ever took: the least is a lucky one."""
_OTHERS = 0.10
"""Spread (log) of a measurement during which other processes of this system ran, on processors of their own."""


def interference_slowdown(
    interference: Interference, threads: int = 1, processors: int | None = None
) -> tuple[float, float]:
    r"""Logarithm of the factor by which other load lengthened a measurement: expected, and its standard deviation.

    Fixed work that took s times its usual time says that passes took between 1 and s times theirs: it ran before and
    after them, and other load comes and goes within a second. Where ``threads`` and the c cores that other processes
    used are more than the machine's ``processors`` (None: unknown), one thread shared its own, the others waited for
    it, and passes took between 1 and 1 + c times theirs. With s (above :data:`USUAL_SLOWDOWN`) or 1 + c, whichever is
    larger, as evenly spread over the logarithm,

    .. math:: \log s / 2 \pm \log s / \sqrt{12}

    Derived here.
    """
    slow = 1.0 if interference.reference_slowdown is None else interference.reference_slowdown / USUAL_SLOWDOWN
    others = interference.other_cpu_cores or 0.0
    if interference.dirty and processors is not None and threads + others > processors:
        slow = max(slow, 1.0 + others)
    excess = log(max(1.0, slow))
    return excess / 2.0, hypot(excess / 12.0**0.5, _OTHERS if interference.dirty else 0.0)
