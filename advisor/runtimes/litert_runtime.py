"""LiteRT (TensorFlow Lite) behind the protocol: XNNPACK on the CPU, one interpreter per stream."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import batched, check_format, one_line
from advisor.graph.inputs import DeclaredInput, static_inputs
from advisor.graph.tflite_kernels import Operation, Tensor, peak_bytes, tflite_kernels
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel, image_layout

from .litert_files import TfliteFile, parse_tflite, read_tflite, with_byte_input
from .protocol import NO_OPTIONS, Array, CompileOptions, TensorSpec
from .served import Compiled, ServedModel
from .settings import refuse_foreign

_UNKNOWN = re.compile(r"unresolved custom op: (\S+?)[.\s]|Didn't find op for builtin opcode '(\w+)'")
_PRECISIONS = {"float32": "f32", "float16": "f16", "float64": "f64", "bool": "boolean", "int8": "i8", "uint8": "u8"}
_REASONS = {
    "simd_cap": "XNNPACK queries the processor itself; it cannot be capped",
    "arena": "it plans the memory of activations at compile time",
    "quantisation": "a .tflite file is quantised when it is converted",
}


class LitertModel(ServedModel):
    """A compiled model; see :class:`advisor.runtimes.protocol.CompiledModel`. Lanes are interpreters."""

    def __init__(
        self,
        compiled: Compiled,
        interpreters: Sequence[Any],
        file: TfliteFile,
        shapes: Sequence[tuple[int, ...]],
    ) -> None:
        super().__init__(compiled, interpreters)
        self._file = file
        self._shapes = shapes
        self._delegated = _delegated(interpreters[0])
        self.inputs = _specs(interpreters[0].get_input_details())
        self.outputs = _specs(interpreters[0].get_output_details())
        self._places = tuple(int(item["index"]) for item in interpreters[0].get_input_details())
        self._results = tuple(int(item["index"]) for item in interpreters[0].get_output_details())
        self._begin_serving()

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        self._need_profiling()
        raise RuntimeRefusal(
            f"profile ({passes} passes): LiteRT tells Python no times of operators; only whole passes can be timed"
        )

    def kernels(self) -> tuple[Kernel, ...]:
        operations, tensors = self._graph()
        return tflite_kernels(operations, tensors, self._delegated)

    def activation_bytes(self) -> float:
        return peak_bytes(*self._graph())

    def _graph(self) -> tuple[list[Operation], dict[int, Tensor]]:
        """Operators with the shapes of their tensors: of an interpreter without delegates, which hide them."""
        plain = _interpreter(self._file.content, None, self._shapes, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        tensors = {}
        for item in plain.get_tensor_details():
            dtype = np.dtype(item["dtype"])
            tensors[int(item["index"])] = Tensor(
                tuple(int(size) for size in item["shape"]),
                dtype.itemsize,
                _PRECISIONS.get(dtype.name, dtype.name.replace("uint", "u").replace("int", "i")),
                int(item["index"]) in self._file.constants,
            )
        return _operations(plain), tensors

    def _pass(self, lane: Any, feed: Sequence[Array]) -> list[Array]:
        try:
            for place, array in zip(self._places, feed, strict=True):
                lane.set_tensor(place, array)
            lane.invoke()
            return [lane.get_tensor(place) for place in self._results]
        except (RuntimeError, ValueError) as error:
            raise RuntimeRefusal(f"inference failed: {one_line(error)}") from error


class LitertRuntime:
    """LiteRT on this machine."""

    name = "litert"

    def version(self) -> str:
        return str(ai_edge_litert.__version__)

    def devices(self) -> tuple[str, ...]:
        return ("CPU",)

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        return (DeviceFacts(id="CPU", kind="CPU"),)

    def capabilities(self) -> frozenset[Precision]:
        return frozenset({"f32", "int8"})

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> LitertModel:
        _refuse(model, config)
        start_s = time.perf_counter()
        file = read_tflite(model)
        if config.precision == "int8" and not file.computes_int8:
            raise RuntimeRefusal(f"model {model}: no int8 operation in the file; quantise it while converting it")
        shapes = _shapes(model, file.content, config, options)
        if options.input_kind != "native":
            content = with_byte_input(file.content, model, 255.0 if options.input_kind == "u8_nhwc" else 1.0)
            file = parse_tflite(content, model)
            if image_layout(shapes[0]) == "NCHW":
                count, channels, height, width = shapes[0]
                shapes = [(count, height, width, channels)]
        read_s = time.perf_counter() - start_s
        streams = config.streams or 1
        threads = None if config.threads is None else max(1, config.threads // streams)
        before = _threads_here()
        start_s = time.perf_counter()
        try:
            interpreters = [_interpreter(file.content, threads, shapes, OpResolverType.AUTO) for _ in range(streams)]
            compile_s = time.perf_counter() - start_s
            for interpreter in interpreters:  # of zeros: what runs beside XNNPACK starts its threads now
                interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise _refusal(model, config, error) from error
        after = _threads_here()
        effective = EffectiveConfig(
            device=config.device,
            execution_devices=("CPU",),
            precision="int8" if file.computes_int8 else "f32",
            streams=streams,
            threads=None if before is None or after is None else streams + after - before,
            optimal_requests=streams,
            batch=config.batch,
            runtime_version=self.version(),
            properties={
                "delegate": "XNNPACK" if _delegated(interpreters[0]) else "none",
                "operators": str(len(_operations(interpreters[0]))),
                "operators_delegated": str(len(_delegated(interpreters[0]))),
                "num_threads": "default" if threads is None else str(threads),
                "threads_from": "threads of this process that its interpreters started, and their callers",
            },
        )
        return LitertModel(Compiled(config, options, effective, read_s, compile_s), interpreters, file, shapes)


def _refuse(model: Path, config: RunConfig) -> None:
    check_format(model)
    if model.suffix.lower() != ".tflite":
        raise RuntimeRefusal(
            f"model {model}: LiteRT reads .tflite files; convert it (for example with onnx2tf) or use runtime openvino"
        )
    if config.device.upper() != "CPU":
        raise RuntimeRefusal(f"device {config.device}: not here; LiteRT sees: CPU")
    if config.precision not in {"f32", "int8"}:
        raise RuntimeRefusal(f"precision {config.precision}: LiteRT computes in f32 or int8; permit one of them")
    refuse_foreign(config, "litert", frozenset(), _REASONS)


def _interpreter(
    content: bytes, threads: int | None, shapes: Sequence[tuple[int, ...]], resolver: OpResolverType
) -> Any:
    found = Interpreter(model_content=content, num_threads=threads, experimental_op_resolver_type=resolver)
    for item, shape in zip(found.get_input_details(), shapes, strict=True):
        if tuple(item["shape"]) != shape:
            found.resize_tensor_input(item["index"], list(shape))
    found.allocate_tensors()
    return found


def _shapes(model: Path, content: bytes, config: RunConfig, options: CompileOptions) -> list[tuple[int, ...]]:
    """Static shape of each input at the batch of ``config``."""
    try:
        plain = Interpreter(
            model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
    except ValueError as error:
        raise _refusal(model, config, error) from error
    declared = [
        DeclaredInput(item["name"], tuple(None if size < 0 else int(size) for size in _signature(item)))
        for item in plain.get_input_details()
    ]
    return [batched(shape, config.batch) for shape in static_inputs(declared, model, options.given).shapes]


def _signature(item: dict[str, Any]) -> list[int]:
    """Shape as the file declares it, -1 for what is open."""
    return list(item["shape_signature"] if len(item["shape_signature"]) else item["shape"])


def _refusal(model: Path, config: RunConfig, error: Exception) -> Exception:
    text = str(error)
    if found := _UNKNOWN.search(text):
        return RuntimeRefusal(f"model {model}: operator {found.group(1) or found.group(2)} is unknown to LiteRT")
    if "Flatbuffer" in text or "allocation is null" in text:
        return ModelError(f"model {model}: damaged or cut short; copy or convert it again")
    return RuntimeRefusal(f"model {model}: batch {config.batch}: LiteRT refuses: {one_line(error)}")


def _operations(interpreter: Any) -> list[Operation]:
    # Not part of the documented interface; LiteRT's own analyzer reads operators through it.
    return [
        Operation(int(item["index"]), item["op_name"], _numbers(item["inputs"]), _numbers(item["outputs"]))
        for item in interpreter._get_ops_details()
    ]


def _numbers(found: Any) -> tuple[int, ...]:
    return tuple(int(number) for number in found)


def _delegated(interpreter: Any) -> frozenset[int]:
    """Operators that a delegate runs: those whose results lie between what its nodes read and write."""
    operations = _operations(interpreter)
    inside: set[int] = set()
    for delegate in (item for item in operations if item.kind == "DELEGATE"):
        wanted, given = set(delegate.outputs), set(delegate.inputs)
        for item in reversed([item for item in operations if item.kind != "DELEGATE"]):
            if wanted & set(item.outputs):
                inside.add(item.index)
                wanted |= set(item.inputs) - given
    return frozenset(inside)


def _specs(details: Sequence[dict[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(item["name"], tuple(int(size) for size in item["shape"]), np.dtype(item["dtype"]).name)
        for item in details
    )


def _threads_here() -> int | None:
    """Threads of this process; None where the system does not tell."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return None
