"""How far two sets of answers to the same inputs agree: best classes, boxes, or tensors as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .boxes import Box, Decoder, Outputs

OVERLAP = 0.5
"""Intersection over union from which on two boxes are the same object (PASCAL VOC; Everingham et al. 2010)."""


@dataclass(frozen=True)
class Agreed:
    """Agreement over all inputs."""

    kind: Literal["top-1", "boxes", "tensors"]
    value: float
    """In [0, 1]."""
    inputs: int
    compared: int
    """Classes, boxes of both, or tensors."""


def agreement(
    ours: Sequence[Outputs], reference: Sequence[Outputs], decoder: Decoder | None, size: tuple[int, int]
) -> Agreed:
    """Compare answers input by input.

    Parameters
    ----------
    ours, reference : sequence of outputs
        One list of tensors per input, in the same order.
    decoder : Decoder or None
        Reads boxes; None for a model that is no detector. Where it finds no box at all, tensors are compared.
    size : tuple
        Width and height of the detector's input.
    """
    if decoder is not None:
        boxes = _boxes(ours, reference, decoder, size)
        if boxes.compared:
            return boxes
    elif all(_is_classes(outputs) for outputs in (*ours, *reference)):
        same = [np.argmax(_flat(a[0]), axis=1) == np.argmax(_flat(b[0]), axis=1)
                for a, b in zip(ours, reference, strict=True)]  # fmt: skip
        hits = np.concatenate(same)
        return Agreed("top-1", float(np.mean(hits)), len(ours), len(hits))
    cosines = [
        _cosine(np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel())
        for one, other in zip(ours, reference, strict=True)
        for a, b in zip(one, other, strict=True)
    ]
    return Agreed("tensors", float(np.clip(np.mean(cosines), 0.0, 1.0)), len(ours), len(cosines))


def _is_classes(outputs: Outputs) -> bool:
    """Whether a model gives one row of scores per input, and nothing else."""
    if len(outputs) != 1:
        return False
    shape = outputs[0].shape
    return len(shape) >= 2 and shape[1] > 1 and all(length == 1 for length in shape[2:])


def _flat(scores: np.ndarray) -> np.ndarray:
    return scores.reshape(scores.shape[0], -1)


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    if one.shape != other.shape:
        return 0.0  # outputs whose number depends on the data, such as boxes that the graph suppressed
    scale = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / scale if scale > 0 else float(np.array_equal(one, other))


def _boxes(ours: Sequence[Outputs], reference: Sequence[Outputs], decoder: Decoder, size: tuple[int, int]) -> Agreed:
    found = matched = 0
    for one, other in zip(ours, reference, strict=True):
        for mine, theirs in zip(decoder(one, size, 1), decoder(other, size, 1), strict=True):
            found += len(mine) + len(theirs)
            matched += 2 * _matches(mine, theirs)
    return Agreed("boxes", matched / found if found else 0.0, len(ours), found)


def _matches(mine: Sequence[Box], theirs: Sequence[Box]) -> int:
    """Pairs of boxes that overlap enough, each box in one pair at most, largest overlaps first."""
    overlaps = sorted(((_overlap(a, b), i, k) for i, a in enumerate(mine) for k, b in enumerate(theirs)), reverse=True)
    used_mine: set[int] = set()
    used_theirs: set[int] = set()
    for overlap, i, k in overlaps:
        if overlap >= OVERLAP and i not in used_mine and k not in used_theirs:
            used_mine.add(i)
            used_theirs.add(k)
    return len(used_mine)


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - width * height
    return width * height / union
