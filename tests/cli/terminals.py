"""Runs a Python program in a pseudo-terminal, as a user would see it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LIMIT_S = 60.0
_DECIDES_ON_COLOUR = {"NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"}


@dataclass(frozen=True)
class Session:
    """What a program wrote to its terminal, and how it ended."""

    written: str
    exit_code: int
    """Negative: the signal that ended it."""

    @property
    def lines(self) -> list[str]:
        """Every line as it was shown at some time, without escape sequences."""
        return [line for line in re.split(r"[\r\n]+", ESCAPES.sub("", self.written)) if line]

    @property
    def left(self) -> str:
        """What stands on the screen in the end: everything after the last live line was erased."""
        return ESCAPES.sub("", self.written.rpartition("\x1b[2K")[2])


def in_terminal(
    program: str,
    columns: int = 80,
    environment: Mapping[str, str] | None = None,
    interrupt_at: str | None = None,
    with_signal: signal.Signals = signal.SIGINT,
) -> Session:
    """Run a program; once it has written ``interrupt_at``, send it a signal."""
    kept = {name: value for name, value in os.environ.items() if name not in _DECIDES_ON_COLOUR}
    # Not pty.fork(): Python 3.12 warns of a fork where threads run, and libraries of this process have started some.
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
        env={**kept, "TERM": "xterm-256color", **(environment or {})},
    )  # fmt: skip
    os.close(inside)
    written, until_s = b"", time.monotonic() + _LIMIT_S
    waiting = interrupt_at
    while time.monotonic() < until_s:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            chunk = os.read(terminal, 1 << 16)
        except OSError:  # the program has closed its end
            break
        if not chunk:
            break
        written += chunk
        if waiting is not None and waiting.encode() in written:
            process.send_signal(with_signal)
            waiting = None
    else:
        process.kill()
    exit_code = process.wait()
    os.close(terminal)
    return Session(written.decode(), exit_code)
