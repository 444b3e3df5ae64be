"""A table as people save it: encoding and delimiter are found, each row keeps the line that it began on."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import InputError
from advisor.store.files import reason

LIMIT_BYTES = 64 * 2**20
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class TableRow:
    """Cells by heading as written, white space around them removed."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class TextTable:
    """A file with headings in its first line."""

    name: str
    encoding: str
    delimiter: str
    headings: tuple[str, ...]
    rows: tuple[TableRow, ...]
    torn: tuple[tuple[int, str], ...]
    """Lines that have more cells than headings, each with the reason why it cannot be read."""


def read_bytes(path: Path) -> bytes:
    """Whole file. InputError where it cannot be read, is empty or larger than :data:`LIMIT_BYTES`."""
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file in it")
        with path.open("rb") as stream:
            data = stream.read(LIMIT_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    if not data.strip():
        raise InputError(f"{path}: is empty; was it written completely?")
    if len(data) > LIMIT_BYTES:
        raise InputError(f"{path}: is larger than {LIMIT_BYTES // 2**20} MiB; split it")
    if b"\x00" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: is no text (a spreadsheet?); save it as CSV")
    return data


def decoded(data: bytes, name: str) -> tuple[str, str]:
    """Text of a file and the encoding that it was found in.

    UTF-8 and UTF-16 are told by the bytes themselves; what is neither is guessed by charset-normalizer.

    Raises
    ------
    InputError
        In no encoding is it text.
    """
    for encoding, mark in (("utf-8-sig", b""), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff")):
        if data.startswith(mark):
            try:
                return data.decode(encoding), "utf-8" if encoding == "utf-8-sig" else encoding
            except UnicodeDecodeError:
                continue
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=["cp1252", "cp1250", "cp1251", "iso8859_15", "shift_jis", "gb18030"]).best()
    if best is None:
        raise InputError(f"{name}: its encoding is not known; save it as UTF-8")
    return str(best), best.encoding


def read_table(data: bytes, name: str) -> TextTable:
    """Read a table with headings. InputError where there are none, or one twice."""
    text, encoding = decoded(data, name)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = _delimiter(first)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=delimiter == ",")
    headings: tuple[str, ...] | None = None
    rows: list[TableRow] = []
    torn: list[tuple[int, str]] = []
    before = 0
    try:
        for cells in reader:
            line, before = before + 1, reader.line_num
            cleaned = [cell.strip() for cell in cells]
            if not any(cleaned):
                continue
            if headings is None:
                headings = _headings(cleaned, name)
            elif any(cleaned[len(headings) :]):
                torn.append(
                    (
                        line,
                        f"has {len(cleaned)} cells for {len(headings)} headings: quote a cell with {delimiter!r}",
                    )
                )
            else:
                rows.append(TableRow(line, dict(zip(headings, [*cleaned, *[""] * len(headings)], strict=False))))
    except csv.Error as error:
        raise InputError(f"{name}, line {reader.line_num}: {error}; mend the quotes around that cell") from error
    if headings is None:
        raise InputError(f"{name}: is empty; was it written completely?")
    return TextTable(name, encoding, delimiter, headings, tuple(rows), tuple(torn))


def _delimiter(heading_line: str) -> str:
    outside = "".join(part for index, part in enumerate(heading_line.split('"')) if index % 2 == 0)
    counts = {delimiter: outside.count(delimiter) for delimiter in DELIMITERS}
    return max(DELIMITERS, key=lambda delimiter: counts[delimiter])


def _headings(cells: list[str], name: str) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    folded = [cell.casefold() for cell in cells if cell]
    twice = sorted({cell for cell in folded if folded.count(cell) > 1})
    if twice:
        raise InputError(f"{name}, line 1: heading {twice[0]!r} stands there twice; rename one")
    return tuple(cells)
