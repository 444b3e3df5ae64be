"""Facts of a model file, and its kernels as a runtime fuses them, both read in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from advisor.errors import ModelError
from advisor.graph.inputs import GivenShapes
from advisor.measure.timing.keys import runtime_version
from advisor.measure.worker.job import Job, JobItem, JobOutcome, each
from advisor.measure.worker.run import run_job
from advisor.records.config import RunConfig, SimdCap
from advisor.records.model import ModelFile, ModelWork, at_sizes
from advisor.runtimes.openvino_config import worker_environment

from .progress import Progress
from .tasks import model_path
from .throughput import runtime_imports

if TYPE_CHECKING:  # workers import this module, and none of them a database
    from advisor.store.measurements import MeasurementStore

WorkRequest = tuple[str, str, int, str | None]
"""Runtime, precision, batch and SIMD cap."""
_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class FileFacts:
    """What a model file says before any runtime compiles it."""

    sha256: str
    """As in :class:`~advisor.records.model.ModelFile`."""
    input_shape: tuple[int, ...]
    """Static shape of the main input at batch 1: the picture, or else the first."""
    flop: float
    """Operations per input, two per multiply-add [FLOP]."""
    parameters: int
    """Trained numbers."""
    further_shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Name and shape at batch 1 of the other inputs that the file leaves open."""
    file_batch: int = 1
    """Batch that the file fixes; 1 where it is open, too."""
    int8: bool = False
    """It is quantised already."""
    reader: Literal["openvino", "onnxruntime", "torch"] = "openvino"
    """Runtime that the file was read with."""
    score_columns: int | None = None
    """Class scores in a row of a detector's output; None if the file does not say."""


def file_facts(
    path: Path, input_shape: tuple[int, ...] | None = None, *, given: GivenShapes | None = None
) -> FileFacts:
    """Read a model file in a worker: a damaged one may take its reader down, but not us.

    Parameters
    ----------
    input_shape
        Of the main input at batch 1, where the file leaves it open.
    given
        Instead of ``input_shape``: all that is known of the shapes.

    Raises
    ------
    ModelError
        Missing, damaged, of unknown format, with open dimensions and nothing given; or its reader crashed.
    """
    given = GivenShapes(input_shape) if given is None else given
    payload = {"path": str(path), "shape": given.shape, "picture": given.picture, "named": dict(given.named)}
    job = Job(
        "advisor.measure.items.model_kernels:facts_job",
        (JobItem(str(path), payload),),
        on_import=("advisor.graph.reader",),
    )
    (outcome,) = run_job(job, _TIMEOUT_S).outcomes
    if outcome.value is None:
        failure = str(outcome.failure)
        if str(path) in failure:
            raise ModelError(failure)
        raise ModelError(f"model {path}: reading it failed: {failure}; export it again")
    value = outcome.value
    return FileFacts(
        sha256=value["sha256"],
        input_shape=tuple(value["input_shape"]),
        flop=value["flop"],
        parameters=value["parameters"],
        further_shapes=tuple((name, tuple(shape)) for name, shape in value["further_shapes"].items()),
        file_batch=value["file_batch"],
        int8=value["int8"],
        reader=value["reader"],
        score_columns=value["score_columns"],
    )


def model_works(
    model: ModelFile,
    requests: Sequence[WorkRequest],
    store: MeasurementStore | None,
    progress: Progress | None = None,
) -> list[ModelWork | None]:
    """Compile a model in a worker and list its kernels; nothing is run. As :func:`works_of` of several."""
    return works_of([(model, request) for request in requests], store, progress)


def works_of(
    wanted: Sequence[tuple[ModelFile, WorkRequest]],
    store: MeasurementStore | None,
    progress: Progress | None = None,
) -> list[ModelWork | None]:
    """Compile models one after another in a worker and list their kernels; nothing is run.

    One worker serves all that need the same environment: to start one and load the runtime takes as long as a small
    model.

    Parameters
    ----------
    wanted : sequence
        Models, with runtime, precision, batch and SIMD cap of each. The f32 file; int8 copies are made where needed.
    store : MeasurementStore, optional
        What it holds is not compiled again; what is new is added to it.
    progress : Progress, optional
        Receives why a request failed.

    Returns
    -------
    list
        In the order of ``wanted``; None if the runtime cannot run the model so.
    """
    works: dict[str, ModelWork] = {}
    left: dict[str, tuple[ModelFile, WorkRequest]] = {}
    for model, request in wanted:
        runtime, precision, batch, cap = request
        known = None
        if store is not None:
            known = store.get_work(model.sha256, runtime, runtime_version(runtime), precision, batch, cap)
        if known is None:
            left[_named(model, request)] = model, request
        else:
            works[_named(model, request)] = known

    def arrived(outcome: JobOutcome) -> None:
        if outcome.value is None:
            if progress is not None:
                model, request = left[outcome.id]
                progress.message(f"{model.name} {'/'.join(map(str, request))}: {outcome.failure}")
            return
        work = works[outcome.id] = ModelWork.model_validate(outcome.value)
        if store is not None:
            store.put_work(work)

    groups: dict[tuple[str, str | None], list[JobItem]] = {}
    for name, (model, request) in left.items():
        payload = {"model": model.model_dump(mode="json"), "work": request}
        groups.setdefault((request[0], request[3]), []).append(JobItem(name, payload))
    for (runtime, cap), items in groups.items():
        imports = (*runtime_imports(runtime), "advisor.graph.reader")
        environment = worker_environment(cast("SimdCap | None", cap))
        run_job(
            Job("advisor.measure.items.model_kernels:work_job", tuple(items), environment, on_import=imports),
            _TIMEOUT_S,
            arrived,
        )
    return [works.get(_named(model, request)) for model, request in wanted]


def _named(model: ModelFile, request: WorkRequest) -> str:
    return "/".join(map(str, (model.sha256, *request)))


def counted_works(models: Sequence[ModelFile], store: MeasurementStore | None) -> dict[str, ModelWork]:
    """Work of the models as it is counted in their files, by hash; nothing is compiled.

    Left out is a model whose file alone does not tell it (another format, int8 operators), or not as many operations
    as its reader finds: its work is known only as a runtime fuses it.
    """
    from advisor.graph.counted import VERSION, same_count

    def complete(work: ModelWork, model: ModelFile) -> bool:
        return model.flop is None or same_count(work.flop, model.flop)

    works: dict[str, ModelWork] = {}
    left: dict[str, ModelFile] = {}
    for model in models:
        known = None if store is None else store.get_work(model.sha256, "file", VERSION, "f32", 1)
        if known is None or not complete(known, model):
            left[model.sha256] = model
        else:
            works[model.sha256] = known

    def arrived(outcome: JobOutcome) -> None:
        if outcome.value is not None and outcome.value["work"] is not None:
            work = works[outcome.id] = ModelWork.model_validate(outcome.value["work"])
            if store is not None:
                store.put_work(work)

    if left:
        items = tuple(JobItem(name, {"model": model.model_dump(mode="json")}) for name, model in left.items())
        job = Job("advisor.measure.items.model_kernels:counted_job", items, on_import=("advisor.graph.counted",))
        run_job(job, _TIMEOUT_S, arrived)
    files = {model.sha256: model for model in models}
    return {sha256: work for sha256, work in works.items() if complete(work, files[sha256])}


def _counted(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker."""
    from advisor.graph.counted import counted_work

    work = counted_work(ModelFile.model_validate(payload["model"]))
    return {"work": None if work is None else work.model_dump(mode="json")}


counted_job = each(_counted)


def _facts(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker."""
    from advisor.graph.frontend import hash_file
    from advisor.graph.labels import score_columns
    from advisor.runtimes.file_facts import file_facts, own_precision

    path = Path(payload["path"])
    shape, picture = (None if payload[name] is None else tuple(payload[name]) for name in ("shape", "picture"))
    named = {name: tuple(lengths) for name, lengths in payload["named"].items()}
    facts = file_facts(path, GivenShapes(shape, None if picture is None else (picture[0], picture[1]), named))
    sha256 = hash_file(path)
    if facts.dynamic or facts.reader == "torch":  # its files hold no sizes
        sha256 = at_sizes(sha256, facts.input_shape, facts.further_shapes)
    return {
        "sha256": sha256,
        "input_shape": list(facts.input_shape),
        "flop": facts.flop,
        "parameters": facts.parameters,
        "further_shapes": facts.further_shapes,
        "file_batch": facts.file_batch,
        "reader": facts.reader,
        "int8": own_precision(path) == "int8",
        "score_columns": score_columns(path),
    }


facts_job = each(_facts)


def _work(payload: dict[str, Any]) -> dict[str, Any]:
    """Inside the worker: compile, read the fused graph."""
    from advisor.runtimes.inspect import inspect_model

    model = ModelFile.model_validate(payload["model"])
    runtime, precision, batch, cap = payload["work"]
    config = RunConfig(
        runtime=runtime, precision=precision, batch=batch, simd_cap=cap, streams=1, threads=1, requests=1
    )
    work = inspect_model(model, config, model_path(model, config))
    # The store looks works up by the version of the package, which needs no runtime to be loaded.
    return work.model_copy(update={"runtime_version": runtime_version(runtime)}).model_dump(mode="json")


work_job = each(_work)
