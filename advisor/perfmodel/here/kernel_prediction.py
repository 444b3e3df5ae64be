"""A configuration's time as the sum of its kernels, from those that were timed on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import hypot, log

from advisor.perfmodel.analytic.runtime_defaults import ResolvedConfig, resolve
from advisor.perfmodel.analytic.work_table import WorkTable
from advisor.perfmodel.elsewhere.transfer_time import TransferTime
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.model import ModelWork

from .kernels import HostKernels, PassKernels
from .measurements import HostMeasurements


@dataclass(frozen=True)
class KernelPrediction:
    """A prediction that is a sum of kernels learned on this machine."""

    log_time_s: float
    """Logarithm of the time of a pass [s] in the configuration in question."""
    deviation: float
    """Its standard deviation."""
    passed: PassKernels
    """The kernels on one stream, at the thread count that was profiled."""

    @property
    def mix(self) -> tuple[float, float, float]:
        """Logarithm of the time on one stream [s], shares of memory-bound and of depthwise kernels in it."""
        shares = self.passed.group_share
        return log(self.passed.seconds), shares.get("memory", 0.0), shares.get("depthwise", 0.0)


class KernelPredictor:
    """Sums of the kernels measured on this host; each sum is worked out once."""

    def __init__(self, measurements: HostMeasurements, transfer_time: TransferTime) -> None:
        self._measurements, self._transfer_time = measurements, transfer_time
        self._passes: dict[tuple[str, str, str, int, int, str | None], PassKernels | None] = {}
        self._predictions: dict[tuple[str, str, RunConfig, str | None], KernelPrediction | None] = {}

    @cached_property
    def host_kernels(self) -> HostKernels:
        """Kernel times measured on this host, conditioned once."""
        return HostKernels(self._measurements.profiles, self._measurements.wall_times())

    def predict(
        self,
        machine: MachineSpec,
        work: ModelWork,
        table: WorkTable,
        config: RunConfig,
        settings: ResolvedConfig,
        without: str | None = None,
    ) -> KernelPrediction | None:
        """Time from kernels measured here, but for those of the network with hash ``without``; None without any.

        Kernels know threads and batch; the physical model gives the ratio to several streams, and to a number of
        threads that none was profiled with.
        """
        key = (machine.key, work.key, config, without)
        if key not in self._predictions:
            self._predictions[key] = self._predict(machine, work, table, config, settings, without)
        return self._predictions[key]

    def _predict(
        self,
        machine: MachineSpec,
        work: ModelWork,
        table: WorkTable,
        config: RunConfig,
        settings: ResolvedConfig,
        without: str | None,
    ) -> KernelPrediction | None:
        if not work.kernels:
            return None
        per_stream = max(1, settings.threads // settings.streams)
        threads = self.host_kernels.threads_near(config.runtime, config.precision, per_stream)
        passed = None if threads is None else self._pass(work, config, threads, without)
        if threads is None or passed is None:
            return None
        log_time_s, deviation = log(passed.seconds), passed.deviation
        if (settings.streams, per_stream) != (1, threads):
            profiled = config.model_copy(update={"streams": 1, "threads": threads})
            batch = self._transfer_time.batch(
                [machine, machine], [table, table], [config, profiled], [settings, resolve(machine, profiled)]
            )
            wanted_s, profiled_s = (float(time_s) for time_s in batch.parts.total)
            log_time_s += log(wanted_s / profiled_s)
            deviation = hypot(deviation, _beyond_profiled(per_stream, threads))
        return KernelPrediction(log_time_s, deviation, passed)

    def _pass(self, work: ModelWork, config: RunConfig, threads: int, without: str | None) -> PassKernels | None:
        key = (work.key, config.runtime, config.precision, config.batch, threads, without)
        if key not in self._passes:
            self._passes[key] = self.host_kernels.passes(work.kernels, config, threads, work.batch, without)
        return self._passes[key]


def _beyond_profiled(threads: int, profiled: int) -> float:
    """Deviation (log) of the physical model's ratio between two thread counts; source: project assumption."""
    return 0.0 if threads == profiled else 0.05 + 0.1 * abs(log(threads / profiled))
