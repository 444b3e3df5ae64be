"""Run a program where no network can be reached, and count what tries to reach one."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

# Loaded by every Python that has this folder on its path, worker processes too.
_HOOK = """
import os, sys
def _hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"):
        if event.startswith("socket.get") or not isinstance(arguments[1], str):
            where = os.open(os.environ["SEEN_BY_PYTHON"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(where, f"{event} {arguments[-1]!r}\\n".encode())
            os.close(where)
sys.addaudithook(_hook)
"""
_SENT = re.compile(r"(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET")


@functools.cache
def _works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Outcome:
    """How a program ended and what it did."""

    code: int
    output: str
    attempts: tuple[str, ...]
    """Connections, datagrams and name look-ups, of Python and (where ``strace`` works) of native code."""
    left_behind: tuple[str, ...]
    """Files in the user's home, relative to it: usage data is kept there before it is sent."""


def run_isolated(arguments: list[str], folder: Path, timeout_s: float = 240.0) -> Outcome:
    """Run this Python with ``arguments`` in a network namespace without interfaces; ``folder`` is kept between calls.

    Skips the test where namespaces are not permitted.
    """
    alone = ("unshare", "--user", "--map-root-user", "--net")
    if not _works(*alone):
        pytest.skip("a network namespace is not permitted here (unshare --user --net)")
    home, hook, seen = folder / "home", folder / "hook", folder / "seen.txt"
    native = folder / "native.txt"
    for one in (home, hook):
        one.mkdir(parents=True, exist_ok=True)
    (hook / "sitecustomize.py").write_text(_HOOK, encoding="utf-8")
    for one in (seen, native):
        one.unlink(missing_ok=True)
    tracer = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg")
    counted = (*tracer, "-o", str(native)) if _works(*tracer, "-o", str(native)) else ()
    root = str(Path(__file__).parents[1])
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SIZER_", "XDG_", "ORT_"))},
        "HOME": str(home), "SIZER_HOME": str(folder / "sizer"), "SEEN_BY_PYTHON": str(seen),
        "PYTHONPATH": f"{hook}:{root}", "NO_COLOR": "1",
    }  # fmt: skip
    done = subprocess.run(
        [*alone, *counted, sys.executable, *arguments],
        capture_output=True, text=True, env=environment, cwd=folder, timeout=timeout_s, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    attempts = seen.read_text(encoding="utf-8").splitlines() if seen.exists() else []
    if native.exists():
        lines = native.read_text(encoding="utf-8", errors="replace").splitlines()
        attempts += [line for line in lines if _SENT.search(line)]
    left = (str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())
    return Outcome(done.returncode, done.stdout + done.stderr, tuple(attempts), tuple(sorted(left)))
