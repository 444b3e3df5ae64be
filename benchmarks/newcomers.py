"""Judge the shipped calibration on published tables that it never saw: ``python -m benchmarks.newcomers RAW.csv.gz``.

RAW has the columns of the collected table that ``profiles/compile_published.py`` reads, and is cleaned by that
program's rules; nothing is fitted here. No section of ``python -m benchmarks.accuracy``: a table counts once, before it
is compiled into ``profiles/published/``; what was judged, when, and with which calibration stands on the page.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import cast

import click
import numpy as np
from numpy.typing import NDArray

from advisor.calibration.crossval import relative
from advisor.calibration.dataset import residual_rows
from advisor.calibration.published import Observations, Row, observations, read_rows
from advisor.calibration.reliability import clustered_error
from advisor.perfmodel.analytic.machine import SIMD_CLASSES, simd_class
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import LATENCY, MODES, THROUGHPUT
from advisor.perfmodel.analytic.work_table import WorkTable, load_works
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.predictor import Predictor
from advisor.records.base import Evidence, Precision
from advisor.records.config import RunConfig
from advisor.records.model import ModelWork
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

from .common import table

Array = NDArray[np.float64]
COMPILER = Path(__file__).resolve().parent.parent / "profiles" / "compile_published.py"
_HEAD = ["rows of", "precision", "mode", "machines", "rows", "median", "within 20 %", "coverage"]


@dataclass(frozen=True)
class Judged:
    """One published figure with what was predicted of it."""

    row: Row
    simd: str
    evidence: Evidence
    error: float
    """log(true time / predicted time)."""
    inside: bool


def _compiler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_published", COMPILER)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{COMPILER} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(path: Path) -> tuple[Observations, int, list[str]]:
    """Rows of tuned CPU tables at batch 1, medians over releases of an era; how many lack a table, and their models."""
    import pandas as pd

    compiler = _compiler()
    rows = compiler.openvino_tables(pd.read_csv(path, dtype=str))
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "rows.csv"
        rows[compiler.COLUMNS].to_csv(written, index=False)
        read = read_rows(written)
    works = load_works(profiles_dir() / "calibration" / "works.json")
    catalogue = Catalogue.shipped()
    specs = {name: catalogue.resolve(name) for name in sorted({row.machine for row in read})}
    known = observations(read, specs, works)
    missing = [row.model for row in read if row.model not in works]
    return known.take(residual_rows(known)), len(missing), sorted(set(missing))


def judge(data: Observations) -> list[Judged]:
    """Predict every row as the shipped predictor does for a bare chip, and compare."""
    predictor, catalogue = Predictor.load(), Catalogue.shipped()
    works = load_works(profiles_dir() / "calibration" / "works.json")
    questions = []
    for row in data.rows:
        spec = catalogue.resolve(row.machine)
        precision = cast("Precision", PRECISIONS[row.precision])
        config = RunConfig(precision=precision, hint="throughput" if row.mode == THROUGHPUT else "latency")
        questions.append(Question.of(spec, _named(works[row.model], precision), config, works[row.model]))
    found = []
    for row, question, belief in zip(data.rows, questions, predictor.beliefs(questions), strict=True):
        per_input = 0.0 if row.mode == LATENCY else float(np.log(question.settings.streams))
        error = row.log_time - (belief.log_time_s - per_input)
        inside = belief.low <= error <= belief.high
        found.append(Judged(row, simd_class(question.machine), belief.evidence, error, inside))
    return found


def _named(counted: WorkTable, precision: Precision) -> ModelWork:
    """A work that stands for a table alone: the sources that speak of machines not at hand read no kernels."""
    return ModelWork(
        model=counted.model,
        sha256=counted.key,
        kind="architecture",
        family=counted.family,
        runtime="openvino",
        runtime_version="",
        precision=precision,
        batch=1,
        simd_cap=None,
        kernels=(),
        flop=counted.flop,
        weight_bytes=counted.weight_bytes,
        activation_bytes=counted.peak_activation_bytes,
    )


def _lines(name: str, judged: Sequence[Judged]) -> list[list[object]]:
    lines = []
    for precision, label in enumerate(PRECISIONS):
        for mode, mode_name in enumerate(MODES):
            part = [item for item in judged if (item.row.precision, item.row.mode) == (precision, mode)]
            if part:
                lines.append([name, label, mode_name, *_figures(part)])
    if judged:
        lines.append([name, "all", "all", *_figures(judged)])
    return lines


def _figures(part: Sequence[Judged]) -> list[object]:
    share = relative(np.array([item.error for item in part]))
    inside, machines = np.array([item.inside for item in part]), [item.row.machine for item in part]
    error = clustered_error(inside, machines)
    spread = f" (± {100 * error:.0f})" if np.isfinite(error) else ""
    return [
        len(set(machines)),
        len(part),
        f"{100 * np.median(share):.1f} %",
        f"{100 * (share <= 0.2).mean():.0f} %",
        f"{100 * inside.mean():.0f} %{spread}",
    ]


def page(judged: Sequence[Judged], missing: int, models: Sequence[str]) -> str:
    """Tables: machines that no fitted row knows, by cell, class and machine; then known machines."""
    new = [item for item in judged if item.evidence not in (Evidence.PUBLISHED, Evidence.ANCHORED)]
    parts = [_lines("unknown machines", new)]
    parts += [_lines(simd, [item for item in new if item.simd == simd]) for simd in SIMD_CLASSES]
    by_machine = []
    for name in sorted({item.row.machine for item in new}):
        mine = [item for item in new if item.row.machine == name]
        for precision, mode in sorted({(item.row.precision, item.row.mode) for item in mine}):
            errors = [item.error for item in mine if (item.row.precision, item.row.mode) == (precision, mode)]
            fast = f"{100 * np.expm1(np.median(errors)):+.0f} %"
            by_machine.append([name, PRECISIONS[precision], MODES[mode], len(errors), fast])
    known = [
        _lines("known chip, other models", [item for item in judged if item.evidence is Evidence.ANCHORED]),
        _lines("known chip and model", [item for item in judged if item.evidence is Evidence.PUBLISHED]),
    ]
    lines = [
        f"{len(judged)} figures at batch 1, medians over releases; {missing} more are of models without a work table "
        f"({', '.join(models) or 'none'}) and not judged.",
        "",
        "Machines that no fitted row knows:",
        "",
        table(_HEAD, [line for part in parts for line in part]),
        "",
        "The same by machine; above zero: predicted too fast (median of predicted over published speed, less one).",
        "",
        table(["machine", "precision", "mode", "rows", "predicted too fast by"], by_machine),
        "",
        "Machines that are fitted, in releases that are not: the same harness on the same chips, no test of machines.",
        "",
        table(_HEAD, [line for part in known for line in part]),
    ]
    return "\n".join(lines)


@click.command()
@click.argument("raw", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(raw: Path) -> None:
    """Judge on RAW and print the tables."""
    data, missing, models = load(raw)
    click.echo(page(judge(data), missing, models))


if __name__ == "__main__":
    main()
