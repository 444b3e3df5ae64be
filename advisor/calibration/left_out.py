"""Errors of the shipped calibration on what was left out of its fit: machines, classes of them, models, families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import LARGER_THAN_SMALL, POWER_CLASSES, SMALL_CORES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.elsewhere.residual import GroupsOut

from .dataset import Dataset, learnable, residual_points, residual_rows, thin
from .physics import fit_parameters, log_time
from .published import Observations, is_tuned
from .scales import FitChoice, leave_one_out, without

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def tuned(data: Observations) -> Flags:
    """Rows of tuned benchmarks, and untuned ones of machines that have no others: predictions stand for the former."""
    plain = np.array([is_tuned(row.era) for row in data.rows])
    with_tuned = {row.machine for row, flag in zip(data.rows, plain, strict=True) if flag}
    result: Flags = plain | np.array([row.machine not in with_tuned for row in data.rows])
    return result


def cells(data: Observations) -> list[tuple[str, str]]:
    """Class of errors, and precision with mode, of each row; small cores within the class that they are a part of."""
    classes = [LARGER_THAN_SMALL if name == SMALL_CORES else name for name in data.machines.error_classes()]
    return [
        (name, f"{PRECISIONS[row.precision]}/{MODES[row.mode]}") for name, row in zip(classes, data.rows, strict=True)
    ]


def grouped(keys: Sequence[str], rows: Sequence[int]) -> dict[str, list[int]]:
    """Rows by their key."""
    groups: dict[str, list[int]] = {}
    for i in rows:
        groups.setdefault(keys[i], []).append(i)
    return groups


@dataclass(frozen=True)
class LeftOutErrors:
    """Errors log(true time / predicted time) of the rows of the residual process, by what was left out."""

    data: Observations
    machine: Array
    shown: Array
    """The same against what a user is shown, which is stated for the reference source whatever the row's own."""
    classes: Array
    """With the whole SIMD class of the machine left out."""
    anchored: Array
    """With the model on this machine left out; the machine stays known."""
    lone: Array
    """The same with the other machines of its class left out, too."""
    published: Array
    """With this row alone left out, where another source has the same; else NaN."""
    unseen: Array
    """With the model's family left out everywhere; the machine stays known."""
    unpublished: Array
    """With machine and model family left out together."""
    once: Array
    """The same with the model measured on one other machine; NaN where no other has it."""
    families: Mapping[str, int]
    """Machines by name; those of one number were left out together wherever a machine was."""

    @property
    def together(self) -> dict[str, frozenset[str]]:
        """By machine, those whose errors are left out of the bands that it is judged by: its family.

        The machine alone where its family is all of its class, and that has no parent of its power: without it the
        class would have the width of all machines.
        """
        pairs = {row.machine: name for row, (name, _) in zip(self.data.rows, cells(self.data), strict=True)}
        found = {}
        for machine, group in pairs.items():
            family = frozenset(name for name in pairs if self.families[name] == self.families[machine])
            others = [name for name in pairs if pairs[name] == group and name not in family]
            found[machine] = family if others or group in POWER_CLASSES else frozenset({machine})
        return found

    @property
    def counted(self) -> Flags:
        """Rows that bands of known chips are made of: those judged, without suspect boxes."""
        return learnable(self.data) & self.judged

    @property
    def judged(self) -> Flags:
        """Rows that bands are judged on: tuned benchmarks, and others of machines that have none.

        Bands of machines that were left out are made of all of them that are not doubtful, suspect boxes included.
        """
        return tuned(self.data)


def class_out_errors(dataset: Dataset, choice: FitChoice) -> Array:
    """Errors of every row when its whole SIMD class is left out of physics and residual process."""
    data = dataset.data.take(residual_rows(dataset.data))
    points = residual_points(data, dataset.works)[0]
    thinned = dataset.data.take(thin(dataset.data))
    folds = GroupsOut(points, choice.scales, learnable(data))
    simd = data.machines.simd
    errors = np.full(len(data.rows), np.nan)
    for _, mine in leave_one_out(simd):
        others = thinned.take(without(thinned, {data.rows[i].machine for i in mine}))
        fold = fit_parameters(others, choice.parameters.values, iterations=5, strictness=choice.strictness)
        errors[mine] = folds.errors(data.log_time - log_time(fold, data), mine)[0]
    return errors


def known_chip_errors(dataset: Dataset, choice: FitChoice) -> tuple[Array, Array]:
    """Errors on machines that stay known.

    First with all rows of (machine, model) left out; second with one row left out where another source or release has
    the same machine, model, precision and mode (NaN elsewhere).
    """
    data = dataset.data.take(residual_rows(dataset.data))
    points = residual_points(data, dataset.works)[0]
    folds = GroupsOut(points, choice.scales, learnable(data))
    rest = data.log_time - log_time(choice.parameters, data)
    anchored, published = np.full(len(rest), np.nan), np.full(len(rest), np.nan)
    for part in grouped([f"{row.machine} {row.model}" for row in data.rows], range(len(rest))).values():
        rows = np.array(part)
        anchored[rows] = folds.errors(rest, rows)[0]
        same = [(data.rows[i].precision, data.rows[i].mode) for i in part]
        for i, cell in zip(part, same, strict=True):
            if same.count(cell) > 1:
                published[i] = folds.errors(rest, np.array([i]))[0][0]
    return anchored, published
