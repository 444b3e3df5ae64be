"""Whole pipelines as published: cameras carried against cameras predicted, one by one; nothing is measured or fitted.

Carried is what the source counts: the most cameras whose mean rate is kept, files read as fast as possible. Predicted
is the utilisation law with all cores busy and no headroom, at the median, which is what that comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.perfmodel.analytic.runtime_defaults import default_streams
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import choice_cores, load_facts
from advisor.planner.search.search import least_deployment
from advisor.records.config import RunConfig

from .common import table
from .pipeline_clips import GRID, Ratios, clip_section, scatter_section
from .pipeline_rows import CLOSE, OBJECTS, Pipeline, parts_ms, published, scenario_of, study_of, summary
from .pipelines_devices import WAYS as DEVICE_WAYS
from .pipelines_devices import Unknown, device_section


def planned_streams(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> float:
    """Cameras that the machine carries in the configuration of least demand, as a plan would have it."""
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = study_of(pipeline, scenario)
    deployment = least_deployment(study, candidate, 1)
    assert deployment is not None
    cores = deployment.cores(deployment.nominal, MEDIAN, contended=True)
    return _at_most(deployment.model.cores / cores, pipeline)


def as_built_streams(pipeline: Pipeline, application: object, objects: float = OBJECTS) -> float:
    """The same with the inference streams and the batch of the source: each pass takes all threads of its stream."""
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = study_of(pipeline, scenario)
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


def run() -> str:
    """Return the section."""
    pipelines, on_devices = published()
    ratios = {way: [_ratio(pipeline, predict, OBJECTS) for pipeline in pipelines] for way, predict in WAYS.items()}
    of_devices, by_device = device_section(on_devices)
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
            of_devices,
            f"All {len(pipelines) + len(by_device['its parts stated'])} pipelines, on cores and on devices:",
            table(
                ["way", "median", "range", f"within x{CLOSE:g}"],
                summary({way: ratios[way] + found for way, found in by_device.items()}),
            ),
            "Objects per frame on each clip as the rows of *other* machines tell them, its parts stated:",
            clip_section(_by_objects([*pipelines, *on_devices])),
            "What different pipelines carry of one detector on one chip, without a classifier:",
            scatter_section([*pipelines, *on_devices]),
        ]
    )


def _by_objects(pipelines: Sequence[Pipeline]) -> Ratios:
    """Predicted over carried with the parts stated, for each number of objects; what is unknown is left out."""
    found: dict[Pipeline, dict[float, float]] = {}
    for pipeline in pipelines:
        try:
            found[pipeline] = {
                objects: _stated_streams(pipeline, objects) / pipeline.streams
                for objects in (GRID if pipeline.classifiers else (OBJECTS,))
            }
        except Unknown:
            continue  # the section on devices names them
    return found


def _stated_streams(pipeline: Pipeline, objects: float) -> float:
    way = "its parts stated"
    return WAYS[way](pipeline, objects) if pipeline.on_cpu else DEVICE_WAYS[way](pipeline, objects).streams


def _ratio(pipeline: Pipeline, predict: Way, objects: float) -> float:
    return predict(pipeline, objects) / pipeline.streams
