"""What recalled or assumed fields of a data sheet do to a prediction: each is moved, and the model asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import usual_bandwidth, usual_boost_hz
from advisor.records.machine import MachineSpec

Array = NDArray[np.float64]

FACTORS = {"sustained_power_w": 1.45, "tdp_w": 1.10, "memory_bandwidth_bytes_per_s": 1.41}
"""One standard deviation of what a doubtful field may be off, as a factor: boxes of one chip are sold with power limits
a factor of two either way (N100: 6 to 25 W), and one memory channel populated or two is a factor of two. Other fields
(clocks, caches, pipes) are recalled for most fitted machines too: held-out errors hold that doubt already."""


UNKNOWN_CLOCK = 1.2
"""The same for the boost clock of a machine that is not told it (a guest): chips of one class lie that far apart."""


UNKNOWN_BANDWIDTH = 1.8
"""The same for memory bandwidth that a data sheet does not state (``machine.usual_bandwidth``)."""


def doubt_of(machine: MachineSpec, field: str) -> float:
    """One standard deviation of a field as a factor; 1 where it is certain, or unknown without a default of its own."""
    value = getattr(machine, field)
    if field == "boost_hz":
        told = value or machine.all_core_turbo_hz or machine.base_hz
        return 1.0 if told else UNKNOWN_CLOCK
    if field == "memory_bandwidth_bytes_per_s" and value is None:
        return UNKNOWN_BANDWIDTH
    return FACTORS[field] if field in machine.uncertain and value is not None else 1.0


def moved(machine: MachineSpec, field: str, power: float = 1.0) -> MachineSpec:
    """The machine with one field times its doubt to a power; the same machine where the field is certain or unknown."""
    factor = doubt_of(machine, field)
    if factor == 1.0:
        return machine
    usual = {"boost_hz": usual_boost_hz, "memory_bandwidth_bytes_per_s": usual_bandwidth}.get(field)
    value = getattr(machine, field) if usual is None else usual(machine)
    return machine.model_copy(update={field: value * factor**power})


def sheet_doubt(
    machines: Sequence[MachineSpec], log_time: Array, log_times: Callable[[Sequence[MachineSpec]], Array]
) -> Array:
    r"""Standard deviation (log), times 1.28 for the 10-90 % range, of each prediction from doubtful fields.

    .. math:: d^2 = \sum_f \tfrac12 \sum_{\pm} (\ln t(x_f\,k_f^{\pm 1}) - \ln t(x))^2

    over the fields f of :data:`FACTORS` that are uncertain, and a clock or bandwidth not known. First-order propagation
    of independent errors; source: JCGM 100:2008 (GUM), section 5.1.2.
    """
    total = np.zeros(len(machines))
    distinct = {id(machine): machine for machine in machines}
    for field in (*FACTORS, "boost_hz"):
        if any(doubt_of(machine, field) != 1.0 for machine in distinct.values()):
            for power in (-1.0, 1.0):
                # One record per machine: the caller tells machines apart by identity.
                changed = {key: moved(machine, field, power) for key, machine in distinct.items()}
                total += 0.5 * (log_times([changed[id(machine)] for machine in machines]) - log_time) ** 2
    result: Array = 1.2816 * np.sqrt(total)
    return result
