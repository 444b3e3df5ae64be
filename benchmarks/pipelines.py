"""Whole pipelines as published: cameras carried against cameras predicted, one by one; nothing is measured or fitted.

Carried is what the source counts: the most cameras whose mean rate is kept, files read as fast as possible. Predicted
is the utilisation law with all cores busy and no headroom, which is what that comes to.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from functools import lru_cache

from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.work_table import CLASSES, WorkTable, load_works
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import choice_cores, load_facts
from advisor.planner.search.search import least_deployment
from advisor.planner.search.space import stage_batches
from advisor.planner.search.study import Study
from advisor.records.config import RunConfig
from advisor.records.model import Kernel, KernelType, ModelFile, ModelWork
from advisor.records.scenario import Scenario
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir

OBJECTS = 3.0
"""Objects per frame on the clips; no source says it."""
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
            "accuracy": {"precisions": ["int8"]},
            "application": application,
        }
    )  # fmt: skip


def _study(pipeline: Pipeline, scenario: Scenario) -> tuple[Study, Candidate]:
    works = {name: work_of(name) for name in (pipeline.detector, *pipeline.classifiers)}
    int8 = {name: work.model_copy(update={"precision": "int8"}) for name, work in works.items()}
    catalogue = Catalogue.load()
    machine = catalogue.resolve(pipeline.platform)
    platform = next(item for item in catalogue.platforms() if catalogue.machine(item).name == machine.name)
    candidate = Candidate(platform, machine)
    shapes = {"pp-ocr-rec": (1, 3, 48, 320)}
    edges = {"yolo": 640, "*0.4225": 416}
    del edges
    models = {
        stage.id: ModelFile(
            reference=stage.model, name=stage.model, family=works[stage.model].family, kind="architecture",
            path=f"{stage.model}.onnx", sha256=works[stage.model].sha256,
            input_shape=shapes.get(stage.model, (1, 3, 224, 224) if stage.on else (1, 3, 640, 640)),
        )
        for stage in scenario.stages
    }  # fmt: skip
    inputs = PlanInputs(
        scenario=scenario,
        scenario_sha256="0" * 64,
        models=models,
        works=lambda stage, _runtime, _precision, _batch: int8[scenario.stage(stage).model],
        predictor=_predictor(tuple(works.values())),
        candidates=(candidate,),
        today=dt.date(2026, 11, 29),
    )
    return Study.of(inputs), candidate


@lru_cache(maxsize=16)
def _predictor(works: tuple[ModelWork, ...]) -> Predictor:
    return Predictor.load(counted={work.sha256: work for work in works})


def planned_streams(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> float:
    """Cameras by the utilisation law with the configuration of least demand, as a plan would have it."""
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = _study(pipeline, scenario)
    deployment = least_deployment(study, candidate, 1)
    assert deployment is not None
    cores = deployment.cores(deployment.nominal, MEDIAN, contended=True)
    return deployment.model.cores / cores


def as_built_streams(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> float:
    """The same with the inference streams and the batch of the source, each pass over all threads of a stream."""
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = _study(pipeline, scenario)
    model = study.model(candidate)
    streams = pipeline.model_streams or max(1, model.physical_threads // 4)
    config = RunConfig(
        precision="int8", streams=streams, threads=max(streams, model.physical_threads), batch=pipeline.batch,
        requests=streams, pinning=False,
    )  # fmt: skip
    facts = load_facts(scenario, study.case.nominal(1), lambda stage: (*stage_batches(stage), pipeline.batch))
    choice = {}
    for stage in scenario.stages:
        work = study.inputs.works(stage.id, "openvino", "int8", pipeline.batch)
        assert work is not None
        (estimate,) = study.inputs.predictor.service_many([(candidate.machine, work, config)])
        from dataclasses import replace

        option = model.every_option(scenario, stage)[0]
        choice[stage.id] = replace(option, config=config, estimate=estimate)
    return model.cores / choice_cores(model, scenario, choice, facts, MEDIAN, contended=True)
