"""Entry point: one simulated run."""

from __future__ import annotations

import math

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
    from . import arrays, machine_code

    check(spec)
    warmup = min(5.0, 0.1 * duration_s) if warmup_s is None else warmup_s
    if not 0 <= warmup < duration_s < math.inf:
        raise ModelRangeError(f"simulate: a run of {duration_s} s cannot have a warm-up of {warmup} s")
    state = arrays.build(spec, duration_s, warmup, seeds)
    machine_code.run_loop(state)
    return arrays.read(spec, state, duration_s - warmup)
