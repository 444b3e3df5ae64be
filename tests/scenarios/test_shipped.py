"""The scenarios that ship: all load, mean what their comments say, and name models that can be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.store.paths import scenarios_dir
from advisor.store.scenario import load_scenario, shipped_scenarios

NAMES = sorted(shipped_scenarios())


def test_the_promised_six_are_there() -> None:
    promised = {
        "store-analytics", "traffic-intersection", "factory-line", "shelf-ocr", "nvr-motion", "text-service",
    }  # fmt: skip
    assert promised <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_and_is_named_like_its_file(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.scenario == name
    assert load_scenario(scenarios_dir() / f"{name}.yaml") == scenario
    assert all(scenario.groups_of(stage) for stage in scenario.stages)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_why(name: str) -> None:
    lines = (Path(scenarios_dir()) / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert sum(line.lstrip().startswith("#") for line in lines) >= 4


def test_models_can_be_built() -> None:
    from advisor.zoo import list_models

    known = {model.name for model in list_models()}
    wanted = {stage.model for name in NAMES for stage in load_scenario(name).stages}
    assert wanted <= known


def test_each_covers_its_ground() -> None:
    traffic = load_scenario("traffic-intersection")
    assert {camera.size for camera in traffic.cameras} == {(3840, 2160)}
    assert [stage.on for stage in traffic.stages] == [None, "vehicle", "plate"]
    line = load_scenario("factory-line")
    assert (line.cameras[0].codec, line.cameras[0].fps, line.slo.latency_p95_ms) == ("raw", 60, 20)
    assert {camera.fps for camera in load_scenario("shelf-ocr").cameras} == {1}
    recorder = load_scenario("nvr-motion")
    assert recorder.camera_count == 12
    assert recorder.activity.motion_duty < 1
    assert any(stage.trigger == "motion" for stage in recorder.stages)
    text = load_scenario("text-service")
    assert text.camera_count == 0
    assert text.requests[0].rate_per_s > 0


def test_the_shop_is_that_of_the_contract() -> None:
    shop = load_scenario("store-analytics")
    assert shop.camera_count == 8
    assert [(stage.id, stage.on, stage.every) for stage in shop.stages] == [
        ("person", None, "3 frames"),
        ("face", None, "3 frames"),
        ("agegender", "face", None),
        ("reid", "person", "5 frames"),
    ]
    assert shop.groups_of(shop.stage("agegender")) == ("entrance",)
    assert shop.accuracy.precisions == ("f32", "bf16", "int8")
    assert shop.site.max_power_w == 65
