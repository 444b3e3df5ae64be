"""RT-DETR (Zhao et al. 2024) with HGNetv2 backbones at 640 x 640, 80 classes, after its paper and public description.

Convolutional backbone; one attention layer at stride 32; a path-aggregation encoder; six decoder layers in which 300
queries sample four points of each of three maps per head. Convolutions that are re-parametrised for inference are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from advisor.zoo.blocks import BRANCH_GAIN, feed_forward, self_attention, tokens_of
from advisor.zoo.builder import Net, Tensor
from advisor.zoo.detect import top_places

CLASSES = 80
QUERIES = 300
_WIDTH, _HEADS, _LEVELS, _POINTS, _LAYERS, _HIDDEN = 256, 8, 3, 4, 6, 1024
"""Of the decoder."""


@dataclass(frozen=True)
class _Stage:
    """Inner channels, output channels, blocks; ``light``: each convolution is 1x1, then 5x5 depthwise."""

    inner: int
    out: int
    blocks: int
    light: bool = False


@dataclass(frozen=True)
class _Size:
    stem: int
    stages: tuple[_Stage, ...]
    width: int
    """Of the encoder."""
    hidden: int
    """Of the feed-forward network at stride 32."""


_SIZES = {
    "l": _Size(
        48, (_Stage(48, 128, 1), _Stage(96, 512, 1), _Stage(192, 1024, 3, True), _Stage(384, 2048, 1, True)), 256, 1024
    ),
    "x": _Size(
        64, (_Stage(64, 128, 1), _Stage(128, 512, 2), _Stage(256, 1024, 5, True), _Stage(512, 2048, 2, True)), 384, 2048
    ),
}


def rt_detr(size: str) -> Net:
    """RT-DETR "l" or "x"."""
    net = Net(f"rt-detr-{size}", (1, 3, 640, 640))
    chosen = _SIZES[size]
    maps = _encoder(net, _backbone(net, chosen)[1:], chosen)
    _decoder(net, maps)
    return net


def _backbone(net: Net, size: _Size) -> list[Tensor]:
    """HGNetv2: maps at strides 4, 8, 16 and 32."""
    x = net.conv(net.input, 32, 3, 2, act="relu")
    x = _padded(net, x)
    y = _padded(net, net.conv(x, 16, 2, pad=0, act="relu"))
    x = net.concat([net.pool(x, "max", 2, 1), net.conv(y, 32, 2, pad=0, act="relu")])
    x = net.conv(net.conv(x, 32, 3, 2, act="relu"), size.stem, 1, act="relu")
    maps = []
    for place, stage in enumerate(size.stages):
        if place:
            x = net.depthwise(x, 3, 2)
        for block in range(stage.blocks):
            x = _gathered(net, x, stage, shortcut=block > 0)
        maps.append(x)
    return maps


def _padded(net: Net, x: Tensor) -> Tensor:
    """One row and one column more at the end."""
    pads = net.integers((0, 0, 0, 0, 0, 0, 1, 1))
    return net.node("Pad", [x.name, pads], (*x.shape[:2], x.shape[2] + 1, x.shape[3] + 1))


def _gathered(net: Net, x: Tensor, stage: _Stage, *, shortcut: bool) -> Tensor:
    """Six convolutions in a row whose outputs are joined and squeezed by two 1x1 convolutions."""
    parts = [x]
    for _ in range(6):
        y = parts[-1]
        if stage.light:
            parts.append(net.depthwise(net.conv(y, stage.inner, 1), 5, act="relu"))
        else:
            parts.append(net.conv(y, stage.inner, 3, act="relu"))
    y = net.conv(net.concat(parts), stage.out // 2, 1, act="relu")
    y = net.conv(y, stage.out, 1, act="relu", gain=BRANCH_GAIN if shortcut else 1.0)
    return net.add(x, y) if shortcut else y


def _encoder(net: Net, maps: Sequence[Tensor], size: _Size) -> list[Tensor]:
    """Attention at stride 32, then path aggregation over strides 8, 16 and 32."""
    width = size.width
    fine, middle, top = (net.conv(x, width, 1) for x in maps)
    tokens = tokens_of(net, top)
    place = net.constant(_positions(top.shape[3], top.shape[2], width))
    y = net.node("Add", [tokens.name, place], tokens.shape)
    y = net.layer_norm(net.add(tokens, self_attention(net, y, _HEADS)))
    y = net.layer_norm(net.add(y, feed_forward(net, y, size.hidden)))
    top = net.reshape(net.transpose(y, (0, 2, 1)), (0, width, *top.shape[2:]))
    top = net.conv(top, width, 1, act="silu")
    middle = _fusion(net, net.concat([net.resize(top, middle.shape[2:]), middle]), width)
    middle = net.conv(middle, width, 1, act="silu")
    found = [_fusion(net, net.concat([net.resize(middle, fine.shape[2:]), fine]), width)]
    for lower in (middle, top):
        down = net.conv(found[-1], width, 3, 2, act="silu")
        found.append(_fusion(net, net.concat([down, lower]), width))
    return found


def _fusion(net: Net, x: Tensor, width: int) -> Tensor:
    """Three 3x3 convolutions beside a 1x1 one, summed."""
    y = net.conv(x, width, 1, act="silu")
    for _ in range(3):
        y = net.conv(y, width, 3, act="silu")
    return net.add(y, net.conv(x, width, 1, act="silu", gain=BRANCH_GAIN))


def _decoder(net: Net, maps: Sequence[Tensor]) -> None:
    """Choose the best positions as queries, refine their boxes layer by layer."""
    memory = net.concat([tokens_of(net, net.conv(x, _WIDTH, 1)) for x in maps], 1)
    total = memory.shape[1]
    features = net.layer_norm(net.dense(memory, _WIDTH))
    logits = net.dense(features, CLASSES)
    best = net.node("ReduceMax", [logits], (1, total), axes=(2,), keepdims=0)
    _, index = top_places(net, best, QUERIES)
    anchors = net.constant(_anchors([y.shape[2:] for y in maps]))
    everywhere = net.node("Add", [_perceptron(net, features).name, anchors], (1, total, 4))
    x = _chosen(net, features, index)
    box = net.act(_chosen(net, everywhere, index), "sigmoid")
    for _ in range(_LAYERS):
        place = net.dense(net.dense(box, 2 * _WIDTH, act="relu"), _WIDTH)
        x = net.layer_norm(net.add(x, _among_queries(net, x, place)))
        x = net.layer_norm(net.add(x, _sampled(net, net.add(x, place), box, memory, maps)))
        y = net.dense(net.dense(x, _HIDDEN, act="relu"), _WIDTH, gain=BRANCH_GAIN)
        x = net.layer_norm(net.add(x, y))
        box = net.act(net.add(_perceptron(net, x), _logit(net, box)), "sigmoid")
    scores = net.act(net.dense(x, CLASSES), "sigmoid")
    net.output(net.concat([box, scores], 2))


def _chosen(net: Net, x: Tensor, index: Tensor) -> Tensor:
    """Rows of [batch, positions, width] at ``index`` [batch, queries]."""
    keep, width = index.shape[1], x.shape[2]
    wide = net.reshape(index, (0, keep, 1))
    wide = net.node("Expand", [wide.name, net.integers((1, keep, width))], (1, keep, width))
    return net.node("GatherElements", [x, wide], (1, keep, width), axis=1)


def _perceptron(net: Net, x: Tensor) -> Tensor:
    """Box of a query: three dense layers with ReLU between."""
    for _ in range(2):
        x = net.dense(x, _WIDTH, act="relu")
    return net.dense(x, 4, gain=0.1)


def _logit(net: Net, x: Tensor) -> Tensor:
    """ln(x / (1 - x)), away from the ends."""
    y = net.node("Clip", [x.name, net.scalar(1e-5), net.scalar(1.0 - 1e-5)], x.shape)
    rest = net.node("Sub", [net.scalar(1.0), y], x.shape)
    return net.node("Log", [net.node("Div", [y, rest], x.shape)], x.shape)


def _among_queries(net: Net, x: Tensor, place: Tensor) -> Tensor:
    """Attention of queries to each other; places take part in queries and keys, not in values."""
    tokens, each = x.shape[1], _WIDTH // _HEADS
    both = net.reshape(net.dense(net.add(x, place), 2 * _WIDTH), (0, tokens, 2 * _HEADS, each))
    both = net.transpose(both, (0, 2, 1, 3))
    query, key = net.slice(both, 1, 0, _HEADS), net.slice(both, 1, _HEADS, 2 * _HEADS)
    value = net.transpose(net.reshape(net.dense(x, _WIDTH), (0, tokens, _HEADS, each)), (0, 2, 1, 3))
    scores = net.softmax(net.matmul(net.scale(query, each**-0.5), net.transpose(key, (0, 1, 3, 2))))
    y = net.reshape(net.transpose(net.matmul(scores, value), (0, 2, 1, 3)), (0, tokens, _WIDTH))
    return net.dense(y, _WIDTH, gain=BRANCH_GAIN)


def _sampled(net: Net, x: Tensor, box: Tensor, memory: Tensor, maps: Sequence[Tensor]) -> Tensor:
    """Deformable attention (Zhu et al. 2021): each head reads a few points of each map around the query's box."""
    each, points = _WIDTH // _HEADS, _LEVELS * _POINTS
    value = net.reshape(net.dense(memory, _WIDTH), (0, memory.shape[1], _HEADS, each))
    value = net.transpose(value, (0, 2, 3, 1))
    offset = net.reshape(net.dense(x, 2 * _HEADS * points), (0, QUERIES, _HEADS * points, 2))
    weight = net.softmax(net.reshape(net.dense(x, _HEADS * points), (0, QUERIES, _HEADS, points)))
    box = net.reshape(box, (0, QUERIES, 1, 4))
    centre, extent = net.slice(box, 3, 0, 2), net.slice(box, 3, 2, 4)
    # Fractions of the picture become -1 to 1, as GridSample counts them.
    grid = net.mul(net.scale(offset, 1.0 / _POINTS), extent)
    grid = net.add(grid, net.scale(centre, 2.0))
    grid = net.node("Sub", [grid.name, net.scalar(1.0)], grid.shape)
    grid = net.transpose(net.reshape(grid, (0, QUERIES, _HEADS, points, 2)), (0, 2, 1, 3, 4))
    grid = net.reshape(grid, (-1, QUERIES, points, 2))
    sampled, first = [], 0
    for level, y in enumerate(maps):
        height, width = y.shape[2:]
        part = net.slice(value, 3, first, first + height * width)
        first += height * width
        part = net.reshape(part, (-1, each, height, width))
        where = net.slice(grid, 2, level * _POINTS, (level + 1) * _POINTS)
        sampled.append(net.node("GridSample", [part, where], (_HEADS, each, QUERIES, _POINTS), mode="bilinear",
                                padding_mode="zeros", align_corners=0))  # fmt: skip
    weight = net.reshape(net.transpose(weight, (0, 2, 1, 3)), (-1, 1, QUERIES, points))
    mixed = net.mul(net.concat(sampled, 3), weight)
    total = net.node("ReduceSum", [mixed.name, net.integers((3,))], mixed.shape[:3], keepdims=0)
    y = net.transpose(net.reshape(total, (-1, _WIDTH, QUERIES)), (0, 2, 1))
    return net.dense(y, _WIDTH, gain=BRANCH_GAIN)


def _positions(width: int, height: int, channels: int) -> Any:
    """Recipe of sines and cosines of places, [1, positions, channels] (Vaswani et al. 2017, in two dimensions)."""

    def make() -> Any:
        import numpy as np

        y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        steps = 10000.0 ** -(np.arange(channels // 4) / (channels // 4))
        angles = [axis.reshape(-1, 1) * steps for axis in (x, y)]
        parts = [wave(angle) for angle in angles for wave in (np.sin, np.cos)]
        return np.concatenate(parts, axis=1)[None].astype(np.float32)

    return make


def _anchors(grid: Sequence[tuple[int, ...]]) -> Any:
    """Recipe of a box at every cell as logits, [1, positions, 4]: 5 % of the picture wide, twice that per level."""

    def make() -> Any:
        import numpy as np

        rows = []
        for level, (height, width) in enumerate(grid):
            y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
            side = np.full(height * width, 0.05 * 2.0**level)
            rows.append(np.stack([(x.reshape(-1) + 0.5) / width, (y.reshape(-1) + 0.5) / height, side, side], axis=1))
        boxes = np.concatenate(rows)[None]
        return np.log(boxes / (1.0 - boxes)).astype(np.float32)

    return make
