"""The fitted numbers of the physical model, their prior beliefs, and nothing else.

Every parameter is the natural logarithm of a positive factor unless its line says otherwise; the prior's standard
deviation says how far the published data may move it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .machine import SIMD_CLASSES
from .work_table import CLASSES

_LN = np.log
PRIORS: dict[str, tuple[float, float]] = {
    # Clock (clock.py)
    "clock_turbo_share": (
        _LN(0.88),
        0.06,
    ),  # all-core turbo over one-core boost where the sheet gives no all-core clock
    "clock_power_14nm": (_LN(1.2e9), 0.08),  # clock of one core at 1 W [Hz], process of 2017
    "clock_power_year": (0.03, 0.01),  # gain of that clock per year (not a logarithm of a factor: a slope)
    "clock_power_exponent": (0.50, 0.03),  # clock ~ power ** exponent (plain)
    "clock_avx512": (_LN(0.80), 0.06),  # clock with dense 512-bit arithmetic
    "clock_avx2_server": (_LN(0.95), 0.05),
    # Power that boards hold for minutes, over TDP, where none is stated for the box
    "power_desktop": (_LN(1.2), 0.12),  # desktop sockets above 40 W
    "power_small_desktop": (_LN(1.1), 0.10),  # the same of 40 W and less (T and TE parts)
    "power_mobile": (_LN(1.05), 0.10),  # soldered parts of 45 to 55 W
    "power_low": (_LN(1.3), 0.15),  # the same of 30 W and less: base power to what may be configured above it
    "uncore_server": (_LN(0.25), 0.2),  # share of a server's power that does not reach its cores
    # Cores (physics.py, core_rate)
    "e_core": (_LN(0.85), 0.15),  # E core against what its width and clock promise
    "smt": (0.05, 0.05),  # gain of a second thread per core in throughput mode
    "socket": (_LN(0.93), 0.06),  # second socket
    "many_cores": (0.05, 0.04),  # loss exponent of throughput in cores of a socket above 4 (plain)
    # Memory (physics.py, pass_time)
    "bandwidth": (_LN(0.70), 0.15),  # sustained over peak
    "l3_reach": (_LN(1.0), 0.5),  # working set over last-level cache at which half misses
    "cache_bytes_per_cycle": (_LN(8.0), 0.5),  # per 256 bits of width, activations streaming through L2 / L3
    # Overheads (physics.py, pass_time)
    "call": (_LN(25e-6), 0.4),  # one request [s] at 4 GHz
    "harness": (_LN(60e-6), 0.7),  # one request of an untuned harness beyond that [s] at 4 GHz: in fits only
    "kernel": (_LN(1.5e-6), 0.6),  # one kernel [s] at 4 GHz
    "barrier": (_LN(1.0e-6), 0.6),  # one kernel on several threads, per doubling [s] at 4 GHz
    "barrier_core": (_LN(0.05e-6), 0.8),  # the same, per thread
    "serial_conv": (_LN(0.02), 0.5),  # share of a kernel that does not spread over threads
    "serial_dwconv": (_LN(0.05), 0.5),
    "serial_gemm": (_LN(0.03), 0.5),
    "serial_memory": (_LN(0.10), 0.5),
    "batch_gain": (0.05, 0.05),  # efficiency gained per doubling of the batch, up to 8
    # Core generations: throughput per cycle and lane beyond width, per year after 2017
    "year": (0.02, 0.02),
    "atom": (_LN(0.8), 0.2),  # in-order-ish cores and small caches
    "amd": (0.0, 0.1),
    "pipe_extra": (_LN(0.92), 0.1),  # two 512-bit pipes reach less of their peak than one
}
for _name, _prior in {"conv": 0.65, "dwconv": 0.25, "gemm": 0.6, "memory": 0.2, "serial": 0.05}.items():
    PRIORS[f"efficiency_{_name}"] = (float(_LN(_prior)), 0.5)
for _simd in SIMD_CLASSES:
    PRIORS[f"f32_{_simd}"] = (0.0, 0.12)
    for _name in CLASSES[:3]:
        PRIORS[f"f32_{_simd}_{_name}"] = (0.0, 0.10)
# Gain of eight-bit products over f32 on the same pipes, exp(gain) x nominal ** gain_nominal (physics.py,
# flop_per_cycle): loads, stores and what stands between products keep it below the instruction set's ratio.
PRIORS["gain"] = (0.3, 0.15)
PRIORS["gain_nominal"] = (0.6, 0.1)
for _simd in SIMD_CLASSES:
    PRIORS[f"int8_{_simd}"] = (0.0, 0.1)  # what an instruction set is off that law
# Of that gain, what chips of small cores with VNNI alone see: half as wide units, one memory channel.
PRIORS["int8_small"] = (0.0, 0.15)
PRIORS["int8_dwconv"] = (float(_LN(0.7)), 0.3)  # the part of that gain that depthwise kernels see
PRIORS["int8_gemm"] = (float(_LN(0.8)), 0.3)
PRIORS["bf16_amx"] = (0.0, 0.2)  # what bf16 on tiles is off the law of eight-bit products
PRIORS["bf16_avx512_vnni"] = (float(_LN(1.6)), 0.3)
PRIORS["int8_bytes"] = (float(_LN(0.4)), 0.3)  # bytes of an int8 network over those of f32 (some tensors stay f32)

NAMES = tuple(PRIORS)
INDEX = {name: i for i, name in enumerate(NAMES)}
MEAN = np.array([PRIORS[name][0] for name in NAMES])
DEVIATION = np.array([PRIORS[name][1] for name in NAMES])
BOUNDS: dict[str, tuple[float, float]] = {
    "clock_power_14nm": (_LN(1.0e9), _LN(1.5e9)),
    "clock_power_year": (0.0, 0.06),
    "clock_power_exponent": (1.0 / 3.0, 0.65),
    "clock_avx512": (_LN(0.65), 0.0),
    "clock_avx2_server": (_LN(0.8), 0.0),
    "power_desktop": (0.0, _LN(1.8)),
    "power_small_desktop": (_LN(0.9), _LN(1.5)),
    "power_mobile": (_LN(0.8), _LN(1.4)),
    "power_low": (_LN(0.8), _LN(2.0)),
    "uncore_server": (_LN(0.1), _LN(0.6)),
    "socket": (_LN(0.75), 0.0),
    "bandwidth": (_LN(0.5), _LN(0.95)),
    "call": (_LN(10e-6), _LN(50e-6)),
}
"""Ranges that physics and data sheets leave open, in the parameter's own unit; others have their priors alone."""
LOWEST = np.array([BOUNDS.get(name, (-np.inf, np.inf))[0] for name in NAMES])
HIGHEST = np.array([BOUNDS.get(name, (-np.inf, np.inf))[1] for name in NAMES])


class Parameters:
    """A parameter vector with names: ``p["smt"]``. Not changed once it is made: factors are worked out once."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values
        self._factors: dict[str, float] = {}
        self._by_simd: dict[tuple[str, str], NDArray[np.float64]] = {}

    def __getitem__(self, name: str) -> float:
        return float(self.values[INDEX[name]])

    def factor(self, name: str) -> float:
        """Exponential of a parameter."""
        if name not in self._factors:
            self._factors[name] = float(np.exp(self.values[INDEX[name]]))
        return self._factors[name]

    def by_simd(self, prefix: str, suffix: str = "") -> NDArray[np.float64]:
        """Values over :data:`~advisor.perfmodel.analytic.machine.SIMD_CLASSES`."""
        key = prefix, suffix
        if key not in self._by_simd:
            found = np.array([self.values[INDEX[f"{prefix}_{simd}{suffix}"]] for simd in SIMD_CLASSES])
            found.flags.writeable = False  # the same array is handed out again
            self._by_simd[key] = found
        return self._by_simd[key]
