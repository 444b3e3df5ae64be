"""OpenVINO's own GPU plugin on a software rasteriser: what runs, what is read back, what fails and how."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.report.exporters import export_plan
from advisor.runtimes import Runtime, get_runtime
from advisor.runtimes.conformance import RuntimeConformance, conformance_inputs
from advisor.runtimes.protocol import CompileOptions
from tests.report.test_exporters import plan_with

from .conftest import Sizer


class TestConformance(RuntimeConformance):
    name = "openvino"
    device = "GPU"
    profiles = False  # its times are compared with those of passes, of which the suite runs thousands

    def make_runtime(self) -> Runtime:
        return get_runtime("openvino")


def test_answers_are_those_of_the_cpu(network: Path) -> None:
    runtime = get_runtime("openvino")
    cpu = runtime.compile(network, RunConfig())
    gpu = runtime.compile(network, RunConfig(device="GPU"))
    inputs = conformance_inputs(cpu)
    np.testing.assert_allclose(gpu.infer(inputs)[0], cpu.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    assert gpu.effective.execution_devices in {("GPU",), ("GPU.0",)}
    assert "llvmpipe" in gpu.effective.device_names[0]
    assert gpu.effective.software_rasteriser
    assert not gpu.effective.on_cpu
    assert not cpu.effective.software_rasteriser
    assert cpu.effective.on_cpu


def test_it_tells_its_kernels_and_their_times(network: Path) -> None:
    compiled = get_runtime("openvino").compile(network, RunConfig(device="GPU"), CompileOptions(profiling=True))
    plain, timed = compiled.kernels(), compiled.profile(2)
    assert [kernel.name for kernel in plain] == [kernel.name for kernel in timed]
    assert sum(kernel.flop for kernel in plain) > 0
    assert sum(kernel.time_s or 0.0 for kernel in timed) > 0
    compiled.close()


def test_an_export_for_graphics_compiles_there(network: Path) -> None:
    """Both the properties for ``compile_model`` and the model server's texts, at f16 as plans have it on graphics."""
    import openvino

    config = RunConfig(device="GPU", precision="f16", streams=1, requests=2)  # this driver has no second stream
    plan = plan_with(person=config)
    stage = json.loads(export_plan(plan, "openvino"))["person"]
    server = json.loads(export_plan(plan, "ovms"))["model_config_list"][0]["config"]
    for device, given in (
        (stage["device"], stage["compile_model"]),
        (server["target_device"], server["plugin_config"]),
    ):
        compiled = openvino.Core().compile_model(str(network), device, given)
        assert all(name.startswith("GPU") for name in compiled.get_property("EXECUTION_DEVICES"))
        assert compiled.get_property("NUM_STREAMS") == 1
        assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f16"


@pytest.mark.parametrize("device", ["AUTO:GPU,CPU", "BATCH:GPU(2)"])
def test_devices_that_stand_for_the_gpu_really_use_it(network: Path, device: str) -> None:
    compiled = get_runtime("openvino").compile(network, RunConfig(device=device))
    assert any(name.startswith("GPU") for name in compiled.effective.execution_devices)
    assert compiled.effective.software_rasteriser
    compiled.close()


def test_settings_of_the_cpu_are_refused(network: Path) -> None:
    with pytest.raises(RuntimeRefusal, match="threads 2: device GPU has no such setting"):
        get_runtime("openvino").compile(network, RunConfig(device="GPU", threads=2))


def test_host_lists_it_and_refuses_it_for_figures(sizer: Sizer) -> None:
    run = sizer("host", "--json")
    assert run.returncode == 0, run.stderr
    runtimes = {item["name"]: item for item in json.loads(run.stdout)["runtimes"]}
    (gpu,) = [item for item in runtimes["openvino"]["device_facts"] if item["kind"] == "GPU"]
    assert gpu["usable"] is True
    assert gpu["software_rasteriser"] is True
    assert "llvmpipe" in gpu["name"]
    assert "software rasteriser" in gpu["reason"]
    (npu,) = [item for item in runtimes["openvino"]["device_facts"] if item["kind"] == "NPU"]
    assert npu["usable"] is False
    assert "driver" in npu["reason"]
    text = sizer("host").stdout
    assert "software rasteriser" in text


def test_bench_marks_the_figure_and_exports_the_device_without_it(sizer: Sizer, network: Path, tmp_path: Path) -> None:
    run = sizer("bench", network, "--device", "GPU", "--streams", "1", "--json")
    assert run.returncode == 0, run.stderr
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "done"
    assert row["config"]["device"] == "GPU"
    assert row["effective"]["software_rasteriser"] is True
    assert row["effective"]["execution_devices"][0].startswith("GPU")
    assert row["throughput_fps"] > 0
    assert sizer("bench", network, "--threads", "1", "--json").returncode == 0
    box = tmp_path / "box.json"
    assert sizer("bench", "--export", box).returncode == 0
    exported = json.loads(box.read_text())
    assert {item["config"]["device"] for item in exported["measurements"]} == {"CPU"}
    (openvino,) = [item for item in exported["host"]["runtimes"] if item["name"] == "openvino"]
    (gpu,) = [item for item in openvino["device_facts"] if item["kind"] == "GPU"]
    assert gpu["software_rasteriser"] is True


def test_compile_failure_is_a_recorded_failure(sizer: Sizer, network: Path) -> None:
    """Without the wrapper the driver refuses OpenVINO's kernels."""
    run = sizer("bench", network, "--device", "GPU", "--streams", "1", "--json", env={"LD_PRELOAD": None})
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    assert row["throughput_fps"] is None
    assert "device GPU refuses" in row["failure"]
    facts = json.loads(sizer("host", "--json", env={"LD_PRELOAD": None}).stdout)["runtimes"]
    (gpu,) = [
        item for one in facts if one["name"] == "openvino" for item in one["device_facts"] if item["kind"] == "GPU"
    ]
    assert gpu["usable"] is False
    assert "refuses" in gpu["reason"]


def test_crash_in_the_driver_is_a_recorded_failure(sizer: Sizer, network: Path) -> None:
    crash = {"SIZER_TEST_CRASH": "1"}
    run = sizer("bench", network, "--device", "GPU", "--streams", "1", "--json", env=crash)
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    assert "crashed with SIGSEGV" in row["failure"]
    facts = json.loads(sizer("host", "--json", env=crash).stdout)["runtimes"]
    (gpu,) = [
        item for one in facts if one["name"] == "openvino" for item in one["device_facts"] if item["kind"] == "GPU"
    ]
    assert gpu["usable"] is False
    assert "SIGSEGV" in gpu["reason"]


def test_silent_fallback_is_never_a_figure_of_the_gpu(sizer: Sizer, network: Path) -> None:
    """Without a driver ``AUTO:GPU,CPU`` runs on the CPU, and OpenVINO says nothing."""
    without = {"OCL_ICD_VENDORS": os.devnull, "LD_PRELOAD": None}
    run = sizer("bench", network, "--device", "AUTO:GPU,CPU", "--streams", "1", "--json", env=without)
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    assert row["throughput_fps"] is None
    assert "device AUTO:GPU,CPU: not here (no driver offers such a device" in row["failure"]
    run = sizer("bench", network, "--device", "GPU", "--streams", "1", "--json", env=without)
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "failed"
    run = sizer("bench", network, "--device", "AUTO", "--streams", "1", "--json", env=without)
    (row,) = json.loads(run.stdout)["measurements"]
    assert row["status"] == "done"
    assert row["effective"]["execution_devices"] == ["CPU"]
