"""What a file of PyTorch is, told by the names in its archive; nothing in it is loaded or executed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Literal

ENDINGS = frozenset({".pt", ".pth", ".pt2"})
_CODE, _CONSTANTS = "/code/", "/constants.pkl"
_EXPORTED = ("/models/model.json", "serialized_exported_program.json")


def archive_kind(path: Path) -> Literal["torchscript", "exported", "pickle", "unknown"]:
    """Return what ``torch`` saved: a TorchScript model, an exported program, or pickled objects or weights.

    ``unknown``: no file, or none of PyTorch's archives. Files from before PyTorch 1.6 are plain pickles, whatever they
    hold.
    """
    try:
        with path.open("rb") as file:
            head = file.read(2)
        if head == b"\x80\x02":  # protocol 2 of pickle, in which PyTorch wrote before its archives
            return "pickle"
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return "unknown"
    if any(name.endswith(_EXPORTED) for name in names):
        return "exported"
    if any(_CODE in name for name in names) and any(name.endswith(_CONSTANTS) for name in names):
        return "torchscript"
    return "pickle" if any(name.endswith("data.pkl") for name in names) else "unknown"
