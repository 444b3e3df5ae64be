"""TVM behind the protocol: ONNX files through Relax, compiled by LLVM for this processor or an older one.

Loops stay as Relax writes them: on one thread, not blocked for caches. TVM's way to better ones, MetaSchedule, is in
its wheel but crashed in both attempts (0.27.0.post1: signal 11), so that nothing is tuned here.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Read when TVM starts the first thread: streams would all be bound to the same cores, and of two logical processors it
# takes one for the twin of the other, whatever they are.
os.environ.setdefault("TVM_BIND_THREADS", "0")
os.environ.setdefault("TVM_NUM_THREADS", str(os.cpu_count() or 1))

import numpy as np
import tvm
from tvm import relax
from tvm.relax.frontend.onnx import from_onnx

from advisor.errors import RuntimeRefusal
from advisor.graph.frontend import check_format, one_line
from advisor.graph.onnx_parts import read_onnx
from advisor.graph.tvm_kernels import Argument, Call, peak_bytes, tvm_kernels
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel

from .onnx_files import real_inputs, static_shapes, with_byte_input
from .protocol import NO_OPTIONS, Array, CompileOptions, TensorSpec
from .served import Compiled, ServedModel
from .settings import refuse_foreign

_OWN = frozenset({"simd_cap"})
# Processors of LLVM that have what a cap permits and nothing beyond it.
_PROCESSORS = {
    "sse42": "nehalem", "avx2": "haswell", "avx2_vnni": "alderlake", "avx512": "skylake-avx512",
    "avx512_vnni": "cascadelake", "avx512_bf16": "cooperlake",
}  # fmt: skip
_BIG_CORES = 1
"""TVM's word for the fast cores, of which it is to use as many as it is told."""
_WARM = 2
_IN_MACHINE = "vm.builtin."


class TvmModel(ServedModel):
    """A compiled model; see :class:`advisor.runtimes.protocol.CompiledModel`.

    Lanes are virtual machines of one executable; helpers belong to the thread that calls.
    """

    def __init__(
        self,
        compiled: Compiled,
        executable: Any,
        inputs: tuple[TensorSpec, ...],
        output_names: Sequence[str],
        per_stream: int,
    ) -> None:
        streams = compiled.effective.streams or 1
        super().__init__(compiled, [relax.VirtualMachine(executable, tvm.cpu()) for _ in range(streams)])
        self._executable = executable
        self._per_stream = per_stream
        self._configured = threading.local()
        self.inputs = inputs
        arrays = self._run([np.zeros(spec.shape, spec.dtype) for spec in inputs])
        self.outputs = tuple(
            TensorSpec(name, tuple(array.shape), array.dtype.name)
            for name, array in zip(output_names, arrays, strict=True)
        )
        self._begin_serving()

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        self._need_profiling()
        return tvm_kernels(self._walk(passes))

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the functions without times; TVM must run one pass to show them."""
        return tuple(kernel.model_copy(update={"time_s": None}) for kernel in tvm_kernels(self._walk(1)))

    def activation_bytes(self) -> float:
        return peak_bytes(self._walk(1))

    def _walk(self, passes: int) -> list[Call]:
        """Calls of a pass with the times of ``passes`` of them, on a machine of its own that is watched."""
        machine = relax.VirtualMachine(self._executable, tvm.cpu())
        feed = [tvm.runtime.tensor(np.zeros(spec.shape, spec.dtype)) for spec in self.inputs]
        fed = {_address(item) for item in feed}
        made: set[int] = set()
        calls: list[Call] = []
        place = started_s = 0.0

        def watch(_function: Any, name: str, before: bool, _result: Any, *arguments: Any) -> None:
            nonlocal place, started_s
            if name.startswith(_IN_MACHINE):
                return
            if before:
                started_s = time.perf_counter()
                return
            took_s = time.perf_counter() - started_s
            if place == len(calls):
                items = [item for item in arguments if isinstance(item, tvm.runtime.Tensor)]
                made.update(_address(item) for item in items[-1:])
                calls.append(Call(name, [_argument(item, made | fed) for item in items]))
            calls[int(place)].times_s.append(took_s)
            place += 1

        self._set_threads()
        machine.set_instrument(watch)
        for _ in range(_WARM + passes):
            place = 0
            machine["main"](*feed)
        for call in calls:
            del call.times_s[:_WARM]
        return calls

    def _set_threads(self) -> None:
        if not getattr(self._configured, "done", False):
            _with_threads(self._per_stream)
            self._configured.done = True

    def _pass(self, lane: Any, feed: Sequence[Array]) -> list[Array]:
        self._set_threads()
        try:
            found = lane["main"](*[tvm.runtime.tensor(array) for array in feed])
            return [item.numpy() for item in ([found] if isinstance(found, tvm.runtime.Tensor) else found)]
        except Exception as error:  # TVM's own classes derive from Exception alone
            raise RuntimeRefusal(f"inference failed: {one_line(error)}") from error

    def _free(self) -> None:
        super()._free()
        self._executable = None


class TvmRuntime:
    """TVM on this machine's CPU."""

    name = "tvm"

    def version(self) -> str:
        return str(tvm.__version__)

    def devices(self) -> tuple[str, ...]:
        return ("CPU",)

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        return (DeviceFacts(id="CPU", kind="CPU"),)

    def capabilities(self) -> frozenset[Precision]:
        return frozenset({"f32"})

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> TvmModel:
        _refuse(model, config)
        start_s = time.perf_counter()
        file = model
        if options.input_kind != "native":
            file = with_byte_input(model, options.cache_dir, 255.0 if options.input_kind == "u8_nhwc" else 1.0)
        own, graph = read_onnx(model), read_onnx(file, weights=True)
        shapes, _ = static_shapes(own, model, options.given, config.batch, runtime="tvm")
        inputs = tuple(
            TensorSpec(value.name, _as_fed(value, before, shape), _dtype(value))
            for value, before, shape in zip(real_inputs(graph), real_inputs(own), shapes, strict=True)
        )
        module = _converted(graph, inputs, model)
        names = [value.name for value in graph.graph.output]
        del graph, own
        read_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        streams = config.streams or 1
        per_stream = max(1, (config.threads or streams) // streams)
        target = _target(config.simd_cap, per_stream)
        executable = _built(module, target, config, model)
        compile_s = time.perf_counter() - start_s
        granted = _with_threads(per_stream)
        effective = EffectiveConfig(
            device=config.device,
            execution_devices=("CPU",),
            precision="f32",
            streams=streams,
            threads=granted * streams,
            optimal_requests=streams,
            batch=config.batch,
            runtime_version=self.version(),
            properties={
                "mcpu": str(target.attrs["mcpu"]),
                "target": str(target.kind.name),
                "num_threads": str(granted),
                "tuned": "no",
                "TVM_BIND_THREADS": os.environ["TVM_BIND_THREADS"],
            },
        )
        return TvmModel(Compiled(config, options, effective, read_s, compile_s), executable, inputs, names, per_stream)


def _refuse(model: Path, config: RunConfig) -> None:
    check_format(model)
    if model.suffix.lower() != ".onnx":
        raise RuntimeRefusal(f"model {model}: tvm reads .onnx files here, through Relax; export it or use openvino")
    if config.device.upper() != "CPU":
        raise RuntimeRefusal(f"device {config.device}: not here; tvm is run on the CPU")
    if config.precision != "f32":
        raise RuntimeRefusal(f"precision {config.precision}: tvm is run in f32 here; permit f32")
    refuse_foreign(config, "tvm", _OWN)


def _with_threads(count: int) -> int:
    """Give the calling thread helpers, and return how many threads work for it then."""
    tvm.get_global_func("runtime.config_threadpool")(_BIG_CORES, count)
    return int(tvm.get_global_func("runtime.NumThreads")())


def _converted(graph: Any, inputs: Sequence[TensorSpec], model: Path) -> Any:
    """Relax module of an ONNX graph.

    Raises
    ------
    RuntimeRefusal
        Relax has no conversion for an operator, which is named.
    """
    try:
        return from_onnx(graph, shape_dict={spec.name: list(spec.shape) for spec in inputs}, sanitize_input_names=False)
    except Exception as error:  # the converter raises whatever its parts raise
        raise RuntimeRefusal(f"model {model}: TVM's Relax cannot convert it: {one_line(error)}") from error


def _target(cap: str | None, threads: int) -> Any:
    processor = _PROCESSORS[cap] if cap is not None else str(tvm.get_global_func("target.llvm_get_system_cpu")())
    return tvm.target.Target({"kind": "llvm", "mcpu": processor, "num-cores": threads})


def _built(module: Any, target: Any, config: RunConfig, model: Path) -> Any:
    """Executable of a module."""
    try:
        return tvm.compile(module, target=target, relax_pipeline=relax.get_default_pipeline(target))
    except Exception as error:  # TVM's own classes derive from Exception alone
        raise RuntimeRefusal(
            f"model {model}: batch {config.batch}: TVM cannot compile it: {one_line(error)}"
        ) from error


def _address(tensor: Any) -> int:
    return int(np.from_dlpack(tensor).ctypes.data)


def _argument(tensor: Any, made: set[int]) -> Argument:
    """A tensor of a call; what no call of this pass made and nobody fed is a constant."""
    address = _address(tensor)
    return Argument(tuple(int(size) for size in tensor.shape), str(tensor.dtype), address, address not in made)


def _as_fed(value: Any, own: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of an input; of a picture that bytes were put in front of, with the channels last."""
    if value.name == own.name:
        return shape
    dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    return shape if dims[3] != shape[1] else (shape[0], shape[2], shape[3], shape[1])


def _dtype(value: Any) -> str:
    import onnx

    return str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name)
