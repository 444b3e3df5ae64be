"""How fast every job goes beside what else runs: shared cores, contention, bandwidth, the machine's drift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import part
from .draws import normal
from .state import LOAD_BITS


@part
def _gang_rate(threads: float, cores: float, gang: float) -> Any:
    """Speed of a job whose threads wait for each other, with more runnable threads than cores (see set_rates)."""
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


@part
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


@part
def drift_step(s: Any) -> None:
    """Draw the machine's speed for the next step: AR(1) normal numbers, times log-normal around their median."""
    run = s.run[0]
    draw = normal(run.seed_service, -1, run.drift_steps)
    keep = 0.0 if run.drift_steps == 0 else run.drift_keep
    run.drift_level = keep * run.drift_level + math.sqrt(1.0 - keep * keep) * draw
    run.slower = math.exp(run.drift * run.drift_level)
    run.drift_steps += 1
    run.changed = 1


@part
def _risen(s: Any, row: int, share: float) -> Any:
    """Share of the full lengthening with a share of the other cores busy, between the points of its shape."""
    steps = s.rise.shape[1] - 1
    at = min(share, 1.0) * steps
    low = min(np.int64(at), steps - 1)
    return s.rise[row, low] + (at - low) * (s.rise[row, low + 1] - s.rise[row, low])


@part
def set_rates(s: Any) -> None:
    r"""Set the speed of every job from what runs at the same time.

    Notes
    -----
    Every rate is divided by how much slower than usual the machine is at the moment (``drift_step``).

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
        s.pool[p].ganged = 0.0
        crowded = crowded or s.pool[p].threads > s.pool[p].cores
    crowding, demand = 0.0, 0.0
    if crowded:
        for a in range(run.active):
            crowding += s.active[a].crowds
        if run.gangs:
            for a in range(run.active):
                q = s.active[a].kind
                if s.kind[q].gang > 1.0:
                    s.pool[s.kind[q].pool].ganged += s.active[a].threads
        for p in range(s.pool.shape[0]):
            s.pool[p].row = _row(s, p, crowding)
        for a in range(run.active):
            q = s.active[a].kind
            row = s.pool[s.kind[q].pool].row
            if s.speed[row, q].rate == 0.0:
                _work_out(s, row, q, crowding)
            rate = s.speed[row, q].rate
            s.active[a].taken = s.active[a].threads * s.speed[row, q].pace
            if run.slower != 1.0:
                rate /= run.slower
            s.active[a].rate = rate
            demand += rate * s.kind[q].traffic * s.kind[q].count
    else:
        rate = 1.0 if run.slower == 1.0 else 1.0 / run.slower
        for a in range(run.active):
            q = s.active[a].kind
            s.active[a].rate, s.active[a].taken = rate, s.active[a].threads
            demand += rate * s.kind[q].traffic * s.kind[q].count
    run.flow = min(demand, run.bandwidth)
    if demand > run.bandwidth:
        _stretch(s)


@part
def _row(s: Any, p: int, crowding: float) -> Any:
    """Row of ``State.speed`` for what runs in pool ``p``; emptied where another load had its place."""
    threads, ganged = s.pool[p].threads, s.pool[p].ganged
    bits = np.float64(threads).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits += np.float64(ganged).view(np.uint64) * np.uint64(0xD1B54A32D192ED03)
    bits += np.float64(crowding).view(np.uint64) * np.uint64(0xABC98388FB8FAC03)
    bits = (bits ^ (bits >> np.uint64(32))) * np.uint64(0x8CB92BA72F3D8DD7)
    row = (p << LOAD_BITS) + np.int64(bits >> np.uint64(64 - LOAD_BITS))
    if s.load[row].threads != threads or s.load[row].ganged != ganged or s.load[row].crowding != crowding:
        s.load[row].threads, s.load[row].ganged, s.load[row].crowding = threads, ganged, crowding
        for q in range(s.kind.shape[0]):
            s.speed[row, q].rate = 0.0
    return row


@part
def _work_out(s: Any, row: int, q: int, crowding: float) -> None:
    """Speed of a job of kind ``q`` under the load of a row, the machine's drift and its bandwidth aside."""
    threads, cores = s.load[row].threads, s.pool[s.kind[q].pool].cores
    rate = 1.0
    if threads > cores:
        rate = cores / threads
        if rate < 1.0 and s.load[row].ganged > 0.0:
            rate = _occupied(threads, cores, s.load[row].ganged, s.kind[q].gang)
    s.speed[row, q].pace = rate
    if rate < 1.0 and s.kind[q].gang > 1.0:
        rate = _gang_rate(threads, cores, s.kind[q].gang)
    if s.kind[q].crowding > 0 and crowding > s.kind[q].crowds:
        others = (crowding - s.kind[q].crowds) / max(s.run[0].cores - s.kind[q].crowds, 1e-9)
        rate /= 1.0 + s.kind[q].crowding * _risen(s, s.kind[q].rise, others)
    s.speed[row, q].rate = rate


@part
def _stretch(s: Any) -> None:
    """Slow down what waits for memory, until what is moved fits the bandwidth."""
    run = s.run[0]
    stretch = 1.0
    for _ in range(40):
        flow, slope = 0.0, 0.0
        for a in range(run.active):
            q = s.active[a].kind
            lengthening = 1.0 + s.kind[q].memory * (stretch - 1.0)
            moved = s.active[a].rate * s.kind[q].traffic * s.kind[q].count / lengthening
            flow += moved
            slope += moved * s.kind[q].memory / lengthening
        excess = flow - run.bandwidth
        if excess <= 1e-9 * run.bandwidth or slope == 0:
            break
        stretch += excess / slope
    for a in range(run.active):
        q = s.active[a].kind
        s.active[a].rate /= 1.0 + s.kind[q].memory * (stretch - 1.0)
