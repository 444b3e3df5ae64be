"""This machine from its data sheet alone: predicted by the shipped calibration, then measured; nothing is fitted here.

The prediction sees what the operating system says of the processor (cores, instruction set, caches, clock where it is
told) and the model's kernels, and no measurement of this machine, so it stands for any machine that is not in the data.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.errors import SizerError
from advisor.measure.timing.harness import MeasureSpec
from advisor.records.config import LoadMode, RunConfig

from .common import facts, header, measured, model, percent, table, threads_here, timing

MODELS = (
    "resnet-18", "resnet-50", "mobilenet-v2", "mobilenet-v3", "efficientnet-b0", "shufflenet-v2", "squeezenet-1.1",
    "densenet-121", "googlenet", "ssd-mobilenet", "yolo-tiny", "bert-mini",
)  # fmt: skip
QUICK_MODELS = ("mobilenet-v2", "squeezenet-1.1")
SPEC = MeasureSpec(min_duration_s=0.5, min_samples=10, min_blocks=5, max_duration_s=1.5, warmup_max_s=0.3)


@dataclass(frozen=True)
class Row:
    """One model in one configuration, predicted (1/s) and measured."""

    model: str
    precision: str
    threads: int
    p10: float
    p50: float
    p90: float
    measured: float
    evidence: str
    disturbed: bool = False
    """Whether the harness saw others at work while it measured."""

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return (self.p50 - self.measured) / self.measured

    @property
    def inside(self) -> bool:
        """Whether the measured figure lies in P10-P90."""
        return self.p10 <= self.measured <= self.p90


def rows_of(models: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Predict, then measure; rows, and what could not be judged with its reason."""
    from advisor.host import machine_spec
    from advisor.measure.items.model_kernels import model_works
    from advisor.perfmodel import Predictor
    from advisor.store.measurements import MeasurementStore

    machine = machine_spec(facts())
    predictor = Predictor.load()
    rows, missing = [], []
    counts = sorted({1, threads_here()})
    with tempfile.TemporaryDirectory() as folder, MeasurementStore(f"sqlite:///{Path(folder) / 's.sqlite3'}") as store:
        for name in models:
            file = model(name)
            for precision in ("f32", "int8"):
                work = model_works(file, [("openvino", precision, 1, None)], store)[0]
                for threads in counts if work is not None else ():
                    config = RunConfig(precision=precision, streams=1, threads=threads, requests=1)
                    assert work is not None
                    believed = predictor.service(machine, work, config)
                    try:
                        taken = measured(file, config, LoadMode(), SPEC)
                        true = 1.0 / timing(taken).p50.value_s
                    except SizerError as error:
                        missing.append(f"{name}, {precision}, {threads} threads: {error}")
                        continue
                    speed = believed.latency_s.reciprocal()
                    dirty = taken.interference.dirty
                    believed_per_s = (speed.p10, speed.p50, speed.p90)
                    rows.append(Row(name, precision, threads, *believed_per_s, true, believed.evidence.value, dirty))
                if work is None:
                    missing.append(f"{name}, {precision}: the runtime cannot run it so")
    return rows, missing


def tables(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """Errors by precision and threads, then every row."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.precision, row.threads), []).append(row)
    lines: list[list[object]] = []
    for (precision, threads), part in sorted(groups.items()):
        errors = [abs(row.error) for row in part]
        lines.append(
            [
                precision,
                threads,
                len(part),
                percent(statistics.median(errors)),
                percent(statistics.fmean(errors)),
                percent(sum(error <= 0.2 for error in errors) / len(errors), 0),
                f"{100 * statistics.median(row.error for row in part):+.0f} %",
                percent(sum(row.inside for row in part) / len(part), 0),
            ]
        )
    head = ["precision", "threads", "models", "median", "mean", "within 20 %", "bias (median)", "inside P10-P90"]
    each = [
        [row.model, row.precision, row.threads, f"{row.p50:.1f} ({row.p10:.1f}-{row.p90:.1f})",
         f"{row.measured:.1f}" + (" (disturbed)" if row.disturbed else ""), f"{100 * row.error:+.0f} %", row.evidence]
        for row in rows
    ]  # fmt: skip
    names = ["model", "precision", "threads", "predicted, 1/s (P10-P90)", "measured, 1/s", "error", "evidence"]
    disturbed = f"{sum(row.disturbed for row in rows)} of {len(rows)} measurements were disturbed; none is left out."
    notes = [f"- not judged: {text}" for text in missing]
    return "\n".join([table(head, lines), "", disturbed, "", table(names, each), *notes])


def run(quick: bool = False) -> str:
    """Measure and return the section: about three minutes."""
    from advisor.host import machine_spec

    seen = machine_spec(facts())
    clock = "unknown" if seen.boost_hz is None else f"{seen.boost_hz / 1e9:g} GHz"
    start = header(
        f"Known of this machine: {seen.cores} cores, {seen.simd_level}, clock {clock}, "
        f"L2 {(seen.l2_bytes_per_core or 0) / 1024:g} KiB per core, L3 {(seen.l3_bytes or 0) / 2**20:g} MiB. "
        "OpenVINO, one stream, synchronous."
    )
    rows, missing = rows_of(QUICK_MODELS if quick else MODELS)
    return f"{start}\n\n{tables(rows, missing)}"


if __name__ == "__main__":
    print(run("--quick" in sys.argv[1:]))
