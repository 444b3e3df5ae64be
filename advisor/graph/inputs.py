"""Static shapes of all inputs of a model, from what its file declares and what the user gives.

One of the inputs is the *main* one: the picture, wherever it stands, or else the first. ``input:`` speaks of it; the
shapes of further inputs follow from the file, from names of dimensions that they share with it, or are given by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor.errors import ModelError, RuntimeRefusal
from advisor.records.model import image_layout

Shape = tuple[int, ...]
Dimension = int | str | None
"""A length, the name of an open dimension, or None for an open one without a name."""


@dataclass(frozen=True)
class DeclaredInput:
    """An input as the file declares it; ``dimensions`` None: even their number is open."""

    name: str
    dimensions: tuple[Dimension, ...] | None


@dataclass(frozen=True)
class GivenShapes:
    """What the user says of the inputs; nothing where the file is static."""

    shape: Shape | None = None
    """Of the main input at batch 1."""
    picture: tuple[int, int] | None = None
    """Width and height of the picture, whatever the order of its dimensions."""
    named: Mapping[str, Shape] = field(default_factory=dict)
    """Of inputs by their name, at batch 1."""

    def __str__(self) -> str:
        if self.picture is not None:
            return f"{self.picture[0]}x{self.picture[1]}"
        named = ",".join(name + str(list(shape)).replace(" ", "") for name, shape in self.named.items())
        return named if self.shape is None else str(list(self.shape))


@dataclass(frozen=True)
class InputShapes:
    """Static shapes of all inputs at batch 1, in the order of the file."""

    shapes: tuple[Shape, ...]
    main: int
    """Index of the main input."""
    file_batch: int = 1
    """Batch that the file fixes; 1 where it is open, too."""
    symbols: Mapping[str, int] = field(default_factory=dict)
    """Names of open dimensions and the lengths that they get at batch 1; those of the batch are left out."""
    batch_symbols: frozenset[str] = frozenset()
    """Names of dimensions that are the batch."""


def main_input(inputs: Sequence[DeclaredInput]) -> int:
    """Index of the picture among the inputs; of the first where none is a picture."""
    ranks = [item.dimensions or () for item in inputs]
    for index, dimensions in enumerate(ranks):
        if image_layout([-1 if size is None else size for size in dimensions]) is not None:
            return index
    for index, dimensions in enumerate(ranks):
        if len(dimensions) == 4 and not all(isinstance(size, int) for size in dimensions[1:]):
            return index
    return 0


def static_inputs(inputs: Sequence[DeclaredInput], path: Path, given: GivenShapes) -> InputShapes:
    """Resolve the shape of every input at batch 1.

    Raises
    ------
    ModelError
        A dimension other than the batch stays open, what is given does not fit, or an input is empty; names ``input:``.
    """
    main = main_input(inputs)
    _check_names(inputs, path, given)
    shape, file_batch = _main_shape(inputs[main], path, given, several=len(inputs) > 1)
    symbols, batch_symbols = _symbols(inputs[main], shape)
    shapes: list[Shape] = []
    for index, item in enumerate(inputs):
        found = shape if index == main else _further(item, given, shape, symbols, file_batch)
        if found is None:
            raise ModelError(f"model {path}: {_open(item, inputs, main, shape)}")
        if 0 in found:
            raise ModelError(
                f"model {path}: input {item.name} is empty: {list(found)} has a dimension of 0; give the true shape "
                "with input: or export it again"
            )
        more, batches = _symbols(item, found)
        symbols |= more
        batch_symbols |= batches
        shapes.append(found)
    return InputShapes(tuple(shapes), main, file_batch, symbols, frozenset(batch_symbols))


def check_open(inputs: Sequence[DeclaredInput], path: Path) -> None:
    """Refuse a file that cannot be compiled with dynamic shapes.

    Raises
    ------
    RuntimeRefusal
        The file fixes every dimension of every input.
    """
    if all(item.dimensions is not None and all(isinstance(size, int) for size in item.dimensions) for item in inputs):
        raise RuntimeRefusal(
            f"model {path}: dynamic shapes: its file fixes every dimension of its inputs; export it with open ones"
        )


def _check_names(inputs: Sequence[DeclaredInput], path: Path, given: GivenShapes) -> None:
    names = [item.name for item in inputs]
    for name in given.named:
        if name not in names:
            raise ModelError(f"model {path}: input: names {name}; the model's inputs are {', '.join(names)}")


def _main_shape(item: DeclaredInput, path: Path, given: GivenShapes, *, several: bool) -> tuple[Shape, int]:
    """Shape at batch 1 of the main input, and the batch that the file fixes."""
    wanted = given.named.get(item.name, given.shape)
    declared = item.dimensions
    if given.picture is not None:
        wanted = _picture(item, path, given.picture)
    if wanted is not None:
        if declared is not None and len(declared) != len(wanted):
            raise ModelError(f"model {path}: input {item.name} has shape {_shown(declared)}; {given} does not fit; "
                             f"{_advice(item, several=several)}")  # fmt: skip
        found = wanted
    else:
        if declared is None or any(not isinstance(size, int) for size in declared[1:]):
            raise ModelError(
                f"model {path}: input {item.name} has shape {_shown(declared)}; {_advice(item, several=several)}"
            )
        found = tuple(size if isinstance(size, int) else 1 for size in declared)
    # Only of pictures and token ids is it certain that the first dimension counts them: an LSTM's are steps.
    batched = image_layout(found) is not None
    if batched and found[0] > 1:
        return (1, *found[1:]), found[0]
    if batched and declared is not None and isinstance(declared[0], int) and declared[0] > 1:
        return found, declared[0]
    return found, 1


def _picture(item: DeclaredInput, path: Path, size: tuple[int, int]) -> Shape:
    """Shape of a picture input of this width and height."""
    width, height = size
    if item.dimensions is None:
        return (1, 3, height, width)
    dimensions = [-1 if length is None else length for length in item.dimensions]
    if len(dimensions) != 4:
        raise ModelError(
            f"model {path}: input {item.name} has shape {_shown(item.dimensions)}, which is no picture: "
            f"{width}x{height} does not fit; give its full shape with input: (for example [1, 128])"
        )
    if image_layout(dimensions) == "NHWC":
        channels = dimensions[3]
        assert isinstance(channels, int)
        return (1, height, width, channels)
    channels = dimensions[1] if isinstance(dimensions[1], int) and dimensions[1] > 0 else 3
    return (1, channels, height, width)


def _further(
    item: DeclaredInput, given: GivenShapes, main_shape: Shape, symbols: Mapping[str, int],
    file_batch: int,
) -> Shape | None:  # fmt: skip
    """Shape at batch 1 of an input beside the main one; None if a dimension stays open."""
    wanted = given.named.get(item.name)
    declared = item.dimensions
    if wanted is not None:
        return wanted if declared is None or len(declared) == len(wanted) else None
    if declared is None:
        return None
    alike = len(declared) == len(main_shape) and all(
        not isinstance(own, int) or place == 0 or own == new
        for place, (own, new) in enumerate(zip(declared, main_shape, strict=True))
    )
    lengths: list[int] = []
    for place, own in enumerate(declared):
        if isinstance(own, int):
            lengths.append(1 if place == 0 and own == file_batch > 1 else own)
        elif isinstance(own, str) and own in symbols:
            lengths.append(symbols[own])
        elif place == 0:
            lengths.append(main_shape[0] if alike else 1)
        elif alike:
            lengths.append(main_shape[place])
        else:
            return None
    return tuple(lengths)


def _symbols(item: DeclaredInput, shape: Shape) -> tuple[dict[str, int], set[str]]:
    """Named dimensions with their lengths, and the names of the batch."""
    lengths: dict[str, int] = {}
    batches: set[str] = set()
    for place, (own, length) in enumerate(zip(item.dimensions or (), shape, strict=False)):
        if isinstance(own, str) and place == 0:
            batches.add(own)
        elif isinstance(own, str):
            lengths[own] = length
    return lengths, batches


def _open(item: DeclaredInput, inputs: Sequence[DeclaredInput], main: int, shape: Shape) -> str:
    example = []
    for index, other in enumerate(inputs):
        lengths = shape if index == main else tuple(
            size if isinstance(size, int) else 1 for size in other.dimensions or (1,)
        )  # fmt: skip
        if index == main or other.name == item.name:
            example.append(other.name + str(list(lengths)).replace(" ", ""))
    return (
        f"input {item.name} has shape {_shown(item.dimensions)}, which does not follow from that of "
        f"{inputs[main].name}; give both with input: by name (for example input: '{','.join(example)}')"
    )


def _advice(item: DeclaredInput, *, several: bool) -> str:
    """How ``input:`` would be written for this input."""
    rank = 4 if item.dimensions is None else len(item.dimensions)
    if rank == 4:
        layout = image_layout([-1 if size is None else size for size in item.dimensions or ()])
        full = "[1, 736, 1312, 3]" if layout == "NHWC" else "[1, 3, 736, 1312]"
        forms = f"input: 1312x736 or a full shape such as {full}"
    else:
        sizes = [
            size if isinstance(size, int) else (1 if place == 0 else 128)
            for place, size in enumerate(item.dimensions or ())
        ]
        full = str(sizes)
        forms = f"a full shape such as input: {full}"
    named = f", or by name, input: '{item.name}{full.replace(' ', '')}'" if several else ""
    return f"fix it with input: (for example {forms}{named})"


def _shown(dimensions: Sequence[Dimension] | None) -> str:
    return "[...]" if dimensions is None else "[" + ",".join("?" if d is None else str(d) for d in dimensions) + "]"
