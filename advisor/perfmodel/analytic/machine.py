"""A machine's data sheet as arrays: every unknown field gets a stated default (:func:`filled_fields` names them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.records.machine import MachineSpec

Array = NDArray[np.float64]

SIMD_CLASSES = ("sse42", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "amx", "neon", "neon_dotprod")
_SIMD_CLASS = {
    "scalar": "sse42",
    "sse42": "sse42",
    "avx": "sse42",
    "avx2": "avx2",
    "avx2_vnni": "avx2_vnni",
    "avx512": "avx512",
    "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_vnni",
    "amx": "amx",
    "neon": "neon",
    "neon_dotprod": "neon_dotprod",
    "neon_i8mm": "neon_dotprod",
    "sve": "neon_dotprod",
}
_DEFAULT_FMA_BITS = {
    "sse42": 128.0,
    "avx2": 512.0,
    "avx2_vnni": 512.0,
    "avx512": 1024.0,
    "avx512_vnni": 512.0,
    "amx": 1024.0,
    "neon": 128.0,
    "neon_dotprod": 256.0,
}
"""One multiply-add pipe of 128 bits for a core without AVX or an old Arm; two of 256 for AVX2."""


_USUAL_BOOST_HZ = {
    "sse42": 2.7e9,
    "avx2": 4.0e9,
    "avx2_vnni": 4.6e9,
    "avx512": 3.5e9,
    "avx512_vnni": 4.1e9,
    "amx": 3.8e9,
    "neon": 1.8e9,
    "neon_dotprod": 2.4e9,
}
"""Boost clocks of the catalogue's chips, about the median per class: for guests that cannot read theirs."""


def usual_boost_hz(spec: MachineSpec) -> float:
    """Boost clock of a chip, or of its class where it is not known [Hz]."""
    known = spec.boost_hz or spec.all_core_turbo_hz or spec.base_hz
    return float(known or _USUAL_BOOST_HZ[simd_class(spec)])


def usual_bandwidth(spec: MachineSpec) -> float:
    """Peak memory bandwidth of a platform, or 6 GB/s per core where it is not known, at least one channel [B/s].

    Source: project assumption; the median of the catalogue's x86 chips lies 1.2 times as high, two thirds of them
    within a factor 1.8.
    """
    known = spec.memory_bandwidth_bytes_per_s
    return float(known) if known is not None else max(25e9 * spec.sockets, 6e9 * spec.cores)


def made_by_amd(spec: MachineSpec) -> bool:
    """Whether the maker is AMD, by catalogue name or as the processor itself says it (AuthenticAMD)."""
    return "amd" in (spec.vendor or spec.name).lower().split()[0]


def simd_class(spec: MachineSpec) -> str:
    """Instruction-set class that accuracy is reported by."""
    return _SIMD_CLASS[spec.simd_level]


LOW_POWER, HIGH_POWER = "low_power", "high_power"
"""Parents of the classes of errors of machines of well-known instruction sets."""
_WELL_KNOWN = ("avx2", "avx2_vnni", "avx512_vnni")
"""Instruction sets that machines of several makes stand for, of low and of high power."""
POWER_CLASSES = {f"{simd}_{power}": power for simd in _WELL_KNOWN for power in (LOW_POWER, HIGH_POWER)}
"""Classes of errors of such machines (:meth:`MachineArrays.error_classes`), and the parent of each."""
SMALL_CORES, LARGER_THAN_SMALL = "small_cores", f"avx2_vnni_{LOW_POWER}"
"""Class of chips that have small cores alone, and the class of errors that these are a part of."""


def error_class(spec: MachineSpec) -> str:
    """Group of machines that are off by like amounts (:meth:`MachineArrays.error_classes`)."""
    return machine_arrays([spec]).error_classes()[0]


def core_class(spec: MachineSpec) -> str:
    """Group of machines whose own figures say alike much of a model (:meth:`MachineArrays.core_classes`)."""
    return machine_arrays([spec]).core_classes()[0]


def signature(spec: MachineSpec) -> tuple[float, ...]:
    """Figures of the chip that no box changes; -1 where unknown."""
    values = (
        spec.sockets,
        spec.performance_cores,
        spec.efficiency_cores + spec.low_power_cores,
        spec.threads,
        spec.release_year,
        spec.base_hz,
        spec.boost_hz,
        spec.fma_bits_per_core,
        spec.l2_bytes_per_core,
        spec.l3_bytes,
        spec.tdp_w,
    )
    return (float(SIMD_CLASSES.index(simd_class(spec))), *(-1.0 if value is None else float(value) for value in values))


def _error_class(simd: str, low: bool, small: bool) -> str:
    if simd not in _WELL_KNOWN:
        return simd
    found = f"{simd}_{LOW_POWER if low else HIGH_POWER}"
    return SMALL_CORES if small and found == LARGER_THAN_SMALL else found


@dataclass(frozen=True)
class MachineArrays:
    """One entry per machine; SI units; unknown fields filled with the defaults named in :func:`machine_arrays`."""

    ids: tuple[str, ...]
    simd: NDArray[np.int64]
    year: Array
    sockets: Array
    performance_cores: Array
    efficiency_cores: Array
    """Smaller cores that take part in inference, low-power ones included where the runtime uses them."""
    atom_only: Array
    """1 where all cores are efficiency cores (or an Atom of before the name)."""
    threads_per_core: Array
    boost_hz: Array
    all_core_hz: Array
    all_core_known: Array
    e_core_hz: Array
    fma_bits: Array
    fma_bits_e: Array
    l2_bytes: Array
    """Sum over the second-level caches of the cores that take part in inference [B]."""
    l3_bytes: Array
    bandwidth: Array
    power_w: Array
    """Power limit of the box, or the chip's TDP where none is stated [W]."""
    power_stated: Array
    """1 where ``power_w`` is a limit that is stated for the box."""
    tdp_w: Array
    turbo_power_w: Array
    """The most that a box can hold; infinite where not known."""
    amd: Array
    mobile: Array
    low_power: Array
    """1 where the chip is soldered, or of 40 W and less: power limit and cooling are the box maker's choice."""
    quota: Array

    @property
    def cores(self) -> Array:
        """Physical cores that take part in inference, all kinds and sockets."""
        return self.performance_cores + self.efficiency_cores

    @property
    def cores_per_socket(self) -> Array:
        """The same in one socket."""
        return self.cores / self.sockets

    def error_classes(self) -> list[str]:
        """Group that each machine's interval is learned from: instruction set, with its power where it is well known.

        What a data sheet does not tell of a machine is mostly its box: how much power it holds and for how long, and
        what memory is in it. Of soldered and low-power chips that is the maker's choice; desktops and servers hold
        what their chip may draw. So each well-known instruction set has two classes, whose parents are all machines of
        that power (:data:`POWER_CLASSES`). Machines of an instruction set that one alone stands for, or two, have that
        as their class: of them the physical model itself is less sure. Small cores alone, which go into the smallest
        boxes, are a part of their class with a width of their own.
        """
        rows = zip(self.simd, self.low_power, self.atom_only, strict=True)
        return [_error_class(SIMD_CLASSES[simd], bool(low), bool(small)) for simd, low, small in rows]

    def core_classes(self) -> list[str]:
        """Group that the error on a chip with figures of other models is learned from: instruction set, or small cores.

        What the box does is in those figures. What they say of another model depends on how kernels run on such cores,
        and on how many relatives help to read them.
        """
        pairs = zip(self.simd, self.atom_only, strict=True)
        return [SMALL_CORES if small else SIMD_CLASSES[simd] for simd, small in pairs]

    def take(self, index: NDArray[np.int64]) -> MachineArrays:
        """Rows by index, to spread machines over observations."""
        return MachineArrays(
            tuple(map(self.ids.__getitem__, index.tolist())),
            *(getattr(self, name)[index] for name in self.__dataclass_fields__ if name != "ids"),
        )


_FILLED = (
    "all_core_turbo_hz", "boost_hz", "fma_bits_per_core", "l2_bytes_per_core", "l3_bytes",
    "memory_bandwidth_bytes_per_s", "release_year", "tdp_w",
)  # fmt: skip
_FILLED_OF_E_CORES = ("e_core_turbo_hz", "fma_bits_per_e_core")
_FILLED_OF_LOW_POWER_CORES = ("low_power_core_turbo_hz", "fma_bits_per_low_power_core")


def filled_fields(spec: MachineSpec) -> tuple[str, ...]:
    """Fields that a prediction reads, the data sheet does not state and :func:`machine_arrays` fills; by name."""
    read = list(_FILLED)
    if spec.efficiency_cores:
        read += _FILLED_OF_E_CORES
    if spec.inference_cores > spec.performance_cores + spec.efficiency_cores:
        read += _FILLED_OF_LOW_POWER_CORES
    return tuple(sorted(name for name in read if getattr(spec, name) is None))


def _fill(value: float | None, default: float) -> float:
    return default if value is None else float(value)


def _of_small_cores(spec: MachineSpec, of_e_core: float, of_low_power_core: float) -> float:
    """Mean over the smaller cores that take part in inference."""
    small = spec.inference_cores - spec.performance_cores
    low_power = max(0, small - spec.efficiency_cores)
    return of_e_core + (of_low_power_core - of_e_core) * low_power / max(small, 1)


def _l2_bytes(spec: MachineSpec) -> float:
    """Sum over the second-level caches of the cores that take part in inference [B]."""
    own = _fill(spec.l2_bytes_per_core, 512e3)
    total = own * spec.performance_cores
    if spec.l2_bytes_per_e_cluster is None:
        total += own * spec.efficiency_cores
    else:
        total += spec.l2_bytes_per_e_cluster * spec.efficiency_cores / (spec.e_cores_per_cluster or 1)
    if spec.inference_cores == spec.cores and spec.low_power_cores:
        total += _fill(spec.l2_bytes_per_low_power_cluster, own * spec.low_power_cores)
    return total


def _row(spec: MachineSpec) -> list[float]:
    kind = simd_class(spec)
    p_cores, e_cores = float(spec.performance_cores), float(spec.inference_cores - spec.performance_cores)
    cores = p_cores + e_cores
    boost = usual_boost_hz(spec)
    # A guest knows neither its host's power nor its clock: the usual clock is taken to be held.
    tdp = _fill(spec.tdp_w, cores * (12.0 if spec.architecture == "x86_64" else 3.75))
    smt = 2.0 if spec.threads > spec.cores else 1.0
    fma = _fill(spec.fma_bits_per_core, _DEFAULT_FMA_BITS[kind])
    # Efficiency cores sold as the only kind (N100, Atom x7000) show in their two 128-bit multiply-add pipes.
    atom_only = 1.0 if kind == "sse42" or (kind == "avx2_vnni" and fma <= 256 and not e_cores) else 0.0
    # TDP tells the socket: soldered parts come at up to 30 W or 45 to 55 W, desktop sockets at 35, 58, 60, 65 and up.
    mobile = 1.0 if spec.sockets == 1 and (tdp <= 30.0 or 44.0 <= tdp <= 56.0) and cores > 2 else 0.0
    low_power = 1.0 if spec.tdp_w is not None and spec.sockets == 1 and (tdp <= 40.0 or mobile) else 0.0
    return [
        float(SIMD_CLASSES.index(kind)),
        _fill(spec.release_year, 2020.0),
        float(spec.sockets),
        p_cores,
        e_cores,
        atom_only,
        smt,
        boost,
        _fill(spec.all_core_turbo_hz, boost),
        0.0 if spec.all_core_turbo_hz is None else 1.0,
        _of_small_cores(
            spec, _fill(spec.e_core_turbo_hz, 0.77 * boost), _fill(spec.low_power_core_turbo_hz, 0.77 * boost)
        ),
        fma,
        _of_small_cores(spec, _fill(spec.fma_bits_per_e_core, 256.0), _fill(spec.fma_bits_per_low_power_core, 256.0)),
        _l2_bytes(spec),
        _fill(spec.l3_bytes, 0.0) or 1e6 * max(1.0, cores / 4),
        usual_bandwidth(spec),
        _fill(spec.sustained_power_w, tdp),
        0.0 if spec.sustained_power_w is None else 1.0,
        tdp,
        _fill(spec.turbo_power_w, np.inf),
        1.0 if made_by_amd(spec) else 0.0,
        mobile,
        low_power,
        _fill(spec.quota_cores, cores),
    ]


_MOST_ROWS = 10_000
_ROWS: dict[str, list[float]] = {}
"""Rows of machines by their key, so that one that is asked about again and again is read once."""


def _row_of(spec: MachineSpec) -> list[float]:
    row = _ROWS.get(spec.key)
    if row is None:
        if len(_ROWS) >= _MOST_ROWS:
            _ROWS.clear()
        row = _ROWS[spec.key] = _row(spec)
    return row


def machine_arrays(specs: Sequence[MachineSpec]) -> MachineArrays:
    """Turn data sheets into arrays.

    Defaults for unknown fields: boost = all-core turbo = base, the class's usual one where none is known; E-core clock
    0.77 of boost (the ratio of the hybrid desktop parts in the catalogue); L2 512 KB per core, of smaller cores as of
    the performance cores; no L3: 1 MB per four cores; bandwidth 6 GB/s per core, at least 25 GB/s per socket (one
    DDR4-3200 channel); power limit = TDP; TDP 12 W per core (Arm 3.75 W). :func:`filled_fields` names those of one
    machine.
    """
    table = np.array([_row_of(spec) for spec in specs])
    columns = [table[:, i] for i in range(table.shape[1])]
    return MachineArrays(tuple(spec.id for spec in specs), columns[0].astype(np.int64), *columns[1:])
