"""A machine as the performance model sees it: the same record for this host and for a data sheet."""

from __future__ import annotations

from .base import Count, Fraction, KeyedRecord, PositiveCount, PositiveQuantity, Quantity, SimdLevel


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
    threads: PositiveCount
    release_year: int | None = None
    simd_level: SimdLevel
    base_hz: PositiveQuantity | None = None
    boost_hz: PositiveQuantity | None = None
    all_core_turbo_hz: PositiveQuantity | None = None
    e_core_turbo_hz: PositiveQuantity | None = None
    fma_bits_per_core: PositiveQuantity | None = None
    """Width of all multiply-add units of one performance core, in bits (two 256-bit units: 512)."""
    fma_bits_per_e_core: PositiveQuantity | None = None
    l2_bytes_per_core: PositiveQuantity | None = None
    l3_bytes: Quantity | None = None
    """0 where the chip has no third level."""
    memory_bandwidth_bytes_per_s: PositiveQuantity | None = None
    """Peak of the channels that are populated in this platform."""
    memory_channels: PositiveCount | None = None
    memory_bytes: PositiveQuantity | None = None
    tdp_w: PositiveQuantity | None = None
    sustained_power_w: PositiveQuantity | None = None
    """Power limit that the box holds for hours; None if only the chip's TDP is known."""
    quota_cores: PositiveQuantity | None = None
    """CPU quota of the container, for a local machine."""
    virtual_fraction: Fraction | None = None
    """1.0 when the machine is a virtual one whose threads may be SMT siblings."""
    uncertain: tuple[str, ...] = ()

    @property
    def cores(self) -> int:
        """Physical cores of both kinds."""
        return self.performance_cores + self.efficiency_cores
