"""Kernels of a TensorFlow Lite graph: its operators with the shapes that the interpreter gave their tensors.

The file is fused when it is converted, so every operator that computes is a kernel. Layouts of weights are those of
TensorFlow Lite's builtin operators (``tensorflow/lite/core/c/builtin_op_data.h`` and the kernels beside it).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.records.model import Kernel, KernelType

Shape = tuple[int, ...]
_VIEWS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "DELEGATE"})
"""Operators without work of their own; a delegate repeats those that it took over."""
_TYPES: dict[str, KernelType] = {
    "CONV_2D": "conv", "CONV_3D": "conv", "DEPTHWISE_CONV_2D": "dwconv", "TRANSPOSE_CONV": "deconv",
    "FULLY_CONNECTED": "fc", "BATCH_MATMUL": "matmul", "AVERAGE_POOL_2D": "pool", "MAX_POOL_2D": "pool",
    "L2_POOL_2D": "pool", "SOFTMAX": "softmax", "LOG_SOFTMAX": "softmax", "MEAN": "reduce", "SUM": "reduce",
    "REDUCE_MAX": "reduce", "REDUCE_MIN": "reduce", "ARG_MAX": "reduce", "CUMSUM": "reduce",
    "L2_NORMALIZATION": "norm", "LOCAL_RESPONSE_NORMALIZATION": "norm", "TRANSPOSE": "reorder",
    "SPACE_TO_DEPTH": "reorder", "DEPTH_TO_SPACE": "reorder", "SPACE_TO_BATCH_ND": "reorder",
    "BATCH_TO_SPACE_ND": "reorder", "CONCATENATION": "concat", "PAD": "concat", "PADV2": "concat",
    "MIRROR_PAD": "concat", "SPLIT": "concat", "SPLIT_V": "concat", "PACK": "concat", "UNPACK": "concat",
    "TILE": "concat", "BROADCAST_TO": "concat", "SLICE": "gather", "STRIDED_SLICE": "gather", "GATHER": "gather",
    "GATHER_ND": "gather", "SCATTER_ND": "gather", "EMBEDDING_LOOKUP": "gather", "ONE_HOT": "gather",
    "RESIZE_BILINEAR": "resize", "RESIZE_NEAREST_NEIGHBOR": "resize", "CAST": "convert", "QUANTIZE": "convert",
    "DEQUANTIZE": "convert", "TOPK_V2": "detection", "NON_MAX_SUPPRESSION_V4": "detection",
    "NON_MAX_SUPPRESSION_V5": "detection", "UNIDIRECTIONAL_SEQUENCE_LSTM": "rnn", "LSTM": "rnn",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "rnn", "BIDIRECTIONAL_SEQUENCE_LSTM": "rnn", "RNN": "rnn",
}  # fmt: skip
_ELTWISE = frozenset(
    {"ADD", "SUB", "MUL", "DIV", "RELU", "RELU6", "RELU_N1_TO_1", "PRELU", "LEAKY_RELU", "ELU", "GELU", "LOGISTIC",
     "TANH", "HARD_SWISH", "ABS", "NEG", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "SQUARED_DIFFERENCE", "POW",
     "MAXIMUM", "MINIMUM", "FLOOR", "CEIL", "ROUND", "SIN", "COS", "SELECT", "SELECT_V2", "EQUAL", "GREATER", "LESS",
     "WHERE", "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"}
)  # fmt: skip
_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})


@dataclass(frozen=True)
class Tensor:
    """A tensor as the interpreter holds it."""

    shape: Shape
    width_bytes: int
    precision: str
    """As records spell it: f32, i8, u8, i32."""
    constant: bool

    @property
    def size_bytes(self) -> float:
        """All its values [B]."""
        return float(math.prod(self.shape) * self.width_bytes)


@dataclass(frozen=True)
class Operation:
    """An operator with the numbers of its tensors; -1 for an input that is left out."""

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def tflite_kernels(
    operations: Sequence[Operation], tensors: Mapping[int, Tensor], delegated: frozenset[int]
) -> tuple[Kernel, ...]:
    """List the kernels of a graph in order of execution.

    Parameters
    ----------
    operations
        Of the main subgraph.
    tensors
        By their number.
    delegated
        Indices of operations that a delegate runs.
    """
    return tuple(_kernel(item, tensors, item.index in delegated) for item in operations if item.kind not in _VIEWS)


def peak_bytes(operations: Sequence[Operation], tensors: Mapping[int, Tensor]) -> float:
    """Largest sum of live activations during a pass, each held until its last reader has run [B]."""
    last = {number: at for at, item in enumerate(operations) for number in item.inputs}
    live = most = 0.0
    held: dict[int, float] = {}
    for at, item in enumerate(operations):
        for number in (*item.inputs, *item.outputs) if item.kind not in _VIEWS else ():
            if number in tensors and not tensors[number].constant and number not in held:
                held[number] = tensors[number].size_bytes
                live += held[number]
        most = max(most, live)
        for number in [number for number in held if last.get(number, len(operations)) <= at]:
            live -= held.pop(number)
    return most


def _kernel(item: Operation, tensors: Mapping[int, Tensor], delegated: bool) -> Kernel:
    given = [tensors[number] for number in item.inputs if number in tensors]
    data = [tensor for tensor in given if not tensor.constant]
    weights = [tensor for tensor in given if tensor.constant]
    out = [tensors[number] for number in item.outputs if number in tensors]
    filters = _filters(given)
    kind = _type(item.kind, filters, data)
    return Kernel(
        name=f"{item.kind.lower()}_{item.index}",
        type=kind,
        original_type=item.kind,
        flop=_flop(item.kind, filters, weights, data, out),
        input_bytes=sum(tensor.size_bytes for tensor in data),
        output_bytes=sum(tensor.size_bytes for tensor in out),
        weight_bytes=sum(tensor.size_bytes for tensor in weights),
        precision=data[0].precision if data else (out[0].precision if out else "f32"),
        implementation=f"{'xnnpack' if delegated else 'tflite'}_{item.kind}",
        input_shape=data[0].shape if data else (),
        output_shape=out[0].shape if out else (),
        kernel_size=filters[1:3] if item.kind in _CONVOLUTIONS else (),
        groups=data[0].shape[-1] // filters[3] if kind == "groupconv" else filters[3] if kind == "dwconv" else 1,
    )


def _filters(given: Sequence[Tensor]) -> Shape:
    """Shape of the weights, which are the second input of every product."""
    return given[1].shape if len(given) > 1 and len(given[1].shape) >= 2 else ()


def _type(kind: str, filters: Shape, data: Sequence[Tensor]) -> KernelType:
    if kind == "CONV_2D" and len(filters) == 4 and data and data[0].shape[-1] > filters[3]:
        return "groupconv"
    return "eltwise" if kind in _ELTWISE else _TYPES.get(kind, "other")


def _flop(kind: str, filters: Shape, weights: Sequence[Tensor], data: Sequence[Tensor], out: Sequence[Tensor]) -> float:
    """Operations, two per multiply-add; dense products only, as in :mod:`.flops` [FLOP]."""
    if not data or not out:
        return 0.0
    result = math.prod(out[0].shape)
    if kind == "CONV_2D":  # [out, high, wide, in / groups]
        return 2.0 * result * math.prod(filters[1:])
    if kind == "DEPTHWISE_CONV_2D":  # [1, high, wide, out]
        return 2.0 * result * math.prod(filters[1:3])
    if kind == "TRANSPOSE_CONV":  # [out, high, wide, in]
        return 2.0 * math.prod(data[-1].shape) * math.prod(filters[:3])
    if kind in {"FULLY_CONNECTED", "BATCH_MATMUL"} and data[0].shape:
        return 2.0 * result * (filters[1] if kind == "FULLY_CONNECTED" and filters else data[0].shape[-1])
    if _TYPES.get(kind) == "rnn":
        matrices = sum(math.prod(tensor.shape) for tensor in weights if len(tensor.shape) == 2)
        return 2.0 * math.prod(data[0].shape[:-1]) * matrices
    return 0.0
