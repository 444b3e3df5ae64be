"""Every runtime of the product against the shipped suite."""

import importlib.util
import time

import pytest

from advisor.runtimes import Runtime, get_runtime
from advisor.runtimes.conformance import RuntimeConformance, conformance_inputs
from advisor.runtimes.conformance_networks import SIZE
from advisor.runtimes.ncnn_files import find_converter
from advisor.runtimes.protocol import CompileOptions


class Clamped(RuntimeConformance):
    """A runtime that starts as many threads as are requested: 999 would really be started."""

    def config(self, **changes):
        if changes.get("streams") == 999:
            changes = {"streams": 4, "threads": 4}
        return super().config(**changes)

    def test_clamping_is_visible(self, network) -> None:
        compiled = self.make_runtime().compile(network, self.config(streams=999, threads=999))
        assert (compiled.effective.streams, compiled.effective.threads) == (4, 4)
        compiled.close()

    @pytest.mark.timing
    def test_kernels_have_work_and_times(self, network) -> None:
        super().test_kernels_have_work_and_times(network)


@pytest.mark.runtime
class TestOpenvino(RuntimeConformance):
    name = "openvino"
    clamps_streams = True

    def make_runtime(self) -> Runtime:
        return get_runtime("openvino")


@pytest.mark.runtime
class TestOnnxRuntime(Clamped):
    name = "onnxruntime"

    def make_runtime(self) -> Runtime:
        return get_runtime("onnxruntime")


@pytest.mark.runtime
class TestNcnn(Clamped):
    name = "ncnn"

    @pytest.fixture(autouse=True)
    def _optional(self) -> None:
        pytest.importorskip("ncnn", reason="ncnn is an extra")
        if find_converter() is None:
            pytest.skip("ncnn reads ONNX files through pnnx")

    def make_runtime(self) -> Runtime:
        return get_runtime("ncnn")


@pytest.mark.runtime
class TestLitert(Clamped):
    name = "litert"
    suffix = ".tflite"
    layout = "NHWC"
    profiles = False

    @pytest.fixture(autouse=True)
    def _optional(self) -> None:
        pytest.importorskip("ai_edge_litert", reason="litert is an extra")

    def write_network(self, path, *, size=SIZE):
        from .tflite_network import small_tflite

        return small_tflite(path, size=size)

    def write_foreign_operator(self, path):
        from .tflite_network import foreign_tflite

        return foreign_tflite(path)

    def write_int8(self, network, folder):
        from .tflite_network import small_tflite

        return small_tflite(folder / "int8.tflite", int8=True)

    def make_runtime(self) -> Runtime:
        return get_runtime("litert")


@pytest.mark.runtime
@pytest.mark.slow  # TVM compiles for seconds, and the suite has 50 compilations
class TestTvm(Clamped):
    name = "tvm"

    @pytest.fixture(autouse=True)
    def _optional(self) -> None:
        pytest.importorskip("tvm", reason="tvm is an extra")

    def test_kernels_have_work_and_times(self, network) -> None:
        """Untuned, a pass takes tens of milliseconds: the small picture and few passes tell as much."""
        compiled = self.make_runtime().compile(network, self.config(), CompileOptions(profiling=True))
        inputs = conformance_inputs(compiled)
        compiled.infer(inputs)
        ratios = []
        for _ in range(10):
            start_s = time.perf_counter()
            compiled.infer(inputs)
            wall_s = time.perf_counter() - start_s
            ratios.append(sum(kernel.time_s for kernel in compiled.profile(1)) / wall_s)
            if 1 / self.wall_factor < ratios[-1] < self.wall_factor:
                break
        else:
            pytest.fail(f"kernel times over wall time: {ratios}")
        compiled.close()

    def make_runtime(self) -> Runtime:
        return get_runtime("tvm")


@pytest.mark.torch
class TestTorch(Clamped):
    name = "torch"

    @pytest.fixture(autouse=True)
    def _optional(self) -> None:
        pytest.importorskip("torch", reason="torch is an extra; run make test-torch")
        if importlib.util.find_spec("onnx2torch") is None:
            pytest.skip("torch reads ONNX files through onnx2torch")

    def make_runtime(self) -> Runtime:
        return get_runtime("torch")


@pytest.mark.torch
class TestTorchScript(TestTorch):
    profiles = False

    def config(self, **changes):
        return super().config(torch_mode="torchscript", **changes)


class TestFake(RuntimeConformance):
    name = "fake"
    reads_files = False
    clamps_streams = True

    def make_runtime(self) -> Runtime:
        return get_runtime("fake")
