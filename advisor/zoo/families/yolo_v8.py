"""YOLOv8 and YOLO11 (Jocher et al. 2023 and 2024) at 640 x 640 with 80 classes, after their public descriptions.

Both have a path-aggregation neck over strides 8, 16 and 32 and a head without anchors and objectness: boxes as
distributions over 16 distances, classes in a branch of their own. YOLO11 nests its blocks and adds attention at
stride 32; its class branch is separable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from advisor.zoo.blocks import BRANCH_GAIN, csp, pyramid_pool
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import BINS, anchor_free_output

CLASSES = 80
_SCALES_8 = {
    "n": (1 / 3, 0.25, 1024), "s": (1 / 3, 0.50, 1024), "m": (2 / 3, 0.75, 768), "l": (1.0, 1.00, 512),
    "x": (1.0, 1.25, 512),
}  # fmt: skip
"""Depth multiple, width multiple, most channels before widening."""
_SCALES_11 = {
    "n": (0.50, 0.25, 1024), "s": (0.50, 0.50, 1024), "m": (0.50, 1.00, 512), "l": (1.00, 1.00, 512),
    "x": (1.00, 1.50, 512),
}  # fmt: skip
_Inner = Callable[[Net, Tensor], Tensor]


def yolo_v8(size: str) -> Net:
    """YOLOv8 "n", "s", "m", "l" or "x"."""
    net = Net(f"yolov8{size}", (1, 3, 640, 640))
    depth, width, most = _SCALES_8[size]

    def c(channels: int) -> int:
        return _divisible(min(channels, most) * width)

    def block(x: Tensor, channels: int, repeats: int, *, shortcut: bool) -> Tensor:
        inner = partial(_bottleneck, shortcut=shortcut)
        return _split_block(net, x, c(channels), max(1, round(repeats * depth)), c(channels) // 2, inner)

    x = net.conv(net.input, c(64), 3, 2, act="silu")
    kept = []
    for channels, repeats in ((128, 3), (256, 6), (512, 6), (1024, 3)):
        x = net.conv(x, c(channels), 3, 2, act="silu")
        x = block(x, channels, repeats, shortcut=True)
        kept.append(x)
    kept[3] = pyramid_pool(net, x, c(1024))
    maps = _neck(net, kept, c, lambda y, channels, _: block(y, channels, 3, shortcut=False))
    _head(net, maps, separable=False)
    return net


def yolo_11(size: str) -> Net:
    """YOLO11 "n", "s", "m", "l" or "x"."""
    net = Net(f"yolo11{size}", (1, 3, 640, 640))
    depth, width, most = _SCALES_11[size]
    nested_everywhere = size in "mlx"

    def c(channels: int) -> int:
        return _divisible(min(channels, most) * width)

    def block(x: Tensor, channels: int, *, nested: bool, share: float = 0.5) -> Tensor:
        inner = _nested if nested or nested_everywhere else _half_bottleneck
        return _split_block(net, x, c(channels), max(1, round(2 * depth)), int(c(channels) * share), inner)

    x = net.conv(net.input, c(64), 3, 2, act="silu")
    kept = []
    for channels, out, nested, share in (
        (128, 256, False, 0.25), (256, 512, False, 0.25), (512, 512, True, 0.5), (1024, 1024, True, 0.5),
    ):  # fmt: skip
        x = net.conv(x, c(channels), 3, 2, act="silu")
        x = block(x, out, nested=nested, share=share)
        kept.append(x)
    kept[3] = _attentive(net, pyramid_pool(net, x, c(1024)), max(1, round(2 * depth)))
    maps = _neck(net, kept, c, lambda y, channels, last: block(y, channels, nested=last))
    _head(net, maps, separable=True)
    return net


def _divisible(channels: float) -> int:
    """Round up to a multiple of 8."""
    return math.ceil(channels / 8) * 8


def _bottleneck(net: Net, x: Tensor, *, shortcut: bool) -> Tensor:
    """Two 3x3 convolutions of full width."""
    y = net.conv(x, x.shape[1], 3, act="silu")
    y = net.conv(y, x.shape[1], 3, act="silu", gain=BRANCH_GAIN if shortcut else 1.0)
    return net.add(x, y) if shortcut else y


def _half_bottleneck(net: Net, x: Tensor) -> Tensor:
    """Two 3x3 convolutions around half the width, with a shortcut."""
    y = net.conv(x, x.shape[1] // 2, 3, act="silu")
    return net.add(x, net.conv(y, x.shape[1], 3, act="silu", gain=BRANCH_GAIN))


def _nested(net: Net, x: Tensor) -> Tensor:
    """A cross-stage partial block of two bottlenecks with 3x3 convolutions on both sides."""
    return csp(net, x, x.shape[1], 2, first=3)


def _split_block(net: Net, x: Tensor, out: int, repeats: int, width: int, inner: _Inner) -> Tensor:
    """Cross-stage partial block that keeps the output of every inner block (C2f of YOLOv8, C3k2 of YOLO11)."""
    both = net.conv(x, 2 * width, 1, act="silu")
    parts = [net.slice(both, 1, 0, width), net.slice(both, 1, width, 2 * width)]
    for _ in range(repeats):
        parts.append(inner(net, parts[-1]))
    return net.conv(net.concat(parts), out, 1, act="silu")


def _attentive(net: Net, x: Tensor, repeats: int) -> Tensor:
    """Attention over positions on half of the channels (C2PSA); queries and keys have half a head's width."""
    width = x.shape[1] // 2
    both = net.conv(x, 2 * width, 1, act="silu")
    kept, y = net.slice(both, 1, 0, width), net.slice(both, 1, width, 2 * width)
    for _ in range(repeats):
        y = net.add(y, _attention(net, y, max(1, width // 64)))
        z = net.conv(y, 2 * width, 1, act="silu")
        y = net.add(y, net.conv(z, width, 1, gain=BRANCH_GAIN))
    return net.conv(net.concat([kept, y]), x.shape[1], 1, act="silu")


def _attention(net: Net, x: Tensor, heads: int) -> Tensor:
    width, height, wide = x.shape[1:]
    each = width // heads
    key = each // 2
    qkv = net.reshape(net.conv(x, width + 2 * key * heads, 1), (0, heads, 2 * key + each, height * wide))
    query, keys = net.slice(qkv, 2, 0, key), net.slice(qkv, 2, key, 2 * key)
    values = net.slice(qkv, 2, 2 * key, 2 * key + each)
    scores = net.softmax(net.matmul(net.transpose(net.scale(query, key**-0.5), (0, 1, 3, 2)), keys))
    mixed = net.reshape(net.matmul(values, net.transpose(scores, (0, 1, 3, 2))), (0, width, height, wide))
    position = net.depthwise(net.reshape(values, (0, width, height, wide)))
    return net.conv(net.add(mixed, position), width, 1, gain=BRANCH_GAIN)


def _neck(
    net: Net, kept: list[Tensor], c: Callable[[int], int], block: Callable[[Tensor, int, bool], Tensor]
) -> list[Tensor]:
    """Down from stride 32 to 8 and up again; ``block`` takes map, channels before widening, and whether it is last."""
    fine, middle, top = kept[1:]
    middle = block(net.concat([net.resize(top, middle.shape[2:]), middle]), 512, False)
    fine = block(net.concat([net.resize(middle, fine.shape[2:]), fine]), 256, False)
    maps = [fine]
    for lower, channels in ((middle, 512), (top, 1024)):
        y = net.conv(maps[-1], c(channels // 2), 3, 2, act="silu")
        maps.append(block(net.concat([y, lower]), channels, channels == 1024))
    return maps


def _head(net: Net, maps: list[Tensor], *, separable: bool) -> None:
    """Branches for boxes and for classes on every map."""
    first = maps[0].shape[1]
    box_width, class_width = max(16, first // 4, 4 * BINS), max(first, min(CLASSES, 100))
    boxes, scores = [], []
    for x in maps:
        y = net.conv(net.conv(x, box_width, 3, act="silu"), box_width, 3, act="silu")
        boxes.append(net.conv(y, 4 * BINS, 1))
        y = x
        for _ in range(2):
            if separable:
                y = net.conv(net.depthwise(y, act="silu"), class_width, 1, act="silu")
            else:
                y = net.conv(y, class_width, 3, act="silu")
        scores.append(net.conv(y, CLASSES, 1))
    anchor_free_output(net, boxes, scores)
