"""The program on the box: what it refuses, in which order it works, and where it goes on after an interruption."""

from __future__ import annotations

import ast
import errno
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advisor.kit.onsite import box
from tests.kit.boxes import FakeBox
from tests.kit.makers import built, unpacked

HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    return unpacked(built(tmp_path).path, tmp_path / "box")


def finished(kit: Path) -> dict[str, Any]:
    document = json.loads((kit / "result" / "result.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(Path(box.__file__).read_text(encoding="utf-8"))
    named = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {name.partition(".")[0] for name in named} <= sys.stdlib_module_names


@pytest.mark.parametrize("code", [0, 1, 3])
def test_it_ends_with_the_exit_code_of_the_check(
    kit: Path, monkeypatch: pytest.MonkeyPatch, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeBox(monkeypatch, kit, code)
    assert fake.start("--site", "Store 12", "--operator", "J. Doe") == code
    assert fake.asked == ["install", "verify", "bench"]
    said = finished(kit)
    assert (said["site"], said["operator"], said["exit_code"], said["not_measured"]) == (
        "Store 12",
        "J. Doe",
        code,
        None,
    )
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"kit: {said['verdict']}; send ")
    with tarfile.open(kit / "result" / "result.tar.gz") as archive:
        names = {Path(name).name for name in archive.getnames()}
    assert names == {"manifest.json", "verdict.json", "verdict.html", "box.json", "log.txt", "result.json"}
    assert "verify ran" in (kit / "result" / "log.txt").read_text(encoding="utf-8")


def test_a_finished_check_is_repeated_on_request_alone_and_its_result_kept(
    kit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeBox(monkeypatch, kit, 1)
    assert fake.start() == 1
    first = (kit / "result" / "result.json").read_bytes()
    fake.asked.clear()
    assert fake.start() == 1
    assert fake.asked == []
    assert "./verify --again repeats it" in capsys.readouterr().out
    fake.code = 0
    assert fake.start("--again") == 0
    assert fake.asked == ["install", "verify", "bench"]
    assert (kit / "result" / "earlier-1" / "result.json").read_bytes() == first
    assert finished(kit)["verdict"] == "PASS"


@pytest.mark.parametrize(
    ("where", "second"),
    [
        ("install", ["install", "verify", "bench"]),
        ("verify", ["install", "verify", "bench"]),
        ("bench", ["install", "bench"]),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_after_an_interruption_the_second_start_goes_on(
    kit: Path, monkeypatch: pytest.MonkeyPatch, where: str, second: list[str], again: bool
) -> None:
    fake = FakeBox(monkeypatch, kit)
    if again:
        assert fake.start() == 0

    def stop(command: str) -> None:
        if command == where:
            raise KeyboardInterrupt

    fake.before = stop
    assert fake.start("--again") == 3
    fake.before = lambda command: None
    fake.asked.clear()
    # A repetition that was not begun yet has to be asked for once more.
    assert fake.start(*(["--again"] if where == "install" else [])) == 0
    assert fake.asked == second
    assert finished(kit)["exit_code"] == 0


def test_a_check_without_a_verdict_is_no_result(
    kit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeBox(monkeypatch, kit)
    monkeypatch.setattr(box, "_python", lambda *_: 4)
    assert fake.start() == 2
    assert "ended without a verdict (exit code 4)" in capsys.readouterr().err
    assert not (kit / "result").exists()


def test_a_measurement_that_fails_takes_nothing_from_the_verdict(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBox(monkeypatch, kit)
    whole = box._python

    def broken(one: box.Kit, words: list[str], log: Any) -> int:
        return 2 if "bench" in words else whole(one, words, log)

    monkeypatch.setattr(box, "_python", broken)
    assert fake.start() == 0
    assert finished(kit)["not_measured"] == "the measurement ended with exit code 2, see log.txt"


def test_a_full_disk_is_one_line(
    kit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeBox(monkeypatch, kit)

    def full(command: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    fake.before = full
    assert fake.start() == 2
    assert capsys.readouterr().err == "kit: the disk is full; free some space and start it again: it goes on\n"


def test_two_at_once_do_not_mix(kit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeBox(monkeypatch, kit)
    codes: list[int] = []
    fake.before = lambda command: codes.append(fake.start()) if command == "verify" and not codes else None
    assert fake.start() == 0
    assert codes == [2]
    assert "it is running already in this folder" in capsys.readouterr().err


def test_models_and_clips_lie_where_sizer_looks_for_them(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBox(monkeypatch, kit)
    assert fake.start() == 0
    for path in (kit / "cache").rglob("*.*"):
        assert (kit / "work" / "cache" / path.relative_to(kit / "cache")).read_bytes() == path.read_bytes()


def test_every_folder_of_a_user_is_below_the_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("SIZER_STORE", "sqlite:///elsewhere.db")
    given = box.environment(tmp_path)
    assert not {"PYTHONPATH", "SIZER_STORE"} & given.keys()
    folders = {value for name, value in given.items() if name.startswith(("HOME", "XDG", "TMP", "SIZER", "NUMBA"))}
    assert len(folders) >= 8
    assert all(Path(folder).is_relative_to(tmp_path) and Path(folder).is_dir() for folder in folders)


Fault = Callable[[Path], None]


def _shortened(kit: Path) -> None:
    path = next((kit / "wheels").glob("*.whl"))
    path.write_bytes(path.read_bytes()[:-1])


def _other_manifest(change: Callable[[dict[str, Any]], None]) -> Fault:
    def apply(kit: Path) -> None:
        document = json.loads((kit / "manifest.json").read_text(encoding="utf-8"))
        change(document)
        (kit / "manifest.json").write_text(json.dumps(document), encoding="utf-8")

    return apply


def _outside(document: dict[str, Any]) -> None:
    document["files"].append({"path": "../evil", "sha256": "0" * 64, "size_bytes": 0})


def _link(kit: Path) -> None:
    (kit / "plan.json").rename(kit / "other.json")
    (kit / "plan.json").symlink_to("other.json")


FAULTS: dict[str, tuple[Fault, str]] = {
    "missing file": (
        lambda kit: (kit / "scenario.yaml").unlink(),
        "kit: scenario.yaml is missing; copy the whole kit again",
    ),
    "changed file": (lambda kit: (kit / "plan.json").write_text("{}"), "kit: plan.json is not as it was packed"),
    "shortened file": (_shortened, "is not as it was packed (damaged or changed)"),
    "link": (_link, "kit: plan.json is missing"),
    "no manifest": (lambda kit: (kit / "manifest.json").unlink(), "kit: manifest.json is missing"),
    "half a manifest": (lambda kit: (kit / "manifest.json").write_text('{"schema": '), "kit: manifest.json is damaged"),
    "another document": (lambda kit: (kit / "manifest.json").write_text("[]"), "kit: manifest.json is damaged"),
    "lacking a key": (_other_manifest(lambda document: document.pop("run")), "kit: manifest.json is damaged"),
    "newer": (
        _other_manifest(lambda document: document.update(schema="sizer.kit/9")),
        "this program reads sizer.kit/1",
    ),
    "outside": (_other_manifest(_outside), "which is outside the kit; do not use this kit"),
    "architecture": (
        _other_manifest(lambda document: document["target"].update(machine="riscv64")),
        "kit: this kit is for Linux on riscv64, this box is linux on",
    ),
    "Python": (
        _other_manifest(lambda document: document["target"].update(python="3.99")),
        "kit: this kit is for Python 3.99, this is 3.",
    ),
    "C library": (
        _other_manifest(lambda document: document["target"].update(glibc="2.99")),
        "kit: this kit needs glibc 2.99 or newer, this box has glibc 2.",
    ),
    "no space": (
        _other_manifest(lambda document: document.update(needed_bytes=10**18)),
        "GB are free; free some space, or copy the kit to another disk",
    ),
    "no program": (lambda kit: (kit / "box.py").unlink(), "kit: box.py is missing; copy the whole kit again"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_kit_is_one_line_and_exit_code_2(kit: Path, fault: str) -> None:
    change, says = FAULTS[fault]
    change(kit)
    done = subprocess.run(
        ["./verify"], cwd=kit, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "SIZER_PYTHON": sys.executable},
    )  # fmt: skip
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (kit / "work" / "venv").exists()


def test_a_box_without_the_right_python_is_told_what_to_do(kit: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("dirname", "sh"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    text = (kit / "verify").read_text(encoding="utf-8").replace(f"/usr/local/bin/python{HERE}", "/nowhere/python")
    (kit / "verify").write_text(text, encoding="utf-8")
    run = [f"{tmp_path}/bin/sh", "./verify"]
    done = subprocess.run(run, cwd=kit, capture_output=True, text=True, check=False, env={"PATH": f"{tmp_path}/bin"})
    assert done.returncode == 2
    assert done.stderr.startswith(f"kit: needs Python {HERE}, which this box does not have; install it, name it with")
    assert done.stderr.count("\n") == 1


def test_a_place_where_nothing_may_be_started_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mount:
        f_flag = os.ST_NOEXEC

    monkeypatch.setattr(box.os, "statvfs", lambda path: Mount)
    with pytest.raises(box.RefusedError, match="noexec"):
        box.check_folder(tmp_path, 0)


def test_a_signature_is_made_last_and_a_bad_key_is_found_first(
    kit: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from advisor.verification.signature import check_report, make_key

    fake = FakeBox(monkeypatch, kit)
    assert fake.start("--sign", "none.pem") == 2
    assert fake.asked == ["install", "sign"]
    assert "no such file" in capsys.readouterr().err
    make_key(tmp_path / "box.pem")
    assert fake.start("--sign", str(tmp_path / "box.pem")) == 0
    assert "signing key box.pem" in check_report(kit / "result" / "result.json", tmp_path / "box.pem.pub")
