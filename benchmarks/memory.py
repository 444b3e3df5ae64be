"""Peak memory of compiled models, each in a fresh process: the rows that ``perfmodel/fit_memory.py`` is fitted on.

``python -m benchmarks.memory profiles/measured/memory.csv`` measures them again (some six minutes; the machine need not
be quiet).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor.measure.configs import runtime_imports, worker_environment
from advisor.measure.job import Job, JobItem, each
from advisor.measure.profile import model_works
from advisor.measure.tasks import model_path, peak_memory_bytes, reset_peak_memory
from advisor.measure.worker import run_job
from advisor.perfmodel.fit_memory import FIELDS
from advisor.perfmodel.works import table_of
from advisor.records.config import RunConfig
from advisor.records.model import ModelFile
from advisor.runtimes import get_runtime

from .common import model

MODELS = (
    "resnet-18", "resnet-50", "resnet-101", "mobilenet-v2", "mobilenet-v3", "efficientnet-b0", "shufflenet-v2",
    "densenet-121", "googlenet", "inception-v3", "squeezenet-1.1", "alexnet", "vgg-16", "ssd-mobilenet", "yolo-tiny",
    "yolo-small", "unet", "vit-small", "swin-tiny", "bert-mini", "bert-base", "like:convnext-tiny",
    "like:text-recognition-0012", "like:road-segmentation-adas-0001", "like:person-detection-0200",
)  # fmt: skip
_TIMEOUT_S = 120.0


def configs() -> Iterator[RunConfig]:
    """Runtimes, precisions, streams and batches that are measured."""
    for runtime in ("openvino", "onnxruntime"):
        one = RunConfig.model_validate({"runtime": runtime, "streams": 1, "threads": 1, "requests": 1})
        yield one
        yield one.model_copy(update={"precision": "int8"})
        yield one.model_copy(update={"batch": 8})
        yield one.model_copy(update={"streams": 2, "threads": 2, "requests": 2, "batch": 4})
        if runtime == "openvino":
            yield one.model_copy(update={"precision": "bf16"})
            yield one.model_copy(update={"precision": "int8", "streams": 2, "threads": 2, "requests": 4, "batch": 4})


def _peak(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: compile, run every request once at the same time, read the high-water mark."""
    import numpy as np

    from advisor.measure.harness import random_inputs

    file, config = ModelFile.model_validate(payload["model"]), RunConfig.model_validate(payload["config"])
    runtime = get_runtime(config.runtime)
    runtime.devices()
    path = model_path(file, config.precision)
    before = reset_peak_memory()
    compiled = runtime.compile(path, config, input_shape=file.input_shape)
    feeds = [random_inputs(compiled.inputs, np.random.default_rng(0)) for _ in range(compiled.requests)]
    failures: list[BaseException] = []

    def done(_token: object, _outputs: object, _finish_s: float, error: BaseException | None) -> None:
        if error is not None:
            failures.append(error)

    for _ in range(2):
        for feed in feeds:
            compiled.start(feed, None, done)
        compiled.wait_all()
    if failures:
        raise failures[0]
    peak = peak_memory_bytes()
    compiled.close()
    return {"peak": None if peak is None or before is None else peak - before}


memory_job = each(_peak)


def row_of(file: ModelFile, config: RunConfig) -> dict[str, Any] | None:
    """Measure one configuration in a process of its own; None where the runtime refuses it or /proc is missing."""
    (work,) = model_works(file, [(config.runtime, config.precision, 1, None)], None)
    payload = {"model": file.model_dump(mode="json"), "config": config.model_dump(mode="json")}
    job = Job(
        "benchmarks.memory:memory_job",
        (JobItem("one", payload),),
        worker_environment(None),
        on_import=runtime_imports(config.runtime),
    )
    (outcome,) = run_job(job, _TIMEOUT_S).outcomes
    peak = None if outcome.value is None else outcome.value["peak"]
    if work is None or peak is None:
        print(f"{file.name} {config.runtime} {config.precision}: {outcome.failure or 'no kernels'}", file=sys.stderr)
        return None
    table = table_of(work)
    values = (
        file.name, file.family, config.runtime, config.precision, config.streams, config.batch,
        Path(model_path(file, config.precision)).stat().st_size, len(work.kernels), round(table.weight_bytes),
        round(table.peak_activation_bytes), round(peak),
    )  # fmt: skip
    return dict(zip(FIELDS, values, strict=True))


def main(path: Path) -> None:
    """Measure everything and write the rows, one after another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for name in MODELS:
            built = model(name)
            for config in configs():
                # A picture of 900 MB per pass teaches nothing that batch 1 does not.
                if name == "unet" and config.batch > 1:
                    continue
                row = row_of(built, config)
                if row is not None:
                    writer.writerow(row)
                    file.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
