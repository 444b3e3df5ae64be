"""Options that every command takes, and the way out of every command: output, errors, exit codes."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pydantic import BaseModel

Command = Callable[..., Any]

EXIT_CODES = """
\b
Exit codes: 0 done or PASS; 1 the answer is no; 2 usage or bad input;
3 inconclusive (noise, too few samples, interrupted); 4 internal error.
"""


def common(command: Command) -> Command:
    """Add ``--json``, ``--store`` and ``--debug`` to a command."""
    decorators = [
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout and nothing else."),
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


def print_json(document: BaseModel) -> None:
    """Write a record as the JSON contract spells it."""
    click.echo(document.model_dump_json(by_alias=True, indent=2))


def print_json_data(document: Any) -> None:
    """Write plain data, such as a JSON Schema."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def warn(text: str) -> None:
    """Say something on stderr, so that stdout stays what was asked for; where nobody hears it, the work goes on."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def report_failure(error: BaseException, exit_code: int) -> int:
    """Print one clear line (with the traceback under ``--debug``) and return the exit code."""
    if os.environ.get("SIZER_DEBUG"):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    text = " ".join(str(error).split()) or type(error).__name__
    warn(f"sizer: {text}")
    return exit_code


PathOption = click.Path(path_type=Path)

_LONGEST_S = 90 * 86400.0


class Seconds(click.FloatRange):
    """Seconds from ``least`` to 90 days: neither ``inf`` nor ``nan``, which click's own range lets pass."""

    def __init__(self, least: float) -> None:
        super().__init__(min=least, max=_LONGEST_S)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds
