"""ONNX Runtime behind the protocol: one caller thread per stream."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import check_format, one_line
from advisor.graph.inputs import check_open, main_input
from advisor.graph.onnx_kernels import onnx_kernels
from advisor.graph.onnx_parts import check_weights, declared_inputs, read_onnx
from advisor.graph.quantised import computes_int8
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel, image_layout

from .onnx_files import process_folder, static_shapes, with_byte_input, with_channels_last
from .onnxruntime_providers import (
    CPU_PROVIDER,
    check_provider,
    device_of,
    execution,
    hardware,
    provider_facts,
    provider_for,
    providers,
    ran_on,
)
from .protocol import NO_OPTIONS, Array, CompileOptions, TensorSpec
from .quantise import dynamic_int8_model, variant_for
from .served import Compiled, ServedModel
from .settings import refuse_foreign

_UNKNOWN_OPERATOR = re.compile(
    r"(?:(?:Fatal error: )?([\w.:]+)\(-?\d+\) is not a registered function/op|No Op registered for (\w+) with)"
)
_NEWER_FORMAT = re.compile(r"model IR version: (\d+), max supported IR version: (\d+)")
_NEWER_OPERATORS = re.compile(r"Opset (\d+) is under development.*is till opset (\d+)", re.DOTALL)
_WHERE = re.compile(
    r"^.*?(?:Load model from .*? failed:|ONNXRuntimeError\] : \d+ : \w+ : )(?:/\S+:\d+ .*?\) (?=[A-Z]))?", re.DOTALL
)
"""Words before the reason: code, file, and the place in ONNX Runtime's own source."""
_NO_KERNEL = re.compile(r"Could not find an implementation for (\w+)\((\d+)\) node with name '([^']*)'")
_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(uint8)": "uint8",
    "tensor(int8)": "int8", "tensor(int32)": "int32", "tensor(int64)": "int64", "tensor(bool)": "bool",
}  # fmt: skip
_OWN = frozenset(
    {"inter_op_threads", "intra_op_affinities", "spinning", "execution_mode", "arena", "quantisation", "layout"}
)
_REASONS = {"pinning": "use intra_op_affinities", "core_type": "use intra_op_affinities"}
_WARM = 2
_ERRORS = 3
"""ONNX Runtime's log level: errors only, its warnings on stderr are about graph clean-up."""


class OnnxModel(ServedModel):
    """A compiled model; see :class:`advisor.runtimes.protocol.CompiledModel`.

    With one thread per stream all streams share a session; with more, each stream has a session of its own, because
    concurrent callers of one session would share its thread pool and the threads per stream would not be what was
    requested.
    """

    def __init__(
        self,
        compiled: Compiled,
        sessions: Sequence[Any],
        make_session: Callable[..., Any],
        shapes: Sequence[tuple[int, ...]],
    ) -> None:
        streams = compiled.effective.streams or 1
        super().__init__(compiled, [sessions[index % len(sessions)] for index in range(streams)])
        self._make_session = make_session
        ports = sessions[0].get_inputs()
        self.inputs = tuple(
            TensorSpec(port.name, shape, _dtype(port.type)) for port, shape in zip(ports, shapes, strict=True)
        )
        self._names = [port.name for port in ports]
        self.outputs = self._output_specs(sessions[0])
        self._begin_serving()

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        self._need_profiling()
        return self._trace(passes)[0]

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the fused kernels without times; ONNX Runtime must run one pass to find them."""
        return tuple(kernel.model_copy(update={"time_s": None}) for kernel in self._trace(1)[0])

    def activation_bytes(self) -> float:
        """Largest sum of live activations during a pass [B]."""
        return self._trace(1)[1]

    def _trace(self, passes: int) -> tuple[tuple[Kernel, ...], float]:
        """Run a session of its own with counters: a session's trace can be read only once."""
        feed = self._feed([np.zeros(spec.shape, spec.dtype) for spec in self.inputs])
        with tempfile.TemporaryDirectory(prefix="sizer-ort-") as folder:
            optimised = Path(folder) / "optimised.onnx"
            session = self._make_session(trace=Path(folder) / "trace", optimised=optimised)
            for _ in range(_WARM + passes):
                session.run(None, feed)
            return onnx_kernels(optimised, Path(session.end_profiling()), skip_passes=_WARM)

    def _feed(self, inputs: Sequence[Array]) -> dict[str, Array]:
        self._check(inputs)
        return dict(zip(self._names, inputs, strict=True))

    def _pass(self, lane: Any, feed: dict[str, Array]) -> list[Array]:
        try:
            return list(lane.run(None, feed))
        except Exception as error:  # ONNX Runtime's own classes derive from Exception alone
            raise RuntimeRefusal(f"inference failed: {one_line(error)}") from error

    def _output_specs(self, session: Any) -> tuple[TensorSpec, ...]:
        """Shapes as declared; one pass of zeros shows those that stay open."""
        ports = session.get_outputs()
        if all(isinstance(dim, int) for port in ports for dim in port.shape):
            return tuple(TensorSpec(port.name, tuple(port.shape), _dtype(port.type)) for port in ports)
        results = self._run({spec.name: np.zeros(spec.shape, spec.dtype) for spec in self.inputs})
        return tuple(
            TensorSpec(port.name, tuple(result.shape), result.dtype.name)
            for port, result in zip(ports, results, strict=True)
        )


class OnnxRuntime:
    """ONNX Runtime on this machine: its CPU provider, and whatever others its build has."""

    name = "onnxruntime"

    def version(self) -> str:
        return str(ort.__version__)

    def devices(self) -> tuple[str, ...]:
        return tuple(device_of(provider)[0] for provider in providers())

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        """Execution providers of this build."""
        return provider_facts()

    def capabilities(self) -> frozenset[Precision]:
        return frozenset({"f32", "int8"})

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> OnnxModel:
        _refuse_foreign(model, config)
        provider = provider_for(config.device)
        if config.quantisation == "dynamic":
            model = dynamic_int8_model(model, options.cache_dir or process_folder())
        elif config.precision == "int8":
            model = variant_for(model, "onnxruntime")
        start_s = time.perf_counter()
        graph = read_onnx(model)
        check_weights(graph, model)
        precision = "int8" if computes_int8(graph) else "f32"
        if config.precision == "int8" and precision != "int8":
            raise RuntimeRefusal(f"model {model}: no int8 operation in the file; quantise it first")
        shapes, symbols = static_shapes(graph, model, options.given, config.batch)
        if config.dynamic_shapes:
            check_open(declared_inputs(graph), model)
            symbols = {}  # what is not overridden stays open
        main = main_input(declared_inputs(graph))
        del graph
        file = model
        if options.input_kind != "native":
            file = with_byte_input(model, options.cache_dir, 255.0 if options.input_kind == "u8_nhwc" else 1.0)
        elif config.layout == "nhwc":
            file = with_channels_last(model, options.cache_dir)
        if file is not model and image_layout(shapes[main]) == "NCHW":
            count, channels, height, width = shapes[main]
            shapes[main] = (count, height, width, channels)
        read_s = time.perf_counter() - start_s
        streams = config.streams or 1
        threads = None if config.threads is None else max(1, config.threads // streams)

        kept = None if options.blob_dir is None else options.blob_dir / "optimised.onnx"
        cached = kept if kept is not None and kept.exists() else None

        def make_session(trace: Path | None = None, optimised: Path | None = None) -> Any:
            session_options = _options(config, threads, symbols)
            if cached is not None:
                # ONNX Runtime's equivalent of a compiled blob: its manual's "offline mode" of graph optimisation.
                session_options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            if trace is not None:
                session_options.enable_profiling = True
                session_options.profile_file_prefix = str(trace)
            if optimised is not None:
                session_options.optimized_model_filepath = str(optimised)
            return _session(file if cached is None else cached, model, session_options, provider)

        start_s = time.perf_counter()
        count = streams if threads is not None and threads > 1 else 1
        sessions = [make_session(optimised=kept if cached is None and at == 0 else None) for at in range(count)]
        compile_s = time.perf_counter() - start_s
        effective = _effective(config, threads, streams, len(sessions), precision, from_cache=cached is not None)
        if provider != CPU_PROVIDER:
            effective = _elsewhere(effective, provider, model, make_session, shapes)
        compiled = Compiled(config, options, effective, read_s, compile_s)
        return OnnxModel(compiled, sessions, make_session, shapes)


def _refuse_foreign(model: Path, config: RunConfig) -> None:
    check_format(model)
    if model.suffix.lower() != ".onnx":
        raise RuntimeRefusal(f"model {model}: onnxruntime reads only .onnx files; export it or use runtime openvino")
    if config.precision == "bf16":
        raise RuntimeRefusal("precision bf16: onnxruntime's CPU kernels compute in f32 or int8; permit one of them")
    refuse_foreign(config, "onnxruntime", _OWN, _REASONS)
    if config.quantisation is not None and config.precision != "int8":
        raise RuntimeRefusal(f"quantisation {config.quantisation}: at precision {config.precision}; request int8")


def _options(config: RunConfig, threads: int | None, symbols: dict[str, int]) -> Any:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _ERRORS
    if threads is not None:
        options.intra_op_num_threads = threads
    if config.inter_op_threads is not None:
        options.inter_op_num_threads = config.inter_op_threads
    if config.execution_mode is not None:
        parallel = config.execution_mode == "parallel"
        options.execution_mode = ort.ExecutionMode.ORT_PARALLEL if parallel else ort.ExecutionMode.ORT_SEQUENTIAL
    if config.spinning is not None:
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if config.spinning else "0")
    if config.intra_op_affinities is not None:
        options.add_session_config_entry("session.intra_op_thread_affinities", config.intra_op_affinities)
    if config.arena is not None:
        options.enable_cpu_mem_arena = config.arena
    for name, length in symbols.items():
        options.add_free_dimension_override_by_name(name, length)
    return options


def _session(file: Path, model: Path, options: Any, provider: str) -> Any:
    try:
        session = ort.InferenceSession(str(file), options, providers=[provider])
        check_provider(session, provider, model)
        return session
    except RuntimeRefusal:
        raise
    except Exception as error:  # ONNX Runtime's own classes derive from Exception alone
        text = str(error)
        if found := _NEWER_FORMAT.search(text):
            raise RuntimeRefusal(
                f"model {model}: its IR version {found.group(1)} is newer than onnxruntime {ort.__version__} reads (up "
                f"to {found.group(2)}); save it with an older one, or use runtime openvino"
            ) from error
        if found := _NEWER_OPERATORS.search(text):
            raise RuntimeRefusal(
                f"model {model}: its operator set {found.group(1)} is newer than onnxruntime {ort.__version__} reads "
                f"(up to {found.group(2)}); export it again with that one, or use runtime openvino"
            ) from error
        if found := _UNKNOWN_OPERATOR.search(text):
            name = found.group(1) or found.group(2)
            raise RuntimeRefusal(f"model {model}: operator {name} is unknown to onnxruntime") from error
        if found := _NO_KERNEL.search(text):
            raise RuntimeRefusal(
                f"model {model}: operator {found.group(1)} ({found.group(3)}) has no CPU kernel in onnxruntime"
            ) from error
        if "INVALID_PROTOBUF" in text or "No graph was found" in text:
            raise ModelError(f"model {model}: damaged or cut short; copy or export it again") from error
        reason = one_line(RuntimeError(_WHERE.sub("", text)))
        raise RuntimeRefusal(f"model {model}: onnxruntime refuses: {reason}") from error


def _elsewhere(
    effective: EffectiveConfig,
    provider: str,
    model: Path,
    make_session: Callable[..., Any],
    shapes: Sequence[tuple[int, ...]],
) -> EffectiveConfig:
    """Read back from a traced pass which providers run the nodes: what one cannot do, the CPU does, unasked.

    Raises
    ------
    RuntimeRefusal
        The requested provider runs none of them.
    """
    with tempfile.TemporaryDirectory(prefix="sizer-ort-") as folder:
        session = make_session(trace=Path(folder) / "trace")
        ports = session.get_inputs()
        feed = {port.name: np.zeros(shape, _dtype(port.type)) for port, shape in zip(ports, shapes, strict=True)}
        try:
            session.run(None, feed)
        except Exception as error:  # ONNX Runtime's own classes derive from Exception alone
            raise RuntimeRefusal(f"model {model}: {provider} fails: {one_line(error)}") from error
        counts = ran_on(Path(session.end_profiling()))
    name, software = hardware(provider)
    nodes = ", ".join(f"{ran} {count}" for ran, count in counts.most_common())
    return effective.model_copy(
        update={
            "execution_devices": execution(counts, provider, model),
            "device_names": () if name is None else (name,),
            "software_rasteriser": software,
            "properties": {**effective.properties, "nodes": nodes},
        }
    )


def _effective(
    config: RunConfig, threads: int | None, streams: int, sessions: int, precision: str, *, from_cache: bool
) -> EffectiveConfig:
    """What the session options say: ONNX Runtime grants what is requested and reports nothing back."""
    options = _options(config, threads, {})
    return EffectiveConfig(
        device=config.device,
        execution_devices=(CPU_PROVIDER,),
        precision=precision,
        streams=streams,
        threads=None if threads is None else threads * streams,
        optimal_requests=streams,
        batch=config.batch,
        dynamic_shapes=config.dynamic_shapes is True,
        runtime_version=str(ort.__version__),
        properties={
            "execution_mode": str(options.execution_mode).rsplit(".", 1)[-1],
            "graph_optimization_level": (
                "ORT_DISABLE_ALL" if from_cache else str(options.graph_optimization_level).rsplit(".", 1)[-1]
            ),
            "LOADED_FROM_CACHE": str(from_cache),
            "inter_op_num_threads": str(options.inter_op_num_threads),
            "intra_op_num_threads": str(options.intra_op_num_threads),
            "enable_cpu_mem_arena": str(options.enable_cpu_mem_arena),
            "sessions": str(sessions),
            "allow_spinning": _entry(options, "session.intra_op.allow_spinning", "1"),
        },
    )


def _entry(options: Any, key: str, default: str) -> str:
    """Value of a session's entry; ONNX Runtime raises for one that was not set."""
    try:
        return str(options.get_session_config_entry(key))
    except RuntimeError:
        return default


def _dtype(kind: str) -> str:
    if kind not in _DTYPES:
        raise RuntimeRefusal(f"tensor type {kind}: cannot be fed from arrays; export the model with numbers")
    return _DTYPES[kind]
