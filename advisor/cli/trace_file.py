"""``--trace FILE``: what happened to each request, kept until the file can be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Command, OutputOption

if TYPE_CHECKING:
    from advisor.records.trace import Trace


def trace_option(told: str) -> Callable[[Command], Command]:
    """Make the option; ``told`` says what the file tells."""
    return click.option(
        "--trace", "trace_file", type=OutputOption, default=None, metavar="FILE",
        help=f"Write {told} to FILE, which Perfetto opens (ui.perfetto.dev).",
    )  # fmt: skip


class TraceFile:
    """A file that was asked for, and the trace that will be written into it.

    Raises
    ------
    InputError
        What writes it is not installed.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._traces: list[Trace] = []
        if path is not None:
            from advisor.report.trace_file import check_writer

            check_writer()  # before a run of hours

    @property
    def keep(self) -> Callable[[Trace], None] | None:
        """Takes a trace, of which several stand side by side; None where no file is wanted, and nothing is to be traced."""
        return None if self.path is None else self._traces.append

    def write(self) -> Path:
        """Write the file.

        Raises
        ------
        InputError
            Nothing was traced: nothing is recommended, or the run did not begin.
        StoreError
            The file cannot be written.
        """
        from advisor.errors import InputError
        from advisor.report.trace_file import trace_bytes
        from advisor.store.files import write_document

        assert self.path is not None
        if not self._traces:
            raise InputError(f"no trace is written to {self.path}: nothing ran, or nothing is recommended")
        return write_document(self.path, trace_bytes(*self._traces))
