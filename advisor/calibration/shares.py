"""How much of an error all models on a machine have in common: variance components of errors on what was left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.interval import ASSUMED_SHARE, BETWEEN_BELIEF
from advisor.records.base import Z90

from .published import Row

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
_FARTHEST = 2.0 * Z90
"""Standard deviations beyond which an error counts as being there: twice the distance of P10-P90. One figure that is
off by far would otherwise be all of a machine's variance."""


@dataclass(frozen=True)
class SharedVariance:
    """Per machine: mean product of the errors of two different models, and mean square of one; both over one scale.

    The mean product estimates the variance of the machine's factor without bias, the mean square the whole variance.
    """

    machines: tuple[str, ...]
    product: Array
    square: Array

    @classmethod
    def of(cls, errors: Array, machines: Sequence[str], models: Sequence[str]) -> SharedVariance:
        """Split errors of one precision and mode; a machine on which one model alone was judged says nothing.

        Errors are taken about zero, as the interval is read: an offset that all machines have is in common, too.
        """
        if not len(errors):
            return cls((), np.zeros(0), np.zeros(0))
        z = _scaled(errors)
        names, index = np.unique(list(machines), return_inverse=True)
        kept, products, squares = [], [], []
        for number, name in enumerate(names):
            mine = np.flatnonzero(index == number)
            _, model = np.unique([models[i] for i in mine.tolist()], return_inverse=True)
            counts = np.bincount(model)
            pairs = len(mine) ** 2 - int((counts**2).sum())
            if pairs:
                # Two rows of one model (another source) share the model's error: only pairs of two models count.
                of_models = np.bincount(model, weights=z[mine])
                kept.append(str(name))
                products.append((z[mine].sum() ** 2 - (of_models**2).sum()) / pairs)
                squares.append(float((z[mine] ** 2).mean()))
        return cls(tuple(kept), np.array(products), np.array(squares))

    def without(self, left_out: Collection[str]) -> SharedVariance:
        """The same without some machines."""
        keep = np.array([name not in left_out for name in self.machines], dtype=bool)
        kept = tuple(name for name in self.machines if name not in left_out)
        return SharedVariance(kept, self.product[keep], self.square[keep])

    def share(self, parent: float = ASSUMED_SHARE) -> float:
        r"""Machine's share of the variance, shrunk to that of a parent group; every machine has one vote.

        .. math:: s = \frac{\nu s_0 + \sum_j c_j}{\nu + \sum_j q_j}

        with the mean products c_j and mean squares q_j of machine j, in units of the group's own scale (so that the
        belief of nu machines in the parent's s_0, that of ``interval.py``, has mean squares of one), kept in 0 to 1.
        Source: moments of the one-way random-effects model with known mean, Searle, Casella and McCulloch (1992),
        Variance Components, section 3.6; pairs in place of sums of squares, because groups are unequal and one model
        may have several rows.
        """
        top = BETWEEN_BELIEF * parent + float(self.product.sum())
        return float(np.clip(top / (BETWEEN_BELIEF + float(self.square.sum())), 0.0, 1.0))


_MEDIAN_OF_NORMAL = 0.6745
"""Median of the absolute value of a standard normal variable."""


def together(parts: Iterable[SharedVariance]) -> SharedVariance:
    """Machines of several groups, each in units of its own group's scale."""
    every = list(parts)
    return SharedVariance(
        tuple(name for part in every for name in part.machines),
        np.concatenate([part.product for part in every]) if every else np.zeros(0),
        np.concatenate([part.square for part in every]) if every else np.zeros(0),
    )


def precision_correlation(errors: Array, rows: Sequence[Row], first: Integers, second: Integers) -> float:
    """Correlation of the machine's part between two precisions, over machines that have both.

    Pairs of different models as above, one of each precision, over the root of the products within each; NaN where the
    machine shares nothing within one of them.

    Parameters
    ----------
    errors : ndarray, shape (rows,)
        Log errors with the machine left out.
    rows : sequence of Row
        Machine and model of each.
    first, second : ndarray of int
        Places of the rows of each precision.
    """
    within = [
        SharedVariance.of(errors[part], [rows[i].machine for i in part], [rows[i].model for i in part])
        for part in (first, second)
    ]
    scaled = [_scaled(errors[part]) for part in (first, second)]
    both = sorted(set(within[0].machines) & set(within[1].machines))
    across = []
    for name in both:
        a, b = ([k for k, i in enumerate(part) if rows[i].machine == name] for part in (first, second))
        others = np.array([[rows[first[i]].model != rows[second[j]].model for j in b] for i in a])
        across.append(float(np.outer(scaled[0][a], scaled[1][b])[others].mean()))
    parts = [
        float(np.mean([c for c, name in zip(item.product, item.machines, strict=True) if name in both]))
        for item in within
    ]
    return float(np.mean(across) / np.sqrt(parts[0] * parts[1])) if min(parts) > 0 else float("nan")


def _scaled(errors: Array) -> Array:
    """Errors in units of their group's standard deviation, far ones drawn in."""
    scale = max(float(np.median(np.abs(errors))) / _MEDIAN_OF_NORMAL, 1e-9)
    return np.clip(errors / scale, -_FARTHEST, _FARTHEST)
