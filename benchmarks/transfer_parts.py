"""What errors of machines that are not at hand are made of, and how much of them can be mended, as a markdown page.

``python -m benchmarks.transfer_parts``: it measures nothing and needs ``profiles/`` alone. Errors are those of the
sections on machines that are not at hand and on models that nobody published, nested as there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.calibration.crossval import relative
from advisor.calibration.error_parts import REST, alike, contrasts, level_from_others, standard_deviations
from advisor.calibration.left_out import LeftOutErrors
from advisor.calibration.source_disagreement import source_disagreements
from advisor.calibration.transfer import JudgedCalibration
from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.perfmodel.elsewhere.residual import kinds_of_models

from .common import table
from .transfer import judged_machines

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
_CELLS = tuple((precision, mode) for precision in ("f32", "int8") for mode in MODES)
_SPEC, _BOTH, _ONCE = "machine left out", "machine and family left out", "the same, model measured on one other machine"
_DRAWN = 2
"""Other machines per figure whose errors enter the parts of the variance: all of them would be eight thousand rows."""
_SEED = 0


@dataclass(frozen=True)
class _Errors:
    """Errors of one case in one cell; several of one row where another machine tells of it."""

    errors: Array
    rows: Integers
    other: tuple[str, ...] = ()
    """The machine that the model was measured on, by error; empty where it was on none."""

    def take(self, index: Integers) -> _Errors:
        """A subset."""
        other = tuple(self.other[i] for i in index) if self.other else ()
        return _Errors(self.errors[index], self.rows[index], other)


def _cases(judged: JudgedCalibration, precision: str, mode: str) -> dict[str, _Errors]:
    """Errors of one cell by what was left out; nothing where a case has no figure."""
    left_out = judged.errors
    rows = left_out.data.rows
    cell = left_out.judged & np.array(
        [(PRECISIONS[row.precision], MODES[row.mode]) == (precision, mode) for row in rows]
    )
    mine = np.flatnonzero(cell)
    pairs = [item for item in judged.elsewhere if cell[item.row]]
    once = _Errors(
        np.array([item.error for item in pairs]),
        np.array([item.row for item in pairs], dtype=np.int64),
        tuple(item.other for item in pairs),
    )
    cases = {
        _SPEC: _Errors(left_out.machine[mine], mine),
        _BOTH: _Errors(left_out.unpublished[mine], mine),
        _ONCE: once,
    }
    return {name: found for name, found in cases.items() if len(found.rows)}


def _drawn(found: _Errors, rng: np.random.Generator) -> _Errors:
    """At most so many errors of each row, drawn at random."""
    order = rng.permutation(len(found.rows))
    kept, seen = [], dict.fromkeys(found.rows.tolist(), 0)
    for i in order:
        row = int(found.rows[i])
        if seen[row] < _DRAWN:
            seen[row] += 1
            kept.append(int(i))
    return found.take(np.array(sorted(kept)))


_TEXT = """\
Rows, and what was left out of what, as in the table "A model that is unpublished, on a machine that is". Errors are
log(true time / predicted time).

### Parts of the variance: standard deviations of the logarithm

The most likely ones of a sum of independent parts, without the boxes that are not learned from. Kinds of kernels: by
their share of a model's nominal time, against the mean model. Figure elsewhere: what one figure of the other machine is
off by, on every target alike ({drawn} other machines per row, drawn at random). Own figure: what no other figure of the
machine or of the model shares.

{variances}

### Median errors once a part is known

The level of a machine is the median error of its *other* models in this precision and mode. The last column is without
the median, over the other machines, of what is then left of that model, or of that one figure elsewhere. No error mends
itself, but nobody knows these parts of a box that he cannot measure.

{known}

### Which other machine the model is measured on

By instruction set; last, the median of the predictions from each of the other machines that have the model: what
measuring it on many of them would bring.

{others}

### The floor of published tables

Two tables of one machine and model differ, so that no prediction of one of them can be nearer than the first figure.
One from a single figure of the model elsewhere has the errors of both, root of two times the first if they are
independent and as large, however well it knows the two machines. Then the same once it is known what the software
between the tables did to each model, and each machine's shift between them, too (both in-sample).

{floors}"""
_PARTS = ("machine", "machine and table", "kinds of kernels on the machine", "model", "figure elsewhere", "own figure")


def _parts(found: _Errors, errors: LeftOutErrors, works: Mapping[str, WorkTable]) -> dict[str, float]:
    """Standard deviation of each of ``_PARTS``, and of the rest, without the boxes that are not learned from."""
    found = found.take(np.flatnonzero(errors.counted[found.rows]))
    if found.other:
        found = _drawn(found, np.random.default_rng(_SEED))
    rows = [errors.data.rows[i] for i in found.rows]
    models = sorted({row.model for row in rows})
    kinds = dict(zip(models, kinds_of_models([works[name] for name in models]), strict=True))
    machine = alike([row.machine for row in rows])
    parts = {
        "machine": machine,
        "machine and table": alike([(row.machine, row.era) for row in rows]),
        "kinds of kernels on the machine": machine * contrasts(np.array([kinds[row.model] for row in rows])),
        "model": alike([row.model for row in rows]),
    }
    if not found.other:
        deviations = standard_deviations(found.errors, parts)
        return {**{name: value for name, value in deviations.items() if name != REST}, "own figure": deviations[REST]}
    parts["figure elsewhere"] = alike([(other, row.model) for other, row in zip(found.other, rows, strict=True)])
    parts["own figure"] = alike(found.rows.tolist())
    return standard_deviations(found.errors, parts)


def _variances(judged: JudgedCalibration, works: Mapping[str, WorkTable]) -> str:
    out = []
    for precision, mode in _CELLS:
        for name, found in _cases(judged, precision, mode).items():
            deviations = _parts(found, judged.errors, works)
            whole = sum(value**2 for value in deviations.values())
            level = deviations["machine"] ** 2 + deviations["machine and table"] ** 2
            figures = [f"{deviations[part]:.3f}" if part in deviations else None for part in (*_PARTS, REST)]
            out.append([precision, mode, name, *figures, f"{100 * level / whole:.0f} %"])
    return table(["precision", "mode", "left out", *_PARTS, REST, "variance that is the machine's level"], out)


def _median(errors: Array) -> str | None:
    """Median error of those that are known; None without any."""
    known = errors[np.isfinite(errors)]
    return f"{100 * np.median(relative(known)):.1f} %" if len(known) else None


def _levels(found: _Errors, errors: LeftOutErrors) -> Array:
    rows = [errors.data.rows[i] for i in found.rows]
    return level_from_others(found.errors, [row.machine for row in rows], [row.model for row in rows])


def _once_known(judged: JudgedCalibration) -> str:
    out = []
    for precision, mode in _CELLS:
        for name, found in _cases(judged, precision, mode).items():
            rows = [judged.errors.data.rows[i] for i in found.rows]
            machines, models = [row.machine for row in rows], [row.model for row in rows]
            level = _levels(found, judged.errors)
            left = found.errors - level
            known = np.isfinite(left)
            of_model = np.full(len(left), np.nan)
            keys = list(zip(found.other, models, strict=True)) if found.other else models
            at = np.flatnonzero(known)
            of_model[at] = level_from_others(left[at], [keys[i] for i in at], [machines[i] for i in at])
            steps = [found.errors, found.errors - 0.5 * level, left, left - of_model]
            cells: list[object] = [_median(step) for step in steps]
            out.append([precision, mode, name, len(rows), *cells])
    head = [
        "as judged",
        "half of the machine's level known",
        "machine's level known",
        "and the figure's or model's own",
    ]
    return table(["precision", "mode", "left out", "rows", *head], out)


def _others(judged: JudgedCalibration) -> str:
    data = judged.errors.data
    simd = {row.machine: SIMD_CLASSES[data.machines.simd[i]] for i, row in enumerate(data.rows)}
    out = []
    for precision, mode in _CELLS:
        found = _cases(judged, precision, mode).get(_ONCE)
        if found is None:
            continue
        level = _levels(found, judged.errors)
        alike_sets = np.array(
            [simd[data.rows[i].machine] == simd[other] for i, other in zip(found.rows, found.other, strict=True)]
        )
        middle = np.array([np.median(found.errors[found.rows == row]) for row in np.unique(found.rows)])
        cells = [
            _median(errors[part])
            for part in (alike_sets, ~alike_sets)
            for errors in (found.errors, found.errors - level)
        ]
        out.append([precision, mode, *cells, _median(middle)])
    head = ["same set", "and the level known", "another set", "and the level known", "median over all others"]
    return table(["precision", "mode", *head], out)


def _floors(judged: JudgedCalibration) -> Iterator[list[object]]:
    for pair in source_disagreements(judged.errors.data.rows):
        from_one = (np.sqrt(2.0) * share for share in (pair.raw, pair.software_known, pair.machine_known))
        floors = [pair.raw, *from_one]
        yield [pair.precision, pair.mode, pair.machines, pair.pairs, *(f"{100 * np.expm1(x):.1f} %" for x in floors)]


def page(judged: JudgedCalibration, works: Mapping[str, WorkTable]) -> str:
    """Return the section for errors that are there."""
    floors = table(
        [
            "precision",
            "mode",
            "machines",
            "pairs",
            "floor",
            "from one figure elsewhere",
            "software known",
            "machine's shift known",
        ],
        list(_floors(judged)),
    )
    return _TEXT.format(
        drawn=_DRAWN,
        variances=_variances(judged, works),
        known=_once_known(judged),
        others=_others(judged),
        floors=floors,
    )


def run(quick: bool = False) -> str:
    """Leave everything out, or take over what another section has left out, and return the section."""
    dataset, judged = judged_machines(quick)
    return page(judged, dataset.works)


if __name__ == "__main__":
    sys.stdout.write(run("--quick" in sys.argv[1:]) + "\n")
