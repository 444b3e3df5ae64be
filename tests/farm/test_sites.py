"""Sites over boxes that answer as the test says: each planned once, none lost with a box, none made twice."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import advisor
from advisor.errors import InputError
from advisor.farm.connection import Call, Outcome
from advisor.farm.sites import SitesRequest, read_sites, run_sites
from advisor.records.farm import SitesReport

from .fake_farm import FakeFarm

SCENARIO = """
scenario: {name}
cameras: [{{group: door, count: 1, resolution: 320x192, codec: h264, fps: 5}}]
stages: [{{id: look, model: {model}}}]
slo: {{camera_fps: 5, latency_p95_ms: 1000}}
"""
DAY = dt.date(2026, 11, 29)


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    folder = tmp_path / "sites"
    folder.mkdir()
    for number in range(4):
        (folder / f"s{number}.yaml").write_text(SCENARIO.format(name=f"s{number}", model="squeezenet-1.1"))
    return folder


class Boxes:
    """Plans as boxes do; a test changes what becomes of single calls."""

    def __init__(self, sites: Path) -> None:
        self.sites = sites
        self.fates: dict[str, list[Callable[[Outcome], Outcome]]] = {}

    def __call__(self, name: str, call: Call) -> Outcome:
        value: Any = {"lacking": call.payload.get("files"), "store_part": True, "own_entries": []}.get(call.function)
        if call.function == "plan_site":
            sha256 = {site.name: site.sha256 for site in read_sites(self.sites)[0]}[call.tag]
            best = {
                "platform": f"box-of-{call.tag}",
                "count": 1,
                "price": {"value": 300.0, "currency": "USD"},
                "probability": 0.95,
            }
            plan = {
                "sizer_version": advisor.__version__, "scenario_sha256": sha256,
                "inputs": {"as_of": call.payload["as_of"]},
                "recommended": best,
            }  # fmt: skip
            value = {"plan": json.dumps(plan)}
        outcome = Outcome(name, call, value)
        fates = self.fates.get(call.tag or f"{name} {call.function}", [])
        return fates.pop(0)(outcome) if fates else outcome


def run(farm: FakeFarm, sites: Path, said: list[str] | None = None) -> SitesReport:
    request = SitesRequest(sites, sites.parent / "out", "all", 0.0, DAY)
    return run_sites(request, farm, (said if said is not None else []).append)


def lost(outcome: Outcome) -> Outcome:
    return replace(outcome, value=None, lost=True, error="the box went")


def test_every_site_is_planned_once_and_not_again(sites: Path) -> None:
    farm = FakeFarm("ab", Boxes(sites))
    report = run(farm, sites)
    assert [(row.site, row.status, row.platform) for row in report.rows] == [
        (f"s{number}", "planned", f"box-of-s{number}") for number in range(4)
    ]
    assert sorted(path.name for path in (sites.parent / "out").iterdir()) == [f"s{n}.plan.json" for n in range(4)]
    planned = [what for _, what in farm.begun if what.startswith("s") and what != "store_part"]
    assert sorted(planned) == ["s0", "s1", "s2", "s3"]
    assert {name for name, what in farm.begun if what in planned} == {"a", "b"}
    again = FakeFarm("ab", Boxes(sites))
    assert [row.box for row in run(again, sites).rows] == [None] * 4
    assert again.begun == []
    (sites / "s2.yaml").write_text(SCENARIO.format(name="changed", model="squeezenet-1.1"))
    (sites.parent / "out" / "s3.plan.json").write_text("{")
    changed = FakeFarm("a", Boxes(sites))
    run(changed, sites)
    assert [what for _, what in changed.begun if what in planned] == ["s2", "s3"]


def test_a_site_that_a_box_loses_is_planned_by_another(sites: Path) -> None:
    boxes = Boxes(sites)
    boxes.fates["s1"] = [lost]
    farm = FakeFarm("ab", boxes)
    report = run(farm, sites)
    assert [row.status for row in report.rows] == ["planned"] * 4
    assert [what for _, what in farm.begun].count("s1") == 2


def test_a_site_that_no_box_survives_is_left(sites: Path) -> None:
    boxes = Boxes(sites)
    boxes.fates["s1"] = [lost, lost]
    report = run(FakeFarm("ab", boxes), sites)
    assert [row.status for row in report.rows] == ["planned", "left", "planned", "planned"]
    assert report.rows[1].reason == "2 boxes went while they planned it"


def test_a_site_that_cannot_be_planned_holds_no_other_up(sites: Path) -> None:
    boxes = Boxes(sites)
    boxes.fates["s0"] = [lambda one: replace(one, value=None, error="filters leave no candidate")]
    (sites / "broken.yaml").write_text("scenario: [")
    report = run(FakeFarm("a", boxes), sites)
    states = {row.site: row.status for row in report.rows}
    assert states == {"broken": "failed", "s0": "failed", "s1": "planned", "s2": "planned", "s3": "planned"}


def test_a_box_with_a_catalogue_of_its_own_is_left_out(sites: Path) -> None:
    boxes = Boxes(sites)
    boxes.fates["b own_entries"] = [lambda one: replace(one, value=["platforms/mine.yaml"])]
    said: list[str] = []
    report = run(FakeFarm("ab", boxes), sites, said)
    assert {row.box for row in report.rows} == {"a"}
    assert any("platforms/mine.yaml" in line for line in said)


def test_a_site_brings_the_models_of_its_folder(sites: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("advisor.graph.onnx_parts.weight_files", lambda path: ())
    (sites / "nets").mkdir()
    (sites / "nets/own.onnx").write_bytes(b"x")
    (sites / "s0.yaml").write_text(SCENARIO.format(name="s0", model="nets/own.onnx"))
    (sites / "s1.yaml").write_text(SCENARIO.format(name="s1", model="../own.onnx"))
    found, refused = read_sites(sites)
    assert [file.name for file in found[0].files] == ["nets/own.onnx", "s0.yaml"]
    (row,) = refused
    assert "lies outside of the scenario's folder" in str(row.reason)


def test_a_folder_without_sites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no scenario file"):
        read_sites(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_sites(tmp_path / "none")
