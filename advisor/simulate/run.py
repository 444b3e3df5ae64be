"""Entry points: one run, many runs, and the most cameras that a machine carries."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from advisor.errors import ModelRangeError

from .result import SimResult
from .spec import Seeds, SimSpec, check

SEEDS = Seeds()


def simulate(spec: SimSpec, duration_s: float, warmup_s: float | None = None, seeds: Seeds = SEEDS) -> SimResult:
    """Run the cascade for ``duration_s`` of simulated time.

    Parameters
    ----------
    spec : SimSpec
        Cameras, stages, objects and machine.
    duration_s : float
        Simulated time from the start with an empty machine to the end [s].
    warmup_s : float, optional
        Part at the start that no figure but the frame counts looks at [s]; None: the smaller of 5 s and a tenth.
    seeds : Seeds
        One seed per random dimension; equal seeds give equal results in any process.

    Raises
    ------
    ModelRangeError
        The spec or the times are out of range.
    ScenarioError
        No distribution has the mean, 95 % point and maximum of a class of objects.
    """
    from . import arrays, engine

    check(spec)
    warmup = min(5.0, 0.1 * duration_s) if warmup_s is None else warmup_s
    if not 0 <= warmup < duration_s < math.inf:
        raise ModelRangeError(f"simulate: a run of {duration_s} s cannot have a warm-up of {warmup} s")
    state = arrays.build(spec, duration_s, warmup, seeds)
    engine.run_loop(state)
    return arrays.read(spec, state, duration_s - warmup)


def simulate_many(
    specs: Iterable[SimSpec], duration_s: float, warmup_s: float | None = None, seeds: Seeds = SEEDS
) -> list[SimResult]:
    """Run several specs under the same seeds, so that they differ by what they are and not by chance."""
    return [simulate(spec, duration_s, warmup_s, seeds) for spec in specs]


def capacity(
    spec_for_cameras: Callable[[int], SimSpec],
    ok: Callable[[SimResult], bool],
    lo: int,
    hi: int,
    *,
    duration_s: float = 60.0,
    warmup_s: float | None = None,
    seeds: Seeds = SEEDS,
) -> int:
    """Most cameras within ``lo..hi`` for which ``ok`` holds, by doubling from ``lo`` and then halving.

    All runs share their seeds, so more cameras are more load and nothing else. ``ok`` is taken to be monotone: once it
    fails it fails for more cameras too.

    Returns
    -------
    int
        ``lo - 1`` where already ``lo`` cameras fail; ``hi`` where even ``hi`` hold (the true capacity may be larger).

    Raises
    ------
    ModelRangeError
        ``lo`` is negative or above ``hi``, or a spec is out of range.
    """
    if not 0 <= lo <= hi:
        raise ModelRangeError(f"capacity: cannot search from {lo} to {hi} cameras")

    def holds(cameras: int) -> bool:
        return ok(simulate(spec_for_cameras(cameras), duration_s, warmup_s, seeds))

    if not holds(lo):
        return lo - 1
    good, bad, step = lo, hi + 1, 1
    while good + step < bad:
        if not holds(good + step):
            bad = good + step
            break
        good, step = good + step, 2 * step
    while bad - good > 1:
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good
