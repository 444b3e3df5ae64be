"""Facts of a machine, live or from a saved /proc and /sys tree, and how disturbed it is while something is measured.

Importing this package loads nothing heavy; each entry point lives in the module named next to it below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .advice import preflight
    from .facts import fingerprint, host_facts, usable_cores
    from .interference import InterferenceMeter
    from .sensors import energy_range_j, package_energy_j
    from .spec import machine_spec

__all__ = [
    "host_facts",
    "machine_spec",
    "usable_cores",
    "fingerprint",
    "preflight",
    "InterferenceMeter",
    "package_energy_j",
    "energy_range_j",
]

_HOMES = {
    "host_facts": "facts",
    "usable_cores": "facts",
    "fingerprint": "facts",
    "machine_spec": "spec",
    "preflight": "advice",
    "InterferenceMeter": "interference",
    "package_energy_j": "sensors",
    "energy_range_j": "sensors",
}


def __getattr__(name: str) -> object:
    """Import an entry point when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
