"""A worker that stays alive between its items and begins each one only when it is told to.

Several of them, each with another runtime or SIMD cap, are measured in turns this way: what changes on the machine
from minute to minute meets all of them alike, and nothing is compiled twice.
"""

from __future__ import annotations

import json
import os
import time
from typing import Self

from advisor.child_process.parent import ChildProcess
from advisor.errors import SizerError

from .job import Job, JobOutcome
from .run import START_TIMEOUT_S


class TurnWorker:
    """One worker process; its job's function calls :func:`.gate.await_turn` before each item but the first.

    Between its turns the process is stopped by a signal: threads of runtimes go on spinning for a while after a pass,
    which would be counted against whoever comes next.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._left = list(job.items)
        self._begun = False
        self._child = ChildProcess("advisor.measure.worker.main", (str(os.getpid()),), job.environment)

    def __enter__(self) -> Self:
        self._child.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def turn(self, timeout_s: float) -> JobOutcome:
        """Let the worker do its next item, and wait for the outcome at most ``timeout_s`` [s], start-up excluded.

        After a failure that ended the process there is no further turn.

        Raises
        ------
        SizerError
            There is no item left: a bug in the caller.
        """
        if not self._left:
            raise SizerError("a worker was given a turn, but it has no item left; this is a bug")
        started_s = time.perf_counter()
        if self._begun:
            self._child.go_on()
            self._child.send_line("")
        else:
            self._child.send_line(self._order())
            self._begun = True
        item = self._left.pop(0)
        limit_s = timeout_s + START_TIMEOUT_S
        while True:
            left_s = limit_s - (time.perf_counter() - started_s)
            if left_s <= 0:
                self._child.kill()
                return self._ended(item.id, f"hung: no result within {timeout_s:g} s", started_s)
            if not self._child.wait(left_s):
                continue
            events = self._child.receive()
            if events is None:
                reason, stderr = self._child.exit_reason(), " ".join(self._child.stderr_tail().split())
                return self._ended(item.id, f"{reason}: {stderr}" if stderr else reason, started_s)
            for event in events:
                if event.get("failed") == item.id:
                    return self._ended(item.id, event["failure"], started_s)
                if event.get("done") == item.id:
                    self._child.pause()
                    took_s = time.perf_counter() - started_s
                    return JobOutcome(item.id, "done", event["value"], None, took_s)

    def _order(self) -> str:
        job = {
            "function": self._job.function,
            "on_import": list(self._job.on_import),
            "memory_limit_bytes": self._job.memory_limit_bytes,
            "items": [{"id": item.id, "payload": item.payload} for item in self._left],
        }
        return json.dumps(job, allow_nan=False)

    def _ended(self, item_id: str, failure: str, started_s: float) -> JobOutcome:
        self._left = []
        return JobOutcome(item_id, "failed", None, failure, time.perf_counter() - started_s)
