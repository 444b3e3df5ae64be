"""What only LiteRT has: files of TensorFlow Lite, threads that are counted, pictures of bytes in front of int8."""

import numpy as np
import pytest

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.inputs import GivenShapes
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance import conformance_inputs
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.file_facts import file_facts, own_precision
from advisor.runtimes.protocol import CompileOptions

pytest.importorskip("ai_edge_litert", reason="litert is an extra")
pytestmark = pytest.mark.runtime

from advisor.runtimes.litert_files import packed, schema  # noqa: E402

from .tflite_network import Network, foreign_tflite, small_tflite  # noqa: E402


def litert_config(**changes):
    return RunConfig(**{"runtime": "litert", "threads": 1, "streams": 1, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"simd_cap": "avx2"}, "cannot be capped"),
        ({"precision": "bf16"}, "precision bf16"),
        ({"device": "GPU"}, "device GPU: not here"),
        ({"hint": "latency"}, "hint latency"),
        ({"spinning": False}, "spinning"),
        ({"arena": False}, "arena"),
        ({"quantisation": "dynamic", "precision": "int8"}, "when it is converted"),
    ],
)
def test_refusals_name_the_setting(tmp_path, changes, word) -> None:
    with pytest.raises(RuntimeRefusal, match=word) as caught:
        get_runtime("litert").compile(small_tflite(tmp_path / "n.tflite"), litert_config(**changes))
    assert "\n" not in str(caught.value)


def test_other_files_are_refused_with_the_way_out(tmp_path) -> None:
    with pytest.raises(RuntimeRefusal, match=r"reads \.tflite files; convert it"):
        get_runtime("litert").compile(small_network(tmp_path / "n.onnx"), litert_config())
    text = tmp_path / "text.tflite"
    text.write_text("no model at all", encoding="utf-8")
    with pytest.raises(ModelError, match=r"text\.tflite: damaged or no TensorFlow Lite file"):
        get_runtime("litert").compile(text, litert_config())


def test_it_gives_the_answer_of_openvino(tmp_path) -> None:
    path = small_tflite(tmp_path / "n.tflite")
    found = get_runtime("litert").compile(path, litert_config(batch=2))
    right = get_runtime("openvino").compile(path, RunConfig(threads=1, streams=1, batch=2))
    inputs = conformance_inputs(right)
    np.testing.assert_allclose(found.infer(inputs)[0], right.infer(inputs)[0], rtol=1e-3, atol=1e-4)
    assert found.effective.properties["delegate"] == "XNNPACK"
    assert found.effective.properties["operators_delegated"] == "8"
    assert {kernel.implementation.split("_")[0] for kernel in found.kernels()} == {"xnnpack"}
    found.close()
    right.close()


@pytest.mark.parametrize(("threads", "streams"), [(1, 1), (3, 1), (4, 2)])
def test_threads_are_counted(tmp_path, threads, streams) -> None:
    config = litert_config(threads=threads, streams=streams)
    compiled = get_runtime("litert").compile(small_tflite(tmp_path / "n.tflite"), config)
    assert compiled.effective.threads == threads
    assert compiled.effective.properties["num_threads"] == str(threads // streams)
    compiled.close()


def test_work_is_that_of_the_file(tmp_path) -> None:
    path = small_tflite(tmp_path / "n.tflite")
    facts = file_facts(path, GivenShapes())
    compiled = get_runtime("litert").compile(path, litert_config())
    kernels = compiled.kernels()
    assert sum(kernel.flop for kernel in kernels) == pytest.approx(facts.flop)
    assert [kernel.type for kernel in kernels] == [
        "conv", "dwconv", "conv", "conv", "eltwise", "groupconv", "reduce", "fc",
    ]  # fmt: skip
    assert [kernel.groups for kernel in kernels] == [1, 16, 1, 1, 1, 4, 1, 1]
    compiled.close()


def test_int8_is_of_the_file(tmp_path) -> None:
    plain, narrow = small_tflite(tmp_path / "n.tflite"), small_tflite(tmp_path / "q.tflite", int8=True)
    assert [own_precision(path) for path in (plain, narrow)] == ["f32", "int8"]
    compiled = get_runtime("litert").compile(narrow, litert_config(batch=2))
    assert compiled.effective.precision == "int8"
    compiled.close()


def test_bytes_in_front_of_an_int8_input(tmp_path) -> None:
    net = Network(32, int8=True)
    source = net.tensor("x", [1, 32, 32, 3])
    path = net.write(tmp_path / "n.tflite", source, net.conv(source, "first", (3, 16), 3, stride=2))
    plain = get_runtime("litert").compile(path, litert_config(precision="int8"))
    frames = get_runtime("litert").compile(path, litert_config(precision="int8"), CompileOptions(input_kind="u8_nhwc"))
    assert (plain.inputs[0].dtype, frames.inputs[0].dtype) == ("int8", "uint8")
    frame = conformance_inputs(frames)[0]
    narrow = np.clip(np.round(frame.astype(np.float32) / 255.0 / 0.02), -128, 127).astype(np.int8)
    found, right = frames.infer([frame])[0].astype(int), plain.infer([narrow])[0].astype(int)
    assert np.abs(found - right).max() <= 1
    plain.close()
    frames.close()


def test_a_batch_that_the_graph_fixes_is_refused(tmp_path) -> None:
    net = Network(32, int8=False)
    source = net.tensor("x", [1, 32, 32, 3])
    shape = net.tensor("shape", [2], np.array([1, 3072], np.int32))
    flat = net.then("RESHAPE", [source, shape], net.tensor("flat", [1, 3072]), "ReshapeOptions", newShape=[1, 3072])
    path = net.write(tmp_path / "n.tflite", source, flat)
    get_runtime("litert").compile(path, litert_config()).close()
    with pytest.raises(RuntimeRefusal, match="batch 4: LiteRT refuses") as caught:
        get_runtime("litert").compile(path, litert_config(batch=4))
    assert "\n" not in str(caught.value)


def test_times_of_operators_are_not_to_be_had(tmp_path) -> None:
    compiled = get_runtime("litert").compile(
        small_tflite(tmp_path / "n.tflite"), litert_config(), CompileOptions(profiling=True)
    )
    with pytest.raises(RuntimeRefusal, match="tells Python no times"):
        compiled.profile(1)
    compiled.close()


def test_an_unknown_operator_is_named(tmp_path) -> None:
    with pytest.raises(RuntimeRefusal, match="operator Frobnicate is unknown to LiteRT"):
        get_runtime("litert").compile(foreign_tflite(tmp_path / "n.tflite"), litert_config())
    assert packed(schema.ModelT())  # the writer itself needs no graph
