"""Options that every command takes, and the way out of every command: output, notes, errors."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import RenderableType

    _FloatType = click.ParamType[float]
else:
    _FloatType = click.ParamType  # not subscriptable at run time in every supported version

Command = Callable[..., Any]

MOST_SEED = 2**32 - 1
"""Seeds are added to and counted with in 64 bits, so that a larger one might not be told from another."""
EXIT_CODES = """
\b
Exit codes: 0 done or PASS; 1 the answer is no (FAIL, not feasible, no evidence); 2 usage or bad input;
3 inconclusive (noise, too few samples, interrupted); 4 internal error.
"""


def common(command: Command) -> Command:
    """Add ``--json``, ``--quiet``, ``--store`` and ``--debug`` to a command."""
    decorators = [
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else."),
        click.option(
            "-q", "--quiet", is_flag=True, help="No progress and no notes on stderr: results and errors only."
        ),
        click.option(
            "--store",
            "store_url",
            envvar="SIZER_STORE",
            default=None,
            metavar="URL",
            help="Measurement store, an SQLAlchemy URL such as sqlite:///box.db. Default: SIZER_STORE, "
            "else a SQLite file in the user's data directory.",
        ),
        click.option("--debug", is_flag=True, help="Show the traceback of an error."),
    ]

    @functools.wraps(command)
    def wrapped(*args: Any, debug: bool, **kwargs: Any) -> Any:
        if debug:
            os.environ["SIZER_DEBUG"] = "1"
        return command(*args, **kwargs)

    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    return wrapped


def show(report: RenderableType) -> None:
    """Print a report on stdout, laid out for the terminal or file that it is."""
    from advisor.report.layout import render

    # color=True: whether there is colour was decided while the report was rendered.
    if sys.stdout is not None:  # None: closed by the caller
        click.echo(render(report, sys.stdout), nl=False, color=True)


def echo(text: str, *, nl: bool = True) -> None:
    """Print plain text on stdout; names in it come from files of others and must not reach the terminal as commands."""
    from advisor.report.printable import printable

    click.echo(printable(text), nl=nl)


def print_json(document: BaseModel) -> None:
    """Write a record as the JSON contract spells it."""
    click.echo(document.model_dump_json(by_alias=True, indent=2))


def print_json_data(document: Any) -> None:
    """Write plain data that is no document of ours, such as a JSON Schema."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def print_document(kind: str, **fields: Any) -> None:
    """Write the short document ``sizer.KIND/1`` of a command whose answer is no record."""
    from advisor import __version__
    from advisor.clock import utc_now

    print_json_data({"schema": f"sizer.{kind}/1", "sizer_version": __version__, "created": utc_now(), **fields})


def warn(text: str) -> None:
    """Print a line on stderr; stdout carries only results, and a closed stderr is ignored."""
    from advisor.report.printable import one_line

    with contextlib.suppress(OSError):
        click.echo(one_line(text), err=True)


def notes(quiet: bool) -> Callable[[str], None]:
    """Return what prints notes: :func:`warn`, or under ``--quiet`` nothing."""
    return _drop if quiet else warn


def _drop(text: str) -> None:
    """Print nothing."""


def report_failure(error: BaseException, exit_code: int) -> int:
    """Print one clear line (with the traceback under ``--debug``) and return the exit code."""
    if os.environ.get("SIZER_DEBUG"):
        import traceback

        from advisor.addresses import hidden
        from advisor.report.printable import printable

        # Secrets are hidden here too: this is what people paste into reports of bugs.
        with contextlib.suppress(OSError):
            click.echo(printable(hidden("".join(traceback.format_exception(error)))), err=True, nl=False)
    warn(f"sizer: {str(error).strip() or type(error).__name__}")
    return exit_code


PathOption = click.Path(path_type=Path)


class OutputFile(click.Path):
    """File that a command writes at its end; what would stop that is reported before anything is planned or run."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Refuse a folder, and a file in a folder that does not exist."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if path.is_dir():
            self.fail(f"{str(path)!r} is a folder; name a file in it", param, ctx)
        if not path.parent.is_dir():
            self.fail(f"the folder {str(path.parent)!r} does not exist; make it or choose another", param, ctx)
        return path


OutputOption = OutputFile()


def names(text: str) -> tuple[str, ...]:
    """Names of a list with commas, those that plans print among them: ``Radxa X4 (Intel N100), 8 GB`` is one."""
    return tuple(name.strip() for name in re.split(r",(?!\s*[0-9]+ GB\b)", text) if name.strip())


class Positive(_FloatType):
    """Number above 0; what is none is answered with the spelling that means it, as in a scenario."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            from advisor.store.spellings import number_hint, unit_of

            key = (param.name if param is not None else None) or "value"
            unit = unit_of(key)
            hint = number_hint(key, value, whole=False).replace(f"{key}: ", "")
            self.fail(f"{value!r} is not a number{f' of {unit}' if unit else ''}{hint}", param, ctx)
        if not (math.isfinite(number) and number > 0):
            self.fail(f"{value} must be above 0 and finite", param, ctx)
        return number


_DURATION = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(s|sec|m|min|h)?"  # compiled at its first use: --help stays light
_SECONDS = {None: 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_LONGEST_S = 90 * 86400.0


class Duration(_FloatType):
    """Time such as ``90``, ``90s``, ``10m`` or ``2h``, converted to seconds; from ``least_s`` [s] to 90 days."""

    name = "time"

    def __init__(self, least_s: float) -> None:
        self._least_s = least_s

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            seconds = float(value)
        else:
            match = re.fullmatch(_DURATION, str(value).strip().lower())
            if match is None:
                self.fail(f"{value!r} is not a duration; write for example 90s, 10m or 2h", param, ctx)
            seconds = float(match[1]) * _SECONDS[match[2]]
        if not (math.isfinite(seconds) and self._least_s <= seconds <= _LONGEST_S):
            self.fail(f"{value} is not between {self._least_s:g} seconds and 90 days", param, ctx)
        return seconds
