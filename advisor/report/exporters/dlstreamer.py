"""DL Streamer: a pipeline for ``gst-launch-1.0`` with one chain per camera."""

from __future__ import annotations

import shlex

from advisor.errors import InputError
from advisor.records.config import RunConfig
from advisor.records.scenario import CameraGroup, Scenario, Stage
from advisor.runtimes.devices import first_family

from .boxes import Boxes, ExportFormat, joined_with_comments
from .launch import launcher
from .openvino import openvino_properties

_DEPAY = {"h264": ("rtph264depay", "h264parse"), "h265": ("rtph265depay", "h265parse"), "mjpeg": ("rtpjpegdepay",)}
_DECODERS = {
    "software": {"h264": "avdec_h264", "h265": "avdec_h265", "mjpeg": "jpegdec"},
    "hardware": {"h264": "vah264dec", "h265": "vah265dec", "mjpeg": "vajpegdec"},
}
"""By where the plan decodes: FFmpeg's decoders on the cores, VA-API's on the engines of the graphics."""
_ON_DEVICE = "video/x-raw(memory:VAMemory)"
"""Caps of pictures that stay on the graphics."""


def _render(boxes: Boxes) -> str:
    """One command per box: each camera's chain infers through the compiled models that all share.

    ``model-instance-id`` shares a model; ``nireq`` are its requests and ``ie-config`` its properties, as the plan says.
    Source: DL Streamer's reference of elements (gvadetect, gvaclassify, gvainference) and its performance guide.
    """
    scenario = boxes.scenario("dlstreamer")
    for stage, config in boxes.config.stages.items():
        if config.runtime != "openvino":
            raise InputError(
                f"--export dlstreamer: stage {stage} runs in {config.runtime} according to the plan, and DL Streamer"
                " runs OpenVINO alone"
            )
    chains: list[str] = []
    notes: dict[str, None] = {}
    for group in scenario.cameras:
        stages = [
            stage
            for stage in _in_order(scenario)
            if stage.id in boxes.config.stages and group.group in scenario.groups_of(stage)
        ]
        count = boxes.groups.get(group.group, 0) if stages else 0
        chains += [_chain(boxes, scenario, group, number, stages, notes) for number in range(1, count + 1)]
    if not chains:
        raise InputError("--export dlstreamer: no camera of the plan feeds a stage here")
    lead = [] if boxes.cameras else [f"# {'each ' if boxes.count > 1 else ''}on {boxes.title}"]
    lead += ["# addresses: a plan holds none; put each camera's in", *(f"# {note}" for note in notes)]
    start = shlex.join([*launcher(boxes.config.host), "gst-launch-1.0"])
    return "\n".join([*lead, f"{start} \\", " \\\n".join(chains)])


def _in_order(scenario: Scenario) -> list[Stage]:
    """Each stage behind the one whose objects it runs on."""
    found: list[Stage] = []

    def add(parent: str | None) -> None:
        for stage in scenario.stages:
            if stage.on == parent:
                found.append(stage)
                add(stage.id)

    add(None)
    return found


def _chain(
    boxes: Boxes, scenario: Scenario, group: CameraGroup, number: int, stages: list[Stage], notes: dict[str, None]
) -> str:
    hardware = boxes.config.decode.device == "hardware"
    elements = [f"rtspsrc location=rtsp://{group.group}-{number}.example/stream"]
    if group.codec == "raw":
        elements = [f"v4l2src device=/dev/video{number - 1}"]
    else:
        elements += _DEPAY[group.codec]
        elements.append(_DECODERS[boxes.config.decode.device][group.codec])
        elements += [shlex.quote(_ON_DEVICE)] if hardware else []
    for stage in stages:
        elements += ["queue", _inference(scenario, group, stage, boxes.config.stages[stage.id], hardware, notes)]
    elements += ["queue", "gvafpscounter", "fakesink sync=false"]
    return "  " + " ! ".join(elements)


def _inference(
    scenario: Scenario, group: CameraGroup, stage: Stage, config: RunConfig, hardware: bool, notes: dict[str, None]
) -> str:
    interval = max(1, round(stage.interval_frames(group.fps)))
    if stage.trigger == "motion":
        notes[f"{stage.id} runs on frames with motion: put gvamotiondetect before it, or it runs on all"] = None
    settings = {
        "model": f"/models/{stage.id}.xml",
        "model-instance-id": stage.id,
        "device": config.device,
        "pre-process-backend": "va" if hardware and first_family(config.device) != "CPU" else None,
        "inference-region": "roi-list" if stage.on is not None and _element(scenario, stage) != "gvaclassify" else None,
        "inference-interval": interval,
        "batch-size": config.batch,
        "nireq": config.requests or config.streams or 1,
        "ie-config": ",".join(f"{key}={_text(value)}" for key, value in openvino_properties(config).items()),
    }
    given = " ".join(f"{name}={value}" for name, value in settings.items() if value is not None)
    return f"{_element(scenario, stage)} {given}"


def _element(scenario: Scenario, stage: Stage) -> str:
    """Name of the element: what finds objects, what runs on them, or neither."""
    finds = any(other.on == stage.id for other in scenario.stages)
    if finds or (stage.on is None and scenario.object_class(stage) in scenario.activity.objects_per_frame):
        return "gvadetect"
    return "gvainference" if stage.on is None else "gvaclassify"


def _text(value: object) -> str:
    return ("YES" if value else "NO") if isinstance(value, bool) else str(value)


FORMAT = ExportFormat("dlstreamer", _render, joined_with_comments("\n\n"))
