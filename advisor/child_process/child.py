"""The child's half: messages to the parent on what was stdout, and an end that no death of the parent can prevent."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


class Messages:
    """Takes over stdout for messages; whatever libraries print from then on goes to stderr. Safe from any thread."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one JSON line; it is with the parent when this returns.

        Raises
        ------
        ValueError
            The message holds NaN or an infinity.
        BrokenPipeError
            The parent is gone.
        """
        line = json.dumps(message, separators=(",", ":"), allow_nan=False)
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


def die_with_parent(parent_pid: int) -> None:
    """Arrange that no signal to the parent, not even SIGKILL, leaves this process behind.

    The kernel kills us when the parent's thread ends (Linux). Elsewhere, and for the moment before the call, the child
    must watch for the end of its stdin.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)
