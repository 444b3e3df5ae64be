"""What speaks against trusting a measurement on this machine, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from advisor.records.host import HostFacts

_LOW_MEMORY_BYTES = 2 * 1024**3  # a compiled model, a worker and decoded frames fit; less means swapping or killing
_BUSY_SHARE = 0.05  # others' share of the machine above which medians move visibly; InterferenceMeter uses the same
_STEAL = 0.02
_HOT_C = 90.0
_BELOW_AVX2 = ("scalar", "sse42", "avx")


def preflight(facts: HostFacts) -> tuple[str, ...]:
    """Warnings, one line each: what was found and what to do. Empty if nothing speaks against measuring here."""
    return (*_settings(facts), *_limits(facts), *_load(facts))


def _settings(facts: HostFacts) -> Iterator[str]:
    cpu = facts.cpu
    if cpu.governor is not None and cpu.governor != "performance":
        yield (
            f"frequency governor is {cpu.governor}: clocks depend on load; measure with 'performance' "
            "(cpupower frequency-set -g performance) or with what the site will run"
        )
    if cpu.power_profile in ("low-power", "quiet", "cool"):
        yield f"firmware power profile is {cpu.power_profile}: sustained clocks are cut; choose balanced or performance"
    if cpu.virtualisation is not None:
        yield (
            f"virtual machine ({cpu.virtualisation}): neighbours, shared siblings and hidden caches move the figures; "
            "results hold for this guest, not for its host"
        )
    if cpu.architecture == "x86_64" and cpu.simd_level in _BELOW_AVX2:
        offered = "without SSE4.2, which OpenVINO needs" if cpu.simd_level == "scalar" else "without AVX2"
        remedy = (
            "; if the host has it, give the guest the host's CPU model (QEMU and Proxmox: cpu host)"
            if cpu.virtualisation is not None
            else ""
        )
        yield f"processor {offered}: models run several times slower, some runtimes not at all{remedy}"
    if cpu.clock_source is not None and cpu.architecture == "x86_64" and cpu.clock_source not in ("tsc", "kvm-clock"):
        yield f"clock source is {cpu.clock_source}: reading the time is slow; boot with tsc=reliable"
    if facts.memory.channels == 1:
        yield "memory runs on a single channel: half the bandwidth or less; fit a second module if the board takes one"
    if cpu.offline:
        yield f"{len(cpu.offline)} threads are switched off: figures hold for the {cpu.threads} that run"


def _limits(facts: HostFacts) -> Iterator[str]:
    cpu, limits, memory = facts.cpu, facts.limits, facts.memory
    if limits.quota_cores is not None:
        yield (
            f"CPU quota of {limits.quota_cores:g} cores (cgroup): more threads are stopped for parts of each period; "
            "use no more threads than that or lift the quota"
        )
    for name, allowed in (("affinity", limits.affinity), ("cpuset", limits.cpuset)):
        if allowed is not None and cpu.threads is not None and len(allowed) < cpu.threads:
            yield f"{name} leaves {len(allowed)} of {cpu.threads} threads: figures hold for these alone"
    if memory.available_bytes is not None and memory.available_bytes < _LOW_MEMORY_BYTES:
        yield f"only {memory.available_bytes / 2**20:.0f} MiB of memory are free: stop other programs before measuring"


def _load(facts: HostFacts) -> Iterator[str]:
    noise = facts.noise
    threads = facts.cpu.threads or 1
    if noise.other_cpu_cores is not None and noise.other_cpu_cores > max(0.1, _BUSY_SHARE * threads):
        yield f"other processes use {noise.other_cpu_cores:.1f} cores now: stop them, or accept wider intervals"
    if noise.steal_fraction is not None and noise.steal_fraction > _STEAL:
        yield f"the hypervisor took {100 * noise.steal_fraction:.0f} % of CPU time since boot: ask for dedicated cores"
    if noise.temperatures_c and max(noise.temperatures_c.values()) >= _HOT_C:
        name, hottest = max(noise.temperatures_c.items(), key=lambda item: item[1])
        yield f"sensor {name} reads {hottest:.0f} degrees C: clocks will fall; check cooling first"
