"""Timings of a model under one configuration and one way in which requests arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

import advisor
from advisor.clock import utc_now
from advisor.errors import ModelRangeError
from advisor.measure.timing.disturbance import merge
from advisor.measure.timing.harness import PACED_BLOCK, PAUSE_S, MeasureSpec
from advisor.measure.timing.keys import timing_key
from advisor.measure.timing.statistics import build_timing
from advisor.measure.worker.job import JobOutcome
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig, SimdCap
from advisor.records.measurement import Interference, Measurement, TimingMeasurement
from advisor.records.model import ModelFile
from advisor.runtimes.openvino_config import worker_environment

from .estimates import OPEN_S, pass_s
from .item import MeasureContext, SingleJobItem, WorkerSetup

_COMPILE_ALLOWANCE_S = 120.0
"""Reading, quantising and compiling one model must end within this."""
_IMPORTS = {
    "openvino": "advisor.runtimes.openvino_runtime",
    "onnxruntime": "advisor.runtimes.onnxruntime_runtime",
}
"""Of those that every installation has: one that is missing must be refused with its remedy, by ``get_runtime``."""


@dataclass(frozen=True)
class TimingItem(SingleJobItem):
    """One timing to take."""

    plural: ClassVar[str] = "timings of models"

    model: ModelFile
    config: RunConfig
    mode: LoadMode
    spec: MeasureSpec

    def key(self, host_fingerprint: str) -> str:
        """Key of the one result."""
        return timing_key(self.model, self.config, self.mode, self.spec, host_fingerprint)

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (self.key(host_fingerprint),)

    @property
    def label(self) -> str:
        return f"{self.model.name} {describe_config(self.config)} {self.mode.kind}"

    @property
    def process(self) -> tuple[str, SimdCap | None]:
        """Same runtime, and same SIMD cap, which is set before the worker starts."""
        return self.config.runtime, self.config.simd_cap

    @property
    def estimate_s(self) -> float:
        spec = self.spec
        one_s = pass_s(self.model, self.config)
        period_s = 0.0 if self.mode.rate_per_s is None else 1.0 / self.mode.rate_per_s
        block_s = max(spec.block_s, one_s, PACED_BLOCK * period_s)
        if self.mode.kind == "rested":
            return OPEN_S + spec.min_blocks * (PAUSE_S + one_s)
        measured_s = max(spec.min_duration_s, spec.min_samples * max(one_s, period_s), spec.min_blocks * block_s)
        return OPEN_S + min(measured_s, max(spec.max_duration_s, one_s)) + max(spec.warmup_max_s, 4 * block_s) / 2

    def worker(self) -> WorkerSetup:
        longest_s = self.spec.max_duration_s + self.spec.warmup_max_s + self.spec.max_dirty_blocks * self.spec.block_s
        return runtime_worker(
            "advisor.measure.items.tasks:measure_job", self.config, _COMPILE_ALLOWANCE_S + 2 * longest_s
        )

    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        payload = {
            "reference_s": reference_payload(context),
            "model": self.model.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json"),
            "mode": self.mode.model_dump(mode="json"),
            "spec": self.spec.model_dump(mode="json"),
        }
        return {self.key(context.host_fingerprint): payload}

    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> TimingMeasurement:
        common = common_fields(outcome, self.model, self.config, host_fingerprint)
        timing = None if outcome.value is None else build_timing(**outcome.value["timing"])
        return TimingMeasurement(**common, mode=self.mode, timing=timing)

    @classmethod
    def measure(cls, items: Sequence[Self], context: MeasureContext) -> None:
        import scipy.stats  # noqa: F401 - for to_result: loaded then, it would disturb what the worker measures

        super().measure(items, context)

    def unfinished(self, stored: Measurement, visits: int) -> bool:
        """Whether the stored timing was disturbed: one visit of a shared machine sees one of its states."""
        if not isinstance(stored, TimingMeasurement) or stored.timing is None:
            return False
        return stored.interference.dirty and stored.timing.visits < visits

    def joined(self, stored: Measurement, new: Measurement) -> Measurement:
        """All blocks of both visits; a further visit that failed leaves the stored timing as it was."""
        assert isinstance(stored, TimingMeasurement)
        assert isinstance(new, TimingMeasurement)
        return stored if new.timing is None else joined(stored, new)


def common_fields(outcome: JobOutcome, model: ModelFile, config: RunConfig, host_fingerprint: str) -> dict[str, Any]:
    """Fields of :class:`~advisor.records.measurement.ModelMeasurement` from a worker's outcome."""
    value = outcome.value or {}
    return {
        "key": outcome.id,
        "model": model.name,
        "model_sha256": model.sha256,
        "model_kind": model.kind,
        "config": config,
        "effective": EffectiveConfig.model_validate(value["effective"]) if value else None,
        "host_fingerprint": host_fingerprint,
        "status": outcome.status,
        "failure": outcome.failure,
        "interference": Interference.model_validate(value.get("interference", {})),
        "started": value.get("started", utc_now()),
        "sizer_version": advisor.__version__,
        "versions": value.get("versions", {}),
    }


def reference_payload(context: MeasureContext) -> dict[str, float]:
    """Least times of the reference work [s] by number of threads, which JSON holds as text."""
    return {str(threads): time_s for threads, time_s in context.best_s.items()}


def runtime_worker(function: str, config: RunConfig, timeout_s: float) -> WorkerSetup:
    """Worker that loads the runtime of a configuration under its SIMD cap."""
    return WorkerSetup(function, timeout_s, worker_environment(config.simd_cap), runtime_imports(config.runtime))


def runtime_imports(runtime: str) -> tuple[str, ...]:
    """Modules that a worker loads before its first item, so that the item's time does not contain it."""
    return (_IMPORTS[runtime],) if runtime in _IMPORTS else ()


def joined(before: TimingMeasurement, now: TimingMeasurement) -> TimingMeasurement:
    """Two visits to one configuration as one measurement of all their blocks; what cannot be joined is that of ``now``.

    It started with the first visit: what holds blocks of another hour is not of this one.

    Raises
    ------
    ModelRangeError
        One of them has no timing.
    """
    first, second = before.timing, now.timing
    if first is None or second is None:
        raise ModelRangeError(f"{now.model}: only measurements with a timing can be joined")
    duration_s = first.duration_s + second.duration_s
    inputs = first.throughput_per_s * first.duration_s + second.throughput_per_s * second.duration_s
    cpu_s = [timing.cpu_s_per_pass for timing in (first, second) if timing.cpu_s_per_pass is not None]
    samples = (first.samples, second.samples)
    timing = build_timing(
        (*first.latencies_s, *second.latencies_s),
        duration_s,
        now.config.batch,
        (*first.block_p50_s, *second.block_p50_s),
        passes=inputs / now.config.batch,
        read_s=second.read_s,
        compile_s=second.compile_s,
        first_inference_s=second.first_inference_s,
        peak_memory_bytes=second.peak_memory_bytes,
        cpu_s_per_pass=float(np.average(cpu_s, weights=samples)) if len(cpu_s) == len(samples) else None,
        visits=first.visits + second.visits,
        block_disturbed=(*_disturbed_blocks(before), *_disturbed_blocks(now)),
    )
    # A step between two visits is what they are for, no trend within one.
    timing = timing.model_copy(update={"steady": first.steady and second.steady})
    repeated = before.interference.blocks_repeated + now.interference.blocks_repeated
    interference = merge([before.interference, now.interference], repeated)
    return now.model_copy(update={"timing": timing, "interference": interference, "started": before.started})


def _disturbed_blocks(row: TimingMeasurement) -> tuple[bool, ...]:
    """Which blocks were disturbed; of records that did not keep it, all or none, as the whole was judged."""
    assert row.timing is not None
    return row.timing.block_disturbed or (row.interference.dirty,) * len(row.timing.block_p50_s)


def describe_config(config: RunConfig) -> str:
    """What differs from the default configuration, in one line for progress."""
    changed = config.model_dump(mode="json", exclude_defaults=True, exclude={"runtime", "precision"})
    return " ".join([config.runtime, config.precision, *(f"{name}={value}" for name, value in changed.items())])
