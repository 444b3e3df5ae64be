"""What another program's file becomes: a scenario, a plan, and a file that this program reads again."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest
import yaml

from advisor.imports.formats.base import ImportOptions
from advisor.planner.plan import plan
from advisor.records.plan import Plan
from advisor.records.scenario import Scenario
from advisor.report.exporters import export_plan
from tests.imports import samples
from tests.imports.conftest import Write
from tests.imports.test_scenarios import imported
from tests.planner.fakes import FakePredictor, candidate, inputs
from tests.report.test_exporters import FRIGATE_SCHEMA, parsed_by_gstreamer


def planned(scenario: Scenario) -> Plan:
    times = {stage.id: 0.004 for stage in scenario.stages}
    boxes = [candidate("middle", 4, 300.0), candidate("large", 8, 520.0)]
    rates = {group.group: 2000.0 for group in scenario.cameras}
    found = plan(replace(inputs(boxes, FakePredictor(times), scenario), bitrate_kbps=rates))
    assert found.recommended is not None
    return found.model_copy(update={"asked": scenario.without_addresses()})


@pytest.mark.parametrize("options", [ImportOptions(), ImportOptions(fps=20.0)])
def test_frigate_to_a_plan_and_back(options: ImportOptions, write: Write) -> None:
    scenario, _, _ = imported("frigate", write("config.yml", samples.FRIGATE_13), options)
    text = export_plan(planned(scenario), "frigate")
    document = yaml.safe_load(text)
    jsonschema.validate(document, FRIGATE_SCHEMA)
    assert [camera["detect"] for camera in document["cameras"].values()] == [
        {"enabled": True, "width": 704, "height": 576, "fps": 5},
        {"enabled": True, "width": 1280, "height": 720, "fps": 10},
    ]
    assert samples.SECRET not in text
    again, _, _ = imported("frigate", write("again.yml", text), options)
    assert [(group.resolution, group.fps) for group in again.cameras] == [
        (group.resolution, group.fps) for group in scenario.cameras
    ]
    assert [stage.every for stage in again.stages] == [stage.every for stage in scenario.stages]


def test_a_pipeline_to_a_plan_and_back(write: Write) -> None:
    options = ImportOptions(model="yolov8n")
    scenario, _, _ = imported("dlstreamer", write("run.sh", samples.PIPELINE_FILE), options)
    text = export_plan(planned(scenario), "dlstreamer")
    said = ImportOptions(model="yolov8n", resolution="1920x1080", fps=30.0)  # a pipeline on cameras does not say it
    again, _, _ = imported("dlstreamer", write("again.sh", text), said)
    assert [(stage.on is None, stage.every) for stage in again.stages] == [
        (stage.on is None, stage.every) for stage in scenario.stages
    ]
    elements = [item["element"] for item in parsed_by_gstreamer(text)]
    assert [name for name in elements if name.startswith(("avdec", "gvadetect", "gvaclassify"))] == [
        "avdec_h264", "gvadetect", "gvaclassify",
    ]  # fmt: skip
