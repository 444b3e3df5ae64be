"""Predictions for devices through the workflow: known, unknown, and told apart from x86 cores."""

import pytest

from advisor.errors import ModelError
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.store.catalogue import Catalogue
from advisor.workflows.predict_device import (
    asks_of_device,
    chosen_by_auto,
    predict_on_device,
    published_name,
    resolve_for_device,
)

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
    assert not asks_of_device("CPU", x86, CATALOGUE)
    assert not asks_of_device("BATCH:CPU(4)", x86, CATALOGUE)
    assert asks_of_device("GPU", x86, CATALOGUE)
    assert asks_of_device("CPUX", x86, CATALOGUE)
    assert asks_of_device("cpu", arm, CATALOGUE)


@pytest.mark.parametrize(
    ("device", "machine", "chosen"),
    [
        ("AUTO", "intel-core-i5-12400", "GPU"),
        ("AUTO:GPU,CPU", "intel-core-i5-12400", "GPU"),
        ("AUTO:NPU,GPU", "intel-core-i5-12400", "GPU"),
        ("AUTO:CPU,GPU", "intel-core-i5-12400", None),
        ("AUTO:-GPU", "intel-core-i5-12400", None),
        ("AUTO", "amd-epyc-9354", None),
        ("AUTO:GPU,CPU", "amd-epyc-9354", None),
    ],
)
def test_auto_is_no_question_about_cores_where_the_chip_has_graphics(
    device: str, machine: str, chosen: str | None
) -> None:
    """OpenVINO goes over to them as soon as they have compiled, so that the cores' figures would be a guess."""
    spec = CATALOGUE.resolve(machine)
    assert chosen_by_auto(device, spec, CATALOGUE) == chosen
    assert asks_of_device(device, spec, CATALOGUE) is (chosen is not None)
    if chosen is not None:
        row = predicted("yolov8s", machine, device)
        assert row.throughput_fps is None
        assert f"--device {chosen}" in row.notes[0]


def test_a_device_without_a_slot_for_it_is_unknown_there() -> None:
    row = predicted("yolov8s", "raspberry-pi-4-4-gb-kit", "hailo-8")
    assert (row.throughput_fps, row.evidence) == (None, Evidence.UNKNOWN)
    assert "no slot" in row.notes[0]


def test_what_is_known_at_another_precision_is_named() -> None:
    row = predicted("yolov8s", "mini-pc-n100-8-gb", "hailo-8", "f16")
    assert row.throughput_fps is None
    assert "--precision int8" in row.notes[0]


def test_a_name_that_no_table_holds_is_refused_as_any_unknown_model() -> None:
    with pytest.raises(ModelError):
        resolve_for_device("no-such-network", None)
