"""Scales of the residual process and strictness of the physical fit, chosen without the machines they are judged on.

Scales: the covariance is a sum of known matrices times unknown variances; the variances are those that make the
training rows most likely, with a weak prior around 0.1. Source: Rasmussen and Williams (2006), eq. (5.8) and (5.9) for
the likelihood and its gradient. Strictness: the variant of the physical fit that predicts inner held-out machines best.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import LeaveOneGroupOut

from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.elsewhere.residual import (
    SCALE_NAMES,
    GroupsOut,
    ResidualPoints,
    chip_features,
    components,
    likeness,
)
from advisor.records.machine import MachineSpec

from .dataset import Dataset, learnable, residual_points, residual_rows, thin
from .physics import Strictness, fit_parameters, log_time
from .published import Observations

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
FOLDS = 6
_START, _WIDTH = 0.1, 1.0
"""Prior of every scale: 0.1, within a factor of e (one standard deviation of its logarithm)."""
_STEPS = 14
_SCORING_STEPS = 8
_MOST_ROWS = 60
"""Rows per machine and kind of source that the likelihood sees: the large ones say nothing more about scales."""
VARIANTS = (Strictness(0.05, 0.04), Strictness(0.15, 0.12))


@dataclass(frozen=True, eq=False)
class FitChoice:
    """What a set of training machines chose."""

    strictness: Strictness
    parameters: Parameters
    scales: dict[str, float]


TWINS = 0.3
"""Likeness of two chips (:func:`~advisor.perfmodel.elsewhere.residual.chip_features`) from which on they are left out
together: one says about a third of what is the other's own."""


def chip_families(specs: Mapping[str, MachineSpec]) -> dict[str, int]:
    """Family of each machine: the same chip in other boxes, near twins of it, and twins of these.

    A machine whose twin stays known is predicted from that twin; what a buyer of another chip gets shows only where
    the whole family is left out.
    """
    from scipy.sparse.csgraph import connected_components

    names = sorted(specs)
    chips = chip_features(machine_arrays([specs[name] for name in names]))
    _, family = connected_components(likeness(chips, chips) >= TWINS, directed=False)
    return {name: int(number) for name, number in zip(names, family, strict=True)}


def folds_of(families: Mapping[str, int]) -> dict[str, int]:
    """Outer fold of each machine: every sixth family, in order of its first name, so that no family is cut.

    GroupKFold of scikit-learn balances rows and looks at no names: alike families would share folds by chance.
    """
    order = {family: i for i, family in enumerate(dict.fromkeys(families[name] for name in sorted(families)))}
    return {name: order[family] % FOLDS for name, family in families.items()}


def leave_one_out(groups: Integers | Sequence[str] | Sequence[int]) -> Iterator[tuple[Integers, Integers]]:
    """Rows of all other groups, and of one group, for each group in order; of a single group all rows are left out."""
    if len(np.unique(groups)) == 1:  # scikit-learn refuses that: nothing would be left to learn from
        return iter([(np.arange(0), np.arange(len(groups)))])
    return LeaveOneGroupOut().split(np.empty(len(groups)), groups=groups)  # type: ignore[no-any-return]


def without(data: Observations, left_out: Collection[str]) -> Integers:
    """Rows of all machines but those."""
    return np.flatnonzero([row.machine not in left_out for row in data.rows])


def likely_scales(points: ResidualPoints, values: Array, steps: int = _STEPS) -> dict[str, float]:
    """Scales that maximise the marginal likelihood of ``values`` times the prior."""
    from scipy.linalg.lapack import dpotrf, dpotri
    from scipy.optimize import minimize

    parts, count = components(points, points), len(values)
    own = points.noise_scale**2
    # Symmetric: the lower triangle says all, and counts twice in sums over the whole but for the diagonal.
    triangle = np.tril_indices(count)
    stacked = np.array([parts.pop(name)[triangle] for name in SCALE_NAMES[:-1]])
    twice = np.where(triangle[0] == triangle[1], 1.0, 2.0)
    diagonal = np.diag_indices(count)

    def loss(logs: Array) -> tuple[float, Array]:
        variances = np.exp(2.0 * logs)
        matrix = np.zeros((count, count), order="F")
        matrix[triangle] = variances[:-1] @ stacked
        matrix[diagonal] += variances[-1] * own
        factor, failed = dpotrf(matrix, lower=True, clean=True, overwrite_a=True)
        if failed:
            raise np.linalg.LinAlgError("covariance of the training rows is not positive definite")
        log_root = float(np.log(factor[diagonal]).sum())
        inverse, _ = dpotri(factor, lower=True, overwrite_c=True)
        lower = inverse[triangle]
        weights = inverse @ values
        weights += inverse.T @ values - inverse[diagonal] * values
        prior = (logs - np.log(_START)) / _WIDTH
        value = 0.5 * values @ weights + log_root + 0.5 * (prior**2).sum()
        inner = lower - weights[triangle[0]] * weights[triangle[1]]
        slopes = np.append(stacked @ (twice * inner), (inverse[diagonal] - weights**2) @ own)
        return float(value), slopes * variances + prior / _WIDTH

    start = np.full(len(SCALE_NAMES), np.log(_START))
    bounds = [(np.log(0.005), np.log(1.5))] * len(start)
    optimum = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": steps})
    return {name: round(float(np.exp(x)), 4) for name, x in zip(SCALE_NAMES, optimum.x, strict=True)}


def representative(data: Observations) -> Integers:
    """An even stride through the rows of machines with very many, all rows of the others; suspect boxes left out."""
    groups: dict[tuple[str, bool], list[int]] = {}
    usable = learnable(data)
    for i, row in enumerate(data.rows):
        if usable[i]:
            groups.setdefault((row.machine, row.era.startswith("dli")), []).append(i)
    keep = [i for rows in groups.values() for i in rows[:: max(1, round(len(rows) / _MOST_ROWS))]]
    return np.array(sorted(keep))


def choose(dataset: Dataset, left_out: Collection[str] = ()) -> FitChoice:
    """Choose strictness, physical parameters and scales on all machines but those left out."""
    thinned = dataset.data.take(thin(dataset.data))
    thinned = thinned.take(without(thinned, left_out))
    data = dataset.data.take(residual_rows(dataset.data))
    data = data.take(without(data, left_out))
    data = data.take(representative(data))
    points = residual_points(data, dataset.works)[0]
    families = chip_families(dataset.specs)
    family = np.array([families[row.machine] for row in data.rows])
    best: tuple[float, Strictness, Parameters] | None = None
    for variant in VARIANTS:
        parameters = fit_parameters(thinned, iterations=14, strictness=variant)
        rest = data.log_time - log_time(parameters, data)
        # Each variant with scales of its own: those of another would favour that other.
        score = _score(GroupsOut(points, likely_scales(points, rest, _SCORING_STEPS)), points, family, rest)
        if best is None or score < best[0]:
            best = score, variant, parameters
    if best is None:
        raise ValueError("no variant of the physical fit to choose from")
    _, strictness, parameters = best
    scales = likely_scales(points, data.log_time - log_time(parameters, data))
    return FitChoice(strictness, parameters, scales)


def _score(process: GroupsOut, points: ResidualPoints, family: Integers, rest: Array) -> float:
    """Mean over machines of the median absolute error with the chip's family left out (physics not refitted)."""
    medians = []
    for _, mine in leave_one_out(family):
        missed = np.abs(process.errors(rest, mine)[0])
        machines = points.machine[mine]
        medians += [float(np.median(missed[machines == number])) for number in np.unique(machines)]
    return float(np.mean(medians))
