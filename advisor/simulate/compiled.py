"""How the event loop is compiled: parts that are woven into it, and the loop itself, kept on disk."""

from __future__ import annotations

import hashlib
import pkgutil
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

PARTS = ("cameras", "compiled", "draws", "engine", "frames", "jobs", "queues", "speeds", "state")
"""Modules that the loop is compiled from."""

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Reference counting is off: nothing is allocated in the loop, and its atomic operations cost 15 times the loop itself.
_OPTIONS = {"_nrt": False, "error_model": "numpy"}


def code_version() -> int:
    """Hash of the source of all :data:`PARTS`.

    numba's cache looks for changes in the file of the kept function alone, but compares the values that this function
    encloses: the version is one of them, so that code of another version is never taken from the disk.
    """
    source = b"".join(pkgutil.get_data(__package__, f"{name}.py") or b"" for name in PARTS)
    return int.from_bytes(hashlib.sha256(source).digest()[:7], "big")


def part(function: _Function) -> _Function:
    """Compile as a part of the loop, which alone Python calls: no wrappers, nothing on disk."""
    return cast(_Function, njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function))


def kept(function: _Function) -> _Function:
    """Compile on first call and keep the code on disk: beside its file, else in the user's cache folder.

    Where neither can be written, every process compiles anew. Runs touch nothing but their own arrays, so that several
    may go on at once: the interpreter's lock is let go.
    """
    try:
        return cast(_Function, njit(cache=True, nogil=True, **_OPTIONS)(function))
    except RuntimeError:  # numba: "no locator available"
        return cast(_Function, njit(nogil=True, **_OPTIONS)(function))
