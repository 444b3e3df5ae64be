"""What a pass takes longer after a pause, as between frames, than right after another pass."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from advisor.measure.timing.inputs import benchmark_inputs
from advisor.measure.timing.micro_record import figure
from advisor.records.base import Z90
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


def cold(payload: dict[str, Any], folder: Path) -> dict[str, Any]:
    r"""Time that a pass takes longer after a pause than right after another one.

    .. math:: c = \mathrm{mean}(T_\mathrm{after\ a\ pause}) - \mathrm{mean}(T_\mathrm{at\ once})

    over the middle eight tenths of either. A few pauses and a loop alternate, so that both see the same clock and the
    same neighbours; a loop regains what a pause cost only over some 0.1 s, so its first :data:`REGAINED_S` do not
    count. Passes are started as a cascade does, from a thread that then sleeps. ``sigma`` is the spread of single
    passes after a pause, as the standard deviation of the logarithm.
    """
    from scipy.stats import trim_mean  # here, as no other family of the same worker needs it

    path = Path(build(COLD_MODEL, folder).path)
    runtime = get_runtime(payload["runtime"])
    config = RunConfig(runtime=payload["runtime"], streams=1, threads=payload["threads"], requests=1, pinning=False)
    compiled = runtime.compile(path, config)
    paused: list[float] = []
    tight: list[float] = []
    try:
        inputs = benchmark_inputs(compiled.inputs, np.random.default_rng(0))
        ended = threading.Event()

        def one_pass_s() -> float:
            start_s = time.perf_counter()
            compiled.start(inputs, 0, lambda *_: ended.set())
            ended.wait()
            ended.clear()
            return time.perf_counter() - start_s

        for _ in range(5):
            one_pass_s()
        now = time.perf_counter
        end_s = now() + PAUSES_PER_DURATION * payload["duration_s"]
        while len(paused) < COLD_PASSES_AT_LEAST or now() < end_s:
            for _ in range(PAUSES_IN_TURN):
                time.sleep(PAUSE_S)
                paused.append(one_pass_s())
            begun_s = now()
            while now() - begun_s < REGAINED_S:
                one_pass_s()
            tight += [one_pass_s() for _ in range(PAUSES_IN_TURN)]
    finally:
        compiled.close()
    usual_s = float(trim_mean(tight, 0.1))
    low, high = np.quantile(paused, [0.1, 0.9])
    return figure(
        payload["name"],
        [max(0.0, t - usual_s) for t in paused],
        "s",
        value=max(0.0, float(trim_mean(paused, 0.1)) - usual_s),
        sigma=f"{np.log(high / low) / (2 * Z90):.3g}",
        version=runtime.version(),
        threads=payload["threads"],
        pause_s=PAUSE_S,
        regained_s=REGAINED_S,
        tight_s=f"{usual_s:.4g}",
    )
