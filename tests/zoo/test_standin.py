import pytest

from advisor.errors import ModelError
from advisor.zoo.builder import Net
from advisor.zoo.onnx_file import serialise
from advisor.zoo.published import published, refused
from advisor.zoo.standin import TOLERANCE, stand_in

from .count import count_onnx

SAMPLE = [
    "person-detection-retail-0013", "face-detection-retail-0004", "age-gender-recognition-retail-0013",
    "person-reidentification-retail-0288", "vehicle-detection-adas-0002",
    "vehicle-license-plate-detection-barrier-0106",
    "license-plate-recognition-barrier-0001", "text-spotting-0005", "text-detection-0004", "text-recognition-0014",
    "face-reidentification-retail-0095", "head-pose-estimation-adas-0001", "landmarks-regression-retail-0009",
    "vehicle-attributes-recognition-barrier-0039", "human-pose-estimation-0005", "road-segmentation-adas-0001",
    "single-image-super-resolution-1032", "common-sign-language-0002", "yolo-v3-tiny-tf", "yolo-v4-tf",
    "instance-segmentation-security-0228", "efficientnet-b0-pytorch", "wav2vec2-base", "t2t-vit-14", "convnext-tiny",
    "brain-tumor-segmentation-0002", "aclnet", "resnet-50-tf",
]  # fmt: skip
"""Of every kind one that is described in a moment; all of them in the slow test."""
BUILDABLE = sorted(name for name, row in published().items() if refused(row) is None)


def check(name) -> None:
    row, found = published()[name], stand_in(name)
    net = found.describe()
    assert net.input_shape == row.input_shape
    assert net.gflops == pytest.approx(row.gflops, rel=TOLERANCE)
    assert net.mparams == pytest.approx(row.mparams, rel=TOLERANCE)
    assert (net.gflops, net.mparams) == (found.gflops, found.mparams)


@pytest.mark.parametrize("name", SAMPLE)
def test_sample_meets_both_published_figures(name) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDABLE)
def test_every_published_model_has_a_stand_in(name) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BUILDABLE if (published()[name].mparams or 0) < 40])
def test_every_written_stand_in_counts_the_same(name) -> None:
    net = stand_in(name).describe()
    count = count_onnx(serialise(net))
    assert (count.macs, count.params) == (net.macs, net.params)


def test_table_covers_what_was_asked() -> None:
    """Every entry with figures and a shape is buildable but for the one in the wrong unit."""
    whole = {n for n, r in published().items() if r.gflops is not None and r.mparams is not None and r.input_shape}
    assert whole - set(BUILDABLE) == {"person-detection-0301"}


@pytest.mark.parametrize("name", ["person-detection-retail-0013", "face-detection-retail-0004", "resnest-50-pytorch"])
def test_channels_are_multiples_of_8(name) -> None:
    assert all(count % 8 == 0 for count in stand_in(name).channels)


def groups(net: Net) -> set[int]:
    return {node.attributes["group"] for node in net.nodes if node.op == "Conv"}


def test_mobile_detectors_are_depthwise_and_face_crops_are_plain() -> None:
    assert len(groups(stand_in("person-detection-retail-0013").describe())) > 3
    assert len(groups(stand_in("person-reidentification-retail-0288").describe())) > 2
    assert groups(stand_in("age-gender-recognition-retail-0013").describe()) == {1}


def test_real_networks_come_out_as_themselves() -> None:
    """The solver, given only the figures of a ResNet-18 on 10 classes, finds ResNet-18's channel counts."""
    assert stand_in("weld-porosity-detection-0001").channels == (64, 128, 256, 512)
    assert stand_in("vehicle-attributes-recognition-barrier-0042").channels == (64, 128, 256, 512)


def test_solution_is_the_same_each_time() -> None:
    first = stand_in("person-detection-retail-0013").channels
    stand_in.cache_clear()
    assert stand_in("person-detection-retail-0013").channels == first


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("person-detection-0301", "another unit"), ("bert-base-ner", "no GFLOPs"), ("gpt-2", "no input shape"),
        ("person-detection-retail-0014", "did you mean 'person-detection-retail-0013'"),
    ],
)  # fmt: skip
def test_refusals_name_the_model_and_the_reason(name, word) -> None:
    with pytest.raises(ModelError, match=f"like:{name}.*{word}"):
        stand_in(name)
