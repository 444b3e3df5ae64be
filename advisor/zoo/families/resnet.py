"""ResNet (He et al. 2016), stride in the 3x3 convolution as in the usual weights."""

from __future__ import annotations

from advisor.zoo.blocks import basic_residual, bottleneck, classify
from advisor.zoo.builder import Net

_DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def resnet(layers: int) -> Net:
    """Build ResNet-18, -34 (basic blocks), -50 or -101 (bottlenecks)."""
    net = Net(f"resnet-{layers}", (1, 3, 224, 224))
    x = net.pool(net.conv(net.input, 64, 7, 2, act="relu"), "max", 3, 2, 1)
    for stage, depth in enumerate(_DEPTHS[layers]):
        for block in range(depth):
            stride = 2 if stage > 0 and block == 0 else 1
            x = basic_residual(net, x, 64 << stage, stride) if layers < 50 else bottleneck(net, x, 256 << stage, stride)
    classify(net, x, 1000)
    return net
