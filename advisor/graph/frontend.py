"""Read any model file through OpenVINO's frontends and give it a static shape; all wording of refusals lives here."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

from advisor.errors import InputError, ModelError, RuntimeRefusal

from .inputs import DeclaredInput, GivenShapes, InputShapes, Shape, check_open, static_inputs
from .onnx_parts import check_weights, declared_inputs, read_onnx, weight_files
from .torch_archive import ENDINGS, archive_kind

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
    """Return the SHA-256 of a model file in hex; files that hold its weights count too.

    These are the ``.bin`` of an OpenVINO IR and what an ONNX file names as external data.

    Raises
    ------
    ModelError
        The file cannot be read.
    """
    digest = hashlib.sha256()
    parts = [path]
    try:
        if path.suffix.lower() == ".xml" and path.with_suffix(".bin").is_file():
            parts.append(path.with_suffix(".bin"))
        elif path.suffix.lower() == ".onnx":
            parts += [file for file in weight_files(path) if file.is_file()]
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise ModelError(f"model {path}: cannot be read ({error.strerror}); check path and rights") from error
    return digest.hexdigest()


class UnknownOperator(ModelError):
    """A file that is whole, but holds an operator that this reader does not know."""


def read_file(path: Path, *, unsupported: type[InputError] = UnknownOperator) -> Any:
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
        Missing, empty, truncated, without a file that holds its weights, or of no known format.
    InputError
        ``unsupported``, naming file and operator.
    """
    if not path.exists():
        raise ModelError(f"model {path}: no such file; give a path, an architecture (sizer models list) or like:NAME")
    check_format(path)
    if path.suffix.lower() in ENDINGS:
        raise unsupported(
            f"model {path}: only PyTorch itself reads its files; use --runtime torch, or export it to ONNX first and "
            "name the .onnx file"
        )
    try:
        return core().read_model(str(path))
    except RuntimeError as error:
        if path.is_file() and path.stat().st_size == 0:
            raise ModelError(f"model {path}: the file is empty; copy it again") from error
        if path.suffix.lower() == ".onnx":
            _explain_onnx(path)
        if _UNCONVERTED.search(str(error)) or _NODE.search(str(error)):
            raise unsupported(f"model {path}: {refusal_text(error)}; export it with supported operators") from error
        raise ModelError(
            f"model {path}: damaged, cut short or of no format that can be read ({one_line(error)}); "
            "copy or export it again"
        ) from error


_FRAMEWORK_FILES = {
    ".ckpt": "PyTorch or TensorFlow", ".safetensors": "weights without a graph",
    ".h5": "Keras", ".keras": "Keras", ".pkl": "Python", ".mlmodel": "Core ML", ".mlpackage": "Core ML",
    ".weights": "Darknet", ".caffemodel": "Caffe", ".params": "MXNet", ".gguf": "llama.cpp",
}  # fmt: skip
_COMPILED_FILES = {
    ".engine": "TensorRT", ".trt": "TensorRT", ".plan": "TensorRT", ".hef": "Hailo", ".har": "Hailo",
    ".blob": "OpenVINO", ".rknn": "Rockchip", ".dlc": "Qualcomm", ".kmodel": "Kendryte",
}  # fmt: skip
FOREIGN_ENDINGS = frozenset({*_FRAMEWORK_FILES, *ENDINGS, *_COMPILED_FILES, ".bin"})
"""Endings of model files that :func:`check_format` refuses, or accepts for one runtime only."""


def check_format(path: Path) -> None:
    """Refuse model files of formats that no runtime here reads, with the way to one that can be read.

    Raises
    ------
    ModelError
        The file was saved by a framework, compiled for an accelerator, or holds the weights of an OpenVINO IR.
    """
    ending = path.suffix.lower()
    if ending in ENDINGS:
        _check_torch(path, ending)
    elif ending in _FRAMEWORK_FILES:
        raise ModelError(
            f"model {path}: a {ending} file ({_FRAMEWORK_FILES[ending]}) is not read here; export it to ONNX first and "
            "name the .onnx file"
        )
    if ending in _COMPILED_FILES:
        raise ModelError(
            f"model {path}: a {ending} file is compiled for one device ({_COMPILED_FILES[ending]}) and does not say "
            "its operations; export the model to ONNX first and name the .onnx file"
        )
    if ending == ".bin":
        other = "" if path.with_suffix(".xml").is_file() else ", or export the model to ONNX first if it is of PyTorch"
        raise ModelError(
            f"model {path}: these are weights without a graph; give the .xml of the OpenVINO IR, "
            f"{path.with_suffix('.xml').name}{other}"
        )


def _check_torch(path: Path, ending: str) -> None:
    """Accept models that PyTorch saved as such; refuse pickled ones, as loading them executes what they hold."""
    if not path.is_file() or archive_kind(path) in {"torchscript", "exported"}:
        return
    raise ModelError(
        f"model {path}: a {ending} file (PyTorch) of pickled objects or weights is not read here, as loading it "
        "executes code; save the model with torch.jit.save or torch.export.save for --runtime torch, or export it to "
        "ONNX first and name the .onnx file"
    )


def _explain_onnx(path: Path) -> None:
    """Say why an ONNX file is not read where the file itself tells: missing weights, or a newer format.

    Raises
    ------
    ModelError
        The reason and the remedy; nothing is raised where the file tells none.
    """
    import onnx

    try:
        model = read_onnx(path)
    except ModelError:
        return
    check_weights(model, path)
    newest = onnx.defs.onnx_opset_version()
    for item in model.opset_import:
        if item.domain in ("", "ai.onnx") and item.version > newest:
            raise ModelError(
                f"model {path}: its operator set {item.version} is newer than what is known here ({newest}); export it "
                f"again with an operator set of at most {newest}"
            )


def make_static(model: Any, path: Path, batch: int = 1, *, given: GivenShapes | None = None) -> InputShapes:
    """Give every input of ``model`` a static shape at ``batch``, in place.

    Parameters
    ----------
    given
        What is known of the shapes (:mod:`.inputs`); None if the file is to say them.

    Returns
    -------
    InputShapes
        At batch 1.

    Raises
    ------
    ModelError
        There is no input, one is empty, a dimension other than the batch stays open, or what is given contradicts the
        file; names ``input:``.
    RuntimeRefusal
        The graph cannot take this batch, e.g. because a reshape inside is fixed; names the operator.
    """
    import openvino

    if not model.inputs:
        raise ModelError(f"model {path}: it has no input, so nothing can be asked of it; export it again")
    given = GivenShapes() if given is None else given
    found = static_inputs(_declared(model, path), path, given)
    shapes = {index: openvino.PartialShape(list(batched(shape, batch))) for index, shape in enumerate(found.shapes)}
    try:
        model.reshape(shapes)
    except RuntimeError as error:
        reason = refusal_text(error)
        if found.file_batch > 1 and batch != found.file_batch:
            raise RuntimeRefusal(
                f"model {path}: batch {batch} is refused: {reason}; the file fixes its batch at {found.file_batch}: "
                "run it at that batch, or export it with an open one"
            ) from error
        if given.shape is None and given.picture is None and not given.named:
            raise RuntimeRefusal(f"model {path}: batch {batch} is refused: {reason}") from error
        raise ModelError(f"model {path}: input: {given} is refused: {reason}") from error
    return found


def keep_open(model: Any, path: Path, batch: int, given: GivenShapes) -> tuple[InputShapes, list[Shape]]:
    """Leave open what the file leaves open; returns the shapes at batch 1, and those that passes at ``batch`` have.

    Raises
    ------
    ModelError
        As :func:`make_static`.
    RuntimeRefusal
        The file fixes every dimension.
    """
    inputs = _declared(model, path)
    check_open(inputs, path)
    found = static_inputs(inputs, path, given)
    return found, [batched(shape, batch) for shape in found.shapes]


def port_name(port: Any) -> str:
    """Name of an input or output: that of its node where the tensor has several, as OpenVINO keeps them in no order."""
    own = str(port.get_node().get_friendly_name())
    names = port.get_names()
    return own if own in names or not names else min(names)


def declared_ports(model: Any) -> tuple[DeclaredInput, ...]:
    """Inputs of an ``openvino.Model``, which keeps no names of dimensions."""
    found = []
    for port in model.inputs:
        partial = port.get_partial_shape()
        dimensions = None if partial.rank.is_dynamic else tuple(
            int(dim.get_length()) if dim.is_static else None for dim in partial
        )  # fmt: skip
        found.append(DeclaredInput(port_name(port), dimensions))
    return tuple(found)


def _declared(model: Any, path: Path) -> tuple[DeclaredInput, ...]:
    """Inputs of an ``openvino.Model``, with the names of dimensions that an ONNX file has."""
    found = declared_ports(model)
    names_help = len(found) > 1 and any(item.dimensions is None or None in item.dimensions[1:] for item in found)
    if names_help and path.suffix.lower() == ".onnx":
        named = {item.name: item for item in declared_inputs(read_onnx(path))}
        return tuple(named.get(item.name, item) for item in found)
    return found


def batched(shape: Shape, batch: int) -> Shape:
    """Multiply the first dimension of a shape at batch 1."""
    return (shape[0] * batch, *shape[1:]) if shape else shape
