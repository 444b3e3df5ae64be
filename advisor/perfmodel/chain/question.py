"""What a prediction is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig, resolve
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork

QuestionKey = tuple[str, str, RunConfig]
"""Keys of machine and work, and the configuration."""


@dataclass(frozen=True)
class Question:
    """How long a pass of ``work`` takes on ``machine`` in ``config``."""

    machine: MachineSpec
    work: ModelWork
    config: RunConfig
    table: WorkTable
    """The work, counted per class of kernel."""
    settings: ResolvedConfig
    """The configuration with every setting that was left to the runtime filled in."""

    @classmethod
    def of(cls, machine: MachineSpec, work: ModelWork, config: RunConfig, table: WorkTable) -> Question:
        """Ask with the runtime's defaults for what ``config`` leaves open; ``table``: that of ``work``."""
        return cls(machine, work, config, table, resolve(machine, config))

    @property
    def device(self) -> str:
        """Device of the runtime that the pass runs on, as the runtime spells it: CPU, GPU, BATCH:CPU(4)."""
        return self.config.device

    @property
    def key(self) -> QuestionKey:
        """Equal for questions of equal contents."""
        return self.machine.key, self.work.key, self.config
