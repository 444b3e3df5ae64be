"""Names of Arm cores by implementer and part number, for kernels that print numbers only.

Source: the MIDR_EL1 values in the technical reference manual of each core (developer.arm.com); implementer codes: Arm
Architecture Reference Manual, DDI 0487, MIDR_EL1.Implementer; parts of Qualcomm: Linux, arch/arm64/include/asm/
cputype.h.
"""

from __future__ import annotations

_VENDORS = {
    0x41: "ARM", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "Fujitsu", 0x48: "HiSilicon", 0x4E: "NVIDIA", 0x50: "APM",
    0x51: "Qualcomm", 0x53: "Samsung", 0x56: "Marvell", 0x61: "Apple", 0x69: "Intel", 0x6D: "Microsoft", 0xC0: "Ampere",
}  # fmt: skip
_CORES = {
    (0x41, 0xC05): "Cortex-A5", (0x41, 0xC07): "Cortex-A7", (0x41, 0xC08): "Cortex-A8",
    (0x41, 0xC09): "Cortex-A9", (0x41, 0xC0D): "Cortex-A17", (0x41, 0xC0E): "Cortex-A17",
    (0x41, 0xC0F): "Cortex-A15", (0x41, 0xD01): "Cortex-A32", (0x41, 0xD02): "Cortex-A34",
    (0x41, 0xD03): "Cortex-A53", (0x41, 0xD04): "Cortex-A35", (0x41, 0xD05): "Cortex-A55",
    (0x41, 0xD06): "Cortex-A65", (0x41, 0xD07): "Cortex-A57", (0x41, 0xD08): "Cortex-A72",
    (0x41, 0xD09): "Cortex-A73", (0x41, 0xD0A): "Cortex-A75", (0x41, 0xD0B): "Cortex-A76",
    (0x41, 0xD0C): "Neoverse-N1", (0x41, 0xD0D): "Cortex-A77", (0x41, 0xD0E): "Cortex-A76AE",
    (0x41, 0xD40): "Neoverse-V1", (0x41, 0xD41): "Cortex-A78", (0x41, 0xD42): "Cortex-A78AE",
    (0x41, 0xD44): "Cortex-X1", (0x41, 0xD46): "Cortex-A510", (0x41, 0xD47): "Cortex-A710",
    (0x41, 0xD48): "Cortex-X2", (0x41, 0xD49): "Neoverse-N2", (0x41, 0xD4B): "Cortex-A78C",
    (0x41, 0xD4D): "Cortex-A715", (0x41, 0xD4E): "Cortex-X3", (0x41, 0xD4F): "Neoverse-V2",
    (0x41, 0xD80): "Cortex-A520", (0x41, 0xD81): "Cortex-A720", (0x41, 0xD82): "Cortex-X4",
    (0x41, 0xD84): "Neoverse-V3", (0x41, 0xD8E): "Neoverse-N3", (0x43, 0x0A1): "ThunderX",
    (0x43, 0x0AF): "ThunderX2", (0x46, 0x001): "A64FX", (0x48, 0xD01): "TaiShan-v110",
    (0x51, 0x001): "Oryon", (0x51, 0x800): "Kryo-2xx-Gold", (0x51, 0x801): "Kryo-2xx-Silver",
    (0x51, 0x802): "Kryo-3xx-Gold", (0x51, 0x803): "Kryo-3xx-Silver", (0x51, 0x804): "Kryo-4xx-Gold",
    (0x51, 0x805): "Kryo-4xx-Silver", (0x4E, 0x003): "Denver 2", (0x4E, 0x004): "Carmel", (0x61, 0x022): "Icestorm-M1",
    (0x61, 0x023): "Firestorm-M1", (0xC0, 0xAC3): "Ampere-1", (0xC0, 0xAC4): "Ampere-1a",
}  # fmt: skip
# Cores that their maker designs as the small half of a pair. Alone in a chip they are simply its cores.
_SMALL = frozenset(
    {"Cortex-A5", "Cortex-A7", "Cortex-A32", "Cortex-A34", "Cortex-A35", "Cortex-A53", "Cortex-A55", "Cortex-A510",
     "Cortex-A520", "Icestorm-M1", "Kryo-2xx-Silver", "Kryo-3xx-Silver", "Kryo-4xx-Silver"}
)  # fmt: skip
# Width of all multiply-add pipes in bits, 2 x 128 on the "middle" cores and 4 x 128 (or 2 x 256 SVE) on the wide ones.
# Source: Arm Software Optimization Guides of these cores, throughput of FMLA (vector form) in instructions per cycle.
_FMA_BITS = {
    "Cortex-A76": 256, "Cortex-A77": 256, "Cortex-A78": 256, "Cortex-A78AE": 256, "Cortex-A76AE": 256,
    "Neoverse-N1": 256, "Neoverse-N2": 256, "Cortex-X1": 512, "Cortex-X2": 512, "Cortex-X3": 512, "Neoverse-V1": 512,
    "Neoverse-V2": 512, "Firestorm-M1": 512, "A64FX": 1024,
}  # fmt: skip


def core_name(implementer: int, part: int) -> str | None:
    """Name of a core; None if it is not in the table."""
    return _CORES.get((implementer, part))


def vendor_name(implementer: int) -> str | None:
    """Name of an implementer; None if it is not in the table."""
    return _VENDORS.get(implementer)


def is_small(name: str | None) -> bool:
    """Whether a core is designed as the efficiency half of a pair."""
    return name in _SMALL


def fma_bits(name: str | None) -> float | None:
    """Width of all multiply-add pipes of one core in bits; None if it is not in the table."""
    found = _FMA_BITS.get(name or "")
    return None if found is None else float(found)
