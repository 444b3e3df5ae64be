"""Honest error of the transfer: whole machines left out of everything, with and without anchors, beside baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import MODES
from advisor.perfmodel.elsewhere.residual import GroupsOut, Points, Residual
from advisor.records.calibration import AccuracyRow
from advisor.records.machine import MachineSpec

from .dataset import Material, learnable, points_of, residual_rows, thin
from .physics import fit_parameters, log_time
from .published import REFERENCE_ERA, Observations, is_tuned
from .scales import FOLDS, Choice, choose, folds_of, without

Array = NDArray[np.float64]
Choices = Mapping[str, Choice]
ANCHOR_COUNTS = (1, 3, 8)
_DRAWS = 5


@dataclass(frozen=True)
class HeldOut:
    """Errors of every row when its machine is left out: log(true time / predicted time)."""

    data: Observations
    errors: Array
    shown: Array
    """The same beside what a user is shown, which is stated for the reference source whatever the row's own."""
    anchored: dict[int, list[tuple[int, float]]]
    """Number of anchors -> (row, error with so many other models of that machine measured)."""
    named: dict[int, list[tuple[int, float]]]
    """The same with the models that would narrow the rest most, instead of random ones."""


def held_out(material: Material, choices: Choices, *, refit: bool = True, seed: int = 0) -> HeldOut:
    """Leave one canonical machine out after the other; refit physics and residual process without it.

    Scales and strictness come from ``choices``: nested ones never saw the machine's outer fold. With ``refit`` False
    the physical parameters stay as chosen. Anchors are drawn at random (seeded) among the machine's own rows of one
    precision, mode and era, ``_DRAWS`` times.
    """
    data = material.data.take(residual_rows(material.data))
    points, machines, _, eras = points_of(data, material.works)
    thinned = material.data.take(thin(material.data))
    errors, shown = np.empty(len(data.rows)), np.empty(len(data.rows))
    plain = np.array([is_tuned(row.era) for row in data.rows])
    anchored: dict[int, list[tuple[int, float]]] = {count: [] for count in ANCHOR_COUNTS}
    named: dict[int, list[tuple[int, float]]] = {count: [] for count in ANCHOR_COUNTS}
    rng = np.random.default_rng(seed)
    process: dict[int, GroupsOut] = {}
    for number, name in enumerate(machines):
        choice = choices[name]
        if id(choice) not in process:
            process[id(choice)] = GroupsOut(points, choice.scales, learnable(data))
        mine = np.flatnonzero(points.machine == number)
        fold = choice.parameters
        if refit:
            others = thinned.take(without(thinned, [name]))
            fold = fit_parameters(others, fold.values, iterations=5, strictness=choice.strictness)
        rest = data.log_time - log_time(fold, data)
        errors[mine], spread = process[id(choice)].errors(rest, mine)
        shown[mine] = errors[mine]
        other = mine[~plain[mine]]
        if len(other):
            known = np.flatnonzero((points.machine != number) & learnable(data))
            expected = Residual(points.take(known), rest[known], choice.scales)
            shown[other] = rest[other] - expected.mean(_at_reference(points.take(other), eras.index(REFERENCE_ERA)))
        groups: dict[tuple[int, int, int], list[int]] = {}
        for position, row in enumerate(mine):
            key = (int(points.precision[row]), int(points.mode[row]), int(points.era[row]))
            groups.setdefault(key, []).append(position)
        for members in groups.values():
            if len(members) < 6:
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
    return HeldOut(data, errors, shown, anchored, named)


def _at_reference(points: Points, era: int) -> Points:
    count = len(points.era)
    return replace(points, era=np.full(count, era), era_scale=np.ones(count))


def nested_choices(material: Material) -> dict[str, Choice]:
    """Choice for each machine, made without any machine of its outer fold."""
    folds = folds_of(row.machine for row in material.data.rows)
    chosen = [choose(material, [name for name, f in folds.items() if f == fold]) for fold in range(FOLDS)]
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


def nearest_machine_errors(data: Observations, specs: Mapping[str, MachineSpec]) -> Array:
    """Baseline: the same model on the most alike machine that has it, times the ratio of nominal peaks."""
    points = np.column_stack(
        [np.log(_nominal_peak(specs, data)), np.log(_nominal_bandwidth(specs, data)), data.machines.simd * 2.0]
    )
    keys: dict[tuple[str, int, int], list[int]] = {}
    for i, row in enumerate(data.rows):
        keys.setdefault((row.model, row.precision, row.mode), []).append(i)
    errors = np.full(len(data.rows), np.nan)
    for i, row in enumerate(data.rows):
        others = [j for j in keys[row.model, row.precision, row.mode] if data.rows[j].machine != row.machine]
        if others:
            nearest = min(others, key=lambda j: float(((points[j] - points[i]) ** 2).sum()))
            predicted = data.log_time[nearest] + points[nearest, 0] - points[i, 0]
            errors[i] = data.log_time[i] - predicted
    return errors


def log_linear_errors(data: Observations, specs: Mapping[str, MachineSpec]) -> Array:
    """Baseline: per precision and mode, log time = model constant + a log(nominal peak) + b log(bandwidth)."""
    features = np.column_stack([np.log(_nominal_peak(specs, data)), np.log(_nominal_bandwidth(specs, data))])
    machines = np.array([row.machine for row in data.rows])
    models, model = np.unique([row.model for row in data.rows], return_inverse=True)
    errors = np.full(len(data.rows), np.nan)
    group = np.array([row.precision * 2 + row.mode for row in data.rows])
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        for name in np.unique(machines[members]):
            train, test = members[machines[members] != name], members[machines[members] == name]
            design = np.column_stack([np.eye(len(models))[model[train]], features[train]])
            ridge = np.diag([0.1] * len(models) + [1e-6, 1e-6])
            solution = np.linalg.solve(design.T @ design + ridge, design.T @ data.log_time[train])
            known = np.isin(model[test], model[train])
            predicted = solution[model[test]] + features[test] @ solution[-2:]
            errors[test[known]] = (data.log_time[test] - predicted)[known]
    return errors


def _nominal_peak(specs: Mapping[str, MachineSpec], data: Observations) -> Array:
    """Boost clock x cores x SIMD width as data sheets invite to multiply, any CPU taken to have two 256-bit pipes."""
    spec = [specs[row.machine] for row in data.rows]
    return np.array(
        [(s.boost_hz or s.base_hz or 2e9) * s.cores * max(s.fma_bits_per_core or 0.0, 512.0) / 16.0 for s in spec]
    )


def _nominal_bandwidth(specs: Mapping[str, MachineSpec], data: Observations) -> Array:
    return np.array([specs[row.machine].memory_bandwidth_bytes_per_s or 25e9 for row in data.rows])


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
    held: HeldOut, inside: NDArray[np.bool_], chosen: Callable[[str], bool] = lambda _: True
) -> tuple[AccuracyRow, ...]:
    """Errors by precision and mode, by SIMD class, and over anchors, of the rows whose era is ``chosen``.

    ``inside``: whether each row lay in its P10-P90 band (:func:`~advisor.calibration.bands.inside_bands`).
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
            for count, found in held.anchored.items():
                mine = [(i, error) for i, error in found if i in wanted]
                if mine:
                    names = [rows[i].machine for i, _ in mine]
                    errors = np.array([error for _, error in mine])
                    result.append(summarise("all", PRECISIONS[precision], MODES[mode], count, errors, names))
    return tuple(result)


def unseen_model_errors(material: Material, choice: Choice) -> Array:
    """Errors when a whole model is left out of the residual process, its machines known.

    The physical parameters see the model (some 60 numbers against thousands of rows: its share in them is small).
    """
    data = material.data.take(residual_rows(material.data))
    points, _, _, _ = points_of(data, material.works)
    folds = GroupsOut(points, choice.scales, learnable(data))
    rest = data.log_time - log_time(choice.parameters, data)
    errors = np.empty(len(rest))
    for number in np.unique(points.model):
        mine = np.flatnonzero(points.model == number)
        errors[mine] = folds.errors(rest, mine)[0]
    return errors
