"""The scenario file: cameras, objects, cascade, requirement, margins, site, money (DESIGN section 3.3).

One record drives planning, simulation and the real run, so the three mean the same thing. Fields beyond the contract
are extensions; each says why it exists. Loading with file, path and nearest name in errors is in
``advisor.store.scenario``.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from .base import Count, Fraction, Percent, PositiveCount, PositiveQuantity, Precision, Quantity, Record

Codec = Literal["h264", "h265", "mjpeg", "raw"]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
_RESOLUTION = re.compile(r"^([1-9][0-9]{1,4})x([1-9][0-9]{1,4})$")
_EVERY_FRAMES = re.compile(r"^([1-9][0-9]*) frames?$")
_EVERY_RATE = re.compile(r"^([0-9]+(?:\.[0-9]+)?)/s$")


def parse_resolution(text: str) -> tuple[int, int]:
    """Split ``1920x1080`` into width and height in pixels."""
    match = _RESOLUTION.match(text)
    if match is None:
        raise ValueError(f"resolution {text!r} is not WIDTHxHEIGHT in pixels, for example 1920x1080")
    return int(match[1]), int(match[2])


class CameraGroup(Record):
    """Cameras of one kind; frames are released periodically at ``fps``."""

    group: Identifier
    count: Count
    resolution: str
    codec: Codec = "h264"
    fps: PositiveQuantity
    bitrate_kbps: PositiveQuantity | None = None
    """None: a usual rate for codec and resolution is assumed, and said."""
    gop_frames: PositiveCount | None = None
    """Frames from one key frame to the next; None: two seconds."""
    jitter_ms: Quantity = 0.0
    """Standard deviation of delivery around the schedule (network cameras deliver late, never early)."""
    active_hours: Annotated[float, Field(strict=True, gt=0, le=24)] = 24.0
    source: tuple[str, ...] = ()
    """Real streams or files; empty: a clip is synthesised."""

    @field_validator("resolution")
    @classmethod
    def _resolution(cls, value: str) -> str:
        parse_resolution(value)
        return value

    @field_validator("source", mode="before")
    @classmethod
    def _one_source(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return parse_resolution(self.resolution)


class RequestGroup(Record):
    """Extension: callers without a camera, for text and other services behind requests per second."""

    group: Identifier
    rate_per_s: PositiveQuantity
    arrivals: Literal["poisson", "constant"] = "poisson"
    active_hours: Annotated[float, Field(strict=True, gt=0, le=24)] = 24.0


class ObjectCount(Record):
    """How many objects of a class one frame shows."""

    mean: Quantity
    p95: Quantity | None = None
    max: Quantity | None = None
    """p95 and max None: Poisson around the mean."""

    @model_validator(mode="after")
    def _ordered(self) -> ObjectCount:
        if self.p95 is not None and self.p95 < self.mean:
            raise ValueError(f"p95 {self.p95} is below mean {self.mean}")
        if self.max is not None and self.p95 is not None and self.max < self.p95:
            raise ValueError(f"max {self.max} is below p95 {self.p95}")
        if self.max is not None and self.max < self.mean:
            raise ValueError(f"max {self.max} is below mean {self.mean}")
        return self


class Activity(Record):
    """What happens in front of the cameras."""

    objects_per_frame: dict[Identifier, ObjectCount] = {}
    correlation: Fraction = 0.0
    """Extension: rank correlation of object counts between cameras (a rush hour fills all aisles at once)."""
    persistence_s: Quantity = 5.0
    """Extension: how long a count stays alike within one camera."""
    motion_duty: Fraction = 1.0
    """Extension: share of frames with motion, for stages with ``trigger: motion``."""


class BatchPolicy(Record):
    """How requests of a stage are put together."""

    max: PositiveCount = 1
    timeout_ms: Quantity = 0.0
    """Longest wait for a batch to fill; 0: objects of one frame only."""


class Stage(Record):
    """One model of the cascade."""

    id: Identifier
    model: str
    on: Identifier | None = None
    """The stage whose objects it runs on; None: the camera's frames (or the requests)."""
    objects: Identifier | None = None
    """Extension: class of ``activity.objects_per_frame`` that it finds; None: the class named like the stage."""
    every: str | None = None
    """``3 frames``, ``1 frame``, or a rate like ``2/s``; None: every frame."""
    groups: tuple[Identifier, ...] = ()
    """Camera or request groups it applies to; empty: all cameras, or the groups of the stage it is on."""
    batch: BatchPolicy = BatchPolicy()
    input: str | tuple[PositiveCount, ...] | None = None
    trigger: Literal["always", "motion"] = "always"
    queue_frames: PositiveCount = 4
    """Extension: requests that may wait per inference stream before the drop policy acts."""
    drop: Literal["newest", "oldest"] = "newest"

    @field_validator("every")
    @classmethod
    def _every(cls, value: str | None) -> str | None:
        if value is not None and not _EVERY_FRAMES.match(value) and not _EVERY_RATE.match(value):
            raise ValueError(f"every {value!r} is neither '3 frames' nor a rate like '2/s'")
        return value

    @field_validator("groups", mode="before")
    @classmethod
    def _groups(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("input")
    @classmethod
    def _input(cls, value: str | tuple[int, ...] | None) -> str | tuple[int, ...] | None:
        if isinstance(value, str):
            parse_resolution(value)
        return value

    def interval_frames(self, fps: float) -> float:
        """Frames from one call to the next at a camera rate [1/s]; 1.0 without ``every``.

        Raises ValueError where a rate in ``every`` is above the camera's.
        """
        if self.every is None:
            return 1.0
        frames = _EVERY_FRAMES.match(self.every)
        if frames is not None:
            return float(frames[1])
        rate = _EVERY_RATE.match(self.every)
        assert rate is not None  # the validator admits nothing else
        per_s = float(rate[1])
        if per_s <= 0 or per_s > fps:
            raise ValueError(f"every {self.every!r} must be above 0 and at most the camera's {fps:g}/s")
        return fps / per_s


class Slo(Record):
    """What must hold for the scenario to be met."""

    camera_fps: PositiveQuantity | None = None
    """None: each camera's own rate; scenarios of requests have none."""
    latency_p95_ms: PositiveQuantity
    drops_max_pct: Percent = 1.0
    window_s: PositiveQuantity = 60.0
    load: Literal["mean", "p95"] = "p95"
    """p95: the requirement must hold in the busy hour, when object counts stand at their 95 % point."""


class Margin(Record):
    """Room to keep."""

    headroom_pct: Annotated[float, Field(strict=True, ge=0, lt=100)] = 30.0
    growth_cameras: Count = 0
    growth_requests_pct: Quantity = 0.0
    redundancy: Literal["none", "n+1"] = "none"


class Site(Record):
    """Where the box stands."""

    max_power_w: PositiveQuantity | None = None
    ambient_c: float | None = None
    fanless: bool = False


class Money(Record):
    """What things cost."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    usd_rate: PositiveQuantity | None = None
    """Extension: units of ``currency`` per USD; required when the currency is not USD."""
    electricity_per_kwh: Quantity = 0.20
    lifetime_years: PositiveQuantity = 5.0
    objective: Literal["price", "tco"] = "price"
    licence_per_box: Quantity = 0.0
    """Extension: licences per box over its lifetime."""
    storage_per_box: Quantity = 0.0
    """Extension: disks for recording, per box."""

    @model_validator(mode="after")
    def _rate(self) -> Money:
        if self.currency != "USD" and self.usd_rate is None:
            raise ValueError(
                f"currency {self.currency} needs usd_rate (units of {self.currency} per USD): catalogue prices are USD"
            )
        return self


class Accuracy(Record):
    """What the user permits; int8 is never assumed."""

    precisions: Annotated[tuple[Precision, ...], Field(min_length=1)] = ("f32",)


class PriceOverride(Record):
    """A price the user was quoted."""

    value: Quantity
    date: datetime.date
    source: Annotated[str, Field(min_length=3)]


class Candidates(Record):
    """Which platforms may be recommended."""

    vendors: tuple[str, ...] = ()
    form_factor: tuple[str, ...] = ()
    max_price: PositiveQuantity | None = None
    prices: dict[str, PriceOverride] = {}
    max_boxes: PositiveCount = 4


class SiteGroup(Record):
    """Extension: several sites in one file, each with its own number of cameras."""

    name: Identifier
    count: PositiveCount
    cameras: dict[Identifier, Count]
    """Camera group to number of cameras at each of these sites."""


class Scenario(Record):
    """The whole file."""

    scenario: Identifier
    cameras: tuple[CameraGroup, ...] = ()
    requests: tuple[RequestGroup, ...] = ()
    activity: Activity = Activity()
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    slo: Slo
    margin: Margin = Margin()
    site: Site = Site()
    money: Money = Money()
    accuracy: Accuracy = Accuracy()
    candidates: Candidates = Candidates()
    sites: tuple[SiteGroup, ...] = ()

    @property
    def camera_count(self) -> int:
        """Cameras of all groups."""
        return sum(group.count for group in self.cameras)

    def stage(self, stage_id: str) -> Stage:
        """Return the stage with this id; KeyError where there is none."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise KeyError(stage_id)

    def root(self, stage: Stage) -> Stage:
        """Follow ``on`` up to the stage that runs on frames; the loader has refused cycles."""
        while stage.on is not None:
            stage = self.stage(stage.on)
        return stage

    def groups_of(self, stage: Stage) -> tuple[str, ...]:
        """Groups of cameras or requests that feed this stage."""
        if stage.on is not None:
            available = self.groups_of(self.stage(stage.on))
        elif stage.groups or not self.cameras:
            available = tuple([g.group for g in self.cameras] + [g.group for g in self.requests])
        else:
            available = tuple(group.group for group in self.cameras)
        return tuple(name for name in available if not stage.groups or name in stage.groups)

    def object_class(self, stage: Stage) -> str:
        """Class of objects that ``stage`` finds."""
        return stage.objects if stage.objects is not None else stage.id
