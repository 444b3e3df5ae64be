"""What the shipped sources draw on, and their common base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.perfmodel.analytic.work_table import WorkTable, table_of
from advisor.perfmodel.chain.belief import Belief
from advisor.perfmodel.chain.question import Question
from advisor.perfmodel.chain.source import EvidenceSource
from advisor.perfmodel.elsewhere.transfer import Transfer
from advisor.perfmodel.elsewhere.transfer_time import TransferTime
from advisor.perfmodel.here.calibration import HostCalibration
from advisor.perfmodel.here.host_anchors import HostAnchors
from advisor.perfmodel.here.kernel_prediction import KernelPredictor
from advisor.perfmodel.here.measurements import HostMeasurements, TimedConfiguration


@dataclass(frozen=True)
class Context:
    """The fitted calibration and what this host has measured, each conditioned once for all sources."""

    transfer_time: TransferTime
    host: HostMeasurements
    calibration: HostCalibration
    kernels: KernelPredictor
    anchors: HostAnchors
    published_tables: Mapping[str, WorkTable]
    counted: Mapping[str, WorkTable]
    """Works of models by hash, as counted in their files."""

    @classmethod
    def of(
        cls,
        transfer: Transfer,
        published_tables: Mapping[str, WorkTable],
        host: HostMeasurements,
        calibration: HostCalibration,
        counted: Mapping[str, WorkTable] | None = None,
    ) -> Context:
        """Build the shared parts; nothing is computed before it is needed."""
        transfer_time = TransferTime(transfer)
        kernels = KernelPredictor(host, transfer_time)
        anchors = HostAnchors(host, calibration, transfer_time, kernels, published_tables)
        return cls(transfer_time, host, calibration, kernels, anchors, published_tables, counted or {})

    def table_of_timing(self, item: TimedConfiguration) -> WorkTable | None:
        """Work of a network that was timed here, as it is counted for other machines; None where nothing tells it."""
        if item.sha256 in self.counted:
            return self.counted[item.sha256]
        if item.model in self.published_tables:
            return self.published_tables[item.model]
        work = self.host.work(item)
        return None if work is None else table_of(work)

    @property
    def transfer(self) -> Transfer:
        """The shipped calibration."""
        return self.transfer_time.transfer


class ShippedSource(EvidenceSource):
    """A source of the package: made of the context alone, so that ``registry.py`` can make all of them alike."""

    def __init__(self, context: Context) -> None:
        self._context = context


class HostSource(ShippedSource):
    """A source that speaks of the machine at hand alone."""

    def update_many(self, questions: Sequence[Question], beliefs: Sequence[Belief]) -> list[Belief]:
        if self._context.host.host is None:
            return list(beliefs)
        return super().update_many(questions, beliefs)
