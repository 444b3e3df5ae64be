"""Graphics and NPUs in a saved /sys tree."""

from pathlib import Path

import pytest

from advisor.host.devices import kernel_devices
from advisor.host.tree import Tree

INTEL = {"vendor": "0x8086\n", "device": "0x46d2\n", "uevent": "DRIVER=i915\nPCI_CLASS=30000\n"}


def saved(tmp_path: Path, files: dict[str, str]) -> Tree:
    for name, text in {"proc/cpuinfo": "processor : 0\n", **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Tree(tmp_path)


def test_render_nodes_npus_and_their_drivers(tmp_path: Path) -> None:
    gpu = {f"sys/class/drm/renderD128/device/{name}": text for name, text in INTEL.items()}
    console = {"sys/class/drm/card1/device/vendor": "0x1a03\n", "sys/class/drm/card1/device/device": "0x2000\n"}
    npu = {
        "sys/class/accel/accel0/device/vendor": "0x8086\n", "sys/class/accel/accel0/device/device": "0x7d1d\n",
        "sys/class/accel/accel0/device/uevent": "DRIVER=intel_vpu\n",
    }  # fmt: skip
    found = kernel_devices(saved(tmp_path, gpu | console | npu))
    assert [(item.kind, item.name, item.id, item.driver, item.node) for item in found] == [
        ("GPU", "Intel", "8086:46d2", "i915", "/dev/dri/renderD128"),
        ("NPU", "Intel", "8086:7d1d", "intel_vpu", "/dev/accel/accel0"),
    ]
    assert [item.accessible for item in found] == [None, None]  # of another machine


def test_a_board_without_pci_is_known_by_its_device_tree(tmp_path: Path) -> None:
    text = "DRIVER=panthor\nOF_COMPATIBLE_0=rockchip,rk3588-mali\n"
    (found,) = kernel_devices(saved(tmp_path, {"sys/class/drm/renderD128/device/uevent": text}))
    assert (found.name, found.id, found.driver) == ("rockchip", "rockchip,rk3588-mali", "panthor")


def test_nvidias_own_driver_needs_no_render_node(tmp_path: Path) -> None:
    (found,) = kernel_devices(saved(tmp_path, {"proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: x\n"}))
    assert (found.name, found.driver, found.id) == ("NVIDIA", "nvidia", "0000:01:00.0")


@pytest.mark.parametrize("files", [{}, {"sys/class/drm/version": "drm 1.1.0\n"}])
def test_a_machine_without_any(tmp_path: Path, files: dict[str, str]) -> None:
    assert kernel_devices(saved(tmp_path, files)) == ()
