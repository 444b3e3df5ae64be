"""The compiled event loop: cameras, decode pool, stage queues and jobs that share the cores.

Everything lives in a few preallocated arrays of records (state.py). A *slot* holds a frame that is in the system, a
*node* an entry of a stage's queue (or of a batch in service), a *job* something that uses cores: one frame in decode or
in the application's own work, one batch in pre-processing or inference. Jobs of one *kind* (stage and batch size) run
at one speed; each kind has a clock of work done since it was last idle and a heap of the readings at which its jobs
end. The work per event is bounded by active kinds plus stages, never by cameras or jobs, so the cost of a run grows
with its frames.

All compiled code stands in this one file because numba's cache looks at no other file for changes.

Random numbers are a hash of (seed of the dimension, camera, frame, ...), not a sequence: the same frame shows the same
objects in every candidate, whatever happened before it (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from .state import DECODE_QUEUE, DECODED, FRAME_DONE, FRAME_DROPPED, MEMBER, PASSED, PREPARED

_NORMAL_BITS = 12

BOUNDARY, DRIFT, RELEASE, BATCH_TIMEOUT, JOB_END = range(5)
"""Kinds of event: a boundary of the measured window or of its halves, a step of the machine's drift, a frame released,
a batch that has waited long enough, a job with no work left."""


_Function = TypeVar("_Function", bound=Callable[..., Any])
# Reference counting is off: nothing is allocated in the loop, and its atomic operations cost 15 times the loop itself.
_OPTIONS = {"_nrt": False, "error_model": "numpy"}


def _part(function: _Function) -> _Function:
    """Compile as a part of the loop, which alone Python calls: no wrappers, nothing on disk."""
    return cast(_Function, njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS)(function))


def _kept(function: _Function) -> _Function:
    """Compile on first call and keep the code on disk: beside this file, else in the user's cache folder.

    Where neither can be written, every process compiles anew. Runs touch nothing but their own arrays, so that several
    may go on at once: the interpreter's lock is let go.
    """
    try:
        return cast(_Function, njit(cache=True, nogil=True, **_OPTIONS)(function))
    except RuntimeError:  # numba: "no locator available"
        return cast(_Function, njit(nogil=True, **_OPTIONS)(function))


def _normal_table() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standard normal quantiles at the middles of 4096 equal parts, scaled to unit variance."""
    from statistics import NormalDist

    count = 1 << _NORMAL_BITS
    quantile = NormalDist().inv_cdf
    half = np.array([quantile((i + 0.5) / count) for i in range(count // 2)])
    table = np.concatenate((half, -half[::-1]))
    return table / float(np.sqrt(np.mean(table**2)))


NORMAL = _normal_table()


@_part
def _hash(seed: int, a: int, b: int) -> Any:
    """Mix three numbers into 64 bits (finaliser of splitmix64: Steele et al. 2014, doi 10.1145/2660193.2660195)."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(a) * np.uint64(0xD1B54A32D192ED03)
    x = (x ^ (x >> np.uint64(32))) * np.uint64(0xABC98388FB8FAC03) + np.uint64(b) * np.uint64(0x8CB92BA72F3D8DD7)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@_part
def _normal(seed: int, a: int, b: int) -> Any:
    """Draw a standard normal number."""
    return NORMAL[np.int64(_hash(seed, a, b) >> np.uint64(64 - _NORMAL_BITS))]


@_part
def _sift(s: Any, size: int, at: int) -> None:
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


@_part
def _next_release(s: Any, c: int) -> Any:
    """Time of the next release of camera ``c``: never before the one ahead of it."""
    run = s.run[0]
    number = s.camera[c].next
    last = s.camera[c].last
    if s.camera[c].poisson:
        word = _hash(run.seed_arrival, c, number)
        unit = (np.float64(word >> np.uint64(11)) + 0.5) * 2.0**-53
        return last - math.log(unit) * s.camera[c].period
    due = s.camera[c].phase + number * s.camera[c].period
    if s.camera[c].jitter > 0:
        due += s.camera[c].jitter * abs(_normal(run.seed_arrival, c, number))
    return max(due, last)


@_part
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
            draw = _normal(run.seed_object + 7919 * k, c, step)
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
        while seen > s.threshold[k, objects]:  # the last threshold is infinite
            objects += 1
        s.scene[c, k].count = objects
    s.camera[c].step = upto


@_part
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


@_part
def _trace(s: Any, kind: int, stage: int, c: int, number: int, ref: int, items: int, begin: float) -> None:
    """Write one row of the trace that ends now; rows for which there is no room are counted."""
    run = s.run[0]
    at = run.events
    run.events += 1
    if at >= s.event.shape[0]:
        return
    s.event[at].kind, s.event[at].stage, s.event[at].camera, s.event[at].number = kind, stage, c, number
    s.event[at].ref, s.event[at].items, s.event[at].begin, s.event[at].end = ref, items, begin, run.now


@_part
def _drop(s: Any, slot: int, i: int) -> None:
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
        _trace(s, FRAME_DROPPED, i, s.slot[slot].camera, s.slot[slot].number, -1, 0, s.slot[slot].t)


@_part
def _leave(s: Any, slot: int) -> None:
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
        _trace(s, FRAME_DONE, -1, c, s.slot[slot].number, -1, 0, s.slot[slot].t)


@_part
def _new_node(s: Any, slot: int, items: int, t: float) -> Any:
    run = s.run[0]
    if run.free_nodes > 0:
        run.free_nodes -= 1
        node = s.node[run.free_nodes].spare
    else:
        node = run.nodes
        run.nodes += 1
    s.node[node].next = -1
    s.node[node].slot = slot
    s.node[node].items = items
    s.node[node].t = t
    return node


@_part
def _free_node(s: Any, node: int) -> None:
    run = s.run[0]
    s.node[run.free_nodes].spare = node
    run.free_nodes += 1


@_part
def _pop(s: Any, i: int) -> Any:
    """Take the first entry off the queue of stage ``i``."""
    node = s.stage[i].head
    s.stage[i].head = s.node[node].next
    s.node[node].next = -1
    s.stage[i].frames -= 1
    return node


@_part
def _arrive(s: Any, slot: int, i: int, items: int) -> None:
    """Put the frame, with so many items, into the queue of stage ``i`` under its drop policy."""
    run = s.run[0]
    if s.stage[i].parent < 0 and s.stage[i].frames >= s.stage[i].limit:
        s.stage[i].drops += run.now >= run.warm
        if not s.stage[i].oldest:
            _drop(s, slot, i)
            return
        lost = _pop(s, i)
        s.stage[i].items -= s.node[lost].items
        _drop(s, s.node[lost].slot, i)
        _leave(s, s.node[lost].slot)
        _free_node(s, lost)
    node = _new_node(s, slot, items, run.now)
    if s.stage[i].frames == 0:
        s.stage[i].head = node
    else:
        s.node[s.stage[i].tail].next = node
    s.stage[i].tail = node
    s.stage[i].frames += 1
    s.stage[i].items += items
    s.slot[slot].pending += 1
    s.left[slot, i] = items
    run.touched |= 1 << i


@_part
def _to_stages(s: Any, slot: int, parent: int, items: int) -> None:
    """Hand the frame to the due children of ``parent`` (-1: the frame itself to the stages on frames)."""
    due = s.slot[slot].due
    for i in range(parent + 1, s.stage.shape[0] - 2):
        if (due >> i) & 1 and s.stage[i].parent == parent:
            _arrive(s, slot, i, items)


@_part
def _enter(s: Any, q: int, work_s: float, later_s: float, ref: int, items: int, start: float) -> None:
    """Put a job of kind ``q`` on the cores for ``work_s``, to be followed by an inference of ``later_s``."""
    run = s.run[0]
    first, at = s.kind[q].first, s.kind[q].count
    if at == 0:
        s.kind[q].clock = 0.0
        s.kind[q].place = run.active
        s.active[run.active] = q
        run.active += 1
    s.kind[q].count += 1
    s.pool[s.kind[q].pool].threads += s.kind[q].width
    end = s.kind[q].clock + work_s
    while at > 0 and s.job[first + (at - 1) // 2].end > end:
        _move_job(s, first + (at - 1) // 2, first + at)
        at = (at - 1) // 2
    s.job[first + at].end, s.job[first + at].start, s.job[first + at].later = end, start, later_s
    s.job[first + at].ref, s.job[first + at].items = ref, items


@_part
def _move_job(s: Any, source: int, target: int) -> None:
    s.job[target].end, s.job[target].start, s.job[target].later = (
        s.job[source].end,
        s.job[source].start,
        s.job[source].later,
    )
    s.job[target].ref, s.job[target].items = s.job[source].ref, s.job[source].items


@_part
def _take_off(s: Any, q: int) -> None:
    """Take the job of kind ``q`` that ends first off the cores."""
    run = s.run[0]
    first = s.kind[q].first
    size = s.kind[q].count - 1
    s.kind[q].count = size
    s.pool[s.kind[q].pool].threads -= s.kind[q].width
    if size == 0:
        run.active -= 1
        moved = s.active[run.active]
        s.active[s.kind[q].place] = moved
        s.kind[moved].place = s.kind[q].place
        return
    at, end = 0, s.job[first + size].end
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and s.job[first + child + 1].end < s.job[first + child].end:
            child += 1
        if s.job[first + child].end >= end:
            break
        _move_job(s, first + child, first + at)
        at = child
    _move_job(s, first + size, first + at)


@_part
def _start_decode(s: Any) -> None:
    """Give free decode workers the cameras that wait, first come first served, one frame each."""
    run = s.run[0]
    while run.free_workers > 0 and run.ready > 0:
        c = s.ready[run.ready_head]
        run.ready_head = (run.ready_head + 1) % s.ready.shape[0]
        run.ready -= 1
        run.free_workers -= 1
        slot = s.decode_queue[c, s.camera[c].head]
        s.camera[c].head = (s.camera[c].head + 1) % DECODE_QUEUE
        s.camera[c].waiting -= 1
        s.camera[c].busy = 1
        if run.now >= run.warm:
            run.wait_decode += run.now - s.slot[slot].t
            run.decodes += 1
        work = s.camera[c].decode
        number = s.slot[slot].number
        # Cameras began at different times: their key frames do not fall together.
        if s.camera[c].keys > 0 and (number + 7 * c) % s.camera[c].keys == 0:
            work = s.camera[c].key
        if s.camera[c].sigma > 0:
            work *= math.exp(s.camera[c].sigma * _normal(run.seed_service, c, number))
        if s.camera[c].engine > 0:
            _enter(s, s.camera[c].engine_kind, s.camera[c].engine, work, slot, 1, run.now)
        else:
            _enter(s, s.camera[c].kind, work, 0.0, slot, 1, run.now)


@_part
def _next_batch(s: Any, i: int, largest: int) -> Any:
    """Take the requests of the next batch of stage ``i`` off its queue; return the first, the rest linked, and items.

    A request is a whole frame, or as many objects of one frame as a batch holds, and its rest; one object where the
    runtime collects. Whole frames that wait share a batch in any case, objects of different frames only with a
    time-out.
    """
    run = s.run[0]
    mixes = s.stage[i].timeout > 0 or s.stage[i].parent < 0
    first, last, items = -1, -1, 0
    while items < largest and s.stage[i].frames > 0:
        head = s.stage[i].head
        take = min(largest, s.node[head].items)
        if s.stage[i].collects:
            take = min(take, largest - items)
        if take > largest - items:  # requests are not cut: the batch holds what fits behind each other
            break
        if take == s.node[head].items:
            part = _pop(s, i)
        else:
            part = _new_node(s, s.node[head].slot, take, s.node[head].t)
            s.node[head].items -= take
        if run.now >= run.warm:
            s.stage[i].wait += take * (run.now - s.node[part].t)
            s.stage[i].started += take
        if first < 0:
            first = part
        else:
            s.node[last].next = part
        last = part
        items += take
        if s.event.shape[0] > 0:
            slot = s.node[part].slot
            _trace(s, MEMBER, i, s.slot[slot].camera, s.slot[slot].number, first, take, s.node[part].t)
        if not mixes:
            break
    s.stage[i].items -= items
    return first, items


@_part
def _most_items(s: Any, i: int) -> Any:
    """Items that the next pass of stage ``i`` may take; 0: it has to wait.

    Where the runtime collects, see ``SimStage.collected``; its clock is brought up to the oldest request here.
    """
    now, timeout = s.run[0].now, s.stage[i].timeout
    oldest = s.node[s.stage[i].head].t
    if not s.stage[i].collects:
        waits = timeout > 0 and s.stage[i].items < s.stage[i].batch and now < oldest + timeout
        return 0 if waits else s.stage[i].batch
    if s.stage[i].flush == 0:
        if s.stage[i].flying > 0:
            return 0
        if s.stage[i].items >= s.stage[i].batch:
            s.stage[i].strike = now + timeout
            return s.stage[i].batch
        if s.stage[i].strike < oldest:
            s.stage[i].strike += timeout * math.ceil((oldest - s.stage[i].strike) / timeout)
        if now < s.stage[i].strike:
            return 0
        s.stage[i].flush = s.stage[i].items
    s.stage[i].flush -= 1
    s.stage[i].flying += 1
    return 1


@_part
def _start_stage(s: Any, i: int) -> None:
    """Start batches of stage ``i`` while a stream is free and a batch may start."""
    run = s.run[0]
    now = run.now
    while s.stage[i].free > 0 and s.stage[i].items > 0:
        largest = _most_items(s, i)
        if largest == 0:
            return
        first, items = _next_batch(s, i, largest)
        work = s.table[i, items].service
        if s.stage[i].cold > 0:
            if s.stage[i].free == s.stage[i].streams:
                s.stage[i].gap, s.stage[i].begun = now - s.stage[i].last, 0
            # Each stream has a core and caches of its own, which warm up with its first pass after the pause.
            if s.stage[i].begun < s.stage[i].streams:
                settle = s.stage[i].settle
                work += s.stage[i].cold * (1.0 - math.exp(-s.stage[i].gap / settle) if settle > 0 else 1.0)
            s.stage[i].begun += 1
        s.stage[i].free -= 1
        if s.stage[i].sigma > 0:
            slot = s.node[first].slot
            frame = s.slot[slot].number * 1009 + s.left[slot, i]
            work *= math.exp(
                s.stage[i].sigma * _normal(run.seed_service + 104729 * (i + 1), s.slot[slot].camera, frame)
            )
        if s.stage[i].pre > 0:
            _enter(s, s.table[i, 0].kind, s.stage[i].pre * items, work, first, items, now)
        else:
            _enter(s, s.table[i, items].kind, work, 0.0, first, items, now)


@_part
def _end_stage(s: Any, i: int, node: int, items: int, start: float) -> None:
    """A batch is finished: frames whose last item at this stage it held go on to its children, or are done."""
    run = s.run[0]
    s.stage[i].free += 1
    s.stage[i].last = run.now
    run.touched |= 1 << i
    if s.stage[i].flying > 0:
        s.stage[i].flying -= 1
        if s.stage[i].flying == 0 and s.stage[i].flush == 0:
            s.stage[i].strike = run.now + s.stage[i].timeout
    if run.now >= run.warm:
        s.stage[i].calls += 1
        s.stage[i].served += items
        s.stage[i].service += run.now - start
    if s.event.shape[0] > 0:
        _trace(s, PASSED, i, -1, -1, node, items, start)
    while node >= 0:
        slot = s.node[node].slot
        s.left[slot, i] -= s.node[node].items
        if s.left[slot, i] == 0:
            finds = s.stage[i].finds
            if finds >= 0:
                objects = s.seen[slot, finds]
                if objects > 0:
                    _to_stages(s, slot, i, objects)
            _leave(s, slot)
        following = s.node[node].next
        _free_node(s, node)
        node = following


@_part
def _end_job(s: Any, q: int) -> None:
    """The first job of kind ``q`` has no work left: on to its inference, or done."""
    run = s.run[0]
    i, job = s.kind[q].stage, s.kind[q].first
    ref, items, start, later = s.job[job].ref, s.job[job].items, s.job[job].start, s.job[job].later
    _take_off(s, q)
    stages = s.stage.shape[0] - 2
    if later > 0:
        if i < stages and s.event.shape[0] > 0:
            _trace(s, PREPARED, i, -1, -1, ref, items, start)
        following = s.table[i, items].kind if i < stages else s.camera[s.slot[ref].camera].kind
        _enter(s, following, later, 0.0, ref, items, start)
        return
    if i < stages:
        _end_stage(s, i, ref, items, start)
        return
    c = s.slot[ref].camera
    if i > stages:
        run.free_workers += 1
        s.camera[c].busy = 0
        if s.event.shape[0] > 0:
            _trace(s, DECODED, -1, c, s.slot[ref].number, -1, 1, start)
        if s.camera[c].waiting > 0:
            _queue_camera(s, c)
        if s.camera[c].after > 0:
            _enter(s, s.camera[c].after_kind, s.camera[c].after, 0.0, ref, 1, run.now)
            return
    _to_stages(s, ref, -1, 1)
    _leave(s, ref)


@_part
def _queue_camera(s: Any, c: int) -> None:
    run = s.run[0]
    s.ready[(run.ready_head + run.ready) % s.ready.shape[0]] = c
    run.ready += 1


@_part
def _release(s: Any, c: int) -> None:
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
            _trace(s, FRAME_DROPPED, -1, c, number, -1, 0, now)
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
            _enter(s, s.camera[c].after_kind, s.camera[c].after, 0.0, slot, 1, now)
            return
        _to_stages(s, slot, -1, 1)
        _leave(s, slot)
        return
    s.decode_queue[c, (s.camera[c].head + s.camera[c].waiting) % DECODE_QUEUE] = slot
    s.camera[c].waiting += 1
    if s.camera[c].waiting == 1 and not s.camera[c].busy:
        _queue_camera(s, c)


@_part
def _gang_rate(threads: float, cores: float, gang: float) -> Any:
    """Speed of a job whose threads wait for each other, with more runnable threads than cores (see _set_rates)."""
    level = math.floor(threads / cores)
    if level == 1:
        # Its own threads are taken to be on different cores, where a scheduler puts those that wake together.
        over, spared = threads - cores, 1.0
        for i in range(int(gang)):
            spared *= max(0.0, cores - over - i) / max(cores - i, 1e-9)
        return 1.0 - 0.5 * (1.0 - spared)
    crowded = (threads - level * cores) * (level + 1) / threads
    hit = 1.0 - (1.0 - crowded) ** gang
    return (1.0 - hit) / level + hit / (level + 1)


@_part
def _occupied(threads: float, cores: float, ganged: float, gang: float) -> Any:
    """Share of a core that one thread of a job takes, with more runnable threads than cores: those that wait spin."""
    if threads >= 2.0 * cores or ganged == 0.0:
        return cores / threads
    # Gangs come first; single jobs take the cores that are left, and what is too much of them any core.
    too_many = max(0.0, ganged - cores)
    singles = threads - cores - too_many
    crowded = singles * min(ganged, cores) / cores + 2.0 * too_many
    of_gang = 1.0 - 0.5 * crowded / ganged
    return of_gang if gang > 1.0 else (cores - ganged * of_gang) / (threads - ganged)


@_part
def _drift(s: Any) -> None:
    """Draw the machine's speed for the next step: AR(1) normal numbers, times log-normal around their median."""
    run = s.run[0]
    draw = _normal(run.seed_service, -1, run.drift_steps)
    keep = 0.0 if run.drift_steps == 0 else run.drift_keep
    run.drift_level = keep * run.drift_level + math.sqrt(1.0 - keep * keep) * draw
    run.slower = math.exp(run.drift * run.drift_level)
    run.drift_steps += 1


@_part
def _risen(s: Any, row: int, share: float) -> Any:
    """Share of the full lengthening with a share of the other cores busy, between the points of its shape."""
    steps = s.rise.shape[1] - 1
    at = min(share, 1.0) * steps
    low = min(np.int64(at), steps - 1)
    return s.rise[row, low] + (at - low) * (s.rise[row, low + 1] - s.rise[row, low])


@_part
def _set_rates(s: Any) -> None:
    r"""Set the speed of every job from what runs at the same time.

    Notes
    -----
    Every rate is divided by how much slower than usual the machine is at the moment (``_drift``).

    Processor sharing: :math:`r_p = \min(1, C_p / T_p)` in a pool of :math:`C_p` cores, :math:`T_p` threads
    runnable.

    Gangs: the n threads of one pass synchronise at each layer (a gang), so the pass goes as fast as its worst
    placed thread. With :math:`e = T - C < C` threads too many, e of the cores have two; the n are on different
    cores, all of them spared with probability :math:`s = \prod_{i<n} (C-e-i)/(C-i)`, so that :math:`r = (1 + s)/2`.
    Its threads take their share of a core (half of it where two share it), working or spinning, and other jobs what
    is left (``_occupied``). From T = 2C on, with :math:`l = \lfloor T/C \rfloor` and :math:`e = T - lC`, a share
    :math:`q = e(l+1)/T` of the threads is on cores with l+1 of them, and :math:`r = (1-q)^n / l + (1 - (1-q)^n) /
    (l+1)`.

    Contention: divided by :math:`1 + \kappa_j w_j(\min(1, (I - n_j) / (C - n_j)))` with the threads :math:`I` of all
    passes that run, or of all jobs, and a shape :math:`w_j` from 0 to 1.

    Bandwidth: with the demand :math:`d_j` and memory share :math:`m_j` of each job, all memory shares are stretched
    by the one :math:`\sigma \ge 1` for which :math:`\sum_j d_j r_j / (1 - m_j + m_j \sigma) = B`; the sum is convex
    and falling in it, so that Newton's steps from 1 approach the solution from below.
    """
    run = s.run[0]
    crowded = run.contended > 0
    for p in range(s.pool.shape[0]):
        threads = s.pool[p].threads
        s.pool[p].share = min(1.0, s.pool[p].cores / threads) if threads > 0 else 1.0
        s.pool[p].ganged = 0.0
        crowded = crowded or threads > s.pool[p].cores
    crowding, demand = 0.0, 0.0
    if crowded:
        for a in range(run.active):
            q = s.active[a]
            crowding += s.kind[q].crowds * s.kind[q].count
            if s.kind[q].gang > 1.0:
                s.pool[s.kind[q].pool].ganged += s.kind[q].width * s.kind[q].count
    for a in range(run.active):
        q = s.active[a]
        p = s.kind[q].pool
        rate = s.pool[p].share
        if rate < 1.0 and s.pool[p].ganged > 0.0:
            rate = _occupied(s.pool[p].threads, s.pool[p].cores, s.pool[p].ganged, s.kind[q].gang)
        s.kind[q].pace = rate
        if rate < 1.0 and s.kind[q].gang > 1.0:
            rate = _gang_rate(s.pool[p].threads, s.pool[p].cores, s.kind[q].gang)
        if s.kind[q].crowding > 0 and crowding > s.kind[q].crowds:
            others = (crowding - s.kind[q].crowds) / max(run.cores - s.kind[q].crowds, 1e-9)
            rate /= 1.0 + s.kind[q].crowding * _risen(s, s.kind[q].rise, others)
        rate /= run.slower
        s.kind[q].rate = rate
        demand += rate * s.kind[q].traffic * s.kind[q].count
    run.flow = min(demand, run.bandwidth)
    if demand <= run.bandwidth:
        return
    stretch = 1.0
    for _ in range(40):
        flow, slope = 0.0, 0.0
        for a in range(run.active):
            q = s.active[a]
            lengthening = 1.0 + s.kind[q].memory * (stretch - 1.0)
            part = s.kind[q].rate * s.kind[q].traffic * s.kind[q].count / lengthening
            flow += part
            slope += part * s.kind[q].memory / lengthening
        excess = flow - run.bandwidth
        if excess <= 1e-9 * run.bandwidth or slope == 0:
            break
        stretch += excess / slope
    for a in range(run.active):
        q = s.active[a]
        s.kind[q].rate /= 1.0 + s.kind[q].memory * (stretch - 1.0)


@_part
def _advance(s: Any, dt: float) -> None:
    """Work off ``dt`` and keep the books."""
    run = s.run[0]
    now = run.now
    measured = now >= run.warm
    for a in range(run.active):
        q = s.active[a]
        s.kind[q].clock += s.kind[q].rate * dt
        if measured:
            taken = s.kind[q].count * s.kind[q].width * s.kind[q].pace * dt
            if s.kind[q].aside:
                s.stage[s.kind[q].stage].aside += taken
            else:
                s.stage[s.kind[q].stage].busy += taken
    if not measured:
        return
    for i in range(s.stage.shape[0]):
        s.stage[i].held += (s.stage[i].streams - s.stage[i].free) * dt
    run.traffic += run.flow * dt
    if now < run.mid:
        run.system_1 += run.system * dt
    else:
        run.system_2 += run.system * dt


@_part
def _prepare(s: Any) -> Any:
    """Draw what all cameras have in common and the first release of each; return the heap's size."""
    run = s.run[0]
    keep = run.keep
    for k in range(s.common.shape[0]):
        z = 0.0
        for step in range(s.common.shape[1]):
            draw = _normal(run.seed_object + 7919 * k, -1, step)
            z = draw if step == 0 else keep * z + math.sqrt(1.0 - keep * keep) * draw
            s.common[k, step] = z
    size = 0
    for c in range(s.camera.shape[0]):
        first = _next_release(s, c)
        if first < run.end:
            s.heap[size].t, s.heap[size].c = first, c
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        _sift(s, size, at)
    return size


@_kept
def run_loop(s: Any) -> None:  # noqa: C901, PLR0912 - one loop over all kinds of event, which numba compiles whole
    """Process the events in order until ``run.end``.

    At the same moment a job ends before a batch times out, before a frame is released, before the machine drifts.
    """
    run = s.run[0]
    size = _prepare(s)
    run.slower = 1.0
    next_drift = np.inf if run.drift == 0 else 0.0
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
        for i in range(stages):
            if s.stage[i].timeout > 0 and s.stage[i].free > 0 and s.stage[i].items > 0:
                timer = s.node[s.stage[i].head].t + s.stage[i].timeout
                if s.stage[i].collects:
                    timer = s.stage[i].strike if s.stage[i].flying == 0 else np.inf
                if timer <= until:
                    until, event, subject = timer, BATCH_TIMEOUT, i
        shortest, ending = np.inf, -1
        for a in range(run.active):
            q = s.active[a]
            need = (s.job[s.kind[q].first].end - s.kind[q].clock) / s.kind[q].rate
            if need < shortest:
                shortest, ending = need, q
        if ending >= 0 and now + shortest <= until:
            until, event, subject = max(now, now + shortest), JOB_END, ending
        _advance(s, until - now)
        run.now = until
        if event == JOB_END:
            _end_job(s, subject)
        elif event == BOUNDARY:
            boundary += 1
            if boundary == len(boundaries):
                break
        elif event == DRIFT:
            _drift(s)
            next_drift = run.drift_steps * run.drift_step
        elif event == RELEASE:
            c = s.heap[0].c
            _release(s, c)
            following = _next_release(s, c)
            if following < run.end:
                s.heap[0].t = following
            else:
                size -= 1
                s.heap[0].t, s.heap[0].c = s.heap[size].t, s.heap[size].c
            _sift(s, size, 0)
        else:  # BATCH_TIMEOUT: the stage starts what it has
            run.touched |= 1 << subject
        touched = run.touched
        run.touched = 0
        for i in range(stages):
            if (touched >> i) & 1:
                _start_stage(s, i)
        _start_decode(s)
        _set_rates(s)
    for slot in range(run.slots):
        if s.slot[slot].pending > 0 and not s.slot[slot].dropped:
            run.oldest = max(run.oldest, run.now - s.slot[slot].t)
