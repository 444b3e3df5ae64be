"""ShuffleNet-v2 x1.0 (Ma et al. 2018)."""

from __future__ import annotations

from advisor.zoo.blocks import channel_shuffle, classify
from advisor.zoo.builder import Net, Tensor


def _unit(net: Net, x: Tensor, out: int, stride: int) -> Tensor:
    half = out // 2
    if stride == 1:
        left = net.slice(x, 1, 0, half)
        right = net.slice(x, 1, half, out)
    else:
        left = net.conv(net.depthwise(x, 3, 2), half, 1, act="relu")
        right = x
    y = net.conv(right, half, 1, act="relu")
    y = net.conv(net.depthwise(y, 3, stride), half, 1, act="relu")
    return channel_shuffle(net, net.concat([left, y]))


def shufflenet_v2() -> Net:
    """ShuffleNet-v2 x1.0 at 224 x 224."""
    net = Net("shufflenet-v2", (1, 3, 224, 224))
    x = net.pool(net.conv(net.input, 24, 3, 2, act="relu"), "max", 3, 2, 1)
    for width, depth in ((116, 4), (232, 8), (464, 4)):
        for block in range(depth):
            x = _unit(net, x, width, 2 if block == 0 else 1)
    classify(net, net.conv(x, 1024, 1, act="relu"), 1000)
    return net
