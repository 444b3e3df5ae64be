"""Model files as people have them: batches, types and operators that a training framework or a tool left in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CONV_FLOP = 2 * 8 * 27 * 16 * 16
"""Operations per picture of :func:`picture_net` at 16 x 16."""


def save(
    path: Path, nodes: Sequence[Any], inputs: Sequence[tuple[str, int, Sequence[Any]]], output: str,
    weights: Sequence[Any] = (), *, kind: int = TensorProto.FLOAT, opset: int = 17, ir: int = 8,
) -> Path:  # fmt: skip
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(name, element, list(shape)) for name, element, shape in inputs],
        [helper.make_tensor_value_info(output, kind, None)],
        list(weights),
    )
    sets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=ir), str(path))
    return path


def tensor(name: str, *shape: int, dtype: Any = np.float32, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "iu":
        return numpy_helper.from_array(rng.integers(0, 100, shape).astype(dtype), name)
    return numpy_helper.from_array((rng.standard_normal(shape) * 0.1).astype(dtype), name)


def picture_net(
    path: Path, *, batch: int | str = 1, size: int | str = 16, layout: str = "NCHW", kind: int = TensorProto.FLOAT,
    beside: Sequence[tuple[str, int, Sequence[Any]]] = (), last: bool = False, flatten: bool = False,
) -> Path:  # fmt: skip
    """One 3x3 convolution to eight channels and its mean per channel, [batch, 8].

    ``beside``: further inputs that are added to nothing but the graph; ``last``: the picture stands behind them;
    ``flatten``: a reshape inside has the batch in its constants.
    """
    real = TensorProto.FLOAT16 if kind == TensorProto.FLOAT16 else TensorProto.FLOAT
    dtype = np.float16 if real == TensorProto.FLOAT16 else np.float32
    nodes, at = [], "image"
    if kind not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        nodes.append(helper.make_node("Cast", [at], ["real"], to=real))
        at = "real"
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [at], ["planes"], perm=[0, 3, 1, 2]))
        at = "planes"
    nodes.append(helper.make_node("Conv", [at, "w"], ["conv"], pads=[1, 1, 1, 1]))
    weights = [tensor("w", 8, 3, 3, 3, dtype=dtype)]
    if flatten:
        weights.append(numpy_helper.from_array(np.array([batch, 8 * 16 * 16], np.int64), "shape"))
        nodes.append(helper.make_node("Reshape", ["conv", "shape"], ["y"]))
    else:
        nodes.append(helper.make_node("ReduceMean", ["conv"], ["y"], axes=[2, 3], keepdims=0))
    outputs = ["y"]
    for number, (name, _, _) in enumerate(beside):
        nodes.append(helper.make_node("Cast", [name], [f"cast_{number}"], to=real))
        nodes.append(helper.make_node("ReduceMean", [f"cast_{number}"], [f"mean_{number}"], keepdims=0))
        nodes.append(helper.make_node("Add", [outputs[-1], f"mean_{number}"], [f"y_{number}"]))
        outputs.append(f"y_{number}")
    shape = [batch, 3, size, size] if layout == "NCHW" else [batch, size, size, 3]
    picture = ("image", kind, shape)
    inputs = [*beside, picture] if last else [picture, *beside]
    return save(path, nodes, inputs, outputs[-1], weights, kind=real)


def operator_net(path: Path, rows: int = 4, width: int = 32, out: int = 8) -> Path:
    """Int8 in operators (QOperator): QuantizeLinear, com.microsoft.QGemm, DequantizeLinear."""
    weights = [
        numpy_helper.from_array(np.float32(0.02), "s"), numpy_helper.from_array(np.uint8(128), "z"),
        numpy_helper.from_array(np.int8(0), "zw"), tensor("w", width, out, dtype=np.int8),
    ]  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("QGemm", ["q", "s", "z", "w", "s", "zw", "", "s", "z"], ["r"], domain="com.microsoft"),
        helper.make_node("DequantizeLinear", ["r", "s", "z"], ["y"]),
    ]
    return save(path, nodes, [("x", TensorProto.FLOAT, [rows, width])], "y", weights)


def dynamic_net(path: Path, tokens: int | str = 16, width: int = 32, *, fused: bool = False) -> Path:
    """A dynamically quantised product over tokens; ``fused``: in one operator of com.microsoft."""
    weights = [
        tensor("table", 100, width), tensor("w", width, width, dtype=np.int8),
        numpy_helper.from_array(np.int8(0), "zw"),
        numpy_helper.from_array(np.float32(0.02), "s"),
    ]  # fmt: skip
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["e"])]
    if fused:
        nodes.append(helper.make_node("DynamicQuantizeMatMul", ["e", "w", "s", "zw"], ["y"], domain="com.microsoft"))
    else:
        nodes += [
            helper.make_node("DynamicQuantizeLinear", ["e"], ["q", "sq", "zq"]),
            helper.make_node("MatMulInteger", ["q", "w", "zq", "zw"], ["i"]),
            helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["sq", "s"], ["scale"]),
            helper.make_node("Mul", ["f", "scale"], ["y"]),
        ]
    return save(path, nodes, [("input_ids", TensorProto.INT64, ["N", tokens])], "y", weights)


def with_external_weights(path: Path, name: str = "weights.bin") -> Path:
    """Move the weights of a file into one beside it."""
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location=name, size_threshold=0)
    return path
