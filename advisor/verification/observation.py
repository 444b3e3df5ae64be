"""What a run reported: the parent collects it row by row, so it survives the child's death.

Rows, by their first value (times in seconds after the start of the run):

``r`` feed, number, released, pacing error    ``p`` feed, number, time at which its picture was complete
``e`` feed, number, kind (done, dropped, lost), time, where
``b`` stage, slot, waited, started, prepared, begun, ended, inputs    ``d`` feed, worker, started, ended
``o`` stage, released, objects found    ``n`` stage, fault of its outputs or nothing
``c`` feed, time, status    ``v`` feed, what its pictures are    ``s`` a row of counters

Where it is traced ``d`` ends with the number of its frame, and ``b`` with its requests: feed, number, inputs, queued.

Everything of which there is one per frame is kept as packed numbers: a run of eight hours fits in memory.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.records.config import EffectiveConfig
from advisor.records.host_settings import EffectiveHost

from .setup import Feed

Floats = NDArray[np.float64]

OPEN, DONE, DROPPED, LOST = 0, 1, 2, 3
"""How a frame ended; lost: its source did not deliver it whole."""


TRACED_MAX = 400_000
"""Passes and decoded frames that a trace holds, some 200 MB; later ones are left out, and the trace ends there."""


class Table:
    """Rows of numbers of fixed width that grow at the end."""

    def __init__(self, *columns: str) -> None:
        self._columns = columns
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values) // len(self._columns)

    def add(self, row: list[float]) -> None:
        """Append one row."""
        self._values.extend(row)

    def __getitem__(self, column: str) -> Floats:
        """One column as an array of its own."""
        # A view of all columns, a copy of one: judging a soak must not double what it takes. The view is gone on
        # return, so that the rows can grow again.
        whole = np.frombuffer(self._values, dtype=np.float64).reshape(-1, len(self._columns))
        return whole[:, self._columns.index(column)].copy()


def passes_table() -> Table:
    """Passes of a stage: pre-processing from ``started_s`` to ``prepared_s``, inference from ``begun_s`` on.

    ``waited_s`` is all waiting: for a caller, and in the runtime for an inference stream.
    """
    return Table("slot", "waited_s", "started_s", "prepared_s", "begun_s", "ended_s", "inputs")


@dataclass
class FrameLog:
    """Frames of one feed by their number, from 0."""

    released_s: array[float] = field(default_factory=lambda: array("d"))
    ended_s: array[float] = field(default_factory=lambda: array("d"))
    kind: array[int] = field(default_factory=lambda: array("b"))

    def release(self, number: int, at_s: float) -> None:
        """Enter a frame; numbers come in order."""
        assert number == len(self.released_s)
        self.released_s.append(at_s)
        self.ended_s.append(0.0)
        self.kind.append(OPEN)

    def complete(self, number: int, at_s: float) -> None:
        """Say that a picture was complete only with a later packet; its release counts from there."""
        self.released_s[number] = at_s

    def end(self, number: int, kind: int, at_s: float) -> None:
        """Say how a frame ended."""
        self.ended_s[number], self.kind[number] = at_s, kind


@dataclass(frozen=True)
class PictureKind:
    """What decoding a camera's stream gave."""

    codec: str
    """In FFmpeg's words."""
    width: int
    height: int
    bits: int
    """Per sample."""
    rate_per_s: float | None = None
    """At which a file was recorded."""


@dataclass
class Observation:
    """Everything seen; grows while the child runs."""

    feeds: tuple[Feed, ...]
    warmup_s: float
    duration_s: float
    decode_threads: int
    frames: dict[int, FrameLog] = field(default_factory=lambda: defaultdict(FrameLog))
    errors_s: array[float] = field(default_factory=lambda: array("d"))
    drops: list[tuple[float, str, int, int]] = field(default_factory=list)
    """Time and place of every drop, and the feed and number of the frame."""
    passes: dict[str, Table] = field(default_factory=lambda: defaultdict(passes_table))
    decoded: Table = field(default_factory=lambda: Table("feed", "worker", "started_s", "ended_s"))
    found: dict[str, Table] = field(default_factory=lambda: defaultdict(lambda: Table("released_s", "objects")))
    looked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    faults: dict[str, str] = field(default_factory=dict)
    status: dict[int, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    pictures: dict[int, list[PictureKind]] = field(default_factory=lambda: defaultdict(list))
    """What a camera's pictures were found to be, one entry per change."""
    samples: list[dict[str, Any]] = field(default_factory=list)
    effective: dict[str, EffectiveConfig] = field(default_factory=dict)
    host: EffectiveHost | None = None
    """What the operating system granted; None until every stage is compiled."""
    objects: dict[str, str] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """Frames of the whole run, warm-up included, that are open, done, dropped, lost."""
    measured: tuple[str, ...] = ()
    """Stages whose inference threads work for them alone, so that their CPU time is counted, not shared out."""
    decode_device: str = "software"
    """What decoded: ``software``, or the device that was found."""
    traced_decodes: list[list[Any]] = field(default_factory=list)
    """Feed, worker, started, ended, number of the frame: until :data:`TRACED_MAX`."""
    traced_passes: list[list[Any]] = field(default_factory=list)
    """Stage, slot, waited, started, prepared, begun, ended, inputs, requests."""
    started: bool = False
    failure: str | None = None
    stopped: bool = False
    ended_s: float | None = None

    @property
    def end_s(self) -> float:
        """End of what can be judged: the planned end, or the last thing known before the run broke off."""
        planned = self.warmup_s + self.duration_s
        if self.ended_s is not None:
            return min(self.ended_s, planned)
        last = max((sample["t"] for sample in self.samples), default=0.0)
        return min(last, planned)

    @property
    def seen_s(self) -> float:
        """Measured time after warm-up."""
        return max(self.end_s - self.warmup_s, 0.0)

    def _keep(self, traced: list[list[Any]], row: list[Any], untraced: int) -> None:
        """Keep a row that names its frames: it is longer than ``untraced``."""
        if len(row) > untraced and len(self.traced_passes) + len(self.traced_decodes) < TRACED_MAX:
            traced.append(row)

    def rows(self, rows: list[list[Any]]) -> None:
        """Take in what the child sent."""
        for kind, *row in rows:
            match kind:
                case "r":
                    self.frames[row[0]].release(row[1], row[2])
                    self.errors_s.append(row[3])
                    self.counts[OPEN] += 1
                case "p":
                    self.frames[row[0]].complete(row[1], row[2])
                case "e":
                    self.frames[row[0]].end(row[1], row[2], row[3])
                    self.counts[OPEN] -= 1
                    self.counts[row[2]] += 1
                    if row[2] == DROPPED:
                        self.drops.append((row[3], row[4], row[0], row[1]))
                case "b":
                    self.passes[row[0]].add(row[1:8])
                    self._keep(self.traced_passes, row, 8)
                case "d":
                    self.decoded.add(row[:4])
                    self._keep(self.traced_decodes, row, 4)
                case "o":
                    self.found[row[0]].add(row[1:])
                case "n":
                    self.looked[row[0]] += 1
                    if row[1]:
                        self.faults[row[0]] = row[1]
                case "c":
                    self.status[row[0]].append((row[1], row[2]))
                case "v":
                    self.pictures[row[0]].append(PictureKind(*row[1:]))
                case "s":
                    self.samples.append(row[0])
                case _:
                    raise ValueError(f"unknown row {kind!r}")
