"""Stand-ins whose output is a map: segmentation, matting, depth, pose, image to image, super-resolution."""

from __future__ import annotations

from advisor.zoo.blocks import basic_residual, separable
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
    """3-D U-Net with two 3x3x3 convolutions per stage (``depths``) and transposed convolutions; ``option`` maps out."""
    x = net.input
    kept: list[Tensor] = []
    for place, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        if place > 0:
            kept.append(x)
            x = net.conv(x, width, 3, 2, act="relu")
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
    for skip in reversed(kept):
        x = net.concat([net.deconv(x, skip.shape[1]), skip])
        x = net.conv(x, skip.shape[1], 3, act="relu")
    net.output(net.conv(x, option, 1))
