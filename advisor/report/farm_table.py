"""A farm's campaign as DLI shows one: CSV with its headings and semicolons, and a page."""

from __future__ import annotations

import csv
import io
from typing import Any

from advisor.records.farm import FarmRow, FarmTable

from .text import number

_PRECISIONS = {"f32": "FP32", "bf16": "BF16", "f16": "FP16", "int8": "INT8"}
_STATUS = {"success": "Success", "failed": "Failed", "lost": "Lost", "missing": "Missing"}
HEADINGS = (
    "Status", "Topology name", "Inference Framework", "Precision", "Batch size", "Mode", "Parameters", "Infrastructure",
    "Average time of single pass (s)", "Latency", "FPS",
    "Box", "Device", "Streams", "Threads", "Requests", "Latency P95 (s)", "Latency P99 (s)", "Peak memory (MiB)",
    "Disturbed", "Failure", "Started (UTC)", "Framework version", "Model SHA-256",
)  # fmt: skip
"""DLI's headings first, named as there; what it has no heading for follows."""


def table_csv(table: FarmTable) -> str:
    """One line per test in the table's order; empty cells are unknown. ``sizer import dli`` reads that of one box."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=";", lineterminator="\n")
    writer.writerow(HEADINGS)
    for row in table.rows:
        writer.writerow(_cells(row))
    return stream.getvalue()


def _cells(row: FarmRow) -> list[str]:
    config = row.config
    return [
        _STATUS[row.status],
        row.model if row.kind == "timing" else f"{row.model} (memory)",
        config.runtime,
        _PRECISIONS[config.precision],
        str(config.batch),
        "" if row.kind == "footprint" else mode_words(row),
        _parameters(row),
        row.infrastructure,
        *(_figure(value) for value in (row.avg_time_s, row.latency_p50_s, row.throughput_per_s)),
        row.box,
        config.device,
        _count(row.streams if row.streams is not None else config.streams),
        _count(row.threads if row.threads is not None else config.threads),
        _count(config.requests),
        *(_figure(value) for value in (row.latency_p95_s, row.latency_p99_s)),
        "" if row.peak_memory_bytes is None else f"{row.peak_memory_bytes / 2**20:.1f}",
        "yes" if row.disturbed else "no" if row.status == "success" else "",
        row.failure or "",
        row.started or "",
        row.runtime_version or "",
        row.model_sha256,
    ]


def mode_words(row: FarmRow) -> str:
    """How requests arrived, in DLI's words where it has one."""
    words = {"sync": "Sync", "async": "Async", "paced": "Paced", "rested": "Rested"}[row.mode.kind]
    return words if row.mode.rate_per_s is None else f"{words} {number(row.mode.rate_per_s)}/s"


def _parameters(row: FarmRow) -> str:
    """Settings as DLI writes them into one cell, as requested."""
    config = row.config
    named = {
        "Device": config.device,
        "Async request count": config.requests if row.mode.kind == "async" else None,
        "Thread count": config.threads,
        "Stream count": config.streams,
        "Hint": None if config.hint == "none" else config.hint,
        "SIMD cap": config.simd_cap,
        "Core type": config.core_type,
        "Layout": config.layout,
    }
    return ", ".join(f"{name}: {value}" for name, value in named.items() if value is not None)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def render_farm_html(table: FarmTable) -> str:
    """Lay out a campaign as a page: how each box came out, then every test."""
    from .html import environment

    rows = [
        {
            "cells": [
                row.model if row.kind == "timing" else f"{row.model} (memory)",
                row.box,
                f"{row.config.runtime} {row.config.device}",
                _PRECISIONS[row.config.precision],
                "" if row.kind == "footprint" else mode_words(row),
            ],
            "figures": [
                str(row.config.batch),
                _count(row.streams if row.streams is not None else row.config.streams),
                _count(row.threads if row.threads is not None else row.config.threads),
                _ms(row.latency_p50_s),
                _ms(row.latency_p95_s),
                number(row.throughput_per_s) if row.throughput_per_s is not None else "",
                "" if row.peak_memory_bytes is None else f"{row.peak_memory_bytes / 2**20:.0f}",
            ],
            "status": _words(row),
            "state": {"success": "warn" if row.disturbed else "good", "failed": "bad"}.get(row.status, "warn"),
        }
        for row in table.rows
    ]
    context: dict[str, Any] = {
        "title": f"{table.title}: {len(table.boxes)} boxes",
        "table": table,
        "rows": rows,
        "boxes": [_summary(table, box.name) | {"box": box} for box in table.boxes],
    }
    return environment().get_template("farm.html.j2").render(context)


def _ms(value_s: float | None) -> str:
    return "" if value_s is None else number(value_s * 1e3)


def _words(row: FarmRow) -> str:
    if row.status == "success":
        return "disturbed" if row.disturbed else "ok"
    return f"{row.status}: {row.failure}"


def _summary(table: FarmTable, box: str) -> dict[str, Any]:
    of_box = [row for row in table.rows if row.box == box]
    counts = {name: sum(row.status == name for row in of_box) for name in ("success", "failed", "lost", "missing")}
    return {"counts": counts, "infrastructure": of_box[0].infrastructure if of_box else "nothing was listed"}
