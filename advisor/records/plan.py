"""The recommendation and everything a buyer needs to defend it (schema sizer.plan/1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from .base import (
    Evidence,
    Interval,
    LatencyInterval,
    OfferKind,
    PositiveCount,
    PositiveQuantity,
    PriceBasis,
    Record,
    Tail,
)
from .config import RunConfig
from .host_settings import HostSettings
from .scenario import Scenario
from .trace import Timeline

if TYPE_CHECKING:
    import pandas as pd


MAY_HOLD = 0.2
"""Probability from which on a box that misses the confidence asked for is said to be worth a run on it."""
FILTERS = ("candidates.", "site.", "slots")
"""How checks begin that exclude a platform before anything of it is judged."""


OLD_PRICE_DAYS = 90
"""Age from which a price is shown as old."""


class Price(Record):
    """What is paid for the boxes; None where no price is known."""

    value: float | None
    currency: str
    kind: str
    source: str
    date: str | None
    stale: bool
    per_box: float | None
    low: float | None = None
    high: float | None = None
    """P10 and P90 of what the boxes may cost, in the currency; None where no price is known, or by sizer 0.1."""
    basis: PriceBasis | None = None
    """Without tax or with it, as its source states; None: not stated."""
    offer_kind: OfferKind | None = None
    """Kind of the offer that it rests on; None: no offer."""


class Tco(Record):
    """Price, energy and licences over the lifetime."""

    value: float | None
    currency: str
    lifetime_years: float
    energy_kwh_per_year: Interval
    energy_cost_per_year: Interval
    licences: float
    storage: float
    wall_w: Interval


class DecodeConfig(Record):
    """How cameras are decoded."""

    threads: int
    device: Literal["software", "hardware"] = "software"
    """``hardware``: by engines of the chip's graphics."""


class PlanConfig(Record):
    """Everything that must be set on the box."""

    stages: dict[str, RunConfig]
    decode: DecodeConfig
    host: HostSettings = HostSettings()
    """Of the operating system, for the process that runs all of it."""


class PredictedLoad(Record):
    """What the scenario will look like on the platform; the intervals run over what is not known of its speed."""

    camera_fps: Interval
    drops_pct: Interval
    latency_ms: Tail
    """At the median of what is believed of the platform's speed."""
    latency_p95_ms: LatencyInterval
    utilisation: dict[str, Interval]
    """Per resource: cpu, memory_bandwidth, memory; and per stage its share of the CPU."""
    capacity_cameras: Interval | None
    """Most cameras that meet the SLO, headroom aside; None for a scenario without cameras."""
    capacity_requests_per_s: Interval | None = None
    memory_bytes: Interval | None = None
    stage_load: dict[str, Interval] = {}
    """Cores that each stage keeps busy, and decode, and the application's own work on frames."""
    evidence: dict[str, Evidence] = {}
    requests: Timeline | None = None
    """What happens to each request in a window of the simulation at the median; of the recommendation alone."""


class BreaksFirst(Record):
    """A resource and the load at which it gives way."""

    resource: str
    at_cameras: float | None
    at_objects_factor: float | None
    at_requests_per_s: float | None = None
    text: str


class DefaultGain(Record):
    """What the chosen configuration gains over one that is usual, on the same boxes."""

    hint: Literal["throughput", "latency", "auto", "partition"]
    """OpenVINO's hints; its AUTO device; or the chosen options with cores of their own for every stage and decode."""
    precision: str
    capacity_cameras: float | None
    """Cameras that the default carries at the median; None for a scenario without cameras."""
    capacity_requests_per_s: float | None = None
    """The same for a scenario of requests."""
    holds: bool | None = None
    """Whether the default would hold, too, by the rule of the recommendation."""
    ratio: float | None
    """Capacity of the chosen configuration over that of the default at the median; None where the default has none."""
    text: str


class StageBatching(Record):
    """Batches that the runtime could make of a stage's requests (OpenVINO's device BATCH), and why it does or not."""

    stage: str
    batch: PositiveCount
    """Requests that make one pass."""
    timeout_ms: float
    """Time-out after which what has come runs one by one."""
    used: bool
    cores_spared: float | None
    """Cores that full batches spare today at the median, against what is set; None where that was not looked at."""
    text: str


class AutoStart(Record):
    """What OpenVINO's device AUTO would do at the start, in place of the devices that are set.

    It answers on the CPU until the GPU or NPU has compiled its models.
    """

    compile_s: dict[str, float | None]
    """Stage on a device -> time to compile it there without a cache, as measured on it; None: not measured."""
    holds: bool | None
    """Whether the cores would meet the SLO meanwhile, today at the median; None: nothing is known of such passes."""
    latency_p95_ms: float | None
    """On the cores; None: not known, or no end."""
    lost_pct: float | None
    """Share of the frames that would be lost until the last device is ready; None: not known."""
    text: str


class BoxShare(Record):
    """Some equal boxes of a mix."""

    platform: str
    name: str
    count: int
    cameras: dict[str, int]
    """Cameras per group on each of these boxes, growth included."""
    price_per_box: float
    stages: tuple[str, ...] = ()
    """Stages that run on these boxes, where the stages are split over boxes; empty: all of them."""
    config: PlanConfig | None = None
    """What must be set on each of them; it carries its cameras with growth, and with n+1 after the loss of a box."""
    predicted: PredictedLoad | None = None
    """What each of them will look like with these cameras."""


class Mix(Record):
    """Different boxes, or boxes with different stages, that carry the scenario together for less than equal ones."""

    boxes: tuple[BoxShare, ...]
    price: float
    currency: str
    saving: float
    text: str


class NextMeasurement(Record):
    """A measurement on a platform that would take most of the uncertainty about it away."""

    part: str
    """Stage id, or decode."""
    command: str
    """To be run on such a box."""
    share: float
    """Share of the part in the distance between the load at the P90 of each part and at the median, 0 to 1."""
    text: str


class Undecided(Record):
    """A platform that may or may not hold: it does at the median, not at the confidence asked for."""

    platform: str
    name: str
    count: int
    """Boxes that would be bought."""
    price: Price
    """Of all of them."""
    probability: float
    """Probability that it meets the SLO, growth included."""
    measurement: NextMeasurement | None
    """None where everything was measured on it already."""
    text: str


class PlanOption(Record):
    """A platform with its configuration, price and prediction."""

    platform: str
    name: str
    count: int
    evidence: Evidence
    confidence: str
    probability: float
    """Probability that the SLO is met, growth included: the share of the joint draws of what is believed of the boxes
    in which it is (docs/methods/probability.md)."""
    feasible: bool
    price: Price
    tco: Tco
    config: PlanConfig
    predicted: PredictedLoad
    breaks_first: tuple[BreaksFirst, ...] = ()
    note: str = ""
    role: str = ""
    """Why an alternative is shown: next in price, another maker, more room."""
    gain_over_default: tuple[DefaultGain, ...] = ()
    evidence_text: str = ""
    """Evidence per part in words; ``evidence`` is the weakest of them."""
    next_measurement: NextMeasurement | None = None
    """What would narrow the intervals most; None where everything was measured on it."""
    buys: str = ""
    """What it has beyond the recommendation, for how much more."""
    expected_cost: float | None = None
    """Cost in the scenario's objective, and what a failure costs times its probability; None: its price is unknown."""
    ladder: tuple[LadderStep, ...] = ()
    """What each layer of safety costs, of the recommendation alone."""
    batching: tuple[StageBatching, ...] = ()
    """What automatic batching by the runtime was weighed to be, of the recommendation alone."""
    auto: AutoStart | None = None
    """What AUTO would do in place of the devices that are set, of the recommendation alone; None: none are set."""


class LadderStep(Record):
    """What one layer of safety costs: the cheapest boxes that suffice once it is asked for, on top of those before."""

    layer: str
    """In words, with its figure: today's load, growth, headroom, confidence."""
    platform: str | None
    """None where nothing suffices."""
    count: int
    """Boxes that are bought."""
    price: float | None
    """Of all of them, in the scenario's currency."""


class Tie(Record):
    """Boxes that cannot be told apart from the recommended ones: by their probability, or by their price."""

    platform: str
    name: str
    count: int
    """Boxes that would be bought."""
    price: float
    """Of all of them, in the scenario's currency."""
    probability: float
    """That they meet the SLO, growth included."""
    expected_cost: float
    """Cost in the scenario's objective, and what a failure costs times its probability."""
    would_settle: str
    """The measurement, run of ``sizer verify`` or offer that would decide, and what it would save."""
    saving: float
    """Cost of the recommendation beyond that of these boxes, in the scenario's objective; negative: they are dearer."""


class ParetoPoint(Record):
    """A platform that holds, to which nothing is both cheaper and roomier."""

    platform: str
    count: int
    """Boxes that are bought."""
    price: Price
    """Of all of them."""
    headroom: float
    """Share of the binding resource that stays free with growth, at the median."""


class Rejected(Record):
    """A platform that is not recommended, and why."""

    platform: str
    name: str
    reason: str
    check: str | None = None
    predicted: PredictedLoad | None = None
    price: Price | None = None
    """Of ``count`` boxes."""
    evidence: Evidence = Evidence.UNKNOWN
    count: int = 1
    """Boxes that were judged."""
    capacity_exact: bool = False
    """Whether the predicted capacity was simulated; else it is the upper bound of the utilisation law."""

    @property
    def judged_evidence(self) -> Evidence | None:
        """What it was judged on; None where it was rejected before its load was predicted (power, price)."""
        return self.evidence if self.predicted is not None or self.check == "evidence" else None


class Sensitivity(Record):
    """One change of an assumption and what it does to the recommendation."""

    change: str
    holds: bool | None
    platform: str | None
    price: float | None
    """Of all boxes that the change takes."""
    text: str
    count: PositiveCount = 1
    """Boxes of ``platform`` that are bought then, spare ones among them."""


class DisturbedTimings(Record):
    """That passes of a machine of the plan were timed while other load ran, and what that does to the plan."""

    timings: PositiveCount
    """Timings of the scenario's models on that machine that the plan knows."""
    disturbed: PositiveCount
    """Those of them during which other load was seen."""
    reasons: tuple[str, ...]
    """What was seen, most frequent first."""
    quiet_capacity_cameras: Interval | None = None
    """Most cameras with timings as they are expected on a quiet machine; None for a scenario without cameras, or where
    nothing could be predicted."""
    quiet_capacity_requests_per_s: Interval | None = None
    """The same for a scenario of requests."""
    text: str
    """In words: what was seen, what it means for the figures, how to measure again."""


class PresentMachine(Record):
    """That the machine that a plan tells of is faster or slower now than when it was measured, and what that does."""

    timed_anew: PositiveCount
    """Timings that were taken once more for the plan."""
    measured: str
    """When the oldest of them had been taken before (UTC)."""
    slower: PositiveQuantity
    """Factor by which passes take longer now, the mean of a machine that idles and one at full load."""
    measured_capacity_cameras: Interval | None = None
    """Most cameras in the hour in which it was measured; None for a scenario without cameras, or where nothing could be
    predicted."""
    measured_capacity_requests_per_s: Interval | None = None
    """The same for a scenario of requests."""
    text: str
    """In words."""


class PlanBasis(Record):
    """Everything that a plan depends on, each with its version: two plans with equal ones give the same answer."""

    scenario_sha256: str
    """Of the scenario file."""
    catalogue: str
    """SHA-256 over ids and contents of all catalogue files: those that ship and the user's own."""
    calibration: str
    """SHA-256 over the shipped calibration and the version of sizer, whose formulas it is made for."""
    offers: str | None = None
    """SHA-256 of the offers that prices were taken from; None: prices are those of the catalogue and the scenario."""
    as_of: str | None = None
    """Day that offers were brought to; None as above."""
    seed: int
    """Of the simulations."""
    measurements: tuple[str, ...] = ()
    """Keys (in the store) of the measurements that were taken into account, sorted; empty where nothing that was
    measured on any machine of the user entered, which is the default for a plan over the catalogue."""
    this: str | None = None
    """Fingerprint of the machine that the plan calls ``this``; None: that machine is no candidate."""
    slower_now: dict[str, float] = {}
    """Factor by which a pass takes longer on that machine now than when it was timed, by the start of the hash of the
    model's file and what it meets (alone, full: all cores busy, rested: after a pause); empty: nothing timed anew."""


class WithoutMeasurements(Record):
    """What would be recommended if nothing that was measured on one machine entered the predictions of others."""

    entered: tuple[str, ...]
    """The measurements that entered the plan itself, in words."""
    platform: str | None
    """None where no equal boxes would hold."""
    count: int
    """Boxes that would be bought."""
    price: Price | None
    """Of all of them."""
    probability: float | None
    """That they meet the SLO, growth included."""


class Plan(Record):
    """The answer of `sizer plan`: a recommendation and everything that a buyer needs to defend it."""

    schema_: Annotated[Literal["sizer.plan/1"], Field(alias="schema")] = "sizer.plan/1"
    sizer_version: str
    created: str
    scenario: str
    scenario_sha256: str
    objective: str
    recommended: PlanOption | None
    alternatives: tuple[PlanOption, ...]
    rejected: tuple[Rejected, ...]
    sensitivity: tuple[Sensitivity, ...]
    assumptions: tuple[str, ...]
    just_fails: Rejected | None = None
    next_dearer: PlanOption | None = None
    scenario_changes: tuple[Sensitivity, ...] = ()
    warnings: tuple[str, ...] = ()
    seeds: dict[str, int] = {}
    search: dict[str, float | int | None] = {}
    """How many platforms and configurations were bounded, simulated and left out."""
    ties: tuple[Tie, ...] = ()
    """Boxes that cannot be told apart from the recommended ones, in ascending price."""
    nearest_misses: tuple[Rejected, ...] = ()
    """Without a recommendation: the three that come closest, nearest first."""
    undecided: tuple[Undecided, ...] = ()
    """Cheaper platforms (without a recommendation: the nearest misses) that may or may not hold."""
    pareto: tuple[str, ...] = ()
    """Platforms to which nothing is both cheaper and roomier, in ascending price; each holds."""
    pareto_points: tuple[ParetoPoint, ...] = ()
    """The same with boxes, price and headroom."""
    mix: Mix | None = None
    split: Mix | None = None
    """Boxes among which not the cameras but the stages are split, where that costs less than equal boxes."""
    sites: tuple[dict[str, Any], ...] = ()
    """One row per kind of site: its cameras, boxes, bill and configuration (as ``PlanConfig``)."""
    sites_total: dict[str, Any] = {}
    """Sites, boxes and the total bill."""
    model_notes: dict[str, str] = {}
    asked: Scenario | None = None
    """The scenario that is answered, without the addresses of its cameras; None in plans of sizer before 0.2."""
    not_considered: tuple[str, ...] = ("accelerators", "integrated graphics", "neural processors")
    """Kinds of hardware that the answer leaves out, whatever they would cost."""
    inputs: PlanBasis | None = None
    """What the plan depends on; None in plans of sizer 0.1."""
    without_measurements: WithoutMeasurements | None = None
    """The answer without what this machine lends to others (``sizer plan --measure``); None where it lends nothing."""
    disturbed: DisturbedTimings | None = None
    """None where neither what is recommended was measured, nor a machine that was named (``--on``), or where that one
    was quiet while its passes were timed."""
    present: PresentMachine | None = None
    """None where the answer does not rest on this machine, or where it is as fast now as when it was measured."""

    @model_validator(mode="before")
    @classmethod
    def _without_versions(cls, data: Any) -> Any:
        """Drop the key ``versions`` that sizer 0.1 wrote, always empty."""
        if isinstance(data, dict) and data.get("versions") == {}:
            return {key: value for key, value in data.items() if key != "versions"}
        return data

    @property
    def carried(self) -> bool:
        """Whether anything carries the scenario: equal boxes, a mix of boxes, or stages split over boxes."""
        return any(item is not None for item in (self.recommended, self.mix, self.split))

    @property
    def nothing_known(self) -> bool:
        """Whether there is no answer because nothing is known of any platform, not because none suffices."""
        judged = [item for item in self.rejected if not (item.check or "").startswith(FILTERS)]
        return bool(judged) and self.recommended is None and all(item.check == "evidence" for item in judged)

    @property
    def unpriced(self) -> tuple[Rejected, ...]:
        """Without a recommendation: platforms that hold and have no known price, the busiest (the smallest) first."""
        holding = [
            item
            for item in self.rejected
            if item.check == "cost" and item.predicted is not None and (item.price is None or item.price.value is None)
        ]
        if self.carried:
            return ()
        return tuple(
            sorted(holding, key=lambda item: -item.predicted.utilisation["cpu"].p50 if item.predicted else 0.0)
        )

    @property
    def cannot_tell(self) -> bool:
        """Whether nothing holds as surely as is asked for, but a box may well: the answer is neither yes nor no."""
        return not self.carried and any(item.probability >= MAY_HOLD for item in self.undecided)

    def to_frame(self) -> pd.DataFrame:
        """Options as a table: the recommendation, the alternatives, then what was rejected, in the plan's order.

        Returns
        -------
        pandas.DataFrame
            One row per platform, ``status`` being ``recommended``, ``alternative`` or ``rejected``. Units are in the
            names: money ends with the scenario's currency (``price_usd``), latencies with ``_ms``, shares with
            ``_pct``, power with ``_w``; ``_p10``, ``_p50`` and ``_p90`` are quantiles of the prediction. ``evidence``
            is an ordered category, weakest first. What is unknown, or was not predicted of a rejected platform, is
            missing. docs/api.md lists the columns.

        Notes
        -----
        ``mix``, ``split`` and ``sites`` are answers of several platforms each: they stay in the record.
        """
        from .frames import OptionRow, frame_of, option_columns

        recommended = () if self.recommended is None else (self.recommended,)
        rows = [
            *(OptionRow("recommended", item.evidence, option=item) for item in recommended),
            *(OptionRow("alternative", item.evidence, option=item) for item in self.alternatives),
            *(OptionRow("rejected", item.judged_evidence, rejected=item) for item in self.rejected),
        ]
        prices = (item.price for item in (*recommended, *self.alternatives, *self.rejected))
        currency = next((price.currency for price in prices if price is not None), "USD")
        return frame_of(option_columns(currency), rows)
