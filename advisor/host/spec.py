"""The machine at hand as the performance model sees it."""

from __future__ import annotations

from typing import TypeVar

from advisor.errors import HostError
from advisor.records.base import SimdLevel
from advisor.records.host import CacheFact, CpuFacts, HostFacts
from advisor.records.machine import MachineSpec

from .arm_parts import fma_bits as arm_fma_bits

_Value = TypeVar("_Value")

# Multiply-add width of one core in bits, by CPUID family and model. AMD: Software Optimization Guides for families 17h
# (Zen 2: two 256-bit pipes; models below 30h are Zen/Zen+ with two of 128), 19h (Zen 3 and Zen 4: two of 256, Zen 4
# runs 512-bit instructions in two halves) and 1Ah (Zen 5: two of 512, in the mobile models 20h-2Fh and 60h-6Fh two of
# 256). Intel: Optimization Reference Manual 248966, chapters on Haswell, Skylake client and server, Golden Cove,
# Gracemont, Crestmont; Lion Cove and Skymont: Intel Tech Tour 2024 (Lunar Lake).
_INTEL_CLIENT = frozenset(
    {0x3C, 0x3F, 0x45, 0x46, 0x3D, 0x47, 0x4F, 0x56, 0x4E, 0x5E, 0x8E, 0x9E, 0xA5, 0xA6, 0x7D, 0x7E, 0x8C, 0x8D, 0xA7}
)  # Haswell to Comet Lake: two of 256. Ice, Tiger and Rocket Lake: the same two as one of 512.
_INTEL_HYBRID = frozenset({0x97, 0x9A, 0xB7, 0xBA, 0xBF, 0xAA, 0xAC, 0xB5, 0xC5, 0xC6, 0xBD})
_INTEL_SKYMONT = frozenset({0xC5, 0xC6, 0xBD})  # Arrow Lake S and H, Lunar Lake: four of 128 in the efficiency cores
_INTEL_LUNAR_LAKE = 0xBD
_INTEL_SERVER = frozenset({0x6A, 0x6C, 0x8F, 0xCF, 0xAD, 0xAE})  # Ice Lake-SP to Granite Rapids: two of 512
_INTEL_SKYLAKE_SP = 0x55  # two of 512, one in Bronze, Silver and most Gold 5xxx: distinguished by name
_INTEL_EFFICIENT = frozenset({0xBE, 0xAF, 0xB6})  # Alder Lake-N, Sierra Forest, Grand Ridge: two of 128


def machine_spec(facts: HostFacts) -> MachineSpec:
    """Translate facts into the record that also describes catalogue machines.

    Parameters
    ----------
    facts : HostFacts
        Of this machine or a saved tree.

    Returns
    -------
    MachineSpec
        Id ``this``. Clocks and bandwidth stay None unless the machine states them: what it reaches is measured.
        ``uncertain`` names fields that had to be assumed. A chip of efficiency cores alone (Processor N100) enters
        with these as its performance cores, since the record's other width is for the smaller kind of two.

    Raises
    ------
    HostError
        The number of threads is unknown.
    """
    cpu, memory, limits = facts.cpu, facts.memory, facts.limits
    threads = cpu.threads
    if threads is None:
        raise HostError(
            "this machine does not tell its number of threads (no /proc/cpuinfo); name a catalogue platform"
        )
    uncertain: list[str] = []
    performing, efficient = _cores(cpu, threads, uncertain)
    low_power = cpu.low_power_cores or 0
    width, e_width = fma_bits(cpu, hybrid=efficient > 0)
    cluster = _shared_cache(cpu, "efficiency") if efficient else None
    low_power_cluster = _shared_cache(cpu, "low-power")
    guest = None if cpu.virtualisation is None else 1.0
    quota = limits.usable_cores if limits.usable_cores is not None and _restricted(facts) else None
    total = [size for size in (memory.total_bytes, limits.memory_limit_bytes) if size is not None]
    return MachineSpec(
        id="this",
        name=cpu.brand or cpu.board or "unknown processor",
        vendor=cpu.vendor,
        architecture=cpu.architecture or _assume("architecture", "x86_64", uncertain),
        sockets=cpu.sockets or _assume("sockets", 1, uncertain),
        numa_nodes=len([node for node in cpu.nodes if node.cpus]) or _assume("numa_nodes", 1, uncertain),
        performance_cores=performing,
        efficiency_cores=efficient,
        low_power_cores=low_power,
        threads=threads,
        simd_level=cpu.simd_level or _assume_level(cpu.architecture, uncertain),
        base_hz=cpu.base_hz,
        boost_hz=cpu.max_hz,
        e_core_turbo_hz=cpu.efficiency_max_hz if efficient else None,
        low_power_core_turbo_hz=cpu.low_power_max_hz,
        fma_bits_per_core=width,
        fma_bits_per_e_core=e_width,
        fma_bits_per_low_power_core=_low_power_fma_bits(cpu) if low_power else None,
        l2_bytes_per_core=_l2_per_core(cpu),
        l2_bytes_per_e_cluster=None if cluster is None else cluster.size_bytes,
        e_cores_per_cluster=None if cluster is None else cluster.threads_sharing,
        l2_bytes_per_low_power_cluster=None if low_power_cluster is None else low_power_cluster.size_bytes,
        l3_bytes=cpu.l3_bytes,
        memory_channels=memory.channels,
        memory_bytes=float(min(total)) if total else None,
        quota_cores=quota,
        virtual_fraction=guest,
        uncertain=tuple(uncertain),
    )


def _cores(cpu: CpuFacts, threads: int, uncertain: list[str]) -> tuple[int, int]:
    performing, efficient = cpu.performance_cores, cpu.efficiency_cores
    if performing is None or efficient is None:
        uncertain += ["performance_cores", "efficiency_cores"]  # without siblings each thread is taken for a core
        return cpu.cores or threads, 0
    return (performing, efficient) if performing > 0 else (efficient, 0)


def _restricted(facts: HostFacts) -> bool:
    """Whether this process may use less than the machine's cores."""
    usable = facts.limits.usable_cores
    whole = facts.cpu.cores or facts.cpu.threads
    return facts.limits.quota_cores is not None or (usable is not None and whole is not None and usable < whole)


def _assume(name: str, value: _Value, uncertain: list[str]) -> _Value:
    uncertain.append(name)
    return value


def _assume_level(architecture: str | None, uncertain: list[str]) -> SimdLevel:
    """The least that the architecture guarantees: 64-bit Arm has NEON; x86-64's SSE2 is below our first level."""
    uncertain.append("simd_level")
    return "neon" if architecture == "aarch64" else "scalar"


def _l2_per_core(cpu: CpuFacts) -> float | None:
    """Second-level cache of one (performance) core in bytes; a cache that several cores share is divided."""
    cores = cpu.performance_cores if cpu.performance_cores else cpu.cores
    if not cores:
        return None
    kinds = dict(zip(cpu.online or (), cpu.core_kinds, strict=True))
    wanted = "performance" if cpu.performance_cores else None
    parts = [cache for cache in cpu.caches if cache.level == 2 and cache.type.lower() != "instruction"]
    own = [cache for cache in parts if wanted is None or any(kinds.get(at) == wanted for at in cache.cpus)]
    if not own or any(cache.instances is None for cache in own):
        return None
    mixed = any(kinds.get(at) != wanted for cache in own for at in cache.cpus) if wanted is not None else False
    if mixed:  # equal caches of both kinds fall into one entry: its own sharing tells the share of a core
        return _size_per_core(own[0], cpu)
    return sum(cache.size_bytes * (cache.instances or 0) for cache in own) / cores


def _shared_cache(cpu: CpuFacts, kind: str) -> CacheFact | None:
    """Second-level cache that Intel's smaller cores of a kind share, which have one thread each; None if not told."""
    if cpu.vendor != "GenuineIntel":
        return None
    kinds = dict(zip(cpu.online or (), cpu.core_kinds, strict=True))
    own = [
        cache
        for cache in cpu.caches
        if cache.level == 2 and (cache.threads_sharing or 1) > 1 and any(kinds.get(at) == kind for at in cache.cpus)
    ]
    return max(own, key=lambda cache: sum(kinds.get(at) == kind for at in cache.cpus), default=None)


def _size_per_core(cache: CacheFact, cpu: CpuFacts) -> float | None:
    if cache.threads_sharing is None:
        return None
    return cache.size_bytes / max(1.0, cache.threads_sharing / (cpu.threads_per_core or 1))


def fma_bits(cpu: CpuFacts, hybrid: bool) -> tuple[float | None, float | None]:
    """Width of all multiply-add units of one performance and one efficiency core in bits; None if unknown.

    A hypervisor may state another model: a guest on Granite Rapids called itself a Rocket Lake (A7h). Its instructions
    are those that its cores have, and tiles are in servers from Sapphire Rapids on alone.
    """
    if cpu.vendor == "GenuineIntel" and "amx" in cpu.simd:
        return 1024.0, None
    if cpu.vendor == "GenuineIntel" and cpu.family == 6 and cpu.model is not None:
        return _intel(cpu.model, cpu.brand or "", hybrid)
    if cpu.vendor == "AuthenticAMD" and cpu.family is not None and cpu.model is not None:
        width = _amd(cpu.family, cpu.model)
        return width, width if hybrid else None  # compact cores (Zen 4c, Zen 5c) have the units of the full ones
    names = (cpu.brand or "").split(" + ")
    widths = [arm_fma_bits(name) for name in names]
    if len(widths) == 1:
        return widths[0], None
    known = [width for width in widths if width is not None]
    return (max(known) if known else None), None


def _intel(model: int, brand: str, hybrid: bool) -> tuple[float | None, float | None]:
    if model in _INTEL_HYBRID:
        small = 512.0 if model in _INTEL_SKYMONT else 256.0
        return 512.0, small if hybrid else None
    if model in _INTEL_EFFICIENT:
        return 256.0, None
    if model in _INTEL_CLIENT:
        return 512.0, None
    if model in _INTEL_SERVER:
        return 1024.0, None
    if model == _INTEL_SKYLAKE_SP:
        wide = ("Platinum", "Gold 6", "Xeon(R) W", "i9-", "Gold 5122")
        narrow = ("Bronze", "Silver", "Gold 5")
        if any(word in brand for word in wide):
            return 1024.0, None
        return (512.0 if any(word in brand for word in narrow) else None), None
    return None, None


def _low_power_fma_bits(cpu: CpuFacts) -> float | None:
    """Width of all multiply-add units of one low-power core in bits: Skymont in Lunar Lake, Crestmont before."""
    if cpu.model not in _INTEL_HYBRID:
        return None
    return 512.0 if cpu.model == _INTEL_LUNAR_LAKE else 256.0


def _amd(family: int, model: int) -> float | None:
    if family == 0x17:
        return 256.0 if model < 0x30 else 512.0
    if family == 0x19:
        return 512.0
    if family == 0x1A:
        return 512.0 if 0x20 <= model <= 0x2F or 0x60 <= model <= 0x6F else 1024.0
    return None
