"""A farm of real processes on loopback: a scheduler, workers and desks, each with a home of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from advisor.measure.items.micro import networks
from tests.waiting import wait_until

MAIN = ["-P", "-c", "from advisor.cli.main import main; main()"]
LIMIT_S = 240.0
"""How long anything may take: a busy machine starts a process in ten seconds [s]."""
ROOT = str(Path(__file__).parents[2])
# The second measurement takes some 8 s in which next to nothing is computed: time to kill what takes it.
MATRIX = """
spec: {min_duration_s: 0.02, min_samples: 3, min_blocks: 2, max_duration_s: 0.1, block_s: 0.01, warmup_max_s: 0.02}
footprint: false
measurements:
  - {model: conv.onnx, config: {runtime: onnxruntime, threads: 1}}
  - {model: conv.onnx, config: {runtime: onnxruntime, threads: 1}, mode: {kind: paced, rate_per_s: 2}}
  - {model: conv.onnx, config: {runtime: onnxruntime, threads: 1}, mode: {kind: async}}
"""
SLOW_LABEL = "takes conv onnxruntime f32 threads=1 paced"


@dataclass
class Started:
    """One command that runs, with what it prints."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str, limit_s: float = LIMIT_S) -> None:
        def heard() -> bool:
            return words in self.text or self.process.poll() is not None

        wait_until(heard, f"{words!r} in {self.log}", limit_s)
        assert words in self.text, self.text

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@dataclass
class FarmOfProcesses:
    """Everything that was started, and where."""

    folder: Path
    port: int = 0
    security: tuple[str, ...] = ()
    started: list[Started] = field(default_factory=list)

    def start(self, name: str, *arguments: str, **variables: str) -> Started:
        home = self.folder / name.partition(".")[0]
        home.mkdir(exist_ok=True)
        rest = {key: value for key, value in os.environ.items() if not key.startswith("SIZER_")}
        environment = {**rest, "SIZER_HOME": str(home), "PYTHONPATH": ROOT, "OMP_NUM_THREADS": "1", **variables}
        log = self.folder / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, *MAIN, "farm", *arguments],
                stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=environment, cwd=self.folder,
            )  # fmt: skip
        self.started.append(Started(process, log))
        return self.started[-1]

    def scheduler(self, name: str = "scheduler") -> Started:
        """Start one; the second time on the port of the first."""
        started = self.start(name, "scheduler", "--port", str(self.port), *self.security)
        started.says("scheduler at")
        found = re.search(r"scheduler at [^,\s]*:(\d+)", started.text)
        assert found is not None, started.text
        self.port = int(found[1])
        return started

    def worker(self, name: str, *, log: str = "", security: Sequence[str] | None = None, **variables: str) -> Started:
        own = self.security if security is None else tuple(security)
        return self.start(log or name, "worker", f"127.0.0.1:{self.port}", "--name", name, *own, **variables)

    def desk(self, name: str, *arguments: str, security: Sequence[str] | None = None, **variables: str) -> Started:
        own = self.security if security is None else tuple(security)
        scheduler = ("--scheduler", f"127.0.0.1:{self.port}", *own)
        return self.start(name, arguments[0], *scheduler, *arguments[1:], **variables)

    def bench(self, name: str, *arguments: str) -> Started:
        store = f"sqlite:///{self.folder / 'desk.db'}"
        return self.desk(name, "bench", "--matrix", "matrix.yaml", "--store", store, *arguments)


@contextmanager
def farm_in(folder: Path) -> Iterator[FarmOfProcesses]:
    """A farm whose processes are all gone afterwards, which is asserted."""
    networks.conv_chain(folder / "conv.onnx", "f32", channels=16, size=16, layers=3)
    (folder / "matrix.yaml").write_text(MATRIX, encoding="utf-8")
    farm = FarmOfProcesses(folder)
    try:
        yield farm
    finally:
        family = offspring(farm)
        for one in reversed(farm.started):
            if one.process.poll() is None:
                one.process.terminate()
        for one in farm.started:
            try:
                one.process.wait(30)
            except subprocess.TimeoutExpired:
                one.process.kill()
                raise
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, alive


def offspring(farm: FarmOfProcesses) -> list[psutil.Process]:
    """All processes that the farm has started, directly or not, and that are alive."""
    found = []
    for one in farm.started:
        try:
            own = psutil.Process(one.process.pid)
            found += [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found
