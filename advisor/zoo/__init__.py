"""Reference architectures, stand-ins and random networks: names in, ONNX files with seeded weights out.

``list_models`` and ``info`` only describe; ``build`` writes a file, once per directory.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.errors import ModelError, nearest
from advisor.records.model import ModelFile, ModelInfo

if TYPE_CHECKING:
    from .builder import Net

VERSION = 4
"""Counts up whenever a graph or its weights change, so that a file of an older sizer is built again."""
PREFIX = "like:"
RANDOM_PREFIX = "random:"
RANDOM_COUNT = 140
"""Random networks are ``random:0`` to one below this; they are not listed."""


def known_names() -> tuple[str, ...]:
    """Names of all architectures, then ``like:`` names of all stand-ins that can be built, each in order."""
    from .families import ARCHITECTURES
    from .published import published, refused

    rows = [f"{PREFIX}{name}" for name, row in published().items() if refused(row) is None]
    return (*sorted(ARCHITECTURES), *sorted(rows))


def canonical(name: str) -> str:
    """Return the name in its one spelling: lower case, with dashes (``ResNet50`` is ``resnet-50``, ``yolov5s`` is
    ``yolo-small``).

    Raises
    ------
    ModelError
        No model is called so, or a stand-in of this name is refused; the message has the nearest names.
    """
    from .families import ALIASES, ARCHITECTURES
    from .published import published, refused

    lowered = name.strip().lower()
    if lowered.startswith(RANDOM_PREFIX):
        return _random_name(name, lowered)
    if lowered.startswith(PREFIX):
        rows = {row.lower(): row for row in published()}
        found = rows.get(lowered.removeprefix(PREFIX).strip())
        if found is None:
            close = nearest(lowered, [PREFIX + row for row in rows], 2)
            raise ModelError(f"model {name}: no published figures under this name{close or '; see sizer models list'}")
        reason = refused(published()[found])
        if reason is not None:
            raise ModelError(f"model {name}: {reason}; export the real model and name its file")
        return PREFIX + found
    squeezed = {_squeeze(known): known for known in ARCHITECTURES}
    squeezed |= {_squeeze(other): known for other, known in ALIASES.items()}
    found = squeezed.get(_squeeze(lowered))
    if found is None:
        close = nearest(lowered, [*ARCHITECTURES, *ALIASES, *(PREFIX + row for row in published())], 2)
        raise ModelError(f"model {name}: no architecture of this name{close or '; see sizer models list'}")
    return found


def _random_name(name: str, lowered: str) -> str:
    number = lowered.removeprefix(RANDOM_PREFIX).strip()
    if not (number.isascii() and number.isdigit() and int(number) < RANDOM_COUNT):
        raise ModelError(f"model {name}: random networks are random:0 to random:{RANDOM_COUNT - 1}")
    return f"{RANDOM_PREFIX}{int(number)}"


def _squeeze(name: str) -> str:
    return name.replace("-", "").replace("_", "").replace(" ", "")


@lru_cache(maxsize=1)
def list_models() -> tuple[ModelInfo, ...]:
    """Describe every architecture (counted figures) and every stand-in (published figures); nothing is built."""
    return tuple(info(name) for name in known_names())


@lru_cache(maxsize=1024)
def info(name: str) -> ModelInfo:
    """Describe one model.

    Raises
    ------
    ModelError
        No model is called so, or its stand-in is refused.
    """
    from .families import ALIASES, ARCHITECTURES
    from .fidelity import differs, remark
    from .published import published
    from .rules import same_graph, template_for

    name = canonical(name)
    if name.startswith(RANDOM_PREFIX):
        drawn = describe(name)
        return ModelInfo(
            name=name, family="random", input_shape=drawn.input_shape, gflops=round(drawn.gflops, 6),
            mparams=round(drawn.mparams, 6), kind="architecture", token_limit=drawn.integer_below,
            notes="drawn at random to teach what kernels cost; it computes nothing of use",
        )  # fmt: skip
    if name.startswith(PREFIX):
        row = published()[name.removeprefix(PREFIX)]
        same = same_graph(row)
        like = ARCHITECTURES[same] if same is not None else template_for(row)
        notes = [row.note, None if same is not None else remark(row.name)]
        return ModelInfo(
            name=name, family=like.family, input_shape=row.input_shape, gflops=row.gflops, mparams=row.mparams,
            kind="stand-in", task=row.task or like.task, output_layout=like.output_layout, source=row.source,
            notes="; ".join(note for note in notes if note is not None) or None, token_limit=like.token_limit,
            stand_in_ratio=None if same is not None else differs(row.name),
        )  # fmt: skip
    known = ARCHITECTURES[name]
    net = known.describe()
    also = [other for other, meant in ALIASES.items() if meant == name]
    return ModelInfo(
        name=name, family=known.family, input_shape=net.input_shape, gflops=round(net.gflops, 6),
        mparams=round(net.mparams, 6), kind="architecture", task=known.task, output_layout=known.output_layout,
        source=f"published {known.gflops:g} GFLOPs, {known.mparams:g} million parameters: {known.source}",
        notes=f"also called {', '.join(also)}" if also else None, token_limit=known.token_limit,
    )  # fmt: skip


def describe(name: str) -> Net:
    """Return the graph of a model, which counts itself, without writing it.

    Raises
    ------
    ModelError
        No model is called so, or no stand-in meets its published figures.
    """
    from .families import ARCHITECTURES
    from .standin import stand_in

    name = canonical(name)
    if name.startswith(RANDOM_PREFIX):
        from .random_nets import random_net

        return random_net(int(name.removeprefix(RANDOM_PREFIX)))
    if name.startswith(PREFIX):
        return stand_in(name.removeprefix(PREFIX)).describe()
    return ARCHITECTURES[name].describe()


def build(name: str, directory: Path) -> ModelFile:
    """Write a model as ONNX into ``directory``, or return the file that is already there.

    The file is written under a temporary name and renamed; its SHA-256 is kept in a JSON file next to it and is the
    same on every machine.

    Raises
    ------
    ModelError
        The name is unknown or refused, the model is too large for one file, or ``directory`` cannot be written.
    """
    from .cache import cached_file

    row = info(canonical(name))
    path, sha256 = cached_file(row.name, directory, VERSION, describe)
    return ModelFile(
        reference=name, name=row.name, family=row.family, kind=row.kind, path=str(path), sha256=sha256,
        input_shape=row.input_shape, output_layout=row.output_layout, token_limit=row.token_limit,
        stand_in_ratio=row.stand_in_ratio,
    )  # fmt: skip
