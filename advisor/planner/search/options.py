"""Options of one stage with their figures as arrays, from which sums over thousands of combinations are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .belief import MEDIAN, at
from .stage_option import StageOption

Floats = NDArray[np.float64]


class Times(NamedTuple):
    """Times of the options at one quantile, as the methods of these names of :class:`StageOption` tell them [s]."""

    alone_s: Floats
    pass_s: Floats
    least_core_s: Floats
    core_s: Floats
    least_preprocess_s: float
    preprocess_s: float
    """These two are those of any of them: all options of a stage share what prepares their inputs."""


class Options(tuple[StageOption, ...]):
    """Options of one stage on one platform; their figures are laid out once, whatever load they are asked for."""

    def __init__(self, options: Iterable[StageOption] = ()) -> None:
        del options  # which the tuple has taken
        self._times: dict[float, Times] = {}
        self._loaded: dict[tuple[float, float], Floats] = {}
        self._memory: dict[float, Floats] = {}
        self._first: dict[int, Options] = {}

    def times(self, z: float) -> Times:
        """Times at quantile ``z``."""
        if z not in self._times:
            alone_s, pass_s, least_core_s, core_s = np.ascontiguousarray(
                np.array([option.costs(z) for option in self]).T
            )
            prepared_s = self[0].least_preprocess_s(z), self[0].preprocess_s(z)
            self._times[z] = Times(alone_s, pass_s, least_core_s, core_s, *prepared_s)
        return self._times[z]

    def loaded_core_s(self, cores: float, z: float) -> Floats:
        """Core time of one pass [s] with each share of ``LOADS`` of ``cores`` busy (rows), of each option (columns)."""
        key = cores, z
        if key not in self._loaded:
            each = [option.loaded_core_s(cores, z) for option in self]
            self._loaded[key] = np.ascontiguousarray(np.array(each).T)
        return self._loaded[key]

    def memory_bytes(self, z: float) -> Floats:
        """Memory at quantile ``z`` [B]."""
        if z not in self._memory:
            self._memory[z] = np.array([at(option.estimate.memory_bytes, z) for option in self])
        return self._memory[z]

    @cached_property
    def bandwidth_bytes(self) -> Floats:
        """Bytes that one pass moves between cores and main memory."""
        return np.array([option.estimate.bandwidth_bytes for option in self])

    @cached_property
    def batch(self) -> Floats:
        """Inputs of one pass."""
        return np.array([option.config.batch for option in self], dtype=float)

    @cached_property
    def threads_per_stream(self) -> Floats:
        """Threads that one pass occupies."""
        return np.array([option.threads_per_stream for option in self], dtype=float)

    @cached_property
    def median_busy_s(self) -> Floats:
        """Time that one pass takes of its device at the median [s]; 0 on the cores."""
        return np.array([option.busy_s(MEDIAN) for option in self])

    def on(self, device: str) -> Floats:
        """1 for those on a device, 0 for the others."""
        return np.array([option.config.device == device for option in self], dtype=float)

    def passes(self, by_batch: Mapping[int, float]) -> Floats:
        """Passes per call, which each batch has its own number of."""
        return np.array([by_batch[option.config.batch] for option in self])

    def first(self, number: int) -> Options:
        """The first of them."""
        if number >= len(self):
            return self
        if number not in self._first:
            self._first[number] = Options(self[:number])
        return self._first[number]
