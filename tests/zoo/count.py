"""Count operations and parameters of a written ONNX graph, independently of the builder's own bookkeeping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from advisor.errors import ModelError


@dataclass(frozen=True)
class Count:
    """What a graph holds: multiply-adds at batch 1 (convolutions and matrix products) and parameters."""

    macs: int
    params: int

    @property
    def gflops(self) -> float:
        """Operations in 1e9, two per multiply-add."""
        return 2e-9 * self.macs

    @property
    def mparams(self) -> float:
        """Parameters in 1e6."""
        return 1e-6 * self.params


def count_onnx(data: bytes) -> Count:
    """Count a serialised ONNX model at batch 1 through ONNX's own shape inference.

    Parameters are the float32 initialisers, scalars excepted, that a Conv, ConvTranspose, Gemm, MatMul, LSTM,
    Gather, Add, Mul, PRelu or normalisation reads; anchors of detector heads, which also feed Add and Mul, have a
    leading axis of one and three axes, and are left out by that sign unless they are of the kind [1, tokens, width]
    that transformers learn (told apart by both above 7). Sines and cosines of places, of the same kind, are left out
    by their values: each of them is one at the first place, or zero.

    Raises
    ------
    ModelError
        A shape that the count needs is unknown.
    """
    import onnx

    model = onnx.load_from_string(data)
    for value in (*model.graph.input, *model.graph.output):
        axis = value.type.tensor_type.shape.dim[0]
        if axis.dim_param == "batch":
            axis.dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    shapes: dict[str, tuple[int, ...]] = {item.name: tuple(item.dims) for item in model.graph.initializer}
    for value in (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output):
        shapes[value.name] = tuple(int(dim.dim_value) for dim in value.type.tensor_type.shape.dim)
    return Count(sum(_macs(node, shapes) for node in model.graph.node), _params(model))


def _macs(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    if node.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM"):
        return 0
    first, second, out = (shapes.get(name, ()) for name in (node.input[0], node.input[1], node.output[0]))
    if 0 in first or 0 in second or 0 in out or not (first and second and out):
        raise ModelError(f"shape of {node.name} is unknown; its operations cannot be counted")
    if node.op_type == "LSTM":
        # Per step and direction: all gates over the input and over the last state, whose width is the output's last.
        return first[0] * math.prod(second[:2]) * (second[2] + out[-1])
    if node.op_type == "Conv":
        return math.prod(out) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(first) * math.prod(second[1:])
    return math.prod(out) * first[-1]


def _params(model: Any) -> int:
    import onnx

    readers = ("Conv", "ConvTranspose", "Gemm", "MatMul", "Gather", "Add", "Mul", "PRelu", "Slice",
               "LayerNormalization", "InstanceNormalization", "LSTM")  # fmt: skip
    read = {name for node in model.graph.node if node.op_type in readers for name in node.input}
    total = 0
    for item in model.graph.initializer:
        dims = tuple(item.dims)
        anchors = len(dims) == 3 and dims[0] == 1 and (min(dims[1:]) <= 7 or _waves(item))
        if item.data_type == onnx.TensorProto.FLOAT and item.name in read and dims and not anchors:
            total += math.prod(dims)
    return total


def _waves(item: Any) -> bool:
    """Whether a tensor holds sines and cosines of places, which nobody learned."""
    import numpy as np
    from onnx import numpy_helper

    return bool(np.isin(numpy_helper.to_array(item)[0, 0], (0.0, 1.0)).all())
