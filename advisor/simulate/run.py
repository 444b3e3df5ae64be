"""Entry points: one run, many runs, and the most cameras that a machine carries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .result import SimResult
from .spec import Seeds, SimSpec, check


def simulate(spec: SimSpec, duration_s: float, warmup_s: float | None = None, seeds: Seeds = Seeds()) -> SimResult:
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
    """
    check(spec)
    raise NotImplementedError


def simulate_many(
    specs: Iterable[SimSpec], duration_s: float, warmup_s: float | None = None, seeds: Seeds = Seeds()
) -> list[SimResult]:
    """Run several specs under the same seeds, so that they differ by what they are and not by chance."""
    return [simulate(spec, duration_s, warmup_s, seeds) for spec in specs]


def capacity(spec_for_cameras: Callable[[int], SimSpec], ok: Callable[[SimResult], bool], lo: int, hi: int) -> int:
    """Most cameras."""
    raise NotImplementedError
