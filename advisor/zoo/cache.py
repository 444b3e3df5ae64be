"""Built models on disk: written under a temporary name, renamed, with their SHA-256 next to them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from advisor.errors import ModelError

from .builder import Net

SCHEMA = "sizer.model-file/1"


def cached_file(name: str, directory: Path, version: int, describe: Callable[[str], Net]) -> tuple[Path, str]:
    """Return path and SHA-256 of the ONNX file of ``name``, writing it where it is absent or of another version.

    A file whose size departs from what its sidecar says (cut off by a full disk, say) is written again.

    Raises
    ------
    ModelError
        The directory cannot be written, or the model cannot be.
    """
    stem = f"{name.replace(':', '-')}-v{version}"
    path, sidecar = directory / f"{stem}.onnx", directory / f"{stem}.json"
    known = _read_sidecar(sidecar)
    if known is not None and path.is_file() and path.stat().st_size == known[1]:
        return path, known[0]
    from .onnx_file import serialise

    data = serialise(describe(name))
    sha256 = hashlib.sha256(data).hexdigest()
    note = {"schema": SCHEMA, "model": name, "version": version, "sha256": sha256, "bytes": len(data)}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
        _replace(sidecar, json.dumps(note, indent=2).encode() + b"\n")
    except OSError as error:
        raise ModelError(
            f"model {name}: {directory} cannot be written ({error.strerror}); "
            "make room, or set SIZER_CACHE to another folder"
        ) from error
    return path, sha256


def _read_sidecar(path: Path) -> tuple[str, int] | None:
    """SHA-256 and size; None if the sidecar is absent or was not written by sizer, so that the model is built again."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict) or note.get("schema") != SCHEMA:
        return None
    sha256, size = note.get("sha256"), note.get("bytes")
    return (sha256, size) if isinstance(sha256, str) and isinstance(size, int) else None


def _replace(path: Path, data: bytes) -> None:
    """Write aside, then rename: a reader sees the old file or the whole new one."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
