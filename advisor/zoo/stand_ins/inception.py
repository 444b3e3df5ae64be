"""Stand-ins of the Inception line: parallel branches that are joined, from GoogLeNet to Inception-ResNet."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN
from advisor.zoo.builder import Net, Tensor

Numbers = tuple[int, ...]
Kernel = int | tuple[int, int]


def _chain(net: Net, x: Tensor, *layers: tuple[int, Kernel], stride: int = 1) -> Tensor:
    """Convolutions in a row with ReLU; the last one has ``stride``."""
    for place, (width, kernel) in enumerate(layers):
        x = net.conv(x, width, kernel, stride if place == len(layers) - 1 else 1, act="relu")
    return x


def _part(width: int, numerator: int, denominator: int) -> int:
    """Share of a stage's count, at least one channel."""
    return max(1, width * numerator // denominator)


def inception_classifier(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """BN-Inception-like: modules of four branches in three stages; ``option`` classes.

    Counts: the two convolutions of the stem, each stage's joined width; the shares are those of the middle modules of
    Ioffe and Szegedy (2015), table of figure 5.
    """
    x = net.pool(net.conv(net.input, channels[0], 7, 2, act="relu"), "max", 3, 2, 1)
    x = net.pool(_chain(net, x, (channels[0], 1), (channels[1], 3)), "max", 3, 2, 1)
    for place, (width, depth) in enumerate(zip(channels[2:], depths, strict=True)):
        for block in range(depth):
            stride = 2 if place > 0 and block == 0 else 1
            quarter, third, eighth = _part(width, 1, 4), _part(width, 3, 8), _part(width, 1, 8)
            parts = [
                _chain(net, x, (quarter, 1), (third, 3), stride=stride),
                _chain(net, x, (quarter, 1), (quarter, 3), (quarter, 3), stride=stride),
            ]
            if stride == 2:
                parts.append(net.pool(x, "max", 3, 2, 1))
            else:
                pooled = net.pool(x, "average", 3, 1, 1)
                parts += [net.conv(x, quarter, 1, act="relu"), net.conv(pooled, eighth, 1, act="relu")]
            x = net.concat(parts)
    net.output(net.dense(net.global_pool(x), option))


def inception_v4(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Inception-v4 (Szegedy et al. 2017, figures 3 to 9); ``option`` classes.

    Counts: the stem's first convolution and the widest 1x1 branch of each kind of module at a half (32, 96, 192, 256
    in the paper); all other widths keep the paper's ratio to them.
    """
    stem, a, b, c = channels
    x = _v4_stem(net, stem)
    for _ in range(depths[0]):
        x = _v4_a(net, x, a)
    x = net.concat([
        net.pool(x, "max", 3, 2), _valid(net, x, 4 * a),
        _valid(net, _chain(net, x, (2 * a, 1), (_part(a, 7, 3), 3)), _part(a, 8, 3)),
    ])  # fmt: skip
    for _ in range(depths[1]):
        x = _v4_b(net, x, b)
    x = net.concat([
        net.pool(x, "max", 3, 2), _valid(net, net.conv(x, b, 1, act="relu"), b),
        _valid(net, _chain(net, x, (c, 1), (c, (1, 7)), (_part(c, 5, 4), (7, 1))), _part(c, 5, 4)),
    ])  # fmt: skip
    for _ in range(depths[2]):
        x = _v4_c(net, x, c)
    net.output(net.dense(net.global_pool(x), option))


def _valid(net: Net, x: Tensor, width: int) -> Tensor:
    """3x3 convolution of stride 2 without padding, beside whose output a pooling is joined."""
    return net.conv(x, width, 3, 2, pad=0, act="relu")


def _v4_stem(net: Net, width: int) -> Tensor:
    wide = 3 * width
    x = net.conv(net.conv(net.input, width, 3, 2, pad=0, act="relu"), width, 3, pad=0, act="relu")
    x = net.conv(x, 2 * width, 3, act="relu")
    x = net.concat([net.pool(x, "max", 3, 2), _valid(net, x, wide)])
    left = net.conv(net.conv(x, 2 * width, 1, act="relu"), wide, 3, pad=0, act="relu")
    right = _chain(net, x, (2 * width, 1), (2 * width, (7, 1)), (2 * width, (1, 7)))
    x = net.concat([left, net.conv(right, wide, 3, pad=0, act="relu")])
    return net.concat([_valid(net, x, 2 * wide), net.pool(x, "max", 3, 2)])


def _v4_a(net: Net, x: Tensor, width: int) -> Tensor:
    narrow = _part(width, 2, 3)
    return net.concat([
        net.conv(net.pool(x, "average", 3, 1, 1), width, 1, act="relu"), net.conv(x, width, 1, act="relu"),
        _chain(net, x, (narrow, 1), (width, 3)), _chain(net, x, (narrow, 1), (width, 3), (width, 3)),
    ])  # fmt: skip


def _v4_b(net: Net, x: Tensor, width: int) -> Tensor:
    more, most = _part(width, 7, 6), _part(width, 4, 3)
    return net.concat([
        net.conv(net.pool(x, "average", 3, 1, 1), _part(width, 2, 3), 1, act="relu"),
        net.conv(x, 2 * width, 1, act="relu"),
        _chain(net, x, (width, 1), (more, (1, 7)), (most, (7, 1))),
        _chain(net, x, (width, 1), (width, (1, 7)), (more, (7, 1)), (more, (1, 7)), (most, (7, 1))),
    ])  # fmt: skip


def _v4_c(net: Net, x: Tensor, width: int) -> Tensor:
    wide = _part(width, 3, 2)
    left = net.conv(x, wide, 1, act="relu")
    right = _chain(net, x, (wide, 1), (_part(width, 7, 4), (1, 3)), (2 * width, (3, 1)))
    return net.concat([
        net.conv(net.pool(x, "average", 3, 1, 1), width, 1, act="relu"), net.conv(x, width, 1, act="relu"),
        net.conv(left, width, (1, 3), act="relu"), net.conv(left, width, (3, 1), act="relu"),
        net.conv(right, width, (1, 3), act="relu"), net.conv(right, width, (3, 1), act="relu"),
    ])  # fmt: skip


def inception_residual(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Inception-ResNet-v1 (Szegedy et al. 2017, figures 10 to 15); ``option`` numbers out.

    Counts: the stem's first convolution and the branches of each kind of block (32, 32, 128, 192 in the paper).
    """
    stem, a, b, c = channels
    x = net.conv(net.conv(net.input, stem, 3, 2, pad=0, act="relu"), stem, 3, pad=0, act="relu")
    x = net.pool(net.conv(x, 2 * stem, 3, act="relu"), "max", 3, 2)
    x = net.conv(net.conv(x, _part(stem, 5, 2), 1, act="relu"), 6 * stem, 3, pad=0, act="relu")
    x = _valid(net, x, 8 * stem)
    for _ in range(depths[0]):
        parts = [net.conv(x, a, 1, act="relu"), _chain(net, x, (a, 1), (a, 3)), _chain(net, x, (a, 1), (a, 3), (a, 3))]
        x = _joined_residual(net, x, parts)
    x = net.concat([
        net.pool(x, "max", 3, 2), _valid(net, x, 12 * a),
        _valid(net, _chain(net, x, (6 * a, 1), (6 * a, 3)), 8 * a),
    ])  # fmt: skip
    for _ in range(depths[1]):
        x = _joined_residual(net, x, [net.conv(x, b, 1, act="relu"), _chain(net, x, (b, 1), (b, (1, 7)), (b, (7, 1)))])
    x = net.concat([
        net.pool(x, "max", 3, 2), _valid(net, net.conv(x, 2 * b, 1, act="relu"), 3 * b),
        _valid(net, net.conv(x, 2 * b, 1, act="relu"), 2 * b),
        _valid(net, _chain(net, x, (2 * b, 1), (2 * b, 3)), 2 * b),
    ])  # fmt: skip
    for _ in range(depths[2]):
        x = _joined_residual(net, x, [net.conv(x, c, 1, act="relu"), _chain(net, x, (c, 1), (c, (1, 3)), (c, (3, 1)))])
    net.output(net.dense(net.global_pool(x), option))


def _joined_residual(net: Net, x: Tensor, parts: list[Tensor]) -> Tensor:
    """Branches joined, projected to the block's width and added."""
    return net.act(net.add(x, net.conv(net.concat(parts), x.shape[1], 1, gain=BRANCH_GAIN)), "relu")
