"""Measure configurations of one model: workers, interleaving, durable results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import advisor
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.measure.harness import MeasureSpec
from advisor.measure.job import Job, JobItem, Outcome
from advisor.measure.keys import key as measurement_key
from advisor.measure.progress import NullProgress, Progress
from advisor.measure.worker import run_job
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import Interference, Measurement, Timing
from advisor.records.model import ModelFile
from advisor.runtimes.openvino_config import simd_environment, simd_variables
from advisor.store.measurements import MeasurementStore

Request = tuple[RunConfig, LoadMode, MeasureSpec]

TOGETHER = 6
"""Most compiled models that share a worker and take turns."""
_COMPILE_ALLOWANCE_S = 90.0
_IMPORTS = {"openvino": "advisor.runtimes.openvino_runtime", "onnxruntime": "advisor.runtimes.onnxruntime_runtime"}


def measure_configs(
    model: ModelFile,
    requests: Sequence[Request],
    store: MeasurementStore,
    host_fingerprint: str,
    progress: Progress | None = None,
    *,
    retry_failed: bool = False,
    together: int = TOGETHER,
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
    together : int
        Most configurations that take turns in one worker.

    Returns
    -------
    list of Measurement
        In the order of ``requests``.
    """
    tell = progress if progress is not None else NullProgress()
    keys = [measurement_key(model, config, mode, spec, host_fingerprint) for config, mode, spec in requests]
    found: dict[str, Measurement] = {}
    wanted: dict[str, Request] = {}
    for name, request in zip(keys, requests, strict=True):
        known = store.get(name)
        if known is not None and not (retry_failed and known.status == "failed"):
            found[name] = known
        else:
            wanted[name] = request
    tell.start(len(wanted), None)
    done = 0

    def keep(outcome: Outcome) -> None:
        nonlocal done
        record = to_measurement(outcome, model, wanted[outcome.id], host_fingerprint)
        store.replace(record)
        found[outcome.id] = record
        done += 1
        tell.advance(done, f"{model.name} {describe_config(record.config)}: {verdict_of(record)}", None)

    for group in grouped(wanted, together):
        run_group(model, {name: wanted[name] for name in group}, keep)
    return [found[name] for name in keys]


def grouped(wanted: dict[str, Request], together: int) -> Iterable[list[str]]:
    """Configurations that may share a process: same runtime and SIMD cap, which is set before it starts."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    for name, (config, _, _) in wanted.items():
        groups.setdefault((config.runtime, config.simd_cap), []).append(name)
    for names in groups.values():
        for first in range(0, len(names), together):
            yield names[first : first + together]


def run_group(model: ModelFile, requests: dict[str, Request], keep: Any) -> None:
    """Measure configurations of one group in a worker; ``keep`` gets each outcome."""
    items = []
    for name, (config, mode, spec) in requests.items():
        try:
            path = file_for(model, config)
        except InputError as error:
            keep(Outcome(name, "failed", None, str(error)))
            continue
        payload = {
            "path": str(path),
            "input_shape": list(model.input_shape),
            "config": config.model_dump(mode="json"),
            "mode": mode.model_dump(mode="json"),
            "spec": spec.model_dump(mode="json"),
        }
        items.append(JobItem(name, payload))
    if not items:
        return
    config = next(iter(requests.values()))[0]
    job = Job(
        "advisor.measure.tasks:measure_job",
        tuple(items),
        worker_environment(config.simd_cap),
        on_import=runtime_imports(config.runtime),
    )
    longest_s = max(
        spec.max_duration_s * (1 + spec.max_dirty_blocks) + spec.warmup_max_s for _, _, spec in requests.values()
    )
    run_job(job, _COMPILE_ALLOWANCE_S + longest_s, keep)


def file_for(model: ModelFile, config: RunConfig) -> Path:
    """File that a configuration runs: the model itself, or its int8 copy."""
    if config.precision != "int8":
        return Path(model.path)
    from advisor.runtimes.quantise import int8_model
    from advisor.store.paths import cache_dir

    return Path(int8_model(Path(model.path), cache_dir() / "int8"))


def worker_environment(simd_cap: str | None) -> dict[str, str | None]:
    """Variables of the cap; those of no cap are taken away, whatever the user's shell has."""
    unset: dict[str, str | None] = dict.fromkeys(simd_variables())
    return {**unset, **simd_environment(simd_cap)}


def runtime_imports(runtime: str) -> tuple[str, ...]:
    """Modules that a worker loads before its first item, so that the item's time does not contain it."""
    return (_IMPORTS[runtime],) if runtime in _IMPORTS else ()


def to_measurement(outcome: Outcome, model: ModelFile, request: Request, host_fingerprint: str) -> Measurement:
    """Make the record of a worker's outcome."""
    config, mode, _ = request
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


def describe_config(config: RunConfig) -> str:
    """Short words for progress: what differs from the default."""
    changed = config.model_dump(mode="json", exclude_defaults=True, exclude={"runtime", "precision"})
    return " ".join([config.runtime, config.precision, *(f"{name}={value}" for name, value in changed.items())])


def verdict_of(record: Measurement) -> str:
    """One figure, or why there is none."""
    if record.timing is None:
        return f"failed: {record.failure}"
    mark = " (disturbed)" if record.interference.dirty else ""
    return f"{record.timing.p50.value_s * 1000:.3g} ms, {record.timing.throughput_per_s:.4g}/s{mark}"
