"""What `sizer import` makes of files of other programs: figures that others report, and notes on what was left out."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

from pydantic import Field

from .base import KeyedRecord, PositiveCount, PositiveQuantity, Precision, Record, ValueKind


class ReportedFigure(KeyedRecord):
    """One result of another program on a named machine.

    It is no :class:`~advisor.records.measurement.Measurement`: reports name neither the model's bytes nor the machine's
    facts, and say nothing of disturbance. ``missing`` lists what would be needed.
    """

    machine: str
    """Id of a platform or processor of the catalogue, as stated by whoever imported the report."""
    model: str
    """As the report names it."""
    runtime: str
    device: str | None = None
    precision: Precision | None = None
    batch: PositiveCount | None = None
    mode: Literal["sync", "async"] | None = None
    requests: PositiveCount | None = None
    """Requests in flight."""
    streams: PositiveCount | None = None
    threads: PositiveCount | None = None
    throughput_per_s: PositiveQuantity
    """Inputs per second."""
    latency_avg_s: PositiveQuantity | None = None
    latency_min_s: PositiveQuantity | None = None
    latency_max_s: PositiveQuantity | None = None
    latency_p50_s: PositiveQuantity | None = None
    latency_p90_s: PositiveQuantity | None = None
    latency_p95_s: PositiveQuantity | None = None
    latency_p99_s: PositiveQuantity | None = None
    passes: PositiveCount | None = None
    duration_s: PositiveQuantity | None = None
    kind: ValueKind = "measured"
    """Measured, by the program named in ``source``; sizer was not there."""
    source: str
    """Program, file and line."""
    observed: datetime.date | None = None
    """Day of the measurement, where it is known."""
    missing: tuple[str, ...] = ()
    """What keeps it from being a measurement of sizer's own."""


class ImportNote(Record):
    """Something that an import did not carry over as it stood."""

    place: str
    """Line and key of the file, or ``-`` for what no file says."""
    kind: Literal["left out", "assumed", "to fill in", "secret removed"]
    reason: str


class ImportReport(Record):
    """``sizer import --json``."""

    schema_: Annotated[Literal["sizer.import/1"], Field(alias="schema")] = "sizer.import/1"
    sizer_version: str
    created: str
    file: str
    format: str
    dry_run: bool
    scenario: str | None = None
    """File that was written, or would be."""
    cameras: int = 0
    stages: int = 0
    figures: tuple[ReportedFigure, ...] = ()
    added: int = 0
    """Figures that the store did not hold before."""
    notes: tuple[ImportNote, ...] = ()
