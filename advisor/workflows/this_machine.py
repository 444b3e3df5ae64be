"""Candidates that are no box of the catalogue: this machine, and a bare processor."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from advisor.errors import InputError
from advisor.records.base import Sourced, ValueKind
from advisor.records.machine import MachineSpec
from advisor.records.platform import Platform

if TYPE_CHECKING:
    from advisor.planner.question.inputs import Candidate
    from advisor.records.host import HostFacts
    from advisor.store.catalogue import Catalogue

ASSUMED_MEMORY_BYTES = 16 * 1024**3


def local_candidate(facts: HostFacts) -> Candidate:
    """Return this machine as a candidate; it costs nothing, since it is there already. What more of it cost is unknown.

    Raises
    ------
    InputError
        Its memory cannot be determined.
    """
    from advisor.host import machine_spec
    from advisor.planner.question.inputs import Candidate

    machine = machine_spec(facts)
    if machine.memory_bytes is None:
        raise InputError(
            "the memory of this machine cannot be determined (/proc/meminfo); plan on a catalogue platform"
        )
    today = dt.datetime.now(dt.UTC).date()

    def here(value: float) -> Sourced:
        return Sourced(value=value, kind="measured", source="this machine", date=today)

    platform = Platform(
        id="this",
        name=f"this machine ({machine.name})",
        processor="this",
        form_factor="workstation",
        memory_bytes=here(machine.memory_bytes),
        memory_channels_populated=_channels(machine, today, "measured", "this machine"),
        price_usd=Sourced(value=0.0, kind="measured", source="this machine is already here", date=today),
    )
    return Candidate(platform, machine, granted_cpus=_granted_cpus(facts), at_hand=1)


def _granted_cpus(facts: HostFacts) -> tuple[int, ...]:
    """Logical CPUs of affinity and cpuset, if they are not all of this machine's."""
    sets = [set(limit) for limit in (facts.limits.affinity, facts.limits.cpuset) if limit is not None]
    granted = set.intersection(*sets) if sets else set()
    return tuple(sorted(granted)) if 0 < len(granted) < (facts.cpu.threads or 0) else ()


def bare_candidate(catalogue: Catalogue, name: str) -> Candidate:
    """Return a processor as a candidate: the bare chip with nominal memory and no box price.

    Raises
    ------
    CatalogueError
        Neither a platform nor a processor; names the nearest.
    """
    from advisor.planner.question.inputs import Candidate

    machine = catalogue.resolve(name)
    today = dt.datetime.now(dt.UTC).date()

    def assumed(value: float) -> Sourced:
        return Sourced(value=value, kind="assumed", source="bare processor asked for", date=today)

    if machine.memory_bytes is None:
        machine = machine.model_copy(
            update={"memory_bytes": float(ASSUMED_MEMORY_BYTES), "uncertain": (*machine.uncertain, "memory_bytes")}
        )
    platform = Platform(
        id=machine.id,
        name=f"{machine.name} (bare processor)",
        processor=machine.id,
        sockets=machine.sockets,
        form_factor="board",
        memory_bytes=assumed(machine.memory_bytes or ASSUMED_MEMORY_BYTES),
        memory_channels_populated=_channels(machine, today, "assumed", "nominal channels of the processor"),
    )
    return Candidate(platform, machine)


def _channels(machine: MachineSpec, today: dt.date, kind: ValueKind, source: str) -> Sourced:
    """Memory channels in use; a machine that does not report them gets one, marked as assumed."""
    if machine.memory_channels is None:
        return Sourced(value=1.0, kind="assumed", source="memory channels unknown, one assumed", date=today)
    return Sourced(value=float(machine.memory_channels), kind=kind, source=source, date=today)
