"""Fit and judge what other runtimes take over OpenVINO on the same machine.

Log ratios are a mean per runtime and precision, plus deviations of the model's family, of the SIMD class and of the
machine, plus what is left. How large the deviations usually are is found by maximum likelihood over all runtimes
together: no runtime alone has figures of enough machines.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

from advisor.perfmodel.elsewhere.runtime_ratio import (
    RatioAccuracy,
    RatioEstimate,
    RuntimeCalibration,
    RuntimeRatios,
    find,
)
from advisor.records.base import Z90
from advisor.store.paths import profiles_dir

Array = NDArray[np.float64]
TABLES = ("published/runtimes.csv", "measured/runtimes.csv")
_EFFECTS = ("family", "simd", "machine")
_LEAST, _MOST = 0.02, 1.5
"""Bounds of the standard deviations (log): repeats of one measurement differ by more than the least."""
_PRIOR_LOG_SPREAD = 0.7
"""How sure we are beforehand that a deviation is about a fifth: so few machines could make it zero by chance; source:
project assumption."""
_USUAL = 0.2
_WIDE = 3.0
"""Standard deviation of the mean of a runtime before any figure (log): it says nothing."""


@dataclass(frozen=True)
class RatioRow:
    """One ratio of times."""

    runtime: str
    precision: str
    machine: str
    simd: str
    model: str
    family: str
    log_ratio: float


def read_rows(paths: Sequence[Path] | None = None) -> list[RatioRow]:
    """Read the tables; repeats of one machine, model, runtime and precision are put together by their median."""
    groups: dict[tuple[str, ...], list[float]] = {}
    for path in [profiles_dir() / name for name in TABLES] if paths is None else paths:
        with path.open(encoding="utf-8", newline="") as handle:
            for line in csv.DictReader(handle):
                key = tuple(line[name] for name in ("runtime", "precision", "machine", "simd", "model", "family"))
                groups.setdefault((*key, line["batch"]), []).append(float(np.log(float(line["ratio"]))))
    return [
        RatioRow(runtime, precision, machine, simd, model, family, float(np.median(values)))
        for (runtime, precision, machine, simd, model, family, _), values in sorted(groups.items())
    ]


@dataclass(frozen=True)
class Deviations:
    """Standard deviations (log)."""

    family: float
    simd: float
    machine: float
    single: float


class RatioFit:
    """Means and deviations, conditioned on rows; effects of different runtimes and precisions are independent."""

    def __init__(self, rows: Sequence[RatioRow], deviations: Deviations, kinship: Kinship | None = None) -> None:
        self.rows, self.deviations = list(rows), deviations
        self._y = np.array([row.log_ratio for row in rows])
        covariance = _covariance(kinship or Kinship(rows, rows), deviations)
        covariance[np.diag_indices(len(rows))] += deviations.single**2
        self._factor = np.linalg.cholesky(covariance)

    def log_likelihood(self) -> float:
        """Of the rows, deviations given."""
        white = solve_triangular(self._factor, self._y, lower=True)
        return float(-0.5 * white @ white - np.log(np.diag(self._factor)).sum())

    def predict(self, asked: Sequence[RatioRow]) -> tuple[Array, Array]:
        """Expected log ratios and standard deviations of single new ratios."""
        half = solve_triangular(self._factor, _covariance(Kinship(asked, self.rows), self.deviations).T, lower=True)
        mean = half.T @ solve_triangular(self._factor, self._y, lower=True)
        own = _WIDE**2 + sum(getattr(self.deviations, name) ** 2 for name in (*_EFFECTS, "single"))
        return mean, np.sqrt(np.maximum(own - (half**2).sum(axis=0), 1e-12))


class Kinship:
    """Which rows share a runtime and precision, and of these which share what; an unknown name is shared by none."""

    def __init__(self, ours: Sequence[RatioRow], theirs: Sequence[RatioRow]) -> None:
        self.pair = _alike(
            [f"{row.runtime} {row.precision}" for row in ours], [f"{r.runtime} {r.precision}" for r in theirs]
        )
        self.effects = {
            name: self.pair & _alike([getattr(row, name) for row in ours], [getattr(row, name) for row in theirs])
            for name in _EFFECTS
        }


def _alike(ours: Sequence[str], theirs: Sequence[str]) -> NDArray[np.bool_]:
    left, right = np.array(ours, dtype=object)[:, None], np.array(theirs, dtype=object)[None, :]
    return np.asarray((left == right) & (left != ""), dtype=np.bool_)


def _covariance(kinship: Kinship, deviations: Deviations) -> Array:
    total: Array = _WIDE**2 * kinship.pair.astype(np.float64)
    for name, alike in kinship.effects.items():
        total += getattr(deviations, name) ** 2 * alike
    return total


def fit_deviations(rows: Sequence[RatioRow]) -> Deviations:
    """Most likely deviations."""
    kinship = Kinship(rows, rows)

    def loss(logs: Array) -> float:
        prior = float(((logs - np.log(_USUAL)) ** 2).sum()) / (2 * _PRIOR_LOG_SPREAD**2)
        return prior - RatioFit(rows, Deviations(*np.exp(logs)), kinship).log_likelihood()

    start = np.full(4, np.log(_USUAL))
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(np.log(_LEAST), np.log(_MOST))] * 4)
    return Deviations(*(float(value) for value in np.exp(found.x)))


def estimates(fit: RatioFit, runtime: str, precision: str) -> tuple[RatioEstimate, ...]:
    """Every pair of a known or unknown family and SIMD class, on a machine that was not seen."""
    rows = [row for row in fit.rows if (row.runtime, row.precision) == (runtime, precision)]
    families = ["", *sorted({row.family for row in rows} - {"other"})]
    classes = ["", *sorted({row.simd for row in rows})]
    asked = [RatioRow(runtime, precision, "", simd, "", family, 0.0) for family in families for simd in classes]
    mean, deviation = fit.predict(asked)
    common = fit.deviations.machine**2 + fit.deviations.simd**2
    return tuple(
        RatioEstimate(
            family=row.family,
            simd=row.simd,
            log_ratio=round(float(m), 4),
            deviation=round(float(d), 4),
            machine_share=round(min(1.0, common / float(d) ** 2), 3),
        )
        for row, m, d in zip(asked, mean, deviation, strict=True)
    )


def calibrate(rows: Sequence[RatioRow], command: str, data_sha256: str) -> RuntimeCalibration:
    """Fit everything and judge it with each machine left out in turn."""
    kept = enough(rows)
    deviations = fit_deviations(kept)
    fit = RatioFit(kept, deviations)
    return RuntimeCalibration(
        command=command,
        data_sha256=data_sha256,
        deviations={name: round(getattr(deviations, name), 4) for name in Deviations.__dataclass_fields__},
        ratios=_ratios(fit),
        accuracy=tuple(judge(kept)),
        left_out=len(rows) - len(kept),
    )


def enough(rows: Sequence[RatioRow]) -> list[RatioRow]:
    """Rows of two models at least: a single one says nothing of others, neither of a runtime nor of a machine."""
    kept = _several_models(rows, lambda row: (row.runtime, row.precision, row.machine))
    return _several_models(kept, lambda row: (row.runtime, row.precision))


def _several_models(rows: Sequence[RatioRow], place: Callable[[RatioRow], tuple[str, ...]]) -> list[RatioRow]:
    models: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        models.setdefault(place(row), set()).add(row.model)
    return [row for row in rows if len(models[place(row)]) >= 2]


def judge(rows: Sequence[RatioRow]) -> list[RatioAccuracy]:
    """Predict each machine from the others; a runtime that was seen on one machine alone is not judged."""
    found: dict[tuple[str, str, str], list[tuple[float, bool]]] = {}
    for machine in sorted({row.machine for row in rows}):
        others = enough([row for row in rows if row.machine != machine])
        seen = {(row.runtime, row.precision) for row in others}
        asked = [row for row in rows if row.machine == machine and (row.runtime, row.precision) in seen]
        if not asked:
            continue
        known = _ratios(RatioFit(others, fit_deviations(others)))
        for row in asked:
            ratio = find(known, row.runtime, row.precision, row.family, row.simd)
            assert ratio is not None
            error = abs(np.exp(ratio.log_ratio - row.log_ratio) - 1.0)
            inside = abs(row.log_ratio - ratio.log_ratio) <= Z90 * ratio.deviation
            for name in (machine, "all"):
                found.setdefault((row.runtime, row.precision, name), []).append((float(error), bool(inside)))
    return [
        RatioAccuracy(
            runtime=runtime,
            precision=precision,
            machine=machine,
            rows=len(values),
            median_pct=round(100 * float(np.median([error for error, _ in values])), 2),
            within_20=round(float(np.mean([error <= 0.2 for error, _ in values])), 3),
            coverage=round(float(np.mean([inside for _, inside in values])), 3),
        )
        for (runtime, precision, machine), values in sorted(found.items())
    ]


def _ratios(fit: RatioFit) -> tuple[RuntimeRatios, ...]:
    found = []
    for runtime, precision in sorted({(row.runtime, row.precision) for row in fit.rows}):
        rows = [row for row in fit.rows if (row.runtime, row.precision) == (runtime, precision)]
        found.append(
            RuntimeRatios(
                runtime=runtime,
                precision=precision,
                machines=tuple(sorted({row.machine for row in rows})),
                models=len({row.model for row in rows}),
                rows=len(rows),
                estimates=estimates(fit, runtime, precision),
            )
        )
    return tuple(found)


def main() -> None:
    """Write ``profiles/calibration/runtimes.json``."""
    paths = [profiles_dir() / name for name in TABLES]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    found = calibrate(read_rows(), "python -m advisor.calibration.runtimes", digest)
    text = json.dumps(found.model_dump(mode="json", by_alias=True), indent=1)
    (profiles_dir() / "calibration" / "runtimes.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
