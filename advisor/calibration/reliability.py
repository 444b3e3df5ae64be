"""Whether a stated probability is one: random mixes of published models on machines that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.joint import joint_z, log_error_at

from .bands import NestedWidths
from .left_out import LeftOutErrors
from .published import REFERENCE_ERA

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Limits = Literal["even", "spread"]
"""How a mix's limit is drawn: so that the stated probabilities are spread evenly over 0 to 1; or demand over limit from
0.3 to 3 at the medians, whatever is stated."""
BINS = 10
CONFIDENT = 0.9
PER_MACHINE = 400
_DRAWS = 400
_MOST_MODELS = 4
_SPREAD = (0.3, 3.0)
_NEAR = (0.85, 0.95)
_CHOICES = ("f32", "int8", "either")


@dataclass(frozen=True)
class Judgements:
    """Stated probabilities that a mix of models fits, and whether it did by the published speeds."""

    stated: Array
    """From joint draws: the machine's factor and each model's own error."""
    one_factor: Array
    """From one quantile for all models, as the releases before stated it."""
    held: Flags
    machines: tuple[str, ...]
    simd: tuple[str, ...]

    def take(self, chosen: Flags) -> Judgements:
        """A part of them."""
        kept = np.flatnonzero(chosen)
        return Judgements(
            self.stated[kept],
            self.one_factor[kept],
            self.held[kept],
            tuple(self.machines[i] for i in kept),
            tuple(self.simd[i] for i in kept),
        )


Pools = dict[str, list[list[int]]]
"""Rows of a machine to mix, per mode and choice of precision: one list per model."""


def _pools(errors: LeftOutErrors, actual: Array, widths: NestedWidths) -> dict[str, Pools]:
    """What can be mixed on each machine; one source per model, precision and mode, the reference where it has it."""
    kept: dict[tuple[str, str, str, str], int] = {}
    judged = errors.judged & np.isfinite(actual) & np.isfinite(widths.low)
    for i in np.flatnonzero(judged).tolist():
        row = errors.data.rows[i]
        key = row.machine, MODES[row.mode], PRECISIONS[row.precision], row.model
        if PRECISIONS[row.precision] in _CHOICES and (key not in kept or row.era == REFERENCE_ERA):
            kept[key] = i
    pools: dict[str, dict[str, dict[str, list[int]]]] = {}
    for (machine, mode, precision, model), i in kept.items():
        for choice in (precision, "either"):
            pools.setdefault(machine, {}).setdefault(f"{mode}/{choice}", {}).setdefault(model, []).append(i)
    return {
        machine: {key: list(models.values()) for key, models in found.items() if len(models) > 1}
        for machine, found in pools.items()
    }


def judged_mixes(
    errors: LeftOutErrors,
    actual: Array,
    widths: NestedWidths,
    limits: Limits,
    *,
    per_machine: int = PER_MACHINE,
    seed: int = 0,
) -> Judgements:
    r"""Draw mixes of two to four models on every machine, with a limit to their demand each, and judge them.

    A mix is of one mode, all in f32, all in int8 or each in either; w_k, the shares of the models in the demand as
    predicted, are uniform on the simplex (rates at random). With errors e_k = log(true / predicted time) the true
    demand over the predicted one is :math:`\sum_k w_k \exp(e_k)`; the stated probability is the share of joint draws
    of the e_k that stay within the limit.

    Parameters
    ----------
    actual : ndarray, shape (rows,)
        Errors with the machine (and the model, where that is judged) left out.
    widths : NestedWidths
        Interval and machine's share of each row, from the errors of other machines alone.
    per_machine : int
        Mixes per machine, each with the same number: machines are what is exchangeable.
    """
    rng = np.random.default_rng(seed)
    stated, one, held, machines, simd = [], [], [], [], []
    classes = {row.machine: SIMD_CLASSES[s] for row, s in zip(errors.data.rows, errors.data.machines.simd, strict=True)}
    every, one_factor = _pools(errors, actual, widths), replace(widths, machine_share=np.ones(len(widths.low)))
    for name in sorted(every):
        pools = every[name]
        for _ in range(per_machine if pools else 0):
            rows = _mix(pools, rng)
            weights = rng.dirichlet(np.ones(len(rows)))
            drawn = _drawn(weights, widths, rows, rng)
            if limits == "even":
                limit = float(np.quantile(_drawn(weights, widths, rows, rng), rng.uniform()))
            else:
                limit = -float(rng.uniform(*np.log(_SPREAD)))
            same = _drawn(weights, one_factor, rows, rng)
            stated.append(float((drawn <= limit).mean()))
            one.append(float((same <= limit).mean()))
            held.append(bool(_log_demand(weights, actual[rows]) <= limit))
            machines.append(name)
            simd.append(classes[name])
    return Judgements(np.array(stated), np.array(one), np.array(held), tuple(machines), tuple(simd))


def _mix(pools: Pools, rng: np.random.Generator) -> Integers:
    modes = sorted({key.split("/")[0] for key in pools})
    mode = modes[rng.integers(len(modes))]
    choices = [choice for choice in _CHOICES if f"{mode}/{choice}" in pools]
    models = pools[f"{mode}/{choices[rng.integers(len(choices))]}"]
    count = int(rng.integers(2, min(_MOST_MODELS, len(models)) + 1))
    chosen = rng.choice(len(models), size=count, replace=False)
    return np.array([models[i][rng.integers(len(models[i]))] for i in chosen])


def _drawn(weights: Array, widths: NestedWidths, rows: Integers, rng: np.random.Generator) -> Array:
    """Logarithm of the demand over the predicted one, in each joint draw."""
    z = joint_z(widths.machine_share[rows], rng, _DRAWS)
    return _log_demand(weights, log_error_at(widths.low[rows], widths.high[rows], z))


def _log_demand(weights: Array, log_errors: Array) -> Array:
    result: Array = np.log(np.exp(log_errors) @ weights)
    return result


def clustered_error(inside: Flags, machines: Sequence[str]) -> float:
    r"""Standard error of a share whose rows come in machines that are right or wrong together; NaN for one machine.

    .. math:: \frac{1}{n} \sqrt{\frac{m}{m - 1} \sum_j (I_j - p\,n_j)^2}

    with I_j of the n_j rows of machine j inside. Source: Cochran (1977), Sampling Techniques, chapter 9A (clusters of
    unequal size, the ratio to their size).
    """
    names, index = np.unique(list(machines), return_inverse=True)
    if len(names) < 2:
        return float("nan")
    left = np.bincount(index, weights=inside - inside.mean())
    return float(np.sqrt(len(names) / (len(names) - 1.0) * (left**2).sum()) / len(inside))


@dataclass(frozen=True)
class Bin:
    """Mixes whose stated probability falls into one tenth."""

    low: float
    high: float
    count: int
    machines: int
    stated: float
    """Mean."""
    observed: float
    standard_error: float
    """Of ``observed``, whole machines being right or wrong together; NaN for one machine."""


def _bin_of(stated: Array) -> Integers:
    # A probability that is a tenth but for rounding belongs to the bin that it opens.
    result: Integers = np.minimum(np.floor(stated * BINS + 1e-9), BINS - 1).astype(np.int64)
    return result


def reliability_table(judged: Judgements) -> list[Bin]:
    """Stated against observed, in ten bins; empty ones are left out."""
    bins, index = [], _bin_of(judged.stated)
    for number in range(BINS):
        part = judged.take(index == number)
        if len(part.stated):
            bins.append(
                Bin(
                    number / BINS,
                    (number + 1) / BINS,
                    len(part.stated),
                    len(set(part.machines)),
                    float(part.stated.mean()),
                    float(part.held.mean()),
                    clustered_error(part.held, part.machines),
                )
            )
    return bins


@dataclass(frozen=True)
class Score:
    """Brier score of stated probabilities, and its parts over ten bins."""

    brier: float
    """Mean square of stated - observed; 0 is perfect."""
    reliability: float
    """Mean square distance of a bin's observed frequency from what it states; 0 is perfect."""
    resolution: float
    """Mean square distance of the bins' frequencies from that of all: what the statements tell apart."""
    uncertainty: float
    """Brier score of stating the frequency of all for each."""
    sharpness: float
    """Variance of what is stated."""


def score(stated: Array, held: Flags) -> Score:
    """Brier score and its decomposition: brier = reliability - resolution + uncertainty + what bins blur.

    Source: Murphy (1973), Journal of Applied Meteorology 12, 595-600; sharpness: Gneiting, Balabdaoui and Raftery
    (2007), Journal of the Royal Statistical Society B 69, 243-268.
    """
    index, whole = _bin_of(stated), float(held.mean())
    reliability = resolution = 0.0
    for number in np.unique(index):
        part = index == number
        share, observed = float(part.mean()), float(held[part].mean())
        reliability += share * (float(stated[part].mean()) - observed) ** 2
        resolution += share * (observed - whole) ** 2
    return Score(
        float(((stated - held) ** 2).mean()),
        reliability,
        resolution,
        whole * (1.0 - whole),
        float(stated.var()),
    )


def confident(judged: Judgements) -> Judgements:
    """Those stated to hold with 0.9 or more."""
    return judged.take(judged.stated >= CONFIDENT)


def probability_resolution(judged: Judgements) -> float:
    """Half width of what the table can tell apart near 0.9: two standard errors of what held of 0.85 to 0.95.

    Raises
    ------
    ValueError
        Mixes of fewer than two machines lie there.
    """
    near = judged.take((judged.stated >= _NEAR[0]) & (judged.stated <= _NEAR[1]))
    error = clustered_error(near.held, near.machines) if len(near.stated) else float("nan")
    if not np.isfinite(error):
        raise ValueError("no mixes of two machines with a stated probability near 0.9")
    return 2.0 * error
