"""Devices that Vulkan shows, asked through its C interface: runtimes built on it do not all tell which one they use.

Numbers and layouts are those of the Vulkan 1.0 specification (VkInstanceCreateInfo, VkPhysicalDeviceProperties).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

_SUCCESS = 0
_CREATE_INFO = 1
"""VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO."""
_CPU = 4
"""VK_PHYSICAL_DEVICE_TYPE_CPU."""
_MOST = 16
_REST_BYTES = 4096
"""Room for limits and flags behind the fields that are read; the specification's take some 600 bytes."""


class _CreateInfo(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("next", ctypes.c_void_p), ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p), ("layer_count", ctypes.c_uint32), ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32), ("extensions", ctypes.c_void_p),
    ]  # fmt: skip


class _Properties(ctypes.Structure):
    _fields_ = [
        ("api_version", ctypes.c_uint32), ("driver_version", ctypes.c_uint32), ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32), ("type", ctypes.c_uint32), ("name", ctypes.c_char * 256),
        ("rest", ctypes.c_char * _REST_BYTES),
    ]  # fmt: skip


@dataclass(frozen=True)
class VulkanDevice:
    """One physical device."""

    name: str
    vendor: int
    is_cpu: bool
    """Its driver says that it computes on the processor."""


def vulkan_devices() -> tuple[VulkanDevice, ...]:
    """List the physical devices; empty where there is no Vulkan loader or no driver."""
    try:
        library = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return ()
    instance = ctypes.c_void_p()
    if library.vkCreateInstance(ctypes.byref(_CreateInfo(type=_CREATE_INFO)), None, ctypes.byref(instance)) != _SUCCESS:
        return ()
    try:
        handles = (ctypes.c_void_p * _MOST)()
        count = ctypes.c_uint32(_MOST)
        library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
        return tuple(_device(library, handles[index]) for index in range(count.value) if handles[index])
    finally:
        library.vkDestroyInstance(instance, None)


def _device(library: ctypes.CDLL, handle: int | None) -> VulkanDevice:
    found = _Properties()
    library.vkGetPhysicalDeviceProperties(ctypes.c_void_p(handle), ctypes.byref(found))
    return VulkanDevice(found.name.decode(errors="replace"), int(found.vendor), int(found.type) == _CPU)
