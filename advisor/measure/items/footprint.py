"""Footprint of a configuration: memory, memory per inference stream, and compilation from the runtime's cache.

Each part is measured in a worker process of its own, because memory that another model left behind, or kernels that it
compiled, would hide what this one needs.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from advisor.clock import utc_now
from advisor.measure.timing.inputs import benchmark_inputs
from advisor.measure.timing.keys import former_kind_key, kind_key
from advisor.measure.worker.job import Job, JobItem, JobOutcome, each
from advisor.measure.worker.run import run_job
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.measurement import Footprint, FootprintMeasurement, Measurement, TimingMeasurement
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime
from advisor.runtimes.openvino_config import worker_environment
from advisor.runtimes.protocol import options_for

from .estimates import OPEN_S, WORKER_S, pass_s
from .item import Item, MeasureContext
from .tasks import model_path, peak_memory_bytes, reset_peak_memory, resident_bytes
from .throughput import common_fields, describe_config, runtime_imports

_TIMEOUT_S = 180.0
PER_STREAM_LEAST_BYTES = 64 * 1024
"""A smaller difference between two processes is chance: the resident sets of equal ones differ by some ten pages."""


@dataclass(frozen=True)
class FootprintItem(Item):
    """A footprint to take; how requests arrive does not matter to it."""

    plural: ClassVar[str] = "memory footprints of models"

    model: ModelFile
    config: RunConfig

    def key(self, host_fingerprint: str) -> str:
        """Key of the one result."""
        return kind_key("footprint", self.model, self.config, host_fingerprint)

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (self.key(host_fingerprint),)

    def former_keys(self, host_fingerprint: str) -> Mapping[str, tuple[str, type[Measurement]]]:
        former = former_kind_key("footprint", self.model, self.config, host_fingerprint)
        return {former: (self.key(host_fingerprint), FootprintMeasurement)}

    @property
    def label(self) -> str:
        return f"memory of {self.model.name} {describe_config(self.config)}"

    @property
    def process(self) -> None:
        """None: each of its parts needs a fresh process."""
        return

    @property
    def estimate_s(self) -> float:
        workers = 2 if (self.config.streams or 1) == 1 else 3
        return workers * (WORKER_S + OPEN_S + pass_s(self.model, self.config))

    @classmethod
    def measure(cls, items: Sequence[Self], context: MeasureContext) -> None:
        for item in items:
            context.keep(measure_footprint(item, context.host_fingerprint))


def measure_footprint(item: FootprintItem, host_fingerprint: str) -> FootprintMeasurement:
    """Measure one configuration in two fresh workers, three if it has several inference streams.

    Returns
    -------
    FootprintMeasurement
        ``failed`` if the configuration itself cannot be compiled or run; a part that alone is impossible is None, with
        its reason in ``unknown``.
    """
    started = utc_now()
    with tempfile.TemporaryDirectory(prefix="sizer-blob-") as folder:
        first = _in_worker(item.config, item.model, folder, "fill")
        cached = None if first.value is None else _in_worker(item.config, item.model, folder, "load")
    common = common_fields(first, item.model, item.config, host_fingerprint)
    common |= {"key": item.key(host_fingerprint), "started": started}
    if first.value is None or cached is None:
        return FootprintMeasurement(**common)
    effective = EffectiveConfig.model_validate(first.value["effective"])
    alone = one_stream(item.config, effective)
    single = None if alone is None else _in_worker(alone, item.model, None, "memory")
    return FootprintMeasurement(**common, footprint=combine(first.value, cached, single, effective.streams))


def one_stream(config: RunConfig, effective: EffectiveConfig) -> RunConfig | None:
    """Return the configuration of one of several inference streams: its share of threads and requests, no hint."""
    streams = effective.streams
    if streams is None or streams < 2:
        return None
    threads = config.threads or effective.threads
    requests = config.requests or effective.optimal_requests or streams
    return config.model_copy(
        update={
            "streams": 1,
            "threads": None if threads is None else max(1, threads // streams),
            "requests": max(1, requests // streams),
            "hint": "none",
            "hint_requests": None,
        }
    )


def combine(first: dict[str, Any], cached: JobOutcome, single: JobOutcome | None, streams: int | None) -> Footprint:
    """Put the parts together; what is missing gets its reason.

    Parameters
    ----------
    first : dict
        Result of the worker with all streams.
    cached, single : JobOutcome
        Of the worker that found the blob, and of the one with one stream (None: there are no several streams).
    streams : int or None
        As granted.
    """
    unknown: dict[str, str] = {}
    cached_s = None
    if cached.value is None:
        unknown["cached_compile_s"] = str(cached.failure)
    elif not cached.value["loaded"]:
        unknown["cached_compile_s"] = first["fill_failure"] or "the runtime did not load a compiled blob"
    else:
        cached_s = cached.value["compile_s"]
    alone = per_stream = None
    if single is None:
        unknown["per_stream_bytes"] = "the runtime does not report its streams" if streams is None else "one stream"
    elif single.value is None:
        unknown["per_stream_bytes"] = f"on one stream: {single.failure}"
    else:
        alone = single.value["resident_bytes"]
        if first["resident_bytes"] is None or alone is None or streams is None:
            unknown["per_stream_bytes"] = "/proc does not report memory here"
        elif first["resident_bytes"] - alone < PER_STREAM_LEAST_BYTES:
            unknown["per_stream_bytes"] = "less than two processes differ by chance"
        else:
            per_stream = (first["resident_bytes"] - alone) / (streams - 1)
    return Footprint(
        baseline_bytes=first["baseline_bytes"],
        peak_bytes=first["peak_bytes"],
        resident_bytes=first["resident_bytes"],
        streams=streams or None,
        one_stream_resident_bytes=alone,
        per_stream_bytes=per_stream,
        compile_s=first["compile_s"],
        cached_compile_s=cached_s,
        unknown=unknown,
    )


def with_footprints(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Join each successful timing with the footprint of its configuration; successful footprints alone are dropped."""

    def place(item: Measurement) -> tuple[object, ...]:
        return item.host_fingerprint, item.model_sha256, item.config, item.versions.get(item.config.runtime)

    footprints = {
        place(item): item.footprint
        for item in measurements
        if isinstance(item, FootprintMeasurement) and item.footprint is not None
    }
    joined: list[Measurement] = []
    for item in measurements:
        if isinstance(item, FootprintMeasurement) and item.footprint is not None:
            continue
        if isinstance(item, TimingMeasurement) and item.timing is not None and place(item) in footprints:
            joined.append(item.model_copy(update={"footprint": footprints[place(item)]}))
        else:
            joined.append(item)
    return joined


def _in_worker(config: RunConfig, model: ModelFile, folder: str | None, part: str) -> JobOutcome:
    payload = {
        "part": part,
        "model": model.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "folder": folder,
    }
    job = Job(
        "advisor.measure.items.footprint:footprint_job",
        (JobItem(part, payload),),
        worker_environment(config.simd_cap),
        on_import=runtime_imports(config.runtime),
    )
    return run_job(job, _TIMEOUT_S).outcome(part)


def _take(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker."""
    config = RunConfig.model_validate(payload["config"])
    model = ModelFile.model_validate(payload["model"])
    path = model_path(model, config)
    runtime = get_runtime(config.runtime)
    runtime.devices()  # loads what the runtime loads for its first model, which is not that model's memory
    give_back()
    folder = None if payload["folder"] is None else Path(payload["folder"])
    if payload["part"] == "load":
        compiled = runtime.compile(path, config, options_for(model, blob_dir=folder))
        loaded = compiled.effective.properties.get("LOADED_FROM_CACHE", "")
        return {"compile_s": compiled.compile_s, "loaded": loaded.lower() in ("true", "yes")}
    baseline = reset_peak_memory()
    compiled = runtime.compile(path, config, options_for(model))
    inputs = benchmark_inputs(compiled.inputs, np.random.default_rng(0))
    failures: list[BaseException] = []

    def done(_token: object, _outputs: object, _finish_s: float, error: BaseException | None) -> None:
        if error is not None:
            failures.append(error)

    for _ in range(compiled.requests):  # started together, so that every request and stream is in use at once
        compiled.start(inputs, None, done)
    compiled.wait_all()
    if failures:
        raise failures[0]
    peak = peak_memory_bytes()
    give_back()
    figures: dict[str, Any] = {
        "baseline_bytes": baseline,
        "peak_bytes": peak,
        "resident_bytes": resident_bytes(),
        "compile_s": compiled.compile_s,
        "effective": compiled.effective.model_dump(mode="json"),
        "versions": {config.runtime: runtime.version()},
        "fill_failure": None,
    }
    if payload["part"] == "fill":
        figures["fill_failure"] = _fill(lambda: runtime.compile(path, config, options_for(model, blob_dir=folder)))
    return figures


footprint_job = each(_take)


def _fill(compile_once: Callable[[], object]) -> str | None:
    """Compile once more, now into the cache; a device that cannot be cached still has its memory."""
    try:
        compile_once()
    except Exception as error:
        return " ".join(str(error).split())
    return None


def give_back() -> None:
    """Return free heap to the system, so that the resident set is what is in use; glibc alone can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
