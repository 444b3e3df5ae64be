"""Joint draws of how far several models on one machine lie from their estimates: one shared part, and each its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.records.base import Z90


def joint_z(
    machine_share: Sequence[float] | NDArray[np.float64], rng: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    r"""Standard normal quantiles of several estimates of one machine, shape (draws, estimates).

    .. math:: z_k = \sqrt{s_k}\, Z_{machine} + \sqrt{1 - s_k}\, Z_k

    with the ``machine_share`` s_k of each estimate, so that two of them correlate by the root of the product of their
    shares. Each is the quantile at which an interval is read: larger is slower. The machine's part is drawn before
    those of the models, and theirs one estimate after another: a longer list begins with the draws of a shorter one.
    Source: the one-way random-effects model of docs/methods/joint.md.

    Raises
    ------
    ValueError
        A share lies outside 0 to 1.
    """
    shares = np.asarray(machine_share, dtype=np.float64)
    if not bool(((shares >= 0.0) & (shares <= 1.0)).all()):
        raise ValueError(f"machine_share {list(machine_share)}: each must lie between 0 and 1")
    common = rng.standard_normal(draws)
    own = rng.standard_normal((len(shares), draws)).T
    result: NDArray[np.float64] = np.sqrt(shares) * common[:, None] + np.sqrt(1.0 - shares) * own
    return result


def log_error_at(low: NDArray[np.float64], high: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of true over predicted time at standard normal quantiles ``z``, log-normal on each side of the median.

    ``low`` <= 0 <= ``high`` are the logarithms at 10 and 90 %, one per estimate (last axis of ``z``).
    """
    result: NDArray[np.float64] = np.where(z >= 0.0, high, -low) / Z90 * z
    return result
