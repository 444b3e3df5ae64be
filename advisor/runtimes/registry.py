"""Inference runtimes by name: which module holds each, and what installs it. The names are ``RuntimeName``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One runtime, which is imported only when it is asked for."""

    module: str
    """Of this package."""
    runtime: str
    """Its class there."""
    package: str | None = None
    """What it is called where packages are installed; None: as the runtime is."""
    installed_by: str | None = None
    """What to run where it is missing, of one that an installation need not have; None: it always belongs to one."""


RUNTIMES: Mapping[str, Entry] = {
    "openvino": Entry("openvino_runtime", "OpenvinoRuntime"),
    "onnxruntime": Entry("onnxruntime_runtime", "OnnxRuntime"),
    "ncnn": Entry(
        "ncnn_runtime",
        "NcnnRuntime",
        installed_by="pip install 'sizer[ncnn]' and, for ONNX files, pip install --no-deps pnnx",
    ),
    "litert": Entry("litert_runtime", "LitertRuntime", "ai-edge-litert", "pip install 'sizer[litert]'"),
    "torch": Entry(
        "torch_runtime",
        "TorchRuntime",
        installed_by="pip install 'sizer[torch]' (docs/runtimes.md names the smaller build for CPUs)",
    ),
    "tvm": Entry("tvm_runtime", "TvmRuntime", "apache-tvm", "pip install 'sizer[tvm]'"),
    "fake": Entry("fake", "FakeRuntime"),
}
"""In the order in which they are listed."""
MAKERS: Mapping[str, str] = {"hailort": "Hailo", "rknn": "Rockchip", "tensorrt": "NVIDIA", "edgetpu": "Google Coral"}
"""Runtimes of devices that plans may name and that this package does not run, with whose devices they are."""
