"""Graphs of small and mobile stand-ins over a list of channel counts."""

from __future__ import annotations

from .blocks import basic_residual, inverted_residual, omni_scale
from .builder import Net, Tensor
from .detect import ssd_output


def _mobile_stages(
    net: Net, x: Tensor, channels: tuple[int, ...], depths: tuple[int, ...], rank: int = 2
) -> list[Tensor]:
    """Inverted residuals, each stage but the first halving the map; returns every stage's last map."""
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            stride = 2 if block == 0 and place > 0 else 1
            expanded = x.shape[1] * (1 if place == 0 else 6)
            x = inverted_residual(net, x, expanded, width, 3, stride)
        maps.append(x)
    return maps


def mobile_classifier(net: Net, channels: tuple[int, ...], depths: tuple[int, ...], option: int) -> None:
    """MobileNet-v2-like classifier; the last channel count is that of the layer before the mean."""
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="relu6")
    x = _mobile_stages(net, x, channels[:-1], depths)[-1]
    x = net.conv(x, channels[-1], 1, act="relu6")
    net.output(net.dense(net.global_pool(x), 1000))


def ssd_mobile(net: Net, channels: tuple[int, ...], depths: tuple[int, ...], option: int) -> None:
    """MobileNet-v2-like detector with light predictors on the maps of the last two strides."""
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="relu6")
    maps = _mobile_stages(net, x, channels, depths)
    ssd_output(net, maps[-2:], (4, 6), 2, light=True)


def residual_classifier(net: Net, channels: tuple[int, ...], depths: tuple[int, ...], option: int) -> None:
    """ResNet-like classifier of basic blocks."""
    x = net.pool(net.conv(net.input, channels[0], 7, 2, act="relu"), "max", 3, 2, 1)
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            x = basic_residual(net, x, width, 2 if place > 0 and block == 0 else 1)
    net.output(net.dense(net.global_pool(x), 1000))


def small_plain(net: Net, channels: tuple[int, ...], depths: tuple[int, ...], option: int) -> None:
    """Plain convolutions with pooling and two dense layers, for crops of faces."""
    x = net.input
    for width, depth in zip(channels[:-1], depths, strict=True):
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
        x = net.pool(x, "max", 3 if option == 0 else 2, 2, 1 if option == 0 else 0)
    y = net.dense(net.reshape(x, (0, -1)), channels[-1], act="relu")
    net.output(net.dense(y, 8))


def omni_scale_embedding(net: Net, channels: tuple[int, ...], depths: tuple[int, ...], option: int) -> None:
    """OSNet-like embedding; the first count is the stem's, the last that of the layer before the mean."""
    x = net.pool(net.conv(net.input, channels[0], 7, 2, act="relu"), "max", 3, 2, 1)
    for place, (width, depth) in enumerate(zip(channels[1:-1], depths, strict=True)):
        for _ in range(depth):
            x = omni_scale(net, x, width)
        if place < 2:
            x = net.pool(net.conv(x, width, 1, act="relu"), "average", 2, 2)
    x = net.conv(x, channels[-1], 1, act="relu")
    net.output(net.dense(net.global_pool(x), 256))
