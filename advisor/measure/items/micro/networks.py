"""Small networks that load one part of a machine each: arithmetic, a memory level, synchronisation, the call itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from advisor.records.base import Precision

_OPSET = 17


class _Graph:
    """Collects nodes and constants of one chain."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.rng = np.random.default_rng(seed)
        self._count = 0

    def name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def constant(self, array: Any) -> str:
        name = self.name("c")
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        out = self.name("t")
        self.nodes.append(helper.make_node(kind, inputs, [out], name=f"{kind}_{out}", **attributes))
        return out

    def save(self, path: Path, source: str, shape: tuple[int, ...], last: str, last_shape: tuple[int, ...]) -> Path:
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            [helper.make_tensor_value_info(source, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, last_shape)],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
        onnx.save(model, str(path))
        return path


def conv_chain(path: Path, precision: Precision, channels: int, size: int, layers: int, kernel: int = 3) -> float:
    """Write a chain of equal convolutions with ReLU; return its operations [FLOP], two per multiply-add."""
    graph = _Graph()
    shape = (1, channels, size, size)
    scale = 1.0 / np.sqrt(channels * kernel * kernel)
    at = _quantised(graph, "x", precision)
    for _ in range(layers):
        weights = (graph.rng.standard_normal((channels, channels, kernel, kernel)) * scale).astype(np.float32)
        pad = kernel // 2
        at = graph.add("Conv", [at, _weights(graph, weights, precision)], pads=[pad] * 4, kernel_shape=[kernel] * 2)
        at = _quantised(graph, graph.add("Relu", [at]), precision)
    graph.save(path, "x", shape, at, shape)
    return 2.0 * channels * channels * kernel * kernel * size * size * layers


def matmul_chain(path: Path, precision: Precision, rows: int, width: int, layers: int) -> float:
    """Write a chain of products with constant square matrices; return its operations [FLOP]."""
    graph = _Graph()
    at = _quantised(graph, "x", precision)
    for _ in range(layers):
        weights = (graph.rng.standard_normal((width, width)) / np.sqrt(width)).astype(np.float32)
        at = graph.add("MatMul", [at, _weights(graph, weights, precision)])
        at = _quantised(graph, graph.add("Relu", [at]), precision)
    graph.save(path, "x", (rows, width), at, (rows, width))
    return 2.0 * rows * width * width * layers


def copy_chain(path: Path, tensor_bytes: int, layers: int) -> float:
    """Write a chain that moves one tensor from buffer to buffer; return the bytes read and written by all steps.

    Each step cuts the tensor in halves and joins them the other way round. Runtimes take the cut as a view and the
    joining as a plain copy, and none fuses two of them; element-wise steps would become one pass over memory.
    """
    graph = _Graph()
    half = max(tensor_bytes // 8 // 64, 1) * 64
    at = "x"
    axis, middle = graph.constant(np.array([0], np.int64)), graph.constant(np.array([1], np.int64))
    end = graph.constant(np.array([2], np.int64))
    for _ in range(layers):
        first = graph.add("Slice", [at, axis, middle, axis])
        second = graph.add("Slice", [at, middle, end, axis])
        at = graph.add("Concat", [second, first], axis=0)
    graph.save(path, "x", (2, half), at, (2, half))
    return 2.0 * 4 * 2 * half * layers


def tiny(path: Path) -> None:
    """Write a network of one step on 16 numbers: what remains is the cost of a call."""
    graph = _Graph()
    graph.save(path, "x", (1, 16), graph.add("Relu", ["x"]), (1, 16))


def _quantised(graph: _Graph, name: str, precision: Precision) -> str:
    """Pass activations through eight bits where the precision asks for it."""
    if precision != "int8":
        return name
    scale, zero = graph.constant(np.float32(0.02)), graph.constant(np.uint8(0))
    return graph.add("DequantizeLinear", [graph.add("QuantizeLinear", [name, scale, zero]), scale, zero])


def _weights(graph: _Graph, weights: Any, precision: Precision) -> str:
    if precision != "int8":
        return graph.constant(weights)
    step = np.float32(np.abs(weights).max() / 127)
    bytes_ = np.clip(np.round(weights / step), -127, 127).astype(np.int8)
    return graph.add("DequantizeLinear", [graph.constant(bytes_), graph.constant(step), graph.constant(np.int8(0))])
