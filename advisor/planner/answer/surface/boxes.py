"""Which boxes can matter at other settings, and what is believed of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from advisor.planner.question.inputs import Candidate
from advisor.planner.search.belief import MEDIAN, OPTIMISTIC, PESSIMISTIC
from advisor.planner.search.loads import risen
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.rank import least_cores
from advisor.planner.search.stage_option import CoreCost, StageOption
from advisor.planner.search.study import Study
from advisor.records.base import Interval
from advisor.records.plan import Plan
from advisor.records.scenario import CameraGroup, Scenario, Stage
from advisor.records.surface import BoxSurface, DecodeSurface, PlacementSurface, StagesSurface, StageSurface, Three

Kept = TypeVar("Kept")

MOST_BOXES = 30
"""Boxes of a page: those that fewest others beat in both price and capacity."""
WATT_STEPS = 16
CAREFUL_DIGITS = 4
"""Significant digits of a figure on the page: 0.05 % at most, far below what any of them is known to."""
NOTHING: Three = (0.0, 0.0, 0.0)


def rounded(value: float) -> float:
    """Round to :data:`CAREFUL_DIGITS`; a whole number stays one in JSON's text."""
    return float(f"{value:.{CAREFUL_DIGITS}g}")


def three(interval: Interval | None, factor: float = 1e3) -> Three:
    """Quantiles of an interval times a factor (seconds to milliseconds), rounded."""
    if interval is None:
        return NOTHING
    return rounded(interval.p10 * factor), rounded(interval.p50 * factor), rounded(interval.p90 * factor)


def along(figure: Callable[[float], float], factor: float = 1e3) -> Three:
    """Values of a figure at the three quantiles, rounded."""
    low, middle, high = (rounded(figure(z) * factor) for z in (OPTIMISTIC, MEDIAN, PESSIMISTIC))
    return low, middle, high


def that_matter(study: Study, candidates: Sequence[Candidate], plan: Plan) -> list[Candidate]:
    """Boxes with a price and a prediction that fewest others beat in both, and all that the plan names."""
    named = {option.platform for option in plan.alternatives} | {tie.platform for tie in plan.ties}
    if plan.recommended is not None:
        named.add(plan.recommended.platform)
    if plan.just_fails is not None:
        named.add(plan.just_fails.platform)
    load = study.case.required(1)
    placed = []
    for candidate in candidates:
        price = study.price(candidate, 1).value
        cores = least_cores(study, candidate, load, MEDIAN)
        if price is not None and cores is not None:
            placed.append((candidate, price, cores / study.model(candidate).cores))
    ranked = []
    for candidate, price, burden in placed:
        beaten = sum(other_price < price and other < burden for _, other_price, other in placed)
        ranked.append((candidate.platform.id not in named, beaten, price, candidate.platform.id, candidate))
    ranked.sort(key=lambda item: item[:4])
    return [item[-1] for item in ranked[:MOST_BOXES]]


def box_surface(study: Study, candidate: Candidate, placements: Sequence[int]) -> BoxSurface:
    """Record of a box with the places of the ways to use it."""
    price, bought = study.price(candidate, 1), 1 + study.case.spare_boxes
    assert price.per_box is not None  # boxes without a price are left out
    low, high = price.low, price.high
    power_w = study.inputs.predictor.power_w
    return BoxSurface(
        id=candidate.platform.id,
        name=candidate.platform.name,
        processor=candidate.platform.processor,
        vendor=candidate.machine.vendor or "",
        price=price.per_box,
        price_low=price.per_box if low is None else low / bought,
        price_high=price.per_box if high is None else high / bought,
        most=study.at_hand(candidate),
        memory_mib=rounded((candidate.machine.memory_bytes or 0.0) / 2**20),
        wall_w=tuple(
            rounded(power_w(candidate.machine, step / WATT_STEPS).p50 + candidate.added_w)
            for step in range(WATT_STEPS + 1)
        ),
        placements=tuple(placements),
    )


def placement_surface(
    model: PlatformModel,
    scenarios: Sequence[Scenario],
    nodes: dict[str, tuple[float, ...]],
    sets: list[StagesSurface],
    *,
    with_device: bool,
) -> PlacementSurface | None:
    """What is believed of one way to use a box; None where a stage has no option under any of ``scenarios``.

    ``scenarios``: the same with and without int8; ``nodes``: rates at which decoding is worked out, by group; ``sets``:
    those of the stages that are known, to which its own is added.
    """
    first = scenarios[0]
    shapes = _Shared([_shape(model.core_rise)], [])
    stages = {stage.id: _stage_surface(model, scenarios, stage, shapes) for stage in first.stages}
    if any(surface is None for surface in stages.values()):
        return None
    frame = model.frame_application(first)
    overhead_ms = first.application.overhead_ms_per_object
    item = model.application("object", overhead_ms)
    bandwidth = model.bandwidth_bytes_per_s(MEDIAN)
    own = StagesSurface(
        rises=tuple(shapes.rises),
        colds_ms=tuple(shapes.colds_ms),
        stages={name: surface for name, surface in stages.items() if surface is not None},
    )
    return PlacementSurface(
        with_device=with_device,
        cores=model.cores,
        slowed_most=rounded(model.slowing[-1]) if model.slowing else 0.0,
        stages=_place(own, sets),
        decode={
            camera.group: _decode_surface(model, camera, nodes[camera.group])
            for camera in first.cameras
            if camera.codec != "raw"
        },
        application_frame_alone_ms=_alone(frame),
        application_frame_full_ms=_full(frame),
        application_object_alone_ms=_alone(item),
        application_object_full_ms=_full(item),
        bandwidth_gb_s=None if bandwidth is None else rounded(bandwidth / 1e9),
        device="" if model.use is None else model.use.name,
        utilisation_offset=0.0,
        failure_offset=0.0,
    )


def _alone(cost: CoreCost | None) -> Three:
    return NOTHING if cost is None else three(cost.alone_s)


def _full(cost: CoreCost | None) -> Three:
    return NOTHING if cost is None else three(cost.core_s)


def _decode_surface(model: PlatformModel, camera: CameraGroup, rates: Sequence[float]) -> DecodeSurface:
    at_rates = [camera.model_copy(update={"fps": rate}) for rate in rates]
    costs = [model.decode(other) for other in at_rates]
    engines = model.engines
    return DecodeSurface(
        alone_ms=tuple(three(cost.alone_s) for cost in costs),
        full_ms=tuple(three(cost.core_s) for cost in costs),
        engine_ms=tuple(three(model.engine_s(other)) for other in at_rates),
        session_share=NOTHING if engines is None else three(engines.sessions_share(camera.codec), 1.0),
    )


@dataclass(frozen=True)
class _Shared:
    """What many options of one placement have in common, each kept once."""

    rises: list[tuple[float, ...]]
    colds_ms: list[Three]


def _place(value: Kept, among: list[Kept]) -> int:
    if value not in among:
        among.append(value)
    return among.index(value)


def _shape(rise: Sequence[float]) -> tuple[float, ...]:
    """Shape of a lengthening in quarters, to three decimals: it is a share of one."""
    return tuple(round(risen(tuple(rise), quarter / 4), 3) for quarter in (1, 2, 3, 4))


def _stage_surface(
    model: PlatformModel, scenarios: Sequence[Scenario], stage: Stage, shared: _Shared
) -> StageSurface | None:
    kept: dict[int, StageOption] = {}
    for scenario in scenarios:
        for option in _worth_showing(model.options(scenario, stage)):
            kept.setdefault(id(option), option)
    if not kept:
        return None
    unique = {(option.config, option.busy is None): option for option in kept.values()}
    options = list(unique.values())
    of_device = any(option.busy is not None for option in options)
    preparation = options[0].preprocess
    return StageSurface(
        precision=tuple(option.config.precision for option in options),
        on_device=tuple(option.busy is not None for option in options),
        threads=tuple(option.threads_per_stream for option in options),
        batch=tuple(option.config.batch for option in options),
        streams=tuple(option.config.streams or 1 for option in options),
        alone_ms=tuple(along(option.alone_s) for option in options),
        full_ms=tuple(along(option.pass_s) for option in options),
        cores=tuple(rounded(option.core_s(MEDIAN) / option.pass_s(MEDIAN)) for option in options),
        cold=tuple(_place(_cold_ms(model, option), shared.colds_ms) for option in options),
        memory_mib=tuple(three(option.estimate.memory_bytes, 1 / 2**20) for option in options),
        busy_ms=tuple(three(option.busy) for option in options) if of_device else (),
        traffic_mb=tuple(rounded(option.estimate.bandwidth_bytes / option.config.batch / 1e6) for option in options),
        machine_share=tuple(round(option.estimate.machine_share, 2) for option in options),
        rise=tuple(_place(_shape(option.estimate.contention_rise), shared.rises) for option in options),
        preparation_alone_ms=_alone(preparation),
        preparation_full_ms=_full(preparation),
    )


def _cold_ms(model: PlatformModel, option: StageOption) -> Three:
    return along(lambda z: option.cold_s(model.cold, z))


def _worth_showing(options: Sequence[StageOption]) -> list[StageOption]:
    """Per batch and place the option with least core time, and of all of a place the fastest."""
    kept: list[StageOption] = []
    for on_cores in (True, False):
        here = [option for option in options if (option.busy is None) is on_cores]
        for batch in sorted({option.config.batch for option in here}):
            alike = [option for option in here if option.config.batch == batch]
            kept.append(min(alike, key=lambda option: option.least_core_s(MEDIAN)))
        if here:
            kept.append(min(here, key=lambda option: option.alone_s(MEDIAN)))
    return kept
