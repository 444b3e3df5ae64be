"""The combinations of stage options on one platform, with all their figures, in the order to be tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from advisor.records.scenario import Scenario

from .belief import MEDIAN
from .combination_sums import (
    NOTHING,
    Places,
    device_rows,
    listed_options,
    outer_sums,
    sums_at,
    traffic_rows,
)
from .costs import (
    LEAST_OF_LAW,
    Floats,
    LoadFacts,
    StageLoad,
    cold_cores,
    decode_traffic,
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
from .setup import Choice, streams_needed
from .stage_option import StageOption

EQUAL_DEMAND = 0.01
"""Of combinations whose demand differs by less (relative), the one with the fewest threads per stream goes first."""
MOST_THREADS = 2.0**20
"""More threads than a combination can have, over all of its stages."""


class CombinationTable:
    """Combinations of stage options on one platform under one load at one quantile, in the order to be tried.

    All of them, or those that :class:`~advisor.planner.search.combinations.Combinations` lists at ``which`` places,
    whose figures are the same to the last digit.
    """

    def __init__(
        self,
        model: PlatformModel,
        scenario: Scenario,
        facts: LoadFacts,
        z: float,
        which: Places | None = None,
    ) -> None:
        self._model, self._scenario, self._facts = model, scenario, facts
        self._names, self.z = [stage.id for stage in scenario.stages], z
        self._options, self.left_out = listed_options(model, scenario, facts)
        lengths = [len(options) for options in self._options]
        self._among = None if which is None else np.stack(np.unravel_index(which, lengths))
        self._cold, self._loads = model.cold, [facts.stages[name] for name in self._names]
        loads = self._loads
        cold = self._outer([cold_cores(model, options, load, z)
                            for options, load in zip(self._options, loads, strict=True)])  # fmt: skip
        self._least = self._outer([each_stage_cores(options, load, z)
                                   for options, load in zip(self._options, loads, strict=True)])  # fmt: skip
        self._least += frame_cores(model, scenario, facts, z)
        self._loaded: Floats | None = None
        likely = self._least + cold
        if model.slowing:
            self._loaded = loaded_frame_cores(model, scenario, facts, z)[:, None] + self._outer(
                [
                    loaded_stage_cores(model, options, load, z)
                    for options, load in zip(self._options, loads, strict=True)
                ]
            )
            likely = busy_cores(self._loaded + cold, model.cores)
        threads = self._outer([options.threads_per_stream for options in self._options])
        steps = np.floor(settled(np.log(np.maximum(likely, 1e-12)) / EQUAL_DEMAND))
        # Whole numbers both, so that one of them can be sorted by in place of two.
        order = np.lexsort((settled(likely), steps * MOST_THREADS + threads))
        self._order = order
        self.listed: Places = order if which is None else which[order]
        """Where each of them is listed."""
        self._picked = np.stack(np.unravel_index(self.listed, lengths))
        self.likely = likely[order]
        """Cores kept busy with every pass cold, which is realistic where stages pause."""

    @cached_property
    def demand(self) -> Floats:
        """Cores kept busy at least."""
        if self._loaded is None:
            return self._least[self._order]
        return np.maximum(self._least, LEAST_OF_LAW * busy_cores(self._loaded, self._model.cores))[self._order]

    @cached_property
    def traffic(self) -> Floats:
        """Bytes moved between cores and main memory per second."""
        stages = self._outer(traffic_rows(self._options, self._loads))
        return stages[self._order] + decode_traffic(self._scenario, self._facts)

    @cached_property
    def device_load(self) -> Floats | None:
        """Share of its time for which the busiest device is busy at the median; None: there is none."""
        if self._model.use is None:
            return None
        rows = device_rows(self._model.use, self._options, self._loads)
        busiest: Floats = np.maximum.reduce([self._outer(of_one) for of_one in rows])[self._order]
        return busiest

    @cached_property
    def path_s(self) -> Floats:
        """Least 95th percentile of latency, without queueing [s]."""
        return self._paths(self.z)

    @cached_property
    def median_path_s(self) -> Floats:
        """The same at the median [s]."""
        return self._paths(MEDIAN)

    def __len__(self) -> int:
        return int(self.likely.size)

    def choice(self, index: int) -> Choice:
        """Return the combination at ``index``."""
        return {
            name: options[picked]
            for name, options, picked in zip(self._names, self._options, self._picked[:, index], strict=True)
        }

    def cores_under(self, model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> Floats:
        """Cores that each combination keeps busy under another load or at another quantile."""
        stages = self._outer(
            [each_stage_cores(options, facts.stages[name], z)
             for name, options in zip(self._names, self._options, strict=True)]
        )  # fmt: skip
        cores: Floats = stages[self._order] + frame_cores(model, scenario, facts, z)
        return cores

    def busy_under(self, model: PlatformModel, scenario: Scenario, facts: LoadFacts, z: float) -> Floats:
        """The same where work takes longer the more cores are busy, as :attr:`demand` is worked out."""
        least = self.cores_under(model, scenario, facts, z)
        if not model.slowing:
            return least
        of_stages = [loaded_stage_cores(model, options, facts.stages[name], z)
                     for name, options in zip(self._names, self._options, strict=True)]  # fmt: skip
        loaded = self._outer(of_stages, start=loaded_frame_cores(model, scenario, facts, z)[:, None])
        return np.maximum(least, LEAST_OF_LAW * busy_cores(loaded, model.cores)[self._order])

    @cached_property
    def _partly_s(self) -> Floats:
        """Time of each stage's pass at each load between none and all (rows) in each combination (columns) [s]."""
        rows = []
        for options, picked in zip(self._options, self._picked, strict=True):
            times = np.array([[option.loaded_s(load, self.z) for load in LOADS[1:-1]] for option in options])
            rows.append(times[picked].T)
        return np.concatenate(rows)

    @cached_property
    def _burdens(self) -> Floats:
        """What relieves a stage when it is less, of each stage's option (rows) in each combination (columns)."""
        z, cold = self.z, self._cold
        figures: tuple[Callable[[StageOption, StageLoad], float], ...] = (
            lambda option, _: option.pass_s(z),
            lambda option, _: option.alone_s(z),
            lambda option, _: option.cold_s(cold, z),
            lambda option, load: -_stream_rate(option, load),
            lambda option, _: option.estimate.bandwidth_bytes,
            lambda option, _: option.busy_s(z),
            lambda option, _: float(option.estimate.bottleneck == "memory_bandwidth"),
        )
        return np.concatenate([*(self._per_stage(figure, self._loads) for figure in figures), self._partly_s])

    def no_faster_than(self, index: int) -> NDArray[np.bool_]:
        """Combinations that relieve nothing: no stage has a shorter pass, more of them per second, or less traffic."""
        no_better = np.all(self._burdens >= self._burdens[:, [index]], axis=0)
        return np.asarray(no_better & (self.demand >= self.demand[index]))

    def _per_stage(self, figure: Callable[[StageOption, StageLoad], float], loads: Sequence[StageLoad]) -> Floats:
        """Figure of each stage's option (rows) in each combination (columns)."""
        rows = [
            np.array([figure(option, load) for option in options])[picked]
            for options, load, picked in zip(self._options, loads, self._picked, strict=True)
        ]
        return np.stack(rows)

    def _outer(self, rows: Sequence[Sequence[float] | Floats], start: Floats = NOTHING) -> Floats:
        """Sums over the stages for every combination of the table, as they are listed."""
        return outer_sums(rows, start) if self._among is None else sums_at(rows, self._among, start)

    def _paths(self, z: float) -> Floats:
        own = {
            name: own_s(options, z)[picked]
            for name, options, picked in zip(self._names, self._options, self._picked, strict=True)
        }
        longest_s = longest_path_s(self._model, self._scenario, self._facts, own, z)
        return np.broadcast_to(longest_s, self._picked.shape[1:])


def _stream_rate(option: StageOption, load: StageLoad) -> float:
    """Approximate inputs per second that the option's streams can take: only compared among options."""
    streams = streams_needed(option, load.calls_per_s, load.items_per_call)
    return streams * option.config.batch / option.pass_s(1.0)
