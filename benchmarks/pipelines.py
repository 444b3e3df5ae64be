"""Whole pipelines as published: cameras carried against cameras predicted, one by one; nothing is measured or fitted.

Carried is what the source counts: the most cameras whose mean rate is kept, files read as fast as possible. Predicted
is the utilisation law with all cores busy and no headroom, at the median, which is what that comes to.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from advisor.calibration.application import HAND_OVERS_MEASURED, HAND_OVERS_PER_FRAME, RESULTS_MS, part_ms, read_rows
from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.runtime_defaults import default_streams
from advisor.perfmodel.analytic.work_table import CLASSES, WorkTable, load_works
from advisor.perfmodel.resources.software_decode import load_decode
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import choice_cores, load_facts
from advisor.planner.search.search import least_deployment
from advisor.planner.search.study import Study
from advisor.records.base import Precision
from advisor.records.config import RunConfig
from advisor.records.model import Kernel, KernelType, ModelFile, ModelWork
from advisor.records.scenario import Scenario
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir
from advisor.workflows.this_machine import bare_candidate

from .common import percent, table

OBJECTS = 3.0
"""Objects per frame on the clips; no source says it. Assumed, with half and twice as many beside it."""
CLOSE = 1.5
"""Factor within which a prediction counts as close."""
SIZES = {"pp-ocr-rec": (48, 320)}
"""Height and width of a model's input; detectors' are told by their works, other models are 224 x 224."""
_TYPES: dict[str, KernelType] = {
    "conv": "conv", "dwconv": "dwconv", "gemm": "fc", "memory": "eltwise", "serial": "detection",
}  # fmt: skip


@dataclass(frozen=True)
class Pipeline:
    """One published row of a machine's CPU."""

    name: str
    platform: str
    cores: int
    detector: str
    classifiers: tuple[str, ...]
    every_frames: int
    codec: str
    size: tuple[int, int]
    bitrate_kbps: float | None
    fps: float
    batch: int
    model_streams: int | None
    compiled_per: str
    precision: Precision
    cells: int | None
    parts: tuple[str, ...]
    streams: int


def _rows() -> list[dict[str, str]]:
    with (profiles_dir() / "published" / "pipelines.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def published() -> tuple[list[Pipeline], int]:
    """Pipelines that run on a CPU alone; and how many run on other devices."""
    found, others = [], 0
    for row in _rows():
        if row["kind"] != "pipeline":
            continue
        if {row["decode_device"], row["detect_device"], row["classify_device"] or "CPU"} != {"CPU"}:
            others += 1
            continue
        found.append(
            Pipeline(
                row["pipeline"],
                row["platform"],
                int(row["cores"]),
                row["detector"],
                tuple(row["classifiers"].split("+")) if row["classifiers"] else (),
                int(row["every_frames"]),
                row["codec"],
                (int(row["width"]), int(row["height"])),
                float(row["bitrate_kbps"]) if row["bitrate_kbps"] else None,
                float(row["fps"]),
                int(row["batch"]),
                int(row["model_streams"]) if row["model_streams"] else None,
                row["compiled_per"],
                "f32" if row["precision"] == "f32" else "int8",
                int(row["cells"]) if row["cells"] else None,
                tuple(row["parts"].split("+")),
                int(row["streams"]),
            )
        )
    return found, others


@lru_cache(maxsize=64)
def work_of(text: str) -> ModelWork:
    """Work of a published model, or of one of the zoo, its operations and activations times the factor behind ``*``."""
    name, _, factor = text.partition("*")
    scale = float(factor or 1.0)
    known = load_works(profiles_dir() / "calibration" / "works.json")
    counted = known[name] if name in known else _counted(name)
    kernels = tuple(
        Kernel(
            name=f"{kind}-{number}",
            type=_TYPES[kind],
            original_type=kind,
            flop=scale * flop / count,
            input_bytes=scale * activation_bytes / count,
            output_bytes=0.0,
            weight_bytes=weight_bytes / count,
            precision="f32",
        )
        for kind, (flop, activation_bytes, weight_bytes, count) in zip(CLASSES, counted.table, strict=True)
        for number in range(int(count))
    )
    return ModelWork(
        model=text,
        sha256=(text.encode().hex() + "0" * 64)[:64],
        kind="architecture",
        family=counted.family,
        runtime="openvino",
        runtime_version="",
        precision="f32",
        batch=1,
        simd_cap=None,
        kernels=kernels,
        flop=scale * counted.flop,
        weight_bytes=counted.weight_bytes,
        activation_bytes=scale * counted.peak_activation_bytes,
    )


def _counted(name: str) -> WorkTable:
    """Table of a model of the zoo, counted in its graph."""
    from advisor.graph.counted import counted_kernels
    from advisor.perfmodel.analytic.work_table import table_of
    from advisor.zoo import describe, info
    from advisor.zoo.onnx_file import outline

    kernels, alive_bytes = counted_kernels(outline(describe(name)))
    work = ModelWork(
        model=name, sha256="0" * 64, kind="architecture", family=info(name).family, runtime="file", runtime_version="",
        precision="f32", batch=1, simd_cap=None, kernels=tuple(kernels), flop=sum(item.flop for item in kernels),
        weight_bytes=sum(item.weight_bytes for item in kernels), activation_bytes=alive_bytes,
    )  # fmt: skip
    return table_of(work)


def scenario_of(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> Scenario:
    """One camera of the pipeline; what no source says is as a scenario that leaves it out."""
    width, height = pipeline.size
    stages: list[dict[str, object]] = [
        {"id": "detect", "model": pipeline.detector, "every": f"{pipeline.every_frames} frames", "objects": "object"}
    ]
    stages += [
        {"id": f"classify-{number}", "model": name, "on": "detect", "batch": {"max": pipeline.batch}}
        for number, name in enumerate(pipeline.classifiers, 1)
    ]
    return Scenario.model_validate(
        {
            "scenario": pipeline.name,
            "cameras": [
                {
                    "group": "camera", "count": 1, "resolution": f"{width}x{height}", "codec": pipeline.codec,
                    "fps": pipeline.fps, "bitrate_kbps": pipeline.bitrate_kbps,
                }
            ],
            "activity": {"objects_per_frame": {"object": {"mean": objects}}},
            "stages": stages,
            "slo": {"latency_p95_ms": 1e6, "load": "mean"},
            "margin": {"headroom_pct": 0.0},
            "accuracy": {"precisions": [pipeline.precision]},
            "application": application,
        }
    )  # fmt: skip


def _input_shape(work: str, *, on_objects: bool) -> tuple[int, int, int, int]:
    name, _, factor = work.partition("*")
    if name in SIZES:
        return (1, 3, *SIZES[name])
    edge = 224 if on_objects else round(640 * math.sqrt(float(factor))) if factor == "0.4225" else 640
    return 1, 3, edge, edge


def _study(pipeline: Pipeline, scenario: Scenario) -> tuple[Study, Candidate]:
    """The scenario with its machine as the only candidate: the bare chip, as `--on CHIP` takes it."""
    works = {name: work_of(name) for name in (pipeline.detector, *pipeline.classifiers)}
    candidate = bare_candidate(Catalogue.load(), pipeline.platform)
    models = {
        stage.id: ModelFile(
            reference=stage.model,
            name=stage.model,
            family=works[stage.model].family,
            kind="architecture",
            path=f"{stage.model}.onnx",
            sha256=works[stage.model].sha256,
            input_shape=_input_shape(stage.model, on_objects=stage.on is not None),
        )
        for stage in scenario.stages
    }
    inputs = PlanInputs(
        scenario=scenario,
        scenario_sha256="0" * 64,
        models=models,
        works=lambda stage, _runtime, precision, _batch: works[scenario.stage(stage).model].model_copy(
            update={"precision": precision}
        ),
        predictor=_predictor(),
        candidates=(candidate,),
        today=dt.date(2026, 11, 29),
    )
    return Study.of(inputs), candidate


@lru_cache(maxsize=1)
def _predictor() -> Predictor:
    """The shipped predictor with the works of all models of the table."""
    names = {name for pipeline in published()[0] for name in (pipeline.detector, *pipeline.classifiers)}
    works = [work_of(name) for name in sorted(names)]
    return Predictor.load(counted={work.sha256: work for work in works})


def planned_streams(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> float:
    """Cameras that the machine carries in the configuration of least demand, as a plan would have it."""
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = _study(pipeline, scenario)
    deployment = least_deployment(study, candidate, 1)
    assert deployment is not None
    cores = deployment.cores(deployment.nominal, MEDIAN, contended=True)
    return _at_most(deployment.model.cores / cores, pipeline)


def as_built_streams(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> float:
    """The same with the inference streams and the batch of the source: each pass takes all threads of its stream."""
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = _study(pipeline, scenario)
    model = study.model(candidate)
    threads = model.physical_threads
    streams = pipeline.model_streams or default_streams(threads)
    config = RunConfig(
        precision=pipeline.precision,
        streams=streams,
        threads=threads,
        batch=pipeline.batch,
        requests=streams,
        pinning=False,
    )
    choice = {}
    for stage in scenario.stages:
        option = model.every_option(scenario, stage)[0]
        work = study.inputs.works(stage.id, "openvino", pipeline.precision, pipeline.batch)
        assert work is not None
        (estimate,) = study.inputs.predictor.service_many([(candidate.machine, work, config)])
        choice[stage.id] = replace(option, config=config, estimate=estimate)
    facts = load_facts(scenario, study.case.nominal(1), lambda _: (pipeline.batch,))
    return _at_most(model.cores / choice_cores(model, scenario, choice, facts, MEDIAN, contended=True), pipeline)


def _at_most(streams: float, pipeline: Pipeline) -> float:
    return streams if pipeline.cells is None else min(streams, float(pipeline.cells))


def parts_ms(pipeline: Pipeline) -> float:
    """What the parts of a pipeline take per frame of the reference core, as far as they are known [ms].

    Queues, storing and scaling are measured here; encoding is as the source says of the same machine, that of a picture
    wall shared by its cells. Tracking and metadata are assumed as in ``advisor/calibration/application.py``; blending
    the wall is not known and left out.
    """
    measured = {row["part"]: row for row in read_rows(profiles_dir() / "measured" / "application.csv")}
    known = set(measured) - {"encode h264", "encode h265"}
    times_ms = {part: part_ms(measured[part], load_decode()) for part in known}
    times_ms["queues"] *= HAND_OVERS_PER_FRAME / HAND_OVERS_MEASURED
    total_ms = sum(times_ms.get(part, 0.0) for part in pipeline.parts)
    if "encode h265" in pipeline.parts:
        total_ms += _encode_ms(pipeline, "h265", 1920)
    if "encode wall" in pipeline.parts:
        total_ms += _encode_ms(pipeline, "h264", 3840) / (pipeline.cells or 1)
    return total_ms + (RESULTS_MS if "track" in pipeline.parts else 0.0)


def _encode_ms(pipeline: Pipeline, codec: str, width: int) -> float:
    """Core time of encoding a picture in software on the pipeline's machine, of the reference core [ms]."""
    (row,) = [
        row
        for row in _rows()
        if (row["kind"], row["platform"], row["codec"], row["width"])
        == ("encode", pipeline.platform, codec, str(width))
    ]
    core_s = float(row["cores"]) / (float(row["streams"]) * float(row["fps"]))
    machine = Catalogue.load().resolve(pipeline.platform)
    return core_s / _predictor().application(machine, "frame", 1.0).core_s.p50


Way = Callable[[Pipeline, float], float]
"""Cameras predicted for a pipeline with so many objects per frame."""
WAYS: dict[str, Way] = {
    "models alone": lambda pipeline, objects: planned_streams(pipeline, "none", objects),
    "as usual": lambda pipeline, objects: planned_streams(pipeline, {}, objects),
    "its parts stated": lambda pipeline, objects: planned_streams(pipeline, _stated(pipeline), objects),
    "and its settings": lambda pipeline, objects: as_built_streams(pipeline, _stated(pipeline), objects),
}


def _stated(pipeline: Pipeline) -> dict[str, float]:
    return {"overhead_ms_per_frame": parts_ms(pipeline)}


def lines(pipelines: Sequence[Pipeline], ratios: dict[str, list[float]]) -> list[list[str]]:
    """One line per pipeline: what it is, carried, and predicted over carried in each way."""
    return [
        [
            pipeline.name,
            pipeline.platform,
            ", ".join((pipeline.detector, *pipeline.classifiers)),
            f"{parts_ms(pipeline):.2g}",
            str(pipeline.streams),
            *(f"{ratios[way][index]:.2f}" for way in ratios),
        ]
        for index, pipeline in enumerate(pipelines)
    ]


def summary(ratios: dict[str, list[float]]) -> list[list[str]]:
    """Median, range and share within a factor of each way."""
    return [
        [
            way,
            f"{statistics.median(found):.2f}",
            f"{min(found):.2f} to {max(found):.2f}",
            percent(statistics.fmean(abs(math.log(ratio)) <= math.log(CLOSE) for ratio in found), 0),
        ]
        for way, found in ratios.items()
    ]


def run() -> str:
    """Return the section."""
    pipelines, others = published()
    ratios = {way: [_ratio(pipeline, predict, OBJECTS) for pipeline in pipelines] for way, predict in WAYS.items()}
    head = ["pipeline", "machine", "models (work * factor)", "parts [ms of a reference core per frame]", "carried"]
    with_objects = [pipeline for pipeline in pipelines if pipeline.classifiers]
    counts = {
        f"as usual, {objects:g} objects per frame": [_ratio(item, WAYS["as usual"], objects) for item in with_objects]
        for objects in (OBJECTS / 3.0, OBJECTS, 2.0 * OBJECTS)
    }
    return "\n\n".join(
        [
            table([*head, *(f"predicted over carried: {way}" for way in ratios)], lines(pipelines, ratios)),
            table(
                ["way", "median", "range", f"within x{CLOSE:g}"],
                summary(ratios),
            ),
            f"Of the {len(with_objects)} pipelines that classify objects:",
            table(["way", "median", "range", f"within x{CLOSE:g}"], summary(counts)),
            f"{others} further pipelines decode or infer on integrated graphics or an NPU: not modelled yet.",
        ]
    )


def _ratio(pipeline: Pipeline, predict: Way, objects: float) -> float:
    return predict(pipeline, objects) / pipeline.streams
