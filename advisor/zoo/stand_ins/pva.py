"""Stand-ins built as PVANet (Kim et al. 2016): concatenated ReLU in early blocks, inception modules in late ones."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN, rectified_pair
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import ssd_output

Numbers = tuple[int, ...]


def pva_detector(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Maps at strides 8, 16 and 32 joined at 16 ("hyper-feature") before the heads; ``option`` classes."""
    maps = _stages(net, channels, depths)[-3:]
    size = maps[1].shape[2:]
    joined = net.concat([net.pool(maps[0], "max", 3, 2, 1), maps[1], net.resize(maps[2], size)])
    x = net.conv(joined, channels[-1], 1, act="relu")
    ssd_output(net, [net.conv(x, channels[-1], 3, act="relu")], (9,), option + 1, kernel=1)


def pva_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Mean over the last map, ``option`` outputs."""
    x = _stages(net, channels, depths)[-1]
    net.output(net.dense(net.global_pool(x), option))


def _stages(net: Net, channels: Numbers, depths: Numbers) -> list[Tensor]:
    """Counts: the stem's and each stage's output; the first two stages have the early blocks."""
    x = net.act(rectified_pair(net, net.conv(net.input, channels[0] // 2, 7, 2)), "relu")
    x = net.pool(x, "max", 3, 2, 1)
    maps = []
    for place, (width, depth) in enumerate(zip(channels[1:], depths, strict=True)):
        for block in range(depth):
            stride = 2 if place > 0 and block == 0 else 1
            x = _early(net, x, width, stride) if place < 2 else _late(net, x, width, stride)
        maps.append(x)
    return maps


def _early(net: Net, x: Tensor, out: int, stride: int) -> Tensor:
    """1x1, 3x3 whose output is doubled by its negative, 1x1; with a shortcut."""
    inner = max(4, out * 3 // 8)
    y = net.conv(net.conv(x, inner, 1, act="relu"), inner, 3, stride)
    y = net.act(net.affine(rectified_pair(net, y)), "relu")
    return _shortcut(net, x, net.conv(y, out, 1, gain=BRANCH_GAIN), stride)


def _late(net: Net, x: Tensor, out: int, stride: int) -> Tensor:
    """Branches 1x1, 3x3 and twice 3x3, joined and projected; with a shortcut."""
    quarter, eighth = max(4, out // 4), max(4, out // 8)
    y = net.concat([
        net.conv(x, quarter, 1, stride, act="relu"),
        net.conv(net.conv(x, eighth, 1, act="relu"), quarter, 3, stride, act="relu"),
        net.conv(net.conv(net.conv(x, eighth // 2, 1, act="relu"), eighth, 3, stride, act="relu"), eighth, 3,
                 act="relu"),
    ])  # fmt: skip
    return _shortcut(net, x, net.conv(y, out, 1, gain=BRANCH_GAIN), stride)


def _shortcut(net: Net, x: Tensor, y: Tensor, stride: int) -> Tensor:
    if stride != 1 or x.shape[1] != y.shape[1]:
        x = net.conv(x, y.shape[1], 1, stride)
    return net.act(net.add(x, y), "relu")
