"""Console script: what Ctrl-C does while the command line itself is still loading.

Loading takes some 0.2 s, in which nothing is under way yet: no measurement, no file. Whatever is loaded by a command
itself is loaded under :func:`advisor.cli.main.run`, which ends in order.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from . import INTERRUPTED


def main() -> None:
    """Load the command line, then run it."""
    # What is ignored, as by `nohup`, stays ignored.
    watched = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if watched:
        # Not an exception: classes and C extensions that are being made turn it into errors of their own.
        signal.signal(signal.SIGINT, _end)
    from advisor.cli.main import main as command_line

    if watched:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command_line()
    except KeyboardInterrupt:  # in the moments before and after run()
        _end(signal.SIGINT, None)


def _end(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"sizer: interrupted\n")
    os._exit(INTERRUPTED)
