"""Variants of models compared on one machine: the document of ``sizer compare``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, Fraction, PositiveCount, PositiveQuantity, Quantity, Record
from .config import EffectiveConfig, RunConfig


class Ratio(Record):
    """Median over paired rounds, with its 95 % interval."""

    value: PositiveQuantity
    lower: PositiveQuantity | None
    upper: PositiveQuantity | None
    """None: fewer than six rounds give no interval."""
    pairs: PositiveCount


class Agreement(Record):
    """How far the answers of a variant to the user's own inputs are those of the model in f32."""

    kind: Literal["top-1", "boxes", "tensors"]
    """``top-1``: share of inputs with the same best class. ``boxes``: share of all boxes, of both, that the other
    finds, too (overlap over union of at least a half). ``tensors``: mean cosine of the outputs."""
    value: Fraction
    inputs: PositiveCount
    compared: Count
    """Classes, boxes of both, or tensors that entered."""
    against: str
    """Label of the variant in f32."""


class VariantResult(Record):
    """One variant: what was requested and granted, what it took, and how that compares with the baseline."""

    key: str
    """Of its measurement in the store; empty where its runtime is not installed."""
    label: str
    """Words that tell it from the other variants of its model."""
    model: str
    config: RunConfig
    effective: EffectiveConfig | None = None
    mode: Literal["sync", "async"]
    baseline: bool = False
    status: Literal["done", "failed", "left_out"]
    failure: str | None = None
    """Why there are no figures, in one line: refusal, crash, no such package, no time."""
    simd: str
    """``as the processor`` , the cap, or why it cannot be capped."""
    rounds: Count = 0
    disturbed_rounds: Count = 0
    time_ms: PositiveQuantity | None = None
    """Median over rounds of the time per input [ms]."""
    time_lower_ms: PositiveQuantity | None = None
    time_upper_ms: PositiveQuantity | None = None
    """95 % interval of that median [ms]; None: fewer than six rounds."""
    p95_ms: PositiveQuantity | None = None
    """Median over rounds of the 95th percentile of a pass [ms]."""
    throughput_per_s: PositiveQuantity | None = None
    time_ratio: Ratio | None = None
    """Time per input over that of the baseline, from paired rounds."""
    model_bytes: Quantity | None = None
    """Peak resident memory above that of the worker before it read the model [B]."""
    process_bytes: Quantity | None = None
    """Peak resident memory of the whole worker, with interpreter and runtime [B]."""
    memory_ratio: PositiveQuantity | None = None
    """``model_bytes`` over that of the baseline."""
    process_ratio: PositiveQuantity | None = None
    compile_s: Quantity | None = None
    agreement: Agreement | None = None
    accuracy_note: str
    """What is known of its answers, in words; that accuracy was not judged, if it was not."""


class PrecisionGain(Record):
    """What a precision changes within one runtime and configuration, against f32."""

    model: str
    label: str
    """Variant in the narrower precision."""
    against: str
    time_ratio: Ratio
    memory_ratio: PositiveQuantity | None = None
    process_ratio: PositiveQuantity | None = None
    agreement: Agreement | None = None


class Comparison(Record):
    """``sizer compare --json``."""

    schema_: Annotated[Literal["sizer.comparison/1"], Field(alias="schema")] = "sizer.comparison/1"
    sizer_version: str
    created: str
    host_fingerprint: str
    machine: str
    """Processor, usable cores, SIMD level."""
    load_at_start: Quantity | None = None
    """Load average over one minute before the first turn."""
    versions: dict[str, str] = {}
    """Of the runtimes that were compared."""
    rounds_wanted: PositiveCount
    variants: tuple[VariantResult, ...]
    gains: tuple[PrecisionGain, ...] = ()
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    took_s: Quantity
