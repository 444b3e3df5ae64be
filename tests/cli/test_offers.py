from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.cli.main import run
from tests.market.samples import OWN


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.delenv("SIZER_STORE", raising=False)
    (tmp_path / "list.csv").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_import_list_show_and_export(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "offers", "import", str(home / "list.csv")]) == 0
    assert "2 were added" in " ".join(capsys.readouterr().out.split())
    assert run(["catalog", "offers", "list", "--of", "imported", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [offer["product"] for offer in document["offers"]] == ["beelink-eq14", "gmktec-nucbox-k9"]
    assert run(["catalog", "offers", "show", "beelink-eq14"]) == 0
    shown = capsys.readouterr().out
    assert "https://shop.example/eq14" in shown
    assert "intel-processor-n150" in shown
    assert run(["catalog", "offers", "export", "-o", str(home / "out.csv")]) == 0
    assert (home / "out.csv").read_text(encoding="utf-8").count("\n") == 3
    assert run(["catalog", "offers", "list", "--known-at", "2020-01-01", "--of", "imported"]) == 0
    assert "no price is known" in capsys.readouterr().out


def test_a_list_without_a_line_that_counts_is_a_no(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "none.csv"
    path.write_text(
        "title,price,currency,observed_at\nCable,5,USD,2026-11-20\nBox,0,USD,2026-11-20\n", encoding="utf-8"
    )
    assert run(["catalog", "offers", "import", str(path)]) == 1
    out = capsys.readouterr().out
    assert "line 2: Cable" in out
    assert "line 3: price '0' is not above 0" in out


@pytest.mark.parametrize("arguments", [
    ["catalog", "offers", "import", "{home}/list.csv", "--map", "Preis"],
    ["catalog", "offers", "import", "{home}/list.csv", "--format", "excel"],
    ["catalog", "offers", "show", "no-such-product"],
    ["plan", "store-analytics", "--rate", "EUR=1.08"],
    ["plan", "store-analytics", "--rate", "EUR=0@2026-11-01"],
    ["plan", "store-analytics", "--rate", "EUR=1.1@2026-11-01", "--rate", "EUR=1.2@2026-11-02"],
    ["plan", "store-analytics", "--as-of", "soon"],
])  # fmt: skip
def test_bad_usage_is_exit_2_and_one_line(arguments: list[str], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([argument.replace("{home}", str(home)) for argument in arguments]) == 2
    assert capsys.readouterr().err.strip()
