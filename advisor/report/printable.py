"""Text from files, models and worker processes, made safe to print on a terminal."""

from __future__ import annotations

import re

from advisor.addresses import hidden

# ECMA-48: control sequences (CSI), operating system commands (OSC, ended by BEL or ST) and two-character escapes.
_ESCAPE_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Remove terminal escape sequences and replace every other control character except tab and newline by U+FFFD.

    The name of a model or the stderr of a worker must neither colour a log file nor move a terminal's cursor.
    """
    return _CONTROL.sub("\ufffd", _ESCAPE_SEQUENCE.sub("", text))


def one_line(text: str) -> str:
    """Return :func:`printable` text with each run of blanks as one blank and secrets of addresses hidden."""
    return " ".join(hidden(printable(text.replace("\r", "\n"))).split())
