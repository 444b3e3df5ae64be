"""Which micro-benchmarks describe a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.records.base import Precision, RuntimeName
from advisor.records.config import SimdCap
from advisor.records.host import HostFacts
from advisor.records.measurement import COLD_DECODED, STACKING

from .item import MicroItem

_STACKING_S = 4.0  # some eighty works that meet another: a standard error of 0.03 to 0.05
_DECODED_S = 4.0  # eight to ten turns: the shares were alike to 0.05 to 0.1
_L2_FALLBACK_BYTES = 512 * 1024
_L3_FALLBACK_BYTES = 8 * 1024 * 1024
_DRAM_MIN_BYTES, _DRAM_MAX_BYTES = 32 * 1024 * 1024, 256 * 1024 * 1024


def micro_items(
    facts: HostFacts,
    *,
    precisions: Sequence[Precision] = ("f32", "int8"),
    simd_caps: Sequence[SimdCap | None] = (None,),
    runtimes: Sequence[RuntimeName] = ("openvino",),
    duration_s: float = 0.35,
) -> list[MicroItem]:
    """List the micro-benchmarks that describe a machine.

    Parameters
    ----------
    facts : HostFacts
        For the number of usable cores and the sizes of caches.
    precisions, simd_caps, runtimes : sequence
        Axes of the peak; caps only apply to OpenVINO (ONNX Runtime has none).
    duration_s : float
        Measured time of each but the two that watch the machine for seconds [s].
    """
    most = all_threads(facts)
    counts = sorted({1, most})
    items: list[MicroItem] = []

    def put(name: str, kind: str, runtime: RuntimeName, **fields: Any) -> None:
        items.append(MicroItem(name, kind, runtime, duration_s=duration_s, **fields))

    for runtime in runtimes:
        put(f"overhead/{runtime}", "overhead", runtime)
        for cap in simd_caps if runtime == "openvino" else (None,):
            for precision in precisions:
                for threads in counts if cap is None else (1,):
                    at = f"{runtime}/{precision}/{cap or 'native'}/t{threads}"
                    for kind in ("peak", "matmul"):
                        put(f"{kind}/{at}", kind, runtime, precision=precision, simd_cap=cap, threads=threads)
    main = runtimes[0]
    for level, size_bytes in level_bytes(facts).items():
        for threads in counts:
            put(
                f"bandwidth/{level}/t{threads}",
                "bandwidth",
                main,
                threads=threads,
                options={"tensor_bytes": size_bytes * (threads if level == "l2" else 1)},
            )
    if not no_siblings(facts):
        put(f"siblings/{main}", "siblings", main)
    for threads in thread_counts(most):
        if threads > 1:
            put(f"barrier/t{threads}", "barrier", main, threads=threads)
    for threads in counts:
        put(f"cold/{main}/t{threads}", "cold", main, threads=threads)
    items.append(MicroItem(COLD_DECODED, "decoded", main, duration_s=_DECODED_S))
    if most > 1:
        items.append(MicroItem(STACKING, "stacking", main, threads=most, duration_s=_STACKING_S))
    return items


def no_siblings(facts: HostFacts) -> tuple[str, ...]:
    """Why the gain of a second thread on a core cannot be measured; empty if it can."""
    per_core = facts.cpu.threads_per_core
    if per_core is None:
        return ("gain of SMT siblings: this machine does not report which threads share a core",)
    return () if per_core > 1 else ("gain of SMT siblings: every core has one thread here",)


def all_threads(facts: HostFacts) -> int:
    """Threads that ``threads: all`` stands for: usable cores, a started one counting as one."""
    usable = facts.limits.usable_cores or facts.cpu.cores or facts.cpu.threads or 1
    return max(1, int(usable))


def thread_counts(most: int) -> list[int]:
    """1, 2, 4, ... and the largest: prediction between measured counts, never beyond."""
    counts = {1, most}
    power = 2
    while power < most:
        counts.add(power)
        power *= 2
    return sorted(counts)


def level_bytes(facts: HostFacts) -> dict[str, float]:
    """Bytes of the tensor that is copied so that source and target stay in a level (or do not fit in any cache)."""
    cores = facts.cpu.cores or 1
    l2 = (facts.cpu.l2_bytes / cores) if facts.cpu.l2_bytes else _L2_FALLBACK_BYTES
    l3 = facts.cpu.l3_bytes or _L3_FALLBACK_BYTES
    l3_share = l3 / (facts.cpu.sockets or 1)
    levels = {"l2": l2 / 4, "dram": min(max(2 * l3, _DRAM_MIN_BYTES), _DRAM_MAX_BYTES)}
    if facts.cpu.l3_bytes:
        levels["l3"] = max(2 * l2, min(l3_share / 8, 8 * l2))
    return levels
