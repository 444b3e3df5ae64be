"""Words for devices: what a request names, which are processors in disguise, what may not stand in for what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from advisor.errors import RuntimeRefusal

DeviceKind = Literal["CPU", "GPU", "NPU", "other"]

_COLLECTED = re.compile(r"\((\d+)\)")
_META = frozenset({"AUTO", "MULTI", "HETERO", "BATCH"})
# Drivers that compute graphics on the processor: Mesa's three, Google's, Microsoft's, and pocl.
_RASTERISERS = re.compile(
    r"llvmpipe|lavapipe|softpipe|swrast|swiftshader|basic render|\bpocl\b|portable computing language", re.IGNORECASE
)
_NO_VENDORS = frozenset({0x0, 0x10005})
"""PCI vendors that make no hardware: none at all, and the number that Khronos gave to Mesa's software Vulkan."""


def named_devices(device: str) -> tuple[str, ...]:
    """Devices that a request names, in its order: ``AUTO:GPU,CPU`` names two, ``BATCH:GPU(4)`` one, ``AUTO`` none.

    Those that a list excludes (``AUTO:-GPU``) are not named by it.
    """
    head, _, rest = device.partition(":")
    if head.upper() not in _META:
        return (device,)
    names = (part.split("(", 1)[0].strip() for part in rest.split(","))
    return tuple(name for name in names if name and not name.startswith("-"))


def collected_requests(device: str) -> int | None:
    """Requests that the device BATCH collects for one pass, as ``BATCH:CPU(4)`` names them; None of other devices."""
    found = _COLLECTED.search(device) if device.upper().startswith("BATCH:") else None
    return None if found is None else int(found[1])


def first_family(device: str) -> str:
    """Family of the device that a request is about, as ``GPU`` of ``GPU.1``, ``AUTO:GPU,CPU``; ``AUTO`` of itself."""
    named = named_devices(device)
    return family(named[0] if named else device)


def family(device: str) -> str:
    """Name of a device without its number: ``GPU`` of ``GPU.1``."""
    return device.split(".", 1)[0].split("(", 1)[0].upper()


def kind_of(device: str) -> DeviceKind:
    """Kind of an OpenVINO device by its name."""
    known: dict[str, DeviceKind] = {"CPU": "CPU", "GPU": "GPU", "NPU": "NPU"}
    return known.get(family(device), "other")


def is_software_rasteriser(name: str | None, vendor: int | None = None, *, type_is_cpu: bool = False) -> bool:
    """Say whether a device that is offered as a GPU computes on the processor.

    Parameters
    ----------
    name
        As the driver calls it.
    vendor
        PCI vendor of the device, where it is told; 0 is nobody's.
    type_is_cpu
        The driver itself reports a device of type CPU, as Vulkan's do.
    """
    return type_is_cpu or vendor in _NO_VENDORS or (name is not None and _RASTERISERS.search(name) is not None)


def same_device(requested: str, running: str) -> bool:
    """Whether a device that runs is the one requested: ``GPU`` is any of its kind, ``GPU.1`` only that one."""
    bare = running.strip("()")
    if "." in requested:
        return bare.upper() == requested.upper()
    return family(bare) == family(requested)


def check_execution(device: str, running: Sequence[str], where: str) -> None:
    """Refuse what runs elsewhere than it was asked to: a runtime that falls back to the CPU says nothing.

    Parameters
    ----------
    device
        As requested. Of a list with priorities the first device must be among those that run; a name alone must be the
        only one.
    running
        EXECUTION_DEVICES, as read back after compilation.
    where
        Beginning of the message, which says what was compiled.

    Raises
    ------
    RuntimeRefusal
        Names both, and what to do.
    """
    named = named_devices(device)
    if not named:
        return
    if any(same_device(named[0], item) for item in running):
        strangers = [item for item in running if not any(same_device(name, item) for name in named)]
        if not strangers:
            return
    words = ", ".join(running) or "a device that it does not tell"
    raise RuntimeRefusal(
        f"{where}: device {device} was asked for, but it runs on {words}, silently; `sizer host` says why "
        f"{named[0]} is not usable, --device {running[0] if running else 'CPU'} measures what runs"
    )
