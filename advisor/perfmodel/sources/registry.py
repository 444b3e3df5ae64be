"""The shipped chain of evidence: the one list in which a new source is entered."""

from __future__ import annotations

from .analytic import AnalyticTime
from .caveats import UnknownKernels
from .context import ShippedSource
from .host_anchors import AnchorCorrection
from .host_kernels import KernelSum
from .host_measurement import DirectMeasurement
from .published import PublishedResidual
from .runtime_ratio import RuntimeRatio
from .unpublished_model import UnpublishedModel

CHAIN: tuple[type[ShippedSource], ...] = (
    AnalyticTime,
    PublishedResidual,
    UnpublishedModel,
    RuntimeRatio,
    KernelSum,
    AnchorCorrection,  # after the kernels, since it corrects their sum where there is one
    DirectMeasurement,
    UnknownKernels,
)
"""From the least to the most specific, then the caveats."""


def predicts(device: str) -> bool:
    """Whether any shipped source speaks of a runtime's device."""
    return any(source.speaks_of(device) for source in CHAIN)
