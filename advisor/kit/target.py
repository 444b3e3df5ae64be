"""Which boxes a kit's packages are for, in the words of pip and of environment markers."""

from __future__ import annotations

import platform
import re
import sys

from advisor.errors import InputError
from advisor.records.kit import KitTarget

OLDEST_PYTHON = 11
"""Minor version, as ``requires-python`` says."""
DEFAULT_GLIBC = 28
"""Minor version of the C library of RHEL 8, Debian 11 and Ubuntu 20.04, which the packages are built for."""
_PLATFORM = re.compile(r"manylinux_2_([0-9]{1,3})_(x86_64|aarch64)")
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Older names of the same platforms; source: PEP 600, "Legacy manylinux tags"."""
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}


def target_of(python: str | None, tag: str | None) -> KitTarget:
    """Boxes that were asked for; what was not is as on this desk.

    Parameters
    ----------
    python : str, optional
        ``3.12``.
    tag : str, optional
        ``manylinux_2_28_x86_64``: architecture, and the oldest C library.

    Raises
    ------
    InputError
        Neither form; or a Python that sizer does not run on.
    """
    given = python or "{}.{}".format(*sys.version_info)
    match = re.fullmatch(r"3\.([0-9]{1,3})", given)
    if match is None or int(match[1]) < OLDEST_PYTHON:
        raise InputError(f"--python {given}: is no Python from 3.{OLDEST_PYTHON} on; write for example 3.12")
    tag = tag or f"manylinux_2_{DEFAULT_GLIBC}_{platform.machine()}"
    found = _PLATFORM.fullmatch(tag)
    if found is None:
        raise InputError(f"--platform {tag}: is not in the form manylinux_2_28_x86_64 (or ..._aarch64)")
    return KitTarget(python=given, platform=tag, machine=found[2], glibc=f"2.{found[1]}")


def platform_tags(target: KitTarget) -> list[str]:
    """Tags of packages that run on the target, newest C library first.

    pip expands only the older names by itself.
    """
    newest = int(target.glibc.removeprefix("2."))
    tags = []
    for minor in range(newest, _OLDEST_GLIBC[target.machine] - 1, -1):
        tags.append(f"manylinux_2_{minor}_{target.machine}")
        if minor in _LEGACY:
            tags.append(f"{_LEGACY[minor]}_{target.machine}")
    return tags


def markers(target: KitTarget) -> dict[str, str]:
    """Environment in which the markers of the lock are true or false; pip takes that of the desk instead.

    The patch release is not known before the box is; the lock distinguishes minor versions alone.
    """
    return {
        "python_version": target.python, "python_full_version": f"{target.python}.0", "os_name": "posix",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "sys_platform": "linux",
        "platform_system": "Linux", "platform_machine": target.machine,
    }  # fmt: skip
