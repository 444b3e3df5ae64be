"""The sources of evidence on devices: the one list in which a new source is entered."""

from __future__ import annotations

from functools import cache

from .arm import ArmEstimate
from .calibration import load_device_calibration
from .figures import load_figures
from .graphics_estimate import GraphicsEstimate
from .published import PublishedDevice
from .question import DeviceSource


@cache
def shipped_sources() -> tuple[DeviceSource, ...]:
    """From the most specific to the least; families that only the first speaks of are published or unknown."""
    calibration = load_device_calibration()
    published = PublishedDevice(load_figures(), calibration.graphics.parameters["release_esq"])
    return (published, GraphicsEstimate(calibration), ArmEstimate(calibration, published))
