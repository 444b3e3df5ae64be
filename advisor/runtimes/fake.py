"""A runtime without hardware: service times by formula, in real or fake time, that can refuse, crash and hang.

It ships with the product: the whole of measuring and verifying can be tried on it, faults included.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor.clock import Clock, FakeClock, RealClock
from advisor.errors import ModelError, RuntimeRefusal
from advisor.records.base import Precision
from advisor.records.config import EffectiveConfig, RunConfig
from advisor.records.host import DeviceFacts
from advisor.records.model import Kernel

from .protocol import NO_OPTIONS, Array, CompileOptions, Done, TensorSpec
from .served import Compiled, ServedModel

_DEFAULT_SHAPE = (1, 3, 64, 64)
_CLASSES = 10
_KERNELS = 4
_SPEEDUP: dict[str, float] = {"f32": 1.0, "bf16": 2.0, "int8": 3.0}


@dataclass(frozen=True)
class Behaviour:
    """How the fake acts; the defaults are a well-behaved runtime on two cores."""

    base_s: float = 1e-3
    """Time of one pass at batch 1 in f32 on one thread [s]."""
    parallel: float = 0.9
    """Share of a pass that threads divide (Amdahl's law)."""
    cores: int = 2
    """Threads and streams beyond this are not granted."""
    service_s: Callable[[RunConfig], float] | None = None
    """Replaces the formula: time of one pass of a configuration as granted [s]."""
    refuse: str | None = None
    """Operator that ``compile`` refuses."""
    fail_at: int | None = None
    """Pass number (from 0) that ends in an error."""
    crash_at: int | None = None
    """Pass number at which the whole process ends at once, as after SIGFPE."""
    hang_at: int | None = None
    """Pass number that never ends."""
    capabilities: frozenset[Precision] = field(default_factory=lambda: frozenset[Precision]({"f32", "int8"}))


def pass_time_s(behaviour: Behaviour, config: RunConfig) -> float:
    r"""Time of one pass [s]: :math:`b\,t_1\,((1-p) + p/n)/k_{precision}` with n threads of one stream, p parallel.

    Source: Amdahl (1967), https://doi.org/10.1145/1465482.1465560; gains by precision are inventions of the fake.
    """
    if behaviour.service_s is not None:
        return behaviour.service_s(config)
    per_stream = max(1, (config.threads or behaviour.cores) // (config.streams or 1))
    serial = 1.0 - behaviour.parallel
    return config.batch * behaviour.base_s * (serial + behaviour.parallel / per_stream) / _SPEEDUP[config.precision]


class FakeModel(ServedModel):
    """A compiled model of the fake; see :class:`advisor.runtimes.protocol.CompiledModel`.

    On a fake clock, passes run in the caller: ``start`` moves the clock by the pass divided by the streams and calls
    ``done`` before it returns. In real time each pass sleeps on a stream's thread.
    """

    def __init__(
        self,
        compiled: Compiled,
        behaviour: Behaviour,
        clock: Clock,
        inputs: tuple[TensorSpec, ...],
        granted: RunConfig,
    ) -> None:
        streams = compiled.effective.streams or 1
        super().__init__(compiled, [clock] * streams)
        self._divisor = 255.0 if compiled.options.input_kind == "u8_nhwc" else 1.0
        self.inputs = inputs
        self.outputs: tuple[TensorSpec, ...] = (TensorSpec("classes", (granted.batch, _CLASSES), "float32"),)
        self._behaviour = behaviour
        self._clock = clock
        self._config = granted
        self._time_s = pass_time_s(behaviour, granted)
        self._counting = threading.Lock()
        self._passes = 0
        if not isinstance(clock, FakeClock):
            self._begin_serving()

    def infer_queued(self, inputs: Sequence[Array]) -> list[Array]:
        return self.infer(inputs) if isinstance(self._clock, FakeClock) else super().infer_queued(inputs)

    def start(self, inputs: Sequence[Array], token: object, done: Done) -> None:
        if not isinstance(self._clock, FakeClock):
            super().start(inputs, token, done)
            return
        feed = self._feed(inputs)
        self._in_flight.begin()
        outputs: list[Array] | None = None
        failure: BaseException | None = None
        try:
            outputs = self._act(self._clock, feed, share=len(self._threads))
        except RuntimeRefusal as error:
            failure = error
        self._in_flight.deliver(done, token, outputs if self._want_outputs else None, self._clock.now_s(), failure)

    def profile(self, passes: int) -> tuple[Kernel, ...]:
        self._need_profiling()
        arrays = self._zeros()
        for _ in range(passes):
            self.infer(arrays)
        return tuple(kernel.model_copy(update={"time_s": self._time_s / _KERNELS}) for kernel in self.kernels())

    def kernels(self) -> tuple[Kernel, ...]:
        """Return equal shares of the pass as kernels without times."""
        size = float(self.inputs[0].shape[0] * 1000)
        return tuple(
            Kernel(
                name=f"kernel{index}",
                type="conv",
                original_type="Fake",
                flop=1e9 * self._config.batch / _KERNELS,
                input_bytes=size,
                output_bytes=size,
                weight_bytes=1000.0,
                precision={"int8": "i8"}.get(self._config.precision, self._config.precision),
                implementation="fake",
                input_shape=self.inputs[0].shape,
                output_shape=self.outputs[0].shape,
            )
            for index in range(_KERNELS)
        )

    def activation_bytes(self) -> float:
        """Largest sum of live activations [B]."""
        return float(self.inputs[0].shape[0] * 2000)

    def _zeros(self) -> list[Any]:
        import numpy as np

        return [np.zeros(spec.shape, spec.dtype) for spec in self.inputs]

    def _pass(self, lane: Clock, feed: Sequence[Array]) -> list[Array]:
        return self._act(lane, feed, share=1)

    def _act(self, clock: Clock, inputs: Sequence[Array], *, share: int) -> list[Array]:
        with self._counting:
            number = self._passes
            self._passes += 1
        if number == self._behaviour.crash_at:
            os.abort()
        if number == self._behaviour.hang_at:
            threading.Event().wait()
        clock.sleep(self._time_s / share)
        if number == self._behaviour.fail_at:
            raise RuntimeRefusal(f"inference failed: pass {number} fails as scripted")
        return self._outputs(inputs[0])

    def _outputs(self, data: Any) -> list[Array]:
        """Sum each sample's tensor in ten parts: the same picture gives the same answer in every input kind."""
        import numpy as np

        planes = data.transpose(0, 3, 1, 2) if data.dtype == np.uint8 else data
        flat = planes.reshape(planes.shape[0], -1).astype(np.float64) / self._divisor
        parts = np.array_split(flat, _CLASSES, axis=1)
        return [np.stack([part.mean(axis=1) for part in parts], axis=1).astype(np.float32)]


class FakeRuntime:
    """The runtime ``fake``: no file is read beyond its first bytes, no arithmetic of a network is done."""

    name = "fake"

    def __init__(self, behaviour: Behaviour | None = None, clock: Clock | None = None) -> None:
        self.behaviour = behaviour if behaviour is not None else Behaviour()
        self.clock = clock if clock is not None else RealClock()

    def version(self) -> str:
        return "1"

    def devices(self) -> tuple[str, ...]:
        return ("CPU",)

    def device_facts(self) -> tuple[DeviceFacts, ...]:
        return (DeviceFacts(id="CPU", kind="CPU"),)

    def capabilities(self) -> frozenset[Precision]:
        return self.behaviour.capabilities

    def compile(self, model: Path, config: RunConfig, options: CompileOptions = NO_OPTIONS) -> FakeModel:
        if not model.is_file():
            raise ModelError(f"model {model}: no such file; give a path that exists")
        if self.behaviour.refuse is not None:
            raise RuntimeRefusal(f"model {model}: operator {self.behaviour.refuse} is not supported by the fake")
        if config.precision not in self.behaviour.capabilities:
            raise RuntimeRefusal(f"precision {config.precision}: the fake cannot compute in it; permit another")
        granted = self._granted(config)
        shape = options.input_shape if options.input_shape is not None else _DEFAULT_SHAPE
        full = (shape[0] * config.batch, *shape[1:])
        spec = TensorSpec("x", full, "float32")
        if options.input_kind != "native":
            if len(full) != 4:
                raise ModelError(f"model {model}: frames need an input of four dimensions, not {full}")
            spec = TensorSpec("x", (full[0], full[2], full[3], full[1]), "uint8")
        effective = EffectiveConfig(
            device=config.device,
            execution_devices=("CPU",),
            precision=config.precision,
            streams=granted.streams,
            threads=granted.threads,
            optimal_requests=granted.streams,
            hint=None if config.hint == "none" else config.hint,
            batch=config.batch,
            runtime_version=self.version(),
        )
        compiled = Compiled(config, options, effective, read_s=0.0, compile_s=0.0)
        return FakeModel(compiled, self.behaviour, self.clock, (spec,), granted)

    def _granted(self, config: RunConfig) -> RunConfig:
        """Clamp threads and streams to the cores, silently as real runtimes do."""
        cores = self.behaviour.cores
        threads = min(config.threads or cores, cores)
        streams = min(config.streams or (cores if config.hint == "throughput" else 1), threads)
        return config.model_copy(update={"threads": threads, "streams": streams})
