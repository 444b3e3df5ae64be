"""Facts of a model file: inputs, outputs, operations and parameters, through OpenVINO's frontends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .frontend import hash_file, make_static, read_file


@dataclass(frozen=True)
class GraphFacts:
    """What a file holds, at batch 1."""

    sha256: str
    input_shape: tuple[int, ...]
    """Of the first input."""
    input_types: tuple[str, ...]
    output_shapes: tuple[tuple[int, ...], ...]
    operations: int
    flop: float
    """Two per multiply-add; convolutions, matrix products and recurrences."""
    parameters: int
    """Elements of floating-point constants and of quantised weights."""


def read_facts(path: Path, input_shape: tuple[int, ...] | None = None) -> GraphFacts:
    """Read a model file.

    Raises
    ------
    ModelError
        Missing, truncated, unsupported (names the operator), or dynamic without ``input_shape``.
    """
    model = read_file(path)
    make_static(model, path, input_shape)
    operations = list(model.get_ordered_ops())
    return GraphFacts(
        sha256=hash_file(path),
        input_shape=tuple(int(size) for size in model.inputs[0].get_shape()),
        input_types=tuple(port.get_element_type().get_type_name() for port in model.inputs),
        output_shapes=tuple(
            tuple(int(size) for size in port.get_shape())
            for port in model.outputs
            if port.get_partial_shape().is_static
        ),
        operations=len(operations),
        flop=sum(_flop(operation) for operation in operations),
        parameters=sum(_parameters(operation) for operation in operations),
    )


def _parameters(operation: Any) -> int:
    if operation.get_type_name() != "Constant":
        return 0
    kind = operation.get_output_element_type(0).get_type_name()
    if kind not in ("f32", "f16", "bf16", "i8", "u8", "i4", "u4"):
        return 0
    return math.prod(operation.get_output_shape(0))


def _flop(operation: Any) -> float:
    """Operations of one node from static shapes; 0 for everything that is not a product."""
    kind = operation.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData",
                    "MatMul", "LSTMSequence", "GRUSequence", "RNNSequence"):  # fmt: skip
        return 0.0
    data = tuple(operation.get_input_shape(0))
    weights = tuple(operation.get_input_shape(1))
    output = tuple(operation.get_output_shape(0))
    if kind in ("Convolution", "GroupConvolution"):
        return 2.0 * math.prod(output) * math.prod(weights) / output[1]
    if kind in ("ConvolutionBackpropData", "GroupConvolutionBackpropData"):
        return 2.0 * math.prod(data) * math.prod(weights) / data[1]
    if kind == "MatMul":
        transposed = bool(operation.get_attributes().get("transpose_a", False))
        inner = data[-2] if transposed and len(data) > 1 else data[-1]
        return 2.0 * math.prod(output) * inner
    return 2.0 * data[0] * data[1] * sum(math.prod(operation.get_input_shape(port)) for port in (4, 5))
