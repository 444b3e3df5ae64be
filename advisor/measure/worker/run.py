"""Run a job in fresh interpreter processes: crashes, hangs and refusals become recorded failures."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from advisor.errors import SizerError

from .job import Job, JobItem, JobResult, Outcome

START_TIMEOUT_S = 60.0
_ROOT = str(Path(__file__).resolve().parents[3])
# -P keeps a folder named like a package of ours, in the user's directory, out of the path.
_BOOT = "import sys; sys.path.append(sys.argv[2]); from advisor.measure.worker.main import main; main()"


def run_job(job: Job, timeout_s: float, on_outcome: Callable[[Outcome], None] | None = None) -> JobResult:
    """Work through a job in as many worker processes as its crashes need.

    Parameters
    ----------
    job : Job
        Items of one kind that may share an interpreter.
    timeout_s : float
        Most time that may be spent on one item, summed over the turns announced for it [s].
    on_outcome : callable, optional
        Called here with each outcome as soon as it is known.

    Returns
    -------
    JobResult
        One outcome per item. Failures read ``crashed with SIGSEGV``, ``hung: no result within 30 s``, ``out of
        memory: ...``, or the runtime's refusal.

    Raises
    ------
    SizerError
        The worker cannot start at all (a bug, or a broken installation); its last words are in the message.

    Notes
    -----
    When the caller is interrupted the worker is killed before the exception goes on; when it is killed, the kernel
    kills the worker.
    """
    outcomes: dict[str, Outcome] = {}
    left = list(job.items)
    workers = 0

    def keep(outcome: Outcome) -> None:
        outcomes[outcome.id] = outcome
        if on_outcome is not None:
            on_outcome(outcome)

    while left:
        workers += 1
        with _Worker(job, left, timeout_s) as worker:
            worker.run(keep)
        remaining = [item for item in left if item.id not in outcomes]
        if len(remaining) == len(left):
            raise SizerError(
                f"measurement worker ended before its first item ({worker.ending()}): {worker.last_words()}"
            )
        left = remaining
    return JobResult(tuple(outcomes[item.id] for item in job.items), workers)


class _Worker:
    """One process with the time it has spent on each item."""

    def __init__(self, job: Job, items: list[JobItem], timeout_s: float) -> None:
        self._job, self._items, self._timeout_s = job, items, timeout_s
        self._open = {item.id for item in items}
        self._current: str | None = None
        self._since_s = 0.0
        self._spent_s: dict[str, float] = {}
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> _Worker:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, str(os.getpid()), _ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(self._job.environment),
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then decides
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._stderr.close()

    def run(self, keep: Callable[[Outcome], None]) -> None:
        """Feed the job and collect outcomes until the process ends or overstays."""
        self._send()
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()  # select() fails on descriptors above 1023
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        pending = b""
        self._since_s = time.perf_counter()
        while True:
            wait_s = self._budget_s() - (time.perf_counter() - self._since_s)
            if wait_s <= 0 or not poll.poll(max(1, int(wait_s * 1000))):
                if self._budget_s() - (time.perf_counter() - self._since_s) > 0:
                    continue
                self._kill()
                self._blame(keep, f"hung: no result within {self._timeout_s:g} s")
                return
            chunk = os.read(descriptor, 65536)
            if not chunk:
                self._process.wait()
                if self._open:
                    self._blame(keep, self.ending())
                return
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self._event(json.loads(line), keep)

    def ending(self) -> str:
        """How the process ended, in words."""
        code = self._process.returncode
        if code is None:
            return "still running"
        if code < 0:
            name = signal.Signals(-code).name if -code in {s.value for s in signal.Signals} else f"signal {-code}"
            hint = " (out of memory?)" if -code == signal.SIGKILL else ""
            return f"crashed with {name}{hint}"
        return f"ended early with exit code {code}"

    def last_words(self) -> str:
        """End of what the process wrote to stderr, in one line."""
        if self._stderr.closed:
            return self._words
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - 600))
        text = " ".join(self._stderr.read().decode("utf-8", "replace").split())
        return text[-300:] or "it wrote nothing"

    def _send(self) -> None:
        job = {
            "function": self._job.function,
            "on_import": list(self._job.on_import),
            "memory_limit_bytes": self._job.memory_limit_bytes,
            "items": [{"id": item.id, "payload": item.payload} for item in self._items],
        }
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once: the read below tells
            self._process.stdin.write(json.dumps(job, allow_nan=False).encode() + b"\n")
            self._process.stdin.flush()

    def _budget_s(self) -> float:
        """Time that the item announced last may still take; before the first one, time to start."""
        if self._current is None:
            return START_TIMEOUT_S
        return self._timeout_s - self._spent_s.get(self._current, 0.0)

    def _event(self, event: dict[str, Any], keep: Callable[[Outcome], None]) -> None:
        now_s = time.perf_counter()
        if self._current is not None:
            self._spent_s[self._current] = self._spent_s.get(self._current, 0.0) + now_s - self._since_s
        self._since_s = now_s
        if "on" in event:
            self._current = event["on"]
            return
        item_id = event["done"] if "done" in event else event["failed"]
        self._open.discard(item_id)
        self._current = None if item_id == self._current else self._current
        spent_s = self._spent_s.get(item_id, 0.0)
        if "done" in event:
            keep(Outcome(item_id, "done", event["value"], None, spent_s))
        else:
            keep(Outcome(item_id, "failed", None, event["failure"], spent_s))

    def _blame(self, keep: Callable[[Outcome], None], reason: str) -> None:
        """Record the failure of the item that was announced; without one, nobody is to blame and run_job raises."""
        if self._current is None or self._current not in self._open:
            return
        words = self.last_words() if "exit code" in reason else ""
        keep(Outcome(self._current, "failed", None, f"{reason}: {words}" if words else reason,
                     self._spent_s.get(self._current, 0.0) + time.perf_counter() - self._since_s))  # fmt: skip

    def _kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._words = self.last_words()


def _environment(changes: dict[str, str | None]) -> dict[str, str]:
    """Our own environment with some variables set and those that are None removed."""
    merged = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}
