"""What each part of a box costs in each of the joint draws, and at each load of its cores.

Boxes of one chip, with and without devices, are asked about hundreds of times in one plan with the same records of cost
and the same draws: what was worked out is kept until the plan is made (:func:`forget`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from advisor.errors import ModelRangeError
from advisor.records.base import Z90, Interval
from advisor.records.scenario import Scenario

from .belief import MEDIAN, OPTIMISTIC, PESSIMISTIC, QUANTILES
from .costs import LoadFacts, StageLoad
from .platform_model import PlatformModel
from .same import Same
from .stage_option import CoreCost, StageOption

Floats = NDArray[np.float64]


def at_each(interval: Interval, z: Floats) -> Floats:
    """Values of a positive interval at quantiles ``z``: :func:`~advisor.planner.search.belief.at` for many at once.

    Raises
    ------
    ModelRangeError
        The interval reaches zero or below.
    """
    if interval.p50 <= 0:
        return np.full(z.shape, interval.p50)
    if interval.p10 <= 0:
        raise ModelRangeError(f"interval is not positive: {interval}")
    slow, fast = math.log(interval.p90 / interval.p50) / Z90, math.log(interval.p50 / interval.p10) / Z90
    values: Floats = interval.p50 * np.exp(np.where(z >= 0, slow, fast) * z)
    return values


def of_cost(cost: CoreCost, z: Floats) -> tuple[Floats, Floats]:
    """Core time of work that is no pass at quantiles ``z``, while the others idle and with all cores busy [s].

    ``z``: one of the arrays that are kept (:func:`~advisor.planner.search.joint.part_draws`); for others nothing is
    known from before.
    """
    return _known_of_cost(Same(cost), Same(z))


@lru_cache(maxsize=1024)
def _known_of_cost(cost: Same[CoreCost], z: Same[Floats]) -> tuple[Floats, Floats]:
    least_s, most_s = at_each(cost.item.alone_s, z.item), at_each(cost.item.core_s, z.item)
    least_s.flags.writeable = most_s.flags.writeable = False  # whoever asks again has the same arrays
    return least_s, most_s


def _at_each_row(low: Floats, middle: Floats, high: Floats, z: Floats) -> Floats:
    """The same for several intervals (rows), given as P10, P50 and P90 of each; all of them positive, or all zero.

    Raises
    ------
    ModelRangeError
        An interval reaches zero or below.
    """
    if not middle.any():
        return np.zeros((len(middle), len(z)))
    if (low <= 0).any():
        raise ModelRangeError(f"interval is not positive: from {low.min()}")
    slow, fast = np.log(high / middle) / Z90, np.log(middle / low) / Z90
    values: Floats = middle[:, None] * np.exp(np.where(z >= 0, slow[:, None], fast[:, None]) * z)
    return values


def along(figure: Callable[[float], float], z: Floats) -> Floats:
    """Values of a figure that is known at three quantiles, log-linear on each side of the median."""
    return at_each(Interval(p10=figure(OPTIMISTIC), p50=figure(MEDIAN), p90=figure(PESSIMISTIC)), z)


def _slowed(model: PlatformModel) -> tuple[float, ...]:
    """Part of the full lengthening at each load; 0 alone where a machine's demands do not depend on it."""
    return model.slowed if model.slowing else (0.0,)


def frame_rows(model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: Floats, application_z: Floats) -> Floats:
    """Cores that decoding and the application keep busy for all frames, at each load (rows) in each draw (columns)."""
    decoded = tuple(
        (facts.decode[camera.group], Same(model.decode(camera)))
        for camera in scenario.cameras
        if facts.decode[camera.group] > 0
    )
    application = model.frame_application(scenario)
    work = None if application is None else (facts.frames_per_s, Same(application))
    return _known_frame_rows(decoded, work, _slowed(model), Same(z), Same(application_z))


@lru_cache(maxsize=64)
def _known_frame_rows(
    decoded: tuple[tuple[float, Same[CoreCost]], ...],
    application: tuple[float, Same[CoreCost]] | None,
    slowed: tuple[float, ...],
    z: Same[Floats],
    application_z: Same[Floats],
) -> Floats:
    """Kept for the next choice under the load, with a device or without: with many groups it takes longer than all
    stages. Work is given as its rate [1/s] and its cost.
    """
    total = np.zeros((len(slowed), len(z.item)))
    for rate, cost in decoded:
        total += rate * _between(*of_cost(cost.item, z.item), slowed)
    if application is not None:
        rate, cost = application
        total += rate * _between(*of_cost(cost.item, application_z.item), slowed)
    total.flags.writeable = False
    return total


def _between(least_s: Floats, most_s: Floats, slowed: tuple[float, ...]) -> Floats:
    """Core time at each load (rows) in each draw (columns) of what takes so long idle and with all cores busy [s]."""
    between: Floats = least_s + np.array(slowed)[:, None] * (most_s - least_s)
    return between


def input_s(option: StageOption, preparation_z: Floats, application_z: Floats) -> tuple[Floats, Floats]:
    """Core time to prepare an input and of the application's work on it: at least, and with all cores busy [s]."""
    return _input_s(option.preprocess, option.application, preparation_z, application_z)


def _input_s(
    preprocess: CoreCost | None, application: CoreCost | None, preparation_z: Floats, application_z: Floats
) -> tuple[Floats, Floats]:
    least_s, most_s = np.zeros(preparation_z.shape), np.zeros(preparation_z.shape)
    for cost, z in ((preprocess, preparation_z), (application, application_z)):
        if cost is not None:
            least, most = of_cost(cost, z)
            least_s, most_s = least_s + least, most_s + most
    return least_s, most_s


def stage_rows(
    model: PlatformModel,
    option: StageOption,
    load: StageLoad,
    z: Floats,
    preparation_z: Floats,
    application_z: Floats,
) -> Floats:
    """Cores that a stage keeps busy at each load (rows) in each draw (columns)."""
    if model.slowing:
        by_load = _passes_by_load(Same(option), model.cores, Same(z))
    else:
        by_load = along(option.least_core_s, z)[None]
    prepared_s = _prepared_by_load(
        Same(option.preprocess), Same(option.application), _slowed(model), Same(preparation_z), Same(application_z)
    )
    rows: Floats = load.passes[option.config.batch] * by_load
    rows += load.items_per_call * prepared_s
    rows *= load.calls_per_s
    return rows


@lru_cache(maxsize=64)
def _prepared_by_load(
    preprocess: Same[CoreCost | None],
    application: Same[CoreCost | None],
    slowed: tuple[float, ...],
    z: Same[Floats],
    application_z: Same[Floats],
) -> Floats:
    """Core time of :func:`input_s` at each load (rows) in each draw (columns) [s]: all options of a stage share it."""
    least_s, most_s = _input_s(preprocess.item, application.item, z.item, application_z.item)
    prepared_s = _between(least_s, most_s, slowed)
    prepared_s.flags.writeable = False
    return prepared_s


@lru_cache(maxsize=256)
def _passes_by_load(option: Same[StageOption], cores: float, z: Same[Floats]) -> Floats:
    """Core time of a pass at each load (rows) in each draw (columns) [s]: whatever the rate of passes."""
    low, middle, high = (np.array(option.item.loaded_core_s(cores, quantile)) for quantile in QUANTILES)
    by_load = _at_each_row(low, middle, high, z.item)
    by_load.flags.writeable = False
    return by_load


def frame_s(option: StageOption, z: Floats, least_input_s: Floats) -> Floats:
    """Time that a frame takes in a stage with nothing else running [s]; ``least_input_s``: of :func:`input_s`."""
    return along(option.alone_s, z) + least_input_s


def forget() -> None:
    """Drop what was kept: tens of megabytes that no other plan would find anything in."""
    for kept in (_known_of_cost, _known_frame_rows, _prepared_by_load, _passes_by_load):
        kept.cache_clear()
