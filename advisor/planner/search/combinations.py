"""What the closed forms say of all combinations of stage options, before any of them is ranked.

Most platforms fail for want of one thing that is a sum over the stages: memory, traffic, a device. The cores that a
combination keeps busy, which solve an equation for each, are asked for of those alone that such sums leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from advisor.records.scenario import Scenario

from .belief import MEDIAN
from .combination_sums import Places, device_rows, listed_options, outer_sums, sums_at, traffic_rows
from .combination_table import EQUAL_DEMAND, CombinationTable
from .costs import (
    LEAST_OF_LAW,
    MEMORY_OF_CAMERA_BYTES,
    MEMORY_OF_SYSTEM_BYTES,
    Floats,
    LoadFacts,
    cold_cores,
    decode_traffic,
    each_stage_cores,
    engine_load,
    frame_cores,
    loaded_frame_cores,
    loaded_stage_cores,
    longest_path_s,
    own_s,
)
from .last_digits import SAME, settled
from .loads import busy_cores
from .platform_model import PlatformModel
from .setup import Choice

SAFELY_MORE = 1.0 + 16 * SAME
"""Figures that differ by this factor differ in more than their last digits."""


class Combinations:
    """All combinations of stage options on one platform under one load, as they are listed.

    Figures are those of :class:`~advisor.planner.search.combination_table.CombinationTable` to the last digit, each
    worked out when it is first asked for. Memory is at a quantile of its own.
    """

    def __init__(self, model: PlatformModel, scenario: Scenario, facts: LoadFacts, memory_z: float) -> None:
        self._model, self._scenario, self._facts, self._memory_z = model, scenario, facts, memory_z
        self._options, self.left_out = listed_options(model, scenario, facts)
        self._lengths = [len(options) for options in self._options]
        self._loads = [facts.stages[stage.id] for stage in scenario.stages]

    def __len__(self) -> int:
        return int(np.prod(self._lengths))

    def choice(self, place: int) -> Choice:
        """Return the combination that is listed at ``place``."""
        picked = np.unravel_index(place, self._lengths)
        stages = self._scenario.stages
        return {stage.id: options[i] for stage, options, i in zip(stages, self._options, picked, strict=True)}

    def table(self, z: float, which: Places) -> CombinationTable:
        """Return the table of those that are listed at ``which`` places, in the order to be tried."""
        return CombinationTable(self._model, self._scenario, self._facts, z, which)

    def first(self, z: float) -> Choice:
        """Return the combination that a table at this quantile tries first, without ranking the others.

        Cores are kept busy by at least what the load with idle cores asks for, so what asks for more than a step beyond
        the cores that some combination keeps busy is no rival of it.
        """
        at_least = self._sums(
            [each_stage_cores(options, load, z) + cold_cores(self._model, options, load, z)
             for options, load in zip(self._options, self._loads, strict=True)], None,
        )  # fmt: skip
        frames = frame_cores(self._model, self._scenario, self._facts, z)
        some = self.table(z, np.array([np.argmin(at_least)]))
        most = float(some.likely[0]) * math.exp(EQUAL_DEMAND) * SAFELY_MORE
        return self.table(z, np.flatnonzero(at_least + frames <= most)).choice(0)

    @cached_property
    def memory(self) -> Floats:
        """Memory of each [B]."""
        models = outer_sums([options.memory_bytes(self._memory_z) for options in self._options])
        return MEMORY_OF_SYSTEM_BYTES + self._facts.cameras * MEMORY_OF_CAMERA_BYTES + models

    @cached_property
    def traffic(self) -> Floats:
        """Bytes that each moves between cores and main memory per second."""
        return outer_sums(traffic_rows(self._options, self._loads)) + decode_traffic(self._scenario, self._facts)

    @cached_property
    def device_load(self) -> Floats | None:
        """Share of its time for which the busiest device is busy at the median; None: there is none."""
        if self._model.use is None:
            return None
        rows = device_rows(self._model.use, self._options, self._loads)
        busiest: Floats = np.maximum.reduce([outer_sums(of_one) for of_one in rows])
        return busiest

    @cached_property
    def engine_load(self) -> float:
        """Share of the engines that decode which the cameras take at the median; 0 without any."""
        return engine_load(self._model, self._scenario, self._facts, MEDIAN)

    def path_s(self, z: float) -> Floats:
        """Least 95th percentile of latency of each, without queueing [s]."""
        own: dict[str, Floats] = {}
        for position, (stage, options) in enumerate(zip(self._scenario.stages, self._options, strict=True)):
            own[stage.id] = own_s(options, z).reshape([-1 if i == position else 1 for i in range(len(self._options))])
        return np.broadcast_to(longest_path_s(self._model, self._scenario, self._facts, own, z), self._lengths).ravel()

    def least_path_s(self, z: float) -> float:
        """The least of :meth:`path_s` [s]."""
        own = {
            stage.id: np.asarray(own_s(options, z).min())
            for stage, options in zip(self._scenario.stages, self._options, strict=True)
        }
        return float(longest_path_s(self._model, self._scenario, self._facts, own, z))

    def least_median_cores(self, which: Places | None = None) -> Floats:
        """Cores that each keeps busy at the median while all others idle: no more than :meth:`median_cores`."""
        stages = self._sums(
            [each_stage_cores(options, load, MEDIAN)
             for options, load in zip(self._options, self._loads, strict=True)], which,
        )  # fmt: skip
        cores: Floats = stages + frame_cores(self._model, self._scenario, self._facts, MEDIAN)
        return cores

    def median_cores(self, which: Places | None = None) -> Floats:
        """Cores that each keeps busy at the median; ``which``: of those that are listed at these places alone."""
        least, model = self.least_median_cores(which), self._model
        if not model.slowing:
            return least
        frames = loaded_frame_cores(model, self._scenario, self._facts, MEDIAN)[:, None]
        loaded = self._sums(self._loaded_stages(MEDIAN), which, start=frames)
        return np.maximum(least, LEAST_OF_LAW * busy_cores(loaded, model.cores))

    def keep_cores(self, most: float, which: Places) -> Places:
        """Those among the ones at ``which`` places that keep no more than ``most`` cores busy at the median.

        The law is asked of those alone of which neither the load with idle cores nor that with busy ones tells: what
        takes no more than that with all cores busy never keeps more of them busy.
        """
        which = which[self.least_median_cores(which) <= most]
        if not self._model.slowing:
            return which
        contended = loaded_frame_cores(self._model, self._scenario, self._facts, MEDIAN)[-1] + self._sums(
            [row[-1] for row in self._loaded_stages(MEDIAN)], which
        )
        keeps = contended * SAFELY_MORE <= most
        open_to_doubt = np.flatnonzero(~keeps)
        keeps[open_to_doubt] = self.median_cores(which[open_to_doubt]) <= most
        kept: Places = which[keeps]
        return kept

    def demand(self, z: float, which: Places | None = None) -> Floats:
        """Cores that each keeps busy at least at quantile ``z``."""
        model, scenario, facts = self._model, self._scenario, self._facts
        least = self._sums(
            [each_stage_cores(options, load, z)
             for options, load in zip(self._options, self._loads, strict=True)], which,
        ) + frame_cores(model, scenario, facts, z)  # fmt: skip
        if not model.slowing:
            return least
        loaded = loaded_frame_cores(model, scenario, facts, z)[:, None] + self._sums(self._loaded_stages(z), which)
        return np.maximum(least, LEAST_OF_LAW * busy_cores(loaded, model.cores))

    def least_full(self) -> Places:
        """Where those are listed of which cores or device, the fuller of both, is least busy at the median.

        Last digits aside. The law is asked of those whose load with idle cores is no more than the first takes by it.
        """
        at_least = self._fuller(self.least_median_cores(), slice(None))
        first = np.array([np.argmin(at_least)])
        most = self._fuller(self.median_cores(first), first)[0] * SAFELY_MORE
        rivals = np.flatnonzero(at_least <= most)
        busy = settled(self._fuller(self.median_cores(rivals), rivals))
        least: Places = rivals[busy == busy.min()]
        return least

    def _fuller(self, cores: Floats, which: Places | slice) -> Floats:
        """Busy cores, or with a device the share for which it or the cores are busy, whichever is more."""
        if self.device_load is None:
            return cores
        return np.maximum(cores / self._model.cores, self.device_load[which])

    def _loaded_stages(self, z: float) -> list[Floats]:
        return [
            loaded_stage_cores(self._model, options, load, z)
            for options, load in zip(self._options, self._loads, strict=True)
        ]

    def _sums(
        self, rows: Sequence[Sequence[float] | Floats], which: Places | None, start: Floats | None = None
    ) -> Floats:
        """Sums over the stages of all combinations, or of those at ``which`` places."""
        first = np.zeros(1) if start is None else start
        if which is None or 2 * len(which) > len(self):  # then sums over all take less than picking the parts of some
            every = outer_sums(rows, first)
            return every if which is None else every[..., which]
        return sums_at(rows, np.stack(np.unravel_index(which, self._lengths)), first)
