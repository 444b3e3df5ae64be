"""What a pass takes longer after a pause, as between frames, than right after another pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from advisor.measure.timing.inputs import benchmark_inputs
from advisor.measure.timing.micro_record import figure
from advisor.records.base import Z90, RuntimeName
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime
from advisor.zoo import build

PAUSE_S = 0.03
"""Caches are cold after 5 to 10 ms; a camera's period is 33 ms and more."""
PAUSES_PER_DURATION = 3.0
"""A pause takes longer than a pass: so much longer than the others this benchmark may take."""
PAUSES_IN_TURN = 4
"""Pauses between two loops, and passes of a loop that count."""
REGAINED_S = 0.1
"""Loop after which what a pause cost is regained (docs/methods/cold-pass.md)."""
COLD_PASSES_AT_LEAST = 20
COLD_MODEL = "mobilenet-v2"
"""A real network: its layers all differ, so that code goes cold as well; equal layers showed a third of the cost."""


class SinglePasses:
    """Passes of :data:`COLD_MODEL` one by one, started as a cascade does: from a thread that then sleeps."""

    def __init__(self, runtime: RuntimeName, threads: int, folder: Path) -> None:
        self._runtime = get_runtime(runtime)
        config = RunConfig(runtime=runtime, streams=1, threads=threads, requests=1, pinning=False)
        self._compiled = self._runtime.compile(Path(build(COLD_MODEL, folder).path), config)
        self._inputs = benchmark_inputs(self._compiled.inputs, np.random.default_rng(0))
        self._ended = threading.Event()

    @property
    def version(self) -> str:
        """Version of the runtime."""
        return self._runtime.version()

    def take_s(self, clock_s: Callable[[], float] = time.perf_counter) -> float:
        """Time that one pass takes by a clock [s]."""
        start_s = clock_s()
        self._compiled.start(self._inputs, 0, lambda *_: self._ended.set())
        self._ended.wait()
        self._ended.clear()
        return clock_s() - start_s

    def loop(self, duration_s: float) -> None:
        """Let one pass follow another for so long [s]."""
        end_s = time.perf_counter() + duration_s
        while time.perf_counter() < end_s:
            self.take_s()

    def close(self) -> None:
        """Let the model go."""
        self._compiled.close()


def cold(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    r"""Time that a pass takes longer after a pause than right after another one.

    .. math:: c = \mathrm{mean}(T_\mathrm{after\ a\ pause}) - \mathrm{mean}(T_\mathrm{at\ once})

    over the middle eight tenths of either. A few pauses and a loop alternate, so that both see the same clock and the
    same neighbours; a loop regains what a pause cost only over some 0.1 s, so its first :data:`REGAINED_S` do not
    count. Passes are started as a cascade does, from a thread that then sleeps. ``sigma`` is the spread of single
    passes after a pause, as the standard deviation of the logarithm.
    """
    from scipy.stats import trim_mean  # here, as no other family of the same worker needs it

    paused: list[float] = []
    tight: list[float] = []
    with closing(SinglePasses(payload["runtime"], payload["threads"], folder)) as passes:
        for _ in range(5):
            passes.take_s()
        now = time.perf_counter
        end_s = now() + PAUSES_PER_DURATION * payload["duration_s"]
        while len(paused) < COLD_PASSES_AT_LEAST or now() < end_s:
            for _ in range(PAUSES_IN_TURN):
                time.sleep(PAUSE_S)
                paused.append(passes.take_s())
            passes.loop(REGAINED_S)
            tight += [passes.take_s() for _ in range(PAUSES_IN_TURN)]
    usual_s = float(trim_mean(tight, 0.1))
    low, high = np.quantile(paused, [0.1, 0.9])
    return figure(
        payload["name"],
        [max(0.0, t - usual_s) for t in paused],
        "s",
        value=max(0.0, float(trim_mean(paused, 0.1)) - usual_s),
        sigma=f"{np.log(high / low) / (2 * Z90):.3g}",
        version=passes.version,
        threads=payload["threads"],
        pause_s=PAUSE_S,
        regained_s=REGAINED_S,
        tight_s=f"{usual_s:.4g}",
    )
