"""Sustained clock from power limit, active cores, SIMD width and process generation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .machine import SIMD_CLASSES, MachineArrays
from .parameters import Parameters

Array = NDArray[np.float64]
_WIDE = np.array([name in ("avx512", "avx512_vnni", "amx") for name in SIMD_CLASSES])
_SMALL_CORES_PER_LARGE = 3.0
"""Small cores that draw the power of a large one."""
_MILD_YEAR, _MILD = 2021, 0.5
"""From the servers of this year on (10 nm processes) dense 512-bit arithmetic costs the root of the clock that it did
before: their makers' turbo tables for wide instructions lie about half as far below those for others."""


def sockets_used(machine: MachineArrays, active_cores: Array) -> Array:
    """Sockets that so many cores fill, one socket after the other."""
    used: Array = np.clip(np.ceil(active_cores / machine.cores_per_socket - 0.01), 1.0, machine.sockets)
    return used


def _is_server(machine: MachineArrays) -> NDArray[np.bool_]:
    large: NDArray[np.bool_] = (machine.cores_per_socket >= 12) & (machine.efficiency_cores == 0)
    return large & (machine.tdp_w / machine.sockets >= 85)


def held_power_w(p: Parameters, machine: MachineArrays) -> Array:
    """Package power that boards hold for minutes where none is stated for the box, all sockets [W].

    Servers hold their TDP; for others it is multiplied by a fitted factor per kind of socket: desktop above 40 W and
    of 40 W and less (T and TE parts), soldered of 45 to 55 W and of 30 W and less. At most the chip's turbo power: that
    is drawn for moments by every board, for hours by none that keeps to its maker's limits. Base clocks are not used.

    Source: project assumption; boards set their long-term limit (PL1) between the base power and what may be
    configured above it, and rarely say where. Validity: x86 chips; one fitted chip alone is a small desktop part.
    """
    soldered = np.where(machine.tdp_w <= 30.0, p.factor("power_low"), p.factor("power_mobile"))
    socketed = np.where(machine.tdp_w <= 40.0, p.factor("power_small_desktop"), p.factor("power_desktop"))
    held = np.where(machine.mobile > 0, soldered, np.where(_is_server(machine), 1.0, socketed))
    most = np.maximum(machine.turbo_power_w, machine.tdp_w)
    result: Array = np.minimum(machine.tdp_w * held, most)
    return result


def sustained_clock(p: Parameters, machine: MachineArrays, active_cores: Array) -> Array:
    r"""Clock of the performance cores that is held for minutes [Hz].

    .. math::

        f = (f_t^{-8} + f_P^{-8})^{-1/8}, \qquad
        f_P = \kappa\, e^{s (y - 2017)} \Bigl(\frac{P - P_u}{n}\Bigr)^{\alpha}

    ``f_t`` is the all-core turbo (or its usual share of the boost clock), moving to the boost clock as fewer cores are
    active; ``f_P`` the clock at which n active cores consume what the power limit P leaves after the uncore P_u (a
    tenth of P and 2 W, but no more than a fifth of P for the latter; a fitted share in servers). An efficiency core
    counts as a third of a performance core. Dense 512-bit arithmetic lowers the clock by ``clock_avx512`` (less from
    2021 on; not on AMD's chips, whose clock does not depend on width). Cores fill one socket after the other, and each
    socket has its own power.
    P is what is stated for the box, or else the TDP times what boards of its kind hold (:func:`held_power_w`).

    Source: dynamic power of CMOS, P ~ C V^2 f: with V rising about linearly in f at the top f ~ P^(1/3), with V
    constant f ~ P, so that the exponent lies between these, near 1/2; newer processes clock higher at equal watts.
    Constants are fitted on published speeds within those ranges (``BOUNDS``), not on clocks. Validity: the fitted chips
    have 4 to 60 cores and 12 to 350 W per socket and are of 2017 to 2023; beyond that it extrapolates.
    """
    used = sockets_used(machine, active_cores)
    share = np.clip(active_cores / (machine.cores_per_socket * used), 0.0, 1.0)
    usual = machine.boost_hz * p.factor("clock_turbo_share")
    all_core = np.where(machine.all_core_known > 0, machine.all_core_hz, usual)
    turbo = machine.boost_hz + (all_core - machine.boost_hz) * share
    server = _is_server(machine)
    power = np.where(machine.power_stated > 0, machine.power_w, held_power_w(p, machine)) / machine.sockets
    uncore = np.where(server, p.factor("uncore_server") * power, 0.1 * power + np.minimum(2.0, 0.2 * power))
    # Performance cores are filled first; where all cores are small, each draws a small one's share.
    large = np.where(machine.atom_only > 0, 0.0, np.minimum(active_cores, machine.performance_cores))
    active = np.maximum(1.0, (large + (active_cores - large) / _SMALL_CORES_PER_LARGE) / used)
    scale = p.factor("clock_power_14nm") * np.exp(p["clock_power_year"] * (machine.year - 2017.0))
    limited = scale * ((power - uncore) / active) ** p["clock_power_exponent"]
    clock = (turbo**-8.0 + limited**-8.0) ** -0.125
    # Servers of 14 nm lower their clock for 512-bit instructions whether one unit runs them or two.
    old_server = server & (machine.year < _MILD_YEAR)
    lowered = _WIDE[machine.simd] & ((machine.fma_bits >= 1024) | old_server) & (machine.amd == 0)
    wide = np.where(lowered, p.factor("clock_avx512") ** np.where(machine.year >= _MILD_YEAR, _MILD, 1.0), 1.0)
    narrow = np.where(server & ~_WIDE[machine.simd], p.factor("clock_avx2_server"), 1.0)
    result: Array = clock * wide * narrow
    return result
