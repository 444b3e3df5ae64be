"""Random networks of kernels that architectures of convolutions, plain encoders and detectors lack.

Which kinds of kernel public architectures are built of, and how many of each, was counted
(docs/methods/this-machine.md). The blocks are those of ResNeXt (Xie et al. 2017), ShuffleNet (Zhang et al. 2018),
RegNet (Radosavovic et al. 2020), PVT (Wang et al. 2021), MobileViT (Mehta and Rastegari 2022), XCiT (El-Nouby et al.
2021) and ConvNeXt (Liu et al. 2022), with shapes drawn anew at every block.
"""

from __future__ import annotations

import math
import random

from .blocks import channel_shuffle, classify, feed_forward, inverted_residual, round8, squeeze_excite, tokens_of
from .builder import Net, Tensor

_GROUP_WIDTHS = (4, 8, 8, 16, 16, 24, 32, 64)
"""Channels per group: ResNeXt has 4 to 32, RegNet 8 to 64."""


def grouped_net(name: str, rng: random.Random) -> Net:
    """Describe grouped convolutions of all widths per group, at every stride and size of map."""
    side = rng.choice((160, 192, 224))
    net = Net(name, (1, 3, side, side))
    x = net.conv(net.input, rng.choice((24, 32)), 3, 2, act="relu")
    width = 48.0 * rng.choice((1.0, 1.5, 2.0))
    while min(x.shape[2:]) > 7:
        for stride in (2, 1, 1):
            x = _grouped_block(net, rng, x, round8(width), stride)
        width *= rng.choice((1.6, 2.0, 2.4))
    classify(net, x, 1000)
    return net


def _grouped_block(net: Net, rng: random.Random, x: Tensor, width: int, stride: int) -> Tensor:
    kind = rng.choice(("plain", "gated", "plain", "shuffled"))
    if kind == "shuffled":
        groups = rng.choice((2, 4))
        out = 8 * groups * max(1, round(width / (8 * groups)))
        x = x if x.shape[1] % (4 * groups) == 0 else net.conv(x, out, 1, act="relu")
        y = channel_shuffle(net, net.conv(x, out, 1, groups=groups, act="relu"), groups)
        y = net.conv(net.depthwise(y, 3, stride), out, 1, groups=groups)
        return net.act(net.add(x, y), "relu") if y.shape == x.shape else net.act(y, "relu")
    each = rng.choice(_GROUP_WIDTHS)
    inner = each * max(2, round(width / each))
    y = net.conv(x, inner, 1, act="relu")
    y = net.conv(y, inner, 3, stride, groups=inner // each, act="relu")
    if kind == "gated":
        y = squeeze_excite(net, y, round8(inner / 4), gate=rng.choice(("sigmoid", "hsigmoid")))
    y = net.conv(y, width, 1, gain=0.4)
    if stride != 1 or x.shape[1] != width:
        x = net.conv(x, width, 1, stride, pad=0)
    return net.act(net.add(x, y), "relu")


def pyramid_net(name: str, rng: random.Random) -> Net:
    """Describe stages of attention whose keys are fewer than its queries, with a depthwise convolution in between."""
    side = 32 * rng.choice((5, 6, 7))
    net = Net(name, (1, 3, side, side))
    width = 32 * rng.choice((1, 2))
    patch, stride = rng.choice(((7, 4), (4, 4)))
    x = net.conv(net.input, width, patch, stride, pad=(patch - stride + 1) // 2)
    for stage, reduction in enumerate((8, 4, 2, 1)):
        if stage:
            width = 32 * round(width * rng.choice((1.5, 2.0, 2.5)) / 32)
            kernel = rng.choice((3, 2))
            x = net.conv(x, width, kernel, 2, pad=(kernel - 1) // 2)
        size = x.shape[2:]
        tokens = net.layer_norm(tokens_of(net, x))
        for _ in range(2):
            heads = width // (64 if width % 64 == 0 and rng.random() < 0.5 else 32)
            y = net.layer_norm(tokens)
            keys = _reduced(net, rng, y, size, reduction)
            tokens = net.add(tokens, attention_to(net, y, keys, heads))
            tokens = net.add(tokens, _mixing_feed_forward(net, rng, net.layer_norm(tokens), size))
        x = maps_of(net, tokens, size)
    classify(net, x, 1000)
    return net


def _reduced(net: Net, rng: random.Random, tokens: Tensor, size: tuple[int, ...], reduction: int) -> Tensor:
    """Tokens of a map that is ``reduction`` times smaller: by a strided convolution, or by means and a 1x1 one."""
    if reduction == 1 or min(size) < 2 * reduction:
        return tokens
    maps = maps_of(net, tokens, size)
    if rng.random() < 0.6:
        maps = net.conv(maps, tokens.shape[2], reduction, reduction, pad=0)
    else:
        maps = net.conv(net.pool(maps, "average", reduction, reduction), tokens.shape[2], 1, act="gelu")
    return net.layer_norm(tokens_of(net, maps))


def _mixing_feed_forward(net: Net, rng: random.Random, tokens: Tensor, size: tuple[int, ...]) -> Tensor:
    hidden = tokens.shape[2] * rng.choice((2, 4, 4))
    if rng.random() < 0.5:
        return feed_forward(net, tokens, hidden)
    y = net.depthwise(maps_of(net, net.dense(tokens, hidden), size))
    return net.dense(net.act(tokens_of(net, y), "gelu"), tokens.shape[2], gain=0.4)


def vision_net(name: str, rng: random.Random) -> Net:
    """Describe vision transformers: plain ones, and encoders of unfolded patches between mobile blocks."""
    return _unfolded(name, rng) if rng.random() < 0.5 else _plain(name, rng)


def _plain(name: str, rng: random.Random) -> Net:
    patch = rng.choice((16, 16, 32))
    side = patch * rng.choice((7, 10, 12, 14))
    width = 64 * rng.choice((2, 3, 4, 6))
    net = Net(name, (1, 3, side, side))
    x = tokens_of(net, net.conv(net.input, width, patch, patch, pad=0))
    x = net.add_weight(x, (1, x.shape[1], width))
    for layer in range(6):
        if layer % 2 == 0 and layer:
            width = 64 * rng.choice((2, 3, 4, 5, 6))
            x = net.dense(x, width)
        heads = width // rng.choice((32, 64, 64))
        mixed = channel_attention if rng.random() < 0.25 else joint_attention
        x = net.add(x, _scaled(net, rng, mixed(net, net.layer_norm(x), heads)))
        x = net.add(x, _scaled(net, rng, feed_forward(net, net.layer_norm(x), width * rng.choice((2, 3, 4)))))
    x = net.node("ReduceMean", [net.layer_norm(x)], (1, width), axes=(1,), keepdims=0)
    net.output(net.dense(x, 1000))
    return net


def _scaled(net: Net, rng: random.Random, x: Tensor) -> Tensor:
    """Scale of a residual branch by channel, which some families learn."""
    if rng.random() < 0.7:
        return x
    return net.node("Mul", [x.name, net.weight((x.shape[-1],), 0.1, 0.5)], x.shape)


def _unfolded(name: str, rng: random.Random) -> Net:
    side = 32 * rng.choice((6, 7, 8))
    net = Net(name, (1, 3, side, side))
    x = net.conv(net.input, 16, 3, 2, act="silu")
    width = 32
    x = inverted_residual(net, x, 64, width, 3, 2, act="silu")
    for _ in range(3):
        width = round8(width * rng.choice((1.3, 1.6, 2.0)))
        x = inverted_residual(net, x, x.shape[1] * rng.choice((2, 4)), width, 3, 2, act="silu")
        if min(x.shape[2:]) % 2:
            continue
        inner = 24 * rng.choice((3, 4, 5, 6))
        y = net.conv(net.conv(x, width, 3, act="silu"), inner, 1)
        size = y.shape[2:]
        tokens = _unfold(net, y)
        for _ in range(2):
            tokens = net.add(tokens, joint_attention(net, net.layer_norm(tokens), 4))
            hidden = net.dense(net.layer_norm(tokens), 2 * inner, act=rng.choice(("silu", "gelu")))
            tokens = net.add(tokens, net.dense(hidden, inner, gain=0.4))
        y = net.conv(_fold(net, net.layer_norm(tokens), size), width, 1, act="silu")
        x = net.conv(net.concat([x, y]), width, 3, act="silu")
    classify(net, net.conv(x, 4 * width, 1, act="silu"), 1000)
    return net


def _unfold(net: Net, x: Tensor) -> Tensor:
    """[batch, channels, h, w] to [4 batch, h w / 4, channels]: the same pixel of all 2 x 2 patches."""
    channels, height, width = x.shape[1:]
    count = height * width // 4
    y = net.transpose(net.reshape(x, (-1, 2, width // 2, 2)), (0, 2, 1, 3))
    y = net.transpose(net.reshape(y, (-1, channels, count, 4)), (0, 3, 2, 1))
    return net.reshape(y, (-1, count, channels))


def _fold(net: Net, x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Undo :func:`_unfold`."""
    height, width = size
    count, channels = x.shape[1:]
    y = net.transpose(net.reshape(x, (-1, 4, count, channels)), (0, 3, 2, 1))
    y = net.transpose(net.reshape(y, (-1, width // 2, 2, 2)), (0, 2, 1, 3))
    return net.reshape(y, (-1, channels, height, width))


def normalised_net(name: str, rng: random.Random) -> Net:
    """Describe large depthwise convolutions, then layers over the channels of maps; some attend within windows."""
    side = 32 * rng.choice((5, 6, 7))
    net = Net(name, (1, 3, side, side))
    width = 8 * rng.choice((4, 5, 6, 8))
    x = net.conv(net.input, width, 4, 4, pad=0)
    for stage in range(4):
        if stage:
            x = _channels_first(net, net.layer_norm(_channels_last(net, x)))
            width = round8(width * rng.choice((1.5, 2.0)))
            x = net.conv(x, width, 2, 2, pad=0)
        for _ in range(2):
            x = _normalised_block(net, rng, x)
    classify(net, x, 1000)
    return net


def _normalised_block(net: Net, rng: random.Random, x: Tensor) -> Tensor:
    width, size = x.shape[1], x.shape[2:]
    window = next((n for n in (8, 7, 6, 5) if all(length % n == 0 and length > n for length in size)), None)
    if window is not None and rng.random() < 0.3:
        y = _windows(net, net.layer_norm(_channels_last(net, x)), window)
        y = joint_attention(net, y, max(1, width // 32) if width % 32 == 0 else 1)
        y = _channels_first(net, _unwindowed(net, y, size, window))
        return net.add(x, y)
    kernel: tuple[int, int] = rng.choice(((7, 7), (7, 7), (9, 9), (5, 5), (1, 11), (11, 1)))
    y = net.layer_norm(_channels_last(net, net.depthwise(x, kernel)))
    y = net.dense(
        net.dense(y, width * rng.choice((2, 3, 4)), act=rng.choice(("gelu", "gelu", "relu"))), width, gain=0.4
    )
    return net.add(x, _channels_first(net, _scaled(net, rng, y)))


def _channels_last(net: Net, x: Tensor) -> Tensor:
    return net.transpose(x, (0, 2, 3, 1))


def _channels_first(net: Net, x: Tensor) -> Tensor:
    return net.transpose(x, (0, 3, 1, 2))


def _windows(net: Net, x: Tensor, window: int) -> Tensor:
    """[batch, h, w, channels] to [windows, positions, channels]."""
    height, width, channels = x.shape[1:]
    y = net.reshape(x, (-1, height // window, window, width // window, window, channels))
    return net.reshape(net.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, window * window, channels))


def _unwindowed(net: Net, x: Tensor, size: tuple[int, ...], window: int) -> Tensor:
    """Undo :func:`_windows`."""
    (height, width), channels = size, x.shape[2]
    y = net.reshape(x, (-1, height // window, width // window, window, window, channels))
    return net.reshape(net.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, height, width, channels))


def maps_of(net: Net, tokens: Tensor, size: tuple[int, ...]) -> Tensor:
    """[batch, positions, channels] to [batch, channels, h, w]."""
    return net.reshape(net.transpose(tokens, (0, 2, 1)), (0, tokens.shape[2], *size))


def joint_attention(net: Net, x: Tensor, heads: int) -> Tensor:
    """Attention among [batch, tokens, width]; query, key and value are cut from one product of five axes."""
    q, k, v = _parts(net, x, heads, 3)
    return _attended(net, q, k, v, x.shape[2])


def attention_to(net: Net, x: Tensor, keys: Tensor, heads: int) -> Tensor:
    """Attention of [batch, tokens, width] to the tokens of ``keys``, which may be fewer."""
    tokens, width = x.shape[1:]
    q = net.reshape(net.dense(x, width), (0, tokens, heads, width // heads))
    k, v = _parts(net, keys, heads, 2)
    return _attended(net, net.transpose(q, (0, 2, 1, 3)), k, v, width)


def channel_attention(net: Net, x: Tensor, heads: int) -> Tensor:
    """Attention among the channels of each head instead of its tokens: products that no runtime fuses."""
    tokens, width = x.shape[1:]
    q, k, v = _parts(net, x, heads, 3)
    scores = net.softmax(net.matmul(net.transpose(net.scale(q, 1.0 / tokens), (0, 1, 3, 2)), k))
    y = net.matmul(v, scores)
    return net.dense(net.reshape(net.transpose(y, (0, 2, 1, 3)), (-1, tokens, width)), width, gain=0.4)


def _parts(net: Net, x: Tensor, heads: int, count: int) -> list[Tensor]:
    """One product cut into ``count`` tensors of [batch, heads, tokens, width / heads]."""
    tokens, width = x.shape[1:]
    each = width // heads
    y = net.reshape(net.dense(x, count * width), (0, tokens, count, heads, each))
    y = net.transpose(y, (2, 0, 3, 1, 4))
    return [net.reshape(net.slice(y, 0, i, i + 1), (-1, heads, tokens, each)) for i in range(count)]


def _attended(net: Net, q: Tensor, k: Tensor, v: Tensor, width: int) -> Tensor:
    tokens = q.shape[2]
    scores = net.matmul(net.scale(q, 1.0 / math.sqrt(q.shape[3])), net.transpose(k, (0, 1, 3, 2)))
    y = net.transpose(net.matmul(net.softmax(scores), v), (0, 2, 1, 3))
    return net.dense(net.reshape(y, (-1, tokens, width)), width, gain=0.4)
