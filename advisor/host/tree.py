"""Read a /proc and /sys tree, this machine's or a saved one, so that no file of it can crash the reader."""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from advisor.errors import HostError

_MAX_BYTES = 32 * 1024 * 1024  # /proc/cpuinfo of 4096 threads is about 6 MiB; more is not a file of procfs
_MAX_CPUS = 65536  # a larger number in a CPU list is garbage; Linux' own limit is 8192


class Tree:
    """Files below a root; whatever is missing, forbidden or no plain text reads as None.

    Parameters
    ----------
    sysroot : Path or None
        Directory that holds ``proc`` and ``sys``; None is this machine itself.

    Raises
    ------
    HostError
        The directory does not exist or holds neither ``proc/cpuinfo`` nor ``sys/devices/system``.
    """

    def __init__(self, sysroot: Path | None = None) -> None:
        self.live = sysroot is None
        self.root = Path("/") if sysroot is None else Path(sysroot)
        self._base = "" if sysroot is None else str(self.root).rstrip("/")
        self._resolved = os.path.realpath(self.root)
        self._parents: dict[str, bool] = {}
        if sysroot is not None:
            self._check()

    def _check(self) -> None:
        try:
            if not self.root.is_dir():
                raise HostError(f"{self.root}: no such directory; give one that holds a copy of /proc and /sys")
            found = (self.root / "proc/cpuinfo").is_file() or (self.root / "sys/devices/system").is_dir()
        except (OSError, ValueError) as error:
            raise HostError(
                f"{self.root}: cannot be read ({error}); copy /proc and /sys so that you may read them"
            ) from (error)
        if not found:
            raise HostError(
                f"{self.root}: holds neither proc/cpuinfo nor sys/devices/system; give the directory above a machine's "
                "copied proc and sys"
            )

    def path(self, name: str) -> str | None:
        """Where a file of the tree lies; None if a link would lead out of a saved tree into this machine."""
        full = f"{self._base}/{name.lstrip('/')}"
        if self.live:
            return full
        try:
            if not self._inside(full.rpartition("/")[0]):
                return None
            is_link = stat.S_ISLNK(os.lstat(full).st_mode)
            return full if not is_link or self._holds(os.path.realpath(full)) else None
        except (OSError, ValueError):
            return None

    def _inside(self, directory: str) -> bool:
        """Whether a directory's links stay in the tree; remembered, as a machine of 1024 threads has 30,000 files."""
        known = self._parents.get(directory)
        if known is None:
            known = self._parents[directory] = self._holds(os.path.realpath(directory))
        return known

    def _holds(self, resolved: str) -> bool:
        return resolved == self._resolved or resolved.startswith(self._resolved.rstrip("/") + "/")

    def text(self, name: str) -> str | None:
        """Content without surrounding white space and NUL bytes; None if it is absent or not a plain file."""
        raw = self.raw(name)
        if raw is None:
            return None
        return raw.decode("utf-8", errors="replace").strip("\0 \t\r\n") or None

    def raw(self, name: str) -> bytes | None:
        """Bytes of a plain file; None if it cannot be read."""
        path = self.path(name)
        if path is None:
            return None
        try:
            # Without O_NONBLOCK a FIFO in a copied tree would block for ever.
            handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(_MAX_BYTES)
        except OSError:
            return None
        finally:
            os.close(handle)

    def integer(self, name: str) -> int | None:
        """Content as one decimal integer; None if it is anything else."""
        return to_int(self.text(name))

    def cpus(self, name: str) -> tuple[int, ...] | None:
        """Content as a CPU list such as ``0-3,8-11``; None if it is anything else."""
        text = self.text(name)
        return None if text is None else parse_cpu_list(text)

    def names(self, directory: str) -> list[str]:
        """Sorted names in a directory; empty if it cannot be listed."""
        path = self.path(directory)
        if path is None:
            return []
        try:
            return sorted(os.listdir(path))  # noqa: PTH208  see exists()
        except (OSError, ValueError):
            return []

    def numbered(self, directory: str, prefix: str) -> list[int]:
        """Numbers of the entries ``prefixN`` of a directory, ascending."""
        tails = (name[len(prefix) :] for name in self.names(directory) if name.startswith(prefix))
        return sorted(int(tail) for tail in tails if tail.isascii() and tail.isdigit() and int(tail) < _MAX_CPUS)

    def exists(self, name: str) -> bool:
        """Whether the tree has this file or directory."""
        path = self.path(name)
        try:
            return path is not None and os.path.exists(path)  # noqa: PTH110  strings are three times as fast here
        except (OSError, ValueError):
            return False


def to_int(text: str | None) -> int | None:
    """Parse a decimal integer of at most 18 digits; None if the text is anything else."""
    if text is None:
        return None
    word = text.strip()
    digits = word[1:] if word[:1] in "+-" else word
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        return None
    return int(word)


def positive(value: int | None) -> int | None:
    """Return the value if it is above zero: the kernel writes 0 or -1 where it does not know."""
    return value if value is not None and value > 0 else None


@lru_cache(maxsize=4096)
def parse_cpu_list(text: str) -> tuple[int, ...] | None:
    """Parse the kernel's list format (``0-3,8-11``, also ``0-15:2/4``); None if it is not one, () if it is empty.

    Source: Linux, Documentation/admin-guide/kernel-parameters.rst, section "cpu lists".
    """
    found: set[int] = set()
    for part in text.replace("\n", ",").split(","):
        word = part.strip()
        if not word:
            continue
        span, _, stride = word.partition(":")
        first_text, dash, last_text = span.partition("-")
        first, last = to_int(first_text), to_int(last_text if dash else first_text)
        if first is None or last is None or not 0 <= first <= last < _MAX_CPUS:
            return None
        used, group = 1, 1
        if stride:
            used_text, _, group_text = stride.partition("/")
            used_value, group_value = positive(to_int(used_text)), positive(to_int(group_text))
            if used_value is None or group_value is None or used_value > group_value:
                return None
            used, group = used_value, group_value
        found.update(cpu for cpu in range(first, last + 1) if (cpu - first) % group < used)
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def parse_cpu_mask(text: str) -> tuple[int, ...] | None:
    """Parse the kernel's mask format (``00000000,0000000f``, 32 bits a word); None if it is not one.

    Source: Linux, lib/bitmap-str.c, bitmap_parse.
    """
    words = text.strip().split(",")
    if len(words) * 32 > _MAX_CPUS:
        return None
    value = 0
    for word in words:
        if not 1 <= len(word) <= 16 or any(letter not in "0123456789abcdefABCDEF" for letter in word):
            return None
        value = (value << 32) | int(word, 16)
    return tuple(cpu for cpu in range(value.bit_length()) if value >> cpu & 1)


def parse_size(text: str | None) -> int | None:
    """Parse a size as the kernel writes it (``32K``, ``8M``, ``512 kB``) into bytes; None if it is not a size."""
    if text is None:
        return None
    word = text.strip()
    digits = word.rstrip("kKmMgGiBb ")
    unit = word[len(digits) :].strip().upper().rstrip("B").rstrip("I")
    value = positive(to_int(digits))
    factor = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}.get(unit)
    return None if value is None or factor is None else value * factor
