from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.cli.main import run
from advisor.store.scenario import load_scenario

ASKED = ["--cameras", "5", "--resolution", "2560x1440", "--fps", "10", "--model", "x.onnx"]


def test_a_first_scenario_is_what_was_asked_for_and_has_comments(tmp_path: Path) -> None:
    file = tmp_path / "corner shop 2.yaml"
    assert run(["init", str(file), *ASKED, "--codec", "h265", "--latency-ms", "250", "--quiet"]) == 0
    scenario = load_scenario(file)
    (group,) = scenario.cameras
    assert (scenario.scenario, group.count, group.size, group.fps, group.codec) == (
        "corner-shop-2", 5, (2560, 1440), 10.0, "h265",
    )  # fmt: skip
    assert (scenario.stages[0].model, scenario.slo.latency_p95_ms) == ("x.onnx", 250.0)
    text = file.read_text()
    for key in ("bitrate_kbps", "`on` is the id of a stage", "objects_per_frame", "max_power_w", "redundancy: n+1"):
        assert key in text


def test_a_name_with_accents_and_blanks_is_kept_as_far_as_a_scenario_may_have_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "\u00dcbung caf\u00e9.yaml"
    assert run(["init", str(file), *ASKED]) == 0
    assert load_scenario(file).scenario == "Ubung-cafe"
    assert f"sizer plan '{file}' --html" in capsys.readouterr().err


def test_nothing_is_overwritten_and_what_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shop.yaml"
    assert run(["init", str(file), *ASKED, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"schema", "sizer_version", "created", "scenario"}
    assert (told["schema"], told["scenario"]) == ("sizer.init/1", str(file))
    before = file.read_text()
    assert run(["init", str(file), *ASKED]) == 2
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == before
    assert run(["init", str(tmp_path / "other.yaml"), "--fps", "3"]) == 2
    assert "--cameras and --model needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--fps", "1/5"], "'1/5' is not a number of frames per second; write 0.2"),
        (["--fps", "10 fps"], "'10 fps' is not a number of frames per second; write 10"),
        (["--fps", "1.000"], None),
        (["--fps", "10-15"], "it is a range, and one number is needed"),
        (["--fps", "inf"], "inf must be above 0 and finite"),
        (["--latency-ms", "0.3s"], "'0.3s' is not a number of milliseconds; write 300"),
        (["--latency-ms", "1,500"], "it may mean 1500 or 1.5: write 1500 or 1.5"),
        (["--resolution", "1440p"], "write resolution: 2560x1440"),
    ],
)
def test_numbers_as_people_write_them_are_answered_as_in_a_scenario(
    words: list[str], answer: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "shop.yaml"), *ASKED, *words]) == (0 if answer is None else 2)
    assert (answer or "wrote") in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--resolution", "big"], ["--fps", "0"], ["--codec", "av1"], ["--cameras", "0"]])
def test_a_value_that_no_scenario_takes_leaves_no_file(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    assert run(["init", str(file), *ASKED, *words]) == 2
    assert not file.exists()


@pytest.mark.parametrize(
    ("stem", "name"), [("my-site", "my-site"), ("7", "site-7"), ("größe", "grosse"), ("---", "site")]
)
def test_the_name_is_that_of_the_file(stem: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{stem}.yaml"
    assert run(["init", "-q", *ASKED, "--", str(file)]) == 0
    assert load_scenario(file).scenario == name


def test_a_model_that_is_not_there_yet_is_told_and_one_that_is_there_or_built_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, (model, absent) in enumerate([("x.onnx", True), ("y.onnx", False), ("resnet-50", False)]):
        (tmp_path / "y.onnx").touch()
        assert run(["init", f"shop{number}.yaml", "--cameras", "1", "--model", model]) == 0
        assert (f"{model} is not there yet" in capsys.readouterr().err) is absent


def test_who_names_no_scenario_is_told_of_those_that_ship(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan"]) == 2
    said = capsys.readouterr().err
    assert "store-analytics" in said
    assert "sizer init" in said
