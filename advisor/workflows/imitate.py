"""Running as a smaller machine: fewer cores and a lower SIMD cap, and a list of what cannot be imitated."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from advisor.errors import InputError
from advisor.records.config import SimdCap

if TYPE_CHECKING:
    from advisor.records.host import HostFacts
    from advisor.records.machine import MachineSpec

X86_LEVELS = ("sse42", "avx", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx")


@dataclass(frozen=True)
class Imitation:
    """What of a machine is imitated, and what is not."""

    cores: int
    simd_cap: SimdCap | None
    notes: tuple[str, ...]


def imitation(machine: MachineSpec, facts: HostFacts) -> Imitation:
    """Decide how far this machine can stand for another.

    Raises
    ------
    InputError
        Another architecture, or more cores than this machine may use.
    """
    own = facts.cpu.simd_level
    if machine.simd_level not in X86_LEVELS or own not in X86_LEVELS:
        raise InputError(f"--as {machine.id}: {machine.simd_level} cannot be imitated on {own}; run it on that machine")
    usable = int(facts.limits.usable_cores or facts.cpu.threads or 1)
    # A runtime that sees as many cores as the plan counts grants what the plan asks for.
    cores = machine.inference_cores
    if cores > usable:
        raise InputError(
            f"--as {machine.id}: it infers on {cores} cores, this machine may use {usable}; name a smaller one"
        )
    notes = [f"runs as {machine.id}: {cores} of {usable} cores"]
    if cores < machine.cores:
        notes.append(
            f"left out: {machine.cores - cores} low-power cores, which no inference is given; decode may use them"
        )
    cap: SimdCap | None = None
    if X86_LEVELS.index(machine.simd_level) < X86_LEVELS.index(own):
        below = X86_LEVELS[: X86_LEVELS.index(machine.simd_level) + 1]
        cap = next(word for word in reversed(get_args(SimdCap)) if word in below)
        notes.append(f"instructions capped at {cap} in OpenVINO (matrix products of fully connected layers are not)")
    elif machine.simd_level != own:
        notes.append(f"not imitated: instructions, {machine.simd_level} there and {own} here")
    notes.append("not imitated: clock, caches, memory bandwidth, efficiency cores, power limit; decode is not capped")
    return Imitation(cores, cap, tuple(notes))


@contextmanager
def imitating(wanted: Imitation) -> Iterator[None]:
    """Limit this process and its children to the cores of an imitation, for a while.

    Instructions are capped by the configurations (``RunConfig.simd_cap``), by which workers get their environment.
    """
    affinity = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(affinity)[: wanted.cores]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, affinity)
