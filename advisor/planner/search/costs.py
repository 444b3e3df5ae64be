"""What a load costs on one platform, by closed forms: of decoding, of each stage with an option, of a choice of them.

Utilisation law: busy cores = sum of rate x service demand; Denning and Buzen (1978), "The Operational Analysis of
Queueing Network Models", https://doi.org/10.1145/356733.356735. Where clocks are shared, service demands depend on the
busy cores themselves (:func:`~advisor.planner.search.loads.busy_cores`). All combinations of options at once:
:mod:`~advisor.planner.search.combination_sums`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.resources.software_decode import decode_traffic_bytes
from advisor.planner.question.demand import (
    decode_rates,
    frame_rates,
    object_probabilities,
    passes_per_call,
    stage_demand,
)
from advisor.planner.question.load_case import Load
from advisor.records.scenario import Scenario, Stage

from .belief import at
from .loads import busy_cores
from .options import Options
from .platform_model import PlatformModel
from .same import Same
from .setup import Choice, plain_decode_share
from .stage_option import StageOption

Floats = NDArray[np.float64]
T = TypeVar("T")

MEMORY_OF_SYSTEM_BYTES = 1.5 * 1024**3
MEMORY_OF_CAMERA_BYTES = 48 * 1024**2
"""Assumed: operating system and recorder; FFmpeg context, reference frames and queue of one 1080p camera."""
LEAST_OF_LAW = 0.97
"""Share of the load-dependent law that counts as certain: its mean load stands for a varying one."""
SHARE_THAT_DECIDES_P95 = 0.10
"""With at least this share of frames on a path, the 95th percentile lies above the median of that path's frames."""


@dataclass(frozen=True)
class StageLoad:
    """Offered load of one stage, whatever the machine."""

    calls_per_s: float
    items_per_call: float
    passes: Mapping[int, float]
    """Batch -> mean passes per call."""
    decides_p95: bool
    """Whether enough frames pass here for the stage's own time to be part of the 95th percentile of latency."""


@dataclass(frozen=True)
class LoadFacts:
    """A scenario under a load, ready for any platform."""

    stages: Mapping[str, StageLoad]
    decode: Mapping[str, float]
    """Camera group -> frames to decode per second."""
    frames_per_s: float
    """Frames of all cameras, decoded or not."""
    cameras: int


def load_facts(scenario: Scenario, load: Load, batches: Callable[[Stage], tuple[int, ...]]) -> LoadFacts:
    """Offered load per stage with the passes that each batch size turns it into."""
    demands = stage_demand(scenario, load.counts, load.objects_factor, load.requests_factor)
    of_cameras = sum(frame_rates(scenario, load.counts).values())
    frames = of_cameras + sum(requests.rate_per_s * load.requests_factor for requests in scenario.requests)
    stages = {}
    for stage in scenario.stages:
        demand = demands[stage.id]
        shares = object_probabilities(scenario, stage, load.objects_factor)
        mixes = stage.on is None or stage.batch.timeout_ms > 0
        mean = sum(share * number for number, share in enumerate(shares))
        share_reaching = demand.frames_per_s * (1.0 - shares[0]) / frames if frames > 0 else 0.0
        stages[stage.id] = StageLoad(
            demand.frames_per_s,
            mean,
            {batch: passes_per_call(shares, batch, mixes_frames=mixes) for batch in batches(stage)},
            share_reaching >= SHARE_THAT_DECIDES_P95,
        )
    return LoadFacts(stages, decode_rates(scenario, load.counts), of_cameras, sum(load.counts.values()))


def decode_cores(
    model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float, *, contended: bool = False
) -> float:
    """Cores that decoding keeps busy: at least, or with all other cores busy."""
    costs = {camera.group: model.decode(camera) for camera in scenario.cameras if facts.decode[camera.group] > 0}
    return sum(facts.decode[group] * at(cost.core_s if contended else cost.alone_s, z) for group, cost in costs.items())


def application_cores(
    model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float, *, contended: bool = False
) -> float:
    """Cores that the application's own work on frames keeps busy: at least, or with all other cores busy."""
    cost = model.frame_application(scenario)
    if cost is None:
        return 0.0
    return facts.frames_per_s * at(cost.core_s if contended else cost.alone_s, z)


def frame_cores(
    model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float, *, contended: bool = False
) -> float:
    """Cores that all frames keep busy before any stage: decoding and the application's own work."""
    decoding = decode_cores(model, scenario, facts, z, contended=contended)
    return decoding + application_cores(model, scenario, facts, z, contended=contended)


def decode_traffic(scenario: Scenario, facts: LoadFacts) -> float:
    """Bytes per second that decoding moves between cores and main memory."""
    return sum(
        facts.decode[camera.group] * decode_traffic_bytes(camera.codec, *camera.size) for camera in scenario.cameras
    )


def stage_cores(option: StageOption, load: StageLoad, z: float, *, contended: bool = False) -> float:
    """Cores that a stage keeps busy with this option: at least, or where passes contend with all other streams."""
    pass_core_s = option.core_s(z) if contended else option.least_core_s(z)
    prepare_s = option.preprocess_s(z) if contended else option.least_preprocess_s(z)
    per_call = load.passes[option.config.batch] * pass_core_s + load.items_per_call * prepare_s
    return load.calls_per_s * per_call


def device_load(choice: Choice, facts: LoadFacts, z: float) -> float:
    """Share of its time for which the busiest device of a choice is busy; 0 without one."""
    return max(device_loads(choice, facts, z).values(), default=0.0)


def device_loads(choice: Choice, facts: LoadFacts, z: float) -> dict[str, float]:
    """Share of its time for which each device of a choice is busy, by the utilisation law.

    One device serves all stages that are on it: rate over throughput, summed.
    """
    loads: dict[str, float] = {}
    for name, option in choice.items():
        if option.busy is not None:
            device = option.config.device
            loads[device] = loads.get(device, 0.0) + stage_device_load(option, facts.stages[name], z)
    return loads


def engine_load(model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> float:
    """Share of the engines that decode which the cameras take, of their pixels or of their sessions; 0 without any."""
    if model.engines is None:
        return 0.0
    pixels = sessions = 0.0
    for camera in scenario.cameras:
        if camera.codec != "raw" and facts.decode[camera.group] > 0:
            pixels += facts.decode[camera.group] * at(model.engine_s(camera), z)
            streams = facts.decode[camera.group] / camera.fps
            sessions += streams * at(model.engines.sessions_share(camera.codec), z)
    return max(pixels, sessions)


def stage_device_load(option: StageOption, load: StageLoad, z: float) -> float:
    """Share of its time for which a stage keeps the device of its option busy."""
    return load.calls_per_s * load.passes[option.config.batch] * option.busy_s(z)


def each_stage_cores(options: Options, load: StageLoad, z: float) -> Floats:
    """:func:`stage_cores` at least, of each option."""
    times = options.times(z)
    per_call = options.passes(load.passes) * times.least_core_s + load.items_per_call * times.least_preprocess_s
    cores: Floats = load.calls_per_s * per_call
    return cores


def loaded_stage_cores(model: PlatformModel, options: Options, load: StageLoad, z: float) -> Floats:
    """Cores that a stage keeps busy at each of :data:`LOADS` of the machine (rows) with each option (columns)."""
    passes_s = options.passes(load.passes) * options.loaded_core_s(model.cores, z)
    times = options.times(z)
    least_s, most_s = times.least_preprocess_s, times.preprocess_s
    prepared_s = least_s + (most_s - least_s) * np.array(model.slowed)
    cores: Floats = load.calls_per_s * (passes_s + load.items_per_call * prepared_s[:, None])
    return cores


def loaded_frame_cores(model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> Floats:
    """Cores that :func:`frame_cores` says, at each of :data:`LOADS`."""
    least = frame_cores(model, scenario, facts, z)
    most = frame_cores(model, scenario, facts, z, contended=True)
    return least + (most - least) * np.array(model.slowed)


def choice_cores(
    model: PlatformModel, scenario: Scenario, choice: Choice, facts: LoadFacts, z: float, *, contended: bool = False
) -> float:
    """Cores that the whole scenario keeps busy in the long run: at least, or with all streams contending."""
    stages = sum(
        stage_cores(choice[stage.id], facts.stages[stage.id], z, contended=contended) for stage in scenario.stages
    )
    return frame_cores(model, scenario, facts, z, contended=contended) + stages


def busy_choice_cores(model: PlatformModel, scenario: Scenario, choice: Choice, facts: LoadFacts, z: float) -> float:
    """The same where work takes longer the more cores are busy, as in a :class:`CombinationTable`."""
    least = choice_cores(model, scenario, choice, facts, z)
    if not model.slowing:
        return least
    loaded = loaded_frame_cores(model, scenario, facts, z)
    for stage in scenario.stages:
        loaded = loaded + loaded_stage_cores(model, Options([choice[stage.id]]), facts.stages[stage.id], z)[:, 0]
    return max(least, LEAST_OF_LAW * float(busy_cores(loaded[:, None], model.cores)[0]))


def choice_memory_bytes(choice: Choice, cameras: int, z: float) -> float:
    """Memory of models, cameras and system [B]; the latter two are assumptions that the plan prints."""
    models = sum(at(option.estimate.memory_bytes, z) for option in choice.values())
    return MEMORY_OF_SYSTEM_BYTES + cameras * MEMORY_OF_CAMERA_BYTES + models


def own_s(options: Options, z: float) -> Floats:
    """Time of a pass with its preparation while nothing else runs, of each option [s]."""
    times = options.times(z)
    return times.alone_s + times.least_preprocess_s


def longest_path_s(
    model: PlatformModel, scenario: Scenario, facts: LoadFacts, own_s: Mapping[str, Floats], z: float
) -> Floats:
    """Longest way of a frame to the end of a stage that decides the 95th percentile, without queueing [s].

    ``own_s``: by stage the time of its pass with preparation, of one combination or of many.
    """
    longest: Floats = np.zeros(())
    before_s = before_stages_s(model, scenario, z)
    for stage in scenario.stages:
        if facts.stages[stage.id].decides_p95:
            total, current = own_s[stage.id], stage
            while current.on is not None:
                current = scenario.stage(current.on)
                total = total + own_s[current.id]
            longest = np.maximum(longest, total + before_s[stage.id])
    return longest


def before_stages_s(model: PlatformModel, scenario: Scenario, z: float) -> dict[str, float]:
    """Least time until a frame comes to each stage: decoding and the application's own work [s]."""
    return by_groups(scenario, lambda names: _before_s(model, scenario, names, z))


def by_groups(scenario: Scenario, figure: Callable[[tuple[str, ...]], T]) -> dict[str, T]:
    """Figure of each stage that depends on the groups before it alone: worked out once for those with equal ones."""
    groups = _groups_of_stages(Same(scenario))
    known = {names: figure(names) for names in dict.fromkeys(groups.values())}
    return {stage: known[names] for stage, names in groups.items()}


@lru_cache(maxsize=64)
def _groups_of_stages(of: Same[Scenario]) -> dict[str, tuple[str, ...]]:
    """Groups of cameras or requests that feed each stage: asked of a scenario for every platform."""
    return {stage.id: of.item.groups_of(stage) for stage in of.item.stages}


def _before_s(model: PlatformModel, scenario: Scenario, names: tuple[str, ...], z: float) -> float:
    """:func:`before_stages_s` of stages that these groups feed."""
    if any(requests.group in names for requests in scenario.requests):
        return 0.0
    cameras = [camera for camera in scenario.cameras if camera.group in names]
    decoded_s = min(
        (0.0 if c.codec == "raw" else plain_decode_share(c) * at(model.decode(c).alone_s, z) for c in cameras),
        default=0.0,
    )
    application = model.frame_application(scenario)
    return decoded_s if application is None else decoded_s + at(application.alone_s, z)


def cold_cores(model: PlatformModel, options: Options, load: StageLoad, z: float) -> Floats:
    """Cores that a stage keeps busy in addition, with each option, when each of its passes follows a long pause."""
    times, cold_s = options.times(z), np.array([option.cold_s(model.cold, z) for option in options])
    cores: Floats = load.calls_per_s * options.passes(load.passes) * cold_s * times.core_s / times.pass_s
    return cores
