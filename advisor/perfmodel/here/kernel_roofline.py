r"""Nominal time of a kernel: a sum of parts that all kernels of a kind share, fitted to those that were timed.

.. math::

    t = \frac{w}{n r} + \frac{a}{n} \left(\frac{1}{b_2} + \frac{h_2}{b_3} + \frac{h_3}{b_m}\right) + \frac{v}{n b_v}
        + \frac{e}{n x} + \frac{o}{n y} + k + l \log_2 n + \left(1 - \frac{1}{n}\right) (s_w w + s_m (a + v)), \quad
        h_i = \frac{a / n}{a / n + c_i}

with w operations, a bytes of activations, v bytes of weights, e exponentials, o elements to put in order, n threads;
h the share of the activations that leaves the second- or third-level cache (c_2 = 1 MB, c_3 = 16 MB). On one thread a
roofline without overlap [Williams et al. 2009]; what does not spread over threads is Amdahl's share, and l what each
kernel loses to waiting for all threads. Coefficients are positive and fitted to the logarithm of the times, robustly
(Cauchy's weights), with a log-normal prior around round numbers: a runtime, precision and kind of kernel of which
little was timed stays there. Derived here: the arrangement of these parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2, prod

import numpy as np
from numpy.typing import NDArray

from advisor.records.model import Kernel

Array = NDArray[np.float64]

_L2_BYTES, _L3_BYTES = 1e6, 1.6e7
PRIOR = 1.0 / np.array([1e11, 4e10, 4e10, 2e10, 2e10, 4e9, 3e8, 1 / 1.5e-6, 1 / 2e-6, 2e12, 1.5e11])
"""Coefficients of :func:`parts` where nothing was timed: 100 GFLOP/s, 40, 40 and 20 GB/s of activations, 20 GB/s of
weights, 4e9 exponentials per second, ten cycles for each element that is put in order (branches that no processor can
foretell), 1.5 us per kernel, 2 us of waiting, a twentieth of the work and a tenth of the traffic on one thread."""
_PRIOR_DEVIATION = 1.5
"""Standard deviation (log) of that prior: a factor 4.5."""
_TOLERANCE = 0.25
"""Deviation (log) beyond which a kernel weighs less: shapes differ by so much around any such formula."""
_STEPS = 30
_HEAVY = frozenset({"Multiply", "Sigmoid", "Swish", "Tanh", "Erf", "Exp", "Gelu", "SoftPlus", "Mish", "Elu"})
"""Activations that take exponentials; a fused Multiply ends SiLU or GELU."""
_CASTS = frozenset({"Convert", "ConvertSaturation", "FakeQuantize"})
"""Fused behind an activation where the next kernel wants other numbers."""


def activation(kernel: Kernel) -> str:
    """Last operation that was fused into a kernel, but for casts; empty where there is none."""
    return next((operation for operation in reversed(kernel.fused[1:]) if operation not in _CASTS), "")


def weights_read(kernel: Kernel) -> float:
    """Bytes of weights that a pass reads: a gather reads the rows that it puts out, not its table."""
    return min(kernel.weight_bytes, kernel.output_bytes) if kernel.type == "gather" else kernel.weight_bytes


def exponentials(kernel: Kernel) -> float:
    """Exponentials that a kernel takes: one per element of its activation, of a softmax, of attention's scores."""
    if kernel.type == "attention" and kernel.input_shape and kernel.input_shape[-1] > 0:
        # Two products of queries x keys x width of a head: keys may be fewer than queries, axes in any order.
        return kernel.flop / (4.0 * kernel.input_shape[-1])
    heavy = kernel.type == "softmax" or activation(kernel) in _HEAVY
    return float(prod(kernel.output_shape)) if heavy else 0.0


def parts(kernel: Kernel, threads: int) -> list[float]:
    """What each coefficient is multiplied with, in the order of the formula."""
    near = (kernel.input_bytes + kernel.output_bytes) / threads
    weights = weights_read(kernel)
    alone = 1.0 - 1.0 / threads
    return [
        kernel.flop / threads,
        near,
        near * near / (near + _L2_BYTES),
        near * near / (near + _L3_BYTES),
        weights / threads,
        exponentials(kernel) / threads,
        float(prod(kernel.input_shape)) / threads if kernel.type == "detection" else 0.0,
        1.0,
        log2(threads),
        alone * kernel.flop,
        alone * (kernel.input_bytes + kernel.output_bytes + weights),
    ]


class NominalTime:
    """Coefficients of one kind of kernel in one runtime and precision."""

    def __init__(self, coefficients: Array = PRIOR) -> None:
        self.coefficients = coefficients

    @classmethod
    def fit(cls, kernels: Sequence[Kernel], threads: Sequence[int], times_s: Array, deviations: Array) -> NominalTime:
        """Fit to timed kernels: Gauss-Newton on the logarithms of the coefficients, reweighted at each step.

        ``deviations``: deviation (log) of each time for what other load may have added.
        """
        table = np.array([parts(kernel, count) for kernel, count in zip(kernels, threads, strict=True)])
        target = np.log(times_s)
        theta = np.zeros(len(PRIOR))
        for _ in range(_STEPS):
            shares = table * (PRIOR * np.exp(theta))
            total = shares.sum(axis=1)
            slope = shares / total[:, None]
            left = target - np.log(total)
            weight = 1.0 / (_TOLERANCE**2 + deviations**2 + left**2)
            matrix = (slope * weight[:, None]).T @ slope + np.eye(len(theta)) / _PRIOR_DEVIATION**2
            step = np.linalg.solve(matrix, slope.T @ (weight * left) - theta / _PRIOR_DEVIATION**2)
            theta = theta + np.clip(step, -1.0, 1.0)
            if np.abs(step).max() < 1e-3:
                break
        return cls(PRIOR * np.exp(theta))

    def times_s(self, kernels: Sequence[Kernel], threads: Sequence[int]) -> Array:
        """Nominal times [s]."""
        table = np.array([parts(kernel, count) for kernel, count in zip(kernels, threads, strict=True)])
        result: Array = table @ self.coefficients
        return result
