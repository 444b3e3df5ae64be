"""Debian 12's Mesa 22: it lists the device, then crashes at the first compilation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Sizer

pytestmark = pytest.mark.old_driver


def test_listed_then_crashed(sizer: Sizer, network: Path) -> None:
    run = sizer("bench", network, "--device", "GPU", "--streams", "1", "--json")
    assert run.returncode == 1, run.stderr  # nothing could be measured
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    assert row["throughput_fps"] is None
    assert "crashed with SIG" in row["failure"]
    (openvino,) = [
        item for item in json.loads(sizer("host", "--json").stdout)["runtimes"] if item["name"] == "openvino"
    ]
    assert openvino["devices"] == ["CPU", "GPU"]
    (gpu,) = [item for item in openvino["device_facts"] if item["kind"] == "GPU"]
    assert gpu["software_rasteriser"] is True
    assert gpu["usable"] is False
    assert "crashed with SIG" in gpu["reason"]
