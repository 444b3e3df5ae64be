"""What every combination of stage options costs, by closed forms and for all of them at once.

Core time, memory and traffic of a combination are sums over its stages, so each option is costed once per load and the
table of all combinations is an outer sum. Utilisation law: busy cores = sum of rate x service demand; Denning and Buzen
(1978), "The Operational Analysis of Queueing Network Models", https://doi.org/10.1145/356733.356735.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.planner.question.demand import decode_rates, object_probabilities, passes_per_call, stage_demand
from advisor.planner.question.load_case import Load
from advisor.records.scenario import Scenario, Stage

from .belief import MEDIAN, at
from .setup import Choice, plain_decode_share, streams_needed
from .space import PlatformModel, StageOption

Floats = NDArray[np.float64]

MAX_COMBINATIONS = 8192
"""Combinations of a platform's options that are listed; of more, the options with most core time are left out."""
EQUAL_DEMAND = 0.01
"""Of combinations whose demand differs by less (relative), the one with the fewest threads per stream goes first."""
MEMORY_OF_SYSTEM_BYTES = 1.5 * 1024**3
MEMORY_OF_CAMERA_BYTES = 48 * 1024**2
"""Assumed: operating system and recorder; FFmpeg context, reference frames and queue of one 1080p camera."""
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
    cameras: int


def load_facts(scenario: Scenario, load: Load, batches: Callable[[Stage], tuple[int, ...]]) -> LoadFacts:
    """Offered load per stage with the passes that each batch size turns it into."""
    demands = stage_demand(scenario, load.counts, load.objects_factor, load.requests_factor)
    frames = sum(group.fps * load.counts.get(group.group, 0) for group in scenario.cameras)
    frames += sum(requests.rate_per_s * load.requests_factor for requests in scenario.requests)
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
    return LoadFacts(stages, decode_rates(scenario, load.counts), sum(load.counts.values()))


def decode_cores(model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> float:
    """Cores that decoding keeps busy."""
    return sum(
        facts.decode[camera.group] * at(model.decode(camera).core_s, z)
        for camera in scenario.cameras
        if facts.decode[camera.group] > 0
    )


def stage_cores(option: StageOption, load: StageLoad, z: float, *, contended: bool = False) -> float:
    """Cores that a stage keeps busy with this option: at least, or where passes contend with all other streams."""
    pass_core_s = option.core_s(z) if contended else option.least_core_s(z)
    per_call = load.passes[option.config.batch] * pass_core_s + load.items_per_call * option.preprocess_s(z)
    return load.calls_per_s * per_call


def choice_cores(
    model: PlatformModel, scenario: Scenario, choice: Choice, facts: LoadFacts, z: float, *, contended: bool = False
) -> float:
    """Cores that the whole scenario keeps busy in the long run: at least, or with all streams contending."""
    stages = sum(
        stage_cores(choice[stage.id], facts.stages[stage.id], z, contended=contended) for stage in scenario.stages
    )
    return decode_cores(model, scenario, facts, z) + stages


def choice_memory_bytes(choice: Choice, cameras: int, z: float) -> float:
    """Memory of models, cameras and system [B]; the latter two are assumptions that the plan prints."""
    models = sum(at(option.estimate.memory_bytes, z) for option in choice.values())
    return MEMORY_OF_SYSTEM_BYTES + cameras * MEMORY_OF_CAMERA_BYTES + models


class CombinationTable:
    """All combinations of stage options on one platform under one load at one quantile, in the order to be tried.

    Memory, whose error has nothing to do with speed, may be taken at a quantile of its own.
    """

    def __init__(
        self, model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float, memory_z: float | None = None
    ) -> None:
        self._names = [stage.id for stage in scenario.stages]
        every = [_options_of(model, scenario, facts, stage) for stage in scenario.stages]
        self._options = _limited(every)
        self.left_out = math.prod(map(len, every)) - math.prod(map(len, self._options))
        """Combinations that were too many to be listed."""
        loads = [facts.stages[name] for name in self._names]
        cores = self._outer([[stage_cores(option, load, z) for option in options]
                             for options, load in zip(self._options, loads, strict=True)])  # fmt: skip
        demand = cores + decode_cores(model, scenario, facts, z)
        memory_quantile = z if memory_z is None else memory_z
        memory = self._outer(
            [[at(option.estimate.memory_bytes, memory_quantile) for option in options] for options in self._options]
        )
        threads = self._outer([[float(option.threads_per_stream) for option in options] for options in self._options])
        traffic = self._outer(
            [[load.calls_per_s * load.items_per_call * option.estimate.bandwidth_bytes / option.config.batch
              for option in options] for options, load in zip(self._options, loads, strict=True)]
        )  # fmt: skip
        cold = self._outer([[_cold_cores(model, option, load, z) for option in options]
                            for options, load in zip(self._options, loads, strict=True)])  # fmt: skip
        likely = demand + cold
        steps = np.floor(np.log(np.maximum(likely, 1e-12)) / EQUAL_DEMAND)
        order = np.lexsort((likely, threads, steps))
        self._picked = np.stack(np.unravel_index(order, [len(options) for options in self._options]))
        self.demand = demand[order]
        """Cores kept busy at least."""
        self.likely = likely[order]
        """The same with every pass cold, which is realistic where stages pause."""
        self.memory = MEMORY_OF_SYSTEM_BYTES + facts.cameras * MEMORY_OF_CAMERA_BYTES + memory[order]
        self.traffic = traffic[order]
        """Bytes moved from main memory per second."""
        self.path_s = self._paths(model, scenario, facts, z)
        """Least 95th percentile of latency, without queueing [s]."""
        self.median_path_s = self._paths(model, scenario, facts, MEDIAN)
        """The same at the median [s]."""
        self._pass_s = self._per_stage(lambda option, _: option.pass_s(z), loads)
        self._alone_s = self._per_stage(lambda option, _: option.alone_s(z), loads)
        self._cold_s = self._per_stage(lambda option, _: option.cold_s(model.cold, z), loads)
        self._rates = self._per_stage(_stream_rate, loads)
        self._bytes = self._per_stage(lambda option, _: option.estimate.bandwidth_bytes, loads)
        self._by_memory = self._per_stage(
            lambda option, _: float(option.estimate.bottleneck == "memory_bandwidth"), loads
        )

    def __len__(self) -> int:
        return int(self.demand.size)

    def choice(self, index: int) -> Choice:
        """Return the combination at ``index``."""
        return {
            name: options[picked]
            for name, options, picked in zip(self._names, self._options, self._picked[:, index], strict=True)
        }

    def cores_under(self, model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> Floats:
        """Cores that each combination keeps busy under another load or at another quantile."""
        loads = [facts.stages[name] for name in self._names]
        stages: Floats = self._per_stage(lambda option, load: stage_cores(option, load, z), loads).sum(axis=0)
        return stages + decode_cores(model, scenario, facts, z)

    def no_faster_than(self, index: int) -> NDArray[np.bool_]:
        """Combinations that relieve nothing: no stage has a shorter pass, more of them per second, or less traffic."""
        worse = self.demand >= self.demand[index]
        for rows in (self._pass_s, self._alone_s, self._cold_s, -self._rates, self._bytes, self._by_memory):
            worse &= np.all(rows >= rows[:, [index]], axis=0)
        return np.asarray(worse)

    def _per_stage(self, figure: Callable[[StageOption, StageLoad], float], loads: Sequence[StageLoad]) -> Floats:
        """Figure of each stage's option (rows) in each combination (columns)."""
        rows = [
            np.array([figure(option, load) for option in options])[picked]
            for options, load, picked in zip(self._options, loads, self._picked, strict=True)
        ]
        return np.stack(rows)

    def _outer(self, rows: Sequence[Sequence[float]]) -> Floats:
        total = np.zeros(1)
        for row in rows:
            total = np.add.outer(total, np.array(row)).ravel()
        return total

    def _paths(self, model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> Floats:
        own = [np.array([option.alone_s(z) + option.preprocess_s(z) for option in options])[picked]
               for options, picked in zip(self._options, self._picked, strict=True)]  # fmt: skip
        at_index = {name: position for position, name in enumerate(self._names)}
        longest = np.zeros(self._picked.shape[1])
        for stage in scenario.stages:
            if not facts.stages[stage.id].decides_p95:
                continue
            total, current = np.zeros_like(longest), stage
            while True:
                total = total + own[at_index[current.id]]
                if current.on is None:
                    break
                current = scenario.stage(current.on)
            longest = np.maximum(longest, total + _decode_s(model, scenario, stage, z))
        return longest


def _decode_s(model: PlatformModel, scenario: Scenario, stage: Stage, z: float) -> float:
    """Least time to decode a frame that comes to ``stage`` [s]."""
    names = scenario.groups_of(stage)
    if any(requests.group in names for requests in scenario.requests):
        return 0.0
    cameras = [camera for camera in scenario.cameras if camera.group in names]
    return min(
        (0.0 if c.codec == "raw" else plain_decode_share(c) * at(model.decode(c).core_s, z) for c in cameras),
        default=0.0,
    )


def _options_of(model: PlatformModel, scenario: Scenario, facts: LoadFacts, stage: Stage) -> tuple[StageOption, ...]:
    """Options of a stage; for one that is never reached any will do."""
    options = model.options(scenario, stage)
    return options if facts.stages[stage.id].calls_per_s > 0 else options[:1]


def _cold_cores(model: PlatformModel, option: StageOption, load: StageLoad, z: float) -> float:
    """Cores that a stage keeps busy in addition when each of its passes follows a long pause."""
    cold_s = option.cold_s(model.cold, z)
    return load.calls_per_s * load.passes[option.config.batch] * cold_s * option.core_s(z) / option.pass_s(z)


def _stream_rate(option: StageOption, load: StageLoad) -> float:
    """Approximate inputs per second that the option's streams can take: only compared among options."""
    streams = streams_needed(option, load.calls_per_s, load.items_per_call)
    return streams * option.config.batch / option.pass_s(1.0)


def _limited(options: list[tuple[StageOption, ...]]) -> list[tuple[StageOption, ...]]:
    """Shorten the longest lists until their product can be listed; options are sorted by core time."""
    kept = list(options)
    while math.prod(len(row) for row in kept) > MAX_COMBINATIONS:
        longest = max(range(len(kept)), key=lambda position: len(kept[position]))
        kept[longest] = kept[longest][:-1]
    return kept
