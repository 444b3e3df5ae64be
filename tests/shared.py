"""What takes long to make is made by one worker of pytest-xdist and read by all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Folder ``name`` of this run of the tests as ``make`` filled it, in whichever worker asked first.

    The others wait for it. It belongs to all of them: a test that writes takes a copy. Where ``make`` fails, each
    worker that asks tries again, so that each shows the error.
    """
    own = factory.getbasetemp()
    # Each worker's folder lies in that of the run (pytest-xdist, "Making session-scoped fixtures execute only once").
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, made = run / f"shared-{name}", run / f"shared-{name}.made"
    with (run / f"shared-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
