"""The scenario file: cameras, objects, cascade, requirement, margins, site, money.

One record drives planning, simulation and the real run, so the three mean the same thing. Fields beyond the contract
are extensions; each says why it exists. Loading with file, path and nearest name in errors is in
``advisor.store.scenario``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from advisor.addresses import source as source_address

from .base import (
    Count,
    CpuPrecision,
    Fraction,
    Percent,
    PositiveCount,
    PositiveQuantity,
    PriceBasis,
    Quantity,
    Record,
)
from .candidates import Candidates
from .codec import OTHER_NAMES, Codec
from .model import parse_named_shapes

ServiceClass = Literal["latency", "throughput"]
"""What a stage is run for: an answer as soon as can be, or as many as can be from the same cores."""
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
_RESOLUTION = re.compile(r"^([1-9][0-9]{1,4})x([1-9][0-9]{1,4})$")
# So many digits are more than anyone means, and a number of 400 digits is none that can be computed with.
_EVERY_FRAMES = re.compile(r"^([1-9][0-9]{0,6}) frames?$")
_EVERY_RATE = re.compile(r"^([0-9]{1,6}(?:\.[0-9]{1,9})?)/s$")


@lru_cache(maxsize=1024)
def parse_resolution(text: str) -> tuple[int, int]:
    """Split ``1920x1080`` into width and height in pixels."""
    match = _RESOLUTION.match(text)
    if match is None:
        raise ValueError(f"resolution {text!r} is not WIDTHxHEIGHT in pixels, for example 1920x1080")
    return int(match[1]), int(match[2])


class CameraGroup(Record):
    """Cameras of one kind; frames are released periodically at ``fps``."""

    group: Identifier
    """Name by which stages and sites mean these cameras."""
    count: Count
    """Number of cameras."""
    resolution: str
    """Width x height in pixels as the camera sends it, for example 1920x1080."""
    codec: Codec = "h264"
    """``raw``: frames arrive decoded, as from a machine-vision camera; there is no decode stage."""
    fps: PositiveQuantity
    """Frames per second."""
    bitrate_kbps: PositiveQuantity | None = None
    """None: a usual rate for codec and resolution is assumed, and listed in the plan."""
    gop_frames: PositiveCount | None = None
    """Frames from one key frame to the next; None: two seconds."""
    jitter_ms: Quantity = 0.0
    """Standard deviation of delivery around the schedule (network cameras deliver late, never early)."""
    active_hours: Annotated[float, Field(strict=True, gt=0, le=24)] = 24.0
    """Hours per day in which frames arrive; energy counts the rest as idle."""
    source: tuple[str, ...] = ()
    """Real streams (rtsp, rtsps, http, https) or paths of files and FIFOs; empty: a clip is synthesised."""

    @field_validator("resolution")
    @classmethod
    def _resolution(cls, value: str) -> str:
        parse_resolution(value)
        return value

    @field_validator("codec", mode="before", json_schema_input_type=Codec)
    @classmethod
    def _codec(cls, value: object) -> object:
        known = OTHER_NAMES.get(value.strip().lower()) if isinstance(value, str) else None
        if known is not None:
            raise ValueError(f"codec {value!r} is called {known} here; write codec: {known}")
        return value

    @field_validator("source", mode="before", json_schema_input_type=str | tuple[str, ...])
    @classmethod
    def _one_source(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("source")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            source_address(text)
        return value

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return parse_resolution(self.resolution)


class RequestGroup(Record):
    """Extension: callers without a camera, for text and other services behind requests per second."""

    group: Identifier
    """Name by which stages mean these callers."""
    rate_per_s: PositiveQuantity
    """Requests per second on average."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    """``poisson``: independent callers; ``constant``: one clock."""
    active_hours: Annotated[float, Field(strict=True, gt=0, le=24)] = 24.0
    """Hours per day in which requests arrive."""


class ObjectCount(Record):
    """How many objects of a class one frame shows."""

    mean: Quantity
    """Mean number per frame."""
    p95: Quantity | None = None
    """Number that 95 % of frames do not exceed."""
    max: Quantity | None = None
    """Largest number ever; p95 and max None: Poisson around the mean."""

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
    """Class of objects to the number that one frame shows."""
    correlation: Fraction = 0.0
    """Extension: rank correlation of object counts between cameras (a rush hour fills all aisles at once)."""
    persistence_s: Quantity = 5.0
    """Extension: how long a count stays alike within one camera."""
    motion_duty: Fraction = 1.0
    """Extension: share of frames with motion, for stages with ``trigger: motion``."""


class BatchPolicy(Record):
    """How requests of a stage are put together."""

    max: PositiveCount = 1
    """Most inputs in one request."""
    timeout_ms: Quantity = 0.0
    """Longest wait for a batch to fill across frames; 0: none, and objects of different frames share no batch."""


class Stage(Record):
    """One model of the cascade."""

    id: Identifier
    """Name of the stage."""
    model: str
    """Model file, name of a reference architecture, or ``like:NAME`` for a stand-in of published size."""
    on: Identifier | None = None
    """The stage whose objects it runs on; None: the camera's frames (or the requests)."""
    objects: Identifier | None = None
    """Extension: class of ``activity.objects_per_frame`` that it finds; None: the class named like the stage."""
    labels: tuple[Count, ...] = ()
    """Extension: class numbers of a real detector that count as its objects; empty: all of them."""
    pixels: Literal["0-1", "0-255"] = "0-1"
    """Extension: range of values that the model expects of a picture; most files of the Open Model Zoo want 0-255."""
    every: str | None = None
    """``3 frames``, ``1 frame``, or a rate like ``2/s``; None: every frame. Singular and plural mean the same."""
    groups: tuple[Identifier, ...] = ()
    """Camera or request groups it applies to; empty: all cameras, or the groups of the stage it is on."""
    batch: BatchPolicy = BatchPolicy()
    """How requests are put together."""
    input: str | tuple[PositiveCount, ...] | None = None
    """Width x height of the picture, the full shape, or shapes by name (``images[1,3,640,640],sizes[1,2]``), for a
    model with dynamic shapes; other models need none."""
    trigger: Literal["always", "motion"] = "always"
    """Extension: ``motion``: only on frames with motion (``activity.motion_duty``)."""
    queue_frames: PositiveCount = 4
    """Extension: requests that may wait per inference stream before the drop policy acts."""
    drop: Literal["newest", "oldest"] = "newest"
    """Extension: which frame gives way when the queue is full."""
    service_class: ServiceClass | None = None
    """Extension: ``latency``: batch 1, and the configuration with the shortest pass; ``throughput``: the batch and
    configuration with the least core time per input; None: the scenario's, and without one whatever keeps the SLO on
    the cheapest box."""
    device: str | None = None
    """Device that it must run on: ``CPU``, ``GPU``, ``NPU`` or the id of an added one, which permits that for this
    stage; None: any of ``candidates.devices``."""

    @field_validator("every")
    @classmethod
    def _every(cls, value: str | None) -> str | None:
        frames = None if value is None else _EVERY_FRAMES.match(value)
        if frames is not None:
            return f"{frames[1]} {'frame' if frames[1] == '1' else 'frames'}"
        if value is not None and not _EVERY_RATE.match(value):
            shown = repr(value) if len(value) <= 40 else f"of {len(value)} characters"
            raise ValueError(f"every {shown} is neither '3 frames' nor a rate like '2/s'")
        return value

    @field_validator("groups", mode="before", json_schema_input_type=Identifier | tuple[Identifier, ...])
    @classmethod
    def _groups(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("input")
    @classmethod
    def _input(cls, value: str | tuple[int, ...] | None) -> str | tuple[int, ...] | None:
        if isinstance(value, str) and "[" in value:
            parse_named_shapes(value)
        elif isinstance(value, str):
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
    """95 % of frames are done within this time of their release, in milliseconds."""
    drops_max_pct: Percent = 1.0
    """Most released frames that may be dropped, in percent."""
    window_s: PositiveQuantity = 60.0
    """Every window of this length must hold, in seconds."""
    load: Literal["mean", "p95"] = "p95"
    """p95: the requirement must hold in the busy hour, when object counts stand at their 95 % point."""


class Margin(Record):
    """Room to keep."""

    headroom_pct: Annotated[float, Field(strict=True, ge=0, lt=100)] = 30.0
    """Share of the binding resource that stays free at the median of what is believed of a box, in percent."""
    confidence_pct: Annotated[float, Field(strict=True, ge=50, lt=100)] = 90.0
    """Extension: probability with which the SLO itself must hold, growth included, in percent."""
    growth_cameras: Count = 0
    """Cameras that must fit in addition to those of today."""
    growth_requests_pct: Quantity = 0.0
    """Extension: growth of request rates that must fit, in percent."""
    redundancy: Literal["none", "n+1"] = "none"
    """``n+1``: the scenario still holds when one box has failed."""

    @property
    def usable_share(self) -> float:
        """Share of a resource that may be busy so that the headroom stays free, 0 to 1."""
        return 1.0 - self.headroom_pct / 100.0

    @property
    def confidence(self) -> float:
        """Probability with which the SLO must hold, 0 to 1."""
        return self.confidence_pct / 100.0


class Site(Record):
    """Where the box is installed."""

    max_power_w: PositiveQuantity | None = None
    """Most that one box may draw from the wall, in watts."""
    ambient_c: float | None = None
    """Temperature of the air around the box, in degrees Celsius."""
    fanless: bool = False
    """Only boxes without fans."""


class Money(Record):
    """What things cost."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    """Three letters, for example EUR."""
    usd_rate: PositiveQuantity | None = None
    """Extension: units of ``currency`` per USD; required when the currency is not USD."""
    electricity_per_kwh: Quantity = 0.20
    """Price of a kilowatt-hour in the currency."""
    lifetime_years: PositiveQuantity = 5.0
    """Years over which energy and licences are counted."""
    objective: Literal["price", "tco"] = "price"
    """What is made least: the purchase price, or price with energy and licences over the lifetime."""
    licence_per_box: Quantity = 0.0
    """Extension: licences per box over its lifetime."""
    price_basis: PriceBasis | None = None
    """Extension: ``net`` or ``gross``, which prices are compared; prices that state the other one are brought to it by
    ``tax_pct``. None: prices are compared as they are stated."""
    tax_pct: Quantity | None = None
    """Extension: tax on a net price, in per cent of it; one rate for all prices that state their basis."""
    storage_per_box: Quantity = 0.0
    """Extension: disks for recording, per box."""
    cost_of_failure: Quantity | None = None
    """Extension: what a box that turns out too small costs beyond its price, in the currency; None: one more box of its
    kind."""

    @model_validator(mode="after")
    def _rate(self) -> Money:
        if self.currency != "USD" and self.usd_rate is None:
            raise ValueError(
                f"currency {self.currency} needs usd_rate (units of {self.currency} per USD): catalogue prices are USD"
            )
        return self

    @model_validator(mode="after")
    def _tax(self) -> Money:
        if (self.price_basis is None) != (self.tax_pct is None):
            raise ValueError("price_basis (net or gross: which prices are compared) and tax_pct need each other")
        return self

    def brought(self, price: float, basis: PriceBasis | None) -> tuple[float, PriceBasis | None]:
        """Bring a price to the basis that is compared, where both are stated; with the basis that it then has."""
        if self.price_basis is None or self.tax_pct is None or basis is None or basis == self.price_basis:
            return price, basis
        factor = 1.0 + self.tax_pct / 100.0
        return (price * factor if self.price_basis == "gross" else price / factor), self.price_basis


class Accuracy(Record):
    """What the user permits; int8 is never assumed."""

    precisions: Annotated[tuple[CpuPrecision, ...], Field(min_length=1)] = ("f32",)
    """Precisions that the user's models may run in; int8 only if listed."""


class Application(Record):
    """What the application around the models costs, in addition to decoding, preparation and the passes themselves.

    Core time is that of one performance core of the year 2023 at 4 GHz (docs/methods/application.md): a plan scales it
    to each machine as it scales decoding. ``application: none``: nothing runs around the models.
    """

    overhead_ms_per_frame: Quantity | None = None
    """Core time for every frame of a camera: conversion, queues, tracking, drawing, metadata, encoding, in milliseconds
    of the reference core; None: what is usual, with its spread."""
    overhead_ms_per_object: Quantity | None = None
    """Core time for every object that a stage on objects is given, and for each such stage: cropping, a request,
    its result, in milliseconds of the reference core; None: what is usual, with its spread."""


class SiteGroup(Record):
    """Extension: several sites in one file, each with its own number of cameras."""

    name: Identifier
    """Name of this kind of site."""
    count: PositiveCount
    """Number of such sites."""
    cameras: dict[Identifier, Count]
    """Camera group to number of cameras at each of these sites."""


class Scenario(Record):
    """A scenario file: cameras, cascade, requirement, margins, site and money."""

    scenario: Identifier
    """Name of the scenario."""
    cameras: tuple[CameraGroup, ...] = ()
    """Groups of cameras."""
    requests: tuple[RequestGroup, ...] = ()
    """Extension: groups of callers without a camera."""
    activity: Activity = Activity()
    """Objects and motion in front of the cameras."""
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    """The cascade."""
    slo: Slo
    """What must hold."""
    margin: Margin = Margin()
    """Headroom and redundancy."""
    site: Site = Site()
    """Conditions at the place of installation."""
    money: Money = Money()
    """Prices of energy, licences and storage, and what to minimise."""
    accuracy: Accuracy = Accuracy()
    """What the user permits."""
    candidates: Candidates = Candidates()
    """Platforms to choose from."""
    sites: tuple[SiteGroup, ...] = ()
    """Extension: several sites; empty: one site with the cameras above."""
    application: Application = Application()
    """What the application around the models costs; ``none``: nothing."""
    service_class: ServiceClass | None = None
    """Extension: of all stages that name none."""

    @field_validator("application", mode="before", json_schema_input_type=Literal["none"] | Application)
    @classmethod
    def _no_application(cls, value: object) -> object:
        return Application(overhead_ms_per_frame=0.0, overhead_ms_per_object=0.0) if value == "none" else value

    @model_validator(mode="after")
    def _currencies(self) -> Scenario:
        for name, price in self.candidates.prices.items():
            if price.currency not in {None, "USD", self.money.currency}:
                raise ValueError(
                    f"candidates.prices.{name}: currency {price.currency} differs from money.currency "
                    f"{self.money.currency}: give it in {self.money.currency} or USD"
                )
        return self

    @property
    def why_no_what_if(self) -> str | None:
        """Why the page of its plan answers no what-if; None where it may."""
        if self.requests or not self.camera_count:
            return "it is worked out for cameras alone, and this scenario has requests"
        if self.sites:
            return "it is worked out for one site, and this scenario has several"
        if len({stage.device for stage in self.stages} - {None, "CPU"}) > 1:
            return "it is worked out for one device beside the cores, and stages of this scenario name several"
        return None

    @property
    def names_devices(self) -> bool:
        """Whether anything but the cores may infer."""
        named = (*self.candidates.devices, *(stage.device for stage in self.stages))
        return any(name not in {None, "CPU"} for name in named)

    @property
    def camera_count(self) -> int:
        """Cameras of all groups."""
        return sum(group.count for group in self.cameras)

    def without_addresses(self) -> Scenario:
        """Return the scenario without the addresses of its cameras, which may hold passwords: fit for any document."""
        cameras = tuple(group.model_copy(update={"source": ()}) for group in self.cameras)
        return self.model_copy(update={"cameras": cameras})

    def stage(self, stage_id: str) -> Stage:
        """Return the stage with this id; KeyError if unknown."""
        for stage in self.stages:
            if stage.id == stage_id:
                return stage
        raise KeyError(stage_id)

    def class_of(self, stage: Stage) -> ServiceClass | None:
        """Service class of a stage: its own, else the scenario's."""
        return stage.service_class or self.service_class

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
