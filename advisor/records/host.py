"""Facts of one machine, as ``sizer host`` prints them (schema sizer.host/1)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, PositiveCount, PositiveQuantity, Quantity, Record, SimdLevel


class CacheFact(Record):
    """One cache level and who shares it."""

    level: PositiveCount
    type: str
    size_bytes: PositiveQuantity
    instances: PositiveCount | None = None
    threads_sharing: PositiveCount | None = None
    cpus: tuple[int, ...] = ()
    """Online threads that have such a cache."""


class NumaNode(Record):
    """One memory node with its threads and memory."""

    id: Count
    cpus: tuple[int, ...]
    """Online threads; empty for a node of memory alone."""
    offline_cpus: tuple[int, ...] = ()
    memory_bytes: Quantity | None = None


class CpuFacts(Record):
    """Topology and instruction sets; None if the machine does not report it."""

    brand: str | None
    vendor: str | None
    architecture: str | None
    sockets: PositiveCount | None
    cores: PositiveCount | None
    threads: PositiveCount | None
    threads_per_core: PositiveCount | None
    performance_cores: Count | None
    efficiency_cores: Count | None
    """Smaller cores that share the third-level cache."""
    numa_nodes: PositiveCount | None
    simd: tuple[str, ...]
    simd_level: SimdLevel | None
    l1d_bytes: Quantity | None
    l2_bytes: Quantity | None
    l3_bytes: Quantity | None
    """Sums over all instances of the level."""
    caches: tuple[CacheFact, ...] = ()
    nodes: tuple[NumaNode, ...] = ()
    core_kinds: tuple[str, ...] = ()
    """Per online thread: performance, efficiency, low-power or unknown."""
    online: tuple[int, ...] | None = None
    offline: tuple[int, ...] | None = None
    base_hz: PositiveQuantity | None = None
    max_hz: PositiveQuantity | None = None
    efficiency_max_hz: PositiveQuantity | None = None
    """Highest clock of the efficiency cores of a hybrid machine."""
    low_power_cores: Count | None = None
    """Smaller cores outside the third-level cache; None: not told, as by documents of version 0.1."""
    low_power_max_hz: PositiveQuantity | None = None
    family: Count | None = None
    model: Count | None = None
    """CPUID family and model of an x86 processor."""
    clock_source: str | None = None
    """The kernel's clock source; anything but tsc makes reading the time slow on x86."""
    power_profile: str | None = None
    """The firmware's platform profile, such as low-power, balanced, performance."""
    board: str | None = None
    """Product name that the firmware or device tree gives the machine."""
    current_hz: tuple[float, ...] = ()
    governor: str | None = None
    energy_preference: str | None = None
    virtualisation: str | None = None


class MemoryFacts(Record):
    """Main memory."""

    total_bytes: PositiveCount | None
    available_bytes: Count | None = None
    channels: PositiveCount | None = None
    speed_mt_per_s: PositiveQuantity | None = None


class LimitFacts(Record):
    """What this process may use of the machine."""

    quota_cores: PositiveQuantity | None
    affinity: tuple[int, ...] | None
    usable_cores: PositiveQuantity | None
    memory_limit_bytes: PositiveCount | None = None
    cpuset: tuple[int, ...] | None = None
    cgroup_version: Literal[1, 2] | None = None


class NoiseFacts(Record):
    """How disturbed the machine is at the moment of reading."""

    load_1min: Quantity | None = None
    steal_fraction: Quantity | None = None
    other_cpu_cores: Quantity | None = None
    pressure_some_fraction: Quantity | None = None
    temperatures_c: dict[str, float] = {}
    throttle_count: Count | None = None


class DeviceFacts(Record):
    """A device as one runtime sees it."""

    id: str
    """As ``--device`` takes it: CPU, GPU, GPU.1, NPU, WebGPU."""
    kind: Literal["CPU", "GPU", "NPU", "other"]
    name: str | None = None
    """As its driver calls it."""
    driver: str | None = None
    """Version of the driver, as far as the runtime tells it."""
    software_rasteriser: bool = False
    """A processor that calls itself a GPU: it is of use for tests, never for figures."""
    usable: bool | None = None
    """Whether a small model ran on it with the right answer; None: not tried."""
    reason: str | None = None
    """Why it is not usable, or not for planning."""


class RuntimeFacts(Record):
    """An installed inference runtime."""

    name: str
    version: str | None
    devices: tuple[str, ...]
    available: bool = True
    reason: str | None = None
    device_facts: tuple[DeviceFacts, ...] = ()
    """Every device that the runtime sees, and those that it was built for but does not see, with the reason."""


class KernelDevice(Record):
    """A graphics card, NPU or accelerator as the operating system's kernel sees it, whatever runtimes make of it."""

    kind: Literal["GPU", "NPU"]
    id: str
    """PCI vendor and device (8086:46d2), or the compatible string of a device tree."""
    name: str
    """Maker, as far as known from the id."""
    driver: str | None = None
    """Kernel module that drives it; None: none does."""
    node: str | None = None
    """Its device file, such as /dev/dri/renderD128."""
    accessible: bool | None = None
    """Whether this process may open it; None: not known, as of a saved tree."""


class HostFacts(Record):
    """The whole answer of ``sizer host``."""

    schema_: Annotated[Literal["sizer.host/1"], Field(alias="schema")] = "sizer.host/1"
    sizer_version: str
    created: str
    fingerprint: str
    """Hash of the facts that decide speed; measurements of different fingerprints are never mixed."""
    hostname: str | None = None
    box: str | None = None
    """Name in a farm, which is part of the fingerprint: two boxes of one kind are measured apart. None: no farm."""
    kernel: str | None = None
    cpu: CpuFacts
    memory: MemoryFacts
    limits: LimitFacts
    noise: NoiseFacts
    devices: tuple[KernelDevice, ...] = ()
    """Graphics and NPU devices of the kernel."""
    runtimes: tuple[RuntimeFacts, ...] = ()
    warnings: tuple[str, ...] = ()
