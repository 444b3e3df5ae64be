"""Kernels of a model with the time of each; kernels without times come from :mod:`.model_kernels`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from advisor.clock import utc_now
from advisor.measure.timing.disturbance import SLOW, with_slowdown
from advisor.measure.timing.harness import SpeedCheck
from advisor.measure.timing.inputs import benchmark_inputs
from advisor.measure.timing.keys import former_kind_key, kind_key
from advisor.measure.timing.meter import DisturbedRetry
from advisor.measure.timing.reference import ReferencePool
from advisor.measure.worker.job import JobItem, JobOutcome, Reporter, each
from advisor.records.config import RunConfig, SimdCap
from advisor.records.measurement import Interference, Measurement, ProfileMeasurement
from advisor.records.model import Kernel, ModelFile
from advisor.runtimes import CompiledModel, get_runtime
from advisor.runtimes.protocol import options_for

from .estimates import OPEN_S, pass_s
from .item import MeasureContext, SingleJobItem, WorkerSetup
from .tasks import model_path
from .throughput import common_fields, reference_payload, runtime_worker

_FigureT = TypeVar("_FigureT")
_TIMEOUT_S = 180.0
_WARM = 2
_TRIES = 2
_TIMED_AT_LEAST, _TIMED_S = 3, 0.04
"""Passes and seconds, before and again after the counting, that the median pass is taken from."""


@dataclass(frozen=True)
class ProfileItem(SingleJobItem):
    """A kernel profile to take."""

    plural: ClassVar[str] = "kernel profiles of models"

    model: ModelFile
    config: RunConfig
    passes: int = 30
    """Each kernel's time is a mean over these; whole microseconds per pass are resolved to a thirtieth."""

    def key(self, host_fingerprint: str) -> str:
        """Key of the one result."""
        return kind_key("profile", self.model, self.config, host_fingerprint)

    def keys(self, host_fingerprint: str) -> tuple[str, ...]:
        return (self.key(host_fingerprint),)

    def former_keys(self, host_fingerprint: str) -> Mapping[str, tuple[str, type[Measurement]]]:
        former = former_kind_key("profile", self.model, self.config, host_fingerprint)
        return {former: (self.key(host_fingerprint), ProfileMeasurement)}

    @property
    def label(self) -> str:
        return f"kernels of {self.model.name} {self.config.precision}"

    @property
    def process(self) -> tuple[str, SimdCap | None]:
        """Same runtime, and same SIMD cap, which is set before the worker starts."""
        return self.config.runtime, self.config.simd_cap

    @property
    def estimate_s(self) -> float:
        return OPEN_S + self.passes * pass_s(self.model, self.config)

    def worker(self) -> WorkerSetup:
        return runtime_worker("advisor.measure.items.profile:profile_job", self.config, _TIMEOUT_S)

    def payloads(self, context: MeasureContext) -> Mapping[str, dict[str, Any]]:
        payload = {
            "model": self.model.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json"),
            "passes": self.passes,
            "reference_s": reference_payload(context),
        }
        return {self.key(context.host_fingerprint): payload}

    def to_result(self, outcome: JobOutcome, host_fingerprint: str) -> ProfileMeasurement:
        """Record with kernels and ``pass_s``.

        A few passes say how long the whole takes, against which the counters can be set, but not how steadily.
        """
        value = outcome.value or {}
        return ProfileMeasurement(
            **common_fields(outcome, self.model, self.config, host_fingerprint),
            kernels=tuple(Kernel.model_validate(kernel) for kernel in value.get("kernels", ())),
            pass_s=value.get("pass_s"),
            fastest_pass_s=value.get("fastest_pass_s"),
        )


def profile_job(items: list[JobItem], report: Reporter) -> None:
    """Profile one item after another; runs inside the worker."""
    retry, references = DisturbedRetry(), ReferencePool()
    each(lambda payload: _profile(payload, retry, references))(items, report)


def _profile(payload: dict[str, Any], retry: DisturbedRetry, references: ReferencePool) -> dict[str, Any]:
    """Compile with counters, run, read them."""
    model = ModelFile.model_validate(payload["model"])
    config = RunConfig.model_validate(payload["config"])
    runtime = get_runtime(config.runtime)
    started = utc_now()
    compiled = runtime.compile(model_path(model, config), config, options_for(model, profiling=True))
    check = references.reference(
        compiled.effective.threads, {int(n): float(time_s) for n, time_s in payload["reference_s"].items()}
    )
    try:
        (kernels, times_s), seen = _at_full_speed(
            lambda: retry.measure(lambda: _counted_and_timed(compiled, int(payload["passes"]))), check
        )
    finally:
        compiled.close()
    return {
        "kernels": [kernel.model_dump(mode="json") for kernel in kernels],
        "pass_s": float(np.median(times_s)),
        "fastest_pass_s": min(times_s),
        "effective": compiled.effective.model_dump(mode="json"),
        "interference": seen.model_dump(mode="json"),
        "started": started,
        "versions": {config.runtime: runtime.version()},
        "reference_s": {} if check.best_s is None else {check.threads: check.best_s},
    }


def _at_full_speed(
    take: Callable[[], tuple[_FigureT, Interference]], check: SpeedCheck
) -> tuple[_FigureT, Interference]:
    """Take once, and once more where fixed work before or after it was slow; the quicker machine's counts.

    Two processors of a guest may share one core for seconds at a time, which no counter of the system shows.
    """
    tries: list[tuple[float, _FigureT, Interference]] = []
    while len(tries) < _TRIES:
        before = check.slowdown()
        figure, seen = take()
        slow = max(before, check.slowdown())
        tries.append((slow, figure, with_slowdown(seen, slow)))
        if slow <= SLOW:
            break
    _, figure, seen = min(tries, key=lambda tried: tried[0])
    return figure, seen


def _counted_and_timed(compiled: CompiledModel, passes: int) -> tuple[tuple[Kernel, ...], list[float]]:
    """Kernels with their mean times, and the passes [s] of as many timed before and after the counting.

    Counters are means: one hiccup lengthens a few kernels, and they leave out what lies between kernels. The median
    of these passes does neither. OpenVINO counts during these passes too, which took no measurable time (1.00 of a pass
    without, median of 12 configurations); ONNX Runtime counts in a session of its own.
    """
    inputs = benchmark_inputs(compiled.inputs, np.random.default_rng(0))
    for _ in range(_WARM):
        compiled.infer(inputs)
    times_s = _pass_times_s(compiled, inputs, passes)
    kernels = compiled.profile(passes)
    times_s += _pass_times_s(compiled, inputs, passes)
    return kernels, times_s


def _pass_times_s(compiled: CompiledModel, inputs: list[Any], most: int) -> list[float]:
    times_s: list[float] = []
    while len(times_s) < most and (len(times_s) < _TIMED_AT_LEAST or sum(times_s) < _TIMED_S):
        start_s = time.perf_counter()
        compiled.infer(inputs)
        times_s.append(time.perf_counter() - start_s)
    return times_s
