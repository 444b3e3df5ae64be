"""Cameras: when frames are released, what is on them, which stages are due, and the pool that decodes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import part
from .draws import hashed, normal
from .frames import leave, trace_row
from .jobs import enter
from .queues import to_stages
from .state import DECODE_QUEUE, FRAME_DROPPED


@part
def next_release(s: Any, c: int) -> Any:
    """Time of the next release of camera ``c``: never before the one ahead of it."""
    run = s.run[0]
    number = s.camera[c].next
    last = s.camera[c].last
    if s.camera[c].poisson:
        word = hashed(run.seed_arrival, c, number)
        unit = (np.float64(word >> np.uint64(11)) + 0.5) * 2.0**-53
        return last - math.log(unit) * s.camera[c].period
    due = s.camera[c].phase + number * s.camera[c].period
    if s.camera[c].jitter > 0:
        due += s.camera[c].jitter * abs(normal(run.seed_arrival, c, number))
    return max(due, last)


@part
def sift(s: Any, size: int, at: int) -> None:
    """Move the release at ``at`` down to where the heap is in order."""
    t, c = s.heap[at].t, s.heap[at].c
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and s.heap[child + 1].t < s.heap[child].t:
            child += 1
        if s.heap[child].t >= t:
            break
        s.heap[at].t, s.heap[at].c = s.heap[child].t, s.heap[child].c
        at = child
    s.heap[at].t, s.heap[at].c = t, c


@part
def _update_scene(s: Any, c: int, now: float) -> None:
    """Bring what camera ``c`` sees up to ``now``: AR(1) normal numbers in steps, counts by their quantiles."""
    run = s.run[0]
    classes = run.classes
    step_s = run.step
    upto = s.camera[c].next if step_s == 0 else np.int64(now / step_s)
    if upto == s.camera[c].step:
        return
    keep = run.keep
    fresh = math.sqrt(1.0 - keep * keep)
    own = math.sqrt(1.0 - run.common)
    for k in range(classes + run.motion):
        z = s.scene[c, k].level
        for step in range(s.camera[c].step + 1, upto + 1):
            draw = normal(run.seed_object + 7919 * k, c, step)
            z = draw if step == 0 else keep * z + fresh * draw
        s.scene[c, k].level = z
        seen = z
        if run.common > 0:
            at = min(upto if step_s > 0 else np.int64(now * 5.0), s.common.shape[1] - 1)
            seen = own * z + math.sqrt(run.common) * s.common[k, at]
        if k == classes:
            s.camera[c].moves = 1 if seen < s.camera[c].motion else 0
            continue
        objects = 0
        for count in range(s.threshold.shape[1]):  # ascending: a sum has no branch to guess
            objects += seen > s.threshold[k, count]
        s.scene[c, k].count = objects
    s.camera[c].step = upto


@part
def _due(s: Any, c: int) -> Any:
    """Stages that run on the next frame of camera ``c``, as bits: those whose floor((n + stagger) / interval) rises.

    A stage on objects compares with the last frame of its parent, so it keeps its own rate where the parent is faster.
    """
    mask = 0
    number = s.camera[c].next + s.camera[c].stagger
    stages = s.camera[c].stages
    for i in range(s.stage.shape[0] - 2):
        parent = s.stage[i].parent
        if not (stages >> i) & 1 or (parent >= 0 and not (mask >> parent) & 1):
            continue
        here = np.int64(math.floor(number / s.call[c, i].interval + 1e-9))
        if here > s.call[c, i].bucket:
            mask |= 1 << i
        s.call[c, i].bucket = here
    return mask


@part
def queue_camera(s: Any, c: int) -> None:
    """Let camera ``c`` wait for a decode worker."""
    run = s.run[0]
    at = run.ready_head + run.ready
    s.ready[at if at < s.ready.shape[0] else at - s.ready.shape[0]] = c
    run.ready += 1


@part
def start_decode(s: Any) -> None:
    """Give free decode workers the cameras that wait, first come first served, one frame each."""
    run = s.run[0]
    while run.free_workers > 0 and run.ready > 0:
        c = s.ready[run.ready_head]
        run.ready_head = run.ready_head + 1 if run.ready_head + 1 < s.ready.shape[0] else 0
        run.ready -= 1
        run.free_workers -= 1
        slot = s.decode_queue[c, s.camera[c].head]
        s.camera[c].head = (s.camera[c].head + 1) & (DECODE_QUEUE - 1)
        s.camera[c].waiting -= 1
        s.camera[c].busy = 1
        if run.now >= run.warm:
            run.wait_decode += run.now - s.slot[slot].t
            run.decodes += 1
        work = s.camera[c].decode
        number = s.slot[slot].number
        if s.camera[c].keys > 0 and number % s.camera[c].keys == s.camera[c].key_first:
            work = s.camera[c].key
        if s.camera[c].sigma > 0:
            work *= math.exp(s.camera[c].sigma * normal(run.seed_service, c, number))
        if s.camera[c].engine > 0:
            enter(s, s.camera[c].engine_kind, s.camera[c].engine, work, slot, 1, run.now)
        else:
            enter(s, s.camera[c].kind, work, 0.0, slot, 1, run.now)


@part
def release_frame(s: Any, c: int) -> None:
    """A frame of camera ``c`` comes into being: into its decode queue, straight to the stages, or lost."""
    run = s.run[0]
    now = run.now
    _update_scene(s, c, now)
    due = _due(s, c)
    number = s.camera[c].next
    s.camera[c].next += 1
    s.camera[c].last = now
    run.released += 1
    measured = now >= run.warm
    s.camera[c].released += measured
    if s.camera[c].waiting == DECODE_QUEUE:
        run.dropped += 1
        s.camera[c].dropped += measured
        if s.event.shape[0] > 0:
            trace_row(s, FRAME_DROPPED, -1, c, number, -1, 0, now)
        return
    if run.free_slots > 0:
        run.free_slots -= 1
        slot = s.slot[run.free_slots].spare
    else:
        slot = run.slots
        run.slots += 1
    stages = s.stage.shape[0] - 2
    for i in range(stages):
        if (due >> i) & 1 and s.stage[i].motion and not s.camera[c].moves:
            due &= ~(1 << i)
    s.slot[slot].t = now
    s.slot[slot].camera, s.slot[slot].number, s.slot[slot].due = c, number, due
    s.slot[slot].pending, s.slot[slot].dropped = 1, 0
    if due != 0:
        for k in range(run.classes):
            s.seen[slot, k] = s.scene[c, k].count
    run.system += 1
    if s.camera[c].decode == 0:
        if s.camera[c].after > 0:
            enter(s, s.camera[c].after_kind, s.camera[c].after, 0.0, slot, 1, now)
            return
        to_stages(s, slot, -1, 1)
        leave(s, slot)
        return
    s.decode_queue[c, (s.camera[c].head + s.camera[c].waiting) & (DECODE_QUEUE - 1)] = slot
    s.camera[c].waiting += 1
    if s.camera[c].waiting == 1 and not s.camera[c].busy:
        queue_camera(s, c)


@part
def prepare(s: Any) -> Any:
    """Draw what all cameras have in common and the first release of each; return the heap's size."""
    run = s.run[0]
    keep = run.keep
    for k in range(s.common.shape[0]):
        z = 0.0
        for step in range(s.common.shape[1]):
            draw = normal(run.seed_object + 7919 * k, -1, step)
            z = draw if step == 0 else keep * z + math.sqrt(1.0 - keep * keep) * draw
            s.common[k, step] = z
    size = 0
    for c in range(s.camera.shape[0]):
        first = next_release(s, c)
        if first < run.end:
            s.heap[size].t, s.heap[size].c = first, c
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        sift(s, size, at)
    return size
