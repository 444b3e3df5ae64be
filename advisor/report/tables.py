"""A campaign as a table: CSV with every figure, and models as rows against configurations as columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.records.config import LoadMode
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


def measurements_csv(measurements: Sequence[Measurement]) -> str:
    """One line per measurement, failures included; empty cells are unknown."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in measurements:
        writer.writerow(["" if value is None else value for value in _values(item)])
    return target.getvalue()


def _values(item: Measurement) -> list[object]:
    config, effective = item.config, item.effective
    mode = _mode(item)
    figures: list[object] = [None] * 15
    if isinstance(item, TimingMeasurement) and item.timing is not None:
        timing, footprint = item.timing, item.footprint
        figures = [
            timing.throughput_per_s, timing.avg_time_s * 1e3, timing.p50.value_s * 1e3, timing.p95.value_s * 1e3,
            timing.p99.value_s * 1e3, timing.samples, timing.steady, item.interference.dirty, item.peak_memory_bytes,
            None if footprint is None or footprint.peak_bytes is None else footprint.baseline_bytes,
            None if footprint is None else footprint.per_stream_bytes, timing.first_inference_s, timing.read_s,
            timing.compile_s, None if footprint is None else footprint.cached_compile_s,
        ]  # fmt: skip
    return [
        item.model, item.status, item.failure, config.runtime, config.device, config.precision, mode.kind,
        mode.rate_per_s, config.batch, config.streams, None if effective is None else effective.streams,
        config.threads, None if effective is None else effective.threads, config.simd_cap, config.hint, config.requests,
        *figures, item.started, None if effective is None else effective.runtime_version, item.model_sha256,
        item.host_fingerprint,
    ]  # fmt: skip


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
