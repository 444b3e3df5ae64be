"""How reports are laid out: paragraphs, facts, bullet lists and tables, rendered with rich for a terminal or a file.

On a terminal lines are folded to its width and coloured where it can show colour (``NO_COLOR`` and ``TERM=dumb`` are
respected). In a file or a pipe the layout depends on the report alone: prose is wrapped at a fixed width, a row of a
table is one line, and no word is broken, so that ``grep`` and ``awk`` find whole ids and rows.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from .printable import one_line

Cells = Sequence[str | Text]
"""A row of a table."""
PROSE_WIDTH = 100
"""Longest line of prose [columns]; wider terminals leave the rest empty, since long lines are hard to read."""
GOOD, BAD, UNSURE, SOFT = "green", "bold red", "yellow", "dim"
"""Styles of results, and of what is read last."""
_UNBOUNDED = 1 << 20
"""Width of a file [columns]."""
_GAP = 2
_LEAST_TEXT_WIDTH = 16
"""Columns of text are folded no narrower than this [columns]; a table that needs less room is shown as records."""
_COMMAND = re.compile(r"`[^`]+`")
_PART_OF_ID = re.compile(r"[^-/_:]*[-/_:]*")


def render(report: RenderableType, stream: TextIO) -> str:
    """Lay out a report for the stream that it will be written to; characters that its encoding lacks become ``?``."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    terminal = stream.isatty()
    # Not on a terminal, force_terminal is left to rich, which honours FORCE_COLOR.
    text = _render(report, _console(encoding, None if terminal else _UNBOUNDED, terminal=terminal or None))
    return text.encode(encoding, "replace").decode(encoding)


def plain_text(report: RenderableType, width: int | None = None) -> str:
    """Lay out a report without colour, as for a file, or as for a terminal of ``width`` columns."""
    return _render(report, _console("utf-8", _UNBOUNDED if width is None else width, terminal=False))


def _console(encoding: str, width: int | None, *, terminal: bool | None) -> Console:
    class Buffer(io.StringIO):
        """Collects the text; rich draws lines in ASCII where the encoding says so."""

    Buffer.encoding = encoding
    return Console(
        file=Buffer(), width=width, force_terminal=terminal, force_jupyter=False, legacy_windows=False,
        markup=False, emoji=False, highlight=False,
    )  # fmt: skip


def _render(report: RenderableType, console: Console) -> str:
    console.print(report, crop=False)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return "".join(f"{line.rstrip(' ')}\n" for line in text.removesuffix("\n").split("\n"))


def styled(text: str | Text, style: str) -> Text:
    """One line of text in a style, which is lost where there is no colour."""
    line = text.copy() if isinstance(text, Text) else Text(one_line(text))
    line.stylize(style)
    return line


def aligned(intervals: Sequence[str]) -> list[Text]:
    """Cells such as ``9.5 (8-12)`` of one column, with the last digits of the values before the blanks in line."""
    width = max((len(text.split(" ")[0]) for text in intervals), default=0)
    return [Text(" " * (width - len(text.split(" ")[0])) + text) for text in intervals]


def paragraph(text: str | Text, indent: int = 0) -> RenderableType:
    """Text wrapped at words."""
    return _Hanging(Text(" " * indent), _body(text))


def heading(title: str) -> RenderableType:
    """Title of a section, after an empty line."""
    return Group(Text(""), styled(title, "bold"))


def bullets(items: Iterable[str | Text]) -> RenderableType:
    """One paragraph per item, each after a dash."""
    return Group(*[_Hanging(Text("  - "), _body(item)) for item in items])


def section(title: str, items: Sequence[str]) -> list[RenderableType]:
    """Heading and bullet list; nothing where there are no items."""
    return [heading(title), bullets(items)] if items else []


def facts(rows: Sequence[tuple[str, str | Text]], indent: int = 2) -> RenderableType:
    """Name and value in each row, the values below one another."""
    width = max((cell_len(name) for name, _ in rows), default=0)
    lines = []
    for name, value in rows:
        lead = Text(" " * indent).append(one_line(name), SOFT).append(" " * (width - cell_len(name) + _GAP))
        lines.append(_Hanging(lead, _body(value)))
    return Group(*lines)


def _body(text: str | Text) -> Text:
    """Text of a paragraph, with what is between backticks styled as a command."""
    body = text if isinstance(text, Text) else Text(one_line(text))
    body.highlight_regex(_COMMAND, "cyan")
    return body


class _Hanging:
    """A text of which the first line follows a lead and the others are indented as far."""

    def __init__(self, lead: Text, body: Text) -> None:
        self._lead, self._body = lead, body

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        indent = self._lead.cell_len
        longest_word = max(map(cell_len, self._body.plain.split()), default=0)
        width = max(1, min(options.max_width - indent, max(PROSE_WIDTH - indent, longest_word)))
        lead = self._lead
        for line in _breakable(self._body, width).wrap(console, width, overflow="fold") or [Text("")]:
            yield lead + line
            lead = Text(" " * indent)


def _breakable(text: Text, width: int) -> Text:
    """Break words that are longer than ``width`` [columns] at their dashes, slashes, colons and underscores."""
    breaks: list[int] = []
    for word in re.finditer(r"\S+", text.plain):
        if cell_len(word[0]) <= width:
            continue
        used = 0
        for part in _PART_OF_ID.finditer(word[0]):
            if used > 0 and used + cell_len(part[0]) > width:
                breaks.append(word.start() + part.start())
                used = 0
            used += cell_len(part[0])
    return Text("\n").join(text.divide(breaks)) if breaks else text


@dataclass(frozen=True)
class Column:
    """Heading and kind of a table's column."""

    title: str
    figures: bool = False
    """Aligned to the right, and never folded."""
    optional: int = 0
    """Where a terminal is too narrow for the table, the column of the largest number is left out first; 0: never."""
    whole: bool = False
    """Never folded, so that what is shown can be copied."""


class Table:
    """Rows under headings, or, on a terminal that is too narrow even for folded text, one line per cell."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Cells], indent: int = 0) -> None:
        self._columns = tuple(columns)
        self._rows = [[cell if isinstance(cell, Text) else Text(one_line(cell)) for cell in row] for row in rows]
        self._indent = indent
        self._natural = [  # at least 1: rich makes columns of no width one wide, and then cuts others to make room
            max([1, cell_len(column.title), *(row[index].cell_len for row in self._rows)])
            for index, column in enumerate(self._columns)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - self._indent
        shown = self._shown(room)
        widths = self._widths(shown, room)
        if widths is None:
            yield self._records()
            return
        table = RichTable.grid(padding=0)  # gaps are columns: versions of rich differ in padding the last column
        for index, width in zip(shown, widths, strict=True):
            if table.columns:
                table.add_column(width=_GAP)
            justify: Literal["left", "right"] = "right" if self._columns[index].figures else "left"
            table.add_column(width=width, justify=justify, overflow="fold")
        lines = [
            [Text(self._columns[index].title, "bold") for index in shown],
            _rules(widths, "-" if options.ascii_only else "─"),
            *[
                [_breakable(row[index], width) for index, width in zip(shown, widths, strict=True)]
                for row in self._rows
            ],
        ]
        for cells in lines:
            table.add_row(*[part for cell in cells for part in (Text(""), cell)][1:])
        yield Padding(table, (0, 0, 0, self._indent), expand=False)
        hidden = [column.title for index, column in enumerate(self._columns) if index not in shown]
        if hidden:
            yield paragraph(styled(f"(not shown for lack of width: {', '.join(hidden)})", SOFT), self._indent)

    def _shown(self, room: int) -> list[int]:
        """Columns that are shown: optional ones are given up until the others fit."""
        shown = list(range(len(self._columns)))
        optional = [index for index in shown if self._columns[index].optional > 0]
        for index in sorted(optional, key=lambda index: -self._columns[index].optional):
            if self._total(self._natural[i] for i in shown) <= room:
                break
            shown.remove(index)
        return shown

    def _widths(self, shown: Sequence[int], room: int) -> list[int] | None:
        """Width of each column that is shown, the widest texts folded until all fit; None if that is not enough."""
        widths = {index: self._natural[index] for index in shown}
        texts = [index for index in shown if not (self._columns[index].figures or self._columns[index].whole)]
        while self._total(widths.values()) > room:
            widest = max(texts, key=lambda index: widths[index], default=None)
            if widest is None or widths[widest] <= _LEAST_TEXT_WIDTH:
                return None
            widths[widest] -= 1
        return [widths[index] for index in shown]

    @staticmethod
    def _total(widths: Iterable[int]) -> int:
        """Width of a table with its gaps."""
        known = list(widths)
        return sum(known) + _GAP * (len(known) - 1)

    def _records(self) -> RenderableType:
        titles = [column.title for column in self._columns]
        return Group(*[
            part
            for row in self._rows
            for part in (facts(list(zip(titles, row, strict=True)), self._indent), Text(""))
        ])  # fmt: skip


def _rules(widths: Sequence[int], line: str) -> list[Text]:
    """Lines below the headings; that of the last column ends with the prose, since its cells may be very long."""
    rest = PROSE_WIDTH - sum(widths[:-1]) - _GAP * len(widths[:-1])
    return [Text(line * width, SOFT) for width in (*widths[:-1], min(widths[-1], max(rest, _LEAST_TEXT_WIDTH)))]
