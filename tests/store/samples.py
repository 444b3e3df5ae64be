"""Records for tests of the store."""

from __future__ import annotations

from typing import Any

from advisor.records.config import LoadMode, RunConfig
from advisor.records.measurement import (
    Footprint,
    FootprintMeasurement,
    MicroBenchmark,
    Percentile,
    ProfileMeasurement,
    Timing,
    TimingMeasurement,
)
from advisor.records.model import Kernel, ModelWork


def timing(throughput_per_s: float = 100.0) -> Timing:
    tail = Percentile(value_s=0.01, lower_s=0.009, upper_s=None)
    return Timing(
        samples=3, duration_s=0.03, throughput_per_s=throughput_per_s, avg_time_s=0.01, p50=tail, p90=tail, p95=tail,
        p99=tail, min_s=0.009, latencies_s=(0.009, 0.01, 0.011),
    )  # fmt: skip


def _common(key: str) -> dict[str, Any]:
    return {
        "key": key, "model": "resnet-50", "model_sha256": "a" * 64, "model_kind": "architecture",
        "config": RunConfig(threads=2, streams=1), "effective": None, "host_fingerprint": "box-1", "status": "done",
        "started": "2026-11-21T07:00:00+00:00", "sizer_version": "0.1.0",
    }  # fmt: skip


def measurement(key: str = "k1", **changes: Any) -> TimingMeasurement:
    return TimingMeasurement(**{**_common(key), "mode": LoadMode(), "timing": timing(), **changes})


def profile(key: str = "p1", **changes: Any) -> ProfileMeasurement:
    return ProfileMeasurement(**{**_common(key), "kernels": (kernel(),), "pass_s": 0.01, **changes})


def footprint(key: str = "f1", **changes: Any) -> FootprintMeasurement:
    found = Footprint(baseline_bytes=1e8, peak_bytes=1.5e8, resident_bytes=1.4e8, streams=1, compile_s=0.5)
    return FootprintMeasurement(**{**_common(key), "footprint": found, **changes})


def micro_benchmark(key: str = "m1", name: str = "peak/openvino/f32/avx2/t1", **changes: Any) -> MicroBenchmark:
    values: dict[str, Any] = {
        "key": key, "name": name, "value": 1.5e11, "unit": "FLOP/s", "samples": 5, "host_fingerprint": "box-1",
        "started": "2026-11-21T07:00:00+00:00",
    }  # fmt: skip
    return MicroBenchmark(**{**values, **changes})


def kernel() -> Kernel:
    return Kernel(
        name="conv1", type="conv", original_type="Convolution", flop=1e6, input_bytes=10, output_bytes=20,
        weight_bytes=5, precision="f32",
    )  # fmt: skip


def model_work(**changes: Any) -> ModelWork:
    values: dict[str, Any] = {
        "model": "resnet-50", "sha256": "a" * 64, "kind": "architecture", "family": "resnet", "runtime": "openvino",
        "runtime_version": "2026.4.1", "precision": "f32", "batch": 1, "simd_cap": None, "kernels": (kernel(),),
        "flop": 1e6, "weight_bytes": 5, "activation_bytes": 30,
    }  # fmt: skip
    return ModelWork(**{**values, **changes})
