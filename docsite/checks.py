"""What a page must not get wrong: paths, names, command lines, and the four sections of a method."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

METHOD_SECTIONS = ("Formula", "Source", "Valid for", "Evidence")

_PATH = re.compile(r"`((?:advisor|benchmarks|docs|docsite|profiles|scenarios|tests)/[\w./-]*)`(?: `(\w+)`)?")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(sizer(?: [^`]+)?)`")
_DATED = re.compile(r"\b20\d\d-\d\d\b|^None\b|^See |`tests/|not recorded", re.MULTILINE)


def broken_paths(text: str, root: Path) -> Iterator[str]:
    """Files and folders that a page names and the repository lacks; names that a named file does not contain."""
    for path, name in _PATH.findall(text):
        if not (root / path).exists():
            yield f"`{path}` does not exist"
        elif name and (root / path).is_file() and not re.search(rf"\b{name}\b", (root / path).read_text("utf-8")):
            yield f"`{path}` does not contain `{name}`"


def command_lines(text: str) -> Iterator[str]:
    """Command lines of sizer that a page shows, in shell blocks and in running text."""
    for language, block in _FENCE.findall(text):
        if language in ("sh", "bash", "console"):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.removeprefix("$ ").removeprefix(".venv/bin/")
                if command.startswith("sizer "):
                    yield command
    yield from _INLINE.findall(_FENCE.sub("", text))


def method_faults(text: str) -> Iterator[str]:
    """Quantities of a page of methods that lack one of the four sections, or whose evidence has no date."""
    for quantity in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, *sections = re.split(r"^### ", quantity, flags=re.MULTILINE)
        title = title.strip()
        names = tuple(section.splitlines()[0].strip() for section in sections)
        if names != METHOD_SECTIONS:
            yield f"{title!r} has the sections {', '.join(names)}; expected {', '.join(METHOD_SECTIONS)}"
            continue
        bodies = [section.partition("\n")[2].strip() for section in sections]
        for name, body in zip(names, bodies, strict=True):
            if not body:
                yield f"{title!r}: {name} is empty"
        if bodies[-1] and not _DATED.search(bodies[-1]):
            yield f"{title!r}: evidence without a date (YYYY-MM) or a reference"


def repeated_terms(text: str) -> Iterator[str]:
    """Terms that a glossary defines twice: the first cells of its five-column tables."""
    seen: set[str] = set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and cells[0] not in ("term", "---"):
            if cells[0] in seen:
                yield f"{cells[0]!r} is defined twice"
            seen.add(cells[0])
