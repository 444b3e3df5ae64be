"""Naive predictions of published figures, against which the performance model is held."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from advisor.calibration.published import Observations
from advisor.calibration.scales import leave_one_out
from advisor.records.machine import MachineSpec

Array = NDArray[np.float64]


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
    # Columns are divided by the root of their penalty, since Ridge has one penalty for all: 0.1 per model's constant,
    # next to none for the two slopes.
    design = np.column_stack([np.eye(len(models))[model] / 0.1**0.5, features / 1e-6**0.5])
    errors = np.full(len(data.rows), np.nan)
    group = np.array([row.precision * 2 + row.mode for row in data.rows])
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        if len(np.unique(machines[members])) < 2:
            continue  # without another machine there is nothing to predict from
        for others, mine in leave_one_out(machines[members]):
            train, test = members[others], members[mine]
            fit = Ridge(alpha=1.0, fit_intercept=False, solver="cholesky").fit(design[train], data.log_time[train])
            known = np.isin(model[test], model[train])
            errors[test[known]] = (data.log_time[test] - fit.predict(design[test]))[known]
    return errors


def _nominal_peak(specs: Mapping[str, MachineSpec], data: Observations) -> Array:
    """Boost clock x cores x SIMD width as data sheets invite to multiply, any CPU taken to have two 256-bit pipes."""
    spec = [specs[row.machine] for row in data.rows]
    return np.array(
        [(s.boost_hz or s.base_hz or 2e9) * s.cores * max(s.fma_bits_per_core or 0.0, 512.0) / 16.0 for s in spec]
    )


def _nominal_bandwidth(specs: Mapping[str, MachineSpec], data: Observations) -> Array:
    return np.array([specs[row.machine].memory_bandwidth_bytes_per_s or 25e9 for row in data.rows])
