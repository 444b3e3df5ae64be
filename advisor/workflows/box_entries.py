"""Catalogue entries of a measured box: the platform, and a processor where the catalogue has none that fits."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError
from advisor.host import machine_spec
from advisor.records.base import Sourced, SourcedText
from advisor.records.box import BoxExport
from advisor.records.host import HostFacts
from advisor.records.platform import Platform, Processor

if TYPE_CHECKING:
    from advisor.store.catalogue import Catalogue

_VENDORS = {"genuineintel": "Intel", "authenticamd": "AMD"}
_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64", "riscv64": "riscv64"}
# Words that makers put around the name by which a chip is sold.
_NOISE = re.compile(
    r"\((?:r|tm)\)|@.*|\b(?:cpu|processor)\b|\b\d+-core\b|\b\d+(?:st|nd|rd|th) gen\b|\bwith radeon.*", re.IGNORECASE
)
_CLOCK_RANGE_HZ = (1e8, 2e10)
Reported = Callable[[float], Sourced]
_OF_THE_SILICON = (
    "release_year", "base_hz", "boost_hz", "all_core_turbo_hz", "e_core_turbo_hz", "low_power_core_turbo_hz",
    "fma_bits_per_core", "fma_bits_per_e_core", "fma_bits_per_low_power_core", "l2_bytes_per_core",
    "l2_bytes_per_e_cluster", "e_cores_per_cluster", "l2_bytes_per_low_power_cluster",
)  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """What the machine offers to a process on it; counts are per socket."""

    sockets: int
    performance_cores: int
    efficiency_cores: int
    low_power_cores: int
    threads: int
    architecture: str
    limited: bool
    """A quota or an affinity leaves less than the machine has."""


def box_entries(box: BoxExport, catalogue: Catalogue, price: Sourced | None) -> tuple[Platform, Processor | None]:
    """Make the entries of a measured box; the processor is None if the catalogue's own fits.

    A catalogue chip fits when name, performance and smaller cores, threads and SIMD level are what the machine shows:
    a virtual machine with two cores of a server chip is not that server chip. A price of None leaves one that was given
    earlier.

    Raises
    ------
    InputError
        A fact that decides speed is missing from the document.
    """
    facts = box.host
    seen = _seen(facts)
    day = _day(facts)
    source = f"facts of machine {facts.fingerprint[:12]}, read by sizer {facts.sizer_version}"

    def reported(value: float) -> Sourced:
        return Sourced(value=value, kind="measured", source=source, date=day)

    if facts.memory.total_bytes is None:
        raise InputError("tells no memory size; measure the box again where /proc/meminfo can be read")
    memory = min(facts.memory.total_bytes, facts.limits.memory_limit_bytes or facts.memory.total_bytes)
    earlier = _earlier(catalogue, facts.fingerprint)
    platform_id = earlier.id if earlier is not None else _new_id(facts, catalogue)
    chip = _known_chip(facts, catalogue)
    own = None
    if chip is None or not _fits(chip, seen, facts):
        own = _processor(f"{platform_id}-processor", facts, seen, chip, reported)
        chip = own
    values: dict[str, Any] = {
        "id": platform_id,
        "name": f"{_name(facts)}, measured box {facts.fingerprint[:4]}",
        "processor": chip.id,
        "sockets": seen.sockets,
        # No fact tells the case; this word takes no special place in filters (fanless, mini-pc).
        "form_factor": "workstation",
        "memory_bytes": reported(float(memory)),
        "memory_channels_populated": _channels(facts, reported, day),
        "measured_fingerprint": facts.fingerprint,
        "notes": _notes(box, seen),
    }
    bandwidth = _bandwidth(box, reported, day)
    if bandwidth is not None:
        values["memory_bandwidth_bytes_per_s"] = bandwidth
    if earlier is not None:  # what a person has filled in since stays
        kept = ("form_factor", "fanless", "price_usd", "sustained_power_w", "idle_power_w", "max_power_w")
        values |= {name: getattr(earlier, name) for name in kept if name in earlier.model_fields_set}
    if price is not None:
        values["price_usd"] = price
    return Platform.model_validate(values), own


def _name(facts: HostFacts) -> str:
    return " ".join((facts.cpu.brand or "unknown processor").split())


def _day(facts: HostFacts) -> dt.date:
    try:
        return dt.date.fromisoformat(facts.created[:10])
    except ValueError as error:
        raise InputError(
            f"host.created {facts.created!r} is no date; the document is damaged, export it again"
        ) from error


def _seen(facts: HostFacts) -> _Seen:
    cpu = facts.cpu
    architecture = _ARCHITECTURES.get((cpu.architecture or "").lower())
    needed = {"architecture": architecture, "cores": cpu.cores, "threads": cpu.threads, "simd_level": cpu.simd_level}
    missing = [name for name, value in needed.items() if value is None]
    if architecture is None or cpu.cores is None or cpu.threads is None or missing:
        raise InputError(f"tells no {', '.join(missing)} of the processor; measure the box again with a newer sizer")
    performance, efficiency, low_power = cpu.performance_cores, cpu.efficiency_cores or 0, cpu.low_power_cores or 0
    if performance is None:
        performance = cpu.cores - efficiency - low_power
    threads = max(cpu.threads, performance + efficiency + low_power)
    usable = facts.limits.usable_cores
    limited = usable is not None and usable < threads
    if limited and usable is not None:
        # A part of the machine: whole threads that may run at once, taken from the fast cores first.
        threads = max(1, int(usable))
        performance = min(max(performance, 1), threads)
        efficiency = min(efficiency, threads - performance)
        low_power = min(low_power, threads - performance - efficiency)
    if performance < 1:
        raise InputError("tells no core of the processor; the document is damaged, export it again")
    sockets = cpu.sockets or 1
    if limited or any(count % sockets for count in (performance, efficiency, low_power, threads)):
        sockets = 1  # a part of a machine is not two equal halves
    return _Seen(
        sockets,
        performance // sockets,
        efficiency // sockets,
        low_power // sockets,
        threads // sockets,
        architecture,
        limited,
    )


def _known_chip(facts: HostFacts, catalogue: Catalogue) -> Processor | None:
    """Catalogue entry of the chip by the name that it gives itself; None if absent."""
    from advisor.store.catalogue import catalogue_id

    brand = facts.cpu.brand
    if brand is None:
        return None
    wanted = catalogue_id(_NOISE.sub(" ", brand))
    if wanted in catalogue.processor_ids():
        return catalogue.processor(wanted)
    names = {catalogue_id(brand), wanted}
    for chip in catalogue.processors():
        if names & {catalogue_id(alias) for alias in chip.aliases}:
            return chip
    return None


def _fits(chip: Processor, seen: _Seen, facts: HostFacts) -> bool:
    # Version 0.1 told the smaller cores in one figure.
    small = sum(fact.value for fact in (chip.efficiency_cores, chip.low_power_cores) if fact is not None)
    of_chip = (chip.performance_cores.value, small, chip.threads.value)
    shown = (seen.performance_cores, seen.efficiency_cores + seen.low_power_cores, seen.threads)
    return of_chip == shown and chip.simd_level.value == facts.cpu.simd_level and chip.architecture == seen.architecture


def _processor(identifier: str, facts: HostFacts, seen: _Seen, chip: Processor | None, reported: Reported) -> Processor:
    """Entry for the part of a chip that the machine shows; what it does not tell comes from the catalogue's chip."""
    cpu = facts.cpu
    day = _day(facts)
    values: dict[str, Any] = {}
    if chip is not None:
        # Per-core facts of the same silicon hold for a part of it, with the catalogue's own sources.
        values = {name: getattr(chip, name) for name in _OF_THE_SILICON if getattr(chip, name) is not None}
    word = SourcedText(value=str(cpu.simd_level), kind="measured", source=reported(0.0).source, date=day)
    vendor = (cpu.vendor or "").strip()
    values |= {
        "id": identifier,
        "name": _name(facts) + (", part of it" if seen.limited else ""),
        "vendor": chip.vendor if chip is not None else _VENDORS.get(vendor.lower(), vendor or "unknown"),
        "architecture": seen.architecture,
        "performance_cores": reported(float(seen.performance_cores)),
        "efficiency_cores": reported(float(seen.efficiency_cores)),
        "low_power_cores": reported(float(seen.low_power_cores)),
        "threads": reported(float(seen.threads)),
        "simd_level": word,
    }
    clocks = {"base_hz": cpu.base_hz, "boost_hz": cpu.max_hz}
    for name, clock in clocks.items():
        if clock is not None and _CLOCK_RANGE_HZ[0] <= clock <= _CLOCK_RANGE_HZ[1]:
            values[name] = reported(clock)
    if "base_hz" in values and "boost_hz" in values and values["boost_hz"].value < values["base_hz"].value:
        del values["boost_hz"]
    if cpu.l2_bytes and cpu.cores and not (seen.efficiency_cores or seen.low_power_cores):
        values["l2_bytes_per_core"] = reported(cpu.l2_bytes / cpu.cores)
    elif cpu.caches:
        spec = machine_spec(facts)
        for name in ("l2_bytes_per_core", "l2_bytes_per_e_cluster", "e_cores_per_cluster"):
            if getattr(spec, name) is not None:
                values[name] = reported(float(getattr(spec, name)))
    if cpu.l3_bytes is not None:
        values["l3_bytes"] = reported(cpu.l3_bytes / seen.sockets)
    return Processor.model_validate(values)


def _channels(facts: HostFacts, reported: Reported, day: dt.date) -> Sourced:
    if facts.memory.channels is not None:
        return reported(float(facts.memory.channels))
    return Sourced(value=1.0, kind="assumed", source="the machine does not tell; the least that is possible", date=day)


def _bandwidth(box: BoxExport, reported: Reported, day: dt.date) -> Sourced | None:
    """Peak of the modules where the machine tells them (64 bit per transfer and channel), else the best that was seen.

    What was seen is below the peak of the modules, so the plan errs to the safe side.
    """
    memory = box.host.memory
    if memory.channels is not None and memory.speed_mt_per_s is not None:
        return reported(memory.channels * memory.speed_mt_per_s * 1e6 * 8)
    seen = [item.value for item in box.micro if item.name.startswith("bandwidth/dram/") and item.value > 0]
    if not seen:
        return None
    return Sourced(value=max(seen), kind="measured", source="best micro-benchmark bandwidth/dram on this box", date=day)


def _notes(box: BoxExport, seen: _Seen) -> str:
    words = [
        f"measured on the machine itself: {sum(item.status == 'done' for item in box.measurements)} measurements of "
        f"models, {len(box.micro)} micro-benchmarks; its case is not known: set form_factor and fanless by hand"
    ]
    if seen.limited:
        words.append(f"only {seen.threads} of {box.host.cpu.threads} threads were usable (quota or affinity)")
    return "; ".join(words)


def _earlier(catalogue: Catalogue, fingerprint: str) -> Platform | None:
    """Entry of this very machine, from an import before."""
    for name in catalogue.platform_ids():
        if name.startswith("box-"):
            platform = catalogue.platform(name)
            if platform.measured_fingerprint == fingerprint:
                return platform
    return None


def _new_id(facts: HostFacts, catalogue: Catalogue) -> str:
    """``box-<brand>-<first 4 of the fingerprint>``; more of the fingerprint where another box has that already."""
    from advisor.store.catalogue import catalogue_id

    brand = catalogue_id(_NOISE.sub(" ", facts.cpu.brand or "unknown")) or "unknown"
    mark = re.sub(r"[^a-z0-9]", "", facts.fingerprint.lower())
    if not mark:
        raise InputError(
            f"host.fingerprint {facts.fingerprint!r} is malformed; the document is damaged, export it again"
        )
    taken = set(catalogue.platform_ids())
    for length in (4, 8, 16, len(mark)):
        name = f"box-{brand[:60].strip('-')}-{mark[:length]}"
        if name not in taken:
            return name
    raise InputError(f"platform {name!r} of the catalogue is another machine; rename its file and its id")
