from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import RenderableType

from advisor.report.layout import (
    PROSE_WIDTH,
    Column,
    Table,
    aligned,
    bullets,
    facts,
    paragraph,
    plain_text,
    render,
    section,
    styled,
)

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]")
LONG_ID = "mini-pc-" + "-".join(f"part{index:02d}" for index in range(30))
SENTENCE = " ".join(f"word{index}" for index in range(80))


class Stream(io.StringIO):
    """Where a report would go: a terminal or not, of some encoding."""

    def __init__(self, *, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self._terminal = terminal
        type(self).encoding = encoding

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def table(rows: Sequence[Sequence[str]]) -> Table:
    columns = [
        Column("id"),
        Column("maker", optional=2),
        Column("GiB", figures=True),
        Column("USD", figures=True, optional=1),
    ]
    return Table(columns, rows)


def report() -> RenderableType:
    return table([["box", "Acme", "8", "90"]])


def test_a_file_gets_no_escape_sequence_and_the_same_layout_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    text = render(report(), Stream(terminal=False))
    assert "\x1b" not in text
    for name, value in (("COLUMNS", "20"), ("TERM", "dumb"), ("NO_COLOR", "1"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
        assert render(report(), Stream(terminal=False)) == text


def test_force_color_colours_a_pipe_and_leaves_its_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = table([[LONG_ID, "Acme", "8", "90"]])
    plain = render(wide, Stream(terminal=False))
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = render(wide, Stream(terminal=False))
    assert "\x1b[1m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured).split() == plain.split()
    assert LONG_ID in coloured


def test_a_terminal_gets_colour_unless_it_does_not_want_or_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = paragraph(styled("FAIL", "bold red"))
    assert COLOUR.search(render(bad, Stream(terminal=True)))
    monkeypatch.setenv("NO_COLOR", "1")
    without = render(bad, Stream(terminal=True))
    assert "FAIL" in without
    assert not COLOUR.search(without)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert render(bad, Stream(terminal=True)) == "FAIL\n"


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_terminal_is_filled_no_further_than_its_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = render(paragraph(SENTENCE), Stream(terminal=True)).splitlines()
    assert max(map(len, lines)) <= min(width, PROSE_WIDTH)
    assert " ".join(lines) == SENTENCE


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_another_encoding_gets_other_characters_and_no_error(encoding: str) -> None:
    text = render(table([["Süd 摄像头", "Acme", "8", "90"]]), Stream(terminal=False, encoding=encoding))
    text.encode(encoding)
    assert "---" in text
    assert ("Süd ???" if encoding == "latin-1" else "S?d ???") in text


def test_a_file_holds_a_row_per_line_and_whole_words() -> None:
    text = plain_text(table([[LONG_ID, SENTENCE, "8", "90"], ["b", "c", "16", "1,200"]]))
    assert text.count("\n") == 4
    assert LONG_ID in text
    assert SENTENCE in text
    assert LONG_ID in plain_text(facts([("platform", f"buy {LONG_ID} and be glad")]))


def test_figures_are_right_and_text_is_left() -> None:
    assert plain_text(table([["box", "Acme", "8", "90"], ["larger", "B", "16", "1,200"]])).splitlines() == [
        "id      maker  GiB    USD",
        "──────  ─────  ───  ─────",
        "box     Acme     8     90",
        "larger  B       16  1,200",
    ]


def test_a_narrow_terminal_loses_optional_columns_and_is_told_which() -> None:
    rows = [["desktop-with-a-name", "Acme", "8", "90"]]
    assert plain_text(table(rows), 39) == plain_text(table(rows))
    assert plain_text(table(rows), 33).splitlines() == [
        "id                   GiB  USD",
        "───────────────────  ───  ───",
        "desktop-with-a-name    8   90",
        "(not shown for lack of width:",
        "maker)",
    ]
    assert "maker, USD" in plain_text(table(rows), 28)


def test_a_long_id_is_folded_at_its_dashes() -> None:
    lines = plain_text(table([[LONG_ID, "", "8", ""]]), 50).splitlines()[2:]
    cells = [line[:43].strip() for line in lines if not line.startswith("(")]
    assert "".join(cells).startswith(LONG_ID)
    assert all(cell.endswith("-") for cell in cells[:-1])
    assert "".join(line.strip() for line in plain_text(bullets([LONG_ID]), 30).splitlines()) == f"- {LONG_ID}"


def test_a_terminal_too_narrow_for_a_table_gets_records() -> None:
    text = plain_text(table([["desktop-with-a-name", "Acme", "8", "90"]]), 20)
    assert text.split("\n\n")[0].splitlines() == [
        "id     desktop-with-", "       a-name", "maker  Acme", "GiB    8", "USD    90",
    ]  # fmt: skip


def test_wide_characters_take_two_columns() -> None:
    text = plain_text(table([["摄像头-东", "株式会社", "8", "90"], ["plain", "Acme", "16", "1,200"]]))
    heading, _, *rows = text.splitlines()
    end = cell_len(heading)
    assert [cell_len(row) for row in rows] == [end, end]
    narrow = plain_text(paragraph("摄像头" * 30), 21).splitlines()
    assert {cell_len(line) for line in narrow[:-1]} == {20}


cells = st.text(max_size=60)


@example([["", "", "", "a", "bcdefghijklmnopq"]], 24)
@given(
    st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=4)),
    st.integers(24, 120),
)
def test_no_table_is_wider_than_the_terminal_and_no_text_is_lost(rows: list[list[str]], width: int) -> None:
    shown = Table([Column("")] * len(rows[0]), rows)
    text = plain_text(shown, width)
    assert max(map(cell_len, text.splitlines()), default=0) <= width

    def letters(laid_out: str) -> list[str]:
        return sorted("".join(laid_out.replace("─", "").split()))

    assert letters(text) == letters(plain_text(shown))


def test_text_is_shown_as_it_is_and_moves_no_cursor() -> None:
    text = plain_text(table([["[bold]x[/bold] :smile:", "\x1b[31mred\x1b[0m\x07", "8", "90"]]))
    assert "[bold]x[/bold] :smile:" in text
    assert "red\ufffd" in text
    assert "\x1b" not in text


def test_values_of_facts_stand_below_one_another() -> None:
    text = plain_text(facts([("price", "90 USD"), ("evidence", SENTENCE)]))
    first, second, third, *_ = text.splitlines()
    assert first == "  price     90 USD"
    assert second.startswith("  evidence  word0 ")
    assert third.startswith("            word")


def test_intervals_are_aligned_at_their_value() -> None:
    assert [cell.plain for cell in aligned(["9.5 (8-12)", "101 (90-120)", "-"])] == [
        "9.5 (8-12)", "101 (90-120)", "  -",
    ]  # fmt: skip


def test_a_section_without_items_is_left_out() -> None:
    assert section("Warnings", []) == []
    assert plain_text(section("Warnings", ["hot"])[0]) == "\nWarnings\n"
