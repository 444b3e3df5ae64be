"""The suite that every runtime must pass; needs pytest. A new runtime begins by subclassing the class below.

Its models are those of :mod:`.conformance_networks`: a small convolutional network with an open batch, and broken files
of every kind.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from advisor.errors import ModelError, ModelRangeError, RuntimeRefusal
from advisor.records.config import RunConfig

from .conformance_networks import CLASSES, SIZE, foreign_operator, small_network
from .protocol import CompiledModel, CompileOptions, Runtime, TightLoop


def conformance_inputs(compiled: CompiledModel, seed: int = 0) -> list[Any]:
    """Draw one input set: bytes for byte inputs, numbers in [0, 1) else."""
    rng = np.random.default_rng(seed)
    found: list[Any] = []
    for spec in compiled.inputs:
        if spec.dtype == "uint8":
            found.append(rng.integers(0, 256, spec.shape, dtype=np.uint8))
        else:
            found.append(rng.random(spec.shape).astype(spec.dtype))
    return found


def assert_close(found: Any, expected: Any) -> None:
    """Equal but for the order of summation, which differs between layouts and batches."""
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


class RuntimeConformance:
    """Subclass it, set ``name`` and override :meth:`make_runtime`; the switches say what a runtime cannot show."""

    name = ""
    device = "CPU"
    """What the suite is run on; the runtime must have it here."""
    profiles = True
    """Tells the time of each kernel."""
    reads_files = True
    """The fake does not look into its model files."""
    clamps_streams = False
    """Grants fewer streams than requested if there are fewer cores."""
    suffix = ".onnx"
    """Of the files that it reads."""
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    """Order of the dimensions of the network's picture."""
    wall_factor = 2.0
    """Sum of kernel times may differ from the wall time of a pass by this factor."""

    def make_runtime(self) -> Runtime:
        """Return the runtime under test."""
        raise NotImplementedError

    def config(self, **changes: Any) -> RunConfig:
        """Return one stream, on one thread where the device has threads, with changes."""
        base: dict[str, Any] = {"runtime": self.name, "device": self.device, "streams": 1}
        if self.device == "CPU":
            base["threads"] = 1
        return RunConfig.model_validate({**base, **changes})

    def write_network(self, path: Path, *, size: int | str = SIZE) -> Path:
        """Write the small network with an open batch; with open sides too where ``size`` is a name."""
        return small_network(path, size=size)

    def write_foreign_operator(self, path: Path) -> Path:
        """Write a valid file with the operator Frobnicate."""
        return foreign_operator(path)

    def write_int8(self, network: Path, folder: Path) -> Path:
        """Quantise the small network."""
        from .quantise import int8_model

        return int8_model(network, folder)

    def picture(self, side: int) -> tuple[int, ...]:
        """Shape of a square picture at batch 1."""
        return (1, 3, side, side) if self.layout == "NCHW" else (1, side, side, 3)

    @pytest.fixture
    def network(self, tmp_path: Path) -> Path:
        """The small network on disk."""
        return self.write_network(tmp_path / f"network{self.suffix}")

    def test_says_who_it_is(self) -> None:
        runtime = self.make_runtime()
        assert runtime.name == self.name
        assert runtime.version()
        assert "CPU" in runtime.devices()
        assert self.device in runtime.devices()
        assert self.device in {facts.id for facts in runtime.device_facts()}
        assert "f32" in runtime.capabilities()
        assert isinstance(runtime, Runtime)

    def test_outputs_are_finite_and_shaped_as_said(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())
        outputs = compiled.infer(conformance_inputs(compiled))
        assert [output.shape for output in outputs] == [spec.shape for spec in compiled.outputs]
        assert [output.dtype.name for output in outputs] == [spec.dtype for spec in compiled.outputs]
        assert all(np.isfinite(np.asarray(output, dtype=np.float64)).all() for output in outputs)
        assert isinstance(compiled, CompiledModel)
        compiled.close()

    def test_outputs_belong_to_the_caller(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())
        first = compiled.infer(conformance_inputs(compiled, 1))[0]
        kept = first.copy()
        compiled.infer(conformance_inputs(compiled, 2))
        np.testing.assert_array_equal(first, kept)
        compiled.close()

    def test_asynchronous_equals_synchronous(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config(requests=3), CompileOptions(want_outputs=True))
        sets = [conformance_inputs(compiled, seed) for seed in range(4)]
        expected = [compiled.infer(inputs)[0] for inputs in sets]
        assert not np.allclose(expected[0], expected[1])
        seen: dict[object, Any] = {}
        began_s = time.perf_counter()
        for index in range(12):
            compiled.start(sets[index % 4], index, lambda token, *rest: seen.__setitem__(token, rest))
        compiled.wait_all()
        assert set(seen) == set(range(12))
        for index in range(12):
            outputs, finish_s, error = seen[index]
            assert error is None
            assert_close(outputs[0], expected[index % 4])
            assert finish_s >= 0.0
        assert time.perf_counter() >= began_s
        compiled.close()

    def test_queued_and_called_back_passes_take_turns_on_the_same_requests(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config(requests=1))
        sets = [conformance_inputs(compiled, seed) for seed in range(2)]
        expected = [compiled.infer(inputs)[0] for inputs in sets]
        seen: list[object] = []
        for number in range(4):
            compiled.start(sets[0], number, lambda token, *_: seen.append(token))
            first = compiled.infer_queued(sets[1])[0]
            assert_close(compiled.infer_queued(sets[0])[0], expected[0])
            assert_close(first, expected[1])  # owned by the caller: not overwritten by the next pass
        compiled.wait_all()
        assert seen == [0, 1, 2, 3]
        assert compiled.idle_requests() == 1
        compiled.close()

    def test_outputs_only_when_wanted(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())
        seen: list[Any] = []
        compiled.start(conformance_inputs(compiled), "token", lambda *result: seen.append(result))
        compiled.wait_all()
        assert [result[:2] for result in seen] == [("token", None)]
        compiled.close()

    def test_requests_come_back(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config(requests=2))
        assert compiled.requests == 2
        assert compiled.idle_requests() == 2
        assert compiled.ready()
        for index in range(5):
            compiled.start(conformance_inputs(compiled), index, lambda *_: None)
        compiled.wait_all()
        assert compiled.idle_requests() == 2
        compiled.close()

    @pytest.mark.parametrize("way", ["infer", "infer_queued"])
    def test_several_callers_at_once(self, network: Path, way: str) -> None:
        compiled = self.make_runtime().compile(network, self.config(requests=2))
        call_it = getattr(compiled, way)
        sets = [conformance_inputs(compiled, seed) for seed in range(3)]
        expected = [compiled.infer(inputs)[0] for inputs in sets]
        found: list[list[Any]] = [[], [], []]

        def call(index: int) -> None:
            found[index].extend(call_it(sets[index])[0] for _ in range(5))

        threads = [threading.Thread(target=call, args=(index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for index in range(3):
            assert len(found[index]) == 5
            for output in found[index]:
                assert_close(output, expected[index])
        compiled.close()

    @pytest.mark.parametrize("sync", [True, False])
    def test_a_closed_loop_of_its_own_tells_every_pass(self, network: Path, sync: bool) -> None:
        compiled = self.make_runtime().compile(network, self.config(requests=2))
        if not isinstance(compiled, TightLoop):
            pytest.skip("this runtime has no closed loop of its own")
        sets = [conformance_inputs(compiled, seed) for seed in range(1 if sync else 2)]
        for length_s in (0.05, -1.0):
            began_s = time.perf_counter()
            passes = compiled.loop(sets, began_s + length_s, sync=sync)
            over_s = time.perf_counter()
            assert len(passes.starts_s) == len(passes.finishes_s) >= 1
            assert passes.starts_s == sorted(passes.starts_s)
            assert began_s <= passes.starts_s[0] <= passes.starts_s[-1] <= passes.ended_s <= over_s
            assert passes.ended_s >= began_s + length_s
            spans = list(zip(passes.starts_s, passes.finishes_s, strict=True))
            assert all(start < finish <= over_s for start, finish in spans)
            # No more passes at any moment than sets of inputs.
            assert all(sum(a <= start < b for a, b in spans) <= len(sets) for start, _ in spans)
        assert len(passes.starts_s) <= len(sets)  # its time was over before it began
        assert compiled.idle_requests() == compiled.requests
        with pytest.raises(ModelRangeError):
            compiled.loop([[*sets[0], *sets[0]]], 0.0, sync=sync)
        compiled.close()
        with pytest.raises(ModelRangeError):
            compiled.loop(sets, 0.0, sync=sync)

    def test_broken_callback_is_not_lost(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())

        def broken(*_: object) -> None:
            raise ZeroDivisionError("told to")

        compiled.start(conformance_inputs(compiled), 0, broken)
        with pytest.raises(ZeroDivisionError, match="told to"):
            compiled.wait_all()
        assert compiled.idle_requests() == compiled.requests
        compiled.infer(conformance_inputs(compiled))
        compiled.close()

    def test_batch_multiplies_inputs_and_outputs(self, network: Path) -> None:
        single = self.make_runtime().compile(network, self.config())
        four = self.make_runtime().compile(network, self.config(batch=4))
        assert four.inputs[0].shape == (4, *single.inputs[0].shape[1:])
        inputs = conformance_inputs(four)
        outputs = four.infer(inputs)[0]
        assert outputs.shape == (4, *single.outputs[0].shape[1:])
        for index in range(4):
            alone = single.infer([inputs[0][index : index + 1]])[0]
            assert_close(outputs[index], alone[0])
        assert four.effective.batch == 4
        single.close()
        four.close()

    def test_effective_settings_stand_beside_the_request(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())
        effective = compiled.effective
        assert effective.precision in {"f32", None}
        assert effective.device == self.device
        assert effective.execution_devices
        assert effective.on_cpu == (self.device == "CPU")
        if self.device == "CPU":
            assert (effective.streams, effective.threads, effective.precision) == (1, 1, "f32")
        assert effective.runtime_version == self.make_runtime().version()
        assert compiled.read_s >= 0.0
        assert compiled.compile_s >= 0.0
        compiled.close()

    def test_clamping_is_visible(self, network: Path) -> None:
        if self.device != "CPU":
            pytest.skip("threads and streams of the CPU")
        compiled = self.make_runtime().compile(network, self.config(streams=999, threads=999))
        granted = compiled.effective.streams
        assert granted is not None
        assert (granted < 999) == self.clamps_streams
        compiled.close()

    def test_bytes_equal_numbers(self, network: Path, tmp_path: Path) -> None:
        runtime = self.make_runtime()
        plain = runtime.compile(network, self.config(batch=2))
        bytes_ = runtime.compile(
            network, self.config(batch=2), CompileOptions(input_kind="u8_nhwc", cache_dir=tmp_path / "cache")
        )
        batch, *sides = plain.inputs[0].shape
        assert bytes_.inputs[0].shape == (batch, *(sides if self.layout == "NHWC" else [*sides[1:], sides[0]]))
        assert bytes_.inputs[0].dtype == "uint8"
        frame = conformance_inputs(bytes_)[0]
        picture = self._numbers(frame) / np.float32(255.0)
        assert_close(bytes_.infer([frame])[0], plain.infer([picture])[0])
        plain.close()
        bytes_.close()

    def test_a_model_may_see_bytes_as_they_are(self, network: Path, tmp_path: Path) -> None:
        runtime, folder = self.make_runtime(), tmp_path / "cache"
        scaled = runtime.compile(network, self.config(), CompileOptions(input_kind="u8_nhwc", cache_dir=folder))
        whole = runtime.compile(network, self.config(), CompileOptions(input_kind="u8_nhwc_255", cache_dir=folder))
        plain = runtime.compile(network, self.config())
        frame = conformance_inputs(whole)[0]
        picture = self._numbers(frame)
        assert_close(whole.infer([frame])[0], plain.infer([picture])[0])
        assert_close(scaled.infer([frame])[0], plain.infer([picture / np.float32(255.0)])[0])
        for compiled in (scaled, whole, plain):
            compiled.close()

    def test_wrong_arrays_are_a_bug_of_the_caller(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())
        good = conformance_inputs(compiled)[0]
        for bad in ([], [good, good], [good.astype(np.float64)], [good[:, :, :-1]]):
            with pytest.raises(ModelRangeError):
                compiled.infer(bad)
            with pytest.raises(ModelRangeError):
                compiled.start(bad, 0, lambda *_: None)
        assert compiled.idle_requests() == compiled.requests
        compiled.close()
        compiled.close()
        with pytest.raises(ModelRangeError):
            compiled.infer([good])

    def test_kernels_have_work(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config(batch=2))
        single = self.make_runtime().compile(network, self.config())
        kernels = compiled.kernels()
        assert kernels
        assert all(kernel.time_s is None for kernel in kernels)
        flop = sum(kernel.flop for kernel in kernels)
        assert flop > 0
        assert flop == pytest.approx(2 * sum(kernel.flop for kernel in single.kernels()))
        assert compiled.activation_bytes() > 0
        compiled.close()
        single.close()

    def test_kernels_have_work_and_times(self, network: Path) -> None:
        if not self.profiles:
            pytest.skip("this runtime tells no times of kernels on this device")
        # At four times the size kernels outweigh the microsecond that counters round to and the cost of the call.
        shape = self.picture(4 * SIZE)
        path = self.write_network(network, size="side")
        compiled = self.make_runtime().compile(path, self.config(), CompileOptions(input_shape=shape, profiling=True))
        timed = compiled.profile(5)
        assert [kernel.name for kernel in compiled.kernels()] == [kernel.name for kernel in timed]
        assert sum(kernel.flop for kernel in timed) > 0
        ratios = []
        for _ in range(10):  # other processes may slow down either side of one comparison, hardly of ten
            ratios.append(self._share_of_wall(compiled))
            if 1 / self.wall_factor < ratios[-1] < self.wall_factor:
                break
        else:
            pytest.fail(f"kernel times over wall time: {ratios}")
        compiled.close()

    def test_profile_needs_profiling(self, network: Path) -> None:
        compiled = self.make_runtime().compile(network, self.config())
        with pytest.raises(RuntimeRefusal, match="profiling=True"):
            compiled.profile(1)
        compiled.close()

    def test_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"nowhere\.\w+.*no such file"):
            self.make_runtime().compile(tmp_path / f"nowhere{self.suffix}", self.config())

    def test_refuses_precisions_it_cannot_compute(self, network: Path) -> None:
        runtime = self.make_runtime()
        if self.device != "CPU":
            pytest.skip("capabilities are the CPU's")
        for precision in {"f32", "bf16", "int8"} - set(runtime.capabilities()):
            with pytest.raises(RuntimeRefusal, match=precision):
                runtime.compile(network, self.config(precision=precision))

    def test_refuses_an_unknown_operator_by_name(self, tmp_path: Path) -> None:
        self._needs_files()
        with pytest.raises(RuntimeRefusal, match="Frobnicate") as caught:
            self.make_runtime().compile(self.write_foreign_operator(tmp_path / f"odd{self.suffix}"), self.config())
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
    def test_truncated_file(self, network: Path, kept: float) -> None:
        self._needs_files()
        whole = network.read_bytes()
        network.write_bytes(whole[: int(len(whole) * kept)])
        with pytest.raises(ModelError, match=r"network\.\w+") as caught:
            self.make_runtime().compile(network, self.config())
        assert "\n" not in str(caught.value)

    def test_open_dimensions_need_an_input_shape(self, tmp_path: Path) -> None:
        self._needs_files()
        path = self.write_network(tmp_path / f"open{self.suffix}", size="side")
        with pytest.raises(ModelError, match="input:"):
            self.make_runtime().compile(path, self.config())
        compiled = self.make_runtime().compile(path, self.config(batch=2), CompileOptions(input_shape=self.picture(48)))
        assert compiled.inputs[0].shape == (2, *self.picture(48)[1:])
        assert compiled.infer(conformance_inputs(compiled))[0].shape == (2, CLASSES)
        compiled.close()

    def test_int8_needs_a_quantised_file(self, network: Path, tmp_path: Path) -> None:
        self._needs_files()
        if self.device != "CPU":
            pytest.skip("capabilities are the CPU's")
        if "int8" not in self.make_runtime().capabilities():
            return
        with pytest.raises(RuntimeRefusal, match="quantise"):
            self.make_runtime().compile(network, self.config(precision="int8"))
        compiled = self.make_runtime().compile(self.write_int8(network, tmp_path), self.config(precision="int8"))
        assert compiled.effective.precision == "int8"
        products = [kernel for kernel in compiled.kernels() if kernel.flop > 0]
        narrow = sum(kernel.flop for kernel in products if kernel.precision in {"i8", "u8"})
        assert narrow / sum(kernel.flop for kernel in products) > 0.95
        compiled.close()

    def _share_of_wall(self, compiled: CompiledModel) -> float:
        """Sum of kernel times over the wall time of a pass, the least of some: other processes only add to both."""
        inputs = conformance_inputs(compiled)
        walls_s, totals_s = [], []
        compiled.profile(10)  # OpenVINO's times are averages over all passes so far: of fewer the rounding would show
        for _ in range(20):
            for _ in range(2):
                start_s = time.perf_counter()
                compiled.infer(inputs)
                walls_s.append(time.perf_counter() - start_s)
            # Few passes at a time, as a busy machine interrupts any long series of them.
            totals_s.append(sum(kernel.time_s or 0.0 for kernel in compiled.profile(2)))
        return min(totals_s) / min(walls_s)

    def _numbers(self, frame: Any) -> Any:
        """A frame as the network wants it, in f32."""
        turned = frame.transpose(0, 3, 1, 2) if self.layout == "NCHW" else frame
        return np.ascontiguousarray(turned.astype(np.float32))

    def _needs_files(self) -> None:
        if not self.reads_files:
            pytest.skip("this runtime does not look into model files")
