"""What ONNX Runtime needs done to a file beforehand: dimensions, and an image input made of bytes."""

from __future__ import annotations

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

from advisor.errors import ModelError, RuntimeRefusal
from advisor.graph.frontend import batched, hash_file, one_line
from advisor.graph.inputs import GivenShapes, main_input, static_inputs
from advisor.graph.onnx_parts import declared_inputs, read_onnx
from advisor.records.model import image_layout


def real_inputs(model: Any) -> list[Any]:
    """Inputs that a caller must give: older files list weights among them."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def static_shapes(
    model: Any, path: Path, given: GivenShapes, batch: int, *, runtime: str = "onnxruntime"
) -> tuple[list[tuple[int, ...]], dict[str, int]]:
    """Resolve the shape of every input at ``batch``, and what each named open dimension becomes.

    Raises
    ------
    ModelError
        A dimension other than the batch is open and not given; names ``input:``.
    RuntimeRefusal
        The file fixes its batch or size otherwise: ``runtime`` reshapes no model.
    """
    inputs = declared_inputs(model)
    found = static_inputs(inputs, path, given)
    shapes = [batched(shape, batch) for shape in found.shapes]
    for item, shape in zip(inputs, shapes, strict=True):
        for place, (own, wanted) in enumerate(zip(item.dimensions or shape, shape, strict=True)):
            if isinstance(own, int) and own != wanted:
                fixed = list(item.dimensions or ())
                remedy = f"run it at batch {found.file_batch}, " if found.file_batch > 1 and place == 0 else ""
                raise RuntimeRefusal(
                    f"model {path}: input {item.name} is fixed to {fixed}, {wanted} is requested in place {place}; "
                    f"{runtime} cannot reshape it: {remedy}export with open dimensions or use runtime openvino"
                )
    first = {
        item.dimensions[0]: shape[0]
        for item, shape in zip(inputs, shapes, strict=True)
        if item.dimensions and isinstance(item.dimensions[0], str)
    }
    return shapes, {**found.symbols, **{str(name): length for name, length in first.items()}}


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sizer-files-")


def process_folder() -> Path:
    """A folder of this process alone, removed when it ends."""
    return Path(_temporary().name)


def with_byte_input(path: Path, cache_dir: Path | None, divisor: float = 255.0) -> Path:
    """Return a copy of an image model whose picture comes as BGR bytes, channels last; made once per folder.

    Cast to f32, Transpose to the model's order, Mul by 1/``divisor`` and, for a model in f16, Cast to that stand in
    front of the model's own first operation (at int8 that is its first QuantizeLinear). A model that takes bytes itself
    gets them as they are, whatever the divisor.

    Raises
    ------
    ModelError
        The model has no four-dimensional input with 1, 3 or 4 channels, or one of another type.
    """
    return _with_picture(path, cache_dir, f"u8{'' if divisor == 255.0 else f'-{divisor:g}'}", divisor)


def with_channels_last(path: Path, cache_dir: Path | None) -> Path:
    """Return a copy of an image model whose picture comes channels last, in its own type: a Transpose in front of it.

    Raises
    ------
    ModelError
        The model has no four-dimensional input with 1, 3 or 4 channels.
    """
    return _with_picture(path, cache_dir, "nhwc", None)


def _with_picture(path: Path, cache_dir: Path | None, suffix: str, divisor: float | None) -> Path:
    """Put the conversion of a picture in front of a model; ``divisor`` None: turned alone, else from bytes."""
    import onnx

    directory = cache_dir if cache_dir is not None else process_folder()
    target = directory / f"{path.stem}-{hash_file(path)[:16]}-{suffix}.onnx"
    if target.is_file():
        return target
    model = read_onnx(path, weights=True)
    inputs = declared_inputs(model)
    place = main_input(inputs) if inputs else 0
    value = real_inputs(model)[place] if inputs else None
    declared = [_length(size) for size in (inputs[place].dimensions or ())] if inputs else []
    layout = image_layout(declared)
    if value is None or layout is None:
        raise ModelError(f"model {path}: input {declared} is no image with 1, 3 or 4 channels")
    kind = value.type.tensor_type.elem_type
    if layout == "NHWC" and (divisor is None or kind == onnx.TensorProto.UINT8):
        return path
    frame = declared if layout == "NHWC" else [declared[0], declared[2], declared[3], declared[1]]
    name = value.name
    frame_name = f"{name}_bytes"
    order = [0, 3, 1, 2] if layout == "NCHW" else [0, 1, 2, 3]
    turn: tuple[str, dict[str, Any]] = ("Transpose", {"perm": order})
    steps = [turn] if divisor is None else _byte_steps(kind, path, turn)
    nodes, source = [], frame_name
    for number, (operator, attributes) in enumerate(steps):
        out = name if number == len(steps) - 1 else f"{name}_step_{number}"
        given = [source, f"{name}_scale"] if operator == "Mul" else [source]
        nodes.append(onnx.helper.make_node(operator, given, [out], f"{name}_{operator.lower()}_{number}", **attributes))
        source = out
    if any(operator == "Mul" for operator, _ in steps):
        assert divisor is not None  # the type of a picture that is turned alone stays
        scale = onnx.helper.make_tensor(f"{name}_scale", onnx.TensorProto.FLOAT, [], [1.0 / divisor])
        model.graph.initializer.append(scale)
    element = kind if divisor is None else onnx.TensorProto.UINT8
    info = onnx.helper.make_tensor_value_info(frame_name, element, frame)
    where = list(model.graph.input).index(value)
    model.graph.input.remove(value)
    model.graph.input.insert(where, info)
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    return write_aside(model, target)


def _length(size: int | str | None) -> int | str:
    return "" if size is None else size


def _byte_steps(kind: int, path: Path, turn: tuple[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Operators between a picture in bytes and an input of this element type."""
    import onnx

    if kind == onnx.TensorProto.UINT8:
        return [turn]
    steps: list[tuple[str, dict[str, Any]]] = [("Cast", {"to": onnx.TensorProto.FLOAT}), turn, ("Mul", {})]
    if kind in (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE):
        steps.append(("Cast", {"to": kind}))
    elif kind != onnx.TensorProto.FLOAT:
        named = onnx.TensorProto.DataType.Name(kind).lower()
        raise ModelError(f"model {path}: its picture is of type {named}; bytes or real numbers can be fed to it")
    return steps


def write_aside(model: Any, target: Path) -> Path:
    """Write a model under a temporary name, then rename it: readers never see half a file."""
    import onnx

    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        onnx.save(model, str(aside))
        aside.replace(target)
    except ValueError as error:  # what protobuf raises beyond 2 GiB
        raise RuntimeRefusal(
            f"model {target.stem}: too large to be rewritten as one file ({one_line(error)})"
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return target
