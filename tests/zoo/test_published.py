import dataclasses

import pytest

from advisor.zoo.published import channels_first, published, refused


def test_table_is_whole_and_typed() -> None:
    rows = published()
    assert len(rows) == 248
    row = rows["person-detection-retail-0013"]
    assert (row.gflops, row.mparams, row.input_shape) == (2.3, 0.723, (1, 3, 320, 544))
    assert "7ef5b91" in row.source
    assert rows["gpt-2"].input_shape == ()


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ((1, 224, 224, 3), (1, 3, 224, 224)), ((1, 3, 224, 224), (1, 3, 224, 224)), ((1, 32, 120, 1), (1, 1, 32, 120)),
        ((1, 79, 224, 224, 3), (1, 3, 79, 224, 224)), ((1, 256, 256, 2), (1, 2, 256, 256)), ((1, 128), (1, 128)),
        ((1, 1, 1, 16000), (1, 1, 1, 16000)), ((1, 64, 128), (1, 64, 128)),
    ],
)  # fmt: skip
def test_channels_go_first(written, shape) -> None:
    assert channels_first(written) == shape


def test_evident_unit_error_is_refused_with_its_reason() -> None:
    reason = refused(published()["person-detection-0301"])
    assert reason is not None
    assert "79318" in reason
    assert "another unit" in reason


def test_a_thousandfold_error_would_be_seen_in_any_detector() -> None:
    for name in ("person-detection-0302", "yolo-v3-tf", "resnet-50-tf", "face-detection-adas-0001"):
        row = published()[name]
        assert refused(row) is None
        assert refused(dataclasses.replace(row, gflops=row.gflops * 1000)) is not None


def test_large_but_possible_figures_pass() -> None:
    for name in ("drn-d-38", "fbcnn", "single-image-super-resolution-1032", "brain-tumor-segmentation-0002"):
        assert refused(published()[name]) is None


def test_missing_figures_are_named() -> None:
    rows = published()
    assert refused(rows["bert-base-ner"]) == "its source publishes no GFLOPs"
    assert refused(rows["person-vehicle-bike-detection-crossroad-1016"]) == "its source publishes no parameters"
    assert refused(rows["gpt-2"]) == "its source publishes no input shape"


def test_doubtful_figures_carry_a_note() -> None:
    rows = published()
    assert "exchanged" in rows["aclnet-int8"].note
    assert rows["resnet-18-pytorch"].note is None


def test_figures_known_to_be_wrong_are_replaced_and_say_so() -> None:
    """Figures of another network (deeplabv3) and multiply-adds in the place of operations (efficientdet)."""
    rows = published()
    assert "googlenet-v3" in rows["deeplabv3"].note
    assert (rows["deeplabv3"].gflops, rows["deeplabv3"].mparams) == (17.6, 2.1)
    assert "multiply-adds" in rows["efficientdet-d0-tf"].note
    assert (rows["efficientdet-d0-tf"].gflops, rows["efficientdet-d0-tf"].mparams) == (5.08, 3.9)
