"""SIMD features under this project's names, and the one level that represents them."""

from __future__ import annotations

from advisor.records.base import SimdLevel

X86_WORDS = frozenset({"tsc", "cx8", "sse", "sse2"})  # not fpu: LoongArch has it too
ARM_WORDS = frozenset({"asimd", "neon", "thumb", "vfpv3", "vfpv4", "evtstrm"})

# Kernel word(s) -> our word. Source: Linux, arch/x86/include/asm/cpufeatures.h and arch/arm64/kernel/cpuinfo.c.
_X86: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sse4.2", ("sse4_2",)),
    ("avx", ("avx",)),
    ("avx2", ("avx2",)),
    ("fma", ("fma",)),
    ("avx2_vnni", ("avx2", "avx_vnni")),
    ("avx512", ("avx512f", "avx512bw", "avx512vl")),
    ("avx512_vnni", ("avx512f", "avx512bw", "avx512vl", "avx512_vnni")),
    ("avx512_bf16", ("avx512f", "avx512bw", "avx512vl", "avx512_bf16")),
    ("amx", ("amx_tile", "amx_int8")),
)
_ARM: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("neon", ("asimd",)),
    ("dotprod", ("asimddp",)),
    ("i8mm", ("i8mm",)),
    ("sve", ("sve",)),
)


def simd_words(flags: frozenset[str]) -> tuple[str, ...]:
    """Translate kernel flags into sse4.2, avx, avx2, fma, avx2_vnni, avx512... or neon, dotprod, i8mm, sve."""
    names = {"avx512_vnni" if flag == "avx512vnni" else flag for flag in flags}
    table = _X86 if names & X86_WORDS else _ARM
    found = [word for word, needed in table if names.issuperset(needed)]
    if table is _ARM and "neon" in names and "neon" not in found:  # 32-bit Arm has its own word for it
        found.insert(0, "neon")
    return tuple(found)


def simd_level(flags: frozenset[str]) -> SimdLevel | None:
    """Highest level whose whole ladder below is there; None if flags are unknown or the ladder does not apply.

    A level represents the kernels that oneDNN dispatches: ``avx2`` needs fma too, ``avx512`` the Skylake-server set
    (f, bw, vl), ``avx512_bf16`` needs vnni, ``amx`` tiles with int8 on top of that.
    Source: oneDNN developer guide, "CPU Dispatcher Control".
    """
    if not flags:
        return None
    words = set(simd_words(flags))
    if flags & X86_WORDS:
        return _x86_level(words)
    if flags & ARM_WORDS:
        return _arm_level(words)
    return None


def _x86_level(words: set[str]) -> SimdLevel:
    level: SimdLevel = "scalar"
    ladder: tuple[tuple[SimdLevel, set[str]], ...] = (
        ("sse42", {"sse4.2"}),
        ("avx", {"avx"}),
        ("avx2", {"avx2", "fma"}),
        ("avx512", {"avx512"}),
        ("avx512_vnni", {"avx512_vnni"}),
        ("avx512_bf16", {"avx512_bf16"}),
        ("amx", {"amx"}),
    )
    for name, needed in ladder:
        if not needed <= words:
            break
        level = name
    return "avx2_vnni" if level == "avx2" and "avx2_vnni" in words else level


def _arm_level(words: set[str]) -> SimdLevel:
    if "sve" in words:
        return "sve"
    if {"dotprod", "i8mm"} <= words:
        return "neon_i8mm"
    if "dotprod" in words:
        return "neon_dotprod"
    return "neon" if "neon" in words else "scalar"
