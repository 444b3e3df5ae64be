"""What the page of a plan answers "what if" from: the beliefs of a plan by box and stage, small enough to be embedded.

Columns instead of rows, and three figures (P10, P50, P90) per quantity: a page that holds forty boxes stays well below
400 kB. ``advisor/report/what_if/`` reads it; docs/methods/what-if.md says what is worked out from it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, Fraction, PositiveCount, PositiveQuantity, Precision, Quantity, Record

Three = tuple[float, float, float]
"""P10, P50 and P90."""


class StageSurface(Record):
    """Ways to run one stage on a box, one per place in each column."""

    precision: tuple[Precision, ...]
    on_device: tuple[bool, ...]
    """Whether the device of the box infers; else its cores."""
    threads: tuple[PositiveCount, ...]
    """Threads of one pass."""
    batch: tuple[PositiveCount, ...]
    streams: tuple[PositiveCount, ...]
    """Most inference streams."""
    alone_ms: tuple[Three, ...]
    """Time of a pass while nothing else runs."""
    full_ms: tuple[Three, ...]
    """Time of a pass with all cores busy."""
    cores: tuple[Quantity, ...]
    """Cores that a pass keeps busy while it runs, at the median."""
    cold: tuple[Count, ...]
    """Place in ``StagesSurface.colds_ms``."""
    memory_mib: tuple[Three, ...]
    busy_ms: tuple[Three, ...]
    """Time that a pass takes of the device, zeros on the cores; empty: all are on the cores."""
    traffic_mb: tuple[Quantity, ...]
    """Bytes that one input moves [MB]."""
    machine_share: tuple[Fraction, ...]
    """Share of the variance of a pass's error that all models on the box have in common."""
    rise: tuple[Count, ...]
    """Place in ``StagesSurface.rises``."""
    preparation_alone_ms: Three
    preparation_full_ms: Three
    """Preparing one input; zeros where nothing is prepared."""


class StagesSurface(Record):
    """All stages on one kind of box, in one way to use its cores and devices."""

    rises: tuple[tuple[float, ...], ...]
    """Shapes of lengthening: part of the way from alone to full with 1/4, 2/4, ... of the other cores busy. The first
    is that of decoding and preparation."""
    colds_ms: tuple[Three, ...]
    """Added to a pass after a long pause."""
    stages: dict[str, StageSurface]


class DecodeSurface(Record):
    """Decoding of one camera group on a box, at each rate of ``WhatIfSurface.fps_nodes`` of the group."""

    alone_ms: tuple[Three, ...]
    full_ms: tuple[Three, ...]
    """Core time of one frame."""
    engine_ms: tuple[Three, ...]
    """Time of one frame on the engines that decode; zeros where the cores decode."""
    session_share: Three
    """Share of the engines that one stream takes."""


class PlacementSurface(Record):
    """One way to use a box: all cores, its performance cores alone, or with a device that infers, decodes or both."""

    with_device: bool
    """Whether devices other than the cores infer or decode."""
    cores: PositiveQuantity
    slowed_most: Quantity
    """That lengthening with all others busy, as a share of the time alone."""
    stages: Count
    """Place in ``WhatIfSurface.stage_sets``."""
    decode: dict[str, DecodeSurface]
    application_frame_alone_ms: Three
    application_frame_full_ms: Three
    application_object_alone_ms: Three
    application_object_full_ms: Three
    bandwidth_gb_s: Quantity | None
    """At the median."""
    device: str
    """Device that infers; empty: none."""
    utilisation_offset: float
    """Logarithm by which simulated utilisation lies above what all boxes together have."""
    failure_offset: float
    """Added to the logit that a draw fails, for this placement."""


class BoxSurface(Record):
    """One box that can matter."""

    id: str
    name: str
    processor: str
    vendor: str
    price: Quantity
    """Of one box."""
    price_low: Quantity
    price_high: Quantity
    most: PositiveCount | None = None
    """Boxes that can be had at this price; None: any number."""
    memory_mib: Quantity
    wall_w: tuple[float, ...]
    """Wall power at equal steps of utilisation from 0 to 1."""
    placements: tuple[Count, ...]
    """Places in ``WhatIfSurface.placements``, in the order in which the planner tries them."""


class GroupSurface(Record):
    """A group of cameras."""

    group: str
    count: Count
    fps: PositiveQuantity
    fps_nodes: tuple[float, ...]
    codec: str
    plain_sigma: Quantity
    """Spread of single decode times (log)."""
    key_factor: PositiveQuantity
    """Decode time of a key frame over that of the others."""
    gop_frames: PositiveCount | None
    """None: two seconds."""
    traffic_mb: Quantity
    """Bytes that decoding one frame moves [MB]."""
    active_hours: Quantity


class StageQuestion(Record):
    """A stage as the scenario asks for it."""

    id: str
    model: str
    on: str | None
    groups: tuple[str, ...]
    every_frames: Quantity | None
    every_per_s: Quantity | None
    """One of the two; both None: every frame."""
    motion: Fraction
    """Share of the frames on which it is due."""
    mixes_frames: bool
    """Whether inputs of several frames share a pass."""
    items: tuple[float, ...]
    """Inputs per call, at each of ``WhatIfSurface.objects_nodes``."""
    empty: tuple[float, ...]
    """Probability that a frame hands it nothing, likewise."""
    passes: dict[str, tuple[float, ...]]
    """Batch -> passes per call, likewise."""


class LearntLimits(Record):
    """What simulations of these boxes taught: by how much they exceed the closed forms, and from where on they fail.

    Both are functions of ``features`` (standardised logarithms): utilisation by a polynomial of second degree, failure
    by a logistic one of first degree.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    utilisation: tuple[float, ...]
    """Constant, linear and quadratic coefficients (i <= j) of the log ratio of simulated to closed-form utilisation."""
    failure: tuple[float, ...]
    """Constant and linear coefficients of the logit that a draw fails."""
    device_ratio: PositiveQuantity
    """Simulated utilisation of the device over the closed form, median."""
    utilisation_error: Quantity
    """P90 of the relative error of utilisation on simulations that were left out."""
    failure_error: Fraction
    """Share of draws near the limit, left out, whose outcome is predicted wrongly."""
    simulations: Count


class WhatIfSurface(Record):
    """Everything that the page's controls need; ``sizer plan`` remains what settles."""

    schema_: Annotated[Literal["sizer.what-if/1"], Field(alias="schema")] = "sizer.what-if/1"
    scenario: str
    currency: str
    objective: Literal["price", "tco"]
    electricity_per_kwh: Quantity
    lifetime_years: PositiveQuantity
    extras_per_box: Quantity
    """Licences and storage over the lifetime."""
    cost_of_failure: Quantity | None
    latency_p95_ms: PositiveQuantity
    drops_max_pct: Quantity
    camera_fps: PositiveQuantity | None
    headroom_pct: Quantity
    confidence_pct: Quantity
    growth_cameras: Count
    spare_boxes: Count
    max_boxes: PositiveCount
    precisions: tuple[Precision, ...]
    int8_asked: bool
    devices_asked: bool
    devices_offered: bool
    """Whether the choice can be made here: no stage names its device, and some box has one."""
    resolution: Quantity
    """Difference of two probabilities that predictions can tell apart."""
    groups: tuple[GroupSurface, ...]
    stages: tuple[StageQuestion, ...]
    objects: dict[str, float]
    """Class -> objects per frame at the load that is planned for."""
    objects_nodes: tuple[float, ...]
    """Factors on the objects of the scenario."""
    cameras_most: float
    """Largest factor on the cameras of the scenario that was simulated."""
    draws: dict[str, str]
    """Part -> standard normal quantiles of the joint draws: 16-bit integers (4096 = 1), base64."""
    constants: dict[str, float]
    """Of the closed forms and of the choice among boxes, by name; the planner's own."""
    limits: LearntLimits
    """Of boxes whose cores infer."""
    device_limits: LearntLimits | None
    """Of boxes with a device that infers; None: none has one."""
    stage_sets: tuple[StagesSurface, ...]
    """What is believed of the stages; ways to use a box that differ in decoding alone share theirs."""
    placements: tuple[PlacementSurface, ...]
    """Ways to use the boxes; boxes of which nothing but price and memory differs share theirs."""
    boxes: tuple[BoxSurface, ...]
    left_out: Count
    """Boxes of the catalogue that other boxes beat in both price and capacity, so that they cannot matter."""
