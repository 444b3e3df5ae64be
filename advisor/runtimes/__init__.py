"""Inference runtimes behind one protocol; importing this loads none of them."""

from __future__ import annotations

from importlib import import_module

from advisor.errors import InputError, nearest
from advisor.records.host import RuntimeFacts

from .protocol import CompiledModel, Done, InputKind, Runtime, TensorSpec
from .registry import INSTALLED, MAKERS, RUNTIMES


def runtime_names() -> tuple[str, ...]:
    """Return the names that :func:`get_runtime` knows; ``fake`` is the one without hardware."""
    return tuple(RUNTIMES)


def get_runtime(name: str) -> Runtime:
    """Return the runtime called ``name``.

    Raises
    ------
    InputError
        No runtime has that name, or its package cannot be imported here.
    """
    if name in MAKERS:
        raise InputError(
            f"runtime {name}: the runtime of {MAKERS[name]} devices, which sizer predicts from published figures and"
            " does not run"
        )
    if name not in RUNTIMES:
        raise InputError(f"runtime {name!r} is unknown{nearest(name, RUNTIMES)}; known: {', '.join(RUNTIMES)}")
    entry = RUNTIMES[name]
    try:
        found: Runtime = getattr(import_module(f".{entry.module}", __name__), entry.runtime)()
    except ImportError as error:
        remedy = remedy_for(name)
        raise InputError(f"runtime {name}: cannot be imported here ({error}); {remedy}") from error
    return found


def remedy_for(name: str) -> str:
    """Say what brings a runtime that is not installed."""
    entry = RUNTIMES.get(name)
    return f"pip install {package_of(name)}" if entry is None or entry.installed_by is None else entry.installed_by


def package_of(name: str) -> str:
    """Return the name of the package that holds a runtime."""
    entry = RUNTIMES.get(name)
    return name if entry is None or entry.package is None else entry.package


def runtime_facts() -> tuple[RuntimeFacts, ...]:
    """Versions of the runtimes that always belong to an installation, and the names of their devices.

    Quick and silent, for every command that notes what machine it is on. What is known of each device, of every
    runtime, :func:`advisor.measure.items.devices.try_devices` finds out.
    """
    return tuple(one_runtime(name, details=False) for name in INSTALLED)


def real_runtimes() -> tuple[str, ...]:
    """Return the names of those that need hardware."""
    return tuple(name for name in RUNTIMES if name != "fake")


def one_runtime(name: str, *, details: bool = True) -> RuntimeFacts:
    """Version and devices of one runtime, with what is known of each if wanted, or why it is not available."""
    try:
        runtime = get_runtime(name)
        devices, seen = runtime.devices(), runtime.device_facts() if details else ()
    except InputError as error:
        return RuntimeFacts(name=name, version=None, devices=(), available=False, reason=str(error))
    return RuntimeFacts(name=name, version=runtime.version(), devices=devices, device_facts=seen)


__all__ = [
    "CompiledModel",
    "Done",
    "InputKind",
    "Runtime",
    "TensorSpec",
    "get_runtime",
    "one_runtime",
    "package_of",
    "real_runtimes",
    "remedy_for",
    "runtime_facts",
    "runtime_names",
]
