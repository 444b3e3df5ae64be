"""What is simulated: cameras, stages, objects and shared resources as plain numbers, without units but SI.

Plain frozen dataclasses, because a plan makes thousands of them: whoever builds a spec (the planner, a test) has
validated its scenario already. :func:`check` refuses what the event loop could not run.
"""

from __future__ import annotations

import itertools
import math
import operator
from dataclasses import dataclass
from typing import Literal

from advisor.errors import ModelRangeError

ENGINE = "decode engine"
"""Name of the engine that decodes in hardware, in the results; all cameras share it."""
DECODE = "decode"
"""Name of the decode pool in ``SimSpec.partition`` and in the results, beside the stages' ids."""
APPLICATION = "application"
"""Name of the application's own work on frames in the results; in a partition it shares the cores of decoding."""


MAX_STAGES = 30
"""The stages due on a frame are bits of a 32-bit number."""


@dataclass(frozen=True)
class SimCamera:
    """A source of frames, or (``arrivals="poisson"``, or no decode) of requests."""

    fps: float
    """Frames or requests released per second [1/s]."""
    group: str = ""
    decode_core_s: float = 0.0
    """Core time to decode one frame [s]; 0 for raw frames and requests, which pass the decode pool by."""
    decode_sigma: float = 0.0
    """Standard deviation of the logarithm of the decode time (lognormal spread)."""
    decode_bytes: float = 0.0
    """Traffic with main memory of one decoded frame [B]."""
    phase_s: float | None = None
    """Release time of the first frame, 0 <= phase < 1/fps [s]; None: drawn uniformly with ``Seeds.phases``."""
    jitter_s: float = 0.0
    """Scale of the delay behind the schedule, the absolute value of a normal number [s]; frames stay in order."""
    stagger: int | None = None
    """Frames by which the stage intervals are shifted, so that cameras take turns; None: its number in its group."""
    motion_duty: float = 1.0
    """Share of frames with motion, for stages with ``motion=True``."""
    arrivals: Literal["periodic", "poisson"] = "periodic"
    key_frames: int = 0
    """Every so many frames one is coded without others and takes longer; 0: all are alike."""
    key_factor: float = 1.0
    """Decode time of such a frame over that of the others; the mean over all stays ``decode_core_s``."""
    key_first: int | None = None
    """Number of its first key frame, 0 <= first < ``key_frames``; None: drawn uniformly with ``Seeds.phases``."""
    decode_crowding: float = 0.0
    """What decoding takes longer, as a share of ``decode_core_s``, when all the other cores work."""
    application_core_s: float = 0.0
    """Core time of the application's own work on a frame, between its decoding and its stages, on a thread of its own
    [s]: it holds no decode worker, and frames of one camera may overlap in it."""
    application_crowding: float = 0.0
    """What that work takes longer, as a share, when all the other cores work."""
    engine_s: float = 0.0
    """Time for which a frame holds the engine that decodes in hardware [s], before ``decode_core_s`` of the host, which
    is then what remains on the cores: calls and copies; 0: decoded on the cores alone."""


@dataclass(frozen=True)
class StartupFallback:
    """The cores' part in a stage while its device still compiles: OpenVINO's AUTO, ``ENABLE_STARTUP_FALLBACK``.

    A pass that has begun on the cores ends there; one that begins at ``until_s`` or later is the device's. What
    compiling itself takes of the cores is not modelled.
    """

    until_s: float
    """When the device is ready, after the start [s]; ``math.inf``: not within the run."""
    service_s: tuple[float, ...]
    """As ``SimStage.service_s``, on the cores."""
    core_s: tuple[float, ...] | None = None
    """As ``SimStage.core_s``, on the cores."""
    streams: int = 1
    """Passes on the cores at the same time; the device's streams are free from ``until_s`` on."""
    threads_per_stream: float = 1.0
    preprocess_core_s: float = 0.0
    """As ``SimStage.preprocess_core_s``, without the calls of the device."""
    crowding: float = 0.0
    """As ``SimStage.crowding``; its shape is the stage's ``rise``."""
    bandwidth_bytes: float = 0.0
    """As ``SimStage.bandwidth_bytes``, on the cores."""
    memory_fraction: float = 0.0
    """As ``SimStage.memory_fraction``, on the cores."""


@dataclass(frozen=True)
class SimStage:
    """One model of the cascade in one configuration."""

    id: str
    service_s: tuple[float, ...]
    """Median time of a batch of b items alone on its threads, at index b for b = 0..batch_max [s]; index 0 is unused.

    A runtime compiled for a fixed batch takes the same time for fewer items: repeat the number then.
    """
    parent: int | None = None
    """Index (smaller than the own) of the stage whose objects this one runs on; None: on frames."""
    groups: tuple[str, ...] = ()
    """Camera groups that feed it; empty: all (for a stage on objects: those of its parent)."""
    interval_frames: float | tuple[float, ...] = 1.0
    """Frames from one call to the next, at least 1; a tuple has one entry per camera of the spec."""
    motion: bool = False
    """Runs only on frames with motion."""
    finds: int | None = None
    """Index in ``ObjectsSpec.classes`` of the objects that this stage finds and its children run on."""
    batch_max: int = 1
    batch_timeout_s: float = 0.0
    """0: a batch starts as soon as a stream is free, with the whole frames that wait or with objects of one frame.
    Above: requests of several frames share a batch, which starts when the next one no longer fits or the oldest has
    waited this long [s]. Objects of one frame are cut into requests of ``batch_max``, which are never cut again."""
    streams: int = 1
    """Batches in service at the same time."""
    threads_per_stream: float = 1.0
    core_s: tuple[float, ...] | None = None
    """Core time that a batch of b takes from the machine [s], shaped like ``service_s``; None: threads x service. Of a
    stage on a device: time that it takes of the device, at most ``service_s``, which is that of one pass alone."""
    service_sigma: float = 0.0
    """Standard deviation of the logarithm of the service time (lognormal spread)."""
    preprocess_core_s: float = 0.0
    """Core time per item before inference, on one thread that belongs to the stream [s]."""
    bandwidth_bytes: float = 0.0
    """Traffic with main memory per item [B]."""
    memory_fraction: float = 0.0
    """Share of the service time that is bound by main memory."""
    queue_limit: int = 4
    """Frames that may wait (all streams together); stages on objects have no limit."""
    drop: Literal["newest", "oldest"] = "newest"
    """Which frame is lost when the queue is full: the one that comes, or the one that has waited longest."""
    cold_s: float = 0.0
    """What a pass takes longer when the stage has not run for long: caches, predictors and threads went cold [s]."""
    cold_settle_s: float = 0.0
    """Idle time of the stage after which a pass is 1 - 1/e of the way to fully cold [s]; 0: cold after any gap."""
    crowding: float = 0.0
    """What a pass takes longer, as a share of ``service_s``, when passes of any stage run on all the other cores:
    caches, clock and bandwidth that they take from each other. Whether decoding and preparation count among these
    passes says ``SimSpec.crowded_by``."""
    rise: tuple[float, ...] = ()
    """Share of ``crowding`` that is reached when 1/n, 2/n, ... of the other cores are busy, linear in between; empty:
    in proportion. As many points in all stages that have some, and in ``SimSpec.core_rise``."""
    preprocess_crowding: float = 0.0
    """What ``preprocess_core_s`` is lengthened by, as a share, when all the other cores work."""
    device: str | None = None
    """Device that runs its passes; stages that name the same one share it. None: the cores. Preparation, with whatever
    else a pass costs the host, is on the cores in any case."""
    collected: Literal["by_stage", "by_runtime"] = "by_stage"
    """Who makes batches. ``by_runtime``: OpenVINO's automatic batching, device ``BATCH:``: every item is a request of
    its own; when ``batch_max`` have come they make one pass, whatever frames they are of. A clock that runs from the
    end of the last pass strikes every ``batch_timeout_s``, however long the requests have waited: those that have come
    by then run one by one, and the clock starts anew when the last of them is done."""
    fallback: StartupFallback | None = None
    """Who makes the passes while ``device`` is not ready; None: it is from the start."""


@dataclass(frozen=True)
class ObjectClass:
    """How many objects of one class a frame shows."""

    mean: float
    p95: float | None = None
    """None: Poisson around the mean."""
    max: float | None = None


@dataclass(frozen=True)
class ObjectsSpec:
    """Distributions of object counts and how they hang together."""

    classes: tuple[ObjectClass, ...] = ()
    correlation: float = 0.0
    """Rank correlation of counts between cameras at the same moment."""
    persistence_s: float = 5.0
    """Time after which a camera's counts are correlated with themselves by 1/e only [s]; 0: independent frames."""


@dataclass(frozen=True)
class SimSpec:
    """Everything that decides a run except its length and its seeds."""

    cameras: tuple[SimCamera, ...]
    stages: tuple[SimStage, ...]
    cores: float
    """Usable core-equivalents of the machine."""
    objects: ObjectsSpec = ObjectsSpec()
    decode_workers: int = 1
    partition: tuple[tuple[str, float], ...] = ()
    """Cores reserved for a stage id or ``"decode"``; who is not named shares the rest. Empty: one shared pool."""
    memory_bandwidth_bytes_per_s: float | None = None
    """None: not modelled."""
    load: Literal["mean", "p95"] = "mean"
    drift_sigma: float = 0.0
    """Spread of the machine's speed over time, as the standard deviation of the logarithm: neighbours on a shared
    machine, clocks. All work at one moment is slower by one factor, whose median is 1."""
    drift_s: float = 2.0
    """Time after which that speed is correlated with itself by 1/e only [s]."""
    crowded_by: Literal["passes", "all"] = "passes"
    """What lengthens passes: only other passes (shared caches), or any work on the other cores (shared clock, and fewer
    fast cores left)."""
    core_rise: tuple[float, ...] = ()
    """As ``SimStage.rise``, for decoding, preparation and the application's work."""
    stacking: float = 0.0
    """Probability that work that begins while a core is idle is put on a busy one all the same, and goes first there
    (docs/methods/simulation.md, Stacking)."""


@dataclass(frozen=True)
class Seeds:
    """One seed per random dimension, so that candidates can share arrivals and objects (common random numbers)."""

    arrivals: int = 1
    phases: int = 2
    objects: int = 3
    service: int = 4


def _finite(where: str, minimum: float, **numbers: float) -> None:
    for name, value in numbers.items():
        if not math.isfinite(value) or value < minimum:
            raise ModelRangeError(f"simulate: {where}.{name} is {value}; it must be a finite number >= {minimum:g}")


def _check_camera(index: int, camera: SimCamera) -> None:
    where = f"cameras[{index}]"
    _finite(
        where, 0.0, fps=camera.fps, decode_core_s=camera.decode_core_s, decode_sigma=camera.decode_sigma,
        decode_bytes=camera.decode_bytes, decode_crowding=camera.decode_crowding, jitter_s=camera.jitter_s,
        application_core_s=camera.application_core_s, application_crowding=camera.application_crowding,
        engine_s=camera.engine_s, motion_duty=camera.motion_duty, phase_s=camera.phase_s or 0.0,
        key_frames=camera.key_frames, key_first=camera.key_first or 0,
    )  # fmt: skip
    if camera.fps == 0 or camera.motion_duty > 1:
        raise ModelRangeError(f"simulate: {where} has fps {camera.fps} and motion_duty {camera.motion_duty}")
    _finite(where, 1.0, key_factor=camera.key_factor)
    if camera.engine_s > 0 and camera.decode_core_s == 0:
        raise ModelRangeError(f"simulate: {where} has an engine and no decode_core_s: what remains on the host")


def _check_stage(index: int, spec: SimSpec) -> None:
    stage = spec.stages[index]
    where = f"stages[{index}] ({stage.id})"
    intervals = stage.interval_frames if isinstance(stage.interval_frames, tuple) else (stage.interval_frames,)
    if isinstance(stage.interval_frames, tuple) and len(intervals) != len(spec.cameras):
        raise ModelRangeError(f"simulate: {where} has {len(intervals)} intervals for {len(spec.cameras)} cameras")
    for interval in intervals:
        _finite(where, 1.0, interval_frames=interval)
    _finite(
        where, 0.0, service_sigma=stage.service_sigma, preprocess_core_s=stage.preprocess_core_s,
        batch_timeout_s=stage.batch_timeout_s, bandwidth_bytes=stage.bandwidth_bytes,
        memory_fraction=stage.memory_fraction, cold_s=stage.cold_s, cold_settle_s=stage.cold_settle_s,
        crowding=stage.crowding, preprocess_crowding=stage.preprocess_crowding,
    )  # fmt: skip
    _finite(where, 1.0, batch_max=stage.batch_max, streams=stage.streams, queue_limit=stage.queue_limit)
    if stage.threads_per_stream <= 0 or stage.memory_fraction > 1:
        raise ModelRangeError(
            f"simulate: {where} has {stage.threads_per_stream} threads and memory fraction {stage.memory_fraction}"
        )
    _check_times(where, stage.batch_max, service_s=stage.service_s, core_s=stage.core_s)
    if stage.fallback is not None:
        _check_fallback(where, stage, stage.fallback)
    if stage.collected == "by_runtime" and stage.batch_timeout_s == 0:
        raise ModelRangeError(f"simulate: {where} batches in the runtime, which needs a batch_timeout_s above 0")
    if stage.device is not None and (
        stage.device == ENGINE
        or (stage.core_s is not None and any(map(operator.gt, stage.core_s[1:], stage.service_s[1:])))
    ):
        raise ModelRangeError(
            f"simulate: {where} takes {stage.core_s} s of device {stage.device} in passes of {stage.service_s} s"
        )
    if stage.parent is not None:
        if not 0 <= stage.parent < index:
            raise ModelRangeError(f"simulate: {where} comes before its parent {stage.parent}")
        finds = spec.stages[stage.parent].finds
        if finds is None or not 0 <= finds < len(spec.objects.classes):
            raise ModelRangeError(f"simulate: {where} runs on objects, but its parent finds none (finds={finds})")


def _check_times(where: str, batch_max: int, **of_batches: tuple[float, ...] | None) -> None:
    for name, times in of_batches.items():
        if times is not None and (len(times) != batch_max + 1 or not all(0 < t < math.inf for t in times[1:])):
            raise ModelRangeError(
                f"simulate: {where}.{name} is {times}; it needs positive times at index 1..{batch_max}"
            )


def _check_fallback(where: str, stage: SimStage, fallback: StartupFallback) -> None:
    if stage.device is None or stage.collected == "by_runtime":
        raise ModelRangeError(
            f"simulate: {where} has a start-up fallback, which needs a device and batches that the stage makes itself"
        )
    where = f"{where}.fallback"
    if not fallback.until_s >= 0 or fallback.threads_per_stream <= 0 or fallback.memory_fraction > 1:
        raise ModelRangeError(
            f"simulate: {where} lasts {fallback.until_s} s, with {fallback.threads_per_stream} threads and memory "
            f"fraction {fallback.memory_fraction}"
        )
    _finite(where, 1.0, streams=fallback.streams)
    _finite(
        where, 0.0, preprocess_core_s=fallback.preprocess_core_s, crowding=fallback.crowding,
        bandwidth_bytes=fallback.bandwidth_bytes, memory_fraction=fallback.memory_fraction,
    )  # fmt: skip
    _check_times(where, stage.batch_max, service_s=fallback.service_s, core_s=fallback.core_s)


def check(spec: SimSpec) -> None:
    """Refuse a spec that the event loop cannot run.

    Raises
    ------
    ModelRangeError
        A number is out of range or a reference dangles; the message names and quotes it.
    """
    checked: set[int] = set()
    for index, camera in enumerate(spec.cameras):
        if id(camera) not in checked:  # most cameras of a group are one and the same object
            _check_camera(index, camera)
            checked.add(id(camera))
    for index in range(len(spec.stages)):
        _check_stage(index, spec)
    _check_rises(spec)
    _finite("spec", 0.0, persistence_s=spec.objects.persistence_s, drift_sigma=spec.drift_sigma)
    _finite("spec", 1e-3, drift_s=spec.drift_s)
    _finite("spec", 1.0, decode_workers=spec.decode_workers)
    if not 0 <= spec.stacking <= 1:
        raise ModelRangeError(f"simulate: stacking is {spec.stacking}, not within 0..1")
    if not 0 <= spec.objects.correlation <= 1:
        raise ModelRangeError(f"simulate: correlation between cameras is {spec.objects.correlation}, not within 0..1")
    bandwidth = spec.memory_bandwidth_bytes_per_s
    if not 0 < spec.cores < math.inf or (bandwidth is not None and not 0 < bandwidth < math.inf):
        raise ModelRangeError(f"simulate: {spec.cores} cores with memory bandwidth {bandwidth} B/s")
    names = [stage.id for stage in spec.stages]
    if len(names) > MAX_STAGES:
        raise ModelRangeError(f"simulate: {len(names)} stages; at most {MAX_STAGES} can be simulated together")
    if len(set(names)) != len(names) or {DECODE, APPLICATION} & set(names):
        raise ModelRangeError(f"simulate: stage ids {names} repeat or use a reserved word ({DECODE}, {APPLICATION})")
    _check_partition(spec, {*names, DECODE})


def _check_rises(spec: SimSpec) -> None:
    rises = {f"stages[{i}].rise": stage.rise for i, stage in enumerate(spec.stages)} | {"core_rise": spec.core_rise}
    given = {name: rise for name, rise in rises.items() if rise}
    for name, rise in given.items():
        if not all(0.0 <= low <= high for low, high in itertools.pairwise((0.0, *rise))) or rise[-1] != 1.0:
            raise ModelRangeError(f"simulate: {name} is {rise}; it must rise from 0 or more to 1")
    if len({len(rise) for rise in given.values()}) > 1:
        raise ModelRangeError(f"simulate: rises of different lengths: {', '.join(given)}")


def _check_partition(spec: SimSpec, names: set[str]) -> None:
    reserved = [name for name, _ in spec.partition]
    if not set(reserved) <= names or len(set(reserved)) != len(reserved):
        raise ModelRangeError(f"simulate: partition names {reserved}; known are {sorted(names)}, each once")
    rest = spec.cores - sum(cores for _, cores in spec.partition)
    if any(cores <= 0 for _, cores in spec.partition) or rest < -1e-9 or (rest <= 1e-9 and set(reserved) != names):
        raise ModelRangeError(
            f"simulate: partition {spec.partition} leaves {rest:g} of {spec.cores:g} cores for the rest"
        )
