"""Clocks, governor, temperatures, throttle counts, energy, virtualisation: what a machine says about its state."""

from __future__ import annotations

import math
import re
from pathlib import Path

from .cpuinfo import CpuInfo, flags
from .lscpu import LscpuView
from .tree import Tree, positive

_CPU = "sys/devices/system/cpu"
_HYPERVISORS = (
    ("kvm", "KVM"), ("qemu", "KVM"), ("amazon ec2", "KVM"), ("google", "KVM"), ("openstack", "KVM"),
    ("firecracker", "KVM"), ("vmware", "VMware"), ("virtualbox", "VirtualBox"), ("innotek", "VirtualBox"),
    ("microsoft corporation virtual", "Microsoft"),
    ("xen", "Xen"), ("parallels", "Parallels"), ("bhyve", "bhyve"),
)  # fmt: skip


def governor(tree: Tree, online: tuple[int, ...]) -> str | None:
    """Frequency governor; several different ones are joined by a plus sign."""
    return _joined(tree, online, "cpufreq/scaling_governor")


def energy_preference(tree: Tree, online: tuple[int, ...]) -> str | None:
    """Energy-performance preference of the frequency driver."""
    return _joined(tree, online, "cpufreq/energy_performance_preference")


def _joined(tree: Tree, online: tuple[int, ...], name: str) -> str | None:
    found = (tree.text(f"{_CPU}/cpu{cpu}/{name}") for cpu in online)
    words = dict.fromkeys(text for text in found if text is not None and re.fullmatch(r"[\w-]{1,40}", text))
    return "+".join(words) or None


def current_clocks_hz(tree: Tree, info: CpuInfo, online: tuple[int, ...]) -> tuple[float, ...]:
    """Clock of each online thread now, in Hz: cpufreq, else the "cpu MHz" of x86; empty if any thread's is unknown.

    In most virtual machines the latter is a constant.
    """
    clocks: list[float] = []
    for cpu in online:
        khz = positive(tree.integer(f"{_CPU}/cpu{cpu}/cpufreq/scaling_cur_freq"))
        hertz = khz * 1e3 if khz is not None else _megahertz(info.threads.get(cpu, {}).get("cpu mhz"))
        if hertz is None:
            return ()
        clocks.append(hertz)
    return tuple(clocks)


def _megahertz(text: str | None) -> float | None:
    try:
        value = float(text or "") * 1e6
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def base_clock_hz(tree: Tree, info: CpuInfo, online: tuple[int, ...]) -> float | None:
    """Guaranteed clock in Hz: intel_pstate's base_frequency, ACPI's nominal one, or the "@ 2.40GHz" of Intel's name.

    The highest of all threads: on a hybrid machine that of the performance cores.
    """
    for name, factor in (("cpufreq/base_frequency", 1e3), ("acpi_cppc/nominal_freq", 1e6)):
        found = [positive(tree.integer(f"{_CPU}/cpu{cpu}/{name}")) for cpu in online]
        known = [value for value in found if value is not None]
        if known:
            return max(known) * factor
    for name in info.values("model name"):
        match = re.search(r"@\s*(\d{1,2}(?:\.\d{1,3})?)\s*([GM])Hz", name)
        if match is not None:
            return positive_float(float(match.group(1)) * (1e9 if match.group(2) == "G" else 1e6))
    return None


def positive_float(value: float | None) -> float | None:
    """Return the value if it is above zero."""
    return value if value is not None and value > 0 else None


def temperatures_c(tree: Tree) -> dict[str, float]:
    """Temperatures in degrees Celsius by sensor name, from thermal zones and hwmon; broken sensors are left out.

    Source: Linux, Documentation/driver-api/thermal/sysfs-api.rst and hwmon/sysfs-interface.rst (millidegrees).
    """
    found: dict[str, float] = {}
    for zone in tree.numbered("sys/class/thermal", "thermal_zone"):
        base = f"sys/class/thermal/thermal_zone{zone}"
        _add(found, tree.text(f"{base}/type") or f"thermal_zone{zone}", tree.integer(f"{base}/temp"))
    for chip in tree.numbered("sys/class/hwmon", "hwmon"):
        base = f"sys/class/hwmon/hwmon{chip}"
        name = tree.text(f"{base}/name") or f"hwmon{chip}"
        for file in tree.names(base):
            match = re.fullmatch(r"temp(\d+)_input", file)
            if match is not None:
                label = tree.text(f"{base}/temp{match.group(1)}_label") or f"temp{match.group(1)}"
                _add(found, f"{name}/{label}", tree.integer(f"{base}/{file}"))
    return found


def _add(found: dict[str, float], name: str, milli_c: int | None) -> None:
    if milli_c is None or not -60_000 < milli_c < 150_000 or milli_c == 0:  # 0 and -274000 are "no reading"
        return
    label, count = name[:60], 1
    while label in found:
        count += 1
        label = f"{name[:60]}#{count}"
    found[label] = milli_c / 1000


def throttle_count(tree: Tree, online: tuple[int, ...]) -> int | None:
    """How often any core was slowed for heat since boot; None if the kernel does not count."""
    counts = [tree.integer(f"{_CPU}/cpu{cpu}/thermal_throttle/core_throttle_count") for cpu in online]
    known = [count for count in counts if count is not None and count >= 0]
    return sum(known) if known else None


def package_energy_j(sysroot: Path | None = None) -> float | None:
    """Energy that all processor packages have used since an arbitrary origin, in joules; None if not readable.

    The counters wrap (after minutes to hours): use :func:`energy_range_j` to repair a negative difference. Most
    distributions let only root read them.
    Source: Linux, Documentation/power/powercap/powercap.rst.
    """
    return _energy(Tree(sysroot), "energy_uj")


def energy_range_j(sysroot: Path | None = None) -> float | None:
    """Value in joules at which :func:`package_energy_j` starts again from zero, for a machine with one package."""
    return _energy(Tree(sysroot), "max_energy_range_uj")


def _energy(tree: Tree, name: str) -> float | None:
    zones = [zone for zone in tree.names("sys/class/powercap") if re.fullmatch(r"intel-rapl:\d+", zone)]
    packages = [zone for zone in zones if (tree.text(f"sys/class/powercap/{zone}/name") or "").startswith("package")]
    values = [tree.integer(f"sys/class/powercap/{zone}/{name}") for zone in packages]
    known = [value for value in values if value is not None and value >= 0]
    return sum(known) / 1e6 if known and len(known) == len(values) else None


def virtualisation(tree: Tree, info: CpuInfo, view: LscpuView | None) -> str | None:
    """Hypervisor under this machine; ``unknown hypervisor`` if only the processor tells; None if nothing does."""
    if view is not None and view.fields.get("Hypervisor vendor"):  # from the tree's own PCI list or hypervisor files
        return view.fields["Hypervisor vendor"]
    names = ("sys_vendor", "product_name", "board_vendor", "bios_vendor")
    stated = " ".join(tree.text(f"sys/class/dmi/id/{name}") or "" for name in names).lower()
    if tree.text("sys/hypervisor/type") == "xen":
        return "Xen"
    guest = "hypervisor" in flags(info)
    for word, name in _HYPERVISORS:
        # Google and Amazon name physical machines too, so their names count only with the processor's guest flag.
        if word in stated and (guest or word not in ("google", "amazon ec2", "xen")):
            return name
    return "unknown hypervisor" if guest else None


def board(tree: Tree, info: CpuInfo) -> str | None:
    """Product name by the firmware, the device tree or an old Arm kernel's "Hardware" line."""
    vendor, product = (tree.text(f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name"))
    if product is not None:
        return (product if vendor is None else f"{vendor} {product}")[:120]
    for name in ("sys/firmware/devicetree/base/model", "proc/device-tree/model"):
        text = tree.text(name)
        if text is not None:
            return text[:120]
    hardware = info.common.get("model") if not info.common.get("model", "").isdigit() else None
    return (hardware or info.common.get("hardware") or "")[:120] or None
