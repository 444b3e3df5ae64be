"""Inference runtimes behind one protocol; importing this loads none of them."""

from __future__ import annotations

from advisor.errors import InputError, nearest
from advisor.records.host import RuntimeFacts

from .protocol import CompiledModel, Done, InputKind, Runtime, TensorSpec

_NAMES = ("openvino", "onnxruntime", "fake")


def runtime_names() -> tuple[str, ...]:
    """Return the names that :func:`get_runtime` knows; ``fake`` is the one without hardware."""
    return _NAMES


def get_runtime(name: str) -> Runtime:
    """Return the runtime called ``name``.

    Raises
    ------
    InputError
        No runtime has that name, or its package cannot be imported here.
    """
    try:
        if name == "openvino":
            from .openvino_runtime import OpenvinoRuntime

            return OpenvinoRuntime()
        if name == "onnxruntime":
            from .onnxruntime_runtime import OnnxRuntime

            return OnnxRuntime()
        if name == "fake":
            from .fake import FakeRuntime

            return FakeRuntime()
    except ImportError as error:
        raise InputError(f"runtime {name}: cannot be imported here ({error}); install its package") from error
    raise InputError(f"runtime {name!r} is unknown{nearest(name, _NAMES)}; known: {', '.join(_NAMES)}")


def runtime_facts() -> tuple[RuntimeFacts, ...]:
    """Probe every real runtime: version and devices, or why it is not available."""
    facts = []
    for name in _NAMES:
        if name == "fake":
            continue
        try:
            runtime = get_runtime(name)
            facts.append(RuntimeFacts(name=name, version=runtime.version(), devices=runtime.devices()))
        except InputError as error:
            facts.append(RuntimeFacts(name=name, version=None, devices=(), available=False, reason=str(error)))
    return tuple(facts)


__all__ = [
    "CompiledModel",
    "Done",
    "InputKind",
    "Runtime",
    "TensorSpec",
    "get_runtime",
    "runtime_facts",
    "runtime_names",
]
