"""The whole road once, small: scenario, measurements, plan, export, real run, stored results, by the command line."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from advisor.cli.main import run
from advisor.measure.campaign import scenario_items
from advisor.measure.items.decode import DecodeItem
from advisor.measure.items.micro.item import MicroItem
from advisor.measure.items.micro.selection import micro_items
from advisor.records.host import HostFacts
from advisor.store.schemas import schema_for
from advisor.verification import harness
from advisor.workflows import plan_measurements
from tests.measure.specs import SHORT
from tests.shared import made_once

SCENARIO = """
scenario: tiny-road
cameras:
  - {group: door, count: 2, resolution: 320x240, codec: h264, fps: 5, bitrate_kbps: 200}
activity:
  objects_per_frame: {face: {mean: 1, p95: 2, max: 3}}
stages:
  - {id: face, model: "like:age-gender-recognition-retail-0013", every: 2 frames}
  - {id: age, model: "like:age-gender-recognition-retail-0013", on: face, batch: {max: 2}}
slo: {camera_fps: 5, latency_p95_ms: 2000, drops_max_pct: 5, window_s: 5}
margin: {headroom_pct: 10}
accuracy: {precisions: [f32]}
candidates: {max_price: 400}
"""

pytestmark = pytest.mark.runtime


def _printed(arguments: list[str], codes: set[int]) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a command that fixtures run once for several tests."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = run(arguments)
    assert code in codes
    document = json.loads(output.getvalue())
    assert isinstance(document, dict)
    return code, document


def _few_micro_items(facts: HostFacts, **_: object) -> list[MicroItem]:
    """All but those that take seconds however short they are told to be.

    Arrays of many times its caches are filled for the bandwidth of memory, pauses are waited for before cold passes (on
    one thread they are taken), and works meet by chance to be stacked; tests/measure/items/ has each.
    """
    found = micro_items(facts, precisions=("f32",), duration_s=0.02)
    return [
        item for item in found
        if item.kind != "stacking" and not item.name.startswith("bandwidth/dram")
        and (item.kind != "cold" or item.name.endswith("/t1"))
    ]  # fmt: skip


def _short_decoding(*arguments: Any, **named: Any) -> DecodeItem:
    return DecodeItem(*arguments, **named | {"duration_s": 0.1})


def _settle(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Commands use this home, and measure no longer than they must, the run included: it takes what a plan measured.

    What a measurement says is judged elsewhere (tests/measure/, benchmarks/).
    """
    patch.setenv("SIZER_HOME", str(home))
    patch.setenv("SIZER_CACHE", str(home / "cache"))
    patch.delenv("SIZER_STORE", raising=False)
    for name in ("PLAN_SPEC", "RESTED_SPEC"):
        patch.setattr(scenario_items, name, SHORT)
    patch.setattr(scenario_items, "micro_items", _few_micro_items)
    patch.setattr(scenario_items, "DecodeItem", _short_decoding)
    patch.setattr(harness, "HarnessItem", partial(harness.HarnessItem, duration_s=1.0))
    patch.setattr(plan_measurements, "VISITS", 1)


def _walked(folder: Path) -> None:
    """Plan the tiny scenario over the catalogue, then for this machine: the former times no published model."""
    (folder / "tiny.yaml").write_text(SCENARIO)
    with pytest.MonkeyPatch.context() as patch:
        _settle(folder, patch)
        files = ["-o", str(folder / "plan.json"), "--html", str(folder / "plan.html")]
        planned = _printed(["plan", str(folder / "tiny.yaml"), "--json", *files], {0})
        measured = _printed(["plan", str(folder / "tiny.yaml"), "--on", "this", "--json"], {0, 1})
    (folder / "printed.json").write_text(json.dumps({"planned": planned, "measured": measured}))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which both were planned, so that each test stands alone wherever a worker picks it up."""
    made = made_once(tmp_path_factory, "road", _walked)
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("road") / "home"))


@pytest.fixture(scope="module")
def planned(home: Path) -> dict[str, Any]:
    _, printed = json.loads((home / "printed.json").read_text())["planned"]
    assert isinstance(printed, dict)
    return printed


@pytest.fixture(scope="module")
def measured(home: Path) -> tuple[int, dict[str, Any]]:
    code, printed = json.loads((home / "printed.json").read_text())["measured"]
    return code, printed


@pytest.fixture(autouse=True)
def _own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settle(home, monkeypatch)


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    document = json.loads(capsys.readouterr().out)
    assert isinstance(document, dict)
    return document


def test_plan_measures_recommends_and_writes(home: Path, planned: dict[str, Any]) -> None:
    jsonschema.validate(planned, schema_for("plan"))
    assert planned == json.loads((home / "plan.json").read_text())
    best = planned["recommended"]
    assert isinstance(best, dict)
    assert best["price"]["source"]
    assert best["price"]["date"]
    assert set(best["config"]["stages"]) == {"face", "age"}
    assert len(planned["alternatives"]) >= 2
    assert planned["assumptions"]
    page = (home / "plan.html").read_text()
    assert best["platform"] in page
    assert "<svg" in page


def test_this_machine_is_a_platform_with_measured_evidence(measured: tuple[int, dict[str, Any]]) -> None:
    code, printed = measured
    shown = printed["recommended"] or printed["rejected"][0]
    assert code == (0 if printed["recommended"] else 1)
    assert shown["platform"] == "this"
    assert shown["predicted"]["evidence"]["face"] in {"measured", "anchored"}


def test_the_real_cascade_is_run_and_judged(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["verify", str(home / "tiny.yaml"), "--duration", "5", "--json", "--junit", str(home / "junit.xml")])
    verdict = _json(capsys)
    jsonschema.validate(verdict, schema_for("verdict"))
    assert code == {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}[str(verdict["verdict"])]
    cameras = verdict["cameras"]
    assert isinstance(cameras, list)
    assert [camera["name"] for camera in cameras] == ["door-1", "door-2"]
    assert all(camera["released"] >= 20 for camera in cameras)
    assert sum(camera["done"] for camera in cameras) > 0
    rows = verdict["predicted"]["compared"]  # type: ignore[index]
    assert {row["figure"] for row in rows} >= {"camera_fps", "latency_p95_ms"}
    assert "<testsuite" in (home / "junit.xml").read_text()
    assert run(["report", "--json"]) == 0
    assert "verdict" in {item["kind"] for item in json.loads(capsys.readouterr().out)}


def test_results_are_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--json"]) == 0
    runs = json.loads(capsys.readouterr().out)
    assert "plan" in {item["kind"] for item in runs}
    assert run(["report", runs[0]["id"], "--json"]) == 0
    assert _json(capsys)["schema"] in {"sizer.plan/1", "sizer.verdict/1"}


def test_measurements_are_reported_as_csv(home: Path) -> None:
    assert run(["report", "--csv", str(home / "campaign.csv")]) == 0
    lines = (home / "campaign.csv").read_text().splitlines()
    assert lines[0].startswith("model,status")
    assert any("age-gender" in line for line in lines[1:])


def test_predict_knows_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["predict", "like:age-gender-recognition-retail-0013", "--on", "this,intel-core-i7-8700",
                 "--streams", "1", "--threads", "1", "--json"]  # fmt: skip
    assert run(arguments) == 0
    report = _json(capsys)
    jsonschema.validate(report, schema_for("prediction"))
    here, chip = report["predictions"]  # type: ignore[misc]
    assert here["evidence"] == "measured"
    assert chip["evidence"] in {"published", "anchored", "spec"}
    assert here["stand_in"] is True
    for item in (here, chip):
        assert item["throughput_fps"]["p10"] <= item["throughput_fps"]["p50"] <= item["throughput_fps"]["p90"]


def test_export_is_the_recommended_configuration(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(home / "tiny.yaml"), "--export", "openvino"]) == 0
    exported = json.loads(capsys.readouterr().out)
    plan = json.loads((home / "plan.json").read_text())
    for stage, config in plan["recommended"]["config"]["stages"].items():
        assert exported[stage]["compile_model"]["NUM_STREAMS"] == config["streams"]


def test_nothing_feasible_is_exit_1_with_misses(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SCENARIO.replace("latency_p95_ms: 2000", "latency_p95_ms: 1")
    (home / "never.yaml").write_text(text)
    assert run(["plan", str(home / "never.yaml"), "--json"]) == 1
    printed = _json(capsys)
    assert printed["recommended"] is None
    assert len(printed["rejected"]) >= 3  # type: ignore[arg-type]
    assert "budget" in printed["rejected"][0]["reason"]  # type: ignore[index]
