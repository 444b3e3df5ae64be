"""Building blocks that several families share."""

from __future__ import annotations

import math
from collections.abc import Callable

from .builder import Net, Tensor

BRANCH_GAIN = 0.4
"""Weight gain at the end of a residual branch: keeps the sum's variance from doubling with each block."""


def round8(channels: float, floor: int = 8) -> int:
    """Round to the next multiple of 8, never below 90 % of the wish (the rule of MobileNet's reference code)."""
    rounded = max(floor, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def squeeze_excite(net: Net, x: Tensor, squeezed: int, inner: str = "relu", gate: str = "sigmoid") -> Tensor:
    """Weigh channels by a small net on their means (Hu et al. 2018)."""
    y = net.global_pool(x, flat=False)
    y = net.conv(y, squeezed, 1, act=inner)
    return net.mul(x, net.act(net.conv(y, x.shape[1], 1), gate))


def basic_residual(net: Net, x: Tensor, out: int, stride: int = 1, act: str = "relu") -> Tensor:
    """Two convolutions with a shortcut (He et al. 2016)."""
    y = net.conv(x, out, 3, stride, act=act)
    y = net.conv(y, out, 3, gain=BRANCH_GAIN)
    if stride != 1 or x.shape[1] != out:
        x = net.conv(x, out, 1, stride, pad=0)
    return net.act(net.add(x, y), act)


def bottleneck(net: Net, x: Tensor, out: int, stride: int = 1, width: int | None = None, groups: int = 1) -> Tensor:
    """1x1, 3x3 and 1x1 convolution with a shortcut; the stride is in the 3x3 one."""
    inner = out // 4 if width is None else width
    y = net.conv(x, inner, 1, act="relu")
    y = net.conv(y, inner, 3, stride, groups=groups, act="relu")
    y = net.conv(y, out, 1, gain=BRANCH_GAIN)
    if stride != 1 or x.shape[1] != out:
        x = net.conv(x, out, 1, stride, pad=0)
    return net.act(net.add(x, y), "relu")


def inverted_residual(  # noqa: PLR0913 - the parameters of a block
    net: Net,
    x: Tensor,
    expanded: int,
    out: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    act: str = "relu6",
    squeezed: int | None = None,
    se_inner: str = "relu",
    se_gate: str = "sigmoid",
) -> Tensor:
    """1x1 expansion, depthwise convolution, optional squeeze-and-excite, linear 1x1 projection."""
    y = x if expanded == x.shape[1] else net.conv(x, expanded, 1, act=act)
    y = net.depthwise(y, kernel, stride, act=act)
    if squeezed is not None:
        y = squeeze_excite(net, y, squeezed, se_inner, se_gate)
    same = stride == 1 and x.shape[1] == out
    y = net.conv(y, out, 1, gain=BRANCH_GAIN if same else 1.0)
    return net.add(x, y) if same else y


def reduced_residual(net: Net, x: Tensor, out: int, stride: int = 1) -> Tensor:
    """RMNet's block (Izutov 2018): 1x1 to a quarter, depthwise 3x3, 1x1 back; the shortcut is pooled and projected."""
    inner = max(1, out // 4)
    y = net.conv(x, inner, 1, act="leaky")
    y = net.depthwise(y, 3, stride, act="leaky")
    y = net.conv(y, out, 1, gain=BRANCH_GAIN)
    if stride != 1:
        x = net.pool(x, "max", 3, stride, 1)
    if x.shape[1] != out:
        x = net.conv(x, out, 1)
    return net.act(net.add(x, y), "leaky")


def rectified_pair(net: Net, x: Tensor) -> Tensor:
    """A map beside its negative, the first half of concatenated ReLU (Shang et al. 2016)."""
    return net.concat([x, net.scale(x, -1.0)])


def fire(net: Net, x: Tensor, squeezed: int, expanded: int, stride: int = 1) -> Tensor:
    """SqueezeNet's module (Iandola et al. 2016): 1x1 convolution, then 1x1 and 3x3 side by side, joined."""
    y = net.conv(x, squeezed, 1, stride, act="relu")
    return net.concat([net.conv(y, expanded, 1, act="relu"), net.conv(y, expanded, 3, act="relu")])


def separable(
    net: Net, x: Tensor, out: int, stride: int = 1, act: str = "relu", kernel: int = 3, dilation: int = 1
) -> Tensor:
    """Depthwise then 1x1 convolution (MobileNet-v1)."""
    y = net.depthwise(x, kernel, stride, act=act, dilation=dilation)
    return net.conv(y, out, 1, act=act)


def light_conv(net: Net, x: Tensor, out: int) -> Tensor:
    """1x1 then depthwise convolution: the "lite 3x3" of OSNet (Zhou et al. 2019)."""
    return net.depthwise(net.conv(x, out, 1), act="relu")


def omni_scale(net: Net, x: Tensor, out: int) -> Tensor:
    """OSNet's block: parallel chains of one to four light convolutions, gated and summed, with a shortcut."""
    inner = max(8, out // 4)
    y = net.conv(x, inner, 1, act="relu")
    total: Tensor | None = None
    for depth in range(1, 5):
        z = y
        for _ in range(depth):
            z = light_conv(net, z, inner)
        z = squeeze_excite(net, z, max(8, inner // 16))
        total = z if total is None else net.add(total, z)
    assert total is not None
    y = net.conv(total, out, 1, gain=BRANCH_GAIN)
    if x.shape[1] != out:
        x = net.conv(x, out, 1)
    return net.act(net.add(x, y), "relu")


def csp(
    net: Net, x: Tensor, out: int, repeats: int, *, shortcut: bool = True, light: bool = False, first: int = 1
) -> Tensor:
    """Cross-stage partial block with three 1x1 convolutions around residual bottlenecks (YOLOv5's C3).

    ``light`` puts a depthwise 3x3 and a 1x1 convolution in the place of each 3x3 one; ``first`` is the size of the
    first convolution of a bottleneck.
    """
    half = out // 2
    gain = BRANCH_GAIN if shortcut else 1.0
    y = net.conv(x, half, 1, act="silu")
    for _ in range(repeats):
        z = net.conv(y, half, first, act="silu")
        z = net.conv(net.depthwise(z, act="silu") if light else z, half, 1 if light else 3, act="silu", gain=gain)
        y = net.add(y, z) if shortcut else z
    skip = net.conv(x, half, 1, act="silu")
    return net.conv(net.concat([y, skip]), out, 1, act="silu")


def pyramid_pool(net: Net, x: Tensor, out: int) -> Tensor:
    """Fast spatial pyramid pooling (YOLOv5's SPPF)."""
    parts = [net.conv(x, x.shape[1] // 2, 1, act="silu")]
    for _ in range(3):
        parts.append(net.pool(parts[-1], "max", 5, 1, 2))
    return net.conv(net.concat(parts), out, 1, act="silu")


def channel_shuffle(net: Net, x: Tensor, groups: int = 2) -> Tensor:
    """Interleave the channels of ``groups`` (ShuffleNet)."""
    channels, height, width = x.shape[1:]
    y = net.reshape(x, (0, groups, channels // groups, height * width))
    y = net.transpose(y, (0, 2, 1, 3))
    return net.reshape(y, (0, channels, height, width))


def self_attention(net: Net, x: Tensor, heads: int, bias: tuple[int, ...] | None = None) -> Tensor:
    """Multi-head attention over axis 1 of [batch, tokens, width]; ``bias`` is the shape of a learned score bias.

    Query, key and value are one product, as inference graphs have it.
    """
    tokens, width = x.shape[1:]
    each = width // heads
    qkv = net.reshape(net.dense(x, 3 * width), (0, tokens, 3 * heads, each))
    qkv = net.transpose(qkv, (0, 2, 1, 3))
    q, k, v = (net.slice(qkv, 1, i * heads, (i + 1) * heads) for i in range(3))
    scores = net.matmul(net.scale(q, 1.0 / math.sqrt(each)), net.transpose(k, (0, 1, 3, 2)))
    if bias is not None:
        scores = net.add_weight(scores, bias)
    y = net.matmul(net.softmax(scores), v)
    y = net.reshape(net.transpose(y, (0, 2, 1, 3)), (0, tokens, width))
    return net.dense(y, width, gain=BRANCH_GAIN)


def feed_forward(net: Net, x: Tensor, hidden: int) -> Tensor:
    """Two dense layers with GELU between."""
    return net.dense(net.dense(x, hidden, act="gelu"), x.shape[-1], gain=BRANCH_GAIN)


def encoder_layer(net: Net, x: Tensor, heads: int, hidden: int, *, norm_first: bool = True) -> Tensor:
    """Transformer layer; ``norm_first`` as in ViT, else normalisation after each sum as in BERT."""
    if norm_first:
        x = net.add(x, self_attention(net, net.layer_norm(x), heads))
        return net.add(x, feed_forward(net, net.layer_norm(x), hidden))
    x = net.layer_norm(net.add(x, self_attention(net, x, heads)))
    return net.layer_norm(net.add(x, feed_forward(net, x, hidden)))


def tokens_of(net: Net, x: Tensor) -> Tensor:
    """[batch, channels, spatial...] to [batch, positions, channels]."""
    y = net.reshape(x, (0, x.shape[1], -1))
    return net.transpose(y, (0, 2, 1))


def classify(net: Net, x: Tensor, classes: int) -> Tensor:
    """Global mean and one dense layer."""
    return net.output(net.dense(net.global_pool(x), classes))


Layer = Callable[[Net, Tensor, int, int], Tensor]
"""(net, input, output channels, stride) -> output."""
