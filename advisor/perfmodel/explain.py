"""Which kernels cost most, and what binds them."""

from __future__ import annotations

import numpy as np

from ..records.config import RunConfig
from ..records.machine import MachineSpec
from ..records.model import ModelWork
from ..records.prediction import Bottleneck, KernelCost
from .machine import machine_arrays
from .parameters import Parameters
from .physics import PRECISIONS, PassTime, Runs, pass_time
from .works import CLASSES, COLUMNS, kernel_class, kernel_row


def dearest_kernels(
    p: Parameters,
    machine: MachineSpec,
    work: ModelWork,
    config: RunConfig,
    streams: int,
    threads: int,
    latency_s: float,
    count: int = 5,
) -> tuple[KernelCost, ...]:
    """The kernels that cost most, scaled so that all of them together make the predicted latency."""
    if not work.kernels:
        return ()
    n = len(work.kernels)
    table = np.zeros((n, len(CLASSES), len(COLUMNS)))
    for i, kernel in enumerate(work.kernels):
        table[i, kernel_class(kernel)] = kernel_row(kernel, work.batch)
    runs = Runs(
        precision=np.full(n, PRECISIONS.index(config.precision)),
        batch=np.full(n, float(config.batch)),
        streams=np.full(n, float(streams)),
        threads=np.full(n, float(threads)),
        performance_only=np.zeros(n),
    )
    peak = np.array([(kernel.input_bytes + kernel.output_bytes) / work.batch for kernel in work.kernels])
    parts = pass_time(p, machine_arrays([machine]).take(np.zeros(n, dtype=np.int64)), table, peak, runs)
    # The call overhead belongs to the request, not to each kernel.
    times = parts.total - p.factor("call") * 4e9 / parts.clock
    times = np.maximum(times, 0.0)
    scale = latency_s / float(times.sum())
    costs = []
    for i in np.argsort(times)[::-1][:count]:
        kernel = work.kernels[int(i)]
        bounds: dict[Bottleneck, float] = {
            "compute": float(parts.flop_part[i]),
            "l3_bandwidth": float(parts.cache_part[i]),
            "memory_bandwidth": float(parts.memory[i].sum()),
            "synchronisation": float(parts.synchronisation[i]),
        }
        costs.append(
            KernelCost(
                name=kernel.name,
                type=kernel.type,
                time_s=float(times[i]) * scale,
                share=float(times[i] / times.sum()),
                bound=max(bounds, key=lambda name: bounds[name]),
                basis="predicted",
            )
        )
    return tuple(costs)


def bottleneck(parts: PassTime, i: int) -> Bottleneck:
    """Largest part of the time of request ``i``."""
    compute, cache, memory = float(parts.flop_part[i]), float(parts.cache_part[i]), float(parts.memory[i].sum())
    parts_s: dict[Bottleneck, float] = {
        "compute": compute,
        "l3_bandwidth": cache,
        "memory_bandwidth": memory,
        "overhead": float(parts.overhead[i]),
        "synchronisation": float(parts.synchronisation[i]),
    }
    return max(parts_s, key=lambda name: parts_s[name])
