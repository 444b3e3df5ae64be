"""What was measured here, as a correction of what would be predicted: Bayesian shrinkage towards none.

Each measurement says how far the prediction is off (log ratio); the correction anywhere is the posterior mean of a sum
of effects shared between alike measurements. With no anchor it is zero with the prior's width, with many it is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Standard deviations (log) of what two measurements share; sizes from the held-out errors of the published machines.
MACHINE, RUNTIME, PRECISION, MODE, ALIKE, MODEL, EXACT = 0.15, 0.15, 0.10, 0.08, 0.12, 0.15, 0.10
ACROSS = 0.1
"""Factor on their products between a prediction from measured kernels and one without: they share little."""

# The same between predictions that are sums of measured kernels, near the wall time already: what is left is what
# kernels do to each other. Sizes from whole families left out on one machine (docs/accuracy.md).
K_MACHINE, K_RUNTIME, K_PRECISION, K_MODEL, K_EXACT = 0.03, 0.04, 0.03, 0.05, 0.04
K_SETTING = 0.07
"""Shared by all networks in one setting of threads, streams and batch."""
K_ALIKE = 0.08
"""Shared in one setting by networks of like length and like kernels."""
_SETTING_SCALE = np.array([0.5, 0.4, 1.0])
"""Logarithm of threads, streams and batch over which a setting's effect is forgotten."""
_MIX_SCALE = np.array([1.0, 0.25, 0.35])
"""The same for :attr:`Anchor.mix`."""


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
    mix: tuple[float, float, float] | None = None
    """Where the prediction came from kernels measured here: logarithm of its time on one stream [s], shares of
    memory-bound and of depthwise kernels in it."""


class AnchorArrays:
    """Anchors as arrays: covariances of a query with all of them at once."""

    def __init__(self, anchors: Sequence[Anchor]) -> None:
        self.features = np.array([a.model_features for a in anchors])
        self.setting = np.array([(a.log_threads, a.log_streams, a.log_batch) for a in anchors])
        self.model = np.array([a.model for a in anchors])
        self.runtime = np.array([a.runtime for a in anchors])
        self.precision = np.array([a.precision for a in anchors])
        self.by_kernels = np.array([a.mix is not None for a in anchors])
        self.mix = np.array([a.mix or (0.0, 0.0, 0.0) for a in anchors])

    def shared(self, query: Anchor) -> Array:
        """Covariance of the corrections of all anchors with that of the query."""
        same_runtime = (self.runtime == query.runtime).astype(np.float64)
        same_precision = (self.precision == query.precision) * same_runtime
        same_model = (self.model == query.model).astype(np.float64)
        apart = self.setting - np.array([query.log_threads, query.log_streams, query.log_batch])
        config = np.exp(-0.5 * (apart**2 @ np.array([1.0, 1.0, 0.5])))
        alike = np.exp(-0.5 * ((self.features - query.model_features) ** 2).sum(1))
        half = 0.5 + 0.5 * same_precision
        machine = MACHINE**2 + RUNTIME**2 * same_runtime + PRECISION**2 * same_precision + MODE**2 * config
        model = (ALIKE**2 * alike + MODEL**2 * same_model) * half
        exact = EXACT**2 * same_model * same_precision * config
        if query.mix is None:
            scaled: Array = np.where(self.by_kernels, ACROSS, 1.0) * (machine + model + exact)
            return scaled
        setting = np.exp(-0.5 * ((apart / _SETTING_SCALE) ** 2).sum(1)) * same_runtime
        like = np.exp(-0.5 * (((self.mix - np.array(query.mix)) / _MIX_SCALE) ** 2).sum(1))
        k_model = K_MODEL**2 * same_model * half
        by_kernels = (
            K_MACHINE**2
            + K_RUNTIME**2 * same_runtime
            + K_PRECISION**2 * same_precision
            + (K_SETTING**2 + K_ALIKE**2 * like) * setting
            + K_EXACT**2 * same_model * same_precision * setting
        )
        whole: Array = np.where(self.by_kernels, by_kernels + k_model, ACROSS * (machine + model + exact))
        return whole


_FAR = 100.0


def _stranger(query: Anchor) -> Anchor:
    """A network of no likeness in the same runtime, precision and setting."""
    mix = None if query.mix is None else (query.mix[0] + _FAR, query.mix[1] + _FAR, query.mix[2] + _FAR)
    return replace(query, model=f"not {query.model}", model_features=query.model_features + _FAR, mix=mix)


class Anchors:
    """A set of anchors, conditioned once; ``sharing``: factor on all standard deviations above (calibration.py)."""

    def __init__(self, anchors: list[Anchor], sharing: float = 1.0) -> None:
        self.anchors, self._sharing = anchors, sharing**2
        if anchors:
            self._batch = AnchorArrays(anchors)
            matrix = self._sharing * np.array([self._batch.shared(a) for a in anchors])
            matrix[np.diag_indices_from(matrix)] += np.array([a.noise**2 for a in anchors])
            self._inverse = np.linalg.inv(matrix)
            self._weights = self._inverse @ np.array([a.log_ratio for a in anchors])

    def correction(self, query: Anchor) -> tuple[float, float]:
        """Expected log ratio at ``query`` on this machine and its standard deviation."""
        prior = self._sharing * float(AnchorArrays([query]).shared(query)[0])
        if not self.anchors:
            return 0.0, float(np.sqrt(prior))
        cross = self._sharing * self._batch.shared(query)
        variance = max(prior - float(cross @ self._inverse @ cross), 1e-4)
        return float(cross @ self._weights), float(np.sqrt(variance))

    def machine_share(self, query: Anchor) -> float:
        """Share of the correction's variance that another network in the same setting has in common with it.

        Posterior covariance with a network that is like the one in question in nothing but runtime, precision and
        setting, over the variance of the correction itself; what is left is the model's own. Derived here.
        """
        stranger = _stranger(query)
        single = AnchorArrays([query])
        variance, common = float(single.shared(query)[0]), float(single.shared(stranger)[0])
        if self.anchors:
            cross, of_stranger = (self._sharing * self._batch.shared(item) for item in (query, stranger))
            gain = self._inverse @ cross
            common = self._sharing * common - float(of_stranger @ gain)
            variance = max(self._sharing * variance - float(cross @ gain), 1e-4)
        return float(np.clip(common / variance, 0.0, 1.0))
