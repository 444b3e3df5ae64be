"""Frames in the system: where a visit ends, where one is dropped, and the trace that tells of it."""

from __future__ import annotations

from typing import Any

from .compiled import part
from .state import FRAME_DONE, FRAME_DROPPED


@part
def trace_row(s: Any, kind: int, stage: int, c: int, number: int, ref: int, items: int, begin: float) -> None:
    """Write one row of the trace that ends now; rows for which there is no room are counted."""
    run = s.run[0]
    at = run.events
    run.events += 1
    if at >= s.event.shape[0]:
        return
    s.event[at].kind, s.event[at].stage, s.event[at].camera, s.event[at].number = kind, stage, c, number
    s.event[at].ref, s.event[at].items, s.event[at].begin, s.event[at].end = ref, items, begin, run.now


@part
def drop(s: Any, slot: int, i: int) -> None:
    """Count the frame as dropped by stage ``i``, once; work that it still has elsewhere goes on."""
    run = s.run[0]
    if s.slot[slot].dropped:
        return
    s.slot[slot].dropped = 1
    run.dropped += 1
    run.system -= 1
    if s.slot[slot].t >= run.warm:
        s.camera[s.slot[slot].camera].dropped += 1
    if s.event.shape[0] > 0:
        trace_row(s, FRAME_DROPPED, i, s.slot[slot].camera, s.slot[slot].number, -1, 0, s.slot[slot].t)


@part
def leave(s: Any, slot: int) -> None:
    """End one visit of the frame; with the last one it is done (or was dropped) and its slot is free."""
    run = s.run[0]
    s.slot[slot].pending -= 1
    if s.slot[slot].pending > 0:
        return
    s.slot[run.free_slots].spare = slot
    run.free_slots += 1
    if s.slot[slot].dropped:
        return
    now = run.now
    c = s.slot[slot].camera
    run.done += 1
    run.system -= 1
    if now >= run.warm:
        s.camera[c].done += 1
        s.camera[c].gap = max(s.camera[c].gap, now - s.camera[c].last_done)
        s.camera[c].last_done = now
    if s.slot[slot].t >= run.warm:
        s.sample[run.samples].latency = now - s.slot[slot].t
        s.sample[run.samples].camera = c
        run.samples += 1
    if s.event.shape[0] > 0:
        trace_row(s, FRAME_DONE, -1, c, s.slot[slot].number, -1, 0, s.slot[slot].t)
