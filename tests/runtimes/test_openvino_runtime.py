"""What only OpenVINO has: failures without callback, channels-last tensors, models that lie open."""

import time
from typing import Never

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from advisor.errors import ModelError, RuntimeRefusal
from advisor.records.config import RunConfig
from advisor.runtimes.conformance import conformance_inputs
from advisor.runtimes.conformance_networks import small_network
from advisor.runtimes.protocol import CompileOptions

pytestmark = pytest.mark.runtime


def compiled_model(path, **options):
    from advisor.runtimes.openvino_runtime import OpenvinoRuntime

    config = {key: options.pop(key) for key in ("layout", "requests", "streams") if key in options}
    return OpenvinoRuntime().compile(path, RunConfig(threads=1, **{"streams": 1, **config}), CompileOptions(**options))


class FailingRequest:
    """Behaves as a request whose pass fails: no callback, an error from every wait."""

    def __init__(self, real):
        self.real = real

    def wait(self) -> Never:
        raise RuntimeError("Exception from somewhere:\ndevice lost")

    def wait_for(self, timeout_ms) -> Never:
        raise RuntimeError("Exception from somewhere:\ndevice lost")


def test_failed_pass_is_delivered_and_frees_its_request(tmp_path) -> None:
    compiled = compiled_model(small_network(tmp_path / "n.onnx"))
    seen = []
    slot = compiled._take()  # a pass in flight whose failure nobody reports
    slot.token, slot.done = "lost", lambda *result: seen.append(result)
    slot.request, real = FailingRequest(slot.request), slot.request
    assert not compiled.ready()
    compiled.wait_all()
    ((token, outputs, _, error),) = seen
    assert (token, outputs) == ("lost", None)
    assert isinstance(error, RuntimeRefusal)
    assert "device lost" in str(error)
    assert "\n" not in str(error)
    assert compiled.idle_requests() == 1
    slot.request = real
    compiled.infer(conformance_inputs(compiled))
    compiled.close()


def test_blocked_caller_finds_the_failed_pass(tmp_path) -> None:
    compiled = compiled_model(small_network(tmp_path / "n.onnx"))
    seen = []
    slot = compiled._take()
    slot.token, slot.done = "lost", lambda *result: seen.append(result)
    real = slot.request

    def deliver(*result) -> None:
        slot.request = real
        seen.append(result)

    slot.done = deliver
    slot.request = FailingRequest(real)
    compiled.infer(conformance_inputs(compiled))  # would block for ever
    assert [result[0] for result in seen] == ["lost"]
    compiled.close()


def reshaping_network(path):
    """A pass fails where the second input names a shape of another size."""
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        "reshaping",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16]),
            helper.make_tensor_value_info("shape", TensorProto.INT64, [2]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", "columns"])],
    )
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


def test_a_failed_pass_ends_the_closed_loop_with_its_reason(tmp_path) -> None:
    compiled = compiled_model(reshaping_network(tmp_path / "n.onnx"), requests=2)
    sets = [[np.zeros((1, 16), np.float32), np.array([4, 4], np.int64)] for _ in range(2)]
    compiled.loop(sets, 0.0, sync=False)
    for _, shape in sets:
        shape[:] = 5
    with pytest.raises(RuntimeRefusal, match="inference failed"):
        compiled.loop(sets, time.perf_counter() + 1.0, sync=False)
    for _, shape in sets:
        shape[:] = 2, 8
    assert compiled.loop(sets, 0.0, sync=False).starts_s
    compiled.close()


def test_a_failed_queued_pass_is_told_to_its_caller(tmp_path) -> None:
    compiled = compiled_model(reshaping_network(tmp_path / "n.onnx"))
    picture, shape = np.zeros((1, 16), np.float32), np.array([4, 4], np.int64)
    assert compiled.infer_queued([picture, shape])[0].shape == (4, 4)
    shape[:] = 5
    with pytest.raises(RuntimeRefusal, match="inference failed"):
        compiled.infer_queued([picture, shape])
    shape[:] = 2, 8
    assert compiled.infer_queued([picture, shape])[0].shape == (2, 8)
    assert compiled.idle_requests() == 1
    compiled.close()


def test_a_failed_synchronous_pass_gives_its_request_back(tmp_path, monkeypatch) -> None:
    """By hand: OpenVINO tells nobody of a failed synchronous pass on a single stream, and may crash afterwards."""
    from advisor.runtimes import openvino_runtime

    def lost(request, end_s) -> Never:
        raise RuntimeError("Exception from somewhere:\ndevice lost")

    compiled = compiled_model(small_network(tmp_path / "n.onnx"))
    monkeypatch.setattr(openvino_runtime, "one_after_another", lost)
    with pytest.raises(RuntimeRefusal, match="device lost"):
        compiled.loop([conformance_inputs(compiled)], 0.0, sync=True)
    assert compiled.idle_requests() == 1
    compiled.close()


def test_outputs_come_in_the_order_of_the_ports(tmp_path) -> None:
    nodes = [helper.make_node(kind, ["x"], [name]) for kind, name in (("Relu", "b"), ("Neg", "a"), ("Abs", "c"))]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xbac"]
    graph = helper.make_graph(nodes, "three", ports[:1], ports[1:])
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "n.onnx")
    compiled = compiled_model(tmp_path / "n.onnx")
    row = np.array([[-1.0, 2.0, -3.0, 4.0]], np.float32)
    assert [spec.name for spec in compiled.outputs] == ["b", "a", "c"]
    for found, expected in zip(compiled.infer([row]), (np.maximum(row, 0), -row, np.abs(row)), strict=True):
        np.testing.assert_array_equal(found, expected)
    compiled.close()


def test_channels_last_tensors_give_the_same_answer(tmp_path) -> None:
    path = small_network(tmp_path / "n.onnx")
    plain, last = compiled_model(path), compiled_model(path, layout="nhwc")
    assert last.inputs[0].shape == (1, 32, 32, 3)
    assert last.inputs[0].dtype == "float32"
    picture = conformance_inputs(plain)[0]
    turned = np.ascontiguousarray(picture.transpose(0, 2, 3, 1))
    np.testing.assert_allclose(last.infer([turned])[0], plain.infer([picture])[0], rtol=1e-3, atol=1e-4)
    plain.close()
    last.close()


def test_read_only_and_strided_inputs(tmp_path) -> None:
    compiled = compiled_model(small_network(tmp_path / "n.onnx"))
    picture = conformance_inputs(compiled)[0]
    expected = compiled.infer([picture])[0]
    locked = picture.copy()
    locked.flags.writeable = False
    strided = np.asfortranarray(picture)
    np.testing.assert_array_equal(compiled.infer([locked])[0], expected)
    np.testing.assert_array_equal(compiled.infer([strided])[0], expected)
    compiled.close()


def test_frames_need_an_image(tmp_path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "rows",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16])],
    )
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "r.onnx")
    with pytest.raises(ModelError, match="is no image"):
        compiled_model(tmp_path / "r.onnx", input_kind="u8_nhwc")


def test_profile_of_several_streams_is_refused(tmp_path) -> None:
    from advisor.runtimes.openvino_runtime import OpenvinoRuntime

    compiled = OpenvinoRuntime().compile(
        small_network(tmp_path / "n.onnx"), RunConfig(threads=2, streams=2), CompileOptions(profiling=True)
    )
    if compiled.effective.streams == 1:
        pytest.skip("one core grants one stream")
    with pytest.raises(RuntimeRefusal, match="streams: 1"):
        compiled.profile(1)
    compiled.close()


def test_profile_turns_cumulative_averages_into_means(monkeypatch) -> None:
    """Ten slow passes, then fast ones: the mean counts the fast ones alone."""
    from advisor.runtimes import openvino_profile

    passes, warm = 20, openvino_profile._WARM
    slow_s, fast_s = 100e-6, 10e-6
    averages = iter([slow_s, (warm * slow_s + passes * fast_s) / (warm + passes)])

    class Request:
        def infer(self) -> None:
            pass

    class Kernel:
        name = "k"

        def model_copy(self, update):
            return update["time_s"]

    monkeypatch.setattr(openvino_profile, "runtime_kernels", lambda compiled, original: (Kernel(),))
    monkeypatch.setattr(openvino_profile, "_averages", lambda request: {"k": [next(averages)]})
    (mean_s,) = openvino_profile.profile(None, None, Request(), passes)
    assert mean_s == pytest.approx(fast_s)
