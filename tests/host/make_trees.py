"""Write small /proc and /sys trees of foreign machines, as tests want them: ``python make_trees.py DIR`` writes all.

Each function describes one machine from what its kernel would show; nothing is copied from a real one.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

CPU = "sys/devices/system/cpu"
NODE = "sys/devices/system/node"
ARM_DOTPROD = "fp asimd evtstrm aes atomics fphp asimdhp cpuid asimddp"
KIB = 1024
MIB = 1024 * KIB

SSE = "fpu tsc cx8 sse sse2 lm pni ssse3 sse4_1 sse4_2"
AVX2 = SSE + " avx f16c avx2 fma bmi1 bmi2"
AVX_VNNI = AVX2 + " avx_vnni"
AVX512 = AVX2 + " avx512f avx512dq avx512cd avx512bw avx512vl"
AVX512_VNNI = AVX512 + " avx512_vnni"
AMX = AVX512_VNNI + " avx_vnni avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8"


def cpu_list(cpus: Iterable[int]) -> str:
    """The kernel's list format, ranges joined by commas."""
    parts: list[list[int]] = []
    for cpu in sorted(cpus):
        if parts and parts[-1][1] == cpu - 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def cpu_mask(cpus: Iterable[int], words: int = 2) -> str:
    """The kernel's mask format."""
    value = sum(1 << cpu for cpu in cpus)
    count = max(words, (value.bit_length() + 31) // 32)
    return ",".join(f"{value >> (32 * at) & 0xFFFFFFFF:08x}" for at in reversed(range(count)))


@dataclass
class Thread:
    """One logical processor."""

    cpu: int
    core: int
    socket: int = 0
    node: int = 0
    flags: str = AVX2
    max_khz: int | None = None
    caches: list[tuple[int, str, int, tuple[int, ...]]] = field(default_factory=list)
    online: bool = True
    capacity: int | None = None
    part: int | None = None


@dataclass
class Box:
    """A machine: its threads and any further files."""

    threads: list[Thread]
    model_name: str | None = "Test CPU"
    vendor: str = "GenuineIntel"
    family: int = 6
    model: int = 158
    memory_kib: int = 16 * MIB
    files: dict[str, str | bytes] = field(default_factory=dict)

    def share(self, level: int, kind: str, size: int, groups: Iterable[Iterable[int]]) -> None:
        """Give each group of threads one cache in common."""
        by_cpu = {thread.cpu: thread for thread in self.threads}
        for group in groups:
            members = tuple(group)
            for cpu in members:
                by_cpu[cpu].caches.append((level, kind, size, members))

    def core_groups(self) -> list[list[int]]:
        """Threads by core."""
        groups: dict[tuple[int, int], list[int]] = {}
        for thread in self.threads:
            groups.setdefault((thread.socket, thread.core), []).append(thread.cpu)
        return list(groups.values())

    def socket_groups(self) -> list[list[int]]:
        """Threads by socket."""
        groups: dict[int, list[int]] = {}
        for thread in self.threads:
            groups.setdefault(thread.socket, []).append(thread.cpu)
        return list(groups.values())

    def standard_caches(self, l1: int, l2: int, l3: int | None) -> None:
        """First two levels per core, the third per socket."""
        self.share(1, "Data", l1, self.core_groups())
        self.share(1, "Instruction", l1, self.core_groups())
        self.share(2, "Unified", l2, self.core_groups())
        if l3 is not None:
            self.share(3, "Unified", l3, self.socket_groups())

    def render(self) -> dict[str, str | bytes]:
        """All files by path."""
        files: dict[str, str | bytes] = {"proc/cpuinfo": self.cpuinfo(), "proc/meminfo": meminfo(self.memory_kib)}
        live = [thread for thread in self.threads if thread.online]
        everything = [thread.cpu for thread in self.threads]
        files[f"{CPU}/possible"] = files[f"{CPU}/present"] = cpu_list(everything)
        files[f"{CPU}/online"] = cpu_list(thread.cpu for thread in live)
        files[f"{CPU}/offline"] = cpu_list(set(everything) - {thread.cpu for thread in live})
        running = {thread.cpu for thread in live}
        files[f"{CPU}/kernel_max"] = "8191"
        cores: dict[tuple[int, int], list[int]] = {}
        packages: dict[int, list[int]] = {}
        for thread in self.threads:
            cores.setdefault((thread.socket, thread.core), []).append(thread.cpu)
            packages.setdefault(thread.socket, []).append(thread.cpu)
        for thread in self.threads:
            files.update(self._thread_files(thread, running, cores, packages))
        for node in sorted({thread.node for thread in self.threads}):
            members = [thread.cpu for thread in live if thread.node == node]
            files[f"{NODE}/node{node}/cpulist"] = cpu_list(members)
            files[f"{NODE}/node{node}/cpumap"] = cpu_mask(members)
            nodes = len({thread.node for thread in self.threads})
            files[f"{NODE}/node{node}/meminfo"] = f"Node {node} MemTotal:  {self.memory_kib // nodes} kB\n"
        files["proc/stat"] = "cpu  1000 0 500 8000 100 0 50 350 0 0\ncpu0 1000 0 500 8000 100 0 50 350 0 0\n"
        files["proc/loadavg"] = "0.25 0.20 0.10 1/100 999"
        files["proc/sys/kernel/hostname"] = "box"
        files["proc/sys/kernel/osrelease"] = "6.1.0-test"
        return files | self.files

    def _thread_files(
        self,
        thread: Thread,
        live: set[int],
        cores: dict[tuple[int, int], list[int]],
        packages: dict[int, list[int]],
    ) -> dict[str, str | bytes]:
        base = f"{CPU}/cpu{thread.cpu}"
        if thread.cpu:
            files: dict[str, str | bytes] = {f"{base}/online": str(int(thread.online))}
        else:
            files = {}
        files[f"{base}/node{thread.node}/cpumap"] = "0"
        if not thread.online:
            return files
        core = [cpu for cpu in cores[thread.socket, thread.core] if cpu in live]
        package = [cpu for cpu in packages[thread.socket] if cpu in live]
        for name, members in (("core_cpus", core), ("thread_siblings", core), ("package_cpus", package)):
            files[f"{base}/topology/{name}"] = cpu_mask(members)
            files[f"{base}/topology/{name}_list"] = cpu_list(members)
        files[f"{base}/topology/core_siblings"] = cpu_mask(package)
        files[f"{base}/topology/core_siblings_list"] = cpu_list(package)
        files[f"{base}/topology/core_id"] = str(thread.core)
        files[f"{base}/topology/physical_package_id"] = str(thread.socket)
        for index, (level, kind, size, members) in enumerate(thread.caches):
            where = f"{base}/cache/index{index}"
            sharing = set(members) & live
            files |= {f"{where}/level": str(level), f"{where}/type": kind, f"{where}/size": f"{size // KIB}K"}
            files |= {f"{where}/shared_cpu_list": cpu_list(sharing), f"{where}/shared_cpu_map": cpu_mask(sharing)}
        if thread.max_khz is not None:
            files[f"{base}/cpufreq/cpuinfo_max_freq"] = str(thread.max_khz)
            files[f"{base}/cpufreq/scaling_cur_freq"] = "800000"
            files[f"{base}/cpufreq/scaling_governor"] = "powersave"
        if thread.capacity is not None:
            files[f"{base}/cpu_capacity"] = str(thread.capacity)
        return files

    def cpuinfo(self) -> str:
        """/proc/cpuinfo of x86, or of Arm where threads have part numbers."""
        blocks = []
        sizes = {}
        for socket in {thread.socket for thread in self.threads}:
            members = [thread for thread in self.threads if thread.socket == socket and thread.online]
            sizes[socket] = len({thread.core for thread in members}), len(members)
        for thread in self.threads:
            if not thread.online:
                continue
            if thread.part is not None:
                lines = {"BogoMIPS": "50.00", "Features": thread.flags, "CPU implementer": "0x41"}
                lines |= {"CPU architecture": "8", "CPU variant": "0x0", "CPU part": f"{thread.part:#05x}"}
            else:
                lines = {"vendor_id": self.vendor, "cpu family": str(self.family), "model": str(self.model)}
                lines |= {"model name": self.model_name or "", "cpu MHz": "800.000"}
                cores, siblings = sizes[thread.socket]
                lines |= {"physical id": str(thread.socket), "siblings": str(siblings), "core id": str(thread.core)}
                lines |= {"cpu cores": str(cores), "flags": thread.flags}
            body = "".join(f"{key}\t: {value}\n" for key, value in lines.items())
            blocks.append(f"processor\t: {thread.cpu}\n{body}")
        return "\n".join(blocks) + "\n"


def meminfo(kib: int) -> str:
    """Three lines of /proc/meminfo."""
    return f"MemTotal:       {kib} kB\nMemFree:        {kib // 2} kB\nMemAvailable:   {kib // 2} kB\n"


def grid(
    sockets: int, cores: int, smt: int, nodes: int = 1, flags: str = AVX2, max_khz: int | None = None
) -> list[Thread]:
    """Equal cores numbered as Linux does: first threads of all cores, then second ones; nodes split sockets evenly."""
    per_node = sockets * cores // nodes
    return [
        Thread(
            cpu=sibling * sockets * cores + socket * cores + core,
            core=core,
            socket=socket,
            node=(socket * cores + core) // per_node,
            flags=flags,
            max_khz=max_khz,
        )
        for sibling in range(smt)
        for socket in range(sockets)
        for core in range(cores)
    ]


def desktop() -> Box:
    """One socket, 6 cores, SMT, readable SMBIOS with one module, sensors and energy counter."""
    box = Box(grid(1, 6, 2, max_khz=4_600_000), "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz")
    box.standard_caches(32 * KIB, 256 * KIB, 12 * MIB)
    box.files |= {
        "sys/firmware/dmi/tables/DMI": smbios(
            [(16384, 2666, "ChannelA-DIMM0", "BANK 0"), (0, 0, "ChannelB-DIMM0", "BANK 2")]
        ),
        "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp",
        "sys/class/thermal/thermal_zone0/temp": "45000",
        "sys/class/hwmon/hwmon1/name": "coretemp",
        "sys/class/hwmon/hwmon1/temp1_input": "44000",
        "sys/class/hwmon/hwmon1/temp1_label": "Package id 0",
        "sys/class/powercap/intel-rapl:0/name": "package-0",
        "sys/class/powercap/intel-rapl:0/energy_uj": "1500000",
        "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
        "sys/class/powercap/intel-rapl:0:0/name": "core",
        "sys/class/powercap/intel-rapl:0:0/energy_uj": "900000",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet",
        "sys/firmware/acpi/platform_profile": "low-power",
        "sys/class/dmi/id/sys_vendor": "Dell Inc.",
        "sys/class/dmi/id/product_name": "OptiPlex 7060",
        "proc/pressure/cpu": "some avg10=12.50 avg60=1.00 avg300=0.10 total=123456\n",
    }
    box.files |= {f"{CPU}/cpu{cpu}/thermal_throttle/core_throttle_count": str(cpu % 2) for cpu in range(12)}
    return box


def xeon_snc() -> Box:
    """Two sockets with sub-NUMA clustering: four nodes; AMX."""
    box = Box(grid(2, 8, 2, nodes=4, flags=AMX), "Intel(R) Xeon(R) Platinum 8480+", model=143, memory_kib=256 * MIB)
    box.standard_caches(48 * KIB, 2 * MIB, 105 * MIB)
    return box


def eight_sockets() -> Box:
    """Eight sockets of 4 cores with SMT, one node each."""
    box = Box(grid(8, 4, 2, nodes=8, flags=AVX512_VNNI), "Intel(R) Xeon(R) Platinum 8280L CPU @ 2.70GHz", model=85)
    box.standard_caches(32 * KIB, 1 * MIB, 38 * MIB + 512 * KIB)
    return box


def _hybrid(performance: int, efficient: int, low_power: int, smt: bool, clocks: tuple[int, int, int]) -> list[Thread]:
    threads: list[Thread] = []
    for core in range(performance):
        threads += [Thread(len(threads) + at, core, flags=AVX_VNNI, max_khz=clocks[0]) for at in range(2 if smt else 1)]
    for at in range(efficient + low_power):
        khz = clocks[1] if at < efficient else clocks[2]
        threads.append(Thread(len(threads), performance + at, flags=AVX_VNNI, max_khz=khz))
    return threads


def _hybrid_caches(box: Box, first_small: int, low_power: int, l2: int, small_l2: int, l3: int) -> None:
    count = len(box.threads)
    large = [group for group in box.core_groups() if group[0] < first_small]
    small = list(range(first_small, count))
    box.share(1, "Data", 48 * KIB, large)
    box.share(1, "Data", 32 * KIB, [[cpu] for cpu in small])
    box.share(2, "Unified", l2, large)
    clusters = [small[at : at + 4] for at in range(0, len(small) - low_power, 4)]
    if low_power:
        clusters.append(small[-low_power:])
    box.share(2, "Unified", small_l2, clusters)
    box.share(3, "Unified", l3, [range(count - low_power)])


def alder_lake() -> Box:
    """i9-12900: 8 P cores with SMT, 8 E cores without, L2 shared by four E cores."""
    box = Box(_hybrid(8, 8, 0, True, (5_100_000, 3_800_000, 0)), "12th Gen Intel(R) Core(TM) i9-12900", model=151)
    _hybrid_caches(box, 16, 0, 1280 * KIB, 2 * MIB, 30 * MIB)
    box.files |= {"sys/devices/cpu_core/cpus": "0-15", "sys/devices/cpu_atom/cpus": "16-23"}
    return box


def alder_lake_bare() -> Box:
    """The same on a kernel without hybrid monitoring units and without cpufreq: only caches tell."""
    box = alder_lake()
    box.files.clear()
    for thread in box.threads:
        thread.max_khz = None
    return box


def alder_lake_clocks() -> Box:
    """The same without cache directories either: only clocks tell."""
    box = alder_lake()
    box.files.clear()
    for thread in box.threads:
        thread.caches.clear()
    return box


def alder_lake_guest() -> Box:
    """A guest with four threads of a hybrid processor: nothing tells which kind they are."""
    return Box(
        grid(1, 4, 1, flags=AVX_VNNI + " hypervisor"),
        "12th Gen Intel(R) Core(TM) i9-12900",
        model=151,
        files={
            "sys/class/dmi/id/sys_vendor": "QEMU",
            "sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)",
        },
    )


def core_ultra() -> Box:
    """Core Ultra 7 155H: 6 P with SMT, 8 E, 2 low-power E cores outside the third-level cache."""
    box = Box(_hybrid(6, 8, 2, True, (4_800_000, 3_800_000, 2_500_000)), "Intel(R) Core(TM) Ultra 7 155H", model=170)
    _hybrid_caches(box, 12, 2, 2 * MIB, 2 * MIB, 24 * MIB)
    box.files |= {"sys/devices/cpu_core/cpus": "0-11", "sys/devices/cpu_atom/cpus": "12-21"}
    return box


def core_ultra_bare() -> Box:
    """The same without hybrid monitoring units and cpufreq: the low-power pair shares its L2 by two threads, as the
    siblings of a performance core do."""
    box = core_ultra()
    box.files.clear()
    for thread in box.threads:
        thread.max_khz = None
    return box


def kryo() -> Box:
    """Snapdragon 855 by part numbers alone: no capacities, no clocks, no names."""
    threads = [Thread(cpu, cpu, flags=ARM_DOTPROD, part=0x805 if cpu < 4 else 0x804) for cpu in range(8)]
    box = Box(threads)
    box.files |= {"proc/cpuinfo": box.cpuinfo().replace("0x41", "0x51")}
    box.files |= {"sys/firmware/devicetree/base/model": "Qualcomm SDM855\0"}
    return box


def unnamed_mix() -> Box:
    """Two Arm designs that no table knows, with nothing that tells their strength."""
    threads = [Thread(cpu, cpu, flags=ARM_DOTPROD, part=0xF01 if cpu < 4 else 0xF02) for cpu in range(8)]
    return Box(threads, files={"sys/firmware/devicetree/base/model": "Future board\0"})


def nested_v2() -> Box:
    """cgroup v2 of a Kubernetes pod: quota and memory limit on the pod, cpuset on the container in it."""
    box = desktop()
    pod = "sys/fs/cgroup/kubepods.slice/burstable.slice/pod1"
    box.files |= {
        "proc/self/cgroup": "0::/kubepods.slice/burstable.slice/pod1/container\n",
        "sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory",
        "sys/fs/cgroup/kubepods.slice/cpu.max": "max 100000",
        f"{pod}/cpu.max": "350000 100000",
        f"{pod}/memory.max": str(4 * 1024 * MIB),
        f"{pod}/container/cpu.max": "max 100000",
        f"{pod}/container/cpuset.cpus": "0-2,6-8",
    }
    return box


def zen4c() -> Box:
    """Ryzen 5 8540U: two full cores and four compact ones with the same caches; only clocks tell."""
    threads = [
        Thread(cpu, cpu // 2, flags=AVX512_VNNI, max_khz=4_975_000 if cpu < 4 else 3_504_000) for cpu in range(12)
    ]
    box = Box(threads, "AMD Ryzen 5 8540U w/ Radeon 740M Graphics", "AuthenticAMD", family=25, model=120)
    box.standard_caches(32 * KIB, 1 * MIB, 16 * MIB)
    return box


def n100() -> Box:
    """Four efficiency cores and no other."""
    box = Box(grid(1, 4, 1, flags=AVX_VNNI, max_khz=3_400_000), "Intel(R) N100", model=190, memory_kib=8 * MIB)
    box.share(1, "Data", 32 * KIB, [[0], [1], [2], [3]])
    box.share(2, "Unified", 2 * MIB, [[0, 1, 2, 3]])
    box.share(3, "Unified", 6 * MIB, [[0, 1, 2, 3]])
    return box


def atom() -> Box:
    """Apollo Lake: an Atom without AVX and without a third-level cache, L2 shared by two."""
    box = Box(grid(1, 4, 1, flags=SSE), "Intel(R) Atom(TM) Processor E3940 @ 1.60GHz", model=92)
    box.share(1, "Data", 24 * KIB, [[0], [1], [2], [3]])
    box.share(2, "Unified", 1 * MIB, [[0, 1], [2, 3]])
    return box


def epyc_guest() -> Box:
    """KVM guest on EPYC: one thread per core, possible CPUs far beyond present ones."""
    box = Box(
        grid(1, 8, 1, flags=AVX2 + " hypervisor"), "AMD EPYC 7763 64-Core Processor", "AuthenticAMD", family=25, model=1
    )
    box.standard_caches(32 * KIB, 512 * KIB, 32 * MIB)
    box.files |= {
        f"{CPU}/possible": "0-239",
        f"{CPU}/offline": "8-239",
        "sys/class/dmi/id/sys_vendor": "Amazon EC2",
        "sys/class/dmi/id/product_name": "m6a.2xlarge",
    }
    return box


def rk3588() -> Box:
    """Four A55, four A76; a vendor kernel that numbers clusters as packages and has no cache directories."""
    features = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
    layout = [(0, 0xD05, 530), (0, 0xD05, 530), (0, 0xD05, 530), (0, 0xD05, 530)]
    layout += [(1, 0xD0B, 1024), (1, 0xD0B, 1024), (2, 0xD0B, 1024), (2, 0xD0B, 1024)]
    first = {0: 0, 1: 4, 2: 6}
    threads = [
        Thread(cpu, cpu - first[cluster], cluster, flags=features, part=part, capacity=capacity)
        for cpu, (cluster, part, capacity) in enumerate(layout)
    ]
    model = {"sys/firmware/devicetree/base/model": "Radxa ROCK 5B\0"}
    return Box(threads, files=model, memory_kib=8 * MIB)


def raspberry_pi_4() -> Box:
    """Four A72 without dot product; a kernel without NUMA."""
    features = "fp asimd evtstrm crc32 cpuid"
    box = Box([Thread(cpu, cpu, flags=features, part=0xD08, max_khz=1_500_000) for cpu in range(4)], memory_kib=4 * MIB)
    box.share(1, "Data", 32 * KIB, [[0], [1], [2], [3]])
    box.share(2, "Unified", 1 * MIB, [[0, 1, 2, 3]])
    box.files |= {"sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0"}
    return box


def altra() -> Box:
    """80 Neoverse N1 cores in one socket, booted by ACPI; the system-level cache is not shown."""
    features = "fp asimd evtstrm aes pmull atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs"
    threads = [Thread(cpu, cpu, socket=36, flags=features, part=0xD0C) for cpu in range(80)]
    box = Box(threads, memory_kib=128 * MIB)
    box.standard_caches(64 * KIB, 1 * MIB, None)
    box.files |= {"sys/firmware/acpi/tables/DSDT": b"DSDT", "sys/class/dmi/id/product_name": "Mt. Jade"}
    return box


def graviton3() -> Box:
    """Neoverse V1 with SVE; a core id of -1 and no model name anywhere."""
    features = "fp asimd aes asimddp sha512 sve asimdfhm i8mm bf16"
    box = Box([Thread(cpu, cpu, flags=features, part=0xD40) for cpu in range(16)])
    box.files |= {f"{CPU}/cpu{cpu}/topology/physical_package_id": "-1" for cpu in range(16)}
    return box


def container_v1() -> Box:
    """cgroup v1 without a namespace: quota on an outer group of two, the inner one says unlimited."""
    box = desktop()
    box.files |= {
        "proc/self/cgroup": "4:cpuset:/docker/abc/inner\n3:cpu,cpuacct:/docker/abc/inner\n2:memory:/docker/abc/inner\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/inner/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu,cpuacct/docker/abc/inner/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpuset/cpuset.cpus": "0-11",
        "sys/fs/cgroup/cpuset/docker/abc/cpuset.cpus": "0-3,6-9",
        "sys/fs/cgroup/cpuset/docker/abc/inner/cpuset.cpus": "",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": str(2 * 1024 * MIB),
    }
    return box


def container_v2() -> Box:
    """cgroup v2 with namespace seen through the host's mount: cpuset in the leaf, quota on the slice above."""
    box = desktop()
    box.files |= {
        "proc/self/cgroup": "0::/system.slice/app.service\n",
        "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
        "sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory",
        "sys/fs/cgroup/cpuset.cpus.effective": "0-11",
        "sys/fs/cgroup/system.slice/cpu.max": "150000 100000",
        "sys/fs/cgroup/system.slice/memory.max": "max",
        "sys/fs/cgroup/system.slice/app.service/cpu.max": "max 100000",
        "sys/fs/cgroup/system.slice/app.service/cpuset.cpus.effective": "0,6",
        "sys/fs/cgroup/system.slice/app.service/memory.max": str(512 * MIB),
    }
    return box


def cpuset_v2() -> Box:
    """A container's own view of cgroup v2: the mount's root is its group; two threads of each of two cores."""
    box = desktop()
    box.files |= {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpu.max": "max 100000",
        "sys/fs/cgroup/cpuset.cpus.effective": "0-1,6-7",
    }
    return box


def partition_v2() -> Box:
    """cgroup v2 partitions: the own group has taken two cores, which the effective sets around it no longer hold."""
    box = desktop()
    outer = "sys/fs/cgroup/inference.slice"
    box.files |= {
        "proc/self/cgroup": "0::/inference.slice/own\n",
        "sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory",
        "sys/fs/cgroup/cpuset.cpus.effective": "0-1,6-7",
        f"{outer}/cpuset.cpus": "2-5,8-11",
        f"{outer}/cpuset.cpus.effective": "2-3,8-9",
        f"{outer}/cpuset.cpus.partition": "root",
        f"{outer}/own/cpuset.cpus": "4-5,10-11",
        f"{outer}/own/cpuset.cpus.effective": "4-5,10-11",
        f"{outer}/own/cpuset.cpus.partition": "isolated",
    }
    return box


def _lxcfs(host: tuple[int, ...], smt: int) -> Box:
    """A container of lxcfs on a desktop of eight cores: threads counted from 0, cpuset in the host's numbers."""
    cores = 8
    box = Box([Thread(at, cpu % cores) for at, cpu in enumerate(host)], "AMD Ryzen 7 5700G", "AuthenticAMD", 25, 80)
    shown = Box(grid(1, cores, smt)).render()  # /sys shows the host's first threads, sibling lists included
    topology = {name: text for name, text in shown.items() if "/topology/" in name or name.startswith(NODE)}
    box.files |= topology | {
        f"{CPU}/possible": cpu_list(range(cores * smt)),
        f"{CPU}/present": cpu_list(range(cores * smt)),
        f"{CPU}/offline": "",
        "proc/self/status": f"Name:\tcp\nCpus_allowed_list:\t{cpu_list(host)}\n",
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/cpuset.cpus.effective": cpu_list(host),
    }
    return box


def lxcfs() -> Box:
    """Four threads of four cores of a host without SMT."""
    return _lxcfs((2, 5, 6, 7), smt=1)


def lxcfs_smt() -> Box:
    """Six threads of a host with SMT: both of two cores, and one of each of two more."""
    return _lxcfs((2, 3, 6, 7, 10, 11), smt=2)


def kvm64() -> Box:
    """A guest with the oldest model of QEMU, which hides all but SSE3 whatever the host has."""
    flags = "fpu tsc cx8 sse sse2 lm pni hypervisor"
    box = Box(grid(1, 4, 1, flags=flags), "Common KVM processor", family=15, model=6)
    box.files |= {"sys/class/dmi/id/sys_vendor": "QEMU"}
    return box


def offline() -> Box:
    """Two nodes; the second one's four cores and one sibling of the first are switched off."""
    box = Box(grid(2, 4, 2, nodes=2), "Intel(R) Xeon(R) Silver 4110 CPU @ 2.10GHz", model=85)
    box.standard_caches(32 * KIB, 1 * MIB, 11 * MIB)
    for thread in box.threads:
        thread.online = thread.socket == 0 and thread.cpu != 11
    return box


def smt_off() -> Box:
    """SMT switched off at run time: second threads are present and offline; numbers of the rest have gaps."""
    box = Box([Thread(cpu, cpu // 2) for cpu in range(8)], "Intel(R) Core(TM) i7-6700 CPU @ 3.40GHz", model=94)
    box.standard_caches(32 * KIB, 256 * KIB, 8 * MIB)
    for thread in box.threads:
        thread.online = thread.cpu % 2 == 0
    return box


def old_kernel() -> Box:
    """2.6.32 without topology or cache directories, MemAvailable or node directories; two sockets of 4 cores."""
    box = Box(grid(2, 4, 1, flags=SSE), "Intel(R) Xeon(R) CPU           E5540  @ 2.53GHz", model=26)
    box.files |= {"proc/meminfo": "MemTotal:     8000000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 3 kB\n"}
    return box


def only_cpuinfo(box: Box) -> dict[str, str | bytes]:
    """What a kernel shows that has no topology in /sys."""
    return {name: text for name, text in box.render().items() if not name.startswith("sys/")}


def riscv() -> Box:
    """Four harts; features stand in the isa string."""
    block = "processor\t: {0}\nhart\t\t: {0}\nisa\t\t: rv64imafdc_zicsr\nmmu\t\t: sv39\nuarch\t\t: sifive,u74-mc\n"
    box = Box([Thread(cpu, cpu) for cpu in range(4)])
    box.files |= {"proc/cpuinfo": "\n".join(block.format(cpu) for cpu in range(4))}
    box.files |= {"sys/firmware/devicetree/base/model": "StarFive VisionFive 2 v1.3B\0"}
    return box


def arm_32() -> Box:
    """Kernel 3.x on a Cortex-A7 board: name on top, features once below the empty thread blocks."""
    cpuinfo = (
        "Processor\t: ARMv7 Processor rev 5 (v7l)\nprocessor\t: 0\nBogoMIPS\t: 38.40\n\nprocessor\t: 1\n\n"
        "Features\t: swp half thumb fastmult vfp edsp neon vfpv3 vfpv4\nCPU implementer\t: 0x41\nCPU architecture: 7\n"
        "CPU part\t: 0xc07\n\nHardware\t: BCM2709\n"
    )
    return Box([Thread(0, 0), Thread(1, 1)], files={"proc/cpuinfo": cpuinfo})


def huge() -> Box:
    """1,152 threads on 4 sockets."""
    box = Box(grid(4, 144, 2, nodes=4, flags=AVX512_VNNI), "Intel(R) Xeon(R) 6972P", model=173)
    box.share(3, "Unified", 480 * MIB, box.socket_groups())  # 18,000 files are enough
    return box


def memory_nodes() -> Box:
    """Two nodes of processors, of which one has no memory, and one of memory alone; sparse node numbers."""
    box = Box(grid(2, 2, 1, nodes=2), "AMD EPYC 9354 32-Core Processor", "AuthenticAMD", family=25, model=17)
    box.files |= {
        f"{NODE}/node1/meminfo": "Node 1 MemTotal: 0 kB\n",
        f"{NODE}/node8/cpulist": "",
        f"{NODE}/node8/cpumap": "00000000",
        f"{NODE}/node8/meminfo": "Node 8 MemTotal: 1048576 kB\n",
    }
    return box


def lists_only() -> Box:
    """Topology with lists but without masks, which lscpu needs; ids repeat across dies."""
    return Box(grid(1, 4, 2), "AMD Ryzen 7", "AuthenticAMD", family=23, model=113)


def without_masks(box: Box) -> dict[str, str | bytes]:
    """Drop the mask files."""
    masks = ("core_cpus", "thread_siblings", "package_cpus", "core_siblings", "shared_cpu_map")
    return {name: text for name, text in box.render().items() if not name.endswith(masks)}


def smbios(modules: list[tuple[int, int, str, str]]) -> bytes:
    """SMBIOS table with one type 17 structure per (MiB, MT/s, locator, bank), behind a type 0 and before the end."""
    table = bytes([0, 4, 0, 0]) + b"vendor\0\0"
    for size, speed, locator, bank in modules:
        body = bytearray(0x22)
        body[0], body[1], body[0x10], body[0x11] = 17, len(body), 1, 2
        struct.pack_into("<H", body, 0x0C, size)
        struct.pack_into("<H", body, 0x15, speed)
        struct.pack_into("<H", body, 0x20, speed)
        if not bank:
            body[0x11] = 0  # SMBIOS has no empty strings
        table += bytes(body) + b"\0".join(text.encode() for text in (locator, bank) if text) + b"\0\0"
    return table + bytes([127, 4, 0, 0, 0, 0])


MACHINES: dict[str, Callable[[], Box]] = {
    function.__name__: function
    for function in (
        desktop, xeon_snc, eight_sockets, alder_lake, alder_lake_bare, alder_lake_clocks, alder_lake_guest, core_ultra,
        core_ultra_bare, zen4c, n100, atom, epyc_guest, rk3588, kryo, unnamed_mix, raspberry_pi_4, altra, graviton3,
        container_v1, container_v2, nested_v2, cpuset_v2, partition_v2, lxcfs, lxcfs_smt, kvm64, offline, smt_off,
        old_kernel, riscv, arm_32, huge, memory_nodes, lists_only,
    )
}  # fmt: skip


def files_of(name: str) -> dict[str, str | bytes]:
    """All files of a named machine."""
    box = MACHINES[name]()
    if name == "old_kernel":
        return only_cpuinfo(box)
    if name == "huge":
        # What is left is enough to read it, and quick to write.
        per_thread = ("core_cpus_list", "physical_package_id", "level", "type", "size", "shared_cpu_list")
        return {
            path: text for path, text in box.render().items() if "/cpu/cpu" not in path or path.endswith(per_thread)
        }
    if name == "lists_only":
        return without_masks(box)
    files = box.render()
    if name in ("raspberry_pi_4", "arm_32"):
        return {path: text for path, text in files.items() if "/node" not in path}
    return files


def write_tree(files: dict[str, str | bytes], root: Path) -> Path:
    """Write files below ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text + ("" if text.endswith("\n") else "\n"))
    return root


if __name__ == "__main__":
    for machine in MACHINES:
        write_tree(files_of(machine), Path(sys.argv[1]) / machine)
