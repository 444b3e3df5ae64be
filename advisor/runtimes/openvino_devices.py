"""What OpenVINO's plugins say of their devices, and why one that was shipped sees none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from advisor.graph.frontend import core, one_line
from advisor.records.host import DeviceFacts

from .devices import family, is_software_rasteriser, kind_of

_SHIPPED = {"GPU": "libopenvino_intel_gpu_plugin.so", "NPU": "libopenvino_intel_npu_plugin.so"}
_REMEDIES = {
    "GPU": "install Intel's compute runtime (package intel-opencl-icd) and join the group of /dev/dri/renderD*",
    "NPU": "install Intel's NPU driver (packages intel-level-zero-npu, intel-driver-compiler-npu) and join the group "
    "of /dev/accel",
}
_MISSING = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
_VENDOR = re.compile(r"vendor=0x([0-9a-fA-F]+)")
_DRIVER_PROPERTIES = ("GPU_DRIVER_VERSION", "NPU_DRIVER_VERSION")


def openvino_devices() -> tuple[DeviceFacts, ...]:
    """Return every device that a plugin sees, and each shipped plugin that sees none with its reason."""
    seen = [_seen(device) for device in core().available_devices]
    families = {family(item.id) for item in seen}
    missing = [
        DeviceFacts(id=name, kind=kind_of(name), usable=False, reason=why_unseen(name))
        for name, library in _SHIPPED.items()
        if name not in families and _is_shipped(library)
    ]
    return (*seen, *missing)


def device_name(device: str) -> str | None:
    """FULL_DEVICE_NAME of a device; None where it tells none."""
    return _property(device, "FULL_DEVICE_NAME")


def is_software(device: str) -> bool:
    """Say whether OpenVINO's GPU plugin runs on a software rasteriser under this name."""
    return family(device) == "GPU" and is_software_rasteriser(device_name(device), _vendor(device))


def _vendor(device: str) -> int | None:
    """PCI vendor of a GPU, from the text of its architecture; None where it does not tell."""
    found = _VENDOR.search(_property(device, "DEVICE_ARCHITECTURE") or "")
    return None if found is None else int(found.group(1), 16)


def _seen(device: str) -> DeviceFacts:
    drivers = [text for name in _DRIVER_PROPERTIES if (text := _property(device, name)) is not None]
    return DeviceFacts(
        id=device,
        kind=kind_of(device),
        name=device_name(device),
        driver=drivers[0] if drivers else None,
        software_rasteriser=is_software(device),
    )


def why_unseen(device: str) -> str | None:
    """Why a shipped plugin lists no device, and what to do; None for a device that no plugin of ours is for."""
    remedy = _REMEDIES.get(family(device))
    return None if remedy is None else f"{_plugin_trouble(family(device))}; {remedy}"


def _plugin_trouble(device: str) -> str:
    """Whether a library that a plugin needs is missing, or its driver is."""
    try:
        core().get_property(device, "AVAILABLE_DEVICES")
    except RuntimeError as error:
        if found := _MISSING.search(str(error)):
            return f"{found.group(1)} is missing"
        return one_line(error, 160)
    return "no driver offers such a device"


def _is_shipped(library: str) -> bool:
    import openvino

    return (Path(openvino.__file__).parent / "libs" / library).is_file()


def _property(device: str, name: str) -> str | None:
    try:
        value: Any = core().get_property(device, name)
    except (RuntimeError, TypeError):  # a plugin does not know it, or of a type without a Python form
        return None
    return str(value).strip() or None
