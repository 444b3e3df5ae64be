"""Sustained clock from power limit, active cores, SIMD width and process generation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .machine import SIMD_CLASSES, MachineArrays
from .parameters import Parameters

Array = NDArray[np.float64]
_WIDE = np.array([name in ("avx512", "avx512_vnni", "amx") for name in SIMD_CLASSES])


def sustained_clock(p: Parameters, machine: MachineArrays, active_cores: Array) -> Array:
    r"""Clock of the performance cores that is held for minutes [Hz].

    .. math:: f = (f_t^{-8} + f_P^{-8})^{-1/8}, \qquad f_P = \kappa\, e^{s (y - 2017)} (P / n)^{\alpha}

    ``f_t`` is the all-core turbo (or its usual share of the boost clock), moving to the boost clock as fewer cores are
    active; ``f_P`` the clock at which n active cores consume the power limit P. Where a base clock is published, the
    vendor has said which clock all cores hold at TDP, so f_P is the mean (in logarithms) of that statement times
    ``clock_base_gain`` and the formula. Dense 512-bit arithmetic lowers the clock by ``clock_avx512``.

    Source: dynamic power of CMOS, P ~ C V^2 f with V rising about linearly in f, so f ~ P^(1/3) to P^(1/2); constants
    fitted on published speeds. Validity: 6 to 500 W, 2 to 128 cores per socket, processes of 2015 to 2025.
    """
    cores = machine.performance_cores + machine.efficiency_cores
    share = np.clip(active_cores / cores, 0.0, 1.0)
    all_core = np.where(
        machine.all_core_known > 0, machine.all_core_hz, machine.boost_hz * p.factor("clock_turbo_share")
    )
    turbo = machine.boost_hz + (all_core - machine.boost_hz) * share
    # Boards let desktop chips run above TDP for good; laptops, T parts, Atoms and servers are held at it.
    desktop = (machine.mobile == 0) & (machine.sockets == 1) & (machine.tdp_w < 170)
    power = machine.power_w * np.where(desktop & (machine.power_w == machine.tdp_w), p.factor("power_desktop"), 1.0)
    per_socket = np.maximum(1.0, active_cores / machine.sockets)
    # An efficiency core takes about a third of a performance core's power.
    weight = (machine.performance_cores + machine.efficiency_cores / 3.0) / cores
    exponent = p["clock_power_exponent"]
    scale = p.factor("clock_power_14nm") * np.exp(p["clock_power_year"] * (machine.year - 2017.0))
    formula = scale * (power / (per_socket * weight)) ** exponent
    stated = (
        machine.base_hz * p.factor("clock_base_gain") * (power / machine.tdp_w / np.maximum(share, 0.05)) ** exponent
    )
    limited = np.where(machine.base_known > 0, np.sqrt(formula * stated), formula)
    clock = (turbo**-8.0 + limited**-8.0) ** -0.125
    server = np.where((machine.cores_per_socket >= 12) & ~_WIDE[machine.simd], p.factor("clock_avx2_server"), 1.0)
    result: Array = (
        clock * np.where(_WIDE[machine.simd] & (machine.fma_bits >= 1024), p.factor("clock_avx512"), 1.0) * server
    )
    return result
