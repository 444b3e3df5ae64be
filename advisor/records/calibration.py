"""The fitted performance model as plain numbers (schema sizer.calibration/1): no pickle, no code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, Fraction, PositiveCount, Quantity, Record
from .machine import MachineSpec


class FittedMachine(Record):
    """A machine whose published figures went into the fit, as the features that the fit saw."""

    id: str
    simd: str
    features: tuple[float, ...]
    chip_features: tuple[float, ...]
    signature: tuple[float, ...]
    """Figures of the chip itself (cores, clocks, width, cache), by which a box with the same chip is recognised."""


class FittedRow(Record):
    """One published figure inside the residual process, with the weight that it has in every prediction."""

    machine: Count
    model: Count
    precision: Count
    mode: Count
    era: Count
    log_time: float
    """Logarithm of the published time [s]: per input (throughput) or per pass (latency)."""
    weight: float


class ErrorBand(Record):
    """Quantiles of log(true time / predicted time) on machines that were left out."""

    key: str
    """``simd/precision/mode``, with ``*`` for all."""
    low: float
    high: float
    machine_share: Fraction = 0.5
    """Share of the errors' variance that all models on a machine have in common; a half in files that state none."""
    machines: PositiveCount
    """Units of which errors are known; of a class of power all machines of that power, which stand for it."""
    rows: PositiveCount


class AccuracyRow(Record):
    """Held-out error of one group of predictions."""

    group: str
    precision: str
    mode: str
    anchors: Count
    machines: PositiveCount
    rows: PositiveCount
    median_pct: Quantity
    mean_pct: Quantity
    within_20: Fraction
    coverage: Fraction | None = None
    """Share of the held-out rows inside P10-P90."""


class TransferCalibration(Record):
    """``profiles/calibration/transfer.json``."""

    schema_: Annotated[Literal["sizer.calibration/1"], Field(alias="schema")] = "sizer.calibration/1"
    sizer_version: str
    created: str
    command: str
    data_sha256: str
    """Over the published table and the work tables."""
    parameters: dict[str, float]
    scales: dict[str, float]
    machines: tuple[FittedMachine, ...]
    ordered: tuple[MachineSpec, ...]
    """Bare chips of the catalogue among which one that is better in every field is never predicted slower."""
    models: tuple[str, ...]
    eras: tuple[str, ...]
    reference_era: str
    rows: tuple[FittedRow, ...]
    bands: tuple[ErrorBand, ...]
    probability_resolution: Fraction = 0.05
    """Half width of what the reliability table can tell apart near P = 0.9: probabilities that differ by less are
    equal as far as anyone knows. The value of a file that states none is about what 60 machines can show."""
    accuracy: tuple[AccuracyRow, ...] = ()
