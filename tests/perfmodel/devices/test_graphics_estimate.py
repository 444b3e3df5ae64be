"""Which graphics may be predicted at all, and how wide."""

from math import log

import numpy as np
import pytest

from advisor.perfmodel.analytic.work_table import CLASSES, WorkTable, load_works
from advisor.perfmodel.devices.calibration import load_device_calibration
from advisor.perfmodel.devices.graphics_estimate import (
    GraphicsEstimate,
    falls_back,
    looks_fallen_back,
)
from advisor.records.base import Evidence
from advisor.store.paths import profiles_dir

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


def of_kernels(**kernels: tuple[float, float]) -> WorkTable:
    """A user's network: operations and number of kernels by class."""
    counts = np.zeros((len(CLASSES), 4))
    for name, (flop, number) in kernels.items():
        counts[CLASSES.index(name)] = flop, 1e6 * number, 1e5, number
    return WorkTable("detector", "unknown", counts, 10e6)


MIXED = of_kernels(conv=(8e7, 7), dwconv=(2e7, 18), memory=(0.0, 12))
ATTENTION = of_kernels(conv=(5e8, 60), gemm=(8e7, 30), memory=(0.0, 40))
WINDOWS = of_kernels(conv=(1e6, 1), gemm=(1e9, 76), memory=(0.0, 238))
TWO_STAGES = of_kernels(conv=(5e9, 88), gemm=(1e8, 2), serial=(0.0, 4))


@pytest.mark.parametrize("work", [MIXED, ATTENTION, WINDOWS, TWO_STAGES], ids=["mixed", "attention", "windows", "two"])
def test_a_file_of_a_users_own_is_as_wide_as_a_published_network_of_its_kind(work: WorkTable) -> None:
    """Its name says nothing: `detector.onnx` with the kernels of a MixNet had a band of a half."""
    answer = SOURCE.answer(question(graphics(), table=work))
    assert answer is not None
    assert answer.throughput_band[0] <= -log(4.0)
    assert answer.throughput_band[1] >= log(4.0)
    assert any("looks like" in note for note in answer.notes)


def test_few_published_networks_look_fallen_back_by_their_work() -> None:
    """EfficientDet has 1.8 joins for each depthwise kernel, MixNet 2.0."""
    works = load_works(profiles_dir() / "calibration" / "works.json")
    found = {name for name, work in works.items() if looks_fallen_back(work)}
    assert found == {"mixnet-l", "swin-tiny-patch4-window7-224"}
