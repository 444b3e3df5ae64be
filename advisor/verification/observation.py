"""What a run reported: the parent collects it row by row, so it survives the child's death.

Rows, by their first value (times in seconds after the start of the run):

``r`` feed, number, released, pacing error    ``p`` feed, number, time at which its picture was complete
``e`` feed, number, kind (done, dropped, lost), time, where
``b`` stage, slot, waited, started, prepared, begun, ended, inputs    ``d`` feed, worker, started, ended
``o`` stage, released, objects found    ``n`` stage, fault of its outputs or nothing
``c`` feed, time, status    ``v`` feed, what its pictures are    ``s`` a row of counters

Where it is traced ``d`` ends with the number of its frame, and ``b`` with its requests: feed, number, inputs, queued.

What there is one of per frame is folded into figures as it goes (``running``): a run of eight hours takes as much as
one of half an hour, but for two bytes a frame and forty-eight a window.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from advisor.records.config import EffectiveConfig
from advisor.records.host_settings import EffectiveHost

from .histogram import Histogram
from .running import DROPPED, FOLD_ROWS, OPEN, FrameLog, Slots, Span, WorkLog
from .setup import Feed

TRACED_MAX = 400_000
"""Passes and decoded frames that a trace holds, some 200 MB; later ones are left out, and the trace ends there."""
SAMPLES_MAX = 4800
"""Rows of counters that are kept, 40 minutes of them; of a longer run every second, fourth, ... is."""
HOLD_S = 5.0
"""What ended longer ago is settled: it is folded into the figures once there is enough of it."""
SHOWN_S = 2.0
"""Length of the span whose decoded frames and passes are shown one by one."""


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
    span: Span
    decode_threads: int
    frames: dict[int, FrameLog] = field(default_factory=dict)
    latest_errors_s: list[float] = field(default_factory=list)
    errors: Histogram = field(default_factory=Histogram)
    """How late frames were released."""
    dropped: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Frames dropped after warm-up, by place."""
    traced_drops: dict[tuple[int, int], str] = field(default_factory=dict)
    """Place of those that are traced, by feed and number."""
    passes: dict[str, WorkLog] = field(default_factory=dict)
    found: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """Per stage: frames released after warm-up, and objects found in them."""
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
    closed: bool = False
    """All is folded: nothing can come any more."""

    def __post_init__(self) -> None:
        self.latencies = Slots(self.span)
        """Of all feeds together."""
        self.decoded = WorkLog(self.span)
        self._sampled, self._every = 0, 1
        self._traced_end_s = -math.inf

    @property
    def warmup_s(self) -> float:
        """Length of warm-up."""
        return self.span.warmup_s

    @property
    def duration_s(self) -> float:
        """Planned length after warm-up."""
        return self.span.duration_s

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

    @property
    def shown_s(self) -> tuple[float, float]:
        """Span whose work is shown one by one: the middle of the planned run, or the end of one that ended before."""
        middle_s = self.warmup_s + self.duration_s / 2
        if self.closed and self.end_s < middle_s + SHOWN_S / 2:
            return max(self.end_s - SHOWN_S, self.warmup_s), self.end_s
        return max(middle_s - SHOWN_S / 2, self.warmup_s), middle_s + SHOWN_S / 2

    @property
    def traced_until_s(self) -> float:
        """Where the trace ends because it is full; infinite where it is not."""
        full = len(self.traced_passes) + len(self.traced_decodes) >= TRACED_MAX
        return self._traced_end_s if full else math.inf

    def frame_log(self, feed: int) -> FrameLog:
        """Frames of a feed; asked for with every row, so that a log is made for the first one alone."""
        log = self.frames.get(feed)
        if log is None:
            log = self.frames[feed] = FrameLog(self.span, self.latencies)
        return log

    def work_log(self, stage: str) -> WorkLog:
        """Passes of a stage, made as those of frames are."""
        log = self.passes.get(stage)
        if log is None:
            log = self.passes[stage] = WorkLog(self.span)
        return log

    def close(self) -> None:
        """Fold what is left, once: after it there are figures only."""
        if self.closed:
            return
        self.closed = True
        for log in self.frames.values():
            log.close(self.end_s)
        for work in (self.decoded, *self.passes.values()):
            work.fold(math.inf, self.end_s, self.shown_s)
        self._fold_errors()

    def _fold(self, now_s: float) -> None:
        """Fold what is settled, where there is enough of it."""
        before_s = min(now_s - HOLD_S, self.span.end_s)
        for log in self.frames.values():
            log.traced_until_s = self.traced_until_s
            if log.is_due:
                log.fold(before_s)
        for work in (self.decoded, *self.passes.values()):
            if work.is_due:
                work.fold(before_s, shown_s=self.shown_s)
        if len(self.latest_errors_s) >= FOLD_ROWS:
            self._fold_errors()

    def _fold_errors(self) -> None:
        self.errors.add(np.array(self.latest_errors_s, dtype=np.float64))
        self.latest_errors_s.clear()

    def _sample(self, row: dict[str, Any]) -> None:
        """Keep a row of counters: the latest one, and of those before evenly spread ones."""
        if (self._sampled - 1) % self._every:
            self.samples.pop()
        self.samples.append(row)
        self._sampled += 1
        if len(self.samples) > SAMPLES_MAX:  # an even number: the latest row, that of an odd place, stays
            del self.samples[1::2]
            self._every *= 2

    def _keep(self, traced: list[list[Any]], row: list[Any], untraced: int, ended_s: float) -> None:
        """Keep a row that names its frames: it is longer than ``untraced``."""
        if len(row) > untraced and len(self.traced_passes) + len(self.traced_decodes) < TRACED_MAX:
            traced.append(row)
            self._traced_end_s = max(self._traced_end_s, ended_s)

    def _drop(self, at_s: float, where: str, feed: int, number: int) -> None:
        if at_s >= self.warmup_s:
            self.dropped[where] += 1
        begin_s, end_s = self.span.traced_s
        if begin_s <= at_s < end_s and len(self.traced_drops) < TRACED_MAX:
            self.traced_drops[feed, number] = where

    def rows(self, rows: list[list[Any]]) -> None:
        """Take in what the child sent."""
        assert not self.closed
        for kind, *row in rows:
            match kind:
                case "r":
                    self.frame_log(row[0]).release(row[1], row[2])
                    self.latest_errors_s.append(row[3])
                    self.counts[OPEN] += 1
                case "p":
                    self.frame_log(row[0]).complete(row[1], row[2])
                case "e":
                    self.frame_log(row[0]).end(row[1], row[2], row[3])
                    self.counts[OPEN] -= 1
                    self.counts[row[2]] += 1
                    if row[2] == DROPPED:
                        self._drop(row[3], row[4], row[0], row[1])
                case "b":
                    self.work_log(row[0]).add(row[1:8])
                    self._keep(self.traced_passes, row, 8, row[6])
                case "d":
                    _, worker, started_s, ended_s = row[:4]
                    self.decoded.add([worker, 0.0, started_s, started_s, started_s, ended_s, 1])
                    self._keep(self.traced_decodes, row, 4, ended_s)
                case "o":
                    if row[1] >= self.warmup_s:
                        found = self.found[row[0]]
                        found[:] = found[0] + 1, found[1] + row[2]
                case "n":
                    self.looked[row[0]] += 1
                    if row[1]:
                        self.faults[row[0]] = row[1]
                case "c":
                    self.status[row[0]].append((row[1], row[2]))
                case "v":
                    self.pictures[row[0]].append(PictureKind(*row[1:]))
                case "s":
                    self._sample(row[0])
                    self._fold(float(row[0]["t"]))
                case _:
                    raise ValueError(f"unknown row {kind!r}")
