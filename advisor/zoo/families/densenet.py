"""DenseNet-121 (Huang et al. 2017): each layer reads all earlier ones of its block."""

from __future__ import annotations

from advisor.zoo.blocks import classify
from advisor.zoo.builder import Net


def densenet_121() -> Net:
    """DenseNet-121 with growth 32; normalisation before a convolution cannot be folded and stays as scale and shift."""
    net = Net("densenet-121", (1, 3, 224, 224))
    x = net.pool(net.conv(net.input, 64, 7, 2, act="relu"), "max", 3, 2, 1)
    for block, depth in enumerate((6, 12, 24, 16)):
        for _ in range(depth):
            y = net.act(net.affine(x), "relu")
            y = net.conv(y, 128, 1, act="relu")
            x = net.concat([x, net.conv(y, 32, 3, bias=False)])
        x = net.act(net.affine(x), "relu")
        if block < 3:
            x = net.pool(net.conv(x, x.shape[1] // 2, 1, bias=False), "average", 2, 2)
    classify(net, x, 1000)
    return net
