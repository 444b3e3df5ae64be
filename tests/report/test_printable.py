from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.report.printable import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bx\x1b7y", "xy"),
        ("bell\x07 null\x00 c1\x9b31m", "bell\ufffd null\ufffd c1\ufffd31m"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("Kamera Süd-3 摄像头", "Kamera Süd-3 摄像头"),
    ],
)
def test_escape_sequences_go_and_other_control_characters_are_marked(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_moves_a_cursor(text: str) -> None:
    shown = one_line(text)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in shown)
    assert len(shown.splitlines()) <= 1


def test_one_line_joins_lines_and_blanks() -> None:
    assert one_line("a\r\n  b\tc \u2028 d") == "a b c d"
