"""Working memory of a graph, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from advisor.graph.live import live_bytes
from advisor.records.model import LiveBytes

PICTURE = (1, 8, 4, 4)
ONE = 4.0 * 8 * 4 * 4
"""Bytes of one picture in f32."""
ELEMENTWISE = frozenset({"Relu", "Sigmoid", "Mul", "Add", "Erf", "Div"})


def node(kind: str, inputs: str, output: str) -> Any:
    return helper.make_node(kind, inputs.split(), [output])


def alive(*nodes: Any, output: str = "y", weights: Sequence[str] = ("w",)) -> LiveBytes:
    """Of nodes over a picture ``x``, every tensor of which has its size; ``w`` is a weight."""
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, PICTURE)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, PICTURE)],
        [numpy_helper.from_array(np.zeros((8, 8, 1, 1), np.float32), name) for name in weights],
    )
    names = {"x", *(name for one in nodes for name in one.output)}
    return live_bytes(helper.make_model(graph), dict.fromkeys(names, PICTURE), ELEMENTWISE)


def test_an_elementwise_operator_writes_over_what_nothing_else_reads() -> None:
    assert alive(node("Conv", "x w", "a"), node("Relu", "a", "y")).openvino_f32 == 2 * ONE  # x and a
    # ``a`` is read again behind it.
    kept = alive(node("Conv", "x w", "a"), node("Relu", "a", "b"), node("Concat", "a b", "y"))
    assert kept.openvino_f32 == 3 * ONE


def test_what_a_residual_skips_is_held_all_along() -> None:
    block = [node("Conv", "x w", "a"), node("Conv", "a w", "b"), node("Conv", "b w", "c"), node("Add", "c x", "y")]
    assert alive(*block).openvino_f32 == 3 * ONE  # x, and two of a, b, c
    assert alive(*block[:3], node("Relu", "c", "y")).openvino_f32 == 2 * ONE


def test_views_share_the_memory_of_their_input() -> None:
    assert alive(node("Conv", "x w", "a"), node("Flatten", "a", "f"), node("Relu", "f", "y")).openvino_f32 == 2 * ONE


@pytest.mark.parametrize(
    "written",
    [
        [("Sigmoid", "a", "s"), ("Mul", "a s", "y")],
        [("Div", "a w", "d"), ("Erf", "d", "e"), ("Add", "e w", "f"), ("Mul", "a f", "g"), ("Mul", "g w", "y")],
    ],
)
def test_an_activation_in_parts_is_one_buffer_where_it_is_fused(written: list[tuple[str, str, str]]) -> None:
    found = alive(node("Conv", "x w", "a"), *(node(*part) for part in written))
    assert found.openvino_f32 == 2 * ONE
    assert found.onnxruntime_f32 == 2 * ONE  # x is gone by then


def test_separate_parts_are_held_beside_their_source() -> None:
    nodes = [node("Conv", "x w", "a"), node("Sigmoid", "a", "s"), node("Mul", "a s", "b"), node("Add", "b x", "y")]
    assert alive(*nodes).openvino_f32 == 2 * ONE
    assert alive(*nodes).onnxruntime_f32 == 3 * ONE  # x, a and sigmoid(a)


def test_in_an_int8_copy_that_is_narrow_which_products_alone_read() -> None:
    products = alive(node("Conv", "x w", "a"), node("Conv", "a w", "b"), node("Conv", "b w", "y"))
    assert products.openvino_int8 == (0.25 + 1) * ONE  # b, and the output, which stays f32
    pooled = alive(
        node("Conv", "x w", "a"), node("MaxPool", "a", "b"), node("Conv", "b w", "c"), node("Conv", "c w", "y")
    )
    assert pooled.openvino_int8 == (1 + 0.25) * ONE
    assert pooled.onnxruntime_int8 == (1 + 0.25) * ONE  # its output
    assert products.at("openvino", "int8") == products.openvino_int8
    assert products.at("ncnn", "bf16") == products.openvino_f32 / 2


def test_what_has_no_product_of_weights_cannot_be_int8() -> None:
    assert alive(node("Conv", "x w", "y")).quantisable
    assert not alive(node("MatMul", "x x", "y")).quantisable
    assert not alive(node("Relu", "x", "y")).quantisable


def test_what_is_constant_is_no_activation() -> None:
    assert alive(node("Relu", "w", "v"), node("Conv", "x v", "y")).openvino_f32 == 2 * ONE
