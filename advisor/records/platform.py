"""Catalogue entries: processors, the boxes they are sold in, and accelerators."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import OfferKind, PositiveCount, PriceBasis, Record, Sourced, SourcedText

CatalogueId = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class Processor(Record):
    """One file under profiles/processors: a chip and its data sheet; every number is sourced."""

    schema_: Annotated[Literal["sizer.processor/1"], Field(alias="schema")] = "sizer.processor/1"
    id: CatalogueId
    name: str
    vendor: str
    architecture: Literal["x86_64", "aarch64", "riscv64"]
    release_year: Sourced | None = None
    performance_cores: Sourced
    efficiency_cores: Sourced | None = None
    """Smaller cores that share the third-level cache; ``low_power_cores`` are not counted in."""
    e_core_design: SourcedText | None = None
    e_core_turbo_hz: Sourced | None = None
    fma_bits_per_e_core: Sourced | None = None
    l2_bytes_per_e_cluster: Sourced | None = None
    """One second-level cache of the efficiency cores, shared by ``e_cores_per_cluster``; None: each has its own."""
    e_cores_per_cluster: Sourced | None = None
    low_power_cores: Sourced | None = None
    """Smaller cores outside the third-level cache (LP E-cores of Core Ultra)."""
    low_power_core_design: SourcedText | None = None
    low_power_core_turbo_hz: Sourced | None = None
    fma_bits_per_low_power_core: Sourced | None = None
    l2_bytes_per_low_power_cluster: Sourced | None = None
    """The one second-level cache that all low-power cores share."""
    threads: Sourced
    base_hz: Sourced | None = None
    boost_hz: Sourced | None = None
    all_core_turbo_hz: Sourced | None = None
    simd_level: SourcedText
    fma_bits_per_core: Sourced | None = None
    l2_bytes_per_core: Sourced | None = None
    """Of one performance core."""
    l3_bytes: Sourced | None = None
    memory_channels: Sourced | None = None
    memory_type: SourcedText | None = None
    memory_bandwidth_bytes_per_s: Sourced | None = None
    tdp_w: Sourced | None = None
    turbo_power_w: Sourced | None = None
    """Package power that the chip never exceeds for longer than a moment; no box holds more."""
    max_sockets: Sourced | None = None
    """Most of these chips in one board; None: not known, and not checked."""
    list_price_usd: Sourced | None = None
    aliases: tuple[str, ...] = ()
    notes: str | None = None


class Platform(Record):
    """One file under profiles/platforms: a box that can be bought."""

    schema_: Annotated[Literal["sizer.platform/1"], Field(alias="schema")] = "sizer.platform/1"
    id: CatalogueId
    name: str
    processor: CatalogueId
    sockets: PositiveCount = 1
    form_factor: Literal["mini-pc", "desktop", "fanless", "laptop", "workstation", "server", "board"]
    fanless: bool = False
    memory_bytes: Sourced
    memory_channels_populated: Sourced
    """Channels with a module, all sockets together."""
    memory_type: SourcedText | None = None
    """For example DDR4-3200; with the channels it gives the bandwidth where that is not stated."""
    memory_bandwidth_bytes_per_s: Sourced | None = None
    sustained_power_w: Sourced | None = None
    """Package power that the box holds for hours, with ``low`` and ``high`` where boxes of the kind differ; None: not
    stated, and what boards make of the chip's TDP is taken."""
    idle_power_w: Sourced | None = None
    max_power_w: Sourced | None = None
    """Wall power at full load, compared with the scenario's site.max_power_w; ``low`` and ``high`` as above."""
    price_usd: Sourced | None = None
    price_basis: PriceBasis | None = None
    """Whether ``price_usd`` is without tax or with it; None: not stated."""
    offer_kind: OfferKind | None = None
    """Kind of the offer that ``price_usd`` rests on; None: it rests on none."""
    price_breakdown: tuple[SourcedText, ...] = ()
    memory_usd_per_gb: Sourced | None = None
    """What a gigabyte of memory costs within ``price_usd``: memory of another day is exchanged at that."""
    product: CatalogueId | None = None
    """Product that this box is, with one of its memories; None: a class of boxes, which nobody sells by that name."""
    storage_bytes: Sourced | None = None
    accelerators: tuple[CatalogueId, ...] = ()
    measured_fingerprint: str | None = None
    """Fingerprint of the machine that this entry describes; the store holds its measurements under it."""
    aliases: tuple[str, ...] = ()
    notes: str | None = None


class Accelerator(Record):
    """One file under profiles/accelerators: listed, never recommended without evidence."""

    schema_: Annotated[Literal["sizer.accelerator/1"], Field(alias="schema")] = "sizer.accelerator/1"
    id: CatalogueId
    name: str
    vendor: str
    kind: Literal["igpu", "dgpu", "npu", "board"]
    peak_flop_per_s_f16: Sourced | None = None
    peak_op_per_s_int8: Sourced | None = None
    tdp_w: Sourced | None = None
    list_price_usd: Sourced | None = None
    notes: str | None = None
