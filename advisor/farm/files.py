"""The user's own files on their way to boxes: found, hashed, cut into parts. Each is sent once, known by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import InputError, ModelError
from advisor.store.files import reason

from .connection import Call

PART_BYTES = 4 << 20
"""Of one message: nothing else waits for it long, and no machine holds a whole large model in memory."""


@dataclass(frozen=True)
class SentFile:
    """A file of the desk under the name that it has on the box, relative and with slashes."""

    name: str
    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class SentModel:
    """Files that belong to one model reference, and the one to open."""

    open: str
    files: tuple[SentFile, ...]

    def data(self) -> dict[str, object]:
        """As :func:`advisor.farm.work.list_cells` takes it."""
        return {"open": self.open, "files": {file.name: file.sha256 for file in self.files}}


def sent_models(references: Iterable[str]) -> dict[str, SentModel]:
    """Models that are files here; names of architectures are left out, as boxes build those themselves.

    Raises
    ------
    ModelError
        A file is missing, cannot be read, or has weights outside of its folder.
    """
    from advisor.workflows.models import looks_like_file

    return {reference: sent_model(Path(reference)) for reference in references if looks_like_file(reference)}


def sent_model(path: Path) -> SentModel:
    """One model with what belongs to it: external weights of ONNX, the ``.bin`` of OpenVINO's IR."""
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; give a path, an architecture's name, or like:NAME")
    beside = _beside(path)
    for file in beside:
        if not file.is_file():
            raise ModelError(f"{path}: its weights {file} are missing; put them beside it")
    try:
        files = tuple(_hashed(file.relative_to(path.parent).as_posix(), file) for file in (path, *beside))
    except ValueError as error:
        raise ModelError(f"{path}: has weights outside of its folder; put them beside it ({error})") from error
    return SentModel(path.name, files)


def _beside(path: Path) -> tuple[Path, ...]:
    if path.suffix.lower() == ".xml":
        return (path.with_suffix(".bin"),)
    if path.suffix.lower() == ".onnx":
        from advisor.graph.onnx_parts import weight_files

        return weight_files(path)
    return ()


def _hashed(name: str, path: Path) -> SentFile:
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return SentFile(name, path, sha256, path.stat().st_size)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error


def parts(file: SentFile) -> Iterator[Call]:
    """Calls that bring a file to a box; it is read as they are made."""
    offset = 0
    with file.path.open("rb") as stream:
        while True:
            data = stream.read(PART_BYTES)
            offset += len(data)
            last = offset >= file.size_bytes or not data
            payload = {"sha256": file.sha256, "offset": offset - len(data), "data": data, "last": last}
            yield Call("store_part", f"receives {file.path.name}", payload)
            if last:
                return
