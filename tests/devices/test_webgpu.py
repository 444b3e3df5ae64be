"""ONNX Runtime's WebGPU provider on a software rasteriser; its build of the package comes first on the path."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes import Runtime, get_runtime
from advisor.runtimes.conformance import RuntimeConformance, conformance_inputs
from advisor.runtimes.protocol import CompileOptions

from .conftest import Sizer

ort = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(
    "WebGpuExecutionProvider" not in ort.get_available_providers(), reason="another build of onnxruntime"
)


class TestConformance(RuntimeConformance):
    name = "onnxruntime"
    device = "WebGPU"
    profiles = False  # its times are compared with those of passes, of which the suite runs thousands

    def make_runtime(self) -> Runtime:
        return get_runtime("onnxruntime")


@pytest.mark.parametrize("device", ["WebGPU", "GPU"])
def test_answers_are_those_of_the_cpu(network: Path, device: str) -> None:
    runtime = get_runtime("onnxruntime")
    cpu = runtime.compile(network, RunConfig(runtime="onnxruntime", threads=1))
    gpu = runtime.compile(network, RunConfig(runtime="onnxruntime", threads=1, device=device))
    inputs = conformance_inputs(cpu)
    np.testing.assert_allclose(gpu.infer(inputs)[0], cpu.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    assert gpu.effective.execution_devices[0] == "WebGpuExecutionProvider"
    assert gpu.effective.properties["nodes"].startswith("WebGpuExecutionProvider")
    assert gpu.effective.software_rasteriser
    assert "llvmpipe" in gpu.effective.device_names[0]


def test_it_tells_its_kernels_and_their_times(network: Path) -> None:
    config = RunConfig(runtime="onnxruntime", threads=1, device="WebGPU")
    compiled = get_runtime("onnxruntime").compile(network, config, CompileOptions(profiling=True))
    plain, timed = compiled.kernels(), compiled.profile(2)
    assert [kernel.name for kernel in plain] == [kernel.name for kernel in timed]
    assert sum(kernel.flop for kernel in plain) > 0
    assert sum(kernel.time_s or 0.0 for kernel in timed) > 0
    compiled.close()


def test_host_and_bench_mark_it(sizer: Sizer, network: Path) -> None:
    runtimes = {item["name"]: item for item in json.loads(sizer("host", "--json").stdout)["runtimes"]}
    (gpu,) = [item for item in runtimes["onnxruntime"]["device_facts"] if item["kind"] == "GPU"]
    assert gpu["usable"] is True
    assert gpu["software_rasteriser"] is True
    run = sizer("bench", network, "--runtime", "onnxruntime", "--device", "WebGPU", "--json")
    assert run.returncode == 0, run.stderr
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "done"
    assert row["effective"]["execution_devices"][0] == "WebGpuExecutionProvider"


def test_without_a_driver_nothing_runs_on_the_cpu_instead(sizer: Sizer, network: Path) -> None:
    run = sizer(
        "bench",
        network,
        "--runtime",
        "onnxruntime",
        "--device",
        "WebGPU",
        "--json",
        env={"VK_DRIVER_FILES": "/dev/null"},
    )
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    assert row["throughput_fps"] is None


def test_a_provider_of_another_build_is_refused(network: Path) -> None:
    with pytest.raises(RuntimeRefusal, match="device CUDA: not here; this build of onnxruntime runs on: CPU, WebGPU"):
        get_runtime("onnxruntime").compile(network, RunConfig(runtime="onnxruntime", device="CUDA"))
