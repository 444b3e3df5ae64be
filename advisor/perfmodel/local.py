"""What this machine has measured, in the form that prediction needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..records.config import RunConfig
from ..records.machine import MachineSpec
from ..records.measurement import Measurement, MicroBenchmark
from ..records.model import ModelWork
from .works import WorkTable, canonical_name, table_of

if TYPE_CHECKING:
    from .predictor import WorkSource

_DIRTY = 0.10
"""Extra spread (log) of a measurement that other processes disturbed."""


@dataclass(frozen=True)
class Item:
    """One measured configuration."""

    model: str
    sha256: str
    config: RunConfig
    latency_s: float
    throughput_per_s: float | None
    spread: float
    """Half of the 10-90 % range of the log latency between blocks of the measurement, at least 2 %."""
    dirty: bool
    threads: int | None
    streams: int | None
    measurement: Measurement

    @property
    def noise(self) -> float:
        """Standard deviation (log) as an anchor."""
        return max(0.02, self.spread / 1.2816)

    @property
    def label(self) -> str:
        """For people: model, runtime, precision, threads, streams, batch."""
        c = self.config
        return f"this/{self.model}/{c.runtime}/{c.precision}/t{self.threads}/s{self.streams}/b{c.batch}"


def _item(row: Measurement) -> Item | None:
    timing = row.timing
    if row.status != "done" or timing is None or row.mode.kind == "paced" or row.config.simd_cap is not None:
        return None
    effective = row.effective
    threads = row.config.threads if effective is None or effective.threads is None else effective.threads
    streams = row.config.streams if effective is None or effective.streams is None else effective.streams
    blocks = (
        np.log(np.array(timing.block_p50_s)) if len(timing.block_p50_s) >= 3 and min(timing.block_p50_s) > 0 else None
    )
    spread = 0.05 if blocks is None else float(np.quantile(blocks, 0.9) - np.quantile(blocks, 0.1)) / 2.0
    spread = max(spread, 0.02)
    if row.interference.dirty:
        spread = float(np.hypot(spread, _DIRTY))
    return Item(
        canonical_name(row.model), row.model_sha256, row.config, timing.p50.value_s,
        timing.throughput_per_s if row.mode.kind == "async" else None, spread, row.interference.dirty, threads, streams, row,
    )  # fmt: skip


@dataclass
class LocalData:
    """This host's data sheet, measurements and micro-benchmarks."""

    host: MachineSpec | None
    items: list[Item]
    micro: dict[str, MicroBenchmark]
    source: WorkSource | None = None
    _tables: dict[tuple[str, str, str], WorkTable | None] = field(default_factory=dict)

    @classmethod
    def join(
        cls,
        host: MachineSpec | None,
        measurements: Sequence[Measurement],
        micro: Sequence[MicroBenchmark],
        works: WorkSource | None,
    ) -> LocalData:
        """Sort measurements into items; the last of equal keys counts."""
        latest = {row.key: row for row in measurements}
        items = [item for item in map(_item, latest.values()) if item is not None]
        return cls(host, items, {row.name: row for row in micro}, works)

    def is_host(self, machine: MachineSpec) -> bool:
        """Whether ``machine`` is the one the measurements belong to."""
        return self.host is not None and machine.id in ("this", self.host.id)

    def table(self, item: Item, shipped: dict[str, WorkTable]) -> WorkTable | None:
        """Work of a measured model: from its own kernels, the caller's source, or the shipped tables."""
        key = (item.model, item.config.runtime, item.config.precision)
        if key not in self._tables:
            self._tables[key] = self._find(item, shipped)
        return self._tables[key]

    def _find(self, item: Item, shipped: dict[str, WorkTable]) -> WorkTable | None:
        row = item.measurement
        if self.source is not None:
            work = self.source.work(row.model, item.config.runtime, item.config.precision)
            if work is not None:
                return table_of(work)
        if row.kernels:
            kernels = row.kernels
            return table_of(
                ModelWork(
                    model=row.model, sha256=row.model_sha256, kind="file", family=item.model, runtime=item.config.runtime,
                    runtime_version="", precision=item.config.precision, batch=item.config.batch, simd_cap=None, kernels=kernels,
                    flop=sum(k.flop for k in kernels), weight_bytes=sum(k.weight_bytes for k in kernels),
                    activation_bytes=max(k.input_bytes + k.output_bytes for k in kernels),
                )
            )  # fmt: skip
        return shipped.get(item.model)

    def exact(
        self, machine: MachineSpec, work: ModelWork, config: RunConfig, threads: int, streams: int
    ) -> Item | None:
        """A measurement of exactly this model and configuration."""
        del machine
        for item in self.items:
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

    def decode_scale(self, codec: str, clock: Callable[[MachineSpec], float]) -> float | None:
        """Measured decode time over the formula's, median over what was measured; None where nothing was."""
        from .decode import PRIOR, frame_cost_s, scalar_speed

        if self.host is None:
            return None
        ratios = []
        for name, row in self.micro.items():
            parts = name.split("/")
            width, height = row.parameters.get("width"), row.parameters.get("height")
            if parts[:2] != ["decode", codec] or width is None or height is None or row.value <= 0:
                continue
            seconds = float(row.parameters.get("core_s_per_frame", 1.0 / row.value if row.unit == "1/s" else row.value))
            rate, fps = float(row.parameters.get("bitrate_kbps", "4000")), float(row.parameters.get("fps", "15"))
            formula = frame_cost_s(PRIOR[codec], int(width), int(height), rate * 1000.0 / fps) / scalar_speed(
                self.host, clock(self.host)
            )
            ratios.append(seconds / formula)
        return float(np.median(ratios)) if ratios else None

    def preprocess_scale(self, clock: Callable[[MachineSpec], float]) -> float | None:
        """Measured pre-processing time over the formula's; None where nothing was measured."""
        from .decode import preprocess_cost

        if self.host is None:
            return None
        ratios = []
        for name, row in self.micro.items():
            size = [row.parameters.get(k) for k in ("source_width", "source_height", "target_width", "target_height")]
            if not name.startswith("preprocess/") or None in size or row.value <= 0:
                continue
            sw, sh, tw, th = (int(str(x)) for x in size)
            seconds = 1.0 / row.value if row.unit == "1/s" else row.value
            ratios.append(seconds / preprocess_cost(self.host, clock(self.host), (sw, sh), (tw, th), None).core_s.p50)
        return float(np.median(ratios)) if ratios else None

    def overhead(self, runtime: str) -> float | None:
        """Measured time of an empty call [s]."""
        row = self.micro.get(f"overhead/{runtime}")
        return None if row is None else row.value
