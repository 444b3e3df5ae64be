from itertools import pairwise

import pytest

from advisor.zoo.families import ARCHITECTURES
from advisor.zoo.families.bert import VOCABULARY
from advisor.zoo.onnx_file import serialise
from advisor.zoo.published import published

from .count import count_onnx

TOLERANCE = 0.03
"""Issue 2: counted against published."""
WRITTEN = ["mobilenet-v2", "shufflenet-v2", "squeezenet-1.1", "ssd-mobilenet", "yolo-tiny", "bert-mini"]
"""Small ones of every kind of layer; all are counted as files in the slow test."""


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_counts_agree_with_published_figures(name) -> None:
    known = ARCHITECTURES[name]
    net = known.describe()
    assert net.name == name
    assert net.gflops == pytest.approx(known.gflops, rel=TOLERANCE)
    assert net.mparams == pytest.approx(known.mparams, rel=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("resnet-18", "resnet-18-pytorch"), ("resnet-34", "resnet-34-pytorch"), ("resnet-50", "resnet-50-pytorch"),
        ("googlenet", "googlenet-v1-tf"), ("inception-v3", "googlenet-v3-pytorch"), ("unet", "unet-camvid-onnx-0001"),
        ("densenet-121", "densenet-121-tf"), ("mobilenet-v1", "mobilenet-v1-1.0-224-tf"),
        ("mobilenet-v2", "mobilenet-v2-pytorch"), ("mobilenet-v3", "mobilenet-v3-large-1.0-224-tf"),
        ("shufflenet-v2", "shufflenet-v2-x1.0"), ("ssd-mobilenet", "ssd_mobilenet_v1_coco"),
        ("swin-tiny", "swin-tiny-patch4-window7-224"),
    ],
)  # fmt: skip
def test_counts_agree_with_the_shipped_table(name, row) -> None:
    """The figures in the code are those of the table, not only near them."""
    figures, known = published()[row], ARCHITECTURES[name]
    assert known.gflops == pytest.approx(figures.gflops, rel=1e-9)
    assert known.mparams == pytest.approx(figures.mparams, rel=1e-4)


def check_file(name) -> None:
    net = ARCHITECTURES[name].describe()
    count = count_onnx(serialise(net))
    assert (count.macs, count.params) == (net.macs, net.params)


@pytest.mark.parametrize("name", WRITTEN)
def test_written_file_counts_the_same(name) -> None:
    check_file(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - set(WRITTEN)))
def test_every_written_file_counts_the_same(name) -> None:
    check_file(name)


@pytest.mark.parametrize(("name", "layers", "width"), [("bert-mini", 4, 256), ("bert-base", 12, 768)])
def test_bert_matches_its_closed_form(name, layers, width) -> None:
    """t tokens, width d, hidden 4 d: projections 4 t d^2, scores and their use 2 t^2 d, feed-forward 8 t d^2."""
    tokens = 128
    macs = layers * (12 * tokens * width**2 + 2 * tokens**2 * width) + width**2
    per_layer = 4 * (width**2 + width) + 2 * 4 * width**2 + 5 * width + 4 * width
    params = (VOCABULARY + 512 + 2) * width + 2 * width + layers * per_layer + width**2 + width
    net = ARCHITECTURES[name].describe()
    assert (net.macs, net.params) == (macs, params)


def test_vgg_matches_its_closed_form() -> None:
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    convs = sum(9 * a * b + b for a, b in pairwise(widths))
    dense = 512 * 49 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 1000 + 1000
    assert ARCHITECTURES["vgg-16"].describe().params == convs + dense


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_detectors_end_in_the_layout_they_state(name) -> None:
    known = ARCHITECTURES[name]
    shape = known.describe().outputs[0].shape
    if known.output_layout == "ssd":
        assert shape[:2] == (1, 1)
        assert shape[3] == 7
    elif known.output_layout == "yolo":
        assert shape == (1, 25200, 85)
    elif known.output_layout == "classes":
        assert shape == (1, 1000)
