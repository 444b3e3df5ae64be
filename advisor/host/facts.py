"""Put together what ``sizer host`` prints, and the fingerprint under which measurements are kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

from advisor.clock import utc_now
from advisor.errors import HostError
from advisor.records.host import CpuFacts, HostFacts, LimitFacts, NoiseFacts, RuntimeFacts

from .advice import preflight
from .caches import read_caches, total_bytes
from .cgroup import GroupLimits, read_group_limits
from .cpuinfo import CpuInfo, architecture, brand, family_model, flags, read_cpuinfo, vendor
from .devices import kernel_devices
from .kinds import Kind, core_kinds, count_kind, max_clocks
from .lscpu import LscpuView, read_lscpu
from .memory import read_memory
from .noise import cpu_times, load_1min, pressure_some, steal_fraction
from .sensors import (
    base_clock_hz,
    board,
    current_clocks_hz,
    energy_preference,
    governor,
    temperatures_c,
    throttle_count,
    virtualisation,
)
from .simd import simd_level, simd_words
from .topology import Topology, count_cores, read_topology
from .tree import Tree, parse_cpu_list

_SAMPLE_S = 0.2  # 20 ticks of /proc/stat per thread: others' load to 5 % of a core


def host_facts(sysroot: Path | None = None, runtimes: Sequence[RuntimeFacts] = ()) -> HostFacts:
    """Read the facts of this machine, or of the one whose /proc and /sys were copied below ``sysroot``.

    Parameters
    ----------
    sysroot : Path, optional
        Directory with ``proc`` and ``sys``. Then nothing of the local machine enters: no affinity, load or runtime.
    runtimes : sequence of RuntimeFacts
        Installed inference runtimes, found by the caller.

    Returns
    -------
    HostFacts
        None (or an empty tuple) for everything that cannot be determined; cores and threads count what is online.

    Raises
    ------
    HostError
        ``sysroot`` is no such directory.
    """
    from advisor import __version__

    tree = Tree(sysroot)
    info = read_cpuinfo(tree)
    view = read_lscpu(tree)
    arch = architecture(info, platform.machine() or None if tree.live else None)
    groups, affinity = read_group_limits(tree), _affinity(tree)
    # A saved status may name threads that the machine could have; what the scheduler grants here and now exists.
    granted = {*(groups.cpuset or ()), *((affinity or ()) if tree.live else ())}
    topology = read_topology(tree, info, view, arch, granted)
    cpu = _cpu_facts(tree, info, view, topology, arch)
    draft = HostFacts(
        sizer_version=__version__,
        created=utc_now(),
        fingerprint="",
        hostname=tree.text("proc/sys/kernel/hostname") or (platform.node() or None if tree.live else None),
        kernel=tree.text("proc/sys/kernel/osrelease") or (platform.release() if tree.live else None),
        cpu=cpu,
        memory=read_memory(tree),
        limits=_limits(topology, groups, affinity),
        noise=_noise(tree, topology),
        devices=kernel_devices(tree),
        runtimes=tuple(runtimes),
    )
    return draft.model_copy(update={"fingerprint": fingerprint(draft), "warnings": preflight(draft)})


def fingerprint(facts: HostFacts) -> str:
    """Hash the facts that decide speed: processor, cores, SIMD, caches, memory, quota; no clocks, load or host name.

    Memory counts in steps of 1 GiB, as a kernel update moves what it reserves. Channels and speed of the modules do not
    count, nor the hypervisor's name: root or lscpu would see another machine than a plain user. Two boxes of one kind
    have one fingerprint, on purpose.

    Returns
    -------
    str
        16 hexadecimal digits of SHA-256.
    """
    cpu, limits = facts.cpu, facts.limits
    memory = facts.memory.total_bytes
    decisive = [
        *(cpu.brand, cpu.vendor, cpu.family, cpu.model, cpu.architecture, cpu.sockets, cpu.cores, cpu.threads),
        # Low-power cores are counted in, as version 0.1 did: its measurements stay this machine's.
        *(cpu.performance_cores, _smaller_cores(cpu), cpu.numa_nodes, cpu.virtualisation is not None, list(cpu.simd)),
        [[cache.level, cache.type, cache.size_bytes, cache.instances, cache.threads_sharing] for cache in cpu.caches],
        *(
            None if memory is None else round(memory / 2**30),
            limits.quota_cores,
            limits.usable_cores,
            None if limits.affinity is None else len(limits.affinity),
        ),
    ]
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()[:16]


def _smaller_cores(cpu: CpuFacts) -> int | None:
    return None if cpu.efficiency_cores is None else cpu.efficiency_cores + (cpu.low_power_cores or 0)


def usable_cores(facts: HostFacts) -> float:
    """Physical cores that this process may keep busy: the least of quota, affinity, cpuset and cores.

    Raises
    ------
    HostError
        Not even the number of threads is known.
    """
    if facts.limits.usable_cores is None:
        raise HostError("this machine does not tell its number of cores (no /proc/cpuinfo); give --threads explicitly")
    return facts.limits.usable_cores


def _cpu_facts(tree: Tree, info: CpuInfo, view: LscpuView | None, topology: Topology, arch: str | None) -> CpuFacts:
    online = topology.online or ()
    words = flags(info)
    caches = read_caches(tree, online)
    kinds = core_kinds(tree, info, topology, caches)
    clocks = {cpu: khz * 1e3 for cpu, khz in max_clocks(tree, online).items() if khz is not None}
    highest_hz: dict[Kind, float] = {}
    for cpu, kind in zip(online, kinds, strict=True):
        if cpu in clocks:
            highest_hz[kind] = max(clocks[cpu], highest_hz.get(kind, 0.0))
    performing, efficient = (count_kind(kinds, kind, topology) for kind in ("performance", "efficiency"))
    family = family_model(info) if arch in ("x86_64", "i686") else None
    return CpuFacts(
        brand=_brand(tree, info, view),
        vendor=vendor(info) or (view.fields.get("Vendor ID") if view is not None else None),
        architecture=arch,
        sockets=topology.sockets,
        cores=topology.cores,
        threads=topology.threads,
        threads_per_core=topology.threads_per_core,
        performance_cores=performing,
        efficiency_cores=efficient,
        numa_nodes=len(topology.nodes) or None,
        simd=simd_words(words),
        simd_level=simd_level(words),
        l1d_bytes=total_bytes(caches, 1),
        l2_bytes=total_bytes(caches, 2),
        l3_bytes=total_bytes(caches, 3),
        caches=caches,
        nodes=topology.nodes,
        core_kinds=kinds,
        online=topology.online,
        offline=topology.offline,
        base_hz=base_clock_hz(tree, info, online),
        max_hz=max(clocks.values(), default=None),
        efficiency_max_hz=highest_hz.get("efficiency") if performing else None,
        low_power_cores=count_kind(kinds, "low-power", topology),
        low_power_max_hz=highest_hz.get("low-power"),
        family=None if family is None else family[0],
        model=None if family is None else family[1],
        current_hz=current_clocks_hz(tree, info, online),
        governor=governor(tree, online),
        energy_preference=energy_preference(tree, online),
        power_profile=tree.text("sys/firmware/acpi/platform_profile"),
        clock_source=tree.text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        virtualisation=virtualisation(tree, info, view),
        board=board(tree, info),
    )


def _brand(tree: Tree, info: CpuInfo, view: LscpuView | None) -> str | None:
    """Model name by /proc/cpuinfo, else by lscpu, else (this machine, no lscpu) by py-cpuinfo's cpuid instruction."""
    stated = brand(info) or (view.fields.get("Model name") if view is not None else None)
    if stated is None and tree.live and view is None:
        import cpuinfo as py_cpuinfo

        stated = py_cpuinfo.get_cpu_info().get("brand_raw") or None
    return stated


def _limits(topology: Topology, groups: GroupLimits, affinity: tuple[int, ...] | None) -> LimitFacts:
    if affinity is not None and topology.online is not None and not topology.renumbered:
        affinity = tuple(cpu for cpu in affinity if cpu in set(topology.online)) or None
    return LimitFacts(
        quota_cores=groups.quota_cores,
        affinity=affinity,
        usable_cores=_usable(topology, groups, affinity),
        memory_limit_bytes=groups.memory_limit_bytes,
        cpuset=groups.cpuset,
        cgroup_version=groups.version,
    )


def _affinity(tree: Tree) -> tuple[int, ...] | None:
    """Threads this process may run on; of a saved tree what its copied /proc/self/status says, usually nothing."""
    if tree.live:
        return tuple(sorted(os.sched_getaffinity(0)))
    for line in (tree.text("proc/self/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "Cpus_allowed_list":
            return parse_cpu_list(value) or None
    return None


def _usable(topology: Topology, groups: GroupLimits, affinity: tuple[int, ...] | None) -> float | None:
    """Least of quota, cores, and cores that the allowed threads lie on; threads stand in where cores are unknown."""
    if topology.renumbered:
        return _usable_of_container(topology, groups, affinity)
    allowed = set(topology.online or ())
    for limit in (affinity, groups.cpuset):
        if limit is not None:
            allowed = allowed & set(limit) or allowed
    bounds = [] if groups.quota_cores is None else [groups.quota_cores]
    if topology.siblings is not None:
        bounds.append(float(count_cores(allowed, topology.siblings)))
    elif allowed:
        bounds.append(float(len(allowed)))
    elif not bounds:
        return None
    return min(bounds)


def _usable_of_container(topology: Topology, groups: GroupLimits, affinity: tuple[int, ...] | None) -> float | None:
    """Least of quota, cores, and number of granted threads, whose numbers are the host's and name none of ours."""
    sets = [set(limit) for limit in (affinity, groups.cpuset) if limit is not None]
    bounds = [float(len(set.intersection(*sets)))] if sets and set.intersection(*sets) else []
    shown = topology.cores if topology.cores is not None else topology.threads
    bounds += [] if shown is None else [float(shown)]
    bounds += [] if groups.quota_cores is None else [groups.quota_cores]
    return min(bounds, default=None)


def _noise(tree: Tree, topology: Topology) -> NoiseFacts:
    return NoiseFacts(
        load_1min=load_1min(tree),
        steal_fraction=steal_fraction(tree),
        other_cpu_cores=_busy_cores(tree),
        pressure_some_fraction=pressure_some(tree)[0],
        temperatures_c=temperatures_c(tree),
        throttle_count=throttle_count(tree, topology.online or ()),
    )


def _busy_cores(tree: Tree) -> float | None:
    """Cores that others kept busy for a moment, in which this process may work too; None for a saved tree."""
    if not tree.live:
        return None
    before, started, own_s = cpu_times(tree), time.perf_counter(), time.process_time()
    time.sleep(_SAMPLE_S)
    after, elapsed, own_s = cpu_times(tree), time.perf_counter() - started, time.process_time() - own_s
    return None if before is None or after is None else max(0.0, after.busy_s - before.busy_s - own_s) / elapsed
