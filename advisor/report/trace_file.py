"""A trace as a file that Perfetto opens (ui.perfetto.dev, which works offline, or its trace processor).

Processes are cameras, decoders and stages; threads are cameras, decode workers and streams. A frame is a slice from its
release to its end, a pass one from when it was taken off the queue, with its preparation, its waiting and its inference
inside; arrows lead from a frame through its decoding to the passes that it was in.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from advisor.errors import InputError
from advisor.records.trace import Trace, TracedFrame

if TYPE_CHECKING:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket, TrackEvent

MISSING = "a trace needs the package perfetto: pip install 'sizer[trace]'"
Fact = int | float | str
SEQUENCE = 1
"""Of our one writer; a trace names one per thread that wrote it."""


def trace_bytes(*traces: Trace) -> bytes:
    """Bytes of a file that shows traces side by side.

    Raises
    ------
    InputError
        The package ``perfetto`` is not installed.
    """
    try:
        from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder
    except ImportError as error:
        raise InputError(MISSING) from error
    file = BytesIO()
    writer = _Writer(StreamingTraceProtoBuilder(file))
    for number, trace in enumerate(traces):
        _write(writer, trace, number)
    return file.getvalue()


def check_writer() -> None:
    """Refuse before anything has run what could not be written after it.

    Raises
    ------
    InputError
        The package ``perfetto`` is not installed.
    """
    if importlib.util.find_spec("perfetto") is None:
        raise InputError(MISSING)


class _Writer:
    """Tracks and events of the file; times in ns after the start of the run."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        self._uuid = itertools.count(1)
        self._first = True

    def track(self, name: str, parent: int | None = None, counter: bool = False, order: int = 0) -> int:
        """Add a row, or a group of rows where others name it as their parent."""
        uuid = next(self._uuid)
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = SEQUENCE
        descriptor = packet.track_descriptor
        descriptor.uuid, descriptor.name = uuid, name
        # Rows in the order in which a request comes past them, not by the alphabet.
        descriptor.child_ordering = 3
        descriptor.sibling_order_rank = order
        if parent is not None:
            descriptor.parent_uuid = parent
        if counter:
            descriptor.counter.unit = 2  # UNIT_COUNT
        self._write(packet)
        return uuid

    def event(self, kind: int, track: int, at_s: float, fill: Callable[[TrackEvent], None] | None = None) -> None:
        """Add an event; the kinds are those of ``TrackEvent.Type``."""
        packet = self._builder.create_packet()
        packet.timestamp = max(0, round(at_s * 1e9))
        packet.trusted_packet_sequence_id = SEQUENCE
        packet.track_event.type, packet.track_event.track_uuid = kind, track
        if fill is not None:
            fill(packet.track_event)
        self._write(packet)

    @contextlib.contextmanager
    def slice(
        self,
        track: int,
        name: str,
        begin_s: float,
        end_s: float,
        facts: Mapping[str, Fact] | None = None,
        flows: Iterable[int] = (),
    ) -> Iterator[None]:
        """Add a span of time with its facts, around those that are added inside; ``flows`` are arrows that touch it."""

        def fill(event: TrackEvent) -> None:
            event.name = name
            event.flow_ids.extend(flows)
            _note(event, facts or {})

        self.event(BEGIN, track, begin_s, fill)
        yield
        self.event(END, track, max(end_s, begin_s))

    def span(
        self,
        track: int,
        name: str,
        begin_s: float,
        end_s: float,
        facts: Mapping[str, Fact] | None = None,
        flows: Iterable[int] = (),
    ) -> None:
        """Add a span of time with nothing inside."""
        with self.slice(track, name, begin_s, end_s, facts, flows):
            pass

    def instant(self, track: int, name: str, at_s: float, facts: Mapping[str, Fact] | None = None) -> None:
        """Add a moment."""

        def fill(event: TrackEvent) -> None:
            event.name = name
            _note(event, facts or {})

        self.event(INSTANT, track, at_s, fill)

    def count(self, track: int, at_s: float, value: int) -> None:
        """Add a reading of a counter."""

        def fill(event: TrackEvent) -> None:
            event.counter_value = value

        self.event(COUNTER, track, at_s, fill)

    def _write(self, packet: TracePacket) -> None:
        if self._first:
            packet.sequence_flags = 1  # SEQ_INCREMENTAL_STATE_CLEARED: nothing before it belongs to this sequence
            self._first = False
        self._builder.write_packet(packet)


BEGIN, END, INSTANT, COUNTER = 1, 2, 3, 4
"""``TrackEvent.Type``."""


def _note(event: TrackEvent, facts: Mapping[str, Fact]) -> None:
    for name, value in facts.items():
        note = event.debug_annotations.add()
        note.name = name
        if isinstance(value, int):
            note.int_value = value
        elif isinstance(value, float):
            note.double_value = value
        else:
            note.string_value = value


def _flow(trace: int, camera: str, number: int) -> int:
    """Number of the arrow that follows one frame: 64 bits, the same wherever it comes past."""
    return (trace << 62) | (zlib.crc32(camera.encode()) << 30) | (number & (2**30 - 1))


def _write(writer: _Writer, trace: Trace, number: int) -> None:
    whole = writer.track(f"{trace.source}: {trace.scenario}", order=number)
    rows = itertools.count()

    def group(name: str) -> int:
        return writer.track(name, whole, order=next(rows))

    _write_frames(writer, trace, group("cameras"), number)
    if trace.decodes:
        parent = group("decode")
        workers = sorted({item.worker for item in trace.decodes})
        tracks = {worker: writer.track(f"worker {worker}", parent, order=worker) for worker in workers}
        for item in trace.decodes:
            flow = _flow(number, item.camera, item.number)
            writer.span(tracks[item.worker], f"{item.camera} #{item.number}", item.begun_s, item.ended_s, flows=[flow])
    for name in trace.stages:
        _write_stage(writer, trace, name, group(f"{name} on {trace.stages[name].device}"), number)


def _write_stage(writer: _Writer, trace: Trace, name: str, parent: int, number: int) -> None:
    """Passes of a stage on a row per stream, and how many items wait for it."""
    passes = [item for item in trace.passes if item.stage == name]
    tracks = {lane: writer.track(f"stream {lane}", parent, order=lane) for lane in sorted({p.lane for p in passes})}
    for item in passes:
        track, pattern = tracks[item.lane], trace.pattern(item)
        facts = {
            "batch": item.items,
            "batch_max": trace.stages[name].batch_max,
            "pattern": pattern,
            "oldest_waited_ms": 1e3 * (item.begun_s - min(request.queued_s for request in item.requests)),
            "requests": ", ".join(f"{r.camera} #{r.number} x{r.items}" for r in item.requests),
        }
        flows = [_flow(number, request.camera, request.number) for request in item.requests]
        with writer.slice(track, f"{item.items} ({pattern})", item.begun_s, item.ended_s, facts, flows):
            if item.inference_s > item.begun_s:
                writer.span(track, "prepare and wait", item.begun_s, item.inference_s)
            writer.span(track, "inference", item.inference_s, item.ended_s)
    for switch in trace.switches:
        if switch.stage == name:
            device = trace.stages[name].device
            facts = {"before": switch.before, "after": device}
            writer.instant(parent, f"{switch.before} -> {device}", switch.at_s, facts)
    queue = writer.track("waiting", parent, counter=True, order=len(tracks))
    for at_s, waiting in _queue(trace, name):
        writer.count(queue, at_s, waiting)


def _write_frames(writer: _Writer, trace: Trace, parent: int, number: int) -> None:
    """Frames of one camera on as many rows as overlap; drops and losses are moments of their own."""
    by_camera: dict[str, list[TracedFrame]] = defaultdict(list)
    for frame in trace.frames:
        by_camera[frame.camera].append(frame)
    for place, camera in enumerate(trace.cameras):
        row = writer.track(camera, parent, order=place)
        lanes: list[tuple[int, float]] = []
        for frame in by_camera.get(camera, ()):
            if frame.end in {"dropped", "lost"}:
                at_s = frame.released_s if frame.ended_s is None else frame.ended_s
                writer.instant(row, f"{frame.end}: {frame.where}", at_s, {"frame": frame.number})
                continue
            end_s = trace.end_s if frame.ended_s is None else frame.ended_s
            lane = next((index for index, (_, busy_s) in enumerate(lanes) if busy_s <= frame.released_s), None)
            if lane is None:
                lane = len(lanes)
                lanes.append((writer.track(f"{camera} frames", row, order=lane), 0.0))
            track = lanes[lane][0]
            lanes[lane] = track, end_s
            facts = {"latency_ms": 1e3 * (end_s - frame.released_s), "end": frame.end}
            writer.span(
                track, f"#{frame.number}", frame.released_s, end_s, facts, [_flow(number, camera, frame.number)]
            )


def _queue(trace: Trace, stage: str) -> Iterator[tuple[float, int]]:
    """Items that wait for a stage, whenever their number changes."""
    steps: list[tuple[float, int]] = []
    for item in trace.passes:
        if item.stage == stage:
            for request in item.requests:
                steps += [(request.queued_s, request.items), (item.begun_s, -request.items)]
    waiting = 0
    for at_s, changes in itertools.groupby(sorted(steps), key=lambda step: step[0]):
        waiting += sum(change for _, change in changes)
        yield at_s, waiting
