from __future__ import annotations

from pathlib import Path

import click
import pytest

from advisor.cli.main import cli, run

COMMANDS = ("host", "bench", "calibrate", "predict", "plan", "verify", "catalog", "models", "report", "schema")


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        return [leaf for name, child in command.commands.items() for leaf in _leaves(child, (*path, name))]
    return [(path, command)]


LEAVES = _leaves(cli)


def test_the_contract_commands_exist() -> None:
    assert set(COMMANDS) <= set(cli.commands)


@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=" ".join)
def test_every_command_has_complete_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    command = dict(LEAVES)[path]
    names = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--store", "--debug"} <= names
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option) and parameter.name
               not in {"runtime", "precision", "hint", "batch", "kind", "config"})  # fmt: skip
    assert run([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Exit codes" in text
    assert (command.help or "").split(".")[0][:30] in text


def test_unknown_option_is_usage_error_with_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--fps", "3"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_missing_scenario_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(tmp_path / "none.yaml"), "--store", f"sqlite:///{tmp_path}/s.db"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "none.yaml" in captured.err


def test_a_bug_is_exit_4(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(name: str) -> dict[str, object]:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("advisor.store.schemas.schema_for", broken)
    assert run(["schema", "plan"]) == 4
    error = capsys.readouterr().err
    assert "this is a bug" in error
    assert "Traceback" not in error


def test_interrupt_is_exit_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> dict[str, object]:
        raise KeyboardInterrupt

    monkeypatch.setattr("advisor.store.schemas.schema_for", interrupted)
    assert run(["schema", "plan"]) == 3


def test_bench_without_work_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench"]) == 2
    assert "Nothing to measure" in capsys.readouterr().err


def test_verify_without_scenario_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify"]) == 2
    assert "SCENARIO" in capsys.readouterr().err
