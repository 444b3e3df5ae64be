"""The worker of a box: keeps one process connected to the scheduler, and starts the next when its connection ends."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from advisor.child_process.parent import ChildProcess
from advisor.errors import InputError, SizerError
from advisor.store.files import reason
from advisor.store.paths import data_dir

from .credentials import Credentials

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0


@dataclass(frozen=True)
class BoxRequest:
    """Options of ``sizer farm worker``."""

    scheduler: str
    name: str
    credentials: Credentials


def run_box(request: BoxRequest, say: Callable[[str], None]) -> None:
    """Serve until the process is interrupted; a scheduler that is away is waited for.

    Raises
    ------
    InputError
        The scheduler refuses this box (token, certificate, version), or another worker runs here; one line.
    """
    with _alone(), tempfile.TemporaryDirectory(prefix="sizer-farm-") as scratch:
        setup = _setup(request, scratch)
        pause_s, told = FIRST_PAUSE_S, ""
        while True:
            registered, ending = _serve_once(setup, request.name, say)
            if registered:
                pause_s, told = FIRST_PAUSE_S, ""
            if ending != told:  # the same reason every few seconds is no news
                say(f"{ending}; trying again until Ctrl-C")
                told = ending
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _setup(request: BoxRequest, scratch: str) -> str:
    credentials = request.credentials
    files = {"ca": credentials.ca, "cert": credentials.cert, "key": credentials.key}
    return json.dumps(
        {
            **{name: None if path is None else str(path.absolute()) for name, path in files.items()},
            "token": credentials.token,
            "scheduler": request.scheduler,
            "name": request.name,
            "scratch": scratch,
        }
    )


def _serve_once(setup: str, name: str, say: Callable[[str], None]) -> tuple[bool, str]:
    """One connection from its beginning to its end: whether the scheduler took the box, and how it ended."""
    registered, ending = False, ""
    with ChildProcess("advisor.farm.box_process", (str(os.getpid()),)) as child:
        child.send_line(setup)
        while True:
            # Never blocks for good, so that Ctrl-C is seen at once on every platform.
            if not child.wait(3600.0):
                continue
            events = child.receive()
            if events is None:
                break
            for event in events:
                if "registered" in event:
                    registered = True
                ending = _told(event, name, say) or ending
        if not ending:
            ending = "the scheduler has gone" if registered else f"the box's process {child.exit_reason()}"
        tail = child.stderr_tail()
    if not registered and tail and ending.startswith("the box's process"):
        raise SizerError(f"{ending}: {' '.join(tail.split())}")
    return registered, ending


def _told(event: dict[str, Any], name: str, say: Callable[[str], None]) -> str | None:
    """Pass on what the process says; why it will end, where it says that."""
    if "refused" in event:
        raise InputError(f"box {name} does not join the farm: {event['refused']}")
    if "registered" in event:
        say(f"box {name} is ready")
    if event.get("doing") is not None:
        say(f"takes {event['doing']}")
    if "taken" in event:
        return f"another worker is registered as {name}, or has been until a moment ago; see --name"
    if "unreachable" in event:
        return f"the scheduler cannot be reached ({event['unreachable']})"
    return None


@contextmanager
def _alone() -> Iterator[None]:
    """Hold this user's one worker: a second one on a machine would disturb what the first one measures."""
    path = data_dir() / "farm-worker.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {reason(error)}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another worker of this user runs on this machine ({path} is locked), and two would disturb each"
                " other; end it first"
            ) from error
        yield
