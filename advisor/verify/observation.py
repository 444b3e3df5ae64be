"""What a run told, as the parent collects it from the rows of the child; survives the child's death.

Rows, by their first value (times in seconds after the start of the run):

``r`` feed, number, released, pacing error    ``e`` feed, number, kind (see :class:`End`), time, where
``b`` stage, slot, waited, started, submitted, ended, inputs    ``d`` feed, worker, begun, ended
``o`` stage, released, objects found    ``n`` stage, fault of its outputs or nothing
``c`` feed, time, status    ``s`` a row of counters
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..records.config import EffectiveConfig
from .setup import Feed


class Passed(NamedTuple):
    """One pass of a stage; ``prepared`` minus ``started`` is pre-processing."""

    slot: int
    waited_s: float
    started_s: float
    prepared_s: float
    ended_s: float
    inputs: int


class Decoded(NamedTuple):
    """One decoded packet."""

    feed: int
    worker: int
    started_s: float
    ended_s: float


class End(NamedTuple):
    """How a frame ended: d done, x dropped, l lost by its source."""

    kind: str
    at_s: float
    where: str


@dataclass
class Observation:
    """Everything seen; grows while the child runs."""

    feeds: tuple[Feed, ...]
    warmup_s: float
    duration_s: float
    decode_threads: int
    released: dict[int, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    errors_s: list[float] = field(default_factory=list)
    ends: dict[tuple[int, int], End] = field(default_factory=dict)
    passes: dict[str, list[Passed]] = field(default_factory=lambda: defaultdict(list))
    decoded: list[Decoded] = field(default_factory=list)
    found: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    looked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    faults: dict[str, str] = field(default_factory=dict)
    status: dict[int, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    samples: list[dict[str, Any]] = field(default_factory=list)
    effective: dict[str, EffectiveConfig] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
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

    def rows(self, rows: list[list[Any]]) -> None:
        """Take in what the child sent."""
        for kind, *row in rows:
            match kind:
                case "r":
                    self.released[row[0]].append((row[1], row[2]))
                    self.errors_s.append(row[3])
                case "e":
                    self.ends[row[0], row[1]] = End(row[2], row[3], row[4])
                case "b":
                    self.passes[row[0]].append(Passed(*row[1:]))
                case "d":
                    self.decoded.append(Decoded(*row))
                case "o":
                    self.found[row[0]].append((row[1], row[2]))
                case "n":
                    self.looked[row[0]] += 1
                    if row[1]:
                        self.faults[row[0]] = row[1]
                case "c":
                    self.status[row[0]].append((row[1], row[2]))
                case "s":
                    self.samples.append(row[0])
                case _:
                    raise ValueError(f"unknown row {kind!r}")
