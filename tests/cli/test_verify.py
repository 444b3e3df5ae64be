from __future__ import annotations

from pathlib import Path

import pytest

from advisor.cli.main import run
from advisor.cli.options import warn
from advisor.cli.trace_file import TraceFile
from advisor.cli.verify import _write_reports
from advisor.errors import StoreError
from advisor.store import files
from advisor.verification.signature import make_key, signing_key
from advisor.workflows.verify import NOT_KEPT
from tests.report.samples import verdict

NO_TRACE = TraceFile(None)


def test_a_report_and_its_signature_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, key = tmp_path / "verdict.json", tmp_path / "key.pem"
    make_key(key)
    assert not _write_reports(verdict(), report, None, None, key, NO_TRACE, warn)
    assert run(["verify", "--check", str(report), "--key", f"{key}.pub"]) == 0
    assert f"is as signed by signing key key.pem (key {signing_key(key).fingerprint})" in capsys.readouterr().out


def test_a_signature_is_not_checked_against_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--check", str(tmp_path / "verdict.json")]) == 2
    assert "--check needs --key KEY.pub" in capsys.readouterr().err


def test_a_wrong_key_is_found_out_before_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", "store-analytics", "-o", str(tmp_path / "v.json"), "--sign", str(tmp_path / "keey.pem")]
    assert run(words) == 2
    assert "no such file; check the path, or make a key with" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_made_only_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key.pem"
    assert run(["verify", "--new-key", str(key)]) == 0
    assert signing_key(key).fingerprint in capsys.readouterr().out
    assert run(["verify", "--new-key", str(key)]) == 2


def test_an_older_report_is_not_signed_where_the_new_one_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, page = tmp_path / "verdict.json", tmp_path / "verdict.html"
    make_key(tmp_path / "key.pem")
    report.write_text("{}", encoding="utf-8")
    write = files.write_document

    def full(path: Path, document: object) -> Path:
        if path == report:
            raise StoreError(f"{path}: the disk is full; free some space")
        return write(path, document)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "write_document", full)
    assert _write_reports(verdict(), report, page, None, tmp_path / "key.pem", NO_TRACE, warn)
    assert not (tmp_path / "verdict.json.minisig").exists()
    assert page.exists()  # what can still be written is


@pytest.mark.parametrize(
    ("warnings", "said"), [((), "the verdict is stored"), ((f"{NOT_KEPT}: disk is full",), "stored nowhere")]
)
def test_where_the_verdict_is_left_is_said_truly(
    warnings: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("", encoding="utf-8")
    assert _write_reports(
        verdict().model_copy(update={"warnings": warnings}), nowhere / "v.json", None, None, None, NO_TRACE, warn
    )
    assert said in capsys.readouterr().err
