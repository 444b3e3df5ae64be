"""Kernels of an ONNX file without any runtime: counted in its graph, with the fusions that all CPU runtimes make.

A runtime fuses a graph for the processor that it runs on, so that its list of kernels says something of that processor.
What is predicted of *other* machines may not depend on it: their work is counted here, as that of the published models
was on which the calibration rests (``profiles/compile_works.py``). A convolution or matrix product takes in the
element-wise operators behind it where nothing else reads its output, an activation that is written in parts
(:mod:`~advisor.graph.activations`) like any other.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor.records.model import Kernel, KernelType, ModelFile, ModelWork

from .activations import Activation, activations
from .inputs import main_input
from .live import live_bytes
from .onnx_parts import declared_inputs, read_onnx
from .quantised import computes_int8, holds_narrow_weights, without_pairs

VERSION = "4"
"""Of the rules below: works that were counted by other ones are counted again."""
_FREE = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Shape", "Identity", "Cast", "Dropout"})
_ELEMENTWISE = frozenset(
    {
        "Relu", "Clip", "Sigmoid", "HardSwish", "HardSigmoid", "LeakyRelu", "PRelu", "Add", "Mul", "Sub", "Div",
        "BatchNormalization", "Elu", "Tanh", "Gelu", "Erf", "Softplus", "Sqrt", "Pow", "Exp", "Mish",
    }
)  # fmt: skip
_TYPES: dict[str, KernelType] = {
    "ConvTranspose": "deconv", "Gemm": "fc", "MatMul": "matmul", "MaxPool": "pool", "AveragePool": "pool",
    "GlobalAveragePool": "reduce", "ReduceMean": "reduce", "Softmax": "softmax", "LayerNormalization": "norm",
    "Concat": "concat", "Split": "concat", "Slice": "concat", "Transpose": "reorder", "Gather": "gather",
    "Resize": "resize", "LSTM": "rnn", "GRU": "rnn", "NonMaxSuppression": "detection", "TopK": "detection",
    "ArgMax": "detection", "DepthToSpace": "reorder", "Pad": "reorder", "InstanceNormalization": "norm",
}  # fmt: skip
_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_LINEAR = frozenset({"BatchNormalization", "Add", "Sub", "Mul", "Div"})
"""Element-wise operators that are no activation."""
_PARTIAL = frozenset({"Slice", "Split", "Gather"})
"""Kernels that read what they hand on, and nothing else of their input."""
_PER_INPUT = frozenset({"ArgMax", "TopK", "ReduceMean", "GlobalAveragePool"})
"""Kernels that look at every element of their input for a smaller output."""
_KEPT_VALUES = 1024
"""Constants of at most so many elements may be shapes; the values of larger ones say nothing of the work."""
_BYTES = 4.0
_SAME_COUNT = 0.02
"""Relative difference of two counts of one file's operations that rounding explains; source: project assumption. Of
sixteen networks of the zoo (2026-11) all agree to four digits."""


@dataclass
class _Row:
    """One kernel in the making."""

    op: str
    kind: KernelType
    flop: float
    input_bytes: float
    output_bytes: float
    weight_bytes: float
    window: tuple[int, ...] = ()
    is_active: bool = False
    """Whether an activation stands behind a product already."""

    def takes(self, op: str, computed: int) -> bool:
        """Whether an element-wise operator on so many computed tensors is done in this kernel.

        A product takes in what needs nothing but its own output; a convolution also the sum with another tensor, where
        no activation stands between. Chains of element-wise operators are one kernel.
        """
        if computed < 2 or self.op in _ELEMENTWISE:
            return True
        return self.op == "Conv" and op == "Add" and not self.is_active


@dataclass
class _Graph:
    """Shapes, weights and readers of the tensors of a graph."""

    shapes: dict[str, tuple[int, ...]]
    weights: dict[str, tuple[int, ...]]
    """Tensors that hold the same in every pass: initialisers, ``Constant`` nodes, what is computed from these alone."""
    readers: Counter[str]
    known: frozenset[str]
    """Tensors of which every dimension is known."""
    activations: dict[str, Activation]
    """Activations that are written in parts, by their result."""
    skipped: frozenset[str]
    """Tensors inside of these."""
    transposed: frozenset[str]
    """Transposed tensors that matrix products alone read, as they lie before the transposition."""
    maker: dict[str, int] = field(default_factory=dict)
    """Tensor -> row of the kernel that makes it and may take in what follows."""
    rows: list[_Row] = field(default_factory=list)

    def size_bytes(self, name: str) -> float:
        """Bytes of a tensor in f32; 0 where its shape is not known."""
        return _BYTES * math.prod(self.shapes.get(name, ()))

    def alone(self, name: str) -> bool:
        """Whether the tensor comes from a kernel that may grow, and nothing else reads it."""
        return name in self.maker and self.readers[name] == 1


def counted_kernels(model: Any) -> tuple[list[Kernel], float]:
    """Count the fused kernels of an ONNX model at batch 1, in f32.

    Returns
    -------
    tuple
        The kernels in the order of the graph, and the most bytes that are alive around one of them.
    """
    graph = _read(model)
    for node in model.graph.node:
        _count(graph, node)
    kernels = [
        Kernel(
            name=f"{row.op}-{i}",
            type=row.kind,
            original_type=row.op,
            flop=row.flop,
            input_bytes=row.input_bytes,
            output_bytes=row.output_bytes,
            weight_bytes=row.weight_bytes,
            precision="f32",
            kernel_size=row.window,
        )
        for i, row in enumerate(graph.rows)
    ]
    return kernels, 1.5 * max((row.input_bytes + row.output_bytes for row in graph.rows), default=0.0)


def counted_work(model: ModelFile) -> ModelWork | None:
    """Work of an ONNX file at batch 1 in f32.

    Of a graph that was quantised in pairs (QDQ), that of the graph before. None for other formats, for graphs of int8
    operators, and where the graph alone does not tell the shapes of its products: these are known only as a runtime
    fuses them.

    Raises
    ------
    ModelError
        The file cannot be read.
    """
    path = Path(model.path)
    if path.suffix.lower() != ".onnx":
        return None
    loaded = read_onnx(path)
    narrow = holds_narrow_weights(loaded)
    if narrow and not (computes_int8(loaded) and without_pairs(loaded)):
        return None
    _fix_inputs(loaded, model)
    for weight in (*loaded.graph.initializer, *_constant_nodes(loaded.graph).values()):
        if math.prod(weight.dims) > _KEPT_VALUES:
            weight.ClearField("raw_data")  # inferring shapes copies the model, and needs no value of a weight
            weight.ClearField("float_data")
    graph = _read(loaded)
    products = [node for node in loaded.graph.node if node.op_type in _PRODUCTS]
    if not products or any(name not in graph.known for node in products for name in (*node.input[:2], node.output[0])):
        return None
    kernels, activation_bytes = counted_kernels(loaded)
    return ModelWork(
        model=model.name,
        sha256=model.sha256,
        kind=model.kind,
        family=model.family,
        runtime="file",
        runtime_version=VERSION,
        precision="f32",
        batch=1,
        simd_cap=None,
        kernels=tuple(kernels),
        flop=sum(kernel.flop for kernel in kernels if kernel.original_type in _PRODUCTS),
        weight_bytes=sum(kernel.weight_bytes for kernel in kernels),
        activation_bytes=activation_bytes,
        live=live_bytes(loaded, graph.shapes, _ELEMENTWISE).model_copy(update={"int8_file": narrow}),
    )


def same_count(counted_flop: float, flop: float) -> bool:
    """Whether operations counted in the graph are all that the file's reader finds in it, loops and branches too."""
    return abs(counted_flop - flop) <= _SAME_COUNT * flop


def _fix_inputs(loaded: Any, model: ModelFile) -> None:
    """Give the inputs the shapes that they are used with, and dimensions of one name the same length."""
    inputs = declared_inputs(loaded)
    shapes = {inputs[main_input(inputs)].name: model.input_shape, **dict(model.further_shapes)}
    lengths: dict[str, int] = {}
    for value in loaded.graph.input:
        axes = value.type.tensor_type.shape.dim
        shape = shapes.get(value.name, ())
        if len(axes) == len(shape):
            lengths |= {axis.dim_param: size for axis, size in zip(axes, shape, strict=True) if axis.dim_param}
            for axis, size in zip(axes, shape, strict=True):
                axis.dim_value = size
    for value in loaded.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in lengths:
                axis.dim_value = lengths[axis.dim_param]


def _read(model: Any) -> _Graph:
    import onnx

    for value in (*model.graph.input, *model.graph.output):
        for axis in value.type.tensor_type.shape.dim[:1]:
            axis.dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    constants = {item.name: item for item in graph.initializer} | _constant_nodes(graph)
    shapes = {name: tuple(item.dims) for name, item in constants.items()}
    known = set(shapes)
    for value in (*graph.value_info, *graph.input, *graph.output):
        axes = [int(axis.dim_value) for axis in value.type.tensor_type.shape.dim]
        shapes[value.name] = tuple(max(1, size) for size in axes)
        if value.type.tensor_type.HasField("shape") and all(size > 0 for size in axes):
            known.add(value.name)
    fixed = _fixed(graph, set(constants), known)
    weights = {name: shapes.get(name, ()) for name in fixed}
    found = activations(graph, weights)
    skipped = frozenset(name for item in found.values() for name in item.inner)
    idle = fixed | skipped
    readers = Counter(name for node in graph.node if not idle.intersection(node.output) for name in node.input)
    for out, item in found.items():
        made = next(node for node in graph.node if out in node.output)
        readers.subtract(name for name in made.input if name not in weights)
        readers[item.source] += 1  # however often the parts read it
    return _Graph(shapes, weights, readers, frozenset(known), found, skipped, _transposed(graph))


def _constant_nodes(graph: Any) -> dict[str, Any]:
    """Tensors of the ``Constant`` nodes, by the name that others read them by."""
    return {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }


def _fixed(graph: Any, constants: set[str], known: set[str]) -> set[str]:
    """Names of all constants: those given, what is computed from them alone, and shapes of tensors of known shape.

    Runtimes compute these once, when they compile: they are read like weights, and what makes them is no kernel. A part
    of a table that the file holds (positions of a transformer) stays a look-up, as when the calibration was fitted.
    """
    fixed = set(constants)
    for node in graph.node:
        given = [name for name in node.input if name]
        computed = bool(given) and fixed.union(known if node.op_type == "Shape" else ()).issuperset(given)
        look_up = node.op_type in _PARTIAL and node.input[0] in constants
        if node.op_type == "Constant" or (computed and not look_up):
            fixed.update(node.output)
    return fixed


def _transposed(graph: Any) -> frozenset[str]:
    """Tensors whose last two axes are swapped for matrix products alone: the product reads them so by itself."""
    users: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, set()).add(node.op_type)
    found = set()
    for node in graph.node:
        order = next((list(item.ints) for item in node.attribute if item.name == "perm"), [])
        swapped = [*range(len(order) - 2), len(order) - 1, len(order) - 2]
        if node.op_type == "Transpose" and len(order) > 1 and order == swapped:
            found |= {node.output[0]} if users.get(node.output[0]) == {"MatMul"} else set()
    return frozenset(found)


def _host(graph: _Graph, op: str, out: str, data: list[str]) -> int | None:
    """Row of the kernel that takes in an element-wise operator; None where none does.

    An output that is larger than the kernel's own (a gate that is spread over a map) is written by another kernel.
    """
    for name in data:
        if graph.alone(name) and graph.size_bytes(out) <= graph.size_bytes(name):
            host = graph.maker[name]
            if graph.rows[host].takes(op, len(data)):
                return host
    return None


def _count(graph: _Graph, node: Any) -> None:
    """Add a node's kernel, or the node to the kernel before it."""
    op, out = node.op_type, node.output[0]
    if out in graph.skipped or out in graph.transposed or out in graph.weights:
        return
    data = [name for name in node.input if name and name not in graph.weights]
    if out in graph.activations:
        data = [graph.activations[out].source]
    if op in _FREE:
        if data and graph.alone(data[0]):
            graph.maker[out] = graph.maker[data[0]]
        return
    host = _host(graph, op, out, data)
    if op in _ELEMENTWISE and host is not None:
        row = graph.rows[host]
        row.input_bytes += sum(graph.size_bytes(name) for name in data if graph.maker.get(name) != host)
        row.output_bytes = graph.size_bytes(out)
        row.is_active = row.is_active or op not in _LINEAR or out in graph.activations
        graph.maker[out] = host
        return
    held = sum(graph.size_bytes(name) for name in node.input if name in graph.weights)
    read = sum(graph.size_bytes(name) for name in data)
    written = sum(graph.size_bytes(name) for name in node.output)
    read = min(read, written) if op in _PARTIAL else read
    window = _filters(graph, node)[2:] if op in ("Conv", "ConvTranspose") else ()
    graph.rows.append(_Row(op, _type(graph, node), _flop(graph, node), read, written, held, window))
    if op in _PRODUCTS or op in _ELEMENTWISE:
        graph.maker[out] = len(graph.rows) - 1


def _type(graph: _Graph, node: Any) -> KernelType:
    if node.op_type == "Conv":
        groups = next((int(item.i) for item in node.attribute if item.name == "group"), 1)
        if groups == 1:
            return "conv"
        return "dwconv" if _filters(graph, node)[1] == 1 else "groupconv"
    return _TYPES.get(node.op_type, "eltwise" if node.op_type in _ELEMENTWISE else "other")


def _filters(graph: _Graph, node: Any) -> tuple[int, ...]:
    return graph.weights.get(node.input[1], graph.shapes.get(node.input[1], (1, 1)))


def _flop(graph: _Graph, node: Any) -> float:
    """Operations, two per multiply-add; of all other kinds one per output, or per input where it is the larger."""
    shape = graph.shapes.get(node.output[0], ())
    if node.op_type == "Conv":
        return 2.0 * math.prod(shape) * math.prod(_filters(graph, node)[1:])
    if node.op_type == "ConvTranspose":
        return 2.0 * math.prod(graph.shapes[node.input[0]]) * math.prod(graph.weights[node.input[1]][1:])
    if node.op_type in ("Gemm", "MatMul"):
        return 2.0 * math.prod(shape) * graph.shapes[node.input[0]][-1]
    if node.op_type == "LSTM":
        directions, gates, width = graph.weights[node.input[1]]
        return 2.0 * graph.shapes[node.input[0]][0] * directions * gates * (width + gates // 4)
    if node.op_type in _PER_INPUT:
        shape = graph.shapes.get(node.input[0], ())
    return float(math.prod(shape))
