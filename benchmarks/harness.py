"""The harness compared with ``benchmark_app`` of the same OpenVINO wheel: pairs in fresh processes, in turns.

Both run the same file on the same streams, threads, requests and batch in f32, both keep every sample (no disturbed
block is repeated here), and the order within a pair changes, so that a slow drift of the machine favours neither.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import Inconclusive
from advisor.measure.items.throughput import worker_environment
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile

from .common import header, measured, model, percent, spread, table, threads_here, timing

MODELS = ("mobilenet-v2", "resnet-50", "squeezenet-1.1", "efficientnet-b0", "ssd-mobilenet", "bert-mini")
QUICK_MODELS = MODELS[:2]
BAND = (0.98, 1.02)
APP = "import advisor, sys; from openvino.tools.benchmark.main import main; sys.exit(main())"
"""The program ``benchmark_app``, after the import that keeps OpenVINO's usage data at home."""


@dataclass(frozen=True)
class Shape:
    """One way to run a model."""

    name: str
    config: RunConfig
    mode: LoadMode


@dataclass(frozen=True)
class Figures:
    """What one run says."""

    throughput_per_s: float
    p50_s: float
    disturbed: bool = False


@dataclass(frozen=True)
class Pair:
    """One run of each tool, one right after the other."""

    model: str
    shape: str
    ours: Figures
    theirs: Figures

    @property
    def throughput(self) -> float:
        """Ours over theirs."""
        return self.ours.throughput_per_s / self.theirs.throughput_per_s

    @property
    def latency(self) -> float:
        """Ours over theirs."""
        return self.ours.p50_s / self.theirs.p50_s


def shapes(threads: int) -> tuple[Shape, ...]:
    """One stream on one thread, one stream on all, and as many streams as threads."""
    one = RunConfig(streams=1, threads=1, requests=1)
    every = one.model_copy(update={"threads": threads})
    many = RunConfig(streams=threads, threads=threads, requests=threads)
    found = [Shape("1 stream, 1 thread", one, LoadMode())]
    if threads > 1:
        found.append(Shape(f"1 stream, {threads} threads", every, LoadMode()))
        found.append(Shape(f"{threads} streams, {threads} threads", many, LoadMode(kind="async")))
    return tuple(found)


def command(file: ModelFile, shape: Shape, duration_s: int, folder: Path) -> list[str]:
    """Command line of benchmark_app that does what ``shape`` says."""
    config = shape.config
    return [
        sys.executable, "-P", "-c", APP, "-m", file.path, "-d", "CPU", "-hint", "none", "-infer_precision", "f32",
        "-nstreams", str(config.streams), "-nthreads", str(config.threads), "-nireq", str(config.requests),
        "-b", str(config.batch), "-api", shape.mode.kind, "-t", str(duration_s),
        *(() if file.token_limit is not None else ("-ip", "f32")),
        "-json_stats", "-report_type", "no_counters", "-report_folder", str(folder),
    ]  # fmt: skip


def parse(text: str) -> Figures:
    """Read the statistics that benchmark_app leaves in its JSON file."""
    results = json.loads(text)["execution_results"]
    return Figures(float(results["throughput"]), float(results["latency (ms)"]) / 1e3)


def theirs(file: ModelFile, shape: Shape, duration_s: int) -> Figures:
    """Run benchmark_app.

    Raises
    ------
    Inconclusive
        It ended with an error.
    """
    changes = worker_environment(None)
    environment = {name: value for name, value in os.environ.items() if name not in changes}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command(file, shape, duration_s, Path(folder)),
            capture_output=True, text=True, env=environment, timeout=120 + 4 * duration_s, check=False,
        )  # fmt: skip
        report = Path(folder) / "benchmark_report.json"
        if done.returncode != 0 or not report.exists():
            raise Inconclusive(f"benchmark_app on {file.name}, {shape.name}: {(done.stdout + done.stderr)[-300:]}")
        return parse(report.read_text(encoding="utf-8"))


def ours(file: ModelFile, shape: Shape, duration_s: int) -> Figures:
    """Measure with sizer's harness for as long."""
    spec = MeasureSpec(
        min_duration_s=float(duration_s), max_duration_s=2.0 * duration_s, warmup_max_s=0.5, max_dirty_blocks=0
    )
    record = measured(file, shape.config, shape.mode, spec)
    return Figures(timing(record).throughput_per_s, timing(record).p50.value_s, record.interference.dirty)


def pairs(models: Sequence[str], repeats: int, duration_s: int) -> list[Pair]:
    """Measure all cells once, then all again: repeats of a cell lie far apart in time."""
    found = []
    files = [model(name) for name in models]
    for repeat in range(repeats):
        for number, file in enumerate(files):
            for shape in shapes(threads_here()):
                if (repeat + number) % 2:
                    there = theirs(file, shape, duration_s)
                    here = ours(file, shape, duration_s)
                else:
                    here = ours(file, shape, duration_s)
                    there = theirs(file, shape, duration_s)
                found.append(Pair(file.name, shape.name, here, there))
    return found


def tables(found: Sequence[Pair]) -> str:
    """One row per cell, then what holds over all of them."""
    cells: dict[tuple[str, str], list[Pair]] = {}
    for pair in found:
        cells.setdefault((pair.model, pair.shape), []).append(pair)
    rows, throughputs, latencies = [], [], []
    for (name, shape), part in cells.items():
        throughput, latency = spread([p.throughput for p in part]), spread([p.latency for p in part])
        throughputs.append(throughput.median)
        latencies.append(latency.median)
        rate = spread([p.ours.throughput_per_s for p in part]).median
        rows.append([name, shape, f"{rate:.1f}", throughput.text(), latency.text(), len(part)])
    head = ["model", "configuration", "sizer, 1/s", "throughput ratio", "latency ratio (p50)", "pairs"]
    summary = []
    for name, cell_values, pair_values in (
        ("throughput", throughputs, [p.throughput for p in found]),
        ("latency (p50)", latencies, [p.latency for p in found]),
    ):
        every = spread(pair_values)
        inside = sum(BAND[0] <= value <= BAND[1] for value in cell_values) / len(cell_values)
        summary.append([name, every.text(), f"{spread(cell_values).text()}", percent(inside, 0), every.count])
    totals = ["ratio sizer / benchmark_app", "all pairs: median (range)", "cells: median (range)",
              f"cells within {BAND[0]:g}-{BAND[1]:g}", "pairs"]  # fmt: skip
    disturbed = sum(p.ours.disturbed for p in found)
    return "\n".join(
        [
            table(totals, summary),
            "",
            table(head, rows),
            "",
            f"The harness saw {disturbed} of its {len(found)} runs disturbed by other processes; none was left out.",
        ]
    )


def run(quick: bool = False) -> str:
    """Measure and return the section: about five minutes, one with ``quick``."""
    start = header("Ratios are sizer over benchmark_app; range is least to largest.")
    found = pairs(QUICK_MODELS if quick else MODELS, 1 if quick else 3, 1 if quick else 2)
    return f"{start}\n\n{tables(found)}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
