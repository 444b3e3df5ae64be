from __future__ import annotations

import errno
import signal
import subprocess
import sys
import threading
from io import StringIO

import pytest
from rich.cells import cell_len

from advisor.cli import progress as module
from advisor.cli.progress import LineProgress, QuietProgress, duration_text, progress_display
from advisor.cli.tolerant_stream import Tolerant

from .terminals import ESCAPES, Session, in_terminal

WORK = """
from advisor.cli.progress import progress_display
with progress_display("planning store-analytics", quiet=False) as progress:
    progress.message("no measurement is taken")
    progress.start(3, 3700.0)
    progress.begin("resnet-50 摄像头 with a very long configuration " * 4)
    progress.message("first")
    progress.advance(2, "second item: 3 ms", 65.0)
    progress.message("third failed: killed")
    progress.finish("2 measured, 1 failed")
    progress.message("done")
print("RESULT")
"""
WAITING = """
import sys, time
from advisor.cli.main import main
from advisor import workflows

def wait(request, *, progress, **_):
    progress.start(3, 60.0)
    progress.message("at work")
    time.sleep(60)

workflows.plan_scenario = wait
sys.argv = ["sizer", "plan", "store-analytics"]
main()
"""


class Clock:
    """Stands still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now_s)


def line_progress(stream: StringIO) -> LineProgress:
    return LineProgress("planning shop", Tolerant(stream))


def of_width(columns: int, **environment: str) -> Session:
    session = in_terminal(WORK, columns, environment)
    assert session.exit_code == 0, session.written
    return session


@pytest.mark.parametrize("columns", [30, 80, 160])
def test_a_terminal_has_one_live_line_within_its_width(columns: int) -> None:
    session = of_width(columns)
    assert max(map(cell_len, session.lines)) <= columns
    bars = [line for line in session.lines if " left" in line]
    assert all("0/3" in line or "2/3" in line for line in bars)
    assert any("━" in line for line in bars)
    if columns >= 80:
        assert any("0/3" in line and "1:01:40 left" in line and "resnet-50" in line for line in bars)
        assert any("2/3" in line and "1:05 left" in line and "second item: 3 ms" in line for line in bars)
        assert any("/s" in line or "/min" in line for line in bars)
    assert any(line.startswith("planning store-analytics"[: columns // 2]) for line in session.lines)


def test_messages_stay_and_the_live_line_goes() -> None:
    session = of_width(80)
    for text in ("no measurement is taken", "third failed: killed", "2 measured, 1 failed", "done"):
        assert text in session.lines
    assert session.left.split() == ["RESULT"]


def test_the_cursor_is_never_hidden() -> None:
    assert "\x1b[?25l" not in of_width(80).written


def test_no_color_has_no_colour() -> None:
    assert "\x1b[3" in of_width(80).written
    session = of_width(80, NO_COLOR="1")
    assert "━" in session.written
    assert not any(code.startswith(("\x1b[3", "\x1b[9")) for code in ESCAPES.findall(session.written))


def test_a_dumb_terminal_gets_lines() -> None:
    session = of_width(80, TERM="dumb")
    assert "\x1b" not in session.written
    assert "━" not in session.written
    assert "[2/3] second item: 3 ms" not in session.written  # so soon after the first that it is left out
    assert "3 items, about 1 h 01 min" in session.lines


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    session = in_terminal(WAITING, interrupt_at="at work", with_signal=number)
    assert session.exit_code == 3
    assert session.left.strip() == "sizer: interrupted; finished measurements are stored"
    assert "\x1b[?25l" not in session.written


def test_elsewhere_each_line_is_whole_and_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(monkeypatch), StringIO()
    progress = line_progress(stream)
    progress.start(3, 330.0)
    progress.begin("a")
    clock.now_s += 11.0
    progress.advance(1, "a: 3 ms", 65.0)
    progress.advance(2, "b: 4 ms", 64.0)
    progress.message("c failed:\n killed \x1b[31mred\x1b[0m")
    progress.advance(3, "c", 0.0)
    progress.finish("2 measured, 1 failed")
    assert stream.getvalue().splitlines() == [
        "3 items, about 5 min 30 s",
        "[1/3] a: 3 ms (11 s, about 1 min 05 s left)",
        "c failed: killed red",
        "[3/3] c (11 s)",
        "2 measured, 1 failed",
    ]


def test_hours_give_hundreds_of_lines_and_not_thousands(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(monkeypatch), StringIO()
    progress = line_progress(stream)
    seconds = 8 * 3600
    progress.start(seconds, float(seconds), unit="s")
    for done in range(1, seconds + 1):
        clock.now_s += 1.0
        progress.advance(done, "frames", float(seconds - done))
    lines = stream.getvalue().splitlines()
    assert 100 < len(lines) < 500
    assert lines[0] == "[10/28800 s] frames (10 s, about 7 h 59 min left)"
    assert lines[-1] == "[28800/28800 s] frames (8 h 00 min)"


def test_long_silence_is_broken_by_what_goes_on_and_not_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = Clock(monkeypatch), StringIO()
    progress = line_progress(stream)
    for second in range(35):
        if second == 14:
            progress.activity("comparing 83 platforms")
        progress.still()
        clock.now_s += 1.0
    assert stream.getvalue().splitlines() == [
        "planning shop (10 s)", "comparing 83 platforms (6 s)", "comparing 83 platforms (16 s)",
    ]  # fmt: skip


def test_the_pulse_ends_with_the_work() -> None:
    with line_progress(StringIO()) as progress:
        assert any(thread.name == "sizer-progress" for thread in threading.enumerate())
        progress.message("at work")
    assert not any(thread.name == "sizer-progress" for thread in threading.enumerate())


def test_nothing_to_do_is_not_reported() -> None:
    stream = StringIO()
    progress = line_progress(stream)
    progress.start(0, 0.0)
    progress.finish("0 measured")
    assert stream.getvalue() == ""


def test_quiet_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_display("planning", quiet=True) as progress:
        assert isinstance(progress, QuietProgress)
        progress.start(2, 1.0)
        progress.begin("a")
        progress.advance(1, "a", 0.5)
        progress.message("b failed")
        progress.finish("done")
    assert capsys.readouterr() == ("", "")


def test_a_stream_that_fails_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Full())
    with progress_display("planning", quiet=False) as progress:
        progress.start(2, 1.0)
        progress.advance(2, "half", 0.5)
        progress.finish("done")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_stderr_that_cannot_be_written_is_ignored(redirection: str) -> None:
    command = ["bash", "-c", f'"$0" -c "$1" {redirection}', sys.executable, WORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "RESULT\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599.9, "1 h 00 min"), (-3.0, "0 s")]
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
