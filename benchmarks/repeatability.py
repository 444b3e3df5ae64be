"""The same measurement in fresh processes, alone and next to a busy one: does the median repeat, is it marked?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from advisor.measure.timing.harness import QUICK, MeasureSpec
from advisor.records.config import LoadMode, RunConfig

from .common import header, measured, model, percent, spread, table, threads_here, timing, variation

MODEL = "mobilenet-v2"
PROCESSES = 10


@dataclass(frozen=True)
class Repeat:
    """One process."""

    threads: int
    neighbour: bool
    p50_s: float
    dirty: bool
    blocks_repeated: int
    slowdown: float | None
    """Of the reference work around the blocks."""


@contextmanager
def neighbour(present: bool) -> Iterator[None]:
    """Keep a core busy with another process while the block runs."""
    if not present:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def repeats(count: int, spec: MeasureSpec) -> list[Repeat]:
    """Alone and disturbed in turns, so that other disturbances meet both alike."""
    file = model(MODEL)
    found = []
    for _ in range(count):
        for threads in dict.fromkeys((1, threads_here())):
            config = RunConfig(streams=1, threads=threads, requests=1)
            for present in (False, True):
                with neighbour(present):
                    record = measured(file, config, LoadMode(), spec)
                seen = record.interference
                found.append(
                    Repeat(threads, present, timing(record).p50.value_s, seen.dirty, seen.blocks_repeated,
                           seen.reference_slowdown)
                )  # fmt: skip
    return found


def tables(found: Sequence[Repeat]) -> str:
    """One row per number of threads, without and with the neighbour."""
    rows = []
    for threads, present in dict.fromkeys((item.threads, item.neighbour) for item in found):
        part = [item for item in found if (item.threads, item.neighbour) == (threads, present)]
        medians = [1e3 * item.p50_s for item in part]
        quiet = [1e3 * item.p50_s for item in part if not item.dirty]
        slow = [item.slowdown for item in part if item.slowdown is not None]
        rows.append(
            [
                threads,
                "busy" if present else "none",
                spread(medians).text(2, "ms"),
                percent(variation(medians), 2),
                f"{percent(variation(quiet), 2) or '-'} ({len(quiet)})",
                spread(slow).text(2) if slow else None,
                percent(sum(item.dirty for item in part) / len(part), 0),
                f"{spread([item.blocks_repeated for item in part]).median:g}",
                len(part),
            ]
        )
    head = ["threads", "neighbour", "p50: median (range)", "coefficient of variation", "of the unmarked (count)",
            "fixed work, times the best: median (range)", "marked disturbed",
            "blocks repeated (median)", "processes"]  # fmt: skip
    return table(head, rows)


def run(quick: bool = False) -> str:
    """Measure and return the section: about two minutes, ten seconds with ``quick``."""
    start = header(f"{MODEL}, f32, one stream, synchronous.")
    return f"{start}\n\n{tables(repeats(2, QUICK) if quick else repeats(PROCESSES, MeasureSpec()))}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
