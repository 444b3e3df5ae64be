"""Names of classes that exporters of detectors leave in a file."""

from __future__ import annotations

import ast
from pathlib import Path

from .onnx_parts import read_onnx


def score_columns(path: Path) -> int | None:
    """Count of classes that an ONNX file names in its metadata (``names``, as Ultralytics writes it), else None.

    A row of a pose or segmentation head has more columns behind its class scores, which are no scores.
    """
    if path.suffix.lower() != ".onnx":
        return None
    for entry in read_onnx(path).metadata_props:
        if entry.key == "names":
            try:
                names = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError):
                return None
            return len(names) if isinstance(names, dict | list | tuple) and names else None
    return None
