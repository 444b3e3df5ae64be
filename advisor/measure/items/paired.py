"""Variants of one model measured in rounds: in each round every one of them takes one turn, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

import advisor
from advisor.clock import RealClock, utc_now
from advisor.errors import InputError, RuntimeRefusal
from advisor.measure.timing.harness import MeasureSpec, Session
from advisor.measure.timing.inputs import benchmark_inputs
from advisor.measure.timing.keys import paired_key
from advisor.measure.timing.meter import make_meter
from advisor.measure.timing.reference import ReferencePool
from advisor.measure.worker.gate import await_turn
from advisor.measure.worker.job import Job, JobItem, JobOutcome, Reporter, describe, each
from advisor.measure.worker.run import run_job
from advisor.measure.worker.turns import TurnWorker
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig
from advisor.records.measurement import Interference, PairedMeasurement, PairedTurn
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime
from advisor.runtimes.openvino_config import worker_environment
from advisor.runtimes.protocol import Array, CompiledModel, options_for

from .estimates import OPEN_S, WORKER_S, pass_s
from .footprint import give_back
from .tasks import model_path, peak_memory_bytes, reset_peak_memory
from .throughput import describe_config, runtime_imports

TURN = MeasureSpec(
    min_duration_s=0.3, min_samples=5, min_blocks=3, max_duration_s=2.0, block_s=0.1, warmup_max_s=0.3,
    max_dirty_blocks=3,
)  # fmt: skip
"""One turn: short, so that the turns of a round lie close together in time."""
_OPEN_TIMEOUT_S = 600.0
_TURN_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Variant:
    """One way to run one model."""

    model: ModelFile
    config: RunConfig
    mode: LoadMode

    def key(self, host_fingerprint: str) -> str:
        """Key of its measurement in the store; InputError if its runtime is not installed."""
        return paired_key(self.model, self.config, self.mode, TURN, host_fingerprint)

    @property
    def label(self) -> str:
        """What progress and messages call it."""
        return f"{self.model.name} {describe_config(self.config)}"

    @property
    def open_s(self) -> float:
        """Rough time to start its worker and compile [s]."""
        return WORKER_S + OPEN_S + pass_s(self.model, self.config)

    @property
    def turn_s(self) -> float:
        """Rough time of a turn [s]."""
        one_s = pass_s(self.model, self.config)
        return max(TURN.warmup_max_s, one_s) + min(
            max(TURN.min_duration_s, TURN.min_samples * one_s), max(TURN.max_duration_s, one_s)
        )


@dataclass(frozen=True)
class RoundsWanted:
    """How often to go round, and what to tell whom."""

    rounds: int
    keep: Callable[[PairedMeasurement], None]
    """Called with each variant's measurement after each of its turns."""
    begin: Callable[[str], None]
    """Called with a variant's label before it is opened and before each of its turns."""
    may_begin: Callable[[float], bool]
    """Whether there is time for a round that is expected to take so long [s]; never asked for the first one."""
    best_s: dict[int, float]
    """Least times of the reference work by number of threads [s]."""


def measure_rounds(
    variants: Sequence[Variant],
    known: dict[str, PairedMeasurement],
    host_fingerprint: str,
    wanted: RoundsWanted,
) -> int:
    """Open all variants, then let them take turns; returns how many rounds were completed.

    Parameters
    ----------
    variants : sequence of Variant
        Of one model, all alive at once; a variant that fails is left out of later rounds.
    known : dict
        Measurements of these variants by key, to which turns are added; changed in place.

    Notes
    -----
    The order within a round is turned by one place each time, so that no variant always follows the same other.
    """
    with ExitStack() as stack:
        alive: list[tuple[Variant, TurnWorker]] = []
        for variant in variants:
            wanted.begin(variant.label)
            worker = _open(variant, stack, known, host_fingerprint, wanted)
            if worker is not None:
                alive.append((variant, worker))
        completed, longest_s = 0, 0.0
        while alive and completed < wanted.rounds and (completed == 0 or wanted.may_begin(longest_s)):
            began_s, name = time.perf_counter(), f"{utc_now()}-{completed}"
            for variant, worker in [*alive[completed % len(alive) :], *alive[: completed % len(alive)]]:
                wanted.begin(variant.label)
                key = variant.key(host_fingerprint)
                outcome = worker.turn(_TURN_TIMEOUT_S)
                known[key] = _with_turn(known[key], outcome, name, wanted.best_s)
                wanted.keep(known[key])
                if outcome.value is None:
                    alive.remove((variant, worker))
            completed += 1
            longest_s = max(longest_s, time.perf_counter() - began_s)
    return completed


def _open(
    variant: Variant,
    stack: ExitStack,
    known: dict[str, PairedMeasurement],
    host_fingerprint: str,
    wanted: RoundsWanted,
) -> TurnWorker | None:
    """Start a variant's worker and compile in it; None where that fails, which is kept as its result."""
    key = variant.key(host_fingerprint)
    payload = {
        "model": variant.model.model_dump(mode="json"),
        "config": variant.config.model_dump(mode="json"),
        "mode": variant.mode.model_dump(mode="json"),
        "reference_s": {str(threads): best_s for threads, best_s in wanted.best_s.items()},
    }
    environment, imports = worker_environment(variant.config.simd_cap), runtime_imports(variant.config.runtime)
    started = utc_now()
    if variant.config.precision == "int8":  # making the copy takes memory that would count as the model's
        first = Job(f"{__name__}:prepare_job", (JobItem("open", payload),), environment, on_import=imports)
        outcome = run_job(first, _OPEN_TIMEOUT_S).outcome("open")
        if outcome.value is None:
            wanted.keep(known.setdefault(key, _opened(variant, key, outcome, host_fingerprint, started)))
            return None
    turns = tuple(JobItem(str(number), {}) for number in range(wanted.rounds))
    job = Job(f"{__name__}:turns_job", (JobItem("open", payload), *turns), environment, on_import=imports)
    worker = stack.enter_context(TurnWorker(job))
    outcome = worker.turn(_OPEN_TIMEOUT_S)
    new = _opened(variant, key, outcome, host_fingerprint, started)
    before = known.get(key)
    known[key] = new if before is None else new.model_copy(update={"turns": before.turns})
    wanted.keep(known[key])
    return worker if outcome.value is not None else None


def _opened(variant: Variant, key: str, outcome: JobOutcome, host_fingerprint: str, started: str) -> PairedMeasurement:
    value = outcome.value or {}
    return PairedMeasurement(
        key=key,
        model=variant.model.name,
        model_sha256=variant.model.sha256,
        model_kind=variant.model.kind,
        config=variant.config,
        effective=EffectiveConfig.model_validate(value["effective"]) if value else None,
        host_fingerprint=host_fingerprint,
        status=outcome.status,
        failure=outcome.failure,
        started=started,
        sizer_version=advisor.__version__,
        versions=value.get("versions", {}),
        mode=variant.mode,
        **{name: value.get(name) for name in ("process_bytes", "model_bytes", "read_s", "compile_s")},
        first_inference_s=value.get("first_inference_s"),
    )


def _with_turn(
    before: PairedMeasurement, outcome: JobOutcome, round_name: str, best_s: dict[int, float]
) -> PairedMeasurement:
    if outcome.value is None:
        return before.model_copy(update={"status": "failed", "failure": outcome.failure})
    value = dict(outcome.value)
    for threads, time_s in value.pop("reference_s").items():
        best_s[int(threads)] = min(time_s, best_s.get(int(threads), time_s))
    interference = Interference.model_validate(value.pop("interference"))
    turn = PairedTurn.model_validate({"round": round_name, "interference": interference, **value})
    return before.model_copy(update={"turns": (*before.turns, turn)})


class _Opened:
    """Inside of the worker: the compiled model and what opening it cost."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._config = RunConfig.model_validate(payload["config"])
        self._mode = LoadMode.model_validate(payload["mode"])
        model = ModelFile.model_validate(payload["model"])
        path = model_path(model, self._config)
        runtime = get_runtime(self._config.runtime)
        runtime.devices()  # loads what the runtime loads for its first model, which is not that model's memory
        give_back()
        before_bytes = reset_peak_memory()
        self.compiled: CompiledModel = runtime.compile(path, self._config, options_for(model))
        _check_granted(self._config, self.compiled.effective)
        inputs = benchmark_inputs(self.compiled.inputs, np.random.default_rng(0))
        started_s = time.perf_counter()
        self.compiled.infer(inputs)
        first_s = time.perf_counter() - started_s
        self._use_all(inputs)
        peak_bytes = peak_memory_bytes()
        known = before_bytes is not None and peak_bytes is not None
        self._reference_s = {int(threads): float(best) for threads, best in payload["reference_s"].items()}
        self._references = ReferencePool()
        self.facts = {
            "process_bytes": peak_bytes,
            "model_bytes": max(0.0, peak_bytes - before_bytes) if known else None,  # type: ignore[operator]
            "read_s": self.compiled.read_s,
            "compile_s": self.compiled.compile_s,
            "first_inference_s": first_s,
            "effective": self.compiled.effective.model_dump(mode="json"),
            "versions": {self._config.runtime: runtime.version()},
        }

    def _use_all(self, inputs: Sequence[Array]) -> None:
        """Run every request once, all at the same time: each stream has memory of its own."""
        failures: list[BaseException] = []

        def done(_token: object, _outputs: object, _finish_s: float, error: BaseException | None) -> None:
            if error is not None:
                failures.append(error)

        for _ in range(self.compiled.requests):
            self.compiled.start(inputs, None, done)
        self.compiled.wait_all()
        if failures:
            raise failures[0]

    def turn(self) -> dict[str, Any]:
        """Measure for a moment."""
        reference = self._references.reference(self.compiled.effective.threads, self._reference_s)
        session = Session(self.compiled, self._mode, TURN, RealClock(), make_meter(), check=reference)
        started = utc_now()
        while not session.step():
            pass
        raw = session.raw()
        latencies_s = np.asarray(raw["latencies_s"])
        inputs = float(raw["passes"]) * raw["batch"]
        pass_s = min(raw["block_p50_s"])  # neighbours only ever make a block look slower
        best_s = reference.best_s
        return {
            "started": started,
            "time_s": pass_s / raw["batch"] if self._mode.kind == "sync" else raw["duration_s"] / inputs,
            "p50_s": float(np.median(latencies_s)),
            "p95_s": float(np.quantile(latencies_s, 0.95)),
            "throughput_per_s": inputs / raw["duration_s"],
            "samples": len(latencies_s),
            "block_p50_s": [float(value) for value in raw["block_p50_s"]],
            "interference": session.interference().model_dump(mode="json"),
            "reference_s": {} if best_s is None else {reference.threads: best_s},
        }


def _check_granted(config: RunConfig, effective: EffectiveConfig) -> None:
    """Refuse what a runtime left out without a word: the row would bear a wrong name."""
    if config.dynamic_shapes and not effective.dynamic_shapes:
        raise RuntimeRefusal(f"dynamic shapes: {config.runtime} compiled the model for fixed ones")


def turns_job(items: list[JobItem], report: Reporter) -> None:
    """Open the model of the first item; each further item is a turn, begun when the parent says so."""
    opened: _Opened | None = None
    for item in items:
        if opened is not None:
            await_turn()
        report.on(item.id)
        try:
            if opened is None:
                opened = _Opened(item.payload)
                value = opened.facts
            else:
                value = opened.turn()
        except Exception as error:  # every failure of foreign code is a result here, with its reason
            report.failed(item.id, describe(error))
            return
        report.done(item.id, value)


def _prepare(payload: dict[str, Any]) -> dict[str, Any]:
    """Make what compiling leaves on disk, such as the int8 copy, and forget the rest."""
    return _Opened(payload).facts


prepare_job = each(_prepare)


def installed(variant: Variant) -> str | None:
    """Return why a variant's runtime cannot be used here, in a line; None if it is installed."""
    try:
        variant.key("")
    except InputError as error:
        return str(error)
    return None
