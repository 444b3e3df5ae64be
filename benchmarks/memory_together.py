"""Several models in one process, as a cascade has them, compared with the sum that a plan makes of their peaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from advisor.measure.items.model_kernels import counted_works
from advisor.measure.items.tasks import model_path, peak_memory_bytes, reset_peak_memory
from advisor.measure.items.throughput import runtime_imports, worker_environment
from advisor.measure.worker.job import Job, JobItem, each
from advisor.measure.worker.run import run_job
from advisor.perfmodel.resources.memory import peak_memory
from advisor.records.base import Interval
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime
from advisor.runtimes.protocol import CompileOptions

from .common import model, table

MIB = 1024.0**2
ROUNDS = 4
_TIMEOUT_S = 300.0

Part = tuple[str, RunConfig]


def _part(name: str, runtime: str, precision: str, streams: int, batch: int) -> Part:
    config = {"runtime": runtime, "precision": precision, "streams": streams, "threads": streams, "requests": streams}
    return name, RunConfig.model_validate(config | {"batch": batch})


CASCADES: tuple[tuple[Part, ...], ...] = (
    (_part("yolo-small", "openvino", "f32", 1, 1), _part("mobilenet-v2", "openvino", "f32", 2, 8)),
    (
        _part("ssd-mobilenet", "openvino", "int8", 2, 1),
        _part("resnet-50", "openvino", "int8", 1, 8),
        _part("efficientnet-b0", "openvino", "f32", 1, 1),
    ),
    (_part("ssd-mobilenet", "onnxruntime", "f32", 2, 1), _part("resnet-50", "onnxruntime", "f32", 1, 8)),
    (_part("bert-mini", "openvino", "f32", 2, 8), _part("resnet-18", "onnxruntime", "int8", 1, 1)),
)
"""A detector with one or two classifiers, in both runtimes, and both runtimes in one process."""


@dataclass(frozen=True)
class Together:
    """Models in one process [B]."""

    names: str
    measured: float
    predicted: Interval

    @property
    def error(self) -> float:
        """(predicted - measured) / measured."""
        return self.predicted.p50 / self.measured - 1.0


def _peak(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: compile one after another, then run all requests of all models at the same time."""
    from advisor.measure.timing.inputs import benchmark_inputs

    parts = [
        (ModelFile.model_validate(part["model"]), RunConfig.model_validate(part["config"])) for part in payload["parts"]
    ]
    for _, config in parts:
        get_runtime(config.runtime).devices()
    paths = [model_path(file, config) for file, config in parts]
    before = reset_peak_memory()
    compiled = [
        get_runtime(config.runtime).compile(path, config, CompileOptions(input_shape=file.input_shape))
        for (file, config), path in zip(parts, paths, strict=True)
    ]
    feeds = [
        [benchmark_inputs(item.inputs, np.random.default_rng(0)) for _ in range(item.requests)] for item in compiled
    ]
    failures: list[BaseException] = []

    def done(_token: object, _outputs: object, _finish_s: float, error: BaseException | None) -> None:
        if error is not None:
            failures.append(error)

    for _ in range(ROUNDS):
        for item, inputs in zip(compiled, feeds, strict=True):
            for feed in inputs:
                item.start(feed, None, done)
        for item in compiled:
            item.wait_all()
    if failures:
        raise failures[0]
    peak = peak_memory_bytes()
    for item in compiled:
        item.close()
    return {} if before is None or peak is None else {"peak_bytes": peak - before}


together_job = each(_peak)


def together(parts: Sequence[Part]) -> Together | None:
    """Measure models in one fresh process; None where one is refused or /proc is missing."""
    files = [(model(name), config) for name, config in parts]
    works = counted_works([file for file, _ in files], None)
    found = [peak_memory(works[file.sha256], config, config.streams or 1) for file, config in files]
    payload = [
        {"model": file.model_dump(mode="json"), "config": config.model_dump(mode="json")} for file, config in files
    ]
    imports = tuple(dict.fromkeys(name for _, config in files for name in runtime_imports(config.runtime)))
    job = Job(
        "benchmarks.memory_together:together_job",
        (JobItem("all", {"parts": payload}),),
        worker_environment(None),
        on_import=imports,
    )
    (outcome,) = run_job(job, _TIMEOUT_S).outcomes
    if not outcome.value:
        return None
    names = ", ".join(
        f"{name} {config.runtime} {config.precision} (streams {config.streams}, batch {config.batch})"
        for name, config in parts
    )
    return Together(names, float(outcome.value["peak_bytes"]), added(found))


def added(parts: Sequence[Interval]) -> Interval:
    """Sum of intervals as a plan makes it: all at the same quantile."""
    low, middle, high = (sum(getattr(part, name) for part in parts) for name in ("p10", "p50", "p90"))
    return Interval(p10=low, p50=middle, p90=high)


def tables(rows: Sequence[Together]) -> str:
    """One line per process."""
    cells = [
        [row.names, f"{row.predicted.p50 / MIB:.0f} ({row.predicted.p10 / MIB:.0f}-{row.predicted.p90 / MIB:.0f})",
         f"{row.measured / MIB:.0f}", f"{100 * row.error:+.0f} %"]
        for row in rows
    ]  # fmt: skip
    return table(["models in one process", "sum of predictions [MiB] (P10-P90)", "peak [MiB]", "error"], cells)


def section(quick: bool = False) -> str:
    """Measure every cascade, one with ``quick``, and lay out the result."""
    found = [together(parts) for parts in (CASCADES[:1] if quick else CASCADES)]
    return tables([row for row in found if row is not None])
