"""A chip alone in its class is predicted worse than one with relatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from advisor.calibration.dataset import residual_rows
from advisor.calibration.left_out import known_chip_errors
from advisor.calibration.lone import lone_errors
from advisor.calibration.published import is_tuned
from advisor.calibration.scales import FitChoice, Strictness
from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.machine import SIMD_CLASSES
from tests.calibration.shipped import dataset as shipped_dataset


def test_without_its_relatives_a_chip_is_known_less_well_and_one_that_has_none_as_before() -> None:
    shipped, dataset = Predictor.load().transfer, shipped_dataset()
    # Tuned tables alone: half of the rows, an eighth of the algebra.
    kept = np.flatnonzero([is_tuned(row.era) for row in dataset.data.rows])
    dataset = replace(dataset, data=dataset.data.take(kept))
    choice = FitChoice(Strictness(), shipped.parameters, shipped.calibration.scales)
    data = dataset.data.take(residual_rows(dataset.data))
    with_relatives, lone = known_chip_errors(dataset, choice)[0], lone_errors(dataset, choice)
    classes = np.array([SIMD_CLASSES[i] for i in data.machines.simd])
    machines = np.array([row.machine for row in data.rows])
    alone = [name for name in set(classes) if len(set(machines[classes == name])) == 1]
    assert alone
    same = np.isin(classes, alone)
    assert np.allclose(lone[same], with_relatives[same], atol=1e-6)
    assert np.median(np.abs(lone[~same])) > 1.1 * np.median(np.abs(with_relatives[~same]))
