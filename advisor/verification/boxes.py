"""Boxes from the output of a real detector; hook for layouts that are not known here.

Read are SSD, YOLO with and without objectness, YOLO with suppression inside the graph, and plain boxes with scores; a
model file's layout is recognised by the shapes of its outputs (:func:`layout_of`). Pictures are scaled to the model's
input without keeping their aspect ratio, so a fraction of the input is the same fraction of the picture.

A layout of one's own is added with :func:`register` before :func:`advisor.verification.verify` is called, in a module
named by the environment variable ``SIZER_BOX_DECODERS`` (``package.module``), which the child process imports. A
decoder takes the outputs of one pass, the input size of the detector and the batch, and returns, per picture, boxes as
fractions of the picture. One that is registered under the name ``file`` reads every detector that is a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from advisor.errors import InputError

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture, in [0, 1]."""
Outputs = Sequence[NDArray[np.generic]]
Decoder = Callable[[Outputs, tuple[int, int], int], list[list[Box]]]
"""Outputs, input (width, height) and batch size -> boxes per picture."""
Labels = Sequence[int]
"""Class numbers that count; empty: all."""

SCORE = 0.5
OVERLAP = 0.45
NORMALISED = 2.0
"""Largest coordinate of a table whose coordinates are fractions: boxes may reach a little beyond the picture."""
MOST_FINAL = 1000
"""Most rows of an output whose overlaps the graph has suppressed itself."""
MOST = 200
"""Candidates that go into suppression; more would only be clutter and cost time in the square."""


def _clip(left: float, top: float, right: float, bottom: float) -> Box | None:
    box = (max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0))
    return box if box[2] > box[0] and box[3] > box[1] else None


def _shapes(outputs: Outputs) -> str:
    return ", ".join(str(list(item.shape)) for item in outputs)


def decode_ssd(outputs: Outputs, size: tuple[int, int], batch: int, labels: Labels = ()) -> list[list[Box]]:
    """SSD: one output [1, 1, N, 7] of (image, label, score, left, top, right, bottom), fractions; image -1 ends.

    Overlapping boxes are suppressed here, since not every graph does it.
    """
    del size  # boxes are fractions already
    rows = next((item for item in outputs if item.shape[-1] == 7), None)
    if rows is None:
        raise InputError(f"layout ssd needs an output [1, 1, N, 7], the model gives {_shapes(outputs)}")
    table = rows.reshape(-1, 7).astype(np.float64)
    ended = np.flatnonzero(table[:, 0] < 0)
    table = table[: ended[0]] if ended.size else table
    found = []
    for image in range(batch):
        likely = table[(table[:, 0] == image) & (table[:, 2] >= SCORE) & _counts(table[:, 1], labels)]
        found.append(_best(likely[:, 3:], likely[:, 2]))
    return found


def _counts(classes: NDArray[np.generic], labels: Labels) -> NDArray[np.bool_]:
    """Say which rows are of a class that counts."""
    return np.isin(classes, list(labels)) if labels else np.ones(len(classes), np.bool_)


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


def decode_yolo(
    outputs: Outputs, size: tuple[int, int], batch: int, labels: Labels = (), classes: int | None = None
) -> list[list[Box]]:
    """YOLO: one output [B, N, 5 + classes] of (centre x, centre y, width, height, objectness, scores).

    Also read: the transposed form without objectness, [B, 4 + classes, N] with N larger than the channels;
    [B, N, 6] of (left, top, right, bottom, score, class) from graphs that suppress overlaps themselves; and the few
    rows of (centre x, centre y, width, height, scores) of a detector with queries (RT-DETR). Coordinates are pixels of
    the input, or fractions of it where none of the whole table is above 2.

    Heads for pose and segmentation have more columns behind their scores, key points or weights of masks, which are no
    scores (:func:`_score_columns`); ``classes`` is the number of classes where the file says it.
    """
    candidates = [item for item in outputs if item.ndim == 3 and item.shape[0] == batch]
    if not candidates:
        raise InputError(f"layout yolo needs an output [B, N, 5 + classes], the model gives {_shapes(outputs)}")
    table = max(candidates, key=lambda item: item.size).astype(np.float64)
    transposed = table.shape[1] < table.shape[2]
    if transposed:
        table = table.transpose(0, 2, 1)
    unit = np.ones(4) if table[:, :, :4].max(initial=0.0) <= NORMALISED else np.array([*size, *size], np.float64)
    final = not transposed and _is_final(table)
    bare = transposed or _few_rows(table.shape)
    first = 4 if bare else 5
    scored = first + _score_columns(table[:, :, first:], outputs, classes)
    found: list[list[Box]] = []
    for rows in table:
        if final:
            scores, kinds, corners = rows[:, 4], rows[:, 5], rows[:, :4]
        else:
            each = rows[:, 4:scored] if bare else rows[:, 4:5] * rows[:, 5:scored]
            scores, kinds = each.max(axis=1, initial=0.0), each.argmax(axis=1) if each.size else rows[:, 0]
            half = rows[:, 2:4] / 2.0
            corners = np.hstack((rows[:, :2] - half, rows[:, :2] + half))
        likely = np.flatnonzero((scores >= SCORE) & _counts(kinds, labels))
        found.append(_best(corners[likely] / unit, scores[likely]))
    return found


def _score_columns(rest: NDArray[np.float64], outputs: Outputs, classes: int | None) -> int:
    """Class scores among the columns behind the box (and objectness).

    As many as the file says. Else a head with masks has an output [B, M, h, w] of their prototypes and M columns for
    them at the end, and scores are the leading columns whose every value is a probability: coordinates of key points
    are not. All columns where not even the first one is (scores before the sigmoid).
    """
    width = int(rest.shape[2])
    if classes is not None:
        return min(classes, width)
    masks = next((int(item.shape[1]) for item in outputs if item.ndim == 4 and item.shape[1] < width), 0)
    width -= masks
    likely = np.logical_and(rest[:, :, :width] >= 0.0, rest[:, :, :width] <= 1.0)
    probable = np.asarray(likely.all(axis=(0, 1)))
    leading = width if probable.all() else int(np.argmin(probable))
    return leading or width


def _is_final(table: NDArray[np.float64]) -> bool:
    """Tell [B, N, 6] of corners, score and class from centre, size, objectness and the score of a single class.

    Graphs that suppress overlaps keep a few hundred rows, behind whose class key points or weights of masks may stand.
    """
    if table.shape[2] < 6 or (table.shape[2] > 6 and table.shape[1] > MOST_FINAL):
        return False
    classes = table[:, :, 5]
    whole = bool((classes == np.round(classes)).all())
    return whole and bool((table[:, :, 2] >= table[:, :, 0]).all() and (table[:, :, 3] >= table[:, :, 1]).all())


def decode_boxes(outputs: Outputs, size: tuple[int, int], batch: int, labels: Labels = ()) -> list[list[Box]]:
    """Plain boxes: an output [N, 5] of (left, top, right, bottom, score) and one [N] of classes; batch 1 only."""
    rows = next((item for item in outputs if item.ndim == 2 and item.shape[1] == 5), None)
    if rows is None or batch != 1:
        raise InputError(f"layout boxes needs an output [N, 5] at batch 1, the model gives {_shapes(outputs)}")
    table = rows.astype(np.float64)
    classes = next((item for item in outputs if item.ndim == 1 and len(item) == len(table)), np.zeros(len(table)))
    unit = np.ones(4) if table[:, :4].max(initial=0.0) <= NORMALISED else np.array([*size, *size], np.float64)
    likely = np.flatnonzero((table[:, 4] >= SCORE) & _counts(classes, labels))
    return [_best(table[likely, :4] / unit, table[likely, 4])]


def layout_of(shapes: Sequence[tuple[int, ...]], batch: int) -> str | None:
    """Tell a detector's layout by the shapes of its outputs; None if they are not boxes that can be read."""
    if "file" in _OWN:
        return "file"
    if any(len(shape) == 4 and shape[:2] == (1, 1) and shape[3] == 7 for shape in shapes):
        return "ssd"
    if batch == 1 and any(len(shape) == 2 and shape[1] == 5 for shape in shapes):
        return "boxes"
    tables = [shape for shape in shapes if len(shape) == 3 and shape[0] == batch]
    if any(
        shape[2] == 6 or _few_rows(shape) or (min(shape[1:]) >= 5 and max(shape[1:]) >= 10 * min(shape[1:]))
        for shape in tables
    ):
        return "yolo"
    return None


def _few_rows(shape: tuple[int, ...]) -> bool:
    """Tell detectors with queries and graphs that suppress overlaps themselves: 100 to 1,000 rows, a round number."""
    return shape[1] in {100, 300, 500, 1000} and 6 <= shape[2] < shape[1]


_KNOWN = {"ssd": decode_ssd, "yolo": decode_yolo, "boxes": decode_boxes}
_OWN: dict[str, Decoder] = {}


def register(layout: str, decoder: Decoder) -> None:
    """Hook: read ``output_layout`` ``layout`` with ``decoder``; goes before one of the same name that is known here."""
    _OWN[layout] = decoder


def decoder_for(layout: str | None, labels: Labels = (), classes: int | None = None) -> Decoder | None:
    """Return the decoder of a layout; None if outputs are not boxes that can be read.

    ``labels`` are for the layouts known here; a decoder of the user's own chooses its classes itself. ``classes`` is
    how many classes the model's file names, if it does.
    """
    if layout is None or layout in _OWN:
        return None if layout is None else _OWN[layout]
    if layout == "yolo":
        return partial(decode_yolo, labels=labels, classes=classes)
    return partial(_KNOWN[layout], labels=labels) if layout in _KNOWN else None
