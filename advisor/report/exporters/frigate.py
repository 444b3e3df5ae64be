"""Frigate: detectors, model, decoding and cameras of its configuration file."""

from __future__ import annotations

import math
import shlex
from typing import Any

from advisor.errors import InputError
from advisor.records.config import RunConfig
from advisor.records.scenario import CameraGroup, Scenario, Stage
from advisor.runtimes.devices import collected_requests

from .boxes import Boxes, ExportFormat, joined_with_comments
from .launch import launcher

ADDRESS = "rtsp://127.0.0.1:8554/{}"
"""A plan holds no addresses: this is Frigate's own restream, where go2rtc gives each camera a name."""
_ADDED: dict[tuple[str, str], dict[str, Any]] = {
    ("hailort", "hailo-8"): {"type": "hailo8l", "device": "PCIe"},
    ("hailort", "hailo-8l"): {"type": "hailo8l", "device": "PCIe"},
    ("edgetpu", "coral-usb"): {"type": "edgetpu", "device": "usb"},
    ("edgetpu", "coral-m2"): {"type": "edgetpu", "device": "pci"},
    ("rknn", "NPU"): {"type": "rknn", "num_cores": 1},
    ("tensorrt", "GPU"): {"type": "tensorrt", "device": 0},
    ("onnxruntime", "CPU"): {"type": "onnx", "device": "CPU"},
}
"""Detectors by runtime and device. RKNN: published figures, and so the plan's, are of one core. Source: Frigate's page
on object detectors; its Hailo detector serves Hailo-8 and Hailo-8L alone."""


def _render(boxes: Boxes) -> str:
    """Configuration file for one box: one detector with one model, and each camera's detect stream.

    Frigate runs one model on frames; stages on its objects run in other programs, and are named in a comment.
    Source of the keys: Frigate's "Full Reference Config" and "Object Detectors" (0.15 to 0.17).
    """
    import yaml

    scenario = boxes.scenario("frigate")
    roots = [stage for stage in scenario.stages if stage.on is None and stage.id in boxes.config.stages]
    places = {(stage.model, *_place(boxes.config.stages[stage.id])) for stage in roots}
    if len(places) != 1:
        names = ", ".join(stage.id for stage in roots) or "none"
        raise InputError(
            f"--export frigate: Frigate runs one model on one kind of detector, and the plan has here: {names}"
        )
    stage = roots[0]
    config = boxes.config.stages[stage.id]
    document: dict[str, Any] = {
        "mqtt": {"enabled": False},
        "detectors": {"planned": _detector(stage, config)},
        "model": {"path": f"/config/models/{stage.id}"},
        "ffmpeg": {"hwaccel_args": "preset-vaapi" if boxes.config.decode.device == "hardware" else []},
        "cameras": _cameras(boxes, scenario, roots),
    }
    lines = [f"# {'each ' if boxes.count > 1 else ''}on {boxes.title}"] if not boxes.cameras else []
    lines.append(f"# model: {stage.model} at {config.precision}; state its width, height, input_tensor and model_type")
    lines.append("# addresses: a plan holds none; give each camera's to go2rtc under its name")
    start = launcher(boxes.config.host)
    if start:
        lines.append(f"# start its container with the settings of --export compose, or under: {shlex.join(start)}")
    others = [name for name in boxes.config.stages if scenario.stage(name) not in roots]
    if others:
        lines.append(f"# not for Frigate, to run next to it: {', '.join(others)}")
    return "\n".join([*lines, str(yaml.safe_dump(document, sort_keys=False)).rstrip()])


def _place(config: RunConfig) -> tuple[str, str, str]:
    return config.runtime, config.device, config.precision


def _detector(stage: Stage, config: RunConfig) -> dict[str, Any]:
    if collected_requests(config.device):
        raise InputError(
            f"--export frigate: stage {stage.id} has the runtime collect requests ({config.device}), and a detector of"
            " Frigate waits for each answer; plan with batch: {max: 1}"
        )
    if config.runtime == "openvino":
        return {"type": "openvino", "device": config.device}
    known = _ADDED.get((config.runtime, config.device))
    if known is None:
        raise InputError(
            f"--export frigate: stage {stage.id} runs in {config.runtime} on {config.device} according to the plan,"
            " for which Frigate has no detector"
        )
    return dict(known)


def _cameras(boxes: Boxes, scenario: Scenario, roots: list[Stage]) -> dict[str, Any]:
    cameras: dict[str, Any] = {}
    for group in scenario.cameras:
        stage = next((stage for stage in roots if group.group in scenario.groups_of(stage)), None)
        if stage is None:
            continue
        for number in range(1, boxes.groups.get(group.group, 0) + 1):
            name = f"{group.group}-{number}"
            cameras[name] = {
                "ffmpeg": {"inputs": [{"path": ADDRESS.format(name), "roles": ["detect"]}]},
                "detect": _detect(group, stage),
            }
    return cameras


def _detect(group: CameraGroup, stage: Stage) -> dict[str, Any]:
    """Size and rate of detection; Frigate takes whole frames per second, so that a rate is rounded up."""
    width, height = group.size
    fps = group.fps / stage.interval_frames(group.fps)
    return {"enabled": True, "width": width, "height": height, "fps": math.ceil(fps - 1e-9)}


FORMAT = ExportFormat("frigate", _render, joined_with_comments("\n---\n"))  # one file per kind of box
