"""Job functions that misbehave, for the tests of the worker."""

import ctypes
import os
import threading
import time
from typing import Any

from advisor.errors import RuntimeRefusal
from advisor.measure.worker.job import JobItem, Reporter, each


def _do(payload: dict[str, Any]) -> dict[str, Any]:
    match payload["do"]:
        case "crash":
            ctypes.string_at(0)
        case "hang":
            time.sleep(3600)
        case "exit":
            os._exit(7)
        case "refuse":
            raise RuntimeRefusal("operator Foo is not supported")
        case "allocate":
            return {"length": len(bytearray(payload["bytes"]))}
        case "noise":
            os.write(1, b"a library prints to stdout\n")
    return {"pid": os.getpid(), "env": os.environ.get("SIZER_TEST_CAP"), "said": payload["do"]}


run_each = each(_do)


def in_turns(items: list[JobItem], report: Reporter) -> None:
    """Three turns over all items; an item may hang or crash in the second one."""
    for turn in range(3):
        for item in items:
            report.on(item.id)
            if turn == 1 and item.payload["do"] == "hang":
                time.sleep(3600)
            if turn == 1 and item.payload["do"] == "crash":
                ctypes.string_at(0)
            time.sleep(0.01)
    for item in items:
        report.done(item.id, {"turns": 3})


def raises_outright(items: list[JobItem], report: Reporter) -> None:
    raise ValueError("broken before the first item")


def when_told(items: list[JobItem], report: Reporter) -> None:
    """Wait for a turn before every item but the first; ``spin`` leaves a thread behind that never rests."""
    from advisor.measure.worker.gate import await_turn

    for number, item in enumerate(items):
        if number:
            await_turn()
        report.on(item.id)
        if item.payload["do"] == "spin":
            threading.Thread(target=_spin, daemon=True).start()
        try:
            value = _do(item.payload)
        except RuntimeRefusal as error:
            report.failed(item.id, str(error))
            return
        report.done(item.id, value)


def _spin() -> None:
    while True:
        pass
