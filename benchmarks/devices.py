"""Devices and hints of OpenVINO against the plain CPU: AUTO, LATENCY and THROUGHPUT, automatic batching by timeout."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import EffectiveConfig, LoadMode, RunConfig

from .common import header, measured, model, spread, table, timing

MODEL = "mobilenet-v2"
TIMEOUTS_S = (0.01, 0.1, 1.0)
SPARSE_PER_S = 10.0
_DENSE = LoadMode(kind="async")
_SPARSE = LoadMode(kind="paced", rate_per_s=SPARSE_PER_S)


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    config: RunConfig
    mode: LoadMode


@dataclass(frozen=True)
class Result:
    """One run of a case."""

    case: Case
    throughput_per_s: float
    p50_s: float
    p95_s: float
    effective: EffectiveConfig
    disturbed: bool


def cases(quick: bool = False) -> list[Case]:
    """Everything that is compared; the first is the baseline of the dense, the second of the sparse rows."""
    found = [
        Case("CPU, no hint, dense", RunConfig(), _DENSE),
        Case(f"CPU, no hint, sparse ({SPARSE_PER_S:g}/s)", RunConfig(), _SPARSE),
    ]
    for device in ("CPU", "AUTO"):
        found += [
            Case(f"{device}, hint {hint}, dense", RunConfig(device=device, hint=hint), _DENSE)
            for hint in ("latency", "throughput")
        ]
    for timeout_s in TIMEOUTS_S[:1] if quick else TIMEOUTS_S:
        config = RunConfig(device="BATCH:CPU(4)", hint="throughput", auto_batch_timeout_s=timeout_s, requests=16)
        name = f"BATCH:CPU(4), timeout {1e3 * timeout_s:g} ms"
        found.append(Case(f"{name}, dense (16 requests)", config, _DENSE))
        found.append(Case(f"{name}, sparse ({SPARSE_PER_S:g}/s)", config, _SPARSE))
    return found


def results(todo: Sequence[Case], rounds: int, duration_s: float) -> list[Result]:
    """Run every case in a fresh process, all of them once per round."""
    file = model(MODEL)
    spec = MeasureSpec(
        min_duration_s=duration_s, max_duration_s=4 * duration_s, min_samples=10, min_blocks=3, warmup_max_s=0.5
    )
    found = []
    for _ in range(rounds):
        for case in todo:
            record = measured(file, case.config, case.mode, spec)
            times = timing(record)
            assert record.effective is not None
            found.append(
                Result(case, times.throughput_per_s, times.p50.value_s, times.p95.value_s, record.effective,
                       record.interference.dirty)
            )  # fmt: skip
    return found


def tables(found: Sequence[Result]) -> str:
    """One row per case, with the ratio to the plain CPU under the same load, taken round by round."""
    by_case: dict[str, list[Result]] = {}
    for result in found:
        by_case.setdefault(result.case.name, []).append(result)
    baseline: dict[str, list[Result]] = {}
    for part in by_case.values():
        baseline.setdefault(part[0].case.mode.kind, part)
    rows = []
    for name, part in by_case.items():
        base = baseline[part[0].case.mode.kind]
        ratios = [a.throughput_per_s / b.throughput_per_s for a, b in zip(part, base, strict=True)]
        effective = part[0].effective
        rows.append(
            [
                name,
                f"{statistics.median(item.throughput_per_s for item in part):.1f}",
                spread(ratios).text(2),
                spread([1e3 * item.p50_s for item in part]).text(1),
                f"{1e3 * statistics.median(item.p95_s for item in part):.1f}",
                effective.streams,
                effective.optimal_requests,
                f"{sum(item.disturbed for item in part)}/{len(part)}",
            ]
        )
    head = ["device, setting, load", "1/s", "throughput / plain CPU (range)", "p50, ms (range)", "p95, ms", "streams",
            "requests advised", "disturbed"]  # fmt: skip
    return table(head, rows)


def run(quick: bool = False) -> str:
    """Measure and return the section: about three minutes."""
    start = header(
        f"{MODEL}, f32. Dense: as many requests in flight as streams, 16 where batching; sparse: at fixed times."
    )
    return f"{start}\n\n{tables(results(cases(quick), 1 if quick else 3, 0.5 if quick else 2.0))}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
