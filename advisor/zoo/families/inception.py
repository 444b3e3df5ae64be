"""GoogLeNet (Szegedy et al. 2015) and Inception-v3 (Szegedy et al. 2016), without auxiliary heads."""

from __future__ import annotations

from advisor.zoo.blocks import classify
from advisor.zoo.builder import Net, Tensor

_MIXED = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None,
    (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), None,
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip
"""Table 1 of the paper: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection; None is a pooling."""


def googlenet() -> Net:
    """GoogLeNet with 3x3 in place of 5x5 branches, as the published weights (TF-Slim, torchvision) have it."""
    net = Net("googlenet", (1, 3, 224, 224))
    x = net.pool(net.conv(net.input, 64, 7, 2, act="relu"), "max", 3, 2, ceil=True)
    x = net.conv(net.conv(x, 64, 1, act="relu"), 192, act="relu")
    x = net.pool(x, "max", 3, 2, ceil=True)
    for row in _MIXED:
        if row is None:
            x = net.pool(x, "max", 3, 2, ceil=True)
            continue
        one, reduce3, three, reduce5, five, pooled = row
        x = net.concat([
            net.conv(x, one, 1, act="relu"),
            net.conv(net.conv(x, reduce3, 1, act="relu"), three, act="relu"),
            net.conv(net.conv(x, reduce5, 1, act="relu"), five, 3, act="relu"),
            net.conv(net.pool(x, "max", 3, 1, 1), pooled, 1, act="relu"),
        ])  # fmt: skip
    classify(net, x, 1000)
    return net


def _chain(net: Net, x: Tensor, *layers: tuple[int, int | tuple[int, int]], stride: int = 1) -> Tensor:
    """Convolutions in a row; the last one has ``stride`` and then no padding."""
    for place, (width, kernel) in enumerate(layers):
        last = place == len(layers) - 1
        step = stride if last else 1
        x = net.conv(x, width, kernel, step, pad=0 if step == 2 else None, act="relu")
    return x


def inception_v3() -> Net:
    """Inception-v3 at 299 x 299."""
    net = Net("inception-v3", (1, 3, 299, 299))
    x = net.conv(net.input, 32, 3, 2, pad=0, act="relu")
    x = net.conv(net.conv(x, 32, 3, pad=0, act="relu"), 64, 3, act="relu")
    x = net.pool(x, "max", 3, 2)
    x = net.conv(net.conv(x, 80, 1, act="relu"), 192, 3, pad=0, act="relu")
    x = net.pool(x, "max", 3, 2)
    for pooled in (32, 64, 64):
        x = net.concat([
            _chain(net, x, (64, 1)),
            _chain(net, x, (48, 1), (64, 5)),
            _chain(net, x, (64, 1), (96, 3), (96, 3)),
            _chain(net, net.pool(x, "average", 3, 1, 1), (pooled, 1)),
        ])  # fmt: skip
    x = net.concat([
        _chain(net, x, (384, 3), stride=2),
        _chain(net, x, (64, 1), (96, 3), (96, 3), stride=2),
        net.pool(x, "max", 3, 2),
    ])  # fmt: skip
    for c in (128, 160, 160, 192):
        x = net.concat([
            _chain(net, x, (192, 1)),
            _chain(net, x, (c, 1), (c, (1, 7)), (192, (7, 1))),
            _chain(net, x, (c, 1), (c, (7, 1)), (c, (1, 7)), (c, (7, 1)), (192, (1, 7))),
            _chain(net, net.pool(x, "average", 3, 1, 1), (192, 1)),
        ])  # fmt: skip
    x = net.concat([
        _chain(net, x, (192, 1), (320, 3), stride=2),
        _chain(net, x, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), stride=2),
        net.pool(x, "max", 3, 2),
    ])  # fmt: skip
    for _ in range(2):
        left = _chain(net, x, (384, 1))
        right = _chain(net, x, (448, 1), (384, 3))
        x = net.concat([
            _chain(net, x, (320, 1)),
            _chain(net, left, (384, (1, 3))), _chain(net, left, (384, (3, 1))),
            _chain(net, right, (384, (1, 3))), _chain(net, right, (384, (3, 1))),
            _chain(net, net.pool(x, "average", 3, 1, 1), (192, 1)),
        ])  # fmt: skip
    classify(net, x, 1000)
    return net
