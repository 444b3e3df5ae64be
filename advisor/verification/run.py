"""Start the child process, collect its messages, judge the run."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor import errors
from advisor.child_process.parent import ChildProcess
from advisor.errors import InputError, SizerError
from advisor.host import preflight
from advisor.host.placement import environment
from advisor.measure.items.progress import NullProgress, Progress
from advisor.records.config import EffectiveConfig
from advisor.records.host_settings import EffectiveHost
from advisor.records.verdict import Verdict
from advisor.runtimes.openvino_config import worker_environment

from .observation import Observation
from .request import Order
from .running import Span
from .setup import check_sources, feeds_of
from .trace import trace_of, traced_s
from .verdict import judge

WARMUP_MAX_S = 3.0
WARMUP_SHARE = 0.1
START_LIMIT_S = 600.0
"""Compilation and clips of a large scenario on a slow machine; beyond that something hangs."""
SILENCE_LIMIT_S = 20.0
"""A running child reports four times a second."""
TURN_MAX_S = 1.0
"""What one turn of waiting counts as at most."""
STOP_LIMIT_S = 15.0


def run_verify(order: Order, progress: Progress | None, stop: threading.Event | None) -> Verdict:
    """See :func:`advisor.verification.verify`."""
    scenario, models, configs = order.scenario, order.models, order.configs
    missing = [stage.id for stage in scenario.stages if stage.id not in models or stage.id not in configs]
    if missing:
        raise InputError(f"verify {scenario.scenario}: no model or configuration for stage {', '.join(missing)}")
    check_sources(scenario)
    warnings = tuple(dict.fromkeys((*order.facts.warnings, *preflight(order.facts), *order.warnings)))
    if order.strict and warnings:
        raise InputError(f"verify --strict refuses: {'; '.join(warnings)}; mend it, or run without --strict")
    seen = observe(order, progress or NullProgress(), stop or threading.Event())
    verdict = judge(scenario, seen, configs, order.facts, order.predicted, warnings, order.other_box, order.host)
    cut: tuple[str, ...] = ()
    if order.traced is not None:
        trace = trace_of(scenario, seen, configs, (0.0, seen.warmup_s + seen.duration_s))
        order.traced(trace)
        if trace.end_s < seen.end_s:
            cut = (f"the trace ends after {trace.end_s:.0f} s, where it held as much as it may",)
    frame_ms, object_ms = (1000.0 * seconds for seconds in order.application_s)
    notes = (*verdict.notes, *cut)
    if frame_ms > 0 or object_ms > 0:
        notes = (*notes, f"{frame_ms:.3g} ms of a core per frame and {object_ms:.3g} ms per object were burnt in place "
                 "of the application around the models (`application:` in the scenario)")  # fmt: skip
    return verdict.model_copy(
        update={
            "models": dict(models),
            "seed": order.seed,
            "phases": order.phases,
            "notes": notes,
            "application_ms": {"frame": frame_ms, "object": object_ms},
        }
    )


def observe(order: Order, progress: Progress, stop: threading.Event) -> Observation:
    """Run the cascade in a child process and collect what it reports, also when it dies or is stopped."""
    duration_s, warmup_s = order.duration_s, min(WARMUP_MAX_S, WARMUP_SHARE * order.duration_s)
    feeds = feeds_of(order.scenario, order.cameras, order.phases, order.seed)
    traced = traced_s(warmup_s, duration_s, whole=order.traced is not None)
    slo = order.scenario.slo
    span = Span(warmup_s, duration_s, slo.window_s, slo.latency_p95_ms / 1e3, traced)
    seen = Observation(feeds, span, order.decode_threads)
    job = {
        "scenario": order.scenario.model_dump(mode="json"),
        "models": {name: model.model_dump(mode="json") for name, model in order.models.items()},
        "configs": {name: config.model_dump(mode="json") for name, config in order.configs.items()},
        "host": order.host.model_dump(mode="json"),
        "decode_threads": order.decode_threads,
        "decode_device": order.decode_device,
        "application_s": order.application_s,
        "application_threads": max(1, math.ceil(order.facts.limits.usable_cores or 1)),
        "warmup_s": warmup_s,
        "duration_s": duration_s,
        "seed": order.seed,
        "phases": order.phases,
        "objects": order.objects,
        "traced_s": traced,
        "cameras": None if order.cameras is None else dict(order.cameras),
        "clips": str(order.work_dir / "clips"),
    }
    progress.start(int(warmup_s + duration_s), warmup_s + duration_s, unit="s")
    with Child(job, order.work_dir, process_environment(order)) as child:
        child.listen(seen, progress, stop)
    progress.finish(f"{seen.seen_s:.0f} s measured")
    return seen


def process_environment(order: Order) -> dict[str, str | None]:
    """Environment of the run's process: the cap on instructions that its configurations name, and no other; threads of
    OpenMP as planned.
    """
    caps = {config.simd_cap for config in order.configs.values() if config.runtime == "openvino"}
    if len(caps) > 1:
        shown = ", ".join(sorted(str(cap) for cap in caps))
        raise InputError(f"stages name different simd_cap ({shown}), but one process runs them all; name one")
    return {**worker_environment(next(iter(caps), None)), **environment(order.host)}


class Child:
    """The process of one run."""

    def __init__(self, job: Mapping[str, Any], work_dir: Path, environment: Mapping[str, str | None]) -> None:
        try:
            work_dir.mkdir(parents=True, exist_ok=True)
            for left in work_dir.glob("tmp*.json"):  # jobs of version 0.1 that was killed: they hold passwords
                left.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot write into {work_dir}: {error.strerror}; free space or set SIZER_CACHE"
            ) from error
        # Through the pipe, never a file: the job holds passwords of cameras, and kill -9 would leave it behind.
        self._job = json.dumps(job)
        self._process = ChildProcess("advisor.verification.child", environment=environment)

    def __enter__(self) -> Child:
        self._process.__enter__()
        try:
            self._process.send_line(self._job)
        except BaseException:  # an interrupt while the child starts: nobody else would end it
            self._process.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._process.__exit__(*error)

    def listen(self, seen: Observation, progress: Progress, stop: threading.Event) -> None:
        """Collect messages until the child reports its end or is gone; an interrupt or ``stop`` ends it early."""
        silent_s, awake_s = 0.0, time.monotonic()
        asked_s: float | None = None
        while True:
            try:
                if stop.is_set() and asked_s is None:
                    asked_s = self._ask_to_stop(seen)
                ready = self._process.wait(0.1)
            except KeyboardInterrupt:
                stop.set()
                continue
            now_s = time.monotonic()
            # Who was suspended himself heard nothing and may not judge: a turn takes a tenth of a second.
            silent_s += min(now_s - awake_s, TURN_MAX_S)
            awake_s = now_s
            if not ready:
                if asked_s is not None and now_s - asked_s > STOP_LIMIT_S:
                    return
                if silent_s > (SILENCE_LIMIT_S if seen.started else START_LIMIT_S):
                    seen.failure = f"hung: nothing heard for {silent_s:.0f} s"
                    return
                continue
            silent_s = 0.0
            messages = self._process.receive()
            if messages is None:
                self._ended(seen)
                return
            for message in messages:
                self._message(message, seen, progress)
            if seen.ended_s is not None:
                return  # the end of its pipe may never come: a process that a library left behind can hold it

    def _ask_to_stop(self, seen: Observation) -> float:
        seen.stopped = True
        self._process.send_line("stop")
        return time.monotonic()

    def _message(self, message: dict[str, Any], seen: Observation, progress: Progress) -> None:
        match message["k"]:
            case "state":
                progress.message(message["text"])
            case "ready":
                seen.effective = {
                    name: EffectiveConfig.model_validate(item) for name, item in message["effective"].items()
                }
                seen.host = EffectiveHost.model_validate(message["host"])
                seen.objects, seen.slots = message["objects"], message["slots"]
                seen.measured = tuple(message["measured"])
            case "decode":
                seen.decode_device = message["device"]
            case "start":
                seen.started = True
            case "rows":
                seen.rows(message["rows"])
                _live_figures(seen, progress)
            case "end":
                seen.failure, seen.ended_s = message["failure"], message["ended_s"]
            case "refused":
                kind = getattr(errors, message["type"], SizerError)
                raise kind(message["text"])

    def _ended(self, seen: Observation) -> None:
        """Give a reason for an end that the child did not announce."""
        code = self._process.exit_code()
        if seen.ended_s is not None or (seen.stopped and code == 0):
            return
        last_line = self._process.stderr_tail().rpartition("\n")[2]
        detail = f": {last_line}" if last_line and code >= 0 else ""
        seen.failure = f"the cascade's process {self._process.exit_reason()}{detail}"


def _live_figures(seen: Observation, progress: Progress) -> None:
    """One line about the last counters."""
    if not seen.samples:
        return
    now_s = seen.samples[-1]["t"]
    total_s = seen.warmup_s + seen.duration_s
    in_flight, done, dropped, _ = seen.counts
    text = f"{done} frames done, {dropped} dropped, {in_flight} in flight"
    progress.advance(min(int(now_s), int(total_s)), text, max(total_s - now_s, 0.0))
