"""A machine for tests, without reading the real one."""

from advisor.records.host import CpuFacts, HostFacts, LimitFacts, MemoryFacts, NoiseFacts


def facts(threads: int = 2, quota: float | None = None, l3_bytes: float | None = 32e6) -> HostFacts:
    usable = float(threads) if quota is None else min(quota, threads)
    return HostFacts(
        schema="sizer.host/1",
        sizer_version="0",
        created="2026-01-01T00:00:00Z",
        fingerprint="test-host",
        cpu=CpuFacts(
            brand="Test", vendor="test", architecture="x86_64", sockets=1, cores=threads, threads=threads,
            threads_per_core=1, performance_cores=threads, efficiency_cores=0, numa_nodes=1, simd=(), simd_level="avx2",
            l1d_bytes=32768.0 * threads, l2_bytes=524288.0 * threads, l3_bytes=l3_bytes,
        ),
        memory=MemoryFacts(total_bytes=8 << 30),
        limits=LimitFacts(quota_cores=quota, affinity=tuple(range(threads)), usable_cores=usable),
        noise=NoiseFacts(),
    )  # fmt: skip
