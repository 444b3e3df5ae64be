"""Peak rates of computing: convolutions and matrix products that stay in the caches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.measure.timing.micro_record import figure

from . import networks
from .passes import pass_times


def peak(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Operations per second of convolutions [FLOP/s]."""
    path = folder / "net.onnx"
    work_flop = networks.conv_chain(path, payload["precision"], channels=128, size=56, layers=2)
    times, version = pass_times(payload, path, payload["threads"], payload["duration_s"])
    return figure(
        payload["name"], [work_flop / t for t in times], "FLOP/s", best="high", version=version, net="conv3x3x128"
    )


def matmul(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Operations per second of matrix products [FLOP/s]."""
    path = folder / "net.onnx"
    work_flop = networks.matmul_chain(path, payload["precision"], rows=256, width=1024, layers=2)
    times, version = pass_times(payload, path, payload["threads"], payload["duration_s"])
    return figure(
        payload["name"], [work_flop / t for t in times], "FLOP/s", best="high", version=version, net="256x1024x1024"
    )
