"""Sums over the stages for all combinations of their options at once.

Core time, memory and traffic of a combination are sums over its stages, so each option is costed once per load and the
figures of all combinations are an outer sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.records.scenario import Scenario, Stage

from .costs import Floats, LoadFacts, StageLoad
from .devices import DeviceUse
from .options import Options
from .platform_model import PlatformModel

Places = NDArray[np.intp]

MAX_COMBINATIONS = 8192
"""Combinations of a platform's options that are listed; of more, the options with most core time are left out."""
NOTHING = np.zeros(1)
"""What the sums of nothing but the stages start from."""


def listed_options(model: PlatformModel, scenario: Scenario, facts: LoadFacts) -> tuple[list[Options], int]:
    """Options of each stage whose combinations are listed, and how many combinations are left out for their number.

    The longest lists are shortened until their product can be listed; options are sorted by core time.
    """
    every = [_options_of(model, scenario, facts, stage) for stage in scenario.stages]
    numbers = [len(options) for options in every]
    while math.prod(numbers) > MAX_COMBINATIONS:
        numbers[numbers.index(max(numbers))] -= 1
    kept = [options.first(number) for options, number in zip(every, numbers, strict=True)]
    return kept, math.prod(map(len, every)) - math.prod(numbers)


def _options_of(model: PlatformModel, scenario: Scenario, facts: LoadFacts, stage: Stage) -> Options:
    """Options of a stage; for one that is never reached any will do."""
    options = model.options(scenario, stage)
    return options if facts.stages[stage.id].calls_per_s > 0 else options.first(1)


def traffic_rows(options: Sequence[Options], loads: Sequence[StageLoad]) -> list[Floats]:
    """Bytes that each stage's options move between cores and main memory per second."""
    return [
        load.calls_per_s * load.items_per_call * own.bandwidth_bytes / own.batch
        for own, load in zip(options, loads, strict=True)
    ]


def device_rows(use: DeviceUse, options: Sequence[Options], loads: Sequence[StageLoad]) -> list[list[Floats]]:
    """Per device, the share of its time for which each stage's options keep it busy at the median."""
    busy = [
        load.calls_per_s * own.passes(load.passes) * own.median_busy_s for own, load in zip(options, loads, strict=True)
    ]
    return [[row * own.on(one.name) for own, row in zip(options, busy, strict=True)] for one in use.each]


def outer_sums(rows: Sequence[Sequence[float] | Floats], start: Floats = NOTHING) -> Floats:
    """Sums over the stages for every combination, along the last axis; each row has a figure per option there."""
    total = start
    for row in rows:
        added = total[..., :, None] + np.asarray(row)[..., None, :]
        total = added.reshape(*added.shape[:-2], -1)
    return total


def sums_at(rows: Sequence[Sequence[float] | Floats], picked: Places, start: Floats = NOTHING) -> Floats:
    """The same to the last digit for some combinations: ``picked`` are the options (columns) of each stage (rows)."""
    total = start
    for row, options in zip(rows, picked, strict=True):
        total = total + np.asarray(row).take(options, axis=-1)
    return total
