"""PyTorch behind the protocol, on the CPU: eager, as TorchScript, or compiled; one caller thread per stream."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Read when PyTorch's compiler is imported: it would start a pool of processes, as many as there are cores.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

import numpy as np
import torch

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import check_format, one_line
from advisor.graph.torch_archive import ENDINGS
from advisor.graph.torch_kernels import Call, Walk, peak_bytes, torch_kernels, without_times
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel

from .openvino_config import check_simd
from .protocol import NO_OPTIONS, Array, CompileOptions, TensorSpec
from .served import Compiled, ServedModel
from .settings import refuse_foreign
from .torch_files import Loaded, load, quiet, random_inputs, with_frames
from .torch_int8 import Copied, copied_from, dynamic_int8, range_samples, static_int8

_OWN = frozenset({"simd_cap", "inter_op_threads", "quantisation", "torch_mode"})
_WARM = 2
_NO_COMPILER = ("InvalidCxxCompiler", "No working C++ compiler")


class TorchModel(ServedModel):
    """A compiled model; see :class:`advisor.runtimes.protocol.CompiledModel`.

    A module may be called from several threads at once, each of which has helpers of its own: lanes are the same
    module.
    """

    def __init__(
        self, compiled: Compiled, run: Callable[..., Any], plain: Any, loaded: Loaded, per_stream: int | None
    ) -> None:
        super().__init__(compiled, [run] * (compiled.effective.streams or 1))
        self._plain = plain
        self._per_stream = per_stream
        self._mode = compiled.effective.properties["torch_mode"]
        self.inputs = loaded.inputs
        arrays = self._run([np.zeros(spec.shape, spec.dtype) for spec in loaded.inputs])
        names = loaded.output_names or tuple(f"output_{index}" for index in range(len(arrays)))
        self.outputs = tuple(
            TensorSpec(name, tuple(array.shape), array.dtype.name) for name, array in zip(names, arrays, strict=True)
        )
        self._begin_serving()

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        self._need_profiling()
        if self._mode != "eager":
            raise RuntimeRefusal(
                f"profile: times of single operations are those of eager mode, not of {self._mode}; request torch_mode "
                "eager"
            )
        calls: list[Call] = []
        for number in range(_WARM + passes):
            found = self._walk()
            if number == _WARM:
                calls = found
            elif number > _WARM:
                for call, again in zip(calls, found, strict=True):
                    call.times_s += again.times_s
        return torch_kernels(calls)

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the operations without times; PyTorch must run one pass to find them."""
        return without_times(torch_kernels(self._walk()))

    def activation_bytes(self) -> float:
        return peak_bytes(self._walk())

    def _walk(self) -> list[Call]:
        self._set_threads()
        return walked(self._plain, self.inputs)

    def _set_threads(self) -> None:
        # Each thread has a number of its own, which begins at that of the process.
        if self._per_stream is not None and torch.get_num_threads() != self._per_stream:
            torch.set_num_threads(self._per_stream)

    def _pass(self, lane: Any, feed: Sequence[Array]) -> list[Array]:
        self._set_threads()
        tensors = [torch.from_numpy(array if array.flags.writeable else array.copy()) for array in feed]
        try:
            with torch.inference_mode():
                return [tensor.numpy() for tensor in flat(lane(*tensors))]
        except RuntimeRefusal:
            raise
        except Exception as error:  # operators raise whatever their libraries raise
            raise RuntimeRefusal(f"inference failed: {one_line(error)}") from error

    def _free(self) -> None:
        super()._free()
        self._plain = None


class TorchRuntime:
    """PyTorch on this machine."""

    name = "torch"

    def version(self) -> str:
        return str(torch.__version__)

    def devices(self) -> tuple[str, ...]:
        return ("CPU",)

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        return (DeviceFacts(id="CPU", kind="CPU"),)

    def capabilities(self) -> frozenset[Precision]:
        return frozenset({"f32", "int8"})

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> TorchModel:
        _refuse(model, config)
        check_simd(config.simd_cap)
        streams = config.streams or 1
        per_stream = None if config.threads is None else max(1, config.threads // streams)
        _set_inter_op(config.inter_op_threads)
        if per_stream is not None:
            torch.set_num_threads(per_stream)
        start_s = time.perf_counter()
        copied = copied_from(model) if model.suffix.lower() == ".onnx" and config.precision == "int8" else None
        loaded = load(copied.source if copied is not None else model, config.batch, options)
        read_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        loaded = _quantised(loaded, model, config, copied)
        if options.input_kind != "native":
            loaded = with_frames(loaded, model, 255.0 if options.input_kind == "u8_nhwc" else 1.0)
        calls = _tried(lambda: walked(loaded.module, loaded.inputs), model, config)
        precision, share = _precision(calls)
        if config.precision == "int8" and precision != "int8":
            raise RuntimeRefusal(
                f"model {model}: no product of it is in int8 in PyTorch; quantise it before saving it, or use runtime "
                "openvino or onnxruntime"
            )
        mode = config.torch_mode or ("torchscript" if loaded.script else "eager")
        run = _tried(lambda: _prepared(loaded, mode, cache=options.blob_dir is not None), model, config)
        compile_s = time.perf_counter() - start_s
        effective = EffectiveConfig(
            device=config.device,
            execution_devices=("CPU",),
            precision=precision,
            streams=streams,
            threads=torch.get_num_threads() * streams,
            optimal_requests=streams,
            batch=config.batch,
            runtime_version=self.version(),
            properties={
                "torch_mode": mode,
                "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
                "num_threads": str(torch.get_num_threads()),
                "num_interop_threads": str(torch.get_num_interop_threads()),
                "int8_share_of_operations": f"{share:.3f}",
                "quantised_engine": str(torch.backends.quantized.engine),
                "onednn": str(torch.backends.mkldnn.is_available()),
            },
        )
        compiled = Compiled(config, options, effective, read_s, compile_s)
        return TorchModel(compiled, run, loaded.module, loaded, per_stream)


def walked(module: Any, inputs: Sequence[TensorSpec]) -> list[Call]:
    """Run a pass and return its operations; the walk holds every tensor of it."""
    own = {tensor.data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    walk = Walk(lambda tensor: tensor.layout == torch.strided and tensor.data_ptr() in own)
    tensors = [torch.zeros(spec.shape, dtype=getattr(torch, spec.dtype)) for spec in inputs]
    with torch.no_grad(), walk:
        module(*tensors)
    return walk.calls


def flat(result: Any) -> list[Any]:
    """Return the tensors of whatever a model returns, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    items = result.values() if isinstance(result, dict) else result if isinstance(result, list | tuple) else ()
    return [tensor for item in items for tensor in flat(item)]


def _refuse(model: Path, config: RunConfig) -> None:
    check_format(model)
    if model.suffix.lower() not in {".onnx", *ENDINGS}:
        raise RuntimeRefusal(f"model {model}: torch reads .onnx, .pt and .pt2 files; export it or use runtime openvino")
    if not model.is_file():
        raise ModelError(f"model {model}: no such file; give a path that exists")
    if config.device.upper() != "CPU":
        raise RuntimeRefusal(f"device {config.device}: not here; torch is run on the CPU")
    if config.precision not in {"f32", "int8"}:
        raise RuntimeRefusal(f"precision {config.precision}: torch is run in f32 or int8 here; permit one of them")
    if config.quantisation is not None and config.precision != "int8":
        raise RuntimeRefusal(f"quantisation {config.quantisation}: at precision {config.precision}; request int8")
    refuse_foreign(config, "torch", _OWN)


def _set_inter_op(threads: int | None) -> None:
    if threads is None or torch.get_num_interop_threads() == threads:
        return
    try:
        torch.set_num_interop_threads(threads)
    except RuntimeError as error:
        raise RuntimeRefusal(
            f"inter_op_threads {threads}: PyTorch takes this number once per process, and it is "
            f"{torch.get_num_interop_threads()} already"
        ) from error


def _quantised(loaded: Loaded, model: Path, config: RunConfig, copied: Copied | None) -> Loaded:
    if config.precision != "int8" or loaded.script:  # a TorchScript file is quantised before it is saved
        return loaded
    if config.quantisation == "dynamic":
        module = dynamic_int8(loaded.module)
    elif copied is not None:
        module = static_int8(loaded.module, range_samples(loaded.inputs, copied.calibration), model)
    else:
        return loaded
    return Loaded(module, loaded.inputs, loaded.output_names, loaded.script)


def _precision(calls: Sequence[Call]) -> tuple[Precision, float]:
    """Precision of the products, and the share of their operations that is in int8."""
    products = [kernel for kernel in torch_kernels(calls) if kernel.flop > 0]
    total = sum(kernel.flop for kernel in products)
    narrow = sum(kernel.flop for kernel in products if kernel.precision in {"i8", "u8"})
    return ("int8", narrow / total) if narrow > 0 else ("f32", 0.0)


def _prepared(loaded: Loaded, mode: str, *, cache: bool) -> Any:
    """Return what runs a pass, after the passes in which it is compiled."""
    sample = random_inputs(loaded.inputs, seed=0)
    with quiet(), torch.inference_mode():
        if mode == "eager":
            if loaded.script:
                raise RuntimeRefusal("torch_mode eager: the file is TorchScript, which is a graph already")
            run = loaded.module
        elif mode == "torchscript":
            script = loaded.module if loaded.script else torch.jit.trace(loaded.module, sample, check_trace=False)
            # A wrapped TorchScript file is a module around a graph.
            run = torch.jit.freeze(script.eval()) if isinstance(script, torch.jit.ScriptModule) else script
        else:
            import torch._inductor.config as inductor

            run = torch.compile(loaded.module, dynamic=False)
            with inductor.patch(force_disable_caches=not cache):
                run(*sample)
        for _ in range(_WARM):
            run(*sample)
    return run


def _tried(act: Callable[[], Any], model: Path, config: RunConfig) -> Any:
    """Run a step of preparing a model.

    Raises
    ------
    RuntimeRefusal
        Whatever it raises, as one line.
    """
    try:
        return act()
    except (ModelError, RuntimeRefusal):
        raise
    except Exception as error:  # tracing and compiling raise whatever the model's own code raises
        text = f"{type(error).__name__}: {error}"
        if any(word in text for word in _NO_COMPILER):
            raise RuntimeRefusal(
                "torch_mode compile: needs a C++ compiler; install g++ (apt-get install g++)"
            ) from error
        raise RuntimeRefusal(
            f"model {model}: batch {config.batch}: PyTorch cannot run it: {one_line(error)}"
        ) from error
