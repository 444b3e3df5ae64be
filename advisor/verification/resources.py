"""What the run and others take from the machine: CPU by group of threads, memory, clock, temperature, energy.

CPU of inference is the process's CPU without that of our own threads; how it is told apart by stage stands in
:mod:`advisor.verification.usage`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.host import package_energy_j

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PERIOD_S = 0.5


def thread_cpu_s(native_id: int) -> float:
    """CPU time of one thread of this process [s]; 0.0 once it has ended."""
    try:
        fields = Path(f"/proc/self/task/{native_id}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_S


def thread_sleeps(native_id: int) -> bool:
    """Say whether a thread waits for something else than a core; False once it has ended."""
    try:
        state = Path(f"/proc/self/task/{native_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state in {"S", "D"}


def process_cpu_s(pid: int | str = "self") -> float | None:
    """CPU time of a whole process with all its threads [s]; None once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) * TICK_S


def resident_bytes() -> int | None:
    """Resident memory of this process [B]."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except OSError:
        return None


def machine_cpu_s() -> tuple[float, float] | None:
    """CPU time of everything on the machine and time stolen by the hypervisor [s], since boot."""
    try:
        fields = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    except (OSError, ValueError, IndexError):
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = (*fields, *([0] * 8))[:8]
    return (user + nice + system + irq + softirq) * TICK_S, steal * TICK_S


def clock_hz(sys: Path = Path("/sys")) -> float | None:
    """Mean clock of all cores [Hz]; None if the kernel does not tell."""
    values = []
    for path in sys.glob("devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"):
        try:
            values.append(float(path.read_text()) * 1e3)
        except (OSError, ValueError):
            continue  # a core that is off tells nothing
    return sum(values) / len(values) if values else None


def temperature_c() -> float | None:
    """Hottest thermal zone [C]; None if absent."""
    values = []
    for path in Path("/sys").glob("class/thermal/thermal_zone*/temp"):
        try:
            values.append(float(path.read_text()) / 1e3)
        except (OSError, ValueError):
            continue  # zones of parts that sleep cannot be read
    return max(values, default=None)


def throttle_count(sys: Path = Path("/sys")) -> int | None:
    """Count how often cores were slowed down for heat or power since boot; None if the kernel does not tell."""
    values = []
    for path in sys.glob("devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"):
        try:
            values.append(int(path.read_text()))
        except (OSError, ValueError):
            continue  # a core that is off tells nothing
    return sum(values) if values else None


class Sampler:
    """Takes a row of all counters twice a second on a thread of its own."""

    def __init__(
        self,
        now_s: Callable[[], float],
        keep: Callable[[dict[str, Any]], None],
        threads: Callable[[], Sequence[threading.Thread]],
        counters: Callable[[], Mapping[str, float]],
        parent: int,
    ) -> None:
        self._now_s, self._keep, self._threads, self._counters, self._parent = now_s, keep, threads, counters, parent
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def row(self) -> dict[str, Any]:
        """All counters now; cumulative where they are times or energies."""
        machine = machine_cpu_s()
        own = [thread for thread in self._threads() if thread.native_id is not None]
        return {
            "t": self._now_s(),
            "cpu_s": process_cpu_s(),
            "parent_cpu_s": process_cpu_s(self._parent),
            "own_threads_s": sum(thread_cpu_s(thread.native_id or 0) for thread in own),
            "machine_s": machine[0] if machine else None,
            "steal_s": machine[1] if machine else None,
            "rss": resident_bytes(),
            "hz": clock_hz(),
            "temperature_c": temperature_c(),
            "energy_j": package_energy_j(),
            "throttled": throttle_count(),
            **self._counters(),
        }

    def stop(self) -> None:
        """Take a last row and end."""
        self._stop.set()
        self.thread.join()
        self._keep(self.row())

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self._keep(self.row())
