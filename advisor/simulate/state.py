"""The arrays of one run: records of plain numbers that compiled code shares with Python.

A record's layout is part of the compiled code's signature: what was compiled for another is never called with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

DECODE_QUEUE = 8
"""Released frames of one camera that may wait for decode; a power of two."""


def _record(real: str, whole: str = "", small: str = "") -> np.dtype[Any]:
    """Record of float64, int64 and int32 fields, in this order."""
    fields = [(name, kind) for names, kind in ((real, "f8"), (whole, "i8"), (small, "i4")) for name in names.split()]
    return np.dtype(fields, align=True)


RUN = _record(
    # Times of end, end of warm-up and middle of the window; machine; step, memory and common share of the objects.
    "end warm mid bandwidth cores step keep common "
    # Drift of the machine: spread of its speed, step, correlation; its normal number, and the factor on all times.
    "drift drift_step drift_keep drift_level slower "
    # Probability that a job is put on a busy core while one idles.
    "stacking "
    # Clock and sums over the window.
    "now wait_decode system_1 system_2 traffic flow oldest",
    # ``contended``: some passes take longer while others run.
    "seed_arrival seed_object seed_service classes motion contended "
    # Active kinds; slots and nodes ever used and spare again; ring of cameras to decode; counters.
    "active slots free_slots nodes free_nodes ready_head ready free_workers system released done dropped samples "
    "decodes touched drift_steps "
    # ``changed``: jobs came or went since speeds were set; ``gangs``, ``timed``: there are any, and batches that wait.
    "changed gangs timed "
    # Pools that are cores, the first of all; jobs that found one of their cores idle and another busy.
    "core_pools placed "
    # Rows of the trace that were wanted so far: beyond its room none is written.
    "events",
)
"""One row: parameters, clock, counters."""
CAMERA = _record(
    "period phase jitter decode key sigma motion last last_done gap after engine",
    "poisson keys key_first stagger next head waiting busy released dropped done step stages moves kind after_kind "
    "engine_kind",
)
"""``next``: number of the next frame; ``head``, ``waiting``: its decode queue; ``moves``: there is motion;
``decode``, ``key``: time of a frame, and of every ``keys``-th; ``after``: the application's work on it;
``engine``: time on the engine that decodes, before ``decode`` on the cores."""
CALL = _record("interval", "bucket")
"""Camera x stage; ``bucket``: floor((frame + stagger) / interval) at the last frame on which the parent was due."""
SCENE = _record("level", "count")
"""Camera x class (motion behind the last): normal number, and the objects in view."""
STAGE = _record(
    "timeout sigma pre cold settle last gap wait service held since strike",
    "parent free batch limit oldest pool finds motion head tail frames items calls served started drops streams begun "
    "collects flush flying",
)
"""Per stage, behind the last the application's work on frames, then decode; ``last``: when it last ran; ``gap``: how
long it had paused when it began to work again, and ``begun`` passes since then; ``held``: time for
which its streams were, up to ``since``; ``head`` to ``items``: its queue. ``collects``: the runtime
makes its batches; ``strike``: when its clock strikes next; ``flush``, ``flying``: requests that run one by one since it
did, those that have not begun and those that have."""
TABLE = _record("service", "kind")
"""Stage x batch: time alone, and kind of job; at batch 0 the kind of its pre-processing."""
HANDOVER = _record("ready pre", "stage row streams")
"""A stage whose device is ready later, at ``ready``: what it has from then on, with a row of ``TABLE`` behind those of
the stages. Until then the stage itself holds what the cores do."""
POOL = _record("cores threads ganged", "row")
"""``threads``: that are runnable; ``ganged``: those of jobs that are gangs; ``row``: of ``State.speed``."""
HEAP = _record("t", "c")
"""Next release of every camera that has one."""
SLOT = _record("t", "", "camera number due pending dropped spare")
"""A frame in the system. ``pending``: visits not yet ended; ``spare``: list of free slots, no part of the frame."""
NODE = _record("t", "", "next slot items spare")
"""An entry of a stage's queue."""
KIND = _record("width gang traffic memory crowds crowding", "stage rise first count place pool sink")
"""Jobs of one speed; those of a stage stand behind that of its preparation, by the size of their batch. ``gang``:
threads of a job that synchronise at each layer; ``crowds``: threads that lengthen other jobs, ``crowding``:
lengthening when such threads fill all other cores, ``rise``: row of its shape. ``pool``: what it runs on; ``sink``:
place in ``State.busy``; ``place``: among the active, if any of its ``count`` jobs runs."""
ACTIVE = np.dtype(
    [*((name, "f8") for name in ["clock", "end", "rate", "taken", "threads", "crowds"]), ("kind", "u8"), ("sink", "u8")]
)
"""A kind of which jobs run: work done since it was last idle, the reading at which the first ends, speed, and what all
its jobs take of the cores, have of threads, and of those that lengthen other jobs. Unsigned, so that no index is
checked for being counted from the end."""
LOAD_BITS = 6
"""So many bits number the loads of a pool of which speeds are kept once they were worked out."""
LOAD = _record("threads ganged crowding")
"""What runs in a pool: threads in all, those of gangs, and those in all pools that lengthen other jobs."""
SPEED = _record("rate pace")
"""``pace``: share of a core that each thread of a job takes, working or waiting for the others; ``rate`` 0: unknown."""
JOB = _record("end start later wait since", "ref items first")
"""For each kind a heap by the reading of its clock at which the job ends; ``later``: inference that follows.

Of two that share a core: ``wait``, what each waits for the other in all, from the moment ``since`` on; ``first``: it
was there first.
"""
SAMPLE = _record("latency", "camera")
"""A frame done."""
EVENT = _record("begin end", "", "kind stage camera number ref items")
"""A row of the trace; ``ref``: first node of a batch, which together with stage and begin names it.

Frame done, or dropped by the queue of a stage (-1: of the decoders): from release to end. Decode of a frame, on an
engine too. Preparation of a batch, and its whole pass: from where it began. Member of a batch: from when it was
queued to the begin of the batch.
"""
FRAME_DONE, FRAME_DROPPED, DECODED, PREPARED, PASSED, MEMBER = range(6)


class State(NamedTuple):
    """All arrays of a run."""

    run: Any
    camera: Any
    call: Any
    scene: Any
    common: Any
    """Class x step: what all cameras have in common; empty where nothing is."""
    threshold: Any
    """Class x count: normal quantile above which there are more objects than ``count``."""
    stage: Any
    table: Any
    handover: Any
    """Stages whose device is not ready from the start."""
    pool: Any
    heap: Any
    decode_queue: Any
    """Camera x 8 slots."""
    ready: Any
    """Cameras with a frame to decode, in a ring."""
    slot: Any
    left: Any
    """Slot x stage: items not yet served."""
    seen: Any
    """Slot x class: objects on the frame."""
    node: Any
    kind: Any
    rise: Any
    """Stage (decoding and preparation behind the last) x point: share of the lengthening with 0, 1/n, ... of the other
    cores busy."""
    load: Any
    """Pool by pool, by a hash of what it says."""
    speed: Any
    """Load x kind."""
    active: Any
    busy: Any
    """Time that the jobs of a stage took of the cores, then what they took of a device; for each stage in turn."""
    job: Any
    sample: Any
    event: Any
    """Room for the trace; none where nothing is traced."""
