"""OpenVINO behind the protocol: one pool of infer requests for synchronous and asynchronous passes."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino._pyopenvino import InferRequest as BareRequest

from advisor.errors import ModelError, ModelRangeError, RuntimeRefusal
from advisor.graph.frontend import core, keep_open, make_static, one_line, port_name, read_file, refusal_text
from advisor.graph.kernels import peak_activation_bytes, runtime_kernels, runtime_nodes
from advisor.graph.onnx_parts import read_onnx
from advisor.graph.quantised import computes_int8
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel, image_layout

from .devices import check_execution, named_devices
from .openvino_config import check_simd, effective, properties
from .openvino_devices import device_name, is_software, openvino_devices, why_unseen
from .openvino_loop import Crowd, one_after_another
from .openvino_profile import profile
from .protocol import NO_OPTIONS, Array, CompileOptions, Done, InputKind, Passes, TensorSpec

# How often a caller who waits for a request looks for passes that failed: OpenVINO calls nobody back after a failure.
_SWEEP_S = 0.25
_PRECISION_NAMES = {"f32": "f32", "bf16": "bf16", "f16": "f16", "i8": "int8", "u8": "int8"}
_COMPUTING = frozenset(
    {"Convolution", "FullyConnected", "MatMul", "Deconvolution", "ScaledDotProductAttention", "RNNSeq"}
)


class _Slot:
    """One infer request and the pass that it carries."""

    def __init__(self, request: Any) -> None:
        self.request = request
        self.bound: list[tuple[Array, Any]] = []
        """Per input the caller's array and the tensor that shares its memory; kept, as binding costs some 10 us."""
        self.ends = False
        """Its last pass was asynchronous, and nobody has waited for the end of it."""
        self.calls_back = False
        """It has a callback; setting one for good, as OpenVINO knows no way to take it off."""
        self.token: object = None
        self.done: Done | None = None


class OpenvinoModel:
    """A compiled model; see :class:`advisor.runtimes.protocol.CompiledModel`.

    ``done`` runs on OpenVINO's callback thread while it holds the interpreter lock, so its finish time includes the
    wait for that lock. A request returns to the pool after its ``done``: ``done`` must not call ``start``.
    """

    def __init__(  # noqa: PLR0913 - one caller, facts by keyword
        self,
        compiled: Any,
        graph: Any,
        effective_config: EffectiveConfig,
        requests: int,
        *,
        read_s: float,
        compile_s: float,
        profiling: bool,
        want_outputs: bool,
        shapes: Sequence[tuple[int, ...]] | None = None,
    ) -> None:
        """``shapes``: of the inputs of every pass where the model was compiled with open dimensions."""
        self.compiled = compiled
        self._graph = graph
        self.effective = effective_config
        self.inputs = tuple(
            _spec(port, tuple(port.get_shape()) if shapes is None else shapes[index])
            for index, port in enumerate(compiled.inputs)
        )
        self.outputs = _output_specs(compiled, self.inputs)
        self.read_s = read_s
        self.compile_s = compile_s
        self.requests = requests
        self._profiling = profiling
        self._want_outputs = want_outputs
        self._slots = [_Slot(compiled.create_infer_request()) for _ in range(requests)]
        self._free: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        self._crowd: tuple[Sequence[Sequence[Array]], Crowd] | None = None
        """Requests of closed loops, with the inputs that they are bound to."""
        self._sweeping = threading.Lock()
        self._callback_error: BaseException | None = None
        self._closed = False
        for slot in self._slots:
            self._free.put(slot)

    def infer(self, inputs: Sequence[Array]) -> list[Array]:
        slot = self._take()
        try:
            self._set(slot, inputs)
            # The wrapper class would copy outputs into a dictionary with names; here they are views, in order of ports.
            found: dict[Any, Array] = BareRequest.infer(slot.request, {}, True, False)
            return [view.copy() for view in found.values()]
        except RuntimeError as error:
            raise RuntimeRefusal(f"inference failed: {refusal_text(error)}") from error
        finally:
            self._free.put(slot)

    def infer_queued(self, inputs: Sequence[Array]) -> list[Array]:
        """Wait in OpenVINO's own code, without a callback: one in Python costs a small model a tenth of its pass."""
        slot = self._take()
        try:
            if slot.calls_back:
                slot.request, slot.bound, slot.calls_back = self.compiled.create_infer_request(), [], False
            self._set(slot, inputs)
            BareRequest.start_async(slot.request, {}, None)
            slot.request.wait()
            return self._copies(slot)
        except RuntimeError as error:
            raise RuntimeRefusal(f"inference failed: {refusal_text(error)}") from error
        finally:
            self._free.put(slot)

    def start(self, inputs: Sequence[Array], token: object, done: Done) -> None:
        slot = self._take()
        try:
            self._set(slot, inputs)
        except BaseException:
            self._free.put(slot)
            raise
        if not slot.calls_back:
            slot.request.set_callback(self._finished, slot)
            slot.calls_back = True
        slot.token, slot.done, slot.ends = token, done, True
        BareRequest.start_async(slot.request, {}, slot)

    def loop(self, inputs: Sequence[Sequence[Array]], end_s: float, *, sync: bool) -> Passes:
        """See :class:`advisor.runtimes.protocol.TightLoop`."""
        try:
            if not sync:
                return self._crowd_of(inputs).run(end_s)
            slot = self._take()
            try:
                self._set(slot, inputs[0])
                return one_after_another(slot.request, end_s)
            finally:
                self._free.put(slot)
        except RuntimeError as error:
            self._crowd = None
            raise RuntimeRefusal(f"inference failed: {refusal_text(error)}") from error

    def _crowd_of(self, inputs: Sequence[Sequence[Array]]) -> Crowd:
        """Bind tensors once: sessions come back with the same inputs block by block."""
        if self._closed:
            raise ModelRangeError("the compiled model is closed")
        if self._crowd is None or self._crowd[0] is not inputs:
            tensors = [self._tensors(arrays) for arrays in inputs]
            self._crowd = inputs, Crowd(self.compiled, tensors)
        return self._crowd[1]

    def _tensors(self, inputs: Sequence[Array]) -> list[Any]:
        self._count(inputs)
        return [
            ov.Tensor(_shared(array, spec), shared_memory=True) for array, spec in zip(inputs, self.inputs, strict=True)
        ]

    def wait_all(self) -> None:
        for slot in self._slots:
            self._settle(slot)
        if self._callback_error is not None:
            error, self._callback_error = self._callback_error, None
            raise error

    def ready(self) -> bool:
        return not self._free.empty()

    def idle_requests(self) -> int:
        return self._free.qsize()

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        if not self._profiling:
            raise RuntimeRefusal("profile: the model was compiled without profiling=True")
        if self.effective.streams is not None and self.effective.streams > 1:
            raise RuntimeRefusal("profile: counters are kept per inference stream; compile with streams: 1")
        slot = self._take()
        try:
            self._set(slot, self._arrays())
            return profile(self.compiled, self._graph, slot.request, passes)
        finally:
            self._free.put(slot)

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the fused kernels as compiled, without times."""
        return runtime_kernels(self.compiled, self._graph)

    def activation_bytes(self) -> float:
        """Largest sum of live activations during a pass [B]."""
        return peak_activation_bytes(runtime_nodes(self.compiled))

    def close(self) -> None:
        if self._closed:
            return
        try:
            self.wait_all()
        finally:
            self._closed = True
            self._slots = []
            self._crowd = None
            self._free = queue.SimpleQueue()
            self.compiled = None
            self._graph = None

    def _arrays(self) -> list[Array]:
        return [np.zeros(spec.shape, spec.dtype) for spec in self.inputs]

    def _take(self) -> _Slot:
        """Wait for a free request; look now and then for passes that failed, for these free nobody."""
        if self._closed:
            raise ModelRangeError("the compiled model is closed")
        try:
            slot = self._free.get_nowait()
        except queue.Empty:
            slot = self._wait_for_slot()
        if slot.ends:
            # The runtime still ends the old pass after its callback: without this the next callback could get lost.
            with contextlib.suppress(RuntimeError):  # the old pass's failure, delivered already
                slot.request.wait()
            slot.ends = False
        return slot

    def _wait_for_slot(self) -> _Slot:
        while True:
            try:
                return self._free.get(timeout=_SWEEP_S)
            except queue.Empty:
                for busy in self._slots:
                    self._settle(busy, wait=False)

    def _set(self, slot: _Slot, inputs: Sequence[Array]) -> None:
        self._count(inputs)
        bound: list[tuple[Array, Any]] = []
        for index, (array, spec) in enumerate(zip(inputs, self.inputs, strict=True)):
            if index < len(slot.bound) and slot.bound[index][0] is array:
                bound.append(slot.bound[index])
                continue
            shared = _shared(array, spec)
            tensor = ov.Tensor(shared, shared_memory=True)
            slot.request.set_input_tensor(index, tensor)
            # A copy does not follow later changes of the caller's array: it is bound anew next time.
            bound.append((shared, tensor))
        slot.bound = bound

    def _count(self, inputs: Sequence[Array]) -> None:
        if len(inputs) != len(self.inputs):
            raise ModelRangeError(f"{len(inputs)} inputs given, the model has {len(self.inputs)}")

    def _copies(self, slot: _Slot) -> list[Array]:
        return [slot.request.get_output_tensor(index).data.copy() for index in range(len(self.outputs))]

    def _finished(self, slot: _Slot) -> None:
        finish_s = time.perf_counter()
        self._deliver(slot, self._copies(slot) if self._want_outputs else None, finish_s, None)

    def _deliver(self, slot: _Slot, outputs: list[Array] | None, finish_s: float, error: BaseException | None) -> None:
        token, done = slot.token, slot.done
        slot.token, slot.done = None, None
        try:
            if done is not None:
                done(token, outputs, finish_s, error)
        except Exception as broken:  # kept and raised by wait_all: here it would vanish in OpenVINO
            self._callback_error = broken
        finally:
            self._free.put(slot)

    def _settle(self, slot: _Slot, *, wait: bool = True) -> None:
        """Wait for the pass of a request, if it carries one; deliver its failure, which OpenVINO calls nobody for."""
        try:
            if wait:
                slot.request.wait()
            else:
                slot.request.wait_for(0)
        except RuntimeError as error:
            with self._sweeping:
                if slot.done is not None:
                    failure = RuntimeRefusal(f"inference failed: {refusal_text(error)}")
                    self._deliver(slot, None, time.perf_counter(), failure)


class OpenvinoRuntime:
    """OpenVINO on this machine."""

    name = "openvino"

    def version(self) -> str:
        return str(ov.__version__)

    def devices(self) -> tuple[str, ...]:
        return tuple(core().available_devices)

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        """Devices of its plugins, and the reason of each plugin that sees none."""
        return openvino_devices()

    def capabilities(self) -> frozenset[Precision]:
        return self.device_capabilities("CPU")

    def device_capabilities(self, device: str) -> frozenset[Precision]:
        """Return the precisions of one device by its OPTIMIZATION_CAPABILITIES."""
        words = _capability_words(device)
        known: dict[str, Precision] = {"FP32": "f32", "BF16": "bf16", "INT8": "int8"}
        return frozenset(precision for word, precision in known.items() if word in words)

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> OpenvinoModel:
        check_simd(config.simd_cap)
        requested = properties(config, _capability_words(config.device), profiling=options.profiling)
        if options.blob_dir is not None:
            requested["CACHE_DIR"] = str(options.blob_dir)
        if "NUM_STREAMS" in requested and config.device != "CPU":  # the GPU's plugin takes no plain number
            requested["NUM_STREAMS"] = ov.properties.streams.Num(requested["NUM_STREAMS"])
        start_s = time.perf_counter()
        graph = read_file(model, unsupported=RuntimeRefusal)
        shapes: list[tuple[int, ...]] | None = None
        if config.dynamic_shapes:
            if options.input_kind != "native" or config.layout is not None:
                raise RuntimeRefusal("dynamic_shapes: pictures as bytes and layouts need fixed shapes; leave one out")
            found, shapes = keep_open(graph, model, config.batch, options.given)
        else:
            found = make_static(graph, model, config.batch, given=options.given)
        main = found.main
        graph = _with_input(graph, model, options.input_kind, main, nhwc=config.layout == "nhwc")
        read_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        try:
            compiled = core().compile_model(graph, config.device, requested)
        except RuntimeError as error:
            raise RuntimeRefusal(f"model {model}: device {config.device} refuses: {refusal_text(error)}") from error
        compile_s = time.perf_counter() - start_s
        precision = _main_precision(compiled)
        if config.precision == "int8" and precision != "int8":
            raise RuntimeRefusal(
                f"model {model}: no int8 kernel after compilation (precision {precision}); {_remedy(model)}"
            )
        result = effective(compiled, config, self.version(), precision, config.batch)
        check_execution(config.device, result.execution_devices, f"model {model}")
        names = [device_name(device) for device in result.execution_devices]
        result = result.model_copy(
            update={
                "device_names": tuple(name for name in names if name is not None),
                "software_rasteriser": any(map(is_software, result.execution_devices)),
                "dynamic_shapes": any(port.get_partial_shape().is_dynamic for port in compiled.inputs),
            }
        )
        if options.blob_dir is not None:  # not among the properties that the compiled model lists
            loaded = str(compiled.get_property("LOADED_FROM_CACHE"))
            result = result.model_copy(update={"properties": {**result.properties, "LOADED_FROM_CACHE": loaded}})
        requests = config.requests or result.optimal_requests or config.streams or 1
        return OpenvinoModel(
            compiled,
            graph,
            result,
            requests,
            read_s=read_s,
            compile_s=compile_s,
            profiling=options.profiling,
            want_outputs=options.want_outputs,
            shapes=shapes,
        )


def _capability_words(device: str) -> tuple[str, ...]:
    """Return OPTIMIZATION_CAPABILITIES of the device that computes: AUTO and BATCH:CPU(4) stand for others."""
    name = (named_devices(device) or ("CPU",))[0]
    try:
        return tuple(core().get_property(name, "OPTIMIZATION_CAPABILITIES"))
    except RuntimeError as error:
        known = ", ".join(core().available_devices)
        reason = why_unseen(name) or one_line(error, 160)
        raise RuntimeRefusal(f"device {device}: not here ({reason}); OpenVINO sees: {known}") from error


def _main_precision(compiled: Any) -> str | None:
    """Return the precision of most computing kernels after fusion; None for a graph without any."""
    count: dict[str, int] = {}
    for node in compiled.get_runtime_model().get_ops():
        info = node.get_rt_info()
        if "layerType" in info and info["layerType"].astype(str) in _COMPUTING:
            name = info["runtimePrecision"].astype(str)
            count[_PRECISION_NAMES.get(name, name)] = count.get(_PRECISION_NAMES.get(name, name), 0) + 1
    return max(count, key=lambda name: count[name]) if count else None


def _with_input(graph: Any, path: Path, kind: InputKind, main: int, *, nhwc: bool) -> Any:
    """Let the graph take bytes or channels-last tensors as its picture: the conversion becomes part of it."""
    if kind == "native" and not nhwc:
        return graph
    port = graph.inputs[main]
    own = _image_layout(tuple(port.get_shape()), path)
    prepare = ov.preprocess.PrePostProcessor(graph)
    picture = prepare.input(main)
    picture.tensor().set_layout(ov.Layout("NHWC"))
    picture.model().set_layout(ov.Layout(own))
    element = port.get_element_type()
    if kind != "native" and element != ov.Type.u8:  # a model that takes bytes gets them as they are
        if not element.is_real():
            name = element.get_type_name()
            raise ModelError(f"model {path}: its picture is of type {name}; bytes or real numbers can be fed to it")
        picture.tensor().set_element_type(ov.Type.u8)
        steps = picture.preprocess().convert_element_type(element)
        if kind == "u8_nhwc":
            steps.scale(255.0)
    return prepare.build()


def _remedy(path: Path) -> str:
    """What to do about a file that OpenVINO does not compute in int8."""
    if path.suffix.lower() == ".onnx" and computes_int8(read_onnx(path)):
        return "the file is int8 already, in operators that OpenVINO computes wider: use runtime onnxruntime"
    return "quantise the file first"


def _image_layout(shape: tuple[int, ...], path: Path) -> str:
    layout = image_layout(shape)
    if layout is None:
        raise ModelError(f"model {path}: input {shape} is no image with 1, 3 or 4 channels; frames cannot be fed to it")
    return layout


def _output_specs(compiled: Any, inputs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Shapes as compiled; where they depend on data, one pass of zeros gives an example."""
    if all(port.get_partial_shape().is_static for port in compiled.outputs):
        return tuple(_spec(port, tuple(port.get_shape())) for port in compiled.outputs)
    results = compiled.create_infer_request().infer([np.zeros(spec.shape, spec.dtype) for spec in inputs])
    return tuple(_spec(port, results[index].shape) for index, port in enumerate(compiled.outputs))


def _spec(port: Any, shape: tuple[int, ...]) -> TensorSpec:
    return TensorSpec(
        port_name(port), tuple(int(length) for length in shape), np.dtype(port.get_element_type().to_dtype()).name
    )


def _shared(array: Array, spec: TensorSpec) -> Array:
    """Return the array itself where OpenVINO can share its memory, else a copy that it can."""
    if array.dtype.name != spec.dtype or array.shape != spec.shape:
        raise ModelRangeError(f"input {spec.name} takes {spec.dtype}{spec.shape}, not {array.dtype}{array.shape}")
    if array.flags.c_contiguous and array.flags.writeable:
        return array
    return np.array(array, order="C")
