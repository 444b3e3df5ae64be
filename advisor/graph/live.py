"""Activations that are alive at a time in an ONNX graph, without any runtime: what a pass needs as working memory.

A tensor is held until its last reader has run. Views share the memory of their input, and an element-wise operator
writes over an input that nothing reads any more. An activation that is written in parts, SiLU as x sigmoid(x) or GELU
with Erf, is one buffer in OpenVINO, which fuses it, and several in ONNX Runtime. Of sixteen networks the sums at f32
are those of OpenVINO 2026.4's own graph to the byte but for one. What loops and branches read from outside them is not
seen.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.records.model import LiveBytes

from .quantised import PRODUCTS, Quantised, quantised

_VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"})


@dataclass
class _Buffers:
    """Which tensors share memory, from when to when each piece of it is held, and who reads it."""

    of: dict[str, str] = field(default_factory=dict)
    """Tensor -> the first tensor of its buffer, which names it."""
    elements: dict[str, int] = field(default_factory=dict)
    born: dict[str, int] = field(default_factory=dict)
    """Position of the node that makes it; -1 for an input."""
    last: dict[str, int] = field(default_factory=dict)
    """Position of the last node that uses it."""
    readers: dict[str, list[Any]] = field(default_factory=dict)
    """Nodes that take what is finally in it."""

    def peak_bytes(self, rule: Quantised | None = None, outputs: frozenset[str] = frozenset()) -> float:
        """Largest sum over the buffers that are held at the same time [B].

        ``rule``: what an int8 copy makes narrow; a buffer is, if all that read it are and it is none of ``outputs``.
        """
        wide = {self.of.get(name) for name in outputs}
        change: defaultdict[int, float] = defaultdict(float)
        for name, start in self.born.items():
            readers = self.readers.get(name, [])
            narrow = rule is not None and bool(readers) and name not in wide and all(map(rule.has, readers))
            size = self.elements[name] * (1.0 if narrow else 4.0)
            change[start] += size
            change[self.last.get(name, start) + 1] -= size
        held = most = 0.0
        for position in sorted(change):
            held += change[position]
            most = max(most, held)
        return most


def live_bytes(model: Any, shapes: Mapping[str, Sequence[int]], elementwise: frozenset[str]) -> LiveBytes:
    """Largest sums of tensors that are alive at a time, at f32 and in the int8 copies that are made here.

    Parameters
    ----------
    model
        ONNX model at batch 1.
    shapes
        Of its tensors; one that is missing counts as a single element.
    elementwise
        Types of the operators that treat every element alone.
    """
    in_openvino, in_onnxruntime = quantised(model, "openvino"), quantised(model, "onnxruntime")
    fused = _buffers(model, shapes, elementwise, in_parts=False)
    separate = _buffers(model, shapes, elementwise, in_parts=True)
    outputs = frozenset(value.name for value in model.graph.output)
    return LiveBytes(
        openvino_f32=fused.peak_bytes(),
        openvino_int8=fused.peak_bytes(in_openvino, outputs),
        onnxruntime_f32=separate.peak_bytes(),
        onnxruntime_int8=separate.peak_bytes(in_onnxruntime, outputs),
        quantisable=any(node.op_type in PRODUCTS and in_openvino.has(node) for node in model.graph.node),
    )


def _buffers(
    model: Any, shapes: Mapping[str, Sequence[int]], elementwise: frozenset[str], *, in_parts: bool
) -> _Buffers:
    """Place the tensors; ``in_parts``: activations that are written in parts are not fused."""
    nodes, data, constant = _computed(model)
    outputs = [value.name for value in model.graph.output if value.name not in constant]
    reads = Counter(name for names in data for name in names) + Counter(outputs)

    def count(name: str) -> int:
        return math.prod(shapes.get(name, ()))

    parts = {} if in_parts else _written_in_parts(nodes, data, elementwise, count, frozenset(outputs))
    found, left = _Buffers(), Counter[str]()

    def share(node: Any, names: Sequence[str]) -> str | None:
        """Buffer that a node's first output takes over."""
        first = node.output[0]
        if first in parts or node.op_type in _VIEWS:
            return found.of[parts.get(first, names[0])]
        if node.op_type not in elementwise:
            return None
        used = Counter(found.of[name] for name in names)
        return next((b for b in used if left[b] == used[b] and found.elements[b] == count(first)), None)

    def hold(name: str, position: int, shared: str | None = None) -> None:
        if shared is None:
            found.elements[name], found.born[name] = count(name), position
        found.of[name] = shared or name
        left[found.of[name]] += reads[name]

    outside = [value.name for value in model.graph.input] + [name for names in data for name in names]
    made = {name for node in nodes for name in node.output}
    for name in dict.fromkeys(outside):
        if name not in made and name not in constant:
            hold(name, -1)
    for position, (node, names) in enumerate(zip(nodes, data, strict=True)):
        shared = share(node, names)
        for name in filter(None, node.output):
            hold(name, position, shared if name == node.output[0] else None)
        for buffer in (found.of[name] for name in names):
            left[buffer] -= 1
            found.last[buffer] = position
            if buffer != shared:
                found.readers.setdefault(buffer, []).append(node)
    found.last |= {found.of[name]: len(nodes) for name in outputs}
    return found


def _computed(model: Any) -> tuple[list[Any], list[list[str]], set[str]]:
    """Nodes that run in every pass, the tensors that each of them reads, and the names of all constants."""
    constant = {weight.name for weight in model.graph.initializer}
    nodes, data = [], []
    for node in model.graph.node:
        if all(name in constant for name in node.input if name):
            constant.update(node.output)
            continue
        nodes.append(node)
        data.append([name for name in dict.fromkeys(node.input) if name and name not in constant])
    return nodes, data, constant


def _written_in_parts(
    nodes: Sequence[Any],
    data: Sequence[Sequence[str]],
    elementwise: frozenset[str],
    count: Callable[[str], int],
    outputs: frozenset[str],
) -> dict[str, str]:
    """Tensors that are element-wise functions of one other tensor, which nothing but these functions reads."""
    of: dict[str, str] = {}
    read_by: dict[str, list[str]] = {}
    for node, names in zip(nodes, data, strict=True):
        first = node.output[0]
        for name in names:
            read_by.setdefault(name, []).append(first)
        sources = {of.get(name, name) for name in names}
        if node.op_type in elementwise and len(sources) == 1:
            (source,) = sources
            if count(source) == count(first):
                of[first] = source
    alone = {
        source for source in set(of.values())
        if source not in outputs and all(of.get(reader) == source for reader in read_by[source])
    }  # fmt: skip
    return {name: source for name, source in of.items() if source in alone}
