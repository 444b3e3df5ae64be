"""A root with nothing in it but the system's programs, read-only, and one folder that may be written; no network.

What a container gives, from ``unshare``, bind mounts and ``chroot``: a file outside the folder is seen.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = os.geteuid() == 0
# A real root can start the program as somebody else, as a container does; without, the user is root of a namespace.
_ALONE = ("unshare", "--mount", "--net", "--pid", "--fork", *(() if _ROOT else ("--user", "--map-root-user")))
_USER = ("--userspec", "1000:1000") if _ROOT else ()
_SCRIPT = r"""
set -e
root=$1 folder=$2; shift 2
mount -t tmpfs clean "$root"
for one in /usr /bin /sbin /lib /lib64 /etc/ld.so.cache /etc/ld.so.conf.d /etc/alternatives $KIT_PREFIX; do
    [ -e "$one" ] || continue
    if [ -L "$one" ]; then ln -s "$(readlink "$one")" "$root$one"; continue; fi
    if [ -d "$one" ]; then mkdir -p "$root$one"; else mkdir -p "$root$(dirname "$one")"; touch "$root$one"; fi
    mount --bind "$one" "$root$one"; mount -o remount,bind,ro "$root$one"
done
mkdir -p "$root/kit" "$root/proc" "$root/sys" "$root/dev" "$root/tmp" \
    "$root/home" "$root/var/tmp" "$root/root" "$root/dev/shm"
chmod 1777 "$root/tmp" "$root/var/tmp" "$root/home" "$root/dev/shm"
mount --bind "$folder" "$root/kit"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys" 2>/dev/null || true
for one in null zero urandom random; do touch "$root/dev/$one"; mount --bind "/dev/$one" "$root/dev/$one"; done
touch "$root/stamp"
code=0
chroot $KIT_USER "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/home SIZER_PYTHON="$KIT_PYTHON" \
    /bin/sh -c 'cd /kit && exec "$@"' sh "$@" || code=$?
find "$root" -xdev -newer "$root/stamp" -not -type d > "$KIT_LEFT"
exit $code
"""


@dataclass(frozen=True)
class Outcome:
    """How the program ended, and what it left outside its folder."""

    code: int
    output: str
    left: tuple[str, ...]


@functools.cache
def why_not() -> str | None:
    """Why this machine permits none; None where it does."""
    for name in ("unshare", "chroot", "mount"):
        if shutil.which(name) is None:
            return f"{name} is missing"
    tried = subprocess.run(
        [*_ALONE, "sh", "-c", "mount -t tmpfs x /mnt && mount --bind /dev/null /dev/null"], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return None if tried.returncode == 0 else f"namespaces are not permitted here: {tried.stderr.strip()}"


def run_in_clean_root(folder: Path, command: Sequence[str], timeout_s: float = 1500.0) -> Outcome:
    """Run a command in ``folder``, which is ``/kit`` there; skips the test where that is not permitted."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    base = Path(sys.base_prefix).resolve()
    if _ROOT:
        subprocess.run(["chown", "-R", "1000:1000", str(folder)], check=True)
    with tempfile.TemporaryDirectory() as scratch:
        root, left = Path(scratch) / "root", Path(scratch) / "left.txt"
        root.mkdir()
        settings = {
            "KIT_PREFIX": "" if base.is_relative_to("/usr") else str(base), "KIT_USER": " ".join(_USER),
            "KIT_PYTHON": str(Path(sys._base_executable).resolve()), "KIT_LEFT": str(left),  # type: ignore[attr-defined]
        }  # fmt: skip
        done = subprocess.run(
            [*_ALONE, "sh", "-c", _SCRIPT, "sh", str(root), str(folder), *command], capture_output=True, text=True,
            errors="replace", check=False, timeout=timeout_s, env={**os.environ, **settings}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        found = left.read_text(encoding="utf-8").splitlines() if left.exists() else ["the root could not be made"]
    return Outcome(done.returncode, done.stdout + done.stderr, tuple(name.removeprefix(str(root)) for name in found))
