"""Least-squares fit of the physical parameters, model and era effects projected out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.parameters import DEVIATION, HIGHEST, LOWEST, MEAN, Parameters
from advisor.perfmodel.analytic.physics import REFERENCE_HZ, pass_time
from advisor.perfmodel.analytic.runtime_defaults import THROUGHPUT

from .published import Observations

Array = NDArray[np.float64]
ROW_DEVIATION = 0.15
"""Scale (log) by which errors of a row are weighed; the loss is linear beyond it."""


@dataclass(frozen=True)
class Strictness:
    """Scales (log) by which errors of a machine and of its precisions and modes are weighed.

    The loss is linear beyond the scales, so a machine that is unlike its data sheet pulls no harder than one that is a
    little off. Priors are no choice of a fold: wider ones fit better in the machines that are seen, and predict
    left-out ones worse (nested, 2026-11-29).
    """

    machine: float = 0.05
    cell: float = 0.04


PRIOR_WIDTH = 0.6
"""Share of the priors' deviations that a fit takes. With all of them a family of chips that is left out is predicted
worse, since the others move constants to what they themselves are off (trial in ``docs/methods/pass-time.md``)."""
_SPREAD = PRIOR_WIDTH * DEVIATION
_MODEL_SHRINK = 1.0
"""Rows' worth of belief that a model's own offset is zero."""


def log_time(p: Parameters, data: Observations) -> Array:
    """Logarithm of the physical model's answer in the unit of ``data.log_time``.

    An untuned harness adds time of its own to each request, which is no part of a prediction.
    """
    parts = pass_time(p, data.machines, data.table, data.peak_activation, data.runs)
    total = parts.total + data.untuned * p.factor("harness") * REFERENCE_HZ / parts.clock
    per_input = total / (data.runs.streams * data.runs.batch)
    result: Array = np.log(np.where(data.mode == THROUGHPUT, per_input, total))
    return result


class GroupMeans:
    """Subtracts shrunken means of residuals per (model, precision, mode): the offset that a name carries everywhere."""

    def __init__(self, labels: list[tuple[object, ...]], shrink: float) -> None:
        _, self.index = np.unique([repr(label) for label in labels], return_inverse=True)
        self.counts = np.bincount(self.index)
        self.shrink = shrink

    def means(self, residual: Array) -> Array:
        """Shrunken mean of each group."""
        means: Array = np.bincount(self.index, weights=residual) / (self.counts + self.shrink)
        return means

    def subtract(self, residual: Array) -> Array:
        """Residuals without their group's shrunken mean."""
        result: Array = residual - self.means(residual)[self.index]
        return result


def row_weights(data: Observations) -> Array:
    """Weights so that a machine with a thousand rows does not outvote one with ten: 1 / sqrt(rows per machine / 40)."""
    machines = [row.machine for row in data.rows]
    _, index, counts = np.unique(machines, return_inverse=True, return_counts=True)
    weights: Array = np.minimum(1.0, (40.0 / counts[index]) ** 0.5)
    return weights


def robust(z: Array) -> Array:
    """Residuals whose half square is the soft-L1 loss: only data are robust, priors stay quadratic."""
    result: Array = np.sign(z) * np.sqrt(2.0 * (np.sqrt(1.0 + z**2) - 1.0))
    return result


def fit_parameters(
    data: Observations,
    start: NDArray[np.float64] | None = None,
    iterations: int = 25,
    strictness: Strictness = Strictness(),
) -> Parameters:
    """Fit by robust non-linear least squares on logarithms (soft L1, scale 0.15), priors as further residuals.

    Parameters stay within :data:`~advisor.perfmodel.analytic.parameters.BOUNDS`.
    """
    from scipy.optimize import least_squares

    model_effect = GroupMeans([(row.model, row.precision, row.mode) for row in data.rows], _MODEL_SHRINK)
    era_effect = GroupMeans([(row.era, row.precision, row.mode) for row in data.rows], 20.0)
    # What a machine shows beyond its data sheet is its own: it counts as one draw, not as one per row.
    machine_effect = GroupMeans([(row.machine,) for row in data.rows], 1.0)
    cell_effect = GroupMeans([(row.machine, row.precision, row.mode) for row in data.rows], 2.0)
    weights = row_weights(data)

    def residuals(values: Array) -> Array:
        rest = data.log_time - log_time(Parameters(values), data)
        rest = model_effect.subtract(era_effect.subtract(rest))
        machine = machine_effect.means(rest)
        rest = rest - machine[machine_effect.index]
        cell = cell_effect.means(rest)
        rest = rest - cell[cell_effect.index]
        levels = np.concatenate([robust(machine / strictness.machine), robust(cell / strictness.cell)])
        return np.concatenate([robust(weights * rest / ROW_DEVIATION), levels, (values - MEAN) / _SPREAD])

    margin = 1e-3 * _SPREAD
    begin = np.clip(MEAN if start is None else start, LOWEST + margin, HIGHEST - margin)
    solution = least_squares(
        residuals, begin, bounds=(LOWEST, HIGHEST), method="trf", max_nfev=iterations, x_scale=_SPREAD
    )
    return Parameters(solution.x)
