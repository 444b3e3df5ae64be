"""What this machine has measured, in the form that prediction needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp, hypot
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from advisor.perfmodel.analytic.work_table import canonical_name
from advisor.perfmodel.resources.cold_pass import LEAST_S
from advisor.perfmodel.resources.decode import PRIOR, Scale, frame_cost_s, preprocess_cost, scalar_speed
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.measurement import Measurement, MicroBenchmark, ProfileMeasurement, Timing, TimingMeasurement
from advisor.records.model import ModelWork

from .interference_correction import lengthened
from .kernels import Wall, WallKey

if TYPE_CHECKING:
    from advisor.perfmodel.analytic.runtime_defaults import Resolved
    from advisor.perfmodel.predictor import WorkSource

_PREPARATION = re.compile(r"^preprocess/(\d+)x(\d+)/(\d+)x(\d+)$")
Z90 = 1.2816
"""Standard normal quantile of 90 %."""
_MOMENTS = 16
"""Blocks of a measurement that has seen a machine in several states: these last for seconds (docs/methods/drift.md)."""
_FEW = 20
"""Fewer passes than this show no spread."""
_SHORT = 0.05
"""Spread (log) of the few passes around a profile."""


def _paused(longer_s: NDArray[np.float64]) -> Interval:
    """What a pause costs [s], from what single passes took longer: their mean without the least and the most tenth.

    A shared cache is often either there or not; a median would take one of the two. The quartiles of single passes
    stand for P10 and P90 of the mean in another moment (own).
    """
    ordered = np.maximum(np.sort(longer_s), LEAST_S)
    low, high = (float(value) for value in np.quantile(ordered, [0.25, 0.75]))
    cut = len(ordered) // 10
    middle = float(ordered[cut : len(ordered) - cut].mean())
    return Interval(p10=min(low, middle), p50=middle, p90=max(high, middle))


@dataclass(frozen=True)
class Item:
    """One measured configuration."""

    model: str
    sha256: str
    config: RunConfig
    latency_s: float
    """Time that one request holds its stream, with the other streams busy."""
    throughput_per_s: float | None
    spread: float
    """Half of the 10-90 % range of the log latency between blocks of the measurement, at least 2 %."""
    dirty: bool
    threads: int | None
    streams: int | None
    measurement: Measurement
    longer: float
    """Logarithm of the factor by which neighbours lengthened it (interference_correction.py), ..."""
    doubt: float
    """... and its standard deviation."""

    @property
    def quiet_s(self) -> float:
        """Expected :attr:`latency_s` on a quiet machine: what is learned about the machine."""
        return self.latency_s * exp(-self.longer)

    @property
    def half_width(self) -> float:
        """Half of P10-P90 (log) of :attr:`latency_s` at another moment."""
        return hypot(self.spread, Z90 * self.doubt)

    @property
    def pass_sigma(self) -> float | None:
        """Spread of single passes, as the standard deviation of the logarithm; None where too few times were kept."""
        timing = _timing(self.measurement)
        if timing is None or len(timing.latencies_s) < _FEW:
            return None
        low, high = np.quantile(timing.latencies_s, [0.1, 0.9])
        return float(np.log(high / low) / (2 * Z90)) if low > 0 else None

    @property
    def moment_sigma(self) -> float | None:
        """Spread of a block's median between moments of the machine (log); None where too few were measured."""
        return self.spread / Z90 if len(_blocks(self)) >= _MOMENTS else None

    @property
    def noise(self) -> float:
        """Standard deviation (log) of :attr:`quiet_s` as an anchor."""
        return hypot(max(0.02, self.spread / Z90), self.doubt)

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


def _timing(row: Measurement) -> Timing | None:
    return row.timing if isinstance(row, TimingMeasurement) else None


def _blocks(item: Item) -> tuple[float, ...]:
    timing = _timing(item.measurement)
    return () if timing is None else timing.block_p50_s


def _item(row: TimingMeasurement, processors: int | None) -> Item | None:
    timing = row.timing
    if (
        row.status != "done"
        or timing is None
        or timing.throughput_per_s <= 0
        or row.mode.kind not in ("sync", "async")
        or row.config.simd_cap is not None
    ):
        return None
    effective = row.effective
    threads = row.config.threads if effective is None or effective.threads is None else effective.threads
    streams = row.config.streams if effective is None or effective.streams is None else effective.streams
    blocks = (
        np.log(np.array(timing.block_p50_s)) if len(timing.block_p50_s) >= 3 and min(timing.block_p50_s) > 0 else None
    )
    spread = 0.05 if blocks is None else float(np.quantile(blocks, 0.9) - np.quantile(blocks, 0.1)) / 2.0
    spread = max(spread, 0.02)
    side_by_side = row.mode.kind == "async"
    # With several requests in flight a latency holds waiting; the stream's own time follows from the rate.
    busy_s = (streams or 1) * row.config.batch / timing.throughput_per_s if side_by_side else timing.p50.value_s
    if busy_s <= 0:
        return None
    return Item(
        canonical_name(row.model),
        row.model_sha256,
        row.config,
        busy_s,
        timing.throughput_per_s if side_by_side else None,
        spread,
        row.interference.dirty,
        threads,
        streams,
        row,
        *lengthened(row.interference, threads or 1, processors),
    )


def _item_of_profile(row: ProfileMeasurement, processors: int | None) -> Item | None:
    """A profile's own passes as a measurement, for want of a steadier one."""
    if row.status != "done" or row.pass_s is None or row.config.simd_cap is not None:
        return None
    effective = row.effective
    threads = row.config.threads if effective is None or effective.threads is None else effective.threads
    return Item(
        canonical_name(row.model), row.model_sha256, row.config, row.pass_s, None, _SHORT, row.interference.dirty,
        threads, 1, row, *lengthened(row.interference, threads or 1, processors),
    )  # fmt: skip


def _band(row: MicroBenchmark) -> float:
    """Half of the 10-90 % range (log) of a micro-benchmark's repeats, wider where others disturbed it."""
    quartiles = row.spread or 0.0
    return float(np.hypot(0.95 * quartiles, lengthened(row.interference)[1]))


def _work_of(row: ProfileMeasurement) -> ModelWork:
    """Work of a profiled model, from its own kernels."""
    kernels = row.kernels
    return ModelWork(
        model=row.model,
        sha256=row.model_sha256,
        kind="file",
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
class LocalData:
    """Data sheet, measurements and micro-benchmarks of the host."""

    host: MachineSpec | None
    items: list[Item]
    micro: dict[str, MicroBenchmark]
    source: WorkSource | None = None
    profiles: list[ProfileMeasurement] = field(default_factory=list)
    """Measurements with the time of each kernel."""
    rested: list[TimingMeasurement] = field(default_factory=list)
    """Single passes after pauses."""
    lasting: list[Item] = field(default_factory=list)
    """Measurements that saw the machine in many moments: what it does in company, where ``items`` tell what it can."""
    _works: dict[tuple[str, str, str], ModelWork | None] = field(default_factory=dict)

    @classmethod
    def join(
        cls,
        host: MachineSpec | None,
        measurements: Sequence[Measurement],
        micro: Sequence[MicroBenchmark],
        works: WorkSource | None,
    ) -> LocalData:
        """Sort measurements into items; the last of equal keys counts, and of equal settings the surest."""
        latest = {row.key: row for row in measurements}
        processors = None if host is None else host.threads
        timings = [row for row in latest.values() if isinstance(row, TimingMeasurement)]
        found = [_item(row, processors) for row in timings]
        profiles = [
            row
            for row in latest.values()
            if isinstance(row, ProfileMeasurement) and row.status == "done" and row.kernels
        ]
        rested = [row for row in timings if row.status == "done" and row.mode.kind == "rested"]
        found += [_item_of_profile(row, processors) for row in profiles]
        items = [item for item in found if item is not None]
        best: dict[tuple[object, ...], Item] = {}
        for item in items:
            known = best.get(item.setting)
            if known is None or item.noise <= known.noise:
                best[item.setting] = item
        lasting = {item.setting: item for item in items if len(_blocks(item)) >= _MOMENTS}
        return cls(
            host, list(best.values()), {row.name: row for row in micro}, works, profiles, rested, list(lasting.values())
        )

    def walls(self) -> dict[WallKey, Wall]:
        """Time of a pass on one stream, by model, runtime, precision, threads and batch."""
        return {
            (item.sha256, item.config.runtime, item.config.precision, item.threads, item.config.batch): Wall(
                item.quiet_s, item.noise
            )
            for item in sorted(self.items, key=lambda item: -item.noise)
            if (item.streams or 1) == 1 and item.threads is not None
        }

    @property
    def unrest(self) -> float:
        """Half of the 10-90 % range (log) between moments on this machine; 0 where no measurement saw enough of them.

        A decoder or a preparation is timed in one moment, and runs in others.
        """
        return float(np.median([item.spread for item in self.lasting])) if self.lasting else 0.0

    def is_host(self, machine: MachineSpec) -> bool:
        """Whether ``machine`` is the one the measurements belong to."""
        return self.host is not None and machine.id in ("this", self.host.id)

    def work(self, item: Item) -> ModelWork | None:
        """Kernels of a measured model: from the caller's source or its own profile; None where neither has them."""
        key = (item.model, item.config.runtime, item.config.precision)
        if key not in self._works:
            self._works[key] = self._find(item)
        return self._works[key]

    def _find(self, item: Item) -> ModelWork | None:
        row, wanted = item.measurement, item.config
        if self.source is not None:
            work = self.source.work(row.model, wanted.runtime, wanted.precision)
            if work is not None:
                return work
        same = [p for p in self.profiles if p.model_sha256 == item.sha256 and p.config.runtime == wanted.runtime]
        if not same:
            return None
        return _work_of(min(same, key=lambda profile: profile.config.precision != wanted.precision))

    def exact(self, work: ModelWork, config: RunConfig, threads: int, streams: int) -> Item | None:
        """A measurement of exactly this model and configuration, one of many moments before one of few."""
        for item in (*self.lasting, *self.items):
            c = item.config
            if (
                (item.sha256 == work.sha256 or item.model == canonical_name(work.model))
                and (c.runtime, c.precision, c.batch, c.device)
                == (config.runtime, config.precision, config.batch, config.device)
                and (item.threads is None or item.threads == threads)
                and (item.streams or 1) == streams
            ):
                return item
        return None

    def cold_s(self, work: ModelWork, config: RunConfig, setting: Resolved, tight_s: float) -> Interval | None:
        """What a pass takes longer after a pause than in a loop [s]; None where one of the two was not measured.

        Measured on one stream of as many threads; a loop of ``tight_s`` stands in where one was only predicted. Between
        two measured batches it grows with the logarithm of the batch, outside of them not at all (own).
        """
        threads = max(1, setting.threads // setting.streams)
        found: dict[int, Interval] = {}
        for row in self.rested:
            c = row.config
            same = (c.runtime, c.precision, c.device, c.threads) == (
                config.runtime, config.precision, config.device, threads,
            )  # fmt: skip
            known = row.model_sha256 == work.sha256 or canonical_name(row.model) == canonical_name(work.model)
            if not (same and known) or row.timing is None:
                continue
            tight = self.exact(work, config.model_copy(update={"batch": c.batch}), threads, 1)
            if tight is None and (setting.streams, config.batch) != (1, c.batch):
                continue
            longer_s = np.array(row.timing.latencies_s) - (tight_s if tight is None else tight.latency_s)
            found.setdefault(c.batch, _paused(longer_s))
        if not found:
            return None
        batches = np.log(sorted(found))
        low, p50, high = (
            float(np.interp(np.log(config.batch), batches, [getattr(found[batch], name) for batch in sorted(found)]))
            for name in ("p10", "p50", "p90")
        )
        return Interval(p10=low, p50=p50, p90=high)

    def nearest(self, model: str, config: RunConfig) -> str | None:
        """Label of the measured configuration most alike: the same model first, then runtime, precision, batch."""
        if not self.items:
            return None
        return max(
            self.items,
            key=lambda item: (
                item.model == model,
                item.config.runtime == config.runtime,
                item.config.precision == config.precision,
                -abs(np.log(item.config.batch / config.batch)),
            ),
        ).label

    def decode_scale(
        self, machine: MachineSpec, codec: str, size: tuple[int, int], clock: Callable[[MachineSpec], float]
    ) -> Scale | None:
        """Measured decode time over the formula's at the measured picture nearest in size; None where nothing was."""
        if self.host is None:
            return None
        speed, here = scalar_speed(self.host, clock(self.host)), self.is_host(machine)
        found: dict[float, Scale] = {}
        for name, row in self.micro.items():
            parts, facts = name.split("/"), row.parameters
            if parts[:2] != ["decode", codec] or not name.endswith("/n1") or "width" not in facts or row.value <= 0:
                continue
            width, height = int(facts["width"]), int(facts["height"])
            fps = float(facts.get("fps", "15"))
            rate = facts.get("bitrate_kbps") or facts.get("asked_bitrate_kbps") or "4000"
            formula = frame_cost_s(PRIOR[codec], width, height, float(rate) * 1000.0 / fps) / speed
            distance = abs(float(np.log(width * height / (size[0] * size[1]))))
            found[distance] = Scale(
                row.value / formula, here and (width, height) == size, here, float(np.hypot(_band(row), self.unrest))
            )
        return found[min(found)] if found else None

    def preprocess_scale(
        self,
        machine: MachineSpec,
        source: tuple[int, int],
        target: tuple[int, int],
        clock: Callable[[MachineSpec], float],
    ) -> Scale | None:
        """Measured pre-processing time over the formula's at the measured sizes nearest; None where nothing was."""
        if self.host is None:
            return None
        here = self.is_host(machine)
        found: dict[float, Scale] = {}
        for name, row in self.micro.items():
            match = _PREPARATION.match(name)
            if match is None or row.value <= 0:
                continue
            sw, sh, tw, th = (int(text) for text in match.groups())
            formula = preprocess_cost(self.host, clock(self.host), (sw, sh), (tw, th), None).core_s.p50
            distance = abs(np.log(sw * sh / (source[0] * source[1]))) + abs(np.log(tw * th / (target[0] * target[1])))
            exact = here and ((sw, sh), (tw, th)) == (source, target)
            found[float(distance)] = Scale(row.value / formula, exact, here, float(np.hypot(_band(row), self.unrest)))
        return found[min(found)] if found else None

    def overhead(self, runtime: str) -> float | None:
        """Measured time of an empty call [s]."""
        row = self.micro.get(f"overhead/{runtime}")
        return None if row is None else row.value
