"""Measurements of this machine as anchors: how far each is from what would be predicted without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import hypot, log

from advisor.perfmodel.analytic.physics import PRECISIONS
from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig, resolve
from advisor.perfmodel.analytic.work_table import WorkTable, table_of
from advisor.perfmodel.elsewhere.residual import model_features
from advisor.perfmodel.elsewhere.transfer_time import TransferTime
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec

from .anchors import Anchor, Anchors
from .calibration import HostCalibration
from .kernel_prediction import KernelPrediction, KernelPredictor
from .measurements import HostMeasurements, TimedConfiguration

_MOSTLY_TIMED = 0.5
"""Share of the time in kernels that were looked up, above which a network counts as measured."""


def anchor(
    table: WorkTable,
    config: RunConfig,
    settings: ResolvedConfig,
    *,
    log_ratio: float = 0.0,
    noise: float = 0.03,
    mix: tuple[float, float, float] | None = None,
) -> Anchor:
    """Make an anchor of a configuration, or (without a ratio) the query for its correction."""
    return Anchor(
        table.network,
        model_features(table),
        config.runtime,
        PRECISIONS.index(config.precision),
        log(settings.threads),
        log(settings.streams),
        log(config.batch),
        log_ratio,
        noise,
        mix,
    )


class HostAnchors:
    """Anchors of this host, conditioned once for each way in which a prediction can err."""

    def __init__(
        self,
        measurements: HostMeasurements,
        calibration: HostCalibration,
        transfer_time: TransferTime,
        kernels: KernelPredictor,
        published_tables: Mapping[str, WorkTable],
    ) -> None:
        self._measurements, self._calibration = measurements, calibration
        self._transfer_time, self._kernels, self._published_tables = transfer_time, kernels, published_tables
        self._as_new_networks: dict[tuple[str, str], Anchors] = {}

    @cached_property
    def every(self) -> Anchors:
        """All measurements of this host against their predictions."""
        return self._conditioned(self._measurements.configurations)

    def like(self, config: RunConfig, kernels: KernelPrediction | None) -> Anchors:
        """Anchors that err as the prediction in question does.

        A network whose kernels were timed is compared with others whose kernels were; one of new kernels with the
        errors that the others would have had as new networks, in the same runtime and precision.
        """
        if kernels is None or kernels.passed.known_share > _MOSTLY_TIMED:
            return self.every
        key = (config.runtime, config.precision)
        if key not in self._as_new_networks:
            same = [
                item
                for item in self._measurements.configurations
                if (item.config.runtime, item.config.precision) == key
            ]
            self._as_new_networks[key] = self._conditioned(same, as_new=True)
        return self._as_new_networks[key]

    def _conditioned(self, items: Sequence[TimedConfiguration], *, as_new: bool = False) -> Anchors:
        host = self._measurements.host
        anchors = [] if host is None else [self._anchor_of(host, item, as_new) for item in items]
        return Anchors([item for item in anchors if item is not None], self._calibration.sharing)

    def _anchor_of(self, host: MachineSpec, item: TimedConfiguration, as_new: bool) -> Anchor | None:
        work = self._measurements.work(item)
        table = self._published_tables.get(item.model) if work is None else table_of(work)
        if table is None:
            return None
        settings = resolve(host, item.config)
        without = item.sha256 if as_new else None
        kernels = None if work is None else self._kernels.predict(host, work, table, item.config, settings, without)
        if kernels is None:
            expected = self._transfer_time.log_time_s(host, table, item.config, settings)
            return anchor(table, item.config, settings, log_ratio=log(item.undisturbed_s) - expected, noise=item.noise)
        # The sum of kernels is itself uncertain where they were not looked up.
        return anchor(
            table,
            item.config,
            settings,
            log_ratio=log(item.undisturbed_s) - kernels.log_time_s,
            noise=hypot(item.noise, kernels.deviation),
            mix=kernels.mix,
        )
