"""What an ONNX graph is by its operators: computing in int8 already, or holding weights that are narrower than f32.

The one place that decides it; a graph's own domain (``com.microsoft``) counts like ONNX's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
