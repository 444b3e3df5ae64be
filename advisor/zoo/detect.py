"""Detector heads: from feature maps to boxes of a stated layout, with plain operators and static sizes.

``ssd``: [1, 1, boxes, 7], a row is image_id, label, confidence, xmin, ymin, xmax, ymax; coordinates are fractions of
the image. There are ``KEEP`` rows per image (fewer where there are fewer anchors), the best by confidence; with a batch
the rows of all images stand one after another, image_id tells them apart. Suppression of overlapping boxes is left out:
its shapes depend on the data and its time, microseconds on a few hundred boxes, is no part of a sizing.

``yolo``: [batch, anchors, 5 + classes], a row is centre x, centre y, width, height in pixels, objectness, then class
scores; all between 0 and 1 but for the box. Without anchors and objectness: [batch, 4 + classes, positions].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .builder import Net, Tensor

KEEP = 200
_ASPECTS = (1.0, 2.0, 0.5, 3.0, 1.0 / 3.0, 1.0)


def ssd_output(
    net: Net, maps: Sequence[Tensor], anchors: Sequence[int], classes: int, *, kernel: int = 3, light: bool = False,
    score_maps: Sequence[Tensor] | None = None, shared: bool = False,
) -> Tensor:  # fmt: skip
    """Predict boxes on ``maps`` and decode them; ``light`` puts a depthwise 3x3 before 1x1 predictors (SSDLite).

    ``classes`` counts the background, which is class 0. With ``score_maps`` classes are predicted on those and boxes on
    ``maps``, as in detectors with towers; ``shared``: all levels have the same predictors.
    """
    boxes, scores = [], []
    for place, (x, count) in enumerate(zip(maps, anchors, strict=True)):
        if score_maps is None:
            both = _predict(net, x, count, 4 + classes, kernel, light, None)
            boxes.append(net.slice(both, 2, 0, 4))
            scores.append(net.slice(both, 2, 4, 4 + classes))
        else:
            ties = ("boxes", "classes") if shared else (None, None)
            boxes.append(_predict(net, x, count, 4, kernel, light, ties[0]))
            scores.append(_predict(net, score_maps[place], count, classes, kernel, light, ties[1]))
    grid = [(x.shape[2], x.shape[3], count) for x, count in zip(maps, anchors, strict=True)]
    return net.output(_decode(net, net.concat(boxes), net.concat(scores), grid))


def _predict(net: Net, x: Tensor, count: int, width: int, kernel: int, light: bool, tie: str | None) -> Tensor:
    """[batch, positions x count, width] from one map."""
    size = kernel
    if light:
        x, size = net.depthwise(x, act="relu", tie=None if tie is None else f"{tie}-depthwise"), 1
    y = net.conv(x, count * width, size, tie=tie)
    return net.reshape(net.transpose(y, (0, 2, 3, 1)), (0, -1, width))


def _decode(net: Net, box: Tensor, score: Tensor, grid: Sequence[tuple[int, int, int]]) -> Tensor:
    """Turn offsets [batch, anchors, 4] and logits [batch, anchors, classes] into the best rows."""
    total = box.shape[1]
    keep = min(KEEP, total)
    probability = net.slice(net.softmax(score), 2, 1, score.shape[2])
    best = net.node("ReduceMax", [probability], (1, total), axes=(2,), keepdims=0)
    label = net.node("ArgMax", [probability], (1, total), axis=2, keepdims=0)
    top, index = top_places(net, best, keep)

    priors = [net.constant(_priors(grid, part)) for part in (0, 1)]
    # Variances 0.1 and 0.2 and the exponential are those of SSD (Liu et al. 2016), as its public code has them.
    centre = net.node("Mul", [net.slice(box, 2, 0, 2).name, net.scalar(0.1)], (1, total, 2))
    centre = net.node("Mul", [centre.name, priors[1]], centre.shape)
    centre = net.node("Add", [centre.name, priors[0]], centre.shape)
    extent = net.node("Mul", [net.slice(box, 2, 2, 4).name, net.scalar(0.2)], (1, total, 2))
    # Clipped so that random weights cannot overflow the exponential; real offsets are far below.
    extent = net.node("Clip", [extent.name, net.scalar(-4.0), net.scalar(4.0)], extent.shape)
    extent = net.node("Mul", [net.node("Exp", [extent], extent.shape).name, priors[1]], extent.shape)
    half = net.scale(extent, 0.5)
    corners = net.concat([net.node("Sub", [centre, half], half.shape), net.add(centre, half)], 2)
    corners = net.node("Clip", [corners.name, net.scalar(0.0), net.scalar(1.0)], corners.shape)

    wide = net.reshape(index, (0, keep, 1))
    shape = net.integers((1, keep, 4))
    chosen = net.node("GatherElements", [corners, net.node("Expand", [wide.name, shape], (1, keep, 4))],
                      (1, keep, 4), axis=1)  # fmt: skip
    label = net.node("GatherElements", [label, index], (1, keep), axis=1)
    label = net.node("Cast", [label], (1, keep), to=1)
    label = net.node("Add", [label.name, net.scalar(1.0)], (1, keep))
    # Image number: running sum of ones over the batch, less one.
    ones = net.node("Add", [net.scale(top, 0.0).name, net.scalar(1.0)], (1, keep))
    axis = net.constant(_axis0)
    image = net.node("CumSum", [ones.name, axis], (1, keep), exclusive=1)
    columns = [net.reshape(part, (0, keep, 1)) for part in (image, label, top)]
    rows = net.concat([*columns, chosen], 2)
    return net.node("Reshape", [rows.name, net.integers((1, 1, -1, 7))], (1, 1, keep, 7))


def _axis0() -> Any:
    import numpy as np

    return np.asarray(0, dtype=np.int64)


def top_places(net: Net, x: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Largest ``keep`` values of axis 1 and their places."""
    values = net.node("TopK", [x.name, net.integers((keep,))], (1, keep), axis=1, largest=1, sorted=1)
    last = net.nodes[-1]
    places = f"{values.name}_places"
    net.nodes[-1] = type(last)(last.op, last.inputs, (values.name, places), last.attributes)
    return values, Tensor(places, (1, keep))


def _priors(grid: Sequence[tuple[int, int, int]], part: int) -> Any:
    """Recipe of anchor centres (part 0) or extents (part 1), [1, anchors, 2] as x, y fractions."""

    def make() -> Any:
        import numpy as np

        rows = []
        for level, (height, width, count) in enumerate(grid):
            size = 0.1 + 0.8 * level / max(1, len(grid) - 1)
            y, x, anchor = np.meshgrid(np.arange(height), np.arange(width), np.arange(count), indexing="ij")
            if part == 0:
                pair = [(x + 0.5) / width, (y + 0.5) / height]
            else:
                ratio = np.asarray([math.sqrt(_ASPECTS[i % len(_ASPECTS)]) for i in range(count)])[anchor]
                grown = np.asarray([size * (1.0 + 0.2 * (i // 5)) for i in range(count)])[anchor]
                pair = [grown * ratio, grown / ratio]
            rows.append(np.stack(pair, axis=-1).reshape(-1, 2))
        return np.concatenate(rows)[None].astype(np.float32)

    return make


def yolo_output(net: Net, maps: Sequence[Tensor], classes: int, anchors: int = 3) -> Tensor:
    """Predict on ``maps`` with 1x1 convolutions and decode as YOLOv5 does."""
    levels = []
    image_h = net.input_shape[2]
    for level, x in enumerate(maps):
        height, width = x.shape[2:]
        step = image_h / height
        y = net.conv(x, anchors * (5 + classes), 1, act="sigmoid")
        y = net.reshape(y, (0, anchors, 5 + classes, height * width))
        y = net.reshape(net.transpose(y, (0, 1, 3, 2)), (0, anchors * height * width, 5 + classes))
        centre = net.node("Mul", [net.slice(y, 2, 0, 2).name, net.scalar(2.0 * step)], (1, y.shape[1], 2))
        centre = net.node("Add", [centre.name, net.constant(_cells(anchors, height, width, step))], centre.shape)
        extent = net.slice(y, 2, 2, 4)
        extent = net.node("Mul", [net.mul(extent, extent).name, net.constant(_sizes(anchors, height * width, level))],
                          extent.shape)  # fmt: skip
        levels.append(net.concat([centre, extent, net.slice(y, 2, 4, 5 + classes)], 2))
    return net.output(net.concat(levels))


BINS = 16
"""Distances over which a head without anchors predicts how far an edge lies."""


def anchor_free_output(net: Net, boxes: Sequence[Tensor], scores: Sequence[Tensor]) -> Tensor:
    """Decode maps of distances (4 x ``BINS`` channels) and of class logits as YOLOv8 does (Li et al. 2020)."""
    box = net.concat([net.reshape(x, (0, 4 * BINS, -1)) for x in boxes], 2)
    score = net.concat([net.reshape(x, (0, x.shape[1], -1)) for x in scores], 2)
    total = box.shape[2]
    parts = net.transpose(net.reshape(box, (0, 4, BINS, total)), (0, 2, 1, 3))
    mean = net.weight((1, BINS, 1, 1), 0.05, (BINS - 1) / 2)
    net.macs += 4 * BINS * total
    distance = net.node("Conv", [net.softmax(parts, 1).name, mean], (1, 1, 4, total), kernel_shape=(1, 1))
    distance = net.reshape(distance, (0, 4, total))
    grid = [x.shape[2:] for x in boxes]
    anchors = net.constant(_centres(grid))
    low = net.node("Sub", [anchors, net.slice(distance, 1, 0, 2)], (1, 2, total))
    high = net.node("Add", [net.slice(distance, 1, 2, 4).name, anchors], (1, 2, total))
    centre = net.scale(net.add(low, high), 0.5)
    extent = net.node("Sub", [high, low], (1, 2, total))
    pixels = net.constant(_steps(grid, net.input_shape[2]))
    box = net.node("Mul", [net.concat([centre, extent]).name, pixels], (1, 4, total))
    return net.output(net.concat([box, net.act(score, "sigmoid")]))


def _centres(grid: Sequence[tuple[int, ...]]) -> Callable[[], Any]:
    """Recipe of the centres of all cells, [1, 2, positions] as x, y in cells."""

    def make() -> Any:
        import numpy as np

        rows = []
        for height, width in grid:
            y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
            rows.append(np.stack([x.reshape(-1), y.reshape(-1)]) + 0.5)
        return np.concatenate(rows, axis=1)[None].astype(np.float32)

    return make


def _steps(grid: Sequence[tuple[int, ...]], image_height: int) -> Callable[[], Any]:
    """Recipe of the pixels per cell, [1, 1, positions]."""

    def make() -> Any:
        import numpy as np

        rows = [np.full(height * width, image_height / height) for height, width in grid]
        return np.concatenate(rows)[None, None].astype(np.float32)

    return make


def _cells(anchors: int, height: int, width: int, step: float) -> Any:
    def make() -> Any:
        import numpy as np

        _, y, x = np.meshgrid(np.arange(anchors), np.arange(height), np.arange(width), indexing="ij")
        return (np.stack([x, y], axis=-1).reshape(1, -1, 2).astype(np.float32) - np.float32(0.5)) * np.float32(step)

    return make


def _sizes(anchors: int, cells: int, level: int) -> Any:
    def make() -> Any:
        import numpy as np

        base = 16.0 * 2.5**level
        pairs = [(4.0 * base * (1.0 + 0.6 * i), 4.0 * base * (1.0 + 0.5 * (anchors - 1 - i))) for i in range(anchors)]
        return np.repeat(np.asarray(pairs, dtype=np.float32), cells, axis=0)[None]

    return make
