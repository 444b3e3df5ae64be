"""Published whole pipelines on graphics and neural processors: cameras carried against cameras predicted, one by one.

Each stage is on the device that the source names, each device and the engines serve their own load, and what is full
first decides: the utilisation law at the median without headroom, as in ``benchmarks/pipelines.py``. Nothing is fitted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor.perfmodel.devices.graphics import OPERATIONS_PER_CLOCK
from advisor.planner.search.belief import MEDIAN
from advisor.planner.search.costs import choice_cores, device_load, engine_load, load_facts
from advisor.planner.search.decoding import engines_of
from advisor.planner.search.devices import DeviceUse
from advisor.planner.search.platform_model import PlatformModel
from advisor.planner.search.setup import Choice
from advisor.planner.search.stage_option import StageOption
from advisor.records.base import Evidence
from advisor.records.scenario import Scenario
from advisor.store.catalogue import Catalogue

from .common import percent, table
from .pipeline_rows import CLOSE, OBJECTS, Pipeline, encode_load, parts_ms, scenario_of, study_of, summary, work_of


@dataclass(frozen=True)
class Limits:
    """Cameras at which each resource of a machine is full; what is not used bounds nothing."""

    cameras: dict[str, float]
    """Resource -> cameras: ``cores``, ``engines``, and the devices that infer."""
    evidence: Evidence
    """Weakest of the passes."""

    @property
    def first(self) -> str:
        """Resource that is full first."""
        return min(self.cameras, key=lambda name: self.cameras[name])

    @property
    def streams(self) -> float:
        """Cameras that the machine carries."""
        return self.cameras[self.first]


class Unknown(Exception):
    """No evidence of a model on the device that the source names."""


def device_limits(pipeline: Pipeline, application: object, objects: float, *, encodes: bool) -> Limits:
    """What each resource carries of a pipeline.

    ``encodes``: whether what the engines encode counts, too.

    Raises
    ------
    Unknown
        A stage is on a device of which nothing tells how fast it runs the model.
    """
    scenario = scenario_of(pipeline, application, objects)
    study, candidate = study_of(pipeline, scenario)
    cores_alone = study.model(candidate)
    uses = {use.name: use for use in (DeviceUse(device, "cores") for device in candidate.devices)}
    stays = {*pipeline.devices} == {"GPU"}
    engines = engines_of(candidate.devices, scenario, "zero-copy" if stays else "copied")
    models = {
        name: PlatformModel(study.inputs, candidate, "all", use, cores_alone, engines) for name, use in uses.items()
    }
    choice = {stage.id: _option(models, scenario, stage.id) for stage in scenario.stages}
    facts = load_facts(scenario, study.case.nominal(1), lambda _: (1,))
    model = models[pipeline.devices[0]]
    cameras = {"cores": model.cores / choice_cores(model, scenario, choice, facts, MEDIAN, contended=True)}
    for name, part in _by_device(choice).items():
        cameras[name] = 1.0 / device_load(part, facts, MEDIAN)
    per_camera, wall = encode_load(pipeline) if encodes else (0.0, 0.0)
    cameras["engines"] = (1.0 - wall) / (engine_load(model, scenario, facts, MEDIAN) + per_camera)
    return Limits(cameras, max((option.estimate.evidence for option in choice.values()), key=list(Evidence).index))


def _option(models: dict[str, PlatformModel], scenario: Scenario, name: str) -> StageOption:
    stage = scenario.stage(name)
    assert stage.device is not None
    options = models[stage.device].every_option(scenario, stage) if stage.device in models else []
    if not options:
        raise Unknown(f"no figure of {stage.model} on its {stage.device}")
    return min(options, key=lambda option: option.busy_s(MEDIAN))


def _by_device(choice: Choice) -> dict[str, Choice]:
    found: dict[str, dict[str, StageOption]] = defaultdict(dict)
    for name, option in choice.items():
        found[option.config.device][name] = option
    return dict(found)


Way = Callable[[Pipeline, float], Limits]
"""What a pipeline with so many objects per frame is predicted to fill."""
WAYS: dict[str, Way] = {
    "models alone": lambda pipeline, objects: device_limits(pipeline, "none", objects, encodes=False),
    "as usual": lambda pipeline, objects: device_limits(pipeline, {}, objects, encodes=False),
    "its parts stated": lambda pipeline, objects: device_limits(
        pipeline, {"overhead_ms_per_frame": parts_ms(pipeline)}, objects, encodes=True
    ),
}


def peak_share(pipeline: Pipeline) -> float | None:
    """Share of the graphics' peak on the data sheet that the detectors of the carried cameras take.

    Above 1 a row cannot be what its source says. None: they are on another device.
    """
    if pipeline.devices[0] != "GPU":
        return None
    device = Catalogue.shipped().device(pipeline.platform, "GPU")
    assert device is not None
    assert device.execution_units is not None
    assert device.clock_hz is not None
    per_clock = OPERATIONS_PER_CLOCK[pipeline.precision == "int8"]
    rate = pipeline.streams * pipeline.fps / pipeline.every_frames
    return rate * work_of(pipeline.detector).flop / (device.execution_units * device.clock_hz * per_clock)


def device_section(pipelines: Sequence[Pipeline]) -> tuple[str, dict[str, list[float]]]:
    """Tables of the pipelines, and predicted over carried in each way of those of which anything is known."""
    found: list[tuple[Pipeline, dict[str, Limits]]] = []
    unknown: list[str] = []
    for pipeline in pipelines:
        try:
            found.append((pipeline, {name: way(pipeline, OBJECTS) for name, way in WAYS.items()}))
        except Unknown as reason:
            unknown.append(f"{pipeline.name} ({'/'.join(pipeline.devices)}): {reason}")
    ratios = {name: [limits[name].streams / pipeline.streams for pipeline, limits in found] for name in WAYS}
    head = [
        "pipeline", "machine", "detect/classify on", "models (work * factor)", "detectors of those carried, of peak",
        "carried", "full first", "evidence",
    ]  # fmt: skip
    lines = [
        [
            pipeline.name,
            pipeline.platform,
            "/".join(dict.fromkeys(pipeline.devices)),
            ", ".join((pipeline.detector, *pipeline.classifiers)),
            "-" if (share := peak_share(pipeline)) is None else percent(share, 0),
            str(pipeline.streams),
            limits["its parts stated"].first,
            limits["its parts stated"].evidence.value,
            *(f"{limits[name].streams / pipeline.streams:.2f}" for name in WAYS),
        ]
        for pipeline, limits in found
    ]
    parts = [
        "All of these decode by the engines of the chip's graphics:",
        table([*head, *(f"predicted over carried: {name}" for name in WAYS)], lines),
        table(["way", "median", "range", f"within x{CLOSE:g}"], summary(ratios)),
        "Its parts stated, by what is assumed or left out:",
        table(["pipelines", "median", "range", f"within x{CLOSE:g}"], summary(_parts_of(found))),
    ]
    if unknown:
        parts.append(f"{len(unknown)} are unknown and judged by nothing: " + "; ".join(unknown) + ".")
    return "\n\n".join(parts), ratios


def _parts_of(found: Sequence[tuple[Pipeline, dict[str, Limits]]]) -> dict[str, list[float]]:
    way = WAYS["its parts stated"]
    plain = [(item, limits["its parts stated"]) for item, limits in found]
    groups = {
        "detectors alone": [(item, limits) for item, limits in plain if not item.classifiers],
        "those possible by the peak": [(item, limits) for item, limits in plain if (peak_share(item) or 0.0) <= 1.0],
    }
    ratios = {name: [limits.streams / item.streams for item, limits in rows] for name, rows in groups.items()}
    with_objects = [item for item, _ in found if item.classifiers]
    return ratios | {
        f"that classify, {objects:g} objects per frame": [
            way(item, objects).streams / item.streams for item in with_objects
        ]
        for objects in (OBJECTS / 3.0, OBJECTS, 2.0 * OBJECTS)
    }
