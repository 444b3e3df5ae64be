"""Entries of the catalogue as what predictions read: machines and devices, with what of them is assumed."""

from __future__ import annotations

import re

from advisor.errors import CatalogueError
from advisor.records.base import Sourced
from advisor.records.device import Device, DeviceSpec
from advisor.records.machine import MachineSpec
from advisor.records.platform import Platform, Processor

_SPEED = re.compile(r"(?:LP)?DDR[0-9]X?-(?P<mt>[0-9]{3,5})", re.IGNORECASE)
# Facts of a processor that a machine takes over as they are, and whether they add up over sockets.
_TAKEN = {
    "base_hz": False, "boost_hz": False, "all_core_turbo_hz": False, "e_core_turbo_hz": False,
    "low_power_core_turbo_hz": False, "fma_bits_per_core": False, "fma_bits_per_e_core": False,
    "fma_bits_per_low_power_core": False, "l2_bytes_per_core": False, "l2_bytes_per_e_cluster": False,
    "l2_bytes_per_low_power_cluster": False, "l3_bytes": True, "tdp_w": True, "turbo_power_w": True,
}  # fmt: skip
_ONE_LANE = {"raspberry-pi-5-8-gb": "pcie-gen3-x1"}
"""Processors whose boxes attach an added device by less than it can use. Source: Raspberry Pi 5 product brief (one PCIe
lane)."""


def device_spec(device: Device, machine: MachineSpec, chip: str) -> DeviceSpec:
    """Facts of a device in a box: the box's memory and power where it has none of its own.

    ``chip``: the box's processor, by whose lanes an added device is attached.
    """
    uncertain: set[str] = set()

    def fact(name: str) -> float | None:
        known: Sourced | None = getattr(device, name)
        if known is None:
            return None
        if known.kind == "assumed":
            uncertain.add(name)
        return known.value

    def word(name: str) -> str | None:
        known = getattr(device, name)
        return None if known is None else str(known.value)

    bandwidth, power = fact("memory_bandwidth_bytes_per_s"), fact("power_w")
    shared = bandwidth is None
    if bandwidth is None:
        bandwidth = machine.memory_bandwidth_bytes_per_s
        if "memory_bandwidth_bytes_per_s" in machine.uncertain:
            uncertain.add("memory_bandwidth_bytes_per_s")
    measured = word("host_link")
    return DeviceSpec(
        id=device.id,
        machine=machine.id,
        chip=device.processor,
        name=device.name,
        kind=device.kind,
        family=device.family,
        execution_units=fact("execution_units"),
        cores=fact("cores"),
        core_design=word("core_design"),
        clock_hz=fact("clock_hz"),
        matrix=word("matrix"),
        memory_bandwidth_bytes_per_s=bandwidth,
        memory_shared=shared,
        power_w=power if power is not None else machine.sustained_power_w or machine.tdp_w,
        host_link=_ONE_LANE.get(chip, measured) if measured is not None and "pcie" in measured else measured,
        measured_link=measured,
        uncertain=tuple(sorted(uncertain)),
    )


def bare_machine(chip: Processor, sockets: int = 1) -> MachineSpec:
    """Machine of a chip (or of several in one board) with all its memory channels in use."""
    most = chip.max_sockets
    if most is not None and sockets > most.value:
        raise CatalogueError(
            f"{chip.id}-{sockets}s: {chip.name} is made for at most {most.value:g} socket{'s' * (most.value > 1)};"
            f" ask for {chip.id} instead"
        )
    uncertain: set[str] = set()

    def value(field: str, name: str, factor: int = 1) -> float | None:
        fact: Sourced | None = getattr(chip, field)
        if fact is None:
            return None
        if fact.kind == "assumed":
            uncertain.add(name)
        return fact.value * factor

    def count(field: str, name: str, factor: int = 1) -> int | None:
        number = value(field, name, factor)
        return None if number is None else int(number)

    if chip.simd_level.kind == "assumed":
        uncertain.add("simd_level")
    taken = {name: value(name, name, sockets if adds else 1) for name, adds in _TAKEN.items()}
    suffix = "" if sockets == 1 else f"-{sockets}s"
    return MachineSpec.model_validate(
        {
            "id": chip.id + suffix,
            "name": chip.name if sockets == 1 else f"{chip.name}, {sockets} sockets",
            "vendor": chip.vendor,
            "architecture": chip.architecture,
            "sockets": sockets,
            "numa_nodes": sockets,
            "performance_cores": count("performance_cores", "performance_cores", sockets),
            "efficiency_cores": count("efficiency_cores", "efficiency_cores", sockets) or 0,
            "low_power_cores": count("low_power_cores", "low_power_cores", sockets) or 0,
            "e_cores_per_cluster": count("e_cores_per_cluster", "e_cores_per_cluster"),
            "threads": count("threads", "threads", sockets),
            "release_year": count("release_year", "release_year"),
            "simd_level": chip.simd_level.value,
            "memory_bandwidth_bytes_per_s": value(
                "memory_bandwidth_bytes_per_s", "memory_bandwidth_bytes_per_s", sockets
            ),
            "memory_channels": count("memory_channels", "memory_channels", sockets),
            **taken,
            "uncertain": tuple(sorted(uncertain)),
        }
    )


def boxed_machine(platform: Platform, chip: Processor) -> MachineSpec:
    """Facts that decide a box's speed, with the fields named that are recalled or assumed."""
    spec = bare_machine(chip, platform.sockets)
    uncertain = set(spec.uncertain) - {"memory_channels", "memory_bandwidth_bytes_per_s"}
    bandwidth, is_assumed = _bandwidth(platform, chip)
    if is_assumed:
        uncertain.add("memory_bandwidth_bytes_per_s")
    for field, fact in (
        ("memory_channels", platform.memory_channels_populated),
        ("memory_bytes", platform.memory_bytes),
        ("sustained_power_w", platform.sustained_power_w),
    ):
        if fact is not None and fact.kind == "assumed":
            uncertain.add(field)
    sustained = platform.sustained_power_w
    return spec.model_copy(
        update={
            "id": platform.id,
            "name": platform.name,
            "memory_channels": int(platform.memory_channels_populated.value),
            "memory_bandwidth_bytes_per_s": bandwidth,
            "memory_bytes": platform.memory_bytes.value,
            "sustained_power_w": None if sustained is None else sustained.value,
            "sustained_power_low_w": None if sustained is None else sustained.low,
            "sustained_power_high_w": None if sustained is None else sustained.high,
            "uncertain": tuple(sorted(uncertain)),
        }
    )


def _bandwidth(platform: Platform, chip: Processor) -> tuple[float | None, bool]:
    """Peak bandwidth of the channels in use [B/s], and whether it rests on an assumption.

    Given on the platform; else channels x transfers per second x 8 B where the memory's type is given; else the share
    of the chip's peak that the channels in use are of all its channels. Source: JEDEC DDR4 and DDR5 modules move 64 bit
    per transfer and channel.
    """
    if platform.memory_bandwidth_bytes_per_s is not None:
        fact = platform.memory_bandwidth_bytes_per_s
        return fact.value, fact.kind == "assumed"
    populated = platform.memory_channels_populated
    is_assumed = populated.kind == "assumed"
    if platform.memory_type is not None:
        match = _SPEED.search(platform.memory_type.value)
        if match is not None:
            return populated.value * float(match["mt"]) * 1e6 * 8, is_assumed or platform.memory_type.kind == "assumed"
    nominal, channels = chip.memory_bandwidth_bytes_per_s, chip.memory_channels
    if nominal is None or channels is None:
        return None, True
    return nominal.value * populated.value / channels.value, is_assumed or nominal.kind == "assumed"
