"""From what the user writes as a model to a file on disk; listing, building and inspecting models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import ModelError
from advisor.records.base import Quantity, Record
from advisor.records.model import Kernel, ModelFile, ModelInfo
from advisor.records.scenario import parse_resolution
from advisor.store.schemas import ModelReport

SMALLER = 0.8
"""Share of the operations from which down a model counts as a smaller one: less is not worth a change of model."""
SITES = frozenset({"retail", "adas", "barrier", "crossroad"})


class Inspection(Record):
    """``sizer models inspect --json``."""

    schema_: Annotated[Literal["sizer.inspection/1"], Field(alias="schema")] = "sizer.inspection/1"
    sizer_version: str
    created: str
    name: str
    kind: str
    family: str
    path: str
    sha256: str
    input_shape: tuple[int, ...]
    output_layout: str | None
    gflops: Quantity | None
    mparams: Quantity | None
    kernels: tuple[Kernel, ...]


def list_models(kind: str = "all") -> ModelReport:
    """Reference architectures and stand-ins, without building any."""
    from advisor import zoo

    found: list[ModelInfo] = [item for item in zoo.list_models() if kind in ("all", item.kind)]
    return ModelReport(sizer_version=__version__, created=utc_now(), models=tuple(found))


def build_model(name: str, directory: Path | None = None) -> ModelFile:
    """Build a reference architecture or stand-in; the file is made once and kept."""
    from advisor import zoo
    from advisor.store.paths import cache_dir

    return zoo.build(name, directory or cache_dir() / "models")


def shape_of(text: str | tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Turn ``1312x736`` (width x height) or ``1,3,736,1312`` into a shape.

    Raises
    ------
    ModelError
        It is neither.
    """
    if text is None or isinstance(text, tuple):
        return text
    if "x" in text:
        try:
            width, height = parse_resolution(text)
        except ValueError as error:
            raise ModelError(f"input {text!r}: {error}") from error
        return (1, 3, height, width)
    try:
        return tuple(int(part) for part in text.strip("[]() ").split(","))
    except ValueError as error:
        raise ModelError(f"input {text!r} is neither WIDTHxHEIGHT nor a shape like 1,3,736,1312") from error


def looks_like_file(reference: str) -> bool:
    """Whether a reference names a file: it exists, or it has a folder or a model's ending."""
    path = Path(reference)
    endings = {".onnx", ".xml", ".tflite", ".pb", ".pdmodel", ".prototxt"}
    return path.exists() or path.suffix.lower() in endings or "/" in reference


def resolve_model(reference: str, input_shape: str | tuple[int, ...] | None = None) -> ModelFile:
    """Resolve a model reference: a file, the name of an architecture, or ``like:NAME``.

    Raises
    ------
    ModelError
        Unknown name (with the nearest), unreadable file (with the operator), or a dynamic input without ``input``.
    """
    shape = shape_of(input_shape)
    if not looks_like_file(reference):
        built = build_model(reference)
        return built if shape is None else built.model_copy(update={"input_shape": shape})
    from advisor.measure.items.model_kernels import file_facts

    path = Path(reference)
    if not path.is_file():
        raise ModelError(f"{reference}: no such model file; give a path, an architecture's name, or like:NAME")
    facts = file_facts(path, shape)
    return ModelFile(
        reference=reference,
        name=path.stem,
        family="unknown",
        kind="file",
        path=str(path.resolve()),
        sha256=facts.sha256,
        input_shape=facts.input_shape,
    )


def smaller_model(model: ModelFile) -> ModelInfo | None:
    """Next smaller model of the list for the same task: same words in its name, fewer operations.

    Architectures must be of one family, stand-ins have the same task and output. The words are those before the first
    with a digit, without the site that a model was made for (retail, adas, ...).
    None for a user's file, where its operations are unknown, and where the list has none with at most :data:`SMALLER`
    of them.
    """
    from advisor import zoo

    known = {item.name: item for item in zoo.list_models()}
    own = known.get(model.reference) or known.get(model.name) or known.get(f"{zoo.PREFIX}{model.name}")
    if own is None or own.gflops is None or model.kind == "file":
        return None
    alike = [
        (item.gflops, item)
        for item in known.values()
        if (_kin(item), item.kind, _task(item.name)) == (_kin(own), own.kind, _task(own.name))
        and len(item.input_shape) == len(own.input_shape)
        and item.input_shape[1] == own.input_shape[1]
        and item.gflops is not None
        and item.gflops <= SMALLER * own.gflops
    ]
    return max(alike, key=lambda pair: pair[0], default=(None, None))[1]


def _kin(item: ModelInfo) -> tuple[str | None, ...]:
    """Stand-ins for one task need not be built of the same blocks."""
    return (item.task, item.output_layout) if item.kind == "stand-in" else (item.family,)


def _task(name: str) -> tuple[str, ...]:
    """Words of a model's name that say what it is for."""
    words = []
    for word in re.split(r"[-_:]", name):
        if any(letter.isdigit() for letter in word):
            break
        if word not in SITES:
            words.append(word)
    return tuple(words)


def inspect_model(reference: str, input_shape: str | None = None) -> Inspection:
    """Count a model's operations and list its fused kernels at f32 on this machine."""
    from advisor.measure.items.model_kernels import file_facts, model_works

    model = resolve_model(reference, input_shape)
    facts = file_facts(Path(model.path), model.input_shape)
    (work,) = model_works(model, [("openvino", "f32", 1, None)], None)
    if work is None:
        raise ModelError(
            f"{reference}: OpenVINO cannot compile it at f32; see `sizer bench {reference}` for the reason"
        )
    return Inspection(
        sizer_version=__version__,
        created=utc_now(),
        name=model.name,
        kind=model.kind,
        family=model.family,
        path=model.path,
        sha256=model.sha256,
        input_shape=model.input_shape,
        output_layout=model.output_layout,
        gflops=facts.flop / 1e9,
        mparams=facts.parameters / 1e6,
        kernels=work.kernels,
    )
