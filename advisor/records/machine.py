"""A machine as the performance model sees it: the same record for this host and for a data sheet."""

from __future__ import annotations

from .base import Count, Fraction, KeyedRecord, PositiveCount, PositiveQuantity, Quantity, SimdLevel

_BLOCKED_CLUSTER = 2


class MachineSpec(KeyedRecord):
    """Facts that decide speed. Whole machine unless the name says per core; unknown is None, never 0.

    ``uncertain`` names the fields that are recalled or assumed: the performance model widens what rests on them.
    """

    id: str
    name: str
    vendor: str | None = None
    architecture: str = "x86_64"
    sockets: PositiveCount = 1
    numa_nodes: PositiveCount = 1
    performance_cores: PositiveCount
    efficiency_cores: Count = 0
    """Smaller cores that share the third-level cache; ``low_power_cores`` are not counted in."""
    low_power_cores: Count = 0
    """Smaller cores outside the third-level cache (LP E-cores of Core Ultra)."""
    threads: PositiveCount
    release_year: int | None = None
    simd_level: SimdLevel
    base_hz: PositiveQuantity | None = None
    boost_hz: PositiveQuantity | None = None
    all_core_turbo_hz: PositiveQuantity | None = None
    e_core_turbo_hz: PositiveQuantity | None = None
    low_power_core_turbo_hz: PositiveQuantity | None = None
    fma_bits_per_core: PositiveQuantity | None = None
    """Width of all multiply-add units of one performance core, in bits (two 256-bit units: 512)."""
    fma_bits_per_e_core: PositiveQuantity | None = None
    fma_bits_per_low_power_core: PositiveQuantity | None = None
    l2_bytes_per_core: PositiveQuantity | None = None
    """Of one performance core."""
    l2_bytes_per_e_cluster: PositiveQuantity | None = None
    """One second-level cache of the efficiency cores, shared by ``e_cores_per_cluster``; None: each has its own."""
    e_cores_per_cluster: PositiveCount | None = None
    l2_bytes_per_low_power_cluster: PositiveQuantity | None = None
    """The one second-level cache that all low-power cores share."""
    l3_bytes: Quantity | None = None
    """0 where the chip has no third level."""
    memory_bandwidth_bytes_per_s: PositiveQuantity | None = None
    """Peak of the channels that are populated in this platform."""
    memory_channels: PositiveCount | None = None
    memory_bytes: PositiveQuantity | None = None
    tdp_w: PositiveQuantity | None = None
    sustained_power_w: PositiveQuantity | None = None
    """Power limit that the box holds for hours, as stated for the box; None: nobody states it. A box that states just
    its chip's TDP is believed, one that states nothing is taken to hold what boards make of the TDP."""
    sustained_power_low_w: PositiveQuantity | None = None
    sustained_power_high_w: PositiveQuantity | None = None
    """10 and 90 % quantile of that limit over the boxes of the kind; None: not known to differ."""
    turbo_power_w: PositiveQuantity | None = None
    """Power that the chip never exceeds for longer than a moment: the most that a box can hold."""
    quota_cores: PositiveQuantity | None = None
    """CPU quota of the container, for a local machine."""
    virtual_fraction: Fraction | None = None
    """1.0 when the machine is a virtual one whose threads may be SMT siblings."""
    uncertain: tuple[str, ...] = ()

    @property
    def cores(self) -> int:
        """Physical cores of all kinds."""
        return self.performance_cores + self.efficiency_cores + self.low_power_cores

    @property
    def inference_cores(self) -> int:
        """Physical cores that OpenVINO's CPU plugin gives to inference; decode may use the others, too.

        The plugin leaves out a pair of efficiency cores without third-level cache where the chip has others that share
        it (Core Ultra 1xxH, 1xxU, 2xxH); four in a cluster (Core Ultra 2xxV) it uses. Seen in its source, not on such a
        machine; ONNX Runtime, which knows no kinds of cores, is counted with the same.

        Source: openvinotoolkit/openvino, src/inference/src/os/lin/lin_system_conf.cpp, parse_cache_info_linux at
        001c937 (2025: two threads sharing an L2 beside no L3, once efficiency cores were found, join the offline list);
        later versions mark them CPU_BLOCKED there and in os/win/win_system_conf.cpp.
        """
        blocked = _BLOCKED_CLUSTER if self.low_power_cores == _BLOCKED_CLUSTER and self.efficiency_cores else 0
        return self.cores - blocked
