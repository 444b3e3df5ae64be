"""A light graph that counts its own operations and parameters, and can be written as ONNX later.

Nothing heavy is made while a graph is described: a weight is a shape and a spread, a constant a recipe. That is what
lets the stand-in solver try hundreds of graphs in a fraction of a second (``standin.py``); ``onnx_file.py`` turns the
chosen one into a file.

Counting follows the published tables: two operations per multiply-add, convolutions and matrix products only; batch
normalisation is folded into the convolution's bias, as inference graphs have it. ``count.py`` counts the written file
again, independently.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.errors import ModelRangeError

# 1 / E[f(z)^2] for standard normal z: the factor by which weights' variance must exceed 1/fan_in for activations of
# constant size (He et al. 2015, section 2.2, gives 2 for ReLU; the others by numerical integration).
_VARIANCE_GAIN = {
    None: 1.0, "relu": 2.0, "relu6": 2.0, "leaky": 2.0, "prelu": 1.6, "silu": 2.8, "hswish": 2.9, "gelu": 2.35,
    "sigmoid": 1.0, "hsigmoid": 1.0, "tanh": 1.6, "elu": 1.55,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in the graph; ``shape`` is the one at batch 1."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One ONNX operator."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter tensor: uniform around ``mean`` with standard deviation ``std``."""

    shape: tuple[int, ...]
    std: float
    mean: float = 0.0


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that is no parameter (anchors, shapes, indices), made when the file is written."""

    make: Callable[[], Any]


@dataclass
class Net:
    """A graph under construction with one input.

    Parameters
    ----------
    name : str
        Name of the model; with each weight's name it seeds the weights.
    input_shape : tuple of int
        Shape of the input at batch 1.
    integer_below : int or None
        Not None: the input holds int64 token ids below this number.
    """

    name: str
    input_shape: tuple[int, ...]
    integer_below: int | None = None
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Weight] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    outputs: list[Tensor] = field(default_factory=list)
    tied: dict[str, list[str]] = field(default_factory=dict)
    """Parameters of convolutions that are used more than once, by the name that ties them."""
    macs: int = 0
    params: int = 0

    @property
    def input(self) -> Tensor:
        """The graph's only input."""
        return Tensor("input", self.input_shape)

    @property
    def gflops(self) -> float:
        """Operations of one inference at batch 1 in 1e9, two per multiply-add."""
        return 2e-9 * self.macs

    @property
    def mparams(self) -> float:
        """Parameters in 1e6."""
        return 1e-6 * self.params

    # -- the three primitives ------------------------------------------------------------------------------------

    def node(self, op: str, inputs: Sequence[Tensor | str], shape: tuple[int, ...], **attributes: Any) -> Tensor:
        """Append an operator with one output of ``shape`` (at batch 1)."""
        name = f"t{len(self.nodes)}"
        names = tuple(item if isinstance(item, str) else item.name for item in inputs)
        self.nodes.append(Node(op, names, (name,), attributes))
        return Tensor(name, shape)

    def weight(self, shape: tuple[int, ...], std: float, mean: float = 0.0) -> str:
        """Declare a parameter tensor and count it."""
        name = f"w{len(self.weights)}"
        self.weights[name] = Weight(shape, std, mean)
        self.params += math.prod(shape)
        return name

    def constant(self, make: Callable[[], Any]) -> str:
        """Declare a tensor that is no parameter."""
        name = f"c{len(self.constants)}"
        self.constants[name] = Constant(make)
        return name

    def integers(self, values: Sequence[int]) -> str:
        """Declare a constant int64 vector."""
        held = tuple(values)

        def make() -> Any:
            import numpy as np

            return np.asarray(held, dtype=np.int64)

        return self.constant(make)

    def scalar(self, value: float) -> str:
        """Declare a constant float32 scalar."""

        def make() -> Any:
            import numpy as np

            return np.asarray(value, dtype=np.float32)

        return self.constant(make)

    def output(self, x: Tensor) -> Tensor:
        """Declare an output of the graph."""
        self.outputs.append(x)
        return x

    # -- layers with weights -------------------------------------------------------------------------------------

    def conv(  # noqa: PLR0913 - the parameters of a convolution
        self,
        x: Tensor,
        out: int,
        kernel: int | Sequence[int] = 3,
        stride: int | Sequence[int] = 1,
        *,
        pad: int | Sequence[int] | None = None,
        groups: int = 1,
        dilation: int = 1,
        bias: bool = True,
        act: str | None = None,
        gain: float = 1.0,
        tie: str | None = None,
    ) -> Tensor:
        """Convolution over all spatial axes with folded normalisation; ``pad`` None keeps the size at stride 1.

        ``gain`` scales the branch: below 1 for the last layer of a residual branch, so that sums do not grow.
        Convolutions of one ``tie`` share their parameters, as heads do that run on several maps.
        """
        rank = len(x.shape) - 2
        size, step = _each(kernel, rank), _each(stride, rank)
        around = tuple(dilation * (k - 1) // 2 for k in size) if pad is None else _each(pad, rank)
        channels = x.shape[1]
        if channels % groups or out % groups:
            raise ModelRangeError(f"{self.name}: {channels} -> {out} channels cannot be split into {groups} groups")
        spatial = tuple(
            (n + 2 * p - dilation * (k - 1) - 1) // s + 1
            for n, p, k, s in zip(x.shape[2:], around, size, step, strict=True)
        )
        if min(spatial) < 1:
            raise ModelRangeError(f"{self.name}: a {size} kernel does not fit into {x.shape[2:]}")
        fan_in = channels // groups * math.prod(size)
        parameters = None if tie is None else self.tied.get(tie)
        if parameters is None:
            weight = self.weight((out, channels // groups, *size), gain * math.sqrt(_VARIANCE_GAIN[act] / fan_in))
            parameters = [weight, *([self.weight((out,), 0.05)] if bias else [])]
            if tie is not None:
                self.tied[tie] = parameters
        inputs = [x.name, *parameters]
        self.macs += math.prod(spatial) * out * fan_in
        y = self.node(
            "Conv", inputs, (x.shape[0], out, *spatial),
            kernel_shape=size, strides=step, pads=around + around, group=groups, dilations=(dilation,) * rank,
        )  # fmt: skip
        return self.act(y, act)

    def depthwise(
        self,
        x: Tensor,
        kernel: int | Sequence[int] = 3,
        stride: int | Sequence[int] = 1,
        *,
        act: str | None = None,
        dilation: int = 1,
        tie: str | None = None,
    ) -> Tensor:
        """Convolution of each channel by itself."""
        return self.conv(x, x.shape[1], kernel, stride, groups=x.shape[1], act=act, dilation=dilation, tie=tie)

    def deconv(self, x: Tensor, out: int, kernel: int = 2, stride: int = 2, *, act: str | None = None) -> Tensor:
        """Transposed convolution that multiplies the size by ``stride`` (kernel - stride must be even)."""
        rank = len(x.shape) - 2
        pad = (kernel - stride) // 2
        spatial = tuple((n - 1) * stride - 2 * pad + kernel for n in x.shape[2:])
        fan_in = x.shape[1] * kernel**rank / stride**rank
        weight = self.weight((x.shape[1], out, *(kernel,) * rank), math.sqrt(_VARIANCE_GAIN[act] / fan_in))
        self.macs += math.prod(x.shape[1:]) * out * kernel**rank
        y = self.node(
            "ConvTranspose", [x.name, weight, self.weight((out,), 0.05)], (x.shape[0], out, *spatial),
            kernel_shape=(kernel,) * rank, strides=(stride,) * rank, pads=(pad,) * (2 * rank),
        )  # fmt: skip
        return self.act(y, act)

    def dense(self, x: Tensor, out: int, *, bias: bool = True, act: str | None = None, gain: float = 1.0) -> Tensor:
        """Fully connected layer over the last axis."""
        fan_in = x.shape[-1]
        std = gain * math.sqrt(_VARIANCE_GAIN[act] / fan_in)
        self.macs += math.prod(x.shape) * out
        shape = (*x.shape[:-1], out)
        if len(x.shape) == 2:
            inputs = [x.name, self.weight((out, fan_in), std)] + ([self.weight((out,), 0.05)] if bias else [])
            return self.act(self.node("Gemm", inputs, shape, transB=1), act)
        y = self.node("MatMul", [x.name, self.weight((fan_in, out), std)], shape)
        if bias:
            y = self.node("Add", [y.name, self.weight((out,), 0.05)], shape)
        return self.act(y, act)

    def affine(self, x: Tensor) -> Tensor:
        """Scale and shift of each channel: a batch normalisation that no convolution can take in."""
        shape = (x.shape[1], *(1,) * (len(x.shape) - 2))
        y = self.node("Mul", [x.name, self.weight(shape, 0.1, 1.0)], x.shape)
        return self.node("Add", [y.name, self.weight(shape, 0.05)], x.shape)

    def layer_norm(self, x: Tensor) -> Tensor:
        """Normalisation over the last axis with scale and shift."""
        width = (x.shape[-1],)
        inputs = [x.name, self.weight(width, 0.1, 1.0), self.weight(width, 0.05)]
        return self.node("LayerNormalization", inputs, x.shape, axis=-1, epsilon=1e-5)

    def instance_norm(self, x: Tensor) -> Tensor:
        """Normalisation of each channel over its own positions, with scale and shift."""
        width = (x.shape[1],)
        return self.node("InstanceNormalization", [x.name, self.weight(width, 0.1, 1.0), self.weight(width, 0.05)],
                         x.shape, epsilon=1e-5)  # fmt: skip

    def recurrent(self, x: Tensor, hidden: int) -> Tensor:
        """Bidirectional LSTM over axis 1 of [batch, steps, width]; both directions side by side."""
        batch, steps, width = x.shape
        gates = 4 * hidden
        inputs = [
            self.transpose(x, (1, 0, 2)).name, self.weight((2, gates, width), math.sqrt(1.0 / width)),
            self.weight((2, gates, hidden), math.sqrt(1.0 / hidden)), self.weight((2, 2 * gates), 0.05),
        ]  # fmt: skip
        self.macs += 2 * steps * gates * (width + hidden)
        y = self.node("LSTM", inputs, (steps, 2, batch, hidden), hidden_size=hidden, direction="bidirectional")
        return self.reshape(self.transpose(y, (2, 0, 1, 3)), (0, steps, 2 * hidden))

    def embedding(self, ids: Tensor, rows: int, width: int) -> Tensor:
        """Look up token ids in a table."""
        return self.node("Gather", [self.weight((rows, width), 1.0), ids.name], (*ids.shape, width), axis=0)

    def add_weight(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Add a learned tensor that is broadcast over the batch (positions, relative bias)."""
        return self.node("Add", [x.name, self.weight(shape, 0.5)], x.shape)

    # -- layers without weights ----------------------------------------------------------------------------------

    def act(self, x: Tensor, kind: str | None) -> Tensor:
        """Apply an activation; None returns ``x``."""
        simple = {"relu": "Relu", "sigmoid": "Sigmoid", "hswish": "HardSwish", "tanh": "Tanh", "elu": "Elu"}
        if kind is None:
            return x
        if kind in simple:
            return self.node(simple[kind], [x], x.shape)
        if kind == "relu6":
            return self.node("Clip", [x.name, self.scalar(0.0), self.scalar(6.0)], x.shape)
        if kind == "leaky":
            return self.node("LeakyRelu", [x], x.shape, alpha=0.1)
        if kind == "hsigmoid":
            return self.node("HardSigmoid", [x], x.shape, alpha=1.0 / 6.0, beta=0.5)
        if kind == "prelu":
            slope = self.weight((x.shape[1], *(1,) * (len(x.shape) - 2)), 0.05, 0.25)
            return self.node("PRelu", [x.name, slope], x.shape)
        if kind == "silu":
            return self.node("Mul", [x, self.node("Sigmoid", [x], x.shape)], x.shape)
        if kind == "gelu":
            # Spelt with Erf as both runtimes know it since long; each fuses the five operators into one.
            half = self.node("Div", [x.name, self.scalar(math.sqrt(2.0))], x.shape)
            one = self.node("Add", [self.node("Erf", [half], x.shape).name, self.scalar(1.0)], x.shape)
            return self.node("Mul", [self.node("Mul", [x, one], x.shape).name, self.scalar(0.5)], x.shape)
        raise ModelRangeError(f"{self.name}: unknown activation {kind!r}")

    def add(self, a: Tensor, b: Tensor) -> Tensor:
        """Sum of two tensors of one shape."""
        return self.node("Add", [a, b], a.shape)

    def mul(self, a: Tensor, b: Tensor) -> Tensor:
        """Product; ``b`` may be broadcast."""
        return self.node("Mul", [a, b], a.shape)

    def scale(self, x: Tensor, factor: float) -> Tensor:
        """Multiply by a constant."""
        return self.node("Mul", [x.name, self.scalar(factor)], x.shape)

    def matmul(self, a: Tensor, b: Tensor) -> Tensor:
        """Matrix product over the last two axes."""
        shape = (*a.shape[:-1], b.shape[-1])
        self.macs += math.prod(a.shape) * b.shape[-1]
        return self.node("MatMul", [a, b], shape)

    def concat(self, parts: Sequence[Tensor], axis: int = 1) -> Tensor:
        """Join along ``axis``."""
        if len(parts) == 1:
            return parts[0]
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self.node("Concat", list(parts), tuple(shape), axis=axis)

    def pool(
        self, x: Tensor, kind: str, kernel: int, stride: int | Sequence[int], pad: int = 0, *, ceil: bool = False
    ) -> Tensor:
        """``max`` or ``average`` pooling."""
        rank = len(x.shape) - 2
        step = _each(stride, rank)
        size = tuple(min(kernel, n + 2 * pad) for n in x.shape[2:])
        extra = [s - 1 if ceil else 0 for s in step]
        spatial = tuple(
            (n + 2 * pad - k + e) // s + 1 for n, k, s, e in zip(x.shape[2:], size, step, extra, strict=True)
        )
        attributes: dict[str, Any] = {
            "kernel_shape": size, "strides": step, "pads": (pad,) * (2 * rank), "ceil_mode": int(ceil),
        }  # fmt: skip
        return self.node(
            {"max": "MaxPool", "average": "AveragePool"}[kind], [x], (*x.shape[:2], *spatial), **attributes
        )

    def global_pool(self, x: Tensor, *, flat: bool = True) -> Tensor:
        """Mean over all positions; ``flat`` drops the spatial axes."""
        y = self.node("GlobalAveragePool", [x], (*x.shape[:2], *(1,) * (len(x.shape) - 2)))
        return self.reshape(y, (0, x.shape[1])) if flat else y

    def reshape(self, x: Tensor, dims: Sequence[int]) -> Tensor:
        """Reshape; 0 copies the axis, -1 is what remains, so that any batch passes."""
        known = [x.shape[i] if d == 0 else d for i, d in enumerate(dims)]
        total = math.prod(x.shape)
        shape = tuple(total // math.prod(d for d in known if d != -1) if d == -1 else d for d in known)
        if math.prod(shape) != total:
            raise ModelRangeError(f"{self.name}: {x.shape} cannot be reshaped to {tuple(dims)}")
        return self.node("Reshape", [x.name, self.integers(dims)], shape)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """Permute the axes."""
        return self.node("Transpose", [x], tuple(x.shape[i] for i in order), perm=tuple(order))

    def slice(self, x: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
        """Take positions ``start`` to ``stop`` of an axis."""
        shape = list(x.shape)
        shape[axis] = (stop - start + step - 1) // step
        bounds = [self.integers([value]) for value in (start, stop, axis, step)]
        return self.node("Slice", [x.name, *bounds], tuple(shape))

    def softmax(self, x: Tensor, axis: int = -1) -> Tensor:
        """Softmax along an axis."""
        return self.node("Softmax", [x], x.shape, axis=axis)

    def resize(self, x: Tensor, size: Sequence[int], mode: str = "nearest") -> Tensor:
        """Resize the spatial axes to ``size`` (``nearest`` or ``linear``)."""
        factors = [1.0, 1.0] + [new / old for new, old in zip(size, x.shape[2:], strict=True)]

        def make() -> Any:
            import numpy as np

            # float32 must not round the product below the wanted size, which is floored.
            exact = np.asarray(factors, dtype=np.float32)
            return np.where(exact.astype(np.float64) < factors, np.nextafter(exact, np.float32(np.inf)), exact)

        how: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": "asymmetric"}
        if mode == "nearest":
            how["nearest_mode"] = "floor"
        return self.node("Resize", [x.name, "", self.constant(make)], (*x.shape[:2], *size), **how)


def _each(value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Repeat a number for each spatial axis, or check the given ones."""
    if isinstance(value, int):
        return (value,) * rank
    if len(value) != rank:
        raise ModelRangeError(f"{tuple(value)} does not fit {rank} spatial axes")
    return tuple(value)
