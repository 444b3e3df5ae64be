"""Error of the transfer on chip families that were left out of everything, with and without anchors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.elsewhere.residual import GroupsOut, Residual, ResidualPoints
from advisor.records.calibration import AccuracyRow

from .dataset import Dataset, learnable, residual_points, residual_rows, thin
from .physics import fit_parameters, log_time
from .published import REFERENCE_ERA, Observations, is_tuned
from .scales import FOLDS, FitChoice, chip_families, choose, folds_of, leave_one_out, without

Array = NDArray[np.float64]
Choices = Mapping[str, FitChoice]
Integers = NDArray[np.int64]
Remaining = dict[int, list[tuple[int, float]]]
"""Number of anchors -> (row, error that remains with so many other models of its machine measured)."""
ANCHOR_COUNTS = (1, 3, 8)
_DRAWS = 5
_LEAST_ROWS = 6
"""Rows of one precision, mode and source of a machine from which on some are taken for measured."""


@dataclass(frozen=True)
class HeldOutErrors:
    """Errors of every row when its chip's family is left out: log(true time / predicted time)."""

    data: Observations
    errors: Array
    shown: Array
    """The same against what a user is shown, which is stated for the reference source whatever the row's own."""
    anchored: Remaining
    """With so many models of the machine measured, drawn at random."""
    named: Remaining
    """The same with the models that would narrow the rest most, instead of random ones."""
    parameters: Mapping[str, Parameters]
    """Physical parameters with which each machine was predicted."""
    families: Mapping[str, int]
    """Which machines were left out together (:func:`~advisor.calibration.scales.chip_families`)."""


def held_out(
    dataset: Dataset, choices: Choices, families: Mapping[str, int], *, refit: bool = True, seed: int = 0
) -> HeldOutErrors:
    """Leave one family of machines out after the other; refit physics and residual process without it.

    Scales and strictness come from ``choices``: nested ones never saw the family's outer fold. With ``refit`` False
    the physical parameters stay as chosen. Anchors are drawn at random (seeded) among a machine's own rows of one
    precision, mode and era, ``_DRAWS`` times.

    Parameters
    ----------
    choices : mapping of str to FitChoice
        By machine, the same for all of a family.
    families : mapping of str to int
        By machine; each machine its own leaves one machine out at a time.
    """
    data = dataset.data.take(residual_rows(dataset.data))
    points, machines, _, eras = residual_points(data, dataset.works)
    thinned = dataset.data.take(thin(dataset.data))
    errors, shown = np.empty(len(data.rows)), np.empty(len(data.rows))
    tuned = np.array([is_tuned(row.era) for row in data.rows])
    usable = learnable(data)
    anchored: Remaining = {count: [] for count in ANCHOR_COUNTS}
    named: Remaining = {count: [] for count in ANCHOR_COUNTS}
    rng = np.random.default_rng(seed)
    processes: dict[FitChoice, GroupsOut] = {}
    parameters: dict[str, Parameters] = {}
    for others, mine in leave_one_out([families[row.machine] for row in data.rows]):
        left_out = [machines[i] for i in np.unique(points.machine[mine])]
        choice = choices[left_out[0]]
        if choice not in processes:
            processes[choice] = GroupsOut(points, choice.scales, usable)
        fold = choice.parameters
        if refit:
            training = thinned.take(without(thinned, left_out))
            fold = fit_parameters(training, fold.values, iterations=5, strictness=choice.strictness)
        parameters |= dict.fromkeys(left_out, fold)
        rest = data.log_time - log_time(fold, data)
        errors[mine], spread = processes[choice].errors(rest, mine)
        shown[mine] = errors[mine]
        untuned = mine[~tuned[mine]]
        if len(untuned):
            known = others[usable[others]]
            expected = Residual(points.take(known), rest[known], choice.scales)
            shown[untuned] = rest[untuned] - expected.mean(
                _at_reference(points.take(untuned), eras.index(REFERENCE_ERA))
            )
        certain = np.array([not data.rows[row].doubtful for row in mine])
        for machine in np.unique(points.machine[mine]):
            own = np.flatnonzero(certain & (points.machine[mine] == machine))
            _measure_some(points, mine[own], errors, spread[np.ix_(own, own)], rng, anchored, named)
    return HeldOutErrors(data, errors, shown, anchored, named, parameters, families)


def _measure_some(
    points: ResidualPoints,
    mine: Integers,
    errors: Array,
    spread: Array,
    rng: np.random.Generator,
    anchored: Remaining,
    named: Remaining,
) -> None:
    """Add the errors that remain on a machine's rows ``mine`` once some of them are measured."""
    groups: dict[tuple[int, int, int], list[int]] = {}
    for position, row in enumerate(mine):
        key = (int(points.precision[row]), int(points.mode[row]), int(points.era[row]))
        groups.setdefault(key, []).append(position)
    for members in groups.values():
        if len(members) < _LEAST_ROWS:
            continue
        rows = mine[members]
        block = spread[np.ix_(members, members)]
        for count in ANCHOR_COUNTS:
            if count > len(members) - 3:
                continue
            for _ in range(_DRAWS):
                drawn = rng.choice(len(rows), size=count, replace=False)
                anchored[count] += _with_anchors(errors, block, rows, drawn)
            named[count] += _with_anchors(errors, block, rows, most_telling(block, count))


def _at_reference(points: ResidualPoints, era: int) -> ResidualPoints:
    count = len(points.era)
    return replace(points, era=np.full(count, era), era_scale=np.ones(count))


def nested_choices(dataset: Dataset) -> dict[str, FitChoice]:
    """Choice for each machine, made without any machine of its outer fold."""
    folds = folds_of(chip_families(dataset.specs))
    chosen = [choose(dataset, [name for name, f in folds.items() if f == fold]) for fold in range(FOLDS)]
    return {name: chosen[fold] for name, fold in folds.items()}


def most_telling(spread: Array, count: int) -> NDArray[np.int64]:
    """Rows to measure, one after the other, that leave the least variance in the others; no measured value is seen."""
    left = spread.copy()
    chosen: list[int] = []
    for _ in range(count):
        # Knowing row j takes cov(i, j)^2 / var(j) from the variance of each row i.
        gain = (left**2).sum(0) / np.maximum(np.diag(left), 1e-12)
        gain[chosen] = -1.0
        best = int(np.argmax(gain))
        chosen.append(best)
        left = left - np.outer(left[:, best], left[best]) / left[best, best]
    return np.array(chosen)


def _with_anchors(
    errors: Array, spread: Array, rows: NDArray[np.int64], chosen: NDArray[np.int64]
) -> list[tuple[int, float]]:
    """Errors that remain on a group's ``rows`` when those ``chosen`` become known: conditioning of a Gaussian."""
    left = np.setdiff1d(np.arange(len(rows)), chosen)
    gain = np.linalg.solve(spread[np.ix_(chosen, chosen)], errors[rows[chosen]])
    remaining = errors[rows[left]] - spread[np.ix_(left, chosen)] @ gain
    return list(zip(rows[left].tolist(), remaining.tolist(), strict=True))


def relative(errors: Array) -> Array:
    """Absolute percentage error of the predicted speed (or time) from log(true / predicted time)."""
    result: Array = np.abs(np.expm1(-errors))
    return result


def summarise(
    group: str,
    precision: str,
    mode: str,
    anchors: int,
    errors: Array,
    machines: Sequence[str],
    inside: NDArray[np.bool_] | None = None,
) -> AccuracyRow:
    """One line of the error table."""
    share = relative(errors)
    return AccuracyRow(
        group=group,
        precision=precision,
        mode=mode,
        anchors=anchors,
        machines=len(set(machines)),
        rows=len(errors),
        median_pct=round(100.0 * float(np.median(share)), 2),
        mean_pct=round(100.0 * float(np.mean(share)), 2),
        within_20=round(float(np.mean(share <= 0.2)), 4),
        coverage=None if inside is None else round(float(np.mean(inside)), 4),
    )


def accuracy_table(
    held: HeldOutErrors, inside: NDArray[np.bool_], chosen: Callable[[str], bool] = lambda _: True
) -> tuple[AccuracyRow, ...]:
    """Errors by precision and mode, by SIMD class, and over anchors, of the rows whose era is ``chosen``.

    ``inside``: whether each row lay in its P10-P90 band (:meth:`~advisor.calibration.bands.NestedWidths.inside`).
    """
    rows, simd = held.data.rows, held.data.machines.simd
    result: list[AccuracyRow] = []
    for precision in range(3):
        for mode in range(2):
            members = [
                i for i, row in enumerate(rows) if (row.precision, row.mode) == (precision, mode) and chosen(row.era)
            ]
            groups = {"all": members}
            for i in members:
                groups.setdefault(SIMD_CLASSES[simd[i]], []).append(i)
            for name, part in groups.items():
                if part:
                    names = [rows[i].machine for i in part]
                    result.append(
                        summarise(name, PRECISIONS[precision], MODES[mode], 0, held.errors[part], names, inside[part])
                    )
            wanted = set(members)
            for count, pairs in held.anchored.items():
                mine = [(i, error) for i, error in pairs if i in wanted]
                if mine:
                    names = [rows[i].machine for i, _ in mine]
                    errors = np.array([error for _, error in mine])
                    result.append(summarise("all", PRECISIONS[precision], MODES[mode], count, errors, names))
    return tuple(result)
