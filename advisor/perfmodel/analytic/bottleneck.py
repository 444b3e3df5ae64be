"""Which kernels cost most, and what binds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork
from advisor.records.prediction import Bottleneck, KernelCost

from .machine import MachineArrays, machine_arrays
from .parameters import Parameters
from .physics import PRECISIONS, PassTime, Runs, pass_time
from .runtime_defaults import ResolvedConfig
from .work_table import CLASSES, COLUMNS, kernel_class, kernel_row

Array = NDArray[np.float64]
_BYTES, _WEIGHTS, _KERNELS = (COLUMNS.index(name) for name in ("activation_bytes", "weight_bytes", "kernels"))


class TimedKernel(Protocol):
    """Time of one kernel as learned on a machine."""

    @property
    def time_s(self) -> float:
        """Time of one execution [s]."""

    @property
    def measured(self) -> bool:
        """Whether this kernel itself was timed, not only alike ones."""


def costliest_kernels(
    p: Parameters,
    machine: MachineSpec,
    work: ModelWork,
    config: RunConfig,
    settings: ResolvedConfig,
    latency_s: float,
    measured: Sequence[TimedKernel] | None = None,
    count: int = 5,
) -> tuple[KernelCost, ...]:
    """The kernels that cost most, scaled so that all of them together make the predicted latency.

    ``measured``: times learned on this machine, in the order of the kernels; without them the physical model shares
    the latency out. What binds a kernel is taken from the physical model in either case.
    """
    if not work.kernels:
        return ()
    n = len(work.kernels)
    table = np.zeros((n, len(CLASSES), len(COLUMNS)))
    for i, kernel in enumerate(work.kernels):
        table[i, kernel_class(kernel)] = kernel_row(kernel, work.batch)
    runs = Runs(
        precision=np.full(n, PRECISIONS.index(config.precision)),
        batch=np.full(n, float(config.batch)),
        streams=np.full(n, float(settings.streams)),
        threads=np.full(n, float(settings.threads)),
        performance_only=np.zeros(n),
    )
    peak = np.array([(kernel.input_bytes + kernel.output_bytes) / work.batch for kernel in work.kernels])
    arrays = machine_arrays([machine]).take(np.zeros(n, dtype=np.int64))
    parts = pass_time(p, arrays, table, peak, runs)
    call_s = p.factor("call") * 4e9 / parts.clock
    # The call overhead belongs to the request, not to each kernel.
    times = np.maximum(parts.total - call_s, 0.0)
    if measured is not None:
        times = np.array([item.time_s for item in measured])
    scale = latency_s / float(times.sum())
    in_l2 = fits_l2(arrays, table, runs)
    costs = []
    for i in np.argsort(times)[::-1][:count]:
        kernel = work.kernels[int(i)]
        bounds = _bounds(parts, int(i), bool(in_l2[i]))
        bounds["overhead"] -= float(call_s[i])
        costs.append(
            KernelCost(
                name=kernel.name,
                type=kernel.type,
                time_s=float(times[i]) * scale,
                share=float(times[i] / times.sum()),
                bound=max(bounds, key=lambda name: bounds[name]),
                basis="measured" if measured is not None and measured[int(i)].measured else "predicted",
            )
        )
    return tuple(costs)


def fits_l2(machine: MachineArrays, table: Array, runs: Runs) -> NDArray[np.bool_]:
    """Whether the tensors of an average kernel lie in the L2 of the cores that one stream uses.

    They do where input, output and weights together, at the precision's width and divided among the stream's threads,
    take less than one core's L2; otherwise cached traffic comes from L3. The physical model itself has one rate for
    both (physics.py). Source: project assumption, not measured.
    """
    width = np.where(runs.precision == 2, 0.25, np.where(runs.precision == 1, 0.5, 1.0))
    kernels = np.maximum(table[:, :, _KERNELS].sum(axis=1), 1.0)
    tensors = (table[:, :, _BYTES].sum(axis=1) * runs.batch + table[:, :, _WEIGHTS].sum(axis=1)) * width / kernels
    per_stream = np.maximum(runs.threads / np.maximum(runs.streams, 1.0), 1.0)
    result: NDArray[np.bool_] = tensors / per_stream <= machine.l2_bytes / machine.cores
    return result


def _bounds(parts: PassTime, i: int, in_l2: bool) -> dict[Bottleneck, float]:
    """Parts of the time of request ``i`` [s]."""
    cache: Bottleneck = "l2_bandwidth" if in_l2 else "l3_bandwidth"
    return {
        "compute": float(parts.flop_part[i]),
        cache: float(parts.cache_part[i]),
        "memory_bandwidth": float(parts.memory[i].sum()),
        "overhead": float(parts.overhead[i]),
        "synchronisation": float(parts.synchronisation[i]),
    }


def bottleneck(parts: PassTime, i: int, in_l2: bool) -> Bottleneck:
    """Largest part of the time of request ``i``."""
    bounds = _bounds(parts, i, in_l2)
    return max(bounds, key=bounds.__getitem__)
