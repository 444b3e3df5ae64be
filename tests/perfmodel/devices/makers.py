"""Small devices, works and questions."""

from __future__ import annotations

from typing import Any

import numpy as np

from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.perfmodel.devices.question import DeviceQuestion
from advisor.records.device import DeviceSpec


def graphics(**changes: Any) -> DeviceSpec:
    """Xe-LP with 96 units that nobody has published."""
    facts: dict[str, Any] = {
        "id": "some-gpu", "machine": "box", "chip": "some", "name": "some", "kind": "igpu", "family": "xe-lp",
        "execution_units": 96.0, "clock_hz": 1.35e9, "memory_bandwidth_bytes_per_s": 51.2e9, "power_w": 28.0,
    }  # fmt: skip
    return DeviceSpec(**(facts | changes))


def table(model: str = "net", flop: float = 8e9) -> WorkTable:
    """Convolutions with some memory-bound kernels."""
    counts = np.zeros((5, 5))
    counts[0] = flop, 80e6, 100e6, 50, 80e6**2 / 50
    counts[3] = 1e6, 10e6, 0, 10, 10e6**2 / 10
    return WorkTable(model, "net", counts, 10e6)


def question(device: DeviceSpec, precision: str = "int8", **changes: Any) -> DeviceQuestion:
    """Ask for a network at batch 1."""
    asked: dict[str, Any] = {
        "device": device, "models": ("net",), "table": table(), "input_size": (224, 224), "precision": precision,
    }  # fmt: skip
    return DeviceQuestion(**(asked | changes))
