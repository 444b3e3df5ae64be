"""Operation counts against closed forms, two operations per multiply-add."""

import pytest

from advisor.graph.reader import read_facts

from . import networks


@pytest.mark.parametrize(
    ("channels", "filters", "kernel", "size", "stride", "group"),
    [(3, 8, 3, 16, 1, 1), (16, 16, 3, 16, 1, 16), (16, 32, 3, 16, 2, 4), (8, 24, 1, 12, 1, 1)],
)
def test_convolution(tmp_path, channels, filters, kernel, size, stride, group) -> None:
    path = networks.one_conv(tmp_path / "conv.onnx", channels, filters, kernel, size, stride, group)
    facts = read_facts(path)
    side = size // stride
    assert facts.flop == 2 * side * side * filters * (channels // group) * kernel * kernel
    assert facts.parameters == filters * (channels // group) * kernel * kernel


def test_transposed_convolution(tmp_path) -> None:
    facts = read_facts(networks.one_deconv(tmp_path / "deconv.onnx", channels=6, filters=4, size=8))
    assert facts.flop == 2 * 8 * 8 * 6 * 4 * 2 * 2


def test_attention(tmp_path) -> None:
    facts = read_facts(networks.attention(tmp_path / "attention.onnx", tokens=16, width=32, heads=2))
    assert facts.flop == 4 * (2 * 16 * 32 * 32) + 2 * (2 * 16 * 16 * 32)
    assert facts.parameters == 4 * 32 * 32


def test_recurrence(tmp_path) -> None:
    facts = read_facts(networks.recurrent(tmp_path / "lstm.onnx", steps=5, width=8, hidden=16))
    assert facts.flop == 5 * 2 * (4 * 16) * (8 + 16)
