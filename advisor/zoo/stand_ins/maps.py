"""Stand-ins whose output is a map: segmentation, matting, depth, pose, image to image, super-resolution."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN, basic_residual, separable
from advisor.zoo.builder import Net, Tensor

from .mobile import mobile_stages

Numbers = tuple[int, ...]


def encoder_decoder(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """U-shaped net of residual blocks, 20 maps out at full size; ``option``: stride of the stem, 1, 2 or 4."""
    _full_size(net, channels, depths, option, 20)


def image_to_image(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """The same with a picture of three channels out."""
    _full_size(net, channels, depths, option, 3)


def _full_size(net: Net, channels: Numbers, depths: Numbers, stem: int, out: int) -> None:
    x = net.conv(_up_again(net, _encode(net, channels, depths, stem)), out, 1)
    net.output(net.resize(x, net.input_shape[2:], "linear") if stem > 1 else x)


def heatmaps(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """The same, but 38 maps at the stem's stride: points and limbs of a body."""
    net.output(net.conv(_up_again(net, _encode(net, channels, depths, option)), 38, 1))


def separable_heatmaps(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Lightweight OpenPose (Osokin 2018): MobileNet-v1 at stride 8, then full convolutions of the last count.

    ``depths``: separable convolutions per stage, the last one's dilated by 2; ``option`` refining stages of five
    residual blocks.
    """
    width = channels[-1]
    x = net.conv(net.input, max(8, channels[0] // 2), 3, 2, act="relu")
    for place, (out, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        for block in range(depth):
            stride = 2 if block == 0 and place in (1, 2) else 1
            x = separable(net, x, out, stride, dilation=2 if place == 3 and block > 0 else 1)
    x = net.conv(x, width, 1, act="relu")
    y = x
    for _ in range(3):
        y = separable(net, y, width, act="elu")
    features = net.conv(net.add(x, y), width, 3, act="relu")
    x = features
    for _ in range(3):
        x = net.conv(x, width, 3, act="relu")
    x = net.conv(net.conv(x, 4 * width, 1, act="relu"), 57, 1)
    for _ in range(option):
        x = net.concat([features, x])
        for _ in range(5):
            y = net.conv(x, width, 1, act="relu")
            z = net.conv(net.conv(y, width, 3, act="relu"), width, 3, dilation=2, act="relu", gain=BRANCH_GAIN)
            x = net.add(y, z)
        x = net.conv(net.conv(x, width, 1, act="relu"), 57, 1)
    net.output(x)


def _encode(net: Net, channels: Numbers, depths: Numbers, stem: int) -> list[Tensor]:
    x = net.conv(net.input, channels[0], 3 if stem == 1 else 7, min(stem, 2), act="relu")
    if stem == 4:
        x = net.pool(x, "max", 3, 2, 1)
    maps = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for block in range(depth):
            x = basic_residual(net, x, width, 2 if place > 0 and block == 0 else 1)
        maps.append(x)
    return maps


def _up_again(net: Net, maps: list[Tensor]) -> Tensor:
    """From the coarsest map to the finest, each step joined with the map of that size."""
    x = maps[-1]
    for skip in reversed(maps[:-1]):
        y = net.resize(net.conv(x, skip.shape[1], 1, act="relu"), skip.shape[2:])
        x = net.conv(net.concat([y, skip]), skip.shape[1], 3, act="relu")
    return x


def mobile_encoder_decoder(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileNet-v2-like encoder, separable decoder, 2 maps out.

    ``option`` 0: maps at half size, as text detectors have them; else resized to full size, and from 2 on the encoder
    sees the picture reduced by that factor, as matting nets for large pictures do.
    """
    x = net.input if option < 2 else net.pool(net.input, "average", option, option)
    x = net.conv(x, 2 * channels[0], 3, 2, act="relu6")
    maps = mobile_stages(net, x, channels, depths)
    x = maps[-1]
    for skip in reversed(maps[:-1]):
        y = net.resize(net.conv(x, skip.shape[1], 1, act="relu6"), skip.shape[2:])
        x = separable(net, net.concat([y, skip]), skip.shape[1], act="relu6")
    x = net.conv(x, 2, 1)
    net.output(net.resize(x, net.input_shape[2:], "linear") if option > 0 else x)


def atrous_segmentation(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """DeepLab-v3 on MobileNet-v2 at stride 8: the last stages dilated, one pooled branch, 21 maps, the best of them.

    Where MobileNet-v2 has stride 2 beyond stride 8, the blocks behind are dilated twice as much instead. Counts: the
    seven stages', that of the two branches; ``option``: expansion of the blocks.
    """
    x = net.conv(net.input, 2 * channels[0], 3, 2, act="relu6")
    dilation = 1
    for place, (width, depth) in enumerate(zip(channels[:-1], depths, strict=True)):
        for block in range(depth):
            stride = 2 if block == 0 and place in (1, 2) else 1
            expanded = x.shape[1] * (1 if place == 0 else option)
            same = stride == 1 and x.shape[1] == width
            y = x if place == 0 else net.conv(x, expanded, 1, act="relu6")
            y = net.depthwise(y, 3, stride, act="relu6", dilation=dilation)
            y = net.conv(y, width, 1, gain=BRANCH_GAIN if same else 1.0)
            x = net.add(x, y) if same else y
            dilation *= 2 if block == 0 and place in (3, 5) else 1
    pooled = net.conv(net.global_pool(x, flat=False), channels[-1], 1, act="relu")
    x = net.concat([net.resize(pooled, x.shape[2:]), net.conv(x, channels[-1], 1, act="relu")])
    x = net.conv(net.conv(x, channels[-1], 1, act="relu"), 21, 1)
    x = net.resize(x, net.input_shape[2:], "linear")
    best = net.node("ArgMax", [x], (1, *x.shape[2:]), axis=1, keepdims=0)
    net.output(net.node("Cast", [best], best.shape, to=1))


def super_resolution(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Convolutions at the input's size, then at each doubled size (``option`` of them), picture out at the last.

    ``option`` 0: threefold by depth-to-space, without convolutions at the larger size.
    """
    picture = net.input_shape[1]
    x = net.conv(net.input, channels[0], 3, act="relu")
    for _ in range(depths[0]):
        x = net.conv(x, channels[0], 3, act="relu")
    if option == 0:
        x = net.conv(net.conv(x, channels[1], 3, act="relu"), 9 * picture, 3)
        height, width = x.shape[2:]
        net.output(net.node("DepthToSpace", [x], (1, picture, 3 * height, 3 * width), blocksize=3, mode="CRD"))
        return
    for width in channels[1 : option + 1]:
        x = net.resize(x, [2 * n for n in x.shape[2:]])
        for _ in range(depths[1]):
            x = net.conv(x, width, 3, act="relu")
    net.output(net.conv(x, picture, 3))


def volume_encoder_decoder(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """3-D U-Net of residual blocks (``depths`` per stage) with normalisation of each volume; ``option`` maps out.

    Such normalisation cannot be folded into a convolution, so every convolution is followed by two passes over its
    output. The decoder resizes to the next size by nearest neighbours and adds.
    """
    x = net.conv(net.input, channels[0], 3)
    kept: list[Tensor] = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        if place > 0:
            kept.append(x)
            x = net.conv(x, width, 3, 2)
        for _ in range(depth):
            x = _volume_residual(net, x)
    for skip in reversed(kept):
        x = net.resize(net.conv(x, skip.shape[1], 1), skip.shape[2:])
        x = _volume_residual(net, net.add(x, skip))
    net.output(net.conv(x, option, 1))


def _volume_residual(net: Net, x: Tensor) -> Tensor:
    y = x
    for _ in range(2):
        y = net.conv(net.act(net.instance_norm(y), "relu"), x.shape[1], 3, gain=BRANCH_GAIN)
    return net.add(x, y)
