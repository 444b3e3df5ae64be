"""Inference runtimes behind one protocol; importing this loads none of them."""

from __future__ import annotations

from advisor.errors import InputError, nearest
from advisor.records.host import RuntimeFacts

from .protocol import CompiledModel, Done, InputKind, Runtime, TensorSpec

_NAMES = ("openvino", "onnxruntime", "ncnn", "litert", "torch", "tvm", "fake")
_OPTIONAL = {
    "ncnn": "pip install 'sizer[ncnn]' and, for ONNX files, pip install --no-deps pnnx",
    "litert": "pip install 'sizer[litert]'",
    "torch": "pip install 'sizer[torch]' (docs/runtimes.md names the smaller build for CPUs)",
    "tvm": "pip install 'sizer[tvm]'",
}
"""Runtimes that an installation need not have, with what brings them."""
_PACKAGES = {"litert": "ai-edge-litert", "tvm": "apache-tvm"}
"""Packages that are not called like their runtime."""
_MAKERS = {"hailort": "Hailo", "rknn": "Rockchip", "tensorrt": "NVIDIA", "edgetpu": "Google Coral"}
"""Runtimes of devices that plans may name and that this package does not run."""


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
        if name == "ncnn":
            from .ncnn_runtime import NcnnRuntime

            return NcnnRuntime()
        if name == "litert":
            from .litert_runtime import LitertRuntime

            return LitertRuntime()
        if name == "torch":
            from .torch_runtime import TorchRuntime

            return TorchRuntime()
        if name == "tvm":
            from .tvm_runtime import TvmRuntime

            return TvmRuntime()
        if name == "fake":
            from .fake import FakeRuntime

            return FakeRuntime()
    except ImportError as error:
        remedy = remedy_for(name)
        raise InputError(f"runtime {name}: cannot be imported here ({error}); {remedy}") from error
    if name in _MAKERS:
        raise InputError(
            f"runtime {name}: the runtime of {_MAKERS[name]} devices, which sizer predicts from published figures and"
            " does not run"
        )
    raise InputError(f"runtime {name!r} is unknown{nearest(name, _NAMES)}; known: {', '.join(_NAMES)}")


def remedy_for(name: str) -> str:
    """Say what brings a runtime that is not installed."""
    return _OPTIONAL.get(name, f"pip install {package_of(name)}")


def package_of(name: str) -> str:
    """Return the name of the package that holds a runtime."""
    return _PACKAGES.get(name, name)


def runtime_facts() -> tuple[RuntimeFacts, ...]:
    """Versions of the runtimes that always belong to an installation, and the names of their devices.

    Quick and silent, for every command that notes what machine it is on. What is known of each device, of every
    runtime, :func:`advisor.measure.items.devices.try_devices` finds out.
    """
    return tuple(one_runtime(name, details=False) for name in real_runtimes() if name not in _OPTIONAL)


def real_runtimes() -> tuple[str, ...]:
    """Return the names of those that need hardware."""
    return tuple(name for name in _NAMES if name != "fake")


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
