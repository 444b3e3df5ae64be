"""SqueezeNet (Iandola et al. 2016)."""

from __future__ import annotations

from advisor.zoo.blocks import fire
from advisor.zoo.builder import Net


def squeezenet(version: str) -> Net:
    """SqueezeNet "1.0" (7x7 stem) or "1.1" (3x3 stem, earlier pooling)."""
    net = Net(f"squeezenet-{version}", (1, 3, 224, 224))
    if version == "1.0":
        x = net.conv(net.input, 96, 7, 2, pad=0, act="relu")
        pools = (0, 3, 7)
    else:
        x = net.conv(net.input, 64, 3, 2, pad=0, act="relu")
        pools = (0, 2, 4)
    fires = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
    for place, (squeezed, expanded) in enumerate(fires):
        if place in pools:
            x = net.pool(x, "max", 3, 2, ceil=True)
        x = fire(net, x, squeezed, expanded)
    net.output(net.global_pool(net.conv(x, 1000, 1, act="relu")))
    return net
