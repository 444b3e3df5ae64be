"""One simulated run with what happened to each of its requests."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from advisor.errors import ModelRangeError
from advisor.records.trace import (
    Trace,
    TracedDecode,
    TracedFrame,
    TracedPass,
    TracedRequest,
    TracedStage,
    TracedSwitch,
)  # fmt: skip

from . import state as s
from .result import SimResult
from .run import SEEDS
from .spec import DECODE, Seeds, SimSpec, check

EVENTS_MAX = 4_000_000
"""Rows of 40 bytes, which are touched only when written: an hour of a dozen cameras."""


def simulate_traced(
    spec: SimSpec, duration_s: float, warmup_s: float, seeds: Seeds = SEEDS, name: str = ""
) -> tuple[SimResult, Trace]:
    """Run the cascade as :func:`advisor.simulate.simulate` does, to the same result, and tell of each request.

    Raises
    ------
    ModelRangeError
        The spec is out of range, or more happens than a trace has room for.
    """
    from . import arrays, machine_code

    check(spec)
    if not 0 <= warmup_s < duration_s < math.inf:
        raise ModelRangeError(f"simulate: a run of {duration_s} s cannot have a warm-up of {warmup_s} s")
    state = arrays.build(spec, duration_s, warmup_s, seeds, EVENTS_MAX)
    machine_code.run_loop(state)
    wanted = int(state.run[0]["events"])
    if wanted > EVENTS_MAX:
        raise ModelRangeError(
            f"simulate: {wanted} events in {duration_s:g} s; a trace holds {EVENTS_MAX}: trace a shorter run"
        )
    trace = _trace(spec, state.event[:wanted], duration_s, name)
    return arrays.read(spec, state, duration_s - warmup_s), trace


def _camera_names(spec: SimSpec) -> tuple[str, ...]:
    """Groups with the number within them, as a real run names its cameras."""
    names: list[str] = []
    seen: dict[str, int] = defaultdict(int)
    for camera in spec.cameras:
        seen[camera.group] += 1
        names.append(camera.group if camera.arrivals == "poisson" else f"{camera.group}-{seen[camera.group]}")
    return tuple(names)


def _trace(spec: SimSpec, events: Any, duration_s: float, name: str) -> Trace:
    cameras = _camera_names(spec)
    stages = [stage.id for stage in spec.stages]
    frames, decodes, passes = [], [], []
    members: dict[tuple[int, int, float], list[TracedRequest]] = defaultdict(list)
    prepared: dict[tuple[int, int, float], float] = {}
    for begin, end, kind, stage, camera, number, ref, items in events.tolist():
        batch = stage, ref, begin
        if kind == s.MEMBER:
            members[stage, ref, end].append(TracedRequest(cameras[camera], number, items, begin))
        elif kind == s.PREPARED:
            prepared[batch] = end
        elif kind == s.PASSED:
            inference_s = prepared.pop(batch, begin)
            passes.append(TracedPass(stages[stage], 0, begin, inference_s, end, items, tuple(members.pop(batch))))
        elif kind == s.DECODED:
            decodes.append(TracedDecode(cameras[camera], number, 0, begin, end))
        else:
            dropped = kind == s.FRAME_DROPPED
            where = "" if not dropped else (DECODE if stage < 0 else stages[stage])
            frames.append(TracedFrame(cameras[camera], number, begin, end, "dropped" if dropped else "done", where))
    lanes = {
        stage: lanes_of([(item.begun_s, item.ended_s) for item in passes if item.stage == stage]) for stage in stages
    }
    taken = {stage: iter(numbers) for stage, numbers in lanes.items()}
    workers = lanes_of([(item.begun_s, item.ended_s) for item in decodes])
    return Trace(
        scenario=name,
        source="simulated",
        begin_s=0.0,
        end_s=duration_s,
        stages={
            stage.id: TracedStage(stage.batch_max, stage.batch_timeout_s, stage.device or "CPU")
            for stage in spec.stages
        },
        cameras=cameras,
        frames=sorted(frames, key=lambda frame: frame.released_s),
        decodes=[replace(item, worker=worker) for item, worker in zip(decodes, workers, strict=True)],
        passes=[replace(item, lane=next(taken[item.stage])) for item in passes],
        switches=[
            TracedSwitch(stage.id, stage.fallback.until_s, "CPU")
            for stage in spec.stages
            if stage.fallback is not None and stage.fallback.until_s < duration_s
        ],
    )


def lanes_of(spans: Iterable[tuple[float, float]]) -> list[int]:
    """Number of the lowest free lane for each span of time, in the order given; spans of one lane do not overlap."""
    ordered = sorted(enumerate(spans), key=lambda item: item[1])
    lanes = [0] * len(ordered)
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    count = 0
    for place, (begin, end) in ordered:
        while busy and busy[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane, count = count, count + 1
        lanes[place] = lane
        heapq.heappush(busy, (end, lane))
    return lanes
