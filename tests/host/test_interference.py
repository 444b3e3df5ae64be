from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.host import InterferenceMeter
from advisor.host.interference import _Sample, _stat_of_its_own
from advisor.host.tree import Tree

SPIN = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"


@contextmanager
def _spinning(count: int, seconds: float = 20.0) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that keep one core busy each until the block ends."""
    workers = [subprocess.Popen([sys.executable, "-c", SPIN.format(seconds=seconds)]) for _ in range(count)]
    try:
        time.sleep(0.3)  # interpreters start
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


@pytest.mark.timing
def test_busy_neighbour_is_seen() -> None:
    meter = InterferenceMeter(children=False)
    with _spinning(os.cpu_count() or 1), meter:
        time.sleep(0.6)
    assert meter.result is not None
    assert meter.result.dirty
    assert meter.result.other_cpu_cores is not None
    assert meter.result.other_cpu_cores > 0.5
    assert any("other processes" in reason for reason in meter.result.reasons)


@pytest.mark.timing
def test_own_children_are_not_neighbours() -> None:
    """The same spinning process counts as other or as own: the difference is its core."""
    with _spinning(1) as workers:
        strict, own, named = (
            InterferenceMeter(children=False),
            InterferenceMeter(),
            InterferenceMeter([workers[0].pid], children=False),
        )
        for meter in (strict, own, named):
            meter.start()
        spent = time.process_time()
        before = _cpu_s(workers[0].pid)
        began = time.perf_counter()
        while _cpu_s(workers[0].pid) - before < 0.3:  # a busy machine gives the process its share late
            time.sleep(0.1)
        used = (_cpu_s(workers[0].pid) - before + time.process_time() - spent) / (time.perf_counter() - began)
        others = [meter.stop().other_cpu_cores or 0.0 for meter in (strict, own, named)]
    assert others[0] - others[1] == pytest.approx(used, abs=0.25)
    assert others[0] - others[2] == pytest.approx(used, abs=0.25)


def _cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_time_of_an_ended_child_is_kept() -> None:
    meter = InterferenceMeter()
    meter.start()
    before = meter._own_s(meter._others())
    subprocess.run([sys.executable, "-c", SPIN.format(seconds=0.3)], check=True)
    gained = meter._own_s(meter._others()) - before
    assert 0.25 < gained < 3.0


def test_stop_needs_start() -> None:
    with pytest.raises(RuntimeError, match="without start"):
        InterferenceMeter().stop()


class _Scripted(InterferenceMeter):
    """Two processors whose counters the test writes."""

    def __init__(self, samples: list[_Sample]) -> None:
        super().__init__()
        self._threads, self._usable, self._tick_s = 2, 2.0, 0.01
        self._samples = samples

    def _sample(self) -> _Sample:
        return self._samples.pop(0)


def _at(time_s: float, own: float = 0.0, busy: float = 0.0, steal: float = 0.0, stall: float = 0.0, **more) -> _Sample:
    switches, clock = more.get("switches", 0), more.get("clock")
    return _Sample(time_s, own, busy, 2 * time_s, steal, stall, switches, clock)


START = _at(0.0, clock=3e9)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (_at(1.0, own=1.0, busy=1.05), None),
        (_at(1.0, own=1.0, busy=1.11), None),  # above 0.1 core, below what two ticks resolve
        (_at(1.0, own=1.0, busy=1.13), "other processes used 0.13 cores"),
        (_at(1.0, own=1.0, busy=0.9), None),  # counters of different resolution: never negative
        (_at(1.0, own=1.0, busy=1.0, steal=0.03), None),
        (_at(1.0, own=1.0, busy=1.0, steal=0.08), "the hypervisor took 4 %"),
        (_at(1.0, own=1.0, busy=1.0, stall=0.5, switches=900), None),  # nobody else was there: own threads wait
        (_at(1.0, own=1.0, busy=1.0, clock=2.75e9), None),
        (_at(1.0, own=1.0, busy=1.0, clock=2.6e9), "the clock fell from 3.00 to 2.60 GHz"),
    ],
)
def test_thresholds(end: _Sample, reason: str | None) -> None:
    meter = _Scripted([START, end])
    meter.start()
    found = meter.stop()
    assert found.dirty == (reason is not None)
    assert len(found.reasons) == (0 if reason is None else 1)
    assert reason is None or found.reasons[0].startswith(reason)


@pytest.mark.parametrize("hidden", ["a container's own counter", "less than the own time", "no counter"])
@pytest.mark.parametrize(
    ("own", "more", "reason"),
    [
        (1.0, {"stall": 0.19}, None),
        (1.0, {"stall": 0.21}, "tasks waited for a processor 21 %"),
        (1.9, {"stall": 0.9, "switches": 900}, None),  # own threads wait for each other
        (1.0, {"switches": 119}, None),
        (1.0, {"switches": 121}, "own threads were preempted 121 times"),
    ],
)
def test_waiting_shows_others_where_their_time_is_hidden(
    hidden: str, own: float, more: dict[str, float], reason: str | None
) -> None:
    busy = {"a container's own counter": own, "less than the own time": own - 0.05, "no counter": None}[hidden]
    start = replace(START, busy_s=None if busy is None else 0.0)
    meter = _Scripted([start, replace(_at(1.0, own, **more), busy_s=busy)])
    meter._hides = hidden == "a container's own counter"
    meter.start()
    found = meter.stop()
    assert [text.startswith(reason or "") for text in found.reasons] == ([] if reason is None else [True])


@pytest.mark.parametrize(
    ("mounts", "hides"),
    [
        ("proc /proc proc rw 0 0\nlxcfs /proc/stat fuse.lxcfs rw 0 0\n", True),
        ("proc /proc proc rw 0 0\nlxcfs /proc/meminfo fuse.lxcfs rw 0 0\n", False),
        ("", False),
    ],
)
def test_a_container_that_writes_its_own_counters_is_told(tmp_path: Path, mounts: str, hides: bool) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("")
    (tmp_path / "proc" / "mounts").write_text(mounts)
    assert _stat_of_its_own(Tree(tmp_path)) is hides


def test_short_blocks_are_judged_together() -> None:
    """0.3 core of others cannot be told in one block of 60 ms on two processors, but in ten of them."""
    samples = [sample for block in range(10) for sample in (_at(block * 0.06), _at(block * 0.06 + 0.06, busy=0.018))]
    meter = _Scripted(samples)
    verdicts = []
    for _ in range(10):
        meter.start()
        verdicts.append(meter.stop().dirty)
    assert verdicts[:8] == [False] * 8
    assert verdicts[-1]


def test_ticks_of_noise_do_not_make_short_blocks_dirty() -> None:
    """One tick more or less on each processor is the counter's rounding."""
    samples = []
    for block in range(20):
        extra = 0.02 if block % 2 else -0.02
        samples += [_at(block * 0.06, own=0.0, busy=0.0), _at(block * 0.06 + 0.06, own=0.06, busy=0.06 + extra)]
    meter = _Scripted(samples)
    for _ in range(20):
        meter.start()
        assert not meter.stop().dirty


def test_unknown_counters_stay_unknown() -> None:
    blind = [_Sample(at, at, None, None, None, None, 0, None) for at in (0.0, 1.0)]
    meter = _Scripted(blind)
    meter.start()
    found = meter.stop()
    assert (found.other_cpu_cores, found.steal_fraction, found.pressure_some_fraction) == (None, None, None)
    assert not found.dirty


def test_a_real_block_has_figures() -> None:
    meter = InterferenceMeter(children=False)
    meter.start()
    seen = meter.stop()
    assert seen.other_cpu_cores is not None
    assert seen.involuntary_switches_per_s is not None
