"""Inside of a worker that takes turns with others: wait until the parent says that it is this one's turn."""

from __future__ import annotations

import threading

_turns = threading.Semaphore(0)


def grant() -> None:
    """Let the next turn begin; called by the thread that reads from the parent."""
    _turns.release()


def await_turn() -> None:
    """Sleep until the parent grants a turn."""
    _turns.acquire()
