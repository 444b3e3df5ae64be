"""The parent's half: start a child interpreter, receive its messages, end it with everything that it started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from advisor.addresses import hidden

_ROOT = str(Path(__file__).resolve().parents[2])
# -P keeps a folder named like a package of ours, in the user's directory, out of the path.
_BOOT = "import sys; sys.path.append({root!r}); from {module} import main; main(sys.argv[1:])"
_CHUNK_BYTES = 1 << 20
_TAIL_CHARACTERS = 300
_lock = threading.Lock()
_alive: set[ChildProcess] = set()
_refusing = False
"""An interrupt has killed the children: threads that still run start no others."""
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def map_in_threads(function: Callable[[ItemT], ResultT], items: Iterable[ItemT], threads: int) -> list[ResultT]:
    """``[function(item) for item in items]`` on several threads, each of which may wait for child processes.

    Once one of them fails, or at Ctrl-C, all children of this process are killed and none is started: a thread cannot
    be interrupted, and one that waits for a compilation would hold up the end for minutes.
    """
    global _refusing
    try:
        with ThreadPoolExecutor(threads) as pool:
            try:
                return list(pool.map(function, items))
            except BaseException:
                with _lock:
                    _refusing = True
                    condemned = list(_alive)
                pool.shutdown(wait=False, cancel_futures=True)
                for child in condemned:
                    child.kill()
                raise
    finally:
        _refusing = False


def kill_children() -> None:
    """Kill all children of this process; whoever waits for one sees it end."""
    with _lock:
        condemned = list(_alive)
    for child in condemned:
        child.kill()


class ChildProcess:
    """A fresh interpreter in a process group of its own; leaving the context kills the whole group.

    Parameters
    ----------
    module : str
        Its ``main(arguments)`` is called; it reports through :class:`advisor.child_process.child.Messages`.
    arguments : sequence of str
        Passed to ``main``.
    environment : mapping, optional
        Changes to this process's environment before any import; None as a value removes a variable.

    Notes
    -----
    The child does not receive Ctrl-C: its group is not the terminal's. The parent decides what an interrupt means.
    """

    def __init__(
        self, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str | None] | None = None
    ) -> None:
        self._command = [sys.executable, "-P", "-c", _BOOT.format(root=_ROOT, module=module), *arguments]
        self._environment = {
            name: value for name, value in {**os.environ, **(environment or {})}.items() if value is not None
        }
        # Runtimes write copies of models into it, and a child that is killed or crashes cannot remove them.
        self._scratch = tempfile.TemporaryDirectory(prefix="sizer-", ignore_cleanup_errors=True)
        self._environment["TMPDIR"] = self._scratch.name
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._final_stderr: str | None = None
        self._pending = b""

    def __enter__(self) -> Self:
        with _lock:
            if _refusing:
                self._stderr.close()
                self._scratch.cleanup()
                raise RuntimeError("interrupted: no process is started any more")
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=self._environment,
                start_new_session=True,
            )
            _alive.add(self)
        assert self._process.stdout is not None
        self._descriptor = self._process.stdout.fileno()
        self._poll = select.poll()  # select() fails on descriptors above 1023
        self._poll.register(self._descriptor, select.POLLIN | select.POLLHUP)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        with _lock:
            _alive.discard(self)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._final_stderr = self.stderr_tail()
        self._stderr.close()
        self._scratch.cleanup()

    @property
    def pid(self) -> int:
        """Process id, which is also that of its group."""
        return self._process.pid

    def send_line(self, line: str) -> None:
        """Write a line to the child's stdin; one that died is noticed by the next :meth:`receive`."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is something to :meth:`receive`, at most ``timeout_s`` [s]; False if there is nothing."""
        return bool(self._poll.poll(max(1, int(timeout_s * 1000))))

    def receive(self) -> list[dict[str, Any]] | None:
        """Return the messages that arrived completely; None once the child has closed its side, as it does at its end.

        Blocks unless :meth:`wait` returned True.
        """
        chunk = os.read(self._descriptor, _CHUNK_BYTES)
        if not chunk:
            return None
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def kill(self) -> None:
        """Kill the child and whatever it started; nothing happens if its end was waited for."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Stop the child and whatever it started until :meth:`go_on`; killing works meanwhile."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused child run again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        # Not `poll()`: it would wait for a child that has ended, and the rest of its group would go on unseen. Until it
        # is waited for, its number still means this group.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def exit_code(self) -> int:
        """Wait for the end of the child, kill what it left behind, and return its exit code, negative for a signal."""
        if self._process.returncode is None:
            with contextlib.suppress(ChildProcessError):  # another thread killed it and has waited for it
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
                self._signal(signal.SIGKILL)
        return self._process.wait()

    def exit_reason(self) -> str:
        """Wait for the end of the child; how it ended, as in ``crashed with SIGSEGV``."""
        code = self.exit_code()
        if code >= 0:
            return f"ended early with exit code {code}"
        known = {one.value: one.name for one in signal.Signals}
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"crashed with {known.get(-code, f'signal {-code}')}{hint}"

    def stderr_tail(self) -> str:
        """End of what the child wrote to stderr, at most 300 characters; empty if it wrote nothing."""
        if self._final_stderr is not None:
            return self._final_stderr
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - 2 * _TAIL_CHARACTERS))
        # Hidden before it is cut: a cut address is none any more. Libraries write the addresses that they were given.
        return hidden(self._stderr.read().decode("utf-8", "replace")).strip()[-_TAIL_CHARACTERS:]
