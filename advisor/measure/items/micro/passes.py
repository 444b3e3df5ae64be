"""Synchronous passes of a small network, which most families time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from advisor.measure.timing.inputs import benchmark_inputs
from advisor.records.config import RunConfig
from advisor.runtimes import get_runtime

_PASSES_AT_LEAST = 5


def pass_times(payload: dict[str, Any], path: Path, threads: int, duration_s: float) -> tuple[list[float], str]:
    """Times of synchronous passes [s] after three warm ones, and the runtime's version."""
    runtime = get_runtime(payload["runtime"])
    config = RunConfig(
        runtime=payload["runtime"],
        precision=payload["precision"],
        streams=1,
        threads=threads,
        requests=1,
        simd_cap=payload["simd_cap"],
    )
    compiled = runtime.compile(path, config)
    try:
        inputs = benchmark_inputs(compiled.inputs, np.random.default_rng(0))
        for _ in range(3):
            compiled.infer(inputs)
        times: list[float] = []
        now = time.perf_counter
        end_s = now() + duration_s
        while len(times) < _PASSES_AT_LEAST or now() < end_s:
            start_s = now()
            compiled.infer(inputs)
            times.append(now() - start_s)
    finally:
        compiled.close()
    return times, runtime.version()
