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
    predicted: bool = True
    """Whether predictions are made of what it measures. Not where its times say nothing of OpenVINO's on the machine:
    one that is not tuned may be a hundred times slower."""
    openmp: bool = False
    """Whether its passes are parallel regions of OpenMP. Source: the documentation of each; OpenVINO's packages use
    oneTBB, ONNX Runtime, LiteRT and TVM thread pools of their own."""


RUNTIMES: Mapping[str, Entry] = {
    "openvino": Entry("openvino_runtime", "OpenvinoRuntime"),
    "onnxruntime": Entry("onnxruntime_runtime", "OnnxRuntime"),
    "ncnn": Entry(
        "ncnn_runtime",
        "NcnnRuntime",
        installed_by="pip install 'sizer[ncnn]' and, for ONNX files, pip install --no-deps pnnx",
        predicted=False,
        openmp=True,
    ),
    "litert": Entry(
        "litert_runtime", "LitertRuntime", "ai-edge-litert", "pip install 'sizer[litert]'", predicted=False
    ),
    "torch": Entry(
        "torch_runtime",
        "TorchRuntime",
        installed_by="pip install 'sizer[torch]' (docs/runtimes.md names the smaller build for CPUs)",
        predicted=False,
        openmp=True,
    ),
    "tvm": Entry("tvm_runtime", "TvmRuntime", "apache-tvm", "pip install 'sizer[tvm]'", predicted=False),
    "fake": Entry("fake", "FakeRuntime"),
}
"""In the order in which they are listed."""
INSTALLED = tuple(name for name, entry in RUNTIMES.items() if entry.installed_by is None and name != "fake")
"""Those that belong to every installation: what they refuse is refused, whatever machine is asked about."""
UNPREDICTED = frozenset(name for name, entry in RUNTIMES.items() if not entry.predicted)
OPENMP = frozenset(name for name, entry in RUNTIMES.items() if entry.openmp)
MAKERS: Mapping[str, str] = {"hailort": "Hailo", "rknn": "Rockchip", "tensorrt": "NVIDIA", "edgetpu": "Google Coral"}
"""Runtimes of devices that plans may name and that this package does not run, with whose devices they are."""
