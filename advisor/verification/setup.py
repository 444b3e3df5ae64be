"""Who releases frames, when they start, and which stages are due on a frame: pure functions of the scenario.

Counts of frames and intervals are all that decides; nothing here knows about time that has passed or load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from advisor.addresses import source as source_address
from advisor.errors import InputError, ScenarioError
from advisor.records.codec import Codec
from advisor.records.scenario import CameraGroup, Scenario, Stage
from advisor.records.verdict import Phases

GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_ROUNDING = 1e-9
GROUP_S = 2.0
"""Time from key frame to key frame where a scenario gives none [s]: that of the clips which stand for cameras."""


@dataclass(frozen=True)
class Feed:
    """One camera, or one group of callers (``codec`` None)."""

    index: int
    name: str
    group: str
    rate_per_s: float
    phase_s: float
    """Delay of the first release."""
    stagger: int
    """Frames by which its stage intervals are shifted, so that cameras of a group take turns."""
    size: tuple[int, int] = (0, 0)
    codec: Codec | None = None
    bitrate_kbps: float | None = None
    gop_frames: int | None = None
    jitter_s: float = 0.0
    ahead_frames: int = 0
    """Pictures of its file, or of the clip that stands for it, that are played before the run: cameras were started at
    different times, so their key frames do not fall together."""
    source: str | None = None
    poisson: bool = False
    live: bool = False
    """Its source comes by itself: frames are released as they arrive."""

    @property
    def is_camera(self) -> bool:
        """True where frames of a picture are delivered."""
        return self.codec is not None


def is_live(source: str | None) -> bool:
    """Say whether a source comes by itself: over the network, or through a pipe or device."""
    return source is not None and source_address(source).live


def check_sources(scenario: Scenario) -> None:
    """Refuse sources that are no file here before anything is planned or compiled: no run could say anything of them.

    Raises
    ------
    InputError
        The path, and where it was looked for.
    """
    for group in scenario.cameras:
        for source in group.source if group.count else ():
            path = source_address(source).path
            if path is not None and not path.exists():
                where = "" if path.is_absolute() else f" in {Path.cwd()}, where relative paths begin"
                raise InputError(f"scenario {scenario.scenario}: camera group {group.group}: no file {path}{where}")


_FRAME, _GROUP = 6, 7
"""What a share is drawn of."""


def _share(phases: Phases, index: int, seed: int, of: int) -> float:
    """Share of its frame period, or of its group of pictures, by which a camera is late; one more moves no other."""
    if phases == "random":
        import numpy as np

        return float(np.random.default_rng([seed, of, index]).random())
    return index * GOLDEN % 1.0 if phases == "spread" else 0.0


def _ahead_frames(group: CameraGroup, phases: Phases, index: int, seed: int) -> int:
    """Place in its group of pictures at which a camera that is played from a file begins."""
    if group.codec in ("raw", "mjpeg"):
        return 0
    frames = group.gop_frames or max(1, round(GROUP_S * group.fps))
    return math.floor(_share(phases, index, seed, _GROUP) * frames)


def feeds_of(
    scenario: Scenario, counts: Mapping[str, int] | None = None, phases: Phases = "random", seed: int = 0
) -> tuple[Feed, ...]:
    """List cameras and callers with the phases of their frames.

    Parameters
    ----------
    scenario : Scenario
        Groups with more cameras than sources repeat the sources.
    counts : mapping, optional
        Camera group to number of cameras; groups that are not named keep the scenario's.
    phases : str
        When cameras release within their period, and where in its group of pictures a file begins. ``random``: drawn
        uniformly, as cameras that know nothing of each other; ``spread``: as evenly as can be (golden-ratio sequence),
        the luckiest case; ``worst``: all at once, so that cameras of one rate always coincide, their key frames too.
    seed : int
        Of the random phases.

    Raises
    ------
    ScenarioError
        ``counts`` names an unknown group, or nothing would release any frame.
    """
    known = {group.group for group in scenario.cameras}
    for name in counts or {}:
        if name not in known:
            raise ScenarioError(f"scenario {scenario.scenario}: no camera group {name!r}; known: {', '.join(known)}")
    feeds: list[Feed] = []
    for group in scenario.cameras:
        count = group.count if counts is None else counts.get(group.group, group.count)
        for number in range(count):
            index = len(feeds)
            feeds.append(
                Feed(
                    index=index,
                    name=f"{group.group}-{number + 1}",
                    group=group.group,
                    rate_per_s=group.fps,
                    phase_s=_share(phases, index, seed, _FRAME) / group.fps,
                    ahead_frames=_ahead_frames(group, phases, index, seed),
                    stagger=number,
                    size=group.size,
                    codec=group.codec,
                    bitrate_kbps=group.bitrate_kbps,
                    gop_frames=group.gop_frames,
                    jitter_s=group.jitter_ms / 1e3,
                    source=(source := group.source[number % len(group.source)] if group.source else None),
                    live=is_live(source),
                )
            )
    for requests in scenario.requests:
        feeds.append(
            Feed(
                index=len(feeds),
                name=requests.group,
                group=requests.group,
                rate_per_s=requests.rate_per_s,
                phase_s=0.0,
                stagger=0,
                poisson=requests.arrivals == "poisson",
            )
        )
    if not feeds:
        raise ScenarioError(f"scenario {scenario.scenario}: no camera and no request group releases anything")
    return tuple(feeds)


def _bucket(sequence: int, interval: float, stagger: int) -> int:
    return math.floor((sequence + stagger) / interval + _ROUNDING)


class Due:
    """Which stages run on which frame of one feed."""

    def __init__(self, scenario: Scenario, feed: Feed) -> None:
        self._scenario = scenario
        self._feed = feed
        self._stages = {stage.id: stage for stage in scenario.stages if feed.group in scenario.groups_of(stage)}
        self._interval = {
            name: stage.interval_frames(feed.rate_per_s) if feed.is_camera else 1.0
            for name, stage in self._stages.items()
        }
        self.roots = tuple(stage for stage in self._stages.values() if stage.on is None)

    def children(self, stage: Stage) -> tuple[Stage, ...]:
        """Stages that run on the objects of ``stage`` for this feed."""
        return tuple(child for child in self._stages.values() if child.on == stage.id)

    def is_due(self, stage: Stage, sequence: int, motion: bool = True) -> bool:
        """Say whether ``stage`` runs on frame number ``sequence`` (from 0).

        A stage on frames with interval I runs when floor((n + stagger) / I) rises. A stage on objects runs on those
        frames of its parent between which that number rises: at its own rate where the parent is at least as fast,
        else with every frame of the parent.
        """
        if stage.trigger == "motion" and not motion:
            return False
        interval = self._interval[stage.id]
        here = _bucket(sequence, interval, self._feed.stagger)
        if stage.on is None:
            return here > _bucket(sequence - 1, interval, self._feed.stagger)
        parent = self._stages[stage.on]
        if not self.is_due(parent, sequence):
            return False
        previous = sequence - 1
        oldest = sequence - math.ceil(max(interval, self._interval[parent.id])) - 1
        while previous > oldest and not self.is_due(parent, previous):
            previous -= 1
        return here > _bucket(previous, interval, self._feed.stagger)


def spread_cameras(scenario: Scenario, total: int) -> dict[str, int]:
    """Share ``total`` cameras among the groups in the scenario's proportion (largest remainders first)."""
    whole = scenario.camera_count
    if whole == 0:
        raise ScenarioError(f"scenario {scenario.scenario}: has no cameras to scale")
    exact = {group.group: total * group.count / whole for group in scenario.cameras}
    counts = {name: math.floor(value + _ROUNDING) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts
