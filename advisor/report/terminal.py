"""What the commands print on a terminal, apart from plan and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.text import Text

from advisor.records.base import Interval, Sourced, SourcedText
from advisor.records.host import DeviceFacts, HostFacts, KernelDevice
from advisor.records.plan import Plan
from advisor.records.prediction import Prediction, PredictionReport
from advisor.records.verdict import Verdict

from .bench_text import render_bench
from .layout import (
    UNSURE,
    Cells,
    Column,
    Table,
    aligned,
    bullets,
    facts,
    heading,
    paragraph,
    section,
    styled,
)
from .plan_text import render_plan
from .text import EVIDENCE_WORDS, config_line, counted, number, span
from .verdict_text import render_verdict

__all__ = [
    "render_bench", "render_calibration", "render_catalogue", "render_document", "render_entry", "render_host",
    "render_inspection", "render_models", "render_plan", "render_predictions", "render_runs", "render_verdict",
]  # fmt: skip

KIB, MIB, GIB = 1024.0, 1024.0**2, 1024.0**3
LARGEST_KERNELS = 15
"""Kernels that ``sizer models inspect`` lists."""
_UNITS = {
    "_bytes_per_s": ("GB/s", 1e-9),
    "_hz": ("GHz", 1e-9),
    "_w": ("W", 1.0),
    "_usd": ("USD", 1.0),
}
"""Unit in which a field of the catalogue is shown, by the end of its name; bytes depend on their number."""


def _bytes(value: float | None) -> str:
    if value is None:
        return "unknown"
    for unit, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if value >= size:
            return f"{number(value / size, 4)} {unit}"
    return f"{value:.0f} B"


def _word(value: object) -> str:
    return "unknown" if value is None else str(value)


def _several(count: int | None, noun: str) -> str:
    return f"unknown {noun}s" if count is None else counted(count, noun)


def render_host(host: HostFacts) -> RenderableType:
    """Facts of a machine."""
    cpu, limits, noise = host.cpu, host.limits, host.noise
    affinity = "unknown" if limits.affinity is None else counted(len(limits.affinity), "thread")
    shape = ", ".join(
        _several(count, noun)
        for count, noun in ((cpu.threads, "thread"), (cpu.sockets, "socket"), (cpu.numa_nodes, "NUMA node"))
    )
    rows = [
        ("cores", f"{_word(cpu.cores)} (performance {_word(cpu.performance_cores)}, efficiency "
                  f"{_word(cpu.efficiency_cores)}"
                  f"{f', low-power {cpu.low_power_cores}' if cpu.low_power_cores else ''}), {shape}"),
        ("usable cores", f"{number(limits.usable_cores) if limits.usable_cores is not None else 'unknown'} "
                         f"(quota {_quota(limits.quota_cores)}, affinity {affinity})"),
        ("SIMD level", f"{_word(cpu.simd_level)} ({' '.join(cpu.simd) or 'unknown'})"),
        ("caches", f"L1d {_bytes(cpu.l1d_bytes)}, L2 {_bytes(cpu.l2_bytes)}, L3 {_bytes(cpu.l3_bytes)}, "
                   "each the sum over all cores"),
        ("memory", f"{_bytes(host.memory.total_bytes)}, {_bytes(host.memory.available_bytes)} available, "
                   f"channels {_word(host.memory.channels)}"),
        ("governor", _word(cpu.governor)),
        ("virtualisation", _word(cpu.virtualisation)),
        ("load", f"{number(noise.load_1min)} (1 minute), other processes use {number(noise.other_cpu_cores)} cores"),
    ]  # fmt: skip
    parts = [
        paragraph(styled(f"{_word(cpu.brand)} ({_word(cpu.architecture)})", "bold")),
        facts(rows),
    ]
    if host.runtimes:
        columns = [Column("runtime"), Column("version"), Column("devices")]
        runtimes: list[Cells] = [
            [item.name, item.version or "-",
             ", ".join(item.devices) if item.available else styled(f"not available: {item.reason}", UNSURE)]
            for item in host.runtimes
        ]  # fmt: skip
        parts += [Text(""), Table(columns, runtimes, indent=2)]
    devices = [
        f"{item.name} {device.id}{_identity(device)}: {_usability(device)}"
        for item in host.runtimes
        for device in item.device_facts
        if device.kind != "CPU"
    ]
    parts += section("Devices other than the CPU", devices)
    kernel = [
        f"{device.kind} {device.name} {device.id}, driver {device.driver or 'none: load its kernel module'}, "
        f"{device.node or 'no device file'}{_access(device)}"
        for device in host.devices
    ]
    return Group(*parts, *section("Graphics and NPUs of the kernel", kernel), *section("Warnings", host.warnings))


def _identity(device: DeviceFacts) -> str:
    told = ", ".join(text for text in (device.name, device.driver) if text is not None)
    return f" ({told})" if told else ""


def _usability(device: DeviceFacts) -> str:
    if device.usable is False:
        return f"not usable: {device.reason or 'no reason told'}"
    if device.software_rasteriser:
        return device.reason or "software rasteriser"
    return "not tried" if device.usable is None else "usable"


def _access(device: KernelDevice) -> str:
    if device.accessible is None or device.accessible:
        return ""
    return " (may not be opened by this user: join its group, usually render)"


def _quota(cores: float | None) -> str:
    return "none" if cores is None else number(cores)


def render_models(report: Any) -> RenderableType:
    """``sizer models list``."""
    columns = [
        Column("name"), Column("family", optional=1), Column("input"), Column("GFLOPs", figures=True),
        Column("MParams", figures=True), Column("output", optional=2),
    ]  # fmt: skip
    rows = [
        [model.name, model.family, "x".join(map(str, model.input_shape)), number(model.gflops), number(model.mparams),
         model.output_layout or "-"]
        for model in report.models
    ]  # fmt: skip
    return Table(columns, rows)


def render_inspection(report: Any) -> RenderableType:
    """``sizer models inspect``."""
    about = [
        ("file", report.path),
        ("sha256", report.sha256),
        ("input", "x".join(map(str, report.input_shape))),
        ("size", f"{number(report.gflops)} GFLOPs, {number(report.mparams)} million parameters"),
        (
            "kernels",
            f"{len(report.kernels)} after fusion by {report.runtime}, {'as the file is' if report.int8 else 'at f32'}",
        ),
    ]
    if report.int8:
        about.append(("precision", "int8 already: the file is quantised"))
    if report.file_batch > 1:
        about.append(("batch", f"{report.file_batch}, fixed in the file; the figures are of one input"))
    columns = [
        Column("kernel"), Column("type"), Column("implementation", optional=1), Column("MFLOP", figures=True),
        Column("MB", figures=True),
    ]  # fmt: skip
    largest = sorted(report.kernels, key=lambda item: -item.flop)[:LARGEST_KERNELS]
    rows = [
        [kernel.name, kernel.type, kernel.implementation, number(kernel.flop / 1e6),
         number((kernel.input_bytes + kernel.output_bytes + kernel.weight_bytes) / 1e6)]
        for kernel in largest
    ]  # fmt: skip
    return Group(
        paragraph(styled(f"{report.name} ({report.kind}, family {report.family})", "bold")),
        facts(about),
        heading("Kernels with the most operations"),
        Table(columns, rows, indent=2),
    )


def _intervals(values: Sequence[Interval | None]) -> list[Text]:
    return aligned([span(value) for value in values])


def render_predictions(report: PredictionReport) -> RenderableType:
    """``sizer predict``: one row per platform, then how each prediction came about."""
    items = report.predictions
    columns = [
        Column("platform"), Column("inputs/s"), Column("latency ms"), Column("evidence"),
        Column("bottleneck", optional=1), Column("remarks", optional=2),
    ]  # fmt: skip
    throughput, latency = _intervals([item.throughput_fps for item in items]), _intervals([i.latency_ms for i in items])
    rows: list[Cells] = [
        [item.platform, throughput[index], latency[index], EVIDENCE_WORDS[item.evidence],
         item.bottleneck.replace("_", " "), ", ".join(_remarks(item)) or "-"]
        for index, item in enumerate(items)
    ]  # fmt: skip
    title = paragraph(styled("Predicted, P50 (P10 - P90)", "bold"))
    return Group(title, Table(columns, rows, indent=2), *[part for item in items for part in _prediction(item)])


def _remarks(item: Prediction) -> list[str]:
    return [word for word, is_so in (("extrapolated", item.extrapolated), ("stand-in", item.stand_in)) if is_so]


def _prediction(item: Prediction) -> list[RenderableType]:
    about = [
        ("model", item.model),
        ("configuration", config_line(item.config)),
        ("nearest measured", item.nearest_measured or "none"),
    ]
    if item.memory_bytes is not None:
        about.append(("memory", f"{span(item.memory_bytes.scaled(1 / MIB))} MiB"))
    parts: list[RenderableType] = [heading(item.platform), facts(about)]
    if item.kernels:
        columns = [
            Column("time %", figures=True), Column("type"), Column("kernel"), Column("limited by"), Column("evidence"),
        ]  # fmt: skip
        rows = [
            [f"{kernel.share * 100:.1f}", kernel.type, kernel.name, kernel.bound.replace("_", " "), kernel.basis]
            for kernel in item.kernels[:5]
        ]
        parts += [Text(""), Table(columns, rows, indent=2)]
    return [*parts, *([Text(""), bullets(item.notes)] if item.notes else [])]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return number(value, 4) if isinstance(value, float) else str(value)


_CATALOGUE_HEADINGS = {
    "form_factor": "form factor", "memory_gib": "GiB", "max_power_w": "max W", "price_usd": "USD",
    "price_kind": "price kind", "simd_level": "SIMD level", "performance_cores": "P cores",
    "efficiency_cores": "E cores", "low_power_cores": "LP E cores", "tdp_w": "TDP W",
    "list_price_usd": "list price USD",
}  # fmt: skip
_CATALOGUE_OPTIONAL = {"form_factor": 1, "price_kind": 2, "list_price_usd": 2, "processor": 3, "name": 4}


def render_catalogue(report: Any) -> RenderableType:
    """``sizer catalog list``."""
    figures = [all(row[i] is None or isinstance(row[i], float | int) for row in report.rows)
               for i in range(len(report.columns))]  # fmt: skip
    columns = [
        Column(
            _CATALOGUE_HEADINGS.get(name, name),
            figures=figures[i],
            optional=_CATALOGUE_OPTIONAL.get(name, 0),
            whole=name == "id",
        )
        for i, name in enumerate(report.columns)
    ]
    return Table(columns, [[_cell(cell) for cell in row] for row in report.rows])


def render_entry(entry: BaseModel) -> RenderableType:
    """``sizer catalog show``: what the entry is, then each figure with kind, date and source."""
    plain: list[tuple[str, str]] = []
    sourced: list[tuple[str, str]] = []
    lists: list[RenderableType] = []
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if isinstance(value, Sourced | SourcedText):
            sourced.append((name, _with_source(_with_unit(name, value), value)))
        elif isinstance(value, tuple):
            lists += section(name, [_with_source(item.value, item) for item in value if isinstance(item, SourcedText)])
            lists += section(name, [item for item in value if isinstance(item, str)])
        elif value is not None:
            plain.append((name.rstrip("_"), ("no", "yes")[value] if isinstance(value, bool) else str(value)))
    return Group(facts(plain, 0), Text(""), facts(sourced, 0), *lists)


def _with_source(shown: str, item: Sourced | SourcedText) -> str:
    return f"{shown} [{item.kind}, {item.date}; {item.source}]"


def _with_unit(name: str, item: Sourced | SourcedText) -> str:
    """Value of a fact in the unit that its field's name ends with, scaled to a readable size."""
    if isinstance(item, SourcedText):
        return item.value
    if name == "storage_bytes":  # as sold: powers of ten
        terabytes = item.value >= 1e12
        return f"{number(item.value / (1e12 if terabytes else 1e9), 4)} {'TB' if terabytes else 'GB'}"
    if name.endswith(("_bytes", "_bytes_per_core", "_bytes_per_e_cluster", "_bytes_per_low_power_cluster")):
        return _bytes(item.value)
    unit, factor = next((found for ending, found in _UNITS.items() if name.endswith(ending)), ("", 1.0))
    shown = f"{number(item.value * factor, 6)} {unit}".rstrip()
    if item.low is None or item.high is None:
        return shown
    return f"{shown} ({number(item.low * factor, 6)} to {number(item.high * factor, 6)})"


def render_calibration(report: Any) -> RenderableType:
    """``sizer calibrate``: out-of-sample error and interval coverage by class."""
    columns = [Column(name, figures=index > 2) for index, name in enumerate(report.columns)]
    lines = [paragraph(line) for line in report.lines]
    return Group(*lines, Text(""), Table(columns, [[_cell(cell) for cell in row] for row in report.rows]))


def render_runs(runs: list[dict[str, Any]]) -> RenderableType:
    """``sizer report`` without a run."""
    if not runs:
        return paragraph("no run is stored yet; `sizer plan` and `sizer verify` store theirs")
    rows = [[str(run["id"]), run["kind"], run["created"][:16].replace("T", " "), run["title"]] for run in runs]
    return Table([Column("run"), Column("kind", optional=1), Column("created (UTC)"), Column("result")], rows)


def render_document(document: BaseModel, *, details: bool = False) -> RenderableType:
    """A stored plan or verdict; of a plan the first screen, or with ``details`` all of it."""
    if isinstance(document, Plan):
        return render_plan(document, details=details)
    if isinstance(document, Verdict):
        return render_verdict(document)
    raise TypeError(f"there is no report of a {type(document).__name__}")
