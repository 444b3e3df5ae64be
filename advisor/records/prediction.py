"""What is believed about one model in one configuration on one platform."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Evidence, Fraction, Interval, PositiveQuantity, Quantity, Record
from .config import RunConfig

Bottleneck = Literal[
    "compute", "l2_bandwidth", "l3_bandwidth", "memory_bandwidth", "overhead", "synchronisation", "unknown"
]


class KernelCost(Record):
    """One of the kernels that cost most."""

    name: str
    type: str
    time_s: float
    share: float
    bound: Bottleneck
    basis: Literal["measured", "predicted"]


class ServiceEstimate(Record):
    """Time that one request holds its cores when nothing else runs, and what it demands meanwhile.

    ``latency_s`` is one request of ``config.batch`` on the threads of one inference stream, with that many streams
    busy when ``config.streams`` > 1 (so contention between a model's own streams is inside).
    """

    platform: str
    model: str
    config: RunConfig
    latency_s: Interval
    throughput_per_s: Interval
    """Inputs per second with all streams busy."""
    core_s: Interval
    """Core time of one request: what it takes from the other stages."""
    alone_s: Interval | None = None
    """Time of one request while all other cores idle; None: it takes all cores, or it is not known."""
    full_s: Interval | None = None
    """Time of one request while all other cores work, where ``config`` leaves some idle; None: as ``latency_s``."""
    contention_rise: tuple[Fraction, ...] = ()
    """Share of the way from ``alone_s`` to ``full_s`` that is gone with 1/n, 2/n, ... of the other cores busy; empty:
    in proportion."""
    cold_s: Interval | None = None
    """What a pass takes longer after a pause, where that was measured with this model; None: not measured."""
    pass_sigma: float | None = None
    """Spread of single requests around ``latency_s`` (standard deviation of the logarithm); None: not measured."""
    moment_sigma: float | None = None
    """The part of it that lies between moments of the machine, where many were measured; None: not known."""
    machine_share: Fraction = 0.5
    """Share of the variance of log(``latency_s``) that all models on this machine have in common; the rest is this
    model's own."""
    memory_bytes: Interval
    bandwidth_bytes: float
    """Bytes moved from main memory by one request, as an estimate."""
    bottleneck: Bottleneck
    evidence: Evidence
    nearest_measured: str | None
    extrapolated: bool
    stand_in: bool
    kernels: tuple[KernelCost, ...] = ()
    notes: tuple[str, ...] = ()


class CostEstimate(Record):
    """Core time of one unit of work that is not a model: a decoded frame, a prepared input, a call."""

    core_s: Interval
    evidence: Evidence
    notes: tuple[str, ...] = ()
    contention: Quantity = 0.0
    """Added time with all other cores in the same work, as a share of ``core_s``, where that was measured; 0 also where
    ``core_s`` is that of a machine whose cores are all busy."""
    key_factor: PositiveQuantity | None = None
    """Decode time of a key frame over that of the others, where that was measured."""


class Prediction(Record):
    """One row of ``sizer predict --json``."""

    platform: str
    model: str
    config: RunConfig
    throughput_fps: Interval | None
    latency_ms: Interval | None
    evidence: Evidence
    nearest_measured: str | None
    bottleneck: Bottleneck
    extrapolated: bool
    stand_in: bool
    memory_bytes: Interval | None = None
    kernels: tuple[KernelCost, ...] = ()
    notes: tuple[str, ...] = ()


class PredictionReport(Record):
    """``sizer predict --json``."""

    schema_: Annotated[Literal["sizer.prediction/1"], Field(alias="schema")] = "sizer.prediction/1"
    sizer_version: str
    created: str
    predictions: tuple[Prediction, ...]
