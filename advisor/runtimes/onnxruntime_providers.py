"""ONNX Runtime's execution providers as devices: names, what they run on, and which of them really ran."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import onnxruntime as ort

from advisor.errors import RuntimeRefusal
from advisor.records.host import DeviceFacts

from .devices import DeviceKind, is_software_rasteriser
from .vulkan import vulkan_devices

CPU_PROVIDER = "CPUExecutionProvider"
_SUFFIX = "ExecutionProvider"
_KNOWN: dict[str, tuple[str, DeviceKind]] = {
    CPU_PROVIDER: ("CPU", "CPU"),
    "CUDAExecutionProvider": ("CUDA", "GPU"),
    "TensorrtExecutionProvider": ("TensorRT", "GPU"),
    "NvTensorRTRTXExecutionProvider": ("TensorRT-RTX", "GPU"),
    "ROCMExecutionProvider": ("ROCm", "GPU"),
    "MIGraphXExecutionProvider": ("MIGraphX", "GPU"),
    "WebGpuExecutionProvider": ("WebGPU", "GPU"),
    "DmlExecutionProvider": ("DirectML", "GPU"),
    "QNNExecutionProvider": ("QNN", "NPU"),
    "VitisAIExecutionProvider": ("VitisAI", "NPU"),
    "RknpuExecutionProvider": ("RKNPU", "NPU"),
}
_REMOTE = frozenset({"AzureExecutionProvider"})
"""They ask a server: no device of this machine."""


def device_of(provider: str) -> tuple[str, DeviceKind]:
    """Return the name that ``--device`` takes for a provider, and its kind."""
    return _KNOWN.get(provider, (provider.removesuffix(_SUFFIX), "other"))


def providers() -> tuple[str, ...]:
    """Providers of this build that run on this machine, the CPU's first."""
    found = [name for name in ort.get_available_providers() if name not in _REMOTE]
    return tuple(sorted(found, key=lambda name: name != CPU_PROVIDER))


def provider_for(device: str) -> str:
    """Return the provider for a device: by its name (``WebGPU``), or by its kind (``GPU``) where one alone is of it.

    Raises
    ------
    RuntimeRefusal
        None, or several, with the names that are known.
    """
    known = {device_of(name)[0]: name for name in providers()}
    wanted = device.upper()
    for name, provider in known.items():
        if wanted == name.upper():
            return provider
    of_kind = [name for name, provider in known.items() if device_of(provider)[1] == wanted]
    if len(of_kind) == 1:
        return known[of_kind[0]]
    if of_kind:
        raise RuntimeRefusal(f"device {device}: onnxruntime has several: {', '.join(of_kind)}; name one")
    raise RuntimeRefusal(
        f"device {device}: not here; this build of onnxruntime runs on: {', '.join(known)}; use one of these, or "
        "install the build for that device"
    )


def provider_facts() -> tuple[DeviceFacts, ...]:
    """Every provider of this build as a device."""
    found = []
    for provider in providers():
        name, kind = device_of(provider)
        driver_name, software = hardware(provider)
        reason = None
        if provider == "WebGpuExecutionProvider" and driver_name is None:
            reason = "Vulkan finds no device; install the driver of the GPU"
        found.append(
            DeviceFacts(
                id=name,
                kind=kind,
                name=driver_name,
                software_rasteriser=software,
                usable=None if reason is None else False,
                reason=reason,
            )
        )
    return tuple(found)


def hardware(provider: str) -> tuple[str | None, bool]:
    """Name of the device behind a provider, where it can be known, and whether that is a software rasteriser.

    WebGPU takes a device that Vulkan shows, one of hardware before one of software, and does not tell which.
    """
    if provider != "WebGpuExecutionProvider":
        return None, False
    devices = sorted(
        vulkan_devices(), key=lambda item: is_software_rasteriser(item.name, item.vendor, type_is_cpu=item.is_cpu)
    )
    if not devices:
        return None, False
    first = devices[0]
    return first.name, is_software_rasteriser(first.name, first.vendor, type_is_cpu=first.is_cpu)


def check_provider(session: Any, provider: str, model: Path) -> None:
    """Refuse a session from which ONNX Runtime dropped the provider: it warns on stderr at most, and takes the CPU.

    Raises
    ------
    RuntimeRefusal
        Names the provider and what is there instead.
    """
    registered = list(session.get_providers())
    if provider not in registered:
        raise RuntimeRefusal(
            f"model {model}: onnxruntime could not start {provider} and would run on {', '.join(registered)}, "
            "silently; install what the provider needs"
        )


def ran_on(trace: Path) -> Counter[str]:
    """Nodes by the provider that executed them, from a profile of a session."""
    found: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for entry in json.loads(trace.read_text(encoding="utf-8")):
        if entry.get("cat") != "Node" or "provider" not in entry.get("args", {}):
            continue
        key = entry["name"], entry["args"].get("node_index", "")
        if key not in seen:
            seen.add(key)
            found[entry["args"]["provider"]] += 1
    return found


def execution(counts: Counter[str], provider: str, model: Path) -> tuple[str, ...]:
    """Return the providers that ran, the requested one first.

    Raises
    ------
    RuntimeRefusal
        The requested one ran nothing.
    """
    if provider not in counts:
        running = ", ".join(counts) or "nothing that it tells"
        raise RuntimeRefusal(
            f"model {model}: {provider} takes none of its operators; onnxruntime runs it on {running}, silently"
        )
    return tuple(sorted(counts, key=lambda name: (name != provider, -counts[name])))
