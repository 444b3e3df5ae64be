"""Kernels of TVM: the functions that its virtual machine calls in one pass, named after the operators fused in them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.records.model import Kernel, KernelType

Shape = tuple[int, ...]
_NUMBERED = re.compile(r"\d+(?=_|$)")
_CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
_DECONVOLUTIONS = frozenset({"conv1d_transpose", "conv2d_transpose", "conv3d_transpose"})
_TYPES: tuple[tuple[str, KernelType], ...] = (
    ("transpose", "reorder"), ("pool", "pool"), ("softmax", "softmax"), ("norm", "norm"), ("mean", "reduce"),
    ("sum", "reduce"), ("max", "reduce"), ("min", "reduce"), ("concat", "concat"), ("pad", "concat"),
    ("split", "concat"), ("tile", "concat"), ("take", "gather"), ("gather", "gather"), ("slice", "gather"),
    ("resize", "resize"), ("cast", "convert"), ("quantize", "convert"), ("reshape", "reorder"), ("topk", "detection"),
)  # fmt: skip
"""Type by what a name contains, of functions without a product."""
_ELTWISE = frozenset({"add", "subtract", "multiply", "divide", "relu", "sigmoid", "tanh", "exp", "clip", "power",
                      "sqrt", "rsqrt", "erf", "maximum", "minimum", "where", "negative", "leakyrelu",
                      "prelu"})  # fmt: skip


@dataclass
class Argument:
    """A tensor that a function reads or, as its last, writes."""

    shape: Shape
    dtype: str
    address: int
    constant: bool

    @property
    def size_bytes(self) -> float:
        """All its values [B]."""
        bits = int(_digits.group()) if (_digits := re.search(r"\d+", self.dtype)) else 8
        return math.prod(self.shape) * bits / 8


@dataclass
class Call:
    """One call of a pass; its last argument is the result."""

    name: str
    arguments: list[Argument]
    times_s: list[float] = field(default_factory=list)


def tvm_kernels(calls: Sequence[Call]) -> tuple[Kernel, ...]:
    """Kernels in order of execution; their times are means."""
    return tuple(_kernel(call, index) for index, call in enumerate(calls) if call.arguments)


def peak_bytes(calls: Sequence[Call]) -> float:
    """Largest sum of live activations during a pass, each held until its last reader has run [B]."""
    last: dict[tuple[int, Shape], int] = {}
    for at, call in enumerate(calls):
        last.update({(item.address, item.shape): at for item in call.arguments})
    live = most = 0.0
    held: dict[tuple[int, Shape], float] = {}
    for at, call in enumerate(calls):
        for item in call.arguments:
            if not item.constant and (item.address, item.shape) not in held:
                held[item.address, item.shape] = item.size_bytes
                live += item.size_bytes
        most = max(most, live)
        for key in [key for key in held if last[key] <= at]:
            live -= held.pop(key)
    return most


def _kernel(call: Call, index: int) -> Kernel:
    *given, out = call.arguments
    parts = tuple(_NUMBERED.sub("", call.name).removeprefix("fused_").split("_"))
    plain = _NUMBERED.sub("", call.name)
    data = [item for item in given if not item.constant]
    weights = [item for item in given if item.constant]
    filters = given[1].shape if len(given) > 1 else ()
    kind = _type(plain, parts, given)
    convolves = kind in {"conv", "dwconv", "groupconv", "deconv"}
    return Kernel(
        name=f"{call.name}_{index}",
        type=kind,
        original_type=plain,
        flop=_flop(kind, given, out),
        input_bytes=sum(item.size_bytes for item in data),
        output_bytes=out.size_bytes,
        weight_bytes=sum(item.size_bytes for item in weights),
        precision={"float32": "f32", "float16": "f16", "int8": "i8", "uint8": "u8"}.get(out.dtype, out.dtype),
        implementation=f"tvm_{plain}",
        input_shape=given[0].shape if given else (),
        output_shape=out.shape,
        kernel_size=filters[2:] if convolves else (),
        groups=given[0].shape[1] // filters[1] if kind in {"dwconv", "groupconv"} else 1,
        fused=parts if call.name.startswith("fused_") else (),
        time_s=sum(call.times_s) / len(call.times_s) if call.times_s else None,
    )


def _type(plain: str, parts: Sequence[str], given: Sequence[Argument]) -> KernelType:
    if any(name in plain for name in _DECONVOLUTIONS):
        return "deconv"
    if any(part in _CONVOLUTIONS for part in parts) and len(given) > 1 and len(given[1].shape) > 2:
        groups = given[0].shape[1] // given[1].shape[1]
        return "conv" if groups == 1 else "dwconv" if groups == given[0].shape[1] else "groupconv"
    if "matmul" in parts:
        return "fc" if len(given) > 1 and given[1].constant else "matmul"
    if parts and all(part in _ELTWISE for part in parts):
        return "eltwise"
    return next((kind for word, kind in _TYPES if word in plain), "other")


def _flop(kind: KernelType, given: Sequence[Argument], out: Argument) -> float:
    """Operations, two per multiply-add; dense products only, as in :mod:`.flops` [FLOP]."""
    if kind in {"conv", "dwconv", "groupconv"}:
        return 2.0 * math.prod(out.shape) * math.prod(given[1].shape[1:])
    if kind == "deconv":
        return 2.0 * math.prod(given[0].shape) * math.prod(given[1].shape[1:])
    if kind in {"fc", "matmul"} and given[0].shape:
        return 2.0 * math.prod(out.shape) * given[0].shape[-1]
    return 0.0
