"""Random networks: many kernels of different shape in little time, for learning what a machine's kernels cost.

A published architecture repeats few shapes; these draw theirs anew at every block, so that a model of kernel times sees
the space between the architectures. ``random:N`` is the same network on every machine. Idea of training on sampled
kernels: nn-Meter (Zhang et al. 2021, https://doi.org/10.1145/3458864.3467882).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from advisor.zoo.families.vit import merge_patches, window_attention

from .blocks import (
    basic_residual,
    bottleneck,
    channel_shuffle,
    classify,
    csp,
    encoder_layer,
    inverted_residual,
    pyramid_pool,
    round8,
    separable,
    squeeze_excite,
    tokens_of,
)
from .builder import Net, Tensor
from .random_blocks import grouped_net, normalised_net, pyramid_net, vision_net

_ACTS = ("relu", "relu6", "silu", "hswish", "leaky", None)
_BLOCK_MACS = (4e6, 9e7)
"""A block's multiply-adds are drawn from this range on a logarithmic scale: 0.1 to 2 ms on one core."""
_WORDS = 4000


_LATER = 100
"""First number of the families that were added for kernels that the first four lack: those keep their networks."""


def random_net(number: int) -> Net:
    """Describe network ``number``.

    Below 100 dense convolutions, mobile blocks, token mixers or maps of detectors, in turns; from 100 on grouped
    convolutions, pyramids of attention to fewer keys, vision transformers or normalised maps.
    """
    rng = random.Random(f"sizer/{number}")
    first: tuple[Callable[[str, random.Random], Net], ...] = (_dense, _mobile, _tokens, _maps)
    later: tuple[Callable[[str, random.Random], Net], ...] = (grouped_net, pyramid_net, vision_net, normalised_net)
    kinds = first if number < _LATER else later
    return kinds[number % len(kinds)](f"random:{number}", rng)


def _log_uniform(rng: random.Random, low: float, high: float) -> float:
    return float(low * (high / low) ** rng.random())


def _width(rng: random.Random, x: Tensor, macs_per_pair: float, high: int = 1024) -> int:
    """Channels with which a block of ``macs_per_pair`` multiply-adds per pair of channels and position costs a draw."""
    positions = x.shape[2] * x.shape[3]
    wanted = _log_uniform(rng, *_BLOCK_MACS) / (positions * macs_per_pair)
    return min(high, max(16, round8(wanted / x.shape[1])))


def _stem(net: Net, rng: random.Random) -> Tensor:
    kernel = rng.choice((3, 3, 5, 7))
    return net.conv(net.input, round8(_log_uniform(rng, 12, 64)), kernel, 2, act=rng.choice(_ACTS))


def _picture(rng: random.Random, sides: tuple[int, ...]) -> tuple[int, int, int, int]:
    height = rng.choice(sides)
    return 1, 3, height, height if rng.random() < 0.6 else 32 * round(height * 1.6 / 32)


def _dense(name: str, rng: random.Random) -> Net:
    net = Net(name, _picture(rng, (160, 192, 224, 256, 320)))
    x = net.pool(_stem(net, rng), "max", 3, 2, 1)
    while min(x.shape[2:]) >= 7:
        for block in range(3):
            x = _dense_block(net, rng, x, 2 if block == 0 and min(x.shape[2:]) > 7 else 1)
        if min(x.shape[2:]) <= 7:
            break
    classify(net, x, rng.choice((10, 100, 1000)))
    return net


def _dense_block(net: Net, rng: random.Random, x: Tensor, stride: int) -> Tensor:
    act = rng.choice(_ACTS)
    kind = rng.choice(("plain", "residual", "bottleneck", "grouped", "growth", "mixed", "point"))
    if kind == "plain":
        kernel: int | tuple[int, int] = rng.choice((3, 3, 5, (1, 7), (7, 1), (1, 3)))
        area = kernel**2 if isinstance(kernel, int) else kernel[0] * kernel[1]
        return net.conv(x, _width(rng, x, area / stride**2), kernel, stride, act=act)
    if kind == "residual":
        return basic_residual(net, x, _width(rng, x, 18 / stride**2, high=512), stride, act=act or "relu")
    if kind == "bottleneck":
        return bottleneck(net, x, 4 * round8(_width(rng, x, 2.0) / 4, floor=8), stride)
    if kind == "grouped":
        out = 32 * max(1, _width(rng, x, 1.5) // 32)
        return bottleneck(net, x, out, stride, width=max(32, out // 2), groups=rng.choice((2, 4, 8)))
    if kind == "growth":  # a densely connected layer: narrow output joined to its input
        y = net.conv(net.act(net.affine(x), "relu"), 4 * rng.choice((16, 24, 32)), 1, act="relu")
        y = net.concat([x, net.conv(y, rng.choice((16, 24, 32, 48)), 3)])
        return net.pool(y, "average", 2, 2) if stride == 2 else y
    if kind == "mixed":
        parts = [net.conv(x, round8(_width(rng, x, 4) * share), 1, act=act) for share in (0.4, 0.3)]
        parts[1] = net.conv(parts[1], round8(parts[1].shape[1] * 1.3), rng.choice((3, 5)), act=act)
        parts.append(net.conv(net.pool(x, rng.choice(("max", "average")), 3, 1, 1), 32, 1, act=act))
        y = net.concat(parts)
        return net.pool(y, "max", 3, 2, 1) if stride == 2 else y
    y = net.conv(x, _width(rng, x, 1.0), 1, act=act)
    return net.pool(y, "max", 2, 2) if stride == 2 else y


def _mobile(name: str, rng: random.Random) -> Net:
    net = Net(name, _picture(rng, (160, 192, 224, 256, 300, 320)))
    x = _stem(net, rng)
    while True:
        for block in range(4):
            x = _mobile_block(net, rng, x, 2 if block == 0 else 1)
        if min(x.shape[2:]) <= 7:
            break
    classify(net, x, rng.choice((10, 100, 1000)))
    return net


def _mobile_block(net: Net, rng: random.Random, x: Tensor, stride: int) -> Tensor:
    act, kernel = rng.choice(("relu6", "hswish", "relu", "silu")), rng.choice((3, 3, 5, 7))
    kind = rng.choice(("inverted", "inverted", "gated", "separable", "shuffle"))
    if kind == "shuffle" and x.shape[1] % 16 == 0 and stride == 1:
        half = x.shape[1] // 2
        y = net.conv(net.slice(x, 1, half, 2 * half), half, 1, act="relu")
        y = net.conv(net.depthwise(y, kernel), half, 1, act="relu")
        return channel_shuffle(net, net.concat([net.slice(x, 1, 0, half), y]))
    if kind == "separable":
        return separable(net, x, _width(rng, x, 1.0 / stride**2), stride, act=act, kernel=kernel)
    out = x.shape[1] if stride == 1 and rng.random() < 0.5 else _width(rng, x, 8.0 / stride, high=320)
    positions = x.shape[2] * x.shape[3]
    most = _log_uniform(rng, *_BLOCK_MACS) / (positions * (x.shape[1] + out / stride**2))
    expanded = round8(max(x.shape[1], min(x.shape[1] * rng.choice((2.0, 3.0, 4.0, 6.0)), most)))
    squeezed = round8(expanded / rng.choice((4, 16, 24))) if kind == "gated" else None
    return inverted_residual(net, x, expanded, out, kernel, stride, act=act, squeezed=squeezed)


def _tokens(name: str, rng: random.Random) -> Net:
    kind = rng.choice(("words", "patches", "windows"))
    if kind == "windows":
        return _windows(name, rng)
    width = 64 * rng.choice((2, 3, 4, 6, 8))
    if kind == "words":
        tokens = rng.choice((32, 64, 128, 192, 256, 384))
        net = Net(name, (1, tokens), _WORDS)
        x = net.layer_norm(net.add_weight(net.embedding(net.input, _WORDS, width), (1, tokens, width)))
    else:
        patch = rng.choice((14, 16, 32))
        side = patch * rng.choice((7, 10, 14, 16))
        net = Net(name, (1, 3, side, side))
        x = tokens_of(net, net.conv(net.input, width, patch, patch, pad=0))
        x = net.add_weight(x, (1, x.shape[1], width))
    for _ in range(5):
        heads = x.shape[2] // rng.choice((32, 64, 64))
        x = encoder_layer(net, x, heads, x.shape[2] * rng.choice((2, 3, 4)), norm_first=kind == "patches")
        x = net.dense(x, 64 * rng.choice((2, 3, 4, 5, 6, 8, 10, 12)), act=rng.choice((None, "gelu", "tanh", "relu")))
    x = net.reshape(net.slice(net.layer_norm(x), 1, 0, 1), (0, x.shape[2]))
    net.output(net.dense(x, rng.choice((2, 100, 1000))))
    return net


def _windows(name: str, rng: random.Random) -> Net:
    window = rng.choice((7, 8))
    side, width = 4 * window, 32 * rng.choice((2, 3, 4))
    net = Net(name, (1, 3, 4 * side, 4 * side))
    x = net.layer_norm(tokens_of(net, net.conv(net.input, width, 4, 4, pad=0)))
    for stage in range(3):
        for shift in (0, window // 2 if side > window else 0):
            x = net.add(x, window_attention(net, net.layer_norm(x), (side, side), x.shape[2] // 32, window, shift))
            hidden = net.dense(net.layer_norm(x), x.shape[2] * rng.choice((2, 3, 4)), act="gelu")
            x = net.add(x, net.dense(hidden, x.shape[2]))
        if stage < 2:
            x, side = merge_patches(net, x, side), side // 2
    x = net.node("ReduceMean", [net.layer_norm(x)], (1, x.shape[2]), axes=(1,), keepdims=0)
    net.output(net.dense(x, 1000))
    return net


def _maps(name: str, rng: random.Random) -> Net:
    """Describe a pyramid down and up again, with heads on its levels."""
    net = Net(name, (1, 3, 32 * rng.choice((6, 8, 10)), 32 * rng.choice((8, 10, 12))))
    x = _stem(net, rng)
    levels = []
    for _ in range(4):
        if rng.random() < 0.5:
            x = net.conv(x, _width(rng, x, 2.25), 3, 2, act="silu")
        else:
            x = inverted_residual(net, x, round8(2 * x.shape[1]), _width(rng, x, 2.0, high=256), 3, 2)
        x = csp(net, x, 2 * round8(x.shape[1] / 2), 1) if rng.random() < 0.5 else _dense_block(net, rng, x, 1)
        levels.append(x)
    x = pyramid_pool(net, x, x.shape[1]) if rng.random() < 0.7 else squeeze_excite(net, x, 32)
    for level in reversed(levels[1:-1]):
        side = round8(_width(rng, level, 1.0, high=256))
        if rng.random() < 0.6:
            x = net.resize(net.conv(x, side, 1, act="silu"), level.shape[2:], rng.choice(("nearest", "linear")))
        else:
            x = net.deconv(x, min(side, 128), 2, 2, act="relu")
        x = net.concat([x, level]) if rng.random() < 0.7 else net.add(net.conv(x, level.shape[1], 1), level)
        x = net.conv(x, _width(rng, x, 9.0, high=256), 3, act=rng.choice(_ACTS))
        head = net.conv(x, rng.choice((6, 18, 36, 85)), rng.choice((1, 3)))
        net.output(net.act(net.reshape(net.transpose(head, (0, 2, 3, 1)), (0, -1)), "sigmoid"))
    return net
