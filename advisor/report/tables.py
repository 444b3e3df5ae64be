"""A campaign as a table: CSV and Parquet with every figure, and models as rows against configurations as columns."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.records.config import LoadMode
from advisor.records.frames import measurement_frame
from advisor.records.measurement import Measurement, TimingMeasurement

from .text import number

COLUMNS = (
    "model", "status", "failure", "runtime", "device", "precision", "mode", "rate_per_s", "batch", "streams_requested",
    "streams_effective", "threads_requested", "threads_effective", "simd_cap", "hint", "requests", "throughput_per_s",
    "avg_time_ms", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "samples", "steady", "dirty",
    "peak_memory_bytes", "memory_baseline_bytes", "memory_per_stream_bytes", "first_inference_s", "read_s",
    "compile_s", "cached_compile_s", "started", "runtime_version", "model_sha256",
    "host_fingerprint",
)  # fmt: skip
"""First columns of the CSV, as version 0.1 wrote them: they keep their names, order and units."""
_OF_FRAME = {
    "device_requested": "device", "precision_requested": "precision", "batch_requested": "batch",
    "hint_requested": "hint", "avg_time_s": "avg_time_ms", "latency_p50_s": "latency_p50_ms",
    "latency_p95_s": "latency_p95_ms", "latency_p99_s": "latency_p99_ms",
}  # fmt: skip
"""Columns of the DataFrame that the CSV calls otherwise; seconds become milliseconds."""


def measurements_csv(measurements: Sequence[Measurement]) -> str:
    """One line per measurement, failures included; empty cells are unknown.

    After :data:`COLUMNS` come the other columns of :func:`~advisor.records.frames.measurement_frame`, named as there.
    """
    frame = measurement_frame(measurements)
    times = [name for name in _OF_FRAME if name.endswith("_s")]
    frame[times] *= 1e3
    frame = frame.rename(columns=_OF_FRAME)
    order = [*COLUMNS, *(name for name in frame.columns if name not in COLUMNS)]
    return frame[order].to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%SZ")


def measurements_parquet(measurements: Sequence[Measurement]) -> bytes:
    """:func:`~advisor.records.frames.measurement_frame` as a Parquet file; schema, version and date are its attributes.

    Raises
    ------
    InputError
        pyarrow, which writes the format, is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            f"Parquet files need pyarrow, which cannot be imported ({error}); run: pip install 'sizer[parquet]'"
        ) from error
    frame = measurement_frame(measurements)
    frame.attrs = {"schema": "sizer.measurements/1", "sizer_version": __version__, "created": utc_now()}
    return frame.to_parquet(None, engine="pyarrow", index=False)


def _mode(item: Measurement) -> LoadMode:
    """How requests arrived: in a profile one after another, and a footprint does not depend on it."""
    return item.mode if isinstance(item, TimingMeasurement) else LoadMode()


@dataclass(frozen=True)
class Cell:
    """One cell of the campaign's table."""

    text: str
    state: str
    """done, disturbed, failed, or empty if nothing was measured."""


def campaign_table(measurements: Sequence[Measurement]) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Models as rows; runtime, device, precision, mode, batch, threads and streams as columns.

    A cell holds median latency, average time of a pass and throughput, or the reason of a failure; a column is there
    when any model has it, and an empty cell was not measured. Two files of one name are two rows, and two measurements
    of one configuration (of two runtime versions) stand in one cell.
    """
    files: dict[str, set[str]] = {}
    for item in measurements:
        files.setdefault(item.model, set()).add(item.model_sha256)
    columns: dict[str, None] = {}
    cells: dict[str, dict[str, list[Cell]]] = {}
    for item in measurements:
        name = _column(item)
        columns[name] = None
        row = item.model if len(files[item.model]) == 1 else f"{item.model} ({item.model_sha256[:8]})"
        cells.setdefault(row, {}).setdefault(name, []).append(_cell(item))
    return list(columns), [
        (model, [_joined(row.get(name, [])) for name in columns]) for model, row in sorted(cells.items())
    ]


def _column(item: Measurement) -> str:
    config, mode = item.config, _mode(item)
    load = mode.kind if mode.rate_per_s is None else f"{mode.kind} {number(mode.rate_per_s)}/s"
    parts = [
        f"{config.runtime} {config.device} {config.precision} {load}",
        f"batch {config.batch}",
        f"{config.streams or 'auto'} streams",
        f"{config.threads or 'auto'} threads",
    ]
    if config.hint != "none":
        parts.append(f"hint {config.hint}")
    if config.requests is not None and config.requests != config.streams:
        parts.append(f"{config.requests} requests")
    if config.simd_cap is not None:
        parts.append(f"at most {config.simd_cap}")
    return ", ".join(parts)


def _cell(item: Measurement) -> Cell:
    timing = item.timing if isinstance(item, TimingMeasurement) else None
    if timing is None:
        return Cell(f"{item.status}: {item.failure or 'no reason recorded'}", item.status)
    dirty = item.interference.dirty
    mark = " (disturbed)" if dirty else ""
    text = (
        f"{number(timing.p50.value_s * 1e3)} ms, {number(timing.avg_time_s * 1e3)} ms, "
        f"{number(timing.throughput_per_s)} FPS{mark}"
    )
    return Cell(text, "disturbed" if dirty else "done")


def _joined(cells: Sequence[Cell]) -> Cell:
    states = [cell.state for cell in cells]
    worst = next((state for state in ("failed", "disturbed") if state in states), "done" if cells else "")
    return Cell("; ".join(cell.text for cell in cells), worst)
