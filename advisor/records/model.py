"""A model as work: fused kernels with operations, bytes and shapes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Literal

from .base import KeyedRecord, PositiveCount, Precision, Quantity, Record, RuntimeName

KernelType = Literal[
    "conv", "dwconv", "groupconv", "deconv", "fc", "matmul", "attention", "eltwise", "pool", "reduce", "softmax",
    "norm", "reorder", "concat", "gather", "resize", "rnn", "detection", "convert", "other",
]  # fmt: skip
ModelKind = Literal["architecture", "stand-in", "file"]


def at_sizes(sha256: str, input_shape: Sequence[int], further_shapes: Mapping[str, Sequence[int]] = {}) -> str:
    """Hash by which a file that leaves sizes open is known at some: at others it is another network."""
    sizes = json.dumps([list(input_shape), {name: list(shape) for name, shape in sorted(further_shapes.items())}])
    return hashlib.sha256(f"{sha256} {sizes}".encode()).hexdigest()


def known_as(model: str, kind: str, sha256: str) -> str:
    """Name that no two networks have: of a user's file with the start of its hash, since any may be called ``best``."""
    return f"{model}@{sha256[:12]}" if kind == "file" else model


IMAGE_CHANNELS = frozenset({1, 3, 4})
"""Grey, colour, colour with transparency."""


def image_layout(shape: Sequence[int | str]) -> Literal["NCHW", "NHWC"] | None:
    """Order of the dimensions of an image input, told by which of them can be a channel count.

    Channels first where both can. A dimension that has a name instead of a number is no channel count. None for an
    input that is no picture: not four dimensions, or neither the second nor the last is 1, 3 or 4.
    """
    if len(shape) != 4:
        return None
    if shape[1] in IMAGE_CHANNELS:
        return "NCHW"
    return "NHWC" if shape[3] in IMAGE_CHANNELS else None


_NAMED_SHAPE = re.compile(r"\s*([^\[\],\s]+)\s*\[([\d,\s]+)\]\s*(,|$)")


def parse_named_shapes(text: str) -> dict[str, tuple[int, ...]]:
    """Read shapes of inputs by name: ``images[1,3,640,640],sizes[1,2]``.

    Raises
    ------
    ValueError
        It is written otherwise; the message shows the form.
    """
    found: dict[str, tuple[int, ...]] = {}
    place = 0
    while place < len(text):
        part = _NAMED_SHAPE.match(text, place)
        if part is None or not all(number.strip().isdigit() for number in part[2].split(",")):
            raise ValueError(f"{text!r} is not a list of shapes by name, such as images[1,3,640,640],sizes[1,2]")
        found[part[1]] = tuple(int(number) for number in part[2].split(","))
        place = part.end()
    return found


def image_size(shape: Sequence[int]) -> tuple[int, int] | None:
    """Width and height of an image input; None for an input that is no picture."""
    layout = image_layout(shape)
    if layout is None:
        return None
    return (shape[3], shape[2]) if layout == "NCHW" else (shape[2], shape[1])


class ModelInfo(Record):
    """One row of ``sizer models list``."""

    name: str
    family: str
    input_shape: tuple[PositiveCount, ...]
    gflops: Quantity | None
    """Operations per inference in 1e9, two per multiply-add."""
    mparams: Quantity | None
    kind: ModelKind
    task: str | None = None
    output_layout: (
        Literal["ssd", "yolo", "classes", "mask", "embedding", "tokens", "heatmap", "image", "other"] | None
    ) = None
    source: str | None = None
    """Where the published figures come from."""
    notes: str | None = None
    """What a reader must know: a changed layout, uncertain figures."""
    token_limit: PositiveCount | None = None
    """Not None: the input holds int64 token ids below this number."""
    stand_in_ratio: Quantity | None = None
    """Time of a stand-in over that of the published network where the two are known to differ."""


class ModelFile(Record):
    """A model resolved to a file on disk, ready for a runtime."""

    reference: str
    """What the user wrote: a path, an architecture's name, or like:NAME."""
    name: str
    family: str
    kind: ModelKind
    path: str
    sha256: str
    """Of the file; where that leaves sizes open, of the file at the sizes that it is used with (:func:`at_sizes`)."""
    input_shape: tuple[PositiveCount, ...]
    """Static shape at batch 1 of the main input: the picture, or else the first."""
    further_shapes: tuple[tuple[str, tuple[PositiveCount, ...]], ...] = ()
    """Name and static shape at batch 1 of the other inputs that the file leaves open."""
    file_batch: PositiveCount = 1
    """Batch that the file fixes; 1 where it is open, too."""
    flop: Quantity | None = None
    """Operations of the graph per input, as the file's reader counts them; None for a model that was built here."""
    reader: Literal["openvino", "onnxruntime", "torch"] = "openvino"
    """Runtime that the file was read with; not OpenVINO where that has no such operators."""
    score_columns: PositiveCount | None = None
    """Class scores in a row of a detector's output; None if the file does not say."""
    output_layout: str | None = None
    token_limit: PositiveCount | None = None
    """Not None: the input holds int64 token ids below this number."""
    stand_in_ratio: Quantity | None = None
    """Time of a stand-in over that of the published network where the two are known to differ."""

    @property
    def stand_in(self) -> bool:
        """True where results rest on a substitute for the real model."""
        return self.kind == "stand-in"


class Kernel(Record):
    """One fused kernel of a compiled model at its batch size."""

    name: str
    type: KernelType
    original_type: str
    """The runtime's own word, kept for kernels that ``type`` cannot tell apart."""
    flop: Quantity
    """Of dense products (convolution, matrix product, attention, recurrence), two per multiply-add; 0 for the rest."""
    input_bytes: Quantity
    output_bytes: Quantity
    weight_bytes: Quantity
    precision: str
    """Precision that the kernel computes in, as the runtime names it: f32, bf16, i8, u8."""
    implementation: str = ""
    """Kernel name of the runtime, e.g. brgconv_avx2_f32."""
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    kernel_size: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    groups: PositiveCount = 1
    fused: tuple[str, ...] = ()
    """Types of the file's operations inside this kernel; empty where the runtime does not tell."""
    time_s: Quantity | None = None
    """Measured time of one execution; None if the graph was only compiled."""


class LiveBytes(Record):
    """Largest sums of tensors that are alive at a time in a runtime, as a graph itself tells them at batch 1 [B]."""

    openvino_f32: Quantity
    openvino_int8: Quantity
    """In the int8 copy that is made for it."""
    onnxruntime_f32: Quantity
    onnxruntime_int8: Quantity
    quantisable: bool
    """Whether there is a product that an int8 copy makes narrow."""
    int8_file: bool = False
    """The file is such a copy already: it runs in int8 whatever is asked for."""

    def at(self, runtime: str, precision: str) -> float:
        """At a precision under a runtime [B]; under others as under OpenVINO."""
        f32, int8 = self.openvino_f32, self.openvino_int8
        if runtime == "onnxruntime":
            f32, int8 = self.onnxruntime_f32, self.onnxruntime_int8
        if precision == "int8" or self.int8_file:
            return int8
        return f32 / 2.0 if precision == "bf16" else f32


class ModelWork(KeyedRecord):
    """The kernels of a model as one runtime fuses them at one precision, batch and SIMD cap.

    ``runtime`` ``file``: as they are counted in the file, with the fusions that all CPU runtimes make.
    """

    model: str
    sha256: str
    kind: ModelKind
    family: str
    runtime: RuntimeName | Literal["file"]
    runtime_version: str
    precision: Precision
    batch: PositiveCount
    simd_cap: str | None
    kernels: tuple[Kernel, ...]
    flop: Quantity
    """Operations of the model's own graph per batch, not of the fused one."""
    weight_bytes: Quantity
    activation_bytes: Quantity
    """Largest sum of live tensors during one pass, as an estimate of working memory."""
    live: LiveBytes | None = None
    """Of a file that was counted: the same sum, exactly; None: ``activation_bytes`` is it."""

    def at_bf16(self) -> ModelWork:
        """Return the work of an f32 model at bf16: the same kernels, with activations of half the bytes."""
        return self.model_copy(update={"precision": "bf16", "activation_bytes": self.activation_bytes / 2})
