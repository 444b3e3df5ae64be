"""Int8 copies: narrow in both runtimes, made once, honest about what they are."""

import numpy as np
import pytest

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import hash_file
from advisor.graph.onnx_parts import read_onnx
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.quantise import int8_model, read_sidecar, variant_for
from tests.graph import files, networks

pytestmark = pytest.mark.runtime


def narrow_share(path, runtime):
    config = RunConfig(runtime=runtime, threads=1, streams=1, precision="int8")
    compiled = get_runtime(runtime).compile(path, config)
    kernels = compiled.kernels()
    compiled.close()
    return sum(k.flop for k in kernels if k.precision in {"i8", "u8"}) / sum(k.flop for k in kernels)


def test_copy_is_kept_and_labelled(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    copy = int8_model(path, tmp_path / "int8")
    said = read_sidecar(copy)
    assert said["purpose"].startswith("speed only")
    assert said["products"] == said["quantised_products"] == 6
    assert said["source_sha256"] == hash_file(path)
    stamp = copy.stat().st_mtime_ns
    assert int8_model(path, tmp_path / "int8") == copy
    assert copy.stat().st_mtime_ns == stamp
    assert sorted(file.suffix for file in (tmp_path / "int8").iterdir()) == [".json", ".onnx"]
    # The batch stays open.
    assert read_onnx(copy).graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"


def test_same_seed_same_ranges(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    first, again, other = (
        int8_model(path, tmp_path / name, seed).read_bytes() for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    )
    assert first == again
    assert first != other


def test_changed_file_is_quantised_anew(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    first = int8_model(path, tmp_path / "int8")
    small_network(path, batch="M")
    assert int8_model(path, tmp_path / "int8") != first


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_convolutions_run_narrow_depthwise_included(tmp_path, runtime) -> None:
    copy = int8_model(small_network(tmp_path / "n.onnx"), tmp_path)
    assert narrow_share(copy, runtime) > 0.99


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_projections_of_attention_run_narrow(tmp_path, runtime) -> None:
    copy = int8_model(networks.attention(tmp_path / "a.onnx"), tmp_path)
    said = read_sidecar(copy)
    assert (said["quantised_products"], said["products"]) == (4, 6)
    assert narrow_share(copy, runtime) > 0.7


def test_each_runtime_gets_its_variant(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    copy = int8_model(path, tmp_path / "int8")
    variant = variant_for(copy, "onnxruntime")
    assert variant != copy
    assert read_sidecar(variant)["runtime"] == "onnxruntime"
    assert variant_for(variant, "onnxruntime") == variant
    assert variant_for(path, "onnxruntime") == path
    variant.unlink()
    small_network(path, batch="M")
    with pytest.raises(RuntimeRefusal, match="gone or changed"):
        variant_for(copy, "onnxruntime")


def test_a_model_that_was_moved_still_gets_its_variants(tmp_path) -> None:
    for folder in ("before", "after"):
        (tmp_path / folder).mkdir()
    path = small_network(tmp_path / "before" / "n.onnx")
    first = int8_model(path, tmp_path / "int8")
    moved = path.replace(tmp_path / "after" / "n.onnx")
    copy = int8_model(moved, tmp_path / "int8")
    assert copy == first
    assert read_sidecar(copy)["source"] == str(moved)
    assert read_sidecar(variant_for(copy, "onnxruntime"))["runtime"] == "onnxruntime"


def test_answers_stay_near(tmp_path) -> None:
    """No accuracy is promised, but a copy that computes something else would be another network."""
    path = small_network(tmp_path / "n.onnx")
    copy = int8_model(path, tmp_path)
    inputs = [np.random.default_rng(0).random((1, 3, 32, 32)).astype(np.float32)]
    wide = get_runtime("openvino").compile(path, RunConfig(threads=1))
    narrow = get_runtime("openvino").compile(copy, RunConfig(threads=1, precision="int8"))
    expected, found = wide.infer(inputs)[0], narrow.infer(inputs)[0]
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()
    assert np.abs(found - expected).max() > 0
    wide.close()
    narrow.close()


def test_what_cannot_be_quantised(tmp_path) -> None:
    with pytest.raises(RuntimeRefusal, match=r"only \.onnx"):
        int8_model(tmp_path / "model.xml", tmp_path)
    with pytest.raises(ModelError, match=r"none\.onnx: cannot be read"):
        int8_model(tmp_path / "none.onnx", tmp_path)
    net = networks.Net()
    path = net.save(tmp_path / "relu.onnx", [1, 3, 8, 8], net.add("Relu", ["x"]), [1, 3, 8, 8])
    with pytest.raises(RuntimeRefusal, match="no convolution or matrix product"):
        int8_model(path, tmp_path / "int8")
    assert list((tmp_path / "int8").iterdir()) == []
    with pytest.raises(ModelError, match="input:"):
        int8_model(small_network(tmp_path / "open.onnx", size="side"), tmp_path)
    copy = int8_model(tmp_path / "open.onnx", tmp_path, input_shape=(1, 3, 32, 32))
    assert int8_model(copy, tmp_path) == copy


@pytest.mark.parametrize("text", ["[]", "{}", '["person", "car"]', '{"0": "person"}', '{"runtime": "openvino"}', "{"])
def test_a_json_file_of_somebody_else_beside_a_model_says_nothing(tmp_path, text) -> None:
    path = small_network(tmp_path / "n.onnx")
    path.with_suffix(".json").write_text(text)
    assert read_sidecar(path) is None
    assert variant_for(path, "onnxruntime") == path
    copy = int8_model(path, tmp_path / "int8")
    assert copy != path
    assert read_sidecar(copy) is not None
    compiled = get_runtime("onnxruntime").compile(copy, RunConfig(runtime="onnxruntime", precision="int8", threads=1))
    assert compiled.effective.precision == "int8"
    compiled.close()


def test_files_that_are_int8_already_are_left_as_they_are(tmp_path) -> None:
    for path in (
        files.operator_net(tmp_path / "q.onnx"), files.dynamic_net(tmp_path / "d.onnx"),
        files.dynamic_net(tmp_path / "f.onnx", fused=True),
    ):  # fmt: skip
        assert int8_model(path, tmp_path / "int8") == path


def test_a_fixed_batch_is_quantised_at_that_batch(tmp_path) -> None:
    copy = int8_model(files.picture_net(tmp_path / "eight.onnx", batch=8), tmp_path / "int8")
    said = read_sidecar(copy)
    assert said is not None
    assert (said["quantised_products"], said["products"]) == (1, 1)
