"""Which threads are there, on which core, socket and memory node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from advisor.records.host import NumaNode

from .cpuinfo import CpuInfo, arm_id
from .lscpu import LscpuView
from .memory import node_memory_bytes
from .tree import Tree, parse_cpu_list, parse_cpu_mask, to_int

_CPU = "sys/devices/system/cpu"
_NODE = "sys/devices/system/node"


@dataclass(frozen=True)
class Topology:
    """Online threads, their siblings on one core, and counts; None is unknown."""

    online: tuple[int, ...] | None
    offline: tuple[int, ...] | None
    siblings: dict[int, frozenset[int]] | None
    """For each online thread the online threads of its core, itself included."""
    sockets: int | None
    nodes: tuple[NumaNode, ...]
    renumbered: bool = False
    """``online`` counts the threads of a container from 0; affinity and cpuset count those of the host."""

    @property
    def threads(self) -> int | None:
        """Online threads."""
        return len(self.online) if self.online else None

    @property
    def cores(self) -> int | None:
        """Physical cores with at least one online thread."""
        return None if self.siblings is None else count_cores(self.siblings, self.siblings)

    @property
    def threads_per_core(self) -> int | None:
        """Most online threads on one core: 2 where only the performance cores have two."""
        return None if self.siblings is None else max(map(len, self.siblings.values()))


def count_cores(cpus: Iterable[int], siblings: dict[int, frozenset[int]]) -> int:
    """Distinct physical cores that the threads ``cpus`` lie on."""
    return len({siblings[cpu] for cpu in cpus if cpu in siblings})


def sibling_pair(siblings: dict[int, frozenset[int]] | None, allowed: Iterable[int]) -> tuple[int, int] | None:
    """Two threads of one core that both are allowed; None if no core has two, or siblings are unknown.

    Both must count threads alike; see ``Topology.renumbered``.
    """
    usable = set(allowed)
    for cpu in sorted(siblings or {}):
        group = sorted((siblings or {})[cpu] & usable)
        if len(group) > 1:
            return group[0], group[1]
    return None


def read_topology(
    tree: Tree,
    info: CpuInfo,
    view: LscpuView | None,
    architecture: str | None,
    allowed: Iterable[int] = (),
) -> Topology:
    """Take cores and sockets from lscpu where its table is complete and the kernel's own lists agree; else from these.

    lscpu reads masks only and ignores /proc/cpuinfo, so kernels without masks or without any topology need own reading.

    Parameters
    ----------
    allowed : iterable of int
        Threads that the scheduler grants, in the kernel's own numbers: of this process, or of a cpuset. If one of them
        is neither online nor switched off, /proc and /sys are those of a container that counts its threads anew.
    """
    online = _online(tree, info)
    if not online:
        return Topology(None, None, None, None, ())
    if not set(allowed) <= {*online, *(tree.cpus(f"{_CPU}/offline") or ())}:
        return _renumbered(info, online)
    lists = {cpu: _siblings(tree, cpu, online) for cpu in online}
    siblings = _from_lscpu(view, online)
    known = {cpu: group for cpu, group in lists.items() if group is not None}
    if siblings is None or any(siblings[cpu] != group for cpu, group in known.items()):
        siblings = _own_siblings(tree, info, online, known)
    sockets = _sockets(tree, info, view, online, architecture)
    return Topology(online, _offline(tree, online), siblings, sockets, _nodes(tree, online))


def _renumbered(info: CpuInfo, online: tuple[int, ...]) -> Topology:
    """Topology by /proc/cpuinfo alone, which lxcfs numbers anew; the folders of /sys are those of other threads.

    Source: lxcfs, src/proc_cpuview.c (proc_cpuinfo_read) and src/sysfs_fuse.c (do_cpuset_read).
    """
    groups: dict[tuple[int, int], set[int]] = {}
    for cpu in online:
        physical, core = to_int(info.field(cpu, "physical id")), to_int(info.field(cpu, "core id"))
        if physical is None or core is None:
            sockets = 1 if len(online) == 1 else None
            return Topology(online, (), None, sockets, (), renumbered=True)
        groups.setdefault((physical, core), set()).add(cpu)
    siblings = {cpu: frozenset(group) for group in groups.values() for cpu in group}
    return Topology(online, (), siblings, len({socket for socket, _ in groups}), (), renumbered=True)


def _online(tree: Tree, info: CpuInfo) -> tuple[int, ...] | None:
    """Threads that run: the kernel's list, else the directories that are not switched off, else /proc/cpuinfo."""
    stated = tree.cpus(f"{_CPU}/online")
    if stated:
        return stated
    if info.threads:  # the kernel lists online threads only
        return tuple(sorted(info.threads))
    return tuple(cpu for cpu in tree.numbered(_CPU, "cpu") if tree.integer(f"{_CPU}/cpu{cpu}/online") != 0) or None


def _offline(tree: Tree, online: tuple[int, ...]) -> tuple[int, ...] | None:
    """Threads that are there but switched off; ``possible`` ones that never existed do not count."""
    present = tree.cpus(f"{_CPU}/present")
    if present is None:
        present = tuple(tree.numbered(_CPU, "cpu")) or None
    return None if present is None else tuple(cpu for cpu in present if cpu not in set(online))


def _cpu_set(tree: Tree, directory: str, *names: str) -> frozenset[int] | None:
    """First readable of several lists (``*_list``) or masks."""
    for name in names:
        text = tree.text(f"{directory}/{name}")
        found = None if text is None else parse_cpu_list(text) if name.endswith("_list") else parse_cpu_mask(text)
        if found:
            return frozenset(found)
    return None


def _siblings(tree: Tree, cpu: int, online: tuple[int, ...]) -> frozenset[int] | None:
    names = ("core_cpus_list", "thread_siblings_list", "core_cpus", "thread_siblings")
    found = _cpu_set(tree, f"{_CPU}/cpu{cpu}/topology", *names)
    return found & frozenset(online) if found is not None and cpu in found else None


def _from_lscpu(view: LscpuView | None, online: tuple[int, ...]) -> dict[int, frozenset[int]] | None:
    if view is None:
        return None
    groups: dict[int, set[int]] = {}
    for cpu in online:
        row = view.threads.get(cpu)
        if row is None or row.core is None or row.online is False:
            return None
        groups.setdefault(row.core, set()).add(cpu)
    return {cpu: frozenset(group) for group in groups.values() for cpu in group}


def _own_siblings(
    tree: Tree, info: CpuInfo, online: tuple[int, ...], lists: dict[int, frozenset[int]]
) -> dict[int, frozenset[int]] | None:
    """Group threads by sibling lists where all have one, else by package, die and core; None if one lacks them."""
    if len(lists) == len(online) and all(lists.get(other) == group for group in lists.values() for other in group):
        return lists
    groups: dict[tuple[int, ...], set[int]] = {}
    for cpu in online:
        key = _core_key(tree, info, cpu)
        if key is None:
            return {cpu: frozenset(online)} if len(online) == 1 else None
        groups.setdefault(key, set()).add(cpu)
    return {cpu: frozenset(group) for group in groups.values() for cpu in group}


def _core_key(tree: Tree, info: CpuInfo, cpu: int) -> tuple[int, ...] | None:
    directory = f"{_CPU}/cpu{cpu}/topology"
    package = tree.integer(f"{directory}/physical_package_id")
    core = tree.integer(f"{directory}/core_id")
    if package is not None and core is not None and core >= 0:
        die, cluster = (tree.integer(f"{directory}/{name}") for name in ("die_id", "cluster_id"))
        # Arm numbers cores from 0 in every cluster; on x86 core_id is unique in a die and cluster_id only adds detail.
        return (0, package, -1 if die is None else die, -1 if cluster is None else cluster, core)
    physical, number = to_int(info.field(cpu, "physical id")), to_int(info.field(cpu, "core id"))
    return None if physical is None or number is None else (1, physical, -1, -1, number)


def _sockets(
    tree: Tree, info: CpuInfo, view: LscpuView | None, online: tuple[int, ...], architecture: str | None
) -> int | None:
    packages = [tree.integer(f"{_CPU}/cpu{cpu}/topology/physical_package_id") for cpu in online]
    stated = {package for package in packages if package is not None and package >= 0}
    complete = all(package is not None and package >= 0 for package in packages)
    if architecture is None or architecture.startswith(("aarch64", "arm", "riscv")):
        if _is_board(tree, info, online):
            return 1
        return len(stated) if complete else None
    if complete:
        return len(stated)
    if view is not None:
        sockets = {view.threads[cpu].socket if cpu in view.threads else None for cpu in online}
        if None not in sockets:
            return len(sockets)
    physical = {to_int(info.field(cpu, "physical id")) for cpu in online}
    if None not in physical:
        return len(physical)
    return 1 if len(online) == 1 else None


def _is_board(tree: Tree, info: CpuInfo, online: tuple[int, ...]) -> bool:
    """Whether this is one system on chip: Arm kernels before 5.19 number its *clusters* as packages.

    A device tree instead of ACPI, or cores of different design, say so: machines with several sockets boot by ACPI and
    have equal cores. Source: Linux commit "arch_topology: Set cluster identifier in each core/thread" (5.19).
    """
    tree_blob = tree.exists("sys/firmware/devicetree/base") or tree.exists("proc/device-tree")
    if tree_blob and not tree.exists("sys/firmware/acpi/tables"):
        return True
    return len({found for cpu in online if (found := arm_id(info, cpu)) is not None}) > 1


def _nodes(tree: Tree, online: tuple[int, ...]) -> tuple[NumaNode, ...]:
    """Memory nodes with online and offline threads; a node's list leaves out offline ones, their links do not."""
    numbers = tree.numbered(_NODE, "node")
    linked: dict[int, set[int]] = {}
    for cpu in tree.numbered(_CPU, "cpu"):
        for node in tree.numbered(f"{_CPU}/cpu{cpu}", "node"):
            linked.setdefault(node, set()).add(cpu)
    nodes = []
    running = set(online)
    for number in numbers:
        listed = tree.cpus(f"{_NODE}/node{number}/cpulist")
        if listed is None:
            mask = tree.text(f"{_NODE}/node{number}/cpumap")
            listed = parse_cpu_mask(mask) if mask is not None else None
        members = set(listed or ()) | linked.get(number, set())
        nodes.append(
            NumaNode(
                id=number,
                cpus=tuple(sorted(members & running)),
                offline_cpus=tuple(sorted(members - running)),
                memory_bytes=node_memory_bytes(tree, number),
            )
        )
    return tuple(nodes)
