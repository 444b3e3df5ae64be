"""Activations that an ONNX graph writes out in parts: SiLU as x sigmoid(x), Mish, GELU with Erf or tanh, hard swish.

Runtimes know these and compute each at once, mostly behind the convolution or product before. What they have in common
is found here without a list of spellings: a product of two tensors that both come from one, by element-wise operators
alone and with nothing else reading what lies between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_PARTS = frozenset(
    {
        "Relu", "Clip", "Sigmoid", "HardSigmoid", "Add", "Mul", "Sub", "Div", "Tanh", "Erf", "Softplus", "Pow", "Exp",
        "Log",
    }
)  # fmt: skip
_DEEPEST = 9
"""Operators one behind another in which an activation is looked for: GELU by tanh has eight."""


@dataclass(frozen=True)
class Activation:
    """One activation in parts."""

    source: str
    """Tensor that it is an activation of."""
    inner: frozenset[str]
    """Tensors between the source and the result."""


def activations(graph: Any, constants: Collection[str]) -> dict[str, Activation]:
    """Find the activations of a graph, by the tensor that each results in.

    Parameters
    ----------
    constants
        Tensors that hold the same in every pass.
    """
    makers = {name: node for node in graph.node for name in node.output}
    readers = Counter(name for node in graph.node for name in node.input)
    readers.update(value.name for value in graph.output)  # a tensor that is handed out has to be written
    found: dict[str, Activation] = {}
    for node in graph.node:
        data = [name for name in node.input if name not in constants]
        if node.op_type == "Mul" and len(data) == 2:
            activation = _activation(node, data, makers, constants, readers)
            if activation is not None:
                found[node.output[0]] = activation
    return found


def _activation(
    node: Any, data: list[str], makers: Mapping[str, Any], fixed: Collection[str], readers: Counter[str]
) -> Activation | None:
    other = set(_behind(data[1], makers, fixed))
    for source in _behind(data[0], makers, fixed):
        if source not in other:
            continue
        inner: dict[str, Any] = {}
        if not all(_leads_to(name, source, makers, fixed, inner) for name in data):
            continue
        reads = Counter(name for part in (node, *inner.values()) for name in part.input)
        if all(reads[name] == readers[name] for name in inner):
            return Activation(source, frozenset(inner))
    return None


def _behind(name: str, makers: Mapping[str, Any], fixed: Collection[str]) -> list[str]:
    """Tensors that one is made of by element-wise operators, itself first, nearest first."""
    seen, edge = [name], [name]
    for _ in range(_DEEPEST):
        parts = [makers[each] for each in edge if each in makers and makers[each].op_type in _PARTS]
        edge = list(dict.fromkeys(x for part in parts for x in part.input if x not in fixed and x not in seen))
        seen += edge
    return seen


def _leads_to(name: str, source: str, makers: Mapping[str, Any], fixed: Collection[str], inner: dict[str, Any]) -> bool:
    """Whether all that a tensor is made of is ``source``; tensors between are added to ``inner``."""
    if name == source or name in inner:
        return True
    node = makers.get(name)
    if node is None or node.op_type not in _PARTS or len(inner) > _DEEPEST:
        return False
    inner[name] = node
    return all(_leads_to(each, source, makers, fixed, inner) for each in node.input if each not in fixed)
