"""Model files as modules of PyTorch: ONNX through onnx2torch, TorchScript, exported programs. Nothing is unpickled."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import batched, one_line
from advisor.graph.inputs import DeclaredInput, static_inputs
from advisor.graph.onnx_parts import read_onnx
from advisor.graph.torch_archive import archive_kind
from advisor.records.model import image_layout

from .onnx_files import real_inputs, static_shapes
from .protocol import CompileOptions, TensorSpec

_TOKENS = 100
"""Random integers stay below this: smaller than any vocabulary."""


@dataclass(frozen=True)
class Loaded:
    """A module with what it takes."""

    module: Any
    inputs: tuple[TensorSpec, ...]
    output_names: tuple[str, ...]
    """Of an ONNX file; other files name no outputs."""
    script: bool
    """It is TorchScript: a graph already."""


class Frames(torch.nn.Module):  # type: ignore[misc]
    """A model that takes one picture, behind what makes it of bytes with the channels last."""

    def __init__(self, model: Any, divisor: float, *, channels_first: bool) -> None:
        super().__init__()
        self.model, self.divisor, self.channels_first = model, divisor, channels_first

    def forward(self, frames: Any) -> Any:
        """Run the model on frames."""
        pictures = frames.to(torch.float32) / self.divisor
        return self.model(pictures.permute(0, 3, 1, 2).contiguous() if self.channels_first else pictures)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back PyTorch's advice to those who write models: that this or that way to save one will go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def load(path: Path, batch: int, options: CompileOptions) -> Loaded:
    """Read a file at a batch.

    Raises
    ------
    ModelError
        Damaged, or its shapes stay open.
    RuntimeRefusal
        An operator is unknown to the converter.
    """
    with quiet():
        if path.suffix.lower() == ".onnx":
            return _from_onnx(path, batch, options)
        return _from_archive(path, batch, options)


def with_frames(loaded: Loaded, path: Path, divisor: float) -> Loaded:
    """Put what takes bytes in front of a model."""
    shape = loaded.inputs[0].shape
    layout = image_layout(shape)
    if len(loaded.inputs) != 1 or layout is None:
        raise ModelError(f"model {path}: frames need one picture input with 1, 3 or 4 channels, it has {list(shape)}")
    if loaded.inputs[0].dtype == "uint8" and layout == "NHWC":
        return loaded
    first = layout == "NCHW"
    sides = (shape[0], shape[2], shape[3], shape[1]) if first else shape
    spec = TensorSpec(loaded.inputs[0].name, sides, "uint8")
    module = Frames(loaded.module, divisor, channels_first=first).eval()
    return Loaded(module, (spec,), loaded.output_names, loaded.script)


def random_inputs(inputs: Sequence[TensorSpec], seed: int) -> list[Any]:
    """Uniform numbers in [0, 1) for real inputs, bytes for pictures, small integers for tokens."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for spec in inputs:
        dtype = getattr(torch, spec.dtype)
        if dtype.is_floating_point:
            found.append(torch.rand(spec.shape, generator=generator).to(dtype))
        else:
            most = 256 if dtype == torch.uint8 else 2 if dtype == torch.bool else _TOKENS
            found.append(torch.randint(0, most, spec.shape, generator=generator).to(dtype))
    return found


def _from_onnx(path: Path, batch: int, options: CompileOptions) -> Loaded:
    import onnx

    graph = read_onnx(path, weights=True)
    shapes, _ = static_shapes(graph, path, options.given, batch, runtime="torch")
    values = real_inputs(graph)
    types_ = [str(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name) for value in values]
    names = tuple(value.name for value in graph.graph.output)
    try:
        module = _converter()(graph)
    except NotImplementedError as error:
        raise RuntimeRefusal(f"model {path}: {one_line(error)}: unknown to onnx2torch, PyTorch's converter") from error
    except Exception as error:  # the converter raises whatever its parts raise
        raise RuntimeRefusal(f"model {path}: onnx2torch cannot convert it: {one_line(error)}") from error
    inputs = tuple(
        TensorSpec(value.name, shape, kind) for value, shape, kind in zip(values, shapes, types_, strict=True)
    )
    return Loaded(module.eval(), inputs, names, script=False)


def _converter() -> Callable[[Any], Any]:
    """Return onnx2torch's function; it imports torchvision for two operators and does without for all others."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):  # missing, or built for another PyTorch
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        package, operators = types.ModuleType("torchvision"), types.ModuleType("torchvision.ops")
        for name in ("roi_align", "nms", "box_convert"):
            setattr(operators, name, _missing)
        package.ops = operators  # type: ignore[attr-defined]
        sys.modules |= {"torchvision": package, "torchvision.ops": operators}
    try:
        from onnx2torch import convert
    except ImportError as error:
        raise RuntimeRefusal(
            "PyTorch reads ONNX files through onnx2torch, which is not here; run: pip install --no-deps onnx2torch"
        ) from error
    return convert  # type: ignore[no-any-return]


def _missing(*_: Any, **__: Any) -> Any:
    raise RuntimeRefusal("this model needs torchvision, in a build that fits PyTorch's; install both from one place")


def _from_archive(path: Path, batch: int, options: CompileOptions) -> Loaded:
    kind = archive_kind(path)
    try:
        if kind == "torchscript":
            return _scripted(path, torch.jit.load(str(path), map_location="cpu").eval(), batch, options)
        return _exported(path, torch.export.load(str(path)), batch, options)
    except (ModelError, RuntimeRefusal):
        raise
    except Exception as error:  # both loaders raise whatever their parts raise
        raise ModelError(f"model {path}: damaged, or of another version of PyTorch ({one_line(error)})") from error


def _scripted(path: Path, module: Any, batch: int, options: CompileOptions) -> Loaded:
    """A TorchScript file says how many inputs it has, but neither their shapes nor their types."""
    names = [value.debugName().split(".")[0] for value in list(module.forward.graph.inputs())[1:]]
    declared = [DeclaredInput(name, None) for name in names]
    found = static_inputs(declared, path, options.given)
    inputs = tuple(
        TensorSpec(name, batched(shape, batch), "float32" if len(shape) != 2 else _scripted_type(module, index))
        for index, (name, shape) in enumerate(zip(names, found.shapes, strict=True))
    )
    return Loaded(module, inputs, (), script=True)


def _scripted_type(module: Any, index: int) -> str:
    """Type of an input [batch, length]: token ids where the graph begins by looking it up."""
    value = list(module.forward.graph.inputs())[index + 1]
    return "int64" if any(use.user.kind() == "aten::embedding" for use in value.uses()) else "float32"


def _exported(path: Path, program: Any, batch: int, options: CompileOptions) -> Loaded:
    names = program.graph_signature.user_inputs
    values = {node.name: node.meta["val"] for node in program.graph.nodes if node.op == "placeholder"}
    declared = [
        DeclaredInput(name, tuple(int(size) if isinstance(size, int) else None for size in values[name].shape))
        for name in names
    ]
    found = static_inputs(declared, path, options.given)
    inputs = tuple(
        TensorSpec(name, batched(shape, batch), str(values[name].dtype).removeprefix("torch."))
        for name, shape in zip(names, found.shapes, strict=True)
    )
    return Loaded(program.module(), inputs, (), script=False)
