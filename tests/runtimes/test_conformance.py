"""Every runtime of the product against the shipped suite."""

import pytest

from advisor.runtimes import Runtime, get_runtime
from advisor.runtimes.conformance import RuntimeConformance
from advisor.runtimes.ncnn_files import find_converter


@pytest.mark.runtime
class TestOpenvino(RuntimeConformance):
    name = "openvino"
    clamps_streams = True

    def make_runtime(self) -> Runtime:
        return get_runtime("openvino")


@pytest.mark.runtime
class TestOnnxRuntime(RuntimeConformance):
    name = "onnxruntime"

    def config(self, **changes):
        # 999 threads would really be started.
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

    def make_runtime(self) -> Runtime:
        return get_runtime("onnxruntime")


@pytest.mark.runtime
class TestNcnn(RuntimeConformance):
    name = "ncnn"

    @pytest.fixture(autouse=True)
    def _optional(self) -> None:
        pytest.importorskip("ncnn", reason="ncnn is an extra")
        if find_converter() is None:
            pytest.skip("ncnn reads ONNX files through pnnx")

    def config(self, **changes):
        # 999 threads would really be started.
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

    def make_runtime(self) -> Runtime:
        return get_runtime("ncnn")


class TestFake(RuntimeConformance):
    name = "fake"
    reads_files = False
    clamps_streams = True

    def make_runtime(self) -> Runtime:
        return get_runtime("fake")
