"""What errors of machines that were left out are made of: parts of their variance, and levels that others show."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
REST = "rest"
"""What no part explains: of each error its own."""
_LEAST, _MOST, _START = 1e-4, 3.0, 0.1
_LEVEL = 10.0
"""Variance of what all errors have in common, so that a bias of all is no part of any."""


def alike(labels: Sequence[Hashable]) -> Array:
    """Covariance of a part that rows of one label share: 1 where two are equal, else 0."""
    index = _numbered(labels)
    result: Array = (index[:, None] == index[None, :]).astype(np.float64)
    return result


def contrasts(shares: Array) -> Array:
    """Covariance of shares that differ from those of the mean row, shape (n, n); 1 in the mean over the rows.

    Parameters
    ----------
    shares : array of shape (n, kinds)
        Shares of a row's time per kind of kernel. What is common to all rows is a level, and so taken off.

    Raises
    ------
    ValueError
        All rows have the same shares: there is no contrast.
    """
    apart = shares - shares.mean(axis=0)
    product = apart @ apart.T
    size = float(np.trace(product)) / len(product)
    if size <= 1e-12:
        raise ValueError("all rows have the same shares of kernels: no contrast between them")
    result: Array = product / size
    return result


def standard_deviations(errors: Array, parts: Mapping[str, Array]) -> dict[str, float]:
    r"""Standard deviation (log) of each part of a sum of independent ones, and of the rest of each row.

    .. math:: e \sim N\Bigl(0,\ \sum_k \sigma_k^2 C_k + \sigma_r^2 I + c\, 1 1^\top\Bigr)

    with known :math:`C_k` and a free common level (large c); the :math:`\sigma` are the most likely. Source: Rasmussen
    and Williams (2006), eq. (5.8) and (5.9).

    Parameters
    ----------
    errors : array of shape (n,)
        log(true time / predicted time).
    parts : mapping of str to array of shape (n, n)
        Covariance of each part at a standard deviation of one.
    """
    from scipy.optimize import minimize

    count, names = len(errors), list(parts)
    common = np.full((count, count), _LEVEL)

    def loss(logs: Array) -> tuple[float, Array]:
        variances = np.exp(2.0 * logs)
        matrix = common + variances[-1] * np.eye(count)
        for variance, name in zip(variances, names, strict=False):
            matrix += variance * parts[name]
        inverse = np.linalg.inv(matrix)
        weights = inverse @ errors
        inner = inverse - np.outer(weights, weights)
        slopes = [float(np.vdot(inner, parts[name])) for name in names]
        slopes.append(float(np.trace(inner)))
        value = 0.5 * float(errors @ weights) + 0.5 * float(np.linalg.slogdet(matrix)[1])
        return value, np.array(slopes) * variances

    bounds = [(np.log(_LEAST), np.log(_MOST))] * (len(names) + 1)
    start = np.full(len(bounds), np.log(_START))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return dict(zip([*names, REST], np.exp(found.x).tolist(), strict=True))


def level_from_others(errors: Array, groups: Sequence[Hashable], own: Sequence[Hashable]) -> Array:
    """Per row, the median error of its group without the rows that share its ``own`` label; NaN where none is left.

    With machines as groups and models as labels of their own: the level of the machine as its other models show it, so
    that no error is used to mend itself.
    """
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    result = np.full(len(errors), np.nan)
    for rows in members.values():
        part, labels = np.array(rows), _numbered([own[i] for i in rows])
        for label in np.unique(labels):
            others = errors[part[labels != label]]
            if len(others):
                result[part[labels == label]] = np.median(others)
    return result


def _numbered(labels: Sequence[Hashable]) -> NDArray[np.int64]:
    names = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    return np.array([names[label] for label in labels])
