"""Activations that are written out in parts."""

import onnx
import pytest
from onnx import TensorProto, helper

from advisor.graph.activations import Activation, activations


def graph(*nodes: tuple[str, str, str], outputs: tuple[str, ...] = ("y",)) -> onnx.GraphProto:
    """Nodes as (operator, inputs, output) in letters; constants are digits."""
    return helper.make_graph(
        [helper.make_node(op, inputs.split(), [out]) for op, inputs, out in nodes],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 8)) for name in outputs],
    )


SILU = (("Sigmoid", "x", "a"), ("Mul", "x a", "y"))
MISH = (("Softplus", "x", "a"), ("Tanh", "a", "b"), ("Mul", "x b", "y"))
HARD_SWISH = (("Add", "x 3", "a"), ("Clip", "a 0 6", "b"), ("Mul", "x b", "y"))
GELU = (("Div", "x 2", "a"), ("Erf", "a", "b"), ("Add", "b 1", "c"), ("Mul", "x c", "y"))
TANH_GELU = (
    ("Pow", "x 3", "a"), ("Mul", "a 4", "b"), ("Add", "x b", "c"), ("Mul", "c 5", "d"), ("Tanh", "d", "e"),
    ("Add", "e 1", "f"), ("Mul", "x 6", "g"), ("Mul", "g f", "y"),
)  # fmt: skip


@pytest.mark.parametrize("nodes", [SILU, MISH, HARD_SWISH, GELU, TANH_GELU])
def test_known_spellings_are_found_by_their_form(nodes) -> None:
    inner = frozenset(out for _, _, out in nodes[:-1])
    assert activations(graph(*nodes), set("0123456")) == {"y": Activation("x", inner)}


@pytest.mark.parametrize(
    "nodes",
    [
        (("Conv", "x 1", "a"), ("Sigmoid", "a", "b"), ("Mul", "x b", "y")),  # a gate that was computed
        (("Sigmoid", "x", "a"), ("Mul", "z a", "y")),  # of two tensors
        (*SILU[:1], ("Relu", "a", "z"), *SILU[1:]),  # something else reads what lies between
    ],
)
def test_what_only_looks_alike_is_none(nodes) -> None:
    assert activations(graph(*nodes), {"1"}) == {}


def test_a_part_that_is_handed_out_has_to_be_written() -> None:
    assert activations(graph(*SILU, outputs=("y", "a")), set()) == {}
