"""How disturbed the machine was while something was measured."""

from __future__ import annotations

import os
import resource
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from advisor.records.measurement import Interference

from .cgroup import read_group_limits
from .cpuinfo import CpuInfo, parse_cpuinfo
from .noise import cpu_times, pressure_some, user_hz
from .sensors import current_clocks_hz
from .tree import Tree, to_int

# Thresholds of the verdict, each above what an idle machine shows and below what moves a median by a percent.
OTHER_SHARE = 0.05
"""Others' CPU time as a share of the machine's threads; at least OTHER_MIN_CORES."""
OTHER_MIN_CORES = 0.10
STEAL_FRACTION = 0.02
PRESSURE_FRACTION = 0.20
SWITCHES_PER_CORE_S = 60.0
"""A round-robin share of one processor shows 100 to 250 a second; kernel threads on an idle machine below 30."""
CLOCK_FALL = 0.10
FULL_SHARE = 0.90
"""With more of the usable threads in own use than this, own threads wait for each other: waiting proves nothing."""
WINDOW_S = 0.5
"""Measured time over which short blocks are judged together."""


@dataclass(frozen=True)
class _Sample:
    """Counters at one instant."""

    at_s: float
    own_s: float
    busy_s: float | None
    total_s: float | None
    steal_s: float | None
    stalled_s: float | None
    switches: int
    clock_hz: float | None


class InterferenceMeter:
    """Judge a block of time from counters read before and after it; one meter serves many blocks in turn.

    Parameters
    ----------
    pids : sequence of int
        Other processes whose CPU time is part of the measurement, such as workers started elsewhere.
    children : bool
        Whether the children of all these count as own too (living ones, and those that ended and were waited for).

    Notes
    -----
    Other processes' time is the machine's busy time (/proc/stat) less that of the own processes. /proc/stat counts in
    ticks of usually 10 ms per processor, so a block of T seconds on n processors resolves n ticks / T: a short block is
    dirty only above threshold plus that, or if it and the blocks of the last half second together are above threshold.
    In a container the busy time is the whole host's. Containers that hide it make ``other_cpu_cores`` too low.

    A block is dirty when others use more than 5 % of the machine's threads (at least 0.1 core), the hypervisor takes
    more than 2 %, or the mean clock falls by more than 10 %. Where others' time may be hidden (a container with a
    /proc/stat of its own or one that shows less than the own time, a CPU quota), also when tasks waited for a processor
    in more than 20 % of the time or own threads were preempted more than 60 times a second per usable thread, unless
    the own processes fill more than 90 % of the usable threads. Where all time is seen and others used none, own
    threads wake up next to each other: a pass of 1 ms on two threads is preempted 1,000 times a second on a recent
    Linux with nobody else there.
    """

    def __init__(self, pids: Sequence[int] = (), children: bool = True) -> None:
        self._tree = Tree()
        self._pids = tuple(pids)
        self._children = children
        self._tick_s = 1.0 / user_hz()
        self._threads = os.cpu_count() or 1
        quota = read_group_limits(self._tree).quota_cores
        self._hides = quota is not None or _stat_of_its_own(self._tree)
        allowed = float(len(os.sched_getaffinity(0)))
        self._usable = allowed if quota is None else min(allowed, quota)
        self._cpufreq = any(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
        self._strangers = frozenset(self._pids) - {os.getpid(), *_descendants(os.getpid())}
        self._last_times: dict[int, float] = {}
        self._recent: deque[tuple[float, float]] = deque()
        self._before: _Sample | None = None
        self.result: Interference | None = None

    def __enter__(self) -> InterferenceMeter:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.result = self.stop()

    def start(self) -> None:
        """Begin a block."""
        self._before = self._sample()

    def stop(self) -> Interference:
        """End the block and judge it.

        Raises
        ------
        RuntimeError
            ``start`` was not called before: a bug in the caller.
        """
        before, after = self._before, self._sample()
        if before is None:
            raise RuntimeError("InterferenceMeter.stop was called without start")
        self._before = None
        elapsed = max(after.at_s - before.at_s, 1e-6)
        own = max(0.0, after.own_s - before.own_s) / elapsed
        busy = _difference(before.busy_s, after.busy_s)
        other = None if busy is None else max(0.0, busy / elapsed - own)
        total, stolen = _difference(before.total_s, after.total_s), _difference(before.steal_s, after.steal_s)
        stalled = _difference(before.stalled_s, after.stalled_s)
        found = Interference(
            other_cpu_cores=other,
            steal_fraction=None if stolen is None or not total else min(stolen / total, 1.0),
            pressure_some_fraction=None if stalled is None else min(stalled / elapsed, 1.0),
            involuntary_switches_per_s=max(0, after.switches - before.switches) / elapsed,
            clock_start_hz=before.clock_hz,
            clock_end_hz=after.clock_hz,
        )
        reasons = self._reasons(found, elapsed, own, 0.0 if busy is None else busy - own * elapsed)
        return found.model_copy(update={"dirty": bool(reasons), "reasons": reasons})

    def _reasons(self, found: Interference, elapsed: float, own: float, other_s: float) -> tuple[str, ...]:
        reasons = []
        if found.other_cpu_cores is not None and self._disturbed(found.other_cpu_cores, elapsed, other_s):
            reasons.append(f"other processes used {found.other_cpu_cores:.2f} cores")
        # Two ticks of steal in a short block are below what the counter resolves.
        steal_resolution = 2 * self._tick_s / elapsed / self._threads
        if found.steal_fraction is not None and found.steal_fraction > STEAL_FRACTION + steal_resolution:
            reasons.append(f"the hypervisor took {100 * found.steal_fraction:.0f} % of CPU time")
        start_hz, end_hz = found.clock_start_hz, found.clock_end_hz
        if start_hz is not None and end_hz is not None and end_hz < (1 - CLOCK_FALL) * start_hz:
            reasons.append(f"the clock fell from {start_hz / 1e9:.2f} to {end_hz / 1e9:.2f} GHz")
        seen = found.other_cpu_cores is not None and other_s >= -self._threads * self._tick_s
        if (self._hides or not seen) and own <= FULL_SHARE * self._usable:
            pressure, switches = found.pressure_some_fraction, found.involuntary_switches_per_s
            if pressure is not None and pressure > PRESSURE_FRACTION:
                reasons.append(f"tasks waited for a processor {100 * pressure:.0f} % of the time")
            # Ten preemptions are needed to call it a rate.
            if switches is not None and switches * elapsed >= 10 and switches > SWITCHES_PER_CORE_S * self._usable:
                reasons.append(f"own threads were preempted {switches:.0f} times a second")
        return tuple(reasons)

    def _disturbed(self, other: float, elapsed: float, other_s: float) -> bool:
        threshold = max(OTHER_MIN_CORES, OTHER_SHARE * self._threads)
        self._recent.append((elapsed, other_s))
        while sum(length for length, _ in self._recent) - self._recent[0][0] >= WINDOW_S:
            self._recent.popleft()
        if other > threshold + self._threads * self._tick_s / elapsed:
            return True
        window_s = sum(length for length, _ in self._recent)
        mean = sum(spent for _, spent in self._recent) / window_s
        resolution = self._threads * self._tick_s / window_s
        return window_s >= WINDOW_S and other > threshold and mean > threshold + resolution

    def _sample(self) -> _Sample:
        others = self._others()
        times = cpu_times(self._tree)
        return _Sample(
            at_s=time.perf_counter(),
            own_s=self._own_s(others),
            busy_s=None if times is None else times.busy_s,
            total_s=None if times is None else times.total_s,
            steal_s=None if times is None else times.steal_s,
            stalled_s=pressure_some(self._tree)[1],
            switches=self._switches(others),
            clock_hz=self._clock_hz(),
        )

    def _clock_hz(self) -> float | None:
        """Mean clock of the threads that this process may use; a virtual machine's constant tells nothing: None."""
        if not self._cpufreq:
            return None
        clocks = current_clocks_hz(self._tree, _NO_INFO, tuple(sorted(os.sched_getaffinity(0))))
        return sum(clocks) / len(clocks) if clocks else None

    def _others(self) -> list[int]:
        """Further processes of this program."""
        found = [pid for pid in self._pids if pid != os.getpid()]
        if self._children:
            for pid in (os.getpid(), *found.copy()):
                found += _descendants(pid)
        return list(dict.fromkeys(found))

    def _own_s(self, others: Sequence[int]) -> float:
        """CPU time of the own processes so far, with that of their ended and waited-for children.

        A child that ends moves its time into its parent's account, so living and ended ones add up; a stranger's pid
        that ends keeps the value last seen.
        """
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = time.process_time() + ended.ru_utime + ended.ru_stime
        living = {pid: spent for pid in others if (spent := self._process_s(pid)) is not None}
        for pid in self._strangers - living.keys():
            if pid in self._last_times:
                living[pid] = self._last_times[pid]
        self._last_times = living
        return total + sum(living.values())

    def _process_s(self, pid: int) -> float | None:
        """User and system time of a process and of its waited-for children, from /proc/PID/stat (proc_pid_stat(5))."""
        words = (self._tree.text(f"proc/{pid}/stat") or "").rpartition(")")[2].split()
        ticks = [to_int(word) for word in words[11:15]]
        known = [tick for tick in ticks if tick is not None]
        return sum(known) * self._tick_s if len(known) == 4 else None

    def _switches(self, others: Sequence[int]) -> int:
        """Involuntary context switches of the own processes: by rusage here, of others over their living threads."""
        count = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        for pid in others:
            for thread in self._tree.names(f"proc/{pid}/task"):
                for line in (self._tree.text(f"proc/{pid}/task/{thread}/status") or "").splitlines():
                    if line.startswith("nonvoluntary_ctxt_switches:"):
                        count += to_int(line.partition(":")[2]) or 0
        return count


def _stat_of_its_own(tree: Tree) -> bool:
    """Whether /proc/stat is a container's: something is mounted on it, as lxcfs does (proc_mounts(5))."""
    mounts = [line.split() for line in (tree.text("proc/mounts") or "").splitlines()]
    return any(words[1:2] == ["/proc/stat"] for words in mounts)


_NO_INFO: CpuInfo = parse_cpuinfo("")


def _descendants(pid: int) -> list[int]:
    """Living children of a process and theirs; none if it has ended."""
    import psutil

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _difference(before: float | None, after: float | None) -> float | None:
    """Growth of a counter; None if one reading is missing. Steal of some hypervisors runs backwards: 0 then."""
    return None if before is None or after is None else max(0.0, after - before)
