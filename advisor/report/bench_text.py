"""What ``sizer bench`` prints: each measurement, or where there are many a summary of the machine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from advisor.records.measurement import BenchReport, BenchRow, MicroBenchmark

from .layout import BAD, GOOD, UNSURE, Cells, Column, Table, heading, paragraph, section, styled
from .text import config_line, counted, number

FEW_ROWS = 24
"""Measurements that are printed one by one; more are summarised unless details are asked for."""
MOST_NETWORKS = 12
"""Networks that a summary lists."""
FEW_LEFT_OUT = 10
"""Items that were not measured of which ``sizer bench`` prints the names; more are counted."""
_THREADS = re.compile(r"/t([0-9]+)$")
_MACHINE = {"peak": "arithmetic", "bandwidth": "bandwidth"}
"""Micro-benchmarks that describe a machine to a person; the others are for the performance model."""
_READABLE = {"FLOP/s": ("GFLOP/s", 1e-9), "B/s": ("GB/s", 1e-9)}


def render_bench(report: BenchReport, *, details: bool = False) -> RenderableType:
    """``sizer bench``: every measurement where they are few or ``details`` are asked for, else a summary."""
    rows = len(report.measurements) + len(report.micro)
    if details or rows <= FEW_ROWS:
        parts: list[RenderableType] = (
            [_measurements(report)] if report.measurements else [Text("no model was measured")]
        )
        if report.micro:
            parts += [heading("Micro-benchmarks"), _micro(report.micro)]
    else:
        parts = _summary(report)
    failures = [
        *[f"{item.model}, {config_line(item.config)}: {item.failure}" for item in report.measurements if item.failure],
        *[f"{item.name}: {item.failure}" for item in report.micro_failures],
    ]
    parts += section("Failed", failures)
    parts += section("Not measured", _left_out(report))
    if report.took_s is not None:
        parts.append(paragraph(f"measured in {report.took_s:.0f} s"))
    return Group(*parts)


def _left_out(report: BenchReport) -> list[str]:
    """Few items by name, many by kind; then what is said in sentences."""
    count = sum(report.left_out_by_kind.values())
    if count <= FEW_LEFT_OUT:
        return list(report.left_out)
    kinds = [f"{number} {plural}" for plural, number in report.left_out_by_kind.items()]
    where = "for want of time (all by name in `left_out` of --json)"
    return [f"{', '.join(kinds)}, {where}", *report.left_out[count:]]


def _state(*, dirty: bool, failed: bool = False) -> Text:
    if failed:
        return styled("failed", BAD)
    return styled("disturbed", UNSURE) if dirty else styled("ok", GOOD)


def _measurements(report: BenchReport) -> Table:
    columns = [
        Column("model"), Column("configuration"), Column("mode", optional=1), Column("inputs/s", figures=True),
        Column("mean ms", figures=True), Column("p50 ms", figures=True), Column("p95 ms", figures=True),
        Column("state"),
    ]  # fmt: skip
    rows: list[Cells] = []
    for item in report.measurements:
        latency = item.latency_ms or {}
        rows.append(
            [item.model, config_line(item.config), item.mode.kind, number(item.throughput_fps),
             number(item.avg_time_ms), number(latency.get("p50")), number(latency.get("p95")),
             _state(dirty=item.interference.dirty, failed=item.failure is not None)]
        )  # fmt: skip
    return Table(columns, rows)


def _micro(records: Sequence[MicroBenchmark]) -> Table:
    columns = [Column("micro-benchmark"), Column("value", figures=True), Column("unit"), Column("state")]
    rows: list[Cells] = [
        [item.name, number(item.value, 4) if item.value >= 0.001 else f"{item.value:.3e}", item.unit,
         _state(dirty=item.interference.dirty)]
        for item in records
    ]  # fmt: skip
    return Table(columns, rows, indent=2)


def _summary(report: BenchReport) -> list[RenderableType]:
    """How fast the machine computes and moves data, and how fast the networks run at best."""
    done = [row for row in report.measurements if row.failure is None]
    disturbed = sum(row.interference.dirty for row in done) + sum(item.interference.dirty for item in report.micro)
    told = (
        f"{counted(len(done), 'measurement')} of {counted(len({row.model for row in done}), 'network')} and "
        f"{counted(len(report.micro), 'micro-benchmark')} of this machine"
    )
    parts: list[RenderableType] = [paragraph(styled(told, "bold"))]
    if disturbed:
        parts.append(
            paragraph(styled(f"{disturbed} of them were disturbed by other load: measure again when idle", UNSURE))
        )
    machine = _machine_rows(report.micro)
    if machine:
        columns = [
            Column("machine"), Column("unit"), Column("one thread", figures=True), Column("all", figures=True),
            Column("threads", figures=True),
        ]  # fmt: skip
        parts += [heading("Speed of the machine"), Table(columns, machine, indent=2)]
    networks = _network_rows(done)
    if networks:
        columns = [
            Column("network"), Column("precision"), Column("inputs/s at best", figures=True),
            Column("shortest p50 ms", figures=True),
        ]  # fmt: skip
        parts += [heading("Networks"), Table(columns, networks[:MOST_NETWORKS], indent=2)]
        if len(networks) > MOST_NETWORKS:
            parts.append(paragraph(f"and {len(networks) - MOST_NETWORKS} more", 2))
    parts.append(paragraph("Every measurement: --details, or `sizer report --csv -`"))
    return parts


def _machine_rows(micro: Sequence[MicroBenchmark]) -> list[Cells]:
    """Peak rates and bandwidths with one thread and with the most."""
    found: dict[str, dict[int, MicroBenchmark]] = {}
    for item in micro:
        threads = _THREADS.search(item.name)
        if (
            threads is not None
            and item.name.split("/")[0] in _MACHINE
            and ("/native/" in item.name or "peak" not in item.name)
        ):
            found.setdefault(_THREADS.sub("", item.name), {})[int(threads[1])] = item
    rows: list[Cells] = []
    for stem, by_threads in found.items():
        kind, *words = [word for word in stem.split("/") if word not in {"native", "openvino"}]
        least, most = min(by_threads), max(by_threads)
        unit, factor = _READABLE.get(by_threads[most].unit, (by_threads[most].unit, 1.0))
        one = number(by_threads[1].value * factor) if least == 1 else "-"
        name = f"{_MACHINE[kind]} {' '.join(words)}"
        rows.append([name, unit, one, number(by_threads[most].value * factor), str(most)])
    return rows


def _network_rows(done: Sequence[BenchRow]) -> list[Cells]:
    """Per network and precision the highest throughput and the shortest median latency of all configurations."""
    found: dict[tuple[str, str], list[BenchRow]] = {}
    for row in done:
        if row.throughput_fps is not None:
            found.setdefault((row.model, row.config.precision), []).append(row)
    rows: list[Cells] = []
    for (model, precision), items in sorted(found.items()):
        fastest = max(row.throughput_fps or 0.0 for row in items)
        medians = [row.latency_ms["p50"] for row in items if row.latency_ms]
        rows.append([model, precision, number(fastest), number(min(medians, default=None))])
    return rows
