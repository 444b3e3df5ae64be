"""Predictions for devices through the workflow: known, unknown, and told apart from x86 cores."""

import pytest

from advisor.errors import ModelError
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.store.catalogue import Catalogue
from advisor.workflows.predict_device import asks_of_device, predict_on_device, published_name, resolve_for_device

CATALOGUE = Catalogue.load()


def predicted(model: str, machine: str, device: str, precision: str = "int8"):  # type: ignore[no-untyped-def]
    file = published_name(model)
    assert file is not None
    config = RunConfig.model_validate({"device": device, "precision": precision})
    return predict_on_device(file, None, CATALOGUE.resolve(machine), config, CATALOGUE)


def test_a_published_model_is_answered_with_its_source() -> None:
    row = predicted("yolov8s", "mini-pc-n100-8-gb", "hailo-8")
    assert row.evidence is Evidence.PUBLISHED
    assert row.throughput_fps is not None
    assert row.throughput_fps.p50 == pytest.approx(491.0, rel=0.01)
    assert "hailo-model-zoo" in (row.nearest_measured or "")
    assert row.config.runtime == "hailort"


@pytest.mark.parametrize(
    ("machine", "device", "word"),
    [
        ("intel-core-i5-12400", "NPU", "lists of it: GPU"),
        ("amd-epyc-9354", "GPU", "none"),
        ("intel-core-ultra-7-258v", "GPU", "no published figure"),
        ("mini-pc-n100-8-gb", "no-such-board", "none in the catalogue"),
    ],
)
def test_what_is_not_there_or_not_known_has_no_figure(machine: str, device: str, word: str) -> None:
    row = predicted("yolov8s", machine, device)
    assert row.evidence is Evidence.UNKNOWN
    assert (row.throughput_fps, row.latency_ms) == (None, None)
    assert word in row.notes[0]


def test_x86_cores_are_not_a_device_of_this_kind_and_arm_cores_are() -> None:
    x86, arm = CATALOGUE.resolve("intel-core-i5-12400"), CATALOGUE.resolve("raspberry-pi-5-8-gb")
    assert not asks_of_device("CPU", x86)
    assert not asks_of_device("BATCH:CPU(4)", x86)
    assert asks_of_device("GPU", x86)
    assert asks_of_device("cpu", arm)


def test_a_name_that_no_table_holds_is_refused_as_any_unknown_model() -> None:
    with pytest.raises(ModelError):
        resolve_for_device("no-such-network", None)
