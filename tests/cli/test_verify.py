from __future__ import annotations

from pathlib import Path

import pytest

from advisor.cli.options import warn
from advisor.cli.verify import _write_reports
from advisor.errors import StoreError
from advisor.store import files
from advisor.verification.signature import check_report
from advisor.workflows.verify import NOT_KEPT
from tests.report.samples import verdict


def test_a_report_and_its_signature_are_written(tmp_path: Path) -> None:
    report = tmp_path / "verdict.json"
    assert not _write_reports(verdict(), report, None, None, tmp_path / "key.pem", warn)
    assert check_report(report)


def test_an_older_report_is_not_signed_where_the_new_one_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, page = tmp_path / "verdict.json", tmp_path / "verdict.html"
    report.write_text("{}", encoding="utf-8")
    write = files.write_document

    def full(path: Path, document: object) -> Path:
        if path == report:
            raise StoreError(f"{path}: the disk is full; free some space")
        return write(path, document)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "write_document", full)
    assert _write_reports(verdict(), report, page, None, tmp_path / "key.pem", warn)
    assert not (tmp_path / "verdict.json.sig").exists()
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
        verdict().model_copy(update={"warnings": warnings}), nowhere / "v.json", None, None, None, warn
    )
    assert said in capsys.readouterr().err
