"""Parts of an ONNX model that are read without a runtime: its inputs and the files that hold its weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor.errors import ModelError

from .inputs import DeclaredInput, Dimension
from .quantised import nodes

_MARK = b"location"
"""Key under which a tensor names its file; what does not hold it has all weights inside."""


def read_onnx(path: Path, *, weights: bool = False) -> Any:
    """Read an ONNX file's graph; ``weights``: with those that lie in other files.

    Raises
    ------
    ModelError
        Missing, empty or damaged; or a file with weights is missing, which is named then.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    if not path.is_file():
        raise ModelError(f"model {path}: no such file; give a path, an architecture (sizer models list) or like:NAME")
    if path.stat().st_size == 0:
        raise ModelError(f"model {path}: the file is empty; copy it again")
    try:
        model = onnx.load(str(path), load_external_data=False)
        if weights:
            check_weights(model, path)
            _load_weights(model, path)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise ModelError(f"model {path}: damaged or cut short ({error}); copy or export it again") from error
    return model


def _load_weights(model: Any, path: Path) -> None:
    """Read external weights from where they lie: ONNX's own loader refuses links, which model caches are made of."""
    import onnx

    for tensor in _tensors(model.graph):
        if not onnx.external_data_helper.uses_external_data(tensor):
            continue
        said = {entry.key: entry.value for entry in tensor.external_data}
        with (path.parent / said["location"]).open("rb") as file:
            file.seek(int(said.get("offset", 0)))
            tensor.raw_data = file.read(int(said["length"])) if "length" in said else file.read()
        tensor.ClearField("external_data")
        tensor.data_location = onnx.TensorProto.DEFAULT


def declared_inputs(model: Any) -> tuple[DeclaredInput, ...]:
    """Inputs that a caller must give, as declared; older files list weights among them, which are left out."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return tuple(
        DeclaredInput(value.name, _dimensions(value)) for value in model.graph.input if value.name not in weights
    )


def _dimensions(value: Any) -> tuple[Dimension, ...] | None:
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    # Some exporters write an open dimension as -1.
    return tuple(
        (int(dim.dim_value) if dim.dim_value >= 0 else None) if dim.HasField("dim_value") else dim.dim_param or None
        for dim in kind.shape.dim
    )


def weight_files(path: Path) -> tuple[Path, ...]:
    """Files beside an ONNX file that hold weights of it, in order of name; none where the file cannot be parsed."""
    import onnx
    from google.protobuf.message import DecodeError

    if not _mentions_files(path):
        return ()
    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        return ()
    return _weight_files(model, path)


def _weight_files(model: Any, path: Path) -> tuple[Path, ...]:
    import onnx

    places = {
        entry.value
        for tensor in _tensors(model.graph)
        if onnx.external_data_helper.uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return tuple(path.parent / place for place in sorted(places))


def check_weights(model: Any, path: Path) -> None:
    """Refuse a model of which a file with weights is missing.

    Raises
    ------
    ModelError
        Names the missing file.
    """
    for file in _weight_files(model, path):
        if not file.is_file():
            raise ModelError(
                f"model {path}: its weights are in {file.name}, but there is no such file in {file.parent}; "
                "copy it, too"
            )


def _mentions_files(path: Path) -> bool:
    """Whether a file may name others; parsing one that does not would only cost time."""
    kept = b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            if _MARK in kept + block:
                return True
            kept = block[-len(_MARK) :]
    return False


def _tensors(graph: Any) -> Iterator[Any]:
    """All tensors with values: weights, constants, and those of branches and loops."""
    yield from graph.initializer
    for node in nodes(graph):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from attribute.g.initializer
