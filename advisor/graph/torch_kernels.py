"""Kernels of PyTorch: the operations of one pass as its dispatcher sees them, before the chosen library.

In eager mode and in TorchScript each is a call of its own. What ``torch.compile`` fuses is listed unfused.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from advisor.records.model import Kernel, KernelType

Shape = tuple[int, ...]
_VIEWS = frozenset(
    {"view", "_unsafe_view", "reshape", "flatten", "squeeze", "unsqueeze", "expand", "permute", "transpose", "t",
     "alias", "detach", "slice", "select", "split", "chunk", "unbind", "as_strided", "item", "_local_scalar_dense",
     "unfold", "narrow", "size", "lift_fresh", "q_scale", "q_zero_point", "conv2d_unpack", "linear_unpack"}
)  # fmt: skip
"""Operations that move no data."""
_CONVOLUTIONS = frozenset({"convolution", "_convolution", "conv1d", "conv2d", "conv3d", "mkldnn_convolution",
                           "conv1d_relu", "conv2d_relu", "conv2d_add", "conv2d_add_relu",
                           "conv_transpose2d"})  # fmt: skip
_LINEAR = frozenset({"linear", "linear_relu", "linear_dynamic", "linear_relu_dynamic", "addmm", "mm", "mkl_linear",
                     "linear_leaky_relu", "linear_tanh"})  # fmt: skip
_PRODUCTS = frozenset({"bmm", "baddbmm", "matmul"})
_ATTENTION = frozenset({"scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu"})
_TYPES: dict[str, KernelType] = {
    **dict.fromkeys(_LINEAR, "fc"), **dict.fromkeys(_PRODUCTS, "matmul"), **dict.fromkeys(_ATTENTION, "attention"),
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices", "avg_pool2d", "adaptive_avg_pool2d",
                     "_adaptive_avg_pool2d", "mean_pool", "max_pool1d", "avg_pool1d"), "pool"),
    **dict.fromkeys(("mean", "sum", "amax", "amin", "max", "min", "argmax", "cumsum", "prod"), "reduce"),
    **dict.fromkeys(("softmax", "_softmax", "log_softmax", "_log_softmax"), "softmax"),
    **dict.fromkeys(("batch_norm", "native_batch_norm", "native_layer_norm", "layer_norm", "group_norm",
                     "native_group_norm", "instance_norm", "_native_batch_norm_legit_no_training"), "norm"),
    **dict.fromkeys(("cat", "stack", "pad", "constant_pad_nd", "repeat"), "concat"),
    **dict.fromkeys(("index", "index_select", "gather", "embedding", "scatter", "where"), "gather"),
    **dict.fromkeys(("upsample_nearest2d", "upsample_bilinear2d", "grid_sampler", "grid_sampler_2d"), "resize"),
    **dict.fromkeys(("clone", "copy", "copy_", "contiguous", "pixel_shuffle", "roll", "flip"), "reorder"),
    **dict.fromkeys(("to", "_to_copy", "quantize_per_tensor", "dequantize", "type_as"), "convert"),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "mkldnn_rnn_layer", "quantized_lstm"), "rnn"),
    **dict.fromkeys(("topk", "nms", "nonzero", "sort"), "detection"),
}  # fmt: skip
_ELTWISE = frozenset(
    {"relu", "relu_", "add", "add_", "sub", "mul", "mul_", "div", "div_", "sigmoid", "silu", "silu_", "tanh", "gelu",
     "hardtanh", "hardtanh_", "hardswish", "hardswish_", "hardsigmoid", "leaky_relu", "elu", "clamp", "clamp_min",
     "pow", "sqrt", "rsqrt", "exp", "log", "neg", "abs", "erf", "maximum", "minimum", "softplus", "sin", "cos",
     "add_relu", "eq", "gt", "lt", "ge", "le", "ne", "logical_and", "logical_or", "logical_not", "floor", "round",
     "mish", "prelu"}
)  # fmt: skip
_PRECISIONS = {
    "float32": "f32", "float64": "f64", "float16": "f16", "bfloat16": "bf16", "int8": "i8", "uint8": "u8",
    "qint8": "i8", "quint8": "u8", "int32": "i32", "qint32": "i32", "int64": "i64", "bool": "boolean",
}  # fmt: skip


@dataclass
class Call:
    """One operation of a pass."""

    name: str
    data: list[Any]
    """Tensors among its inputs that are no weights."""
    weights: list[Any]
    outputs: list[Any]
    transposed: bool
    groups: int
    dynamic: bool
    """Its activations are made int8 inside."""
    times_s: list[float] = field(default_factory=list)


class Walk(TorchDispatchMode):  # type: ignore[misc]
    """Notes every operation of a pass that moves data, with its time.

    Parameters
    ----------
    weights : callable
        Says of a tensor whether it belongs to the model.
    """

    def __init__(self, weights: Callable[[Any], bool]) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._is_weight = weights

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        start_s = time.perf_counter()
        result = func(*args, **kwargs)
        took_s = time.perf_counter() - start_s
        name = func._schema.name.rsplit("::", 1)[-1]
        if name not in _VIEWS:
            self.calls.append(self._call(name, (*args, *kwargs.values()), result, took_s))
        return result

    def _call(self, name: str, given: Sequence[Any], result: Any, took_s: float) -> Call:
        flat = _tensors(given)
        unpacked = [
            tensor for item in given if isinstance(item, torch.ScriptObject) for tensor in _unpacked(name, item)
        ]
        weights = [tensor for tensor in flat if self._is_weight(tensor)] + unpacked
        known = {id(tensor) for tensor in weights}
        return Call(
            name,
            [tensor for tensor in flat if id(tensor) not in known],
            weights,
            _tensors([result]),
            transposed="transpose" in name or (name in {"convolution", "_convolution"} and bool(given[6])),
            groups=int(given[8]) if name in {"convolution", "_convolution"} else 1,
            dynamic=name.endswith("_dynamic"),
            times_s=[took_s],
        )


def _tensors(items: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if isinstance(item, torch.Tensor):
            found.append(item)
        elif isinstance(item, list | tuple):
            found += _tensors(item)
    return found


def _unpacked(name: str, packed: Any) -> list[Any]:
    """Weights that a quantised operation keeps in a form of its own."""
    unpack = torch.ops.quantized.linear_unpack if "linear" in name else torch.ops.quantized.conv2d_unpack
    try:
        weight, bias = unpack(packed)
    except RuntimeError:
        return []
    return [weight] if bias is None else [weight, bias]


def torch_kernels(calls: Sequence[Call]) -> tuple[Kernel, ...]:
    """Kernels of the operations of one pass, in order; their times are means."""
    return tuple(_kernel(call, index) for index, call in enumerate(calls))


def without_times(kernels: Sequence[Kernel]) -> tuple[Kernel, ...]:
    """Return the kernels as a compiled model lists them."""
    return tuple(kernel.model_copy(update={"time_s": None}) for kernel in kernels)


def peak_bytes(calls: Sequence[Call]) -> float:
    """Largest sum of live activations of a pass, each held until its last reader has run [B]."""
    last: dict[int, int] = {}
    sizes: dict[int, float] = {}
    for at, call in enumerate(calls):
        for tensor in (*call.data, *call.outputs):
            place = _storage(tensor)
            last[place] = at
            sizes[place] = max(sizes.get(place, 0.0), _size(tensor))
    live = most = 0.0
    held: set[int] = set()
    for at, call in enumerate(calls):
        for place in {_storage(tensor) for tensor in (*call.data, *call.outputs)} - held:
            held.add(place)
            live += sizes[place]
        most = max(most, live)
        for place in [place for place in held if last[place] <= at]:
            held.remove(place)
            live -= sizes[place]
    return most


def _storage(tensor: Any) -> int:
    # The walk holds every tensor, so that no memory is used twice and its address names it.
    try:
        return int(tensor.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):  # layouts of oneDNN have no address
        return id(tensor)


def _kernel(call: Call, index: int) -> Kernel:
    inputs = [tuple(tensor.shape) for tensor in call.data]
    outputs = [tuple(tensor.shape) for tensor in call.outputs]
    filters = max((tuple(tensor.shape) for tensor in call.weights), key=math.prod, default=())
    kind = _type(call, filters)
    precision = _precision(call.data[0]) if call.data else "f32"
    convolves = call.name in _CONVOLUTIONS and len(filters) > 2
    return Kernel(
        name=f"{call.name}_{index}",
        type=kind,
        original_type=call.name,
        flop=_flop(call, inputs, outputs, filters),
        input_bytes=sum(map(_size, call.data)),
        output_bytes=sum(map(_size, call.outputs)),
        weight_bytes=sum(map(_size, call.weights)),
        precision="i8" if call.dynamic else precision,
        implementation=f"torch_{call.name}",
        input_shape=inputs[0] if inputs else (),
        output_shape=outputs[0] if outputs else (),
        kernel_size=filters[2:] if convolves else (),
        groups=_groups(call, inputs, filters),
        time_s=sum(call.times_s) / len(call.times_s),
    )


def _groups(call: Call, inputs: Sequence[Shape], filters: Shape) -> int:
    if call.groups > 1 or call.name not in _CONVOLUTIONS or len(filters) < 3 or not inputs or call.transposed:
        return call.groups
    return max(1, inputs[0][1] // filters[1])


def _type(call: Call, filters: Shape) -> KernelType:
    if call.name in _CONVOLUTIONS:
        if call.transposed:
            return "deconv"
        groups = _groups(call, [tuple(tensor.shape) for tensor in call.data], filters)
        if groups == 1:
            return "conv"
        return "dwconv" if groups == filters[0] else "groupconv"
    return "eltwise" if call.name in _ELTWISE else _TYPES.get(call.name, "other")


def _flop(call: Call, inputs: Sequence[Shape], outputs: Sequence[Shape], filters: Shape) -> float:
    """Operations, two per multiply-add; dense products only, as in :mod:`.flops` [FLOP]."""
    if not outputs:
        return 0.0
    result = math.prod(outputs[0])
    if call.name in _CONVOLUTIONS and filters and inputs:
        return 2.0 * (math.prod(inputs[0]) if call.transposed else result) * math.prod(filters[1:])
    if call.name in _LINEAR | _PRODUCTS:
        factors = inputs[-2:] if call.name == "baddbmm" else inputs
        return 2.0 * float(result * factors[0][-1]) if factors and factors[0] else 0.0
    if call.name in _ATTENTION and len(inputs) >= 3:
        query, key, value = inputs[:3]
        return 2.0 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
    if _TYPES.get(call.name) == "rnn" and inputs:
        matrices = sum(math.prod(tuple(tensor.shape)) for tensor in call.weights if tensor.dim() == 2)
        return 2.0 * math.prod(inputs[0][:-1]) * float(matrices)
    return 0.0


def _precision(tensor: Any) -> str:
    word = str(tensor.dtype).removeprefix("torch.")
    return _PRECISIONS.get(word, word)


def _size(tensor: Any) -> float:
    return float(tensor.numel() * tensor.element_size())
