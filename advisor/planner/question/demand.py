"""Load that the scenario offers per second, whatever the machine: frames to decode, calls and items of each stage."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from advisor.records.scenario import CameraGroup, ObjectCount, Scenario, Stage
from advisor.simulate import ObjectClass

Counts = Mapping[str, int]
"""Camera group -> number of cameras."""


@dataclass(frozen=True)
class StageDemand:
    """Offered load of one stage."""

    frames_per_s: float
    """Frames on which the stage is due [1/s]."""
    items_per_s: float
    """Inputs of the model [1/s]: frames for a stage on frames, objects for a stage on objects."""
    items_per_frame: float


def camera_counts(scenario: Scenario) -> dict[str, int]:
    """Cameras per group as the scenario gives them."""
    return {group.group: group.count for group in scenario.cameras}


def spread(counts: Counts, total: int) -> dict[str, int]:
    """Scale ``counts`` to ``total`` cameras, keeping the shares (largest remainder, earlier groups first)."""
    now = sum(counts.values())
    if now == 0:
        return dict(counts)
    exact = {name: count * total / now for name, count in counts.items()}
    result = {name: math.floor(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: result[name] - exact[name])
    for name in by_remainder[: total - sum(result.values())]:
        result[name] += 1
    return result


def dealing_order(scenario: Scenario) -> tuple[tuple[str, ...], ...]:
    """Groups of like frames, in the order in which their cameras are dealt out over boxes.

    Like frames: of one codec and size, before the same stages. Of these the cameras with the most frames per second
    come first, then those with the highest bit rate.
    """
    kinds: dict[Hashable, list[CameraGroup]] = {}
    fed = [frozenset(scenario.groups_of(stage)) for stage in scenario.stages]
    for group in scenario.cameras:
        before_stages = tuple(group.group in groups for groups in fed)
        kinds.setdefault((group.codec, group.size, before_stages), []).append(group)
    return tuple(
        tuple(group.group for group in sorted(members, key=lambda one: (-one.fps, -(one.bitrate_kbps or math.inf))))
        for members in kinds.values()
    )


def per_box(order: Sequence[Sequence[str]], counts: Counts, boxes: int) -> dict[str, int]:
    """Cameras of the fullest of ``boxes`` boxes when those of like frames are dealt out in turn.

    In the :func:`dealing_order` the first box is dealt the most; it is the first for each kind of frame, so every kind
    that there is on any box is judged. Of more boxes it never has more to carry.
    """
    dealt: dict[str, int] = {}
    for members in order:
        before = 0
        for name in members:
            after = before + counts.get(name, 0)
            dealt[name] = -(-after // boxes) + (-before // boxes)
            before = after
    return {name: dealt[name] for name in counts}


def busy_level(count: ObjectCount, load: str) -> float:
    """Mean objects per frame at the load point: the 95 % point in the busy hour, never above ``max``."""
    if load == "mean":
        return count.mean
    if count.p95 is not None:
        return count.p95
    from advisor.simulate.counts import probabilities

    total, level = 0.0, -1.0
    for share in probabilities(ObjectClass(count.mean), "mean"):
        total, level = total + share, level + 1.0
        if total >= 0.95:
            break
    return level if count.max is None else min(level, count.max)


def stage_demand(
    scenario: Scenario, counts: Counts, objects_factor: float = 1.0, requests_factor: float = 1.0
) -> dict[str, StageDemand]:
    """Offered load per stage for these camera counts at the scenario's load point.

    A stage on objects without ``every`` runs whenever its parent does; with ``every`` at its own rate where that is
    slower, on those frames of its parent between which its own schedule has moved on.
    """
    demands: dict[str, StageDemand] = {}
    for stage in scenario.stages:
        frames = sum(_frame_rates(scenario, stage, counts, requests_factor).values())
        items_per_frame = 1.0
        if stage.on is not None:
            items_per_frame = object_level(scenario, stage) * objects_factor
        demands[stage.id] = StageDemand(frames, frames * items_per_frame, items_per_frame)
    return demands


def object_level(scenario: Scenario, stage: Stage) -> float:
    """Objects that one frame hands to a stage on objects, at the load point."""
    if stage.on is None:
        return 1.0
    parent = scenario.stage(stage.on)
    objects = scenario.activity.objects_per_frame[scenario.object_class(parent)]
    return busy_level(objects, scenario.slo.load)


def _frame_rates(scenario: Scenario, stage: Stage, counts: Counts, requests_factor: float) -> dict[str, float]:
    """Frames per second on which the stage is due, per group."""
    rates: dict[str, float] = {}
    names = scenario.groups_of(stage)
    duty = scenario.activity.motion_duty if scenario.root(stage).trigger == "motion" else 1.0
    for camera in scenario.cameras:
        if camera.group in names:
            per_camera = camera.fps / interval_frames(scenario, stage, camera.fps) * duty
            rates[camera.group] = per_camera * counts.get(camera.group, camera.count)
    for requests in scenario.requests:
        if requests.group in names:
            rates[requests.group] = requests.rate_per_s * requests_factor
    return rates


def interval_frames(scenario: Scenario, stage: Stage, fps: float) -> float:
    """Mean number of camera frames from one call of the stage to the next.

    A stage on objects runs only on frames of its parent: at its own rate where that is the slower one.
    """
    own = stage.interval_frames(fps)
    return own if stage.on is None else max(own, interval_frames(scenario, scenario.stage(stage.on), fps))


def object_classes(scenario: Scenario, factor: float = 1.0) -> tuple[ObjectClass, ...]:
    """Object counts as the simulator draws them (with ``load`` mean), all scaled by ``factor``.

    In the busy hour the level stands at its 95 % point and only the Poisson count around it is left, so the level is
    all that is said of it.
    """
    counts = scenario.activity.objects_per_frame.values()
    if scenario.slo.load == "p95":
        levels = [(busy_level(count, "p95"), count.max) for count in counts]
        return tuple(ObjectClass(level * factor, None, None if top is None else top * factor) for level, top in levels)
    return tuple(
        ObjectClass(
            mean=count.mean * factor,
            p95=None if count.p95 is None else count.p95 * factor,
            max=None if count.max is None else count.max * factor,
        )
        for count in counts
    )


def object_probabilities(scenario: Scenario, stage: Stage, factor: float = 1.0) -> tuple[float, ...]:
    """Probability that a frame hands 0, 1, 2, ... objects to a stage, at the load point; one for a stage on frames."""
    from advisor.simulate.counts import probabilities

    if stage.on is None:
        return (0.0, 1.0)
    names = list(scenario.activity.objects_per_frame)
    wanted = scenario.object_class(scenario.stage(stage.on))
    return probabilities(object_classes(scenario, factor)[names.index(wanted)], "mean")


def passes_per_call(probabilities: tuple[float, ...], batch: int, *, mixes_frames: bool) -> float:
    """Mean number of passes that one due frame costs: the mean of ceil(objects / batch).

    A stage that may wait for further frames fills its batches: then objects / batch, a lower bound.
    """
    if mixes_frames:
        return sum(share * number for number, share in enumerate(probabilities)) / batch
    return sum(share * math.ceil(number / batch) for number, share in enumerate(probabilities))


def frame_rates(scenario: Scenario, counts: Counts) -> dict[str, float]:
    """Frames per second that each camera group sends, decoded or not: each is work for the application."""
    return {camera.group: camera.fps * counts.get(camera.group, camera.count) for camera in scenario.cameras}


def decode_rates(scenario: Scenario, counts: Counts) -> dict[str, float]:
    """Frames per second to decode, per camera group; raw cameras need none."""
    return {
        camera.group: 0.0 if camera.codec == "raw" else camera.fps * counts.get(camera.group, camera.count)
        for camera in scenario.cameras
    }
