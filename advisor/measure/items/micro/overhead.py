"""What a call of the runtime costs, however small the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.measure.timing.micro_record import figure

from . import networks
from .passes import pass_times


def overhead(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Time of a pass that computes next to nothing [s]."""
    path = folder / "net.onnx"
    networks.tiny(path)
    times, version = pass_times(payload, path, 1, min(payload["duration_s"], 0.2))
    return figure(payload["name"], times, "s", best="low", version=version)
