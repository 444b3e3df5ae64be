"""Software drivers as devices: the environment that shows them, before any runtime loads a driver."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from advisor.runtimes.conformance_networks import small_network

RUSTICL = Path("/etc/OpenCL/vendors/rusticl.icd")
VULKAN_DRIVERS = Path("/usr/share/vulkan/icd.d")
WRAPPER = os.environ.get("SIZER_OPENCL3")
DRIVER = os.environ.get("SIZER_DRIVER")
"""Which drivers `tests/devices/run` shows: new, old, or none."""
HERE = Path(__file__).resolve().parent
RASTERISER = {
    "RUSTICL_ENABLE": "llvmpipe", "RUSTICL_DEVICE_TYPE": "gpu", "RUSTICL_FEATURES": "fp16", "LP_NUM_THREADS": "1",
}  # fmt: skip
"""Without RUSTICL_ENABLE Mesa offers no software device; as a GPU it is what OpenVINO looks for, with true f16."""


def vulkan_driver() -> Path | None:
    """Mesa's software Vulkan, whatever the release calls its description."""
    return next(iter(sorted(VULKAN_DRIVERS.glob("lvp_icd*.json"))), None) if VULKAN_DRIVERS.is_dir() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        item.add_marker(pytest.mark.devices)
        wanted = "old" if item.get_closest_marker("old_driver") else "new"
        if wanted != DRIVER:
            item.add_marker(pytest.mark.skip(reason=f"no {wanted} software drivers here; run `make test-devices`"))


def pytest_configure() -> None:
    """Show the software devices to this process and to those that it starts."""
    if DRIVER is not None:
        os.environ.update(RASTERISER)
    driver = vulkan_driver()
    if DRIVER != "new" or WRAPPER is None or driver is None:
        return
    os.environ.update(OCL_ICD_VENDORS=str(RUSTICL), VK_DRIVER_FILES=str(driver), LD_PRELOAD=WRAPPER)
    ctypes.CDLL(WRAPPER, mode=ctypes.RTLD_GLOBAL)  # what LD_PRELOAD does for the processes that are started from here


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return small_network(tmp_path / "network.onnx", batch=1)


Sizer = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sizer(tmp_path: Path) -> Sizer:
    """``sizer`` as a user calls it, with a store of its own and changes to the environment; None removes a variable."""

    def call(*arguments: str | Path, env: Mapping[str, str | None] | None = None) -> subprocess.CompletedProcess[str]:
        changed = {**os.environ, "SIZER_HOME": str(tmp_path / "home"), **(env or {})}
        return subprocess.run(
            [sys.executable, "-c", "from advisor.cli.main import main; main()", *map(str, arguments)],
            cwd=HERE.parents[1],
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            text=True,
            check=False,
            timeout=280,
        )

    return call
