"""What only ONNX Runtime has: sessions per stream, refusals by word, a byte input written into the file."""

from typing import Never

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.onnx_parts import read_onnx
from advisor.graph.quantised import computes_int8
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance import conformance_inputs
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.onnx_files import with_byte_input
from advisor.runtimes.protocol import CompileOptions
from tests.graph import files

pytestmark = pytest.mark.runtime


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"simd_cap": "avx2"}, "cannot be capped"),
        ({"precision": "bf16"}, "bf16"),
        ({"device": "GPU"}, "device GPU: not here; this build of onnxruntime runs on: CPU"),
        ({"hint": "throughput"}, "hint throughput"),
        ({"hint_requests": 2}, "hint_requests"),
        ({"pinning": False}, "pinning"),
        ({"core_type": "any"}, "core_type"),
        ({"auto_batch_timeout_s": 0.0}, "auto_batch_timeout_s"),
    ],
)
def test_refusals_name_the_setting(tmp_path, changes, word) -> None:
    path = small_network(tmp_path / "n.onnx")
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", **changes))
    assert "\n" not in str(caught.value)


def test_refuses_other_formats_and_fixed_batches(tmp_path) -> None:
    config = RunConfig(runtime="onnxruntime", batch=2)
    with pytest.raises(RuntimeRefusal, match=r"only \.onnx"):
        get_runtime("onnxruntime").compile(tmp_path / "model.xml", config)
    path = small_network(tmp_path / "n.onnx", batch=1)
    with pytest.raises(RuntimeRefusal, match=r"fixed to \[1, 3, 32, 32\], 2 is requested"):
        get_runtime("onnxruntime").compile(path, config)


@pytest.mark.parametrize(
    ("threads", "streams", "sessions", "granted"), [(1, 1, 1, 1), (2, 2, 1, 2), (4, 2, 2, 4), (3, 2, 1, 2)]
)
def test_threads_of_all_streams_together(tmp_path, threads, streams, sessions, granted) -> None:
    config = RunConfig(runtime="onnxruntime", threads=threads, streams=streams)
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), config)
    effective = compiled.effective
    assert (effective.streams, effective.threads) == (streams, granted)
    assert effective.properties["sessions"] == str(sessions)
    assert effective.properties["intra_op_num_threads"] == str(granted // streams)
    compiled.close()


def test_settings_reach_the_session(tmp_path) -> None:
    config = RunConfig(
        runtime="onnxruntime", threads=2, streams=1, spinning=False, inter_op_threads=2, execution_mode="parallel"
    )
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), config)
    assert compiled.effective.properties["execution_mode"] == "ORT_PARALLEL"
    assert compiled.effective.properties["inter_op_num_threads"] == "2"
    compiled.infer([np.zeros((1, 3, 32, 32), np.float32)])
    compiled.close()


def test_threads_left_to_the_runtime_are_unknown(tmp_path) -> None:
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), RunConfig(runtime="onnxruntime"))
    assert compiled.effective.threads is None
    compiled.close()


def test_byte_input_is_written_once(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    first = with_byte_input(path, tmp_path / "cache")
    stamp = first.stat().st_mtime_ns
    assert with_byte_input(path, tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == stamp
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [first.name]
    assert not computes_int8(read_onnx(first))


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_picture_with_its_channels_last_gives_the_same_answer(tmp_path, runtime) -> None:
    path = small_network(tmp_path / "n.onnx")
    plain = get_runtime(runtime).compile(path, RunConfig(runtime=runtime, threads=1, streams=1))
    turned = get_runtime(runtime).compile(path, RunConfig(runtime=runtime, threads=1, streams=1, layout="nhwc"))
    (spec,), (other,) = plain.inputs, turned.inputs
    assert other.shape == tuple(spec.shape[place] for place in (0, 2, 3, 1))
    picture = np.random.default_rng(1).standard_normal(spec.shape).astype(spec.dtype)
    expected = plain.infer([picture])[0]
    found = turned.infer([np.ascontiguousarray(picture.transpose(0, 2, 3, 1))])[0]
    assert np.abs(found - expected).max() < 1e-4
    assert np.abs(expected).max() > 1e-3
    plain.close()
    turned.close()


def test_failed_pass_reaches_its_callback(tmp_path) -> None:
    compiled = get_runtime("onnxruntime").compile(
        small_network(tmp_path / "n.onnx"), RunConfig(runtime="onnxruntime", threads=1, streams=1)
    )

    class Broken:
        def run(self, *_) -> Never:
            raise ValueError("no\nsuch luck")

    compiled._lanes.get()
    compiled._lanes.put(Broken())
    seen = []
    compiled.start([np.zeros((1, 3, 32, 32), np.float32)], "token", lambda *result: seen.append(result))
    compiled.wait_all()
    ((token, outputs, _, error),) = seen
    assert (token, outputs) == ("token", None)
    assert isinstance(error, RuntimeRefusal)
    assert "such luck" in str(error)
    assert compiled.idle_requests() == 1
    compiled.close()


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_int8_in_operators_runs_as_what_it_is(tmp_path, precision) -> None:
    path = files.operator_net(tmp_path / "q.onnx")
    compiled = get_runtime("onnxruntime").compile(
        path, RunConfig(runtime="onnxruntime", precision=precision, threads=1)
    )
    assert compiled.effective.precision == "int8"
    assert sum(kernel.flop for kernel in compiled.kernels()) == 2 * 4 * 32 * 8
    compiled.close()


def test_a_fixed_batch_runs_at_that_batch_only(tmp_path) -> None:
    path = files.picture_net(tmp_path / "eight.onnx", batch=8)
    compiled = get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", batch=8, threads=1))
    assert compiled.inputs[0].shape == (8, 3, 16, 16)
    compiled.close()
    with pytest.raises(RuntimeRefusal, match=r"1 is requested in place 0.*run it at batch 8"):
        get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", threads=1))


def test_a_picture_of_another_type_is_refused_by_its_name(tmp_path) -> None:
    path = files.picture_net(tmp_path / "n.onnx", kind=3)
    with pytest.raises(ModelError, match="its picture is of type int8"):
        with_byte_input(path, tmp_path)


def test_a_missing_file_of_weights_is_named(tmp_path) -> None:
    path = files.with_external_weights(small_network(tmp_path / "n.onnx"))
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"its weights are in weights\.bin"):
        get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime"))


@pytest.mark.parametrize(
    ("changes", "operator", "words"),
    [
        ({"ir": 99}, "Relu", r"its IR version 99 is newer than onnxruntime \S+ reads \(up to \d+\); save it"),
        ({"opset": 999}, "Relu", r"its operator set 999 is newer than onnxruntime \S+ reads \(up to \d+\); export"),
        ({}, "OperatorOfTomorrow", "operator OperatorOfTomorrow is unknown to onnxruntime"),
    ],
)
def test_a_newer_format_is_told_whole(tmp_path, changes, operator, words) -> None:
    from onnx import helper

    node = helper.make_node(operator, ["x"], ["y"])
    path = files.save(tmp_path / "n.onnx", [node], [("x", 1, [1, 4])], "y", **changes)
    with pytest.raises(RuntimeRefusal, match=words):
        get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime"))


def _products(path):
    """A convolution, whose weights stay as they are, and a matrix product."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.random(shape).astype(np.float32), name)
        for name, shape in (("filters", (4, 3, 3, 3)), ("factors", (4, 64)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "filters"], ["c"], kernel_shape=[3, 3]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "factors"], ["y"]),
    ]
    ports = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64]),
    ]
    graph = helper.make_graph(nodes, "products", ports[:1], ports[1:], weights)
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_dynamic_quantisation_is_made_once_and_read_back(tmp_path) -> None:
    path, options = _products(tmp_path / "n.onnx"), CompileOptions(cache_dir=tmp_path / "cache")
    config = RunConfig(runtime="onnxruntime", threads=1, precision="int8", quantisation="dynamic")
    compiled = get_runtime("onnxruntime").compile(path, config, options)
    plain = get_runtime("onnxruntime").compile(path, RunConfig(runtime="onnxruntime", threads=1))
    assert (compiled.effective.precision, plain.effective.precision) == ("int8", "f32")
    kinds = {kernel.original_type for kernel in compiled.kernels()}
    assert kinds & {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"}
    assert not any("ConvInteger" in kind for kind in kinds)
    inputs = conformance_inputs(plain)
    np.testing.assert_allclose(compiled.infer(inputs)[0], plain.infer(inputs)[0], rtol=0.05)
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").glob("*dynamic*.onnx")}
    assert len(made) == 1
    get_runtime("onnxruntime").compile(path, config, options).close()
    assert {file: file.stat().st_mtime_ns for file in made} == made
    compiled.close()
    plain.close()


def test_dynamic_quantisation_is_refused_where_it_would_do_nothing(tmp_path) -> None:
    path = tmp_path / "n.onnx"
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ports[:1], ports[1:])
    save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    config = RunConfig(runtime="onnxruntime", precision="int8", quantisation="dynamic")
    with pytest.raises(RuntimeRefusal, match="no matrix product has constant weights"):
        get_runtime("onnxruntime").compile(path, config)
    with pytest.raises(RuntimeRefusal, match="quantisation dynamic: at precision f32"):
        get_runtime("onnxruntime").compile(path, config.model_copy(update={"precision": "f32"}))


@pytest.mark.parametrize("wanted", [True, False, None])
def test_arena_and_spinning_are_read_back(tmp_path, wanted) -> None:
    config = RunConfig(runtime="onnxruntime", threads=1, arena=wanted, spinning=wanted)
    compiled = get_runtime("onnxruntime").compile(small_network(tmp_path / "n.onnx"), config)
    found = compiled.effective.properties
    assert found["enable_cpu_mem_arena"] == str(wanted is not False)  # on by default
    assert found["allow_spinning"] == ("0" if wanted is False else "1")
    compiled.infer(conformance_inputs(compiled))
    compiled.close()
