"""Stand-ins of mobile classifiers and detectors, of nets on crops of faces, and of re-identification."""

from __future__ import annotations

from advisor.zoo.blocks import inverted_residual, omni_scale, separable
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import ssd_output

Numbers = tuple[int, ...]
_V2_STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Strides of MobileNet-v2's seven stages (table 2 of Sandler et al. 2018)."""


def mobile_stages(net: Net, x: Tensor, channels: Numbers, depths: Numbers, expansion: int = 6) -> list[Tensor]:
    """Inverted residuals, each stage but the first halving the map; returns every stage's last map."""
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            stride = 2 if block == 0 and place > 0 else 1
            x = inverted_residual(net, x, x.shape[1] * (1 if place == 0 else expansion), width, 3, stride)
        maps.append(x)
    return maps


def v2_stages(net: Net, channels: Numbers, depths: Numbers) -> list[Tensor]:
    """MobileNet-v2's stages with its own strides, as many as there are counts; every stage's last map."""
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="relu6")
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            stride = _V2_STRIDES[place] if block == 0 else 1
            x = inverted_residual(net, x, x.shape[1] * (1 if place == 0 else 6), width, 3, stride)
        maps.append(x)
    return maps


def separable_stages(net: Net, channels: Numbers, depths: Numbers) -> list[Tensor]:
    """MobileNet-v1 of these widths: a stem, then stages of separable convolutions; every stage's last map.

    The first stage keeps the stem's size, every later one halves the map.
    """
    x = net.conv(net.input, max(8, channels[0] // 2), 3, 2, act="relu6")
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            x = separable(net, x, width, 2 if place > 0 and block == 0 else 1, act="relu6")
        maps.append(x)
    return maps


def classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2-like classifier with ``option`` classes; the last count is that of the layer before the mean."""
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="relu6")
    x = mobile_stages(net, x, channels[:-1], depths)[-1]
    x = net.conv(x, channels[-1], 1, act="relu6")
    net.output(net.dense(net.global_pool(x), option))


def wide_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """The same with a dense layer after the mean, as MobileNet-v3 has it: many parameters that are used once."""
    _wide(net, channels, depths, option, 6)


def thin_wide_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """The same with twofold instead of sixfold expansion, for the smallest nets."""
    _wide(net, channels, depths, option, 2)


def _wide(net: Net, channels: Numbers, depths: Numbers, classes: int, expansion: int) -> None:
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="hswish")
    x = mobile_stages(net, x, channels[:-1], depths, expansion)[-1]
    x = net.conv(x, 4 * channels[-2], 1, act="hswish")
    x = net.dense(net.global_pool(x), channels[-1], act="hswish")
    net.output(net.dense(x, classes))


def ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2-like detector with light predictors on the last two maps; ``option`` classes and background."""
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="relu6")
    maps = mobile_stages(net, x, channels, depths)
    ssd_output(net, maps[-2:], (4, 6), option + 1, light=True)


def small_plain(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Plain convolutions with pooling and two dense layers, for crops of faces; ``option`` outputs."""
    x = net.input
    for width, depth in zip(channels[:-1], depths, strict=True):
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
        x = net.pool(x, "max", 3, 2, 1)
    y = net.dense(net.reshape(x, (0, -1)), channels[-1], act="relu")
    net.output(net.dense(y, option))


def omni_scale_embedding(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """OSNet-like embedding of 256 numbers; first count the stem's, last that before the mean; ``option`` stem stride.

    The stem is a 7x7 convolution with pooling where its stride is 2, else a 3x3 convolution with pooling.
    """
    x = net.conv(net.input, channels[0], 7 if option == 2 else 3, option, act="relu")
    x = net.pool(x, "max", 3, 2, 1)
    for place, (width, depth) in enumerate(zip(channels[1:-1], depths, strict=True)):
        for _ in range(depth):
            x = omni_scale(net, x, width)
        if place < 2:
            x = net.pool(net.conv(x, width, 1, act="relu"), "average", 2, 2)
    x = net.conv(x, channels[-1], 1, act="relu")
    net.output(net.dense(net.global_pool(x), 256))


def v2_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2 of these widths, the last that of the layer before the mean; ``option`` classes."""
    x = v2_stages(net, channels[:-1], depths)[-1]
    net.output(net.dense(net.global_pool(net.conv(x, channels[-1], 1, act="relu6")), option))


def separable_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v1 of these widths; ``option`` classes."""
    x = separable_stages(net, channels, depths)[-1]
    net.output(net.dense(net.global_pool(x), option))
