"""A farm of boxes: who is there, how far campaigns are, and what a campaign was to measure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Count, PositiveCount, Quantity, Record
from .config import LoadMode, RunConfig


class FarmBox(Record):
    """A box as its worker introduced it to the scheduler."""

    name: str
    fingerprint: str
    """Under which its measurements are stored: of its facts and its name, so that two boxes of one kind stay two."""
    hostname: str | None
    processor: str | None
    cores: PositiveCount | None
    memory_bytes: PositiveCount | None
    sizer_version: str
    present: bool = True
    since: str
    """When it came, or if it is not present when it went; UTC, by the scheduler's clock."""


class BoxProgress(Record):
    """How far one campaign is on one box."""

    name: str
    total: Count | None = None
    """Measurements, or plans, that are asked of it; None: not yet known, as the box has not listed them."""
    known: Count = 0
    """In the store before the campaign began."""
    done: Count = 0
    failed: Count = 0
    lost: Count = 0
    """In flight when the box went; the same command takes them up again."""
    doing: str | None = None
    since: str | None = None
    """When that began; UTC, by the desk's clock."""
    finished: bool = False
    note: str | None = None
    """Why it has finished early, or what it waits for."""


class CampaignProgress(Record):
    """What a desk reports of its campaign, and a second desk reads."""

    id: str
    kind: Literal["bench", "plan"]
    title: str
    desk: str
    """Host name of the desk."""
    started: str
    boxes: tuple[BoxProgress, ...]
    ended: bool = False
    note: str | None = None


class FarmStatus(Record):
    """``sizer farm status --json``."""

    schema_: Annotated[Literal["sizer.farm-status/1"], Field(alias="schema")] = "sizer.farm-status/1"
    sizer_version: str
    created: str
    """By the scheduler's clock, UTC."""
    boxes: tuple[FarmBox, ...]
    campaigns: tuple[CampaignProgress, ...]
    """In the order in which they came; of those that ended the latest."""


class FarmCell(Record):
    """One measurement that a campaign asks of one box."""

    key: str
    kind: Literal["timing", "footprint"]
    box: str
    host_fingerprint: str
    label: str
    model: str
    model_sha256: str
    config: RunConfig
    mode: LoadMode = LoadMode()


class LostCell(Record):
    """A measurement that was in flight when its box went."""

    key: str
    at: str
    """UTC, by the desk's clock."""
    reason: str


class CampaignBox(Record):
    """A box of a campaign."""

    name: str
    fingerprint: str
    hostname: str | None = None
    processor: str | None = None
    clock_ahead_s: float | None = None
    """Its clock minus the desk's when its list of measurements arrived [s], the way of the answer included."""
    note: str | None = None
    """Why it listed nothing, or finished early."""


class FarmRun(Record):
    """A campaign over boxes as the store keeps it; results are measurements of their own, found by their keys."""

    schema_: Annotated[Literal["sizer.farm/1"], Field(alias="schema")] = "sizer.farm/1"
    sizer_version: str
    created: str
    title: str
    """Name of the matrix file."""
    boxes: tuple[CampaignBox, ...]
    cells: tuple[FarmCell, ...]
    lost: tuple[LostCell, ...] = ()
    ended: str | None = None
    """None: the desk has not come to an end of it."""
    took_s: Quantity | None = None


class FarmReport(Record):
    """``sizer farm bench --json``."""

    schema_: Annotated[Literal["sizer.farm-report/1"], Field(alias="schema")] = "sizer.farm-report/1"
    sizer_version: str
    created: str
    run: str
    """Id in the store, for `sizer farm table`."""
    boxes: tuple[BoxProgress, ...]
    took_s: Quantity
    interrupted: bool


class FarmRow(Record):
    """One test of a campaign as a table shows it; times in s, None where there is no figure."""

    box: str
    infrastructure: str
    """Processor and memory of the box."""
    model: str
    model_sha256: str
    kind: Literal["timing", "footprint"]
    config: RunConfig
    mode: LoadMode
    status: Literal["success", "failed", "lost", "missing"]
    """``lost``: in flight when its box went; ``missing``: not taken yet."""
    failure: str | None = None
    streams: Count | None = None
    """As granted; None: not known."""
    threads: Count | None = None
    avg_time_s: Quantity | None = None
    latency_p50_s: Quantity | None = None
    latency_p95_s: Quantity | None = None
    latency_p99_s: Quantity | None = None
    throughput_per_s: Quantity | None = None
    peak_memory_bytes: Quantity | None = None
    disturbed: bool = False
    started: str | None = None
    """UTC, by the box's clock."""
    runtime_version: str | None = None


class FarmTable(Record):
    """``sizer farm table --json``."""

    schema_: Annotated[Literal["sizer.farm-table/1"], Field(alias="schema")] = "sizer.farm-table/1"
    sizer_version: str
    created: str
    run: str
    title: str
    campaign_created: str
    boxes: tuple[CampaignBox, ...]
    rows: tuple[FarmRow, ...]


class SiteRow(Record):
    """One site of ``sizer farm plan``."""

    site: str
    """Name of the scenario file."""
    status: Literal["planned", "infeasible", "failed", "left"]
    reason: str | None = None
    box: str | None = None
    """Where it was planned; None: it was known before, or is left."""
    platform: str | None = None
    """What is recommended; None: nothing suffices."""
    count: PositiveCount | None = None
    price: Quantity | None = None
    currency: str | None = None
    probability: Quantity | None = None
    """Of holding the requirement."""


class SitesReport(Record):
    """``sizer farm plan --json``."""

    schema_: Annotated[Literal["sizer.farm-sites/1"], Field(alias="schema")] = "sizer.farm-sites/1"
    sizer_version: str
    created: str
    boxes: tuple[BoxProgress, ...]
    rows: tuple[SiteRow, ...]
    took_s: Quantity
    interrupted: bool
