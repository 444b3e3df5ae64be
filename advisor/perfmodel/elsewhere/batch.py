"""Many predictions at once as arrays: distinct machines and models are laid out once and spread by index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.bottleneck import fits_l2
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.parameters import Parameters
from advisor.perfmodel.analytic.physics import PRECISIONS, PassTime, Runs, pass_time
from advisor.perfmodel.analytic.runtime_defaults import Resolved
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec

from .sheet_uncertainty import sheet_doubt

Array = NDArray[np.float64]


class Questions:
    """Machine, model and configuration of each request, ready for the physical model."""

    def __init__(
        self,
        parameters: Parameters,
        machines: Sequence[MachineSpec],
        tables: Sequence[WorkTable],
        configs: Sequence[RunConfig],
        settings: Sequence[Resolved],
    ) -> None:
        self._parameters, self._asked = parameters, machines
        self.machines = list({id(machine): machine for machine in machines}.values())
        place = {id(machine): i for i, machine in enumerate(self.machines)}
        self._machine = np.array([place[id(machine)] for machine in machines])
        distinct = list({id(table): table for table in tables}.values())
        place = {id(table): i for i, table in enumerate(distinct)}
        index = np.array([place[id(table)] for table in tables])
        self._table = np.array([table.table for table in distinct])[index]
        self._peak = np.array([table.peak_activation_bytes for table in distinct])[index]
        self._runs = Runs(
            precision=np.array([PRECISIONS.index(config.precision) for config in configs]),
            batch=np.array([float(config.batch) for config in configs]),
            streams=np.array([float(setting.streams) for setting in settings]),
            threads=np.array([float(setting.threads) for setting in settings]),
            performance_only=np.array([float(setting.performance_only) for setting in settings]),
        )

    def times(self, machines: Sequence[MachineSpec] | None = None) -> PassTime:
        """Physical times; ``machines``: other data sheets in place of :attr:`machines`, in that order."""
        arrays = machine_arrays(self.machines if machines is None else machines).take(self._machine)
        return pass_time(self._parameters, arrays, self._table, self._peak, self._runs)

    def doubt(self, parts: PassTime) -> Array:
        """Half width (log) from fields of the data sheets that are recalled or assumed (sheet_uncertainty.py)."""

        def log_times(machines: Sequence[MachineSpec]) -> Array:
            # One record per distinct machine: the first row of each tells it.
            changed = [machines[int(row)] for row in first]
            result: Array = np.log(self.times(changed).total)
            return result

        _, first = np.unique(self._machine, return_index=True)
        return sheet_doubt(self._asked, np.log(parts.total), log_times)

    def in_l2(self) -> NDArray[np.bool_]:
        """Whether an average kernel of each request works inside L2 (bottleneck.py)."""
        return fits_l2(machine_arrays(self.machines).take(self._machine), self._table, self._runs)
