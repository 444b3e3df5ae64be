"""Operations and parameters of a model's own graph, before any fusion.

Counted are the dense products that dominate every network: convolution, transposed convolution, matrix product,
attention and recurrence, two operations per multiply-add. Element-wise work, pooling and normalisation count 0 here:
their time follows bytes, which kernels carry. That is also how published GFLOPs are meant.
"""

from __future__ import annotations

import math
from typing import Any

_REAL_TYPES = frozenset({"f32", "f16", "bf16", "f64"})
_PACKED_TYPES = frozenset({"i8", "u8", "i4", "u4", "nf4", "f8e4m3", "f8e5m2"})
_CONVOLUTIONS = frozenset({"Convolution", "GroupConvolution", "DeformableConvolution"})
_DECONVOLUTIONS = frozenset({"ConvolutionBackpropData", "GroupConvolutionBackpropData"})
# Weight matrices per step: gates of the cell.
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}

_COUNTED = (
    _CONVOLUTIONS
    | _DECONVOLUTIONS
    | {"MatMul", "ScaledDotProductAttention"}
    | {cell + form for cell in _GATES for form in ("Cell", "Sequence")}
)


def elements(shape: Any) -> int:
    """Count of elements of a static shape."""
    return math.prod(int(length) for length in shape)


def op_flop(op: Any) -> float:
    r"""Operations of one operation with static shapes, two per multiply-add [FLOP].

    Convolution: every output element takes ``weights / output channels`` multiply-adds; transposed: every input
    element takes ``weights / input channels``. Matrix product: ``2 M N K`` per matrix. Attention: the two products
    ``Q K^T`` and ``P V``. Recurrence: gates times (input + hidden) times hidden per step, direction and sample.
    Bodies of loops count once per iteration. An operation with open shapes gives 0 (see :func:`uncounted`).
    """
    kind = op.get_type_name()
    if kind in _COUNTED and _open(op):
        return 0.0
    if kind in _CONVOLUTIONS:
        weights = list(op.get_input_shape(1 if kind != "DeformableConvolution" else 2))
        out = list(op.get_output_shape(0))
        # GroupConvolution keeps [groups, out/groups, in/groups, k...]: all but the first two are per output channel.
        taps = elements(weights[2:]) if kind == "GroupConvolution" else elements(weights[1:])
        return 2.0 * elements(out) * taps
    if kind in _DECONVOLUTIONS:
        weights = list(op.get_input_shape(1))
        taps = elements(weights[2:]) if kind.startswith("Group") else elements(weights[1:])
        return 2.0 * elements(op.get_input_shape(0)) * taps
    if kind == "MatMul":
        inner = list(op.get_input_shape(0))
        transposed = bool(op.get_attributes().get("transpose_a", False))
        length = inner[-2] if transposed and len(inner) > 1 else inner[-1]
        return 2.0 * elements(op.get_output_shape(0)) * int(length)
    if kind == "ScaledDotProductAttention":
        query, value = list(op.get_input_shape(0)), list(op.get_input_shape(2))
        keys = int(list(op.get_input_shape(1))[-2])
        rows = elements(query[:-1])
        return 2.0 * rows * keys * (int(query[-1]) + int(value[-1]))
    for cell, gates in _GATES.items():
        if kind in {f"{cell}Sequence", f"{cell}Cell"}:
            return _recurrent(op, gates)
    return _loops(op, kind)


def _recurrent(op: Any, gates: int) -> float:
    data = [int(length) for length in op.get_input_shape(0)]
    hidden = int(list(op.get_input_shape(1))[-1])
    steps_and_samples = math.prod(data[:-1])
    directions = 2 if str(op.get_attributes().get("direction", "")).lower().startswith("bidirectional") else 1
    return 2.0 * gates * directions * steps_and_samples * hidden * (data[-1] + hidden)


def _loops(op: Any, kind: str) -> float:
    if kind not in {"TensorIterator", "Loop"}:
        return 0.0
    body = sum(op_flop(inner) for inner in op.get_function().get_ops())
    trips = int(op.get_num_iterations())
    return body * max(trips, 0)


def model_flop(model: Any) -> float:
    """Operations of one pass of an ``openvino.Model`` [FLOP]; those of :func:`uncounted` are missing in the sum."""
    return float(sum(op_flop(op) for op in model.get_ops()))


def uncounted(model: Any) -> int:
    """Count of dense products behind a data-dependent shape, as a detector's second stage: nobody knows their work."""
    return sum(op.get_type_name() in _COUNTED and _open(op) for op in model.get_ops())


def _open(op: Any) -> bool:
    return any(port.get_partial_shape().is_dynamic for port in (*op.inputs(), *op.outputs()))


def model_parameters(model: Any) -> int:
    """Trained numbers in a model: elements of its real and low-bit constants of more than one element.

    Running statistics of a normalisation (inputs 3 and 4 of BatchNormInference) are no parameters, and neither are
    shape tables (integers of 32 and 64 bit).
    """
    total = 0
    for op in model.get_ops():
        if op.get_type_name() != "Constant":
            continue
        if op.get_element_type().get_type_name() not in _REAL_TYPES | _PACKED_TYPES:
            continue
        targets = list(op.output(0).get_target_inputs())
        if targets and all(_statistic(target) for target in targets):
            continue
        count = elements(op.get_output_shape(0))
        total += count if count > 1 else 0
    return total


def _statistic(target: Any) -> bool:
    return target.get_node().get_type_name() == "BatchNormInference" and target.get_index() in {3, 4}
