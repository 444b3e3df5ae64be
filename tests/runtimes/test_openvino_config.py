"""Configurations as OpenVINO properties, and the SIMD cap."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from advisor.errors import ModelRangeError, RuntimeRefusal
from advisor.records.config import RunConfig, SimdCap
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.openvino_config import (
    check_simd,
    ignored_variables,
    properties,
    simd_environment,
    simd_variables,
    worker_environment,
)
from advisor.runtimes.protocol import CompileOptions

AVX2 = ("FP32", "INT8")
CPUINFO = Path("/proc/cpuinfo")
LOOK = """
import sys
from pathlib import Path
from typing import get_args
from advisor.records.config import RunConfig, SimdCap
from advisor.runtimes import get_runtime
_, path, cap, precision = sys.argv
config = RunConfig(threads=1, streams=1, simd_cap=cap or None, precision=precision)
compiled = get_runtime("openvino").compile(Path(path), config)
print(" ".join(kernel.implementation for kernel in compiled.kernels() if kernel.type in ("conv", "dwconv", "reduce")))
"""


@pytest.mark.parametrize("precision", ["f32", "int8", "bf16"])
def test_precision_is_always_explicit(precision) -> None:
    asked = properties(RunConfig(precision=precision), ("FP32", "INT8", "BF16"), profiling=False)
    assert asked == {"INFERENCE_PRECISION_HINT": {"f32": "f32", "int8": "f32", "bf16": "bf16"}[precision]}


@pytest.mark.parametrize(
    ("device", "capabilities", "hint"),
    [
        ("GPU", ("FP32", "FP16", "INT8"), "f16"),
        ("BATCH:GPU.1(4)", ("FP32", "FP16", "INT8"), "f16"),
        ("NPU", ("FP16", "INT8"), "f16"),
        ("GPU", ("FP32", "INT8"), "f32"),
        ("CPU", ("FP32", "FP16", "INT8"), "f32"),
    ],
)
def test_the_rest_of_an_int8_file_is_what_the_device_computes_in_by_itself(device, capabilities, hint) -> None:
    asked = properties(RunConfig(device=device, precision="int8"), capabilities, profiling=False)
    assert asked["INFERENCE_PRECISION_HINT"] == hint


def test_every_axis_has_its_property() -> None:
    config = RunConfig(
        hint="throughput", hint_requests=3, streams=2, threads=4, pinning=False, core_type="performance",
        device="BATCH:CPU(4)", auto_batch_timeout_s=0.02,
    )  # fmt: skip
    assert properties(config, AVX2, profiling=True) == {
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "THROUGHPUT",
        "PERFORMANCE_HINT_NUM_REQUESTS": 3,
        "NUM_STREAMS": 2,
        "INFERENCE_NUM_THREADS": 4,
        "ENABLE_CPU_PINNING": False,
        "SCHEDULING_CORE_TYPE": "PCORE_ONLY",
        "AUTO_BATCH_TIMEOUT": 20,
        "PERF_COUNT": True,
    }


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"precision": "bf16"}, "BF16"),
        ({"auto_batch_timeout_s": 0.1}, "BATCH:CPU"),
        ({"spinning": False}, "spinning"),
        ({"inter_op_threads": 2}, "inter_op_threads"),
    ],
)
def test_refusals_name_the_setting(changes, word) -> None:
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        properties(RunConfig(**changes), AVX2, profiling=False)
    assert "\n" not in str(caught.value)


def test_a_cap_must_be_in_the_environment() -> None:
    check_simd("avx2", simd_environment("avx2"))
    check_simd(None, {})
    for cap, environment in [("avx2", {}), (None, simd_environment("avx2")), ("sse42", simd_environment("avx2"))]:
        with pytest.raises(ModelRangeError, match="MAX_CPU_ISA"):
            check_simd(cap, environment)
    with pytest.raises(ModelRangeError, match="unknown"):
        simd_environment("mmx")
    assert set(simd_environment("sse42")) < set(simd_variables())


def test_a_workers_environment_never_inherits_what_changes_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_environment(None) == dict.fromkeys(simd_variables())
    assert worker_environment("avx2") == dict.fromkeys(simd_variables()) | simd_environment("avx2")
    for name in simd_variables():
        monkeypatch.delenv(name, raising=False)
    assert ignored_variables() == ()
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "SSE41")
    assert ignored_variables() == ("DNNL_MAX_CPU_ISA=SSE41",)


@pytest.mark.runtime
def test_cap_without_environment_is_refused_before_reading(tmp_path) -> None:
    with pytest.raises(ModelRangeError):
        get_runtime("openvino").compile(tmp_path / "none.onnx", RunConfig(simd_cap="sse42"))


@pytest.mark.runtime
@pytest.mark.skipif(
    not CPUINFO.exists() or " avx2 " not in CPUINFO.read_text(), reason="the cap shows only on a host that has AVX2"
)
def test_sse42_cap_reaches_the_kernels(tmp_path) -> None:
    kernels = implementations(tmp_path, "sse42", "f32")
    assert len(kernels) >= 5
    assert all("sse42" in kernel for kernel in kernels)


@pytest.mark.runtime
@pytest.mark.skipif(
    not CPUINFO.exists() or " amx_bf16 " not in CPUINFO.read_text(), reason="tiles show only on a host that has them"
)
def test_a_chip_with_bf16_and_without_tiles_is_imitated_on_one_with_tiles(tmp_path) -> None:
    """Under the next lower cap OpenVINO has no bf16 and refuses what is planned for such a chip."""
    assert any("amx" in kernel for kernel in implementations(tmp_path, None, "bf16"))
    kernels = implementations(tmp_path, "avx512_bf16", "bf16")
    assert len(kernels) >= 5
    assert all("avx512" in kernel and "amx" not in kernel and kernel.endswith("bf16") for kernel in kernels)


def test_every_cap_has_a_word_in_every_library_that_can_be_capped() -> None:
    for cap in get_args(SimdCap):
        assert set(simd_environment(cap)) < set(simd_variables())


def implementations(folder: Path, cap: str | None, precision: str) -> list[str]:
    """Implementations of the products of a small network, compiled in a process of its own."""
    path = small_network(folder / "n.onnx")
    plain = {key: value for key, value in os.environ.items() if key not in simd_variables()}
    run = subprocess.run(
        [sys.executable, "-c", LOOK, str(path), cap or "", precision],
        env=plain | simd_environment(cap), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout.split()


@pytest.mark.runtime
@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_a_cap_in_the_users_environment_does_not_reach_the_kernels(tmp_path, monkeypatch, name) -> None:
    """The level is read back from the kernels that the worker was given, for the present and the former name."""
    path = small_network(tmp_path / "n.onnx")

    def kernels() -> list[str]:
        found = {key: value for key, value in {**os.environ, **worker_environment(None)}.items() if value is not None}
        command = [sys.executable, "-c", LOOK, str(path), "", "f32"]
        return subprocess.run(command, env=found, capture_output=True, text=True, check=True).stdout.split()

    plain = kernels()
    monkeypatch.setenv(name, "SSE41")
    assert kernels() == plain


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("changes", "device", "batch_timeout_s", "batch"),
    [({"device": "AUTO", "hint": "latency"}, "CPU", None, None),
     ({"device": "AUTO:CPU", "hint": "latency"}, "CPU", None, None),
     ({"device": "BATCH:CPU(2)", "auto_batch_timeout_s": 0.005}, "CPU", 0.005, 2)],
)  # fmt: skip
def test_devices_that_stand_for_others(tmp_path, changes, device, batch_timeout_s, batch) -> None:
    path = small_network(tmp_path / "n.onnx")
    compiled = get_runtime("openvino").compile(
        path, RunConfig(threads=1, streams=1, **changes), CompileOptions(want_outputs=True)
    )
    assert device in compiled.effective.execution_devices
    assert (compiled.effective.auto_batch, compiled.effective.auto_batch_timeout_s) == (batch, batch_timeout_s)
    if batch is not None:  # of the device that it works on
        assert (compiled.effective.streams, compiled.effective.threads) == (1, 1)
    inputs = [np.ones(spec.shape, spec.dtype) for spec in compiled.inputs]
    expected = compiled.infer(inputs)[0]
    seen = []
    for index in range(6):
        compiled.start(inputs, index, lambda token, outputs, *_: seen.append(outputs[0]))
    compiled.wait_all()
    assert len(seen) == 6
    assert all(abs(outputs - expected).max() < 1e-4 for outputs in seen)
    compiled.close()


@pytest.mark.runtime
def test_absent_device_is_refused_by_name(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    with pytest.raises(RuntimeRefusal, match=r"device NOSUCH: not here .*OpenVINO sees: CPU"):
        get_runtime("openvino").compile(path, RunConfig(device="NOSUCH"))
