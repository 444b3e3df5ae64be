"""Stand-ins of classifiers and detectors built of full convolutions: residual, plain, ConvNeXt, YOLO, pyramid."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN, basic_residual, bottleneck, csp, pyramid_pool, separable
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import ssd_output, yolo_output

Numbers = tuple[int, ...]


def _stem(net: Net, width: int) -> Tensor:
    """7x7 convolution of stride 2 and pooling."""
    return net.pool(net.conv(net.input, width, 7, 2, act="relu"), "max", 3, 2, 1)


def _residual_stages(net: Net, x: Tensor, channels: Numbers, depths: Numbers, kind: str) -> list[Tensor]:
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            stride = 2 if place > 0 and block == 0 else 1
            x = basic_residual(net, x, width, stride) if kind == "basic" else bottleneck(net, x, 4 * width, stride)
        maps.append(x)
    return maps


def residual_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ResNet-like classifier of basic blocks; ``option`` classes."""
    x = _residual_stages(net, _stem(net, channels[0]), channels, depths, "basic")[-1]
    net.output(net.dense(net.global_pool(x), option))


def residual_embedding(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Residual net for crops of about 112 pixels: no stride in the stem; an embedding of ``option`` numbers."""
    x = net.pool(net.conv(net.input, channels[0], 3, act="prelu"), "max", 3, 2, 1)
    x = _residual_stages(net, x, channels, depths, "basic")[-1]
    net.output(net.dense(net.global_pool(x), option))


def bottleneck_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ResNet-50-like classifier; counts are those inside the bottlenecks; ``option`` classes."""
    x = _residual_stages(net, _stem(net, channels[0]), channels, depths, "bottleneck")[-1]
    net.output(net.dense(net.global_pool(x), option))


def grouped_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """RegNet-like classifier: bottlenecks of full width, convolutions in groups of 8; ``option`` classes."""
    x = net.conv(net.input, 32, 3, 2, act="relu")
    for width, depth in zip(channels, depths, strict=True):
        for block in range(depth):
            x = bottleneck(net, x, width, 2 if block == 0 else 1, width, width // 8)
    net.output(net.dense(net.global_pool(x), option))


def plain_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """RepVGG-like classifier: 3x3 convolutions, the first of each stage with stride 2; ``option`` classes."""
    x = net.input
    for width, depth in zip(channels, depths, strict=True):
        for block in range(depth):
            x = net.conv(x, width, 3, 2 if block == 0 else 1, act="relu")
    net.output(net.dense(net.global_pool(x), option))


def convnext_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ConvNeXt-like classifier: 7x7 depthwise, fourfold expansion with GELU; ``option`` classes."""
    x = net.conv(net.input, channels[0], 4, 4, pad=0)
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        if place > 0:
            x = net.conv(x, width, 2, 2, pad=0)
        for _ in range(depth):
            y = net.conv(net.depthwise(x, 7), 4 * width, 1, act="gelu")
            x = net.add(x, net.conv(y, width, 1, gain=BRANCH_GAIN))
    net.output(net.dense(net.global_pool(x), option))


def pyramid_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """ResNet-50-like detector with a feature pyramid and ``option`` 3x3 convolutions per level before the predictors.

    The last count is the pyramid's width. Stands also for two-stage and instance-segmentation detectors, whose second
    stage works on a number of regions that depends on the picture: its operations are then in the pyramid's layers.
    """
    maps = _residual_stages(net, _stem(net, channels[0]), channels[:-1], depths, "bottleneck")[1:]
    levels = [net.conv(x, channels[-1], 1) for x in maps]
    for place in (1, 0):
        levels[place] = net.add(levels[place], net.resize(levels[place + 1], levels[place].shape[2:]))
    heads = []
    for level in levels:
        x = level
        for _ in range(option):
            x = net.conv(x, channels[-1], 3, act="relu")
        heads.append(x)
    ssd_output(net, heads, (3,) * len(heads), 81)


def residual_ssd(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """SSD on basic residual blocks, predictors on the last maps from stage ``option`` on; 81 classes."""
    maps = _residual_stages(net, _stem(net, channels[0]), channels, depths, "basic")
    ssd_output(net, maps[option:], (4,) * len(maps[option:]), 81)


def dilated_residual(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Dilated residual net (Yu et al. 2017): basic blocks down to stride 8, the later ones dilated; 19 maps out.

    The last count is that of the convolutions behind the blocks; ``option``: bottlenecks (1) instead of basic blocks.
    """
    x = net.conv(net.input, max(8, channels[0] // 4), 7, act="relu")
    x = net.conv(x, max(8, channels[0] // 2), 3, 2, act="relu")
    for place, (width, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        dilation = (1, 1, 2, 4)[place]
        for block in range(depth):
            stride = 2 if block == 0 and place < 2 else 1
            x = _dilated_block(net, x, width, stride, dilation, bottleneck=option == 1)
    for dilation in (2, 1):
        x = net.conv(x, channels[-1], 3, dilation=dilation, act="relu")
    net.output(net.resize(net.conv(x, 19, 1), net.input_shape[2:], "linear"))


def _dilated_block(net: Net, x: Tensor, width: int, stride: int, dilation: int, *, bottleneck: bool) -> Tensor:
    out = 4 * width if bottleneck else width
    y = net.conv(x, width, 1, act="relu") if bottleneck else x
    y = net.conv(y, width, 3, stride, dilation=dilation, act="relu")
    y = net.conv(y, out, 1 if bottleneck else 3, dilation=1 if bottleneck else dilation, gain=BRANCH_GAIN)
    if stride != 1 or x.shape[1] != out:
        x = net.conv(x, out, 1, stride, pad=0)
    return net.act(net.add(x, y), "relu")


def decoupled_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """YOLOX (Ge et al. 2021): path aggregation, then towers apart for classes and boxes; ``option`` classes."""
    _decoupled(net, channels, depths, option, light=False)


def light_decoupled_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """YOLOX-Nano: the same with depthwise and 1x1 convolutions in place of 3x3 ones."""
    _decoupled(net, channels, depths, option, light=True)


def _decoupled(net: Net, channels: Numbers, depths: Numbers, classes: int, *, light: bool) -> None:
    def conv(x: Tensor, width: int, stride: int = 1) -> Tensor:
        return separable(net, x, width, stride, act="silu") if light else net.conv(x, width, 3, stride, act="silu")

    def stage(x: Tensor, width: int, repeats: int, *, shortcut: bool = True) -> Tensor:
        return csp(net, x, width, repeats, shortcut=shortcut, light=light)

    x = net.conv(net.input, channels[0], 6, 2, pad=2, act="silu")
    kept = []
    for place, (width, depth) in enumerate(zip(channels[1:5], depths, strict=True)):
        x = conv(x, width, 2)
        x = stage(pyramid_pool(net, x, width) if place == 3 else x, width, depth, shortcut=place < 3)
        kept.append(x)
    low, mid, high = channels[2:5]
    top = net.conv(x, mid, 1, act="silu")
    x = stage(net.concat([net.resize(top, kept[2].shape[2:]), kept[2]]), mid, depths[0], shortcut=False)
    middle = net.conv(x, low, 1, act="silu")
    x = stage(net.concat([net.resize(middle, kept[1].shape[2:]), kept[1]]), low, depths[0], shortcut=False)
    maps = [x]
    for lower, width in ((middle, mid), (top, high)):
        y = conv(maps[-1], lower.shape[1], 2)
        maps.append(stage(net.concat([y, lower]), width, depths[0], shortcut=False))
    heads = []
    for level in maps:
        y = net.conv(level, low, 1, act="silu")
        heads.append(net.concat([conv(conv(y, low), low) for _ in range(2)]))
    yolo_output(net, heads, classes, anchors=1)


def csp_darknet_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """YOLOv4 (Bochkovskiy et al. 2020): CSPDarknet53, pyramid pooling, path aggregation; ``option`` classes.

    110 convolutions. SiLU stands for the backbone's Mish: both are one activation of the convolution before them.
    """
    x = net.conv(net.input, channels[0], 3, act="silu")
    kept = []
    for place, (width, depth) in enumerate(zip(channels[1:], depths, strict=True)):
        x = _partial_stage(net, net.conv(x, width, 3, 2, act="silu"), width, depth, whole=place == 0)
        kept.append(x)
    low, mid, high = (width // 2 for width in channels[3:6])
    x = _alternating(net, x, high, 3)
    x = _alternating(net, net.concat([x, *(net.pool(x, "max", k, 1, k // 2) for k in (5, 9, 13))]), high, 3)
    top = x
    laterals = []
    for level, width in ((kept[3], mid), (kept[2], low)):
        up = net.resize(net.conv(x, width, 1, act="leaky"), level.shape[2:])
        x = _alternating(net, net.concat([net.conv(level, width, 1, act="leaky"), up]), width, 5)
        laterals.append(x)
    maps = [net.conv(x, 2 * low, 3, act="leaky")]
    for lower, width in ((laterals[0], mid), (top, high)):
        down = net.conv(x, width, 3, 2, act="leaky")
        x = _alternating(net, net.concat([down, lower]), width, 5)
        maps.append(net.conv(x, 2 * width, 3, act="leaky"))
    yolo_output(net, maps, option)


def _partial_stage(net: Net, x: Tensor, width: int, depth: int, *, whole: bool) -> Tensor:
    """Residual pairs on half of the channels (``whole``: on all, as in the first stage), joined with the other half."""
    half = width if whole else width // 2
    skip = net.conv(x, half, 1, act="silu")
    y = net.conv(x, half, 1, act="silu")
    for _ in range(depth):
        z = net.conv(net.conv(y, width // 2, 1, act="silu"), half, 3, act="silu", gain=BRANCH_GAIN)
        y = net.add(y, z)
    return net.conv(net.concat([net.conv(y, half, 1, act="silu"), skip]), width, 1, act="silu")


def _alternating(net: Net, x: Tensor, width: int, count: int) -> Tensor:
    """``count`` convolutions, 1x1 to ``width`` and 3x3 to twice as many in turns, the first and the last 1x1."""
    for place in range(count):
        x = net.conv(x, width, 1, act="leaky") if place % 2 == 0 else net.conv(x, 2 * width, 3, act="leaky")
    return x


def darknet_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """YOLOv3 (Redmon and Farhadi 2018): Darknet-53, three heads, 75 convolutions; ``option`` classes."""
    x = net.conv(net.input, channels[0], 3, act="leaky")
    kept = []
    for width, depth in zip(channels[1:], depths, strict=True):
        x = net.conv(x, width, 3, 2, act="leaky")
        for _ in range(depth):
            y = net.conv(net.conv(x, width // 2, 1, act="leaky"), width, 3, act="leaky", gain=BRANCH_GAIN)
            x = net.add(x, y)
        kept.append(x)
    maps = []
    for place, level in enumerate(reversed(kept[-3:])):
        width = level.shape[1] // 2
        if place > 0:
            y = net.conv(x, width, 1, act="leaky")
            x = net.concat([net.resize(y, level.shape[2:]), level])
        x = _alternating(net, x, width, 5)
        maps.append(net.conv(x, 2 * width, 3, act="leaky"))
    yolo_output(net, maps, option)


def tiny_pyramid_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """YOLOv3-tiny (Redmon and Farhadi 2018): 3x3 convolutions with pooling, two heads; ``option`` classes.

    13 convolutions. Pooling without stride has a window of 3, for 2 with padding on one side.
    """
    x = kept = net.input
    for place, (width, depth) in enumerate(zip(channels[:6], depths[:6], strict=True)):
        for _ in range(depth):
            x = net.conv(x, width, 3, act="leaky")
        kept = x if place == 4 else kept
        x = net.pool(x, "max", 2, 2) if place < 5 else net.pool(x, "max", 3, 1, 1)
    for _ in range(depths[6]):
        x = net.conv(x, channels[6], 3, act="leaky")
    x = net.conv(x, channels[6] // 4, 1, act="leaky")
    coarse = net.conv(x, channels[6] // 2, 3, act="leaky")
    y = net.resize(net.conv(x, channels[6] // 8, 1, act="leaky"), kept.shape[2:])
    fine = net.conv(net.concat([y, kept]), channels[4], 3, act="leaky")
    yolo_output(net, [fine, coarse], option)


def tiny_darknet(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Tiny YOLO: 3x3 convolutions with pooling down to stride 32, then more at that stride; ``option`` classes."""
    x = net.input
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for _ in range(depth):
            x = net.conv(x, width, 3, act="leaky")
        if place < 5:
            x = net.pool(x, "max", 2, 2)
    yolo_output(net, [x], option, anchors=5)
