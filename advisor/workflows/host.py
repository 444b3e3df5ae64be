"""Facts of this machine, or of a saved tree."""

from __future__ import annotations

from pathlib import Path

from advisor.records.host import HostFacts


def probe(sysroot: Path | None = None, *, devices: bool = False, runtimes: bool = True) -> HostFacts:
    """Read the facts of a machine; runtimes are listed for this machine only.

    Parameters
    ----------
    sysroot
        Directory of another machine's copied tree.
    devices
        Also try every device of every runtime in a process of its own: seconds where there is one other than the CPU.

    runtimes
        List the runtimes of this machine, which loads them; without it none is listed.

    Raises
    ------
    HostError
        ``sysroot`` holds no /proc and /sys tree.
    """
    from advisor.host import host_facts

    if sysroot is not None or not (runtimes or devices):
        return host_facts(sysroot)
    from advisor.runtimes import real_runtimes, runtime_facts

    if devices:
        from advisor.measure.items.devices import try_devices

        return host_facts(None, try_devices(real_runtimes()))
    return host_facts(None, runtime_facts())
