"""What this machine has measured, in the form that prediction needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, hypot
from typing import Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.interval import ASSUMED_SHARE
from advisor.perfmodel.analytic.work_table import network_of
from advisor.records.base import Z90, CpuPrecision
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.measurement import Measurement, MicroBenchmark, ProfileMeasurement, Timing, TimingMeasurement
from advisor.records.model import ModelKind, ModelWork, known_as
from advisor.runtimes.registry import UNPREDICTED

from .interference_correction import Slowdown, fastest_block_s, timing_slowdown
from .kernels import WallKey, WallTime

Array = NDArray[np.float64]

_LEAST_BLOCKS = 16
"""Blocks of a measurement that has seen a machine in several states: these last for seconds (docs/methods/drift.md)."""
_LEAST_PASSES = 20
"""Fewer passes than this show no spread."""
_LEAST_SPREAD = 0.02
_LEAST_MOMENTS = 20
"""Measurements with reference work around them that show how a machine's moments differ."""
_SLOPE = 0.9
"""Change of a pass (log) over that of the reference work, from moment to moment: the mean of one and two threads on two
guests, 0.5 to 1.6 (docs/methods/this-machine.md)."""
_SPREAD_UNKNOWN = 0.05
"""Spread (log) of a timing of too few blocks, and of the few passes around a profile."""


class WorkSource(Protocol):
    """Finds the kernels of a model by the name that :func:`~advisor.records.model.known_as` gives it."""

    def work(self, model: str, runtime: str, precision: str) -> ModelWork | None:
        """Kernels of ``model``; None for a model that the source does not know."""


@dataclass(frozen=True)
class TimedConfiguration:
    """One configuration that was timed on this machine."""

    model: str
    sha256: str
    config: RunConfig
    latency_s: float
    """Time that one request holds its stream, with the other streams busy."""
    throughput_per_s: float | None
    """Inputs per second of all streams; None where requests came one at a time."""
    spread: float
    """Half of the 10-90 % range of the log latency between blocks of the measurement, at least 2 %."""
    dirty: bool
    threads: int | None
    streams: int | None
    measurement: Measurement
    slowdown: Slowdown
    """What other load did to it (interference_correction.py)."""

    @property
    def timing(self) -> Timing | None:
        """Latencies of its passes; None for a kernel profile, whose passes were timed as a whole."""
        return self.measurement.timing if isinstance(self.measurement, TimingMeasurement) else None

    @property
    def undisturbed_s(self) -> float:
        """Expected :attr:`latency_s` without other load: what is learned about the machine."""
        return self.latency_s * exp(-self.slowdown.log_factor)

    def undisturbed(self) -> TimedConfiguration:
        """The same as expected on a quiet machine, as doubtful as the correction is.

        How single passes and moments scattered beside other load says nothing of a quiet machine: left out.
        """
        if not self.slowdown.log_factor and not self.dirty:
            return self
        row = self.measurement
        if isinstance(row, TimingMeasurement) and row.timing is not None:
            timing = row.timing.model_copy(update={"latencies_s": (), "block_p50_s": (), "block_disturbed": ()})
            row = row.model_copy(update={"timing": timing})
        rate = None if self.throughput_per_s is None else self.throughput_per_s * exp(self.slowdown.log_factor)
        return replace(
            self,
            latency_s=self.undisturbed_s,
            throughput_per_s=rate,
            dirty=False,
            measurement=row,
            slowdown=Slowdown(0.0, self.slowdown.deviation),
        )

    @property
    def half_width(self) -> float:
        """Half of P10-P90 (log) of :attr:`latency_s` at another moment."""
        return hypot(self.spread, Z90 * self.slowdown.deviation)

    @property
    def pass_sigma(self) -> float | None:
        """Spread of single passes, as the standard deviation of the logarithm; None where too few times were kept."""
        timing = self.timing
        if timing is None or len(timing.latencies_s) < _LEAST_PASSES:
            return None
        low, high = np.quantile(timing.latencies_s, [0.1, 0.9])
        return float(np.log(high / low) / (2 * Z90)) if low > 0 else None

    @property
    def saw_several_states(self) -> bool:
        """Whether it lasted long enough to see the machine in more than one state."""
        timing = self.timing
        return timing is not None and len(timing.block_p50_s) >= _LEAST_BLOCKS

    @property
    def moment_sigma(self) -> float | None:
        """Spread of a block's median between moments of the machine (log); None where too few were measured."""
        return self.spread / Z90 if self.saw_several_states else None

    @property
    def machine_share(self) -> float:
        """Share of the variance at another moment that other models on the machine have in common with it.

        States of the machine change the times of all models; what is left of a correction for other load is counted as
        this timing's own. A measurement that has not seen several states cannot tell: a half, assumed.
        """
        return (
            (self.spread / self.half_width) ** 2 if self.saw_several_states and self.half_width > 0 else ASSUMED_SHARE
        )

    @property
    def noise(self) -> float:
        """Standard deviation (log) of :attr:`undisturbed_s` as an anchor."""
        return hypot(max(_LEAST_SPREAD, self.spread / Z90), self.slowdown.deviation)

    @property
    def setting(self) -> tuple[object, ...]:
        """What two measurements of the same have in common."""
        c = self.config
        return self.sha256, c.runtime, c.precision, c.batch, c.device, self.threads, self.streams or 1

    @property
    def label(self) -> str:
        """For people: model, runtime, precision, threads, streams, batch."""
        c = self.config
        return f"this/{self.model}/{c.runtime}/{c.precision}/t{self.threads}/s{self.streams}/b{c.batch}"


def _tells(row: Measurement) -> bool:
    """Whether it tells of this machine's CPU what predictions are made of.

    What ran elsewhere, or on a software rasteriser, does not; nor do other runtimes, int8 of another kind, and f16,
    which some cores compute in and no prediction is made of.
    """
    if row.config.precision not in get_args(CpuPrecision):
        return False
    if row.config.runtime in UNPREDICTED or row.config.quantisation == "dynamic" or row.config.arena is False:
        return False
    return row.effective is None or row.effective.on_cpu


def _granted(row: Measurement) -> tuple[int | None, int | None]:
    """Threads and streams as the runtime granted them, else as they were requested."""
    effective = row.effective
    threads = row.config.threads if effective is None or effective.threads is None else effective.threads
    streams = row.config.streams if effective is None or effective.streams is None else effective.streams
    return threads, streams


def _timed_configuration(row: TimingMeasurement, processors: int | None) -> TimedConfiguration | None:
    timing = row.timing
    if (
        row.status != "done"
        or timing is None
        or timing.throughput_per_s <= 0
        or row.mode.kind not in ("sync", "async")
        or row.config.simd_cap is not None
    ):
        return None
    threads, streams = _granted(row)
    spread = _SPREAD_UNKNOWN
    if len(timing.block_p50_s) >= 3 and min(timing.block_p50_s) > 0:
        blocks = np.log(np.array(timing.block_p50_s))
        spread = float(np.quantile(blocks, 0.9) - np.quantile(blocks, 0.1)) / 2.0
    in_flight = row.mode.kind == "async"
    # With several requests in flight a latency holds waiting; the stream's own time follows from the rate.
    busy_s = (streams or 1) * row.config.batch / timing.throughput_per_s if in_flight else timing.p50.value_s
    if busy_s <= 0:
        return None
    # Of requests that wait for a stream a block's latencies hold that waiting: the same share of it as on average.
    fastest_s = fastest_block_s(timing) * (busy_s / timing.avg_time_s if in_flight else 1.0)
    return TimedConfiguration(
        network_of(row.model, row.model_kind, row.model_sha256),
        row.model_sha256,
        row.config,
        busy_s,
        timing.throughput_per_s if in_flight else None,
        max(spread, _LEAST_SPREAD),
        row.interference.dirty,
        threads,
        streams,
        row,
        timing_slowdown(busy_s, fastest_s, row.interference, threads or 1, processors),
    )


def _configuration_of_profile(row: ProfileMeasurement, processors: int | None) -> TimedConfiguration | None:
    """A profile's own passes as a measurement, for want of a steadier one."""
    if row.status != "done" or row.pass_s is None or row.config.simd_cap is not None:
        return None
    threads, _ = _granted(row)
    return TimedConfiguration(
        network_of(row.model, row.model_kind, row.model_sha256),
        row.model_sha256,
        row.config,
        row.pass_s,
        None,
        _SPREAD_UNKNOWN,
        row.interference.dirty,
        threads,
        1,
        row,
        timing_slowdown(row.pass_s, row.fastest_pass_s or row.pass_s, row.interference, threads or 1, processors),
    )


def _work_of_profile(row: ProfileMeasurement) -> ModelWork:
    """Work of a profiled model, from its own kernels."""
    kernels = row.kernels
    return ModelWork(
        model=row.model,
        sha256=row.model_sha256,
        kind=cast(ModelKind, row.model_kind),
        family=row.model,
        runtime=row.config.runtime,
        runtime_version="",
        precision=row.config.precision,
        batch=row.config.batch,
        simd_cap=row.config.simd_cap,
        kernels=kernels,
        flop=sum(kernel.flop for kernel in kernels),
        weight_bytes=sum(kernel.weight_bytes for kernel in kernels),
        activation_bytes=max(kernel.input_bytes + kernel.output_bytes for kernel in kernels),
    )


@dataclass
class HostMeasurements:
    """Data sheet, measurements and micro-benchmarks of the host."""

    host: MachineSpec | None
    configurations: list[TimedConfiguration]
    """The surest timing of each configuration: what the machine can do."""
    micro: dict[str, MicroBenchmark]
    source: WorkSource | None = None
    profiles: list[ProfileMeasurement] = field(default_factory=list)
    """Measurements with the time of each kernel."""
    rested: list[TimingMeasurement] = field(default_factory=list)
    """Single passes after pauses."""
    long_runs: list[TimedConfiguration] = field(default_factory=list)
    """Timings that saw the machine in several states: what it does over hours, with whatever else runs on it."""
    moments: Array = field(default_factory=lambda: np.zeros(0))
    """Slowdown of the reference work (log) during each measurement: how the machine's moments differ."""
    _works: dict[tuple[str, str, str], ModelWork | None] = field(default_factory=dict)

    @classmethod
    def join(
        cls,
        host: MachineSpec | None,
        measurements: Sequence[Measurement],
        micro: Sequence[MicroBenchmark],
        works: WorkSource | None,
    ) -> HostMeasurements:
        """Sort measurements by use; the last of equal keys counts, and of equal settings the surest."""
        latest = {row.key: row for row in measurements}
        processors = None if host is None else host.threads
        done = [row for row in latest.values() if row.status == "done" and _tells(row)]
        timings = [row for row in done if isinstance(row, TimingMeasurement)]
        profiles = [row for row in done if isinstance(row, ProfileMeasurement) and row.kernels]
        rested = [row for row in timings if row.mode.kind == "rested"]
        timed = [_timed_configuration(row, processors) for row in timings]
        timed += [_configuration_of_profile(row, processors) for row in profiles]
        usable = [item for item in timed if item is not None]
        surest: dict[tuple[object, ...], TimedConfiguration] = {}
        for item in usable:
            best = surest.get(item.setting)
            if best is None or item.noise <= best.noise:
                surest[item.setting] = item
        long_runs = {item.setting: item for item in usable if item.saw_several_states}
        by_name = {row.name: row for row in micro}
        slowdowns = [row.interference.reference_slowdown for row in (*timings, *profiles)]
        moments = np.log(np.array([max(1.0, slow) for slow in slowdowns if slow is not None]))
        return cls(host, list(surest.values()), by_name, works, profiles, rested, list(long_runs.values()), moments)

    def undisturbed(self) -> HostMeasurements:
        """The same with every timing of a pass as it is expected on a quiet machine."""
        return replace(
            self,
            configurations=[item.undisturbed() for item in self.configurations],
            long_runs=[item.undisturbed() for item in self.long_runs],
        )

    def wall_times(self) -> dict[WallKey, WallTime]:
        """Time of a pass on one stream, by model, runtime, precision, threads and batch."""
        return {
            (item.sha256, item.config.runtime, item.config.precision, item.threads, item.config.batch): WallTime(
                item.undisturbed_s, item.noise
            )
            for item in sorted(self.configurations, key=lambda item: -item.noise)
            if (item.streams or 1) == 1 and item.threads is not None
        }

    @property
    def state_variability(self) -> float:
        """Half of the 10-90 % range (log) between states of this machine; 0 where no measurement saw enough of them.

        A decoder or a preparation is timed in one state, and runs in others.
        """
        return float(np.median([item.spread for item in self.long_runs])) if self.long_runs else 0.0

    def present_slowdown(self, work: ModelWork) -> float:
        """Logarithm of the factor that was taken out of this model's timings for other load; 0 where it has none.

        What is learned from them is a quiet machine; beside them, another configuration of the model would have met the
        same load.
        """
        name = network_of(work.model, work.kind, work.sha256)
        factors = [
            item.slowdown.log_factor
            for item in self.configurations
            if item.timing is not None and (item.sha256 == work.sha256 or item.model == name)
        ]
        return float(np.mean(factors)) if factors else 0.0

    @property
    def between_moments(self) -> float:
        """Half of the 10-90 % range (log) of a pass between moments minutes apart; 0 where too few were seen.

        From the reference work around all measurements of this machine: one timing sees one moment, and a machine that
        shares its cores with others is faster or slower for minutes.
        """
        if len(self.moments) < _LEAST_MOMENTS:
            return 0.0
        low, high = np.quantile(self.moments, [0.1, 0.9])
        return _SLOPE * float(high - low) / 2.0

    def is_host(self, machine: MachineSpec) -> bool:
        """Whether ``machine`` is the one the measurements belong to."""
        return self.host is not None and machine.id in ("this", self.host.id)

    def work(self, item: TimedConfiguration) -> ModelWork | None:
        """Kernels of a measured model: from the caller's source or its own profile; None where neither has them."""
        key = (item.sha256, item.config.runtime, item.config.precision)
        if key not in self._works:
            self._works[key] = self._find_work(item)
        return self._works[key]

    def _find_work(self, item: TimedConfiguration) -> ModelWork | None:
        row, wanted = item.measurement, item.config
        if self.source is not None:
            known = known_as(row.model, row.model_kind, row.model_sha256)
            work = self.source.work(known, wanted.runtime, wanted.precision)
            if work is not None:
                return work
        same = [p for p in self.profiles if p.model_sha256 == item.sha256 and p.config.runtime == wanted.runtime]
        if not same:
            return None
        return _work_of_profile(min(same, key=lambda profile: profile.config.precision != wanted.precision))

    def exact_match(self, work: ModelWork, config: RunConfig, threads: int, streams: int) -> TimedConfiguration | None:
        """A measurement of exactly this model and configuration, one of several states before one of few."""
        name = network_of(work.model, work.kind, work.sha256)
        for item in (*self.long_runs, *self.configurations):
            c = item.config
            if (
                (item.sha256 == work.sha256 or item.model == name)
                and (c.runtime, c.precision, c.batch, c.device)
                == (config.runtime, config.precision, config.batch, config.device)
                and (item.threads is None or item.threads == threads)
                and (item.streams or 1) == streams
            ):
                return item
        return None

    def nearest(self, model: str, config: RunConfig) -> str | None:
        """Label of the measured configuration most alike: the same model first, then runtime, precision, batch."""
        if not self.configurations:
            return None
        return max(
            self.configurations,
            key=lambda item: (
                item.model == model,
                item.config.runtime == config.runtime,
                item.config.precision == config.precision,
                -abs(np.log(item.config.batch / config.batch)),
            ),
        ).label
