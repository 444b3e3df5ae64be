"""From what the user writes as a model to a file on disk; listing, building and inspecting models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from advisor import __version__
from advisor.clock import utc_now
from advisor.errors import ModelError
from advisor.graph.inputs import GivenShapes
from advisor.records.base import Quantity, Record, RuntimeName
from advisor.records.model import Kernel, ModelFile, ModelInfo, ModelWork, at_sizes, parse_named_shapes
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
    """Operations per input in 1e9, two per multiply-add."""
    mparams: Quantity | None
    file_batch: int = 1
    """Batch that the file fixes; 1 where it is open, too."""
    int8: bool = False
    """The file is quantised already."""
    runtime: RuntimeName = "openvino"
    """Which runtime's kernels these are."""
    kernels: tuple[Kernel, ...]


def list_models(kind: str = "all", words: Sequence[str] = ()) -> ModelReport:
    """Reference architectures and stand-ins that hold all ``words`` in name, family or task, without building any."""
    from advisor import zoo

    found: list[ModelInfo] = [
        item
        for item in zoo.list_models()
        if kind in ("all", item.kind)
        and all(word.lower() in f"{item.name} {item.family} {item.task or ''}".lower() for word in words)
    ]
    return ModelReport(sizer_version=__version__, created=utc_now(), models=tuple(found))


def build_model(name: str, directory: Path | None = None) -> ModelFile:
    """Build a reference architecture or stand-in; the file is made once and kept."""
    from advisor import zoo
    from advisor.store.paths import cache_dir

    return zoo.build(name, directory or cache_dir() / "models")


def given_shapes(text: str | tuple[int, ...] | None) -> GivenShapes:
    """Read ``1312x736`` (width x height of the picture), ``1,3,736,1312``, or ``images[1,3,736,1312],sizes[1,2]``.

    Raises
    ------
    ModelError
        It is none of these.
    """
    if text is None or isinstance(text, tuple):
        return GivenShapes(text)
    try:
        if re.search(r"\w\s*\[", text):
            return GivenShapes(named=parse_named_shapes(text))
        if "," not in text:
            return GivenShapes(picture=parse_resolution(text))
    except ValueError as error:
        raise ModelError(f"input {text!r}: {error}") from error
    try:
        shape = tuple(int(part) for part in text.strip("[]() ").split(","))
    except ValueError as error:
        raise ModelError(
            f"input {text!r} is neither WIDTHxHEIGHT, nor a shape like 1,3,736,1312, nor shapes by name like "
            "images[1,3,736,1312],sizes[1,2]"
        ) from error
    return GivenShapes(shape)


_ENDINGS = frozenset({".onnx", ".xml", ".tflite", ".pb", ".pdmodel", ".prototxt"})


def looks_like_file(reference: str) -> bool:
    """Whether a reference names a file: it exists, or it has a folder or a model's ending."""
    from advisor.graph.frontend import FOREIGN_ENDINGS

    path = Path(reference)
    return path.exists() or path.suffix.lower() in _ENDINGS | FOREIGN_ENDINGS or "/" in reference


def _seen_from(path: Path) -> str:
    """Where a path begins that says only how to go on."""
    return "" if path.is_absolute() else f" in {Path.cwd()}"


def resolve_model(reference: str, input_shape: str | tuple[int, ...] | None = None) -> ModelFile:
    """Resolve a model reference: a file, the name of an architecture, or ``like:NAME``.

    Raises
    ------
    ModelError
        Unknown name (with the nearest), unreadable file (with the operator), or a dynamic input without ``input``.
    """
    given = given_shapes(input_shape)
    if not looks_like_file(reference):
        return _at(build_model(reference), given)
    from advisor.graph.frontend import check_format
    from advisor.measure.items.model_kernels import file_facts

    path = Path(reference)
    try:
        check_format(path)
    except ModelError as error:
        raise ModelError(f"{error}{_by_name(path.stem)}") from error
    if not path.is_file():
        raise ModelError(
            f"{reference}: no such model file{_seen_from(path)}; give a path, an architecture's name, or like:NAME"
            f"{_by_name(path.stem)}"
        )
    # Links are not followed: model caches link to files without an ending.
    file = _gathered(path.absolute())
    facts = file_facts(file, given=given)
    return ModelFile(
        reference=reference,
        name=path.stem,
        family="unknown",
        kind="file",
        path=str(file),
        sha256=facts.sha256,
        input_shape=facts.input_shape,
        further_shapes=facts.further_shapes,
        file_batch=facts.file_batch,
        flop=facts.flop,
        reader=facts.reader,
        score_columns=facts.score_columns,
    )


def resolve_models(
    references: Sequence[str], input_shape: str | tuple[int, ...] | None = None
) -> tuple[ModelFile, ...]:
    """Resolve models that are listed together: different files of one name are named by their paths, as far as needed.

    ``a/best.onnx`` and ``b/best.onnx`` are both ``best`` in a plan's stages, which have names of their own; in a table
    they could not be told apart.

    Raises
    ------
    ModelError
        As :func:`resolve_model`.
    """
    models = [resolve_model(reference, input_shape) for reference in references]
    contents: dict[str, set[str]] = {}
    for model in models:
        contents.setdefault(model.name, set()).add(model.sha256)
    files = {name: [model for model in models if model.name == name] for name in contents}
    return tuple(
        model if len(contents[model.name]) == 1 else model.model_copy(update={"name": _told_apart(model, files)})
        for model in models
    )


def _told_apart(model: ModelFile, files: Mapping[str, Sequence[ModelFile]]) -> str:
    """Return the shortest end of the path that no other file of that name has, with the file's ending."""
    own = Path(model.path).parts
    others = [Path(file.path).parts for file in files[model.name] if file.path != model.path]
    needed = next(count for count in range(1, len(own) + 1) if all(own[-count:] != other[-count:] for other in others))
    return "/".join(own[-needed:])


def _gathered(path: Path) -> Path:
    """Put a model whose weights are behind links into one folder: runtimes do not follow such links out of theirs.

    The folder is in the cache and holds hard links, or copies where the cache is on another file system.
    """
    from advisor.graph.frontend import hash_file
    from advisor.graph.onnx_parts import weight_files
    from advisor.store.paths import cache_dir

    if path.suffix.lower() != ".onnx" or not path.is_symlink():
        return path
    weights = weight_files(path)
    if not all(file.is_file() for file in weights) or not any(file.is_symlink() for file in weights):
        return path
    folder = cache_dir() / "linked" / hash_file(path)[:16]
    target = folder / path.name
    if target.is_file():
        return target
    try:
        for file in (*weights, path):  # the graph last: it says that all is there
            place = folder / file.relative_to(path.parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            try:
                place.hardlink_to(file.resolve())
            except OSError:
                shutil.copyfile(file, place)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"model {path}: its weights are behind links and cannot be put together in {folder} ({error}); copy the "
            "model and its weights into one folder"
        ) from error
    return target


def _by_name(stem: str) -> str:
    """Hint at the architecture of a file's name."""
    from advisor import zoo

    try:
        zoo.canonical(stem)
    except ModelError:
        return ""
    return f"; the architecture is known by name, too: {stem}"


def _at(built: ModelFile, given: GivenShapes) -> ModelFile:
    """Return a model of ours, which has one input, at another size."""
    from advisor.graph.inputs import DeclaredInput, static_inputs

    if given.shape is None and given.picture is None and not given.named:
        return built
    own = (DeclaredInput("input", (None, *built.input_shape[1:])),)
    shape = static_inputs(own, Path(built.path), given).shapes[0]
    if shape == built.input_shape:
        return built
    name = f"{built.name} at {'x'.join(map(str, shape[1:]))}"
    sha256 = at_sizes(built.sha256, shape)
    return built.model_copy(update={"input_shape": shape, "name": name, "sha256": sha256})


def smaller_model(model: ModelFile) -> ModelInfo | None:
    """Next smaller model of the list for the same task: same words in its name, fewer operations.

    Architectures must be of one family, stand-ins have the same task and output. The words are those before the first
    with a digit, without the site that a model was made for (retail, adas, ...).
    None for a user's file, where its operations are unknown, and where the list has none with at most :data:`SMALLER`
    of them.
    """
    from advisor import zoo

    known = zoo.known_names()
    name = next((it for it in (model.reference, model.name, f"{zoo.PREFIX}{model.name}") if it in known), None)
    own = None if name is None else zoo.info(name)
    if own is None or own.gflops is None or model.kind == "file":
        return None
    # Counting the operations of all architectures takes longer than the names of those for other tasks do to read.
    candidates = [zoo.info(other) for other in known if _task(other) == _task(own.name)]
    alike = [
        (item.gflops, item)
        for item in candidates
        if (_kin(item), item.kind) == (_kin(own), own.kind)
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
    """Count a model's operations and list its fused kernels on this machine: at f32, or int8 if the file is so."""
    from advisor.measure.items.model_kernels import file_facts

    model = resolve_model(reference, input_shape)
    given = GivenShapes(model.input_shape, named=dict(model.further_shapes))
    facts = file_facts(Path(model.path), given=given)
    runtime, work = _kernels(model, int8=facts.int8)
    if work is None:
        raise ModelError(
            f"{reference}: no runtime here can compile it; see `sizer bench {reference}` for OpenVINO's reason and "
            f"`sizer bench {reference} --runtime onnxruntime` for that of ONNX Runtime"
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
        file_batch=model.file_batch,
        int8=facts.int8,
        runtime=runtime,
        kernels=work.kernels,
    )


def _kernels(model: ModelFile, *, int8: bool) -> tuple[RuntimeName, ModelWork | None]:
    """Kernels of the first runtime that compiles the file, in the precision that the file has."""
    from advisor.measure.items.model_kernels import model_works

    runtimes: tuple[RuntimeName, ...] = ("openvino", "onnxruntime")
    for runtime in runtimes:
        precision = "int8" if int8 and runtime == "onnxruntime" else "f32"
        for batch in sorted({1, model.file_batch}):
            (work,) = model_works(model, [(runtime, precision, batch, None)], None)
            if work is not None:
                return runtime, work
    return "openvino", None
