"""Time of one pass from data sheet, work table and configuration: every effect, composed.

Arrays run over observations (machine x model x configuration); nothing here knows a published number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .clock import sockets_used, sustained_clock
from .machine import SIMD_CLASSES, MachineArrays
from .parameters import Parameters
from .work_table import CLASSES

Array = NDArray[np.float64]
F32, BF16, INT8 = 0, 1, 2
PRECISIONS = ("f32", "bf16", "int8")
REFERENCE_HZ = 4e9
_AVX2_VNNI, _AMX = SIMD_CLASSES.index("avx2_vnni"), SIMD_CLASSES.index("amx")
_INT8_NOMINAL = np.log([8 / 3, 4 / 3, 4.0, 4 / 3, 4.0, 32.0, 4 / 3, 4.0])
"""Eight-bit products per cycle over those in f32 (log), by instruction set as :data:`SIMD_CLASSES`: four to one with
dot products; without them three instructions for each four (4/3), against two for one in f32 where nothing is fused;
tiles of AMX multiply 1024 a cycle, two 512-bit pipes 32 in f32. Source: instruction sets' references."""
_BF16_NOMINAL_AMX = np.log(16.0)
_FED_BITS = 512.0
"""Bits of products per cycle that a core's loads can feed where no value is used twice (depthwise convolutions, kernels
without products), and above which traffic inside the caches gets no faster: chips of one design have the same load
ports and caches whether one 512-bit unit is enabled or two. Source: project assumption from block diagrams of such
cores; found by single requests in f32, of which chips with two units were predicted too fast and those with one too
slow, the more so the fewer operations a network has per byte."""


@dataclass(frozen=True)
class Runs:
    """Configurations, one entry per observation."""

    precision: NDArray[np.int64]
    batch: Array
    streams: Array
    """Inference streams that are busy at once."""
    threads: Array
    """Threads of all streams together, at most one per physical core in the arithmetic below."""
    performance_only: Array
    """1 where only performance cores are used (OpenVINO's LATENCY hint on hybrid parts)."""


@dataclass(frozen=True)
class PassTime:
    """Parts of the time of one pass on one stream [s]."""

    total: Array
    compute: Array
    """Shape (n, classes): arithmetic and traffic inside the caches."""
    memory: Array
    """Shape (n, classes): traffic to main memory."""
    overhead: Array
    synchronisation: Array
    traffic: Array
    """Bytes from main memory per pass [B]."""
    flop_part: Array
    """Arithmetic alone [s]."""
    cache_part: Array
    """Traffic inside the caches alone [s]."""
    clock: Array
    """Sustained clock of the performance cores [Hz]."""


def core_rate(p: Parameters, machine: MachineArrays, runs: Runs) -> tuple[Array, Array, Array]:
    """Sustained clock [Hz], performance-core equivalents per stream, and busy cores of the whole machine."""
    available = np.where(runs.performance_only > 0, machine.performance_cores, machine.cores)
    busy = np.minimum(runs.threads, available)
    p_busy = np.minimum(busy, machine.performance_cores)
    e_busy = busy - p_busy
    clock = sustained_clock(p, machine, busy)
    e_clock = np.minimum(machine.e_core_hz, 0.85 * clock)
    e_weight = p.factor("e_core") * (machine.fma_bits_e / machine.fma_bits) * (e_clock / clock)
    equivalents = p_busy + e_busy * np.minimum(e_weight, 1.0)
    equivalents = equivalents * np.where(sockets_used(machine, busy) > 1, p.factor("socket"), 1.0)
    return clock, np.maximum(equivalents, 1e-3), np.maximum(busy, 1.0)


def flop_per_cycle(p: Parameters, machine: MachineArrays, precision: NDArray[np.int64]) -> Array:
    """Attainable operations per cycle of one core, shape (n, classes)."""
    lanes = machine.fma_bits / 32.0 * 2.0
    fed = np.minimum(lanes, _FED_BITS / 32.0 * 2.0)
    two_pipes = np.where(machine.fma_bits >= 1024, p.factor("pipe_extra"), 1.0)
    general = np.exp(p["year"] * (machine.year - 2017.0) + p["amd"] * machine.amd + p["atom"] * machine.atom_only)
    rate = np.empty((len(lanes), len(CLASSES)))
    simd_general = p.by_simd("f32")[machine.simd]
    small = np.where(machine.simd == _AVX2_VNNI, machine.atom_only, 0.0)
    int8 = p["gain"] + p["gain_nominal"] * _INT8_NOMINAL[machine.simd]
    int8 = int8 + p.by_simd("int8")[machine.simd] + p["int8_small"] * small
    amx = p["gain"] + p["gain_nominal"] * _BF16_NOMINAL_AMX + p["bf16_amx"]
    bf16 = np.where(machine.simd == _AMX, amx, p["bf16_avx512_vnni"])
    for i, name in enumerate(CLASSES):
        special = p.by_simd("f32", f"_{name}")[machine.simd] if i < 3 else 0.0
        share = 1.0 if i == 0 else p.factor("int8_dwconv") if i == 1 else p.factor("int8_gemm") if i == 2 else 0.0
        gain = np.exp(
            np.where(precision == INT8, int8 * min(share, 1.0), np.where(precision == BF16, bf16 * share, 0.0))
        )
        reuses = name in ("conv", "gemm")
        width = lanes * two_pipes if reuses else fed
        rate[:, i] = width * general * np.exp(simd_general + special) * p.factor(f"efficiency_{name}") * gain
    return rate


def attainable_bandwidth(p: Parameters, machine: MachineArrays) -> Array:
    """Memory bandwidth that a machine's cores sustain together [B/s]: a fitted share of the peak of its channels."""
    result: Array = p.factor("bandwidth") * machine.bandwidth
    return result


def pass_time(p: Parameters, machine: MachineArrays, table: Array, peak_activation: Array, runs: Runs) -> PassTime:
    r"""Time of one pass on one inference stream while ``streams`` of them are busy.

    Per class c: :math:`t_c = ((a_c (s_c + (1 - s_c)/n))^3 + m_c^3)^{1/3}`, where a is arithmetic plus traffic inside
    the caches on one core, s the share that does not spread over n core equivalents, m the traffic to main memory over
    the stream's share of the bandwidth. The total adds kernels times (overhead + barrier) and one call overhead.

    Source: roofline (Williams et al. 2009, https://doi.org/10.1145/1498765.1498785) with Amdahl's law per class.
    """
    clock, equivalents, busy = core_rate(p, machine, runs)
    streams = np.maximum(runs.streams, 1.0)
    per_stream = np.maximum(equivalents / streams, 1e-3)
    parallel = np.maximum(per_stream, 1.0)
    rate = flop_per_cycle(p, machine, runs.precision)
    shrink = np.where(runs.precision == INT8, p.factor("int8_bytes"), np.where(runs.precision == BF16, 0.6, 1.0))
    batch_factor = 1.0 / (1.0 + p["batch_gain"] * np.log2(np.clip(runs.batch, 1.0, 8.0)))
    flop = table[:, :, 0] * runs.batch[:, None] * batch_factor[:, None]
    activation = table[:, :, 1] * (runs.batch * shrink)[:, None]
    weights = table[:, :, 2] * shrink[:, None]
    cache_rate = p.factor("cache_bytes_per_cycle") * np.minimum(machine.fma_bits / _FED_BITS, 1.0) ** 0.5
    flop_s = flop / (rate * clock[:, None])
    cache_s = activation / (cache_rate * clock)[:, None]
    serial = np.array([min(p.factor(f"serial_{name}"), 0.9) for name in CLASSES[:4]] + [0.9])
    spread = serial[None, :] + (1.0 - serial[None, :]) / parallel[:, None]
    # Fewer core equivalents than one (a stream on an efficiency core) lengthens everything.
    slow = np.minimum(per_stream, 1.0)
    smt = np.where((machine.threads_per_core > 1) & (streams > 1), 1.0 + p["smt"], 1.0)
    # Cores of another socket share neither its mesh nor its caches.
    together = busy / sockets_used(machine, busy)
    crowd = np.maximum(together / 4.0, 1.0) ** np.where(streams > 1, p["many_cores"], 0.0)
    spread = spread * (crowd / (slow * smt))[:, None]
    compute = (flop_s + cache_s) * spread
    # Memory channels and caches of a socket that no thread runs on are out of reach.
    near = sockets_used(machine, busy) / machine.sockets
    reach = p.factor("l3_reach") * (machine.l3_bytes + 0.7 * machine.l2_bytes) * near
    # Activations are read soon after they were written: what counts is whether those of one kernel fit, on all streams.
    size = table[:, :, 4] / np.maximum(table[:, :, 1], 1.0) * (streams * runs.batch * shrink)[:, None]
    # Weights come again with the next pass, once all others and the activations have passed.
    working = streams * peak_activation * shrink * runs.batch + weights.sum(axis=1)
    bandwidth = attainable_bandwidth(p, machine) * near / streams
    traffic = activation * (size / (size + reach[:, None])) + weights * (working / (working + reach))[:, None]
    memory = traffic / bandwidth[:, None]
    # Products and a cube root: a general power takes several times as long, and fits evaluate this a million times.
    per_class = np.cbrt(compute * compute * compute + memory * memory * memory)
    kernels = table[:, :, 3].sum(axis=1)
    speed = REFERENCE_HZ / clock
    threads = np.maximum(
        np.where(runs.performance_only > 0, np.minimum(busy, machine.performance_cores), busy) / streams, 1.0
    )
    overhead = (p.factor("call") + kernels * p.factor("kernel")) * speed / slow
    sync = np.where(
        threads > 1, p.factor("barrier") * np.log2(np.maximum(threads, 1.0)) + p.factor("barrier_core") * threads, 0.0
    )
    synchronisation = kernels * sync * speed
    total = per_class.sum(axis=1) + overhead + synchronisation
    return PassTime(
        total, compute, memory, overhead, synchronisation, traffic.sum(axis=1),
        (flop_s * spread).sum(axis=1), (cache_s * spread).sum(axis=1), clock,
    )  # fmt: skip
