"""Which graphics may be predicted at all, and how wide."""

from math import log

import pytest

from advisor.perfmodel.devices.calibration import load_device_calibration
from advisor.perfmodel.devices.graphics_estimate import GraphicsEstimate, falls_back
from advisor.records.base import Evidence

from .makers import graphics, question

SOURCE = GraphicsEstimate(load_device_calibration())
KNOWN = "intel-core-i7-1185g7-gpu"


def test_the_data_sheet_alone_is_spec_and_figures_of_the_device_anchor_it() -> None:
    spec, anchored = SOURCE.answer(question(graphics())), SOURCE.answer(question(graphics(id=KNOWN)))
    assert spec is not None
    assert anchored is not None
    assert (spec.evidence, anchored.evidence) == (Evidence.SPEC, Evidence.ANCHORED)
    assert spec.throughput_band[1] - spec.throughput_band[0] > 0.2
    assert spec.extrapolated  # no figure of this network is known


@pytest.mark.parametrize("family", ["gen9", "gen11"])
def test_generations_with_one_published_device_are_not_predicted_from_the_sheet(family: str) -> None:
    assert SOURCE.answer(question(graphics(family=family))) is None


@pytest.mark.parametrize("change", [{"power_w": None}, {"execution_units": None}])
def test_a_sheet_with_a_gap_is_no_evidence(change: dict[str, None]) -> None:
    assert SOURCE.answer(question(graphics(**change))) is None


def test_batches_are_not_predicted() -> None:
    """The formula is of one input at a time: the time of a pass of eight is not that of one."""
    assert SOURCE.answer(question(graphics())) is not None
    assert SOURCE.answer(question(graphics(), batch=8)) is None


def test_f32_and_a_network_without_work_are_not_predicted() -> None:
    assert SOURCE.answer(question(graphics(), precision="f32")) is None
    assert SOURCE.answer(question(graphics(), table=None)) is None


def test_networks_whose_kernels_fall_back_are_wide() -> None:
    assert falls_back(("mixnet-l",))
    assert not falls_back(("resnet-50",))
    answer = SOURCE.answer(question(graphics(), models=("faster_rcnn_resnet50_coco",)))
    assert answer is not None
    assert answer.throughput_band[0] <= -log(4.0)
    assert answer.throughput_band[1] >= log(4.0)
