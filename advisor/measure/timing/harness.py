"""Time a compiled model: one request at a time, n in flight, or paced like cameras; in blocks, until it is steady."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from advisor.clock import Clock
from advisor.errors import ModelRangeError
from advisor.records.base import Count, PositiveCount, PositiveQuantity, Quantity, Record
from advisor.records.config import LoadMode
from advisor.records.measurement import Interference, Timing
from advisor.runtimes.protocol import CompiledModel, TightLoop

from .block import Block, Pass
from .disturbance import merge, with_slowdown
from .inputs import benchmark_inputs
from .statistics import build_timing, is_steady

RUN_PASSES = 8
"""Passes per lane that a closed loop runs without a break, as ``benchmark_app`` does; shorter passes fill a block."""
LONGEST_RUN_S = 1.0
"""Most that such a run takes [s]: disturbances are judged between runs."""
PACED_BLOCK = 5
"""Fewest requests of a paced block."""
COOLING_S = 2.0
"""Time of single passes (mode ``rested``) before those that count: a guest that has worked keeps its part of a shared
cache that long."""
PAUSE_S = 0.05
"""Idle time before each pass in mode ``rested``, as between frames. It is the idling that costs, not what ran
before: after 12 ms in turns with other models a pass took no longer than in a loop, after 80 ms half as long again."""


class MeasureSpec(Record):
    """How long to measure. A measurement ends when all minima are reached, or at the maximum."""

    min_duration_s: PositiveQuantity = 1.0
    min_samples: PositiveCount = 30
    min_blocks: PositiveCount = 8
    max_duration_s: PositiveQuantity = 10.0
    """Measured time after which it ends with what there is; at least one pass is always measured."""
    block_s: PositiveQuantity = 0.1
    """Length of one block; disturbances are judged per block."""
    warmup_max_s: Quantity = 1.5
    """Longest warm-up; one that did not settle by then is marked ``steady: false``."""
    max_dirty_blocks: Count = 8
    """Disturbed blocks that are thrown away and repeated before the measurement is marked dirty."""


QUICK = MeasureSpec(
    min_duration_s=0.4, min_samples=12, min_blocks=6, max_duration_s=3.0, block_s=0.06, warmup_max_s=0.4
)


class Meter(Protocol):
    """Sees what else runs on the machine between two calls."""

    def start(self) -> None:
        """Begin a block."""
        ...

    def stop(self) -> Interference:
        """End it; ``dirty`` and ``reasons`` are the meter's own judgement."""
        ...


class SpeedCheck(Protocol):
    """Sees what counters cannot: that the same work takes longer."""

    def slowdown(self) -> float:
        """Do a fixed amount of work; its time over the least ever seen."""
        ...


def _lanes(compiled: CompiledModel) -> int:
    """Passes that a runtime works on at once: its inference streams; devices that batch take all requests together."""
    effective = compiled.effective
    plain = effective.device.upper() == "CPU" and effective.streams is not None
    return min(compiled.requests, effective.streams or 1) if plain else compiled.requests


def measure(
    compiled: CompiledModel, mode: LoadMode, spec: MeasureSpec, clock: Clock, meter: Meter | None = None, seed: int = 0
) -> tuple[Timing, Interference]:
    """Measure one compiled model alone.

    Parameters
    ----------
    compiled : CompiledModel
        Ready to run; it is neither compiled nor closed here.
    mode : LoadMode
        ``sync``: one pass after the other. ``async``: as many in flight as the model has requests. ``paced``: open
        loop at ``rate_per_s``; latency counts from the scheduled time, so a late start is not forgiven. ``rested``: one
        pass per block, after a pause of :data:`PAUSE_S` that is excluded from the window.
    spec : MeasureSpec
        Minima, maxima, block length.
    clock : Clock
        Monotonic; the finish times of the runtime's callbacks must be on the same scale.
    meter : Meter, optional
        Judges each block; None: nothing is judged and nothing repeated.
    seed : int
        Of the input tensors.

    Returns
    -------
    tuple
        Timing (without read and compile time) and the interference of the whole measurement.

    Raises
    ------
    RuntimeRefusal
        A pass failed.
    ModelRangeError
        ``paced`` without a rate.
    """
    session = Session(compiled, mode, spec, clock, meter, seed)
    while not session.step():
        pass
    return session.timing(), session.interference()


class Session:
    """A measurement in the making; several may take turns, block by block."""

    def __init__(
        self,
        compiled: CompiledModel,
        mode: LoadMode,
        spec: MeasureSpec,
        clock: Clock,
        meter: Meter | None = None,
        seed: int = 0,
        check: SpeedCheck | None = None,
    ) -> None:
        if mode.kind == "paced" and mode.rate_per_s is None:
            raise ModelRangeError("a paced measurement needs rate_per_s")
        self._compiled, self._mode, self._spec, self._clock, self._meter = compiled, mode, spec, clock, meter
        # Between paced blocks there is no time for it: it would delay the next request of the schedule.
        self._check = None if mode.kind == "paced" else check
        rng = np.random.default_rng(seed)
        self._inputs = [benchmark_inputs(compiled.inputs, rng) for _ in range(compiled.requests)]
        self._tight = compiled if isinstance(compiled, TightLoop) and mode.kind in ("sync", "async") else None
        """Runs whole blocks by itself; a schedule has to be kept from here."""
        self._slots = threading.Semaphore(compiled.requests)
        self._failure: BaseException | None = None
        self._warmup: list[Block] = []
        self._blocks: list[Block] = []
        self._settled = spec.warmup_max_s == 0
        self._warm = self._settled and not self.after_pauses
        self._began_s: float | None = None
        self._thrown_away = 0
        self._origin_s: float | None = None
        self._paced_index = 0
        self._run_s = spec.block_s
        """How long the next closed loop runs."""
        started_s = clock.now_s()
        compiled.infer(self._inputs[0])
        self.first_inference_s = clock.now_s() - started_s

    @property
    def alone(self) -> bool:
        """Whether this measurement may not take turns: a schedule must not be interrupted."""
        return self._mode.kind == "paced"

    @property
    def after_pauses(self) -> bool:
        """Whether each pass comes after an idle pause."""
        return self._mode.kind == "rested"

    def step(self) -> bool:
        """Run one block, or a run of several; True when the measurement is complete."""
        block = self._run_block()
        if self._failure is not None:
            raise self._failure
        if not self._warm and self.after_pauses:
            self._began_s = block.begin_s if self._began_s is None else self._began_s
            self._warm = block.begin_s >= self._began_s + COOLING_S
            return False
        if not self._warm:
            self._warmup.append(block)
            self._settled = is_steady(_medians(self._warmup))
            self._warm = self._settled or sum(b.window_s for b in self._warmup) >= self._spec.warmup_max_s
            self._plan_run(block)
            return False
        in_run = self._run_s > self._spec.block_s
        blocks = (block.without_ramp(self._spec.block_s) if in_run else []) or [block]
        self._plan_run(block)
        if block.interference.dirty and self._thrown_away < self._spec.max_dirty_blocks:
            self._thrown_away += len(blocks)
            return False
        self._blocks += blocks
        if not self._complete():
            return False
        self._compiled.wait_all()
        return True

    def raw(self) -> dict[str, Any]:
        """Arguments of :func:`~advisor.measure.timing.statistics.build_timing` for the finished measurement.

        Plain JSON: a worker sends them to its parent, whose statistics then cost no worker's time.
        """
        latencies_s = [value for block in self._blocks for value in block.latencies_s()]
        return {
            "latencies_s": latencies_s,
            "duration_s": sum(block.window_s for block in self._blocks),
            "batch": self._compiled.effective.batch or 1,
            "block_p50_s": _medians(self._blocks),
            "block_disturbed": [block.interference.dirty for block in self._blocks if block.latencies_s()],
            "passes": sum(block.passes_in_window() for block in self._blocks),
            "steady": self._settled,
            "first_inference_s": self.first_inference_s,
            "cpu_s_per_pass": sum(block.cpu_s for block in self._blocks) / len(latencies_s) if latencies_s else None,
        }

    def passes_s(self) -> list[tuple[float, float]]:
        """When each measured pass was requested and finished, in order of request [s], from the first request on."""
        passes = sorted(
            (start, finish)
            for block in self._blocks
            for start, finish in zip(block.starts_s, block.finishes_s, strict=True)
            if finish is not None
        )
        return [(start - passes[0][0], finish - passes[0][0]) for start, finish in passes]

    def timing(self) -> Timing:
        """Figures of the finished measurement."""
        return build_timing(**self.raw())

    def interference(self) -> Interference:
        """Disturbance over all kept blocks; dirty when one of them stayed dirty."""
        return merge([block.interference for block in self._blocks], self._thrown_away)

    def _plan_run(self, block: Block) -> None:
        """Let the next closed loop run long enough for several passes per lane."""
        if self._tight is not None:
            self._run_s = max(self._spec.block_s, min(RUN_PASSES * block.pass_s(), LONGEST_RUN_S))

    def _complete(self) -> bool:
        duration_s = sum(block.window_s for block in self._blocks)
        samples = sum(len(block.starts_s) for block in self._blocks)
        if duration_s >= self._spec.max_duration_s:
            return True
        return (
            duration_s >= self._spec.min_duration_s
            and samples >= self._spec.min_samples
            and len(self._blocks) >= self._spec.min_blocks
        )

    def _run_block(self) -> Block:
        block = Block(1 if self._mode.kind == "sync" else _lanes(self._compiled))
        # Before a pass after a pause it would warm up what should be cold.
        before = 1.0 if self._check is None or self.after_pauses else self._check.slowdown()
        collecting = gc.isenabled()
        gc.disable()
        if self._meter is not None:
            self._meter.start()
        cpu_s = time.process_time()
        try:
            block.begin_s = self._clock.now_s()
            if self._tight is not None:
                self._closed_loop(block, self._tight)
            else:
                ways = {"sync": self._sync, "async": self._async, "paced": self._paced, "rested": self._rested}
                ways[self._mode.kind](block)
            block.cpu_s = time.process_time() - cpu_s
        finally:
            if collecting:
                gc.enable()
        if self._meter is not None:
            block.interference = self._meter.stop()
        if self._check is not None:
            block.interference = with_slowdown(block.interference, max(before, self._check.slowdown()))
        return block

    def _closed_loop(self, block: Block, model: TightLoop) -> None:
        sync = self._mode.kind == "sync"
        passes = model.loop(self._inputs[:1] if sync else self._inputs, block.begin_s + self._run_s, sync=sync)
        block.starts_s, block.finishes_s = passes.starts_s, [*passes.finishes_s]
        block.window_s = passes.ended_s - block.begin_s

    def _sync(self, block: Block) -> None:
        now, infer, inputs = self._clock.now_s, self._compiled.infer, self._inputs[0]
        end_s = block.begin_s + self._spec.block_s
        finish_s = block.begin_s
        while finish_s < end_s:
            start_s = now()
            infer(inputs)
            finish_s = now()
            block.starts_s.append(start_s)
            block.finishes_s.append(finish_s)
        block.window_s = finish_s - block.begin_s

    def _async(self, block: Block) -> None:
        end_s = block.begin_s + self._spec.block_s
        while True:
            self._slots.acquire()
            start_s = self._clock.now_s()
            if start_s >= end_s and block.starts_s:
                self._slots.release()
                break
            self._start(block, start_s)
        block.window_s = start_s - block.begin_s
        self._compiled.wait_all()

    def _paced(self, block: Block) -> None:
        assert self._mode.rate_per_s is not None
        period_s = 1.0 / self._mode.rate_per_s
        if self._origin_s is None:
            self._origin_s = block.begin_s + self._mode.phase_s
        count = max(PACED_BLOCK, round(self._spec.block_s / period_s))
        for _ in range(count):
            scheduled_s = self._origin_s + self._paced_index * period_s
            self._paced_index += 1
            self._clock.sleep(scheduled_s - self._clock.now_s())
            self._slots.acquire()
            self._start(block, scheduled_s)
        # The gap after the last one belongs to the block: a camera is silent then, too.
        self._clock.sleep(self._origin_s + self._paced_index * period_s - self._clock.now_s())
        block.window_s = self._clock.now_s() - block.begin_s

    def _rested(self, block: Block) -> None:
        self._clock.sleep(PAUSE_S)
        self._slots.acquire()
        block.begin_s = self._clock.now_s()
        self._start(block, block.begin_s)
        self._compiled.wait_all()
        block.window_s = max(block.latencies_s(), default=0.0)

    def _start(self, block: Block, start_s: float) -> None:
        index = len(block.starts_s)
        block.starts_s.append(start_s)
        block.finishes_s.append(None)
        self._compiled.start(self._inputs[index % len(self._inputs)], Pass(block, index), self._done)

    def _done(self, token: object, _outputs: object, finish_s: float, error: BaseException | None) -> None:
        assert isinstance(token, Pass)
        token.block.finishes_s[token.index] = finish_s
        if error is not None:
            self._failure = error
        self._slots.release()


def measure_in_turns(
    sessions: Mapping[str, Session],
    on_turn: Callable[[str], None],
    on_end: Callable[[str, BaseException | None], None],
) -> None:
    """Run blocks of several measurements in turns, so that a slow drift of the machine meets all of them alike.

    Those with pauses take their turns before the others: between loops of other models a pass would not find the caches
    as cold as in a cascade, where the machine idles for most of the time.

    Parameters
    ----------
    sessions : mapping of str to Session
        Those that must be alone run first, one after the other.
    on_turn : callable
        Called with the session's name before each of its blocks.
    on_end : callable
        Called once per session when it is complete (error None) or failed.
    """

    def ended(name: str) -> bool:
        on_turn(name)
        try:
            if not sessions[name].step():
                return False
        except Exception as error:  # a failed pass is this measurement's result, not the others'
            on_end(name, error)
        else:
            on_end(name, None)
        return True

    for name, session in sessions.items():
        while session.alone and not ended(name):
            pass
    for after_pauses in (True, False):
        left = [
            name for name, session in sessions.items() if not session.alone and session.after_pauses is after_pauses
        ]
        while left:
            left = [name for name in left if not ended(name)]


def _medians(blocks: Sequence[Block]) -> list[float]:
    medians = []
    for block in blocks:
        latencies = block.latencies_s()
        if latencies:
            medians.append(float(np.median(latencies)))
    return medians
