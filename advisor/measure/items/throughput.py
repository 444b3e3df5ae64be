"""Measure configurations of one model: workers, interleaving, durable results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import advisor
from advisor.clock import utc_now
from advisor.errors import ModelRangeError
from advisor.measure.timing.harness import MeasureSpec, merge
from advisor.measure.timing.keys import key as measurement_key
from advisor.measure.timing.reference import load_best, lower_best, save_best
from advisor.measure.timing.statistics import build_timing
from advisor.measure.worker.job import Job, JobItem, Outcome
from advisor.measure.worker.run import run_job
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig, SimdCap
from advisor.records.measurement import Interference, Measurement, Timing
from advisor.records.model import ModelFile
from advisor.runtimes.openvino_config import simd_environment, simd_variables
from advisor.store.measurements import MeasurementStore

from .progress import NullProgress, Progress

Request = tuple[RunConfig, LoadMode, MeasureSpec]

_COMPILE_ALLOWANCE_S = 120.0
"""Reading, quantising and compiling one model must end within this."""
_IMPORTS = {"openvino": "advisor.runtimes.openvino_runtime", "onnxruntime": "advisor.runtimes.onnxruntime_runtime"}


@dataclass(frozen=True)
class MeasureItem:
    """One measurement to take."""

    model: ModelFile
    config: RunConfig
    mode: LoadMode
    spec: MeasureSpec

    def key(self, host_fingerprint: str) -> str:
        """Identity in the store."""
        return measurement_key(self.model, self.config, self.mode, self.spec, host_fingerprint)

    @property
    def label(self) -> str:
        """What progress shows."""
        return f"{self.model.name} {describe_config(self.config)} {self.mode.kind}"

    @property
    def process(self) -> tuple[str, SimdCap | None]:
        """What may share a worker: same runtime, and same SIMD cap, which is set before it starts."""
        return self.config.runtime, self.config.simd_cap


def measure_configs(
    model: ModelFile,
    requests: Sequence[Request],
    store: MeasurementStore,
    host_fingerprint: str,
    progress: Progress | None = None,
    *,
    retry_failed: bool = False,
) -> list[Measurement]:
    """Measure a model under several configurations; what the store already holds is not repeated.

    Parameters
    ----------
    model : ModelFile
        The f32 file; for int8 configurations it is quantised once, with seeded inputs.
    requests : sequence
        Configuration, mode and length of each measurement.
    store : MeasurementStore
        Each result is durable as soon as it is there, failures with their reason as well.
    host_fingerprint : str
        Of this machine.
    progress : Progress, optional
        Hears about each measurement.
    retry_failed : bool
        Measure again what the store holds as failed.

    Returns
    -------
    list of Measurement
        In the order of ``requests``.
    """
    tell = progress if progress is not None else NullProgress()
    items = [MeasureItem(model, *request) for request in requests]
    keys = [item.key(host_fingerprint) for item in items]
    found: dict[str, Measurement] = {}
    wanted: dict[str, MeasureItem] = {}
    for name, item in zip(keys, items, strict=True):
        known = store.get(name)
        if known is not None and not (retry_failed and known.status == "failed"):
            found[name] = known
        else:
            wanted[name] = item
    tell.start(len(wanted), None)

    def keep(record: Measurement) -> None:
        store.replace(record)
        found[record.key] = record
        tell.advance(len(found), f"{wanted[record.key].label}: {verdict_of(record)}", None)

    groups: dict[tuple[str, SimdCap | None], list[str]] = {}
    for name, item in wanted.items():
        groups.setdefault(item.process, []).append(name)
    best_s = load_best(store, host_fingerprint)
    for names in groups.values():
        seen_s = dict(best_s)
        run_items({name: wanted[name] for name in names}, host_fingerprint, keep, seen_s)
        save_best(store, host_fingerprint, best_s, seen_s)
    return [found[name] for name in keys]


def run_items(
    items: Mapping[str, MeasureItem],
    host_fingerprint: str,
    keep: Callable[[Measurement], None],
    best_s: MutableMapping[int, float] | None = None,
) -> None:
    """Measure items that may share a process (:attr:`MeasureItem.process`); ``keep`` gets each record at once.

    ``best_s`` holds the least times of the reference work by number of threads, and is lowered by what is seen here.
    """
    if not items:
        return
    best = {} if best_s is None else best_s
    runtime, cap = next(iter(items.values())).process

    def arrived(outcome: Outcome) -> None:
        lower_best(best, (outcome.value or {}).get("reference_s", {}))
        keep(to_measurement(outcome, items[outcome.id], host_fingerprint))

    job = Job(
        "advisor.measure.items.tasks:measure_job",
        tuple(JobItem(name, _payload(item, best)) for name, item in items.items()),
        worker_environment(cap),
        on_import=runtime_imports(runtime),
    )
    longest_s = max(
        item.spec.max_duration_s + item.spec.warmup_max_s + item.spec.max_dirty_blocks * item.spec.block_s
        for item in items.values()
    )
    run_job(job, _COMPILE_ALLOWANCE_S + 2 * longest_s, arrived)


def _payload(item: MeasureItem, best_s: Mapping[int, float]) -> dict[str, Any]:
    return {
        "reference_s": {str(threads): time_s for threads, time_s in best_s.items()},
        "model": item.model.model_dump(mode="json"),
        "config": item.config.model_dump(mode="json"),
        "mode": item.mode.model_dump(mode="json"),
        "spec": item.spec.model_dump(mode="json"),
    }


def worker_environment(simd_cap: str | None) -> dict[str, str | None]:
    """Variables of the cap; those of no cap are taken away, whatever the user's shell has."""
    unset: dict[str, str | None] = dict.fromkeys(simd_variables())
    return {**unset, **simd_environment(simd_cap)}


def runtime_imports(runtime: str) -> tuple[str, ...]:
    """Modules that a worker loads before its first item, so that the item's time does not contain it."""
    return (_IMPORTS[runtime],) if runtime in _IMPORTS else ()


def to_measurement(outcome: Outcome, item: MeasureItem, host_fingerprint: str) -> Measurement:
    """Make the record of a worker's outcome."""
    model, config, mode = item.model, item.config, item.mode
    value = outcome.value or {}
    return Measurement(
        key=outcome.id,
        model=model.name,
        model_sha256=model.sha256,
        model_kind=model.kind,
        config=config,
        mode=mode,
        effective=EffectiveConfig.model_validate(value["effective"]) if value else None,
        host_fingerprint=host_fingerprint,
        status=outcome.status,
        failure=outcome.failure,
        timing=Timing.model_validate(value["timing"]) if value else None,
        interference=Interference.model_validate(value["interference"]) if value else Interference(),
        started=value.get("started", utc_now()),
        sizer_version=advisor.__version__,
        versions=value.get("versions", {}),
    )


def joined(before: Measurement, now: Measurement) -> Measurement:
    """Two visits to one configuration as one measurement of all their blocks, ``now`` where only one can be told.

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
    )
    # A step between two visits is what they are for, no trend within one.
    timing = timing.model_copy(update={"steady": first.steady and second.steady})
    repeated = before.interference.blocks_repeated + now.interference.blocks_repeated
    return now.model_copy(
        update={"timing": timing, "interference": merge([before.interference, now.interference], repeated)}
    )


def describe_config(config: RunConfig) -> str:
    """Short words for progress: what differs from the default."""
    changed = config.model_dump(mode="json", exclude_defaults=True, exclude={"runtime", "precision"})
    return " ".join([config.runtime, config.precision, *(f"{name}={value}" for name, value in changed.items())])


def verdict_of(record: Measurement) -> str:
    """One figure, or why there is none."""
    if record.footprint is not None:
        peak = record.footprint.peak_bytes
        return "memory unknown" if peak is None else f"{peak / 2**20:.0f} MiB at most"
    if record.status == "done" and record.timing is None:
        return f"{len(record.kernels)} kernels"
    if record.timing is None:
        return f"failed: {record.failure}"
    mark = " (disturbed)" if record.interference.dirty else ""
    return f"{record.timing.p50.value_s * 1000:.3g} ms, {record.timing.throughput_per_s:.4g}/s{mark}"
