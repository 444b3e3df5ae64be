"""Which cores are performance cores, which efficiency cores, and which of these stand outside the third-level cache."""

from __future__ import annotations

from typing import Literal

from advisor.records.host import CacheFact

from .arm_parts import core_name, is_small
from .cpuinfo import CpuInfo, arm_id, family_model, vendor
from .topology import Topology, count_cores
from .tree import Tree, positive

Kind = Literal["performance", "efficiency", "low-power", "unknown"]

_CPU = "sys/devices/system/cpu"
_MONITORS = ("sys/devices", "sys/bus/event_source/devices")
# A core below this share of the strongest one's capacity is an efficiency core: A55 next to A76 has 0.4-0.5, E next
# to P 0.55-0.7; the middle cores of three-tier phones (0.75-0.9) count as performance cores.
_CAPACITY_SHARE = 0.7
# The same by highest clock, for machines without capacities: E cores run at 0.65-0.82 of the P cores' clock; favoured
# cores of one design differ by less than 0.1.
_CLOCK_SHARE = 0.85
# Family 6 models. Source: Linux, arch/x86/include/asm/intel-family.h.
_EFFICIENCY_ONLY = frozenset({0xBE, 0xAF, 0xB6, 0xDD})  # Alder Lake-N, Sierra Forest, Grand Ridge, Clearwater Forest
_HYBRID = frozenset({0x8A, 0x97, 0x9A, 0xB7, 0xBA, 0xBF, 0xAA, 0xAC, 0xC5, 0xC6, 0xB5, 0xBD, 0xCC})


def core_kinds(tree: Tree, info: CpuInfo, topology: Topology, caches: tuple[CacheFact, ...]) -> tuple[Kind, ...]:
    """Kind of each online thread, by the first evidence that tells two kinds apart.

    In order: Intel's two performance-monitoring units, Arm core designs, capacities, second-level caches shared by some
    cores only (Intel), highest clocks. Efficiency cores outside the third-level cache are low-power cores (Intel).
    Equal cores are performance cores, but a chip that its maker builds of efficiency cores alone (Processor N100) has
    those; a guest on a hybrid chip that shows none of it stays unknown, and so do Arm cores of several designs of which
    one is not in our table.
    """
    online = topology.online or ()
    if not online:
        return ()
    for found in (
        _by_monitor(tree, online),
        _by_design(info, online),
        _by_share({cpu: tree.integer(f"{_CPU}/cpu{cpu}/cpu_capacity") for cpu in online}, _CAPACITY_SHARE),
        _by_cache(info, topology, caches),
        _by_share(max_clocks(tree, online), _CLOCK_SHARE),
    ):
        if found is not None:
            return _low_power_apart(tree, info, online, found, caches)
    model = family_model(info)
    if vendor(info) == "GenuineIntel" and model is not None and model[0] == 6:
        if model[1] in _EFFICIENCY_ONLY:
            return _all("efficiency", online)
        if model[1] in _HYBRID and not all(
            len(group) > 1 for group in (topology.siblings or {0: frozenset()}).values()
        ):
            return _all("unknown", online)
    if _unnamed_mix(info, online):
        return _all("unknown", online)
    return _all("performance", online)


def _low_power_apart(
    tree: Tree, info: CpuInfo, online: tuple[int, ...], kinds: tuple[Kind, ...], caches: tuple[CacheFact, ...]
) -> tuple[Kind, ...]:
    """Mark efficiency cores as low-power ones where the kernel names them so or they alone reach no third level."""
    if vendor(info) != "GenuineIntel":
        return kinds
    named = {cpu for base in _MONITORS for cpu in tree.cpus(f"{base}/cpu_lowpower/cpus") or ()}
    reaching = {cpu for cache in caches if cache.level == 3 for cpu in cache.cpus}
    return tuple(
        "low-power" if kind == "efficiency" and (cpu in named or (reaching and cpu not in reaching)) else kind
        for cpu, kind in zip(online, kinds, strict=True)
    )


def _all(kind: Kind, online: tuple[int, ...]) -> tuple[Kind, ...]:
    return (kind,) * len(online)


def count_kind(kinds: tuple[Kind, ...], kind: Kind, topology: Topology) -> int | None:
    """Physical cores of a kind; None if cores or kinds are unknown."""
    if topology.siblings is None or topology.online is None or not kinds or "unknown" in kinds:
        return None
    members = [cpu for cpu, own in zip(topology.online, kinds, strict=True) if own == kind]
    return count_cores(members, topology.siblings)


def max_clocks(tree: Tree, online: tuple[int, ...]) -> dict[int, int | None]:
    """Highest clock of each thread in kHz, as cpufreq states it."""
    return {cpu: positive(tree.integer(f"{_CPU}/cpu{cpu}/cpufreq/cpuinfo_max_freq")) for cpu in online}


def _by_monitor(tree: Tree, online: tuple[int, ...]) -> tuple[Kind, ...] | None:
    """Linux shows one monitoring unit per kind (cpu_core, cpu_atom, from 6.13 also cpu_lowpower) on hybrids only."""
    lists: dict[str, set[int]] = {}
    for unit in ("cpu_core", "cpu_atom", "cpu_lowpower"):
        for base in _MONITORS:
            lists.setdefault(unit, set()).update(tree.cpus(f"{base}/{unit}/cpus") or ())
    efficient = lists["cpu_atom"] | lists["cpu_lowpower"]
    performing = lists["cpu_core"] - efficient
    if not set(online) <= performing | efficient:
        return None
    return tuple("efficiency" if cpu in efficient else "performance" for cpu in online)


def _by_design(info: CpuInfo, online: tuple[int, ...]) -> tuple[Kind, ...] | None:
    ids = [arm_id(info, cpu) for cpu in online]
    small = [None if found is None else is_small(core_name(*found)) for found in ids]
    if None in small or len(set(small)) < 2:
        return None
    return tuple("efficiency" if is_it else "performance" for is_it in small)


def _unnamed_mix(info: CpuInfo, online: tuple[int, ...]) -> bool:
    """Whether Arm cores differ in design and at least one design is unknown to us, so that it may be the small one."""
    ids = {found for cpu in online if (found := arm_id(info, cpu)) is not None}
    return len(ids) > 1 and any(core_name(*found) is None for found in ids)


def _by_share(values: dict[int, int | None], share: float) -> tuple[Kind, ...] | None:
    known = [value for value in values.values() if value is not None and value > 0]
    if len(known) < len(values) or min(known) >= share * max(known):
        return None
    return tuple(
        "efficiency" if value is not None and value < share * max(known) else "performance" for value in values.values()
    )


def _by_cache(info: CpuInfo, topology: Topology, caches: tuple[CacheFact, ...]) -> tuple[Kind, ...] | None:
    """Intel's efficiency cores share a second-level cache by two or four *cores*, performance cores have their own.

    Sharing threads are divided by the siblings of each: the pair of low-power cores of a Core Ultra shares by two
    threads, as the two threads of one performance core do.
    """
    if vendor(info) != "GenuineIntel" or topology.siblings is None or topology.online is None:
        return None
    cores_sharing: dict[int, float] = {}
    for cache in caches:
        if cache.level == 2 and cache.threads_sharing:
            for cpu in cache.cpus:
                cores_sharing[cpu] = cache.threads_sharing / len(topology.siblings[cpu])
    shared = [cores_sharing.get(cpu, 0.0) >= 2 for cpu in topology.online]
    if len(cores_sharing) < len(topology.online) or len(set(shared)) < 2:
        return None
    return tuple("efficiency" if is_it else "performance" for is_it in shared)
