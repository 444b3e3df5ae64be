"""ncnn through Vulkan on a software rasteriser."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes import Runtime, get_runtime
from advisor.runtimes.conformance import RuntimeConformance, conformance_inputs

from .conftest import Sizer

pytest.importorskip("ncnn")


class TestConformance(RuntimeConformance):
    name = "ncnn"
    device = "GPU"
    profiles = False

    def make_runtime(self) -> Runtime:
        return get_runtime("ncnn")


def test_answers_are_those_of_the_cpu(network: Path) -> None:
    runtime = get_runtime("ncnn")
    cpu = runtime.compile(network, RunConfig(runtime="ncnn", threads=1))
    gpu = runtime.compile(network, RunConfig(runtime="ncnn", threads=1, device="GPU"))
    inputs = conformance_inputs(cpu)
    np.testing.assert_allclose(gpu.infer(inputs)[0], cpu.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    effective = gpu.effective
    assert effective.execution_devices[0] == "GPU"
    assert effective.properties["use_vulkan_compute"] == "True"
    assert "llvmpipe" in effective.device_names[0]
    assert effective.software_rasteriser
    with pytest.raises(RuntimeRefusal, match=r"device GPU\.7: not here; ncnn sees: CPU, GPU"):
        runtime.compile(network, RunConfig(runtime="ncnn", device="GPU.7"))


def test_host_and_bench_mark_it(sizer: Sizer, network: Path) -> None:
    runtimes = {item["name"]: item for item in json.loads(sizer("host", "--json").stdout)["runtimes"]}
    (gpu,) = [item for item in runtimes["ncnn"]["device_facts"] if item["kind"] == "GPU"]
    assert gpu["usable"] is True
    assert gpu["software_rasteriser"] is True
    run = sizer("bench", network, "--runtime", "ncnn", "--device", "GPU", "--json")
    assert run.returncode == 0, run.stderr
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "done"
    assert row["effective"]["software_rasteriser"] is True


def test_without_a_driver_it_is_refused(sizer: Sizer, network: Path) -> None:
    run = sizer(
        "bench", network, "--runtime", "ncnn", "--device", "GPU", "--json", env={"VK_DRIVER_FILES": "/dev/null"}
    )
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    assert "device GPU: not here" in row["failure"]
