from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.cli.import_file import FORMATS
from advisor.cli.main import run
from advisor.imports.formats import registry
from advisor.planner.question.demand import stage_demand
from advisor.planner.question.load_case import LoadCase
from advisor.store.scenario import load_scenario
from tests.imports import samples


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SIZER_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "config.yml": samples.FRIGATE_13, "run.sh": samples.PIPELINE_FILE,
        "camera_to_workload.json": samples.RETAIL_CAMERAS,
        "workload_to_pipeline.json": samples.RETAIL_WORKLOADS, "list.csv": samples.CAMERAS_PLAIN,
        "report.json": samples.BENCHMARK_JSON, "dli.csv": samples.DLI, "perf.csv": samples.PERF,
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


SCENARIOS = [
    ("frigate", "config.yml", []),
    ("dlstreamer", "run.sh", ["--model", "resnet-50"]),
    ("intel-retail", "camera_to_workload.json", ["--workloads", "workload_to_pipeline.json", "--model", "resnet-50"]),
    ("cameras", "list.csv", ["--model", "yolov8n"]),
]


def test_the_command_offers_what_the_registry_has() -> None:
    assert tuple(form.name for form in registry.FORMATS) == FORMATS


@pytest.mark.parametrize(("form", "file", "more"), SCENARIOS)
def test_an_imported_scenario_is_a_question_that_can_be_planned(
    form: str, file: str, more: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", form, file, *more, "-o", "site.yaml"]) == 0
    output = capsys.readouterr()
    assert "site.yaml holds" in " ".join(output.out.split())
    assert "Not carried over" in output.out
    assert samples.SECRET not in output.out + output.err + (home / "site.yaml").read_text()
    scenario = load_scenario(home / "site.yaml")
    case = LoadCase.of(scenario)
    assert case.cameras == scenario.camera_count > 0
    assert all(demand.items_per_s > 0 for demand in stage_demand(scenario, case.now).values())


def test_a_scenario_is_never_overwritten_and_a_dry_run_writes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "frigate", "config.yml", "--dry-run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["scenario"], report["cameras"], report["dry_run"]) == ("config-scenario.yaml", 2, True)
    assert not (home / "config-scenario.yaml").exists()
    assert run(["import", "frigate", "config.yml", "-q"]) == 0
    before = (home / "config-scenario.yaml").read_text()
    assert run(["import", "frigate", "config.yml"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (home / "config-scenario.yaml").read_text() == before


def test_figures_are_of_a_machine_of_the_catalogue_and_shown_there(capsys: pytest.CaptureFixture[str]) -> None:
    for form, file, more in (
        ("benchmark-app", "report.json", ["--observed-at", "2026-05-01"]), ("dli", "dli.csv", []),
        ("triton", "perf.csv", ["--model", "net"]),
    ):  # fmt: skip
        assert run(["import", form, file, "--on", "intel-core-i7-8700", *more]) == 0
        assert "no plan and no prediction uses these" in " ".join(capsys.readouterr().out.split())
    assert run(["import", "dli", "dli.csv", "--on", "intel-core-i7-8700", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (len(again["figures"]), again["added"]) == (1, 0)
    assert run(["catalog", "show", "intel-core-i7-8700", "--reported"]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("199.9", "82.6", "perf_analyzer, perf.csv, line 3"))
    assert run(["catalog", "show", "intel-core-i5-12400", "--reported"]) == 0
    assert "no figure of it was imported" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "words"), [
    (["import", "frigat", "config.yml"], "frigat"),
    (["import", "frigate", "list.csv"], "names no 'cameras'"),
    (["import", "frigate", "none.yml"], "no such file"),
    (["import", "benchmark-app", "report.json"], "--on PLATFORM"),
    (["import", "dli", "dli.csv", "--on", "intel-core-i5-12400"], "is of another machine"),
    (["import", "dli", "dli.csv", "--on", "intel-core-i7-870"], "is not in the catalogue"),
    (["import", "cameras", "list.csv", "--fps", "0"], "--fps"),
    (["import", "intel-retail", "camera_to_workload.json"], "--workloads"),
    (["import", "cameras", "list.csv", "-o", "none/site.yaml"], "does not exist"),
])  # fmt: skip
def test_bad_usage_is_exit_2_and_says_why(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert words in capsys.readouterr().err
