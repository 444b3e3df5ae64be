"""The performance model as the layers above see it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import hypot, log
from pathlib import Path

from advisor.errors import Inconclusive
from advisor.graph.counted import same_count
from advisor.records.base import Z90, Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.measurement import Measurement, MicroBenchmark
from advisor.records.model import ModelWork
from advisor.records.prediction import CostEstimate, KernelCost, ServiceEstimate
from advisor.records.preparation import Preparation
from advisor.store.paths import profiles_dir

from .analytic.bottleneck import costliest_kernels
from .analytic.interval import around
from .analytic.machine import machine_arrays
from .analytic.parameters import PRIORS
from .analytic.physics import attainable_bandwidth
from .analytic.work_table import WorkTable, load_works, table_of
from .chain.belief import NOTHING, Belief
from .chain.question import Question
from .chain.source import EvidenceSource
from .concurrency import Contention, alone, contentions
from .elsewhere.sheet_uncertainty import FACTORS, uncertainty_factor
from .elsewhere.transfer import Transfer, load_transfer
from .here.calibration import HostCalibration, load_host_calibration
from .here.core_costs import CoreCosts
from .here.measurements import HostMeasurements, WorkSource
from .here.pause import measured_pause_s
from .resources.application import ApplicationUnit
from .resources.memory import PeakMemory
from .resources.power import wall_power
from .resources.software_decode import load_decode
from .sources.context import Context
from .sources.registry import CHAIN

Request = tuple[MachineSpec, ModelWork, RunConfig]


class Predictor:
    """Predicts time, memory and power of any model on any machine, each with an interval and what it rests on.

    A time is a fold over sources of evidence (``chain/source.py``): the shipped ones in the order of
    ``sources/registry.py``, then ``sources``.
    """

    def __init__(
        self,
        transfer: Transfer,
        published_tables: Mapping[str, WorkTable],
        host: HostMeasurements,
        calibration: HostCalibration,
        sources: Sequence[EvidenceSource] = (),
        counted: Mapping[str, ModelWork] | None = None,
    ) -> None:
        self.transfer, self.published_tables, self.host = transfer, published_tables, host
        self.counted: Mapping[str, ModelWork] = counted or {}
        """Works of models by hash, as counted in their files."""
        self._counted = {sha256: table_of(work) for sha256, work in (counted or {}).items()}
        self._context = Context.of(transfer, published_tables, host, calibration, self._counted)
        self.sources = (*(source(self._context) for source in CHAIN), *sources)
        self._added = bool(sources)
        self._costs = CoreCosts(transfer.parameters, host, load_decode())
        self._memory = PeakMemory()
        self._tables: dict[str, WorkTable] = {}

    @classmethod
    def load(
        cls,
        calibration_dir: Path | None = None,
        *,
        host: MachineSpec | None = None,
        measurements: Sequence[Measurement] = (),
        micro: Sequence[MicroBenchmark] = (),
        works: WorkSource | None = None,
        host_calibration: HostCalibration | None = None,
        sources: Sequence[EvidenceSource] = (),
        counted: Mapping[str, ModelWork] | None = None,
    ) -> Predictor:
        """Load the shipped (or another) calibration and join it with what this machine has measured.

        ``host_calibration``: factors that ``sizer calibrate`` found for this machine; by default those it stored.
        ``sources``: further evidence, taken into account after the shipped sources. ``counted``: works of models by
        hash as they are counted in their files, on which predictions of other machines rest; of other models they rest
        on the kernels as this machine's runtime fuses them.

        Raises
        ------
        CatalogueError
            The calibration cannot be read.
        """
        shipped = profiles_dir() / "calibration"
        directory = shipped if calibration_dir is None else calibration_dir
        tables_path = directory / "works.json"
        tables = load_works(tables_path if tables_path.exists() else shipped / "works.json")
        if host_calibration is None:
            measured = bool(measurements)
            host_calibration = (
                load_host_calibration(measurements[0].host_fingerprint) if measured else HostCalibration()
            )
        known = HostMeasurements.join(host, measurements, micro, works)
        return cls(load_transfer(directory, tables), tables, known, host_calibration, sources, counted)

    def alike(self, machine: MachineSpec) -> Hashable:
        """Key of all that the answers about a machine depend on: machines with equal keys get equal answers.

        But for notes that name the machine. Boxes of one chip differ in name and memory alone more often than not, and
        need be asked about once. A measured machine is like no other, and what added sources look at is not known.
        """
        if self._added or self.host.is_host(machine):
            return machine.id
        uncertain = tuple(name for name in machine.uncertain if name in FACTORS)
        name = "" if machine.vendor else machine.name  # which tells the maker where nothing else does
        facts = {"id": "", "name": name, "memory_bytes": None, "uncertain": uncertain}
        known = self.transfer.known_by_id(machine) or self._context.transfer_time.order.is_bare(machine)
        return machine.id if known else machine.model_copy(update=facts)

    def service(self, machine: MachineSpec, work: ModelWork, config: RunConfig) -> ServiceEstimate:
        """Time of one request; with the five kernels that cost most."""
        return self.service_many([(machine, work, config)], explain=True)[0]

    def service_many(self, requests: Sequence[Request], *, explain: bool = False) -> list[ServiceEstimate]:
        """The same for many requests at once: the physical model runs over all of them as arrays.

        Raises
        ------
        Inconclusive
            No source says anything of a device that is asked for.
        """
        questions = [Question.of(*request, self._table_for(request[0], request[1])) for request in requests]
        singles = [alone(question) for question in questions]
        self._prepare(questions, singles)
        beliefs = self.beliefs(questions)
        found = contentions(questions, singles, beliefs, self._context.transfer_time, self.host, self.beliefs)
        return [
            self._estimate(question, belief, contention, explain)
            for question, belief, contention in zip(questions, beliefs, found, strict=True)
        ]

    def _prepare(self, questions: Sequence[Question], singles: Sequence[Question]) -> None:
        """Work out what passes at full load and by themselves rest on in one go: much cheaper than in two."""
        several = [single for question, single in zip(questions, singles, strict=True) if question.settings.streams > 1]
        passes = [*questions, *several]
        self._context.transfer_time.prepare(
            [question.machine for question in passes],
            [question.table for question in passes],
            [question.config for question in passes],
        )

    def beliefs(self, questions: Sequence[Question]) -> list[Belief]:
        """Fold the sources over each question.

        Raises
        ------
        Inconclusive
            No source says anything of a device that is asked for.
        """
        beliefs = [NOTHING] * len(questions)
        devices = {question.device for question in questions}
        for source in self.sources:
            spoken = {device for device in devices if source.speaks_of(device)}
            mine = [i for i, question in enumerate(questions) if question.device in spoken]
            if mine:
                updated = source.update_many([questions[i] for i in mine], [beliefs[i] for i in mine])
                for i, belief in zip(mine, updated, strict=True):
                    beliefs[i] = belief
        for question, belief in zip(questions, beliefs, strict=True):
            if not belief.says_something:
                raise Inconclusive(
                    f"device {question.device} on {question.machine.id}: no calibration exists for it; "
                    "measure it there with `sizer bench`"
                )
        return beliefs

    def table(self, work: ModelWork) -> WorkTable:
        """Work table of a model, counted once."""
        if work.key not in self._tables:
            self._tables[work.key] = table_of(work)
        return self._tables[work.key]

    def _table_for(self, machine: MachineSpec, work: ModelWork) -> WorkTable:
        """Work of a model on a machine: what its runtime fuses here, what its file says on any other.

        So that what is predicted of another machine does not depend on the processor on which it is asked for.
        """
        counted = None if self.host.is_host(machine) else self._counted_table(work)
        return self.table(work) if counted is None else counted

    def _counted_table(self, work: ModelWork) -> WorkTable | None:
        """The same as a table."""
        return None if self._counted_work(work) is None else self._counted[work.sha256]

    def _counted_work(self, work: ModelWork) -> ModelWork | None:
        """Work as counted in the file; None where it was not, or not as many operations as its reader finds in it."""
        counted = self.counted.get(work.sha256)
        return counted if counted is not None and same_count(counted.flop * work.batch, work.flop) else None

    def has_published_figures(self, work: ModelWork) -> bool:
        """Whether any published figure is of this model: of others only a measurement tells how far a time is off."""
        table = self._counted_table(work) or self.table(work)
        return self.transfer.model_label(table) >= 0

    def _estimate(
        self, question: Question, belief: Belief, contention: Contention | None, explain: bool
    ) -> ServiceEstimate:
        work, config, settings = question.work, question.config, question.settings
        latency_s = belief.time_s
        throughput_per_s = latency_s.reciprocal(float(settings.streams * config.batch))
        repetition = belief.repetition
        if repetition is not None and repetition.throughput_per_s is not None and settings.streams > 1:
            throughput_per_s = around(repetition.throughput_per_s, belief.low, belief.high)
        here = self.host.is_host(question.machine)
        return ServiceEstimate(
            platform=question.machine.id,
            model=work.model,
            config=config,
            latency_s=latency_s,
            throughput_per_s=throughput_per_s,
            core_s=latency_s.scaled(max(1.0, settings.threads / settings.streams)),
            alone_s=None if contention is None else contention.alone_s,
            full_s=None if contention is None else contention.full_s,
            contention_rise=() if contention is None else contention.rise,
            cold_s=measured_pause_s(self.host, work, config, settings, latency_s.p50) if here else None,
            pass_sigma=None if repetition is None else repetition.pass_sigma,
            moment_sigma=None if repetition is None else repetition.moment_sigma,
            machine_share=belief.machine_share,
            memory_bytes=self._memory.of(self._counted_work(work) or work, config, settings.streams),
            bandwidth_bytes=belief.traffic_bytes,
            bottleneck=belief.bottleneck,
            evidence=belief.evidence,
            nearest_measured=belief.nearest,
            extrapolated=belief.extrapolated,
            stand_in=work.kind == "stand-in",
            kernels=self._costliest_kernels(question, belief) if explain else (),
            notes=belief.notes,
        )

    def _costliest_kernels(self, question: Question, belief: Belief) -> tuple[KernelCost, ...]:
        if belief.bottleneck == "unknown":
            return ()  # the physical model, which shares the time out among the kernels, does not know the device
        kernels = None
        if self.host.is_host(question.machine):
            kernels = self._context.kernels.predict(
                question.machine, question.work, question.table, question.config, question.settings
            )
        return costliest_kernels(
            self.transfer.parameters,
            question.machine,
            question.work,
            question.config,
            question.settings,
            belief.time_s.p50,
            None if kernels is None else kernels.passed.kernels,
        )

    def decode(
        self, machine: MachineSpec, codec: str, width: int, height: int, bitrate_kbps: float | None, fps: float
    ) -> CostEstimate:
        """Core time of decoding one frame in software."""
        return self._costs.decode(machine, codec, width, height, bitrate_kbps, fps)

    def preprocess(self, machine: MachineSpec, preparation: Preparation) -> CostEstimate:
        """Core time of scaling and laying out one input; see :meth:`CoreCosts.preprocess`."""
        return self._costs.preprocess(machine, preparation)

    def application(self, machine: MachineSpec, unit: ApplicationUnit, stated_ms: float | None) -> CostEstimate:
        """Core time of the application's own work on one frame or object; ``stated_ms`` None: what is usual."""
        return self._costs.application(machine, unit, stated_ms)

    def slowing(self, machine: MachineSpec) -> tuple[float, ...]:
        """Lengthening of what surrounds a pass while 1/n, 2/n, ... of the other cores work, over the time alone.

        ``decode``, ``preprocess`` and ``application`` are with all of them busy. Empty: these do not depend on other
        work.
        """
        return self._costs.slowing(machine)

    def stacking(self, machine: MachineSpec) -> float:
        """Probability that work is put on a busy core while another idles; see :meth:`CoreCosts.stacking`."""
        return self._costs.stacking(machine)

    def overhead(self, machine: MachineSpec, runtime: str) -> CostEstimate:
        """Core time of one call into the runtime, before any kernel runs; part of ``service`` already."""
        return self._costs.overhead(machine, runtime)

    def attainable_bandwidth(self, machine: MachineSpec) -> float:
        """Memory bandwidth that the machine's cores sustain together [B/s].

        It, and not the peak of the channels, is what traffic can fill. Of a sheet without bandwidth the usual one per
        core is taken, as for the machine's times.
        """
        return float(attainable_bandwidth(self.transfer.parameters, machine_arrays([machine]))[0])

    def bandwidth(self, machine: MachineSpec) -> Interval:
        """:meth:`attainable_bandwidth` with its uncertainty, P10 the least [B/s].

        That of the fitted share is taken as its prior deviation; that of the data sheet as for times
        (``elsewhere/sheet_uncertainty.py``).
        """
        share = PRIORS["bandwidth"][1]
        sheet = log(uncertainty_factor(machine, "memory_bandwidth_bytes_per_s"))
        half = Z90 * hypot(share, sheet)
        return around(self.attainable_bandwidth(machine), -half, half)

    def power_w(self, machine: MachineSpec, utilisation: float) -> Interval:
        """Wall power at a CPU utilisation of 0 to 1 [W]."""
        return wall_power(machine, utilisation)

    def memory_bytes(self, work: ModelWork, config: RunConfig) -> Interval:
        """Peak memory of a compiled model [B]: on this machine, too, from the counts of its file."""
        return self._memory.of(self._counted_work(work) or work, config, config.streams or 1)
