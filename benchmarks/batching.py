"""Automatic batching, measured and simulated: latency by time-out and arrivals on ``BATCH:CPU(4)``.

Times of one item and of a full batch are measured first; the simulator knows nothing else of the device. One collector
(as many requests as a batch holds): with more, OpenVINO spreads them over several collectors, each with its own clock.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass

from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig
from advisor.records.model import ModelFile
from advisor.simulate import SimCamera, SimSpec, SimStage, simulate

from .common import header, measured, model, table, timing

MODEL, BATCH = "mobilenet-v2", 4
TIMEOUTS_S = (0.01, 0.1, 1.0)
DENSE_SHARE = 0.8
"""Of what full batches carry."""
PACED_PER_S = {"30/s": 30.0, "sparse (2/s)": 2.0}
PASSES_S = MeasureSpec(min_duration_s=1.0, max_duration_s=6.0, min_samples=30, warmup_max_s=0.5)


@dataclass(frozen=True)
class Figures:
    """Latency of one cell [s]."""

    p50_s: float
    p95_s: float


def pass_s(file: ModelFile, batch: int) -> float:
    """Time of one pass alone on one stream of one thread [s]."""
    record = measured(file, RunConfig(streams=1, threads=1, batch=batch), LoadMode(kind="sync"), PASSES_S)
    return timing(record).p50.value_s


def measured_figures(file: ModelFile, rate_per_s: float, timeout_s: float, duration_s: float) -> Figures:
    """Latency from the scheduled time of each request."""
    config = RunConfig(
        device=f"BATCH:CPU({BATCH})", auto_batch_timeout_s=timeout_s, requests=BATCH, streams=1, threads=1
    )
    spec = MeasureSpec(
        min_duration_s=duration_s, max_duration_s=duration_s, min_samples=10, min_blocks=1, warmup_max_s=0.5
    )
    times = timing(measured(file, config, LoadMode(kind="paced", rate_per_s=rate_per_s), spec))
    return Figures(times.p50.value_s, times.p95.value_s)


def simulated_figures(one_s: float, full_s: float, rate_per_s: float, timeout_s: float) -> Figures:
    """The same from the simulator, over phases of arrivals and clock."""
    stage = SimStage(
        id="model", service_s=(0.0, one_s, *(full_s,) * (BATCH - 1)), batch_max=BATCH, batch_timeout_s=timeout_s,
        collected="by_runtime", queue_limit=10_000,
    )  # fmt: skip
    # A little jitter, as any clock has: without it periods that divide the time-out stay in step for ever.
    camera = SimCamera(fps=rate_per_s, jitter_s=1e-3)
    result = simulate(SimSpec((camera,), (stage,), 1.0), 2_000.0, 10.0)
    p50_s, p95_s = result.latency_s(0.5), result.latency_s(0.95)
    assert p50_s is not None
    assert p95_s is not None
    return Figures(p50_s, p95_s)


def run(quick: bool = False) -> str:
    """Measure and return the section: about three minutes."""
    start = header(f"{MODEL}, f32, one stream of one thread; paced arrivals.")
    file = model(MODEL)
    one_s, full_s = pass_s(file, 1), pass_s(file, BATCH)
    rates = {f"dense ({DENSE_SHARE:.0%} of full batches)": DENSE_SHARE * BATCH / full_s, **PACED_PER_S}
    rows, off = [], []
    for timeout_s in TIMEOUTS_S:
        for name, rate_per_s in rates.items():
            duration_s = 4.0 if quick else max(12.0, 30.0 / rate_per_s, 20.0 * timeout_s)
            seen = measured_figures(file, rate_per_s, timeout_s, duration_s)
            told = simulated_figures(one_s, full_s, rate_per_s, timeout_s)
            ratios = told.p50_s / seen.p50_s, told.p95_s / seen.p95_s
            off += [abs(ratio - 1.0) for ratio in ratios]
            rows.append([f"{1e3 * timeout_s:g}", name, f"{1e3 * seen.p50_s:.1f}", f"{1e3 * told.p50_s:.1f}",
                         f"{ratios[0]:.2f}", f"{1e3 * seen.p95_s:.1f}", f"{1e3 * told.p95_s:.1f}",
                         f"{ratios[1]:.2f}"])  # fmt: skip
    head = [
        "time-out, ms",
        "arrivals",
        "p50 measured, ms",
        "simulated",
        "ratio",
        "p95 measured, ms",
        "simulated",
        "ratio",
    ]
    inside = sum(value <= 0.15 for value in off)
    summary = (
        f"A pass of one takes {1e3 * one_s:.2f} ms, of {BATCH} {1e3 * full_s:.2f} ms. Within 15 %: {inside} of "
        f"{len(off)} figures; median difference {100 * statistics.median(off):.1f} %."
    )
    return f"{start}\n\n{summary}\n\n{table(head, rows)}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
