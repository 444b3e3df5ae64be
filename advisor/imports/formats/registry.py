"""Forms that `sizer import` reads, by name."""

from __future__ import annotations

from advisor.errors import InputError, nearest

from .base import ImportFormat
from .benchmark_app import BenchmarkAppFormat
from .cameras import CameraListFormat
from .dli import DliFormat
from .dlstreamer import DlStreamerFormat
from .frigate import FrigateFormat
from .intel_retail import IntelRetailFormat
from .triton import TritonFormat

FORMATS: tuple[ImportFormat, ...] = (
    FrigateFormat(), IntelRetailFormat(), DlStreamerFormat(), CameraListFormat(), BenchmarkAppFormat(), DliFormat(),
    TritonFormat(),
)  # fmt: skip


def format_named(name: str) -> ImportFormat:
    """Form by its name. InputError with the nearest where there is none."""
    for known in FORMATS:
        if known.name == name:
            return known
    names = [known.name for known in FORMATS]
    raise InputError(f"format {name}: is not known{nearest(name, names)}; formats are {', '.join(names)}")
