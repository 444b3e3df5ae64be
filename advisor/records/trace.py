"""What happened to each request in a stretch of time: simulated or measured, in one shape.

Times are seconds after the start of the run. Plain frozen dataclasses, since a run holds tens of thousands of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .base import Record

BatchPattern = Literal["single", "full", "filled", "timed out", "partial"]
"""How a batch came about.

``single``: one item, where nothing else could or would join it; ``full``: as many items as it holds were waiting
already; ``filled``: it waited for others and began when the last place was taken; ``timed out``: it waited in vain for
as long as it may; ``partial``: it began with less because a stream was free.
"""
FrameEnd = Literal["done", "dropped", "lost", "open"]
"""``lost``: its source did not deliver it whole; ``open``: still under way when the trace ends."""
SETTLED_S = 1e-3
"""Times that a run measures differ by so much from those of the events that caused them: a thread has to wake up."""


@dataclass(frozen=True, slots=True)
class TracedFrame:
    """A frame of a camera, or a request of a caller, from its release to its end."""

    camera: str
    number: int
    released_s: float
    ended_s: float | None
    """None: open."""
    end: FrameEnd
    where: str = ""
    """Of a drop or a loss: the queue that refused it."""


@dataclass(frozen=True, slots=True)
class TracedDecode:
    """One frame in a decoder."""

    camera: str
    number: int
    worker: int
    begun_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """What one frame has in a batch."""

    camera: str
    number: int
    items: int
    """1 for a whole frame, else objects of it."""
    queued_s: float


@dataclass(frozen=True, slots=True)
class TracedPass:
    """One batch in one stage."""

    stage: str
    lane: int
    """Caller that prepared it, or stream; from 0."""
    begun_s: float
    """Its preparation began: it was taken off the queue."""
    inference_s: float
    """Its inference began: prepared, and a stream was free."""
    ended_s: float
    items: int
    requests: tuple[TracedRequest, ...]


@dataclass(frozen=True, slots=True)
class TracedStage:
    """What decides how batches of a stage form."""

    batch_max: int
    timeout_s: float
    device: str


@dataclass(frozen=True, slots=True)
class TracedSwitch:
    """A stage goes over to its device, which was still being compiled: passes that begin later run there."""

    stage: str
    at_s: float
    before: str
    """Device that ran its passes until then; after it the stage's own does."""


@dataclass(frozen=True)
class Trace:
    """Everything between two moments."""

    scenario: str
    source: Literal["simulated", "measured"]
    begin_s: float
    end_s: float
    stages: Mapping[str, TracedStage]
    """In the scenario's order."""
    cameras: tuple[str, ...]
    frames: Sequence[TracedFrame]
    decodes: Sequence[TracedDecode]
    passes: Sequence[TracedPass]
    switches: Sequence[TracedSwitch] = ()

    def between(self, begin_s: float, end_s: float) -> Trace:
        """Cut out what was under way between two moments; what began before or ends after is kept whole."""
        return Trace(
            self.scenario, self.source, max(begin_s, self.begin_s), min(end_s, self.end_s), self.stages, self.cameras,
            [item for item in self.frames
             if item.released_s < end_s and (item.ended_s is None or item.ended_s > begin_s)],
            [item for item in self.decodes if item.begun_s < end_s and item.ended_s > begin_s],
            [item for item in self.passes if item.begun_s < end_s and item.ended_s > begin_s],
            [item for item in self.switches if begin_s <= item.at_s <= end_s],
        )  # fmt: skip

    def pattern(self, item: TracedPass) -> BatchPattern:
        """Say how the batch of a pass came about."""
        return batch_pattern(item, self.stages[item.stage])


def batch_pattern(item: TracedPass, stage: TracedStage) -> BatchPattern:
    """Say how a batch came about, from when its requests were queued and when it began."""
    if stage.batch_max == 1:
        return "single"
    first_s = min(request.queued_s for request in item.requests)
    last_s = max(request.queued_s for request in item.requests)
    if item.items >= stage.batch_max:
        waited = last_s - first_s > SETTLED_S and item.begun_s - last_s <= SETTLED_S
        return "filled" if waited else "full"
    if stage.timeout_s > 0 and item.begun_s - first_s >= stage.timeout_s - SETTLED_S:
        return "timed out"
    return "single" if item.items == 1 else "partial"


class TimelinePass(Record):
    """One bar of a timeline."""

    begin_s: float
    """After the begin of the window; below zero where it began before."""
    inference_s: float
    end_s: float
    items: int = 1
    pattern: BatchPattern = "single"


class TimelineLane(Record):
    """One row of a timeline: a decode worker, or a stream of a stage."""

    name: str
    device: str = ""
    passes: tuple[TimelinePass, ...]


class Timeline(Record):
    """A short window of a trace, as pages show it."""

    source: Literal["simulated", "measured"]
    begin_s: float
    """After the start of the run."""
    length_s: float
    lanes: tuple[TimelineLane, ...]
    drops: dict[str, tuple[float, ...]] = {}
    """Queue to the times of frames that it refused, after the begin of the window [s]."""


def timeline(trace: Trace, begin_s: float, length_s: float) -> Timeline:
    """Cut a window out of a trace for a page; times rounded to 10 us, a tenth of the thinnest line drawn."""
    window = trace.between(begin_s, begin_s + length_s)

    def after(moment_s: float) -> float:
        return round(moment_s - begin_s, 5)

    lanes: dict[tuple[int, str, int], list[TimelinePass]] = {}
    order = {name: place for place, name in enumerate(trace.stages, 1)}
    for decode in window.decodes:
        bar = TimelinePass(
            begin_s=after(decode.begun_s), inference_s=after(decode.begun_s), end_s=after(decode.ended_s)
        )
        lanes.setdefault((0, "decode", decode.worker), []).append(bar)
    for item in window.passes:
        bar = TimelinePass(
            begin_s=after(item.begun_s), inference_s=after(item.inference_s), end_s=after(item.ended_s),
            items=item.items, pattern=trace.pattern(item),
        )  # fmt: skip
        lanes.setdefault((order[item.stage], item.stage, item.lane), []).append(bar)
    drops: dict[str, list[float]] = {}
    for frame in window.frames:
        if frame.end == "dropped" and frame.ended_s is not None and 0 <= after(frame.ended_s) <= length_s:
            drops.setdefault(frame.where, []).append(after(frame.ended_s))
    return Timeline(
        source=trace.source,
        begin_s=begin_s,
        length_s=length_s,
        lanes=tuple(
            TimelineLane(
                name=f"{name} {lane}",
                device=trace.stages[name].device if name in trace.stages else "",
                passes=tuple(sorted(bars, key=lambda bar: bar.begin_s)),
            )
            for (_, name, lane), bars in sorted(lanes.items())
        ),
        drops={name: tuple(sorted(times)) for name, times in drops.items()},
    )
