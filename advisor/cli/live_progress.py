"""Progress on a terminal, drawn with rich: bar, items, rate, elapsed time, time left, current item."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from advisor.report.printable import one_line

if TYPE_CHECKING:
    from .tolerant_stream import Tolerant

REFRESH_HZ = 1.0
"""Redraws per second: each takes about 0.5 ms of a core, which must not disturb what is being measured."""
_BAR_WIDTH = 20


class _SteadyConsole(Console):
    """Never hides the cursor, so that no way to end the process, not even SIGKILL, leaves a terminal without one."""

    def show_cursor(self, show: bool = True) -> bool:  # noqa: ARG002 - rich names it in its calls
        return False


class _Bar(BarColumn):
    """The bar, or what the command does where no steps are announced."""

    def render(self, task: Task) -> ProgressBar | Text:  # type: ignore[override]
        if task.total is None:
            return Text(task.description, no_wrap=True, overflow="ellipsis")
        return super().render(task)


class _Count(ProgressColumn):
    """Steps that are done, of how many."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        unit = "" if task.fields["unit"] == "items" else f" {task.fields['unit']}"
        return Text(f"{task.completed:.0f}/{task.total:.0f}{unit}")


class _Rate(ProgressColumn):
    """Items per second or minute."""

    def render(self, task: Task) -> Text:
        elapsed_s = task.elapsed or 0.0
        if task.total is None or task.fields["unit"] != "items" or task.completed == 0 or elapsed_s <= 0:
            return Text("")
        per_s = task.completed / elapsed_s
        return Text(f"{per_s:.1f}/s" if per_s >= 1 else f"{per_s * 60:.1f}/min")


class _Times(ProgressColumn):
    """Time that has passed, and the campaign's own estimate of what is left, counted down between its updates."""

    def render(self, task: Task) -> Text:
        text = Text(_clock(task.elapsed or 0.0))
        ends_s = task.fields["ends_s"]
        if task.total is not None and ends_s is not None:
            text.append(f" / {_clock(max(0.0, ends_s - time.monotonic()))} left")
        return text


class _Label(ProgressColumn):
    """What is being worked on, cut at the end of the line."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f" {task.description}", no_wrap=True, overflow="ellipsis")


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class LiveProgress:
    """One live line below what is printed; it disappears when the work ends."""

    def __init__(self, activity: str, stream: Tolerant) -> None:
        console = _SteadyConsole(
            file=cast("TextIO", stream), force_terminal=True, force_jupyter=False, legacy_windows=False,
            markup=False, emoji=False, highlight=False,
        )  # fmt: skip
        whole = Column(no_wrap=True)
        self._display = Progress(
            _Bar(_BAR_WIDTH), _Count(whole), _Rate(whole), _Times(whole), _Label(Column(ratio=1, no_wrap=True)),
            console=console, refresh_per_second=REFRESH_HZ, transient=True, redirect_stdout=False, expand=True,
        )  # fmt: skip
        self._activity = self._display.add_task(one_line(activity), total=None, ends_s=None, unit="")
        self._steps: TaskID | None = None

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.stop()

    def start(self, total: int, estimate_s: float | None, unit: str = "items") -> None:
        """Show a bar of ``total`` steps."""
        self._end_steps()
        if total > 0:
            self._display.update(self._activity, visible=False)
            self._steps = self._display.add_task("", total=total, ends_s=_end_s(estimate_s), unit=unit)

    def activity(self, what: str) -> None:
        """Name what the command does where no steps are announced, its time counted from now."""
        self._display.reset(self._activity, description=one_line(what), total=None, visible=self._steps is None)

    def begin(self, what: str) -> None:
        """Name the current item."""
        if self._steps is not None:
            self._display.update(self._steps, description=one_line(what))

    def advance(self, done: int, what: str, remaining_s: float | None) -> None:
        """Move the bar; ``what`` is the label until the next item begins."""
        if self._steps is not None:
            self._display.update(self._steps, completed=done, description=one_line(what), ends_s=_end_s(remaining_s))

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        self._display.console.print(Text(one_line(text)))
        self._display.refresh()

    def finish(self, summary: str) -> None:
        """Replace the bar by the summary."""
        if self._steps is not None:
            self.message(summary)
        self._end_steps()

    def _end_steps(self) -> None:
        if self._steps is not None:
            self._display.remove_task(self._steps)
            self._steps = None
            self._display.update(self._activity, visible=True)


def _end_s(remaining_s: float | None) -> float | None:
    """Monotonic time at which ``remaining_s`` will have passed."""
    return None if remaining_s is None else time.monotonic() + remaining_s
