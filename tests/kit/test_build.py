"""Packing and looking in: the same kit from the same files, signatures, and what is refused before anything is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import InputError
from advisor.kit import build
from advisor.kit.build import KitRequest, build_kit
from advisor.kit.read import show_kit
from advisor.verification.signature import make_key
from tests.kit.makers import built, fake_wheels, silent, unpacked, write_plan, write_scenario


@pytest.mark.parametrize("name", ["kit.tar.zst", "kit.tar.gz", "kit.tar"])
def test_the_same_files_make_the_same_kit(tmp_path: Path, name: str) -> None:
    pytest.importorskip("zstandard")
    make_key(tmp_path / "desk.pem")
    first = built(tmp_path, name, key_file=tmp_path / "desk.pem").path.read_bytes()
    assert built(tmp_path, name, key_file=tmp_path / "desk.pem").path.read_bytes() == first


def test_a_kit_says_what_it_holds(tmp_path: Path) -> None:
    kit = built(tmp_path, python="3.12", platform="manylinux_2_31_aarch64", duration_s=None, profile="standard", seed=7)
    view = show_kit(kit.path)
    manifest = view.manifest
    assert view.sha256 == kit.sha256
    assert manifest == kit.manifest
    assert (manifest.scenario, manifest.platform) == ("shop", "this")
    assert (manifest.target.python, manifest.target.machine, manifest.target.glibc) == ("3.12", "aarch64", "2.31")
    assert (manifest.run.duration_s, manifest.run.seed, manifest.run.measure) == (1800.0, 7, True)
    assert {"cache", "wheels", "."} == set(view.bytes_of)
    assert view.size_bytes == sum(file.size_bytes for file in manifest.files)
    assert [file.path for file in manifest.files] == sorted(file.path for file in manifest.files)
    assert not view.signed
    inside = unpacked(kit.path, tmp_path / "box")
    assert show_kit(inside).manifest == manifest
    assert "python3.12" in (inside / "verify").read_text(encoding="utf-8")
    assert "python:3.12-slim" in (inside / "Dockerfile").read_text(encoding="utf-8")
    assert "about 37 minutes" in (inside / "START-HERE.txt").read_text(encoding="utf-8")
    assert not [path for path in inside.rglob("*") if path.is_file() and b"@PYTHON@" in path.read_bytes()]


def test_a_signature_is_held_against_the_keys_that_are_trusted(tmp_path: Path) -> None:
    for name in ("desk", "foreign"):
        make_key(tmp_path / f"{name}.pem")
    signed = built(tmp_path, "signed.tar", key_file=tmp_path / "desk.pem")
    view = show_kit(signed.path, tmp_path / "desk.pem.pub")
    assert view.signed
    assert "signing key desk.pem (key " in str(view.checked)
    with pytest.raises(InputError, match="was made with none of the keys"):
        show_kit(signed.path, tmp_path / "foreign.pem.pub")
    with pytest.raises(InputError, match="is unsigned; make it with --key"):
        show_kit(built(tmp_path).path, tmp_path / "desk.pem.pub")


def _edited(folder: Path, name: str, change: Any) -> Path:
    inside = unpacked(built(folder).path, folder / name)
    change(inside)
    return inside


def _forged(inside: Path) -> None:
    document = json.loads((inside / "manifest.json").read_text(encoding="utf-8"))
    document["scenario"] = "another"
    (inside / "manifest.json").write_text(json.dumps(document), encoding="utf-8")


def test_a_kit_that_was_changed_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "desk.pem")
    with pytest.raises(InputError, match=r"plan\.json is not as it was packed"):
        show_kit(_edited(tmp_path, "a", lambda inside: (inside / "plan.json").write_text("{}")))
    with pytest.raises(InputError, match="verify is missing"):
        show_kit(_edited(tmp_path, "b", lambda inside: (inside / "verify").unlink()))
    with pytest.raises(InputError, match=r"holds no manifest\.json, so it is no kit"):
        show_kit(_edited(tmp_path, "c", lambda inside: (inside / "manifest.json").unlink()))
    signed = built(tmp_path, "signed.tar", key_file=tmp_path / "desk.pem")
    inside = unpacked(signed.path, tmp_path / "d")
    _forged(inside)
    with pytest.raises(InputError, match="was changed after it was signed"):
        show_kit(inside, tmp_path / "desk.pem.pub")


def test_what_the_box_wrote_is_no_part_of_the_kit(tmp_path: Path) -> None:
    inside = unpacked(built(tmp_path).path, tmp_path / "box")
    (inside / "work").mkdir()
    (inside / "work" / "log.txt").write_text("x")
    assert show_kit(inside).manifest.scenario == "shop"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "kit.zip"}, "a kit's name ends in .tar.zst, .tar.gz, .tar"),
        ({"python": "2.7"}, "--python 2.7: is no Python from 3.11 on"),
        ({"python": "3.12.1"}, "--python 3.12.1: is no Python"),
        ({"platform": "win_amd64"}, "--platform win_amd64: is not in the form manylinux_2_28_x86_64"),
        ({"platform": "musllinux_1_2_x86_64"}, "is not in the form"),
        ({"key_file": Path("none.pem")}, "none.pem: no such file"),
        ({"plan": Path("none.json")}, "none.json: no such file"),
        ({"scenario": "none.yaml"}, "none.yaml: no such file"),
    ],
)
def test_bad_options_are_refused_in_a_line(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says.replace(".", r"\.")) as caught:
        built(tmp_path, **{"plan": tmp_path / "plan.json", **changes} if "scenario" in changes else changes)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.glob("kit*")) == []


def test_without_a_plan_the_scenario_is_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = write_scenario(tmp_path)
    from advisor.records.plan import Plan
    from advisor.store.files import read_document

    made = read_document(write_plan(tmp_path, scenario), Plan)
    monkeypatch.setattr("advisor.workflows.plan.plan_scenario", lambda *_, **__: made)
    said: list[str] = []
    request = KitRequest(str(scenario), tmp_path / "kit.tar", duration_s=3.0)
    kit = build_kit(request, say=said.append, wheelhouse=fake_wheels)
    assert kit.manifest.platform == "this"
    assert said[:2] == [
        "planning over the catalogue, as no --plan is given",
        "the kit is for this, which the plan recommends",
    ]
    nothing = made.model_copy(update={"recommended": None})
    monkeypatch.setattr("advisor.workflows.plan.plan_scenario", lambda *_, **__: nothing)
    with pytest.raises(build.Infeasible, match="no equal boxes carry it"):
        build_kit(request, say=silent, wheelhouse=fake_wheels)
