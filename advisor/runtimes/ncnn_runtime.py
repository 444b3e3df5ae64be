"""ncnn behind the protocol, on the CPU or through Vulkan: one caller thread per stream, one net for all of them."""

from __future__ import annotations

import ctypes
import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ncnn
import numpy as np

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import check_format
from advisor.graph.ncnn_kernels import Layer, Shape, is_kernel, ncnn_kernels, peak_bytes, read_layers
from advisor.graph.onnx_parts import read_onnx
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel, image_layout

from .devices import is_software_rasteriser
from .ncnn_files import INPUT_TYPES, converted
from .onnx_files import real_inputs, static_shapes
from .protocol import NO_OPTIONS, Array, CompileOptions, InputKind, TensorSpec
from .served import Compiled, ServedModel
from .settings import refuse_foreign

_PIXELS = {1: "PIXEL_GRAY", 3: "PIXEL_BGR", 4: "PIXEL_BGRA"}
_VULKAN_TYPES: dict[int, str] = {0: "discrete", 1: "integrated", 2: "virtual", 3: "CPU"}
"""ncnn's own numbers for Vulkan's device types."""
_WARM = 2


@dataclass(frozen=True)
class _Network:
    """A loaded net with what its files and the ONNX file say of it."""

    net: Any
    layers: tuple[Layer, ...]
    inputs: tuple[str, ...]
    """Blobs, in order of the ONNX file's inputs."""
    outputs: tuple[str, ...]
    suffix: str
    """Where its layers run, for the names of kernels."""


class NcnnModel(ServedModel):
    """A compiled model; see :class:`advisor.runtimes.protocol.CompiledModel`.

    ncnn knows no batch: a pass of n inputs runs them one after the other. Each stream is a thread of ours; the threads
    of one pass belong to the thread that calls it, so that streams share none.
    """

    def __init__(
        self,
        compiled: Compiled,
        network: _Network,
        inputs: tuple[TensorSpec, ...],
        output_shapes: Sequence[tuple[str, Shape | None]],
    ) -> None:
        super().__init__(compiled, [network.net] * (compiled.effective.streams or 1))
        self._network = network
        self._batch = compiled.config.batch
        self._input_kind: InputKind = compiled.options.input_kind
        self._shapes: dict[str, Shape] = {}
        self.inputs = inputs
        self._output_shapes: list[Shape | None] = [shape for _, shape in output_shapes]
        found = self._run([np.zeros(spec.shape, spec.dtype) for spec in inputs])
        self.outputs = tuple(
            TensorSpec(name, tuple(array.shape), array.dtype.name)
            for (name, _), array in zip(output_shapes, found, strict=True)
        )
        self._begin_serving()

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        """Time each layer by asking for its result as soon as those before it are there."""
        self._need_profiling()
        if self._network.net.opt.use_vulkan_compute:
            raise RuntimeRefusal("profile: ncnn tells no times of layers on Vulkan; profile it on device CPU")
        sums: dict[str, float] = {}
        for number in range(_WARM + passes):
            times_s = self._walk()
            if number >= _WARM:
                for name, time_s in times_s.items():
                    sums[name] = sums.get(name, 0.0) + time_s
        return tuple(
            kernel.model_copy(update={"time_s": self._batch * sums[kernel.name] / passes}) for kernel in self.kernels()
        )

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the layers without times; ncnn must run one pass to find their shapes."""
        if not self._shapes:
            self._walk()
        return ncnn_kernels(self._network.layers, self._shapes, self._batch, self._network.suffix)

    def activation_bytes(self) -> float:
        """Largest sum of live activations during a pass [B]; the inputs of a batch follow each other."""
        if not self._shapes:
            self._walk()
        return peak_bytes(self._network.layers, self._shapes)

    def _walk(self) -> dict[str, float]:
        """Run one input layer by layer; notes shapes and returns the time of each layer [s]."""
        zeros = [np.zeros(spec.shape, spec.dtype) for spec in self.inputs]
        extractor = self._network.net.create_extractor()
        extractor.set_light_mode(False)  # blobs stay until the end, for the layers that read them later
        mats = self._mats(zeros, 0)
        for name, mat in zip(self._network.inputs, mats, strict=True):
            extractor.input(name, mat)
            self._shapes[name] = _shape(mat)
        times_s = {}
        for layer in self._network.layers:
            if layer.kind == "Input":
                continue
            start_s = time.perf_counter()
            for name in layer.tops:
                code, mat = extractor.extract(name)
                if code != 0:
                    raise RuntimeRefusal(f"inference failed: ncnn's layer {layer.name} ({layer.kind}) returns {code}")
                self._shapes[name] = _shape(mat)
            times_s[layer.name] = time.perf_counter() - start_s
        return times_s

    def _pass(self, lane: Any, feed: Sequence[Array]) -> list[Array]:
        rows = [self._one(lane, feed, row) for row in range(self._batch)]
        return [np.concatenate(parts) for parts in zip(*rows, strict=True)]

    def _one(self, net: Any, feed: Sequence[Array], row: int) -> list[Array]:
        """Outputs of one input of the batch, each with a first dimension of its own."""
        extractor = net.create_extractor()
        mats = self._mats(feed, row)
        for name, mat in zip(self._network.inputs, mats, strict=True):
            if (code := extractor.input(name, mat)) != 0:
                raise RuntimeRefusal(f"inference failed: ncnn takes no input {name} (code {code})")
        outputs: list[Array] = []
        for name, shape in zip(self._network.outputs, self._output_shapes, strict=True):
            code, mat = extractor.extract(name)
            if code != 0:
                raise RuntimeRefusal(f"inference failed: ncnn cannot compute {name} (code {code})")
            array = np.array(mat)
            if shape is not None and array.size == np.prod(shape):
                outputs.append(array.reshape(shape))
            else:
                outputs.append(array[np.newaxis])
        return outputs

    def _mats(self, feed: Sequence[Array], row: int) -> list[Any]:
        """One input of the batch in ncnn's form; the memory stays the caller's where the type allows."""
        if self._input_kind != "native":
            frame = np.ascontiguousarray(feed[0][row])
            high, wide, channels = frame.shape
            mat = ncnn.Mat.from_pixels(frame, getattr(ncnn.Mat.PixelType, _PIXELS[channels]), wide, high)
            if self._input_kind == "u8_nhwc":
                mat.substract_mean_normalize([], [1.0 / 255.0] * channels)
            return [mat]
        mats = []
        for array in feed:
            share = array.shape[0] // self._batch
            part: Any = array[row] if share == 1 else array[row * share : (row + 1) * share]
            plain = part.astype(np.int32) if part.dtype == np.int64 else np.ascontiguousarray(part)
            # The clone is ncnn's own: its rows are padded as its kernels want them, whatever the size.
            mats.append(ncnn.Mat(plain).clone())
        return mats

    def _free(self) -> None:
        super()._free()
        self._network.net.clear()


class NcnnRuntime:
    """ncnn on this machine."""

    name = "ncnn"

    def version(self) -> str:
        return str(ncnn.__version__)

    def devices(self) -> tuple[str, ...]:
        return ("CPU", *(_gpu_id(index) for index in range(_gpu_count())))

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        """The CPU and what Vulkan shows; a line with the reason where it shows nothing."""
        found = [DeviceFacts(id="CPU", kind="CPU")]
        for index in range(_gpu_count()):
            info = ncnn.get_gpu_info(index)
            software = _is_software(info)
            found.append(
                DeviceFacts(
                    id=_gpu_id(index),
                    kind="GPU",
                    name=str(info.device_name()),
                    driver=f"Vulkan {_vulkan_version(info.api_version())}, driver {info.driver_version()}, "
                    f"vendor 0x{info.vendor_id():x}, type {_VULKAN_TYPES.get(info.type(), 'unknown')}",
                    software_rasteriser=software,
                )
            )
        if len(found) == 1:
            found.append(DeviceFacts(id="GPU", kind="GPU", usable=False, reason=_no_gpu()))
        return tuple(found)

    def capabilities(self) -> frozenset[Precision]:
        return frozenset({"f32"})

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> NcnnModel:
        _refuse_foreign(model, config)
        gpu = _gpu_index(config.device)
        start_s = time.perf_counter()
        graph = read_onnx(model, weights=True)
        shapes, _ = static_shapes(graph, model, options.given, 1)
        values = real_inputs(graph)
        types = [_dtype(value, model) for value in values]
        specs = _input_specs(model, [value.name for value in values], shapes, types, config.batch, options.input_kind)
        outputs = _output_shapes(graph, shapes)
        del graph
        param, weights = converted(model, shapes, types, options.cache_dir)
        layers = read_layers(param.read_text(encoding="utf-8"))
        for layer in layers:
            if ncnn.create_layer(layer.kind) is None:
                raise RuntimeRefusal(f"model {model}: operator {layer.kind} ({layer.name}) is unknown to ncnn")
        read_s = time.perf_counter() - start_s
        streams = config.streams or 1
        start_s = time.perf_counter()
        net = _load(param, weights, model, None if config.threads is None else max(1, config.threads // streams), gpu)
        compile_s = time.perf_counter() - start_s
        on_gpu = tuple(layer for layer in net.layers() if layer.support_vulkan) if gpu is not None else ()
        computing = sum(map(is_kernel, layers))
        running = _execution(config.device, layers, {layer.name for layer in on_gpu}) if gpu is not None else ("CPU",)
        per_stream = int(net.opt.num_threads)
        effective = EffectiveConfig(
            device=config.device,
            execution_devices=running,
            device_names=() if gpu is None else (str(ncnn.get_gpu_info(gpu).device_name()),),
            software_rasteriser=gpu is not None and _is_software(ncnn.get_gpu_info(gpu)),
            precision="f32",
            streams=streams,
            threads=per_stream * streams,
            optimal_requests=streams,
            batch=config.batch,
            runtime_version=self.version(),
            properties={
                "batch": "one input after the other",
                "layers": str(computing),
                "layers_on_vulkan": str(
                    sum(is_kernel(layer) and layer.name in {o.name for o in on_gpu} for layer in layers)
                ),
                "num_threads": str(per_stream),
                **{name: str(getattr(net.opt, name)) for name in _READ_BACK},
            },
        )
        network = _Network(
            net, layers, tuple(net.input_names()), tuple(net.output_names()), "cpu" if gpu is None else "vulkan"
        )
        return NcnnModel(Compiled(config, options, effective, read_s, compile_s), network, specs, outputs)


_HALF = (
    "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed", "use_bf16_storage",
    "use_int8_packed", "use_int8_storage", "use_int8_arithmetic",
)  # fmt: skip
"""Options that would store or compute numbers in less than f32, some of them on by default."""
_READ_BACK = ("use_vulkan_compute", "use_fp16_storage", "use_fp16_arithmetic", "use_packing_layout")


def _load(param: Path, weights: Path, model: Path, threads: int | None, gpu: int | None) -> Any:
    net = ncnn.Net()
    for name in _HALF:
        if hasattr(net.opt, name):  # not every release has all of them
            setattr(net.opt, name, False)
    if threads is not None:
        net.opt.num_threads = threads
    net.opt.use_vulkan_compute = gpu is not None
    if gpu is not None:
        net.set_vulkan_device(gpu)
    if net.load_param(str(param)) != 0:
        raise RuntimeRefusal(f"model {model}: ncnn cannot load {param.name}; delete it and convert the model again")
    if net.load_model(str(weights)) != 0:
        raise RuntimeRefusal(f"model {model}: ncnn cannot load {weights.name}; delete it and convert the model again")
    return net


def _refuse_foreign(model: Path, config: RunConfig) -> None:
    check_format(model)
    if model.suffix.lower() != ".onnx":
        raise RuntimeRefusal(f"model {model}: ncnn reads .onnx files here, through pnnx; export it or use openvino")
    if config.precision != "f32":
        raise RuntimeRefusal(f"precision {config.precision}: ncnn is run in f32 here; permit f32")
    refuse_foreign(config, "ncnn", frozenset(), {"spinning": "its threads wait as OpenMP has them wait"})


@functools.cache
def _no_loader() -> str | None:
    """Why there is no Vulkan at all; ncnn itself would write a dozen lines about it to stderr."""
    try:
        ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return "no Vulkan loader (libvulkan.so.1); install it with the driver of the GPU"
    return None


def _gpu_count() -> int:
    return 0 if _no_loader() is not None else int(ncnn.get_gpu_count())


def _no_gpu() -> str:
    return _no_loader() or "Vulkan finds no device; install the driver of the GPU"


def _gpu_id(index: int) -> str:
    return "GPU" if index == 0 else f"GPU.{index}"


def _gpu_index(device: str) -> int | None:
    """Vulkan's number of a device; None for the CPU."""
    if device.upper() == "CPU":
        return None
    known = [_gpu_id(index) for index in range(_gpu_count())]
    wanted = "GPU" if device.upper() == "GPU.0" else device.upper()
    if wanted not in known:
        reason = f" ({_no_gpu()})" if not known else ""
        raise RuntimeRefusal(f"device {device}: not here{reason}; ncnn sees: {', '.join(['CPU', *known])}")
    return known.index(wanted)


def _is_software(info: Any) -> bool:
    return is_software_rasteriser(
        str(info.device_name()), int(info.vendor_id()), type_is_cpu=_VULKAN_TYPES.get(info.type()) == "CPU"
    )


def _vulkan_version(packed: int) -> str:
    """Take Vulkan's packed version apart (VK_API_VERSION_MAJOR and its neighbours)."""
    return f"{packed >> 22 & 0x7F}.{packed >> 12 & 0x3FF}.{packed & 0xFFF}"


def _execution(device: str, layers: Sequence[Layer], on_gpu: set[str]) -> tuple[str, ...]:
    """Where the layers run: those without a Vulkan shader run on the CPU, and ncnn says nothing of it."""
    names = [layer.name for layer in layers if is_kernel(layer)]
    running = [*([device] if any(name in on_gpu for name in names) else []),
               *(["CPU"] if any(name not in on_gpu for name in names) else [])]  # fmt: skip
    if running == ["CPU"]:
        raise RuntimeRefusal(
            f"device {device}: no layer of this model has a Vulkan shader; ncnn would run it on the CPU"
        )
    return tuple(running)


def _input_specs(
    model: Path,
    names: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    types: Sequence[str],
    batch: int,
    kind: InputKind,
) -> tuple[TensorSpec, ...]:
    if kind == "native":
        return tuple(
            TensorSpec(name, (shape[0] * batch, *shape[1:]) if shape else (), dtype)
            for name, shape, dtype in zip(names, shapes, types, strict=True)
        )
    shape = shapes[0]
    if len(shapes) != 1 or len(shape) != 4 or image_layout(shape) != "NCHW" or shape[1] not in _PIXELS:
        raise ModelError(
            f"model {model}: frames need one input [1, channels, height, width] with 1, 3 or 4 channels, it has "
            f"{len(shapes)} {list(shape)}"
        )
    return (TensorSpec(names[0], (batch, shape[2], shape[3], shape[1]), "uint8"),)


def _output_shapes(graph: Any, shapes: Sequence[tuple[int, ...]]) -> list[tuple[str, Shape | None]]:
    """Names of the outputs with their shape at batch 1 (ncnn drops dimensions of 1), None where nobody tells it."""
    import onnx

    for value, shape in zip(real_inputs(graph), shapes, strict=True):
        for dim, length in zip(value.type.tensor_type.shape.dim, shape, strict=True):
            dim.dim_value = length
    for value in graph.graph.output:
        value.type.tensor_type.ClearField("shape")
    graph.graph.ClearField("value_info")
    try:
        outputs = onnx.shape_inference.infer_shapes(graph).graph.output
    except (onnx.shape_inference.InferenceError, ValueError):  # a file beyond 2 GB cannot be inferred in memory
        outputs = graph.graph.output
    found: list[tuple[str, Shape | None]] = []
    for value in outputs:
        dims = [int(dim.dim_value) if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]
        known = value.type.tensor_type.HasField("shape") and None not in dims
        found.append((value.name, tuple(dim or 0 for dim in dims) if known else None))
    return found


def _dtype(value: Any, model: Path) -> str:
    import onnx

    kind = str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name)
    if kind not in INPUT_TYPES:
        raise RuntimeRefusal(
            f"model {model}: input {value.name} is {kind}; ncnn takes {', '.join(sorted(INPUT_TYPES))}"
        )
    return kind


def _shape(mat: Any) -> Shape:
    """Shape of a blob, outermost dimension first."""
    return {1: (mat.w,), 2: (mat.h, mat.w), 3: (mat.c, mat.h, mat.w), 4: (mat.c, mat.d, mat.h, mat.w)}.get(mat.dims, ())
