from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from advisor.cli.main import cli, run
from advisor.cli.options import Duration, names
from advisor.report.exporters import FORMATS
from tests.report.samples import shop_plan


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("1.5 min", 90.0), ("10m", 600.0), (" 2H ", 7200.0), (".5", 0.5), (3, 3.0)],
)
def test_durations(text: Any, seconds: float) -> None:
    assert Duration(0.0).convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-5", "", "10 days", "1e9", "x", "91h91", "2200h", "0.5"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration(1.0).convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["verify", "store-analytics", "--duration", "0"], "--duration"),
        (["verify", "store-analytics", "--duration", "soon"], "--duration"),
        (["bench", "--quick", "--budget", "-1"], "--budget"),
        (["predict", "resnet-50", "--on", "this", "--measure", "nan"], "--measure"),
    ],
)
def test_every_duration_is_an_option_of_one_kind(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert option in capsys.readouterr().err


def test_a_budget_arrives_in_seconds(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[float | None] = []

    def bench_machine(request: Any, **_: object) -> tuple[Any, bool]:
        seen.append(request.budget_s)
        nothing = {"measurements": (), "micro": (), "micro_failures": (), "left_out": (), "left_out_by_kind": {}}
        return SimpleNamespace(**nothing, took_s=None), False

    monkeypatch.setattr("advisor.workflows.bench_machine", bench_machine)
    assert run(["bench", "--quick", "--budget", "10m"]) == 0
    assert run(["bench", "--quick"]) == 0
    assert seen == [600.0, None]


@pytest.mark.parametrize(
    ("statuses", "left_out", "interrupted", "code"),
    [
        ((), {}, False, 0), (("done", "failed"), {}, False, 0), (("failed", "failed"), {}, False, 1),
        (("failed",), {}, True, 3), ((), {"timings": 4}, False, 3), (("done",), {"timings": 3}, False, 0),
    ],
)  # fmt: skip
def test_a_bench_of_which_nothing_could_be_measured_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], statuses: tuple[str, ...],
    left_out: dict[str, int], interrupted: bool, code: int,
) -> None:  # fmt: skip
    rows = tuple(SimpleNamespace(status=status) for status in statuses)
    report = SimpleNamespace(measurements=rows, micro=(), micro_failures=(), left_out_by_kind=left_out)
    monkeypatch.setattr("advisor.workflows.bench_machine", lambda *_, **__: (report, interrupted))
    monkeypatch.setattr("advisor.report.terminal.render_bench", lambda *_, **__: "")
    assert run(["bench", "model.onnx"]) == code
    assert ("the time was over before anything was measured" in capsys.readouterr().err) == (
        left_out != {} and not rows
    )


def _planned(monkeypatch: pytest.MonkeyPatch) -> None:
    def plan_scenario(request: object, *, store_url: str | None, progress: Any, say: Any, **_: object) -> object:
        say("no measurement is taken")
        progress.start(2, 10.0)
        progress.advance(2, "second item", 0.0)
        progress.finish("2 measured")
        return shop_plan()

    monkeypatch.setattr("advisor.workflows.plan_scenario", plan_scenario)


def test_notes_and_progress_go_to_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("advisor.cli.progress.LINE_INTERVAL_S", 3600.0)  # on a busy machine it may take that long
    _planned(monkeypatch)
    assert run(["plan", "store-analytics"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("shop: buy MIDDLE")
    assert captured.err.splitlines() == [
        "no measurement is taken", "2 items, about 10 s", "[2/2] second item (0 s)", "2 measured",
    ]  # fmt: skip


@pytest.mark.parametrize("option", ["-q", "--quiet"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_quiet_leaves_the_result_alone(
    option: str, form: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    _planned(monkeypatch)
    assert run(["plan", "store-analytics", *form]) == 0
    result = capsys.readouterr().out
    assert run(["plan", "store-analytics", option, "-o", str(tmp_path / "plan.json"), *form]) == 0
    assert capsys.readouterr() == (result, "")
    assert (tmp_path / "plan.json").exists()


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("this, mini-pc-n95-8-gb", ("this", "mini-pc-n95-8-gb")),
        ("Radxa X4 (Intel N100), 8 GB,this", ("Radxa X4 (Intel N100), 8 GB", "this")),
        ("mini-pc-n95-8-gb,", ("mini-pc-n95-8-gb",)),
    ],
)
def test_the_names_that_a_plan_prints_may_be_given_back(text: str, on: tuple[str, ...]) -> None:
    assert names(text) == on


def test_the_answer_is_printed_before_its_page_is_worked_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed_before = []

    def plan_scenario(request: object, *, what_if: Any, **_: object) -> object:
        what_if(lambda: printed_before.append(capsys.readouterr().out))
        assert printed_before == []
        return shop_plan()

    monkeypatch.setattr("advisor.workflows.plan_scenario", plan_scenario)
    assert run(["plan", "store-analytics", "--html", str(tmp_path / "plan.html")]) == 0
    assert printed_before[0].startswith("shop: buy MIDDLE")
    assert "<svg" in (tmp_path / "plan.html").read_text()


def test_quiet_still_prints_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "no-such-scenario", "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("sizer: ")


def test_an_error_cannot_send_escape_sequences(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("\x1b[2J\x1b[31mgone\x07\nsecond line")

    monkeypatch.setattr("advisor.workflows.list_models", broken)
    assert run(["models", "list"]) == 4
    assert capsys.readouterr().err.splitlines()[0] == "sizer: gone\ufffd second line"


def test_help_and_readme_name_every_export_format() -> None:
    shown = CliRunner().invoke(cli, ["plan", "--help"]).output
    described = shown[shown.index("--export FORMAT") : shown.index("--export-of")]
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    row = next(line for line in readme.splitlines() if line.startswith("| export the runtime configuration"))
    for name in FORMATS:
        assert re.search(rf"\b{name}\b", described), name
        assert re.search(rf"[` ]{name}`", row), name
