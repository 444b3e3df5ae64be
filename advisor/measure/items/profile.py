"""Kernels of a model with the time of each; those of a compiled model alone come from :mod:`.works`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

import advisor
from advisor.clock import utc_now
from advisor.measure.timing.harness import SLOW, MeasureSpec, SpeedCheck, random_inputs, with_slowdown
from advisor.measure.timing.keys import key as measurement_key
from advisor.measure.timing.meter import undisturbed
from advisor.measure.timing.reference import lower_best, reference
from advisor.measure.worker.job import Job, JobItem, Outcome, each
from advisor.measure.worker.run import run_job
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig, SimdCap
from advisor.records.measurement import Interference, Measurement
from advisor.records.model import Kernel, ModelFile
from advisor.runtimes import CompiledModel, get_runtime
from advisor.store.measurements import MeasurementStore

from .model_kernels import file_facts, model_works
from .tasks import model_path
from .throughput import runtime_imports, worker_environment

__all__ = ["ProfileItem", "run_profiles", "profile_kernels", "model_works", "file_facts"]

_FoundT = TypeVar("_FoundT")
_TIMEOUT_S = 180.0
# Profiles are told apart from timings of the same configuration by a length that no timing has.
_KEY_SPEC = MeasureSpec(min_duration_s=1e-6, min_samples=2)
_WARM = 2
_TRIES = 2
_TIMED_AT_LEAST, _TIMED_S = 3, 0.04
"""Passes and seconds, before and again after the counting, that the median pass is taken from."""


@dataclass(frozen=True)
class ProfileItem:
    """A kernel profile to take."""

    model: ModelFile
    config: RunConfig
    passes: int = 30
    """Each kernel's time is a mean over these; whole microseconds per pass are resolved to a thirtieth."""

    def key(self, host_fingerprint: str) -> str:
        """Identity in the store."""
        return measurement_key(self.model, self.config, LoadMode(), _KEY_SPEC, host_fingerprint)

    @property
    def label(self) -> str:
        """What progress shows."""
        return f"kernels of {self.model.name} {self.config.precision}"

    @property
    def process(self) -> tuple[str, SimdCap | None]:
        """What may share a worker."""
        return self.config.runtime, self.config.simd_cap


def profile_kernels(
    model: ModelFile,
    configs: Sequence[RunConfig],
    store: MeasurementStore,
    host_fingerprint: str,
) -> list[Measurement]:
    """Time the kernels of a model under several configurations; what the store holds is not repeated."""
    items = [ProfileItem(model, config) for config in configs]
    found: dict[str, Measurement] = {}
    groups: dict[tuple[str, SimdCap | None], dict[str, ProfileItem]] = {}
    for item in items:
        key = item.key(host_fingerprint)
        known = store.get(key)
        if known is not None:
            found[key] = known
        else:
            groups.setdefault(item.process, {})[key] = item

    def keep(record: Measurement) -> None:
        store.replace(record)
        found[record.key] = record

    for group in groups.values():
        run_profiles(group, host_fingerprint, keep)
    return [found[item.key(host_fingerprint)] for item in items]


def run_profiles(
    items: Mapping[str, ProfileItem],
    host_fingerprint: str,
    keep: Callable[[Measurement], None],
    best_s: MutableMapping[int, float] | None = None,
) -> None:
    """Profile items that may share a process; ``keep`` gets each record at once.

    ``best_s`` holds the least times of the reference work by number of threads, and is lowered by what is seen here.

    The record has ``kernels``, ``pass_s`` and no ``timing``: a few passes say how long the whole takes, against which
    the counters can be set, but not how steadily.
    """
    if not items:
        return
    best = {} if best_s is None else best_s
    runtime, cap = next(iter(items.values())).process

    def arrived(outcome: Outcome) -> None:
        lower_best(best, (outcome.value or {}).get("reference_s", {}))
        keep(_to_measurement(outcome, items[outcome.id], host_fingerprint))

    jobs = tuple(
        JobItem(
            name,
            {
                "model": item.model.model_dump(mode="json"),
                "config": item.config.model_dump(mode="json"),
                "passes": item.passes,
                "reference_s": {str(threads): time_s for threads, time_s in best.items()},
            },
        )
        for name, item in items.items()
    )
    run_job(
        Job(
            "advisor.measure.items.profile:profile_job",
            jobs,
            worker_environment(cap),
            on_import=runtime_imports(runtime),
        ),
        _TIMEOUT_S,
        arrived,
    )


def _profile(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: compile with counters, run, read them."""
    model = ModelFile.model_validate(payload["model"])
    config = RunConfig.model_validate(payload["config"])
    runtime = get_runtime(config.runtime)
    started = utc_now()
    compiled = runtime.compile(
        model_path(model, config.precision), config, input_shape=model.input_shape, profiling=True
    )
    check = reference(
        compiled.effective.threads, {int(n): float(time_s) for n, time_s in payload["reference_s"].items()}
    )
    try:
        (kernels, pass_s), seen = _at_full_speed(
            lambda: undisturbed(lambda: _counted_and_timed(compiled, int(payload["passes"]))), check
        )
    finally:
        compiled.close()
    return {
        "kernels": [kernel.model_dump(mode="json") for kernel in kernels],
        "pass_s": pass_s,
        "effective": compiled.effective.model_dump(mode="json"),
        "interference": seen.model_dump(mode="json"),
        "started": started,
        "versions": {config.runtime: runtime.version()},
        "reference_s": {} if check.best_s is None else {check.threads: check.best_s},
    }


def _at_full_speed(take: Callable[[], tuple[_FoundT, Interference]], check: SpeedCheck) -> tuple[_FoundT, Interference]:
    """Take once, and once more where fixed work before or after it was slow; the quicker machine's counts.

    Two processors of a guest may share one core for seconds at a time, which no counter of the system shows.
    """
    tries: list[tuple[float, _FoundT, Interference]] = []
    while len(tries) < _TRIES:
        before = check.slowdown()
        found, seen = take()
        slow = max(before, check.slowdown())
        tries.append((slow, found, with_slowdown(seen, slow)))
        if slow <= SLOW:
            break
    _, found, seen = min(tries, key=lambda tried: tried[0])
    return found, seen


def _counted_and_timed(compiled: CompiledModel, passes: int) -> tuple[tuple[Kernel, ...], float]:
    """Kernels with their mean times, and the median pass [s] of as many timed before and after the counting.

    Counters are means: one hiccup lengthens a few kernels, and they leave out what lies between kernels. The median
    pass does neither. OpenVINO counts during these passes too, which took no measurable time (1.00 of a pass without,
    median of 12 configurations); ONNX Runtime counts in a session of its own.
    """
    inputs = random_inputs(compiled.inputs, np.random.default_rng(0))
    for _ in range(_WARM):
        compiled.infer(inputs)
    times_s = _pass_times_s(compiled, inputs, passes)
    kernels = compiled.profile(passes)
    times_s += _pass_times_s(compiled, inputs, passes)
    return kernels, float(np.median(times_s))


def _pass_times_s(compiled: CompiledModel, inputs: list[Any], most: int) -> list[float]:
    times_s: list[float] = []
    while len(times_s) < most and (len(times_s) < _TIMED_AT_LEAST or sum(times_s) < _TIMED_S):
        start_s = time.perf_counter()
        compiled.infer(inputs)
        times_s.append(time.perf_counter() - start_s)
    return times_s


profile_job = each(_profile)


def _to_measurement(outcome: Outcome, item: ProfileItem, host_fingerprint: str) -> Measurement:
    value = outcome.value or {}
    return Measurement(
        key=outcome.id,
        model=item.model.name,
        model_sha256=item.model.sha256,
        model_kind=item.model.kind,
        config=item.config,
        mode=LoadMode(),
        effective=EffectiveConfig.model_validate(value["effective"]) if value else None,
        host_fingerprint=host_fingerprint,
        status=outcome.status,
        failure=outcome.failure,
        kernels=tuple(Kernel.model_validate(kernel) for kernel in value.get("kernels", ())),
        pass_s=value.get("pass_s"),
        interference=Interference.model_validate(value["interference"]) if value else Interference(),
        started=value.get("started", utc_now()),
        sizer_version=advisor.__version__,
        versions=value.get("versions", {}),
    )
