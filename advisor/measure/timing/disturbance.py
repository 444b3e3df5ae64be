"""What disturbed a measurement, put together from its blocks and from fixed work around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from advisor.records.measurement import Interference

SLOW = 1.15
"""A fixed amount of work that takes longer than at best by this factor is a disturbance; an idle machine's runs differ
by less than half of that."""


def with_slowdown(seen: Interference, slowdown: float) -> Interference:
    """Add what the fixed work showed before and after a block; :data:`SLOW` and more makes it dirty."""
    changes: dict[str, Any] = {"reference_slowdown": slowdown}
    if slowdown > SLOW:
        reason = f"fixed work took {slowdown:.2f} times what this machine needs at its best"
        changes |= {"dirty": True, "reasons": (*seen.reasons, reason)}
    return seen.model_copy(update=changes)


def merge(parts: Sequence[Interference], repeated: int = 0) -> Interference:
    """Mean of what blocks saw; dirty, with all reasons, where one block was."""

    def mean(name: str) -> float | None:
        values = [getattr(part, name) for part in parts if getattr(part, name) is not None]
        return float(np.mean(values)) if values else None

    reasons = dict.fromkeys(reason for part in parts if part.dirty for reason in part.reasons)
    return Interference(
        other_cpu_cores=mean("other_cpu_cores"),
        steal_fraction=mean("steal_fraction"),
        pressure_some_fraction=mean("pressure_some_fraction"),
        involuntary_switches_per_s=mean("involuntary_switches_per_s"),
        clock_start_hz=parts[0].clock_start_hz if parts else None,
        clock_end_hz=parts[-1].clock_end_hz if parts else None,
        reference_slowdown=mean("reference_slowdown"),
        dirty=any(part.dirty for part in parts),
        reasons=tuple(reasons),
        blocks_repeated=repeated,
    )
