"""Run pip and say how far it is: ``python requirements/pip_progress.py install ...``, the arguments being pip's own.

pip prints either a line for everything or, under ``--quiet``, nothing for minutes. This prints how many packages are
fetched and how many are unpacked, at most once in ten seconds. Warnings and errors are pip's own; so is the exit code.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path

INTERVAL_S = 10.0
"""Least time between two lines [s]."""
_PINNED = re.compile(r"^([A-Za-z0-9][^ ;=]*)==", re.MULTILINE)


def packages_named(arguments: Sequence[str]) -> int:
    """Packages that the requirement files among the arguments of pip name; 0 if there are none."""
    files = [value for name, value in itertools.pairwise(arguments) if name in {"-r", "--requirement"}]
    return len({name for file in files for name in _PINNED.findall(Path(file).read_text(encoding="utf-8"))})


class Steps:
    """How far pip is, from the lines that it prints."""

    def __init__(self, named: int, site_packages: Path) -> None:
        self._named = named
        self._site = site_packages
        self._fetched = self._unpacking = 0
        self._already = self._unpacked_there()

    def take(self, line: str) -> None:
        """Take one line that pip prints."""
        if line.startswith("Collecting "):
            self._fetched += 1
        elif line.startswith("Installing collected packages: "):
            self._unpacking = len(line.partition(": ")[2].split(","))

    def text(self) -> str:
        """Say in words how far it is."""
        if self._unpacking:
            done = min(self._unpacking, max(0, self._unpacked_there() - self._already))
            return f"{done} of {self._unpacking} packages unpacked"
        of = f" of {max(self._named, self._fetched)}" if self._named else ""
        return f"{self._fetched}{of} packages fetched"

    def _unpacked_there(self) -> int:
        return sum(1 for _ in self._site.glob("*.dist-info"))


def main(arguments: Sequence[str]) -> int:
    """Run pip with these arguments and return its exit code."""
    command = [sys.executable, "-m", "pip", *arguments, "--progress-bar", "off", "--disable-pip-version-check"]
    steps = Steps(packages_named(arguments), Path(sysconfig.get_path("purelib")))
    started_s = time.monotonic()
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(INTERVAL_S):
            sys.stdout.write(f"  {steps.text()} ({time.monotonic() - started_s:.0f} s)\n")
            sys.stdout.flush()

    teller = threading.Thread(target=tell, daemon=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as pip:
        teller.start()
        assert pip.stdout is not None
        for line in pip.stdout:
            steps.take(line)
    ended.set()
    teller.join()
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
