"""Published rows joined to machines and work tables: what the calibration is fitted on."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import MachineArrays, machine_arrays
from advisor.perfmodel.analytic.physics import PRECISIONS, Runs
from advisor.perfmodel.analytic.runtime_defaults import LATENCY, THROUGHPUT, default_streams, latency_threads
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.machine import MachineSpec

Array = NDArray[np.float64]
REFERENCE_ERA = "openvino-2024"
"""Predictions are stated for this source and software: the vendor's tuned benchmark on a recent release."""


@dataclass(frozen=True)
class Row:
    """One published figure, releases of one era put together."""

    era: str
    machine: str
    model: str
    precision: int
    mode: int
    batch: int
    threads: int | None
    streams: int | None
    log_time: float
    """Logarithm of seconds per input (throughput) or per pass (latency), median over the era's releases."""
    doubtful: bool = False
    """Whether it is predicted and judged, but not learned from: figures in ``dropped.csv``."""


def era_of(source: str, release: str) -> str:
    """Source and rough software generation: what a source effect is fitted for."""
    year = int(release[:4]) if release[:4].isdigit() else 2024
    if source == "dli":
        return "dli-2018" if year < 2021 else "dli-2022" if year < 2023 else "dli-2024"
    if source == "openvino-tables":
        return "openvino-2022" if year < 2023 else "openvino-2024"
    return source


def is_tuned(era: str) -> bool:
    """Whether a source is the vendor's tuned benchmark: neither framework defaults nor tables of the model server."""
    return not era.startswith(("dli", "openvino-serving"))


def read_rows(path: Path, *, doubtful: bool = False) -> list[Row]:
    """Read a table of ``profiles/published/`` (plain or gzip) and take medians over releases of an era."""
    groups: dict[tuple[str, str, str, int, int, int, int | None, int | None], list[float]] = defaultdict(list)
    packed = path.read_bytes()
    text = gzip.decompress(packed) if path.suffix == ".gz" else packed
    with io.StringIO(text.decode("utf-8"), newline="") as handle:
        for line in csv.DictReader(handle):
            latency = line["mode"] == "latency"
            seconds = float(line["latency_s"]) if latency else 1.0 / float(line["throughput_per_s"])
            key = (
                era_of(line["source"], line["release"]),
                line["machine"],
                line["model"],
                PRECISIONS.index(line["precision"]),
                LATENCY if latency else THROUGHPUT,
                int(line["batch"]),
                int(float(line["threads"])) if line["threads"] else None,
                int(float(line["streams"])) if line["streams"] else None,
            )
            groups[key].append(float(np.log(seconds)))
    return [
        Row(*key, float(np.median(values)), doubtful)
        for key, values in sorted(groups.items(), key=lambda item: str(item[0]))
    ]


def data_hash(*paths: Path) -> str:
    """SHA-256 over the bytes of the files that a fit rests on."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def machines_elsewhere(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Per row, how many other machines have figures of its model; doubtful ones do not count."""
    having: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if not row.doubtful:
            having[row.model].add(row.machine)
    return np.array([len(having[row.model] - {row.machine}) for row in rows])


@dataclass(frozen=True)
class Observations:
    """Rows as arrays, ready for the physical model."""

    rows: tuple[Row, ...]
    machines: MachineArrays
    table: Array
    peak_activation: Array
    runs: Runs
    log_time: Array
    mode: NDArray[np.int64]
    untuned: Array
    """1 for rows of harnesses with framework defaults (:func:`is_tuned`)."""

    def take(self, index: NDArray[np.int64]) -> Observations:
        """A subset of the rows."""
        runs = Runs(*(getattr(self.runs, name)[index] for name in Runs.__dataclass_fields__))
        return Observations(
            tuple(self.rows[i] for i in index),
            self.machines.take(index),
            self.table[index],
            self.peak_activation[index],
            runs,
            self.log_time[index],
            self.mode[index],
            self.untuned[index],
        )


def observations(rows: Sequence[Row], specs: Mapping[str, MachineSpec], works: Mapping[str, WorkTable]) -> Observations:
    """Join rows to data sheets and work tables; rows without either are left out."""
    kept = [row for row in rows if row.machine in specs and row.model in works]
    names = sorted({row.machine for row in kept})
    every = machine_arrays([specs[name] for name in names])
    position = {name: i for i, name in enumerate(names)}
    config = np.array([_config(row, specs[row.machine]) for row in kept], dtype=np.float64)
    runs = Runs(
        precision=np.array([row.precision for row in kept]),
        batch=np.array([float(row.batch) for row in kept]),
        streams=config[:, 0],
        threads=config[:, 1],
        performance_only=config[:, 2],
    )
    return Observations(
        rows=tuple(kept),
        machines=every.take(np.array([position[row.machine] for row in kept])),
        table=np.array([works[row.model].table for row in kept]),
        peak_activation=np.array([works[row.model].peak_activation_bytes for row in kept]),
        runs=runs,
        log_time=np.array([row.log_time for row in kept]),
        mode=np.array([row.mode for row in kept]),
        untuned=np.array([0.0 if is_tuned(row.era) else 1.0 for row in kept]),
    )


def _config(row: Row, spec: MachineSpec) -> tuple[float, float, float]:
    if row.mode == THROUGHPUT:
        streams = row.streams or default_streams(spec.inference_cores)
        return float(min(streams, spec.inference_cores)), float(spec.inference_cores), 0.0
    threads, performance_only = latency_threads(spec, row.precision)
    if row.threads is not None:
        return 1.0, float(min(row.threads, spec.inference_cores)), 0.0
    if row.era in ("dli-2018", "dli-2022"):
        # Before 2023 one stream ran over all sockets in that harness; from 2023 on over one.
        return 1.0, float(spec.inference_cores), 0.0
    return 1.0, float(threads), float(performance_only)
