"""What is done to a picture before a model takes it."""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[int, int]
"""Width and height [pixels]."""


@dataclass(frozen=True)
class Preparation:
    """Scaling and laying out one input of a model."""

    source: Size
    """What is scaled: the picture, or a box in it."""
    target: Size
    """The model's input."""
    cut_from: Size | None = None
    """Picture that a box is cut out of; None: the whole picture is scaled."""
    raw: bool = False
    """Of a camera without coding, whose pictures need no conversion of colours."""
