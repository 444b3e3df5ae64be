"""Jobs on the cores: for each active kind a clock of work done, and a heap of the readings at which its jobs end."""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import part
from .draws import hashed

SLICE_S = 0.003
"""Time for which a thread that wakes up runs before the one that it displaced has its turn again [s]: assumed. Linux's
EEVDF scheduler grants 0.7 ms times one plus the binary logarithm of the processors, 1.4 ms on two and 2.8 ms at most
(kernel/sched/fair.c, ``sysctl_sched_base_slice``), and looks at it with every tick, of 1 to 4 ms."""
_STACKING = -2
"""In place of a camera in the random numbers."""


@part
def enter(s: Any, q: int, work_s: float, later_s: float, ref: int, items: int, start: float) -> None:
    """Put a job of kind ``q`` on the cores for ``work_s``, to be followed by an inference of ``later_s``."""
    run = s.run[0]
    wait_s = _stacked(s, q, work_s) if run.stacking > 0 else 0.0
    first, at = s.kind[q].first, s.kind[q].count
    if at == 0:
        s.kind[q].place = run.active
        s.active[run.active].kind = q
        s.active[run.active].clock = 0.0
        s.active[run.active].sink = s.kind[q].sink
        run.active += 1
    a = s.kind[q].place
    _count(s, a, q, at + 1)
    s.pool[s.kind[q].pool].threads += s.kind[q].width
    end = s.active[a].clock + (work_s + wait_s)
    while at > 0 and s.job[first + (at - 1) // 2].end > end:
        _move_job(s, first + (at - 1) // 2, first + at)
        at = (at - 1) // 2
    s.job[first + at].end, s.job[first + at].start, s.job[first + at].later = end, start, later_s
    s.job[first + at].ref, s.job[first + at].items = ref, items
    if run.stacking > 0:
        _share(s, first + at, wait_s, 0)
    s.active[a].end = s.job[first].end


@part
def _stacked(s: Any, q: int, work_s: float) -> Any:
    r"""Time for which a job of kind ``q`` that begins now waits for a job on whose core it was put [s].

    Notes
    -----
    Where a core of its pool is idle and another busy, it is put on a busy one with probability ``run.stacking``: on
    that of any job there, whose own work is lengthened. With :math:`r` left of that job, :math:`w` of the new one and
    a slice :math:`s`, the new one runs first, then both in turn, so that they end later than alone by

    .. math:: \min(w, s + r), \qquad \min(r, \max(0, w - s))

    Waiting is no use of a core: it is taken off the books at once. It ends early with :func:`end_waiting`.
    """
    run = s.run[0]
    p = s.kind[q].pool
    threads = s.pool[p].threads
    if p >= run.core_pools or threads <= 0.0 or threads + s.kind[q].width > s.pool[p].cores + 1e-9:
        return 0.0
    run.placed += 1
    share = np.float64(hashed(run.seed_service, _STACKING, run.placed)) / 2.0**64
    if share >= run.stacking:
        return 0.0
    share /= run.stacking
    jobs = 0
    for a in range(run.active):
        if s.kind[s.active[a].kind].pool == p:
            jobs += s.kind[s.active[a].kind].count
    chosen: Any = min(np.int64(share * jobs), jobs - 1)
    for a in range(run.active):
        other = s.active[a].kind
        if s.kind[other].pool != p:
            continue
        if chosen >= s.kind[other].count:
            chosen -= s.kind[other].count
            continue
        left_s = s.job[s.kind[other].first + chosen].end - s.active[a].clock
        waits_s = min(work_s, SLICE_S + left_s)
        _share(s, _move(s, a, chosen, waits_s), waits_s, 1)
        own_s = min(left_s, max(0.0, work_s - SLICE_S))
        if run.now >= run.warm:
            rest_s = run.end - run.now
            s.busy[s.kind[other].sink] -= min(waits_s, rest_s) * min(1.0, s.kind[other].width)
            s.busy[s.kind[q].sink] -= min(own_s, rest_s) * min(1.0, s.kind[q].width)
        return own_s
    return 0.0


@part
def _share(s: Any, job: int, wait_s: float, was_there: int) -> None:
    """Note for how long a job waits in all, from now on, for one with which it shares a core; 0: it has one alone."""
    s.job[job].wait, s.job[job].since, s.job[job].first = wait_s, s.run[0].now, was_there


@part
def end_waiting(s: Any, p: int) -> None:
    """With more threads than cores in pool ``p``, let none of its jobs wait any longer for one on its core.

    All threads share all cores then (``speeds.py``), whoever was put where: what is left of the waiting would be
    charged twice.
    """
    run = s.run[0]
    if s.pool[p].threads <= s.pool[p].cores + 1e-9:
        return
    for a in range(run.active):
        q = s.active[a].kind
        at = 0
        while s.kind[q].pool == p and at < s.kind[q].count:
            spared_s = _waits_s(s, s.kind[q].first + at)
            if spared_s <= 0.0:
                at += 1
                continue
            _share(s, _move(s, a, at, -spared_s), 0.0, 0)
            if run.now >= run.warm:
                s.busy[s.kind[q].sink] += min(spared_s, run.end - run.now) * min(1.0, s.kind[q].width)
            at = 0  # it moved up, others may have come down


@part
def _waits_s(s: Any, job: int) -> Any:
    r"""What is left of the waiting of a job that shares its core [s].

    Notes
    -----
    Since they began to share, a time :math:`t` ago, the one that was there first has waited for

    .. math:: \min(s, t) + \max(0, t - s) / 2

    with the slice :math:`s` of the newcomer, and that one for the second part alone.
    """
    shared_s = s.run[0].now - s.job[job].since
    waited_s = max(0.0, shared_s - SLICE_S) / 2.0
    if s.job[job].first:
        waited_s += min(shared_s, SLICE_S)
    return max(0.0, s.job[job].wait - waited_s)


@part
def _move(s: Any, a: int, at: int, longer_s: float) -> Any:
    """Let the job at place ``at`` in the heap of the ``a``-th active kind end so much later: its place among all."""
    q = s.active[a].kind
    first, size = s.kind[q].first, s.kind[q].count
    end, start, later = s.job[first + at].end + longer_s, s.job[first + at].start, s.job[first + at].later
    ref, items = s.job[first + at].ref, s.job[first + at].items
    if longer_s >= 0.0:
        at = _sink(s, first, size, at, end)
    while at > 0 and s.job[first + (at - 1) // 2].end > end:
        _move_job(s, first + (at - 1) // 2, first + at)
        at = (at - 1) // 2
    s.job[first + at].end, s.job[first + at].start, s.job[first + at].later = end, start, later
    s.job[first + at].ref, s.job[first + at].items = ref, items
    s.active[a].end = s.job[first].end
    return first + at


@part
def _sink(s: Any, first: int, size: int, at: int, end: float) -> Any:
    """Place for a job that ends at ``end`` in a heap of ``size``, from ``at`` down; what ends sooner moves up."""
    while True:
        child = 2 * at + 1
        if child >= size:
            return at
        if child + 1 < size and s.job[first + child + 1].end < s.job[first + child].end:
            child += 1
        if s.job[first + child].end >= end:
            return at
        _move_job(s, first + child, first + at)
        at = child


@part
def _count(s: Any, a: int, q: int, count: int) -> None:
    """So many jobs of kind ``q``, the ``a``-th of the active, are on the cores now."""
    s.kind[q].count = count
    s.active[a].threads = s.kind[q].width * count
    s.active[a].crowds = s.kind[q].crowds * count
    s.run[0].changed = 1


@part
def _move_job(s: Any, source: int, target: int) -> None:
    s.job[target].end, s.job[target].start, s.job[target].later = (
        s.job[source].end,
        s.job[source].start,
        s.job[source].later,
    )
    s.job[target].ref, s.job[target].items = s.job[source].ref, s.job[source].items
    if s.run[0].stacking > 0:
        s.job[target].wait, s.job[target].since = s.job[source].wait, s.job[source].since
        s.job[target].first = s.job[source].first


@part
def take_off(s: Any, a: int) -> None:
    """Take the job of the ``a``-th active kind that ends first off the cores."""
    run = s.run[0]
    q = s.active[a].kind
    first = s.kind[q].first
    size = s.kind[q].count - 1
    _count(s, a, q, size)
    s.pool[s.kind[q].pool].threads -= s.kind[q].width
    if size == 0:
        run.active -= 1
        last = s.active[run.active]
        s.active[a].kind, s.active[a].sink = last.kind, last.sink
        s.active[a].clock, s.active[a].end = last.clock, last.end
        s.active[a].threads, s.active[a].crowds = last.threads, last.crowds
        s.kind[last.kind].place = a
        return
    at = _sink(s, first, size, 0, s.job[first + size].end)
    _move_job(s, first + size, first + at)
    s.active[a].end = s.job[first].end


@part
def next_end(s: Any) -> Any:
    """Time until the first job ends, and the place of its kind among the active; -1 where none runs."""
    shortest, ending = np.inf, -1
    for a in range(s.run[0].active):
        need = (s.active[a].end - s.active[a].clock) / s.active[a].rate
        if need < shortest:
            shortest, ending = need, a
    return shortest, ending


@part
def advance(s: Any, dt: float) -> None:
    """Work off ``dt`` and keep the books."""
    run = s.run[0]
    now = run.now
    if now < run.warm:
        for a in range(run.active):
            s.active[a].clock += s.active[a].rate * dt
        return
    for a in range(run.active):
        s.active[a].clock += s.active[a].rate * dt
        s.busy[s.active[a].sink] += s.active[a].taken * dt
    run.traffic += run.flow * dt
    if now < run.mid:
        run.system_1 += run.system * dt
    else:
        run.system_2 += run.system * dt
