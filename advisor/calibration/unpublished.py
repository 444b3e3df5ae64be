"""Errors where a buyer stands: his model has no published figure, and neither has the chip that he looks at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.perfmodel.elsewhere.residual import GroupsOut

from .dataset import Dataset, learnable, residual_points, residual_rows
from .physics import log_time
from .scales import FitChoice, leave_one_out

Array = NDArray[np.float64]
_NUMBER = re.compile(r"[-_]?v?\d")


def words_before_number(name: str) -> str:
    """Begin of a model's name that its relatives share: ``densenet-161`` and ``densenet-201`` both give densenet."""
    return _NUMBER.split(name.replace("_", "-"), maxsplit=1)[0]


def relatives(models: Sequence[str], works: Mapping[str, WorkTable]) -> list[NDArray[np.int64]]:
    """Per model, the positions of all that are left out with it: same family, or same words before the first number.

    The second for networks whose family nobody stated: each of them is a family of its own in the work tables.
    """
    families = np.array([works[name].family for name in models])
    words = np.array([words_before_number(name) or name for name in models])
    return [np.flatnonzero((families == families[i]) | (words == words[i])) for i in range(len(models))]


class ElsewhereError(NamedTuple):
    """Error of one row once its model is measured on one other machine."""

    row: int
    other: str
    """The machine that the model is measured on."""
    error: float
    """log(true time / predicted time)."""


@dataclass(frozen=True)
class UnpublishedErrors:
    """Errors log(true time / predicted time) of each row of the residual process, chip family and model left out."""

    errors: Array
    """With the model's whole family left out on every machine."""
    once: Array
    """The same with the model measured on one other machine, drawn at random; NaN where no other has it."""
    elsewhere: tuple[ElsewhereError, ...]
    """Once the model itself (not its family) is measured on one other machine, for each of those that have it."""


def unpublished_errors(
    dataset: Dataset,
    choices: Mapping[str, FitChoice],
    parameters: Mapping[str, Parameters],
    families: Mapping[str, int],
    *,
    seed: int = 0,
) -> UnpublishedErrors:
    """Leave out the family of the machine and that of the model together.

    ``parameters``: physics fitted without each family of machines, by machine, as ``choices``. They saw the model
    elsewhere, with its offset per precision and mode projected out: some 60 numbers against thousands of rows. The
    residual process saw neither.
    """
    data = dataset.data.take(residual_rows(dataset.data))
    points, machines, models, _ = residual_points(data, dataset.works)
    usable = learnable(data)
    left_out_with = relatives(models, dataset.works)
    processes: dict[FitChoice, GroupsOut] = {}
    errors = np.full(len(data.rows), np.nan)
    elsewhere: list[ElsewhereError] = []
    once, rng = np.full(len(data.rows), np.nan), np.random.default_rng(seed)
    family = np.array([families[row.machine] for row in data.rows])
    for _, mine in leave_one_out(family):
        name = machines[points.machine[mine[0]]]
        choice = choices[name]
        if choice not in processes:
            processes[choice] = GroupsOut(points, choice.scales, usable)
        rest = data.log_time - log_time(parameters[name], data)
        for model in np.unique(points.model[mine]):
            rows = np.flatnonzero(np.isin(points.model, left_out_with[model]) | (family == family[mine[0]]))
            missed, spread = processes[choice].errors(rest, rows)
            here, of_model = family[rows] == family[mine[0]], points.model[rows] == model
            wanted = np.flatnonzero(here & of_model)
            errors[rows[wanted]] = missed[wanted]
            others = np.unique(points.machine[rows[of_model & ~here & usable[rows]]])
            drawn = rng.choice(others) if len(others) else -1
            for other in others:
                known = np.flatnonzero((points.machine[rows] == other) & of_model & usable[rows])
                gain = np.linalg.solve(spread[np.ix_(known, known)], missed[known])
                remaining = missed[wanted] - spread[np.ix_(wanted, known)] @ gain
                pairs = zip(rows[wanted].tolist(), remaining.tolist(), strict=True)
                elsewhere += [ElsewhereError(row, machines[other], error) for row, error in pairs]
                if other == drawn:
                    once[rows[wanted]] = remaining
    return UnpublishedErrors(errors, once, tuple(elsewhere))


def unseen_model_errors(dataset: Dataset, choice: FitChoice) -> Array:
    """Errors when a model and its whole family are left out of the residual process, its machines known.

    The physical parameters see the model (some 60 numbers against thousands of rows: its share in them is small).
    """
    data = dataset.data.take(residual_rows(dataset.data))
    points, _, models, _ = residual_points(data, dataset.works)
    folds = GroupsOut(points, choice.scales, learnable(data))
    rest = data.log_time - log_time(choice.parameters, data)
    errors = np.empty(len(rest))
    for model, left_out in enumerate(relatives(models, dataset.works)):
        rows = np.flatnonzero(np.isin(points.model, left_out))
        mine = points.model[rows] == model
        errors[rows[mine]] = folds.errors(rest, rows)[0][mine]
    return errors
