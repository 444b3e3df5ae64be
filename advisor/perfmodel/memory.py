"""Peak memory of a configuration."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from ..errors import CatalogueError
from ..records.base import Interval, Precision, Record, RuntimeName
from ..records.config import RunConfig
from ..store.paths import profiles_dir
from .interval import around
from .works import COLUMNS, WorkTable

SIZES = ("one", "kernels", "weight_bytes", "activation_bytes")
"""What the formula multiplies: 1; kernels of the compiled graph; weights [B at f32]; live activations of all streams
[B at f32]."""


class MemoryTerms(Record):
    """Fitted coefficients of one runtime and precision, with the error on families that were left out."""

    runtime: RuntimeName
    precision: Precision
    bytes_per_size: tuple[float, ...]
    """In the order of :data:`SIZES`."""
    low: float
    """10 % point of log(measured / predicted) over rows whose family was left out."""
    high: float
    rows: int
    median_pct: float
    mean_pct: float
    within_15: float


class MemoryCalibration(Record):
    """``profiles/calibration/memory.json``: plain numbers, with what they were made of."""

    schema_: Annotated[Literal["sizer.memory/1"], Field(alias="schema")] = "sizer.memory/1"
    command: str = "python -m advisor.perfmodel.fit_memory"
    source: str = (
        "profiles/measured/memory.csv: peaks of fresh processes on one machine, made by `python -m benchmarks.memory`"
    )
    data_sha256: str
    terms: tuple[MemoryTerms, ...]


def load_shape(
    kernels: int, weight_bytes: float, activation_bytes: float, streams: int, batch: int
) -> tuple[float, ...]:
    """Sizes of a configuration in the order of :data:`SIZES`."""
    return 1.0, float(kernels), weight_bytes, activation_bytes * streams * batch


@lru_cache(maxsize=4)
def load_memory(path: Path | None = None) -> dict[tuple[str, str], MemoryTerms]:
    """Read the fitted coefficients (by default the shipped ones) by runtime and precision.

    Raises
    ------
    CatalogueError
        The file is missing or damaged.
    """
    source = path or profiles_dir() / "calibration" / "memory.json"
    try:
        found = MemoryCalibration.model_validate_json(source.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise CatalogueError(
            f"{source}: cannot be read ({first}); make it again with `python -m advisor.perfmodel.fit_memory`"
        ) from error
    return {(item.runtime, item.precision): item for item in found.terms}


def peak_memory(work: WorkTable, config: RunConfig, streams: int) -> Interval:
    r"""Resident memory of one compiled model beyond the interpreter with the runtime loaded [B].

    .. math:: M = b + k K + w W + a\, S B A

    with K kernels, W weights, A the largest sum of live tensors at batch 1 (both at four bytes per element), S streams,
    B batch; b, k, w, a fitted per runtime and precision on fresh processes, none negative: plug-in and thread pool;
    generated code and descriptors of a kernel; the graph's constants beside the kernels' repacked copy (and the file's
    pages, which live while compiling); one arena per stream. The interval is that of families left out
    (``fit_memory.py``). bf16 under a runtime without it counts as f32. Validity: Linux, one machine, 1 and 2 streams,
    batch 1 to 8.
    """
    fitted = load_memory()
    terms = fitted.get((config.runtime, config.precision)) or fitted[config.runtime, "f32"]
    kernels = int(work.table[:, COLUMNS.index("kernels")].sum())
    sizes = load_shape(kernels, work.weight_bytes, work.peak_activation_bytes, streams, config.batch)
    return around(float(np.dot(sizes, terms.bytes_per_size)), terms.low, terms.high)
