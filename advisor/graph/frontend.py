"""Read any model file through OpenVINO's frontends and give it a static shape; all wording of refusals lives here."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

from advisor.errors import InputError, ModelError, RuntimeRefusal

_UNCONVERTED = re.compile(r"No conversion rule found for operations: ([^\n]+)")
_NODE = re.compile(r"While validating node '(?:\w+::)?(\w+) .*?with friendly_name '([^']*)'", re.DOTALL)
_NOISE = re.compile(
    r"^(Exception from|Check '.*' failed at|FrontEnd API failed|Model wasn't fully|Summary:|\[?GENERAL)"
)


@functools.cache
def core() -> Any:
    """Return the process-wide ``openvino.Core``: plugins are loaded once."""
    import openvino

    return openvino.Core()


def one_line(error: BaseException, limit: int = 300) -> str:
    """Reduce a runtime's multi-line message to what tells the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not _NOISE.match(line)] or lines or [type(error).__name__]
    text = "; ".join(telling)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def refusal_text(error: BaseException) -> str:
    """Name the operator that a message of OpenVINO is about, followed by the reason."""
    text = str(error)
    if found := _UNCONVERTED.search(text):
        return f"operator {found.group(1).strip()} is not supported"
    if found := _NODE.search(text):
        reason = text.strip().splitlines()[-1].strip()
        return f"operator {found.group(1)} ({found.group(2)}): {reason}"
    return one_line(error)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a model file in hex; an OpenVINO IR counts its weights file too.

    Raises
    ------
    ModelError
        The file cannot be read.
    """
    digest = hashlib.sha256()
    parts = [path]
    if path.suffix == ".xml" and path.with_suffix(".bin").is_file():
        parts.append(path.with_suffix(".bin"))
    try:
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise ModelError(f"model {path}: cannot be read ({error.strerror}); check path and rights") from error
    return digest.hexdigest()


def read_file(path: Path, *, unsupported: type[InputError] = ModelError) -> Any:
    """Read a model file into an ``openvino.Model``.

    Parameters
    ----------
    path
        ONNX, OpenVINO IR, TensorFlow, TFLite, Paddle: whatever OpenVINO's frontends know.
    unsupported
        Class of the error for a file that is whole but holds an operator without conversion.

    Raises
    ------
    ModelError
        Missing, empty, truncated, or of no known format.
    InputError
        ``unsupported``, naming file and operator.
    """
    if not path.exists():
        raise ModelError(f"model {path}: no such file; give a path, an architecture (sizer models list) or like:NAME")
    try:
        return core().read_model(str(path))
    except RuntimeError as error:
        if _UNCONVERTED.search(str(error)) or _NODE.search(str(error)):
            raise unsupported(f"model {path}: {refusal_text(error)}; export it with supported operators") from error
        if path.is_file() and path.stat().st_size == 0:
            raise ModelError(f"model {path}: the file is empty; copy it again") from error
        raise ModelError(
            f"model {path}: damaged, cut short or of no format that can be read ({one_line(error, 120)}); "
            "copy or export it again"
        ) from error


def batched(shape: tuple[int, ...], batch: int) -> tuple[int, ...]:
    """Multiply the first dimension of a shape at batch 1."""
    return (shape[0] * batch, *shape[1:]) if shape else shape


def make_static(model: Any, path: Path, input_shape: tuple[int, ...] | None, batch: int = 1) -> None:
    """Give every input of ``model`` a static shape at ``batch``, in place.

    The first dimension is the batch: an open one becomes 1. ``input_shape`` (at batch 1) belongs to the first input
    and to every further input of the same rank whose open dimensions it fits, as a text model's mask and segment ids.

    Raises
    ------
    ModelError
        There is no input, one is empty, a dimension other than the batch stays open, or ``input_shape`` contradicts the
        file; names ``input:``.
    RuntimeRefusal
        The graph cannot take this batch, e.g. because a reshape inside is fixed; names the operator.
    """
    import openvino

    if not model.inputs:
        raise ModelError(f"model {path}: it has no input, so nothing can be asked of it; export it again")
    shapes: dict[int, Any] = {}
    for index, port in enumerate(model.inputs):
        partial = port.get_partial_shape()
        shape = _static(partial, input_shape, required=index == 0)
        name = port.get_any_name() if port.get_names() else str(index)
        if shape is not None and 0 in shape:
            raise ModelError(
                f"model {path}: input {name} is empty: {list(shape)} has a dimension of 0; give the true shape with "
                "input: or export it again"
            )
        if shape is None:
            mismatch = f"; {list(input_shape)} does not fit" if input_shape is not None else ""
            raise ModelError(
                f"model {path}: input {name} has shape {partial}{mismatch}; fix it with input: (for example "
                "input: 1312x736 or a full shape such as [1, 3, 736, 1312])"
            )
        shapes[index] = openvino.PartialShape(list(batched(shape, batch)))
    try:
        model.reshape(shapes)
    except RuntimeError as error:
        if input_shape is None:
            raise RuntimeRefusal(f"model {path}: batch {batch} is refused: {refusal_text(error)}") from error
        raise ModelError(f"model {path}: input: {list(input_shape)} is refused: {refusal_text(error)}") from error


def _static(partial: Any, input_shape: tuple[int, ...] | None, *, required: bool) -> tuple[int, ...] | None:
    """Return the static shape at batch 1 of one input, None if dimensions stay open or do not fit."""
    if partial.rank.is_dynamic:
        return input_shape
    lengths = [(dim.get_length() if dim.is_static else None) for dim in partial]
    asked = input_shape is not None and len(input_shape) == len(lengths) and (required or None in lengths[1:])
    # A file that fixes its size is still free to run at another: a convolutional model mostly can.
    if asked and (required or all(own in (None, new) for own, new in zip(lengths, input_shape or (), strict=True))):
        return input_shape
    if required and input_shape is not None:
        return None
    if lengths and lengths[0] is None:
        lengths[0] = 1
    return None if None in lengths else tuple(length for length in lengths if length is not None)
