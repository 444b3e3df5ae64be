r"""What timings of one machine say of a model on other machines: ratios to published networks timed beside it.

Each timing of the machine at hand lies off what would be predicted of it by :math:`e` (log). The residual process
(:mod:`.residual`), conditioned on the published figures, knows how such deviations of two (machine, model) pairs vary
together, so that the deviation elsewhere is

.. math:: \mu = C_{qh} (C_{hh} + D + N)^{-1} e, \qquad v = C_{qq} - C_{qh} (C_{hh} + D + N)^{-1} C_{hq}

with C the posterior covariance, N the noise of each timing and D one variance that all timings of the machine share:
its speed, its neighbours. D is large, so that only what a model does *beside the published networks* travels, weighed
by how surely each of them is known. Source: Rasmussen and Williams (2006), eq. (2.25) and (2.26). Derived here: D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.machine import machine_arrays, simd_class
from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.machine import MachineSpec

from .residual import (
    ResidualPoints,
    chip_features,
    kinds_of_models,
    machine_features,
    model_features,
)
from .transfer import Transfer

Array = NDArray[np.float64]
SHARED = 0.5
"""Standard deviation (log) of what all timings of the machine have in common. A guest tells neither clock nor year, and
its neighbours come and go; so much leaves the level of a machine to its own timings. Source: project assumption."""
DOT_PRODUCTS = frozenset({"avx2_vnni", "avx512_vnni", "amx"})
"""Classes that multiply int8 by dot products: int8 on any other says nothing of them, nor they of it."""
_NEW_MODEL = 100_000
"""Labels of models that no published row has."""
_HERE, _ELSEWHERE = 200_000, 300_000
"""Labels of machines that no published row has."""


@dataclass(frozen=True, eq=False)
class CarriedTiming:
    """One timing of the machine at hand, against its prediction from data sheet and published figures."""

    table: WorkTable
    precision: int
    mode: int
    error: float
    """log(timed / predicted)."""
    noise: float
    """Standard deviation of its logarithm."""


@dataclass(frozen=True)
class CarriedRatio:
    """Correction of a model elsewhere."""

    log_factor: float
    """To be added to the logarithm of its time."""
    variance_left: float
    """Share of the variance of the process that is left once the timings are known, 0 to 1."""


class CarriedRatios:
    """Timings of one machine, ready to correct predictions of others in one precision at a time."""

    def __init__(self, transfer: Transfer, host: MachineSpec, timings: Sequence[CarriedTiming]) -> None:
        self._transfer, self._host, self._timings = transfer, host, tuple(timings)
        self._models: dict[str, int] = {}
        self._known: dict[tuple[str, str, int, int], CarriedRatio] = {}

    def published_beside(self, precision: int) -> int:
        """Published networks that were timed in this precision."""
        return len({label for item in self._of(precision) if (label := self._transfer.model_label(item.table)) >= 0})

    def times(self, table: WorkTable, precision: int) -> int:
        """Timings of this very network in this precision."""
        return sum(item.table.network == table.network for item in self._of(precision))

    def says_something_of(self, machine: MachineSpec, precision: int) -> bool:
        """Whether the two machines compute in this precision by the same kind of instructions."""
        here, there = simd_class(self._host), simd_class(machine)
        if PRECISIONS[precision] == "f32":
            return True
        if PRECISIONS[precision] == "int8":
            return (here in DOT_PRODUCTS) == (there in DOT_PRODUCTS)
        return here == there

    def ratio(self, machine: MachineSpec, table: WorkTable, precision: int, mode: int) -> CarriedRatio:
        """Correction of a model on another machine; ``mode``: 0 throughput, 1 latency.

        Raises
        ------
        ValueError
            Nothing was timed in this precision.
        """
        key = (machine.key, table.key, precision, mode)
        if key not in self._known:
            self._known[key] = self._ratio(machine, table, precision, mode)
        return self._known[key]

    def _of(self, precision: int) -> list[CarriedTiming]:
        return [item for item in self._timings if item.precision == precision]

    def _ratio(self, machine: MachineSpec, table: WorkTable, precision: int, mode: int) -> CarriedRatio:
        timings = self._of(precision)
        if not timings:
            raise ValueError(f"nothing was timed in {PRECISIONS[precision]}")
        asked = self._points([machine], [table], [mode], precision, _ELSEWHERE)
        here = self._points(
            [self._host] * len(timings),
            [item.table for item in timings],
            [item.mode for item in timings],
            precision,
            _HERE,
        )
        joint = self._transfer.process.posterior(asked.joined(here))
        matrix = joint[1:, 1:] + SHARED**2
        matrix[np.diag_indices_from(matrix)] += np.array([item.noise**2 for item in timings])
        gain = np.linalg.solve(matrix, joint[0, 1:])
        prior = float(joint[0, 0])
        left = max(prior - float(gain @ joint[0, 1:]), 0.0) / prior
        return CarriedRatio(float(gain @ np.array([item.error for item in timings])), left)

    def _points(
        self,
        machines: Sequence[MachineSpec],
        tables: Sequence[WorkTable],
        modes: Sequence[int],
        precision: int,
        place: int,
    ) -> ResidualPoints:
        arrays = machine_arrays(list(machines))
        count = len(tables)
        published = [self._transfer.machine_label(machine) for machine in machines]
        return ResidualPoints(
            machine=np.array([label if label >= 0 else place for label in published]),
            model=np.array([self._label(table) for table in tables]),
            precision=np.full(count, precision),
            mode=np.array(modes),
            era=np.full(count, self._transfer.reference_era),
            machine_features=machine_features(arrays),
            chip_features=chip_features(arrays),
            model_features=np.array([model_features(table) for table in tables]),
            kinds=kinds_of_models(tables),
            era_scale=np.ones(count),
            noise_scale=np.ones(count),
        )

    def _label(self, table: WorkTable) -> int:
        """Label of a published model, else one of its own for every name."""
        label = self._transfer.model_label(table)
        return label if label >= 0 else self._models.setdefault(table.network, _NEW_MODEL + len(self._models))
