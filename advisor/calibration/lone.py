"""Errors on chips that have figures of other models, but stand alone in their SIMD class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.elsewhere.residual import GroupsOut

from .dataset import Dataset, learnable, residual_points, residual_rows
from .physics import log_time
from .scales import FitChoice, leave_one_out

Array = NDArray[np.float64]


def lone_errors(dataset: Dataset, choice: FitChoice) -> Array:
    """Errors with all rows of (machine, model) left out, and every other machine of its class.

    What a chip's own figures say where no relative helps to read them; of a chip that has none, its usual errors.
    Physics is that of all machines.
    """
    data = dataset.data.take(residual_rows(dataset.data))
    points = residual_points(data, dataset.works)[0]
    process = GroupsOut(points, choice.scales, learnable(data))
    rest = data.log_time - log_time(choice.parameters, data)
    errors = np.full(len(rest), np.nan)
    simd = data.machines.simd
    for _, mine in leave_one_out(points.machine):
        relatives = np.flatnonzero((simd == simd[mine[0]]) & (points.machine != points.machine[mine[0]]))
        inverse, weights = process.without(rest, mine, relatives)
        for model in np.unique(points.model[mine]):
            group = np.flatnonzero(points.model[mine] == model)
            errors[mine[group]] = np.linalg.solve(inverse[np.ix_(group, group)], weights[group])
    return errors
