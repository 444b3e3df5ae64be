"""Wait for what another thread or process does, without a deadline that a busy machine could miss."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], what: str, limit_s: float = 60.0) -> None:
    """Return once ``condition()`` is true; fail with ``what`` was waited for after ``limit_s``."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {limit_s:g} s in vain: {what}")
        time.sleep(0.005)
