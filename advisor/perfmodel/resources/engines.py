"""Engines that decode in hardware: published capacities, what they carry, and what they leave to the host."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from advisor.errors import CatalogueError
from advisor.records.base import Evidence, Interval
from advisor.records.device import DeviceFamily
from advisor.store.paths import profiles_dir

HostPath = Literal["zero-copy", "copied"]
HOST_SHARE: dict[HostPath, Interval] = {
    "zero-copy": Interval(p10=0.03, p50=0.05, p90=0.10),
    "copied": Interval(p10=0.50, p50=0.70, p90=0.90),
}
"""Share of software decoding's core time that stays on the host: pictures that stay on the device, or are copied back
to main memory. Source: field reports of an NVR (3-4 % of a core per 1080p stream; copied back 49 of 49, 70 of 70 and 22
of 25 % of software's CPU), the ends as assumed by the project."""
_SESSION_SPREAD = (0.90, 1.10)
"""Another release of one driver changed sessions from 77 to 56; pixel rates repeat within 5 %."""
_PIXEL_SPREAD = (0.93, 1.04)
_STATED_SPREAD = (0.70, 1.0)
"""Of a data sheet: an upper bound, that field reports fall short of. Source: project assumption."""
_NEAREST_SPREAD = (0.5, 1.0)
"""Of the nearest engine that was published, where none of this chip was: half to one."""
_NEAREST: dict[DeviceFamily, tuple[str, str]] = {
    "gen9": ("intel-core-i5-12400-gpu", "intel-core-i5-12400-gpu"),
    "gen11": ("intel-core-i5-12400-gpu", "intel-core-i5-12400-gpu"),
    "xe-lp": ("intel-core-i5-12400-gpu", "intel-core-i7-1360p-gpu"),
    "xe-lpg": ("intel-core-ultra-7-165h-gpu", "intel-core-ultra-7-165h-gpu"),
    "xe-lpg-plus": ("intel-core-ultra-7-165h-gpu", "intel-core-ultra-7-165h-gpu"),
    "xe2": ("intel-core-ultra-7-165h-gpu", "intel-core-ultra-7-165h-gpu"),
}
"""Engine taken for a family, with few and with many execution units: Xe-LP of up to 24 has one, larger ones two."""
_ONE_ENGINE_UNITS = 24
_ABSENT = {("raspberry-pi-5-8-gb-cpu", "h264")}
"""Engines that a chip is known not to have."""


@dataclass(frozen=True)
class Engine:
    """All decoding engines of one device together, for one codec at 8 bits."""

    device: str
    engines: int
    codec: str
    pixels_per_s: Interval
    sessions: Interval | None
    """Streams at which something else than pixels binds; None: nothing was seen to."""
    evidence: Evidence
    source: str
    notes: tuple[str, ...] = ()

    def streams(self, width: int, height: int, fps: float) -> Interval:
        """Streams that it carries: pixels per second over those of one stream, at most its sessions.

        Parameters
        ----------
        width, height : int
            Of the pictures [px].
        fps : float
            Frames per second of one stream [1/s].
        """
        found = self.pixels_per_s.scaled(1.0 / (width * height * fps))
        if self.sessions is None:
            return found
        most = self.sessions
        return Interval(p10=min(found.p10, most.p10), p50=min(found.p50, most.p50), p90=min(found.p90, most.p90))


@dataclass(frozen=True)
class EngineFact:
    """One row of ``profiles/published/engines.csv``."""

    device: str
    engines: int
    codec: str
    pixels_per_s: float
    sessions: int | None
    kind: str
    source: str
    note: str


def read_engines(path: Path) -> dict[tuple[str, str], EngineFact]:
    """Read the table, by device and codec.

    Raises
    ------
    CatalogueError
        It cannot be read; the message names the file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            facts = [
                EngineFact(
                    row["device"], int(row["engines"]), row["codec"], float(row["pixels_per_s"]),
                    int(row["sessions"]) if row["sessions"] else None, row["kind"], f"{row['source']}, {row['date']}",
                    row["note"],
                )
                for row in csv.DictReader(stream)
            ]  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise CatalogueError(f"{path}: capacities of engines cannot be read ({error}); install sizer again") from error
    return {(fact.device, fact.codec): fact for fact in facts}


@cache
def load_engines() -> Mapping[tuple[str, str], EngineFact]:
    """Those that ship."""
    return read_engines(profiles_dir() / "published" / "engines.csv")


def decode_engine(
    device: str, codec: str, family: DeviceFamily | None = None, execution_units: float | None = None
) -> Engine | None:
    """Engine of a device for a codec; None where it has none, or nothing tells.

    Parameters
    ----------
    device : str
        Id of the device's catalogue entry.
    codec : str
        ``h264``, ``h265`` or ``av1``.
    family, execution_units
        Of a device without a published engine: the nearest one is taken at half to all of its rate.
    """
    if (device, codec) in _ABSENT:
        return None
    known = load_engines()
    fact = known.get((device, codec))
    if fact is not None:
        is_measured = fact.kind == "published"
        spread = _PIXEL_SPREAD if is_measured else _STATED_SPREAD
        evidence = Evidence.PUBLISHED if is_measured else Evidence.SPEC
        return _engine(fact, device, spread, evidence, (fact.note,))
    if family not in _NEAREST:
        return None
    small = execution_units is None or execution_units <= _ONE_ENGINE_UNITS
    nearest = known.get((_NEAREST[family][0 if small else 1], codec))
    if nearest is None:
        return None
    note = f"assumed: half to one of the engine of {nearest.device}, since none is published of this device"
    return _engine(nearest, device, _NEAREST_SPREAD, Evidence.SPEC, (note,))


def _engine(
    fact: EngineFact, device: str, spread: tuple[float, float], evidence: Evidence, notes: tuple[str, ...]
) -> Engine:
    middle = 1.0 if spread[1] > 1.0 else (spread[0] + spread[1]) / 2.0
    sessions = None
    if fact.sessions is not None:
        low, high = _SESSION_SPREAD
        sessions = Interval(
            p10=fact.sessions * min(low, spread[0]),
            p50=fact.sessions * middle,
            p90=fact.sessions * max(1.0, high * middle),
        )
    rate = Interval(
        p10=fact.pixels_per_s * spread[0], p50=fact.pixels_per_s * middle, p90=fact.pixels_per_s * spread[1]
    )
    return Engine(device, fact.engines, fact.codec, rate, sessions, evidence, fact.source, notes)
