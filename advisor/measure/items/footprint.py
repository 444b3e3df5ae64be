"""What a configuration takes beside time: memory, memory per inference stream, and compiling from the runtime's cache.

Each part is measured in a worker process of its own, because memory that another model left behind, or kernels that it
compiled, would hide what this one needs.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import advisor
from advisor.clock import utc_now
from advisor.measure.timing.harness import MeasureSpec, random_inputs
from advisor.measure.timing.keys import key as measurement_key
from advisor.measure.worker.job import Job, JobItem, Outcome, each
from advisor.measure.worker.run import run_job
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import Footprint, Measurement
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime

from .tasks import model_path, peak_memory_bytes, reset_peak_memory, resident_bytes
from .throughput import describe_config, runtime_imports, worker_environment

_TIMEOUT_S = 180.0
# Told apart from timings of the same configuration by a length that no timing has.
_KEY_SPEC = MeasureSpec(min_duration_s=2e-6, min_samples=1)
PER_STREAM_LEAST_BYTES = 64 * 1024
"""A smaller difference between two processes is chance: the resident sets of equal ones differ by some ten pages."""


@dataclass(frozen=True)
class FootprintItem:
    """A footprint to take; how requests arrive does not matter to it."""

    model: ModelFile
    config: RunConfig

    def key(self, host_fingerprint: str) -> str:
        """Identity in the store."""
        return measurement_key(self.model, self.config, LoadMode(), _KEY_SPEC, host_fingerprint)

    @property
    def label(self) -> str:
        """What progress shows."""
        return f"memory of {self.model.name} {describe_config(self.config)}"


def measure_footprint(item: FootprintItem, host_fingerprint: str) -> Measurement:
    """Measure one configuration in two fresh workers, three where it has several inference streams.

    Returns
    -------
    Measurement
        With ``footprint`` and neither timing nor kernels. ``failed`` where the configuration itself cannot be
        compiled or run; a part that alone is impossible is None and its reason stands in ``footprint.unknown``.
    """
    started = utc_now()
    with tempfile.TemporaryDirectory(prefix="sizer-blob-") as folder:
        first = _in_worker(item.config, item.model, folder, "fill")
        if first.value is None:
            return _record(item, host_fingerprint, started, failure=str(first.failure))
        cached = _in_worker(item.config, item.model, folder, "load")
    effective = EffectiveConfig.model_validate(first.value["effective"])
    alone = one_stream(item.config, effective)
    single = None if alone is None else _in_worker(alone, item.model, None, "memory")
    found = combine(first.value, cached, single, effective.streams)
    return _record(item, host_fingerprint, started, footprint=found, first=first.value)


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


def combine(first: dict[str, Any], cached: Outcome, single: Outcome | None, streams: int | None) -> Footprint:
    """Put the parts together; what is missing gets its reason.

    Parameters
    ----------
    first : dict
        Result of the worker with all streams.
    cached, single : Outcome
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
        unknown["per_stream_bytes"] = "the runtime does not tell its streams" if streams is None else "one stream"
    elif single.value is None:
        unknown["per_stream_bytes"] = f"on one stream: {single.failure}"
    else:
        alone = single.value["resident_bytes"]
        if first["resident_bytes"] is None or alone is None or streams is None:
            unknown["per_stream_bytes"] = "/proc does not tell memory here"
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
    """Timings with the footprint of their configuration written into them; records of footprints alone are dropped."""
    found = {
        (item.host_fingerprint, item.model_sha256, item.config, item.versions.get(item.config.runtime)): item.footprint
        for item in measurements
        if item.footprint is not None
    }
    joined = []
    for item in measurements:
        if item.footprint is not None:
            continue
        place = (item.host_fingerprint, item.model_sha256, item.config, item.versions.get(item.config.runtime))
        kept = found.get(place)
        if item.timing is None or kept is None:
            joined.append(item)
            continue
        changes: dict[str, float | None] = {
            "cached_compile_s": kept.cached_compile_s,
            "memory_per_stream_bytes": kept.per_stream_bytes,
        }
        if kept.peak_bytes is not None and kept.baseline_bytes is not None:
            changes["peak_memory_bytes"] = max(0.0, kept.peak_bytes - kept.baseline_bytes)
            changes["memory_baseline_bytes"] = kept.baseline_bytes
        joined.append(item.model_copy(update={"timing": item.timing.model_copy(update=changes)}))
    return joined


def _in_worker(config: RunConfig, model: ModelFile, folder: str | None, part: str) -> Outcome:
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
    path = model_path(model, config.precision)
    runtime = get_runtime(config.runtime)
    runtime.devices()  # loads what the runtime loads for its first model, which is not that model's memory
    _give_back()
    folder = None if payload["folder"] is None else Path(payload["folder"])
    if payload["part"] == "load":
        compiled = runtime.compile(path, config, input_shape=model.input_shape, blob_dir=folder)
        words = compiled.effective.properties.get("LOADED_FROM_CACHE", "")
        return {"compile_s": compiled.compile_s, "loaded": words.lower() in ("true", "yes")}
    baseline = reset_peak_memory()
    compiled = runtime.compile(path, config, input_shape=model.input_shape)
    inputs = random_inputs(compiled.inputs, np.random.default_rng(0))
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
    _give_back()
    found: dict[str, Any] = {
        "baseline_bytes": baseline,
        "peak_bytes": peak,
        "resident_bytes": resident_bytes(),
        "compile_s": compiled.compile_s,
        "effective": compiled.effective.model_dump(mode="json"),
        "versions": {config.runtime: runtime.version()},
        "fill_failure": None,
    }
    if payload["part"] == "fill":
        found["fill_failure"] = _fill(
            lambda: runtime.compile(path, config, input_shape=model.input_shape, blob_dir=folder)
        )
    return found


footprint_job = each(_take)


def _fill(compile_once: Callable[[], object]) -> str | None:
    """Compile once more, now into the cache; a device that cannot be cached still has its memory."""
    try:
        compile_once()
    except Exception as error:
        return " ".join(str(error).split())
    return None


def _give_back() -> None:
    """Return free heap to the system, so that the resident set is what is in use; glibc alone can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _record(
    item: FootprintItem,
    host_fingerprint: str,
    started: str,
    *,
    footprint: Footprint | None = None,
    first: dict[str, Any] | None = None,
    failure: str | None = None,
) -> Measurement:
    return Measurement(
        key=item.key(host_fingerprint),
        model=item.model.name,
        model_sha256=item.model.sha256,
        model_kind=item.model.kind,
        config=item.config,
        mode=LoadMode(),
        effective=None if first is None else EffectiveConfig.model_validate(first["effective"]),
        host_fingerprint=host_fingerprint,
        status="failed" if footprint is None else "done",
        failure=failure,
        footprint=footprint,
        started=started,
        sizer_version=advisor.__version__,
        versions={} if first is None else first["versions"],
    )
