"""Fits the memory formula on measured peaks: ``python -m advisor.perfmodel.fit_memory``.

Reads ``profiles/measured/memory.csv`` (made by ``python -m benchmarks.memory``), writes
``profiles/calibration/memory.json`` and prints the error on model families that were left out.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import CatalogueError
from ..records.base import Precision, RuntimeName
from ..store.paths import profiles_dir
from .memory import MemoryCalibration, MemoryTerms, load_shape

Array = NDArray[np.float64]

FIELDS = (
    "model", "family", "runtime", "precision", "streams", "batch", "file_bytes", "kernels", "weight_bytes",
    "activation_bytes", "peak_bytes",
)  # fmt: skip
"""Columns of the measured rows: weights and live activations as if every element had four bytes, at batch 1."""
_LEVELS = (0.1, 0.9)
_TURNS = 8


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read measured rows.

    Raises
    ------
    CatalogueError
        The file is missing or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({error.strerror}); run `python -m benchmarks.memory`") from error
    missing = set(FIELDS) - set(rows[0] if rows else ())
    if missing:
        raise CatalogueError(f"{path}: column {sorted(missing)[0]!r} is missing; run `python -m benchmarks.memory`")
    return rows


def design(rows: Sequence[dict[str, str]]) -> tuple[Array, Array]:
    """Sizes that the formula adds up, one row per measurement, and the measured peaks [B]."""
    sizes = np.array(
        [
            load_shape(
                int(r["kernels"]), float(r["weight_bytes"]), float(r["activation_bytes"]), int(r["streams"]),
                int(r["batch"]),
            )
            for r in rows
        ]
    )  # fmt: skip
    return sizes, np.array([float(r["peak_bytes"]) for r in rows])


def fit_terms(sizes: Array, peaks: Array) -> Array:
    """Coefficients, none negative, that minimise absolute relative errors (reweighted least squares)."""
    from scipy.optimize import nnls

    weight = 1.0 / peaks
    scale = np.maximum((sizes / peaks[:, None]).max(axis=0), 1e-30)
    found: Array = np.zeros(sizes.shape[1])
    for _ in range(_TURNS):
        found, _ = nnls(sizes * weight[:, None] / scale, peaks * weight)
        error = np.abs(sizes @ (found / scale) / peaks - 1.0)
        # Square roots, since nnls squares: least absolute deviations, with a floor of 2 %.
        weight = 1.0 / (peaks * np.sqrt(np.maximum(error, 0.02)))
    result: Array = found / scale
    return result


def held_out(sizes: Array, peaks: Array, families: Sequence[str]) -> Array:
    """Log of measured over predicted, each family predicted without it."""
    names = np.array(families)
    errors = np.zeros(len(peaks))
    for name in np.unique(names):
        here = names == name
        errors[here] = np.log(peaks[here] / (sizes[here] @ fit_terms(sizes[~here], peaks[~here])))
    return errors


def fit(path: Path) -> tuple[MemoryCalibration, list[str]]:
    """Fit every runtime and precision of the rows; the second value is the report, one line for each."""
    rows = read_rows(path)
    terms, lines = [], []
    runtimes: tuple[RuntimeName, ...] = ("openvino", "onnxruntime")
    precisions: tuple[Precision, ...] = ("f32", "bf16", "int8")
    for runtime in runtimes:
        for precision in precisions:
            part = [r for r in rows if (r["runtime"], r["precision"]) == (runtime, precision)]
            if not part:
                continue
            sizes, peaks = design(part)
            errors = held_out(sizes, peaks, [r["family"] for r in part])
            share = np.abs(np.expm1(-errors))
            low, high = (float(np.quantile(errors, level)) for level in _LEVELS)
            terms.append(
                MemoryTerms(
                    runtime=runtime,
                    precision=precision,
                    bytes_per_size=tuple(float(f"{value:.5g}") for value in fit_terms(sizes, peaks)),
                    low=round(min(low, 0.0), 4),
                    high=round(max(high, 0.0), 4),
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
    from ..store.files import write_document

    found, lines = fit(profiles_dir() / "measured" / "memory.csv")
    written = write_document(profiles_dir() / "calibration" / "memory.json", found)
    sys.stdout.write("\n".join([*lines, f"wrote {written}"]) + "\n")


if __name__ == "__main__":
    main()
