"""Reading of fitted constants: one JSON record per file, made by a command that its reader can name."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from advisor.errors import CatalogueError
from advisor.records.base import Record

RecordT = TypeVar("RecordT", bound=Record)


def read_calibration(record: type[RecordT], path: Path, command: str) -> RecordT:
    """Read one file of fitted constants.

    Parameters
    ----------
    record : type
        What the file holds.
    path : Path
        The file.
    command : str
        What the user types to make it again.

    Raises
    ------
    CatalogueError
        The file is missing, damaged or of another version; the message names ``command``.
    """
    try:
        return record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise CatalogueError(f"{path}: cannot be read ({first}); make it again with `{command}`") from error
