"""What other load did to a measurement, by reference work (measure/timing/reference.py) and system counters."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, log

from advisor.records.base import Z90
from advisor.records.measurement import Interference, Timing

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


@dataclass(frozen=True)
class Slowdown:
    """What other load did to one timing: logarithm of the factor that is taken out of it, and how sure that is."""

    log_factor: float
    deviation: float
    """Standard deviation (log) of what is left once the factor is taken out."""


def timing_slowdown(
    time_s: float, fastest_s: float, interference: Interference, threads: int = 1, processors: int | None = None
) -> Slowdown:
    r"""Part of a timing that is taken for other load: as :func:`interference_slowdown` expects, within what was seen.

    The corrected time is never below ``fastest_s``: what no block of the measurement reached is not claimed of it. The
    deviation is that of the expected slowdown around the factor that is taken out, and P90 reaches the uncorrected
    time:

    .. math:: \max(\sqrt{\sigma^2 + (\mu - f)^2}, f / z_{90})

    Derived here.

    Parameters
    ----------
    time_s : float
        What was measured [s].
    fastest_s : float
        Shortest time that an undisturbed part of the measurement took [s], see :func:`fastest_block_s`.
    interference, threads, processors
        As of :func:`interference_slowdown`.
    """
    expected, deviation = interference_slowdown(interference, threads, processors)
    taken = min(expected, max(0.0, log(time_s / fastest_s)))
    return Slowdown(taken, max(hypot(deviation, expected - taken), taken / Z90))


def fastest_block_s(timing: Timing) -> float:
    """Median pass of the fastest undisturbed block [s]; of the fastest of all where none was undisturbed or known."""
    blocks = [time_s for time_s in timing.block_p50_s if time_s > 0] or [timing.p50.value_s]
    if len(timing.block_disturbed) != len(timing.block_p50_s):
        return min(blocks)
    quiet = [
        time_s
        for time_s, disturbed in zip(timing.block_p50_s, timing.block_disturbed, strict=True)
        if time_s > 0 and not disturbed
    ]
    return min(quiet or blocks)
