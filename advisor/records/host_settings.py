"""What the operating system grants the process that runs the cascade: what was requested, and what is in effect."""

from __future__ import annotations

from collections.abc import Collection

from .base import Count, PositiveCount, PositiveQuantity, Record

OMP_VARIABLE = "OMP_NUM_THREADS"


def as_list(numbers: Collection[int]) -> str:
    """Spell numbers as the kernel does: ``0-3,8``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


class HostSettings(Record):
    """Requested of the operating system; None or empty leaves it to it."""

    cpu_limit: PositiveQuantity | None = None
    """Cores' worth of time that a container may take (its CPU quota); None: no quota, which never stops a thread in
    the middle of a pass."""
    cpuset: tuple[Count, ...] = ()
    """Logical CPUs that its threads may run on, in the kernel's numbers."""
    numa_nodes: tuple[Count, ...] = ()
    """NUMA nodes whose cores and memory it takes (``numactl --cpunodebind``, ``--membind``)."""
    omp_threads: PositiveCount | None = None
    """``OMP_NUM_THREADS``: threads with which an OpenMP library begins a parallel region, unless it is told otherwise
    by the runtime that calls it."""

    @property
    def words(self) -> str:
        """What is asked for; empty where nothing is."""
        parts = [
            "" if not self.cpuset else f"CPUs {as_list(self.cpuset)}",
            "" if not self.numa_nodes else f"NUMA nodes {as_list(self.numa_nodes)}",
            "" if self.cpu_limit is None else f"{self.cpu_limit:g} cores",
            "" if self.omp_threads is None else f"OMP_NUM_THREADS={self.omp_threads}",
        ]
        return ", ".join(part for part in parts if part)


NOTHING_ASKED = HostSettings()
"""The whole machine, as the process is started."""


class EffectiveHost(Record):
    """Read back in the process that ran the cascade; None where the system does not tell."""

    cpu_limit: PositiveQuantity | None = None
    """Quota of the control groups around it; None: there is none."""
    cpuset: tuple[Count, ...] | None = None
    """``sched_getaffinity``."""
    numa_nodes: tuple[Count, ...] | None = None
    """Nodes that its memory may come from: its policy (``get_mempolicy``), else ``Mems_allowed_list``."""
    omp_threads: PositiveCount | None = None
    """``OMP_NUM_THREADS`` in its environment."""
    openmp_libraries: dict[str, PositiveCount] = {}
    """OpenMP libraries that it has loaded, and the threads that each would begin a region with on the main thread."""

    @property
    def words(self) -> str:
        """What is in effect."""
        parts = [
            "" if self.cpuset is None else f"CPUs {as_list(self.cpuset)}",
            "" if self.numa_nodes is None else f"memory of NUMA nodes {as_list(self.numa_nodes)}",
            "no quota" if self.cpu_limit is None else f"quota of {self.cpu_limit:g} cores",
            "" if self.omp_threads is None else f"OMP_NUM_THREADS={self.omp_threads}",
            *(f"{name} with {threads} threads" for name, threads in self.openmp_libraries.items()),
        ]
        return ", ".join(part for part in parts if part)
