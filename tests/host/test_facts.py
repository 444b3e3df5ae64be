from __future__ import annotations

import os
import platform
import re
import stat
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor.errors import HostError
from advisor.host import facts as facts_module
from advisor.host import fingerprint, host_facts, machine_spec, usable_cores
from advisor.records.host import HostFacts, RuntimeFacts

from .make_trees import CPU, KIB, MACHINES, MIB, files_of, write_tree

Read = Callable[[str], HostFacts]

# sockets, cores, threads, threads per core, performance cores, efficiency cores, nodes, level
TOPOLOGY = {
    "desktop": (1, 6, 12, 2, 6, 0, 1, "avx2"),
    "xeon_snc": (2, 16, 32, 2, 16, 0, 4, "amx"),
    "eight_sockets": (8, 32, 64, 2, 32, 0, 8, "avx512_vnni"),
    "alder_lake": (1, 16, 24, 2, 8, 8, 1, "avx2_vnni"),
    "alder_lake_bare": (1, 16, 24, 2, 8, 8, 1, "avx2_vnni"),
    "alder_lake_clocks": (1, 16, 24, 2, 8, 8, 1, "avx2_vnni"),
    "alder_lake_guest": (1, 4, 4, 1, None, None, 1, "avx2_vnni"),
    "core_ultra": (1, 16, 22, 2, 6, 8, 1, "avx2_vnni"),
    "core_ultra_bare": (1, 16, 22, 2, 6, 8, 1, "avx2_vnni"),
    "zen4c": (1, 6, 12, 2, 2, 4, 1, "avx512_vnni"),
    "n100": (1, 4, 4, 1, 0, 4, 1, "avx2_vnni"),
    "atom": (1, 4, 4, 1, 4, 0, 1, "sse42"),
    "epyc_guest": (1, 8, 8, 1, 8, 0, 1, "avx2"),
    "rk3588": (1, 8, 8, 1, 4, 4, 1, "neon_dotprod"),
    "kryo": (1, 8, 8, 1, 4, 4, 1, "neon_dotprod"),
    "unnamed_mix": (1, 8, 8, 1, None, None, 1, "neon_dotprod"),
    "raspberry_pi_4": (1, 4, 4, 1, 4, 0, None, "neon"),
    "altra": (1, 80, 80, 1, 80, 0, 1, "neon_dotprod"),
    "graviton3": (None, 16, 16, 1, 16, 0, 1, "sve"),
    "container_v1": (1, 6, 12, 2, 6, 0, 1, "avx2"),
    "container_v2": (1, 6, 12, 2, 6, 0, 1, "avx2"),
    "nested_v2": (1, 6, 12, 2, 6, 0, 1, "avx2"),
    "cpuset_v2": (1, 6, 12, 2, 6, 0, 1, "avx2"),
    "partition_v2": (1, 6, 12, 2, 6, 0, 1, "avx2"),
    "lxcfs": (1, 4, 4, 1, 4, 0, None, "avx2"),
    "lxcfs_smt": (1, 4, 6, 2, 4, 0, None, "avx2"),
    "kvm64": (1, 4, 4, 1, 4, 0, 1, "scalar"),
    "offline": (1, 4, 7, 2, 4, 0, 2, "avx2"),
    "smt_off": (1, 4, 4, 1, 4, 0, 1, "avx2"),
    "old_kernel": (2, 8, 8, 1, 8, 0, None, "sse42"),
    "riscv": (1, 4, 4, 1, 4, 0, 1, None),
    "arm_32": (1, 2, 2, 1, 2, 0, None, "neon"),
    "huge": (4, 576, 1152, 2, 576, 0, 4, "avx512_vnni"),
    "memory_nodes": (2, 4, 4, 1, 4, 0, 3, "avx2"),
    "lists_only": (1, 4, 8, 2, 4, 0, 1, "avx2"),
}
# Sums over the machine by the description in make_trees.
CACHES = {
    "desktop": (6 * 32 * KIB, 6 * 256 * KIB, 12 * MIB),
    "xeon_snc": (16 * 48 * KIB, 16 * 2 * MIB, 2 * 105 * MIB),
    "alder_lake": (8 * 48 * KIB + 8 * 32 * KIB, 8 * 1280 * KIB + 2 * 2 * MIB, 30 * MIB),
    "core_ultra": (6 * 48 * KIB + 10 * 32 * KIB, 6 * 2 * MIB + 3 * 2 * MIB, 24 * MIB),
    "n100": (4 * 32 * KIB, 2 * MIB, 6 * MIB),
    "atom": (4 * 24 * KIB, 2 * MIB, None),
    "altra": (80 * 64 * KIB, 80 * MIB, None),
    "offline": (4 * 32 * KIB, 4 * MIB, 11 * MIB),
    "old_kernel": (None, None, None),
    "rk3588": (None, None, None),
    "huge": (None, None, 4 * 480 * MIB),
}


def _topology(facts: HostFacts) -> tuple[object, ...]:
    cpu = facts.cpu
    counts = (cpu.sockets, cpu.cores, cpu.threads, cpu.threads_per_core, cpu.performance_cores, cpu.efficiency_cores)
    return (*counts, cpu.numa_nodes, cpu.simd_level)


def test_every_machine_is_described() -> None:
    assert set(TOPOLOGY) == set(MACHINES)


@pytest.mark.parametrize("name", TOPOLOGY)
def test_topology(name: str, facts_of: Read) -> None:
    assert _topology(facts_of(name)) == TOPOLOGY[name]


@pytest.mark.parametrize("name", [name for name in TOPOLOGY if name != "huge"])
@pytest.mark.usefixtures("no_lscpu")
def test_own_reading_says_the_same_as_lscpu(name: str, tree: Callable[[str], Path], facts_of: Read) -> None:
    own = host_facts(tree(name))
    assert own.model_dump(exclude={"created"}) == facts_of(name).model_dump(exclude={"created"})


@pytest.mark.parametrize("name", CACHES)
def test_caches(name: str, facts_of: Read) -> None:
    cpu = facts_of(name).cpu
    assert (cpu.l1d_bytes, cpu.l2_bytes, cpu.l3_bytes) == CACHES[name]


@pytest.mark.parametrize("name", MACHINES)
def test_nothing_of_this_machine_leaks(name: str, facts_of: Read) -> None:
    facts = facts_of(name)
    arm = {"rk3588", "kryo", "unnamed_mix", "raspberry_pi_4", "altra", "graviton3"}
    rare = {"arm_32": "armv7l", "riscv": "riscv64"}
    assert facts.cpu.architecture == ("aarch64" if name in arm else rare.get(name, "x86_64"))
    assert facts.limits.affinity == (facts.limits.cpuset if name.startswith("lxcfs") else None)
    assert facts.noise.other_cpu_cores is None
    assert facts.noise.load_1min == 0.25
    assert facts.hostname == "box"
    assert facts.kernel == "6.1.0-test"
    assert facts.runtimes == ()
    assert HostFacts.model_validate_json(facts.model_dump_json(by_alias=True)) == facts


def test_cache_sharing_of_a_hybrid(facts_of: Read) -> None:
    second = [cache for cache in facts_of("alder_lake").cpu.caches if cache.level == 2]
    assert [(cache.size_bytes, cache.instances, cache.threads_sharing) for cache in second] == [
        (1280 * KIB, 8, 2),
        (2 * MIB, 2, 4),
    ]
    third = [cache for cache in facts_of("core_ultra").cpu.caches if cache.level == 3]
    assert third[0].cpus == tuple(range(20))  # the low-power cores stand outside


def test_kinds_of_threads(facts_of: Read) -> None:
    assert facts_of("alder_lake").cpu.core_kinds == ("performance",) * 16 + ("efficiency",) * 8
    assert facts_of("rk3588").cpu.core_kinds == ("efficiency",) * 4 + ("performance",) * 4
    assert set(facts_of("alder_lake_guest").cpu.core_kinds) == {"unknown"}


@pytest.mark.parametrize("name", ["core_ultra", "core_ultra_bare"])
def test_cores_outside_the_third_level_cache_are_low_power_cores(name: str, facts_of: Read) -> None:
    cpu = facts_of(name).cpu
    assert cpu.core_kinds == ("performance",) * 12 + ("efficiency",) * 8 + ("low-power",) * 2
    assert cpu.low_power_cores == 2
    assert facts_of("alder_lake").cpu.low_power_cores == 0


def test_a_kernel_that_names_low_power_cores_is_believed(tmp_path: Path) -> None:
    """Linux 6.13 on Arrow Lake-H: a third monitoring unit; the caches here say nothing of a third level."""
    files = files_of("core_ultra")
    files = {path: text for path, text in files.items() if "/cache/index3/" not in path}
    files |= {"sys/devices/cpu_atom/cpus": "12-19", "sys/devices/cpu_lowpower/cpus": "20-21"}
    cpu = host_facts(write_tree(files, tmp_path)).cpu
    assert (cpu.efficiency_cores, cpu.low_power_cores) == (8, 2)


def test_a_machine_keeps_the_fingerprint_that_0_1_gave_it(facts_of: Read) -> None:
    """Version 0.1 counted low-power cores as efficiency cores; its measurements are found again."""
    facts = facts_of("core_ultra")
    as_then = facts.cpu.model_copy(update={"efficiency_cores": 10, "low_power_cores": None})
    assert fingerprint(facts.model_copy(update={"cpu": as_then})) == fingerprint(facts)


def test_simd_words(facts_of: Read) -> None:
    assert facts_of("xeon_snc").cpu.simd == (
        "sse4.2", "avx", "avx2", "fma", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx",
    )  # fmt: skip
    assert facts_of("atom").cpu.simd == ("sse4.2",)
    assert facts_of("graviton3").cpu.simd == ("neon", "dotprod", "i8mm", "sve")
    assert facts_of("riscv").cpu.simd == ()


def test_brands(facts_of: Read) -> None:
    names = {name: (facts_of(name).cpu.brand, facts_of(name).cpu.vendor) for name in MACHINES}
    assert names["rk3588"] == ("Cortex-A55 + Cortex-A76", "ARM")
    assert names["altra"] == ("Neoverse-N1", "ARM")
    assert names["arm_32"] == ("Cortex-A7", "ARM")
    assert names["riscv"] == ("sifive,u74-mc", None)
    assert names["old_kernel"] == ("Intel(R) Xeon(R) CPU E5540 @ 2.53GHz", "GenuineIntel")
    assert facts_of("raspberry_pi_4").cpu.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert facts_of("desktop").cpu.board == "Dell Inc. OptiPlex 7060"


def test_clocks_power_and_sensors(facts_of: Read) -> None:
    facts = facts_of("desktop")
    cpu = facts.cpu
    assert (cpu.base_hz, cpu.max_hz, cpu.efficiency_max_hz) == (3.2e9, 4.6e9, None)
    assert cpu.current_hz == (8e8,) * 12
    assert (cpu.governor, cpu.power_profile, cpu.clock_source) == ("powersave", "low-power", "hpet")
    assert facts.noise.temperatures_c == {"x86_pkg_temp": 45.0, "coretemp/Package id 0": 44.0}
    assert facts.noise.throttle_count == 6
    assert facts.noise.pressure_some_fraction == 0.125
    assert facts.noise.steal_fraction == pytest.approx(350 / 10_000)
    assert (facts.memory.channels, facts.memory.speed_mt_per_s) == (1, 2666)
    hybrid = facts_of("core_ultra").cpu
    assert (hybrid.max_hz, hybrid.efficiency_max_hz) == (4.8e9, 3.8e9)
    assert facts_of("rk3588").noise.throttle_count is None


def test_virtual_machines(facts_of: Read) -> None:
    assert facts_of("epyc_guest").cpu.virtualisation == "KVM"
    assert facts_of("epyc_guest").cpu.offline == ()  # possible is not present
    assert facts_of("desktop").cpu.virtualisation is None


def test_offline_cores_keep_their_node(facts_of: Read) -> None:
    cpu = facts_of("offline").cpu
    assert cpu.online == (0, 1, 2, 3, 8, 9, 10)
    assert cpu.offline == (4, 5, 6, 7, 11, 12, 13, 14, 15)
    assert [(node.id, node.cpus, node.offline_cpus) for node in cpu.nodes] == [
        (0, (0, 1, 2, 3, 8, 9, 10), (11,)),
        (1, (), (4, 5, 6, 7, 12, 13, 14, 15)),
    ]
    assert machine_spec(facts_of("offline")).numa_nodes == 1
    assert facts_of("smt_off").cpu.online == (0, 2, 4, 6)


def test_nodes_with_and_without_memory(facts_of: Read) -> None:
    nodes = facts_of("memory_nodes").cpu.nodes
    assert [(node.id, node.cpus, node.memory_bytes) for node in nodes] == [
        (0, (0, 1), 8 * MIB * KIB),
        (1, (2, 3), 0),
        (8, (), MIB * KIB),
    ]
    assert [node.cpus for node in facts_of("xeon_snc").cpu.nodes][1] == (4, 5, 6, 7, 20, 21, 22, 23)


def test_memory_of_an_old_kernel(facts_of: Read) -> None:
    memory = facts_of("old_kernel").memory
    assert (memory.total_bytes, memory.available_bytes) == (8_000_000 * 1024, 123 * 1024)
    assert (memory.channels, memory.speed_mt_per_s) == (None, None)


# version, quota, cpuset, memory limit, usable cores
LIMITS = {
    "desktop": (None, None, None, None, 6.0),
    "container_v1": (1, 2.5, (0, 1, 2, 3, 6, 7, 8, 9), 2 * 1024 * MIB, 2.5),
    "container_v2": (2, 1.5, (0, 6), 512 * MIB, 1.0),  # two threads of one core
    "nested_v2": (2, 3.5, (0, 1, 2, 6, 7, 8), 4 * 1024 * MIB, 3.0),
    "cpuset_v2": (2, None, (0, 1, 6, 7), None, 2.0),
    "partition_v2": (2, None, (4, 5, 10, 11), None, 2.0),
    "lxcfs": (2, None, (2, 5, 6, 7), None, 4.0),
    "lxcfs_smt": (2, None, (2, 3, 6, 7, 10, 11), None, 4.0),
    "offline": (None, None, None, None, 4.0),
}


@pytest.mark.parametrize("name", LIMITS)
def test_limits(name: str, facts_of: Read) -> None:
    facts = facts_of(name)
    limits = facts.limits
    found = (limits.cgroup_version, limits.quota_cores, limits.cpuset, limits.memory_limit_bytes, limits.usable_cores)
    assert found == LIMITS[name]
    assert usable_cores(facts) == LIMITS[name][-1]


def test_affinity_of_the_copied_process(tmp_path: Path) -> None:
    files = files_of("desktop") | {"proc/self/status": "Name:\tcp\nCpus_allowed_list:\t0,6-63\n"}
    facts = host_facts(write_tree(files, tmp_path))
    assert facts.limits.affinity == (0, 6, 7, 8, 9, 10, 11)
    assert facts.limits.usable_cores == 6.0


@pytest.mark.parametrize("name", ["lxcfs", "lxcfs_smt"])
def test_a_container_that_counts_its_threads_anew_misses_none_of_them(name: str, facts_of: Read) -> None:
    facts = facts_of(name)
    assert facts.limits.affinity == facts.limits.cpuset  # as the scheduler takes them
    assert facts.cpu.offline == ()
    assert not [line for line in facts.warnings if "leaves" in line or "switched off" in line]


def test_a_container_without_core_numbers_has_its_threads(tmp_path: Path) -> None:
    files = files_of("lxcfs_smt")
    bare = re.sub(r"(?m)^(physical|core) id.*\n", "", str(files["proc/cpuinfo"]))
    facts = host_facts(write_tree(files | {"proc/cpuinfo": bare}, tmp_path))
    assert (facts.cpu.cores, facts.cpu.threads, facts.limits.usable_cores) == (None, 6, 6.0)


def test_threads_that_are_switched_off_are_no_sign_of_a_container(tmp_path: Path) -> None:
    files = files_of("offline") | {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpuset.cpus": "0-3,8-11"}
    facts = host_facts(write_tree(files, tmp_path))
    assert facts.limits.usable_cores == 4.0
    assert facts.cpu.numa_nodes == 2


def test_fingerprint_follows_speed_and_nothing_else(tmp_path: Path, facts_of: Read) -> None:
    files = files_of("desktop")
    same = files | {
        "proc/loadavg": "9.00 1 1 1/1 1",
        "proc/sys/kernel/hostname": "other",
        f"{CPU}/cpu0/cpufreq/scaling_cur_freq": "4600000",
        f"{CPU}/cpu0/cpufreq/scaling_governor": "performance",
        "proc/meminfo": files["proc/meminfo"].replace(str(16 * MIB), str(16 * MIB - 4096)),  # type: ignore[union-attr]
        "sys/firmware/dmi/tables/DMI": b"",
    }
    assert host_facts(write_tree(same, tmp_path / "same")).fingerprint == facts_of("desktop").fingerprint
    others = {facts_of(name).fingerprint for name in MACHINES}
    assert len(others) == len(MACHINES) - 3  # hybrids without caches differ, those without clocks do not
    assert facts_of("partition_v2").fingerprint == facts_of("cpuset_v2").fingerprint  # two cores of one machine
    assert facts_of("alder_lake").fingerprint == facts_of("alder_lake_bare").fingerprint
    assert fingerprint(facts_of("desktop")) == facts_of("desktop").fingerprint


def test_a_directory_that_is_no_tree_is_refused(tmp_path: Path) -> None:
    for wrong in (tmp_path, tmp_path / "missing"):
        with pytest.raises(HostError) as caught:
            host_facts(wrong)
        assert "\n" not in str(caught.value)
        assert str(wrong) in str(caught.value)
    (tmp_path / "file").write_text("x")
    with pytest.raises(HostError):
        host_facts(tmp_path / "file")


def test_links_and_pipes_do_not_lead_out(tmp_path: Path) -> None:
    root = write_tree(files_of("alder_lake_guest"), tmp_path / "box")
    (root / "proc/meminfo").unlink()
    (root / "proc/meminfo").symlink_to("/proc/meminfo")
    (root / "proc/self").symlink_to("/proc/self")
    (root / "proc/loadavg").unlink()
    os.mkfifo(root / "proc/loadavg")
    facts = host_facts(root)
    assert facts.memory.total_bytes is None
    assert facts.limits.affinity is None
    assert facts.noise.load_1min is None
    assert stat.S_ISFIFO((root / "proc/loadavg").stat().st_mode)


def test_cpuinfo_alone_and_sys_alone(tmp_path: Path) -> None:
    only = write_tree({"proc/cpuinfo": files_of("old_kernel")["proc/cpuinfo"]}, tmp_path / "proc_only")
    facts = host_facts(only)
    assert (facts.cpu.cores, facts.cpu.sockets, facts.memory.total_bytes) == (8, 2, None)
    sys_only = {name: text for name, text in files_of("desktop").items() if name.startswith("sys/")}
    facts = host_facts(write_tree(sys_only, tmp_path / "sys_only"))
    assert (facts.cpu.cores, facts.cpu.sockets, facts.cpu.architecture, facts.cpu.simd_level) == (6, 1, None, None)
    empty = write_tree({"proc/cpuinfo": ""}, tmp_path / "empty")
    facts = host_facts(empty)
    assert (facts.cpu.cores, facts.cpu.threads, facts.limits.usable_cores) == (None, None, None)
    with pytest.raises(HostError):
        usable_cores(facts)
    with pytest.raises(HostError):
        machine_spec(facts)


GARBAGE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b"-1", b"0", b"nan", b"999999999999999999999", b"0-", b"1-0", b"0-99999999", b"\xff" * 9]),
)
_SMALL = files_of("alder_lake_guest") | {
    path: text for path, text in files_of("container_v1").items() if "/cpu" not in path or "cgroup" in path
}


@pytest.mark.usefixtures("no_lscpu")
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(_SMALL)), content=GARBAGE)
def test_garbage_in_any_file_never_crashes(tmp_path_factory: pytest.TempPathFactory, path: str, content: bytes) -> None:
    root = tmp_path_factory.getbasetemp() / "garbage"
    if not root.exists():
        write_tree(_SMALL, root)
    (root / path).write_bytes(content)
    try:
        facts = host_facts(root)
        assert HostFacts.model_validate_json(facts.model_dump_json(by_alias=True)) == facts
        if facts.cpu.threads is not None:
            machine_spec(facts)
    finally:
        write_tree({path: _SMALL[path]}, root)


@pytest.mark.parametrize("path", ["proc/cpuinfo", f"{CPU}/online", f"{CPU}/possible", f"{CPU}/cpu0/topology/core_cpus"])
def test_garbage_through_lscpu(tmp_path: Path, path: str) -> None:
    facts = host_facts(write_tree(files_of("alder_lake_guest") | {path: b"\0\xff,,-:garbage"}, tmp_path))
    assert facts.cpu.threads == 4
    assert facts.cpu.cores in (4, None)


def test_a_missing_file_never_crashes(tmp_path: Path) -> None:
    for number, path in enumerate(sorted(_SMALL)):
        if number % 3 or not path.startswith("proc/"):
            continue
        root = write_tree({name: text for name, text in _SMALL.items() if name != path}, tmp_path / str(number))
        host_facts(root)


class TestThisMachine:
    def test_agrees_with_other_sources(self) -> None:
        runtime = RuntimeFacts(name="fake", version="1", devices=("CPU",))
        facts = host_facts(runtimes=[runtime])
        assert facts.cpu.architecture == platform.machine()
        assert facts.cpu.threads == psutil.cpu_count()
        assert facts.cpu.cores in (psutil.cpu_count(logical=False), None)
        assert facts.limits.affinity == tuple(sorted(os.sched_getaffinity(0)))
        assert facts.memory.total_bytes == psutil.virtual_memory().total
        assert facts.runtimes == (runtime,)
        assert facts.limits.usable_cores is not None
        assert 0 < facts.limits.usable_cores <= (facts.cpu.cores or facts.cpu.threads or 0)
        assert facts.noise.other_cpu_cores is not None
        assert facts.hostname

    def test_fingerprint_is_stable(self) -> None:
        assert host_facts().fingerprint == host_facts().fingerprint

    def test_follows_affinity(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(facts_module.os, "sched_getaffinity", lambda pid: {0})
        assert host_facts().limits.usable_cores == pytest.approx(1.0, abs=1e-9)
