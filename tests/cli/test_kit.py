"""``sizer kit``: the short form, what is printed, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.cli.main import run
from advisor.kit.build import build_kit
from tests.kit.boxes import FakeBox
from tests.kit.makers import fake_wheels, unpacked, write_plan, write_scenario


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SIZER_HOME", "SIZER_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("SIZER_STORE", raising=False)
    monkeypatch.setattr(build_kit, "__kwdefaults__", {**(build_kit.__kwdefaults__ or {}), "wheelhouse": fake_wheels})
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, write_scenario(tmp_path))
    return tmp_path


def test_from_the_desk_to_the_box_and_back(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", "--new-key", "desk.pem"]) == 0
    assert run(["kit", "shop.yaml", "--plan", "plan.json", "-o", "kit.tar.gz", "--key", "desk.pem", "-q"]) == 0
    said = capsys.readouterr().out
    assert "signed with key" in said
    assert "shop on this; Python 3." in said
    assert run(["kit", "show", "kit.tar.gz", "--trusted-keys", "desk.pem.pub"]) == 0
    said = capsys.readouterr().out
    assert "signature   signed by signing key desk.pem" in said
    assert "runs        120 s, seed 0, then measures the box" in said
    assert FakeBox(monkeypatch, unpacked(desk / "kit.tar.gz", desk / "box"), code=1).start("--site", "Store 12") == 1
    capsys.readouterr()
    result = "box/kit-shop/result/result.tar.gz"
    assert run(["kit", "read", result, "--kit", "kit.tar.gz", "--trusted-keys", "desk.pem.pub"]) == 1
    assert "shop: FAIL; filed under site Store 12 as verdict-" in capsys.readouterr().out
    assert run(["kit", "read", result, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["known"], document["site"]) == ("sizer.kit-read/1", True, "Store 12")
    assert run(["report"]) == 0
    assert "shop: FAIL at Store 12" in capsys.readouterr().out


def test_the_scenario_may_stand_behind_the_options(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kit", "--plan", "plan.json", "-o", "kit.tar", "shop.yaml", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "sizer.kit/1"
    assert run(["kit", "show", "kit.tar", "--files"]) == 0
    assert "scenario.yaml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["kit", "shop.yaml", "-o", "kit.zip"], "a kit's name ends in"),
        (["kit", "none.yaml", "--plan", "plan.json", "-o", "kit.tar"], "none.yaml: no such file"),
        (["kit", "shop.yaml", "--plan", "shop.yaml", "-o", "kit.tar"], "shop.yaml: "),
        (["kit", "shop.yaml"], "Missing option '-o'"),
        (["kit", "shop.yaml", "-o", "none/kit.tar"], "the folder 'none' does not exist"),
        (["kit", "show", "shop.yaml"], "is cut short, damaged or no archive"),
        (["kit", "show", "none.tar"], "none.tar: no such file"),
        (["kit", "read", "shop.yaml"], "is cut short, damaged or no archive"),
        (["kit", "read", "none"], "none: no such file or folder"),
    ],
)
def test_bad_input_is_exit_code_2_and_says_what(
    desk: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert says in capsys.readouterr().err
