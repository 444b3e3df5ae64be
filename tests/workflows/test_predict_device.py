"""Predictions for devices through the workflow: known, unknown, and told apart from x86 cores."""

from dataclasses import replace

import pytest

from advisor.errors import ModelError
from advisor.perfmodel.analytic.work_table import WorkTable, load_works
from advisor.records.base import Evidence
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir
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


def file_of(name: str, **changes: object) -> ModelFile:
    return ModelFile.model_validate(
        {"reference": f"/models/{name}.onnx", "name": name, "family": "unknown", "kind": "file",
         "path": f"/models/{name}.onnx", "sha256": "0" * 64, "input_shape": (1, 3, 224, 224)} | changes
    )  # fmt: skip


def asked_of(model: ModelFile, work: WorkTable | None, machine: str, device: str, precision: str):  # type: ignore[no-untyped-def]
    config = RunConfig.model_validate({"device": device, "precision": precision})
    return predict_on_device(model, work, CATALOGUE.resolve(machine), config, CATALOGUE)


def test_a_file_is_not_the_published_network_that_it_is_named_after() -> None:
    """A small network called resnet-50.onnx was answered with the published figure of ResNet-50, exact."""
    known = load_works(profiles_dir() / "calibration" / "works.json")["resnet-50"]
    other = replace(known, table=known.table * 0.3)
    npu = ("intel-core-ultra-7-155h", "NPU", "int8")
    assert asked_of(file_of("resnet-50"), known, *npu).evidence is Evidence.PUBLISHED
    assert asked_of(file_of("resnet-50"), other, *npu).evidence is Evidence.UNKNOWN
    assert asked_of(file_of("resnet-50"), other, "raspberry-pi-5-8-gb", "CPU", "f32").evidence is Evidence.UNKNOWN
    stand_in = file_of("like:resnet-50", reference="like:resnet-50", kind="stand-in")
    assert asked_of(stand_in, other, *npu).evidence is Evidence.PUBLISHED
    larger = stand_in.model_copy(update={"name": "like:resnet-50 at 3x448x448"})
    assert asked_of(larger, other, *npu).evidence is Evidence.UNKNOWN


def test_a_file_that_nothing_could_be_compared_with_says_so() -> None:
    row = asked_of(file_of("yolov8s", input_shape=(1, 3, 640, 640)), None, "mini-pc-n100-8-gb", "hailo-8", "int8")
    assert row.evidence is Evidence.PUBLISHED
    assert any("by its name alone" in note for note in row.notes)
    assert not any("by its name alone" in note for note in predicted("yolov8s", "mini-pc-n100-8-gb", "hailo-8").notes)


def test_openvino_on_arm_rests_on_what_was_published_of_the_model_on_the_board() -> None:
    """ncnn takes 10.46 ms for MobileNet-v2 on a Raspberry Pi 5; the fit alone made 8.9 ms of OpenVINO out of that."""
    row = asked_of(file_of("mobilenet-v2"), None, "raspberry-pi-5-8-gb", "CPU", "f32")
    assert row.latency_ms is not None
    assert row.latency_ms.p50 == pytest.approx(10.46 * 1.06, rel=0.01)
    assert row.evidence is Evidence.ANCHORED


def test_what_is_known_at_another_batch_is_told_in_the_precision_asked_for() -> None:
    config = RunConfig.model_validate({"device": "GPU", "precision": "int8", "batch": 8})
    work = load_works(profiles_dir() / "calibration" / "works.json")["resnet-50"]
    box = CATALOGUE.resolve("mini-pc-n100-8-gb")
    row = predict_on_device(file_of("resnet-50"), work, box, config, CATALOGUE)
    assert row.notes[0].endswith("it is known with --precision int8 --batch 1")


def test_the_nearest_device_is_named() -> None:
    assert predicted("yolov8s", "mini-pc-n100-8-gb", "hailo8").notes[0].endswith("did you mean 'hailo-8'?")
