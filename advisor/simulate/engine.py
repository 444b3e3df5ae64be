"""The compiled event loop: cameras, decode pool, stage queues and jobs that share the cores.

Everything lives in a few preallocated arrays of records (state.py). A *slot* holds a frame that is in the system, a
*node* an entry of a stage's queue (or of a batch in service), a *job* something that uses cores: one frame in decode or
in the application's own work, one batch in pre-processing or inference. Jobs of one *kind* (stage and batch size) run
at one speed; each kind has a clock of work done since it was last idle and a heap of the readings at which its jobs
end. The work per event is bounded by active kinds plus stages, never by cameras or jobs, so the cost of a run grows
with its frames.

The parts that are woven into the loop stand in the other modules of ``machine_code.PARTS``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .cameras import next_release, prepare, queue_camera, release_frame, sift, start_decode
from .compiled import part, whole
from .frames import leave, trace_row
from .jobs import advance, end_waiting, enter, next_end, take_off
from .queues import end_holding, end_stage, hand_over, start_stage, to_stages
from .speeds import drift_step, set_rates
from .state import DECODED, PREPARED

BOUNDARY, DRIFT, DEVICE_READY, RELEASE, BATCH_TIMEOUT, JOB_END = range(6)
"""Kinds of event: a boundary of the measured window or of its halves, a step of the machine's drift, a device that is
ready, a frame released, a batch that has waited long enough, a job with no work left."""


@part
def _end_job(s: Any, a: int) -> None:
    """The first job of the ``a``-th active kind has no work left: on to its inference, or done."""
    run = s.run[0]
    q = s.active[a].kind
    i, job = s.kind[q].stage, s.kind[q].first
    ref, items, start, later = s.job[job].ref, s.job[job].items, s.job[job].start, s.job[job].later
    take_off(s, a)
    stages = s.stage.shape[0] - 2
    if later > 0:
        if i < stages and s.event.shape[0] > 0:
            trace_row(s, PREPARED, i, -1, -1, ref, items, start)
        following = q + items if i < stages else s.camera[s.slot[ref].camera].kind
        enter(s, following, later, 0.0, ref, items, start)
        return
    if i < stages:
        end_stage(s, i, q, ref, items, start)
        return
    c = s.slot[ref].camera
    if i > stages:
        run.free_workers += 1
        s.camera[c].busy = 0
        if s.event.shape[0] > 0:
            trace_row(s, DECODED, -1, c, s.slot[ref].number, -1, 1, start)
        if s.camera[c].waiting > 0:
            queue_camera(s, c)
        if s.camera[c].after > 0:
            enter(s, s.camera[c].after_kind, s.camera[c].after, 0.0, ref, 1, run.now)
            return
    to_stages(s, ref, -1, 1)
    leave(s, ref)


@whole
def run_loop(s: Any) -> None:  # noqa: C901, PLR0912, PLR0915 - one loop over all kinds of event
    """Process the events in order until ``run.end``.

    At the same moment a device is ready before a job ends, before a batch times out, before a frame is released,
    before the machine drifts.
    """
    run = s.run[0]
    size = prepare(s)
    run.slower = 1.0
    next_drift = np.inf if run.drift == 0 else 0.0
    next_ready = hand_over(s)
    stages = s.stage.shape[0] - 2
    boundaries = (run.warm, run.mid, run.end)
    boundary = 0
    while True:
        now = run.now
        until, event, subject = boundaries[boundary], BOUNDARY, -1
        if next_drift < until:
            until, event = next_drift, DRIFT
        if size > 0 and s.heap[0].t < until:
            until, event = s.heap[0].t, RELEASE
        for i in range(stages if run.timed else 0):
            if s.stage[i].timeout > 0 and s.stage[i].free > 0 and s.stage[i].items > 0:
                timer = s.node[s.stage[i].head].t + s.stage[i].timeout
                if s.stage[i].collects:
                    timer = s.stage[i].strike if s.stage[i].flying == 0 else np.inf
                if timer <= until:
                    until, event, subject = timer, BATCH_TIMEOUT, i
        shortest, ending = next_end(s)
        if ending >= 0 and now + shortest <= until:
            until, event, subject = max(now, now + shortest), JOB_END, ending
        if next_ready <= until:
            until, event = next_ready, DEVICE_READY
        advance(s, until - now)
        run.now = until
        if event == JOB_END:
            _end_job(s, subject)
        elif event == BOUNDARY:
            boundary += 1
            if boundary == len(boundaries):
                break
        elif event == DEVICE_READY:
            next_ready = hand_over(s)
        elif event == DRIFT:
            drift_step(s)
            next_drift = run.drift_steps * run.drift_step
        elif event == RELEASE:
            c = s.heap[0].c
            release_frame(s, c)
            following = next_release(s, c)
            if following < run.end:
                s.heap[0].t = following
            else:
                size -= 1
                s.heap[0].t, s.heap[0].c = s.heap[size].t, s.heap[size].c
            sift(s, size, 0)
        else:  # BATCH_TIMEOUT: the stage starts what it has
            run.touched |= 1 << subject
        touched = run.touched
        run.touched = 0
        for i in range(stages if touched else 0):
            if (touched >> i) & 1:
                start_stage(s, i)
        start_decode(s)
        if run.changed:
            for p in range(run.core_pools if run.stacking > 0 else 0):
                end_waiting(s, p)
            set_rates(s)
            run.changed = 0
    end_holding(s)
    for slot in range(run.slots):
        if s.slot[slot].pending > 0 and not s.slot[slot].dropped:
            run.oldest = max(run.oldest, run.now - s.slot[slot].t)
