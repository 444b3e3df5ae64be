from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from advisor.cli.main import run
from advisor.errors import InputError
from advisor.farm.credentials import Credentials
from advisor.farm.settings import scheduler_address

MATRIX = "products: [{models: [squeezenet-1.1]}]\n"
COMMANDS = [
    ["scheduler"], ["worker", "127.0.0.1"], ["status"], ["watch"], ["bench", "--matrix", "m.yaml"],
    ["plan", ".", "-o", "out"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda words: words[0])
def test_without_the_extra_there_is_one_line_with_the_remedy(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MATRIX, encoding="utf-8")

    def without(name: str, *rest: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == "distributed":
            raise ImportError("No module named 'distributed'")
        return known(name, *rest)

    known = importlib.import_module
    monkeypatch.setattr("importlib.import_module", without)
    assert run(["farm", *arguments]) == 2
    assert capsys.readouterr().err == (
        "sizer: a farm needs Dask distributed, which cannot be imported (No module named 'distributed'); "
        "run: pip install 'sizer[farm]'\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scheduler", "--host", "0.0.0.0"], "--tls-key and --token-file"),
        (["scheduler", "--host", "198.51.100.7", "--port", "0"], "only with"),
        (["scheduler", "--tls-ca", "none.pem"], "--tls-cert, --tls-key is missing"),
        (["scheduler", "--token-file", "none"], "does not exist"),
        (["worker", "127.0.0.1:99999"], "HOST:PORT"),
        (["worker", "192.0.2.7"], "scheduler 192.0.2.7: whoever is let into"),
        (["bench", "--matrix", "m.yaml", "--scheduler", "desk.lan"], "--tls-key and --token-file"),
        (["worker", "tls://127.0.0.1"], "give --tls-ca"),
        (["worker", "127.0.0.1", "--name", "a b"], "box name"),
        (["worker", "fe80::1"], "brackets"),
        (["bench"], "--matrix"),
        (["bench", "--matrix", "none.yaml"], "none.yaml: no such file"),
        (["bench", "--matrix", "m.yaml", "--wait", "soon"], "soon"),
        (["status", "--scheduler", "user@host"], "HOST:PORT"),
        (["plan", "nowhere"], "--output"),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setenv("SIZER_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MATRIX, encoding="utf-8")
    assert run(["farm", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost", "tcp://localhost:8786"), ("127.0.0.1:99", "tcp://127.0.0.1:99"), ("[::1]", "tcp://[::1]:8786"),
        ("tcp://localhost:1", "tcp://localhost:1"),
    ],
)  # fmt: skip
def test_an_address_of_a_scheduler(text: str, address: str) -> None:
    assert scheduler_address(text, Credentials()) == address


def test_with_certificates_an_address_is_one_of_tls() -> None:
    own = Credentials(Path("a"), Path("b"), Path("c"), "0123456789abcdef")
    assert scheduler_address("box", own) == "tls://box:8786"
    with pytest.raises(InputError, match="leave the scheme out"):
        scheduler_address("tcp://box", own)
