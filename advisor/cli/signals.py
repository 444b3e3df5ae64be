"""Termination from outside: Ctrl-C, a service manager, a terminal that closes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM (services, containers) and SIGHUP (a lost connection) end a command as Ctrl-C does.

    An ignored SIGHUP stays ignored, as ``nohup`` wants it.
    """
    if threading.current_thread() is not threading.main_thread():  # Python sets handlers there alone
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, stop)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
