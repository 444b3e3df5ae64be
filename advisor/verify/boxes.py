"""Boxes from the output of a real detector; hook for layouts that are not known here.

A decoder takes the outputs of one pass and the detector's input size and returns, per picture of the batch, boxes as
fractions of the picture. A layout of one's own is added with :func:`register` before :func:`advisor.verify.verify`
is called, in a module named by the environment variable ``SIZER_BOX_DECODERS`` (``package.module``), which the child
process imports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture, in [0, 1]."""
Decoder = Callable[[Sequence[NDArray[np.generic]], tuple[int, int], int], list[list[Box]]]
"""Outputs, input (width, height) and batch size -> boxes per picture."""

SCORE = 0.5
OVERLAP = 0.45
MOST = 200
"""Candidates that go into suppression; more would only be clutter and cost time in the square."""


def _clip(left: float, top: float, right: float, bottom: float) -> Box | None:
    box = (max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
    return box if box[2] > box[0] and box[3] > box[1] else None


def decode_ssd(outputs: Sequence[NDArray[np.generic]], size: tuple[int, int], batch: int) -> list[list[Box]]:
    """SSD: one output [1, 1, N, 7] of (image, label, score, left, top, right, bottom), fractions; image -1 ends.

    Overlapping boxes are suppressed here, since not every graph does it.
    """
    del size  # boxes are fractions already
    rows = next((item for item in outputs if item.shape[-1] == 7), None)
    if rows is None:
        shapes = ", ".join(str(list(item.shape)) for item in outputs)
        raise InputError(f"layout ssd needs an output [1, 1, N, 7], the model gives {shapes}; register a decoder")
    table = rows.reshape(-1, 7).astype(np.float64)
    ended = np.flatnonzero(table[:, 0] < 0)
    table = table[: ended[0]] if ended.size else table
    found = []
    for image in range(batch):
        likely = table[(table[:, 0] == image) & (table[:, 2] >= SCORE)]
        found.append(_best(likely[:, 3:], likely[:, 2]))
    return found


def _best(corners: NDArray[np.float64], scores: NDArray[np.float64]) -> list[Box]:
    """Boxes left after suppression, inside the picture."""
    clipped = (_clip(*(float(value) for value in corners[index])) for index in suppress(corners, scores))
    return [box for box in clipped if box is not None]


def suppress(boxes: NDArray[np.float64], scores: NDArray[np.float64], overlap: float = OVERLAP) -> list[int]:
    """Greedy non-maximum suppression: indices of boxes kept, best first."""
    order = np.argsort(-scores, kind="stable")[:MOST]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[int] = []
    while order.size:
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        common = np.prod(np.maximum(high - low, 0.0), axis=1)
        union = area[best] + area[rest] - common
        order = rest[common <= overlap * np.maximum(union, 1e-12)]
    return kept


def decode_yolo(outputs: Sequence[NDArray[np.generic]], size: tuple[int, int], batch: int) -> list[list[Box]]:
    """YOLO: one output [B, N, 5 + classes] of (centre x, centre y, width, height, objectness, scores), in pixels.

    The transposed form without objectness, [B, 4 + classes, N] with N larger than the channels, is read as well.
    """
    candidates = [item for item in outputs if item.ndim == 3 and item.shape[0] == batch]
    if not candidates:
        shapes = ", ".join(str(list(item.shape)) for item in outputs)
        raise InputError(f"layout yolo needs an output [B, N, 5 + classes], the model gives {shapes}")
    table = max(candidates, key=lambda item: item.size).astype(np.float64)
    transposed = table.shape[1] < table.shape[2]
    if transposed:
        table = table.transpose(0, 2, 1)
    found: list[list[Box]] = []
    for rows in table:
        scores = rows[:, 4:].max(axis=1) if transposed else rows[:, 4] * rows[:, 5:].max(axis=1, initial=0.0)
        likely = np.flatnonzero(scores >= SCORE)
        half = rows[likely, 2:4] / 2.0
        corners = np.hstack((rows[likely, :2] - half, rows[likely, :2] + half)) / np.array([*size, *size], np.float64)
        found.append(_best(corners, scores[likely]))
    return found


_DECODERS: dict[str, Decoder] = {"ssd": decode_ssd, "yolo": decode_yolo}


def register(layout: str, decoder: Decoder) -> None:
    """Hook: read ``output_layout`` ``layout`` with ``decoder``; replaces one of the same name."""
    _DECODERS[layout] = decoder


def decoder_for(layout: str | None) -> Decoder | None:
    """Return the decoder of a layout; None where outputs are not boxes that can be read."""
    return _DECODERS.get(layout) if layout is not None else None
