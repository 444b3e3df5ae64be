"""What every form gives: a draft of a scenario or reported figures, and what was not carried over."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from advisor.errors import InputError
from advisor.imports.draft import ScenarioDraft
from advisor.records.imported import ImportNote, ReportedFigure


@dataclass(frozen=True)
class Machine:
    """The machine that figures are of."""

    id: str
    processor: str
    """Name of its chip."""


@dataclass(frozen=True)
class ImportOptions:
    """What a file may leave to whoever imports it."""

    name: str = "imported"
    """Name of the scenario."""
    model: str | None = None
    """Model of stages whose own is not known here, or model of figures whose file names none."""
    resolution: str | None = None
    """Of cameras that state none, such as 1920x1080."""
    fps: float | None = None
    """Frames per second that cameras send where the file does not say."""
    codec: str | None = None
    """Of cameras that state none; None: h264, with a note."""
    workloads: Path | None = None
    """Second file of camera-to-workload JSON."""
    machine: Machine | None = None
    """Needed for figures."""
    observed: dt.date | None = None
    """Day of the figures."""

    def measured_machine(self, path: Path) -> Machine:
        """Machine that the figures of ``path`` are of. InputError where none is named."""
        if self.machine is None:
            raise InputError(
                f"{path}: does not say which machine it is of; name it with --on PLATFORM (sizer catalog list)"
            )
        return self.machine


@dataclass(frozen=True)
class Imported:
    """A file that was read."""

    draft: ScenarioDraft | None = None
    figures: tuple[ReportedFigure, ...] = ()
    notes: tuple[ImportNote, ...] = ()


class ImportFormat(Protocol):
    """One form of file."""

    name: str
    title: str
    """For people."""

    def read(self, path: Path, options: ImportOptions) -> Imported:
        """Read the file.

        Raises
        ------
        InputError
            The file is not of this form, or lacks what only the user can add: one line with the remedy.
        """
        ...
