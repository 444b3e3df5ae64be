"""Who is left out together with a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from advisor.calibration.dataset import Dataset, learnable, residual_points, residual_rows
from advisor.calibration.physics import log_time
from advisor.calibration.scales import FitChoice, Strictness
from advisor.calibration.unpublished import relatives, unpublished_errors, words_before_number
from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.perfmodel.elsewhere.residual import Residual
from tests.calibration.shipped import dataset as shipped_dataset


def _works(**families: str) -> dict[str, WorkTable]:
    return {name.replace("_", "-"): WorkTable(name, family, np.zeros((5, 5)), 0.0) for name, family in families.items()}


def test_the_words_before_the_number_name_relatives() -> None:
    names = ("densenet-161", "yolo-v3-tiny", "yolo_v8n", "vgg16", "se-resnet-50", "unet")
    assert [words_before_number(name) for name in names] == ["densenet", "yolo", "yolo", "vgg", "se-resnet", "unet"]


def test_family_or_name_is_enough_to_be_left_out_together() -> None:
    works = _works(densenet_121="densenet", densenet_161="densenet-161", other_net="densenet", unet="unet")
    found = [set(part.tolist()) for part in relatives(list(works), works)]
    assert found == [{0, 1, 2}, {0, 1}, {0, 2}, {3}]


def test_a_name_that_begins_with_a_number_has_no_relatives_by_name() -> None:
    works = _works(**{"3d_unet": "a", "3d_net": "b"})
    assert [part.tolist() for part in relatives(list(works), works)] == [[0], [1]]


@pytest.fixture(scope="module")
def few() -> tuple[Dataset, FitChoice]:
    """Machines with few rows, so that refitting is cheap; the shipped numbers, since these tests are of algebra."""
    dataset, shipped = shipped_dataset(), Predictor.load().transfer
    rows = dataset.data.rows
    small = {name for name, count in Counter(row.machine for row in rows).items() if count < 80}
    kept = dataset.data.take(np.flatnonzero([row.machine in small for row in rows]))
    return replace(dataset, data=kept), FitChoice(Strictness(), shipped.parameters, shipped.calibration.scales)


def _alike(machines: Iterable[str], choice: FitChoice) -> tuple[dict, dict, dict[str, int]]:
    """One choice and its parameters for all machines, each its own family."""
    names = sorted(machines)
    return (
        dict.fromkeys(names, choice),
        dict.fromkeys(names, choice.parameters),
        {name: i for i, name in enumerate(names)},
    )


def test_errors_are_those_of_a_process_that_saw_neither_machine_nor_family(few: tuple[Dataset, FitChoice]) -> None:
    dataset, choice = few
    data = dataset.data.take(residual_rows(dataset.data))
    points, machines, models, _ = residual_points(data, dataset.works)
    found = unpublished_errors(dataset, *_alike(machines, choice))
    rest, usable = data.log_time - log_time(choice.parameters, data), learnable(data)
    together = relatives(models, dataset.works)
    row = next(i for i in range(len(rest)) if len(set(points.machine[points.model == points.model[i]])) > 3)
    seen = usable & (points.machine != points.machine[row]) & ~np.isin(points.model, together[points.model[row]])
    refit = Residual(points.take(seen), rest[seen], choice.scales)
    here = np.array([row])
    assert rest[row] - found.errors[row] == pytest.approx(refit.mean(points.take(here))[0], abs=1e-4)
    # Once measured on one other machine, each other machine that has the model gives one of the errors.
    errors = [item.error for item in found.elsewhere if item.row == row]
    others = sorted(set(points.machine[(points.model == points.model[row]) & usable]) - {points.machine[row]})
    assert [item.other for item in found.elsewhere if item.row == row] == [machines[other] for other in others]
    for other, error in zip(others, errors, strict=True):
        more = seen | (usable & (points.machine == other) & (points.model == points.model[row]))
        refit = Residual(points.take(more), rest[more], choice.scales)
        assert rest[row] - error == pytest.approx(refit.mean(points.take(here))[0], abs=1e-4)
    assert np.isclose(errors, found.once[row]).any()


def test_a_family_that_nobody_else_has_leaves_nothing_to_measure_elsewhere(few: tuple[Dataset, FitChoice]) -> None:
    dataset, choice = few
    data = dataset.data.take(residual_rows(dataset.data))
    machines = {row.machine for row in data.rows}
    found = unpublished_errors(dataset, *_alike(machines, choice))
    having = {row.model: {other.machine for other in data.rows if other.model == row.model} for row in data.rows}
    lonely = np.array([len(having[row.model]) == 1 for row in data.rows])
    assert lonely.any()
    assert np.isnan(found.once[lonely]).all()
    assert np.isfinite(found.errors).all()


def test_machines_of_one_family_leave_together(few: tuple[Dataset, FitChoice]) -> None:
    """With every machine of one family there is nothing left to go by: the error is the physical model's own."""
    dataset, choice = few
    data = dataset.data.take(residual_rows(dataset.data))
    choices, parameters, families = _alike({row.machine for row in data.rows}, choice)
    found = unpublished_errors(dataset, choices, parameters, dict.fromkeys(families, 0))
    assert np.allclose(found.errors, data.log_time - log_time(choice.parameters, data), atol=1e-9)
    assert np.isnan(found.once).all()
