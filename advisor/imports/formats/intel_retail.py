"""Camera-to-workload JSON of intel-retail's loss prevention, with its workload-to-pipeline JSON.

Source: intel-retail documentation, "Loss Prevention", Configuration: ``lane_config.cameras`` with ``camera_id``,
``fileSrc`` or ``streamUri``, ``workloads``; ``workload_pipeline_map`` from workload to a list of elements.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from advisor.errors import InputError, nearest
from advisor.imports.draft import CameraDraft, codec_of, identifier, resolution_of
from advisor.store.files import read_text

from .base import Imported, ImportOptions
from .dlstreamer import Element, PipelineBuilder

_NAMES = {
    "batch_size": "batch-size",
    "inference_interval": "inference-interval",
    "inference_region": "inference-region",
}


class IntelRetailFormat:
    """One camera for each entry; workloads that run the same model alike are one stage."""

    name = "intel-retail"
    title = "intel-retail camera-to-workload JSON"

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read cameras and workloads."""
        data = _json(path)
        workloads = data if options.workloads is None else _json(options.workloads)
        pipelines = workloads.get("workload_pipeline_map")
        if not isinstance(pipelines, dict):
            raise InputError(
                f"{options.workloads or path}: has no 'workload_pipeline_map'; name the other file with --workloads"
                " workload_to_pipeline.json"
            )
        lane = data.get("lane_config")
        cameras = lane.get("cameras") if isinstance(lane, dict) else None
        if not isinstance(cameras, list) or not cameras:
            raise InputError(f"{path}: has no lane_config.cameras; is it camera_to_workload.json?")
        builder = PipelineBuilder(path, options)
        for index, camera in enumerate(cameras):
            self._camera(builder, camera, f"lane_config.cameras[{index}]", pipelines)
        return builder.finish(f"the cameras of {path.name}")

    def _camera(self, builder: PipelineBuilder, camera: Any, place: str, pipelines: dict[str, Any]) -> None:
        path = builder.path
        names = camera.get("workloads") if isinstance(camera, dict) else None
        if not isinstance(names, list) or not names:
            raise InputError(f"{path}, {place}: names no workloads")
        roots: list[str] = []
        for name in names:
            if name not in pipelines:
                raise InputError(
                    f"{path}, {place}: there is no workload {str(name)[:40]!r}{nearest(str(name), pipelines)}"
                )
            chain = _chain(builder, name, pipelines[name])
            roots += builder.add_inference(chain, partial(_place, name))
        if "region_of_interest" in camera:
            builder.note(f"{place}.region_of_interest", "left out", "the whole frame is scaled to the model's input")
        builder.cameras.append(
            CameraDraft(
                name=identifier(str(camera.get("camera_id") or f"camera-{len(builder.cameras) + 1}")),
                resolution=_resolution(builder, camera, place), fps=_fps(builder, camera, place),
                codec=codec_of(str(camera["codec"]), f"{path}, {place}") if "codec" in camera else builder.codec(place),
                source=_source(builder, camera, place), stages=tuple(dict.fromkeys(roots)),
            )
        )  # fmt: skip


def _place(workload: str, element: Element) -> str:
    return f"workload {workload}, {element.name}"


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_text(path, InputError))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: is not valid JSON ({error}); was it written completely?") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: holds no JSON object; is it camera_to_workload.json?")
    return data


def _chain(builder: PipelineBuilder, name: str, entries: Any) -> list[Element]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry.get("type") for entry in entries):
        raise InputError(f"{builder.path}: workload {str(name)[:40]!r} is no list of elements with a type")
    chain = []
    for entry in entries:
        given = {_NAMES.get(key, key): str(value) for key, value in entry.items() if key != "type"}
        precision = given.pop("precision", None)
        if precision is not None and "model" in given:
            builder.precisions.add(precision.upper())
            if precision.upper() not in {"INT8", "FP32", "F32"}:
                reason = f"precision {precision[:20]}: a plan computes in f32 unless accuracy permits more"
                builder.note(f"workload {name}, {entry['type']}", "left out", reason)
        chain.append(Element(0, str(entry["type"]), given))
    return chain


def _resolution(builder: PipelineBuilder, camera: dict[str, Any], place: str) -> str:
    if isinstance(camera.get("width"), int) and isinstance(camera.get("height"), int):
        return resolution_of(f"{camera['width']}x{camera['height']}", f"{builder.path}, {place}")
    return builder.resolution(place)


def _fps(builder: PipelineBuilder, camera: dict[str, Any], place: str) -> float:
    stated = camera.get("fps")
    if stated is None:
        return builder.fps(place)
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 < stated <= 1000:
        raise InputError(f"{builder.path}, {place}: fps {str(stated)[:40]!r} is not a number above 0")
    return float(stated)


def _source(builder: PipelineBuilder, camera: dict[str, Any], place: str) -> str | None:
    stated = camera.get("streamUri") or camera.get("fileSrc")
    if not isinstance(stated, str):
        builder.note(place, "left out", "names no source; `sizer verify` makes a clip instead")
        return None
    # Newer files write "name of the clip|where to fetch it".
    return builder.source(stated.partition("|")[0].strip(), place)
