"""Boxes that a plan chooses among."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .this_machine import bare_candidate, local_candidate

if TYPE_CHECKING:
    from advisor.planner.question.inputs import Candidate
    from advisor.records.host import HostFacts
    from advisor.records.machine import MachineSpec
    from advisor.store.catalogue import Catalogue


def candidates_named(names: Sequence[str], catalogue: Catalogue, facts: HostFacts) -> tuple[Candidate, ...]:
    """Boxes by their names, each once; no names: all of the catalogue.

    Parameters
    ----------
    names : sequence of str
        Ids or names of boxes; of chips, which mean the boxes that have them, or the bare chip where none has; ``this``.
    facts : HostFacts
        Of this machine.

    Raises
    ------
    CatalogueError
        A name is that of no box or chip; says the nearest.
    InputError
        This machine is named and does not tell its memory.
    """
    from advisor.planner.question.inputs import Candidate

    if not names:
        return tuple(Candidate(platform, catalogue.machine(platform)) for platform in catalogue.platforms())
    candidates: dict[str, Candidate] = {}
    for name in names:
        if name == "this":
            found = [local_candidate(facts)]
        else:
            boxes = catalogue.boxes(name)
            found = [Candidate(platform, catalogue.machine(platform)) for platform in boxes]
            found = found or [bare_candidate(catalogue, name)]
        candidates |= {item.platform.id: item for item in found}
    return tuple(candidates.values())


def is_this_machine(candidate: Candidate, host: MachineSpec, fingerprint: str) -> bool:
    """Whether a candidate is predicted from what this machine has measured of itself: named, or as a measured box."""
    return candidate.machine.id == host.id or candidate.platform.measured_fingerprint == fingerprint
