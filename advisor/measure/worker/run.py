"""Run a job in fresh interpreter processes: crashes, hangs and refusals become recorded failures."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from advisor.child_process.parent import ChildProcess
from advisor.errors import SizerError

from .job import Job, JobItem, JobOutcome, JobResult, OutOfTimeError

START_TIMEOUT_S = 60.0


def run_job(
    job: Job,
    timeout_s: float,
    on_outcome: Callable[[JobOutcome], None] | None = None,
    time_is_over: Callable[[], bool] = lambda: False,
) -> JobResult:
    """Work through a job in as many worker processes as its crashes need.

    Parameters
    ----------
    job : Job
        Items of one kind that may share an interpreter.
    timeout_s : float
        Most time that may be spent on one item, summed over the turns announced for it [s].
    on_outcome : callable, optional
        Called here with each outcome as soon as it is known.
    time_is_over : callable, optional
        Asked when an item is announced for the first time: True ends the job. Items that take turns have all begun
        after the first turn, and are then completed.

    Returns
    -------
    JobResult
        One outcome per item. Failures read ``crashed with SIGSEGV``, ``hung: no result within 30 s``, ``out of
        memory: ...``, or the runtime's refusal.

    Raises
    ------
    OutOfTimeError
        ``time_is_over`` said so; what was done before has been given to ``on_outcome``.
    SizerError
        The worker cannot start at all (a bug, or a broken installation); the end of its stderr is in the message.

    Notes
    -----
    When the caller is interrupted the worker is killed before the exception goes on; when it is killed, the kernel
    kills the worker.
    """
    outcomes: dict[str, JobOutcome] = {}
    left = list(job.items)
    workers = 0

    def keep(outcome: JobOutcome) -> None:
        outcomes[outcome.id] = outcome
        if on_outcome is not None:
            on_outcome(outcome)

    while left:
        workers += 1
        with _Worker(job, left, timeout_s) as worker:
            worker.run(keep, time_is_over)
        remaining = [item for item in left if item.id not in outcomes]
        if len(remaining) == len(left):
            raise SizerError(
                f"measurement worker ended before its first item ({worker.ending()}): {worker.stderr_tail()}"
            )
        left = remaining
    return JobResult(tuple(outcomes[item.id] for item in job.items), workers)


class _Worker:
    """One process with the time it has spent on each item."""

    def __init__(self, job: Job, items: list[JobItem], timeout_s: float) -> None:
        self._job, self._items, self._timeout_s = job, items, timeout_s
        self._open = {item.id for item in items}
        self._begun: set[str] = set()
        self._current: str | None = None
        self._since_s = 0.0
        self._spent_s: dict[str, float] = {}
        self._child = ChildProcess("advisor.measure.worker.main", (str(os.getpid()),), job.environment)

    def __enter__(self) -> _Worker:
        self._child.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def run(self, keep: Callable[[JobOutcome], None], time_is_over: Callable[[], bool]) -> None:
        """Feed the job and collect outcomes until the process ends or overstays."""
        self._send()
        self._since_s = time.perf_counter()
        while True:
            left_s = self._budget_s() - (time.perf_counter() - self._since_s)
            if left_s <= 0:
                self._child.kill()
                self._record_crash(keep, f"hung: no result within {self._timeout_s:g} s")
                return
            if not self._child.wait(left_s):
                continue
            events = self._child.receive()
            if events is None:
                if self._open:
                    self._record_crash(keep, self._child.exit_reason(), self.stderr_tail())
                return
            for event in events:
                self._event(event, keep, time_is_over)

    def ending(self) -> str:
        """How the process ended, in words."""
        return self._child.exit_reason()

    def stderr_tail(self) -> str:
        """End of what the process wrote to stderr, in one line."""
        return " ".join(self._child.stderr_tail().split()) or "it wrote nothing to stderr"

    def _send(self) -> None:
        job = {
            "function": self._job.function,
            "on_import": list(self._job.on_import),
            "memory_limit_bytes": self._job.memory_limit_bytes,
            "items": [{"id": item.id, "payload": item.payload} for item in self._items],
        }
        self._child.send_line(json.dumps(job, allow_nan=False))

    def _budget_s(self) -> float:
        """Time that the item announced last may still take; before the first one, time to start."""
        if self._current is None:
            return START_TIMEOUT_S
        return self._timeout_s - self._spent_s.get(self._current, 0.0)

    def _event(
        self, event: dict[str, Any], keep: Callable[[JobOutcome], None], time_is_over: Callable[[], bool]
    ) -> None:
        now_s = time.perf_counter()
        if self._current is not None:
            self._spent_s[self._current] = self._spent_s.get(self._current, 0.0) + now_s - self._since_s
        self._since_s = now_s
        if "on" in event:
            self._current = event["on"]
            if self._current not in self._begun and time_is_over():
                raise OutOfTimeError("the time for measuring is over")
            self._begun.add(event["on"])
            return
        item_id = event["done"] if "done" in event else event["failed"]
        self._open.discard(item_id)
        self._current = None if item_id == self._current else self._current
        spent_s = self._spent_s.get(item_id, 0.0)
        if "done" in event:
            keep(JobOutcome(item_id, "done", event["value"], None, spent_s))
        else:
            keep(JobOutcome(item_id, "failed", None, event["failure"], spent_s))

    def _record_crash(self, keep: Callable[[JobOutcome], None], reason: str, stderr: str = "") -> None:
        """Record the failure of the item announced last; if none was announced, :func:`run_job` raises."""
        if self._current is None or self._current not in self._open:
            return
        failure = f"{reason}: {stderr}" if stderr and "exit code" in reason else reason
        spent_s = self._spent_s.get(self._current, 0.0) + time.perf_counter() - self._since_s
        keep(JobOutcome(self._current, "failed", None, failure, spent_s))
