"""What only ncnn has: its converter, threads per stream, sizes that its rows do not fit, devices without Vulkan."""

import os

import numpy as np
import pytest
from onnx import TensorProto, helper, save

from advisor.errors import RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime, ncnn_files
from advisor.runtimes.conformance import conformance_inputs
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.protocol import CompileOptions

pytest.importorskip("ncnn", reason="ncnn is an extra")
needs_converter = pytest.mark.skipif(ncnn_files.find_converter() is None, reason="ncnn reads ONNX files through pnnx")
pytestmark = pytest.mark.runtime


def ncnn_config(**changes):
    return RunConfig(**{"runtime": "ncnn", "threads": 1, "streams": 1, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"simd_cap": "avx2"}, "cannot be capped"),
        ({"precision": "bf16"}, "precision bf16"),
        ({"precision": "int8"}, "precision int8"),
        ({"device": "NPU"}, "device NPU: not here"),
        ({"hint": "latency"}, "hint latency"),
        ({"spinning": False}, "spinning"),
        ({"layout": "nhwc"}, "layout"),
    ],
)
def test_refusals_name_the_setting(tmp_path, changes, word) -> None:
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        get_runtime("ncnn").compile(small_network(tmp_path / "n.onnx"), ncnn_config(**changes))
    assert "\n" not in str(caught.value)


def test_without_its_converter_it_says_how_to_get_it(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ncnn_files, "find_converter", lambda: None)
    with pytest.raises(RuntimeRefusal, match="pip install --no-deps pnnx"):
        get_runtime("ncnn").compile(small_network(tmp_path / "n.onnx"), ncnn_config())


@needs_converter
def test_f32_is_really_f32(tmp_path) -> None:
    """ncnn keeps numbers in half precision unless told otherwise, and so does its converter."""
    path = small_network(tmp_path / "n.onnx", batch=1)
    found = get_runtime("ncnn").compile(path, ncnn_config())
    right = get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", threads=1))
    inputs = conformance_inputs(right)
    np.testing.assert_allclose(found.infer(inputs)[0], right.infer(inputs)[0], rtol=1e-5, atol=1e-5)
    assert found.effective.properties["use_fp16_storage"] == "False"
    found.close()
    right.close()


@needs_converter
@pytest.mark.parametrize("size", [29, 31, 38])
def test_sizes_that_fill_no_vector_give_the_same_answer(tmp_path, size) -> None:
    path = small_network(tmp_path / "n.onnx", size="side")
    options = CompileOptions(input_shape=(1, 3, size, size))
    found = get_runtime("ncnn").compile(path, ncnn_config(batch=2), options)
    right = get_runtime("openvino").compile(path, RunConfig(threads=1, streams=1, batch=2), options)
    inputs = conformance_inputs(right)
    np.testing.assert_allclose(found.infer(inputs)[0], right.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    found.close()
    right.close()


@needs_converter
@pytest.mark.parametrize("threads", [1, 3])
def test_as_many_threads_work_as_it_reads_back(tmp_path, threads) -> None:
    def running() -> int:
        return len(os.listdir("/proc/self/task"))

    compiled = get_runtime("ncnn").compile(small_network(tmp_path / "n.onnx"), ncnn_config(threads=threads))
    assert compiled.effective.threads == threads
    inputs = conformance_inputs(compiled)
    before = running()  # with those that served this thread's own pass
    compiled.infer_queued(inputs)  # on the stream's thread, whose helpers OpenMP starts now and keeps
    assert running() - before == threads - 1
    compiled.close()
    assert compiled.effective.properties["num_threads"] == str(threads)


@needs_converter
def test_a_conversion_is_kept(tmp_path) -> None:
    path, cache = small_network(tmp_path / "n.onnx"), CompileOptions(cache_dir=tmp_path / "cache")
    get_runtime("ncnn").compile(path, ncnn_config(), cache).close()
    files = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    assert {name.rsplit(".", 2)[-1] for name in files} == {"param", "bin"}
    get_runtime("ncnn").compile(path, ncnn_config(), cache).close()
    assert {file.name: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()} == files


@needs_converter
def test_inputs_of_whole_numbers_and_several_outputs(tmp_path) -> None:
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, 6])
    table = helper.make_tensor("table", TensorProto.FLOAT, [11, 4], np.arange(44, dtype=np.float32).tolist())
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Relu", ["rows"], ["a"]),
        helper.make_node("Neg", ["rows"], ["b"]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 6, 4]) for name in "ab"]
    graph = helper.make_graph(nodes, "text", [ids], outputs, [table])
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "n.onnx")
    compiled = get_runtime("ncnn").compile(tmp_path / "n.onnx", ncnn_config())
    assert compiled.inputs[0].dtype == "int64"
    asked = np.array([[0, 3, 10, 1, 1, 2]])
    rows = np.arange(44, dtype=np.float32).reshape(11, 4)[asked]
    first, second = compiled.infer([asked])
    np.testing.assert_allclose(first, rows)
    np.testing.assert_allclose(second, -rows)
    compiled.close()
