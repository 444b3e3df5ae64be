from __future__ import annotations

from collections.abc import Callable

import pytest

from advisor.host import machine_spec, preflight
from advisor.host.spec import fma_bits
from advisor.records.host import CpuFacts, HostFacts

from .make_trees import KIB, MACHINES, MIB

Read = Callable[[str], HostFacts]


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_becomes_a_spec(name: str, facts_of: Read) -> None:
    facts = facts_of(name)
    spec = machine_spec(facts)
    assert spec.id == "this"
    assert spec.threads == facts.cpu.threads
    assert spec.cores == (facts.cpu.cores or facts.cpu.threads)
    assert spec.memory_bandwidth_bytes_per_s is None  # measured elsewhere
    assert spec.all_core_turbo_hz is None


def test_hybrid(facts_of: Read) -> None:
    spec = machine_spec(facts_of("alder_lake"))
    assert (spec.performance_cores, spec.efficiency_cores) == (8, 8)
    assert (spec.boost_hz, spec.e_core_turbo_hz) == (5.1e9, 3.8e9)
    assert (spec.fma_bits_per_core, spec.fma_bits_per_e_core) == (512, 256)
    assert spec.l2_bytes_per_core == 1280 * KIB
    assert spec.l3_bytes == 30 * MIB
    assert (spec.l2_bytes_per_e_cluster, spec.e_cores_per_cluster) == (2 * MIB, 4)
    assert spec.inference_cores == spec.cores == 16


def test_three_kinds_of_cores(facts_of: Read) -> None:
    """A Core Ultra 7 155H: OpenVINO gives inference 14 of its 16 cores."""
    spec = machine_spec(facts_of("core_ultra"))
    assert (spec.performance_cores, spec.efficiency_cores, spec.low_power_cores) == (6, 8, 2)
    assert (spec.cores, spec.inference_cores) == (16, 14)
    assert (spec.boost_hz, spec.e_core_turbo_hz, spec.low_power_core_turbo_hz) == (4.8e9, 3.8e9, 2.5e9)
    assert (spec.fma_bits_per_core, spec.fma_bits_per_e_core, spec.fma_bits_per_low_power_core) == (512, 256, 256)
    assert (spec.l2_bytes_per_core, spec.l2_bytes_per_e_cluster) == (2 * MIB, 2 * MIB)  # equal sizes, told apart
    assert (spec.e_cores_per_cluster, spec.l2_bytes_per_low_power_cluster) == (4, 2 * MIB)


def test_compact_cores_with_two_threads_have_caches_of_their_own(facts_of: Read) -> None:
    spec = machine_spec(facts_of("zen4c"))
    assert (spec.efficiency_cores, spec.l2_bytes_per_e_cluster, spec.e_cores_per_cluster) == (4, None, None)


def test_chip_of_efficiency_cores_alone(facts_of: Read) -> None:
    spec = machine_spec(facts_of("n100"))
    assert (spec.performance_cores, spec.efficiency_cores) == (4, 0)
    assert (spec.fma_bits_per_core, spec.fma_bits_per_e_core, spec.e_core_turbo_hz) == (256, None, None)
    assert spec.l2_bytes_per_core == 512 * KIB


def test_assumptions_are_named(facts_of: Read) -> None:
    assert machine_spec(facts_of("alder_lake_guest")).uncertain == ("performance_cores", "efficiency_cores")
    assert machine_spec(facts_of("graviton3")).uncertain == ("sockets",)
    assert machine_spec(facts_of("riscv")).uncertain == ("simd_level",)
    assert machine_spec(facts_of("desktop")).uncertain == ()


def test_limits(facts_of: Read) -> None:
    assert machine_spec(facts_of("desktop")).quota_cores is None
    assert machine_spec(facts_of("container_v1")).quota_cores == 2.5
    assert machine_spec(facts_of("cpuset_v2")).quota_cores == 2.0
    assert machine_spec(facts_of("container_v2")).memory_bytes == 512 * MIB
    assert machine_spec(facts_of("epyc_guest")).virtual_fraction == 1.0
    assert machine_spec(facts_of("desktop")).virtual_fraction is None


def _cpu(vendor: str, family: int, model: int, brand: str = "") -> CpuFacts:
    unknown = dict.fromkeys(
        ("architecture", "sockets", "cores", "threads", "threads_per_core", "performance_cores", "efficiency_cores")
    )
    sizes = dict.fromkeys(("numa_nodes", "simd_level", "l1d_bytes", "l2_bytes", "l3_bytes"))
    return CpuFacts.model_validate(
        {**unknown, **sizes, "brand": brand, "vendor": vendor, "family": family, "model": model, "simd": ()}
    )


@pytest.mark.parametrize(
    ("vendor", "family", "model", "brand", "width"),
    [
        ("AuthenticAMD", 0x17, 0x01, "Zen", 256),
        ("AuthenticAMD", 0x17, 0x71, "Zen 2", 512),
        ("AuthenticAMD", 0x19, 0x01, "Zen 3", 512),
        ("AuthenticAMD", 0x19, 0x61, "Zen 4", 512),
        ("AuthenticAMD", 0x1A, 0x02, "Zen 5 server", 1024),
        ("AuthenticAMD", 0x1A, 0x24, "Zen 5 mobile", 512),
        ("AuthenticAMD", 0x15, 0x02, "Piledriver", None),
        ("GenuineIntel", 6, 158, "i7-8700", 512),
        ("GenuineIntel", 6, 85, "Intel(R) Xeon(R) Platinum 8280L CPU", 1024),
        ("GenuineIntel", 6, 85, "Intel(R) Xeon(R) Silver 4110 CPU", 512),
        ("GenuineIntel", 6, 85, "Intel(R) Xeon(R) Gold 5122 CPU", 1024),
        ("GenuineIntel", 6, 85, "unheard-of", None),
        ("GenuineIntel", 6, 106, "Ice Lake-SP", 1024),
        ("GenuineIntel", 6, 92, "Apollo Lake", None),
        ("Nobody", 1, 1, "", None),
    ],
)
def test_width_of_the_multiply_add_units(vendor: str, family: int, model: int, brand: str, width: int | None) -> None:
    assert fma_bits(_cpu(vendor, family, model, brand), hybrid=False) == (width, None)


def test_instructions_are_believed_before_a_model_that_a_hypervisor_states() -> None:
    rocket_lake = _cpu("GenuineIntel", 6, 0xA7)
    assert fma_bits(rocket_lake, hybrid=False) == (512.0, None)
    tiles = rocket_lake.model_copy(update={"simd": ("avx2", "avx512", "amx")})
    assert fma_bits(tiles, hybrid=False) == (1024.0, None)


class TestPreflight:
    def test_each_warning(self, facts_of: Read) -> None:
        said = "\n".join(preflight(facts_of("desktop")))
        for word in (
            "governor is powersave",
            "profile is low-power",
            "clock source is hpet",
            "single channel",
            "took 4 %",
        ):
            assert word in said
        assert "CPU quota of 2.5 cores" in "\n".join(preflight(facts_of("container_v1")))
        assert "cpuset leaves 4 of 12 threads" in "\n".join(preflight(facts_of("cpuset_v2")))
        assert "virtual machine (KVM)" in "\n".join(preflight(facts_of("epyc_guest")))
        assert "9 threads are switched off" in "\n".join(preflight(facts_of("offline")))
        assert "without SSE4.2, which OpenVINO needs" in "\n".join(preflight(facts_of("kvm64")))
        assert "give the guest the host's CPU model" in "\n".join(preflight(facts_of("kvm64")))
        assert "processor without AVX2: models run several times slower, some runtimes not at all" in preflight(
            facts_of("atom")
        )
        assert not [line for line in preflight(facts_of("rk3588")) if "AVX2" in line]
        assert "0 MiB of memory are free" in "\n".join(preflight(facts_of("old_kernel")))

    def test_nothing_to_say_about_a_quiet_machine(self, facts_of: Read) -> None:
        facts = facts_of("altra")
        quiet = facts.noise.model_copy(update={"steal_fraction": 0.0})
        assert preflight(facts.model_copy(update={"noise": quiet})) == ()

    def test_load_and_heat(self, facts_of: Read) -> None:
        facts = facts_of("altra")
        # 5 % of 80 threads are 4 cores.
        for other, warned in ((3.9, False), (4.1, True)):
            noise = facts.noise.model_copy(update={"steal_fraction": 0.0, "other_cpu_cores": other})
            assert bool(preflight(facts.model_copy(update={"noise": noise}))) == warned
        hot = facts.noise.model_copy(update={"temperatures_c": {"cpu": 95.0}})
        assert any("95 degrees" in line for line in preflight(facts.model_copy(update={"noise": hot})))

    def test_one_line_each(self, facts_of: Read) -> None:
        for name in MACHINES:
            assert all("\n" not in line for line in facts_of(name).warnings)
