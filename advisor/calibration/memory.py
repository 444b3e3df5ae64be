"""Fits the memory formula on measured peaks: ``python -m advisor.calibration.memory``.

Reads ``profiles/measured/memory.csv`` (made by ``python -m benchmarks.memory``), writes
``profiles/calibration/memory.json`` and prints the error on model families that were left out.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneGroupOut

from advisor.perfmodel.resources.memory import MemoryCalibration, MemorySizes, MemoryTerms, sessions_of, terms_of
from advisor.records.base import Precision, RuntimeName
from advisor.store.paths import profiles_dir

from .table import read_table

Array = NDArray[np.float64]

FIELDS = (
    "model", "family", "runtime", "precision", "streams", "threads", "batch", "layers", "others",
    "window_bytes", "point_bytes", "product_bytes", "table_bytes", "largest_bytes", "live_bytes", "product_share",
    "load_bytes", "run_bytes", "peak_bytes",
)  # fmt: skip
"""Columns of the measured rows: sizes as in :class:`~advisor.perfmodel.resources.memory.MemorySizes`, then peak while
compiling, resident memory while running, and the larger of the peaks of both."""
Part = Literal["load", "run"]
PARTS: tuple[Part, ...] = ("load", "run")
_LEVELS = (0.1, 0.9)
_TURNS = 8
_NOTHING = (0.0, 1e-3)
_EXPECTED = 0.05
"""Relative error of a row that weighs as much as one standard deviation of a belief."""


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read measured rows. CatalogueError where the file is missing or lacks a column."""
    return read_table(path, "python -m benchmarks.memory", FIELDS)


def design(rows: Sequence[dict[str, str]]) -> Array:
    """Sizes that the formula adds up, one row per measurement."""
    return np.array([_terms_of(row) for row in rows])


def _terms_of(row: dict[str, str]) -> tuple[float, ...]:
    sizes = MemorySizes(
        layers=int(row["layers"]),
        others=int(row["others"]),
        window_bytes=float(row["window_bytes"]),
        point_bytes=float(row["point_bytes"]),
        product_bytes=float(row["product_bytes"]),
        table_bytes=float(row["table_bytes"]),
        largest_bytes=float(row["largest_bytes"]),
        live_bytes=float(row["live_bytes"]),
        product_share=float(row["product_share"]),
    )
    streams = int(row["streams"])
    return terms_of(sizes, streams, sessions_of(row["runtime"], streams, int(row["threads"])), int(row["batch"]))


def column(rows: Sequence[dict[str, str]], name: str) -> Array:
    """One measured figure [B]."""
    return np.array([float(row[name]) for row in rows])


def beliefs(runtime: RuntimeName, precision: Precision, part: Part) -> Array:
    """What is known of each coefficient before anything is measured: mean and standard deviation, shape (terms, 2).

    OpenVINO keeps the graph's constants as the file has them and lays out a copy for each convolution and product, in
    bf16 at half the width of the file; tables are used in place, in bf16 as a converted copy. ONNX Runtime holds the
    parsed file and the session's tensors while loading, and for convolutions the blocked copy of its optimiser besides;
    the heap gives little of that back, but the next session uses it. It lays the buffers of the first pass out anew for
    the second. Attention keeps scores of its own. Source: project assumption, from how the two
    work; widths are wide, so that rows decide where there are any.
    """
    load, bf16 = part == "load", precision == "bf16"
    if runtime == "openvino":
        laid_out = (1.5 if bf16 else 2.0, 0.3)
        fixed = [(35e6, 15e6), (2e5, 2e5), (1e5, 1e5), (1e5, 1e5)]
        weights = [laid_out, laid_out, laid_out, (1.5 if bf16 else 1.0, 0.3)]
        rest = [(0.5, 0.5) if load and precision != "f32" else _NOTHING, _NOTHING]
        live = [_NOTHING, _NOTHING] if load else [(1.3, 0.5), (0.5, 0.5)]
    else:
        fixed = [(20e6, 10e6), (5e4, 5e4), (5e4, 5e4), (0.0, 2e4)]
        weights = [(3.0, 1.0), (3.0, 1.0), (2.0, 0.5), (2.0, 0.5)]
        if not load:
            weights = [(2.0, 1.0), (2.0, 1.0), (1.5, 0.5), (1.5, 0.5)]
        rest = [_NOTHING, (1.0, 0.3)]
        live = [_NOTHING, _NOTHING] if load else [(2.0, 1.0), (2.0, 2.0)]
    return np.array([*fixed, *weights, *rest, *live])


def fit_terms(sizes: Array, peaks: Array, prior: Array) -> Array:
    """Coefficients, none negative, that minimise absolute relative errors (reweighted least squares) within beliefs.

    Minimises the sum over rows of (error / 5 %)^2 and over coefficients of ((c - mean) / deviation)^2.
    """
    from scipy.optimize import nnls

    means, deviations = prior.T
    weight = 1.0 / (_EXPECTED * peaks)
    held = np.eye(len(means))
    coefficients: Array = means
    for _ in range(_TURNS):
        # In units of the deviations: the columns differ by ten orders of magnitude.
        left = np.vstack([sizes * deviations * weight[:, None], held])
        scaled, _ = nnls(left, np.concatenate([peaks * weight, means / deviations]))
        coefficients = scaled * deviations
        error = np.abs(sizes @ coefficients / peaks - 1.0)
        # Square roots, since nnls squares: least absolute deviations, with a floor of 2 %.
        weight = np.sqrt(0.02 / np.maximum(error, 0.02)) / (_EXPECTED * peaks)
    return coefficients


def fitted(rows: Sequence[dict[str, str]]) -> tuple[Array, Array]:
    """Coefficients of loading and of running for rows of one runtime and precision."""
    runtime, precision = cast(RuntimeName, rows[0]["runtime"]), cast(Precision, rows[0]["precision"])
    sizes = design(rows)
    load, run = (fit_terms(sizes, column(rows, f"{part}_bytes"), beliefs(runtime, precision, part)) for part in PARTS)
    return load, run


def predicted(rows: Sequence[dict[str, str]], load: Array, run: Array) -> Array:
    """Peaks [B]: the larger of loading and running."""
    sizes = design(rows)
    result: Array = np.maximum(sizes @ load, sizes @ run)
    return result


def held_out(rows: Sequence[dict[str, str]]) -> Array:
    """Log of measured over predicted, each family predicted without it."""
    errors = np.zeros(len(rows))
    for train, test in LeaveOneGroupOut().split(rows, groups=[row["family"] for row in rows]):
        left_out = [rows[i] for i in test]
        load, run = fitted([rows[i] for i in train])
        errors[test] = np.log(column(left_out, "peak_bytes") / predicted(left_out, load, run))
    return errors


def interval(errors: Array) -> tuple[float, float]:
    """10 % and 90 % points of log errors, never on the same side of the prediction."""
    low, high = (float(np.quantile(errors, level)) for level in _LEVELS)
    return min(low, 0.0), max(high, 0.0)


def fit(path: Path) -> tuple[MemoryCalibration, list[str]]:
    """Fit every runtime and precision of the rows; the second value is the report, one line for each."""
    rows = read_rows(path)
    terms, lines = [], []
    for runtime, precision in sorted({(row["runtime"], row["precision"]) for row in rows}):
        part = [row for row in rows if (row["runtime"], row["precision"]) == (runtime, precision)]
        errors = held_out(part)
        share = np.abs(np.expm1(-errors))
        low, high = interval(errors)
        load, run = (tuple(float(f"{value:.5g}") for value in values) for values in fitted(part))
        terms.append(
            MemoryTerms(
                runtime=cast(RuntimeName, runtime),
                precision=cast(Precision, precision),
                load=load,
                run=run,
                low=round(low, 4),
                high=round(high, 4),
                rows=len(part),
                median_pct=round(100 * float(np.median(share)), 1),
                mean_pct=round(100 * float(np.mean(share)), 1),
                within_15=round(float(np.mean(share <= 0.15)), 3),
            )
        )
        worst = part[int(np.argmax(share))]
        lines.append(
            f"{runtime} {precision}: {len(part)} rows, families left out: median {np.median(share):.1%}, mean "
            f"{np.mean(share):.1%}, {np.mean(share <= 0.15):.0%} within 15 %; worst {worst['model']} "
            f"(streams {worst['streams']}, batch {worst['batch']}) {share.max():.0%}"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return MemoryCalibration(data_sha256=digest, terms=tuple(terms)), lines


def main() -> None:
    """Fit, print, write."""
    from advisor.store.files import write_document

    calibration, lines = fit(profiles_dir() / "measured" / "memory.csv")
    written = write_document(profiles_dir() / "calibration" / "memory.json", calibration)
    sys.stdout.write("\n".join([*lines, f"wrote {written}"]) + "\n")


if __name__ == "__main__":
    main()
