"""Reading of the CSV tables of measured rows that constants are fitted on."""

from __future__ import annotations

import csv
from collections.abc import Collection
from pathlib import Path

from advisor.errors import CatalogueError


def read_table(path: Path, command: str, needed: Collection[str]) -> list[dict[str, str]]:
    """Read a table with one heading line; cells stay text.

    Parameters
    ----------
    path : Path
        The file.
    command : str
        What measures the rows anew.
    needed : collection of str
        Headings that it must have.

    Raises
    ------
    CatalogueError
        The file is missing, empty or lacks a column; the message names ``command``.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read ({error.strerror}); run `{command}`") from error
    missing = sorted(set(needed) - set(rows[0] if rows else ()))
    if missing:
        raise CatalogueError(f"{path}: column {missing[0]!r} is missing; run `{command}`")
    return rows
