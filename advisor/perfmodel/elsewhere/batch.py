"""Many passes at once as arrays: distinct machines and models are laid out once and spread by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.bottleneck import bottleneck, fits_l2
from advisor.perfmodel.analytic.machine import MachineArrays, machine_arrays
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.physics import PRECISIONS, PassTime, Runs, pass_time
from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.prediction import Bottleneck

from .sheet_uncertainty import sheet_uncertainty

Array = NDArray[np.float64]


class PassBatch:
    """Machine, model and configuration of each pass, ready for the physical model."""

    def __init__(
        self,
        parameters: Parameters,
        machines: Sequence[MachineSpec],
        tables: Sequence[WorkTable],
        configs: Sequence[RunConfig],
        settings: Sequence[ResolvedConfig],
    ) -> None:
        self._parameters = parameters
        distinct_machines = {machine.key: machine for machine in machines}
        place = {key: i for i, key in enumerate(distinct_machines)}
        self.machines = list(distinct_machines.values())
        self._machine = np.array([place[machine.key] for machine in machines])
        distinct_tables = {table.key: table for table in tables}
        place = {key: i for i, key in enumerate(distinct_tables)}
        index = np.array([place[table.key] for table in tables])
        self._table = np.array([table.table for table in distinct_tables.values()])[index]
        self._peak = np.array([table.peak_activation_bytes for table in distinct_tables.values()])[index]
        self._on_performance_cores = np.array([float(config.core_type == "performance") for config in configs])
        self._runs = Runs(
            precision=np.array([PRECISIONS.index(config.precision) for config in configs]),
            batch=np.array([float(config.batch) for config in configs]),
            streams=np.array([float(setting.streams) for setting in settings]),
            threads=np.array([float(setting.threads) for setting in settings]),
            performance_only=np.array([float(setting.performance_only) for setting in settings]),
        )

    @cached_property
    def _arrays(self) -> MachineArrays:
        """Data sheet of each pass."""
        return machine_arrays(self.machines).take(self._machine)

    def times(self, machines: Sequence[MachineSpec] | None = None) -> PassTime:
        """Physical times; ``machines``: other data sheets in place of :attr:`machines`, in that order."""
        arrays = self._arrays if machines is None else machine_arrays(machines).take(self._machine)
        return pass_time(self._parameters, arrays, self._table, self._peak, self._runs)

    @cached_property
    def parts(self) -> PassTime:
        """Physical times with the data sheets as they are."""
        return self.times()

    def at_load(self, share: float) -> Array:
        """Time of a pass of one stream while this share (0 to 1) of the cores that it leaves is busy with its like [s].

        0: one stream by itself, on performance cores first; 1: all cores that the configuration may use are busy. The
        work of the others fills caches and bandwidth, and their cores lower the clock, by as much as there is of it.
        """
        runs, arrays = self._runs, self._arrays
        each = runs.threads / np.maximum(runs.streams, 1.0)
        cores = np.where(self._on_performance_cores > 0, arrays.performance_cores, arrays.cores)
        every = np.maximum(np.minimum(cores, arrays.quota) / each, 1.0)
        streams = 1.0 + share * (every - 1.0)
        partly = replace(runs, streams=streams, threads=streams * each, performance_only=self._on_performance_cores)
        total: Array = pass_time(self._parameters, arrays, self._table, self._peak, partly).total
        return total

    def sheet_uncertainty(self) -> Array:
        """Half width (log) from fields of the data sheets that are recalled or assumed (sheet_uncertainty.py)."""

        def log_times(machines: Sequence[MachineSpec]) -> Array:
            result: Array = np.log(self.times(machines).total)
            return result

        return sheet_uncertainty(self.machines, np.log(self.parts.total), log_times)

    def bottlenecks(self) -> list[Bottleneck]:
        """What takes most of the time of each pass."""
        in_l2 = fits_l2(self._arrays, self._table, self._runs)
        return [bottleneck(self.parts, i, bool(inside)) for i, inside in enumerate(in_l2)]
