"""CPU quota, cpuset and memory limit of the control groups around this process, versions 1 and 2.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst, section "CPU", and scheduler/sched-bwc.rst for version 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal, TypeVar

from .tree import Tree, positive, to_int

_T = TypeVar("_T")
_UNLIMITED_BYTES = 1 << 60  # version 1 writes the largest multiple of a page below 2**63 for "no limit"
_V1_PLACES = {
    "cpu": ("sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpuacct,cpu", "cgroup/cpu"),
    "cpuset": ("sys/fs/cgroup/cpuset", "cgroup/cpuset"),
    "memory": ("sys/fs/cgroup/memory", "cgroup/memory"),
}
_V2_PLACES = ("sys/fs/cgroup", "sys/fs/cgroup/unified")


@dataclass(frozen=True)
class GroupLimits:
    """The tightest limit on the way from this process' group to the root; None is no limit or none readable."""

    version: Literal[1, 2] | None
    quota_cores: float | None
    cpuset: tuple[int, ...] | None
    memory_limit_bytes: int | None


@dataclass(frozen=True)
class _Mount:
    """A hierarchy: where it is mounted, which of its groups lies there, and the controllers of a version 1 one."""

    point: str
    root: str
    controllers: frozenset[str]
    version: Literal[1, 2]


def read_group_limits(tree: Tree) -> GroupLimits:
    """Walk every hierarchy upwards: an outer group's quota and memory limit bind as much as the own ones."""
    own = _own_paths(tree)
    mounts = _mounts(tree)
    quotas: list[float] = []
    memories: list[int] = []
    sets: list[frozenset[int]] = []
    for mount in mounts:
        directories = _walk(mount, own)
        if mount.version == 2:
            quotas += _each(directories, lambda at: _quota_v2(tree, at))
            memories += _each(directories, lambda at: positive(tree.integer(f"{at}/memory.max")))
            sets += _cpusets(tree, directories, ("cpuset.cpus.effective", "cpuset.cpus"))
        if "cpu" in mount.controllers:
            quotas += _each(directories, lambda at: _quota_v1(tree, at))
        if "memory" in mount.controllers:
            memories += _each(directories, lambda at: positive(tree.integer(f"{at}/memory.limit_in_bytes")))
        if "cpuset" in mount.controllers:
            names = ("cpuset.effective_cpus", "cpuset.cpus", "cpus")
            sets += _cpusets(tree, directories, names)
    memories = [size for size in memories if size < _UNLIMITED_BYTES]
    sets = [cpus for cpus in sets if cpus]
    cpuset = frozenset.intersection(*sets) if sets else frozenset()
    return GroupLimits(
        version=_version(tree, mounts),
        quota_cores=min(quotas, default=None),
        cpuset=tuple(sorted(cpuset)) or None,
        memory_limit_bytes=min(memories, default=None),
    )


def _each(directories: list[str], read: Callable[[str], _T | None]) -> list[_T]:
    return [value for directory in directories if (value := read(directory)) is not None]


def _quota_v2(tree: Tree, directory: str) -> float | None:
    words = (tree.text(f"{directory}/cpu.max") or "").split()
    period = positive(to_int(words[1])) if len(words) > 1 else 100_000  # the kernel's default period, microseconds
    quota = positive(to_int(words[0])) if words else None
    return None if quota is None or period is None else quota / period


def _quota_v1(tree: Tree, directory: str) -> float | None:
    quota = positive(tree.integer(f"{directory}/cpu.cfs_quota_us"))
    period = positive(tree.integer(f"{directory}/cpu.cfs_period_us"))
    return None if quota is None or period is None else quota / period


def _cpusets(tree: Tree, directories: list[str], names: tuple[str, ...]) -> list[frozenset[int]]:
    """Set of the innermost group that states one, under the first name with content; at most one.

    The kernel has already cut it to what outer groups leave. These may show less: a partition, see
    ``cpuset.cpus.partition``, takes its CPUs out of the effective sets of all groups around it.
    """
    lists = (tree.cpus(f"{directory}/{name}") for directory in directories for name in names)
    return [next((frozenset(cpus) for cpus in lists if cpus), frozenset[int]())]


def _own_paths(tree: Tree) -> dict[str, str]:
    """Group path by version 1 controller, "" for version 2; of the copying process, else of the first one."""
    for process in ("self", "1"):
        paths: dict[str, str] = {}
        for line in (tree.text(f"proc/{process}/cgroup") or "").splitlines():
            number, _, rest = line.partition(":")
            controllers, colon, path = rest.partition(":")
            if to_int(number) is None or not colon or not path.startswith("/"):
                continue
            for controller in controllers.split(","):
                paths[controller] = path
        if paths:
            return paths
    return {}


def _mounts(tree: Tree) -> list[_Mount]:
    """Mounted hierarchies by /proc/self/mountinfo, and the usual places (a copied tree may lack that file)."""
    found: dict[str, _Mount] = {}
    for line in (tree.text("proc/self/mountinfo") or tree.text("proc/1/mountinfo") or "").splitlines():
        left, dash, right = line.partition(" - ")
        place, kind = left.split(), right.split()
        if not dash or len(place) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        options = frozenset(kind[2].split(",")) if kind[0] == "cgroup" else frozenset[str]()
        point = place[4].strip("/")
        found.setdefault(point, _Mount(point, place[3], options, 1 if kind[0] == "cgroup" else 2))
    known = {controller for mount in found.values() for controller in mount.controllers}
    for controller, places in _V1_PLACES.items():
        there = next((place for place in places if tree.names(place)), None)
        if controller not in known and there is not None and there not in found:
            found[there] = _Mount(there, "/", frozenset({controller}), 1)
    if not any(mount.version == 2 for mount in found.values()):
        for point in _V2_PLACES:
            if any(
                tree.exists(f"{point}/{name}") for name in ("cgroup.controllers", "cpu.max", "cpuset.cpus.effective")
            ):
                found[point] = _Mount(point, "/", frozenset(), 2)
    return list(found.values())


def _walk(mount: _Mount, own: dict[str, str]) -> list[str]:
    """Directories from the own group up to where the hierarchy is mounted.

    In a container without a cgroup namespace the path counts from the host's root, but only the part below the mount's
    root can be seen; parts that are not there read as no limit. ``..`` marks a group outside the namespace.
    """
    keys = [""] if mount.version == 2 else sorted(mount.controllers & own.keys())
    path = next((own[key] for key in keys if key in own), "/")
    if ".." in PurePosixPath(path).parts:
        path = "/"
    root = mount.root.rstrip("/")
    if root and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    parts = [part for part in path.split("/") if part]
    return ["/".join([mount.point, *parts[:count]]) for count in range(len(parts), -1, -1)]


def _version(tree: Tree, mounts: list[_Mount]) -> Literal[1, 2] | None:
    """Which version rules the CPU; in a mixed set-up that is 1 where a version 1 hierarchy holds the cpu controller."""
    if any("cpu" in mount.controllers and tree.names(mount.point) for mount in mounts):
        return 1
    return 2 if any(mount.version == 2 and tree.names(mount.point) for mount in mounts) else None
