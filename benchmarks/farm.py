"""Sites planned by one worker and by two over the farm, each worker held to one core of its own: pairs, in turns.

The order within a pair changes, so that other load of the machine favours neither. What the desk does between two plans
of a box, and what it waits, are timed apart: the first is what does not get less with more workers.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import Inconclusive
from advisor.farm.connection import DaskFarm, Outcome
from advisor.farm.credentials import Credentials
from advisor.farm.sites import SitesRequest, run_sites

from .common import header, spread, table

SITES, PAIRS = 64, 3
QUICK_SITES, QUICK_PAIRS = 4, 2
_COMMAND = ["-P", "-c", "from advisor.cli.main import main; main()", "farm"]
_SCENARIO = """
scenario: site-{number}
cameras: [{{group: hall, count: {cameras}, resolution: 1280x720, codec: h264, fps: 10}}]
stages: [{{id: look, model: mobilenet-v2}}]
slo: {{camera_fps: 5, latency_p95_ms: 500}}
candidates: {{form_factor: [fanless]}}
"""


@dataclass(frozen=True)
class Run:
    """All sites planned once."""

    workers: int
    took_s: float
    desk_s: float
    """Of that, what the desk did itself."""


class _Timed(DaskFarm):
    """Counts the time in which the desk waits for boxes."""

    waited_s = 0.0

    def wait(self, timeout_s: float) -> Outcome | None:
        began_s = time.perf_counter()
        try:
            return super().wait(timeout_s)
        finally:
            self.waited_s += time.perf_counter() - began_s


@contextmanager
def _farm(folder: Path, cores: list[int]) -> Iterator[str]:
    """A scheduler and one worker for each core; the scheduler's address."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str, core: int | None = None) -> Path:
        log = folder / f"{name}.log"
        environment = {**os.environ, "SIZER_HOME": str(folder / name)}
        before = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {core})  # inherited by what is started
        try:
            with log.open("wb") as stream:
                started.append(
                    subprocess.Popen(
                        [sys.executable, *_COMMAND, *arguments], stdout=stream, stderr=stream, env=environment
                    )
                )
        finally:
            os.sched_setaffinity(0, before)
        return log

    try:
        address = _said(start("scheduler", "scheduler", "--port", "0"), r"scheduler at (\S+?):(\d+)")
        for number, core in enumerate(cores):
            log = start(f"box{number}", "worker", address, "--name", f"box{number}", core=core)
            _said(log, r"(is) (ready)")
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)


def _said(log: Path, words: str) -> str:
    give_up_s = time.monotonic() + 120
    while time.monotonic() < give_up_s:
        found = re.search(words, log.read_text(encoding="utf-8"))
        if found is not None:
            return f"{found[1]}:{found[2]}"
        time.sleep(0.1)
    raise Inconclusive(f"{log}: a part of the farm did not start")


def _plan(address: str, sites: Path, output: Path, workers: int) -> Run:
    farm = _Timed(f"tcp://{address}", Credentials())
    try:
        boxes = ",".join(f"box{number}" for number in range(workers))
        request = SitesRequest(sites, output, boxes, 60.0, dt.date(2026, 11, 29))
        report = run_sites(request, farm, lambda text: print(text, file=sys.stderr))
    finally:
        farm.close()
    wrong = [row for row in report.rows if row.status not in {"planned", "infeasible"}]
    if wrong:
        raise Inconclusive(f"{wrong[0].site}: {wrong[0].reason}")
    return Run(workers, report.took_s, report.took_s - farm.waited_s)


def run(quick: bool = False) -> str:
    """Markdown of the comparison."""
    count, pairs = (QUICK_SITES, QUICK_PAIRS) if quick else (SITES, PAIRS)
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise Inconclusive("one core alone: two workers would share it")
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="sizer-bench-farm-") as name:
        folder = Path(name)
        sites = folder / "sites"
        sites.mkdir()
        for number in range(count):
            text = _SCENARIO.format(number=number, cameras=2 + number % 4)
            (sites / f"site-{number:03}.yaml").write_text(text, encoding="utf-8")
        warm = folder / "warm"
        warm.mkdir()
        for number in range(2 * len(cores)):  # models built, kernels listed and the simulator compiled on each
            (warm / f"w{number}.yaml").write_text(_SCENARIO.format(number=number, cameras=2), encoding="utf-8")
        with _farm(folder, cores) as address:
            for worker in range(len(cores)):
                _warm(address, warm, folder / f"warm-{worker}", f"box{worker}")
            for pair in range(pairs):
                order = (1, 2) if pair % 2 == 0 else (2, 1)
                runs += [_plan(address, sites, folder / f"out-{pair}-{workers}", workers) for workers in order]
    return _text(runs, count)


def _warm(address: str, sites: Path, output: Path, box: str) -> None:
    farm = DaskFarm(f"tcp://{address}", Credentials())
    try:
        run_sites(SitesRequest(sites, output, box, 60.0, dt.date(2026, 11, 29)), farm, lambda _: None)
    finally:
        farm.close()


def _text(runs: list[Run], count: int) -> str:
    one = [item for item in runs if item.workers == 1]
    two = [item for item in runs if item.workers == 2]
    ratios = [a.took_s / b.took_s for a, b in zip(one, two, strict=True)]
    desk_s = sum(item.desk_s for item in one) / len(one) / count
    plan_s = sum(item.took_s for item in one) / len(one) / count - desk_s
    rows = [
        [f"{number}", f"{a.took_s:.1f}", f"{b.took_s:.1f}", f"{ratio:.2f}"]
        for number, (a, b, ratio) in enumerate(zip(one, two, ratios, strict=True), 1)
    ]
    # One desk serves all workers: a plan waits for it where the others keep it busy, so its time is not divided.
    paper = {workers: (plan_s + desk_s) / max(plan_s / workers + desk_s / workers, desk_s) for workers in (2, 4)}
    return "\n\n".join(
        [
            header(f"{count} sites; each worker on one core of its own."),
            table(["pair", "1 worker [s]", "2 workers [s]", "ratio"], rows),
            f"Two workers are {spread(ratios).text(2)} times as fast as one. A plan takes {plan_s:.2f} s of a box and "
            f"{desk_s * 1e3:.0f} ms of the desk, so that on paper 2 workers are {paper[2]:.2f} and 4 workers "
            f"{paper[4]:.2f} times as fast as one, and the desk is busy all the time from "
            f"{(plan_s + desk_s) / desk_s:.0f} workers on.",
        ]
    )
