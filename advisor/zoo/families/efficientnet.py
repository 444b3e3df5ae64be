"""EfficientNet-B0 (Tan and Le 2019)."""

from __future__ import annotations

from advisor.zoo.blocks import classify, inverted_residual
from advisor.zoo.builder import Net

_STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
)  # fmt: skip
"""Expansion, channels, blocks, stride, kernel (table 1 of the paper)."""


def efficientnet_b0() -> Net:
    """EfficientNet-B0 at 224 x 224; the squeezed width is a quarter of the block's input."""
    net = Net("efficientnet-b0", (1, 3, 224, 224))
    x = net.conv(net.input, 32, 3, 2, act="silu")
    for expansion, width, depth, stride, kernel in _STAGES:
        for block in range(depth):
            narrow = x.shape[1]
            x = inverted_residual(net, x, narrow * expansion, width, kernel, stride if block == 0 else 1,
                                  act="silu", squeezed=max(1, narrow // 4), se_inner="silu")  # fmt: skip
    classify(net, net.conv(x, 1280, 1, act="silu"), 1000)
    return net
