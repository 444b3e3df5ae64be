"""Peak memory of a configuration."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from advisor.perfmodel.analytic.interval import around
from advisor.records.base import Interval, Precision, Record, RuntimeName
from advisor.records.config import RunConfig
from advisor.records.model import Kernel, ModelWork
from advisor.store.calibration_file import read_calibration
from advisor.store.paths import profiles_dir

TERMS = (
    "one", "layers", "others", "stream_kernels", "windows", "points", "products", "tables", "largest",
    "session_weights", "activations", "product_activations",
)  # fmt: skip
"""What the formula multiplies: 1; kernels that are convolutions or products, and others; kernels of the streams beyond
the first; weights of convolutions with a window, of 1x1 convolutions, of matrix products, and of everything else
(embeddings), and the largest kernel's [B as in the file]; weights of the sessions beyond the first; live activations of
all streams [B], and the same times the share of the work that is matrix products."""

_CONVOLUTIONS = frozenset({"conv", "dwconv", "groupconv", "deconv"})
_PRODUCTS = frozenset({"fc", "matmul", "attention", "rnn"})


@dataclass(frozen=True)
class MemorySizes:
    """Of a model at one precision and batch 1."""

    layers: int
    """Convolutions and matrix products."""
    others: int
    """All other kernels."""
    window_bytes: float
    """Weights of convolutions that see more than one place [B]."""
    point_bytes: float
    """Weights of 1x1 convolutions [B]."""
    product_bytes: float
    table_bytes: float
    """Weights that no convolution or matrix product owns: they are looked up, not laid out anew [B]."""
    largest_bytes: float
    """Weights of the kernel that has most [B]."""
    live_bytes: float
    """Largest sum of live tensors [B]."""
    product_share: float
    """Share of the operations that is in matrix products and attention."""

    @property
    def weight_bytes(self) -> float:
        """All weights [B]."""
        return self.window_bytes + self.point_bytes + self.product_bytes + self.table_bytes


_UNFITTED_HALF_WIDTH = 0.7
"""Half of P10-P90 (log) that is added for a runtime whose memory was not fitted: a factor of two; source: project
assumption. Of five networks measured here in f32, ncnn took 0.9 to 1.3 times OpenVINO's (2026-11)."""


class MemoryTerms(Record):
    """Fitted coefficients of one runtime and precision, with the error on families that were left out."""

    runtime: RuntimeName
    precision: Precision
    load: tuple[float, ...]
    """Of the peak while compiling, in the order of :data:`TERMS`."""
    run: tuple[float, ...]
    """Of the resident memory while running."""
    low: float
    """10 % point of log(measured / predicted) over rows whose family was left out."""
    high: float
    rows: int
    median_pct: float
    mean_pct: float
    within_15: float


class MemoryCalibration(Record):
    """``profiles/calibration/memory.json``: plain numbers, with what they were made of."""

    schema_: Annotated[Literal["sizer.memory/2"], Field(alias="schema")] = "sizer.memory/2"
    command: str = "python -m advisor.calibration.memory"
    source: str = (
        "profiles/measured/memory.csv: peaks of fresh processes on one machine, made by `python -m benchmarks.memory`"
    )
    data_sha256: str
    terms: tuple[MemoryTerms, ...]


def sizes_of(work: ModelWork, runtime: str, precision: str) -> MemorySizes:
    """Count what takes memory; weights in the width that the file, or its int8 copy, has: a runtime keeps them.

    Of work that was counted in the file (at f32): the same on every host. Other formats are known only as a runtime
    fused them at ``precision``; its kernels are of it.
    """
    weights: Counter[str] = Counter()
    flop: Counter[str] = Counter()
    count: Counter[str] = Counter()
    narrow = work.live is not None and (precision == "int8" or work.live.int8_file)
    sizes = [_file_bytes(kernel, narrow=narrow) for kernel in work.kernels]
    for kernel, size in zip(work.kernels, sizes, strict=True):
        place = _place(kernel)
        weights[place] += int(size)
        flop[place] += int(kernel.flop)
        count[place] += 1
    return MemorySizes(
        layers=len(work.kernels) - count["table"],
        others=count["table"],
        window_bytes=float(weights["window"]),
        point_bytes=float(weights["point"]),
        product_bytes=float(weights["product"]),
        table_bytes=float(weights["table"]),
        largest_bytes=max(sizes, default=0.0),
        live_bytes=work.activation_bytes / work.batch if work.live is None else work.live.at(runtime, precision),
        product_share=flop["product"] / max(1, sum(flop.values())),
    )


def _file_bytes(kernel: Kernel, *, narrow: bool) -> float:
    """Weights as the file has them [B]: bf16 is made from f32 while compiling.

    ``narrow``: as its int8 copy has them, where recurrences and what no product owns stay in f32.
    """
    if narrow and kernel.type != "rnn" and _place(kernel) != "table":
        return kernel.weight_bytes / 4.0
    return kernel.weight_bytes * (2.0 if kernel.precision == "bf16" else 1.0)


def _place(kernel: Kernel) -> str:
    if kernel.type in _CONVOLUTIONS:
        return "point" if kernel.kernel_size and max(kernel.kernel_size) == 1 else "window"
    return "product" if kernel.type in _PRODUCTS else "table"


def sessions_of(runtime: str, streams: int, threads: int | None) -> int:
    """Copies of the model: ONNX Runtime needs one per stream as soon as a stream has several threads."""
    return streams if runtime == "onnxruntime" and threads is not None and threads // streams > 1 else 1


def terms_of(sizes: MemorySizes, streams: int, sessions: int, batch: int) -> tuple[float, ...]:
    """Sizes of a configuration in the order of :data:`TERMS`."""
    return (
        1.0,
        float(sizes.layers),
        float(sizes.others),
        float((sizes.layers + sizes.others) * (streams - 1)),
        sizes.window_bytes,
        sizes.point_bytes,
        sizes.product_bytes,
        sizes.table_bytes,
        sizes.largest_bytes,
        sizes.weight_bytes * (sessions - 1),
        sizes.live_bytes * streams * batch,
        sizes.live_bytes * streams * batch * sizes.product_share,
    )


@lru_cache(maxsize=4)
def load_memory(path: Path | None = None) -> dict[tuple[str, str], MemoryTerms]:
    """Read the fitted coefficients (by default the shipped ones) by runtime and precision.

    Raises
    ------
    CatalogueError
        The file is missing or damaged.
    """
    source = path or profiles_dir() / "calibration" / "memory.json"
    calibration = read_calibration(MemoryCalibration, source, "python -m advisor.calibration.memory")
    return {(item.runtime, item.precision): item for item in calibration.terms}


def peak_memory(work: ModelWork, config: RunConfig, streams: int) -> Interval:
    r"""Resident memory of one compiled model beyond the interpreter with the runtime loaded [B].

    .. math:: M = \max(x \cdot l,\ x \cdot r)

    with x the sizes of :func:`terms_of`, l the coefficients of the peak while compiling, r those of the resident
    memory while running, both fitted per runtime and precision on fresh processes, none negative and each held to what
    is known of it (``memory.py``): plug-in and thread pools; generated code and descriptors of a kernel, in part
    again for every stream; the graph's constants and the copies that kernels lay out anew; one arena per stream.
    Compiling a model of large weights peaks above running it, large batches the other way round. The interval is that
    of families left out. bf16 under a runtime without it counts as f32. Validity: Linux, one machine, 1 and 2 streams,
    batch 1 to 8.
    """
    return _peak(sizes_of(work, config.runtime, config.precision), config, streams)


def _peak(sizes: MemorySizes, config: RunConfig, streams: int) -> Interval:
    fitted = load_memory()
    # A runtime whose memory was never fitted keeps weights and activations as OpenVINO does, give or take.
    runtime, unknown = (
        (config.runtime, 0.0) if (config.runtime, "f32") in fitted else ("openvino", _UNFITTED_HALF_WIDTH)
    )
    terms = fitted.get((runtime, config.precision)) or fitted[runtime, "f32"]
    sessions = sessions_of(config.runtime, streams, config.threads)
    factors = terms_of(sizes, streams, sessions, config.batch)
    middle = max(float(np.dot(factors, terms.load)), float(np.dot(factors, terms.run)))
    return around(middle, terms.low - unknown, terms.high + unknown)


class PeakMemory:
    """Peak memory by configuration, each worked out once: it is the same on every machine that a plan looks at."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, str, str], MemorySizes] = {}
        self._peaks: dict[tuple[str, str, str, int, int | None, int], Interval] = {}

    def of(self, work: ModelWork, config: RunConfig, streams: int) -> Interval:
        """See :func:`peak_memory`."""
        key = (work.key, config.runtime, config.precision, streams, config.threads, config.batch)
        if key not in self._peaks:
            model = key[:3]
            if model not in self._sizes:
                self._sizes[model] = sizes_of(work, config.runtime, config.precision)
            self._peaks[key] = _peak(self._sizes[model], config, streams)
        return self._peaks[key]
