"""Files of other programs become a scenario, or figures of a named machine in the store."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor import __version__
from advisor.addresses import hidden
from advisor.clock import utc_now
from advisor.errors import InputError
from advisor.records.imported import ImportNote, ImportReport, ReportedFigure

if TYPE_CHECKING:
    from advisor.imports.formats.base import Imported, Machine


@dataclass(frozen=True)
class ImportFileRequest:
    """What ``sizer import`` is asked."""

    format: str
    file: Path
    output: Path | None = None
    """Scenario to write; None: the name of the file with ``-scenario.yaml``, in the current folder."""
    model: str | None = None
    resolution: str | None = None
    fps: float | None = None
    codec: str | None = None
    workloads: Path | None = None
    machine: str | None = None
    """Platform or processor of the catalogue."""
    observed: dt.date | None = None
    dry_run: bool = False


def import_file(request: ImportFileRequest, *, store_url: str | None = None) -> ImportReport:
    """Read a file and write the scenario, or keep the figures, that it holds.

    Raises
    ------
    InputError
        The file is of another form, lacks what only the user can add, or the scenario's file exists already.
    CatalogueError, StoreError
        The machine is not known; file or store cannot be written.
    """
    from advisor.imports.formats.base import ImportOptions
    from advisor.imports.formats.registry import format_named
    from advisor.store.files import write_document

    from .new_scenario import scenario_name

    form = format_named(request.format)
    output = request.output or Path(f"{request.file.stem}-scenario.yaml")
    options = ImportOptions(
        name=scenario_name(output.stem), model=request.model, resolution=request.resolution, fps=request.fps,
        codec=request.codec, workloads=request.workloads, machine=_machine(request.machine), observed=request.observed,
    )  # fmt: skip
    found = form.read(request.file, options)
    notes = tuple(
        ImportNote(place=hidden(note.place), kind=note.kind, reason=hidden(note.reason)) for note in found.notes
    )
    text = None if found.draft is None else _checked(found, notes, request.file, output)
    if text is not None and not request.dry_run:
        if output.exists():
            raise InputError(f"{output}: exists already and is not overwritten; name another file with -o")
        write_document(output, text)
    added = _kept(found.figures, request.dry_run, store_url)
    return ImportReport(
        sizer_version=__version__, created=utc_now(), file=str(request.file), format=form.name,
        dry_run=request.dry_run, scenario=None if text is None else str(output),
        cameras=0 if found.draft is None else len(found.draft.cameras),
        stages=0 if found.draft is None else len(found.draft.stages),
        figures=found.figures, added=added, notes=notes,
    )  # fmt: skip


def reported_figures(machine: str, *, store_url: str | None = None) -> tuple[ReportedFigure, ...]:
    """Figures that were imported of a platform or processor, by its id."""
    from advisor.store.figures import FigureStore
    from advisor.store.paths import default_store_url

    with FigureStore(store_url or default_store_url()) as store:
        return store.of_machine(machine)


def _machine(name: str | None) -> Machine | None:
    if name is None:
        return None
    from advisor.imports.formats.base import Machine
    from advisor.store.catalogue import Catalogue

    catalogue = Catalogue.load()
    spec = catalogue.resolve(name)
    box = catalogue.identify("platforms", name)
    chip = catalogue.identify("processors", name) if box is None else catalogue.platform(box).processor
    return Machine(spec.id, spec.name if chip is None else catalogue.processor(chip).name)


def _checked(found: Imported, notes: tuple[ImportNote, ...], file: Path, output: Path) -> str:
    """Text of the scenario, which the loader takes. InputError where the file says what no scenario can."""
    from advisor.store.scenario import parse_scenario

    assert found.draft is not None
    text = found.draft.text(notes)
    parse_scenario(text, f"{output} (from {file}, not written)")
    return text


def _kept(figures: tuple[ReportedFigure, ...], dry_run: bool, store_url: str | None) -> int:
    if not figures or dry_run:
        return 0
    from advisor.store.figures import FigureStore
    from advisor.store.paths import default_store_url

    with FigureStore(store_url or default_store_url()) as store:
        return store.record(figures)
