from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from advisor.cli.main import cli, run
from advisor.cli.progress import ConsoleProgress
from advisor.records.plan import BoxShare, Mix
from tests.report.samples import hopeless_plan

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
    assert "--fps" in capsys.readouterr().err


def test_missing_scenario_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(tmp_path / "none.yaml"), "--store", f"sqlite:///{tmp_path}/s.db"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "none.yaml" in captured.err


def test_an_answer_to_export_needs_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "store-analytics", "--export-of", "mix"]) == 2
    assert "--export" in capsys.readouterr().err


@pytest.mark.parametrize(("carried", "code"), [(True, 0), (False, 1)])
def test_a_scenario_that_only_different_boxes_carry_is_carried(
    carried: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    share = BoxShare(platform="small", name="SMALL", count=2, cameras={"gate": 1}, price_per_box=100.0)
    split = Mix(boxes=(share,), price=200.0, currency="USD", saving=0.0, text="2 x small carry it for 200 USD")
    plan = hopeless_plan().model_copy(update={"split": split if carried else None})
    monkeypatch.setattr("advisor.workflows.plan_scenario", lambda *_, **__: plan)
    assert run(["plan", "store-analytics"]) == code
    assert ("2 x small carry it" in " ".join(capsys.readouterr().out.split())) is carried


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


def test_a_reader_that_has_left_is_no_answer() -> None:
    command = f"{sys.executable} -c 'from advisor.cli.main import main; main()' schema plan"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} 2>&1 | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_one_line_and_exit_2() -> None:
    command = [sys.executable, "-c", "from advisor.cli.main import main; main()", "schema", "plan"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == "sizer: the output cannot be written: the disk is full; free some space and repeat\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_ends_from_outside_are_exit_3_and_the_old_handlers_come_back(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hit(name: str) -> dict[str, object]:
        handler = signal.getsignal(number)  # called, not raised: a real signal could end the test run
        assert callable(handler)
        handler(number, None)
        raise AssertionError("went on")

    def old(_number: int, _frame: object) -> None:
        raise AssertionError("the old handler was called")

    before = signal.signal(number, old)
    try:
        monkeypatch.setattr("advisor.store.schemas.schema_for", hit)
        assert run(["schema", "plan"]) == 3
        assert signal.getsignal(number) is old
    finally:
        signal.signal(number, before)


def test_a_hang_up_that_nohup_ignores_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def hit(name: str) -> dict[str, object]:
        seen.append(signal.getsignal(signal.SIGHUP))
        return {}

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr("advisor.store.schemas.schema_for", hit)
        assert run(["schema", "plan"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert seen == [signal.SIG_IGN]


def test_progress_that_nobody_can_hear_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf:
        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Deaf())
    progress = ConsoleProgress()
    progress.start(2, 1.0)
    progress.advance(1, "half", 0.5)
    progress.finish("done")


def test_a_run_has_no_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "plan-1", "--csv", str(tmp_path / "x.csv"), "--store", f"sqlite:///{tmp_path}/s.db"]) == 2
    assert "leave RUN out" in capsys.readouterr().err


@pytest.mark.parametrize("duration", ["nan", "inf", "-inf", "0", "1e9", "x"])
def test_a_duration_is_a_number_of_seconds(duration: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "store-analytics", "--duration", duration]) == 2
    assert "--duration" in capsys.readouterr().err
