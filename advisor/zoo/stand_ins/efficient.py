"""Stand-ins of the EfficientNet line: attention to channels in every block, mixed kernels, weighted pyramids."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN, inverted_residual, squeeze_excite
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import ssd_output

Numbers = tuple[int, ...]
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_KERNELS = (3, 3, 5, 3, 5, 5, 3)
"""Strides and kernels of EfficientNet's seven stages (table 1 of Tan and Le 2019)."""


def efficient_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """EfficientNet-like; the last count is that of the convolution before the mean; ``option`` classes."""
    x = _efficient_stages(net, channels[:-1], depths)[-1]
    x = net.conv(x, channels[-1], 1, act="silu")
    net.output(net.dense(net.global_pool(x), option))


def fused_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """EfficientNet-v2-like: the first three of six stages expand by a full 3x3 convolution, without attention."""
    x = net.conv(net.input, channels[0], 3, 2, act="silu")
    strides = (1, 2, 2, 2, 1, 2)
    for place, (width, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        for block in range(depth):
            stride = strides[place] if block == 0 else 1
            narrow = x.shape[1]
            if place < 3:
                x = _fused_residual(net, x, narrow * (1 if place == 0 else 4), width, stride)
            else:
                expanded = narrow * (4 if place == 3 else 6)
                x = inverted_residual(net, x, expanded, width, 3, stride, act="silu",
                                      squeezed=max(1, narrow // 4), se_inner="silu")  # fmt: skip
    net.output(net.dense(net.global_pool(net.conv(x, channels[-1], 1, act="silu")), option))


def _fused_residual(net: Net, x: Tensor, expanded: int, out: int, stride: int) -> Tensor:
    """Fused inverted residual (Tan and Le 2021, figure 2)."""
    same = stride == 1 and x.shape[1] == out
    gain = BRANCH_GAIN if same else 1.0
    if expanded == x.shape[1]:
        y = net.conv(x, out, 3, stride, act="silu", gain=gain)
    else:
        y = net.conv(net.conv(x, expanded, 3, stride, act="silu"), out, 1, gain=gain)
    return net.add(x, y) if same else y


def mixed_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MixNet-like: depthwise convolutions of three sizes on parts of the channels; ``option`` classes.

    The last count is a quarter of that before the mean.
    """
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="silu")
    for place, (width, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        for block in range(depth):
            stride = 2 if block == 0 and place > 0 else 1
            x = _mixed_residual(net, x, x.shape[1] * (1 if place == 0 else 6), width, stride)
    net.output(net.dense(net.global_pool(net.conv(x, 4 * channels[-1], 1, act="silu")), option))


def _mixed_residual(net: Net, x: Tensor, expanded: int, out: int, stride: int) -> Tensor:
    """Inverted residual with the mixed convolution of Tan and Le (2019, MixConv) and attention."""
    narrow = x.shape[1]
    y = x if expanded == narrow else net.conv(x, expanded, 1, act="silu")
    third = expanded // 3
    parts = [(0, third), (third, 2 * third), (2 * third, expanded)]
    y = net.concat([
        net.depthwise(net.slice(y, 1, start, stop), kernel, stride, act="silu")
        for (start, stop), kernel in zip(parts, (3, 5, 7), strict=True)
    ])  # fmt: skip
    y = squeeze_excite(net, y, max(4, narrow // 2), "silu")
    same = stride == 1 and narrow == out
    y = net.conv(y, out, 1, gain=BRANCH_GAIN if same else 1.0)
    return net.add(x, y) if same else y


def efficient_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """EfficientDet-like: EfficientNet, ``option`` weighted two-way pyramids, separable towers, 90 classes, 9 boxes.

    The last count is the pyramid's width; the last depth the towers'.
    """
    width = channels[-1]
    maps = _efficient_stages(net, channels[:-1], depths[:-1])
    levels = [net.conv(x, width, 1) for x in (maps[2], maps[4], maps[6])]
    levels.append(net.pool(net.conv(maps[6], width, 1), "max", 3, 2, 1))
    levels.append(net.pool(levels[-1], "max", 3, 2, 1))
    for _ in range(option):
        levels = _two_way(net, levels)
    ends: tuple[list[Tensor], list[Tensor]] = ([], [])
    for level in levels:
        for branch in (0, 1):
            x = level
            for step in range(depths[-1]):
                x = _pointed(net, x, f"tower-{branch}-{step}")
            ends[branch].append(x)
    ssd_output(net, ends[0], (9,) * 5, 90, light=True, score_maps=ends[1], shared=True)


def _two_way(net: Net, levels: list[Tensor]) -> list[Tensor]:
    """One BiFPN cell (Tan et al. 2020, figure 2d): down, then up, every sum weighted by learned scalars."""
    down = [levels[-1]]
    for level in reversed(levels[:-1]):
        above = net.resize(down[0], level.shape[2:])
        down.insert(0, _pointed(net, _weighted(net, [level, above])))
    up = [down[0]]
    for place in range(1, len(levels)):
        size = levels[place].shape
        below = net.pool(up[-1], "max", 3, 2, 1)
        if below.shape != size:
            below = net.resize(below, size[2:])
        inputs = [levels[place], below] if place == len(levels) - 1 else [levels[place], down[place], below]
        up.append(_pointed(net, _weighted(net, inputs)))
    return up


def _weighted(net: Net, parts: list[Tensor]) -> Tensor:
    total = net.scale(parts[0], 1.0 / len(parts))
    for part in parts[1:]:
        total = net.add(total, net.scale(part, 1.0 / len(parts)))
    return net.act(total, "silu")


def _pointed(net: Net, x: Tensor, tie: str | None = None) -> Tensor:
    """Depthwise and 1x1 convolution of the same width."""
    y = net.depthwise(x, tie=None if tie is None else f"{tie}-depthwise")
    return net.conv(y, x.shape[1], 1, act="silu", tie=tie)


def _efficient_stages(net: Net, channels: Numbers, depths: Numbers) -> list[Tensor]:
    """EfficientNet's seven stages; every stage's last map."""
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="silu")
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            narrow = x.shape[1]
            x = inverted_residual(
                net, x, narrow * (1 if place == 0 else 6), width, _KERNELS[place], _STRIDES[place] if block == 0 else 1,
                act="silu", squeezed=max(1, narrow // 4), se_inner="silu",
            )  # fmt: skip
        maps.append(x)
    return maps
