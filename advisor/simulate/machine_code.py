"""The event loop as machine code, kept on disk and loaded without numba.

To load what it kept itself, numba imports and registers all that it can compile: half a second per process. The object
code of the loop needs none of that; llvmlite, which numba stands on, links it into the process in milliseconds.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import pkgutil
import stat
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from advisor.errors import StoreError
from advisor.store.files import write_document
from advisor.store.paths import cache_dir

from .state import State

PARTS = ("cameras", "compiled", "draws", "engine", "frames", "jobs", "queues", "speeds", "state")
"""Modules that the loop is compiled from."""
KEPT = 4
"""Files that stay in a folder: one per version of the code and kind of processor, such as those of a shared home."""
_HEAD = b"sizer-loop/1\n"
_DIGEST_BYTES = 32

_Call = Callable[[State], None]
_Layout = tuple[tuple[Any, int], ...]
_lock = threading.Lock()
_loaded: dict[_Layout, _Call] = {}
_engines: list[Any] = []  # owners of the machine code, which lasts as long as the process


def run_loop(state: State) -> None:
    """Process the events of a run until its end; see :mod:`advisor.simulate.engine`.

    Loaded on first call, compiled where no file of this code for this processor is found. The interpreter's lock is let
    go, so that several runs may go on at once: each touches nothing but its own arrays.
    """
    layout = _layout(state)
    call = _loaded.get(layout)
    if call is None:
        with _lock:
            call = _loaded.get(layout) or _loaded.setdefault(layout, _linked(*_found_or_compiled(state), state))
    call(state)


def _layout(state: State) -> _Layout:
    """Kinds of the arrays, for which the loop is compiled."""
    return tuple((array.dtype, array.ndim) for array in state)


def code_version() -> str:
    """Hash of the source of all :data:`PARTS`."""
    source = b"".join(pkgutil.get_data(__package__, f"{name}.py") or b"" for name in PARTS)
    return hashlib.sha256(source).hexdigest()


def _key(state: State) -> str:
    """Hash of everything that machine code depends on: source, arrays, compilers, their settings, and the processor."""
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_")]
    kinds = [f"{array.dtype} {array.ndim}" for array in state]
    processor = [llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    facts = [code_version(), *kinds, version("numba"), version("llvmlite"), *settings, *processor]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _folders() -> Iterator[tuple[Path, bool]]:
    """Where files are kept, and whether whoever may write there may change sizer anyway: beside its own bytecode."""
    yield Path(__file__).parent / "__pycache__", True
    with contextlib.suppress(StoreError):  # a user without any folder
        yield cache_dir() / "simulator", False


def _found_or_compiled(state: State) -> tuple[str, bytes]:
    """Name of the loop and its object code; what had to be compiled is kept, where any folder can be written."""
    key = _key(state)
    name = f"loop-{key[:32]}.bin"
    for folder, trusted in _folders():
        found = _read(folder / name, key, trusted=trusted)
        if found is not None:
            return found
    symbol, code = _compiled(state)
    content = b"\n".join((key.encode(), symbol.encode(), code))
    for folder, _ in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_document(folder / name, _HEAD + hashlib.sha256(content).digest() + content, follow_links=False)
        except (OSError, StoreError):
            continue
        _remove_older(folder)
        break
    return symbol, code


def _compiled(state: State) -> tuple[str, bytes]:
    """Name of the loop and its object code, made with numba, which takes seconds."""
    from . import engine
    from .compiled import object_code

    return object_code(engine.run_loop, state)


def _read(path: Path, key: str, *, trusted: bool) -> tuple[str, bytes] | None:
    """Loop of a file; None where there is none, it is damaged, of other code, or may be another user's."""
    try:
        with path.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            if not trusted and (facts.st_uid not in {0, os.geteuid()} or facts.st_mode & stat.S_IWOTH):
                return None
            data = stream.read()
    except OSError:
        return None
    digest, content = data[len(_HEAD) : len(_HEAD) + _DIGEST_BYTES], data[len(_HEAD) + _DIGEST_BYTES :]
    if not data.startswith(_HEAD) or hashlib.sha256(content).digest() != digest:
        return None
    held, symbol, code = content.split(b"\n", 2)
    return (symbol.decode(), code) if held == key.encode() else None


def _remove_older(folder: Path) -> None:
    """Leave the :data:`KEPT` newest files."""
    with contextlib.suppress(OSError):  # another process may be at it
        files = sorted(folder.glob("loop-*.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in files[KEPT:]:
            path.unlink()


def _linked(symbol: str, code: bytes, state: State) -> _Call:
    """Link the loop into this process."""
    with contextlib.suppress(RuntimeError):  # from llvmlite 0.45 on it refuses to do what is done without it
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    linker = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    linker.add_object_file(llvm.ObjectFileRef.from_data(code))
    linker.finalize_object()
    _engines.append(linker)
    # Addresses go as integers, which travel in the same registers.
    kinds = [ctypes.c_int64] * len(_members(state))
    kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *kinds)
    loop = kind(linker.get_function_address(symbol))

    def call(state: State) -> None:
        result, raised = ctypes.c_void_p(), ctypes.c_void_p()
        status = loop(ctypes.addressof(result), ctypes.addressof(raised), *_members(state))
        if status != 0:
            raise RuntimeError(f"the event loop ended with status {status}")

    return call


def _members(state: State) -> list[int]:
    """What numba hands over of each array: two owners (none), items, bytes of an item, address, shape and strides.

    Raises
    ------
    ValueError
        An array is not laid out row by row without gaps.
    """
    members: list[int] = []
    for array in state:
        if not array.flags.carray:
            raise ValueError("arrays of a run are laid out row by row, without gaps")
        members += [0, 0, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides]
    return members
