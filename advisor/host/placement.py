"""Cores, memory nodes and OpenMP threads of this process: set as requested, and read back as they are in effect."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
from pathlib import Path

from advisor.errors import InputError
from advisor.records.host_settings import OMP_VARIABLE, EffectiveHost, HostSettings, as_list

from .cgroup import read_group_limits
from .tree import Tree, parse_cpu_list

_TASKS = Path("/proc/self/task")
_BIND = 2
"""MPOL_BIND of Linux (include/uapi/linux/mempolicy.h)."""
_MEMORY_CALLS = {"x86_64": (238, 239), "aarch64": (237, 236)}
"""Numbers of set_mempolicy and get_mempolicy: glibc has no function for them, and libnuma is seldom installed.
Source: Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h."""
_NODE_WORDS = 16
"""Of the mask that is handed over: 1,024 nodes, the most that Linux is built for (CONFIG_NODES_SHIFT 10)."""
_WORD_BITS = 8 * ctypes.sizeof(ctypes.c_ulong)


def environment(settings: HostSettings) -> dict[str, str | None]:
    """Variables for the process that is to run; OpenMP libraries read theirs once, when they are loaded."""
    return {} if settings.omp_threads is None else {OMP_VARIABLE: str(settings.omp_threads)}


def apply(settings: HostSettings) -> None:
    """Pin this process to its cores and memory nodes, before any runtime is loaded: runtimes count cores at that time.

    Never to more than it was granted: what its parent, a cpuset or ``taskset`` took away stays away, and shows when the
    settings are read back. Memory follows threads that are started from now on. A quota cannot be set from inside.

    Raises
    ------
    InputError
        None of the cores is granted, or the system refuses the memory policy.
    """
    granted = os.sched_getaffinity(0)
    wanted = set(settings.cpuset) or granted
    if settings.numa_nodes:
        wanted = wanted & cpus_of(settings.numa_nodes)
    allowed = wanted & granted
    if not allowed:
        raise InputError(
            f"planned for {_asked(settings)}, of which this process is granted none (it has CPUs {as_list(granted)}): "
            "start it where they are, or plan again with --on this"
        )
    if allowed != granted:
        for task in _TASKS.iterdir():
            with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
                os.sched_setaffinity(int(task.name), allowed)
    present = set(settings.numa_nodes) & set(_nodes_present())
    if present:
        _bind_memory(present)


def read_back() -> EffectiveHost:
    """Return what is in effect for this process and the libraries that it has loaded."""
    from threadpoolctl import threadpool_info

    variable = os.environ.get(OMP_VARIABLE, "")
    found = {
        Path(str(item["filepath"])).name: int(item["num_threads"])
        for item in threadpool_info()
        if item["user_api"] == "openmp"
    }
    return EffectiveHost(
        cpu_limit=read_group_limits(Tree()).quota_cores,
        cpuset=tuple(sorted(os.sched_getaffinity(0))),
        numa_nodes=_memory_nodes(),
        omp_threads=int(variable) if variable.isdigit() and int(variable) > 0 else None,
        openmp_libraries=found,
    )


def cpus_of(nodes: tuple[int, ...], tree: Tree | None = None) -> set[int]:
    """Logical CPUs of some NUMA nodes; nodes that this machine lacks have none."""
    here = tree or Tree()
    return {
        cpu
        for node in nodes
        for cpu in parse_cpu_list(here.text(f"sys/devices/system/node/node{node}/cpulist") or "") or ()
    }


def _asked(settings: HostSettings) -> str:
    cores = f"CPUs {as_list(settings.cpuset)}" if settings.cpuset else ""
    nodes = f"NUMA nodes {as_list(settings.numa_nodes)}" if settings.numa_nodes else ""
    return " of ".join(part for part in (cores, nodes) if part)


def _nodes_present() -> tuple[int, ...]:
    return parse_cpu_list(Tree().text("sys/devices/system/node/online") or "") or ()


def _memory_nodes() -> tuple[int, ...] | None:
    """Nodes of this thread's memory policy, if it is bound; else those that its control group grants."""
    calls = _MEMORY_CALLS.get(platform.machine())
    if calls is not None:
        policy, mask = ctypes.c_int(0), (ctypes.c_ulong * _NODE_WORDS)()
        failed = _libc().syscall(calls[1], ctypes.byref(policy), mask, _NODE_WORDS * _WORD_BITS, None, 0)
        if not failed and policy.value == _BIND:
            bits = enumerate(bool(word >> bit & 1) for word in mask for bit in range(_WORD_BITS))
            return tuple(number for number, held in bits if held)
    for line in (Tree().text("proc/self/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "Mems_allowed_list":
            return parse_cpu_list(value.strip()) or None
    return None


def _bind_memory(nodes: set[int]) -> None:
    calls = _MEMORY_CALLS.get(platform.machine())
    if calls is None:
        raise InputError(f"memory cannot be bound to NUMA nodes on {platform.machine()}; start under numactl --membind")
    mask = (ctypes.c_ulong * _NODE_WORDS)()
    for node in nodes:
        mask[node // _WORD_BITS] |= 1 << node % _WORD_BITS
    if _libc().syscall(calls[0], _BIND, mask, _NODE_WORDS * _WORD_BITS):
        reason = os.strerror(ctypes.get_errno())
        raise InputError(
            f"the system refuses to bind memory to NUMA nodes {as_list(nodes)} ({reason}): containers need the "
            "capability SYS_NICE for that"
        )


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
