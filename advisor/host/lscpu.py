"""What ``lscpu --json`` says about a tree, in the flat and the nested shape of its versions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from .tree import Tree, to_int

_TIMEOUT_S = 20.0
_BARE_DASH = re.compile(r'(":\s*)-(\s*[,}\]\n])')  # util-linux 2.38 prints an unquoted - for an unknown number


@dataclass(frozen=True)
class LscpuThread:
    """One row of the table: logical numbers of core and socket as lscpu counts them."""

    cpu: int
    core: int | None
    socket: int | None
    node: int | None
    online: bool | None


@dataclass(frozen=True)
class LscpuView:
    """Summary fields by name without the colon, and the table of threads; either may be empty."""

    fields: dict[str, str] = field(default_factory=dict)
    threads: dict[int, LscpuThread] = field(default_factory=dict)


def read_lscpu(tree: Tree) -> LscpuView | None:
    """Run lscpu on the tree; None if it is not installed. What it cannot tell is left out."""
    program = shutil.which("lscpu")
    if program is None:
        return None
    where = [] if tree.live else ["--sysroot", str(tree.root)]
    summary = _run([program, "--json", *where])
    table = _run([program, "--json", "--all", "--extended=CPU,CORE,SOCKET,NODE,ONLINE", *where])
    return LscpuView(parse_summary(summary), parse_table(table))


def _run(command: list[str]) -> str:
    """Return the standard output; empty where lscpu fails, as it does on trees that lack ``possible``."""
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C", "LANGUAGE": "C"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else ""


def _load(text: str) -> dict[str, object]:
    try:
        found = json.loads(_BARE_DASH.sub(r"\1null\2", text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def parse_summary(text: str) -> dict[str, str]:
    """Flatten the summary: old versions list strings, new ones nest ``children``; the first of equal names counts."""
    fields: dict[str, str] = {}
    pending = _load(text).get("lscpu")
    queue = list(pending) if isinstance(pending, list) else []
    while queue:
        item = queue.pop(0)
        if not isinstance(item, dict):
            continue
        name, data = item.get("field"), item.get("data")
        if isinstance(name, str) and isinstance(data, str | int | float) and str(data) not in ("", "-"):
            fields.setdefault(name.rstrip(":").strip(), str(data))
        children = item.get("children")
        if isinstance(children, list):
            queue = children + queue
    return fields


def parse_table(text: str) -> dict[int, LscpuThread]:
    """Read the table; numbers are strings in old versions and numbers in new ones, ``-`` or null is unknown."""
    rows = _load(text).get("cpus")
    threads: dict[int, LscpuThread] = {}
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        cpu = _number(row.get("cpu"))
        if cpu is not None and cpu >= 0:
            core, socket, node = (_number(row.get(key)) for key in ("core", "socket", "node"))
            threads[cpu] = LscpuThread(cpu, core, socket, node, _flag(row.get("online")))
    return threads


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else to_int(str(value))


def _flag(value: object) -> bool | None:
    return {"True": True, "yes": True, "Y": True, "False": False, "no": False, "N": False}.get(str(value))
