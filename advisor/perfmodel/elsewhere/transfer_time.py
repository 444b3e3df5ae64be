"""Time of a pass from a data sheet and the figures published of other machines, one effect after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec

from .batch import PassBatch
from .order import ChipOrder
from .runtime_ratio import Ratio, runtime_ratio
from .transfer import Transfer


def ratio_of(config: RunConfig, machine: MachineSpec, table: WorkTable) -> Ratio | None:
    """Time of the configuration's runtime over OpenVINO's; None for OpenVINO, and where no figure tells it."""
    return runtime_ratio(config.runtime, config.precision, table.family, machine.simd_level)


def runtime_log_factor(config: RunConfig, machine: MachineSpec, table: WorkTable) -> float:
    """Logarithm of a runtime's time over OpenVINO's, which the published figures are of; 0 where it is not known."""
    ratio = ratio_of(config, machine, table)
    return 0.0 if ratio is None else ratio.log_ratio


class TransferTime:
    """The physical model, what published figures say it leaves over, and a runtime's factor."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.order = ChipOrder(transfer, transfer.calibration.ordered)

    def batch(
        self,
        machines: Sequence[MachineSpec],
        tables: Sequence[WorkTable],
        configs: Sequence[RunConfig],
        settings: Sequence[ResolvedConfig],
    ) -> PassBatch:
        """Lay out passes for the physical model."""
        return PassBatch(self.transfer.parameters, machines, tables, configs, settings)

    def prepare(
        self, machines: Sequence[MachineSpec], tables: Sequence[WorkTable], configs: Sequence[RunConfig]
    ) -> None:
        """Work out the residuals of many passes at once: much cheaper than one by one."""
        self.transfer.prepare(machines, tables)
        self.order.prepare(machines, tables, configs)

    def residual(self, machine: MachineSpec, table: WorkTable, config: RunConfig, settings: ResolvedConfig) -> float:
        """Expected log(published time / physical time), between throughput and latency mode as the threads lie.

        Moved where a chip would else be slower than one that is its lesser in every field (:mod:`.order`).
        """
        throughput, latency = self.transfer.residuals(machine, table, PRECISIONS.index(config.precision))
        share = settings.latency_share
        return share * latency + (1.0 - share) * throughput + self.order.shift(machine, table, config)

    def log_time_s(self, machine: MachineSpec, table: WorkTable, config: RunConfig, settings: ResolvedConfig) -> float:
        """Logarithm of the expected time of a pass [s], nothing of the machine itself being measured."""
        physical_s = float(self.batch([machine], [table], [config], [settings]).parts.total[0])
        factor = runtime_log_factor(config, machine, table)
        return log(physical_s) + self.residual(machine, table, config, settings) + factor
