"""The process in which the cascade runs; it only reports what happened, row by row, and judges nothing.

Started through :mod:`advisor.child_process`: rows go to what was stdout, as JSON lines; ``stop`` or the end of
stdin ends the run early. A crash of a runtime therefore costs this process, not what it has already reported.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from advisor.child_process.child import Messages
from advisor.clock import RealClock
from advisor.errors import SizerError
from advisor.graph.inputs import DeclaredInput, main_input
from advisor.host.placement import apply, read_back
from advisor.measure.items.tasks import model_path
from advisor.records.config import RunConfig
from advisor.records.host_settings import HostSettings
from advisor.records.model import ModelFile, image_size
from advisor.records.scenario import Scenario, Stage
from advisor.runtimes import get_runtime
from advisor.runtimes.devices import collected_requests
from advisor.runtimes.protocol import InputKind, TensorSpec, options_for

from .application import Application
from .decode import DecodePool, SourceError
from .frames import Ledger, Log
from .hardware import find_device
from .objects import Scene
from .pacing import Pacer
from .pipeline import Pipeline
from .resources import Sampler
from .setup import Feed, feeds_of
from .sources import FileSource, LiveSource, RawSource, clip_for
from .stages import Granted, RunServices, StageRunner, spare_passes
from .threads import exclusive, spent_s, working_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from advisor.runtimes.protocol import CompiledModel

REPORT_S = 0.25
DRAIN_MAX_S = 10.0
CONNECT_MAX_S = 10.0
"""Live cameras may take so long to connect before the run begins without those that have not."""
WARMUP_PASSES = 2
SWITCH_S = 5e-4
"""Longest time that one of our threads keeps others from the interpreter; Python's own 5 ms is a whole small pass."""


class Run:
    """One run from compilation to the last row."""

    def __init__(self, job: dict[str, Any], messages: Messages) -> None:
        self._job, self._messages = job, messages
        apply(HostSettings.model_validate(job["host"]))  # before a runtime counts the cores that it may use
        self.scenario = Scenario.model_validate(job["scenario"])
        self.models = {name: ModelFile.model_validate(item) for name, item in job["models"].items()}
        self.configs = {name: RunConfig.model_validate(item) for name, item in job["configs"].items()}
        self.seed = int(job["seed"])
        self.feeds = feeds_of(self.scenario, job["cameras"], job["phases"], self.seed)
        self.clock = RealClock()
        self._origin_s = self.clock.now_s()
        self.log = Log(tuple(job["traced_s"]))
        self.ledger = Ledger(self.log, self.now_s)
        self.stop = threading.Event()
        self.failure: str | None = None
        total_s = float(job["warmup_s"]) + float(job["duration_s"])
        scene = Scene(self.scenario.activity, self.scenario.slo.load, len(self.feeds), total_s, self.seed)
        frame_s, object_s = job["application_s"]
        self.pipeline = Pipeline(
            self.scenario, self.feeds, self.models, scene, self.ledger, self.log, self.now_s, object_s
        )
        self.application = Application(frame_s, int(job["application_threads"]), self.pipeline.route, self.fail)
        self.pipeline.application = self.application
        self._live: list[LiveSource] = []
        self._sequence = {feed.index: 0 for feed in self.feeds}
        self._threads: list[threading.Thread] = [threading.main_thread()]
        self._before_start: dict[int, str] | None = {}
        """Last status of a camera before the run began; None once it has."""
        self._status_lock = threading.Lock()
        self._own: dict[str, frozenset[int]] = {}
        """Inference threads that work for one stage only."""

    def now_s(self) -> float:
        """Seconds since the scheduled start."""
        return self.clock.now_s() - self._origin_s

    def send(self, **message: Any) -> None:
        """Report one thing to the parent."""
        self._messages.send(message)

    def fail(self, reason: str) -> None:
        """End the run because a part of it broke."""
        self.failure = self.failure or reason
        self.stop.set()

    def go(self) -> None:
        """Compile, connect, run, drain, report."""
        self._compile()
        sources = self._sources()
        self.pipeline.pool = DecodePool(
            sources,
            int(self._job["decode_threads"]),
            self.ledger,
            self.log,
            self.pipeline.decoded,
            self.now_s,
            self._status,
        )
        pool = self.pipeline.pool
        for runner in self.pipeline.stages.values():
            self._threads += runner.threads
            runner.start()
        self._threads += self.application.threads
        self.application.start()
        self.pipeline.pool.start()
        sampler = Sampler(
            self.now_s,
            lambda row: self.log.add("s", row),
            lambda: (*self._threads, *pool.threads),
            self._counters,
            os.getppid(),
        )
        reporter = threading.Thread(target=self._report, name="reporter", daemon=True)
        self._threads += [sampler.thread, reporter]
        self._connect()
        self._origin_s = self.clock.now_s() + 0.05
        with self._status_lock:
            for index, text in (self._before_start or {}).items():
                self.log.add("c", index, 0.0, text)
            self._before_start = None
        self.send(k="start", origin_unix=time.time())
        self.log.add("s", sampler.row())
        sampler.thread.start()
        reporter.start()
        for source in self._live:
            source.count_from_now()
        paced = [feed for feed in self.feeds if not feed.live]
        end_s = float(self._job["warmup_s"]) + float(self._job["duration_s"])
        Pacer(paced, self.clock, self.pipeline.release, self.seed).run(self._origin_s, end_s, self.stop)
        while not self.stop.is_set() and (left_s := end_s - self.now_s()) > 0:  # live cameras, and very slow ones
            self.stop.wait(min(left_s, 0.1))
        ended_s = min(self.now_s(), end_s)
        for source in self._live:
            source.stop()
        for source in self._live:
            source.close()
        self._drain()
        pool.lose_stalled()
        sampler.stop()
        self.send(k="rows", rows=self.log.take())
        self.send(k="end", failure=self.failure, ended_s=ended_s, in_flight=self.ledger.in_flight)

    def _connect(self) -> None:
        """Let live cameras connect before the time of the run begins: what that takes is no part of what is judged."""
        for source in self._live:
            self._threads.append(source.thread)
            source.thread.start()
        limit_s = self.clock.now_s() + CONNECT_MAX_S
        while not self.stop.is_set() and self.clock.now_s() < limit_s:
            if all(source.connected.is_set() for source in self._live):
                return
            self.send(k="state", text="waiting for live cameras")
            self.stop.wait(0.25)

    def _compile(self) -> None:
        effective = {}
        for stage in self.scenario.stages:
            model, config = self.models[stage.id], self.configs[stage.id]
            self.send(k="state", text=f"compiling {stage.id}: {model.name}")
            compiled, picture = _compiled(stage, model, config)
            effective[stage.id] = compiled.effective.model_dump(mode="json")
            inputs = warmup_inputs(compiled, self.seed)
            for _ in range(WARMUP_PASSES):
                compiled.infer(inputs)
            size, channels = (0, 0), 0
            if picture:
                _, height, width, channels = compiled.inputs[picture_of(compiled)].shape
                size = (width, height)
            streams = compiled.effective.streams or config.streams or 1
            passes = config.requests or compiled.effective.optimal_requests or streams
            shapes = [item.shape for item in compiled.outputs]
            self.pipeline.recognise(stage, shapes, config.batch, self._job["objects"])
            self.pipeline.stages[stage.id] = StageRunner(
                stage, compiled, Granted(config.batch, streams, passes),
                self.pipeline.fill(size, channels) if picture else None,
                self.pipeline.answer(stage, size, config.batch),
                RunServices(self.ledger, self.log, self.now_s, self.fail), inputs,
                picture_of(compiled) if picture else None,
            )  # fmt: skip
        working = {
            name: working_threads(runner.try_out, self._our_ids()) for name, runner in self.pipeline.stages.items()
        }
        self._own = exclusive(working)
        self.send(
            k="ready", effective=effective, host=read_back().model_dump(mode="json"), objects=self.pipeline.objects,
            slots={name: runner.passes for name, runner in self.pipeline.stages.items()}, pid=os.getpid(),
            measured=[name for name, threads in working.items() if threads and threads == self._own[name]],
        )  # fmt: skip

    def _our_ids(self) -> set[int]:
        return {thread.native_id for thread in self._threads if thread.native_id is not None}

    def _sources(self) -> dict[int, Any]:
        """Open every camera; one that cannot be opened is reported and left out."""
        opened: dict[int, Any] = {}
        clips = Path(self._job["clips"])
        device = self._device(clips) if self._job["decode_device"] == "hardware" else None
        working: list[Feed] = []
        for feed in self.feeds:
            if not feed.is_camera:
                working.append(feed)
                continue
            try:
                if feed.live:
                    live = LiveSource(feed, self.clock, self._arrived, self._status, device)
                    self._live.append(live)
                    opened[feed.index] = live
                elif feed.source is not None:
                    opened[feed.index] = self._file(feed, feed.source, device)
                elif feed.codec == "raw":
                    self.pipeline.raw[feed.index] = RawSource(feed.size, self.seed + feed.index)
                else:
                    self.send(k="state", text=f"preparing the clip of {feed.name}")
                    opened[feed.index] = self._file(feed, str(clip_for(feed, clips, self.seed)), device)
                working.append(feed)
            except SourceError as error:
                self._status(feed.index, f"failed: {error}")
        self.feeds = tuple(working)
        return opened

    def _file(self, feed: Feed, path: str, device: str | None) -> FileSource:
        file = FileSource(path, device)
        file.play(feed.ahead_frames)
        return file

    def _device(self, clips: Path) -> str | None:
        """Find the device that decodes every camera; a live one is stood for by a clip of its codec and size."""
        coded = [feed for feed in self.feeds if feed.is_camera and feed.codec != "raw"]
        files = (feed.source or "" for feed in coded if feed.source is not None and not feed.live)
        made = (str(clip_for(feed, clips, self.seed)) for feed in coded if feed.source is None or feed.live)
        paths = dict.fromkeys((*files, *made))
        if not paths:
            return None
        device = find_device(tuple(paths))
        self.send(k="decode", device=device)
        return device

    def _arrived(self, feed: Feed, packet: Any) -> None:
        now_s = self.now_s()
        self.pipeline.release(feed, self._sequence[feed.index], now_s, 0.0, packet)
        self._sequence[feed.index] += 1

    def _status(self, index: int, text: str) -> None:
        with self._status_lock:
            if self._before_start is not None:
                self._before_start[index] = text
            else:
                self.log.add("c", index, self.now_s(), text)

    def _counters(self) -> dict[str, Any]:
        pool, stages = self.pipeline.pool, self.pipeline.stages
        assert pool is not None
        for source in self._live:
            source.look()
        return {
            "decode_s": sum(pool.decoding_cpu_s),
            "application_s": sum(self.application.burnt_cpu_s),
            "prepare_s": {name: sum(runner.preparing_cpu_s) for name, runner in stages.items()},
            "stage_s": {name: spent_s(threads) for name, threads in self._own.items()},
            "in_flight": self.ledger.in_flight,
            "queues": {
                "decode": pool.depth(),
                "application": self.application.depth(),
                **{name: runner.depth() for name, runner in stages.items()},
            },
        }

    def _report(self) -> None:
        while not self.stop.wait(REPORT_S):
            self.send(k="rows", rows=self.log.take())

    def _drain(self) -> None:
        """Let frames in flight come home, but not for ever."""
        limit_s = self.now_s() + min(DRAIN_MAX_S, max(1.0, 3 * self.scenario.slo.latency_p95_ms / 1e3))
        while self.ledger.in_flight and self.now_s() < limit_s and self.failure is None:
            if self.pipeline.pool is not None:
                self.pipeline.pool.lose_held()
            time.sleep(0.02)
        self.stop.set()


def _compiled(stage: Stage, model: ModelFile, config: RunConfig) -> tuple[CompiledModel, bool]:
    """Compile the model of a stage, and whether it takes pictures: then as bytes, converted inside the graph."""
    picture = len(model.input_shape) == 4
    input_kind: InputKind = "native"
    if picture:
        input_kind = "u8_nhwc" if stage.pixels == "0-1" else "u8_nhwc_255"
    most = config.requests or config.streams or config.threads or os.cpu_count() or 1
    # Of one request more than a batch holds, the device BATCH would make a second collector, with a clock of its own.
    spare = 0 if collected_requests(config.device) else spare_passes(most)
    compiled = get_runtime(config.runtime).compile(
        model_path(model, config),
        config.model_copy(update={"requests": most + spare}),
        options_for(model, input_kind=input_kind, want_outputs=True),
    )
    return compiled, picture


def picture_of(compiled: CompiledModel) -> int:
    """Index of the input that takes frames."""
    return main_input([DeclaredInput(spec.name, spec.shape) for spec in compiled.inputs])


def warmup_inputs(compiled: CompiledModel, seed: int) -> list[NDArray[np.generic]]:
    """Inputs as real ones of a model, seeded: small token numbers for integers, ones for masks, noise for the rest.

    Beside a picture: its height and width where a name speaks of a size or shape, ones for factors.
    """
    rng = np.random.default_rng([seed, 5])
    inputs: list[NDArray[np.generic]] = []
    main = picture_of(compiled)
    size = image_size(compiled.inputs[main].shape)
    for index, spec in enumerate(compiled.inputs):
        kind = np.dtype(spec.dtype)
        if size is not None and index != main and (beside := _beside(spec, size)) is not None:
            inputs.append(beside)
        elif "mask" in spec.name:
            inputs.append(np.ones(spec.shape, kind))
        elif "type" in spec.name:
            inputs.append(np.zeros(spec.shape, kind))
        elif kind.kind in "iu":
            inputs.append(rng.integers(1, 256 if kind.itemsize == 1 else 1000, spec.shape).astype(kind))
        else:
            inputs.append(rng.standard_normal(spec.shape).astype(kind))
    return inputs


def _beside(spec: TensorSpec, size: tuple[int, int]) -> NDArray[np.generic] | None:
    """What a detector wants to know of its picture besides the picture; None where its name does not say."""
    name, kind = spec.name.lower(), np.dtype(spec.dtype)
    if any(word in name for word in ("scale", "factor", "ratio", "mask")):
        return np.ones(spec.shape, kind)
    if any(word in name for word in ("size", "shape", "info")):
        found = np.ones(spec.shape, kind)
        width, height = size
        if spec.shape and spec.shape[-1] >= 2:
            # RT-DETR's export names its picture's size "orig_target_sizes" and has the width first.
            found[..., 0], found[..., 1] = (width, height) if "target" in name else (height, width)
        return found
    return None


class StopListener:
    """Ends the run at the parent's stop message, and the process if the parent is gone before there is a run."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self._stop_requested = threading.Event()
        self._run: Run | None = None
        threading.Thread(target=self._listen, daemon=True, name="stop-listener").start()

    def attach(self, run: Run) -> None:
        """Stop this run at the parent's message, also if that came before."""
        self._run = run
        if self._stop_requested.is_set():
            run.stop.set()

    def _listen(self) -> None:
        for line in self._lines:
            if line.strip() == "stop":
                self._end()
        if self._run is None:  # a library that hangs during import cannot be stopped gracefully
            os._exit(1)
        self._end()

    def _end(self) -> None:
        self._stop_requested.set()
        if self._run is not None:
            self._run.stop.set()


def main(arguments: Sequence[str]) -> None:
    """Run the job in the first line of stdin; never leaves normally (see the last line)."""
    del arguments
    messages = Messages()
    sys.setswitchinterval(SWITCH_S)
    first = sys.stdin.readline()
    if not first:
        os._exit(1)
    job = json.loads(first)
    extra = os.environ.get("SIZER_BOX_DECODERS")
    code = 0
    listener = StopListener(sys.stdin)
    try:
        if extra:
            importlib.import_module(extra)
        run = Run(job, messages)
        listener.attach(run)
        run.go()
    except SizerError as error:
        code = 1
        with contextlib.suppress(BrokenPipeError):
            messages.send({"k": "refused", "type": type(error).__name__, "text": str(error)})
    # Runtimes and decoders are not torn down: that has crashed after good runs, and process exit frees everything.
    os._exit(code)
