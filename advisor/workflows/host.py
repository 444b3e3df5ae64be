"""Facts of this machine, or of a saved tree."""

from __future__ import annotations

from pathlib import Path

from advisor.records.host import HostFacts


def probe(sysroot: Path | None = None) -> HostFacts:
    """Read the facts of a machine; runtimes are listed for this machine only.

    Raises
    ------
    HostError
        ``sysroot`` holds no /proc and /sys tree.
    """
    from advisor.host import host_facts

    if sysroot is not None:
        return host_facts(sysroot)
    from advisor.runtimes import runtime_facts

    return host_facts(None, runtime_facts())
