"""Graphics and NPU devices as the kernel sees them, whatever runtimes make of them.

Sources: Linux, Documentation/gpu/drm-uapi (render nodes), Documentation/accel (NPUs),
Documentation/ABI/testing/sysfs-bus-pci.
"""

from __future__ import annotations

import os
from typing import Literal

from advisor.records.host import KernelDevice

from .tree import Tree

_MAKERS = {
    "0x8086": "Intel", "0x1002": "AMD", "0x10de": "NVIDIA", "0x1af4": "virtio", "0x15ad": "VMware", "0x1234": "QEMU",
    "0x1a03": "ASPEED", "0x102b": "Matrox",
}  # fmt: skip
_CLASSES: tuple[tuple[str, str, Literal["GPU", "NPU"], str], ...] = (
    ("sys/class/drm", "renderD", "GPU", "dev/dri"),
    ("sys/class/accel", "accel", "NPU", "dev/accel"),
)


def kernel_devices(tree: Tree) -> tuple[KernelDevice, ...]:
    """List render nodes and accelerators; a display without one (a server's console) computes nothing and is left out.

    Parameters
    ----------
    tree : Tree
        This machine, or a saved /proc and /sys tree; of the latter nobody knows who may open its device files.
    """
    found = [
        _device(tree, f"{folder}/{name}/device", kind, f"/{nodes}/{name}")
        for folder, prefix, kind, nodes in _CLASSES
        for name in sorted(tree.names(folder))
        if name.startswith(prefix)
    ]
    return (*found, *_nvidia(tree, found))


def _device(tree: Tree, folder: str, kind: Literal["GPU", "NPU"], node: str) -> KernelDevice:
    vendor, device = tree.text(f"{folder}/vendor"), tree.text(f"{folder}/device")
    settings = dict(line.split("=", 1) for line in (tree.text(f"{folder}/uevent") or "").splitlines() if "=" in line)
    if vendor is not None and device is not None:
        name, identity = _MAKERS.get(vendor, f"vendor {vendor}"), f"{vendor[2:]}:{device[2:]}"
    else:
        identity = settings.get("OF_COMPATIBLE_0", "unknown")
        name = identity.partition(",")[0]
    accessible = os.access(node, os.R_OK | os.W_OK) if tree.live else None
    return KernelDevice(
        kind=kind, id=identity, name=name, driver=settings.get("DRIVER"), node=node, accessible=accessible
    )


def _nvidia(tree: Tree, found: list[KernelDevice]) -> list[KernelDevice]:
    """NVIDIA's own driver shows its cards without a render node where its DRM part is not loaded."""
    cards = tree.names("proc/driver/nvidia/gpus")
    if not cards or any(item.driver == "nvidia" for item in found):
        return []
    node = "/dev/nvidia0"
    accessible = os.access(node, os.R_OK | os.W_OK) if tree.live else None
    return [
        KernelDevice(kind="GPU", id=card, name="NVIDIA", driver="nvidia", node=node, accessible=accessible)
        for card in sorted(cards)
    ]
