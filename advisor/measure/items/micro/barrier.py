"""What the threads of one pass lose to waiting for each other after each kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from advisor.measure.timing.micro_record import figure

from . import networks
from .passes import pass_times

BARRIER_LAYERS = 64


def barrier(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    r"""Time that each kernel loses to waiting for all threads.

    .. math:: b_n = (T_n - T_1 / n) / k

    with T the low quantile of a pass of k equal kernels whose work divides by n. Derived here.
    """
    path = folder / "net.onnx"
    threads = payload["threads"]
    networks.conv_chain(path, "f32", channels=64, size=8, layers=BARRIER_LAYERS, kernel=1)
    alone, _ = pass_times(payload, path, 1, payload["duration_s"] / 2)
    together, version = pass_times(payload, path, threads, payload["duration_s"] / 2)
    ideal_s = float(np.quantile(alone, 0.1)) / threads
    return figure(
        payload["name"],
        [max(0.0, t - ideal_s) / BARRIER_LAYERS for t in together],
        "s",
        best="low",
        version=version,
        kernels=BARRIER_LAYERS,
    )
