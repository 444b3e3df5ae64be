"""Bandwidth of a level of the memory hierarchy: copies of tensors that stay in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.measure.timing.micro_record import figure

from . import networks
from .passes import pass_times


def bandwidth(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Bytes read and written per second; a cache's own traffic for the target line is not counted."""
    tensor_bytes = int(payload["options"]["tensor_bytes"])
    layers = 64 if tensor_bytes < 16 * 1024 * 1024 else 6
    path = folder / "net.onnx"
    moved_bytes = networks.copy_chain(path, tensor_bytes, layers)
    times, version = pass_times(payload, path, payload["threads"], payload["duration_s"])
    return figure(
        payload["name"],
        [moved_bytes / t for t in times],
        "B/s",
        best="high",
        version=version,
        working_set_bytes=2 * tensor_bytes,
    )
