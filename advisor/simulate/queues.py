"""Stages: their queues under a drop policy, the next batch, and where its frames go when it ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .compiled import part
from .draws import normal
from .frames import drop, leave, trace_row
from .jobs import enter
from .state import MEMBER, PASSED


@part
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


@part
def _free_node(s: Any, node: int) -> None:
    run = s.run[0]
    s.node[run.free_nodes].spare = node
    run.free_nodes += 1


@part
def _pop(s: Any, i: int) -> Any:
    """Take the first entry off the queue of stage ``i``."""
    node = s.stage[i].head
    s.stage[i].head = s.node[node].next
    s.node[node].next = -1
    s.stage[i].frames -= 1
    return node


@part
def _arrive(s: Any, slot: int, i: int, items: int) -> None:
    """Put the frame, with so many items, into the queue of stage ``i`` under its drop policy."""
    run = s.run[0]
    if s.stage[i].parent < 0 and s.stage[i].frames >= s.stage[i].limit:
        s.stage[i].drops += run.now >= run.warm
        if not s.stage[i].oldest:
            drop(s, slot, i)
            return
        lost = _pop(s, i)
        s.stage[i].items -= s.node[lost].items
        drop(s, s.node[lost].slot, i)
        leave(s, s.node[lost].slot)
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


@part
def to_stages(s: Any, slot: int, parent: int, items: int) -> None:
    """Hand the frame to the due children of ``parent`` (-1: the frame itself to the stages on frames)."""
    due = s.slot[slot].due
    for i in range(parent + 1, s.stage.shape[0] - 2):
        if (due >> i) & 1 and s.stage[i].parent == parent:
            _arrive(s, slot, i, items)


@part
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
            trace_row(s, MEMBER, i, s.slot[slot].camera, s.slot[slot].number, first, take, s.node[part].t)
        if not mixes:
            break
    s.stage[i].items -= items
    return first, items


@part
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


@part
def start_stage(s: Any, i: int) -> None:
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
        _hold(s, i)
        s.stage[i].free -= 1
        if s.stage[i].sigma > 0:
            slot = s.node[first].slot
            frame = s.slot[slot].number * 1009 + s.left[slot, i]
            work *= math.exp(s.stage[i].sigma * normal(run.seed_service + 104729 * (i + 1), s.slot[slot].camera, frame))
        if s.stage[i].pre > 0:
            enter(s, s.table[i, 0].kind, s.stage[i].pre * items, work, first, items, now)
        else:
            enter(s, s.table[i, items].kind, work, 0.0, first, items, now)


@part
def _hold(s: Any, i: int) -> None:
    """Count the time for which streams of stage ``i`` were held since their number last changed."""
    run = s.run[0]
    if run.now > run.warm:
        s.stage[i].held += (s.stage[i].streams - s.stage[i].free) * (run.now - max(s.stage[i].since, run.warm))
    s.stage[i].since = run.now


@part
def hand_over(s: Any) -> Any:
    """Let stages whose device is ready by now begin their passes there; return when the next one is.

    Its streams are free from now on: passes that the cores have begun end there and hold none of them.
    """
    now, following = s.run[0].now, np.inf
    for h in range(s.handover.shape[0]):
        ready = s.handover[h].ready
        if ready > now:
            following = min(following, ready)
            continue
        i, row = s.handover[h].stage, s.handover[h].row
        _hold(s, i)
        s.stage[i].streams = s.stage[i].free = s.handover[h].streams
        s.stage[i].pre = s.handover[h].pre
        for items in range(s.table.shape[1]):
            s.table[i, items].service, s.table[i, items].kind = s.table[row, items].service, s.table[row, items].kind
        s.run[0].touched |= 1 << i
        s.handover[h].ready = np.inf
    return following


@part
def end_stage(s: Any, i: int, q: int, node: int, items: int, start: float) -> None:
    """A batch is finished: frames whose last item at this stage it held go on to its children, or are done."""
    run = s.run[0]
    _hold(s, i)
    if q == s.table[i, items].kind:  # else the cores ran it, and the stage is on its device since
        s.stage[i].free += 1
    s.stage[i].last = run.now
    run.touched |= 1 << i
    if s.stage[i].collects:
        if s.stage[i].flying > 0:
            s.stage[i].flying -= 1
        if s.stage[i].flying == 0 and s.stage[i].flush == 0:  # after a full pass as after the last that ran alone
            s.stage[i].strike = run.now + s.stage[i].timeout
    if run.now >= run.warm:
        s.stage[i].calls += 1
        s.stage[i].served += items
        s.stage[i].service += run.now - start
    if s.event.shape[0] > 0:
        trace_row(s, PASSED, i, -1, -1, node, items, start)
    while node >= 0:
        slot = s.node[node].slot
        s.left[slot, i] -= s.node[node].items
        if s.left[slot, i] == 0:
            finds = s.stage[i].finds
            if finds >= 0:
                objects = s.seen[slot, finds]
                if objects > 0:
                    to_stages(s, slot, i, objects)
            leave(s, slot)
        following = s.node[node].next
        _free_node(s, node)
        node = following


@part
def end_holding(s: Any) -> None:
    """Count the time for which streams were held until now."""
    for i in range(s.stage.shape[0] - 2):
        _hold(s, i)
