"""What an ONNX graph is by its operators: computing in int8 already, or holding weights that are narrower than f32;
and what of it an int8 copy makes narrow.

The one place that decides it; a graph's own domain (``com.microsoft``) counts like ONNX's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
# Products carry the time; the others are here because data would return to f32 between two products otherwise.
_ONNXRUNTIME_OPERATORS = (
    "Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Concat", "MaxPool", "AveragePool", "GlobalAveragePool",
    "LeakyRelu", "Relu", "Clip", "Resize", "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Split", "Slice",
)  # fmt: skip
_PAIR = frozenset({"QuantizeLinear", "DequantizeLinear"})
_FLOAT = 1
"""ONNX's number of the type f32."""
_PREFIXES = ("QLinear", "DynamicQuantize")
_COMPUTING = frozenset(
    {
        "QuantizeLinear", "ConvInteger", "ConvIntegerToFloat", "MatMulInteger", "MatMulIntegerToFloat",
        "MatMulInteger16", "QGemm", "QAttention", "QEmbedLayerNormalization",
    }
)  # fmt: skip
"""Operators that take or make integers of 8 bit: QOperator and QDQ files, and dynamically quantised ones."""
_STORING = frozenset({"DequantizeLinear", "MatMulNBits", "MatMulBnb4", "GatherBlockQuantized"})
"""Operators that only unpack narrow weights."""


def computes_int8(model: Any) -> bool:
    """Whether products of the graph are in int8 already: it is not quantised again, and runs at precision int8."""
    return any(_computes(node.op_type) for node in nodes(model.graph))


def holds_narrow_weights(model: Any) -> bool:
    """Whether weights are kept in 8 bits or less, whatever the products compute in."""
    return any(_computes(node.op_type) or node.op_type in _STORING for node in nodes(model.graph))


def _computes(kind: str) -> bool:
    return kind.startswith(_PREFIXES) or kind in _COMPUTING


def nodes(graph: Any) -> Iterator[Any]:
    """All nodes of a graph, those of its branches and loops too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes(attribute.g)
            for inner in attribute.graphs:
                yield from nodes(inner)


def without_pairs(model: Any) -> bool:
    """Take the pairs of QuantizeLinear and DequantizeLinear out of a QDQ graph, in place; tell if no int8 is left.

    What remains is the graph that was quantised, with the shapes of its weights and without their values.
    """
    of: dict[str, str] = {}
    kept = []
    for node in model.graph.node:
        if node.op_type in _PAIR:
            of[node.output[0]] = of.get(node.input[0], node.input[0])
            continue
        for index, name in enumerate(node.input):
            node.input[index] = of.get(name, name)
        kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    for value in model.graph.output:
        value.name = of.get(value.name, value.name)
    unpacked = set(of.values())
    for weight in model.graph.initializer:
        if weight.name in unpacked:
            for values in ("raw_data", "float_data", "int32_data"):
                weight.ClearField(values)
            weight.data_type = _FLOAT
    return not holds_narrow_weights(model)


@dataclass(frozen=True)
class Quantised:
    """What an int8 copy of an f32 graph makes narrow."""

    types: tuple[str, ...]
    """Operator types that are quantised."""
    left: frozenset[str]
    """First outputs of the nodes of these types that stay in f32."""

    def has(self, node: Any) -> bool:
        """Whether the inputs of a node of the graph become int8."""
        return node.op_type in self.types and node.output[0] not in self.left


def quantised(model: Any, runtime: Literal["openvino", "onnxruntime"]) -> Quantised:
    """Choose what is quantised for a runtime.

    Left alone are sums and products with a constant, which OpenVINO 2026.4 fails to compile quantised in places, and
    products of two activations (attention): both runtimes have fused f32 kernels that beat converting around them.
    Where matrix products outnumber convolutions, only the products themselves are quantised: between them stand
    normalisations, which both runtimes compute in f32.
    """
    fixed = {tensor.name for tensor in model.graph.initializer}
    kinds = [node.op_type for node in model.graph.node]
    left: set[str] = set()
    for node in model.graph.node:
        given = [name for name in node.input if name]
        if all(name in fixed for name in given):
            fixed.update(node.output)
        elif (node.op_type in {"Add", "Mul"} and any(name in fixed for name in given)) or (
            node.op_type == "MatMul" and not any(name in fixed for name in given)
        ):
            left.add(node.output[0])
    products = kinds.count("MatMul") + kinds.count("Gemm")
    if products > kinds.count("Conv"):
        types = tuple(sorted(PRODUCTS))
    else:
        types = (*sorted(PRODUCTS), "Add") if runtime == "openvino" else _ONNXRUNTIME_OPERATORS
    return Quantised(types, frozenset(left))
