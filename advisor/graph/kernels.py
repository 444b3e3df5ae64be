"""Fused kernels of a compiled OpenVINO model, read from its runtime graph: compiling is enough, nothing is run.

The runtime graph shows what really executes (fusions, inserted Reorders, chosen implementations) with shapes and
precisions. Operations are counted from the shapes of outputs and constant inputs, two per multiply-add; only
convolutions, matrix products, attention and recurrences count, as published tables do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from advisor.records.model import Kernel, KernelType

from .flops import op_flop

_VIEWS = {"Reshape", "Squeeze", "Unsqueeze", "Flatten"}
_SKIPPED = {"Input", "Output", "Const", "Constant", "Parameter", "Result", *_VIEWS}
_TYPES: dict[str, KernelType] = {
    "Convolution": "conv", "Deconvolution": "deconv", "FullyConnected": "fc", "MatMul": "matmul",
    "ScaledDotProductAttention": "attention", "ScaledDotProductAttentionWithKVCache": "attention", "MHA": "attention",
    "Eltwise": "eltwise", "Math": "eltwise", "Subgraph": "eltwise", "FakeQuantize": "eltwise", "Select": "eltwise",
    "Pooling": "pool", "AdaptivePooling": "pool", "Reduce": "reduce", "Softmax": "softmax", "LogSoftmax": "softmax",
    "MVN": "norm", "NormalizeL2": "norm", "RMS": "norm", "RMSNorm": "norm", "Lrn": "norm", "GroupNormalization": "norm",
    "Reorder": "reorder", "Transpose": "reorder", "ShuffleChannels": "reorder", "SpaceToDepth": "reorder",
    "DepthToSpace": "reorder", "SpaceToBatch": "reorder", "BatchToSpace": "reorder", "Roll": "reorder",
    "Concatenation": "concat", "Split": "concat", "StridedSlice": "concat", "Pad": "concat", "Tile": "concat",
    "Broadcast": "concat", "Gather": "gather", "GatherElements": "gather", "GatherND": "gather",
    "ScatterUpdate": "gather", "EmbeddingBagOffsets": "gather", "EmbeddingBagPacked": "gather",
    "Interpolate": "resize", "GridSample": "resize", "RNNCell": "rnn", "RNNSeq": "rnn", "DetectionOutput": "detection",
    "NonMaxSuppression": "detection", "MulticlassNms": "detection", "MatrixNms": "detection", "TopK": "detection",
    "Proposal": "detection", "ROIPooling": "detection", "ROIAlign": "detection", "PSROIPooling": "detection",
    "PriorBox": "detection", "PriorBoxClustered": "detection", "Convert": "convert",
    "DeformableConvolution": "conv", "BinaryConvolution": "conv", "PagedAttention": "attention", "QKVProjection": "fc",
    "LLMMLP": "fc", "RoPE": "eltwise", "Range": "eltwise", "Bucketize": "eltwise", "CumSum": "reduce", "GRN": "norm",
    "GroupNorm": "norm", "MemoryInput": "reorder", "MemoryOutput": "reorder", "Reverse": "reorder",
    "ExtractImagePatches": "reorder", "Concat": "concat", "OneHot": "gather", "Embedding": "gather",
    "ScatterElementsUpdate": "gather", "ScatterNDUpdate": "gather", "TensorIterator": "rnn", "NonZero": "detection",
    "RegionYolo": "detection", "CTCGreedyDecoder": "detection", "ExperimentalDetectronDetectionOutput": "detection",
}  # fmt: skip
_BYTES = {"f32": 4, "i32": 4, "u32": 4, "bf16": 2, "f16": 2, "i16": 2, "u16": 2, "i64": 8, "u64": 8, "f64": 8, "i8": 1,
          "u8": 1, "boolean": 1, "u4": 0.5, "i4": 0.5, "u1": 0.125}  # fmt: skip


@dataclass
class Node:
    """One node of the runtime graph, with what the counting needs."""

    name: str
    layer: str
    implementation: str
    precision: str
    fused: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    output_precisions: tuple[str, ...]
    inputs: list[tuple[int, int]]
    """Index of the producing node and of its output."""
    order: int
    constant: bool = False

    def bytes_of(self, output: int) -> float:
        """Size of one output [B]."""
        precision = self.output_precisions[min(output, len(self.output_precisions) - 1)]
        return math.prod(self.shapes[output]) * _BYTES.get(precision, 4)


def runtime_kernels(compiled: Any, original: Any = None) -> tuple[Kernel, ...]:
    """List the kernels that a compiled model executes, in execution order.

    Parameters
    ----------
    compiled
        ``openvino.CompiledModel``.
    original
        The ``openvino.Model`` that was compiled. Its operations tell the work of kernels whose inside is hidden, as
        attention that was fused into one; without it the shapes of the runtime graph alone are counted.

    Notes
    -----
    An unknown layer keeps its own word and becomes type ``other``: it is never left out.
    """
    nodes = runtime_nodes(compiled)
    known = {} if original is None else {op.get_friendly_name(): op for op in original.get_ordered_ops()}
    work = {name: op_flop(op) for name, op in known.items()}
    kernels = []
    for node in sorted(nodes, key=lambda item: item.order):
        if node.layer not in _SKIPPED and not node.constant:
            # Each operation is counted once, in the first kernel that names it.
            inside = sum(work.pop(name, 0.0) for name in dict.fromkeys((*node.fused, node.name)))
            kernels.append(_kernel(node, nodes, [known[name] for name in node.fused if name in known], inside))
    return tuple(kernels)


def peak_activation_bytes(nodes: Sequence[Node]) -> float:
    """Largest sum of live tensors during one pass, every tensor held until its last reader has run [B]."""
    last = {index: node.order for index, node in enumerate(nodes)}
    # A view lives in its input's memory, so its readers hold the tensor behind it; later nodes come later in the list.
    for index in reversed(range(len(nodes))):
        for producer, _ in nodes[index].inputs:
            seen = last[index] if nodes[index].layer in _VIEWS else nodes[index].order
            last[producer] = max(last[producer], seen)
    events: dict[int, float] = {}
    for index, node in enumerate(nodes):
        if not node.constant and node.layer not in _VIEWS and node.layer not in {"Output", "Result"}:
            size = sum(node.bytes_of(output) for output in range(len(node.shapes)))
            events[node.order] = events.get(node.order, 0.0) + size
            events[last[index] + 1] = events.get(last[index] + 1, 0.0) - size
    live = most = 0.0
    for order in sorted(events):
        live += events[order]
        most = max(most, live)
    return most


def runtime_nodes(compiled: Any) -> list[Node]:
    """Read every node of the runtime graph, constants included."""
    operations = list(compiled.get_runtime_model().get_ordered_ops())
    index_of = {operation.get_friendly_name(): index for index, operation in enumerate(operations)}
    nodes: list[Node] = []
    for position, operation in enumerate(operations):
        info = operation.get_rt_info()
        words = {key: str(info[key].value if hasattr(info[key], "value") else info[key]) for key in _keys(info)}
        sources = [port.get_source_output() for port in operation.inputs()]
        implementation = words.get("primitiveType", "")
        nodes.append(
            Node(
                name=operation.get_friendly_name(),
                layer=words.get("layerType", operation.get_type_name()),
                implementation=implementation,
                precision=words.get("runtimePrecision", implementation.rsplit("_", 1)[-1]),
                fused=tuple(name for name in words.get("originalLayersNames", "").split(",") if name),
                shapes=tuple(_shape(port) for port in operation.outputs()),
                output_precisions=tuple(words.get("outputPrecisions", "f32").split(",")),
                inputs=[(index_of[source.get_node().get_friendly_name()], source.get_index()) for source in sources],
                order=int(words["execOrder"]) if words.get("execOrder", "").isdigit() else position,
            )
        )
    # What depends on constants alone is computed once at compile time and costs nothing per pass.
    for node in nodes:
        sources_constant = bool(node.inputs) and all(nodes[producer].constant for producer, _ in node.inputs)
        node.constant = node.layer in {"Const", "Constant"} or sources_constant
    return nodes


def _keys(info: Any) -> tuple[str, ...]:
    wanted = ("layerType", "primitiveType", "runtimePrecision", "originalLayersNames", "outputPrecisions", "execOrder")
    return tuple(key for key in wanted if key in info)


def _shape(port: Any) -> tuple[int, ...]:
    partial = port.get_partial_shape()
    return tuple(int(size) for size in partial.to_shape()) if partial.is_static else tuple(partial.get_min_shape())


def _kernel(node: Node, nodes: Sequence[Node], originals: Sequence[Any], inside_flop: float) -> Kernel:
    constants = [(producer, output) for producer, output in node.inputs if nodes[producer].constant]
    data = [(producer, output) for producer, output in node.inputs if not nodes[producer].constant]
    weights = [nodes[producer].shapes[output] for producer, output in constants]
    inputs = [nodes[producer].shapes[output] for producer, output in data]
    output = node.shapes[0] if node.shapes else ()
    kind, groups, window = _classify(node.layer, weights, inputs, output)
    if node.layer == "Subgraph":
        kind = _subgraph_type([op.get_type_name() for op in originals])
    flop = inside_flop if inside_flop > 0 else _flop(kind, weights, inputs, output)
    depthwise = [shape for shape in weights[1:] if kind == "conv" and len(shape) == len(output) + 1]
    # A depthwise convolution fused behind a pointwise one leaves no name, only its weights.
    flop += sum(2.0 * math.prod(output) * math.prod(shape) / output[1] for shape in depthwise)
    return Kernel(
        name=node.name,
        type=kind,
        original_type=node.layer,
        flop=flop,
        input_bytes=sum(nodes[producer].bytes_of(port) for producer, port in data),
        output_bytes=sum(node.bytes_of(port) for port in range(len(node.shapes))),
        weight_bytes=_weight_bytes(node, nodes, constants),
        precision=node.precision,
        implementation=node.implementation,
        input_shape=inputs[0] if inputs else (),
        output_shape=output,
        kernel_size=window,
        strides=_strides(kind, originals, inputs, output),
        groups=groups,
        fused=tuple(op.get_type_name() for op in originals) if originals else node.fused,
    )


def _weight_bytes(node: Node, nodes: Sequence[Node], constants: Sequence[tuple[int, int]]) -> float:
    """Constants that a kernel reads, in the width that it reads them: bf16 convolutions convert theirs unseen [B]."""
    sizes = [nodes[producer].bytes_of(port) for producer, port in constants]
    if node.precision == "bf16":
        sizes = [min(size, 2.0 * math.prod(nodes[producer].shapes[port])) for size, (producer, port) in
                 zip(sizes, constants, strict=True)]  # fmt: skip
    return sum(sizes)


def _classify(
    layer: str, weights: Sequence[tuple[int, ...]], inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> tuple[KernelType, int, tuple[int, ...]]:
    """Type, groups and window; a grouped convolution has one weight dimension more than its output."""
    kind = _TYPES.get(layer, "other")
    if kind not in ("conv", "deconv") or not weights:
        return kind, 1, ()
    shape = weights[0]
    if len(shape) == len(output) + 1:
        groups = shape[0]
        depthwise = bool(inputs) and groups == inputs[0][1]
        if kind == "conv":
            kind = "dwconv" if depthwise else "groupconv"
        return kind, groups, tuple(shape[3:])
    return kind, 1, tuple(shape[2:])


def _flop(
    kind: KernelType, weights: Sequence[tuple[int, ...]], inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> float:
    """Operations from shapes: every weight of a convolution meets every output position once per group."""
    if kind in ("conv", "dwconv", "groupconv") and weights:
        return 2.0 * math.prod(output) * math.prod(weights[0]) / output[1]
    if kind == "deconv" and weights and inputs:
        return 2.0 * math.prod(inputs[0]) * math.prod(weights[0]) / inputs[0][1]
    if kind == "fc" and weights and output:
        return 2.0 * math.prod(output) * math.prod(weights[0]) / output[-1]
    if kind == "rnn" and weights and inputs:
        steps = inputs[0][0] * (inputs[0][1] if len(inputs[0]) > 2 else 1)
        return 2.0 * steps * sum(math.prod(shape) for shape in weights if len(shape) > 1)
    if kind in ("matmul", "fc"):
        operands = [*inputs, *weights]
        return _product_flop(operands[0], operands[1], output) if len(operands) > 1 else 0.0
    if kind == "attention" and len(inputs) >= 3:
        query, key, value = inputs[0], inputs[1], inputs[2]
        return 2.0 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
    return 0.0


def _product_flop(left: tuple[int, ...], right: tuple[int, ...], output: tuple[int, ...]) -> float:
    """2 M N K of a (batched) matrix product; K follows from the sizes, whichever operand is transposed."""
    sizes = [math.prod(shape) for shape in (left, right, output)]
    batches = [math.prod(shape[:-2]) if len(shape) > 2 else 1 for shape in (left, right, output)]
    if 0 in sizes or 0 in batches:
        return 0.0
    inner = math.sqrt(sizes[0] * sizes[1] * batches[2] / (sizes[2] * batches[0] * batches[1]))
    return 2.0 * sizes[2] * inner


def _subgraph_type(kinds: Sequence[str]) -> KernelType:
    """Tell what a generated kernel is: mostly a chain of element-wise operations, but attention ends in one too."""
    products = kinds.count("MatMul")
    if products:
        return "attention" if products > 1 or "Softmax" in kinds else "matmul"
    if "Softmax" in kinds:
        return "softmax"
    if kinds and all(kind in {"Convert", "ConvertSaturation"} for kind in kinds):
        return "convert"
    # A normalisation written out: mean and variance around element-wise operations.
    return "norm" if sum(kind.startswith("Reduce") for kind in kinds) > 1 else "eltwise"


def _strides(
    kind: KernelType, originals: Sequence[Any], inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> tuple[int, ...]:
    """Strides of the original operation; without it the ratio of spatial sizes, exact for the usual padding."""
    if kind not in ("conv", "dwconv", "groupconv", "deconv", "pool"):
        return ()
    for op in originals:
        strides = op.get_attributes().get("strides")
        if strides is not None:
            return tuple(int(step) for step in strides)
    if not inputs or len(inputs[0]) != len(output):
        return ()
    large, small = (output, inputs[0]) if kind == "deconv" else (inputs[0], output)
    return tuple(max(1, round(a / b)) for a, b in zip(large[2:], small[2:], strict=True) if b > 0)
