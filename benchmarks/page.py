"""Sections of a page between markers: ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` on lines of their own."""

from __future__ import annotations

import os
import re
from pathlib import Path

from advisor.errors import InputError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"
_MARKER = re.compile(r"^<!-- (begin|end) ([a-z0-9-]+) -->$", re.MULTILINE)


def names(text: str) -> list[str]:
    """Sections of a page in their order.

    Raises
    ------
    InputError
        A marker lacks its other half, is repeated, or is inside another section.
    """
    found: list[str] = []
    inside: str | None = None
    for kind, name in _MARKER.findall(text):
        if kind == "begin":
            if inside is not None:
                raise InputError(f"section {name} begins inside section {inside}; end that one first")
            if name in found:
                raise InputError(f"section {name} stands twice; keep one")
            inside = name
            found.append(name)
        else:
            if inside != name:
                raise InputError(f"section {name} ends without having begun; add <!-- begin {name} --> before it")
            inside = None
    if inside is not None:
        raise InputError(f"section {inside} has no end; add <!-- end {inside} --> after it")
    return found


def body(text: str, name: str) -> str:
    """Text of one section without the lines of its markers."""
    start, end = _bounds(text, name)
    return text[start:end].strip("\n")


def replaced(text: str, name: str, new: str) -> str:
    """Return the page with another text in one section; every character outside stays.

    Raises
    ------
    InputError
        The page has no such section, or the new text holds a marker itself.
    """
    if _MARKER.search(new):
        raise InputError(f"new text of section {name} holds a marker; take it out")
    start, end = _bounds(text, name)
    return text[:start] + new.strip("\n") + "\n" + text[end:]


def write_section(path: Path, name: str, new: str) -> None:
    """Put a section into a file: read now, so that what others wrote meanwhile is kept; written aside, then renamed."""
    text = replaced(path.read_text(encoding="utf-8"), name, new)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _bounds(text: str, name: str) -> tuple[int, int]:
    known = names(text)
    if name not in known:
        raise InputError(f"the page has no section {name}; it has: {', '.join(known) or 'none'}")
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    start = text.index(begin) + len(begin)
    return start, text.index(end, start)
