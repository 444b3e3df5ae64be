"""What is set on a box, sized for its load: inference streams, requests, decoder threads."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from advisor.planner.question.demand import StageDemand, stage_demand
from advisor.planner.question.load_case import Load, LoadKey
from advisor.records.codec import KEY_FACTOR
from advisor.records.config import RunConfig
from advisor.records.scenario import CameraGroup, Scenario

from .belief import at
from .platform_model import PlatformModel
from .same import Same
from .stage_option import StageOption

Choice = Mapping[str, StageOption]
"""Stage id -> the option chosen for it."""

DECODE_ROOM = 1.5
"""Decoder threads over the cores that decoding keeps busy: just enough to keep up with the cameras."""
BURST = 1e-3
"""Share of time in which more passes may be in flight than there are streams."""
SIZED_AT = 0.7
"""Share of the other cores that is busy when streams are sized: what the usual headroom leaves."""
DECODE_SIGMA = 0.25
"""Spread of single decode times in a paced cascade, key frames aside, as the standard deviation of the logarithm: 0.27
was measured (docs/accuracy.md); the uncertainty of the mean is carried separately."""
GOP_S = 2.0
"""Time between key frames where the scenario gives none [s]: that of the synthesised clips, and usual for cameras."""


@dataclass(frozen=True)
class Setup:
    """Everything that is set on a box; the load may change, this stays."""

    choice: Choice
    streams: Mapping[str, int]
    """Stage id -> inference streams."""
    decode_workers: int
    """Decoder threads."""
    decode_device: Literal["software", "hardware"] = "software"
    """Whether the cores decode, or the engines of the chip's graphics."""
    partition: tuple[tuple[str, float], ...] = ()
    """Cores that a stage or decode has to itself; empty: all share one pool."""

    @cached_property
    def key(self) -> Hashable:
        """Equal for equal settings of one platform in one study."""
        chosen = tuple((name, option.config, self.streams[name]) for name, option in sorted(self.choice.items()))
        return chosen, self.decode_workers, self.partition

    @property
    def configs(self) -> dict[str, RunConfig]:
        """Per stage what is requested of the runtime: the option with its streams cut to the need."""
        configs = {}
        for name, option in self.choice.items():
            streams = self.streams[name]
            if option.collected is not None:  # one stream, and the requests that fill a batch
                configs[name] = option.config
                continue
            if option.busy is not None:
                configs[name] = option.config.model_copy(update={"streams": streams, "requests": streams})
                continue
            update: dict[str, object] = {
                "streams": streams,
                "threads": streams * option.threads_per_stream,
                "requests": streams,
            }
            configs[name] = option.config.model_copy(update=update)
        return configs


def set_up(model: PlatformModel, scenario: Scenario, choice: Choice, load: Load, workers: int | None = None) -> Setup:
    """Size streams for the load that the box is bought for (growth included).

    ``workers``: decoder threads; None: as many as are of use.
    """
    demands = _demands(Same(scenario), load.key)
    streams = {
        name: streams_needed(choice[name], demand.frames_per_s, demand.items_per_frame)
        for name, demand in demands.items()
    }
    decoders = max_decode_workers(model, scenario, load) if workers is None else workers
    return Setup(choice, streams, decoders, "software" if model.engines is None else "hardware")


@lru_cache(maxsize=1024)
def _demands(of: Same[Scenario], load: LoadKey) -> dict[str, StageDemand]:
    """Offered load per stage, which many setups are sized for."""
    counts, objects_factor, requests_factor = load
    return stage_demand(of.item, dict(counts), objects_factor, requests_factor)


def streams_needed(option: StageOption, calls_per_s: float, items_per_call: float) -> int:
    r"""Inference streams for the passes of this option that coincide, at most what the option allows.

    The smallest n with :math:`P(N > n) \le` :data:`BURST` for a Poisson number N of passes in flight, whose mean is
    rate x time (Little's law). Cameras of fixed rates and random phases have a binomial number, whose bursts are
    smaller still. The time is that of this option while its machine is loaded as far as is usual (:data:`SIZED_AT`),
    one standard deviation on the slow side. More streams cost memory and gain nothing; whether so many keep the SLO,
    the objects of a frame coming all at once, the simulation decides. Source: Poisson limit of superposed sources,
    derived here.
    """
    passes = calls_per_s * max(1.0, math.ceil(items_per_call / option.config.batch))
    busy = passes * option.loaded_s(SIZED_AT, 1.0)
    streams, most = 1, option.config.streams or 1
    term = math.exp(-busy)
    known = term + term * busy
    term *= busy
    while streams < most and 1.0 - known > BURST:
        streams += 1
        term *= busy / streams
        known += term
    return streams


def max_decode_workers(model: PlatformModel, scenario: Scenario, load: Load) -> int:
    """Decoder threads that are of use: one per core, never more than cameras."""
    cameras = sum(load.counts.get(group.group, 0) for group in scenario.cameras if group.codec != "raw")
    return max(1, min(model.physical_threads, cameras))


def decode_worker_choices(model: PlatformModel, scenario: Scenario, load: Load, z: float) -> tuple[int, ...]:
    """Numbers of decoder threads worth trying: all that are of use, then just enough to keep up with the cameras.

    Fewer threads keep a burst of frames from taking every core at once. Enough: half as many again as decoding keeps
    busy, by the utilisation law.
    """
    most = max_decode_workers(model, scenario, load)
    busy = sum(
        camera.fps * load.counts.get(camera.group, 0) * at(model.decode(camera).core_s, z)
        for camera in scenario.cameras
        if camera.codec != "raw" and load.counts.get(camera.group, 0)
    )
    return tuple(dict.fromkeys((most, max(1, min(most, math.ceil(DECODE_ROOM * busy))))))


def gop_frames(group: CameraGroup) -> int:
    """Frames from one key frame to the next."""
    return group.gop_frames or max(1, round(GOP_S * group.fps))


def plain_decode_share(group: CameraGroup) -> float:
    """Median decode time of a frame between key frames over the mean of all frames."""
    factor = KEY_FACTOR.get(group.codec, 1.0)
    return math.exp(-(DECODE_SIGMA**2) / 2) / (1.0 + (factor - 1.0) / gop_frames(group))
