"""Parse /proc/cpuinfo of x86, Arm (new and old kernels), RISC-V and POWER: one block of fields per thread."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .arm_parts import core_name, vendor_name
from .simd import ARM_WORDS, X86_WORDS
from .tree import Tree, to_int


@dataclass(frozen=True)
class CpuInfo:
    """Fields of each thread by its number, and those that stand apart from any thread."""

    threads: dict[int, dict[str, str]]
    common: dict[str, str]

    def values(self, *keys: str) -> list[str]:
        """Distinct values of the first key that any thread (else the common part) has, in order of thread number."""
        for key in keys:
            found = dict.fromkeys(fields[key] for _, fields in sorted(self.threads.items()) if fields.get(key))
            if not found and self.common.get(key):
                found = {self.common[key]: None}
            if found:
                return list(found)
        return []

    def field(self, cpu: int, key: str) -> str | None:
        """Value for one thread, or the common one where the kernel states it once for all (old Arm)."""
        own = self.threads.get(cpu, {}).get(key)
        return own if own else self.common.get(key)


def read_cpuinfo(tree: Tree) -> CpuInfo:
    """Parse the tree's /proc/cpuinfo; both parts are empty where it is missing."""
    return parse_cpuinfo(tree.text("proc/cpuinfo") or "")


def parse_cpuinfo(text: str) -> CpuInfo:
    """Split the text into threads; a key before the first or outside any thread is common.

    Notes
    -----
    Old 32-bit Arm kernels write "Processor : <name>" on top, then empty thread blocks, then the features once. New Arm
    kernels repeat all fields per thread. Keys are lower-cased: "Features", "features"; "Processor", "processor".
    """
    threads: dict[int, dict[str, str]] = {}
    common: dict[str, str] = {}
    current: dict[str, str] | None = None
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        key, value = " ".join(name.split()).lower(), value.strip()
        if not colon or not key:
            if not line.strip():
                current = None
            continue
        number = to_int(value)
        if key == "processor" and number is not None and 0 <= number < 65536:
            current = threads.setdefault(number, {})
        elif key == "processor":
            common.setdefault("model name", value)
        elif current is None:
            common.setdefault(key, value)
        else:
            current.setdefault(key, value)
    return CpuInfo(threads, common)


def architecture(info: CpuInfo, stated: str | None = None) -> str | None:
    """Name the instruction set as ``uname -m`` would, from the flags of the threads; None if nothing tells.

    Parameters
    ----------
    stated : str, optional
        What the running kernel says; used only where the fields say nothing.
    """
    words = flags(info)
    if words & X86_WORDS:
        return "x86_64" if "lm" in words else "i686"
    if info.values("cpu implementer") or words & ARM_WORDS:
        arch = info.values("cpu architecture")
        is_64 = "asimd" in words or "fp" in words or any(word in ("8", "9", "AArch64") for word in arch)
        return "aarch64" if is_64 and "neon" not in words else "armv7l" if arch[:1] == ["7"] else "arm"
    isa = info.values("isa", "hart isa")
    if isa and re.fullmatch(r"rv(32|64)[a-z0-9_]*", isa[0].lower()):
        return "riscv" + isa[0][2:4]
    return _rarer(info, words) or stated


def _rarer(info: CpuInfo, words: frozenset[str]) -> str | None:
    """Mainframes, LoongArch, POWER and SPARC by their own fields.

    Distributions dropped big-endian POWER with its seventh generation.
    """
    if info.values("vendor_id") == ["IBM/S390"]:
        return "s390x" if "zarch" in words else "s390"
    if info.values("cpu family") == ["Loongson-64bit"]:
        return "loongarch64"
    power = re.search(r"POWER(\d+)", " ".join(info.values("cpu")))
    if power is not None:
        return "ppc64" if int(power.group(1)) <= 7 else "ppc64le"
    return "sparc64" if any(kind.startswith("sun4") for kind in info.values("type")) else None


def flags(info: CpuInfo) -> frozenset[str]:
    """Feature words that *every* thread has: code for the whole machine may use no others."""
    sets = [frozenset(text.lower().split()) for text in info.values("flags", "features")]
    return frozenset.intersection(*sets) if sets else frozenset()


def arm_id(info: CpuInfo, cpu: int) -> tuple[int, int] | None:
    """Implementer and part number of an Arm core; None elsewhere."""
    implementer, part = info.field(cpu, "cpu implementer"), info.field(cpu, "cpu part")
    try:
        return (int(implementer, 16), int(part, 16)) if implementer and part else None
    except ValueError:
        return None


def vendor(info: CpuInfo) -> str | None:
    """Vendor word: ``GenuineIntel`` and the like on x86, the implementer's name on Arm."""
    stated = info.values("vendor_id", "vendor", "mvendorid")
    if stated:
        return stated[0]
    ids = [found for found in (arm_id(info, cpu) for cpu in sorted(info.threads)) if found is not None]
    return vendor_name(ids[0][0]) if ids else None


def brand(info: CpuInfo) -> str | None:
    """Model name; on Arm the distinct core names, the largest part of the machine's own list first.

    Old x86 kernels pad the name with blanks, which are folded.
    """
    ids = dict.fromkeys(found for cpu in sorted(info.threads) if (found := arm_id(info, cpu)) is not None)
    names = [name for found in ids if (name := core_name(*found)) is not None]
    stated = [" ".join(name.split()) for name in info.values("model name", "cpu model", "uarch", "cpu")]
    if stated and not stated[0].lower().startswith(("armv", "aarch64")):
        return " + ".join(dict.fromkeys(stated))
    return " + ".join(dict.fromkeys(names)) or None


def family_model(info: CpuInfo) -> tuple[int, int] | None:
    """CPUID family and model of an x86 processor, as /proc/cpuinfo prints them (decimal, extended parts added)."""
    family, model = info.values("cpu family"), info.values("model")
    numbers = to_int(family[0]) if family else None, to_int(model[0]) if model else None
    return None if numbers[0] is None or numbers[1] is None else (numbers[0], numbers[1])
