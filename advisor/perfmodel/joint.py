"""Joint draws of how far several models on one machine lie from their estimates: one shared part, and each its own.

What the planner draws a box with and what ``advisor/calibration/reliability.py`` proves is this one law
(docs/methods/probability.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.records.base import Z90

Array = NDArray[np.float64]


def mixed(machine_share: float | Array, machine: Array, own: Array) -> Array:
    r"""Quantiles of models from those of their machine and their own; all standard normal.

    .. math:: z_k = \sqrt{s_k}\, Z_{machine} + \sqrt{1 - s_k}\, Z_k

    so that two models of one machine correlate by the root of the product of their shares s_k. Source: the one-way
    random-effects model, Searle, Casella and McCulloch (1992), Variance Components, chapter 3.
    """
    result: Array = np.sqrt(machine_share) * machine + np.sqrt(1.0 - np.asarray(machine_share)) * own
    return result


def joint_z(machine_share: Sequence[float] | Array, rng: np.random.Generator, draws: int) -> Array:
    """Standard normal quantiles of several estimates of one machine (:func:`mixed`), shape (draws, estimates).

    Each is the quantile at which an interval is read: larger is slower. The machine's part is drawn before those of the
    models, and theirs one after another: a longer list begins with the draws of a shorter one.

    Raises
    ------
    ValueError
        A share lies outside 0 to 1.
    """
    shares = np.asarray(machine_share, dtype=np.float64)
    if not bool(((shares >= 0.0) & (shares <= 1.0)).all()):
        raise ValueError(f"machine_share {shares.tolist()}: each must lie between 0 and 1")
    machine = rng.standard_normal(draws)
    own = rng.standard_normal((len(shares), draws)).T
    return mixed(shares, machine[:, None], own)


def log_error_at(low: Array, high: Array, z: Array) -> Array:
    """Logarithm of true over predicted time at standard normal quantiles ``z``, log-normal on each side of the median.

    ``low`` <= 0 <= ``high`` are the logarithms at 10 and 90 %, one per estimate (last axis of ``z``).
    """
    result: Array = np.where(z >= 0.0, high, -low) / Z90 * z
    return result
