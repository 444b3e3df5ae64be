"""Fused kernels: their work adds up to the graph's, their bytes to the tensors'."""

import pytest
from onnx import helper

from advisor.graph.kernels import peak_activation_bytes, runtime_kernels, runtime_nodes
from advisor.graph.reader import read_facts
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.quantise import int8_model

from . import files, networks

pytestmark = pytest.mark.runtime
KNOWN = {"conv", "dwconv", "groupconv", "fc", "matmul", "attention", "deconv", "rnn"}


def compiled_model(path, runtime="openvino", **config):
    return get_runtime(runtime).compile(path, RunConfig(runtime=runtime, threads=1, streams=1, **config))


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_kernel_work_adds_up_to_the_graphs(tmp_path, runtime, batch, precision) -> None:
    path = small_network(tmp_path / "n.onnx")
    file = int8_model(path, tmp_path) if precision == "int8" else path
    compiled = compiled_model(file, runtime, batch=batch, precision=precision)
    kernels = compiled.kernels()
    assert sum(kernel.flop for kernel in kernels) == pytest.approx(batch * read_facts(path).flop, rel=0.01)
    assert all(kernel.type in KNOWN for kernel in kernels if kernel.flop)
    compiled.close()


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    "make", [networks.attention, networks.recurrent, lambda path: networks.one_deconv(path, 8, 8, 8)]
)
def test_other_kinds_of_work_add_up(tmp_path, runtime, make) -> None:
    path = make(tmp_path / "n.onnx")
    compiled = compiled_model(path, runtime)
    assert sum(kernel.flop for kernel in compiled.kernels()) == pytest.approx(read_facts(path).flop, rel=0.01)
    compiled.close()


def test_shapes_and_bytes_of_one_convolution(tmp_path) -> None:
    path = networks.one_conv(tmp_path / "c.onnx", channels=16, filters=32, kernel=3, size=20, stride=2)
    compiled = compiled_model(path)
    (conv,) = [kernel for kernel in compiled.kernels() if kernel.type == "conv"]
    assert (conv.input_shape, conv.output_shape) == ((1, 16, 20, 20), (1, 32, 10, 10))
    assert (conv.kernel_size, conv.strides, conv.groups) == ((3, 3), (2, 2), 1)
    assert (conv.input_bytes, conv.output_bytes) == (16 * 400 * 4, 32 * 100 * 4)
    assert conv.weight_bytes == pytest.approx(32 * 16 * 9 * 4, rel=0.02)  # a bias may be added
    assert conv.precision == "f32"
    assert conv.implementation
    # Whatever reorders stand around it, input and output are live together at some moment.
    assert compiled.activation_bytes() >= conv.input_bytes + conv.output_bytes
    compiled.close()


def test_depthwise_grouped_and_fused(tmp_path) -> None:
    compiled = compiled_model(small_network(tmp_path / "n.onnx"))
    kernels = {kernel.type: kernel for kernel in compiled.kernels()}
    assert kernels["dwconv"].groups == 16
    assert kernels["groupconv"].groups == 4
    assert "Relu" in kernels["dwconv"].fused
    assert {kernel.original_type for kernel in kernels.values()} & {"Const", "Input", "Output"} == set()
    compiled.close()


def test_nothing_unknown_is_dropped(tmp_path, monkeypatch) -> None:
    """A kernel whose kind nobody knows stays in the list as ``other``."""
    from advisor.graph import kernels as module

    compiled = compiled_model(small_network(tmp_path / "n.onnx"))
    before = runtime_kernels(compiled.compiled)
    monkeypatch.setattr(module, "_TYPES", {})
    after = runtime_kernels(compiled.compiled)
    assert len(after) == len(before)
    assert {kernel.type for kernel in after if kernel.original_type != "Subgraph"} == {"other"}
    assert [kernel.original_type for kernel in after] == [kernel.original_type for kernel in before]
    compiled.close()


def test_int8_narrows_the_weights(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    wide = compiled_model(path)
    narrow = compiled_model(int8_model(path, tmp_path), precision="int8")
    dense = {kernel.name: kernel for kernel in wide.kernels() if kernel.kernel_size == (3, 3)}
    for kernel in narrow.kernels():
        if kernel.kernel_size == (3, 3):
            assert kernel.precision in {"i8", "u8"}
            twin = [other for other in dense.values() if other.output_shape == kernel.output_shape]
            assert any(kernel.weight_bytes < 0.4 * other.weight_bytes for other in twin)
    wide.close()
    narrow.close()


def test_activation_peak_of_a_chain(tmp_path) -> None:
    """In a chain of equal tensors two are live at a time."""
    net = networks.Net()
    at = "x"
    for _ in range(4):
        at = net.add("Conv", [at, net.weight(16, 16, 3, 3)], pads=[1] * 4)
    path = net.save(tmp_path / "chain.onnx", [1, 16, 32, 32], at, [1, 16, 32, 32])
    compiled = compiled_model(path)
    size = 16 * 32 * 32 * 4
    assert peak_activation_bytes(runtime_nodes(compiled.compiled)) == 2 * size
    compiled.close()


def test_attention_of_onnxruntime_holds_its_projections(tmp_path) -> None:
    tokens, width = 16, 32
    weights = [files.tensor("w", width, 3 * width), files.tensor("b", 3 * width)]
    node = helper.make_node("Attention", ["x", "w", "b"], ["y"], "mixing", domain="com.microsoft", num_heads=4)
    path = files.save(tmp_path / "a.onnx", [node], [("x", 1, [1, tokens, width])], "y", weights)
    config = RunConfig(runtime="onnxruntime", threads=1)
    compiled = get_runtime("onnxruntime").compile(path, config)
    (kernel,) = (kernel for kernel in compiled.kernels() if kernel.type == "attention")
    compiled.close()
    assert kernel.flop == 2 * tokens * (3 * width**2 + 2 * tokens * width)
