"""YOLO with cross-stage partial blocks: the graph of YOLOv5 6.0 (Jocher et al. 2021) at 640 x 640."""

from __future__ import annotations

import math

from advisor.zoo.blocks import csp, pyramid_pool, round8
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import yolo_output

_MULTIPLES = {
    "yolo-tiny": (0.33, 0.25), "yolo-small": (0.33, 0.50), "yolo-medium": (0.67, 0.75), "yolov5l": (1.0, 1.0),
    "yolov5x": (1.33, 1.25),
}  # fmt: skip
"""Depth and width multiple of YOLOv5 n, s, m, l, x."""


def yolo_features(net: Net, width: float, depth: float) -> list[Tensor]:
    """Backbone and path-aggregation neck: maps at strides 8, 16 and 32."""

    def c(channels: int) -> int:
        return round8(channels * width)

    def n(repeats: int) -> int:
        return max(1, math.floor(repeats * depth + 0.5))

    x = net.conv(net.input, c(64), 6, 2, pad=2, act="silu")
    kept = []
    for channels, repeats in ((128, 3), (256, 6), (512, 9), (1024, 3)):
        x = net.conv(x, c(channels), 3, 2, act="silu")
        x = csp(net, x, c(channels), n(repeats))
        kept.append(x)
    x = pyramid_pool(net, x, c(1024))
    top = net.conv(x, c(512), 1, act="silu")
    x = csp(net, net.concat([net.resize(top, kept[2].shape[2:]), kept[2]]), c(512), n(3), shortcut=False)
    middle = net.conv(x, c(256), 1, act="silu")
    x = csp(net, net.concat([net.resize(middle, kept[1].shape[2:]), kept[1]]), c(256), n(3), shortcut=False)
    maps = [x]
    for lower, channels in ((middle, 512), (top, 1024)):
        y = net.conv(maps[-1], lower.shape[1], 3, 2, act="silu")
        maps.append(csp(net, net.concat([y, lower]), c(channels), n(3), shortcut=False))
    return maps


def yolo(name: str) -> Net:
    """``yolo-tiny``, ``yolo-small``, ``yolo-medium``, ``yolov5l`` or ``yolov5x`` with 80 classes."""
    net = Net(name, (1, 3, 640, 640))
    depth, width = _MULTIPLES[name]
    yolo_output(net, yolo_features(net, width, depth), 80)
    return net
