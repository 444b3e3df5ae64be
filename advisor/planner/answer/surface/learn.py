r"""Limits that simulations teach: utilisation above the closed form, and from where on a draw fails.

Simulated utilisation over that of the utilisation law is :math:`\exp(q(x) + b)` with a polynomial q of second degree in
the standardised features x and an offset b of each way to use a box, by ridge regression. The logit that a draw
fails is linear in x, with such an offset, by penalised logistic regression. Both errors are those on simulations that
were left out (five folds). Source: derived here; docs/methods/what-if.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from advisor.records.surface import LearntLimits

from .boxes import rounded
from .experiment import FULL, Sample
from .features import FEATURES
from .fit import left_out, logistic, ridge

Floats = NDArray[np.float64]

RIDGE, OWN_UTILISATION = 0.3, 0.7
PENALTY, OWN_FAILURE = 3.0, 0.5
"""Strengths of the penalties, and weight of what is a box's own: found on three shipped scenarios by leaving out."""
FOLDS = 5
LEAST_TOLD = 4 * FOLDS
"""Simulations from which utilisation can be learnt, and judged on those left out; few or idle boxes give less."""
LEAST_BUSY = 0.1
"""Utilisation below which the ratio to the closed form decides nothing."""
BUSY, DEVICE = FEATURES.index("busy"), FEATURES.index("device_busy")


@dataclass(frozen=True)
class Learnt:
    """The limits, and by place what is its own."""

    limits: LearntLimits
    utilisation_offsets: tuple[float, ...]
    failure_offsets: tuple[float, ...]


def quadratic(z: Floats) -> Floats:
    """Linear and quadratic terms (i <= j) of standardised features (columns)."""
    columns = [z]
    columns += [z[:, [i]] * z[:, i:] for i in range(z.shape[1])]
    return np.hstack(columns)


def learn(samples: Sequence[Sample], places: int) -> Learnt | None:
    """Fit both limits; ``places``: how many ways to use a box there are. None: too few simulations tell anything."""
    if len(samples) < LEAST_TOLD:
        return None
    x = np.array([sample.features for sample in samples])
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    z, own = (x - mean) / scale, _own(samples, places)
    busy = np.minimum(np.exp(x[:, BUSY]), 1.0)
    simulated = np.array([sample.utilisation for sample in samples])
    telling = (simulated < FULL) & (simulated > LEAST_BUSY)
    if telling.sum() < LEAST_TOLD:
        return None
    design = np.hstack([quadratic(z), OWN_UTILISATION * own])[telling]
    ratio = np.log(simulated[telling] / busy[telling])
    fit_ratio, fit_failure = partial(ridge, penalty=RIDGE), partial(logistic, strength=PENALTY)
    utilisation_error = float(np.quantile(np.abs(np.expm1(left_out(design, ratio, fit_ratio, FOLDS) - ratio)), 0.9))
    utilisation = fit_ratio(design, ratio)
    terms = 1 + design.shape[1] - places
    draws = np.array([sample.is_draw for sample in samples])
    failed = np.array([sample.failed for sample in samples])[draws]
    chances, offsets, failure_error = _constant(failed, z.shape[1]), np.zeros(places), 0.0
    if min(failed.sum(), (~failed).sum()) >= FOLDS:
        every = np.hstack([z, OWN_FAILURE * own])[draws]
        failing = failed.astype(np.float64)
        failure_error = float(np.mean((left_out(every, failing, fit_failure, FOLDS) > 0.0) != failed))
        fitted = fit_failure(every, failing)
        chances, offsets = fitted[: 1 + z.shape[1]], OWN_FAILURE * fitted[1 + z.shape[1] :]
    device = np.array([sample.device for sample in samples])
    busy_device = (device > LEAST_BUSY) & (device < FULL)
    closed = np.exp(x[busy_device, DEVICE])
    limits = LearntLimits(
        features=FEATURES,
        mean=_rounded(mean),
        scale=_rounded(scale),
        utilisation=_rounded(utilisation[:terms]),
        failure=_rounded(chances),
        device_ratio=rounded(float(np.median(device[busy_device] / closed))) if busy_device.any() else 1.0,
        utilisation_error=rounded(utilisation_error),
        failure_error=rounded(failure_error),
        simulations=len(samples),
    )
    return Learnt(limits, _rounded(OWN_UTILISATION * utilisation[terms:]), _rounded(offsets))


def _own(samples: Sequence[Sample], places: int) -> Floats:
    own = np.zeros((len(samples), places))
    own[np.arange(len(samples)), [sample.place for sample in samples]] = 1.0
    return own


def _constant(failed: NDArray[np.bool_], features: int) -> Floats:
    """Logit of the share that fails where nearly all or nearly none do: no dependence can be learnt."""
    share = (failed.sum() + 0.5) / (len(failed) + 1.0)
    return np.concatenate([[np.log(share / (1.0 - share))], np.zeros(features)])


def _rounded(values: Sequence[float] | Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.5g}") for value in values)
