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

from .belief import MEDIAN
from .costs import Floats, LoadFacts, StageLoad, stage_device_load
from .devices import DeviceUse
from .platform_model import PlatformModel
from .stage_option import StageOption

Places = NDArray[np.intp]

MAX_COMBINATIONS = 8192
"""Combinations of a platform's options that are listed; of more, the options with most core time are left out."""
NOTHING = np.zeros(1)
"""What the sums of nothing but the stages start from."""


def listed_options(
    model: PlatformModel, scenario: Scenario, facts: LoadFacts
) -> tuple[list[tuple[StageOption, ...]], int]:
    """Options of each stage whose combinations are listed, and how many combinations are left out for their number.

    The longest lists are shortened until their product can be listed; options are sorted by core time.
    """
    every = [_options_of(model, scenario, facts, stage) for stage in scenario.stages]
    kept = list(every)
    while math.prod(map(len, kept)) > MAX_COMBINATIONS:
        longest = max(range(len(kept)), key=lambda position: len(kept[position]))
        kept[longest] = kept[longest][:-1]
    return kept, math.prod(map(len, every)) - math.prod(map(len, kept))


def _options_of(model: PlatformModel, scenario: Scenario, facts: LoadFacts, stage: Stage) -> tuple[StageOption, ...]:
    """Options of a stage; for one that is never reached any will do."""
    options = model.options(scenario, stage)
    return options if facts.stages[stage.id].calls_per_s > 0 else options[:1]


def traffic_rows(options: Sequence[Sequence[StageOption]], loads: Sequence[StageLoad]) -> list[list[float]]:
    """Bytes that each stage's options move between cores and main memory per second."""
    return [
        [
            load.calls_per_s * load.items_per_call * option.estimate.bandwidth_bytes / option.config.batch
            for option in own
        ]
        for own, load in zip(options, loads, strict=True)
    ]


def device_rows(
    use: DeviceUse, options: Sequence[Sequence[StageOption]], loads: Sequence[StageLoad]
) -> list[list[list[float]]]:
    """Per device, the share of its time for which each stage's options keep it busy at the median."""
    return [
        [
            [stage_device_load(option, load, MEDIAN) * (option.config.device == one.name) for option in own]
            for own, load in zip(options, loads, strict=True)
        ]
        for one in use.each
    ]


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
