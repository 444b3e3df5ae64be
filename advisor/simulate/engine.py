"""The compiled event loop: cameras, decode pool, stage queues and jobs that share the cores.

Everything lives in a few preallocated arrays; the constants below name their columns. A *slot* holds a frame that is
in the system, a *node* an entry of a stage's queue (or of a batch in service), a *job* something that uses cores: one
frame in decode, one batch in pre-processing or inference. Jobs of one *kind* (stage and batch size) run at one speed;
each kind has a clock of work done since it was last idle and a heap of the readings at which its jobs end. The work per
event is bounded by active kinds plus stages, never by cameras or jobs, so the cost of a run grows with its frames.

All compiled code stands in this one file because numba's cache looks at no other file for changes.

Random numbers are a hash of (seed of the dimension, camera, frame, ...), not a sequence: the same frame shows the same
objects in every candidate, whatever happened before it (common random numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

# fmt: off
P_END, P_WARM, P_MID, P_BANDWIDTH, P_INTERFERENCE, P_STEP, P_KEEP, P_COMMON, P_CORES = range(9)
I_SEED_ARRIVAL, I_SEED_OBJECT, I_SEED_SERVICE, I_WORKERS, I_CLASSES, I_MOTION = range(6)
C_PERIOD, C_PHASE, C_JITTER, C_DECODE, C_SIGMA, C_BYTES, C_MOTION, C_LAST, C_LAST_DONE, C_GAP = range(10)
(K_POISSON, K_STAGGER, K_NEXT, K_HEAD, K_WAITING, K_BUSY, K_RELEASED, K_DROPPED, K_DONE, K_STEP, K_STAGES,
 K_MOVES, K_KIND) = range(13)
S_TIMEOUT, S_SIGMA, S_PRE, S_BYTES, S_MEMORY, S_WAIT, S_SERVICE, S_BUSY, S_HELD, S_WIDTH = range(10)
(L_PARENT, L_FREE, L_BATCH, L_LIMIT, L_OLDEST, L_POOL, L_FINDS, L_MOTION, L_HEAD, L_TAIL, L_FRAMES, L_ITEMS, L_CALLS,
 L_SERVED, L_STARTED, L_DROPS, L_STREAMS) = range(17)
N_NEXT, N_SLOT, N_ITEMS = range(3)
F_CAMERA, F_NUMBER, F_DUE, F_PENDING, F_DROPPED, F_CALLED, F_FIRST = range(7)
G_CLOCK, G_RATE, G_WIDTH, G_TRAFFIC, G_MEMORY = range(5)
M_STAGE, M_FIRST, M_COUNT, M_PLACE = range(4)
J_END, J_START, J_LATER = range(3)
R_REF, R_ITEMS = range(2)
(T_ACTIVE, T_SLOTS, T_FREE_SLOTS, T_NODES, T_FREE_NODES, T_READY_HEAD, T_READY, T_FREE_WORKERS, T_SYSTEM, T_RELEASED,
 T_DONE, T_DROPPED, T_SAMPLES, T_DECODES, T_TOUCHED) = range(15)
A_NOW, A_WAIT_DECODE, A_SYSTEM_1, A_SYSTEM_2, A_TRAFFIC, A_OLDEST, A_FLOW = range(7)
# fmt: on
DECODE_QUEUE = 8
"""Released frames of one camera that may wait for decode."""
MAX_STAGES = 31
"""The stages due on a frame are bits of a 32-bit number."""
_NORMAL_BITS = 12


_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    """Compile on first call and keep the code on disk: beside this file, else in the user's cache folder.

    Reference counting is off: nothing is allocated in the loop, and its atomic operations cost 15 times the loop
    itself. Where neither folder can be written, every process compiles anew.
    """
    options = {"_nrt": False, "forceinline": True, "error_model": "numpy"}
    try:
        return cast(_Function, njit(cache=True, **options)(function))
    except RuntimeError:  # numba: "no locator available"
        return cast(_Function, njit(**options)(function))


def _normal_table() -> np.ndarray[Any, np.dtype[np.float64]]:
    """Standard normal quantiles at the middles of 4096 equal parts, scaled to unit variance."""
    from statistics import NormalDist

    count = 1 << _NORMAL_BITS
    quantile = NormalDist().inv_cdf
    half = np.array([quantile((i + 0.5) / count) for i in range(count // 2)])
    table = np.concatenate((half, -half[::-1]))
    return table / float(np.sqrt(np.mean(table**2)))


NORMAL = _normal_table()


class State(NamedTuple):
    """All arrays of a run; columns are the constants of this module."""

    real: Any
    """Parameters ``P_``."""
    whole: Any
    """Parameters ``I_``."""
    camera: Any
    """``C_`` per camera."""
    camera_n: Any
    """``K_`` per camera."""
    bucket: Any
    """Camera x stage: floor((frame + stagger) / interval) at the last frame on which the stage's parent was due."""
    interval: Any
    """Camera x stage [frames]."""
    level: Any
    """Camera x (class, motion): normal number behind the count."""
    count: Any
    """Camera x class: objects in view."""
    common: Any
    """Class x step: what all cameras have in common."""
    threshold: Any
    """Class x count: normal quantile above which there are more objects than ``count``."""
    stage: Any
    """``S_`` per stage; the row behind the last stage is decode."""
    stage_n: Any
    """``L_`` per stage and decode."""
    service: Any
    """Stage x batch [s]."""
    width: Any
    """Stage x batch: cores that a batch keeps busy."""
    pool: Any
    """Row 0: cores of each pool; row 1: share that a runnable thread gets; row 2: runnable threads."""
    heap_t: Any
    heap_c: Any
    """Next release of every camera that has one."""
    decode_queue: Any
    """Camera x 8 slots."""
    ready: Any
    """Cameras with a frame to decode, in a ring."""
    slot: Any
    """``F_`` per frame in the system, then items left per stage, then objects per class."""
    slot_t: Any
    """Release time of each slot [s]."""
    free_slots: Any
    node: Any
    """``N_`` per queue entry."""
    node_t: Any
    """Arrival of each entry [s]."""
    free_nodes: Any
    kind: Any
    """``G_`` per kind of job: its clock, speed and what one of it demands."""
    kind_n: Any
    """``M_`` per kind: its stage, its part of ``job``, how many run, its place in ``active``."""
    kind_of: Any
    """Stage x batch: kind of an inference; column 0: of the stage's pre-processing."""
    active: Any
    """Kinds of which a job runs."""
    job: Any
    job_n: Any
    """``J_`` and ``R_`` per job, for each kind a heap by the reading of its clock at which the job ends."""
    total: Any
    """Counters ``T_``."""
    sums: Any
    """Accumulators ``A_``."""
    latency: Any
    called: Any
    """Latency of each frame done, and whether it met a stage."""


@_compiled
def _hash(seed: int, a: int, b: int) -> Any:
    """Mix three numbers into 64 bits (finaliser of splitmix64: Steele et al. 2014, doi 10.1145/2660193.2660195)."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(a) * np.uint64(0xD1B54A32D192ED03)
    x = (x ^ (x >> np.uint64(32))) * np.uint64(0xABC98388FB8FAC03) + np.uint64(b) * np.uint64(0x8CB92BA72F3D8DD7)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@_compiled
def _normal(seed: int, a: int, b: int) -> Any:
    """Draw a standard normal number."""
    return NORMAL[np.int64(_hash(seed, a, b) >> np.uint64(64 - _NORMAL_BITS))]


@_compiled
def _sift(s: Any, size: int, at: int) -> None:
    """Move the release at ``at`` down to where the heap is in order."""
    t, c = s.heap_t[at], s.heap_c[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and s.heap_t[child + 1] < s.heap_t[child]:
            child += 1
        if s.heap_t[child] >= t:
            break
        s.heap_t[at], s.heap_c[at] = s.heap_t[child], s.heap_c[child]
        at = child
    s.heap_t[at], s.heap_c[at] = t, c


@_compiled
def _next_release(s: Any, c: int) -> Any:
    """Time of the next release of camera ``c``: never before the one ahead of it."""
    number = s.camera_n[c, K_NEXT]
    last = s.camera[c, C_LAST]
    if s.camera_n[c, K_POISSON]:
        word = _hash(s.whole[I_SEED_ARRIVAL], c, number)
        unit = (np.float64(word >> np.uint64(11)) + 0.5) * 2.0**-53
        return last - math.log(unit) * s.camera[c, C_PERIOD]
    due = s.camera[c, C_PHASE] + number * s.camera[c, C_PERIOD]
    if s.camera[c, C_JITTER] > 0:
        due += s.camera[c, C_JITTER] * abs(_normal(s.whole[I_SEED_ARRIVAL], c, number))
    return max(due, last)


@_compiled
def _look(s: Any, c: int, now: float) -> None:
    """Bring what camera ``c`` sees up to ``now``: AR(1) normal numbers in steps, counts by their quantiles."""
    classes = s.whole[I_CLASSES]
    step_s = s.real[P_STEP]
    upto = s.camera_n[c, K_NEXT] if step_s == 0 else np.int64(now / step_s)
    if upto == s.camera_n[c, K_STEP]:
        return
    keep = s.real[P_KEEP]
    fresh = math.sqrt(1.0 - keep * keep)
    own = math.sqrt(1.0 - s.real[P_COMMON])
    for k in range(classes + s.whole[I_MOTION]):
        z = s.level[c, k]
        for step in range(s.camera_n[c, K_STEP] + 1, upto + 1):
            draw = _normal(s.whole[I_SEED_OBJECT] + 7919 * k, c, step)
            z = draw if step == 0 else keep * z + fresh * draw
        s.level[c, k] = z
        seen = z
        if s.real[P_COMMON] > 0:
            at = min(upto if step_s > 0 else np.int64(now * 5.0), s.common.shape[1] - 1)
            seen = own * z + math.sqrt(s.real[P_COMMON]) * s.common[k, at]
        if k == classes:
            s.camera_n[c, K_MOVES] = seen < s.camera[c, C_MOTION]
            continue
        objects = 0
        while seen > s.threshold[k, objects]:  # the last threshold is infinite
            objects += 1
        s.count[c, k] = objects
    s.camera_n[c, K_STEP] = upto


@_compiled
def _due(s: Any, c: int) -> Any:
    """Stages that run on the next frame of camera ``c``, as bits: those whose floor((n + stagger) / interval) rises.

    A stage on objects compares with the last frame of its parent, so it keeps its own rate where the parent is faster.
    """
    mask = 0
    number = s.camera_n[c, K_NEXT] + s.camera_n[c, K_STAGGER]
    stages = s.camera_n[c, K_STAGES]
    for i in range(s.stage.shape[0] - 1):
        parent = s.stage_n[i, L_PARENT]
        if not (stages >> i) & 1 or (parent >= 0 and not (mask >> parent) & 1):
            continue
        here = np.int64(math.floor(number / s.interval[c, i] + 1e-9))
        if here > s.bucket[c, i]:
            mask |= 1 << i
        s.bucket[c, i] = here
    return mask


@_compiled
def _drop(s: Any, slot: int) -> None:
    """Count the frame as dropped, once; work that it still has elsewhere goes on."""
    if s.slot[slot, F_DROPPED]:
        return
    s.slot[slot, F_DROPPED] = 1
    s.total[T_DROPPED] += 1
    s.total[T_SYSTEM] -= 1
    if s.slot_t[slot] >= s.real[P_WARM]:
        s.camera_n[s.slot[slot, F_CAMERA], K_DROPPED] += 1


@_compiled
def _leave(s: Any, slot: int) -> None:
    """End one visit of the frame; with the last one it is done (or was dropped) and its slot is free."""
    s.slot[slot, F_PENDING] -= 1
    if s.slot[slot, F_PENDING] > 0:
        return
    s.free_slots[s.total[T_FREE_SLOTS]] = slot
    s.total[T_FREE_SLOTS] += 1
    if s.slot[slot, F_DROPPED]:
        return
    now = s.sums[A_NOW]
    c = s.slot[slot, F_CAMERA]
    s.total[T_DONE] += 1
    s.total[T_SYSTEM] -= 1
    if now >= s.real[P_WARM]:
        s.camera_n[c, K_DONE] += 1
        s.camera[c, C_GAP] = max(s.camera[c, C_GAP], now - s.camera[c, C_LAST_DONE])
        s.camera[c, C_LAST_DONE] = now
    if s.slot_t[slot] >= s.real[P_WARM]:
        s.latency[s.total[T_SAMPLES]] = now - s.slot_t[slot]
        s.called[s.total[T_SAMPLES]] = s.slot[slot, F_CALLED]
        s.total[T_SAMPLES] += 1


@_compiled
def _new_node(s: Any, slot: int, items: int, t: float) -> Any:
    if s.total[T_FREE_NODES] > 0:
        s.total[T_FREE_NODES] -= 1
        node = s.free_nodes[s.total[T_FREE_NODES]]
    else:
        node = s.total[T_NODES]
        s.total[T_NODES] += 1
    s.node[node, N_NEXT] = -1
    s.node[node, N_SLOT] = slot
    s.node[node, N_ITEMS] = items
    s.node_t[node] = t
    return node


@_compiled
def _free_node(s: Any, node: int) -> None:
    s.free_nodes[s.total[T_FREE_NODES]] = node
    s.total[T_FREE_NODES] += 1


@_compiled
def _pop(s: Any, i: int) -> Any:
    """Take the first entry off the queue of stage ``i``."""
    node = s.stage_n[i, L_HEAD]
    s.stage_n[i, L_HEAD] = s.node[node, N_NEXT]
    s.node[node, N_NEXT] = -1
    s.stage_n[i, L_FRAMES] -= 1
    return node


@_compiled
def _arrive(s: Any, slot: int, i: int, items: int) -> None:
    """Put the frame, with so many items, into the queue of stage ``i`` under its drop policy."""
    if s.stage_n[i, L_PARENT] < 0 and s.stage_n[i, L_FRAMES] >= s.stage_n[i, L_LIMIT]:
        s.stage_n[i, L_DROPS] += s.sums[A_NOW] >= s.real[P_WARM]
        if not s.stage_n[i, L_OLDEST]:
            _drop(s, slot)
            return
        lost = _pop(s, i)
        s.stage_n[i, L_ITEMS] -= s.node[lost, N_ITEMS]
        _drop(s, s.node[lost, N_SLOT])
        _leave(s, s.node[lost, N_SLOT])
        _free_node(s, lost)
    node = _new_node(s, slot, items, s.sums[A_NOW])
    if s.stage_n[i, L_FRAMES] == 0:
        s.stage_n[i, L_HEAD] = node
    else:
        s.node[s.stage_n[i, L_TAIL], N_NEXT] = node
    s.stage_n[i, L_TAIL] = node
    s.stage_n[i, L_FRAMES] += 1
    s.stage_n[i, L_ITEMS] += items
    s.slot[slot, F_PENDING] += 1
    s.slot[slot, F_FIRST + i] = items
    s.slot[slot, F_CALLED] = 1
    s.total[T_TOUCHED] |= 1 << i


@_compiled
def _to_stages(s: Any, slot: int, parent: int, items: int) -> None:
    """Hand the frame to the due children of ``parent`` (-1: the frame itself to the stages on frames)."""
    due = s.slot[slot, F_DUE]
    for i in range(parent + 1, s.stage.shape[0] - 1):
        if (due >> i) & 1 and s.stage_n[i, L_PARENT] == parent:
            _arrive(s, slot, i, items)


@_compiled
def _enter(s: Any, q: int, work_s: float, later_s: float, ref: int, items: int, start: float) -> None:
    """Put a job of kind ``q`` on the cores for ``work_s``, to be followed by an inference of ``later_s``."""
    i, first, at = s.kind_n[q, M_STAGE], s.kind_n[q, M_FIRST], s.kind_n[q, M_COUNT]
    if at == 0:
        s.kind[q, G_CLOCK] = 0.0
        s.kind_n[q, M_PLACE] = s.total[T_ACTIVE]
        s.active[s.total[T_ACTIVE]] = q
        s.total[T_ACTIVE] += 1
    s.kind_n[q, M_COUNT] += 1
    s.stage[i, S_WIDTH] += s.kind[q, G_WIDTH]
    s.pool[2, s.stage_n[i, L_POOL]] += s.kind[q, G_WIDTH]
    end = s.kind[q, G_CLOCK] + work_s
    while at > 0 and s.job[first + (at - 1) // 2, J_END] > end:
        _move_job(s, first + (at - 1) // 2, first + at)
        at = (at - 1) // 2
    s.job[first + at, J_END], s.job[first + at, J_START], s.job[first + at, J_LATER] = end, start, later_s
    s.job_n[first + at, R_REF], s.job_n[first + at, R_ITEMS] = ref, items


@_compiled
def _move_job(s: Any, source: int, target: int) -> None:
    for column in range(3):
        s.job[target, column] = s.job[source, column]
    for column in range(2):
        s.job_n[target, column] = s.job_n[source, column]


@_compiled
def _take_off(s: Any, q: int) -> None:
    """Take the job of kind ``q`` that ends first off the cores."""
    i, first = s.kind_n[q, M_STAGE], s.kind_n[q, M_FIRST]
    size = s.kind_n[q, M_COUNT] - 1
    s.kind_n[q, M_COUNT] = size
    s.stage[i, S_WIDTH] -= s.kind[q, G_WIDTH]
    s.pool[2, s.stage_n[i, L_POOL]] -= s.kind[q, G_WIDTH]
    if size == 0:
        s.total[T_ACTIVE] -= 1
        moved = s.active[s.total[T_ACTIVE]]
        s.active[s.kind_n[q, M_PLACE]] = moved
        s.kind_n[moved, M_PLACE] = s.kind_n[q, M_PLACE]
        return
    at, end = 0, s.job[first + size, J_END]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and s.job[first + child + 1, J_END] < s.job[first + child, J_END]:
            child += 1
        if s.job[first + child, J_END] >= end:
            break
        _move_job(s, first + child, first + at)
        at = child
    _move_job(s, first + size, first + at)


@_compiled
def _start_decode(s: Any) -> None:
    """Give free decode workers the cameras that wait, first come first served, one frame each."""
    while s.total[T_FREE_WORKERS] > 0 and s.total[T_READY] > 0:
        c = s.ready[s.total[T_READY_HEAD]]
        s.total[T_READY_HEAD] = (s.total[T_READY_HEAD] + 1) % s.ready.shape[0]
        s.total[T_READY] -= 1
        s.total[T_FREE_WORKERS] -= 1
        slot = s.decode_queue[c, s.camera_n[c, K_HEAD]]
        s.camera_n[c, K_HEAD] = (s.camera_n[c, K_HEAD] + 1) % DECODE_QUEUE
        s.camera_n[c, K_WAITING] -= 1
        s.camera_n[c, K_BUSY] = 1
        if s.sums[A_NOW] >= s.real[P_WARM]:
            s.sums[A_WAIT_DECODE] += s.sums[A_NOW] - s.slot_t[slot]
            s.total[T_DECODES] += 1
        work = s.camera[c, C_DECODE]
        if s.camera[c, C_SIGMA] > 0:
            number = s.slot[slot, F_NUMBER]
            work *= math.exp(s.camera[c, C_SIGMA] * _normal(s.whole[I_SEED_SERVICE], c, number))
        _enter(s, s.camera_n[c, K_KIND], work, 0.0, slot, 1, s.sums[A_NOW])


@_compiled
def _start_stage(s: Any, i: int) -> None:
    """Start batches of stage ``i`` while a stream is free and a batch may start."""
    now, timeout, largest = s.sums[A_NOW], s.stage[i, S_TIMEOUT], s.stage_n[i, L_BATCH]
    while s.stage_n[i, L_FREE] > 0 and s.stage_n[i, L_ITEMS] > 0:
        head = s.stage_n[i, L_HEAD]
        if timeout > 0 and s.stage_n[i, L_ITEMS] < largest and now < s.node_t[head] + timeout:
            return
        first, last, items = -1, -1, 0
        while items < largest and s.stage_n[i, L_FRAMES] > 0:
            head = s.stage_n[i, L_HEAD]
            take = min(largest - items, s.node[head, N_ITEMS])
            if take == s.node[head, N_ITEMS]:
                part = _pop(s, i)
            else:
                part = _new_node(s, s.node[head, N_SLOT], take, s.node_t[head])
                s.node[head, N_ITEMS] -= take
            if now >= s.real[P_WARM]:
                s.stage[i, S_WAIT] += take * (now - s.node_t[part])
                s.stage_n[i, L_STARTED] += take
            if first < 0:
                first = part
            else:
                s.node[last, N_NEXT] = part
            last = part
            items += take
            if timeout == 0:  # a batch never mixes frames
                break
        s.stage_n[i, L_ITEMS] -= items
        s.stage_n[i, L_FREE] -= 1
        work = s.service[i, items]
        if s.stage[i, S_SIGMA] > 0:
            slot = s.node[first, N_SLOT]
            frame = s.slot[slot, F_NUMBER] * 1009 + s.slot[slot, F_FIRST + i]
            work *= math.exp(
                s.stage[i, S_SIGMA] * _normal(s.whole[I_SEED_SERVICE] + 104729 * (i + 1), s.slot[slot, F_CAMERA], frame)
            )
        if s.stage[i, S_PRE] > 0:
            _enter(s, s.kind_of[i, 0], s.stage[i, S_PRE] * items, work, first, items, now)
        else:
            _enter(s, s.kind_of[i, items], work, 0.0, first, items, now)


@_compiled
def _end_stage(s: Any, i: int, node: int, items: int, start: float) -> None:
    """A batch is finished: frames whose last item at this stage it held go on to its children, or are done."""
    s.stage_n[i, L_FREE] += 1
    s.total[T_TOUCHED] |= 1 << i
    if s.sums[A_NOW] >= s.real[P_WARM]:
        s.stage_n[i, L_CALLS] += 1
        s.stage_n[i, L_SERVED] += items
        s.stage[i, S_SERVICE] += s.sums[A_NOW] - start
    while node >= 0:
        slot = s.node[node, N_SLOT]
        s.slot[slot, F_FIRST + i] -= s.node[node, N_ITEMS]
        if s.slot[slot, F_FIRST + i] == 0:
            finds = s.stage_n[i, L_FINDS]
            if finds >= 0:
                objects = s.slot[slot, F_FIRST + s.stage.shape[0] + finds]
                if objects > 0:
                    _to_stages(s, slot, i, objects)
            _leave(s, slot)
        following = s.node[node, N_NEXT]
        _free_node(s, node)
        node = following


@_compiled
def _end_job(s: Any, q: int) -> None:
    """The first job of kind ``q`` has no work left: on to its inference, or done."""
    i, job = s.kind_n[q, M_STAGE], s.kind_n[q, M_FIRST]
    ref, items, start, later = s.job_n[job, R_REF], s.job_n[job, R_ITEMS], s.job[job, J_START], s.job[job, J_LATER]
    _take_off(s, q)
    if later > 0:
        _enter(s, s.kind_of[i, items], later, 0.0, ref, items, start)
        return
    if i != s.stage.shape[0] - 1:
        _end_stage(s, i, ref, items, start)
        return
    c = s.slot[ref, F_CAMERA]
    s.total[T_FREE_WORKERS] += 1
    s.camera_n[c, K_BUSY] = 0
    if s.camera_n[c, K_WAITING] > 0:
        _queue_camera(s, c)
    _to_stages(s, ref, -1, 1)
    _leave(s, ref)


@_compiled
def _queue_camera(s: Any, c: int) -> None:
    s.ready[(s.total[T_READY_HEAD] + s.total[T_READY]) % s.ready.shape[0]] = c
    s.total[T_READY] += 1


@_compiled
def _release(s: Any, c: int) -> None:
    """A frame of camera ``c`` comes into being: into its decode queue, straight to the stages, or lost."""
    now = s.sums[A_NOW]
    _look(s, c, now)
    due = _due(s, c)
    number = s.camera_n[c, K_NEXT]
    s.camera_n[c, K_NEXT] += 1
    s.camera[c, C_LAST] = now
    s.total[T_RELEASED] += 1
    measured = now >= s.real[P_WARM]
    s.camera_n[c, K_RELEASED] += measured
    if s.camera_n[c, K_WAITING] == DECODE_QUEUE:
        s.total[T_DROPPED] += 1
        s.camera_n[c, K_DROPPED] += measured
        return
    if s.total[T_FREE_SLOTS] > 0:
        s.total[T_FREE_SLOTS] -= 1
        slot = s.free_slots[s.total[T_FREE_SLOTS]]
    else:
        slot = s.total[T_SLOTS]
        s.total[T_SLOTS] += 1
    stages = s.stage.shape[0] - 1
    for i in range(stages):
        if (due >> i) & 1 and s.stage_n[i, L_MOTION] and not s.camera_n[c, K_MOVES]:
            due &= ~(1 << i)
    s.slot_t[slot] = now
    s.slot[slot, F_CAMERA], s.slot[slot, F_NUMBER], s.slot[slot, F_DUE] = c, number, due
    s.slot[slot, F_PENDING], s.slot[slot, F_DROPPED], s.slot[slot, F_CALLED] = 1, 0, 0
    if due != 0:
        for k in range(s.whole[I_CLASSES]):
            s.slot[slot, F_FIRST + stages + 1 + k] = s.count[c, k]
    s.total[T_SYSTEM] += 1
    if s.camera[c, C_DECODE] == 0:
        _to_stages(s, slot, -1, 1)
        _leave(s, slot)
        return
    s.decode_queue[c, (s.camera_n[c, K_HEAD] + s.camera_n[c, K_WAITING]) % DECODE_QUEUE] = slot
    s.camera_n[c, K_WAITING] += 1
    if s.camera_n[c, K_WAITING] == 1 and not s.camera_n[c, K_BUSY]:
        _queue_camera(s, c)


@_compiled
def _set_rates(s: Any) -> None:
    r"""Give every job its speed from what runs beside it.

    Notes
    -----
    Processor sharing: :math:`r_p = \min(1, C_p / T_p)` in a pool of :math:`C_p` cores, :math:`T_p` threads runnable.
    Interference: divided by :math:`1 + \kappa \min(1, (T - n_j)/C)`. Bandwidth: with the demand :math:`d_j` and memory
    share :math:`m_j` of each job, all memory shares are stretched by the one :math:`\sigma \ge 1` for which
    :math:`\sum_j d_j r_j / (1 - m_j + m_j \sigma) = B`; the sum is convex and falling in it, so that Newton's steps
    from 1 approach the solution from below.
    """
    everything = 0.0
    for p in range(s.pool.shape[1]):
        threads = s.pool[2, p]
        s.pool[1, p] = min(1.0, s.pool[0, p] / threads) if threads > 0 else 1.0
        everything += threads
    kappa, demand = s.real[P_INTERFERENCE], 0.0
    for a in range(s.total[T_ACTIVE]):
        q = s.active[a]
        rate = s.pool[1, s.stage_n[s.kind_n[q, M_STAGE], L_POOL]]
        if kappa > 0:
            rate /= 1.0 + kappa * min(1.0, max(0.0, everything - s.kind[q, G_WIDTH]) / s.real[P_CORES])
        s.kind[q, G_RATE] = rate
        demand += rate * s.kind[q, G_TRAFFIC] * s.kind_n[q, M_COUNT]
    s.sums[A_FLOW] = min(demand, s.real[P_BANDWIDTH])
    if demand <= s.real[P_BANDWIDTH]:
        return
    stretch = 1.0
    for _ in range(40):
        flow, slope = 0.0, 0.0
        for a in range(s.total[T_ACTIVE]):
            q = s.active[a]
            lengthening = 1.0 + s.kind[q, G_MEMORY] * (stretch - 1.0)
            part = s.kind[q, G_RATE] * s.kind[q, G_TRAFFIC] * s.kind_n[q, M_COUNT] / lengthening
            flow += part
            slope += part * s.kind[q, G_MEMORY] / lengthening
        excess = flow - s.real[P_BANDWIDTH]
        if excess <= 1e-9 * s.real[P_BANDWIDTH] or slope == 0:
            break
        stretch += excess / slope
    for a in range(s.total[T_ACTIVE]):
        q = s.active[a]
        s.kind[q, G_RATE] /= 1.0 + s.kind[q, G_MEMORY] * (stretch - 1.0)


@_compiled
def _pass_time(s: Any, dt: float) -> None:
    """Work off ``dt`` and keep the books."""
    for a in range(s.total[T_ACTIVE]):
        s.kind[s.active[a], G_CLOCK] += s.kind[s.active[a], G_RATE] * dt
    now = s.sums[A_NOW]
    if now < s.real[P_WARM]:
        return
    for i in range(s.stage.shape[0]):
        s.stage[i, S_BUSY] += s.stage[i, S_WIDTH] * s.pool[1, s.stage_n[i, L_POOL]] * dt
        s.stage[i, S_HELD] += (s.stage_n[i, L_STREAMS] - s.stage_n[i, L_FREE]) * dt
    s.sums[A_TRAFFIC] += s.sums[A_FLOW] * dt
    s.sums[A_SYSTEM_1 if now < s.real[P_MID] else A_SYSTEM_2] += s.total[T_SYSTEM] * dt


@_compiled
def _prepare(s: Any) -> Any:
    """Draw what all cameras have in common and the first release of each; return the heap's size."""
    keep = s.real[P_KEEP]
    for k in range(s.common.shape[0]):
        z = 0.0
        for step in range(s.common.shape[1]):
            draw = _normal(s.whole[I_SEED_OBJECT] + 7919 * k, -1, step)
            z = draw if step == 0 else keep * z + math.sqrt(1.0 - keep * keep) * draw
            s.common[k, step] = z
    size = 0
    for c in range(s.camera.shape[0]):
        first = _next_release(s, c)
        if first < s.real[P_END]:
            s.heap_t[size], s.heap_c[size] = first, c
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        _sift(s, size, at)
    return size


@_compiled
def run_loop(s: Any) -> None:
    """Play the events in order until ``P_END``: ends of jobs before time-outs before releases at the same moment."""
    size = _prepare(s)
    stages = s.stage.shape[0] - 1
    marks = (s.real[P_WARM], s.real[P_MID], s.real[P_END])
    mark = 0
    while True:
        now = s.sums[A_NOW]
        until = marks[mark]
        kind = 0
        if size > 0 and s.heap_t[0] < until:
            until, kind = s.heap_t[0], 1
        for i in range(stages):
            if s.stage[i, S_TIMEOUT] > 0 and s.stage_n[i, L_FREE] > 0 and s.stage_n[i, L_ITEMS] > 0:
                timer = s.node_t[s.stage_n[i, L_HEAD]] + s.stage[i, S_TIMEOUT]
                if timer <= until:
                    until, kind = timer, 2 + i
        shortest, ending = np.inf, -1
        for a in range(s.total[T_ACTIVE]):
            q = s.active[a]
            need = (s.job[s.kind_n[q, M_FIRST], J_END] - s.kind[q, G_CLOCK]) / s.kind[q, G_RATE]
            if need < shortest:
                shortest, ending = need, q
        if ending >= 0 and now + shortest <= until:
            until, kind = max(now, now + shortest), -1
        _pass_time(s, until - now)
        s.sums[A_NOW] = until
        if kind == -1:
            _end_job(s, ending)
        elif kind == 0:
            mark += 1
            if mark == 3:
                break
        elif kind == 1:
            c = s.heap_c[0]
            _release(s, c)
            following = _next_release(s, c)
            if following < s.real[P_END]:
                s.heap_t[0] = following
            else:
                size -= 1
                s.heap_t[0], s.heap_c[0] = s.heap_t[size], s.heap_c[size]
            _sift(s, size, 0)
        else:
            s.total[T_TOUCHED] |= 1 << (kind - 2)
        touched = s.total[T_TOUCHED]
        s.total[T_TOUCHED] = 0
        for i in range(stages):
            if (touched >> i) & 1:
                _start_stage(s, i)
        _start_decode(s)
        _set_rates(s)
    for slot in range(s.total[T_SLOTS]):
        if s.slot[slot, F_PENDING] > 0 and not s.slot[slot, F_DROPPED]:
            s.sums[A_OLDEST] = max(s.sums[A_OLDEST], s.sums[A_NOW] - s.slot_t[slot])
