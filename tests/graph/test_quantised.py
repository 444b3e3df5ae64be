"""Which graphs are int8 already: one answer for all who ask."""

import onnx
import pytest
from onnx import TensorProto, helper

from advisor.graph.quantised import computes_int8, holds_narrow_weights
from advisor.runtimes.conformance_networks import small_network

from . import files


def graph_of(*kinds, inside=False):
    nodes = [helper.make_node(kind, ["x"], [f"y{i}"]) for i, kind in enumerate(kinds)]
    if inside:
        body = helper.make_graph(nodes, "b", [], [helper.make_tensor_value_info("y0", TensorProto.FLOAT, None)])
        nodes = [helper.make_node("If", ["c"], ["z"], then_branch=body, else_branch=body)]
    graph = helper.make_graph(nodes, "g", [], [])
    return helper.make_model(graph)


@pytest.mark.parametrize(
    "kind",
    ["QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearGlobalAveragePool", "QuantizeLinear", "ConvInteger",
     "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM",
     "QGemm", "QAttention", "QEmbedLayerNormalization"],
)  # fmt: skip
@pytest.mark.parametrize("inside", [False, True])
def test_operators_of_every_scheme_are_int8_branches_included(kind, inside) -> None:
    assert computes_int8(graph_of("Conv", kind, inside=inside))
    assert holds_narrow_weights(graph_of(kind))


@pytest.mark.parametrize("kind", ["Conv", "QuickGelu", "MatMul", "Attention", "FusedMatMul"])
def test_others_are_not(kind) -> None:
    assert not computes_int8(graph_of(kind))
    assert not holds_narrow_weights(graph_of(kind))


@pytest.mark.parametrize("kind", ["DequantizeLinear", "MatMulNBits"])
def test_narrow_weights_alone_are_not_computing_in_int8(kind) -> None:
    assert holds_narrow_weights(graph_of(kind))
    assert not computes_int8(graph_of(kind))


def test_files_of_every_scheme(tmp_path) -> None:
    paths = [
        files.operator_net(tmp_path / "operators.onnx"), files.dynamic_net(tmp_path / "dynamic.onnx"),
        files.dynamic_net(tmp_path / "fused.onnx", fused=True),
    ]  # fmt: skip
    assert all(computes_int8(onnx.load(path)) for path in paths)
    assert not computes_int8(onnx.load(small_network(tmp_path / "n.onnx")))
