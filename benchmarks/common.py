"""What all sections share: the line that says when and where, one fresh process per measurement, tables, spreads."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import advisor
from advisor.clock import utc_now
from advisor.errors import Inconclusive
from advisor.measure.items.item import MeasureContext
from advisor.measure.items.micro.selection import all_threads
from advisor.measure.items.throughput import TimingItem
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig
from advisor.records.host import CpuFacts, HostFacts
from advisor.records.measurement import StoredResult, Timing, TimingMeasurement
from advisor.records.model import ModelFile

_best_s: dict[int, float] = {}
"""Least times of the reference work that any worker of this program saw, by number of threads."""


@lru_cache(maxsize=1)
def facts() -> HostFacts:
    """Facts of this machine, read once."""
    from advisor.workflows import probe

    return probe()


def threads_here() -> int:
    """Threads that one model may use here."""
    return all_threads(facts())


def model(name: str) -> ModelFile:
    """Build a model of the zoo, or take it from the cache."""
    from advisor.workflows import build_model

    return build_model(name)


def header(note: str = "", host: HostFacts | None = None) -> str:
    """Say when, where and on which versions a section was made."""
    seen = facts() if host is None else host
    versions = ", ".join(f"{runtime.name} {runtime.version}" for runtime in seen.runtimes if runtime.available)
    usable = seen.limits.usable_cores
    cores = "an unknown number of" if usable is None else f"{usable:g}"
    load = "unknown" if seen.noise.load_1min is None else f"{seen.noise.load_1min:.2f}"
    parts = [
        f"Made {utc_now()} by sizer {advisor.__version__}",
        f"{_processor(seen.cpu)}, {cores} usable cores, {seen.cpu.simd_level or 'unknown SIMD'}",
        versions or "no runtime",
        f"load average at the start {load}",
    ]
    return "; ".join(parts) + "." + (f" {note}" if note else "")


def _processor(cpu: CpuFacts) -> str:
    """Name with its family and model, which tell generations apart where a hypervisor shortens the name."""
    name = cpu.brand or "unknown processor"
    return name if cpu.family is None else f"{name} (family {cpu.family}, model {cpu.model})"


def measured(file: ModelFile, config: RunConfig, mode: LoadMode, spec: MeasureSpec) -> TimingMeasurement:
    """Take one measurement in a worker process of its own; nothing is stored.

    Raises
    ------
    Inconclusive
        It failed; the message carries the reason.
    """
    results: list[StoredResult] = []
    item = TimingItem(file, config, mode, spec)
    TimingItem.measure([item], MeasureContext(facts().fingerprint, results.append, best_s=_best_s))
    record = results[0]
    assert isinstance(record, TimingMeasurement)
    if record.timing is None:
        raise Inconclusive(f"{item.label}: {record.failure}")
    return record


def timing(record: TimingMeasurement) -> Timing:
    """Timing of a measurement that was done."""
    assert record.timing is not None
    return record.timing


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Make a Markdown table; bars in a cell are escaped, None reads ``-``."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    return "-" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


@dataclass(frozen=True)
class Spread:
    """Median with least and largest."""

    median: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 3, unit: str = "") -> str:
        """``1.002 (0.995-1.010)``."""
        tail = f" {unit}" if unit else ""
        return f"{self.median:.{digits}f}{tail} ({self.low:.{digits}f}-{self.high:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Median, least and largest of at least one value."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def variation(values: Sequence[float]) -> float | None:
    """Coefficient of variation: sample standard deviation over mean; None below two values."""
    return statistics.stdev(values) / statistics.fmean(values) if len(values) > 1 else None


def percent(value: float | None, digits: int = 1) -> str | None:
    """Turn a fraction into text; None stays None."""
    return None if value is None else f"{100 * value:.{digits}f} %"


def scratch() -> Path:
    """Folder for files that can be made again."""
    from advisor.store.paths import cache_dir

    folder = cache_dir() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
