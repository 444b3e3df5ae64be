"""Time of a pass on Intel graphics from the data sheet: rate of the units, memory, launches of kernels, and power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.work_table import CLASSES

Array = NDArray[np.float64]

GENERATIONS = ("gen9", "gen11", "xe")
"""Fitted apart; Xe-LP and Xe-LPG are one, but for gain and power."""
PRECISIONS = ("f16", "int8")
OPERATIONS_PER_CLOCK = (32.0, 64.0)
"""Of one execution unit, per precision: eight f32 lanes, f16 packed twice, int8 four times (DP4A; without it the fitted
gain of the generation says what is lost). Source: Intel, oneAPI GPU Optimization Guide, Xe-LP architecture."""
ELEMENT_BYTES = (2.0, 1.0)
_PRODUCTS = 3
_SHARPNESS = 3.0
_POWER_EXPONENT = 0.4

PRIORS: dict[str, tuple[float, float]] = {
    "conv_f16": (-0.7, 0.5), "dwconv_f16": (-2.0, 0.7), "gemm_f16": (-1.2, 0.7),
    "conv_int8": (-0.9, 0.5), "dwconv_int8": (-2.3, 0.7), "gemm_int8": (-1.5, 0.7),
    "memory_f16": (-0.3, 0.3), "memory_int8": (-0.3, 0.3),
    "launch_gen9": (-11.5, 1.0), "launch_xe": (-11.5, 1.0), "serial_launch": (-9.2, 1.5),
    "gen9_f16": (0.0, 0.4), "gen9_int8": (-0.9, 0.8), "gen11_f16": (0.0, 0.4), "gen11_int8": (-0.9, 0.8),
    "gen9_memory": (0.0, 0.3), "xe-lpg": (0.0, 0.3), "power_xe-lp": (-1.3, 0.6), "power_xe-lpg": (-2.3, 0.6),
    "release_esq": (-0.25, 0.3),
}  # fmt: skip
"""Mean and deviation of each parameter's logarithm before any figure is seen. Efficiencies against the peak, share of
the memory's bandwidth, seconds per launch at 1 GHz, gains of a generation, W per execution unit at 1 GHz to the power
2.5, and the shift of the newest list. Source: project assumption (what compute libraries reach on such chips)."""
NAMES = tuple(PRIORS)
_AT = {name: i for i, name in enumerate(NAMES)}


@dataclass(frozen=True)
class GraphicsArrays:
    """Rows of passes: work, device and precision."""

    table: Array
    """Shape (n, len(CLASSES), 4)."""
    execution_units: Array
    clock_hz: Array
    memory_bytes_per_s: Array
    power_w: Array
    generation: NDArray[np.int64]
    """Index into :data:`GENERATIONS`."""
    is_lpg: NDArray[np.bool_]
    precision: NDArray[np.int64]
    """Index into :data:`PRECISIONS`."""
    is_newest: NDArray[np.bool_]
    """Whether a row is of the list of 2026, faster by ``release_esq`` than tables of 2024 and 2025."""

    def take(self, index: NDArray[np.int64]) -> GraphicsArrays:
        """Rows by number."""
        return GraphicsArrays(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def vector(parameters: Mapping[str, float]) -> Array:
    """Parameters by name in the order of :data:`NAMES`."""
    return np.array([parameters[name] for name in NAMES])


def sustained_clock_hz(parameters: Array, rows: GraphicsArrays) -> Array:
    r"""Clock that the units hold under the package's power [Hz].

    .. math:: f = \left(f_{max}^{-6} + (P / (c\, n))^{-0.4 \cdot 6}\right)^{-1/6}

    with n units and c the power of one at 1 GHz, since power grows with about the clock to 2.5 (voltage rises with it).
    Source: derived here; c is fitted for Xe-LP and Xe-LPG. Valid for: inference that fills the graphics.
    """
    per_unit = np.exp(np.where(rows.is_lpg, parameters[_AT["power_xe-lpg"]], parameters[_AT["power_xe-lp"]]))
    allowed_ghz = (rows.power_w / (per_unit * rows.execution_units)) ** _POWER_EXPONENT
    clock: Array = 1e9 * ((rows.clock_hz / 1e9) ** -6.0 + allowed_ghz**-6.0) ** (-1.0 / 6.0)
    return clock


def log_time(parameters: Array, rows: GraphicsArrays) -> Array:
    r"""Logarithm of the seconds of one input with the device kept busy.

    .. math::

        t = \sum_c \left(\Big(\frac{W_c}{e_c P}\Big)^3 + \Big(\frac{Q_c}{b B}\Big)^3\right)^{1/3}
            + \frac{Q_m}{b B} + n\, o / f

    over convolutions, depthwise convolutions and matrix products, then kernels that are memory-bound (Q_m) and the n
    launches. W operations, Q bytes at the precision, P peak at the sustained clock, B memory bandwidth.

    Source: Williams et al. (2009), roofline with a smooth maximum; https://doi.org/10.1145/1498765.1498785
    """
    p = parameters
    int8 = rows.precision == 1
    gen9, gen11 = rows.generation == 0, rows.generation == 1
    clock_hz = sustained_clock_hz(p, rows)
    gain = np.where(int8, np.where(gen9, p[_AT["gen9_int8"]], 0.0), np.where(gen9, p[_AT["gen9_f16"]], 0.0))
    gain += np.where(gen11, np.where(int8, p[_AT["gen11_int8"]], p[_AT["gen11_f16"]]), 0.0)
    lpg = np.where(rows.is_lpg, p[_AT["xe-lpg"]], 0.0)
    peak = rows.execution_units * clock_hz * np.where(int8, *OPERATIONS_PER_CLOCK[::-1]) * np.exp(gain + lpg)
    efficiency = np.exp(np.where(int8[:, None], p[3:6][None], p[0:3][None]))
    share = np.where(int8, p[_AT["memory_int8"]], p[_AT["memory_f16"]]) + np.where(gen9, p[_AT["gen9_memory"]], 0.0)
    bandwidth = rows.memory_bytes_per_s * np.exp(share + lpg)
    # Tables count four bytes per element.
    traffic = (rows.table[:, :, 1] + rows.table[:, :, 2]) / 4.0 * np.where(int8, *ELEMENT_BYTES[::-1])[:, None]
    memory_s = traffic / bandwidth[:, None]
    compute_s = rows.table[:, :_PRODUCTS, 0] / (efficiency * peak[:, None])
    main_s = (compute_s**_SHARPNESS + memory_s[:, :_PRODUCTS] ** _SHARPNESS) ** (1.0 / _SHARPNESS)
    launch_s = np.exp(np.where(gen9, p[_AT["launch_gen9"]], p[_AT["launch_xe"]])) * 1e9 / clock_hz
    serial = CLASSES.index("serial")
    serial_s = rows.table[:, serial, 3] * np.exp(p[_AT["serial_launch"]]) + 20.0 * rows.table[:, serial, 0] / peak
    total = main_s.sum(axis=1) + memory_s[:, _PRODUCTS:].sum(axis=1) + serial_s
    total += rows.table[:, :, 3].sum(axis=1) * launch_s
    result: Array = np.log(total) + np.where(rows.is_newest, p[_AT["release_esq"]], 0.0)
    return result
