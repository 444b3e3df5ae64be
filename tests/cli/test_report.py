"""``sizer report --csv`` and ``--parquet``: what goes where, and what is refused."""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pandas as pd
import pytest

from advisor.cli.main import run
from advisor.host import host_facts
from advisor.store.measurements import MeasurementStore
from tests.store.samples import measurement


@pytest.fixture
def store(tmp_path: Path) -> str:
    """URL of a store with one measurement of this machine and one of another."""
    path = tmp_path / "store.sqlite3"
    with MeasurementStore(path) as opened:
        opened.add(measurement("k1", host_fingerprint=host_facts().fingerprint))
        opened.add(measurement("k2", model="yolo"))
    return f"sqlite:///{path}"


def test_csv_is_printed_alone(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--csv", "-", "--store", store]) == 0
    captured = capsys.readouterr()
    assert [row["model"] for row in csv.DictReader(io.StringIO(captured.out))] == ["resnet-50"]
    assert captured.err == ""


def test_one_call_writes_both_files_whole(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    files = ["--csv", str(folder / "m.csv"), "--parquet", str(folder / "m.parquet")]
    assert run(["report", *files, "--store", store]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [f"wrote {folder / 'm.csv'}", f"wrote {folder / 'm.parquet'}"]
    assert {path.name for path in folder.iterdir()} == {"m.csv", "m.parquet"}
    table = pd.read_parquet(folder / "m.parquet")
    assert list(table["latency_p50_s"]) == [0.01]
    assert list(pd.read_csv(folder / "m.csv")["latency_p50_ms"]) == [10.0]


def test_without_pyarrow_there_is_one_line_and_exit_2(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert run(["report", "--parquet", str(tmp_path / "m.parquet"), "--store", store]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip install 'sizer[parquet]'" in error
    assert not (tmp_path / "m.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan-1", "--parquet", "m.parquet"], "leave RUN out"),
        (["plan-1", "--csv", "-"], "leave RUN out"),
        (["--csv", "-", "--json"], "name a file"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", *arguments]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"schema": "sizer.verdict/9", "scenario": "x"}, "sizer.verdict/9 is newer than this sizer knows"),
        ({"schema": "sizer.verdict/1", "scenario": "x"}, "is missing and has no default"),
        ({"scenario": "x"}, "carries no 'schema'"),
    ],
)
def test_a_damaged_or_newer_run_is_one_line_and_the_list_goes_on(
    document: dict[str, object], says: str, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with MeasurementStore(store) as opened:
        bad = opened.put_run("verdict", document)
        opened.put_run("verdict", {"scenario": "good", "verdict": "PASS"})
    assert run(["report", "--store", store]) == 0
    shown = capsys.readouterr().out
    assert bad in shown
    assert "good: PASS" in shown
    assert run(["report", bad, "--store", store]) == 2
    fault = capsys.readouterr().err
    assert fault.count("\n") == 1
    assert f"run {bad}" in fault
    assert says in fault


def test_a_long_list_is_cut_and_says_so(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    with MeasurementStore(store) as opened:
        for _ in range(60):
            opened.put_run("verdict", {"scenario": "good", "verdict": "PASS"})
    assert run(["report", "--store", store]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("good: PASS") == 50
    assert "10 older runs are not listed; --limit 60 lists all" in shown.err
    assert run(["report", "--store", store, "--limit", "60"]) == 0
    assert capsys.readouterr().out.count("good: PASS") == 60


def test_no_name_moves_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "a\x1b[2J.yaml"
    bad.write_text("schema: sizer.platform/1\nid: x\n")
    assert run(["catalog", "check", str(bad)]) == 2
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
    assert run(["plan", str(tmp_path / "\x1b]0;title\x07.yaml"), "--debug"]) == 2
    shown = capsys.readouterr()
    assert "\x1b" not in shown.out + shown.err
