"""Work that is counted in the file, whatever the processor that plans."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from advisor.errors import ModelError
from advisor.graph.counted import counted_kernels, counted_work
from advisor.perfmodel.analytic.work_table import load_works, table_of
from advisor.perfmodel.resources.memory import sizes_of
from advisor.records.model import ModelFile
from advisor.runtimes.quantise import int8_model
from advisor.store.paths import profiles_dir
from advisor.workflows.models import resolve_model
from advisor.zoo.builder import Net
from advisor.zoo.onnx_file import outline
from tests.graph import files


def small_file(path: Path, *extra: onnx.NodeProto, height: int | str = 8) -> ModelFile:
    """A grouped convolution with a ReLU behind it, then ``extra``."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, (8, 2, 3, 3), np.zeros(144, np.float32))
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], group=2, pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["y"]),
        *extra,
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("N", 4, height, 8))],
        [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return _model_file(path)


def _model_file(path: Path) -> ModelFile:
    example = resolve_model("squeezenet-1.1", None)
    return example.model_copy(
        update={"reference": str(path), "name": "small", "path": str(path), "input_shape": (1, 4, 16, 8)}
    )


def test_a_fused_kernel_is_counted_by_hand(tmp_path: Path) -> None:
    work = counted_work(small_file(tmp_path / "small.onnx", height="H"))
    assert work is not None
    (only,) = work.kernels
    assert only.type == "groupconv"
    assert only.flop == 2 * 8 * 16 * 8 * (2 * 3 * 3)  # outputs x filter, two operations each
    assert only.output_bytes == 4 * 8 * 16 * 8
    assert only.weight_bytes == 4 * 144


def test_an_operator_whose_input_is_read_elsewhere_is_a_kernel_of_its_own(tmp_path: Path) -> None:
    after = helper.make_node("Add", ["c", "y"], ["z"])
    work = counted_work(small_file(tmp_path / "small.onnx", after))
    assert work is not None
    assert [kernel.type for kernel in work.kernels] == ["groupconv", "eltwise"]


@pytest.mark.parametrize("make", [files.operator_net, files.dynamic_net])
def test_a_graph_of_int8_operators_is_left_to_the_runtime(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    assert counted_work(_model_file(make(tmp_path / "small.onnx"))) is None


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_graph_that_was_quantised_in_pairs_has_the_work_of_the_one_before(
    tmp_path: Path, runtime: Literal["openvino", "onnxruntime"]
) -> None:
    before = resolve_model("squeezenet-1.1", None)
    copy = resolve_model(str(int8_model(Path(before.path), tmp_path, runtime=runtime)), None)
    plain, quantised = counted_work(before), counted_work(copy)
    assert plain is not None
    assert plain.live is not None
    assert quantised is not None
    np.testing.assert_allclose(table_of(quantised).table, table_of(plain).table)
    assert quantised.flop == pytest.approx(copy.flop, rel=1e-6)
    assert quantised.live == plain.live.model_copy(update={"int8_file": True})
    # It takes the memory of an int8 copy, whatever is asked for.
    assert sizes_of(quantised, runtime, "f32") == sizes_of(plain, runtime, "int8")


def _counted(net: Net) -> list[str]:
    kernels, _ = counted_kernels(outline(net))
    return [kernel.original_type for kernel in kernels]


@pytest.mark.parametrize("kind", ["silu", "gelu", "relu", "hswish"])
def test_an_activation_in_parts_is_done_by_the_convolution_before_it(kind: str) -> None:
    net = Net("small", (1, 8, 16, 16))
    net.output(net.conv(net.conv(net.input, 8, act=kind), 8))
    assert _counted(net) == ["Conv", "Conv"]


def test_an_activation_in_parts_without_a_product_reads_once_and_writes_once() -> None:
    net = Net("small", (1, 8, 16, 16))
    net.output(net.act(net.pool(net.input, "max", 2, 2), "silu"))
    (_, found), _ = counted_kernels(outline(net))
    assert (found.input_bytes, found.output_bytes) == (4 * 8 * 64, 4 * 8 * 64)


@pytest.mark.parametrize(("kind", "expected"), [(None, []), ("silu", ["Add"]), ("relu", ["Add"])])
def test_a_sum_joins_a_convolution_without_an_activation(kind: str | None, expected: list[str]) -> None:
    """As OpenVINO 2026.4 fuses these graphs."""
    net = Net("small", (1, 8, 16, 16))
    x = net.conv(net.input, 8)
    y = net.conv(net.conv(x, 4, 1), 8, act=kind)
    net.output(net.conv(net.add(x, y), 8))
    assert _counted(net) == ["Conv", "Conv", "Conv", *expected, "Conv"]


def test_a_gate_over_a_map_is_a_kernel_of_its_own() -> None:
    net = Net("small", (1, 8, 16, 16))
    x = net.conv(net.input, 8, act="relu")
    gate = net.conv(net.global_pool(x, flat=False), 8, 1, act="sigmoid")
    net.output(net.conv(net.mul(x, gate), 8))
    assert _counted(net) == ["Conv", "GlobalAveragePool", "Conv", "Mul", "Conv"]


def test_a_sum_behind_a_dense_layer_is_a_kernel_of_its_own() -> None:
    net = Net("small", (1, 16, 32))
    x = net.dense(net.input, 32)
    net.output(net.dense(net.add(x, net.dense(x, 32, act="gelu")), 32))
    assert _counted(net) == ["MatMul", "MatMul", "Add", "MatMul"]


def _of_every_kind() -> Net:
    net = Net("small", (1, 4, 16, 16))
    x = net.deconv(net.conv(net.input, 8, act="silu"), 8)
    gate = net.conv(net.global_pool(x, flat=False), 8, 1, act="sigmoid")
    x = net.affine(net.concat([net.mul(x, gate), net.depthwise(x)]))
    net.output(net.dense(net.reshape(x, (1, 1024, 16)), 32, act="gelu"))
    return net


def _in_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with its weights in ``Constant`` nodes."""
    nodes = [helper.make_node("Constant", [], [item.name], value=item) for item in model.graph.initializer]
    graph = helper.make_graph(
        [*nodes, *model.graph.node], "small", list(model.graph.input), list(model.graph.output),
        value_info=list(model.graph.value_info),
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=list(model.opset_import))


def test_weights_in_nodes_count_as_those_in_initialisers() -> None:
    kernels, _ = counted_kernels(outline(_of_every_kind()))
    assert sum(kernel.weight_bytes for kernel in kernels) > 0
    assert counted_kernels(_in_nodes(outline(_of_every_kind())))[0] == kernels


def test_what_is_computed_from_constants_alone_is_a_weight(tmp_path: Path) -> None:
    weight = helper.make_tensor("", TensorProto.FLOAT, (8, 8, 1, 1), [0] * 64)
    turned = [
        helper.make_node("Constant", [], ["k"], value=weight),
        helper.make_node("Transpose", ["k"], ["t"], perm=[1, 0, 2, 3]),
        helper.make_node("Conv", ["y", "t"], ["z"]),
    ]
    work = counted_work(small_file(tmp_path / "small.onnx", *turned, height="H"))
    assert work is not None
    assert [(kernel.type, kernel.weight_bytes) for kernel in work.kernels] == [("groupconv", 4 * 144), ("conv", 4 * 64)]


def test_finding_out_a_shape_is_no_kernel_and_reads_nothing(tmp_path: Path) -> None:
    """As exporters write a flattening: runtimes fold it, and fuse the ReLU whose tensor it looks at."""
    first = helper.make_node("Constant", [], ["first"], value_ints=[0])
    rest = helper.make_node("Constant", [], ["rest"], value_ints=[-1])
    flattened = [
        helper.make_node("Shape", ["c"], ["s"]),
        helper.make_node("Gather", ["s", "first"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["dims"], axis=0),
        helper.make_node("Reshape", ["y", "dims"], ["z"]),
    ]
    work = counted_work(small_file(tmp_path / "small.onnx", first, rest, *flattened, height="H"))
    assert work is not None
    assert [kernel.type for kernel in work.kernels] == ["groupconv"]


def test_a_slice_reads_what_it_hands_on() -> None:
    net = Net("small", (1, 16, 32))
    net.output(net.slice(net.input, 2, 0, 8))
    (found,), _ = counted_kernels(outline(net))
    assert found.input_bytes == found.output_bytes == 4 * 16 * 8


def test_a_product_reads_a_transposed_operand_by_itself() -> None:
    net = Net("small", (1, 2, 16, 32))
    net.output(net.matmul(net.input, net.transpose(net.input, (0, 1, 3, 2))))
    assert _counted(net) == ["MatMul"]


def test_a_search_for_the_largest_looks_at_every_input() -> None:
    net = Net("small", (1, 21, 16, 16))
    net.output(net.node("ArgMax", [net.input], (1, 16, 16), axis=1, keepdims=0))
    (found,), _ = counted_kernels(outline(net))
    assert found.flop == 21 * 16 * 16


def test_a_product_of_unknown_shape_is_left_to_the_runtime(tmp_path: Path) -> None:
    """As ones its dimensions would make a heavy network light."""
    file = small_file(tmp_path / "small.onnx", height="H")
    assert counted_work(file) is not None
    # With another rank than the file's the shape that it is used with cannot be filled in.
    assert counted_work(file.model_copy(update={"input_shape": (1, 4, 16)})) is None


def test_another_format_is_left_to_the_runtime(tmp_path: Path) -> None:
    assert counted_work(_model_file(tmp_path / "small.xml")) is None


def test_a_damaged_file_is_refused_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    path.write_bytes(b"\x08\xff\xff\xff")
    with pytest.raises(ModelError, match=r"small\.onnx.*export it again"):
        counted_work(_model_file(path))


@pytest.mark.parametrize(("name", "published"), [("squeezenet-1.1", "squeezenet1.1"), ("mobilenet-v2", "mobilenet-v2")])
def test_the_file_tells_what_the_calibration_was_fitted_on(name: str, published: str) -> None:
    work = counted_work(resolve_model(name, None))
    assert work is not None
    shipped = load_works(profiles_dir() / "calibration" / "works.json")[published]
    np.testing.assert_allclose(table_of(work).table, shipped.table, rtol=1e-4)
