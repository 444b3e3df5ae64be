from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from advisor.cli.main import cli, run
from advisor.records.plan import BoxShare, Mix, Price, Undecided
from advisor.store.catalogue import Catalogue
from tests.report.samples import hopeless_plan

from .terminals import in_terminal

COMMANDS = (
    "init",
    "import",
    "host",
    "bench",
    "compare",
    "calibrate",
    "predict",
    "plan",
    "verify",
    "catalog",
    "models",
    "report",
    "store",
    "schema",
)


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        return [leaf for name, child in command.commands.items() for leaf in _leaves(child, (*path, name))]
    return [(path, command)]


LEAVES = _leaves(cli)
SERVING = {("farm", "scheduler"), ("farm", "worker"), ("farm", "watch")}
"""These run until they are interrupted: they answer nothing, and have no store."""


def test_the_contract_commands_exist() -> None:
    assert set(COMMANDS) <= set(cli.commands)


@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=" ".join)
def test_every_command_has_complete_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    command = dict(LEAVES)[path]
    names = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--quiet", "--store", "--debug"} <= names or path in SERVING
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))
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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--export", "openvin"], "openvino"),
        (["-o", "missing/plan.json"], "folder 'missing' does not exist"),
        (["--html", "."], "is a folder; name a file in it"),
    ],
)
def test_what_would_stop_the_writing_is_reported_before_planning(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def planned(*_: object, **__: object) -> None:
        raise AssertionError("planned first")

    monkeypatch.setattr("advisor.workflows.plan_scenario", planned)
    monkeypatch.chdir(tmp_path)
    assert run(["plan", "store-analytics", *arguments]) == 2
    assert words in capsys.readouterr().err


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


def test_what_cannot_be_told_is_neither_yes_nor_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    price = Price(value=90.0, currency="USD", kind="assumed", source="x", date=None, stale=False, per_box=90.0)
    likely = Undecided(
        platform="tiny-0", name="TINY", count=1, price=price, probability=0.6, measurement=None, text="perhaps"
    )
    plan = hopeless_plan().model_copy(update={"undecided": (likely,)})
    monkeypatch.setattr("advisor.workflows.plan_scenario", lambda *_, **__: plan)
    assert run(["plan", "store-analytics"]) == 3
    screen = capsys.readouterr().out
    assert "CANNOT TELL" in screen
    assert run(["plan", "store-analytics", "--details"]) == 3
    details = capsys.readouterr().out
    assert details.startswith(screen.rstrip())
    assert "Assumptions" in details
    assert "Assumptions" not in screen.splitlines()


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


@pytest.mark.parametrize("arguments", ["schema plan", "catalog list", "models list --json"])
def test_a_closed_pipe_is_not_an_error(arguments: str) -> None:
    command = f"{sys.executable} -c 'from advisor.cli.main import main; main()' {arguments}"
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
    assert done.stderr == "sizer: cannot write the output: the disk is full; free some space and run again\n"


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


def test_a_run_has_no_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "plan-1", "--csv", str(tmp_path / "x.csv"), "--store", f"sqlite:///{tmp_path}/s.db"]) == 2
    assert "leave RUN out" in capsys.readouterr().err


def test_a_table_in_a_pipe_has_a_row_per_line_and_no_escape_sequence() -> None:
    command = [sys.executable, "-c", "from advisor.cli.main import main; main()", "catalog", "list"]
    environment = {**os.environ, "COLUMNS": "40", "TERM": "xterm-256color"}
    environment.pop("FORCE_COLOR", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert "\x1b" not in done.stdout
    _, _, *rows = done.stdout.splitlines()
    assert [row.split()[0] for row in rows] == list(Catalogue.load().platform_ids())
    assert done.stderr == ""


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_a_table_on_a_terminal_fits_it(columns: int) -> None:
    program = "import sys; sys.argv = ['sizer', 'catalog', 'list']; from advisor.cli.main import main; main()"
    session = in_terminal(program, columns)
    assert session.exit_code == 0
    assert ("\x1b[1m" if columns >= 80 else "\x1b[2m") in session.written  # too narrow for headings: names of facts
    assert max(map(len, session.lines)) <= columns
    if columns >= 80:
        first = [line.split()[0] for line in session.lines]
        assert set(Catalogue.load().platform_ids()) <= set(first)


def test_usage_errors_survive_a_closed_stderr() -> None:
    command = [sys.executable, "-c", "from advisor.cli.main import main; main()", "plan", "--fps", "3"]
    done = subprocess.run(["bash", "-c", '"$@" 2>&-', "bash", *command], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [["report", "X"], ["plan", "X"], ["predict", "X", "--on", "this"], ["plan", "store-analytics", "-o", "X"],
     ["verify", "X"], ["catalog", "add", "X"], ["bench", "--matrix", "X"], ["host", "--store", "sqlite:///X"]],
    ids=" ".join,
)  # fmt: skip
def test_an_argument_that_is_no_text_is_one_line_and_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A file whose name is in Latin-1, under a UTF-8 locale."""
    name = b"gr\xf6sse.onnx".decode("utf-8", "surrogateescape")
    assert run([text.replace("X", name) for text in arguments]) == 2
    error = capsys.readouterr().err
    assert r"gr\udcf6sse.onnx" in error
    assert "rename the file or folder" in error
    assert error.count("\n") == 1


def test_a_terminal_without_the_letters_of_a_name_shows_a_stand_in(tmp_path: Path) -> None:
    (tmp_path / "gr\u00f6sse-\u65e5\u672c.yaml").write_text("nothing: 1\n")
    environment = os.environ | {"PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", "from advisor.cli.main import main; main()", "catalog", "check"]
    ended = subprocess.run(
        [*command, "gr\u00f6sse-\u65e5\u672c.yaml"],
        cwd=tmp_path, env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "gr\u00f6sse-??.yaml".encode("latin-1") in ended.stdout + ended.stderr
    assert b"bug" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "store-analytics", "--on", " , "], "--on names no platform"),
        (["plan", "store-analytics", "--seed", str(2**32)], "is not in the range"),
        (["verify", "store-analytics", "--seed", str(2**80)], "is not in the range"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert words in capsys.readouterr().err
