"""Stand-ins of light detectors by the backbone that their description names: fire modules, RMNet, MobileNets."""

from __future__ import annotations

from advisor.zoo.blocks import channel_shuffle, fire, rectified_pair, reduced_residual, separable
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import ssd_output

from .mobile import separable_stages, v2_stages

Numbers = tuple[int, ...]


def fire_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """SqueezeNet with one SSD head of nine boxes at stride 16; ``option`` classes.

    Counts: stem, then squeezed channels of the fire modules, which expand them fourfold in either branch. Where the
    stage is halved, its last module halves the map in the squeezing convolution (``depths`` of two modules each).
    """
    x = net.pool(net.conv(net.input, channels[0], 7, 2, act="relu"), "max", 3, 2, ceil=True)
    for place, (width, depth) in enumerate(zip(channels[1:], depths, strict=True)):
        for block in range(depth):
            halved = place in (1, 3) and block == depth - 1
            x = fire(net, x, width, 4 * width, 2 if halved else 1)
    ssd_output(net, [x], (9,), option + 1)


def rmnet_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """RMNet with one SSD head of 12 boxes at stride 16; ``option`` classes."""
    maps = _rmnet(net, net.conv(net.input, channels[0], 3, 2, act="leaky"), channels, depths)
    ssd_output(net, maps[-1:], (12,), option + 1)


def rmnet_pair_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """RMNet with heads at strides 8 and 16, each behind a 3x3 convolution of the last count; ``option`` classes."""
    maps = _rmnet(net, net.conv(net.input, channels[0], 3, 2, act="leaky"), channels[:-1], depths)
    ssd_output(net, [net.conv(x, channels[-1], 3, act="leaky") for x in maps[-2:]], (1, 4), option + 1)


def rmnet_reduced_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """RMNet, one stage longer, on a picture that a learned convolution and a pooling shrink fourfold."""
    x = net.pool(net.conv(net.input, channels[0], 3, 2, act="leaky"), "max", 2, 2)
    maps = _rmnet(net, x, channels, depths)
    ssd_output(net, maps[-2:], (4, 6), option + 1)


def _rmnet(net: Net, x: Tensor, channels: Numbers, depths: Numbers) -> list[Tensor]:
    """Residual blocks around a depthwise convolution on a quarter of the channels (Izutov 2018)."""
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            x = reduced_residual(net, x, width, 2 if place > 0 and block == 0 else 1)
        maps.append(x)
    return maps


def separable_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v1 with 1x1 predictors on its last two maps and on two smaller ones; ``option`` classes."""
    maps = separable_stages(net, channels, depths)[-2:]
    for _ in range(2):
        y = net.conv(maps[-1], channels[-1] // 4, 1, act="relu")
        maps.append(net.conv(y, channels[-1] // 2, 3, 2, act="relu"))
    ssd_output(net, maps, (4, 6, 6, 6), option + 1, kernel=1)


def separable_pyramid(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v1 with a feature pyramid of five levels, four 3x3 convolutions each for boxes and for classes.

    The last count is the pyramid's width; ``option`` classes.
    """
    width = channels[-1]
    maps = separable_stages(net, channels[:-1], depths)[-3:]
    levels = _top_down(net, maps, width, smooth=False)
    for _ in range(2):
        levels.append(net.conv(levels[-1], width, 3, 2, act="relu6"))
    boxes, scores = _towers(net, levels, width, shared=False)
    ssd_output(net, boxes, (6,) * 5, option + 1, score_maps=scores)


def mobile_pair_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2 without its last convolution, light predictors on the maps at strides 16 and 32."""
    maps = v2_stages(net, channels, depths)
    ssd_output(net, [maps[4], maps[6]], (4, 5), option + 1, light=True)


def mobile_single_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2 cut at stride 16, one 3x3 head of nine boxes behind a 1x1 convolution of twice the last count."""
    x = v2_stages(net, channels[:-1], depths)[-1]
    ssd_output(net, [net.conv(x, 2 * channels[-1], 1, act="relu6")], (9,), option + 1)


def ssdlite(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """SSDLite (Sandler et al. 2018): six maps, the first inside the block that begins stride 32.

    The last count is that of MobileNet-v2's last convolution; smaller maps have the paper's share of it.
    """
    maps = v2_stages(net, channels[:-1], depths)
    top = channels[-1]
    features = [net.conv(maps[4], 6 * channels[4], 1, act="relu6"), net.conv(maps[-1], top, 1, act="relu6")]
    for width in (2 * top // 5, top // 5, top // 5, top // 10):
        out = max(16, width)
        y = net.conv(features[-1], out // 2, 1, act="relu6")
        features.append(net.conv(net.depthwise(y, 3, 2, act="relu6"), out, 1, act="relu6"))
    ssd_output(net, features, (3, 6, 6, 6, 6, 6), option + 1, light=True)


def mobile_anchor_free(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2 with the detector of FCOS and ATSS: a pyramid of five levels from stride 16 on, and towers.

    The last count is the pyramid's width; ``option`` classes.
    """
    width = channels[-1]
    maps = v2_stages(net, channels[:-1], depths)
    levels = _top_down(net, [maps[4], maps[6]], width, smooth=True)
    for _ in range(3):
        levels.append(net.conv(levels[-1], width, 3, 2))
    boxes, scores = _towers(net, levels, width, shared=True)
    ssd_output(net, boxes, (1,) * 5, option + 1, score_maps=scores, shared=True)


def _top_down(net: Net, maps: list[Tensor], width: int, *, smooth: bool) -> list[Tensor]:
    """Feature pyramid (Lin et al. 2017), finest level first; ``smooth`` adds its 3x3 convolutions."""
    levels = [net.conv(x, width, 1) for x in maps]
    for place in reversed(range(len(levels) - 1)):
        levels[place] = net.add(levels[place], net.resize(levels[place + 1], levels[place].shape[2:]))
    return [net.conv(level, width, 3) for level in levels] if smooth else levels


def _towers(net: Net, levels: list[Tensor], width: int, *, shared: bool) -> tuple[list[Tensor], list[Tensor]]:
    """Four 3x3 convolutions for boxes and four for classes on every level.

    Levels share their weights where ``shared``; not so where each level has a normalisation of its own, which inference
    graphs fold into the weights.
    """
    ends: tuple[list[Tensor], list[Tensor]] = ([], [])
    for level in levels:
        for branch in (0, 1):
            x = level
            for step in range(4):
                x = net.conv(x, width, 3, act="relu", tie=f"tower-{branch}-{step}" if shared else None)
            ends[branch].append(x)
    return ends


def shuffle_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ShuffleNet-v2 with path aggregation over three strides and separable towers (NanoDet); ``option`` classes.

    The last count is twice the pyramid's width.
    """
    width = max(8, channels[-1] // 2)
    x = net.pool(net.conv(net.input, 24, 3, 2, act="leaky"), "max", 3, 2, 1)
    maps = []
    for out, depth in zip(channels[:-1], depths, strict=True):
        for block in range(depth):
            x = _shuffle_unit(net, x, out, 2 if block == 0 else 1)
        maps.append(x)
    levels = _top_down(net, maps, width, smooth=False)
    for place in (1, 2):
        below = net.resize(levels[place - 1], levels[place].shape[2:])
        levels[place] = net.add(levels[place], below)
    heads = []
    for level in levels:
        x = separable(net, level, width, act="leaky", kernel=5)
        heads.append(separable(net, x, width, act="leaky", kernel=5))
    ssd_output(net, heads, (1,) * 3, option + 1, kernel=1)


def _shuffle_unit(net: Net, x: Tensor, out: int, stride: int) -> Tensor:
    """Unit of ShuffleNet-v2 (Ma et al. 2018, figure 3)."""
    half = out // 2
    if stride == 1:
        left, right = net.slice(x, 1, 0, half), net.slice(x, 1, half, out)
    else:
        left, right = net.conv(net.depthwise(x, 3, 2), half, 1, act="leaky"), x
    y = net.conv(right, half, 1, act="leaky")
    y = net.conv(net.depthwise(y, 3, stride), half, 1, act="leaky")
    return channel_shuffle(net, net.concat([left, y]))


def faceboxes(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """FaceBoxes (Zhang et al. 2017): a picture digested by two strided convolutions, then inception modules.

    Counts: the two convolutions, the modules' branches, a quarter of the two smaller maps; ``depths``: modules;
    ``option`` classes.
    """
    first, second, branch, last = channels
    x = net.act(rectified_pair(net, net.conv(net.input, first, 7, 4)), "relu")
    x = net.pool(x, "max", 3, 2, 1)
    x = net.act(rectified_pair(net, net.conv(x, second, 5, 2)), "relu")
    x = net.pool(x, "max", 3, 2, 1)
    for _ in range(depths[0]):
        small = max(8, branch * 3 // 4)
        x = net.concat([
            net.conv(x, branch, 1, act="relu"),
            net.conv(net.pool(x, "average", 3, 1, 1), branch, 1, act="relu"),
            net.conv(net.conv(x, small, 1, act="relu"), branch, 3, act="relu"),
            net.conv(net.conv(net.conv(x, small, 1, act="relu"), branch, 3, act="relu"), branch, 3, act="relu"),
        ])  # fmt: skip
    maps = [x]
    for _ in range(2):
        maps.append(net.conv(net.conv(maps[-1], 2 * last, 1, act="relu"), 4 * last, 3, 2, act="relu"))
    ssd_output(net, maps, (21, 1, 1), option + 1)
