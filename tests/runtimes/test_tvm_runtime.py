"""What only TVM has: a compiler that is told the processor, helpers per calling thread, fused functions."""

import importlib.util
import os

import numpy as np
import pytest

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance import conformance_inputs
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.protocol import CompileOptions

# Found, not imported: that takes two seconds of every process which only collects tests.
pytestmark = [
    pytest.mark.runtime, pytest.mark.skipif(importlib.util.find_spec("tvm") is None, reason="tvm is an extra")
]  # fmt: skip


def tvm_config(**changes):
    return RunConfig(**{"runtime": "tvm", "threads": 1, "streams": 1, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"precision": "int8"}, "precision int8"),
        ({"device": "GPU"}, "device GPU: not here"),
        ({"hint": "latency"}, "hint latency"),
        ({"spinning": False}, "spinning"),
        ({"torch_mode": "eager"}, "torch_mode"),
    ],
)
def test_refusals_name_the_setting(tmp_path, changes, word) -> None:
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        get_runtime("tvm").compile(small_network(tmp_path / "n.onnx"), tvm_config(**changes))
    assert "\n" not in str(caught.value)


def test_compiled_without_avx_it_gives_the_same_answer(tmp_path) -> None:
    """One compilation takes seconds: all that is true of one model is asserted on it."""
    path = small_network(tmp_path / "n.onnx")
    config = tvm_config(batch=2, simd_cap="sse42", threads=4, streams=2)
    found = get_runtime("tvm").compile(path, config, CompileOptions(profiling=True))
    right = get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", threads=1, batch=2))
    inputs = conformance_inputs(right)
    np.testing.assert_allclose(found.infer_queued(inputs)[0], right.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    assert found.effective.properties["mcpu"] == "nehalem"
    granted = min(2, os.cpu_count() or 1)
    assert (found.effective.threads, found.effective.properties["num_threads"]) == (2 * granted, str(granted))
    kernels = found.kernels()
    assert [kernel.type for kernel in kernels] == ["conv", "dwconv", "conv", "conv", "groupconv", "reduce", "fc"]
    assert sum(kernel.flop for kernel in kernels) == sum(kernel.flop for kernel in right.kernels())
    assert sum(kernel.weight_bytes for kernel in kernels) == sum(kernel.weight_bytes for kernel in right.kernels())
    assert all(kernel.time_s and kernel.time_s > 0 for kernel in found.profile(1))
    found.close()
    right.close()


def test_without_a_cap_it_compiles_for_this_processor(tmp_path) -> None:
    compiled = get_runtime("tvm").compile(small_network(tmp_path / "n.onnx"), tvm_config())
    assert compiled.effective.properties["mcpu"] not in {"", "generic", "nehalem"}
    compiled.close()
