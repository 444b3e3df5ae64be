"""Inside of a worker process: read one job from stdin, stream outcomes, die with the parent."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from advisor.child_process.child import Messages, die_with_parent

from . import gate
from .job import JobFunction, JobItem, describe


class PipeReporter:
    """Sends one message per event to the parent."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._current: str | None = None

    def on(self, item_id: str) -> None:
        if item_id != self._current:
            self._current = item_id
            self._messages.send({"on": item_id})

    def done(self, item_id: str, value: dict[str, Any]) -> None:
        self._messages.send({"done": item_id, "value": value})

    def failed(self, item_id: str, failure: str) -> None:
        self._messages.send({"failed": item_id, "failure": failure})


def _watch_stdin() -> None:
    """Pass on turns, one line each; leave at once when the parent closes our stdin, whatever the main thread does."""
    while received := os.read(0, 4096):
        for _ in range(received.count(b"\n")):
            gate.grant()
    os._exit(1)


def _read_line(descriptor: int) -> bytes:
    """Read up to a line feed without buffering beyond it."""
    chunks = []
    while True:
        chunk = os.read(descriptor, 65536)
        if not chunk:
            os._exit(1)
        chunks.append(chunk)
        if chunk.endswith(b"\n"):
            return b"".join(chunks)


def _limit_memory(limit_bytes: int) -> None:
    """Cap the address space at what is mapped now plus ``limit_bytes``."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + limit_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def load_function(reference: str) -> JobFunction:
    """Import ``module:name``."""
    module, _, name = reference.partition(":")
    return cast("JobFunction", getattr(importlib.import_module(module), name))


def main(arguments: Sequence[str]) -> None:
    """Work through the job; ``arguments`` holds the parent's process id. Never returns: see the last line."""
    die_with_parent(int(arguments[0]))
    report = PipeReporter(Messages())
    job = json.loads(_read_line(0))
    threading.Thread(target=_watch_stdin, name="stdin-watch", daemon=True).start()
    items = [JobItem(item["id"], item["payload"]) for item in job["items"]]
    try:
        for module in job["on_import"]:
            importlib.import_module(module)
    except Exception as error:  # a runtime that is missing or broken is the result of all its items
        for item in items:
            report.failed(item.id, describe(error))
        os._exit(0)
    function = load_function(job["function"])
    if job["memory_limit_bytes"] is not None:
        _limit_memory(job["memory_limit_bytes"])
    function(items, report)
    # Runtimes' global destructors have crashed at exit before; everything is delivered, so skip them.
    sys.stderr.flush()
    os._exit(0)
