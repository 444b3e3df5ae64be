"""Peak memory of compiled models, each in a fresh process, against the prediction with the model's family left out.

``python -m benchmarks.memory profiles/measured/memory.csv [MODEL ...]`` measures the rows that
``calibration/memory.py`` is fitted on (some ten minutes; the machine need not be quiet), all of them or those of the
models named; ``--count`` measures nothing and counts the sizes of all models anew, for when the rules of counting have
changed; ``python -m benchmarks.accuracy --only memory`` measures a part of them anew and judges it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from advisor.calibration.memory import FIELDS, fitted, held_out, interval, predicted, read_rows
from advisor.errors import CatalogueError, SizerError
from advisor.measure.items.model_kernels import counted_works
from advisor.measure.items.tasks import model_path, peak_memory_bytes, reset_peak_memory, resident_bytes
from advisor.measure.items.throughput import runtime_imports, worker_environment
from advisor.measure.worker.job import Job, JobItem, each
from advisor.measure.worker.run import run_job
from advisor.perfmodel.resources.memory import sizes_of
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile, ModelWork
from advisor.runtimes import get_runtime
from advisor.runtimes.protocol import CompileOptions
from advisor.store.paths import profiles_dir

from . import memory_together as together
from .common import header, model, percent, table

MODELS = (
    "resnet-50", "mobilenet-v2", "efficientnet-b0", "shufflenet-v2", "densenet-121", "googlenet", "inception-v3",
    "squeezenet-1.1", "ssd-mobilenet", "yolo-small", "vit-small", "swin-tiny", "bert-mini", "like:convnext-tiny",
    "like:text-recognition-0012", "like:person-detection-0200",
)  # fmt: skip
SAMPLE = (
    "resnet-50", "mobilenet-v2", "efficientnet-b0", "shufflenet-v2", "densenet-121", "inception-v3", "squeezenet-1.1",
    "yolo-small", "ssd-mobilenet", "vit-small", "swin-tiny", "bert-mini",
)  # fmt: skip
"""Measured anew for the page: one of nearly every family."""
_WEIGHTS = ("window_bytes", "point_bytes", "product_bytes", "table_bytes")
_EVERY = 5
_WORST = 8
MIB = 1024.0**2
ROUNDS = 4
"""Passes of every request: ONNX Runtime lays its buffers out anew in the second."""
_LARGEST_FLOP = 3e11
"""A round above this is measured at batch 2 instead of 8: it would take half a minute and teach nothing more."""
_TIMEOUT_S = 300.0


def configs() -> Iterator[RunConfig]:
    """Runtimes, precisions, streams and batches that are measured."""
    for runtime, precisions in (("openvino", ("f32", "int8", "bf16")), ("onnxruntime", ("f32", "int8"))):
        for precision in precisions:
            for streams, batch in ((1, 1), (1, 8), (2, 1), (2, 8)):
                yield _config(runtime, precision, streams, streams, batch)
    # Two threads per stream: a session each.
    yield _config("onnxruntime", "f32", 2, 4, 1)


def _config(runtime: str, precision: str, streams: int, threads: int, batch: int) -> RunConfig:
    return RunConfig.model_validate(
        {
            "runtime": runtime, "precision": precision, "streams": streams, "threads": threads, "requests": streams,
            "batch": batch,
        }
    )  # fmt: skip


def _peak(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: compile, run every request at the same time, read the high-water marks."""
    from advisor.measure.timing.inputs import benchmark_inputs

    file, config = ModelFile.model_validate(payload["model"]), RunConfig.model_validate(payload["config"])
    runtime = get_runtime(config.runtime)
    runtime.devices()
    path = model_path(file, config)
    before = reset_peak_memory()
    compiled = runtime.compile(path, config, CompileOptions(input_shape=file.input_shape))
    load = peak_memory_bytes()
    feeds = [benchmark_inputs(compiled.inputs, np.random.default_rng(0)) for _ in range(compiled.requests)]
    failures: list[BaseException] = []

    def done(_token: object, _outputs: object, _finish_s: float, error: BaseException | None) -> None:
        if error is not None:
            failures.append(error)

    for _ in range(ROUNDS):
        for feed in feeds:
            compiled.start(feed, None, done)
        compiled.wait_all()
    if failures:
        raise failures[0]
    run, peak = resident_bytes(), peak_memory_bytes()
    compiled.close()
    if before is None or load is None or run is None or peak is None:
        return {}
    return {"load_bytes": load - before, "run_bytes": run - before, "peak_bytes": peak - before}


memory_job = each(_peak)


@cache
def _work(name: str) -> ModelWork:
    """Work of a model as its file tells it: what predictions rest on."""
    file = model(name)
    return counted_works([file], None)[file.sha256]


def _sizes(name: str, runtime: str, precision: str) -> dict[str, Any]:
    """Columns of a row that say what the model is."""
    sizes = sizes_of(_work(name), runtime, precision)
    return {
        field: round(value, 4) if field == "product_share" else round(value) for field, value in asdict(sizes).items()
    }


def row_of(file: ModelFile, config: RunConfig) -> dict[str, Any] | None:
    """Measure one configuration in a process of its own; None where the runtime refuses it or /proc is missing."""
    work = _work(file.reference)
    if config.batch > 1 and work.flop * config.batch * (config.streams or 1) > _LARGEST_FLOP:
        config = config.model_copy(update={"batch": 2})
    payload = {"model": file.model_dump(mode="json"), "config": config.model_dump(mode="json")}
    job = Job(
        "benchmarks.memory:memory_job",
        (JobItem("one", payload),),
        worker_environment(None),
        on_import=runtime_imports(config.runtime),
    )
    try:
        (outcome,) = run_job(job, _TIMEOUT_S).outcomes
        value, failure = outcome.value, str(outcome.failure or "no figures of memory")
    except SizerError as error:  # a worker that was killed while it started must not cost the other rows
        value, failure = None, str(error)
    if not value:
        print(f"{file.name} {config.runtime} {config.precision}: {failure}", file=sys.stderr)
        return None
    settings = (
        file.name, file.family, config.runtime, config.precision, config.streams, config.threads, config.batch,
    )  # fmt: skip
    return {
        **dict(zip(FIELDS, settings, strict=False)),
        **_sizes(file.reference, config.runtime, config.precision),
        **{name: round(size) for name, size in value.items()},
    }


@dataclass(frozen=True)
class Judged:
    """One configuration measured now and predicted without its model's family [B]."""

    model: str
    family: str
    config: str
    runtime: str
    precision: str
    measured: float
    p10: float
    p50: float
    p90: float

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return self.p50 / self.measured - 1.0


def judged(row: dict[str, Any], known: Sequence[dict[str, str]]) -> Judged:
    """Predict a measured row by what the rows of all other families say, interval and all."""
    cell = row["runtime"], row["precision"]
    others = [
        item for item in known if (item["runtime"], item["precision"]) == cell and item["family"] != row["family"]
    ]
    (middle,) = predicted([row], *fitted(others))
    low, high = interval(held_out(others))
    return Judged(
        model=row["model"],
        family=row["family"],
        config=f"{row['streams']} streams, {row['threads']} threads, batch {row['batch']}",
        runtime=row["runtime"],
        precision=row["precision"],
        measured=float(row["peak_bytes"]),
        p10=middle * float(np.exp(low)),
        p50=middle,
        p90=middle * float(np.exp(high)),
    )


def tables(rows: Sequence[Judged]) -> str:
    """Errors by runtime and precision, by family, and the worst by name."""
    head = ["configurations", "median", "mean", "within 15 %", "in P10-P90", "above P90"]
    cells = sorted({(row.runtime, row.precision) for row in rows})
    parts = [(f"{runtime} {precision}", [row for row in rows if (row.runtime, row.precision) == (runtime, precision)])
             for runtime, precision in cells]  # fmt: skip
    by_cell = [[name, *_figures(part)] for name, part in [*parts, ("all", list(rows))]]
    families = sorted({row.family for row in rows})
    by_family = [[name, *_figures([row for row in rows if row.family == name])] for name in families]
    worst = sorted(rows, key=lambda row: -abs(row.error))[:_WORST]
    named = [
        f"- {row.model}, {row.runtime} {row.precision}, {row.config}: {row.measured / MIB:.0f} MiB measured, "
        f"{row.p50 / MIB:.0f} ({row.p10 / MIB:.0f}-{row.p90 / MIB:.0f}) predicted, {100 * row.error:+.0f} %"
        for row in worst
    ]
    return "\n".join(
        [table(["", *head], by_cell), "", table(["family, left out", *head], by_family), "", "The worst:", "", *named]
    )


def _figures(rows: Sequence[Judged]) -> list[object]:
    errors = np.abs([row.error for row in rows])
    return [
        len(rows),
        percent(float(np.median(errors))),
        percent(float(np.mean(errors))),
        percent(float(np.mean(errors <= 0.15)), 0),
        percent(float(np.mean([row.p10 <= row.measured <= row.p90 for row in rows])), 0),
        percent(float(np.mean([row.measured > row.p90 for row in rows])), 0),
    ]


def run(quick: bool = False) -> str:
    """Measure a part of the grid anew and judge it: every model of the sample in every fifth configuration."""
    start = header("Memory does not depend on what else runs.")
    known = read_rows(profiles_dir() / "measured" / "memory.csv")
    grid = list(configs())
    rows, missing = [], []
    for index, name in enumerate(SAMPLE[:2] if quick else SAMPLE):
        for config in grid[index % _EVERY :: _EVERY]:
            row = row_of(model(name), config)
            if row is None:
                missing.append(f"{name} {config.runtime} {config.precision}")
            else:
                rows.append(judged(row, known))
    left_out = f"\n\nRefused or failed: {', '.join(missing)}." if missing else ""
    return f"{start}\n\n{tables(rows)}{left_out}\n\n{together.section(quick)}"


_SAME_WEIGHTS = 0.05
"""Relative difference of the weights of a measured network from those of the one that is built now."""


def count(path: Path) -> None:
    """Count the sizes of all rows anew and leave what was measured.

    Raises
    ------
    CatalogueError
        A model is built otherwise today than when it was measured.
    """
    rows = read_rows(path)
    for row in rows:
        sizes = _sizes(row["model"], row["runtime"], row["precision"])
        before, after = (sum(float(found[name]) for name in _WEIGHTS) for found in (row, sizes))
        plain = (row["runtime"], row["precision"]) == ("openvino", "f32")
        if plain and abs(after - before) > _SAME_WEIGHTS * before:
            raise CatalogueError(
                f"{path}: {row['model']} is another network today ({after / 1e6:.2f} MB of weights instead of "
                f"{before / 1e6:.2f}); measure it anew: python -m benchmarks.memory {path} {row['model']}"
            )
        row.update({name: str(value) for name, value in sizes.items()})
    _write(path, rows)


def main(path: Path, names: Sequence[str]) -> None:
    """Measure models one after another; rows of models that are not named stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    if names and path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    for name in names or MODELS:
        built = model(name)
        found = [row_of(built, config) for config in configs()]
        rows = [row for row in rows if row["model"] != built.name] + [row for row in found if row is not None]
        _write(path, rows)


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    if sys.argv[2:] == ["--count"]:
        count(Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]), sys.argv[2:])
