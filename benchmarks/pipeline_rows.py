"""Published whole pipelines as scenarios: rows, works of their models, and what their parts take around the models."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from advisor.calibration.application import HAND_OVERS_MEASURED, HAND_OVERS_PER_FRAME, RESULTS_MS, part_ms, read_rows
from advisor.perfmodel import Predictor
from advisor.perfmodel.analytic.work_table import CLASSES, WorkTable, load_works
from advisor.perfmodel.resources.software_decode import load_decode
from advisor.planner.question.inputs import Candidate, PlanInputs
from advisor.planner.search.study import Study
from advisor.records.base import Precision
from advisor.records.model import Kernel, KernelType, ModelFile, ModelWork
from advisor.records.scenario import Scenario
from advisor.store.catalogue import Catalogue
from advisor.store.paths import profiles_dir
from advisor.workflows.plan_devices import DeviceAnswers, with_devices
from advisor.workflows.this_machine import bare_candidate

from .common import percent

OBJECTS = 3.0
"""Objects per frame on the clips; no source says it. Assumed, with half and twice as many beside it."""
CLOSE = 1.5
"""Factor within which a prediction counts as close."""
NEAREST_ENCODER, NEAREST_RATE = "intel-core-i5-12400", 0.75
"""Chip whose encoding stands for that of one without a figure, and its share: half to one, as of decoding engines."""
SIZES = {"pp-ocr-rec": (48, 320)}
"""Height and width of a model's input; detectors' are told by their works, other models are 224 x 224."""
_TYPES: dict[str, KernelType] = {
    "conv": "conv", "dwconv": "dwconv", "gemm": "fc", "memory": "eltwise", "serial": "detection",
}  # fmt: skip
_NAMES = {"CPU": "CPU", "iGPU": "GPU", "NPU": "NPU"}
"""Devices as the source and as scenarios spell them."""


@dataclass(frozen=True)
class Pipeline:
    """One published row."""

    name: str
    platform: str
    cores: int
    decode_device: str
    """``CPU``, or ``GPU`` for the engines of the chip's graphics."""
    devices: tuple[str, ...]
    """Where the detector and then each classifier runs, as scenarios spell it."""
    detector: str
    classifiers: tuple[str, ...]
    every_frames: int
    classify_every: int | None
    codec: str
    size: tuple[int, int]
    bitrate_kbps: float | None
    fps: float
    batch: int
    model_streams: int | None
    compiled_per: str
    precision: Precision
    cells: int | None
    wall_height: int | None
    """Height of the picture wall [px]; None: there is none."""
    parts: tuple[str, ...]
    streams: int

    @property
    def on_cpu(self) -> bool:
        """Whether nothing of it decodes or infers on another device."""
        return {self.decode_device, *self.devices} == {"CPU"}


def _rows() -> list[dict[str, str]]:
    with (profiles_dir() / "published" / "pipelines.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def published() -> tuple[list[Pipeline], list[Pipeline]]:
    """Pipelines that run on a CPU alone; and those that decode or infer on other devices."""
    found = [_pipeline(row) for row in _rows() if row["kind"] == "pipeline"]
    return [item for item in found if item.on_cpu], [item for item in found if not item.on_cpu]


def _pipeline(row: dict[str, str]) -> Pipeline:
    classifiers = tuple(row["classifiers"].split("+")) if row["classifiers"] else ()
    classify_device = _NAMES[row["classify_device"] or row["detect_device"]]
    return Pipeline(
        row["pipeline"],
        row["platform"],
        int(row["cores"]),
        _NAMES[row["decode_device"]],
        (_NAMES[row["detect_device"]], *(classify_device for _ in classifiers)),
        row["detector"],
        classifiers,
        int(row["every_frames"]),
        int(row["classify_every"]) if row["classify_every"] else None,
        row["codec"],
        (int(row["width"]), int(row["height"])),
        float(row["bitrate_kbps"]) if row["bitrate_kbps"] else None,
        float(row["fps"]),
        int(row["batch"]),
        int(row["model_streams"]) if row["model_streams"] else None,
        row["compiled_per"],
        "f32" if row["precision"] == "f32" else "int8",
        int(row["cells"]) if row["cells"] else None,
        int(row["wall_height"]) if row["wall_height"] else None,
        tuple(row["parts"].split("+")),
        int(row["streams"]),
    )


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
            input_bytes=scale * size_bytes,
            output_bytes=0.0,
            weight_bytes=weight_bytes / count,
            precision="f32",
        )
        for kind, (flop, activation_bytes, weight_bytes, count, squared) in zip(CLASSES, counted.table, strict=True)
        for number, size_bytes in enumerate(_sizes(activation_bytes, squared, int(count)))
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


def _sizes(activation_bytes: float, squared_bytes: float, count: int) -> list[float]:
    """Activations of each of ``count`` kernels [B], with the sum and the sum of squares of the table.

    As many kernels as have these sums when they share everything evenly do so, the others have none.
    """
    sharing = min(count, max(1, round(activation_bytes**2 / squared_bytes))) if squared_bytes > 0 else count
    return [activation_bytes / sharing if number < sharing else 0.0 for number in range(count)]


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
        {
            "id": f"classify-{number}", "model": name, "on": "detect", "batch": {"max": pipeline.batch},
            "every": f"{pipeline.classify_every} frames",
        }
        for number, name in enumerate(pipeline.classifiers, 1)
    ]  # fmt: skip
    permitted = tuple(dict.fromkeys((pipeline.decode_device, *pipeline.devices)))
    if not pipeline.on_cpu:
        stages = [stage | {"device": device} for stage, device in zip(stages, pipeline.devices, strict=True)]
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
            "candidates": {} if pipeline.on_cpu else {"devices": permitted},
        }
    )  # fmt: skip


def _input_shape(work: str, *, on_objects: bool) -> tuple[int, int, int, int]:
    name, _, factor = work.partition("*")
    if name in SIZES:
        return (1, 3, *SIZES[name])
    edge = 224 if on_objects else round(640 * math.sqrt(float(factor))) if factor == "0.4225" else 640
    return 1, 3, edge, edge


def study_of(pipeline: Pipeline, scenario: Scenario) -> tuple[Study, Candidate]:
    """The scenario with its machine as the only candidate: the bare chip with its devices, as `--on CHIP` takes it."""
    works = {name: work_of(name) for name in (pipeline.detector, *pipeline.classifiers)}
    catalogue = Catalogue.shipped()
    (candidate,) = with_devices(scenario, [bare_candidate(catalogue, pipeline.platform)], catalogue)
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
        predictor=predictor(),
        candidates=(candidate,),
        today=dt.date(2026, 11, 29),
        device_answer=DeviceAnswers(models, {work.sha256: work for work in works.values()}).on_device,
    )
    return Study.of(inputs), candidate


@lru_cache(maxsize=1)
def predictor() -> Predictor:
    """The shipped predictor with the works of all models of the table."""
    rows = itertools.chain(*published())
    names = {name for pipeline in rows for name in (pipeline.detector, *pipeline.classifiers)}
    works = [work_of(name) for name in sorted(names)]
    return Predictor.load(counted={work.sha256: work for work in works})


def parts_ms(pipeline: Pipeline) -> float:
    """What the parts of a pipeline take per frame of the reference core, as far as they are known [ms].

    Queues, storing and scaling are measured here; encoding is as the source says of the same machine, that of a picture
    wall shared by its cells. Tracking and metadata are assumed as in ``advisor/calibration/application.py``; blending
    the wall is not known and left out. Where graphics decode, they scale and engines encode (:func:`encode_load`).
    """
    on_cores = pipeline.decode_device == "CPU"
    measured = {row["part"]: row for row in read_rows(profiles_dir() / "measured" / "application.csv")}
    known = set(measured) - {"encode h264", "encode h265"}
    times_ms = {part: part_ms(measured[part], load_decode()) for part in known}
    times_ms["queues"] *= HAND_OVERS_PER_FRAME / HAND_OVERS_MEASURED
    total_ms = sum(times_ms.get(part, 0.0) for part in pipeline.parts if on_cores or part != "scale")
    if on_cores and "encode h265" in pipeline.parts:
        total_ms += _encode_ms(pipeline, "h265", 1080)
    if on_cores and "encode wall" in pipeline.parts:
        total_ms += _encode_ms(pipeline, "h264", 2160) / (pipeline.cells or 1)
    return total_ms + (RESULTS_MS if "track" in pipeline.parts else 0.0)


def encode_load(pipeline: Pipeline) -> tuple[float, float]:
    """Share of the chip's engines that encoding takes: per camera, and for the picture wall.

    As the source says of encoding alone on the same chip; of one without a figure the nearest chip's, at the rate that
    decoding engines of such chips are taken at.
    """
    per_camera = wall = 0.0
    if "encode h265" in pipeline.parts:
        per_camera = pipeline.fps / _engine_rate(pipeline.platform, "h265", 1080)
    if pipeline.wall_height is not None:
        wall = pipeline.fps / _engine_rate(pipeline.platform, "h264", pipeline.wall_height)
    return per_camera, wall


def _engine_rate(platform: str, codec: str, height: int) -> float:
    """Pictures per second that the engines of a chip encode."""
    known = {row["platform"] for row in _rows() if row["kind"] == "encode" and row["decode_device"] == "iGPU"}
    row = _encode_row(platform if platform in known else NEAREST_ENCODER, codec, height)
    return float(row["streams"]) * float(row["fps"]) * (1.0 if platform in known else NEAREST_RATE)


def _encode_row(platform: str, codec: str, height: int) -> dict[str, str]:
    (found,) = [
        row
        for row in _rows()
        if (row["kind"], row["platform"], row["codec"], row["height"]) == ("encode", platform, codec, str(height))
    ]
    return found


def _encode_ms(pipeline: Pipeline, codec: str, height: int) -> float:
    """Core time of encoding a picture in software on the pipeline's machine, of the reference core [ms]."""
    row = _encode_row(pipeline.platform, codec, height)
    core_s = float(row["cores"]) / (float(row["streams"]) * float(row["fps"]))
    machine = Catalogue.shipped().resolve(pipeline.platform)
    return core_s / predictor().application(machine, "frame", 1.0).core_s.p50


def summary(ratios: Mapping[str, Sequence[float]]) -> list[list[str]]:
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
