"""What recalled or assumed fields of a data sheet do to a prediction: each is moved, and the model evaluated again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import usual_bandwidth, usual_boost_hz
from advisor.records.base import Z90
from advisor.records.machine import MachineSpec

Array = NDArray[np.float64]

FACTORS = {"sustained_power_w": 1.45, "tdp_w": 1.10, "memory_bandwidth_bytes_per_s": 1.41}
"""One standard deviation of an uncertain field, as a factor: boxes of one chip are sold with power limits a factor of
two either way (N100: 6 to 25 W), and one memory channel populated or two is a factor of two. A box whose limit is
stated with its own ends is moved to these instead. Other fields (clocks, caches, pipes) are recalled for most fitted
machines too: held-out errors contain that uncertainty already."""
UNKNOWN_CLOCK = 1.2
"""The same for the boost clock of a machine that does not know it (a guest): chips of one class lie that far apart."""
UNKNOWN_BANDWIDTH = 1.8
"""The same for memory bandwidth that a data sheet does not state (``machine.usual_bandwidth``)."""


def uncertainty_factor(machine: MachineSpec, field: str) -> float:
    """One standard deviation of a field as a factor; 1 where it is certain, or unknown and without a usual value."""
    value = getattr(machine, field)
    if field == "boost_hz":
        known_hz = value or machine.all_core_turbo_hz or machine.base_hz
        return 1.0 if known_hz else UNKNOWN_CLOCK
    if field == "memory_bandwidth_bytes_per_s" and value is None:
        return UNKNOWN_BANDWIDTH
    return FACTORS[field] if field in machine.uncertain and value is not None else 1.0


def _power_ends(machine: MachineSpec) -> tuple[float, float, float] | None:
    """10, 50 and 90 % quantile of the power limit [W]; None where no ends are known."""
    low, middle, high = machine.sustained_power_low_w, machine.sustained_power_w, machine.sustained_power_high_w
    return None if low is None or middle is None or high is None else (low, middle, high)


def with_field_moved(machine: MachineSpec, field: str, power: float = 1.0) -> MachineSpec:
    """The machine with one field times its factor to a power; the same machine where the field is certain.

    A power limit with known ends moves towards them, one standard deviation being 1/1.28 of the way (on logarithms) to
    the 10 or 90 % quantile that an end is.
    """
    if field == "sustained_power_w" and (ends := _power_ends(machine)) is not None:
        low, middle, high = ends
        end = low if power < 0 else high
        return machine.model_copy(update={field: middle * (end / middle) ** (abs(power) / Z90)})
    factor = uncertainty_factor(machine, field)
    if factor == 1.0:
        return machine
    usual = {"boost_hz": usual_boost_hz, "memory_bandwidth_bytes_per_s": usual_bandwidth}.get(field)
    value = getattr(machine, field) if usual is None else usual(machine)
    return machine.model_copy(update={field: value * factor**power})


def sheet_uncertainty(
    machines: Sequence[MachineSpec], log_time: Array, log_times: Callable[[Sequence[MachineSpec]], Array]
) -> Array:
    r"""Half width of P10-P90 (log) of each prediction from uncertain fields of the data sheets.

    .. math:: d^2 = \sum_f \tfrac12 \sum_{\pm} (\ln t(x_f\,k_f^{\pm 1}) - \ln t(x))^2

    over the fields f of :data:`FACTORS` that are uncertain, and a clock or bandwidth not known; times the normal
    quantile of 90 %. First-order propagation of independent errors; source: JCGM 100:2008 (GUM), section 5.1.2.

    Parameters
    ----------
    machines : sequence of MachineSpec
        The distinct data sheets that the predictions rest on.
    log_time : ndarray, shape (n,)
        Logarithm of each predicted time with the sheets as they are.
    log_times : callable
        The same with other sheets in place of ``machines``, in that order.
    """
    variance = np.zeros(len(log_time))
    for field in (*FACTORS, "boost_hz"):
        for power in (-1.0, 1.0):
            moved = [with_field_moved(machine, field, power) for machine in machines]
            if any(new is not old for new, old in zip(moved, machines, strict=True)):
                variance += 0.5 * (log_times(moved) - log_time) ** 2
    result: Array = Z90 * np.sqrt(variance)
    return result
