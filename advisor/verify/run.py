"""Start the child, listen to it, judge what it told."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from .. import errors
from ..errors import InputError, SizerError
from ..host import preflight
from ..measure.progress import NullProgress, Progress
from ..records.config import EffectiveConfig, RunConfig
from ..records.host import HostFacts
from ..records.model import ModelFile
from ..records.scenario import Scenario
from ..records.verdict import Verdict
from .observation import Observation
from .setup import feeds_of
from .verdict import judge

WARMUP_MAX_S = 3.0
WARMUP_SHARE = 0.1
START_LIMIT_S = 600.0
"""Compilation and clips of a large scenario on a slow machine; beyond that something hangs."""
SILENCE_LIMIT_S = 20.0
"""A running child reports four times a second."""
STOP_LIMIT_S = 15.0
_ROOT = str(Path(__file__).resolve().parents[2])
# -P keeps a folder named like a package of ours, in the user's directory, out of the path.
_BOOT = "import sys; sys.path.append(sys.argv.pop(1)); from advisor.verify.child import main; main(sys.argv[1:])"


def run_verify(
    scenario: Scenario,
    models: Mapping[str, ModelFile],
    configs: Mapping[str, RunConfig],
    decode_threads: int,
    *,
    duration_s: float,
    facts: HostFacts,
    work_dir: Path,
    seed: int = 0,
    predicted: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    strict: bool = False,
    cameras: Mapping[str, int] | None = None,
    stop: threading.Event | None = None,
) -> Verdict:
    """See :func:`advisor.verify.verify`."""
    missing = [stage.id for stage in scenario.stages if stage.id not in models or stage.id not in configs]
    if missing:
        raise InputError(f"verify {scenario.scenario}: no model or configuration for stage {', '.join(missing)}")
    warnings = tuple(dict.fromkeys((*facts.warnings, *preflight(facts))))
    if strict and warnings:
        raise InputError(f"verify --strict refuses: {'; '.join(warnings)}; mend it, or run without --strict")
    seen = observe(
        scenario, models, configs, decode_threads, duration_s=duration_s, work_dir=work_dir, seed=seed,
        progress=progress or NullProgress(), cameras=cameras, stop=stop or threading.Event(),
    )  # fmt: skip
    return judge(scenario, seen, configs, facts, predicted, warnings)


def observe(
    scenario: Scenario,
    models: Mapping[str, ModelFile],
    configs: Mapping[str, RunConfig],
    decode_threads: int,
    *,
    duration_s: float,
    work_dir: Path,
    seed: int,
    progress: Progress,
    cameras: Mapping[str, int] | None,
    stop: threading.Event,
) -> Observation:
    """Run the cascade in a child process and collect what it tells, also when it dies or is stopped."""
    warmup_s = min(WARMUP_MAX_S, WARMUP_SHARE * duration_s)
    seen = Observation(feeds_of(scenario, cameras), warmup_s, duration_s, decode_threads)
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {work_dir}: {error.strerror}; choose a folder with write permission") from error
    job = {
        "scenario": scenario.model_dump(mode="json"),
        "models": {name: model.model_dump(mode="json") for name, model in models.items()},
        "configs": {name: config.model_dump(mode="json") for name, config in configs.items()},
        "decode_threads": decode_threads,
        "warmup_s": warmup_s,
        "duration_s": duration_s,
        "seed": seed,
        "cameras": None if cameras is None else dict(cameras),
        "clips": str(work_dir / "clips"),
    }
    progress.start(int(warmup_s + duration_s), warmup_s + duration_s)
    with Child(job, work_dir) as child:
        child.listen(seen, progress, stop)
    progress.finish(f"{seen.seen_s:.0f} s measured")
    return seen


class Child:
    """The process of one run."""

    def __init__(self, job: Mapping[str, Any], work_dir: Path) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=work_dir, delete=False, encoding="utf-8") as file:
            json.dump(job, file)
        self._file = Path(file.name)

    def __enter__(self) -> Child:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, _ROOT, str(self._file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then asks for an orderly end
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:  # not yet waited for, so the number still means this group
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._stderr.close()
        self._file.unlink(missing_ok=True)

    def listen(self, seen: Observation, progress: Progress, stop: threading.Event) -> None:
        """Collect messages until the child told its end or is gone; an interrupt or ``stop`` asks it to end early."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        pending = b""
        heard_s = time.monotonic()
        asked_s: float | None = None
        while True:
            try:
                if stop.is_set() and asked_s is None:
                    asked_s = self._ask_to_stop(seen)
                ready = poll.poll(100)
            except KeyboardInterrupt:
                stop.set()
                continue
            now_s = time.monotonic()
            if not ready:
                if asked_s is not None and now_s - asked_s > STOP_LIMIT_S:
                    return
                if now_s - heard_s > (SILENCE_LIMIT_S if seen.started else START_LIMIT_S):
                    seen.failure = f"hung: nothing heard for {now_s - heard_s:.0f} s"
                    return
                continue
            heard_s = now_s
            chunk = os.read(descriptor, 1 << 20)
            if not chunk:
                self._ended(seen)
                return
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self._message(json.loads(line), seen, progress)
            if seen.ended_s is not None:
                return  # the end of its pipe may never come: a process that a library left behind can hold it

    def _ask_to_stop(self, seen: Observation) -> float:
        seen.stopped = True
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended by itself meanwhile: the next read tells
            self.process.stdin.write(b"stop\n")
            self.process.stdin.flush()
        return time.monotonic()

    def _message(self, message: dict[str, Any], seen: Observation, progress: Progress) -> None:
        match message["k"]:
            case "state":
                progress.message(message["text"])
            case "ready":
                seen.effective = {
                    name: EffectiveConfig.model_validate(item) for name, item in message["effective"].items()
                }
                seen.objects, seen.slots = message["objects"], message["slots"]
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
        """Give a reason for an end without a last word."""
        code = self.process.wait()
        if seen.ended_s is not None:
            return
        if code < 0:
            hint = " (killed, perhaps for lack of memory)" if -code == signal.SIGKILL else ""
            seen.failure = f"the cascade's process died of {signal.Signals(-code).name}{hint}"
            return
        if seen.stopped and code == 0:
            return
        self._stderr.seek(0)
        words = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
        last = f": {words[-1][-300:]}" if words else ""
        seen.failure = f"the cascade's process ended early with exit code {code}{last}"


def _live_figures(seen: Observation, progress: Progress) -> None:
    """One line about the last counters."""
    if not seen.samples:
        return
    now_s = seen.samples[-1]["t"]
    total_s = seen.warmup_s + seen.duration_s
    in_flight, done, dropped, _ = seen.counts
    text = f"{done} frames done, {dropped} dropped, {in_flight} in flight"
    progress.advance(min(int(now_s), int(total_s)), text, max(total_s - now_s, 0.0))
