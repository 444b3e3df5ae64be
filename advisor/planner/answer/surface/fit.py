"""Two penalised regressions and the folds that judge them: a page needs no more of a statistics package.

Importing one takes longer than both fits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Fit = Callable[[Floats, Floats], Floats]
"""From a design (n, k) and what is to be told (n,) to an intercept and k coefficients."""

MOST_STEPS, MOST_HALVINGS = 100, 30
SETTLED = 1e-9
"""Largest change of a coefficient in one step from which on it stands."""


def ridge(x: Floats, y: Floats, penalty: float) -> Floats:
    r"""Least squares with a penalty on the squares of the coefficients, not on the intercept; the intercept first.

    .. math:: \min_{b, w} \sum_i (y_i - b - x_i w)^2 + \alpha\, w^\top w

    Source: Hoerl and Kennard 1970, https://doi.org/10.1080/00401706.1970.10488634.
    """
    mean, middle = x.mean(axis=0), float(y.mean())
    centred = x - mean
    weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - middle))
    return np.concatenate([[middle - float(mean @ weights)], weights])


def logistic(x: Floats, happens: Floats, strength: float) -> Floats:
    r"""Logit that something happens (0 or 1) with a penalty on the coefficients, not on the intercept, which is first.

    .. math:: \min_{b, w} \tfrac12 w^\top w + C \sum_i \log\bigl(1 + e^{-s_i (b + x_i w)}\bigr), \qquad s_i = \pm 1

    by Newton's method with halved steps. Where all or none happens, the intercept alone says so. Source: le Cessie and
    van Houwelingen 1992, https://doi.org/10.2307/2347628.
    """
    found = np.zeros(x.shape[1] + 1)
    if happens.min() == happens.max():
        found[0] = np.inf if happens[0] else -np.inf
        return found
    design = np.hstack([np.ones((len(x), 1)), x])
    shrink = np.concatenate([[0.0], np.full(x.shape[1], 1.0 / strength)])

    def cost(at: Floats) -> float:
        logit = design @ at
        return float(np.logaddexp(0.0, logit).sum() - happens @ logit + 0.5 * shrink @ at**2)

    for _ in range(MOST_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -500.0, 500.0)))
        slope = design.T @ (chance - happens) + shrink * found
        curvature = design.T @ (design * (chance * (1.0 - chance))[:, None]) + np.diag(shrink)
        step = np.linalg.solve(curvature, slope)
        before = cost(found)
        for _ in range(MOST_HALVINGS):
            if cost(found - step) <= before:
                break
            step = step / 2.0
        found = found - step
        if float(np.abs(step).max()) < SETTLED:
            break
    return found


def told(x: Floats, fitted: Floats) -> Floats:
    """What a fit says of each row."""
    result: Floats = fitted[0] + x @ fitted[1:]
    return result


def left_out(x: Floats, y: Floats, fit: Fit, folds: int) -> Floats:
    """What is said of each row by a fit to the rows of the other folds, which are drawn always alike."""
    said = np.empty(len(y))
    for fold in np.array_split(np.random.default_rng(0).permutation(len(y)), folds):
        others = np.ones(len(y), dtype=bool)
        others[fold] = False
        said[fold] = told(x[fold], fit(x[others], y[others]))
    return said
