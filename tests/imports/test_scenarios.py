"""Forms that give a scenario: what is carried over, what is listed, and that no secret survives."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.imports.draft import MODEL_TO_FILL_IN
from advisor.imports.formats.base import Imported, ImportOptions
from advisor.imports.formats.registry import format_named
from advisor.records.scenario import Scenario
from advisor.store.scenario import parse_scenario
from tests.imports import samples
from tests.imports.conftest import Write


def imported(form: str, path: Path, options: ImportOptions | None = None) -> tuple[Scenario, Imported, str]:
    found = format_named(form).read(path, options or ImportOptions())
    assert found.draft is not None
    text = found.draft.text(found.notes)
    assert samples.SECRET not in text
    assert samples.SECRET.replace("-", "") not in text
    return parse_scenario(text), found, text


def reasons(found: Imported, kind: str) -> list[str]:
    return [f"{note.place}: {note.reason}" for note in found.notes if note.kind == kind]


def test_frigate_of_2023(write: Write) -> None:
    scenario, found, _ = imported("frigate", write("config.yml", samples.FRIGATE_13))
    front, yard = scenario.cameras
    assert (front.group, front.resolution, front.fps, front.codec) == ("front", "704x576", 5.0, "h264")
    assert front.source == ("rtsp://10.0.0.11:554/cam/realmonitor?channel=1&subtype=1",)
    assert (yard.group, yard.resolution, yard.fps, yard.codec) == ("yard", "1280x720", 10.0, "h265")
    assert yard.source == ("rtsp://10.0.0.12:554/stream2",)
    (stage,) = scenario.stages
    assert (stage.model, stage.trigger, stage.every) == ("like:ssdlite_mobilenet_v2", "motion", None)
    left_out = reasons(found, "left out")
    assert any(line.startswith("line 42, cameras.shed.enabled: the camera is switched off") for line in left_out)
    assert any(line.startswith("line 6, detectors.ov: detector openvino on AUTO") for line in left_out)
    assert any(line.startswith("line 32, cameras.front.zones") for line in left_out)
    assert any(line.startswith("line 16, record: ") for line in left_out)
    assert len(reasons(found, "secret removed")) == 2
    assert any("camera sends the 5 frames per second" in line for line in reasons(found, "assumed"))


def test_frigate_of_2026_behind_go2rtc(write: Write) -> None:
    scenario, found, text = imported("frigate", write("config.yml", samples.FRIGATE_17), ImportOptions(fps=15.0))
    (group,) = scenario.cameras
    assert (group.count, group.resolution, group.fps, group.source) == (2, "640x480", 15.0, ())
    (stage,) = scenario.stages
    assert (stage.model, stage.every, stage.trigger) == (MODEL_TO_FILL_IN, "5/s", "motion")
    assert "# TO BE SET: the file names a model behind an address" in text
    left_out = reasons(found, "left out")
    assert any(line.startswith("line 27, cameras.gate: no input has the role detect") for line in left_out)
    assert any(line.startswith("line 31, cameras.attic.detect.enabled") for line in left_out)
    assert any(line.startswith("line 6, semantic_search: runs models of its own") for line in left_out)
    named, _, _ = imported("frigate", write("config.yml", samples.FRIGATE_17), ImportOptions(model="yolov8n"))
    assert named.stages[0].model == "yolov8n"


@pytest.mark.parametrize(("word", "cameras"), [("yes", 2), ("On", 2), ("no", 1), ("off", 1), ("false", 1)])
def test_frigate_knows_other_words_for_true(word: str, cameras: int, write: Write) -> None:
    text = samples.FRIGATE_13.replace("detect:\n      enabled: true", f"detect:\n      enabled: {word}")
    scenario, _, _ = imported("frigate", write("config.yml", text))
    assert scenario.camera_count == cameras


def test_cameras_that_detect_at_different_rates_get_a_stage_each(write: Write) -> None:
    scenario, _, _ = imported("frigate", write("config.yml", samples.FRIGATE_13), ImportOptions(fps=20.0))
    assert [(stage.id, stage.every, stage.groups) for stage in scenario.stages] == [
        ("detect", "5/s", ("front",)), ("detect-2", "10/s", ("yard",)),
    ]  # fmt: skip


def test_a_pipeline_on_a_file(write: Write) -> None:
    scenario, found, _ = imported("dlstreamer", write("run.sh", samples.PIPELINE_FILE))
    (camera,) = scenario.cameras
    assert (camera.resolution, camera.fps, camera.codec, camera.source) == (
        "1920x1080", 30.0, "h264", ("clips/people.mp4",),
    )  # fmt: skip
    detect, classify = scenario.stages
    assert (detect.model, detect.every, detect.batch.max) == ("like:person-detection-retail-0013", "3 frames", 4)
    assert (classify.model, classify.on) == (MODEL_TO_FILL_IN, "detect")
    assert scenario.activity.objects_per_frame["detect"].mean == 4.0
    left_out = reasons(found, "left out")
    assert any(line.startswith("line 6, gvaclassify: device GPU") for line in left_out)
    assert any(line.startswith("line 5, gvatrack: is part of the application") for line in left_out)
    assert any("objects a frame shows" in line for line in reasons(found, "to fill in"))


def test_streams_that_share_an_instance_share_a_stage(write: Write) -> None:
    options = ImportOptions(resolution="1920x1080", fps=25.0)
    scenario, found, _ = imported("dlstreamer", write("run.sh", samples.PIPELINE_STREAMS), options)
    network, file = scenario.cameras
    assert (network.count, network.codec) == (2, "h265")
    assert network.source == ("rtsp://10.0.0.31/axis-media/media.amp", "rtsp://10.0.0.32/axis-media/media.amp")
    assert (file.count, file.source) == (1, ("file:///clips/lobby.mp4",))
    assert [(stage.model, stage.groups) for stage in scenario.stages] == [
        ("yolov8n", ("h265-1920x1080",)), ("resnet-50", ("camera-3",)),
    ]  # fmt: skip
    assert len(reasons(found, "secret removed")) == 2


def test_branches_of_a_named_element_belong_to_its_source(write: Write) -> None:
    text = (
        "gst-launch-1.0 filesrc location=a.mp4 ! decodebin3 ! gvadetect model=yolov8n.xml ! tee name=t t. ! queue !"
        " gvaclassify model=resnet50.xml ! fakesink t. ! queue ! gvainference model=mobilenet-v2.xml ! fakesink"
    )
    scenario, _, _ = imported("dlstreamer", write("run.sh", text), ImportOptions(resolution="640x480", fps=5.0))
    assert scenario.camera_count == 1
    assert [(stage.id, stage.model, stage.on) for stage in scenario.stages] == [
        ("detect", "yolov8n", None), ("classify", "resnet-50", "detect"), ("infer", "mobilenet-v2", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("version", "known"), [("0.13", 1), ("0.17-0", 1), ("0.12", 0), ("0.18-1", 0), ("1.0", 0)])
def test_a_version_of_frigate_that_is_not_known_is_said(version: str, known: int, write: Write) -> None:
    text = samples.FRIGATE_17.replace("version: 0.17-0", f"version: {version}")
    _, found, _ = imported("frigate", write("config.yml", text))
    assert sum(line.startswith("line 1, version: ") for line in reasons(found, "assumed")) == 1 - known


def test_a_size_behind_a_scaler_is_not_that_of_the_camera(write: Write) -> None:
    text = (
        "gst-launch-1.0 filesrc location=a.mp4 ! decodebin ! videoscale ! video/x-raw,width=640,height=360 !"
        " gvadetect model=yolov8n.xml ! fakesink"
    )
    scenario, _, _ = imported("dlstreamer", write("run.sh", text), ImportOptions(resolution="1920x1080", fps=5.0))
    assert scenario.cameras[0].resolution == "1920x1080"


def test_workloads_of_a_shop_in_two_files(write: Write) -> None:
    options = ImportOptions(workloads=write("workload_to_pipeline.json", samples.RETAIL_WORKLOADS))
    scenario, found, _ = imported("intel-retail", write("camera_to_workload.json", samples.RETAIL_CAMERAS), options)
    (group,) = scenario.cameras
    assert (group.count, group.fps, group.resolution) == (2, 15.0, "1920x1080")
    assert group.source == ("sample-media/basket.mp4", "rtsp://10.0.0.41:8554/c2")
    detect, classify = scenario.stages
    assert (detect.model, classify.model, classify.on, classify.batch.max) == ("yolo11n", MODEL_TO_FILL_IN, "detect", 8)
    assert scenario.accuracy.precisions == ("f32", "int8")
    assert any("device NPU" in line for line in reasons(found, "left out"))
    assert any("INT8" in line for line in reasons(found, "assumed"))


def test_workloads_in_one_file(write: Write) -> None:
    options = ImportOptions(resolution="1280x720", fps=10.0, codec="h265")
    scenario, found, _ = imported("intel-retail", write("both.json", samples.RETAIL_ONE_FILE), options)
    assert [(one.group, one.fps, one.codec) for one in scenario.cameras] == [("lane-1", 10.0, "h265")]
    assert scenario.stages[0].model == "like:face-detection-retail-0004"
    assert scenario.accuracy.precisions == ("f32",)
    assert any("precision FP16" in line for line in reasons(found, "left out"))


def test_a_list_kept_by_hand(write: Write) -> None:
    options = ImportOptions(model="yolov8n")
    scenario, found, _ = imported("cameras", write("list.csv", samples.CAMERAS_PLAIN), options)
    assert [(one.group, one.resolution, one.codec, one.fps, one.bitrate_kbps) for one in scenario.cameras] == [
        ("Entrance", "1920x1080", "h264", 15.0, 4096.0), ("Dock", "1920x1080", "h264", 15.0, 4000.0),
        ("Hall", "1920x1080", "h265", 12.5, 2000.0),
    ]  # fmt: skip
    assert scenario.cameras[0].source == ("rtsp://10.0.0.51/s1",)
    assert scenario.cameras[2].source == ()
    left_out = reasons(found, "left out")
    assert "line 5: resolution: 'large' is not WIDTHxHEIGHT, such as 1920x1080" in left_out
    assert "column remark: is not known to sizer" in left_out


def test_a_list_of_an_onvif_tool(write: Write) -> None:
    scenario, found, text = imported("cameras", write("onvif.csv", samples.CAMERAS_ONVIF))
    assert [(one.group, one.resolution, one.codec, one.fps, one.bitrate_kbps) for one in scenario.cameras] == [
        ("Lobby-left", "2560x1440", "h265", 20.0, 6144.0), ("Till", "1280x720", "mjpeg", 10.0, None),
    ]  # fmt: skip
    assert scenario.stages[0].model == MODEL_TO_FILL_IN
    assert "# TO BE SET: no file names the model" in text
    assert sum("not of a stream" in line for line in reasons(found, "left out")) == 2


def test_the_file_is_laid_out_for_people_who_will_change_it(write: Write) -> None:
    _, _, text = imported("frigate", write("config.yml", samples.FRIGATE_13))
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    keys = [line.split(":")[0] for line in lines if line and not line.startswith((" ", "-"))]
    assert keys == ["scenario", "cameras", "activity", "stages", "slo", "margin", "accuracy"]
    assert lines[lines.index("slo:") + 1].startswith("  latency_p95_ms: ")  # a line each, so that one can be changed
    assert any(line.startswith("  - group: ") for line in lines)


def test_many_cameras_alike_are_one_group(write: Write) -> None:
    rows = "".join(f"cam {index},rtsp://10.0.1.{index}/s,1920x1080,h264,15\n" for index in range(1, 41))
    scenario, _, _ = imported("cameras", write("list.csv", f"name,url,resolution,codec,fps\n{rows}"))
    (group,) = scenario.cameras
    assert (group.group, group.count, len(group.source)) == ("h264-1920x1080", 40, 40)


@pytest.mark.parametrize("name", ["front yard!", "7", "größe", "a" * 90, "on", "---"])
def test_every_name_of_a_camera_becomes_one_that_a_scenario_takes(name: str, write: Write) -> None:
    scenario, _, _ = imported("cameras", write("list.csv", f"name,resolution,codec,fps\n{name},640x480,h264,5\n"))
    assert scenario.camera_count == 1


def test_rates_are_read_as_fractions_too(write: Write) -> None:
    text = "name,address,resolution,codec,fps\nDoor,rtsp://10.0.0.5/a,1920x1080,h264,30000/1001\n"
    scenario, _, _ = imported("cameras", write("cameras.csv", text))
    assert scenario.cameras[0].fps == pytest.approx(29.97, abs=0.01)
