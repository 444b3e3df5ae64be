"""Small records for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from advisor.records.config import LoadMode, RunConfig
from advisor.records.machine import MachineSpec
from advisor.records.measurement import (
    Interference,
    Measurement,
    Percentile,
    ProfileMeasurement,
    Timing,
    TimingMeasurement,
)
from advisor.records.model import Kernel, ModelWork


def machine(name: str = "box", **changes: object) -> MachineSpec:
    facts: dict[str, object] = {
        "id": name,
        "name": name,
        "vendor": "Intel",
        "performance_cores": 4,
        "threads": 4,
        "release_year": 2018,
        "simd_level": "avx2",
        "base_hz": 3.0e9,
        "boost_hz": 4.0e9,
        "fma_bits_per_core": 512.0,
        "l2_bytes_per_core": 262144.0,
        "l3_bytes": 6e6,
        "memory_bandwidth_bytes_per_s": 37.5e9,
        "tdp_w": 65.0,
    }
    return MachineSpec.model_validate(facts | changes)


def kernel(i: int = 0, flop: float = 2e8, moved: float = 1e6, weights: float = 1e5, **changes: object) -> Kernel:
    facts: dict[str, object] = {
        "name": f"k{i}",
        "type": "conv",
        "original_type": "Convolution",
        "flop": flop,
        "input_bytes": moved / 2,
        "output_bytes": moved / 2,
        "weight_bytes": weights,
        "precision": "f32",
        "input_shape": (1, 64, 28, 28),
        "output_shape": (1, 64, 28, 28),
        "kernel_size": (3, 3),
        "strides": (1, 1),
    }
    return Kernel.model_validate(facts | changes)


def work(kernels: list[Kernel] | None = None, model: str = "toy", **changes: object) -> ModelWork:
    rows = tuple(kernels if kernels is not None else [kernel(i) for i in range(20)])
    facts: dict[str, object] = {
        "model": model,
        "sha256": model,
        "kind": "architecture",
        "family": model,
        "runtime": "openvino",
        "runtime_version": "x",
        "precision": "f32",
        "batch": 1,
        "simd_cap": None,
        "kernels": rows,
        "flop": sum(k.flop for k in rows),
        "weight_bytes": sum(k.weight_bytes for k in rows),
        "activation_bytes": 2e6,
    }
    return ModelWork.model_validate(facts | changes)


def measurement(
    latency_s: float, model: str = "toy", dirty: bool = False, kernels: tuple[Kernel, ...] = (), **config: object
) -> Measurement:
    exact = Percentile(value_s=latency_s, lower_s=None, upper_s=None)
    timing = Timing(
        samples=100,
        duration_s=1.0,
        throughput_per_s=1.0 / latency_s,
        avg_time_s=latency_s,
        p50=exact,
        p90=exact,
        p95=exact,
        p99=exact,
        min_s=latency_s,
        block_p50_s=tuple(latency_s * x for x in (0.99, 1.0, 1.01, 1.0, 0.995)),
    )
    run = RunConfig.model_validate({"threads": 1, "streams": 1} | config)
    common: dict[str, Any] = {
        "key": f"{model}{run.model_dump_json()}{bool(kernels)}",
        "model": model,
        "model_sha256": model,
        "model_kind": "architecture",
        "config": run,
        "effective": None,
        "host_fingerprint": "h",
        "status": "done",
        "interference": Interference(dirty=dirty),
        "started": "now",
        "sizer_version": "0",
    }
    if kernels:
        return ProfileMeasurement(**common, kernels=kernels)
    return TimingMeasurement(**common, mode=LoadMode(), timing=timing)


def within(share: float, level: float, draws: int) -> bool:
    """Whether an observed share agrees with a level, to four standard errors of a binomial."""
    return abs(share - level) <= 4.0 * np.sqrt(level * (1.0 - level) / draws)


def timed(latencies_s: list[float], kind: str = "sync", **config: object) -> Measurement:
    """Single passes of these times, each of them a block of its own."""
    row = measurement(sorted(latencies_s)[len(latencies_s) // 2], **config)
    assert row.timing is not None
    timing = row.timing.model_copy(update={"latencies_s": tuple(latencies_s), "block_p50_s": tuple(latencies_s)})
    mode = LoadMode.model_validate({"kind": kind})
    return row.model_copy(update={"timing": timing, "mode": mode, "key": f"{kind}{row.key}"})
