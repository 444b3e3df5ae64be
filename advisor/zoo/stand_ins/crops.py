"""Stand-ins of nets on crops of faces: plain convolutions, and embeddings with attention to channels."""

from __future__ import annotations

from advisor.zoo.blocks import BRANCH_GAIN, squeeze_excite
from advisor.zoo.builder import Net, Tensor

Numbers = tuple[int, ...]


def crop_convolutions(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """Convolutions alone, most without padding, down to one position; ``option`` heads of three convolutions.

    Counts: five convolutions (pooling behind the first three, the third padded), the heads' first and second one.
    ``depths`` adds padded convolutions to each of the five.
    """
    x = net.input
    for place, (width, depth) in enumerate(zip(channels[:5], depths, strict=True)):
        x = net.conv(x, width, 3, pad=1 if place == 2 else 0, act="relu")
        for _ in range(depth):
            x = net.conv(x, width, 3, act="relu")
        if place < 3:
            x = net.pool(x, "max", 3, 2, ceil=True)
    size = min(3, *x.shape[2:])
    heads = []
    for _ in range(option):
        y = net.conv(x, channels[5], size, pad=0, act="relu")
        heads.append(net.conv(net.conv(y, channels[6], 1, act="relu"), 2, y.shape[2:], pad=0))
    net.output(net.reshape(net.concat(heads), (0, -1)))


def crop_landmarks(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """3x3 convolutions, each with PReLU, pooling and scaling; pooling over all positions by a depthwise convolution.

    Counts: one for each convolution, then three of 1x1 convolutions; ``option`` numbers out. ``depths`` says for each
    convolution whether a pooling follows.
    """
    x = net.input
    for width, pooled in zip(channels[:-2], depths, strict=True):
        x = net.act(net.conv(x, width, 3), "prelu")
        x = net.affine(net.pool(x, "max", 2, 2) if pooled else x)
    x = net.conv(x, x.shape[1], x.shape[2:], pad=0, groups=x.shape[1])
    for width in channels[-2:]:
        x = net.act(net.conv(x, width, 1), "prelu")
    net.output(net.reshape(net.conv(x, option, 1), (0, option)))


def face_embedding(net: Net, channels: Numbers, depths: Numbers, option: int) -> None:
    """MobileFaceNet (Chen et al. 2018) with squeeze-and-excite and PReLU; an embedding of ``option`` numbers.

    Counts: the stem's, three stages', that of the last 1x1 convolution. The mean is a depthwise convolution over all
    positions.
    """
    x = net.conv(net.input, channels[0], 3, 2, act="prelu")
    x = net.depthwise(x, act="prelu")
    for place, (width, depth) in enumerate(zip(channels[1:-1], depths, strict=True)):
        for block in range(depth + 1):
            # The paper's expansion: 2, but 4 where the map is halved, and in the first such block 2.
            expansion = 4 if block == 0 and place > 0 else 2
            x = _attentive_residual(net, x, expansion * x.shape[1], width, 2 if block == 0 else 1)
    x = net.conv(x, channels[-1], 1, act="prelu")
    x = net.conv(x, x.shape[1], x.shape[2:], pad=0, groups=x.shape[1])
    net.output(net.reshape(net.conv(x, option, 1), (0, option)))


def _attentive_residual(net: Net, x: Tensor, expanded: int, out: int, stride: int) -> Tensor:
    """Inverted residual with PReLU and attention behind the projection."""
    y = net.depthwise(net.conv(x, expanded, 1, act="prelu"), 3, stride, act="prelu")
    same = stride == 1 and x.shape[1] == out
    y = squeeze_excite(net, net.conv(y, out, 1, gain=BRANCH_GAIN if same else 1.0), max(8, out // 8))
    return net.add(x, y) if same else y
