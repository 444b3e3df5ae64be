"""Least figures over all combinations of a platform's stage options, without listing them."""

from __future__ import annotations

import math

import numpy as np

from advisor.records.scenario import Scenario

from .belief import MEDIAN
from .combination_sums import listed_options
from .costs import (
    LEAST_OF_LAW,
    Floats,
    LoadFacts,
    each_stage_cores,
    frame_cores,
    loaded_frame_cores,
    loaded_stage_cores,
    longest_path_s,
    own_s,
)
from .last_digits import settled
from .loads import LOADS, busy_cores
from .platform_model import PlatformModel
from .setup import Choice


class LeastCosts:
    """Least figures over all combinations of a platform's options, each exact and without listing the combinations.

    Sums over the stages are least where every stage's part is. Busy cores solve an equation in all parts at once, but
    an option whose demand another one undercuts at every load is in no least solution, which leaves a few combinations.
    """

    def __init__(self, model: PlatformModel, scenario: Scenario, facts: LoadFacts) -> None:
        self._model, self._scenario, self._facts = model, scenario, facts
        self._options, self.left_out = listed_options(model, scenario, facts)
        """``left_out``: combinations that are too many to be listed."""
        self.combinations = math.prod(map(len, self._options)) + self.left_out
        """All combinations, those included that are too many to be listed."""

    def busiest(self) -> tuple[float, Choice]:
        """Least of the cores that a combination keeps busy at the median, as ``CombinationTable.busy_under``; which."""
        model, facts = self._model, self._facts
        least: Floats = np.zeros(1)
        loaded = np.zeros((1, len(LOADS) if model.slowing else 0))
        if model.slowing:
            loaded = loaded + loaded_frame_cores(model, self._scenario, facts, MEDIAN)
        kept = []
        for stage, options in zip(self._scenario.stages, self._options, strict=True):
            load = facts.stages[stage.id]
            single = each_stage_cores(options, load, MEDIAN)
            at_loads = np.zeros((len(options), 0))
            if model.slowing:
                at_loads = loaded_stage_cores(model, options, load, MEDIAN).T
            few = _not_undercut(np.column_stack((single, at_loads)))
            kept.append([options[i] for i in few])
            least = np.add.outer(least, single[few]).ravel()
            loaded = (loaded[:, None, :] + at_loads[None, few, :]).reshape(len(least), -1)
        cores: Floats = least + frame_cores(model, self._scenario, facts, MEDIAN)
        if model.slowing:
            cores = np.maximum(cores, LEAST_OF_LAW * busy_cores(loaded.T, model.cores))
        best = int(np.argmin(settled(cores)))
        picked = np.unravel_index(best, [len(options) for options in kept])
        choice = {stage.id: options[i] for stage, options, i in zip(self._scenario.stages, kept, picked, strict=True)}
        return float(cores[best]), choice

    def path_s(self, z: float) -> float:
        """Least 95th percentile of latency, without queueing [s]."""
        own = {
            stage.id: np.asarray(own_s(options, z).min())
            for stage, options in zip(self._scenario.stages, self._options, strict=True)
        }
        return float(longest_path_s(self._model, self._scenario, self._facts, own, z))


def _not_undercut(burdens: Floats) -> list[int]:
    """Rows to which no other row is less or equal throughout; of equal rows the first."""
    burdens = settled(burdens)
    order = np.argsort(settled(burdens.sum(axis=1)), kind="stable")
    ranked = burdens[order]
    # Nothing is undercut by what comes later in that order, but for last digits; what undercuts need not be kept
    # itself, since whatever undercuts that undercuts both.
    undercuts = np.triu((ranked[:, None, :] <= ranked[None, :, :]).all(axis=2), k=1)
    return sorted(order[~undercuts.any(axis=0)].tolist())
