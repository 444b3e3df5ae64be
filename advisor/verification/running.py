"""Figures of a run while it goes: what is kept of a soak does not grow with its frames.

Latest frames and passes are held one by one, since what becomes of them is still open. Earlier ones are folded:

- counts, exact, of the whole run and of each window of the requirement (48 bytes a window);
- times as a :class:`~advisor.verification.histogram.Histogram`: quantiles to 0.1 %, and exactly on which side of the
  limit each lies;
- how frames follow each other, from which proofs are made: two bytes a frame, of the latest :data:`SEQUENCE_MAX`;
- how the run changed: hundredths of the planned run (:data:`SLOTS`).
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .histogram import Floats, Histogram, Integers

_Number = TypeVar("_Number", np.int64, np.float64)

OPEN, DONE, DROPPED, LOST, FOLDED = 0, 1, 2, 3, 4
"""How a frame ended; lost: its source did not deliver it whole; folded: it stands in the figures already."""

TREND_RESOLUTION = 1e-2
"""Width of the histograms' bins, relative, of the hundred parts of a trend, which are compared by the tenth."""
SEQUENCE_MAX = 1 << 18
"""Frames of a feed whose order is kept at least (4.9 hours at 15 per second), at most twice as many."""
SLOTS = 100
"""Equal parts of the planned run that a trend compares: its tenths are ten of them."""
FOLD_ROWS = 2048
"""Rows that come until folding them is worth its time."""
STRAGGLER_S = 60.0
"""A frame open for longer is set aside, so that it holds up no other."""
CURVE_POINTS = 600
"""Most points of a curve over the run."""


@dataclass(frozen=True)
class Span:
    """What is known of a run before it begins."""

    warmup_s: float
    duration_s: float
    window_s: float
    """Length of the windows in which a requirement must hold."""
    limit_s: float
    """Latency above which a frame is late."""
    traced_s: tuple[float, float] = (math.inf, -math.inf)
    """Between which times frames are kept by name."""

    @property
    def end_s(self) -> float:
        """Planned end."""
        return self.warmup_s + self.duration_s

    @property
    def slot_s(self) -> float:
        """Length of a hundredth of the run."""
        return self.duration_s / SLOTS

    @property
    def point_s(self) -> float:
        """Length of one point of a curve over the run."""
        return max(1.0, math.ceil(self.duration_s / CURVE_POINTS))


class Slots:
    """Times by the hundredth of the planned run in which they were measured."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._slots: dict[int, Histogram] = {}

    def add(self, at_s: Floats, values_s: Floats) -> None:
        """Count times; what lies before the end of warm-up is left out."""
        place = np.minimum((at_s - self._span.warmup_s) // self._span.slot_s, SLOTS - 1).astype(np.int64)
        for slot in np.unique(place[place >= 0]).tolist():
            self._slots.setdefault(slot, Histogram(resolution=TREND_RESOLUTION)).add(values_s[place == slot])

    def part(self, start_s: float, end_s: float) -> tuple[Histogram, float]:
        """Times of the hundredths that a span touches, at least one, and the length of these [s]."""
        span = self._span
        first = math.floor((start_s - span.warmup_s) / span.slot_s + 1e-6)
        last = max(math.ceil((end_s - span.warmup_s) / span.slot_s - 1e-6), first + 1)
        found = Histogram(resolution=TREND_RESOLUTION)
        for slot in range(first, last):
            if slot in self._slots:
                found.update(self._slots[slot])
        return found, min(span.warmup_s + last * span.slot_s, end_s) - (span.warmup_s + first * span.slot_s)


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
        return self.rows()[:, self._columns.index(column)]

    def rows(self) -> Floats:
        """All rows, copied: a view would keep them from growing."""
        return np.array(self._values, dtype=np.float64).reshape(-1, len(self._columns))

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        """Leave out all other rows."""
        self._values = array("d", self.rows()[chosen].tobytes())


@dataclass
class Counts:
    """Frames of one span of release times, by how they ended."""

    released: int = 0
    done: int = 0
    dropped: int = 0
    lost: int = 0
    late: int = 0
    """Done, but above the latency limit."""
    open: int = 0
    """Neither done nor dropped when the run ended."""


_COLUMNS = 6


def _counted(kind: NDArray[np.int8], late: NDArray[np.bool_], place: Integers, rows: int) -> Integers:
    """:class:`Counts` of each place, one row per place."""
    found = [np.bincount(place, minlength=rows)]
    found += [np.bincount(place[kind == word], minlength=rows) for word in (DONE, DROPPED, LOST)]
    found += [np.bincount(place[late], minlength=rows), np.bincount(place[kind == OPEN], minlength=rows)]
    return np.stack(found, axis=1)


class FrameLog:
    """Frames of one feed by their number, from 0: the latest one by one, earlier ones as figures."""

    def __init__(self, span: Span, latencies: Slots) -> None:
        self.span = span
        self._latencies = latencies
        self._first = 0
        """Number of the first frame that is held one by one."""
        self._released_s: array[float] = array("d")
        self._ended_s: array[float] = array("d")
        self._kind: array[int] = array("b")
        self._left = 0
        """How many were left the last time, since they were not settled."""
        self._set_aside: dict[int, float] = {}
        """Release of frames that are open for long, by number."""
        self.first_released_s: float | None = None
        self.histogram = Histogram(span.limit_s)
        """Latency of frames done."""
        self.bins: array[int] = array("H")
        """Histogram's bin of each offered frame in order of release, 0 where it was not done."""
        self.longest_gap_s = 0.0
        self._last_done_s = span.warmup_s
        self._whole: Integers = np.zeros((1, _COLUMNS), np.int64)
        self._windows: Integers = np.zeros((0, _COLUMNS), np.int64)
        self._curve: Floats = np.zeros((0, 3))
        self.traced = Table("number", "released_s", "ended_s", "kind")
        self.traced_until_s = math.inf

    @property
    def waiting(self) -> int:
        """Frames that are held one by one."""
        return len(self._kind)

    @property
    def is_due(self) -> bool:
        """Whether so many have come since the last time that folding them is worth it."""
        return self.waiting >= self._left + FOLD_ROWS

    def release(self, number: int, at_s: float) -> None:
        """Enter a frame; numbers come in order."""
        assert number == self._first + len(self._kind)
        self._released_s.append(at_s)
        self._ended_s.append(0.0)
        self._kind.append(OPEN)

    def complete(self, number: int, at_s: float) -> None:
        """Say that a picture was complete only with a later packet; its release counts from there."""
        if number in self._set_aside:
            self._set_aside[number] = at_s
        else:
            self._released_s[number - self._first] = at_s

    def end(self, number: int, kind: int, at_s: float) -> None:
        """Say how a frame ended."""
        if number in self._set_aside:
            released_s = self._set_aside.pop(number)
            self._take(np.array([number]), np.array([released_s]), np.array([at_s]), np.array([kind], np.int8))
        else:
            place = number - self._first
            self._ended_s[place], self._kind[place] = at_s, kind

    def fold(self, before_s: float) -> None:
        """Take what was released before a time, and is settled, into the figures."""
        released_s, kind = np.array(self._released_s), np.array(self._kind, dtype=np.int8)
        waiting = (kind == OPEN) & (released_s < before_s)
        for place in np.flatnonzero(waiting & (released_s < before_s - STRAGGLER_S)).tolist():
            self._set_aside[self._first + place] = float(released_s[place])
            self._kind[place] = FOLDED
            waiting[place] = False
        # What is released after an open frame waits for it: frames are folded in order of release.
        limit_s = min(before_s, float(released_s[waiting].min())) if waiting.any() else before_s
        self._fold((kind != FOLDED) & (kind != OPEN) & (released_s < limit_s))
        self._left = self.waiting

    def close(self, end_s: float) -> None:
        """Take in the rest; nothing comes any more."""
        for number, released_s in sorted(self._set_aside.items(), key=lambda item: item[1]):
            self._take(np.array([number]), np.array([released_s]), np.zeros(1), np.array([OPEN], np.int8), end_s)
        self._set_aside.clear()
        self._fold(np.array(self._kind, dtype=np.int8) != FOLDED, end_s)
        self.longest_gap_s = max(self.longest_gap_s, end_s - self._last_done_s)

    def _fold(self, chosen: NDArray[np.bool_], end_s: float = math.inf) -> None:
        places = np.flatnonzero(chosen)
        released_s = np.array(self._released_s)[places]
        places = places[np.argsort(released_s, kind="stable")]  # numbers follow decoding, not presentation
        kind = np.array(self._kind, dtype=np.int8)
        self._take(
            self._first + places, np.array(self._released_s)[places], np.array(self._ended_s)[places], kind[places],
            end_s,
        )  # fmt: skip
        kind[places] = FOLDED
        held = np.flatnonzero(kind != FOLDED)
        gone = int(held[0]) if held.size else len(kind)
        self._kind = array("b", kind[gone:].tobytes())
        del self._released_s[:gone], self._ended_s[:gone]
        self._first += gone

    def _take(
        self, numbers: Integers, released_s: Floats, ended_s: Floats, kind: NDArray[np.int8], end_s: float = math.inf
    ) -> None:
        """Count frames, in order of release."""
        if not kind.size:
            return
        if self.first_released_s is None:
            self.first_released_s = float(released_s[0])
        self._trace(numbers, released_s, ended_s, kind)
        latency_s = ended_s - released_s
        self._draw(released_s, kind, latency_s)
        inside = (released_s >= self.span.warmup_s) & (released_s < end_s)
        released_s, kind, latency_s = released_s[inside], kind[inside], latency_s[inside]
        if not kind.size:
            return
        done = kind == DONE
        late = done & (latency_s > self.span.limit_s)
        self._whole += _counted(kind, late, np.zeros(len(kind), np.int64), 1)
        place = self._window(released_s)
        rows = int(place.max()) + 1
        self._windows = _grown(self._windows, rows)
        self._windows[:rows] += _counted(kind, late, place, rows)
        self.histogram.add(latency_s[done])
        self._latencies.add(released_s[done], latency_s[done])
        bins = np.where(done, self.histogram.bins(np.where(done, latency_s, 1.0)), 0)[kind != LOST]
        self.bins.frombytes(bins.astype(np.uint16).tobytes())
        if len(self.bins) > 2 * SEQUENCE_MAX:
            del self.bins[:-SEQUENCE_MAX]
        if done.any():
            gaps = np.diff(np.concatenate(([self._last_done_s], released_s[done])))
            self.longest_gap_s = max(self.longest_gap_s, float(gaps.max()))
            self._last_done_s = max(self._last_done_s, float(released_s[done][-1]))

    def _window(self, released_s: Floats) -> Integers:
        """Window of each release: the ends are those that :meth:`windows` gives."""
        start_s, length_s = self.span.warmup_s, self.span.window_s
        place = np.floor((released_s - start_s) / length_s)
        place += released_s >= start_s + (place + 1) * length_s
        place -= released_s < start_s + place * length_s
        return place.astype(np.int64)

    def _draw(self, released_s: Floats, kind: NDArray[np.int8], latency_s: Floats) -> None:
        """Done and dropped frames, and latency of the former, per point of the curve over the run."""
        place = np.minimum(released_s / self.span.point_s, CURVE_POINTS * 2).astype(np.int64)
        rows, done = int(place.max()) + 1, kind == DONE
        self._curve = _grown(self._curve, rows)
        self._curve[:rows, 0] += np.bincount(place[done], minlength=rows)
        self._curve[:rows, 1] += np.bincount(place[kind == DROPPED], minlength=rows)
        self._curve[:rows, 2] += np.bincount(place[done], weights=latency_s[done], minlength=rows)

    def _trace(self, numbers: Integers, released_s: Floats, ended_s: Floats, kind: NDArray[np.int8]) -> None:
        begin_s, end_s = self.span.traced_s
        inside = (released_s < min(end_s, self.traced_until_s)) & ((kind == OPEN) | (ended_s > begin_s))
        for row in np.flatnonzero(inside).tolist():
            self.traced.add([float(numbers[row]), float(released_s[row]), float(ended_s[row]), float(kind[row])])

    def whole(self) -> Counts:
        """Counts of the whole run after warm-up."""
        return Counts(*self._whole[0].tolist())

    def windows(self, count: int) -> list[Counts]:
        """Counts of so many windows, one after another from the end of warm-up."""
        return [Counts(*row) for row in _grown(self._windows, count)[:count].tolist()]

    def curve(self, points: int) -> Floats:
        """Done, dropped and sum of latencies [s] per point; the last one takes what remains."""
        found = _grown(self._curve, points)[:points].copy()
        found[-1] += self._curve[points:].sum(axis=0)
        return found


def _grown(rows: NDArray[_Number], count: int) -> NDArray[_Number]:
    """Rows, and empty ones up to a count."""
    missing = max(count - len(rows), 0)
    return np.concatenate((rows, np.zeros((missing, rows.shape[1]), rows.dtype))) if missing else rows


@dataclass
class WorkLog:
    """Passes of a stage, or decoded frames: the latest one by one, earlier ones as figures.

    Pre-processing lasts from ``started_s`` to ``prepared_s``, inference from ``begun_s`` on; ``waited_s`` is all
    waiting: for a caller, and in the runtime for an inference stream. Decoding has neither.
    """

    span: Span
    count: int = 0
    """After warm-up."""
    inputs: int = 0
    occupied_s: float = 0.0
    """Sum of the parts that lie in the measured time, pre-processing left out."""
    service: Histogram = field(default_factory=Histogram)
    waited: Histogram = field(default_factory=Histogram)
    total: int = 0
    """Warm-up included."""

    def __post_init__(self) -> None:
        self.slots = Slots(self.span)
        """Time of inference alone."""
        columns = ("slot", "waited_s", "started_s", "prepared_s", "begun_s", "ended_s", "inputs")
        self._latest = Table(*columns)
        self._left = 0
        self.shown = Table(*columns)
        """What is shown one by one."""

    @property
    def waiting(self) -> int:
        """How many are not folded yet."""
        return len(self._latest)

    @property
    def is_due(self) -> bool:
        """As :attr:`FrameLog.is_due`."""
        return self.waiting >= self._left + FOLD_ROWS

    def add(self, row: list[float]) -> None:
        """Append one."""
        self._latest.add(row)
        self.total += 1

    def fold(self, before_s: float, end_s: float = math.inf, shown_s: tuple[float, float] = (0.0, 0.0)) -> None:
        """Take what ended before a time into the figures; what started between two times is shown one by one."""
        rows = self._latest.rows()
        folded = rows[:, 5] < before_s
        for row in rows[folded & (rows[:, 2] >= shown_s[0]) & (rows[:, 2] < shown_s[1])].tolist():
            self.shown.add(row)
        _, waited_s, started_s, prepared_s, begun_s, ended_s, inputs = rows[folded].T
        inside_s = np.minimum(ended_s, min(end_s, self.span.end_s)) - np.maximum(begun_s, self.span.warmup_s)
        self.occupied_s += float(np.maximum(inside_s, 0.0).sum())
        late = started_s >= self.span.warmup_s
        self.count += int(late.sum())
        self.inputs += int(inputs[late].sum())
        self.service.add((prepared_s - started_s + ended_s - begun_s)[late])
        self.waited.add(waited_s[late])
        self.slots.add(started_s[late], (ended_s - begun_s)[late])
        self._latest.keep(~folded)
        self._left = self.waiting
