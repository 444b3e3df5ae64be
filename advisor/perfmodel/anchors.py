"""What was measured here, as a correction of what would be predicted: Bayesian shrinkage towards none.

Each measurement says how far the prediction is off (log ratio); the correction anywhere is the posterior mean of a sum
of effects shared between alike measurements. With no anchor it is zero with the prior's width, with many it is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Standard deviations (log) of what two measurements share; sizes from the held-out errors of the published machines.
MACHINE, RUNTIME, PRECISION, MODE, ALIKE, MODEL, EXACT = 0.15, 0.15, 0.10, 0.08, 0.12, 0.15, 0.10
KERNEL_SHARE = 0.35
"""Factor on all of them where kernels were measured: their sum is near the wall time already."""


@dataclass(frozen=True)
class Anchor:
    """One measurement against its prediction."""

    model: str
    model_features: Array
    runtime: str
    precision: int
    log_threads: float
    log_streams: float
    log_batch: float
    log_ratio: float = 0.0
    noise: float = 0.03
    by_kernels: bool = False
    """Whether the prediction came from kernels measured here: then it shares little with one that did not."""


def _shared(a: Anchor, b: Anchor) -> tuple[float, float]:
    """Covariance of the whole correction, and of its part that belongs to the model and not to the machine."""
    same_precision = float(a.precision == b.precision)
    same_runtime = float(a.runtime == b.runtime)
    config = np.exp(
        -0.5
        * (
            (a.log_threads - b.log_threads) ** 2
            + (a.log_streams - b.log_streams) ** 2
            + 0.5 * (a.log_batch - b.log_batch) ** 2
        )
    )
    alike = np.exp(-0.5 * float(((a.model_features - b.model_features) ** 2).sum()))
    machine = MACHINE**2 + RUNTIME**2 * same_runtime + PRECISION**2 * same_precision * same_runtime + MODE**2 * config
    model = (ALIKE**2 * alike + (MODEL**2 if a.model == b.model else 0.0)) * (0.5 + 0.5 * same_precision * same_runtime)
    exact = EXACT**2 * float(a.model == b.model) * same_precision * same_runtime * config
    scale = (KERNEL_SHARE if a.by_kernels else 1.0) * (KERNEL_SHARE if b.by_kernels else 1.0)
    if a.by_kernels != b.by_kernels:
        scale *= 0.3
    return float(scale * (machine + model + exact)), float(scale * model)


class Anchors:
    """A set of anchors, conditioned once."""

    def __init__(self, anchors: list[Anchor]) -> None:
        self.anchors = anchors
        if anchors:
            matrix = np.array([[_shared(a, b)[0] for b in anchors] for a in anchors])
            matrix[np.diag_indices_from(matrix)] += np.array([a.noise**2 for a in anchors])
            self._inverse = np.linalg.inv(matrix)
            self._weights = self._inverse @ np.array([a.log_ratio for a in anchors])

    def correction(self, query: Anchor) -> tuple[float, float]:
        """Expected log ratio at ``query`` on this machine and its standard deviation."""
        prior = _shared(query, query)[0]
        if not self.anchors:
            return 0.0, float(np.sqrt(prior))
        cross = np.array([_shared(query, a)[0] for a in self.anchors])
        variance = max(prior - float(cross @ self._inverse @ cross), 1e-4)
        return float(cross @ self._weights), float(np.sqrt(variance))

    def model_part(self, query: Anchor) -> float:
        """The part of the correction that travels with the model to other machines."""
        if not self.anchors:
            return 0.0
        cross = np.array([_shared(query, a)[1] for a in self.anchors])
        return float(cross @ self._weights)
