"""What the commands print on a terminal, apart from plan and verdict."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from advisor.records.base import Sourced, SourcedText
from advisor.records.host import HostFacts
from advisor.records.measurement import BenchReport
from advisor.records.plan import Plan
from advisor.records.prediction import PredictionReport
from advisor.records.verdict import Verdict

from .plan_text import render_plan
from .text import EVIDENCE_WORDS, config_line, number, span, table
from .verdict_text import render_verdict

__all__ = [
    "render_bench", "render_calibration", "render_catalogue", "render_document", "render_entry", "render_host",
    "render_inspection", "render_models", "render_plan", "render_predictions", "render_runs", "render_verdict",
]  # fmt: skip

MIB = 1024.0**2
GIB = 1024.0**3


def _bytes(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value / GIB:.1f} GiB" if value >= GIB else f"{value / MIB:.1f} MiB" if value >= MIB else f"{value:.0f} B"


def _word(value: object) -> str:
    return "unknown" if value is None else str(value)


def render_host(facts: HostFacts) -> str:
    """Facts of a machine, one per line."""
    cpu, limits = facts.cpu, facts.limits
    lines = [
        f"{_word(cpu.brand)} ({_word(cpu.architecture)})",
        f"  sockets {_word(cpu.sockets)}, cores {_word(cpu.cores)} (performance {_word(cpu.performance_cores)}, "
        f"efficiency {_word(cpu.efficiency_cores)}), threads {_word(cpu.threads)}, NUMA nodes {_word(cpu.numa_nodes)}",
        f"  SIMD {_word(cpu.simd_level)}: {' '.join(cpu.simd) or 'unknown'}",
        f"  caches L1d {_bytes(cpu.l1d_bytes)}, L2 {_bytes(cpu.l2_bytes)}, L3 {_bytes(cpu.l3_bytes)} (sums)",
        f"  memory {_bytes(facts.memory.total_bytes)}, available {_bytes(facts.memory.available_bytes)}, "
        f"channels {_word(facts.memory.channels)}",
        f"  usable cores {_word(limits.usable_cores)} (quota {limits.quota_cores or 'none'}, affinity "
        f"{len(limits.affinity) if limits.affinity is not None else 'unknown'} threads)",
        f"  governor {_word(cpu.governor)}, virtualisation {_word(cpu.virtualisation)}",
        f"  load {number(facts.noise.load_1min)}, other processes {number(facts.noise.other_cpu_cores)} cores",
    ]
    for runtime in facts.runtimes:
        state = ", ".join(runtime.devices) if runtime.available else f"not available: {runtime.reason}"
        lines.append(f"  {runtime.name} {runtime.version or ''}: {state}")
    lines += [f"  warning: {text}" for text in facts.warnings]
    return "\n".join(lines)


def render_models(report: Any) -> str:
    """``sizer models list``."""
    rows = [
        [model.name, model.family, "x".join(map(str, model.input_shape)), number(model.gflops), number(model.mparams),
         model.output_layout or "-"]
        for model in report.models
    ]  # fmt: skip
    return table(["name", "family", "input", "GFLOPs", "MParams", "output"], rows, right=(3, 4))


def render_inspection(report: Any) -> str:
    """``sizer models inspect``."""
    lines = [
        f"{report.name} ({report.kind}, family {report.family})",
        f"  file {report.path}",
        f"  sha256 {report.sha256}",
        f"  input {'x'.join(map(str, report.input_shape))}, {number(report.gflops)} GFLOPs, "
        f"{number(report.mparams)} MParams, {len(report.kernels)} fused kernels at f32",
    ]
    rows = [
        [kernel.name[:48], kernel.type, kernel.implementation, number(kernel.flop / 1e6),
         number((kernel.input_bytes + kernel.output_bytes + kernel.weight_bytes) / 1e6)]
        for kernel in sorted(report.kernels, key=lambda item: -item.flop)[:15]
    ]  # fmt: skip
    heading = ["kernel (15 largest)", "type", "implementation", "MFLOP", "MB"]
    return "\n".join([*lines, "", table(heading, rows, right=(3, 4))])


def render_predictions(report: PredictionReport) -> str:
    """``sizer predict``: one row per platform, then how the first came about."""
    rows = []
    for item in report.predictions:
        marks = [word for word, is_so in (("extrapolated", item.extrapolated), ("stand-in", item.stand_in)) if is_so]
        rows.append(
            [item.platform, span(item.throughput_fps), span(item.latency_ms), EVIDENCE_WORDS[item.evidence],
             item.bottleneck, ", ".join(marks) or "-"]
        )  # fmt: skip
    heading = ["platform", "throughput [1/s] P50 (P10 - P90)", "latency [ms]", "evidence", "bottleneck", "marks"]
    parts = [table(heading, rows)]
    for item in report.predictions:
        parts.append("")
        parts.append(f"{item.platform}: {item.model}, {config_line(item.config)}")
        parts.append(f"  nearest measured: {item.nearest_measured or 'none'}")
        if item.memory_bytes is not None:
            parts.append(f"  memory {span(item.memory_bytes.scaled(1 / MIB))} MiB")
        parts += [
            f"  {kernel.share * 100:5.1f} %  {kernel.type:10s} {kernel.name[:60]} ({kernel.bound}, {kernel.basis})"
            for kernel in item.kernels[:5]
        ]
        parts += [f"  note: {text}" for text in item.notes]
    return "\n".join(parts)


def render_bench(report: BenchReport) -> str:
    """``sizer bench``."""
    rows = []
    for item in report.measurements:
        latency = item.latency_ms or {}
        state = "dirty" if item.interference.dirty else "ok"
        rows.append(
            [item.model, config_line(item.config), item.mode.kind, number(item.throughput_fps),
             number(item.avg_time_ms), number(latency.get("p50")), number(latency.get("p95")), item.failure or state]
        )  # fmt: skip
    heading = ["model", "configuration", "mode", "1/s", "average ms", "p50 ms", "p95 ms", "state"]
    parts = [table(heading, rows, right=(3, 4, 5, 6))] if rows else ["no measurement of a model"]
    if report.micro:
        micro = [[item.name, number(item.value, 4) if item.value >= 0.001 else f"{item.value:.3e}", item.unit,
                  "dirty" if item.interference.dirty else "ok"] for item in report.micro]  # fmt: skip
        parts += ["", table(["micro-benchmark", "value", "unit", "state"], micro, right=(1,))]
    parts += [f"failed: {item.name}: {item.failure}" for item in report.micro_failures]
    parts += [f"left out: {text}" for text in report.left_out]
    if report.took_s is not None:
        parts.append(f"took {report.took_s:.0f} s")
    return "\n".join(parts)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return number(value, 4) if isinstance(value, float) else str(value)


def render_catalogue(report: Any) -> str:
    """``sizer catalog list``."""
    rows = [[_cell(cell) for cell in row] for row in report.rows]
    return table(list(report.columns), rows)


def render_entry(entry: BaseModel) -> str:
    """``sizer catalog show``: each fact with kind, source and date."""
    lines = []
    for name in type(entry).model_fields:
        value = getattr(entry, name)
        if value is None or value == ():
            continue
        if isinstance(value, Sourced | SourcedText):
            lines.append(_fact_line(name, value))
        elif isinstance(value, tuple):
            lines += [
                _fact_line(name, item) if isinstance(item, Sourced | SourcedText) else f"  {name:32s} {item}"
                for item in value
            ]
        else:
            lines.append(f"  {name.rstrip('_'):32s} {value}")
    return "\n".join(lines)


def _fact_line(name: str, fact: Sourced | SourcedText) -> str:
    shown = number(fact.value, 6) if isinstance(fact, Sourced) else fact.value
    return f"  {name:32s} {shown:>18s}  {fact.kind}, {fact.date}; {fact.source}"


def render_calibration(report: Any) -> str:
    """``sizer calibrate``: held-out error and coverage by class."""
    rows = [[_cell(cell) for cell in row] for row in report.rows]
    return "\n".join([*report.lines, "", table(list(report.columns), rows)])


def render_runs(runs: list[dict[str, Any]]) -> str:
    """``sizer report`` without a run."""
    if not runs:
        return "no run is stored yet; `sizer plan` and `sizer verify` store theirs"
    rows = [[str(run["id"]), run["kind"], run["created"], run["title"]] for run in runs]
    return table(["run", "kind", "created", "result"], rows)


def render_document(document: BaseModel) -> str:
    """A stored plan or verdict."""
    if isinstance(document, Plan):
        return render_plan(document)
    if isinstance(document, Verdict):
        return render_verdict(document)
    return document.model_dump_json(by_alias=True, indent=2)
