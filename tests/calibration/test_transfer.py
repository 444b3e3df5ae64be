"""The shipped calibration is conditioned on the catalogue that ships with it."""

import numpy as np
import pytest

from advisor.calibration.transfer import recondition
from advisor.perfmodel import Predictor
from advisor.records.calibration import TransferCalibration
from tests.calibration.shipped import dataset as shipped_dataset


@pytest.fixture(scope="module")
def shipped() -> TransferCalibration:
    return Predictor.load().transfer.calibration


@pytest.fixture(scope="module")
def again(shipped: TransferCalibration) -> TransferCalibration:
    return recondition(shipped_dataset(), shipped)


def test_data_sheets_are_those_of_the_catalogue(shipped: TransferCalibration, again: TransferCalibration) -> None:
    """Else published figures stand against an old data sheet: python -m advisor.calibration.transfer --recondition."""
    assert again.machines == shipped.machines
    assert [chip.id for chip in again.ordered] == [chip.id for chip in shipped.ordered]
    assert again.ordered == shipped.ordered


def test_weights_are_those_of_the_data_sheets(shipped: TransferCalibration, again: TransferCalibration) -> None:
    before, after = (np.array([row.weight for row in item.rows]) for item in (shipped, again))
    assert [row.log_time for row in again.rows] == [row.log_time for row in shipped.rows]
    np.testing.assert_allclose(after, before, atol=2e-3)


def test_conditioning_anew_keeps_what_was_fitted_and_judged(
    shipped: TransferCalibration, again: TransferCalibration
) -> None:
    assert (again.parameters, again.scales, again.bands, again.accuracy) == (
        shipped.parameters,
        shipped.scales,
        shipped.bands,
        shipped.accuracy,
    )
