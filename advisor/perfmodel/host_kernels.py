"""Kernels measured on this host: looked up where known, predicted from alike ones where not.

Time of a kernel = a plain sum of arithmetic, traffic and dispatch at nominal rates, times exp(g), where g is a Gaussian
process over shapes, learned from the per-kernel times of profiled networks. Networks, not single operators: their
kernels ran in natural cache state. Source: kernel-wise prediction as in nn-Meter (Zhang et al. 2021,
https://doi.org/10.1145/3458864.3467882), with the process of Rasmussen and Williams (2006), eq. (2.25).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records.config import RunConfig
from ..records.measurement import Measurement
from ..records.model import Kernel
from .works import CLASSES, kernel_class

Array = NDArray[np.float64]
_LARGEST = 1800
"""Distinct kernels kept; beyond it an even stride through them (a factorisation of that size takes 0.1 s)."""
_NOISE = 0.08
_DISTURBED = 0.15
"""Further deviation (log) of kernels that were only profiled while other processes ran."""
_SIGNAL = 0.6
_BROAD = 0.35
_SHORT_S = 2e-6
"""Kernels below this are rounded away by counters of whole microseconds: they are learned no finer."""


def _nominal_s(kernel: Kernel, threads: int) -> float:
    """Arithmetic at 40 GFLOP/s and traffic at 8 GB/s per thread, plus 1 microsecond."""
    moved = kernel.input_bytes + kernel.output_bytes + kernel.weight_bytes
    return (kernel.flop / 40e9 + moved / 8e9) / threads + 1e-6


def _signature(kernel: Kernel, threads: int, runtime: str) -> tuple[object, ...]:
    return (
        runtime, threads, kernel.type, kernel.original_type, kernel.precision, kernel.input_shape, kernel.output_shape,
        kernel.kernel_size, kernel.strides, kernel.groups, kernel.flop, kernel.weight_bytes, len(kernel.fused),
    )  # fmt: skip


def _log(value: float, middle: float, spread: float) -> float:
    return float(np.log(max(value, 1e-3) / middle) / spread)


def _features(kernel: Kernel, threads: int, precision: str, runtime: str) -> list[float]:
    moved = kernel.input_bytes + kernel.output_bytes + kernel.weight_bytes
    one_hot = [1.2 if kernel_class(kernel) == i else 0.0 for i in range(len(CLASSES))]
    kinds = ("reorder", "eltwise", "pool", "softmax", "norm", "concat", "fc", "matmul", "groupconv", "deconv")
    area = float(np.prod(kernel.kernel_size)) if kernel.kernel_size else 1.0
    stride = float(max(kernel.strides)) if kernel.strides else 1.0
    channels_in = float(kernel.input_shape[1]) if len(kernel.input_shape) > 1 else 1.0
    channels_out = float(kernel.output_shape[1]) if len(kernel.output_shape) > 1 else 1.0
    spatial = float(np.prod(kernel.output_shape[2:])) if len(kernel.output_shape) > 2 else 1.0
    return [
        *one_hot,
        *[1.0 if kernel.type == kind else 0.0 for kind in kinds],
        _log(kernel.flop + 1e3, 2e7, 2.5),
        _log(moved + 1e2, 5e5, 2.5),
        _log((kernel.flop + 1e3) / (moved + 1e2), 20.0, 1.5),
        _log(channels_in, 64.0, 2.0),
        _log(channels_out, 64.0, 2.0),
        _log(spatial, 500.0, 2.5),
        _log(area, 2.0, 1.0),
        (stride - 1.0) * 0.8,
        0.5 if channels_out % 16 else 0.0,
        0.5 if channels_in % 16 else 0.0,
        0.3 * min(len(kernel.fused), 4),
        0.8 * float(np.log2(threads)),
        2.0 * ("f32", "bf16", "int8").index(precision),
        2.0 if runtime == "onnxruntime" else 0.0,
        1.0 if kernel.precision.lower() in ("i8", "u8", "int8") else 0.0,
    ]


@dataclass(frozen=True)
class KernelTime:
    """Predicted time of one kernel [s], its log standard deviation, and whether it was looked up."""

    time_s: float
    deviation: float
    measured: bool


class HostKernels:
    """All kernel times that this host has measured, conditioned once."""

    def __init__(self, profiles: Sequence[Measurement]) -> None:
        seen: dict[tuple[object, ...], list[float]] = {}
        quiet: set[tuple[object, ...]] = set()
        example: dict[tuple[object, ...], tuple[Kernel, int, str, str]] = {}
        self.covered: set[tuple[str, str, int]] = set()
        for row in profiles:
            threads = _threads(row)
            if threads is None or row.config.simd_cap is not None:
                continue
            for kernel in row.kernels:
                if kernel.time_s is None:
                    continue
                key = (row.config.precision, *_signature(kernel, threads, row.config.runtime))
                seen.setdefault(key, []).append(max(kernel.time_s, _SHORT_S / 4))
                example[key] = (kernel, threads, row.config.precision, row.config.runtime)
                self.covered.add((row.config.runtime, row.config.precision, threads))
                if not row.interference.dirty:
                    quiet.add(key)
        self._known = {key: float(np.median(times)) for key, times in seen.items()}
        self._disturbed = set(seen) - quiet
        keys = sorted(example, key=repr)
        keys = keys[:: max(1, -(-len(keys) // _LARGEST))]
        if keys:
            disturbed = np.array([key in self._disturbed for key in keys])
            self._train([example[key] for key in keys], np.array([self._known[key] for key in keys]), disturbed)

    def _train(self, rows: list[tuple[Kernel, int, str, str]], times: Array, disturbed: NDArray[np.bool_]) -> None:
        self._x = np.array([_features(*row) for row in rows])
        nominal = np.array([_nominal_s(row[0], row[1]) for row in rows])
        target = np.log((times + _SHORT_S / 4) / nominal)
        self._mean = float(np.median(target))
        # Short kernels carry counter granularity as noise.
        noise = np.hypot(_NOISE, 0.5 * _SHORT_S / np.maximum(times, _SHORT_S / 4) / 2)
        noise = np.hypot(noise, np.where(disturbed, _DISTURBED, 0.0))
        matrix = self._covariance(self._x, self._x)
        matrix[np.diag_indices_from(matrix)] += noise**2
        self._lower = np.linalg.cholesky(matrix)
        self._weights = np.linalg.solve(self._lower.T, np.linalg.solve(self._lower, target - self._mean))

    @staticmethod
    def _covariance(a: Array, b: Array) -> Array:
        squared = np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2.0 * a @ b.T, 0.0)
        result: Array = _SIGNAL**2 * np.exp(-0.5 * squared / 1.5**2) + _BROAD**2 / (1.0 + squared / 8.0)
        return result

    def threads_near(self, runtime: str, precision: str, threads: int) -> int | None:
        """Measured thread count nearest to ``threads`` (log scale), None where nothing was profiled."""
        counts = [t for r, p, t in self.covered if (r, p) == (runtime, precision)]
        return min(counts, key=lambda t: abs(np.log(t / threads))) if counts else None

    def times(self, kernels: Sequence[Kernel], config: RunConfig, threads: int) -> list[KernelTime]:
        """Time of each kernel at a thread count that :meth:`threads_near` returned."""
        keys = [(config.precision, *_signature(k, threads, config.runtime)) for k in kernels]
        known = [self._known.get(key) for key in keys]
        x = np.array([_features(k, threads, config.precision, config.runtime) for k in kernels])
        cross = self._covariance(x, self._x)
        mean = cross @ self._weights + self._mean
        half = np.linalg.solve(self._lower, cross.T)
        variance = np.maximum(_SIGNAL**2 + _BROAD**2 - (half**2).sum(0), 1e-4)
        nominal = np.array([_nominal_s(k, threads) for k in kernels])
        predicted = np.maximum(nominal * np.exp(mean) - _SHORT_S / 4, 1e-8)
        return [
            KernelTime(float(predicted[i]), float(np.sqrt(variance[i])), False)
            if time_s is None
            else KernelTime(time_s, _DISTURBED if keys[i] in self._disturbed else 0.03, True)
            for i, time_s in enumerate(known)
        ]


def _threads(row: Measurement) -> int | None:
    """Threads of one stream during the profile."""
    if row.effective is not None and row.effective.threads:
        return max(1, row.effective.threads // max(1, row.effective.streams or 1))
    return row.config.threads


def total(times: Sequence[KernelTime]) -> tuple[float, float]:
    """Sum [s] and log standard deviation of the sum: a quarter of each kernel's error is taken as shared."""
    seconds = np.array([item.time_s for item in times])
    deviation = np.array([item.deviation for item in times])
    share = seconds / seconds.sum()
    own = float(((share * deviation) ** 2).sum())
    shared = float((share * deviation).sum() ** 2)
    return float(seconds.sum()), float(np.sqrt(0.75 * own + 0.25 * shared))
