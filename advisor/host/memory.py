"""Main memory: size from /proc/meminfo, channels and speed from the firmware's SMBIOS table where it is readable."""

from __future__ import annotations

import re
import struct

from advisor.records.host import MemoryFacts

from .tree import Tree, positive, to_int

_LINE = re.compile(r"^(?:Node\s+\d+\s+)?([\w()]+):\s+(\d+)(?:\s+kB)?\s*$", re.MULTILINE)
_CHANNEL = re.compile(r"CHANNEL[ _-]?([A-P]|\d{1,2})|\bCH[ _-]?([A-P]|\d{1,2})\b|DIMM[ _-]?([A-P])\d?\b", re.IGNORECASE)
_CONTROLLER = re.compile(r"CONTROLLER[ _-]?(\d{1,2})", re.IGNORECASE)
_SOCKET = re.compile(r"\b(?:P|CPU|PROC|SOCKET|NODE)[ _-]?(\d{1,2})", re.IGNORECASE)
# Speeds outside are not those of a memory module: SDR began at 66 MT/s, DDR5 modules end below 20000 MT/s.
_MIN_MT, _MAX_MT = 66, 20000
_END_OF_TABLE = 127


def read_memory(tree: Tree) -> MemoryFacts:
    """Size, what is free now, and channels and speed of the modules (the latter only where root lets us)."""
    fields = _meminfo(tree.text("proc/meminfo"))
    available = fields.get("MemAvailable")
    if available is None and {"MemFree", "Buffers", "Cached"} <= fields.keys():
        # Kernels before 3.14 lack MemAvailable; free plus what the page cache would give back is its upper bound.
        available = fields["MemFree"] + fields["Buffers"] + fields["Cached"]
    channels, speed = memory_modules(tree.raw("sys/firmware/dmi/tables/DMI") or b"")
    return MemoryFacts(
        total_bytes=positive(fields.get("MemTotal")),
        available_bytes=available,
        channels=channels,
        speed_mt_per_s=None if speed is None else float(speed),
    )


def node_memory_bytes(tree: Tree, node: int) -> float | None:
    """Memory of one node in bytes; 0 is valid (a node of processors only); None if unknown."""
    size = _meminfo(tree.text(f"sys/devices/system/node/node{node}/meminfo")).get("MemTotal")
    return None if size is None else float(size)


def _meminfo(text: str | None) -> dict[str, int]:
    """Fields in bytes; the kernel's kB are KiB."""
    found = ((name, to_int(number)) for name, number in _LINE.findall(text or ""))
    return {name: number * 1024 for name, number in found if number is not None}


def memory_modules(table: bytes) -> tuple[int | None, int | None]:
    """Channels in use and the slowest configured speed in MT/s, from a raw SMBIOS table.

    Channels are counted by the channel's name in the locator strings, per processor and memory controller
    (``Controller1-ChannelA-DIMM0``); None if some module's is not named. Boards with one module have one channel. Of a
    truncated table the answer is None, since modules may be missing.
    Source: DMTF DSP0134 (SMBIOS 3.6), sections 6.1.2 (structures) and 7.18 (memory device, type 17).
    """
    names: list[str | None] = []
    speeds: list[int] = []
    for body, strings in _structures(table) or ():
        if body[0] != 17 or len(body) < 0x15 or struct.unpack_from("<H", body, 0x0C)[0] == 0:
            continue  # another structure, or an empty slot
        names.append(_channel(" ".join(_string(strings, body[at]) for at in (0x10, 0x11))))
        offsets = [at for at in (0x20, 0x15) if len(body) >= at + 2]  # configured speed, else the module's maximum
        values = [struct.unpack_from("<H", body, at)[0] for at in offsets]
        speed = next((value for value in values if _MIN_MT <= value <= _MAX_MT), None)
        if speed is not None:
            speeds.append(speed)
    if len(names) == 1:
        channels: int | None = 1
    else:
        channels = len(set(names)) if names and None not in names else None
    return channels, min(speeds) if speeds else None


def _channel(locator: str) -> str | None:
    found = _CHANNEL.search(locator)
    if found is None:
        return None
    places = (pattern.search(locator) for pattern in (_SOCKET, _CONTROLLER))
    name = next(group for group in found.groups() if group is not None)
    return "/".join([*("" if place is None else place.group(1) for place in places), name.upper()])


def _string(strings: list[bytes], number: int) -> str:
    return strings[number - 1].decode("latin-1") if 1 <= number <= len(strings) else ""


def _structures(table: bytes) -> list[tuple[bytes, list[bytes]]] | None:
    """Split the table: a formatted area whose second byte is its length, then strings, then two zero bytes.

    None if it breaks off; old firmware leaves out the structure that marks the end (type 127).
    """
    found = []
    position = 0
    while position + 4 <= len(table):
        kind, length = table[position], table[position + 1]
        end = table.find(b"\0\0", position + length)
        if length < 4 or end < 0:
            break
        found.append((table[position : position + length], table[position + length : end].split(b"\0")))
        if kind == _END_OF_TABLE:
            return found
        position = end + 2
    return found if position == len(table) else None
