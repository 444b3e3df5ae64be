"""What ONNX Runtime needs done to a file beforehand: dimensions, an image input made of bytes, a look for int8."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import hash_file
from advisor.records.model import image_layout

_INT8_OPERATORS = frozenset(
    {"QLinearConv", "QLinearMatMul", "QuantizeLinear", "ConvInteger", "MatMulInteger", "QGemm", "QLinearAdd"}
)


def load_onnx(path: Path) -> Any:
    """Load an ONNX file's graph.

    Raises
    ------
    ModelError
        Missing or damaged.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not path.is_file():
        raise ModelError(f"model {path}: no such file; give a path, an architecture (sizer models list) or like:NAME")
    if path.stat().st_size == 0:
        raise ModelError(f"model {path}: the file is empty; copy it again")
    try:
        return onnx.load(str(path))
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise ModelError(f"model {path}: damaged or cut short ({error}); copy or export it again") from error


def is_int8(model: Any) -> bool:
    """Say whether a graph holds quantised operations."""
    return any(node.op_type in _INT8_OPERATORS for node in model.graph.node)


def real_inputs(model: Any) -> list[Any]:
    """Inputs that a caller must give: older files list weights among them."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def declared_shape(value: Any) -> list[int | str]:
    """Shape as declared: a number, or the name of an open dimension (empty for one without name)."""
    dims = value.type.tensor_type.shape.dim
    return [int(dim.dim_value) if dim.HasField("dim_value") else str(dim.dim_param) for dim in dims]


def static_shapes(
    model: Any, path: Path, input_shape: tuple[int, ...] | None, batch: int
) -> tuple[list[tuple[int, ...]], dict[str, int]]:
    """Resolve the shape of every input at ``batch``, and what each named open dimension becomes.

    Raises
    ------
    ModelError
        A dimension other than the batch is open and ``input_shape`` does not give it; names ``input:``.
    RuntimeRefusal
        The file fixes its batch or size otherwise: ONNX Runtime reshapes no model.
    """
    shapes: list[tuple[int, ...]] = []
    symbols: dict[str, int] = {}
    for index, value in enumerate(real_inputs(model)):
        declared = declared_shape(value)
        found: list[int] = []
        for place, dim in enumerate(declared):
            requested = input_shape[place] if input_shape is not None and len(input_shape) == len(declared) else None
            wanted = _dimension(dim, place, requested, symbols, batch)
            if wanted is None:
                raise ModelError(
                    f"model {path}: input {value.name} has shape {declared}; fix it with input: (for example "
                    "input: 1312x736 or a full shape such as [1, 3, 736, 1312])"
                )
            if isinstance(dim, int) and index == 0 and wanted != dim:
                raise RuntimeRefusal(
                    f"model {path}: input {value.name} is fixed to {declared}, {wanted} is requested in place {place}; "
                    "onnxruntime cannot reshape it: export with open dimensions or use runtime openvino"
                )
            if isinstance(dim, str) and dim:
                symbols[dim] = wanted
            found.append(wanted)
        shapes.append(tuple(found))
    return shapes, symbols


def _dimension(dim: int | str, place: int, requested: int | None, symbols: dict[str, int], batch: int) -> int | None:
    """Length of one dimension at this batch; None if unknown."""
    if isinstance(dim, str) and dim in symbols:
        return symbols[dim]
    if place == 0:
        at_one = requested if requested is not None else (dim if isinstance(dim, int) else 1)
        return at_one * batch
    if requested is not None:
        return requested
    return dim if isinstance(dim, int) else None


@functools.cache
def _process_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process alone, removed when it ends."""
    return tempfile.TemporaryDirectory(prefix="sizer-bytes-")


def with_byte_input(path: Path, cache_dir: Path | None, divisor: float = 255.0) -> Path:
    """Return a copy of an image model whose input takes BGR bytes, channels last; made once per folder.

    Cast to f32, Transpose to the model's order and Mul by 1/``divisor`` stand in front of the model's own first
    operation (at int8 that is its first QuantizeLinear).

    Raises
    ------
    ModelError
        The model has not one four-dimensional input with 1, 3 or 4 channels.
    """
    import onnx

    directory = cache_dir if cache_dir is not None else Path(_process_folder().name)
    target = directory / f"{path.stem}-{hash_file(path)[:16]}-u8{'' if divisor == 255.0 else f'-{divisor:g}'}.onnx"
    if target.is_file():
        return target
    model = load_onnx(path)
    inputs = real_inputs(model)
    declared = declared_shape(inputs[0]) if inputs else []
    if len(inputs) != 1 or len(declared) != 4:
        raise ModelError(f"model {path}: frames need one input of four dimensions, it has {len(inputs)} {declared}")
    value = inputs[0]
    layout = image_layout(declared)
    if layout == "NCHW":
        order, frame = [0, 3, 1, 2], [declared[0], declared[2], declared[3], declared[1]]
    elif layout == "NHWC":
        order, frame = [0, 1, 2, 3], declared
    else:
        raise ModelError(f"model {path}: input {declared} is no image with 1, 3 or 4 channels")
    name = value.name
    frame_name = f"{name}_bytes"
    nodes = [
        onnx.helper.make_node("Cast", [frame_name], [f"{name}_real"], f"{name}_cast", to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Transpose", [f"{name}_real"], [f"{name}_planes"], f"{name}_transpose", perm=order),
        onnx.helper.make_node("Mul", [f"{name}_planes", f"{name}_scale"], [name], f"{name}_scaled"),
    ]
    scale = onnx.helper.make_tensor(f"{name}_scale", onnx.TensorProto.FLOAT, [], [1.0 / divisor])
    info = onnx.helper.make_tensor_value_info(frame_name, onnx.TensorProto.UINT8, frame)
    model.graph.input.remove(value)
    model.graph.input.insert(0, info)
    model.graph.initializer.append(scale)
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    return write_aside(model, target)


def write_aside(model: Any, target: Path) -> Path:
    """Write a model under a temporary name, then rename it: readers never see half a file."""
    import onnx

    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        onnx.save(model, str(aside))
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)
    return target
