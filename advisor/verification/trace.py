"""What happened to each request of a real run, from the rows that its child reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from advisor.records.config import RunConfig
from advisor.records.scenario import Scenario
from advisor.records.trace import FrameEnd, Trace, TracedDecode, TracedFrame, TracedPass, TracedRequest, TracedStage

from .observation import Observation
from .running import DONE, DROPPED, LOST, OPEN, FrameLog

WINDOW_S = 2.0
"""Length of the window that every run traces, in its middle, for the picture on its page [s]."""
AROUND_S = 1.0
"""Traced on either side of it: a frame is decoded, and batched, before its pass ends [s]."""

_ENDS: dict[int, FrameEnd] = {OPEN: "open", DONE: "done", DROPPED: "dropped", LOST: "lost"}


def window_s(warmup_s: float, duration_s: float) -> tuple[float, float]:
    """Begin and end of the window that the page shows."""
    middle_s = warmup_s + duration_s / 2
    return max(middle_s - WINDOW_S / 2, warmup_s), min(middle_s + WINDOW_S / 2, warmup_s + duration_s)


def traced_s(warmup_s: float, duration_s: float, *, whole: bool) -> tuple[float, float]:
    """Between which times of the run its child names the frames of what it did; ``whole``: all through."""
    if whole:
        return 0.0, warmup_s + duration_s
    begin_s, end_s = window_s(warmup_s, duration_s)
    return begin_s - AROUND_S, end_s + AROUND_S


def trace_of(
    scenario: Scenario, seen: Observation, configs: Mapping[str, RunConfig], between_s: tuple[float, float]
) -> Trace:
    """Gather the trace of a run between two times; it ends earlier where the run did, or its rows became too many."""
    seen.close()
    names = {feed.index: feed.name for feed in seen.feeds}
    decodes = [
        TracedDecode(names[feed], number, int(worker), begun_s, ended_s)
        for feed, worker, begun_s, ended_s, number in seen.traced_decodes
    ]
    passes = [
        TracedPass(
            stage, slot, started_s, begun_s, ended_s, inputs,
            tuple(TracedRequest(names[feed], number, items, queued_s) for feed, number, items, queued_s in requests),
        )
        for stage, slot, _, started_s, _, begun_s, ended_s, inputs, requests in seen.traced_passes
    ]  # fmt: skip
    end_s = min(between_s[1], seen.end_s, seen.traced_until_s)
    frames = [
        frame
        for feed, log in sorted(seen.frames.items())
        for frame in _frames(names[feed], log, feed, seen.traced_drops)
    ]
    whole = Trace(
        scenario=scenario.scenario,
        source="measured",
        begin_s=between_s[0],
        end_s=end_s,
        stages={
            stage.id: TracedStage(
                configs[stage.id].batch, stage.batch.timeout_ms / 1e3,
                seen.effective[stage.id].device if stage.id in seen.effective else configs[stage.id].device,
            )
            for stage in scenario.stages
        },
        cameras=tuple(names.values()),
        frames=frames,
        decodes=decodes,
        passes=passes,
    )  # fmt: skip
    return whole.between(between_s[0], end_s)


def _frames(camera: str, log: FrameLog, feed: int, places: Mapping[tuple[int, int], str]) -> Iterator[TracedFrame]:
    """Traced frames of one camera."""
    for number, released_s, ended_s, kind in log.traced.rows().tolist():
        end = _ENDS[int(kind)]
        ended = None if end == "open" else ended_s
        yield TracedFrame(camera, int(number), released_s, ended, end, places.get((feed, int(number)), ""))
