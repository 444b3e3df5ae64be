"""Bounds outside which a figure about a machine is a slip of a unit or a forgery, whoever states it.

They are wide on purpose: an order of magnitude beyond the smallest and largest machines on sale. Project assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advisor.records.box import BoxExport
    from advisor.records.host import HostFacts

Bounds = tuple[float, float]

OF_A_FACT: dict[str, Bounds] = {
    "performance_cores": (0, 1024), "efficiency_cores": (0, 1024), "low_power_cores": (0, 64),
    "e_cores_per_cluster": (1, 64), "threads": (1, 4096), "max_sockets": (1, 64), "memory_channels": (1, 64),
    "memory_channels_populated": (1, 512), "memory_bytes": (2**26, 2**46), "release_year": (1990, 2100),
    "memory_bandwidth_bytes_per_s": (1e7, 1e14), "l2_bytes_per_core": (2**12, 2**30),
    "l2_bytes_per_e_cluster": (2**12, 2**30), "l2_bytes_per_low_power_cluster": (2**12, 2**30),
    "l3_bytes": (0, 2**36), "fma_bits_per_core": (32, 2**16), "fma_bits_per_e_core": (32, 2**16),
    "fma_bits_per_low_power_core": (32, 2**16), "tdp_w": (0.1, 1e4), "turbo_power_w": (0.1, 1e4),
    "max_power_w": (0.1, 1e5), "sustained_power_w": (0.1, 1e5), "idle_power_w": (0, 1e5),
    "price_usd": (0, 1e8), "list_price_usd": (0, 1e8),
}  # fmt: skip
"""Fact of a catalogue entry -> least and largest value, SI; counts of a processor are per socket."""
_OF_A_HOST: dict[str, Bounds] = {
    "cpu.sockets": (1, 64), "cpu.cores": (1, 2**13), "cpu.threads": (1, 2**15), "cpu.performance_cores": (0, 2**13),
    "cpu.efficiency_cores": (0, 2**13), "cpu.low_power_cores": (0, 2**13), "cpu.numa_nodes": (1, 2**10),
    "cpu.l1d_bytes": (0, 2**36), "cpu.l2_bytes": (0, 2**40), "cpu.l3_bytes": (0, 2**40),
    "memory.total_bytes": (2**26, 2**46), "memory.channels": (1, 512), "memory.speed_mt_per_s": (10, 1e5),
    "limits.usable_cores": (0.01, 2**15), "limits.memory_limit_bytes": (2**20, 2**63),
}  # fmt: skip
_OF_A_UNIT: dict[str, Bounds] = {"FLOP/s": (1e5, 1e17), "B/s": (1e5, 1e15), "s": (0, 1e5), "1/s": (0, 1e9)}
_THROUGHPUT_PER_S: Bounds = (1e-6, 1e9)


def outside(value: float, bounds: Bounds) -> str | None:
    """Say that a value lies outside its bounds; None where it does not."""
    low, high = bounds
    if low <= value <= high:
        return None
    return f"{_digits(value)} is a figure that no machine has ({low:.3g} to {high:.3g} is plausible)"


def _digits(value: float) -> str:
    try:
        return f"{value:.4g}"
    except OverflowError:  # a whole number longer than any float
        return f"a number of {len(str(value))} digits"


def implausible_host(facts: HostFacts) -> Iterator[str]:
    """What the facts of a machine claim that none has, with the path of each."""
    for path, bounds in _OF_A_HOST.items():
        part, name = path.split(".")
        value = getattr(getattr(facts, part), name)
        if value is not None and (text := outside(value, bounds)) is not None:
            yield f"host.{path}: {text}"


def implausible_box(box: BoxExport) -> Iterator[str]:
    """What an exported box claims that no machine has, with the path of each: facts, then what was measured."""
    yield from implausible_host(box.host)
    for index, item in enumerate(box.micro):
        bounds = _OF_A_UNIT.get(item.unit)
        if bounds is not None and (text := outside(item.value, bounds)) is not None:
            yield f"micro[{index}].value ({item.name}): {text}"
    for index, row in enumerate(box.measurements):
        timing = row.timing if row.kind == "timing" else None
        if timing is not None and (text := outside(timing.throughput_per_s, _THROUGHPUT_PER_S)) is not None:
            yield f"measurements[{index}].timing.throughput_per_s ({row.model}): {text}"
