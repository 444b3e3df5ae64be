"""Networks for :mod:`advisor.runtimes.conformance` and for tests: small, built on the spot, with seeded weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

SIZE = 32
"""Pixels of each side of the picture."""
CLASSES = 10


def small_network(path: Path, *, batch: int | str = "N", size: int | str = SIZE) -> Path:
    """Write a network of five convolutions (dense, depthwise, pointwise, with a sum) and a classifier.

    ``batch`` and ``size`` may be names of open dimensions.
    """
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(0)
    weights: list[Any] = []
    nodes: list[Any] = []

    def weight(name: str, *shape: int) -> str:
        spread = np.sqrt(2.0 / max(1, int(np.prod(shape[1:]))))
        weights.append(numpy_helper.from_array((rng.standard_normal(shape) * spread).astype(np.float32), name))
        return name

    def conv(source: str, name: str, shape: tuple[int, int, int], stride: int = 1, group: int = 1) -> str:
        filters = weight(f"{name}_w", shape[1], shape[0] // group, shape[2], shape[2])
        nodes.append(
            helper.make_node(
                "Conv", [source, filters, weight(f"{name}_b", shape[1])], [name], name,
                kernel_shape=[shape[2]] * 2, strides=[stride] * 2, pads=[shape[2] // 2] * 4, group=group,
            )
        )  # fmt: skip
        nodes.append(helper.make_node("Relu", [name], [f"{name}_relu"], f"{name}_relu"))
        return f"{name}_relu"

    at = conv("x", "first", (3, 16, 3), stride=2)
    at = conv(at, "depthwise", (16, 16, 3), group=16)
    left = conv(at, "pointwise", (16, 32, 1))
    right = conv(left, "dense", (32, 32, 3))
    nodes.append(helper.make_node("Add", [left, right], ["sum"], "sum"))
    at = conv("sum", "grouped", (32, 32, 3), group=4)
    nodes.append(helper.make_node("GlobalAveragePool", [at], ["pooled"], "pooled"))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["flat"], "flat"))
    factors = [weight("classes_w", CLASSES, 32), weight("classes_b", CLASSES)]
    nodes.append(helper.make_node("Gemm", ["flat", *factors], ["classes"], "classes", transB=1))
    return _write(path, nodes, [batch, 3, size, size], weights)


def foreign_operator(path: Path) -> Path:
    """Write a valid file with an operator that no runtime has."""
    from onnx import helper

    nodes = [helper.make_node("Frobnicate", ["x"], ["classes"], "odd")]
    return _write(path, nodes, [1, 3, SIZE, SIZE], [])


def _write(path: Path, nodes: list[Any], shape: list[int | str], weights: list[Any]) -> Path:
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes,
        "conformance",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("classes", TensorProto.FLOAT, [shape[0], CLASSES])],
        weights,
    )
    # IR version 9 is what runtimes of several years read.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path
