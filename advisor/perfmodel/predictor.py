"""The performance model as the layers above see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from advisor.errors import Inconclusive
from advisor.perfmodel.analytic.bottleneck import bottleneck, dearest_kernels
from advisor.perfmodel.analytic.interval import around
from advisor.perfmodel.analytic.machine import machine_arrays
from advisor.perfmodel.analytic.physics import PRECISIONS, PassTime, Runs, core_rate
from advisor.perfmodel.analytic.runtime_defaults import Resolved, resolve
from advisor.perfmodel.analytic.work_table import WorkTable, load_works, table_of
from advisor.perfmodel.elsewhere.batch import Questions
from advisor.perfmodel.elsewhere.evidence import Basis, basis_of
from advisor.perfmodel.elsewhere.residual import model_features
from advisor.perfmodel.elsewhere.transfer import Transfer, load_transfer
from advisor.perfmodel.here.anchors import Anchor, Anchors
from advisor.perfmodel.here.calibration import LocalFit, load_local_fit
from advisor.perfmodel.here.kernels import HostKernels, KernelTime, PassKernels
from advisor.perfmodel.here.measurements import Item, LocalData
from advisor.perfmodel.resources.decode import decode_cost, preprocess_cost
from advisor.perfmodel.resources.memory import peak_memory
from advisor.perfmodel.resources.power import wall_power
from advisor.records.base import Evidence, Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.measurement import Measurement, MicroBenchmark
from advisor.records.model import ModelWork
from advisor.records.prediction import CostEstimate, KernelCost, ServiceEstimate
from advisor.store.paths import profiles_dir

Array = NDArray[np.float64]
_ORT_LOG = {0: 0.30, 1: 0.30, 2: 0.25}
"""ONNX Runtime's time over OpenVINO's on CPU (log) where nothing was measured: 9.8 against 7.1 ms on a small net."""


@dataclass(frozen=True)
class FromKernels:
    """A prediction that is a sum of kernels learned on this machine."""

    log_s: float
    deviation: float
    mix: tuple[float, float, float]
    found: PassKernels


_MOSTLY_KNOWN = 0.5
"""Share of the time in kernels that were looked up, above which a network counts as measured."""


class WorkSource(Protocol):
    """Finds the kernels of a model by its reference."""

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        """Kernels of ``model``, or None where it is not known."""


def _one_stream(config: RunConfig, setting: Resolved) -> RunConfig:
    """One of several streams, with its own threads."""
    threads = max(1, setting.threads // setting.streams)
    return config.model_copy(update={"streams": 1, "threads": threads, "requests": 1})


def predicts(device: str) -> bool:
    """Whether there is a calibration for a runtime's device: for the CPU alone, and what ends there."""
    return device.upper().startswith(("CPU", "AUTO", "BATCH:CPU"))


class Predictor:
    """Predicts time, memory and power of any model on any machine, each with an interval and what it rests on."""

    def __init__(self, transfer: Transfer, works: dict[str, WorkTable], local: LocalData, fit: LocalFit) -> None:
        self.transfer, self.works, self.local, self.fit = transfer, works, local, fit
        self._tables: dict[int, tuple[ModelWork, WorkTable]] = {}
        self._anchors: Anchors | None = None
        self._kernels_here: HostKernels | None = None
        self._bases: dict[tuple[int, int, int, bool], Basis] = {}
        self._passes: dict[tuple[int, str, str, int, int, str | None], PassKernels | None] = {}
        self._unseen: dict[tuple[str, str], Anchors] = {}
        self._memories: dict[tuple[int, str, str, int, int | None, int], tuple[ModelWork, Interval]] = {}
        self._full_clocks: dict[str, float] = {}

    @classmethod
    def load(
        cls,
        calibration_dir: Path | None = None,
        *,
        host: MachineSpec | None = None,
        measurements: Sequence[Measurement] = (),
        micro: Sequence[MicroBenchmark] = (),
        works: WorkSource | None = None,
        local_fit: LocalFit | None = None,
    ) -> Predictor:
        """Load the shipped (or another) calibration and join it with what this machine has measured.

        ``local_fit``: factors that ``sizer calibrate`` found for this machine; by default those it stored.

        Raises
        ------
        CatalogueError
            The calibration cannot be read.
        """
        directory = profiles_dir() / "calibration" if calibration_dir is None else calibration_dir
        own = directory / "works.json"
        tables = load_works(own if own.exists() else profiles_dir() / "calibration" / "works.json")
        if local_fit is None:
            local_fit = load_local_fit(measurements[0].host_fingerprint) if measurements else LocalFit()
        return cls(
            load_transfer(directory, tables), tables, LocalData.join(host, measurements, micro, works), local_fit
        )

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        """Time of one request; with the five dearest kernels."""
        return self.service_many([(machine, work, config)], explain=True)[0]

    def service_many(
        self, requests: Sequence[tuple[MachineSpec, ModelWork, RunConfig]], *, explain: bool = False
    ) -> list[ServiceEstimate]:
        """The same for many requests at once: the physical model runs over all of them as arrays.

        Raises
        ------
        Inconclusive
            A device other than the CPU is asked for: there is no calibration for it.
        """
        if not requests:
            return []
        for machine, _, config in requests:
            if not predicts(config.device):
                raise Inconclusive(
                    f"device {config.device} on {machine.id}: no calibration exists for it; "
                    "measure it there with `sizer bench`"
                )
        tables = [self.table(work) for _, work, _ in requests]
        self._prepare([machine for machine, _, _ in requests], tables)
        settings = [resolve(machine, config) for machine, _, config in requests]
        questions = self._questions([m for m, _, _ in requests], tables, [c for _, _, c in requests], settings)
        parts = questions.times()
        doubt, in_l2 = questions.doubt(parts), questions.in_l2()
        found = [
            self._estimate(
                i, *requests[i], tables[i], settings[i], parts, float(doubt[i]), explain, in_l2=bool(in_l2[i])
            )
            for i in range(len(requests))
        ]
        return self._with_company(requests, settings, found)

    def _with_company(
        self,
        requests: Sequence[tuple[MachineSpec, ModelWork, RunConfig]],
        settings: Sequence[Resolved],
        found: list[ServiceEstimate],
    ) -> list[ServiceEstimate]:
        """Add to what several streams of this machine take beside each other what one of them takes alone.

        Of other machines the ratio of the two would be the physical model's alone, which was never checked.
        """
        several = [
            i
            for i, setting in enumerate(settings)
            if setting.streams > 1
            and self.local.is_host(requests[i][0])
            and found[i].evidence in (Evidence.MEASURED, Evidence.ANCHORED)
        ]
        questions = []
        for i in several:
            machine, work, config = requests[i]
            questions.append((machine, work, _one_stream(config, settings[i])))
        alone = self.service_many(questions)
        for i, estimate in zip(several, alone, strict=True):
            found[i] = found[i].model_copy(update={"alone_s": estimate.latency_s})
        return found

    def table(self, work: ModelWork) -> WorkTable:
        """Work table of a model, kept by identity of the record."""
        known = self._tables.get(id(work))
        if known is None or known[0] is not work:
            known = (work, table_of(work))
            self._tables[id(work)] = known
        return known[1]

    def _prepare(self, machines: Sequence[MachineSpec], tables: Sequence[WorkTable]) -> None:
        specs = list({machine.id: machine for machine in machines}.values())
        self.transfer.prepare(specs, list({table.model: table for table in tables}.values()))

    def _questions(
        self,
        machines: Sequence[MachineSpec],
        tables: Sequence[WorkTable],
        configs: Sequence[RunConfig],
        settings: Sequence[Resolved],
    ) -> Questions:
        return Questions(self.transfer.parameters, machines, tables, configs, settings)

    def _physical_s(self, machine: MachineSpec, table: WorkTable, config: RunConfig, setting: Resolved) -> float:
        return float(self._questions([machine], [table], [config], [setting]).times().total[0])

    def _uncorrected_log(
        self, machine: MachineSpec, table: WorkTable, config: RunConfig, setting: Resolved, physical_s: float
    ) -> float:
        precision = PRECISIONS.index(config.precision)
        throughput, latency = self.transfer.residuals(machine, table, precision)
        share = setting.latency_share
        runtime = _ORT_LOG[precision] if config.runtime == "onnxruntime" else 0.0
        return log(physical_s) + share * latency + (1.0 - share) * throughput + runtime

    def host_kernels(self) -> HostKernels:
        """Kernel times measured on this host, conditioned once."""
        if self._kernels_here is None:
            self._kernels_here = HostKernels(self.local.profiles, self.local.walls())
        return self._kernels_here

    def _pass(self, work: ModelWork, config: RunConfig, threads: int, without: str | None) -> PassKernels | None:
        key = (id(work), config.runtime, config.precision, threads, config.batch, without)
        if key not in self._passes:
            self._tables.setdefault(id(work), (work, table_of(work)))  # keeps the record, and so its id, alive
            self._passes[key] = self.host_kernels().passes(work.kernels, config, threads, work.batch, without)
        return self._passes[key]

    def _from_kernels(
        self,
        machine: MachineSpec,
        work: ModelWork,
        table: WorkTable,
        config: RunConfig,
        setting: Resolved,
        physical_s: float,
        without: str | None = None,
    ) -> FromKernels | None:
        """Time from kernels measured here, but for those of the network ``without``; None without any.

        Kernels know threads and batch; the physical model gives the ratio to several streams, and to a number of
        threads that none was profiled with.
        """
        if not work.kernels:
            return None
        per_stream = max(1, setting.threads // setting.streams)
        threads = self.host_kernels().threads_near(config.runtime, config.precision, per_stream)
        found = None if threads is None else self._pass(work, config, threads, without)
        if threads is None or found is None:
            return None
        mix = (log(found.seconds), found.group_share.get("memory", 0.0), found.group_share.get("depthwise", 0.0))
        if (setting.streams, per_stream) == (1, threads):
            return FromKernels(log(found.seconds), found.deviation, mix, found)
        base = config.model_copy(update={"streams": 1, "threads": threads})
        reference = self._physical_s(machine, table, base, resolve(machine, base))
        ratio = log(physical_s / reference)
        beyond = 0.0 if per_stream == threads else 0.05 + 0.1 * abs(log(per_stream / threads))
        return FromKernels(log(found.seconds) + ratio, hypot(found.deviation, beyond), mix, found)

    def _anchor(
        self,
        table: WorkTable,
        config: RunConfig,
        setting: Resolved,
        log_ratio: float = 0.0,
        noise: float = 0.03,
        mix: tuple[float, float, float] | None = None,
    ) -> Anchor:
        return Anchor(
            table.model,
            model_features(table),
            config.runtime,
            PRECISIONS.index(config.precision),
            float(np.log(setting.threads)),
            float(np.log(setting.streams)),
            float(np.log(config.batch)),
            log_ratio,
            noise,
            mix,
        )

    def anchors(self) -> Anchors:
        """Measurements of this host against their predictions, conditioned once."""
        if self._anchors is None:
            self._anchors = Anchors(self._all_anchors(self.local.items), self.fit.sharing)
        return self._anchors

    def _anchors_for(self, config: RunConfig, kernels: FromKernels | None) -> Anchors:
        """Anchors that err as the prediction in question does.

        A network whose kernels were timed is set beside others with theirs; one of new kernels beside the errors that
        the others would have had as new networks, in the same runtime and precision.
        """
        if kernels is None or kernels.found.known_share > _MOSTLY_KNOWN:
            return self.anchors()
        key = (config.runtime, config.precision)
        if key not in self._unseen:
            same = [item for item in self.local.items if (item.config.runtime, item.config.precision) == key]
            self._unseen[key] = Anchors(self._all_anchors(same, as_new=True), self.fit.sharing)
        return self._unseen[key]

    def _all_anchors(self, items: Sequence[Item], *, as_new: bool = False) -> list[Anchor]:
        host = self.local.host
        if host is None:
            return []
        found = [self._as_anchor(host, item, self.local.work(item), as_new) for item in items]
        return [anchor for anchor in found if anchor is not None]

    def _as_anchor(self, host: MachineSpec, item: Item, work: ModelWork | None, as_new: bool) -> Anchor | None:
        table = self.works.get(item.model) if work is None else self.table(work)
        if table is None:
            return None
        setting = resolve(host, item.config)
        self._prepare([host], [table])
        physical = self._physical_s(host, table, item.config, setting)
        without = item.sha256 if as_new else None
        kernels = (
            None if work is None else self._from_kernels(host, work, table, item.config, setting, physical, without)
        )
        if kernels is None:
            predicted = self._uncorrected_log(host, table, item.config, setting, physical)
            return self._anchor(table, item.config, setting, log(item.quiet_s) - predicted, item.noise)
        # The sum of kernels is itself uncertain where they were not looked up.
        noise = hypot(item.noise, kernels.deviation)
        return self._anchor(table, item.config, setting, log(item.quiet_s) - kernels.log_s, noise, kernels.mix)

    def _estimate(
        self,
        i: int,
        machine: MachineSpec,
        work: ModelWork,
        config: RunConfig,
        table: WorkTable,
        setting: Resolved,
        parts: PassTime,
        doubt: float,
        explain: bool,
        in_l2: bool,
    ) -> ServiceEstimate:
        log_time = self._uncorrected_log(machine, table, config, setting, float(parts.total[i]))
        here = self.local.is_host(machine)
        basis = self._basis(machine, table, PRECISIONS.index(config.precision), setting.latency_share > 0.5)
        evidence, nearest, extrapolated = basis.evidence, basis.nearest, basis.extrapolated
        low, high, notes = -hypot(basis.low, doubt), hypot(basis.high, doubt), list(basis.notes)
        learned: tuple[KernelTime, ...] | None = None
        if here and (self.local.items or self.local.profiles):
            kernels = self._from_kernels(machine, work, table, config, setting, float(parts.total[i]))
            mix, learned = (None, None) if kernels is None else (kernels.mix, kernels.found.kernels)
            log_time = log_time if kernels is None else kernels.log_s
            shift, deviation = self._anchors_for(config, kernels).correction(
                self._anchor(table, config, setting, mix=mix)
            )
            log_time += shift
            deviation = deviation if kernels is None else hypot(deviation, kernels.deviation)
            low, high = -1.2816 * deviation * self.fit.width, 1.2816 * deviation * self.fit.width
            evidence, nearest, extrapolated = Evidence.ANCHORED, self.local.nearest(table.model, config), False
        elif self.local.items and self.transfer.model_label(table) < 0:
            log_time += 0.7 * self.anchors().model_part(self._anchor(table, config, setting))
        exact = self.local.exact(work, config, setting.threads, setting.streams) if here else None
        if exact is not None:
            log_time, low, high = log(exact.latency_s), -exact.half_width, exact.half_width
            evidence, nearest, extrapolated = Evidence.MEASURED, exact.label, False
            notes.append("measured on it in this configuration" + (", on a disturbed machine" if exact.dirty else ""))
        if config.runtime == "onnxruntime" and evidence not in (Evidence.MEASURED, Evidence.ANCHORED):
            low, high = -float(np.hypot(low, 0.35)), float(np.hypot(high, 0.35))
            notes.append("no ONNX Runtime figures for this machine: OpenVINO's, times an assumed factor")
        if table.unknown_share > 0.02:
            low, high = -float(np.hypot(low, table.unknown_share)), float(np.hypot(high, table.unknown_share))
            notes.append(
                f"{table.unknown_share:.0%} of the traffic is in kernels of unknown type, taken as memory-bound"
            )
        latency = around(float(np.exp(log_time)), low, high)
        throughput = latency.reciprocal(float(setting.streams * config.batch))
        if exact is not None and exact.throughput_per_s is not None and setting.streams > 1:
            throughput = around(exact.throughput_per_s, low, high)
        per_stream = max(1.0, setting.threads / setting.streams)
        return ServiceEstimate(
            platform=machine.id,
            model=work.model,
            config=config,
            latency_s=latency,
            throughput_per_s=throughput,
            core_s=latency.scaled(per_stream),
            cold_s=self.local.cold_s(work, config, setting, latency.p50) if here else None,
            pass_sigma=None if exact is None else exact.pass_sigma,
            moment_sigma=None if exact is None else exact.moment_sigma,
            memory_bytes=self._memory(work, config, setting.streams),
            bandwidth_bytes=float(parts.traffic[i]),
            bottleneck=bottleneck(parts, i, in_l2),
            evidence=evidence,
            nearest_measured=nearest,
            extrapolated=extrapolated,
            stand_in=work.kind == "stand-in",
            kernels=self._kernels(machine, work, config, setting, latency.p50, learned) if explain else (),
            notes=tuple(notes),
        )

    def _basis(self, machine: MachineSpec, table: WorkTable, precision: int, latency: bool) -> Basis:
        key = (id(machine), id(table), precision, latency)
        found = self._bases.get(key)
        if found is None or found.machine is not machine or found.table is not table:
            found = basis_of(self.transfer, machine, table, precision, latency)
            self._bases[key] = found
        return found

    def _kernels(
        self,
        machine: MachineSpec,
        work: ModelWork,
        config: RunConfig,
        setting: Resolved,
        latency_s: float,
        learned: Sequence[KernelTime] | None,
    ) -> tuple[KernelCost, ...]:
        return dearest_kernels(
            self.transfer.parameters, machine, work, config, setting.streams, setting.threads, latency_s, learned
        )

    def _clock_hz(self, machine: MachineSpec, threads: int = 1) -> float:
        runs = Runs(np.array([0]), np.ones(1), np.ones(1), np.array([float(threads)]), np.zeros(1))
        return float(core_rate(self.transfer.parameters, machine_arrays([machine]), runs)[0][0])

    def _full_clock_hz(self, machine: MachineSpec) -> float:
        """Worked out once per machine: every size of picture asks for it."""
        if machine.id not in self._full_clocks:
            self._full_clocks[machine.id] = self._clock_hz(machine, machine.cores)
        return self._full_clocks[machine.id]

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float | None, fps: float
    ) -> CostEstimate:
        """Core time of decoding one frame in software."""
        return decode_cost(
            machine,
            self._full_clock_hz(machine),
            codec,
            width,
            height,
            bitrate_kbps,
            fps,
            self.local.decode_scale(machine, codec, (width, height), self._full_clock_hz),
        )

    def preprocess(self, machine: MachineSpec, source: tuple[int, int], target: tuple[int, int]) -> CostEstimate:
        """Core time of scaling and laying out one input."""
        return preprocess_cost(
            machine,
            self._full_clock_hz(machine),
            source,
            target,
            self.local.preprocess_scale(machine, source, target, self._full_clock_hz),
        )

    def overhead(self, machine: MachineSpec, runtime: str) -> CostEstimate:
        """Core time of one call into the runtime, before any kernel runs; part of ``service`` already."""
        seconds = self.transfer.parameters.factor("call") * 4e9 / self._clock_hz(machine)
        measured = self.local.overhead(runtime) if self.local.is_host(machine) else None
        if measured is not None:
            return CostEstimate(core_s=around(measured, -0.2, 0.2), evidence=Evidence.MEASURED)
        return CostEstimate(core_s=around(seconds, -0.7, 0.7), evidence=Evidence.SPEC)

    def power_w(self, machine: MachineSpec, utilisation: float) -> Interval:
        """Wall power at a CPU utilisation of 0 to 1 [W]."""
        return wall_power(machine, utilisation)

    def memory_bytes(self, work: ModelWork, config: RunConfig) -> Interval:
        """Peak memory of a compiled model [B]."""
        return self._memory(work, config, config.streams or 1)

    def _memory(self, work: ModelWork, config: RunConfig, streams: int) -> Interval:
        # The same on every machine: a plan asks it once per configuration instead of once per machine.
        key = (id(work), config.runtime, config.precision, streams, config.threads, config.batch)
        if key not in self._memories:
            self._memories[key] = (work, peak_memory(work, config, streams))
        return self._memories[key][1]
