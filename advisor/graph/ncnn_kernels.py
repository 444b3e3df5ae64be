"""Kernels of ncnn: its ``.param`` file for layers and weights, the blobs of one pass for shapes.

ncnn fuses at conversion, so every layer of the file is a kernel. Parameters have numbers for names; those used here are
documented in ncnn's ``docs/developer-guide/operators.md``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.records.model import Kernel, KernelType

Shape = tuple[int, ...]
_MAGIC = "7767517"
_NO_KERNELS = frozenset({"Input", "Split", "Noop", "Reshape", "Flatten", "Squeeze", "ExpandDims", "Dropout"})
_CONVOLUTIONS = frozenset(
    {"Convolution", "ConvolutionDepthWise", "Convolution1D", "ConvolutionDepthWise1D", "Convolution3D",
     "ConvolutionDepthWise3D"}
)  # fmt: skip
_DECONVOLUTIONS = frozenset({"Deconvolution", "DeconvolutionDepthWise", "Deconvolution1D", "DeconvolutionDepthWise1D"})
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
_TYPES: dict[str, KernelType] = {
    **dict.fromkeys(_DECONVOLUTIONS, "deconv"), **dict.fromkeys(_GATES, "rnn"),
    "InnerProduct": "fc", "Gemm": "fc", "MatMul": "matmul", "MultiHeadAttention": "attention", "SDPA": "attention",
    "Pooling": "pool", "Pooling1D": "pool", "Softmax": "softmax", "Reduction": "reduce", "CumulativeSum": "reduce",
    "LayerNorm": "norm", "BatchNorm": "norm", "GroupNorm": "norm", "InstanceNorm": "norm", "RMSNorm": "norm",
    "LRN": "norm", "Normalize": "norm", "Concat": "concat", "Slice": "concat", "Crop": "concat", "Padding": "concat",
    "Tile": "concat", "Permute": "reorder", "Packing": "reorder", "PixelShuffle": "reorder", "Reorg": "reorder",
    "ShuffleChannel": "reorder", "Unfold": "reorder", "Fold": "reorder", "Interp": "resize", "GridSample": "resize",
    "Embed": "gather", "Cast": "convert", "Quantize": "convert", "Dequantize": "convert", "Requantize": "convert",
    "DetectionOutput": "detection", "PriorBox": "detection", "ROIAlign": "detection", "Proposal": "detection",
    "DeformableConv2D": "conv",
    **dict.fromkeys(
        ("BinaryOp", "UnaryOp", "Eltwise", "ReLU", "PReLU", "Sigmoid", "TanH", "Swish", "HardSwish", "HardSigmoid",
         "Clip", "ELU", "SELU", "CELU", "GELU", "Mish", "Softplus", "Scale", "Bias", "Power", "Exp", "Log", "AbsVal",
         "GLU", "Erf", "Shrink"), "eltwise"
    ),
}  # fmt: skip
_BYTES = 4.0
"""Width of a value: the runtime runs ncnn in f32 alone."""


@dataclass(frozen=True)
class Layer:
    """One line of a ``.param`` file."""

    kind: str
    name: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    parameters: Mapping[int, str]

    def integer(self, number: int, default: int = 0) -> int:
        """Return a parameter that is a whole number."""
        return int(float(self.parameters.get(number, default)))


def read_layers(text: str) -> tuple[Layer, ...]:
    """Take a ``.param`` file apart.

    Raises
    ------
    ValueError
        It is none, or cut short.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or lines[0] != [_MAGIC]:
        raise ValueError(f"does not begin with ncnn's {_MAGIC}")
    layers = []
    for words in lines[2:]:
        first, second = int(words[2]), int(words[3])
        pairs = (word.split("=", 1) for word in words[4 + first + second :])
        layers.append(
            Layer(
                words[0],
                words[1],
                tuple(words[4 : 4 + first]),
                tuple(words[4 + first : 4 + first + second]),
                {int(key): value for key, value in pairs},
            )
        )
    if len(layers) != int(lines[1][0]):
        raise ValueError(f"holds {len(layers)} of {lines[1][0]} layers")
    return tuple(layers)


def is_kernel(layer: Layer) -> bool:
    """Say whether a layer computes; inputs, copies of references and views do not."""
    return layer.kind not in _NO_KERNELS


def ncnn_kernels(layers: Sequence[Layer], shapes: Mapping[str, Shape], batch: int, suffix: str) -> tuple[Kernel, ...]:
    """List the kernels of a network in order of execution.

    Parameters
    ----------
    layers
        From :func:`read_layers`.
    shapes
        Shape of each blob without batch, outermost dimension first.
    batch
        Inputs of a pass, which ncnn runs one after the other.
    suffix
        Of the implementation: where the layers run.
    """
    kernels = []
    for layer in filter(is_kernel, layers):
        data = [shapes.get(name, ()) for name in layer.bottoms]
        out = [shapes.get(name, ()) for name in layer.tops]
        groups = max(1, layer.integer(7, 1)) if layer.kind in _CONVOLUTIONS | _DECONVOLUTIONS else 1
        wide, high = layer.integer(1), layer.integer(11, layer.integer(1))
        step = layer.integer(3, 1)
        kernels.append(
            Kernel(
                name=layer.name,
                type=_type(layer, groups),
                original_type=layer.kind,
                flop=batch * _flop(layer, data, out),
                input_bytes=batch * _BYTES * sum(map(math.prod, data)),
                output_bytes=batch * _BYTES * sum(map(math.prod, out)),
                weight_bytes=_BYTES * _weights(layer),
                precision="f32",
                implementation=f"ncnn_{layer.kind}_{suffix}",
                input_shape=(batch, *data[0]) if data else (),
                output_shape=(batch, *out[0]) if out else (),
                kernel_size=(high, wide) if layer.kind in _CONVOLUTIONS | _DECONVOLUTIONS else (),
                strides=(layer.integer(13, step), step) if layer.kind in _CONVOLUTIONS else (),
                groups=groups,
            )
        )
    return tuple(kernels)


def peak_bytes(layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> float:
    """Largest sum of live blobs during the pass of one input, each held until its last reader has run [B]."""
    last = {name: at for at, layer in enumerate(layers) for name in layer.bottoms}
    live = most = 0.0
    held: dict[str, float] = {}
    for at, layer in enumerate(layers):
        if is_kernel(layer) or layer.kind == "Input":
            for name in layer.tops:
                held[name] = _BYTES * math.prod(shapes.get(name, (0,)))
                live += held[name]
        most = max(most, live)
        for name in [name for name in held if last.get(name, len(layers)) <= at]:
            live -= held.pop(name)
    return most


def _type(layer: Layer, groups: int) -> KernelType:
    if layer.kind in _CONVOLUTIONS:
        if groups == 1:
            return "conv"
        return "dwconv" if groups == layer.integer(0) else "groupconv"
    return _TYPES.get(layer.kind, "other")


def _weights(layer: Layer) -> int:
    """Constants of a layer with its bias [values]."""
    if layer.kind in _CONVOLUTIONS | _DECONVOLUTIONS:
        return layer.integer(6) + layer.integer(5) * layer.integer(0)
    if layer.kind == "InnerProduct":
        return layer.integer(2) + layer.integer(1) * layer.integer(0)
    if layer.kind == "Gemm":
        constants = layer.integer(5) * layer.integer(8) * layer.integer(9)
        return constants + layer.integer(4) * layer.integer(7) * layer.integer(9)
    if layer.kind in _GATES:
        return layer.integer(1) + _hidden_weights(layer)
    return 0


def _hidden_weights(layer: Layer) -> int:
    directions = 2 if layer.integer(2) == 2 else 1
    return directions * _GATES[layer.kind] * layer.integer(0) * layer.integer(3, layer.integer(0))


def _flop(layer: Layer, data: Sequence[Shape], out: Sequence[Shape]) -> float:
    """Operations of one input, two per multiply-add; dense products only, as in :mod:`.flops` [FLOP]."""
    result = out[0] if out else ()
    given = data[0] if data else ()
    if layer.kind in _CONVOLUTIONS:  # every weight meets every output position once
        return 2.0 * math.prod(result[1:]) * layer.integer(6)
    if layer.kind in _DECONVOLUTIONS:
        return 2.0 * math.prod(given[1:]) * layer.integer(6)
    if layer.kind == "InnerProduct":
        return 2.0 * layer.integer(2) * (math.prod(given[:-1]) if len(given) == 2 else 1)
    if layer.kind == "Gemm":
        inner = layer.integer(9) or (given[0] if layer.integer(2) else given[-1] if given else 0)
        return 2.0 * math.prod(result) * inner
    if layer.kind == "MatMul":
        return 2.0 * math.prod(result) * (given[-1] if given else 0)
    if layer.kind == "SDPA" and len(data) > 1:  # query x key, then scores x value
        return 2.0 * math.prod(given) * data[1][-2] + 2.0 * math.prod(result) * data[1][-2]
    if layer.kind == "MultiHeadAttention" and len(given) == 2:
        length, width = given  # four projections, scores, weighted values
        return 8.0 * length * width * layer.integer(0) + 4.0 * length * length * layer.integer(0)
    if layer.kind in _GATES and given:
        return 2.0 * given[0] * (layer.integer(1) + _hidden_weights(layer))
    return 0.0
