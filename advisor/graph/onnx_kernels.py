"""Kernels of ONNX Runtime: its optimised graph for weights and attributes, its profile for shapes and times.

ONNX Runtime tells nothing of a session that never ran, and the profile leaves out weights that were packed, so both
files are read together. Nodes are matched by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.records.model import Kernel, KernelType

Shape = tuple[int, ...]
_SUFFIX = "_kernel_time"

_CONVOLUTIONS = frozenset({"Conv", "FusedConv", "QLinearConv", "NhwcFusedConv", "NhwcConv", "ConvInteger"})
_PRODUCTS = frozenset(
    {"MatMul", "FusedMatMul", "QLinearMatMul", "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul",
     "MatMulNBits", "Gemm", "FusedGemm", "QGemm"}
)  # fmt: skip
_RECURRENT = frozenset({"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"})
_ATTENTION = frozenset({"Attention", "QAttention"})
"""Projections of queries, keys and values are part of these."""
_TYPES: dict[str, KernelType] = {
    "ConvTranspose": "deconv", "MaxPool": "pool", "AveragePool": "pool", "GlobalAveragePool": "pool",
    "GlobalMaxPool": "pool", "QLinearAveragePool": "pool", "QLinearGlobalAveragePool": "pool", "LpPool": "pool",
    "Softmax": "softmax", "LogSoftmax": "softmax", "QLinearSoftmax": "softmax",
    "LayerNormalization": "norm", "SkipLayerNormalization": "norm", "InstanceNormalization": "norm",
    "BatchNormalization": "norm", "LRN": "norm", "SimplifiedLayerNormalization": "norm", "LpNormalization": "norm",
    "Concat": "concat", "QLinearConcat": "concat", "Split": "concat", "Pad": "concat", "Tile": "concat",
    "Expand": "concat", "Slice": "gather", "Gather": "gather", "GatherND": "gather", "GatherElements": "gather",
    "ScatterND": "gather", "ScatterElements": "gather", "OneHot": "gather", "EmbedLayerNormalization": "gather",
    "ReorderInput": "reorder", "ReorderOutput": "reorder", "Transpose": "reorder", "DepthToSpace": "reorder",
    "SpaceToDepth": "reorder", "Reshape": "reorder", "Flatten": "reorder", "Squeeze": "reorder",
    "Unsqueeze": "reorder", "Identity": "reorder",
    "Resize": "resize", "Upsample": "resize", "GridSample": "resize", "RoiAlign": "resize",
    "Attention": "attention", "MultiHeadAttention": "attention", "QAttention": "attention",
    "NonMaxSuppression": "detection", "TopK": "detection", "NonZero": "detection",
    "Cast": "convert", "QuantizeLinear": "convert", "DequantizeLinear": "convert", "DynamicQuantizeLinear": "convert",
}  # fmt: skip
_ELTWISE = frozenset(
    {"Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Erf", "Exp", "Log", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip",
     "HardSigmoid", "HardSwish", "PRelu", "Elu", "Selu", "Softplus", "Gelu", "FastGelu", "BiasGelu", "QuickGelu",
     "Neg", "Abs", "Min", "Max", "Sum", "Where", "Equal", "Greater", "Less", "And", "Or", "Not", "Floor", "Ceil",
     "Round", "Reciprocal", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "Sin", "Cos", "Mish"}
)  # fmt: skip
_VIEWS = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"})
_WIDTHS = {
    "float": 4.0, "double": 8.0, "float16": 2.0, "bfloat16": 2.0, "int64": 8.0, "uint64": 8.0, "int32": 4.0,
    "uint32": 4.0, "int16": 2.0, "uint16": 2.0, "int8": 1.0, "uint8": 1.0, "bool": 1.0,
}  # fmt: skip
_PRECISIONS = {
    "float": "f32", "double": "f64", "float16": "f16", "bfloat16": "bf16", "int8": "i8", "uint8": "u8", "int32": "i32",
    "int64": "i64", "bool": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class _Node:
    """A node of the optimised graph."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    weights: tuple[tuple[Shape, float], ...]
    """Shape and size [B] of each constant input."""


@dataclass(frozen=True)
class _Event:
    """A node's entries in the profile, one per pass."""

    name: str
    kind: str
    data: tuple[tuple[str, Shape], ...]
    out: tuple[tuple[str, Shape], ...]
    times_s: list[float]


def onnx_kernels(optimised: Path, profile: Path, skip_passes: int = 1) -> tuple[tuple[Kernel, ...], float]:
    """Join an optimised model file with a profile of it.

    Parameters
    ----------
    optimised
        File written through ``SessionOptions.optimized_model_filepath``.
    profile
        JSON trace written by ``InferenceSession.end_profiling``.
    skip_passes
        First passes of the trace that are left out of the times.

    Returns
    -------
    kernels, activation_bytes
        Kernels in order of execution with their mean time over the passes kept, and the largest sum of live
        activations [B]. Views (Reshape and the like without work) are left out when they move no data: ONNX Runtime
        reuses their input's memory.
    """
    nodes = _nodes(optimised)
    events = _events(profile)
    kernels = tuple(_kernel(event, nodes.get(event.name), skip_passes) for event in events if event.kind not in _VIEWS)
    return kernels, _peak_bytes(events, nodes)


def _nodes(path: Path) -> dict[str, _Node]:
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    sizes: dict[str, tuple[Shape, float]] = {}
    for tensor in graph.initializer:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        sizes[tensor.name] = (tuple(tensor.dims), float(math.prod(tensor.dims) * width))
    return {
        node.name: _Node(
            inputs=tuple(node.input),
            outputs=tuple(node.output),
            attributes={item.name: onnx.helper.get_attribute_value(item) for item in node.attribute},
            weights=tuple(sizes[name] for name in node.input if name in sizes),
        )
        for node in graph.node
    }


def _events(path: Path) -> list[_Event]:
    found: dict[tuple[str, str], _Event] = {}
    for entry in json.loads(path.read_text(encoding="utf-8")):
        if entry.get("cat") != "Node" or not entry["name"].endswith(_SUFFIX):
            continue
        arguments = entry["args"]
        name = entry["name"].removesuffix(_SUFFIX)
        key = (name, arguments.get("node_index", ""))
        if key not in found:
            found[key] = _Event(
                name,
                arguments["op_name"],
                _shapes(arguments["input_type_shape"]),
                _shapes(arguments["output_type_shape"]),
                [],
            )
        found[key].times_s.append(entry["dur"] * 1e-6)
    return list(found.values())


def _shapes(items: list[dict[str, list[int]]]) -> tuple[tuple[str, Shape], ...]:
    return tuple((kind, tuple(shape)) for item in items for kind, shape in item.items())


def _kernel(event: _Event, node: _Node | None, skip_passes: int) -> Kernel:
    weights = node.weights if node is not None else ()
    # The profile lists constants among the inputs, except packed ones; what is left is data.
    constant = [shape for shape, _ in weights]
    data: list[tuple[str, Shape]] = []
    for kind, shape in event.data:
        if shape in constant:
            constant.remove(shape)
        else:
            data.append((kind, shape))
    attributes = node.attributes if node is not None else {}
    shape_in = event.data[0][1] if event.data else ()
    shape_out = event.out[0][1] if event.out else ()
    kept = event.times_s[skip_passes:]
    groups = int(attributes.get("group", 1))
    filters = _filters(event, weights)
    return Kernel(
        name=event.name,
        type=_type(event.kind, groups, filters),
        original_type=event.kind,
        flop=_flop(event, attributes, filters, weights),
        input_bytes=float(sum(_size(item) for item in data)),
        output_bytes=float(sum(_size(item) for item in event.out)),
        weight_bytes=float(sum(size for _, size in weights)),
        precision=_precision(event),
        implementation=f"mlas_{event.kind}",
        input_shape=shape_in,
        output_shape=shape_out,
        kernel_size=filters[2:] if event.kind in _CONVOLUTIONS or event.kind == "ConvTranspose" else (),
        strides=tuple(int(step) for step in attributes.get("strides", ())),
        groups=groups,
        time_s=sum(kept) / len(kept) if kept else None,
    )


def _filters(event: _Event, weights: tuple[tuple[Shape, float], ...]) -> Shape:
    """Return the shape of the weights: the largest constant, else the second input (weights computed on the way)."""
    if weights and (event.kind in _CONVOLUTIONS | _RECURRENT | _PRODUCTS | _ATTENTION or event.kind == "ConvTranspose"):
        largest = max(weights, key=lambda item: math.prod(item[0]))[0]
        if len(largest) >= 2:
            return largest
    return event.data[1][1] if len(event.data) > 1 else ()


def _flop(
    event: _Event, attributes: Mapping[str, Any], filters: Shape, weights: tuple[tuple[Shape, float], ...]
) -> float:
    """Operations of one execution, two per multiply-add [FLOP]; dense products only, as in :mod:`.flops`."""
    shape_in = event.data[0][1] if event.data else ()
    shape_out = event.out[0][1] if event.out else ()
    if event.kind in _CONVOLUTIONS:
        return 2.0 * math.prod(shape_out) * math.prod(filters[1:])
    if event.kind == "ConvTranspose":
        return 2.0 * math.prod(shape_in) * math.prod(filters[1:])
    if event.kind in _PRODUCTS and shape_in:
        transposed = bool(attributes.get("transA", 0)) and len(shape_in) > 1
        return 2.0 * math.prod(shape_out) * (shape_in[-2] if transposed else shape_in[-1])
    if event.kind in _ATTENTION and len(shape_in) == 3:
        # [batch, tokens, width] by weights [width, 3 x hidden], then scores and their use over all pairs of tokens.
        batch, tokens, _ = shape_in
        return 2.0 * batch * tokens * (math.prod(filters) + 2 * tokens * shape_out[-1])
    if event.kind in _RECURRENT and shape_in:
        # W [directions, gates x hidden, input] and R [directions, gates x hidden, hidden] act once per step and sample.
        matrices = [shape for shape, _ in weights if len(shape) == 3]
        return 2.0 * math.prod(shape_in[:-1]) * sum(math.prod(shape) for shape in matrices)
    return 0.0


def _type(kind: str, groups: int, filters: Shape) -> KernelType:
    if kind in _CONVOLUTIONS:
        if groups == 1:
            return "conv"
        return "dwconv" if len(filters) > 1 and filters[1] == 1 else "groupconv"
    if kind in {"Gemm", "FusedGemm", "QGemm"}:
        return "fc"
    if kind in _PRODUCTS:
        return "matmul"
    if kind in _RECURRENT:
        return "rnn"
    if kind in _ELTWISE:
        return "eltwise"
    return "reduce" if kind.startswith("Reduce") else _TYPES.get(kind, "other")


def _precision(event: _Event) -> str:
    kind = event.data[0][0] if event.data else (event.out[0][0] if event.out else "float")
    return _PRECISIONS.get(kind, kind)


def _size(item: tuple[str, Shape]) -> float:
    return math.prod(item[1]) * _WIDTHS.get(item[0], 4.0)


def _peak_bytes(events: list[_Event], nodes: Mapping[str, _Node]) -> float:
    """Largest sum of live activations: each tensor from its node to its last reader [B]."""
    last: dict[str, int] = {}
    for index, event in enumerate(events):
        for name in nodes[event.name].inputs if event.name in nodes else ():
            last[name] = index
    live, peak = 0.0, 0.0
    ends: dict[int, float] = {}
    for index, event in enumerate(events):
        node = nodes.get(event.name)
        if event.kind not in _VIEWS:
            for place, item in enumerate(event.out):
                name = node.outputs[place] if node is not None and place < len(node.outputs) else ""
                live += _size(item)
                end = last.get(name, index)
                ends[end] = ends.get(end, 0.0) + _size(item)
        peak = max(peak, live)
        live -= ends.pop(index, 0.0)
    return peak
