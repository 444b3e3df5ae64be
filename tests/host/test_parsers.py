from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.host import energy_range_j, package_energy_j
from advisor.host.cgroup import read_group_limits
from advisor.host.cpuinfo import architecture, brand, flags, parse_cpuinfo
from advisor.host.lscpu import parse_summary, parse_table
from advisor.host.memory import memory_modules
from advisor.host.noise import cpu_times, pressure_some
from advisor.host.simd import simd_level, simd_words
from advisor.host.topology import sibling_pair
from advisor.host.tree import Tree, parse_cpu_list, parse_cpu_mask, parse_size, to_int

from .make_trees import AMX, AVX2, AVX512, SSE, cpu_list, cpu_mask, desktop, smbios, write_tree

CPU_SETS = st.sets(st.integers(0, 2000), max_size=60)


class TestLists:
    @given(CPU_SETS)
    def test_read_back_equal(self, cpus: set[int]) -> None:
        assert parse_cpu_list(cpu_list(cpus)) == tuple(sorted(cpus))
        assert parse_cpu_mask(cpu_mask(cpus)) == tuple(sorted(cpus))

    @given(st.text(max_size=30))
    def test_any_text_gives_cpus_or_none(self, text: str) -> None:
        for parse in (parse_cpu_list, parse_cpu_mask):
            found = parse(text)
            assert found is None or all(isinstance(cpu, int) and cpu >= 0 for cpu in found)
        assert parse_size(text) is None or parse_size(text) > 0  # type: ignore[operator]

    def test_forms(self) -> None:
        assert parse_cpu_list("0-3,8-11") == (0, 1, 2, 3, 8, 9, 10, 11)
        assert parse_cpu_list("0-7:2/4") == (0, 1, 4, 5)
        assert parse_cpu_list("") == ()
        assert parse_cpu_list("3-1") is None
        assert parse_cpu_list("a") is None
        assert parse_cpu_mask("00000001,00000003") == (0, 1, 32)
        assert parse_cpu_mask("fffff000") == tuple(range(12, 32))
        assert [parse_size(text) for text in ("32K", "8M", "512 kB", "100", "0K", "x", "-1K")] == [
            32768, 8 << 20, 524288, 100, None, None, None,
        ]  # fmt: skip
        assert [to_int(text) for text in ("5", " -5\n", "٥", "1e3", "", "9" * 30, None)] == [5, -5] + [None] * 5


class TestLscpu:
    def test_flat_strings_of_old_versions(self) -> None:
        text = (
            '{"lscpu":[{"field":"Model name:","data":"X"},{"field":"CPU(s):","data":"4"},'
            '{"field":"Model:","data":"-"}]}'
        )
        assert parse_summary(text) == {"Model name": "X", "CPU(s)": "4"}
        rows = '{"cpus":[{"cpu":"0","core":"0","socket":"0","node":"-","online":"yes"},{"cpu":"1","online":"no"}]}'
        table = parse_table(rows)
        assert (table[0].core, table[0].node, table[0].online) == (0, None, True)
        assert (table[1].core, table[1].online) == (None, False)

    def test_nested_children_and_numbers_of_new_versions(self) -> None:
        children = [{"field": "Model name:", "data": "X", "children": [{"field": "CPU family:", "data": 6}]}]
        text = json.dumps({"lscpu": [{"field": "Vendor ID:", "data": "V", "children": children}]})
        assert parse_summary(text) == {"Vendor ID": "V", "Model name": "X", "CPU family": "6"}
        assert parse_table('{"cpus":[{"cpu":3,"core":1,"socket":null,"online":true}]}')[3].core == 1

    def test_unquoted_dash_of_version_2_38(self) -> None:
        table = parse_table('{\n"cpus": [\n{\n"cpu": 0,\n"core": -,\n"socket": -,\n"node": -,\n"online": true\n}\n]\n}')
        assert (table[0].core, table[0].online) == (None, True)

    @given(st.text(max_size=40))
    def test_any_text_is_survived(self, text: str) -> None:
        assert isinstance(parse_summary(text), dict)
        assert isinstance(parse_table(text), dict)


class TestCpuinfo:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (f"processor: 0\nflags: {SSE}\n", "x86_64"),
            ("processor: 0\nflags: fpu tsc cx8 sse\n", "i686"),
            ("processor: 0\nFeatures: fp asimd\nCPU implementer: 0x41\nCPU architecture: 8\n", "aarch64"),
            ("Processor: ARMv7\nFeatures: neon vfpv4 thumb\nCPU implementer: 0x41\nCPU architecture: 7\n", "armv7l"),
            ("processor: 0\nisa: rv64imafdc\n", "riscv64"),
            ("processor: 0\ncpu: POWER7 (architected)\n", "ppc64"),
            ("processor: 0\ncpu: POWER9, altivec supported\n", "ppc64le"),
            ("vendor_id: IBM/S390\nfeatures: esan3 zarch\nprocessor 0: version = FF\n", "s390x"),
            ("processor: 0\nCPU Family: Loongson-64bit\nFeatures: cpucfg lam ual fpu lsx lasx\n", "loongarch64"),
            ("cpu: TI UltraSparc II\ntype: sun4u\n", "sparc64"),
            ("rubbish", None),
        ],
    )
    def test_architecture_by_the_fields(self, text: str, expected: str | None) -> None:
        assert architecture(parse_cpuinfo(text)) == expected

    def test_flags_are_those_of_all_threads(self) -> None:
        info = parse_cpuinfo(f"processor: 0\nflags: {AVX512}\n\nprocessor: 1\nflags: {AVX2}\n")
        assert simd_level(flags(info)) == "avx2"

    def test_stated_name_beats_the_table_but_not_a_kernel_placeholder(self) -> None:
        arm = "processor: 0\nCPU implementer: 0x41\nCPU part: 0xd08\nmodel name: {}\n"
        assert brand(parse_cpuinfo(arm.format("Kunpeng"))) == "Kunpeng"
        assert brand(parse_cpuinfo(arm.format("ARMv8 Processor rev 3 (v8l)"))) == "Cortex-A72"


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("", None),
        ("fpu tsc sse sse2", "scalar"),
        (SSE, "sse42"),
        (SSE + " avx", "avx"),
        (SSE + " avx avx2", "avx"),  # without fma
        (AVX2, "avx2"),
        (AVX2 + " avx_vnni", "avx2_vnni"),
        (AVX2 + " avx512f avx512cd avx512er avx512pf", "avx2"),  # Knights Landing lacks bw and vl
        (AVX512, "avx512"),
        (AVX512 + " avx512_vnni", "avx512_vnni"),
        (AVX512 + " avx512_vnni avx512_bf16", "avx512_bf16"),
        (AMX, "amx"),
        ("fp asimd", "neon"),
        ("fp asimd asimddp", "neon_dotprod"),
        ("fp asimd asimddp i8mm", "neon_i8mm"),
        ("fp asimd asimddp sve", "sve"),
        ("zarch", None),
    ],
)
def test_level(words: str, level: str | None) -> None:
    assert simd_level(frozenset(words.split())) == level


def test_words_of_32_bit_arm() -> None:
    assert simd_words(frozenset(["half", "thumb", "neon", "vfpv4"])) == ("neon",)


class TestModules:
    def test_two_channels_by_name(self) -> None:
        table = smbios([(8192, 3200, "Controller0-ChannelA", "BANK 0"), (8192, 3200, "Controller1-ChannelB", "BANK 1")])
        assert memory_modules(table) == (2, 3200)

    def test_controllers_number_their_channels_from_a(self) -> None:
        names = [f"Controller{controller}-ChannelA-DIMM0" for controller in (0, 1)]
        assert memory_modules(smbios([(8192, 5600, name, "BANK 0") for name in names])) == (2, 5600)

    def test_a_table_that_breaks_off_says_nothing(self) -> None:
        table = smbios([(8192, 2933, "P0 CHANNEL A", ""), (8192, 2933, "P0 CHANNEL B", "")])
        second = table.index(b"P0 CHANNEL A") + len(b"P0 CHANNEL A") + 2
        assert memory_modules(table[: second + 20]) == (None, None)
        assert memory_modules(table[:-6]) == (2, 2933)  # firmware before SMBIOS 2.2 writes no end

    def test_two_modules_on_one_channel(self) -> None:
        table = smbios([(8192, 2400, "DIMM_A1", ""), (8192, 2133, "DIMM_A2", "")])
        assert memory_modules(table) == (1, 2133)

    def test_channels_of_two_sockets(self) -> None:
        table = smbios([(8192, 2933, f"P{socket} CHANNEL {name}", "") for socket in (0, 1) for name in "ABCDEF"])
        assert memory_modules(table) == (12, 2933)

    def test_unnamed_channels_stay_unknown(self) -> None:
        assert memory_modules(smbios([(8192, 0, "slot", ""), (8192, 0, "slot", "")])) == (None, None)
        assert memory_modules(b"") == (None, None)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_survived(self, table: bytes) -> None:
        memory_modules(table)
        memory_modules(bytes([17, 34]) + table + b"\0\0")


class TestGroups:
    def test_container_without_namespace_sees_its_own_group_as_root(self, tmp_path) -> None:
        files = {
            "proc/cpuinfo": "",
            "proc/self/cgroup": "5:cpu:/docker/abc\n",
            "proc/self/mountinfo": "40 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        }
        limits = read_group_limits(Tree(write_tree(files, tmp_path)))
        assert (limits.version, limits.quota_cores) == (1, 0.5)

    def test_outer_quota_binds(self, tmp_path) -> None:
        files = {
            "proc/cpuinfo": "",
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/cpu.max": "max 100000",
            "sys/fs/cgroup/a/cpu.max": "300000 200000",
            "sys/fs/cgroup/a/b/cpu.max": "400000 100000",
        }
        limits = read_group_limits(Tree(write_tree(files, tmp_path)))
        assert (limits.version, limits.quota_cores) == (2, 1.5)

    @pytest.mark.parametrize("text", ["max 100000", "max", "0 100000", "100000 0", "x y", ""])
    def test_no_quota(self, tmp_path, text: str) -> None:
        tree = Tree(write_tree({"proc/cpuinfo": "", "sys/fs/cgroup/cpu.max": text}, tmp_path))
        assert read_group_limits(tree).quota_cores is None


def test_energy(tmp_path) -> None:
    root = write_tree(desktop().render(), tmp_path)
    assert package_energy_j(root) == 1.5  # the core plane is part of the package
    assert energy_range_j(root) == pytest.approx(262143.32885)
    (root / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("")
    assert package_energy_j(root) is None


def test_times_and_pressure(tmp_path) -> None:
    old = Tree(write_tree({"proc/cpuinfo": "", "proc/stat": "cpu  100 0 50 800"}, tmp_path / "old"))
    times = cpu_times(old, 100.0)
    assert times is not None
    assert (times.busy_s, times.idle_s, times.steal_s) == (1.5, 8.0, 0.0)
    for text in ("cpu 1 2", "cpu a b c d", "intr 1 2 3 4", "cpu -1 0 0 0"):
        assert cpu_times(Tree(write_tree({"proc/stat": text}, tmp_path / "old")), 100.0) is None
    files = {
        "proc/cpuinfo": "",
        "proc/pressure/cpu": "some avg10=1.50 avg60=0.00 avg300=0.00 total=2000000\nfull avg10=0",
    }
    assert pressure_some(Tree(write_tree(files, tmp_path / "psi"))) == (0.015, 2.0)


def test_two_threads_of_one_core() -> None:
    smt = {0: frozenset({0, 4}), 4: frozenset({0, 4}), 1: frozenset({1, 5}), 5: frozenset({1, 5})}
    assert sibling_pair(smt, range(8)) == (0, 4)
    assert sibling_pair(smt, (0, 1, 5)) == (1, 5)
    assert sibling_pair(smt, (0, 1)) is None
    assert sibling_pair({0: frozenset({0})}, (0,)) is None
    assert sibling_pair(None, (0, 1)) is None
